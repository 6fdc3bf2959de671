//! Rows to bytes and back.

pub mod json;
pub mod raw;

use std::error::Error as StdError;
use std::fmt;

use crate::error::{Error, ErrorKind};

/// Why a row does not encode, or bytes do not decode.
#[derive(Debug)]
pub struct BodyError {
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl BodyError {
    /// From a message alone.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn into_cause(self) -> Option<crate::error::Source> {
        self.source
    }

    /// As the error of an object that is read.
    pub(crate) fn into_error(self, key: &str) -> Error {
        Error::new(ErrorKind::Decode, self.message.clone())
            .with_cause(self.source)
            .with_key(key)
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for BodyError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
