//! The shortest circle of a kind.

use std::cmp::Reverse;
use std::collections::VecDeque;

use super::graph::{Graph, Why};

/// How many arrows a search starts from. In a history that is broken everywhere, any circle will do.
const STARTS: usize = 200;

/// Arrows from one operation to the next and back to the first.
pub(super) type Cycle = Vec<(usize, Why)>;

/// The shortest circle in a component that has an arrow of kind `start`, and others of `mask`. Each
/// arrow goes from its operation to that of the next.
pub(super) fn shortest(graph: &Graph, component: &[usize], start: u8, mask: u8) -> Option<Cycle> {
    let mut search = Search::new(graph, component, mask);
    let mut starts = Vec::new();
    for &from in component {
        for &(to, why) in &graph.arrows[from] {
            if why.mask() & start != 0 && search.inside[to] {
                starts.push((from, to, why));
            }
        }
    }
    starts.sort_by_key(|&(from, to, _)| Reverse(graph.backwards(from, to)));
    let mut best: Option<Cycle> = None;
    for (from, to, why) in starts.into_iter().take(STARTS) {
        // Of two operations at least.
        let longest = best.as_ref().map_or(usize::MAX, |best| best.len() - 1);
        if longest < 2 {
            break;
        }
        if let Some(mut cycle) = search.path(to, from, longest - 1) {
            cycle.insert(0, (from, why));
            best = Some(cycle);
        }
    }
    best
}

struct Search<'a> {
    graph: &'a Graph,
    mask: u8,
    inside: Vec<bool>,
    reached: Vec<Reached>,
    number: usize,
}

/// In the search of which number a node was reached, how far it is, and from where.
type Reached = (usize, usize, Option<(usize, Why)>);

impl<'a> Search<'a> {
    fn new(graph: &'a Graph, component: &[usize], mask: u8) -> Self {
        let mut inside = vec![false; graph.arrows.len()];
        for &node in component {
            inside[node] = true;
        }
        Self {
            graph,
            mask,
            reached: vec![(0, 0, None); inside.len()],
            inside,
            number: 0,
        }
    }

    /// The way with the fewest operations, if it is not longer. From one moment to the next costs
    /// nothing.
    fn path(&mut self, from: usize, to: usize, longest: usize) -> Option<Cycle> {
        self.number += 1;
        self.reached[from] = (self.number, 0, None);
        let mut queue = VecDeque::from([(from, 0)]);
        while let Some((node, cost)) = queue.pop_front() {
            if node == to {
                return Some(self.walked(to));
            }
            if self.reached[node].1 < cost {
                continue;
            }
            let step = usize::from(self.graph.is_operation(node));
            let cost = cost + step;
            for &(next, why) in &self.graph.arrows[node] {
                let (number, known, _) = self.reached[next];
                let better = number < self.number || cost < known;
                let passes = why.mask() & self.mask != 0 && self.inside[next];
                if !passes || !better || cost > longest {
                    continue;
                }
                self.reached[next] = (self.number, cost, Some((node, why)));
                if step == 0 {
                    queue.push_front((next, cost));
                } else {
                    queue.push_back((next, cost));
                }
            }
        }
        None
    }

    fn walked(&self, to: usize) -> Cycle {
        let (mut at, mut walked) = (to, Vec::new());
        while let (_, _, Some((before, why))) = self.reached[at] {
            if self.graph.is_operation(before) {
                walked.push((before, why));
            }
            at = before;
        }
        walked.reverse();
        walked
    }
}
