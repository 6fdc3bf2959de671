//! Encryption at rest as headers: what a write asks for, the customer's key, and what S3 answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::keys::SecretSource;
use super::request::{Draft, invalid};
use super::secret::Secret;
use crate::error::{Error, Result};
use crate::store::{AtRest, Encryption, KmsKey, StoreError};

/// What every header about encryption begins with.
pub(super) const PREFIX: &str = "x-amz-server-side-encryption";
const ALGORITHM: HeaderName = HeaderName::from_static(PREFIX);
const KMS_KEY: HeaderName = HeaderName::from_static("x-amz-server-side-encryption-aws-kms-key-id");
const KMS_CONTEXT: HeaderName = HeaderName::from_static("x-amz-server-side-encryption-context");
const BUCKET_KEY: HeaderName =
    HeaderName::from_static("x-amz-server-side-encryption-bucket-key-enabled");
const AES: HeaderValue = HeaderValue::from_static("AES256");
const KMS: HeaderValue = HeaderValue::from_static("aws:kms");

/// The headers of a customer's key: the algorithm, the key, its MD5.
type KeyHeaders = [HeaderName; 3];

const OF_OBJECT: KeyHeaders = [
    HeaderName::from_static("x-amz-server-side-encryption-customer-algorithm"),
    HeaderName::from_static("x-amz-server-side-encryption-customer-key"),
    HeaderName::from_static("x-amz-server-side-encryption-customer-key-md5"),
];
const OF_SOURCE: KeyHeaders = [
    HeaderName::from_static("x-amz-copy-source-server-side-encryption-customer-algorithm"),
    HeaderName::from_static("x-amz-copy-source-server-side-encryption-customer-key"),
    HeaderName::from_static("x-amz-copy-source-server-side-encryption-customer-key-md5"),
];

/// A customer's key (SSE-C), checked: S3 encrypts with it and forgets it.
#[derive(Debug, Clone)]
pub(super) struct CustomerKey {
    /// In base64.
    key: Secret,
    /// Of its bytes, in base64.
    md5: String,
}

impl CustomerKey {
    /// Reads the key from where it is kept: 32 bytes in base64.
    pub(super) fn read(source: &SecretSource) -> Result<Self> {
        let key = source.read("customer_key")?;
        let wrong = |why: String| {
            Error::config(
                format!("`customer_key` {why}"),
                "write 32 random bytes in base64, as `openssl rand -base64 32` does",
            )
        };
        let bytes = STANDARD.decode(key.expose());
        let bytes = Zeroizing::new(bytes.map_err(|_| wrong("is no base64".to_owned()))?);
        if bytes.len() != 32 {
            return Err(wrong(format!("has {} bytes", bytes.len())));
        }
        let md5 = STANDARD.encode(Md5::digest(&*bytes));
        Ok(Self { key, md5 })
    }

    /// Its text, where a client wants it as such.
    #[cfg(feature = "rusoto")]
    pub(super) fn parts(&self) -> (&str, &str) {
        (self.key.expose(), &self.md5)
    }

    fn headers(&self, [algorithm, key, md5]: KeyHeaders) -> [(HeaderName, HeaderValue); 3] {
        // Base64 is visible ASCII.
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or(AES);
        let mut secret = value(self.key.expose());
        secret.set_sensitive(true);
        [(algorithm, AES), (key, secret), (md5, value(&self.md5))]
    }
}

impl Draft {
    /// Adds the customer's key, if there is one: of what reads an object or an upload, or goes on
    /// with one.
    pub(super) fn customer_key(mut self, key: Option<&CustomerKey>) -> Self {
        if let Some(key) = key {
            self.headers.extend(key.headers(OF_OBJECT));
        }
        self
    }

    /// Adds the customer's key of a copy's source.
    pub(super) fn source_key(mut self, key: Option<&CustomerKey>) -> Self {
        if let Some(key) = key {
            self.headers.extend(key.headers(OF_SOURCE));
        }
        self
    }

    /// Adds what a new object is encrypted with.
    pub(super) fn encryption(
        self,
        asked: Option<&AtRest>,
        key: Option<&CustomerKey>,
    ) -> std::result::Result<Self, StoreError> {
        match (asked, key) {
            (None, key) => Ok(self.customer_key(key)),
            (Some(AtRest::Service(encryption)), None) => self.service_key(encryption),
            (Some(AtRest::Customer { key_md5 }), Some(key)) if key.md5 == *key_md5 => {
                Ok(self.customer_key(Some(key)))
            }
            (Some(AtRest::Customer { .. }), _) => Err(invalid(
                "the connection does not have this customer's key: set `customer_key`".to_owned(),
            )),
            (Some(AtRest::Service(_)), Some(_)) => Err(invalid(
                "the connection has a `customer_key`, and what it reads must be encrypted with it: \
                 leave out `encryption`, or connect without the key"
                    .to_owned(),
            )),
        }
    }

    fn service_key(self, encryption: &Encryption) -> std::result::Result<Self, StoreError> {
        let key = match encryption {
            Encryption::S3 => return Ok(self.header(ALGORITHM, AES)),
            Encryption::Kms(key) => key,
        };
        let mut draft = self.header(ALGORITHM, KMS);
        if let Some(id) = &key.id {
            draft = draft.text_header(KMS_KEY, id)?;
        }
        if !key.context.is_empty() {
            let json = serde_json::to_vec(&*key.context).unwrap_or_default();
            draft = draft.text_header(KMS_CONTEXT, &STANDARD.encode(json))?;
        }
        if let Some(enabled) = key.bucket_key {
            draft = draft.text_header(BUCKET_KEY, if enabled { "true" } else { "false" })?;
        }
        Ok(draft)
    }
}

/// How an object is encrypted, by the headers of an answer.
pub(super) fn at_rest(headers: &HeaderMap) -> Option<AtRest> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(key_md5) = text(&OF_OBJECT[2]) {
        let key_md5 = key_md5.to_owned();
        return Some(AtRest::Customer { key_md5 });
    }
    let encryption = match text(&ALGORITHM)? {
        "AES256" => Encryption::S3,
        "aws:kms" => Encryption::Kms(KmsKey {
            id: text(&KMS_KEY).map(Into::into),
            bucket_key: text(&BUCKET_KEY).map(|text| text == "true"),
            ..KmsKey::default()
        }),
        _ => return None,
    };
    Some(AtRest::Service(encryption))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customers_key_is_32_bytes_in_base64_and_is_not_shown() {
        let key = STANDARD.encode([7; 32]);
        let read = CustomerKey::read(&key.as_str().into()).unwrap();
        assert_eq!(read.md5, STANDARD.encode(Md5::digest([7; 32])));
        let headers = read.headers(OF_OBJECT);
        assert!(!format!("{read:?} {headers:?}").contains(&key));
        for wrong in ["canary!", "Y2FuYXJ5", &STANDARD.encode([7; 33])] {
            let error = CustomerKey::read(&wrong.into()).unwrap_err();
            assert!(error.to_string().contains("openssl rand -base64 32"));
            assert!(!format!("{error:?}").contains(wrong), "{error:?}");
        }
    }
}
