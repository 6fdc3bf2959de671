//! Signed URLs, as the seam has them: who has one makes the request without credentials.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{AtRest, Precondition};

/// A request to sign for somebody else.
#[derive(Debug, Clone)]
pub struct Presign {
    /// The object.
    pub key: String,
    /// What may be done with it.
    pub access: PresignedAccess,
    /// How long from now, to the second; S3 takes 1 second to 7 days.
    pub expires_in: Duration,
    /// How the object that is written is encrypted at rest; nothing of a read.
    pub encryption: Option<AtRest>,
}

/// What a signed URL allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresignedAccess {
    /// To read the object.
    Get,
    /// To write it: only bytes of this type and number, and only where the condition holds.
    Put {
        /// When it is applied.
        precondition: Precondition,
        /// The media type.
        content_type: String,
        /// Bytes.
        content_length: u64,
    },
}

/// A URL that anybody may use, as often as they like, until it expires or the signer's rights end.
///
/// `Display` and `Debug` leave out the query, and the signature with it; only
/// [`as_str`](Self::as_str) tells.
#[derive(Clone, PartialEq, Eq)]
pub struct PresignedUrl {
    url: String,
    method: &'static str,
    headers: Vec<(String, String)>,
    expires: SystemTime,
}

impl PresignedUrl {
    /// From its parts: `headers` are those that were signed and must be sent, but for `host`.
    pub fn new(
        method: &'static str,
        url: String,
        headers: Vec<(String, String)>,
        expires: SystemTime,
    ) -> Self {
        Self {
            url,
            method,
            headers,
            expires,
        }
    }

    /// The whole URL, with the signature: a secret until it expires.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The request's method: `GET` or `PUT`.
    pub fn method(&self) -> &str {
        self.method
    }

    /// The headers that must be sent with it as they are, or the signature is refused: their names
    /// in lower case. None for `GET`.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// When it stops working, at the latest, by the clock of this machine.
    pub fn expires(&self) -> SystemTime {
        self.expires
    }
}

impl fmt::Display for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.url.split('?').next().unwrap_or_default();
        write!(f, "{plain}?…")
    }
}

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresignedUrl")
            .field("method", &self.method)
            .field("url", &self.to_string())
            .field("headers", &self.headers)
            .field("expires", &self.expires)
            .finish()
    }
}
