//! What became of each row of a batch.

use crate::error::{Error, ErrorKind, Result};

/// What became of one row: what its operation returns, or the row and why it failed.
pub type Outcome<O, I> = Result<O, Failed<I>>;

/// What a batch did not do, and why.
#[derive(Debug)]
pub struct Failed<I> {
    /// The row or key, as it was put in; of an insert, with a generated id filled in.
    pub input: I,
    /// Why.
    pub error: Error,
}

impl<I> Failed<I> {
    /// Whether nothing is wrong with the row itself: it was certainly not applied, because of the
    /// store, the network or the configuration. It can be put into another batch as it is.
    pub fn is_unprocessed(&self) -> bool {
        is_passing(self.error.kind()) || concerns_all(self.error.kind())
    }
}

/// Errors after which the same request may succeed, and that say that it was not applied.
pub(super) fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Throttled | ErrorKind::Unavailable)
}

/// Errors that the next row would meet, too.
pub(super) fn concerns_all(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NoSuchBucket | ErrorKind::Credentials | ErrorKind::Config
    )
}

/// The outcomes of a batch, one for each row, in the order of the input.
#[derive(Debug)]
#[must_use = "rows that failed are in the report alone"]
pub struct Report<O, I> {
    outcomes: Vec<Outcome<O, I>>,
}

impl<O, I> Report<O, I> {
    pub(super) fn new(outcomes: Vec<Outcome<O, I>>) -> Self {
        Self { outcomes }
    }

    /// All outcomes.
    pub fn outcomes(&self) -> &[Outcome<O, I>] {
        &self.outcomes
    }

    /// All outcomes, by value.
    pub fn into_outcomes(self) -> Vec<Outcome<O, I>> {
        self.outcomes
    }

    /// How many rows succeeded.
    pub fn succeeded(&self) -> usize {
        self.outcomes.len() - self.failed()
    }

    /// How many rows failed.
    pub fn failed(&self) -> usize {
        self.failures().count()
    }

    /// The rows that failed, with their places in the input.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Failed<I>)> {
        let places = self.outcomes.iter().enumerate();
        places.filter_map(|(place, outcome)| Some((place, outcome.as_ref().err()?)))
    }

    /// The rows that can be put into another batch as they are: see
    /// [`Failed::is_unprocessed`].
    pub fn unprocessed(self) -> Vec<I> {
        self.outcomes
            .into_iter()
            .filter_map(Outcome::err)
            .filter(Failed::is_unprocessed)
            .map(|failed| failed.input)
            .collect()
    }

    /// What all rows returned.
    ///
    /// # Errors
    /// The first row's that failed. The rows that succeeded are applied all the same.
    pub fn into_result(self) -> Result<Vec<O>> {
        self.outcomes
            .into_iter()
            .map(|outcome| outcome.map_err(|failed| failed.error))
            .collect()
    }
}

impl<O, I> IntoIterator for Report<O, I> {
    type Item = Outcome<O, I>;
    type IntoIter = std::vec::IntoIter<Outcome<O, I>>;

    fn into_iter(self) -> Self::IntoIter {
        self.outcomes.into_iter()
    }
}
