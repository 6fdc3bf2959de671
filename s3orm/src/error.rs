//! One error type for every operation: what happened, to which key, and how to go on.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// The result of an operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) type Source = Box<dyn StdError + Send + Sync + 'static>;

/// What went wrong, to which key of which table, and what to do about it.
///
/// [`kind`](Error::kind) is what a program branches on. `Display` is one line for a person and
/// never repeats [`source`](StdError::source); `Debug` is a report with the whole chain. Neither
/// ever holds a credential, a header or a row's contents.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// let error = s3orm::Db::connect("s3://bucket?regoin=eu-west-1").await.unwrap_err();
/// assert_eq!(error.kind(), s3orm::ErrorKind::Config);
/// assert!(error.to_string().contains("did you mean `region`?"));
/// # Ok(()) }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    table: Cow<'static, str>,
    key: Option<String>,
    detail: Cow<'static, str>,
    help: Option<Cow<'static, str>>,
    source: Option<Source>,
}

/// The categories a caller can act on. Each says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `insert` or `rekey` found a row there. Read it, choose another key, or say what to do by
    /// [`on_conflict_nothing`](crate::Insert::on_conflict_nothing) or
    /// [`on_conflict_replace`](crate::Insert::on_conflict_replace).
    AlreadyExists,
    /// Another row has the value of a unique column; the message names index and row. Nothing was
    /// written. Choose another value, or change the other row first.
    UniqueViolation,
    /// A row that had to exist does not. (Reading an absent row is `Ok(None)`, not an error.)
    NotFound,
    /// The row changed since it was read, and this write was not applied. Read it again and decide.
    Conflict,
    /// A key column's value cannot be written as a key, or the key is too long. Fix the value.
    InvalidKey,
    /// The row cannot be written: it does not encode, it is too large, or a number that
    /// [`patch`](crate::Table::patch) changes does not fit its column. Fix the row.
    InvalidRow,
    /// An object is there but is not a valid row of this type, or its columns disagree with its
    /// key. Fix the data or the type.
    Decode,
    /// S3 knows the caller and refuses. Grant the permission that the message names.
    Denied,
    /// No credentials were found, or S3 does not accept them. Fix the credentials.
    Credentials,
    /// The bucket does not exist. Create it, or fix its name.
    NoSuchBucket,
    /// S3 asks to slow down, and the retries are used up. Try again later, with less at a time.
    Throttled,
    /// The endpoint cannot be reached or does not answer; the operation was **not** applied.
    /// Try again later.
    Unavailable,
    /// A write was sent and its answer was lost, and reading back could not tell what became of it.
    /// It may be applied now, later, or never: read the row before you write it again.
    OutcomeUnknown,
    /// The store or the build cannot do this. The message names what can.
    Unsupported,
    /// A limit of S3 or of the configuration. The message names it.
    LimitExceeded,
    /// The requests or the money that a query was given are used up. The message says what was
    /// reached; raise the budget, or ask for less.
    Budget,
    /// The closure of [`update`](crate::Table::update) refused; its error is the source. Or the row
    /// does not meet a condition of [`patch`](crate::Table::patch). Or the closure of a
    /// [`transaction`](crate::Db::transaction) said so. Nothing was written.
    Cancelled,
    /// The token of a transaction was used before, for another request. Use a new one.
    TokenReused,
    /// The table's declaration and what is on the bucket do not fit together: rows, or an index that
    /// is to be [built](crate::index) first. The message says what to do.
    Schema,
    /// The connection string, an environment variable or an option is wrong. Fix it.
    Config,
    /// S3 or the file system answered something that it should not. Please report it.
    Internal,
}

impl ErrorKind {
    /// Whether it is of one object, which cannot be read or has no key: the others can go on.
    pub(crate) fn concerns_row(self) -> bool {
        matches!(self, Self::Decode | Self::InvalidKey | Self::LimitExceeded)
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            operation: "",
            table: Cow::Borrowed(""),
            key: None,
            detail: detail.into(),
            help: None,
            source: None,
        }))
    }

    /// The error of a closure that decides to write nothing: of kind
    /// [`Cancelled`](ErrorKind::Cancelled), with the reason as its source.
    ///
    /// ```
    /// use std::error::Error as _;
    ///
    /// let error = s3orm::Error::cancelled("not enough money");
    /// assert_eq!(error.kind(), s3orm::ErrorKind::Cancelled);
    /// assert_eq!(error.source().unwrap().to_string(), "not enough money");
    /// ```
    pub fn cancelled(reason: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(
            ErrorKind::Cancelled,
            "the closure refused; nothing was written",
        )
        .with_source(reason)
    }

    /// A configuration error, with what to write instead.
    pub(crate) fn config(
        detail: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(ErrorKind::Config, detail).with_help(help)
    }

    pub(crate) fn with_help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// With the cause of an error whose own message is the detail already: a chain says nothing
    /// twice.
    pub(crate) fn with_cause(mut self, cause: Option<Source>) -> Self {
        self.0.source = cause;
        self
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    pub(crate) fn with_key(mut self, key: impl Into<String>) -> Self {
        self.0.key = Some(key.into());
        self
    }

    /// With the key, unless a more telling one is there.
    pub(crate) fn with_key_unless_known(self, key: &str) -> Self {
        match self.0.key {
            None => self.with_key(key),
            Some(_) => self,
        }
    }

    /// Names the operation and the table; what is set already (further inside) is kept.
    pub(crate) fn during(
        mut self,
        operation: &'static str,
        table: impl Into<Cow<'static, str>>,
    ) -> Self {
        if self.0.operation.is_empty() {
            self.0.operation = operation;
        }
        if self.0.table.is_empty() {
            self.0.table = table.into();
        }
        self
    }

    /// The category, for a program to branch on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation that failed, as its method is called: `insert`, `get`, `connect`, …
    pub fn operation(&self) -> &str {
        self.0.operation
    }

    /// The table's name, or an empty string where no table is concerned.
    pub fn table(&self) -> &str {
        &self.0.table
    }

    /// The object key concerned, as it is on the bucket.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// What to do about it, where the message itself does not say.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Whether the same call may succeed later without a change. Nothing was applied in these
    /// cases, so it is also safe; [`ErrorKind::OutcomeUnknown`] is therefore not among them.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Throttled | ErrorKind::Unavailable | ErrorKind::Conflict
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if !inner.operation.is_empty() {
            f.write_str(inner.operation)?;
            match &inner.key {
                Some(key) => write!(f, " `{}`", key.escape_debug())?,
                None if !inner.table.is_empty() => write!(f, " `{}`", inner.table)?,
                None => {}
            }
            f.write_str(": ")?;
        }
        f.write_str(&inner.detail)?;
        if let Some(help) = &inner.help {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} [{:?}]", self.0.kind)?;
        let mut source = self.source();
        while let Some(cause) = source {
            write!(f, "\n  caused by: {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

/// The closest of `candidates` to `word`, when it is close enough to be a slip.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(word.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let substituted = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = substituted.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn display_is_one_line_and_leaves_the_source_to_the_chain() {
        let error = Error::new(ErrorKind::AlreadyExists, "a row is already there")
            .with_key("people/2024-01-02/42.json")
            .with_source("the cause")
            .during("insert", "people");
        assert_eq!(
            error.to_string(),
            "insert `people/2024-01-02/42.json`: a row is already there"
        );
        assert!(format!("{error:?}").ends_with("[AlreadyExists]\n  caused by: the cause"));
    }

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let names = ["region", "endpoint", "style"];
        assert_eq!(did_you_mean("regoin", names), Some("region"));
        assert_eq!(did_you_mean("endpiont", names), Some("endpoint"));
        assert_eq!(did_you_mean("colour", names), None);
    }
}
