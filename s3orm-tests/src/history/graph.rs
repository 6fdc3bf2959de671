//! Which operation must have come before which.

use super::order::{Order, State};
use super::{Outcome, Row, Version};

/// Why one operation came before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It wrote a version that the other replaced by this.
    Ww(Row, Version, Version),
    /// It wrote a version that the other read, or an absence that it saw.
    Wr(Row, Version),
    /// It read a state that the other replaced by this version.
    Rw(Row, Option<Version>, Version),
    /// It had ended before the other began.
    Rt,
}

/// Kinds of reasons, as bits.
pub(super) mod mask {
    pub(in super::super) const WW: u8 = 1;
    pub(in super::super) const WR: u8 = 2;
    pub(in super::super) const RW: u8 = 4;
    pub(in super::super) const RT: u8 = 8;
    pub(in super::super) const ALL: u8 = 15;
}

impl Why {
    pub(super) fn mask(self) -> u8 {
        match self {
            Self::Ww(..) => mask::WW,
            Self::Wr(..) => mask::WR,
            Self::Rw(..) => mask::RW,
            Self::Rt => mask::RT,
        }
    }
}

/// Operations by their places; beyond them, the moments at which operations ended, in their order.
/// An operation leads to the moment at which it ended, that to the next, and each to the operations
/// that began after it: so there are as many arrows as operations, not as many as pairs of them.
#[derive(Debug)]
pub(super) struct Graph {
    operations: usize,
    pub(super) arrows: Vec<Vec<(usize, Why)>>,
    times: Vec<(u64, u64)>,
}

impl Graph {
    pub(super) fn new(order: &Order<'_>) -> Self {
        let operations = order.operations.len();
        let mut graph = Self {
            operations,
            arrows: vec![Vec::new(); operations],
            times: (order.operations.iter())
                .map(|one| (one.invoked, one.responded))
                .collect(),
        };
        for place in order.effective_places() {
            graph.of_writes(order, place);
            graph.of_reads(order, place);
        }
        graph.of_time(order);
        graph
    }

    /// Whether this is an operation, and not a moment.
    pub(super) fn is_operation(&self, node: usize) -> bool {
        node < self.operations
    }

    /// How much later one operation began than another ended: an arrow back in time is part of what
    /// is wrong.
    pub(super) fn backwards(&self, from: usize, to: usize) -> u64 {
        match (self.times.get(from), self.times.get(to)) {
            (Some((invoked, _)), Some((_, responded))) => invoked.saturating_sub(*responded),
            _ => 0,
        }
    }

    fn add(&mut self, from: usize, to: usize, why: Why) {
        if from != to {
            self.arrows[from].push((to, why));
        }
    }

    fn of_writes(&mut self, order: &Order<'_>, place: usize) {
        for write in &order.operations[place].writes {
            let Some(over) = write.over else { continue };
            if let Some(writer) = order.writer(write.row, over) {
                self.add(writer, place, Why::Ww(write.row, over, write.version));
            }
        }
    }

    fn of_reads(&mut self, order: &Order<'_>, place: usize) {
        let operation = &order.operations[place];
        for read in &operation.reads {
            let [first, last]: [Option<State>; 2] = match read.version {
                Some(_) => [Some((read.row, read.version)); 2],
                None => order.absences(*read, operation),
            };
            if let Some((_, Some(version))) = first
                && let Some(writer) = order.writer(read.row, version)
            {
                self.add(writer, place, Why::Wr(read.row, version));
            }
            let Some(last) = last else { continue };
            for &(version, by) in order.next(last) {
                self.add(place, by, Why::Rw(read.row, last.1, version));
            }
        }
    }

    fn of_time(&mut self, order: &Order<'_>) {
        let ended = |&place: &usize| order.operations[place].outcome == Outcome::Ok;
        let mut ends: Vec<usize> = order.effective_places().filter(ended).collect();
        ends.sort_by_key(|&place| order.operations[place].responded);
        let first = self.arrows.len();
        for (moment, &place) in ends.iter().enumerate() {
            self.arrows[place].push((first + moment, Why::Rt));
            let next = (moment + 1 < ends.len()).then_some((first + moment + 1, Why::Rt));
            self.arrows.push(next.into_iter().collect());
        }
        let responded = |&place: &usize| order.operations[place].responded;
        for place in order.effective_places() {
            let begun = order.operations[place].invoked;
            let before = ends.partition_point(|end| responded(end) < begun);
            if before > 0 {
                self.arrows[first + before - 1].push((place, Why::Rt));
            }
        }
    }

    /// The sets of nodes that lead to each other by arrows of these kinds, but for those of one node:
    /// Tarjan's algorithm, without recursion, as histories are long.
    pub(super) fn components(&self, mask: u8) -> Vec<Vec<usize>> {
        const NEW: usize = usize::MAX;
        let nodes = self.arrows.len();
        let (mut index, mut low) = (vec![NEW; nodes], vec![0; nodes]);
        let (mut open, mut is_open) = (Vec::new(), vec![false; nodes]);
        let (mut found, mut count) = (Vec::new(), 0);
        for root in 0..nodes {
            let mut walk = if index[root] == NEW {
                vec![(root, 0)]
            } else {
                continue;
            };
            while let Some((node, arrow)) = walk.pop() {
                if arrow == 0 {
                    (index[node], low[node]) = (count, count);
                    count += 1;
                    open.push(node);
                    is_open[node] = true;
                }
                if arrow > 0 {
                    let (child, why) = self.arrows[node][arrow - 1];
                    if is_open[child] && why.mask() & mask != 0 {
                        low[node] = low[node].min(low[child]);
                    }
                }
                if let Some(&(child, why)) = self.arrows[node].get(arrow) {
                    walk.push((node, arrow + 1));
                    if index[child] == NEW && why.mask() & mask != 0 {
                        walk.push((child, 0));
                    }
                } else if low[node] == index[node] {
                    let start = open.iter().rposition(|&one| one == node).unwrap_or(0);
                    let component = open.split_off(start);
                    for &one in &component {
                        is_open[one] = false;
                    }
                    if component.len() > 1 {
                        found.push(component);
                    }
                }
            }
        }
        found
    }
}
