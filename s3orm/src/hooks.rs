//! What a table's own code does to its rows as they come and go: hooks, and rules that are checked.

use std::error::Error as StdError;

use crate::error::{Error, ErrorKind};
use crate::schema::{Prepare, S3Schema};

/// What a hook returns: an `Err` says why not, as a text or as any error.
pub type HookResult = Result<(), Box<dyn StdError + Send + Sync>>;

/// What is done to rows of a table as they come and go; called where the struct says
/// `#[s3(hooks)]`. Each method does nothing unless it is written.
///
/// Hooks are for the row alone (checks, stamps, columns that follow from others, the key itself). A
/// write that is tried again calls them again, so they must not count on being called once, and what
/// they do outside of the row is theirs to bear.
///
/// ```
/// use s3orm::{Db, ErrorKind, HookResult, Hooks, Prepare, S3Schema};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
/// #[s3(table = "users", path = "<mail>", hooks)]
/// struct User {
///     mail: String,
///     name: String,
///     #[serde(skip)]
///     initial: Option<char>,
/// }
///
/// impl Hooks for User {
///     fn before_write(&mut self, _: &Prepare<'_>) -> HookResult {
///         self.mail = self.mail.to_lowercase();
///         if !self.mail.contains('@') {
///             return Err("a mail address has an @".into());
///         }
///         Ok(())
///     }
///
///     fn after_read(&mut self) -> HookResult {
///         self.initial = self.name.chars().next();
///         Ok(())
///     }
///
///     fn before_delete(key: &Self::Key) -> HookResult {
///         if key.0 == "root@example.org" { Err("root stays".into()) } else { Ok(()) }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// let users = Db::connect("memory:").await?.table::<User>();
/// let user = |mail: &str| User { mail: mail.into(), name: "Ann".into(), initial: None };
///
/// assert_eq!(users.put(user("Ann@Example.org")).await?.key(), "users/ann!40example.org.json");
/// assert_eq!(users.get("ann@example.org").await?.and_then(|user| user.initial), Some('A'));
///
/// let refused = users.put(user("nobody")).await.unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::Cancelled);
/// let refused = users.delete("root@example.org").await.unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::Cancelled);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` says that it has hooks, and has none",
    label = "does not implement `s3orm::Hooks`",
    note = "write `impl s3orm::Hooks for {Self}`, or leave `hooks` out of the `#[s3(...)]` above it"
)]
pub trait Hooks: S3Schema {
    /// Before a row is written, by whatever operation: after its ids and timestamps are filled in,
    /// before its rules are checked, its key is made and its bytes are. Batches and transactions
    /// call it for each row.
    ///
    /// # Errors
    /// Nothing is written: the operation fails with [`Cancelled`](ErrorKind::Cancelled).
    fn before_write(&mut self, _write: &Prepare<'_>) -> HookResult {
        Ok(())
    }

    /// After a row was read, by whatever operation; not of a row that was just written. It is called
    /// before the row's columns are compared with its key.
    ///
    /// # Errors
    /// The row is not given out: the operation fails with [`Decode`](ErrorKind::Decode).
    fn after_read(&mut self) -> HookResult {
        Ok(())
    }

    /// Before a row is deleted by its key, also by batches and transactions.
    ///
    /// # Errors
    /// Nothing is deleted: the operation fails with [`Cancelled`](ErrorKind::Cancelled).
    fn before_delete(_key: &Self::Key) -> HookResult {
        Ok(())
    }

    /// After the answer to a deletion has come; not after one whose answer was lost, and not for the
    /// deletions of a transaction.
    fn after_delete(_key: &Self::Key) {}
}

/// A row whose rules can be checked: what `#[s3(validate)]` asks for.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no rules to check",
    label = "does not implement `garde::Validate` with a context that has a default",
    note = "add `#[derive(garde::Validate)]` to `{Self}`, or leave `validate` out of its `#[s3(...)]`"
)]
pub trait Valid {
    /// Checks the rules.
    ///
    /// # Errors
    /// One is broken, or several.
    fn check(&self) -> Result<(), Error>;
}

#[cfg(feature = "garde")]
#[diagnostic::do_not_recommend]
impl<T: garde::Validate<Context: Default>> Valid for T {
    fn check(&self) -> Result<(), Error> {
        self.validate().map_err(|report| {
            let mut columns: Vec<String> = Vec::new();
            for (path, _) in report.iter() {
                let column = format!("`{path}`");
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
            let columns = columns.join(", ");
            let detail = format!("the row breaks the rules of {columns}; nothing was written");
            Error::new(ErrorKind::InvalidRow, detail).with_source(report)
        })
    }
}

/// A hook's refusal of a write or a deletion.
pub(crate) fn refused(hook: &str, outcome: HookResult) -> Result<(), Error> {
    outcome.map_err(|reason| {
        let detail = format!("`{hook}` refused; nothing was done");
        Error::new(ErrorKind::Cancelled, detail).with_source(reason)
    })
}

/// A row that was read from this object, as its hook leaves it.
pub(crate) fn read<T: S3Schema>(mut row: T, object: &str) -> Result<T, Error> {
    row.__after_read().map_err(|reason| {
        Error::new(ErrorKind::Decode, "`after_read` refused the row")
            .with_source(reason)
            .with_key(object)
    })?;
    Ok(row)
}
