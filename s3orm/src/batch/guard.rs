//! Deleting much wants its name repeated.

use std::fmt;
use std::future::IntoFuture;

use futures_util::future::BoxFuture;

use crate::error::{Error, Result};

/// A request that deletes so much that what it deletes must be named again, by
/// [`confirm`](Self::confirm).
#[must_use = "requests do nothing until awaited"]
pub struct Guarded<'a, R> {
    name: String,
    operation: &'static str,
    confirmed: Option<String>,
    run: BoxFuture<'a, Result<R>>,
}

impl<'a, R> Guarded<'a, R> {
    pub(crate) fn new(
        operation: &'static str,
        name: &str,
        run: impl Future<Output = Result<R>> + Send + 'a,
    ) -> Self {
        Self {
            name: name.to_owned(),
            operation,
            confirmed: None,
            run: Box::pin(run),
        }
    }

    /// Confirms the deletion by the name of the table or bucket.
    pub fn confirm(mut self, name: impl Into<String>) -> Self {
        self.confirmed = Some(name.into());
        self
    }
}

/// The error of a deletion that its caller has not confirmed by naming what is deleted.
pub(crate) fn confirmed(call: &str, name: &str, given: Option<&str>) -> Result<()> {
    let detail = match given {
        Some(given) if given == name => return Ok(()),
        Some(given) => format!("`{}` was confirmed, not `{name}`", given.escape_debug()),
        None => format!("`{call}` was not confirmed"),
    };
    let help =
        format!("nothing was deleted; write `.confirm(\"{name}\")` if that is what you mean");
    Err(Error::config(detail, help))
}

impl<'a, R: 'a> IntoFuture for Guarded<'a, R> {
    type Output = Result<R>;
    type IntoFuture = BoxFuture<'a, Result<R>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            name,
            operation,
            confirmed: given,
            run,
        } = self;
        Box::pin(async move {
            let outcome = match confirmed(operation, &name, given.as_deref()) {
                Ok(()) => run.await,
                Err(error) => Err(error),
            };
            outcome.map_err(|error| error.during(operation, name))
        })
    }
}

impl<R> fmt::Debug for Guarded<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("operation", &self.operation)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
