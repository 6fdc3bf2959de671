//! A string that no output shows and that is wiped when dropped.

use std::fmt;

use zeroize::Zeroizing;

/// A secret key or a session token: `Debug` shows none of it, and dropping it wipes its memory.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// From its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Without line breaks at its end.
    pub(super) fn trim_line_end(&mut self) {
        let length = self.0.trim_end_matches(['\r', '\n']).len();
        self.0.truncate(length);
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
