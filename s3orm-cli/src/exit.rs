//! How the program ends: one exit code for each kind of failure, in one place.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use s3orm::ErrorKind;

use crate::output::Output;

/// Why the program ends, by what a script would do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Internal,
    Usage,
    NotFound,
    Conflict,
    Denied,
    Unavailable,
    Unknown,
    Data,
    Refused,
    Findings,
    Interrupted,
    /// Whoever read the output has gone: not a failure.
    Pipe,
}

/// Every code with its meaning, for `s3orm help exit-codes`.
pub(crate) const CODES: &[(u8, &str)] = &[
    (0, "done"),
    (
        1,
        "something that should not happen: the network's answers, the file system, s3orm itself",
    ),
    (
        2,
        "wrong arguments, connection or configuration: nothing was done",
    ),
    (
        3,
        "what was asked for is not there: a row, a table, an object, the bucket",
    ),
    (
        4,
        "the state of the rows forbids it: there already, changed meanwhile, a value that is taken",
    ),
    (5, "S3 refuses: permissions or credentials"),
    (
        6,
        "S3 cannot be reached, or asks to slow down; nothing was applied: try again later",
    ),
    (
        7,
        "a write was sent and its answer lost: it may be applied or not; read before writing again",
    ),
    (
        8,
        "the data is wrong: a row that cannot be read or written, a line of an import",
    ),
    (
        9,
        "refused: the store or this table does not allow it, a limit, or you answered no",
    ),
    (
        10,
        "a check has findings: `doctor`, `verify`, `schema diff`",
    ),
    (130, "interrupted; what the message says goes on"),
];

impl Code {
    fn number(self) -> u8 {
        match self {
            Self::Pipe => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Conflict => 4,
            Self::Denied => 5,
            Self::Unavailable => 6,
            Self::Unknown => 7,
            Self::Data => 8,
            Self::Refused => 9,
            Self::Findings => 10,
            Self::Interrupted => 130,
        }
    }

    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NotFound | ErrorKind::NoSuchBucket => Self::NotFound,
            ErrorKind::AlreadyExists
            | ErrorKind::UniqueViolation
            | ErrorKind::Conflict
            | ErrorKind::Cancelled
            | ErrorKind::TokenReused => Self::Conflict,
            ErrorKind::Denied | ErrorKind::Credentials => Self::Denied,
            ErrorKind::Throttled | ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::OutcomeUnknown => Self::Unknown,
            ErrorKind::Decode | ErrorKind::InvalidRow => Self::Data,
            ErrorKind::Unsupported | ErrorKind::LimitExceeded | ErrorKind::Budget => Self::Refused,
            ErrorKind::Config | ErrorKind::InvalidKey | ErrorKind::Schema => Self::Usage,
            _ => Self::Internal,
        }
    }
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    message: String,
    /// What to do about it, a line each.
    help: Vec<String>,
    causes: Vec<String>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: Vec::new(),
            causes: Vec::new(),
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self::new(Code::Data, message)
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(Code::Interrupted, "interrupted")
    }

    /// Adds a line of what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// In front of the message: where it happened.
    pub(crate) fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The input is what is wrong.
    pub(crate) fn in_data(mut self) -> Self {
        if self.code == Code::Usage {
            self.code = Code::Data;
        }
        self
    }

    /// The message alone.
    pub(crate) fn line(&self) -> String {
        self.message.clone()
    }

    fn text(&self, output: &Output) -> String {
        let mut text = format!("{} {}", output.red("error:"), self.message);
        for cause in &self.causes {
            let _ = write!(text, "\n  {} {cause}", output.dim("because:"));
        }
        for help in &self.help {
            let _ = write!(text, "\n  {} {help}", output.green("help:"));
        }
        text
    }
}

/// What the library's messages call by its name in Rust, and what it is called here.
const NAMES: &[(&str, &str)] = &[
    ("write `.scan()`", "add `--scan`"),
    ("run `Db::doctor` once", "run `s3orm doctor` once"),
    ("run `Db::doctor` again", "run `s3orm doctor` again"),
    ("`Encoding::Escaped`", "`--encoding escaped`"),
];

impl From<s3orm::Error> for Failure {
    fn from(error: s3orm::Error) -> Self {
        let mut message = error.to_string();
        for (rust, here) in NAMES {
            message = message.replace(rust, here);
        }
        let mut failure = Self::new(Code::of(error.kind()), message);
        let mut source = error.source();
        while let Some(cause) = source {
            failure.causes.push(cause.to_string());
            source = cause.source();
        }
        failure
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::BrokenPipe => Code::Pipe,
            io::ErrorKind::NotFound => Code::NotFound,
            io::ErrorKind::PermissionDenied => Code::Denied,
            _ => Code::Internal,
        };
        Self::new(code, error.to_string())
    }
}

/// Ends with what clap has to say: help and versions are no failure.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to be told that nobody reads it.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(Code::Usage.number())
    } else {
        ExitCode::SUCCESS
    }
}

/// Tells what went wrong, and ends.
pub(crate) fn end(ended: Result<(), Failure>, output: &Output) -> ExitCode {
    let ended = ended.and_then(|()| output.finish().map_err(Failure::from));
    let Err(failure) = ended else {
        return ExitCode::SUCCESS;
    };
    if failure.code != Code::Pipe {
        // What was written before stands in front of the error.
        let _ = output.finish();
        output.tell(&failure.text(output));
    }
    ExitCode::from(failure.code.number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_list() {
        for code in [
            Code::Internal,
            Code::Usage,
            Code::NotFound,
            Code::Conflict,
            Code::Denied,
            Code::Unavailable,
            Code::Unknown,
            Code::Data,
            Code::Refused,
            Code::Findings,
            Code::Interrupted,
        ] {
            assert!(
                CODES.iter().any(|(number, _)| *number == code.number()),
                "{code:?}"
            );
        }
    }
}
