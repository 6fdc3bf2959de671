//! Who may ask, and for what: credentials, host names, and headers that a store cannot honour.

use http::{HeaderMap, Uri};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::host::{S3Host, VirtualHost};
use s3s::{S3Result, s3_error};

/// One access key and its secret.
pub(super) struct OnePair {
    access_key: String,
    secret_key: SecretKey,
}

impl OnePair {
    pub(super) fn new(access_key: String, secret_key: &str) -> Self {
        Self {
            access_key,
            secret_key: secret_key.into(),
        }
    }
}

#[async_trait::async_trait]
impl S3Auth for OnePair {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key {
            Ok(self.secret_key.clone())
        } else {
            Err(s3_error!(
                InvalidAccessKeyId,
                "the access key does not exist in our records"
            ))
        }
    }
}

/// A domain whose first label is a bucket.
pub(super) struct Domain(pub(super) String);

impl S3Host for Domain {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let name = host.split_once(':').map_or(host, |(name, _port)| name);
        let bucket = name
            .strip_suffix(self.0.as_str())
            .and_then(|rest| rest.strip_suffix('.'));
        Ok(match bucket {
            Some(bucket) => VirtualHost::new(&self.0).with_bucket(bucket),
            None => VirtualHost::new(name),
        })
    }
}

/// Lets signed requests pass, if the store can do all that they ask for.
pub(super) struct OnlyWhatIsKept;

#[async_trait::async_trait]
impl S3Access for OnlyWhatIsKept {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        if request.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "the request is not signed"));
        }
        refuse_headers(request.headers())?;
        refuse_parameters(request.uri())
    }
}

/// Headers whose meaning would be lost: of the object, as a store keeps none of them, or of the
/// condition, as a store does not know it.
const REFUSED_HEADERS: [&str; 16] = [
    "cache-control",
    "content-disposition",
    "content-language",
    "expires",
    "if-modified-since",
    "if-unmodified-since",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-unmodified-since",
    "x-amz-copy-source-range",
    "x-amz-if-match-last-modified-time",
    "x-amz-if-match-size",
    "x-amz-object-lock-mode",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
];

fn refuse_headers(headers: &HeaderMap) -> S3Result<()> {
    if let Some(name) = REFUSED_HEADERS
        .into_iter()
        .find(|name| headers.contains_key(*name))
    {
        return Err(s3_error!(
            NotImplemented,
            "this server does not keep `{name}`"
        ));
    }
    // Of several, the framework tells one alone.
    if headers
        .get_all(http::header::CONTENT_ENCODING)
        .iter()
        .count()
        > 1
    {
        return Err(s3_error!(
            NotImplemented,
            "this server takes one `content-encoding`: write `a, b`"
        ));
    }
    Ok(())
}

fn refuse_parameters(uri: &Uri) -> S3Result<()> {
    let refused = [
        "versionId",
        "response-cache-control",
        "response-content-type",
    ];
    let asked = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .find(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            // The one version of an object in a bucket without versions is called `null`.
            refused.contains(&name) && value != "null"
        });
    match asked {
        Some(parameter) => Err(s3_error!(
            NotImplemented,
            "this server does not know the parameter `{parameter}`"
        )),
        None => Ok(()),
    }
}
