//! What requests cost, what was spent, and budgets.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};

/// What a store charges for requests, in US dollars for a thousand, and since when that is known.
///
/// ```
/// use s3orm::query::Prices;
///
/// let ours = Prices { since: "2026-01-01", list: 0.002, get: 0.0 };
/// assert!(ours.cost(1000, 5) < Prices::default().cost(1000, 5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// The date of the price list, as `YYYY-MM-DD`.
    pub since: &'static str,
    /// A thousand LIST requests.
    pub list: f64,
    /// A thousand GET requests.
    pub get: f64,
}

impl Prices {
    /// S3 Standard in `us-east-1`, without transfer and storage.
    pub const S3_STANDARD: Self = Self {
        since: "2026-11-01",
        list: 0.005,
        get: 0.0004,
    };

    /// The price of some requests in dollars.
    #[expect(clippy::cast_precision_loss, reason = "no bill has 2^52 requests")]
    pub fn cost(&self, lists: u64, gets: u64) -> f64 {
        (lists as f64 * self.list + gets as f64 * self.get) / 1000.0
    }
}

impl Default for Prices {
    fn default() -> Self {
        Self::S3_STANDARD
    }
}

/// What a query has used so far. Requests that were sent again after a failure count once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spent {
    /// LIST requests.
    pub lists: u64,
    /// GET requests.
    pub gets: u64,
    /// Keys that were listed.
    pub keys: u64,
    /// Keys among them that are no row's: objects that something else put into the table's folder.
    pub foreign: u64,
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} LIST and {} GET requests", self.lists, self.gets)
    }
}

/// What a query may use.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Budget {
    pub(super) requests: Option<u64>,
    pub(super) dollars: Option<f64>,
    pub(super) prices: Prices,
}

/// A request, as it is counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Call {
    List,
    Get,
}

/// Counts what a query uses, against its budget.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    budget: Budget,
    spent: Mutex<Spent>,
}

impl Meter {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            budget,
            spent: Mutex::default(),
        }
    }

    fn with<R>(&self, change: impl FnOnce(&mut Spent) -> R) -> R {
        change(&mut self.spent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn spent(&self) -> Spent {
        self.with(|spent| *spent)
    }

    /// Counts a request before it is made.
    ///
    /// # Errors
    /// The budget does not reach for it.
    pub(super) fn charge(&self, call: Call) -> Result<()> {
        self.with(|spent| {
            let mut then = *spent;
            match call {
                Call::List => then.lists += 1,
                Call::Get => then.gets += 1,
            }
            self.check(then)
                .map_err(|limit| exhausted(&limit, *spent))?;
            *spent = then;
            Ok(())
        })
    }

    fn check(&self, then: Spent) -> Result<(), String> {
        let Budget {
            requests,
            dollars,
            prices,
        } = self.budget;
        match (requests, dollars) {
            (Some(limit), _) if then.lists + then.gets > limit => Err(format!("{limit} requests")),
            (_, Some(limit)) if prices.cost(then.lists, then.gets) > limit => {
                Err(format!("${limit}"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn listed(&self, keys: usize) {
        self.with(|spent| spent.keys += keys as u64);
    }

    pub(super) fn found_foreign(&self) {
        self.with(|spent| spent.foreign += 1);
    }
}

#[cold]
fn exhausted(limit: &str, spent: Spent) -> Error {
    let detail = format!("the budget of {limit} is used up by {spent}");
    Error::new(ErrorKind::Budget, detail).with_help("raise it, or narrow the query")
}
