//! The report: levels, findings, and how both read.

use std::fmt::{self, Write as _};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::store::time::{unix_seconds, written};

/// What a store can carry. Each level is the one before and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// No condition is honoured: for reading, or for one writer with `put` and `delete`.
    L0,
    /// Objects are created if they are absent: `insert`, and tables that only grow.
    L1,
    /// Objects are replaced by version: `save`, `update`, rows that change under many writers.
    L2,
    /// Objects are deleted by version: everything.
    L3,
}

impl Level {
    /// What it carries, in a few words.
    fn carries(self) -> &'static str {
        match self {
            Self::L0 => "no conditions: for reading, or one writer with `put` and `delete`",
            Self::L1 => "create if absent: `insert`, tables that only grow",
            Self::L2 => "replace by version: `insert`, `save`, `update`",
            Self::L3 => "all conditions: everything",
        }
    }

    /// The level that is left where this one is not reached.
    fn below(self) -> Self {
        match self {
            Self::L0 | Self::L1 => Self::L0,
            Self::L2 => Self::L1,
            Self::L3 => Self::L2,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How a finding is to be taken. From harmless to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Severity {
    /// As S3.
    Pass,
    /// Nobody could be asked, or another finding made it pointless. Not known to be fine.
    NotMeasured,
    /// Not as S3: some features cost more, or are missing.
    Warn,
    /// Not as S3: features refuse or fail, and say so.
    Fail,
    /// Not as S3, and in silence: it answers a success where data is lost.
    Danger,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::NotMeasured => "unknown",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Danger => "DANGER",
        }
    }
}

/// One thing that was asked of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// Its name, which never changes: see the [list](crate::doctor).
    pub id: String,
    /// How it is to be taken.
    pub severity: Severity,
    /// What S3 does.
    pub expected: String,
    /// What this store did.
    pub found: String,
    /// What that means for who uses it; empty if it passed.
    pub means: String,
    /// The level that the store cannot have unless this passes or is a warning.
    pub needed_for: Option<Level>,
}

impl Finding {
    fn keeps_from(&self) -> Option<Level> {
        let kept = !matches!(self.severity, Severity::Pass | Severity::Warn);
        self.needed_for.filter(|_| kept)
    }
}

/// What a store honours. `Display` is for people, worst first; serialized, it is what stands in the
/// bucket, and its names do not change.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// let db = s3orm::Db::connect("memory:").await?;
/// let report = db.doctor().quick().await?;
/// let json = serde_json::to_value(&report).unwrap();
/// assert_eq!(json["level"], "L3");
/// assert_eq!(json["findings"][0]["severity"], "not-measured");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The form of this record: 1.
    pub format: u32,
    /// What the store can carry: the highest level that no finding keeps it from.
    pub level: Level,
    /// The ids of the findings that are a [`Danger`](Severity::Danger).
    pub refuses: Vec<String>,
    /// The database, as its connection string has it, without parameters.
    pub database: String,
    /// Which service was asked: [`Store::service`](crate::store::Store::service). Others for
    /// [`also`](super::Doctor::also) are not named.
    pub endpoint: String,
    /// What the service calls itself, if it does.
    pub server: Option<String>,
    /// Who asked: `s3orm/<version>`.
    pub client: String,
    /// When, by this machine's clock.
    #[serde(with = "date")]
    pub date: SystemTime,
    /// How long it took.
    pub millis: u64,
    /// Rounds of each race.
    pub rounds: usize,
    /// Requests at once in each round.
    pub contenders: usize,
    /// To what the counter was incremented.
    pub increments: usize,
    /// Connections that the requests were spread over.
    pub connections: usize,
    /// Requests made, without those that were sent again and the record's.
    pub requests: u64,
    /// Everything that was asked, worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The finding of this id.
    pub fn finding(&self, id: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.id == id)
    }

    /// Refuses if the store has not this level.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported), with the finding that keeps the store from it.
    pub fn require(&self, level: Level) -> Result<()> {
        if self.level >= level {
            return Ok(());
        }
        let mut detail = format!(
            "level {level} is required, and this store has {}",
            self.level
        );
        let reason = self
            .findings
            .iter()
            .find(|finding| finding.keeps_from().is_some_and(|kept| kept <= level));
        if let Some(Finding {
            id, found, means, ..
        }) = reason
        {
            // A string takes everything that is written to it.
            let _ = write!(detail, ": `{id}`: {found}, so {means}");
        }
        Err(Error::new(ErrorKind::Unsupported, detail)
            .with_help("use another store, or run `Db::doctor` again once it is mended"))
    }
}

/// Worst first; the order within one severity stays.
pub(super) fn worst_first(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
}

/// The highest level that no finding keeps the store from.
pub(super) fn level(findings: &[Finding]) -> Level {
    let kept = findings.iter().filter_map(Finding::keeps_from);
    kept.map(Level::below).min().unwrap_or(Level::L3)
}

/// The ids of the findings that nobody would notice.
pub(super) fn dangers(findings: &[Finding]) -> Vec<String> {
    let dangers = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Danger);
    dangers.map(|finding| finding.id.clone()).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.database)?;
        // Folders and memory have it in their names.
        if self.endpoint.starts_with("http") {
            write!(f, " at {}", self.endpoint)?;
        }
        if let Some(server) = &self.server {
            write!(f, " ({})", server.escape_debug())?;
        }
        let date = written(unix_seconds(self.date));
        writeln!(
            f,
            "\n{date}, by {}: {} requests in {} ms, races of {} over {} rounds, {} increments, {} connection(s)",
            self.client,
            self.requests,
            self.millis,
            self.contenders,
            self.rounds,
            self.increments,
            self.connections
        )?;
        writeln!(f, "\nlevel {}: {}\n", self.level, self.level.carries())?;
        let width = self.findings.iter().map(|finding| finding.id.len()).max();
        let width = width.unwrap_or_default();
        let (passed, others): (Vec<_>, Vec<_>) = self
            .findings
            .iter()
            .partition(|finding| finding.severity == Severity::Pass);
        for finding in others {
            let (word, id) = (finding.severity.word(), &finding.id);
            writeln!(f, "{word:<8}{id:<width$}  {}", finding.found)?;
            // What nobody measured means always the same.
            if finding.severity != Severity::NotMeasured {
                writeln!(f, "{:8}{:<width$}  {}", "", "", finding.means)?;
            }
        }
        for (at, passed) in passed.chunks(4).enumerate() {
            let word = if at == 0 { Severity::Pass.word() } else { "" };
            let ids: Vec<&str> = passed.iter().map(|finding| finding.id.as_str()).collect();
            writeln!(f, "{word:<8}{}", ids.join(", "))?;
        }
        Ok(())
    }
}

/// `2026-11-03T12:00:00Z`.
mod date {
    use std::time::SystemTime;

    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::store::time::{parse_listed, unix_seconds, written};

    pub(super) fn serialize<S: Serializer>(date: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&written(unix_seconds(*date)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || de::Error::custom(format!("`{text}` is not like `2026-11-03T12:00:00Z`"));
        parse_listed(&text).ok_or_else(wrong)
    }
}
