//! What a probe makes of the answers.

use std::borrow::Cow;

use super::report::Severity;
use crate::store::StoreError;

/// A finding without its name.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) severity: Severity,
    /// What the store did.
    pub(super) found: Cow<'static, str>,
    /// What that means for who uses it.
    pub(super) means: Cow<'static, str>,
}

impl Verdict {
    fn new(
        severity: Severity,
        found: impl Into<Cow<'static, str>>,
        means: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            severity,
            found: found.into(),
            means: means.into(),
        }
    }

    pub(super) fn pass(found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Severity::Pass, found, "")
    }

    pub(super) fn unknown(found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            Severity::NotMeasured,
            found,
            "not measured: it may be wrong",
        )
    }

    pub(super) fn warn(
        found: impl Into<Cow<'static, str>>,
        means: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(Severity::Warn, found, means)
    }

    pub(super) fn fail(
        found: impl Into<Cow<'static, str>>,
        means: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(Severity::Fail, found, means)
    }

    pub(super) fn danger(
        found: impl Into<Cow<'static, str>>,
        means: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(Severity::Danger, found, means)
    }
}

/// An answer in short: `501 NotImplemented`, or the reason where S3 gave none.
pub(super) fn told(error: &StoreError) -> String {
    let text = match (error.status(), error.code()) {
        (Some(status), Some(code)) => format!("{status} {code}"),
        (Some(status), None) => format!("{status}: {}", error.message()),
        (None, _) => error.message().to_owned(),
    };
    shortened(&text)
}

/// A text of somebody else's, fit for a line of ours.
pub(super) fn shortened(text: &str) -> String {
    const LENGTH: usize = 80;
    let mut line: String = text.escape_debug().take(LENGTH).collect();
    if line.len() >= LENGTH && text.len() > LENGTH {
        line.push('…');
    }
    line
}
