//! What the clients' tasks cost, and how one client's cost relates to another's.

use std::collections::BTreeMap;

/// What one of a task costs, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
}

/// By task; a task that a library cannot do is missing.
pub(crate) type Round = BTreeMap<String, Cost>;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Measure {
    Cpu,
    Wall,
}

impl Cost {
    fn by(self, measure: Measure) -> f64 {
        match measure {
            Measure::Cpu => self.cpu,
            Measure::Wall => self.wall,
        }
    }
}

/// What several rounds have found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) middle: f64,
    pub(crate) most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let (half, last) = (sorted.len() / 2, sorted.len().checked_sub(1)?);
        Some(Self {
            least: sorted[0],
            middle: f64::midpoint(sorted[half], sorted[last - half]),
            most: sorted[last],
        })
    }
}

/// A client and its rounds.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: String,
    rounds: Vec<Round>,
}

impl Client {
    /// The first round is not counted: it makes connections, and interpreters compile.
    pub(crate) fn warm(name: &str, rounds: Vec<Round>) -> Self {
        Self {
            name: name.to_owned(),
            rounds: rounds.into_iter().skip(1).collect(),
        }
    }

    /// What one of a task costs.
    pub(crate) fn cost(&self, task: &str, measure: Measure) -> Option<Spread> {
        let costs = self.rounds.iter().filter_map(|round| round.get(task));
        Spread::of(costs.map(|cost| cost.by(measure)))
    }
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ours: Client,
    /// The same client once more: how it relates to itself is noise.
    pub(crate) again: Client,
    pub(crate) peers: Vec<Client>,
}

impl Outcome {
    /// How many times ours a client takes; round by round, so that what slows a while down slows both.
    pub(crate) fn ratio(&self, client: &Client, task: &str, measure: Measure) -> Option<Spread> {
        let pairs = client.rounds.iter().zip(&self.ours.rounds);
        let pairs = pairs.filter_map(|(theirs, ours)| Some((theirs.get(task)?, ours.get(task)?)));
        Spread::of(pairs.map(|(theirs, ours)| theirs.by(measure) / ours.by(measure)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A client that costs so much of the CPU in each round, and twice that by the clock.
    pub(crate) fn client(name: &str, cpu: &[f64]) -> Client {
        let cost = |cpu: f64| Cost {
            cpu,
            wall: cpu * 2.0,
        };
        let round = |cpu: &f64| {
            let tasks = crate::TASKS.iter();
            tasks
                .map(|task| ((*task).to_owned(), cost(*cpu)))
                .collect::<Round>()
        };
        let warming = [1e9];
        let rounds = warming.iter().chain(cpu).map(round).collect();
        Client::warm(name, rounds)
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let outcome = Outcome {
            ours: client("ours", &[1.0, 10.0, 2.0]),
            again: client("again", &[1.0, 10.0, 2.0]),
            peers: vec![client("peer", &[3.0, 20.0, 8.0])],
        };
        let ratio = outcome.ratio(&outcome.peers[0], "get", Measure::Cpu);
        let expected = Spread {
            least: 2.0,
            middle: 3.0,
            most: 4.0,
        };
        assert_eq!(ratio, Some(expected));
        assert_eq!(
            outcome.ratio(&outcome.peers[0], "no task", Measure::Cpu),
            None
        );
        let wall = outcome.ours.cost("get", Measure::Wall).unwrap();
        assert_eq!((wall.least, wall.middle, wall.most), (2.0, 4.0, 20.0));
    }

    #[test]
    fn the_middle_of_two_is_between_them() {
        let spread = Spread::of([4.0, 2.0].into_iter()).unwrap();
        assert_eq!((spread.least, spread.middle, spread.most), (2.0, 3.0, 4.0));
    }
}
