//! What is wrong with a history, in words.

use std::fmt;

use super::Operation;
use super::cycle::{Cycle, shortest};
use super::graph::{Graph, Why, mask};
use super::order::Order;

/// What must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A version was seen that nobody wrote.
    NeverWritten,
    /// What an operation saw was written by one that failed.
    G1a,
    /// An operation saw a version that its own writer replaced.
    G1b,
    /// An operation took effect twice.
    DuplicateEffect,
    /// One version was replaced twice, or by what came before it.
    IncompatibleOrder,
    /// A write was made from a version that another had replaced by then.
    LostUpdate,
    /// Operations replaced each other's writes in a circle.
    G0,
    /// Operations read or replaced each other's writes in a circle.
    G1c,
    /// A circle with one read of what was replaced: a skewed read.
    GSingle,
    /// A circle with several reads of what was replaced: a skewed write.
    G2Item,
    /// A circle that an operation's beginning after another's end is part of: a stale read, say.
    /// There is an order, and it is not that of the clock.
    RealTime,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeverWritten => "a version that nobody wrote",
            Self::G1a => "G1a, aborted read",
            Self::G1b => "G1b, intermediate read",
            Self::DuplicateEffect => "duplicate effect",
            Self::IncompatibleOrder => "incompatible order",
            Self::LostUpdate => "lost update",
            Self::G0 => "G0, write cycle",
            Self::G1c => "G1c, circular information flow",
            Self::GSingle => "G-single, read skew",
            Self::G2Item => "G2-item, write skew",
            Self::RealTime => "against real time",
        })
    }
}

/// Something that must not have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// Its name.
    pub kind: Kind,
    /// What happened: of a circle, the shortest that there is.
    pub words: String,
    /// To which operations, by their places.
    pub operations: Vec<usize>,
}

impl Anomaly {
    pub(super) fn new(
        kind: Kind,
        words: String,
        operations: impl IntoIterator<Item = usize>,
    ) -> Self {
        Self {
            kind,
            words,
            operations: operations.into_iter().collect(),
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.words)
    }
}

/// A kind of circle: an arrow that it needs, and those that the rest of it may have.
const CYCLES: [(Kind, u8, u8); 8] = [
    (Kind::G0, mask::WW, mask::WW),
    (Kind::G1c, mask::WR, mask::WW | mask::WR),
    (Kind::GSingle, mask::RW, mask::WW | mask::WR),
    (Kind::G2Item, mask::RW, mask::WW | mask::WR | mask::RW),
    (Kind::RealTime, mask::WW, mask::WW | mask::RT),
    (Kind::RealTime, mask::WR, mask::WW | mask::WR | mask::RT),
    (Kind::RealTime, mask::RW, mask::WW | mask::WR | mask::RT),
    (Kind::RealTime, mask::RW, mask::ALL),
];

/// All that keeps a history from being strictly serializable; of each set of operations that are in
/// circles with each other, the worst one.
pub fn check(operations: &[Operation]) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let order = Order::new(operations, &mut found);
    let graph = Graph::new(&order);
    let mut told = vec![graph.components(mask::ALL).is_empty(); graph.arrows.len()];
    for (kind, start, mask) in CYCLES {
        if told.iter().all(|told| *told) {
            break;
        }
        for component in graph.components(start | mask) {
            if component.iter().any(|&node| told[node]) {
                continue;
            }
            if let Some(cycle) = shortest(&graph, &component, start, mask) {
                found.push(report(&order, kind, &cycle));
                for node in component {
                    told[node] = true;
                }
            }
        }
    }
    found.sort_by_key(|anomaly| anomaly.kind);
    found
}

fn report(order: &Order<'_>, kind: Kind, cycle: &Cycle) -> Anomaly {
    let mut words = format!("{} operations, each before the next", cycle.len());
    let nexts = cycle.iter().cycle().skip(1);
    for (&(from, why), &(to, _)) in cycle.iter().zip(nexts) {
        let (from, to) = (order.name(from), order.name(to));
        let line = match why {
            Why::Ww(row, over, by) => {
                format!("{from} wrote {over} of row {row}, which {to} replaced by {by}")
            }
            Why::Wr(row, version) => {
                format!("{from} wrote {version} of row {row}, which {to} saw")
            }
            Why::Rw(row, Some(over), by) => {
                format!("{from} read {over} of row {row}, which {to} replaced by {by}")
            }
            Why::Rw(row, None, by) => {
                format!("{from} saw no row {row}, of which {to} wrote {by}")
            }
            Why::Rt => format!("{from} had ended before {to} began"),
        };
        words.push_str("\n  ");
        words.push_str(&line);
    }
    let kind = if kind == Kind::GSingle && is_lost_update(order, cycle) {
        Kind::LostUpdate
    } else {
        kind
    };
    Anomaly::new(kind, words, cycle.iter().map(|&(place, _)| place))
}

/// Who read what another replaced, and wrote the row after it.
fn is_lost_update(order: &Order<'_>, cycle: &Cycle) -> bool {
    let [(place, Why::Rw(row, ..)), (_, Why::Ww(other, ..)), ..] = cycle[..] else {
        return false;
    };
    let writes = &order.operations[place].writes;
    cycle.len() == 2 && row == other && writes.iter().any(|write| write.row == row)
}
