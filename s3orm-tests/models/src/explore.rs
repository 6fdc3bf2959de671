//! Exploring a model: all of its states, or the shortest way to a broken invariant.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// What the explorer needs of a model.
pub trait Explorable:
    Model<State: Debug + Clone + PartialEq + Hash + Send + Sync, Action: Debug + Clone + PartialEq>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<M> Explorable for M where
    M: Model<
            State: Debug + Clone + PartialEq + Hash + Send + Sync,
            Action: Debug + Clone + PartialEq,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// What exploring found.
#[derive(Debug, Clone)]
pub struct Report {
    /// Distinct states.
    pub states: usize,
    /// States generated: transitions, and one.
    pub generated: usize,
    /// Whether every reachable state was visited.
    pub exhausted: bool,
    /// The invariants that some state breaks.
    pub broken: BTreeSet<&'static str>,
    /// The `sometimes` properties that no state has.
    pub unreached: BTreeSet<&'static str>,
    /// How long it took.
    pub took: Duration,
}

/// Visits every reachable state; stops early once `limit` states were generated.
#[expect(
    clippy::disallowed_methods,
    reason = "how long exploring takes is shown to a person"
)]
pub fn explore<M: Explorable>(model: &M, threads: usize, limit: usize) -> Report {
    let properties = model.properties();
    let start = Instant::now();
    let checker = model
        .clone()
        .checker()
        .threads(threads)
        .target_state_count(limit)
        // Never before the end: it is the number of states that is asked for.
        .finish_when(HasDiscoveries::AllOf(BTreeSet::from(["no such property"])))
        .spawn_bfs()
        .join();
    let took = start.elapsed();
    let found: BTreeSet<_> = checker.discoveries().into_keys().collect();
    let named = |expectation: &Expectation| {
        let of_kind = properties
            .iter()
            .filter(move |property| property.expectation == *expectation);
        of_kind
            .map(|property| property.name)
            .collect::<BTreeSet<_>>()
    };
    let always = named(&Expectation::Always);
    let sometimes = named(&Expectation::Sometimes);
    Report {
        states: checker.unique_state_count(),
        generated: checker.state_count(),
        exhausted: checker.state_count() < limit,
        broken: always.intersection(&found).copied().collect(),
        unreached: sometimes.difference(&found).copied().collect(),
        took,
    }
}

/// The shortest way to a state that breaks `invariant`: its actions. `None` if there is no such state.
///
/// The checker goes breadth first, yet it reports the last violation of a batch, not the first. So it
/// is asked again for a shorter one, until there is none.
///
/// # Panics
///
/// If the model has no such invariant.
pub fn shortest<M: Explorable>(model: &M, invariant: &'static str) -> Option<Vec<String>> {
    let known = model.properties().into_iter();
    let known = known.map(|property| property.name).collect::<Vec<_>>();
    assert!(
        known.contains(&invariant),
        "no invariant `{invariant}`: {known:?}"
    );
    let mut best: Option<Vec<String>> = None;
    loop {
        let mut checker = model
            .clone()
            .checker()
            .threads(1)
            .finish_when(HasDiscoveries::AnyOf(BTreeSet::from([invariant])));
        if let Some(actions) = &best {
            // Depth counts states, a way of n actions has n + 1, and the last depth is not visited.
            checker = checker.target_max_depth(actions.len() + 1);
        }
        let Some(path) = checker.spawn_bfs().join().discovery(invariant) else {
            return best;
        };
        let actions = path.into_actions();
        best = Some(actions.iter().map(|action| format!("{action:?}")).collect());
    }
}
