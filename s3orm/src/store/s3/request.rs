//! One request in the making: its target, canonical from the start, its headers and its body.

use std::borrow::Cow;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;

use super::answer::{CHECKSUM, META_PREFIX};
use super::sign::Signed;
use super::transport::MAX_XML;
use crate::store::{Checksum, ETag, Metadata, Precondition, StoreError, StoreErrorKind};

/// S3's limit for user metadata, names and values together.
const MAX_METADATA: usize = 2048;

/// A request to one bucket, or to the service.
pub(super) struct Draft {
    pub(super) method: Method,
    /// Path and query, as sent and as signed.
    target: String,
    path_length: usize,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Sent instead of the body, which is signed: to see whether the server looks.
    pub(super) sent_instead: Option<Bytes>,
    /// What a successful answer's body may measure.
    pub(super) max_body: u64,
}

impl Draft {
    /// To `base/key`; `base` is canonical, `key` is encoded here.
    pub(super) fn to_key(method: Method, base: &str, key: &str) -> Self {
        let mut target = String::with_capacity(base.len() + key.len() + 16);
        target.push_str(base);
        target.push('/');
        push_encoded(&mut target, key, true);
        Self::new(method, target)
    }

    /// To the bucket or the service itself.
    pub(super) fn to_root(method: Method, base: &str) -> Self {
        Self::new(
            method,
            if base.is_empty() {
                "/".to_owned()
            } else {
                base.to_owned()
            },
        )
    }

    fn new(method: Method, target: String) -> Self {
        Self {
            method,
            path_length: target.len(),
            target,
            headers: HeaderMap::with_capacity(12),
            body: Bytes::new(),
            sent_instead: None,
            max_body: MAX_XML,
        }
    }

    /// Adds a parameter. They must come in the order of their names.
    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.target.push(if self.target.len() == self.path_length {
            '?'
        } else {
            '&'
        });
        self.target.push_str(name);
        self.target.push('=');
        push_encoded(&mut self.target, value, false);
        self
    }

    pub(super) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds headers that were checked before.
    pub(super) fn headers<'a>(
        mut self,
        headers: impl IntoIterator<Item = &'a (HeaderName, HeaderValue)>,
    ) -> Self {
        self.headers.extend(headers.into_iter().cloned());
        self
    }

    /// Adds a header whose text comes from a caller.
    pub(super) fn text_header(mut self, name: HeaderName, text: &str) -> Result<Self, StoreError> {
        let value = ascii(HeaderValue::from_str(text)).ok_or_else(|| {
            let text = text.escape_debug();
            invalid(format!(
                "`{text}` cannot be sent as the header `{name}`: use visible ASCII"
            ))
        })?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Adds what must be undone to get at the content, if something is said of it.
    pub(super) fn content_encoding(
        self,
        given: Option<Cow<'static, str>>,
    ) -> Result<Self, StoreError> {
        match given {
            Some(given) => self.text_header(header::CONTENT_ENCODING, &given),
            None => Ok(self),
        }
    }

    pub(super) fn etag_header(self, name: HeaderName, etag: &ETag) -> Result<Self, StoreError> {
        self.text_header(name, &etag.quoted())
    }

    pub(super) fn precondition(self, precondition: &Precondition) -> Result<Self, StoreError> {
        const ANY: HeaderValue = HeaderValue::from_static("*");
        Ok(match precondition {
            Precondition::None => self,
            Precondition::IfAbsent => self.header(header::IF_NONE_MATCH, ANY),
            Precondition::IfPresent => self.header(header::IF_MATCH, ANY),
            Precondition::IfMatch(etag) => self.etag_header(header::IF_MATCH, etag)?,
        })
    }

    /// Adds user metadata, after the checks that S3 leaves to chance: it would change or refuse
    /// other values, and spaces in a row break signatures.
    pub(super) fn metadata(mut self, metadata: &Metadata) -> Result<Self, StoreError> {
        let size: usize = metadata
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if size > MAX_METADATA {
            return Err(invalid(format!(
                "the metadata has {size} bytes; S3 takes {MAX_METADATA}"
            )));
        }
        for (name, value) in metadata {
            // S3 keeps names in lower case, as `HeaderName` does.
            let header = HeaderName::from_bytes(format!("{META_PREFIX}{name}").as_bytes());
            let header = header.ok().filter(|_| !name.is_empty()).ok_or_else(|| {
                let name = name.escape_debug();
                invalid(format!(
                    "the metadata name `{name}` is not letters, digits and `-`"
                ))
            })?;
            let plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
                && value.trim().len() == value.len()
                && !value.contains("  ");
            let value = HeaderValue::from_str(value)
                .ok()
                .filter(|_| plain)
                .ok_or_else(|| {
                    invalid(format!(
                        "the metadata `{name}` may hold visible ASCII and single spaces only"
                    ))
                })?;
            if self.headers.insert(header, value).is_some() {
                return Err(invalid(format!("the metadata `{name}` is given twice")));
            }
        }
        Ok(self)
    }

    /// Adds the body's checksum, or that of the object that the request completes.
    pub(super) fn checksum(self, checksum: Option<Checksum>) -> Result<Self, StoreError> {
        match checksum {
            Some(checksum) => self.text_header(CHECKSUM, &checksum.to_string()),
            None => Ok(self),
        }
    }

    pub(super) fn signed(&self) -> Signed<'_> {
        let (path, query) = self.target.split_at(self.path_length);
        Signed {
            method: &self.method,
            path,
            query: query.strip_prefix('?').unwrap_or_default(),
            body: &self.body,
        }
    }

    pub(super) fn into_request(self) -> Result<Request<Full<Bytes>>, StoreError> {
        // From bytes, never through a URL type: those resolve `.` and `..` in keys.
        let target = PathAndQuery::from_maybe_shared(Bytes::from(self.target))
            .map_err(|_| invalid("the request's target is too long".to_owned()))?;
        let mut request = Request::new(Full::new(self.sent_instead.unwrap_or(self.body)));
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::from(target);
        *request.headers_mut() = self.headers;
        Ok(request)
    }
}

/// A header's value if it is ASCII: `http` takes more, and servers differ in what they make of it.
pub(super) fn ascii<E>(value: Result<HeaderValue, E>) -> Option<HeaderValue> {
    value.ok().filter(|value| value.to_str().is_ok())
}

pub(super) fn invalid(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, message)
}

/// Percent-encodes as signatures want it: everything but letters, digits and `-._~`, and in a path
/// its slashes.
pub(super) fn push_encoded(out: &mut String, text: &str, keep_slash: bool) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if keep_slash => out.push('/'),
            _ => {
                out.push('%');
                out.push(char::from(DIGITS[usize::from(byte >> 4)]));
                out.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
}

/// Reads what S3 encodes in listings: `%hh`, and `+` for a space. `None` if it is anything else.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_keep_every_key_as_it_is() {
        for (key, target) in [
            ("dot/./../x", "/b/dot/./../x"),
            ("/lead//trail/", "/b//lead//trail/"),
            ("a b+c%d?e#f&g=h", "/b/a%20b%2Bc%25d%3Fe%23f%26g%3Dh"),
            ("ü\u{1}\n", "/b/%C3%BC%01%0A"),
            ("-._~!*'()", "/b/-._~%21%2A%27%28%29"),
        ] {
            let draft = Draft::to_key(Method::GET, "/b", key);
            assert_eq!(draft.signed().path, target);
            let request = draft.into_request().unwrap();
            assert_eq!(request.uri().to_string(), target);
        }
    }

    #[test]
    fn queries_are_canonical() {
        let draft = Draft::to_root(Method::GET, "/b")
            .query("list-type", "2")
            .query("prefix", "a/b c");
        assert_eq!(
            (draft.signed().path, draft.signed().query),
            ("/b", "list-type=2&prefix=a%2Fb%20c")
        );
        assert_eq!(
            draft.into_request().unwrap().uri(),
            "/b?list-type=2&prefix=a%2Fb%20c"
        );
    }

    #[test]
    fn listings_are_decoded_strictly() {
        let every: String = (1..=0x2ff_u32).filter_map(char::from_u32).collect();
        let mut encoded = String::new();
        push_encoded(&mut encoded, &every, false);
        assert_eq!(decoded(&encoded), Some(every));
        assert_eq!(decoded("a+b%2bc%2F"), Some("a b+c/".to_owned()));
        for wrong in ["%", "%4", "%4g", "%-1", "%+1", "%ff"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn metadata_that_would_arrive_changed_is_refused() {
        let with = |name: &str, value: &str| {
            let metadata = Metadata::from([(name.to_owned(), value.to_owned())]);
            Draft::to_root(Method::PUT, "/b")
                .metadata(&metadata)
                .map(|draft| draft.headers)
        };
        let headers = with("write-id", "a b").unwrap();
        assert_eq!(headers["x-amz-meta-write-id"], "a b");
        assert_eq!(with("Upper", "x").unwrap()["x-amz-meta-upper"], "x");
        for (name, value) in [
            ("", "x"),
            ("a b", "x"),
            ("é", "x"),
            ("a", " x"),
            ("a", "x "),
            ("a", "x  y"),
            ("a", "é"),
            ("a", "x\ty"),
            ("a", "x\n"),
            ("a", &"x".repeat(2048)),
        ] {
            let error = with(name, value).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Invalid, "{name}: {value}");
        }
    }
}
