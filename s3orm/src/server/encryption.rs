//! Encryption at rest, as requests ask for it and answers tell. The store remembers which; nothing is
//! encrypted. A customer's key is checked as S3 checks it, and known by its MD5 afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest as _, Md5};
use s3s::{S3Result, s3_error};

use crate::store::{AtRest, Encryption, KmsKey};

const ALGORITHM: &str = "x-amz-server-side-encryption";
const KMS_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const CONTEXT: &str = "x-amz-server-side-encryption-context";
const BUCKET_KEY: &str = "x-amz-server-side-encryption-bucket-key-enabled";
const CUSTOMER: &str = "x-amz-server-side-encryption-customer";
const SOURCE: &str = "x-amz-copy-source-server-side-encryption-customer";

fn text<'a>(headers: &'a HeaderMap, name: &str) -> S3Result<Option<&'a str>> {
    let value = headers.get(name).map(HeaderValue::to_str).transpose();
    value.map_err(|_| s3_error!(InvalidArgument, "`{name}` is not visible ASCII"))
}

/// What a write asks its object to be encrypted with.
pub(super) fn asked(headers: &HeaderMap) -> S3Result<Option<AtRest>> {
    let by_service = by_service(headers)?;
    let key_md5 = customer_key(headers)?;
    match (by_service, key_md5) {
        (Some(_), Some(_)) => Err(s3_error!(
            InvalidArgument,
            "an object is encrypted by a key of the service or by the customer's"
        )),
        (Some(encryption), None) => Ok(Some(AtRest::Service(encryption))),
        (None, Some(key_md5)) => Ok(Some(AtRest::Customer { key_md5 })),
        (None, None) => Ok(None),
    }
}

fn by_service(headers: &HeaderMap) -> S3Result<Option<Encryption>> {
    match text(headers, ALGORITHM)? {
        None => Ok(None),
        Some("AES256") => Ok(Some(Encryption::S3)),
        Some("aws:kms") => {
            let context = text(headers, CONTEXT)?.map(context).transpose()?;
            Ok(Some(Encryption::Kms(KmsKey {
                id: text(headers, KMS_KEY)?.map(Into::into),
                context: Arc::new(context.unwrap_or_default()),
                bucket_key: text(headers, BUCKET_KEY)?.map(|text| text == "true"),
            })))
        }
        Some(other) => Err(s3_error!(
            NotImplemented,
            "this server does not know the encryption `{other}`"
        )),
    }
}

fn context(header: &str) -> S3Result<BTreeMap<String, String>> {
    let json = STANDARD.decode(header).ok();
    let context = json.and_then(|json| serde_json::from_slice(&json).ok());
    context.ok_or_else(|| s3_error!(InvalidArgument, "`{CONTEXT}` is not JSON in base64"))
}

/// The MD5 of the key that a request brings along for its object.
pub(super) fn customer_key(headers: &HeaderMap) -> S3Result<Option<String>> {
    key_of(headers, CUSTOMER)
}

/// The MD5 of the key that a copy brings along for its source.
pub(super) fn source_key(headers: &HeaderMap) -> S3Result<Option<String>> {
    key_of(headers, SOURCE)
}

fn key_of(headers: &HeaderMap, prefix: &str) -> S3Result<Option<String>> {
    let part = |part: &str| text(headers, &format!("{prefix}-{part}"));
    let (algorithm, key, md5) = (part("algorithm")?, part("key")?, part("key-md5")?);
    if algorithm.or(key).or(md5).is_none() {
        return Ok(None);
    }
    let key = key.and_then(|key| STANDARD.decode(key).ok());
    match (algorithm, key, md5) {
        (Some("AES256"), Some(key), Some(md5)) if key.len() == 32 => {
            if STANDARD.encode(Md5::digest(&key)) == md5 {
                return Ok(Some(md5.to_owned()));
            }
            Err(s3_error!(
                InvalidArgument,
                "the calculated MD5 hash of the key did not match the hash that was provided"
            ))
        }
        (Some("AES256"), ..) => Err(s3_error!(
            InvalidArgument,
            "the secret key was invalid for the specified algorithm"
        )),
        _ => Err(s3_error!(
            InvalidEncryptionAlgorithmError,
            "a customer's key is for the algorithm `AES256`"
        )),
    }
}

/// Whether who has this key, or none, may read an object: S3's answers.
pub(super) fn check_key(object: Option<&AtRest>, key_md5: Option<&str>) -> S3Result<()> {
    match (object.and_then(AtRest::customer), key_md5) {
        (None, None) => Ok(()),
        (Some(kept), Some(given)) if kept == given => Ok(()),
        (Some(_), Some(_)) => Err(s3_error!(AccessDenied, "this is not the object's key")),
        (Some(_), None) => Err(s3_error!(
            InvalidRequest,
            "the object was stored using a form of server side encryption: the correct parameters \
             must be provided to retrieve it"
        )),
        (None, Some(_)) => Err(s3_error!(
            InvalidRequest,
            "the encryption parameters are not applicable to this object"
        )),
    }
}

/// Tells how an object is encrypted.
pub(super) fn tell(headers: &mut HeaderMap, encryption: Option<&AtRest>) {
    let mut tell = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    };
    match encryption {
        None => {}
        Some(AtRest::Service(Encryption::S3)) => tell(ALGORITHM, "AES256"),
        Some(AtRest::Service(Encryption::Kms(key))) => {
            tell(ALGORITHM, "aws:kms");
            if let Some(id) = key.id() {
                tell(KMS_KEY, id);
            }
            if key.bucket_key == Some(true) {
                tell(BUCKET_KEY, "true");
            }
        }
        Some(AtRest::Customer { key_md5 }) => {
            tell(&format!("{CUSTOMER}-algorithm"), "AES256");
            tell(&format!("{CUSTOMER}-key-md5"), key_md5);
        }
    }
}

/// The headers that tell how an object is encrypted.
pub(super) fn told(encryption: Option<&AtRest>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    tell(&mut headers, encryption);
    headers
}
