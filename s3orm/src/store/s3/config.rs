//! What an S3 store needs to know, as plain data, and the rules it must satisfy.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::credentials::CredentialProvider;
use super::encryption::CustomerKey;
use super::endpoint::{AwsPartition, Endpoint};
use super::headers::ExtraHeaders;
use super::keys::{AccessKeys, SecretSource};
use super::profile::Profile;
use super::secret::Secret;
use crate::error::Error;
use crate::store::rules::bucket_name_fault;

/// Where the bucket is, who asks, and how the connections behave.
///
/// ```
/// use s3orm::store::s3::{CredentialSource, S3Config};
///
/// let mut config = S3Config::new("people");
/// config.endpoint = Some("http://localhost:9000".to_owned());
/// config.credentials = CredentialSource::Static {
///     access_key: "minio".to_owned(),
///     secret_key: "minio-secret".into(),
///     session_token: None,
/// };
/// assert!(!format!("{config:?}").contains("minio-secret"));
/// ```
#[derive(Clone)]
pub struct S3Config {
    /// The bucket's name.
    pub bucket: String,
    /// The region. If none: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's, and with an endpoint
    /// `us-east-1`.
    pub region: Option<String>,
    /// `http(s)://host[:port]`. If none: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, and else AWS.
    pub endpoint: Option<String>,
    /// How the bucket is named in a request. If none: in the path where an endpoint is given or the
    /// bucket's name has dots, in the host otherwise.
    pub style: Option<AddressingStyle>,
    /// The profile of `~/.aws/config` and `~/.aws/credentials`. If none: `AWS_PROFILE`, `default`.
    /// A profile named here is asked before the environment.
    pub profile: Option<String>,
    /// Who asks.
    pub credentials: CredentialSource,
    /// Allows `http` to a host that is not this machine.
    pub allow_http: bool,
    /// For a connection to be made, TLS included. 5 s by default.
    pub connect_timeout: Duration,
    /// For one request, from sending it to the last byte of its answer. 30 s by default.
    pub timeout: Duration,
    /// Idle connections that are kept; those in use have no limit. 64 by default.
    pub pool_size: usize,
    /// How long an idle connection is kept. 15 s by default: S3 closes them after about 20 s.
    pub pool_idle_timeout: Duration,
    /// Certificates.
    pub tls: TlsConfig,
    /// Headers of every request, such as `x-amz-request-payer: requester`. Not those that the
    /// requests themselves need.
    pub headers: Vec<(String, String)>,
    /// Headers of every object that is written, such as `cache-control`, or
    /// `x-amz-storage-class`. Not those that the requests themselves need.
    pub upload_headers: Vec<(String, String)>,
    /// Who else may read or write the objects that are written; the bucket's rules if none.
    pub acl: Option<CannedAcl>,
    /// SSE-C: the key, 32 bytes in base64, that S3 encrypts every object with that is written, and
    /// decrypts every object with that is read. It goes with the requests, and S3 keeps none of it.
    pub customer_key: Option<SecretSource>,
    /// The account that must own the bucket (12 digits): S3 refuses a request to another's.
    pub expected_bucket_owner: Option<String>,
    /// Only addresses of this version of IP. If none: both, IPv6 first where the machine has it.
    pub ip: Option<IpVersion>,
}

impl S3Config {
    /// This bucket, on AWS, with the credentials that the machine has, and every default.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            region: None,
            endpoint: None,
            style: None,
            profile: None,
            credentials: CredentialSource::Chain,
            allow_http: false,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            pool_size: 64,
            pool_idle_timeout: Duration::from_secs(15),
            tls: TlsConfig::default(),
            headers: Vec::new(),
            upload_headers: Vec::new(),
            acl: None,
            customer_key: None,
            expected_bucket_owner: None,
            ip: None,
        }
    }

    /// This bucket, with the region, the endpoint and the credentials of an AWS configuration that
    /// the application already has.
    #[cfg(feature = "sdk-config")]
    pub fn from_sdk_config(bucket: impl Into<String>, sdk: &aws_types::SdkConfig) -> Self {
        Self {
            region: sdk.region().map(|region| region.as_ref().to_owned()),
            endpoint: sdk.endpoint_url().map(str::to_owned),
            credentials: match sdk.credentials_provider() {
                Some(provider) => CredentialSource::Provider(Arc::new(
                    super::credentials::SdkCredentials::new(provider),
                )),
                None => CredentialSource::Chain,
            },
            ..Self::new(bucket)
        }
    }
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values of extra headers may be secrets: only their names are shown.
        let names = |headers: &[(String, String)]| -> Vec<String> {
            headers.iter().map(|(name, _)| name.clone()).collect()
        };
        f.debug_struct("S3Config")
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint.as_deref().map(without_userinfo))
            .field("style", &self.style)
            .field("profile", &self.profile)
            .field("credentials", &self.credentials)
            .field("allow_http", &self.allow_http)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("pool_size", &self.pool_size)
            .field("pool_idle_timeout", &self.pool_idle_timeout)
            .field("tls", &self.tls)
            .field("headers", &names(&self.headers))
            .field("upload_headers", &names(&self.upload_headers))
            .field("acl", &self.acl)
            .field("customer_key", &self.customer_key)
            .field("expected_bucket_owner", &self.expected_bucket_owner)
            .field("ip", &self.ip)
            .finish()
    }
}

fn without_userinfo(endpoint: &str) -> &str {
    endpoint.rsplit('@').next().unwrap_or(endpoint)
}

/// How the bucket is named in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressingStyle {
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    Virtual,
}

/// Who may do what with an object that is written: S3's canned access control lists.
///
/// A bucket whose ownership is "bucket owner enforced", which is what new buckets have, refuses
/// every list but [`BucketOwnerFullControl`](Self::BucketOwnerFullControl).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CannedAcl {
    /// The writer alone.
    Private,
    /// Everybody reads.
    PublicRead,
    /// Everybody reads and writes.
    PublicReadWrite,
    /// Every AWS account reads.
    AuthenticatedRead,
    /// The bucket's owner reads.
    BucketOwnerRead,
    /// The bucket's owner may do all.
    BucketOwnerFullControl,
}

impl CannedAcl {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Private,
        Self::PublicRead,
        Self::PublicReadWrite,
        Self::AuthenticatedRead,
        Self::BucketOwnerRead,
        Self::BucketOwnerFullControl,
    ];

    /// As S3 writes it: `bucket-owner-read`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::PublicRead => "public-read",
            Self::PublicReadWrite => "public-read-write",
            Self::AuthenticatedRead => "authenticated-read",
            Self::BucketOwnerRead => "bucket-owner-read",
            Self::BucketOwnerFullControl => "bucket-owner-full-control",
        }
    }
}

/// A version of the Internet Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpVersion {
    pub(super) fn is_of(self, address: IpAddr) -> bool {
        match self {
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// Where credentials come from.
#[derive(Clone)]
pub enum CredentialSource {
    /// The first that has any: the environment, the profile's files (with their roles, their SSO
    /// session and their process), a web identity, the ECS container, the EC2 instance.
    Chain,
    /// These.
    Static {
        /// The access key id.
        access_key: String,
        /// The secret access key.
        secret_key: Secret,
        /// The token of temporary credentials.
        session_token: Option<Secret>,
    },
    /// These, from where each is kept: files are read again when S3 refuses what was in them.
    Keys(AccessKeys),
    /// None: requests are not signed.
    Anonymous,
    /// Another source.
    Provider(Arc<dyn CredentialProvider>),
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chain => "Chain",
            Self::Static { .. } => "Static(***)",
            Self::Keys(_) => "Keys(***)",
            Self::Anonymous => "Anonymous",
            Self::Provider(_) => "Provider(..)",
        })
    }
}

/// Certificates, as PEM files.
#[derive(Debug, Clone, Default)]
pub struct TlsConfig {
    /// The authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate chain.
    pub client_cert_file: Option<PathBuf>,
    /// The key of the client's certificate.
    pub client_key_file: Option<PathBuf>,
}

/// A configuration whose rules were checked and whose gaps are filled.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) region: String,
    pub(super) endpoint: Endpoint,
    pub(super) style: AddressingStyle,
    pub(super) headers: ExtraHeaders,
    pub(super) customer_key: Option<CustomerKey>,
}

/// Looks up an environment variable; tests hand over their own.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The first of these variables that is set.
fn first_of(variable: Variables<'_>, names: [&str; 2]) -> Option<String> {
    let mut values = names.iter().filter_map(|name| variable(name));
    values.find(|value| !value.is_empty())
}

impl S3Config {
    pub(super) fn resolve(
        &self,
        variable: Variables<'_>,
        profile: &Profile,
    ) -> Result<Resolved, Error> {
        check_bucket(&self.bucket)
            .map_err(|detail| Error::config(detail, "S3's rules for bucket names apply"))?;
        let endpoint = self
            .endpoint
            .clone()
            .or_else(|| first_of(variable, ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
        let region = self
            .region
            .clone()
            .or_else(|| first_of(variable, ["AWS_REGION", "AWS_DEFAULT_REGION"]))
            .or_else(|| profile.get("region").map(str::to_owned))
            .or_else(|| endpoint.is_some().then(|| "us-east-1".to_owned()))
            .ok_or_else(|| {
                Error::config(
                    "the bucket's region is not known",
                    "write `?region=eu-west-1` or set AWS_REGION",
                )
            })?;
        check_region(&region)?;
        let style = self.style_at(endpoint.is_some());
        let endpoint = match endpoint {
            Some(text) => Endpoint::parse(&text, self.allow_http)?,
            None => AwsPartition::of(&region).endpoint(&region),
        };
        if style == AddressingStyle::Virtual && endpoint.is_address() {
            return Err(Error::config(
                format!(
                    "`{}` is an address, which has no virtual hosts",
                    endpoint.host()
                ),
                "write `style=path`",
            ));
        }
        self.check_limits()?;
        self.check_connection(&endpoint)?;
        Ok(Resolved {
            region,
            endpoint,
            style,
            headers: ExtraHeaders::read(self)?,
            customer_key: (self.customer_key.as_ref())
                .map(CustomerKey::read)
                .transpose()?,
        })
    }

    /// What an endpoint and the options of its connections must agree on.
    fn check_connection(&self, endpoint: &Endpoint) -> Result<(), Error> {
        if self.tls.client_cert_file.is_some() && !endpoint.is_https() {
            return Err(Error::config(
                format!("`{}` never sees a client certificate", endpoint.origin()),
                "write `https`, or leave out `tls_cert` and `tls_key`",
            ));
        }
        if self.customer_key.is_some() && !endpoint.is_https() && !endpoint.is_loopback() {
            return Err(Error::config(
                format!(
                    "`{}` would be sent the `customer_key` unencrypted",
                    endpoint.origin()
                ),
                "write `https`: S3 refuses such a key over anything else, and so does `allow_http`",
            ));
        }
        match (self.ip, endpoint.address()) {
            (Some(ip), Some(address)) if !ip.is_of(address) => Err(Error::config(
                format!("`{}` is no address of the `ip` version", endpoint.host()),
                "leave `ip` out, or name the endpoint by its host name",
            )),
            _ => Ok(()),
        }
    }

    fn style_at(&self, own_endpoint: bool) -> AddressingStyle {
        let simple = own_endpoint || self.bucket.contains('.');
        self.style.unwrap_or(if simple {
            AddressingStyle::Path
        } else {
            AddressingStyle::Virtual
        })
    }

    fn check_limits(&self) -> Result<(), Error> {
        for (name, value) in [
            ("connect_timeout", self.connect_timeout),
            ("timeout", self.timeout),
        ] {
            if value.is_zero() {
                return Err(Error::config(
                    format!("`{name}` is zero"),
                    "give the time that a request may take, for example 30 s",
                ));
            }
        }
        match (&self.tls.client_cert_file, &self.tls.client_key_file) {
            (Some(_), None) | (None, Some(_)) => Err(Error::config(
                "a client certificate needs both its files",
                "set `tls_cert` and `tls_key`",
            )),
            _ => Ok(()),
        }
    }
}

/// S3's rule for names of general purpose buckets; what is wrong, if anything.
pub(super) fn check_bucket(name: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("the bucket name `{}` {why}", name.escape_debug()));
    if name.starts_with("arn:") {
        return wrong("is an access point, which is not supported: name the bucket");
    }
    if name.ends_with("--x-s3") {
        return wrong("is a directory bucket, which is not supported: its listings have no order");
    }
    bucket_name_fault(name).map_or(Ok(()), wrong)
}

fn check_region(region: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if region.is_empty() || region.len() > 64 || !region.bytes().all(allowed) {
        return Err(Error::config(
            format!("`{}` is not a region", region.escape_debug()),
            "a region is written like `eu-west-1`",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn resolve(config: &S3Config, variables: &[(&str, &str)]) -> Result<Resolved, Error> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        config.resolve(&variable, &Profile::default())
    }

    #[test]
    fn gaps_are_filled_in_the_documented_order() {
        let mut config = S3Config::new("people");
        let error = resolve(&config, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("AWS_REGION"), "{error}");

        let found = resolve(&config, &[("AWS_DEFAULT_REGION", "eu-west-1")]).unwrap();
        assert_eq!(found.region, "eu-west-1");
        assert_eq!(found.style, AddressingStyle::Virtual);
        assert_eq!(found.endpoint.host(), "s3.eu-west-1.amazonaws.com");
        assert!(found.endpoint.is_https());

        let both = [
            ("AWS_REGION", "cn-north-1"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
        ];
        let found = resolve(&config, &both).unwrap();
        assert_eq!(found.endpoint.host(), "s3.cn-north-1.amazonaws.com.cn");

        let endpoint = [
            ("AWS_ENDPOINT_URL", "http://localhost:1"),
            ("AWS_REGION", ""),
        ];
        let found = resolve(&config, &endpoint).unwrap();
        assert_eq!(
            (found.region.as_str(), found.style),
            ("us-east-1", AddressingStyle::Path)
        );

        config.bucket = "with.dots".to_owned();
        let found = resolve(&config, &[("AWS_REGION", "eu-west-1")]).unwrap();
        assert_eq!(found.style, AddressingStyle::Path);

        config.style = Some(AddressingStyle::Virtual);
        config.endpoint = Some("http://127.0.0.1:1".to_owned());
        assert!(
            resolve(&config, &[])
                .unwrap_err()
                .to_string()
                .contains("style=path")
        );
    }

    #[test]
    fn the_profile_gives_a_region() {
        let profile = Profile::parse("[default]\nregion = eu-north-1\n", "default", true);
        let found = S3Config::new("people")
            .resolve(&|_| None, &profile)
            .unwrap();
        assert_eq!(found.region, "eu-north-1");
    }

    #[test]
    fn bucket_names_follow_the_rules() {
        for name in ["abc", "my.bucket-1", "0ab"] {
            assert_eq!(check_bucket(name), Ok(()), "{name}");
        }
        for name in [
            "",
            "ab",
            "Abc",
            "a_b_c",
            "-abc",
            "abc.",
            "a..b",
            "a/b",
            "10.0.0.1",
            "b--x-s3",
            "arn:aws:s3",
        ] {
            assert!(check_bucket(name).is_err(), "{name}");
        }
    }

    #[test]
    fn wrong_settings_are_refused() {
        let wrong: [fn(&mut S3Config); 8] = [
            |config| config.region = Some("eu west".to_owned()),
            |config| config.timeout = Duration::ZERO,
            |config| config.tls.client_cert_file = Some("cert.pem".into()),
            |config| config.expected_bucket_owner = Some("12".to_owned()),
            |config| config.bucket = "No".to_owned(),
            |config| {
                config.endpoint = Some("http://127.0.0.1:1".to_owned());
                config.ip = Some(IpVersion::V6);
            },
            |config| {
                config.endpoint = Some("http://[::1]:1".to_owned());
                config.ip = Some(IpVersion::V4);
            },
            |config| {
                config.endpoint = Some("http://127.0.0.1:1".to_owned());
                config.tls.client_cert_file = Some("cert.pem".into());
                config.tls.client_key_file = Some("key.pem".into());
            },
        ];
        for spoil in wrong {
            let mut config = S3Config::new("people");
            config.region = Some("eu-west-1".to_owned());
            spoil(&mut config);
            assert_eq!(
                resolve(&config, &[]).unwrap_err().kind(),
                ErrorKind::Config,
                "{config:?}"
            );
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut config = S3Config::new("people");
        config.endpoint = Some("http://user:canary@host".to_owned());
        config.credentials = CredentialSource::Static {
            access_key: "canary".to_owned(),
            secret_key: "canary".into(),
            session_token: Some("canary".into()),
        };
        assert!(!format!("{config:?}").contains("canary"));
    }
}
