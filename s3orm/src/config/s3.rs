//! The options of `s3://` connections.

use std::time::Duration;

use super::{Client, DbBuilder, Location};
use crate::error::Error;
use crate::store::s3::{
    AccessKeys, AddressingStyle, CannedAcl, CredentialSource, IpVersion, S3Config, SecretSource,
};

/// Options of `s3://` connections; on another connection they are an error when connecting.
impl DbBuilder {
    fn s3(self, option: &str, set: impl FnOnce(&mut S3Config)) -> Self {
        self.of_s3(option, |config, _| set(config))
    }

    fn of_s3(mut self, option: &str, set: impl FnOnce(&mut S3Config, &mut Client)) -> Self {
        if let Location::S3(config, client) = &mut self.location {
            set(config, client);
        } else if self.misfit.is_none() {
            self.misfit = Some(Error::config(
                format!(
                    "`{option}` is an option of `s3://` connections; this is `{}`",
                    self.options.name
                ),
                "leave it out",
            ));
        }
        self
    }

    /// The region, such as `eu-north-1`. Unless set: `AWS_REGION`, `AWS_DEFAULT_REGION`, the
    /// profile's; with an endpoint, `us-east-1`.
    pub fn region(self, region: impl Into<String>) -> Self {
        self.s3("region", |config| config.region = Some(region.into()))
    }

    /// Another S3 than AWS: `https://host[:port]`; `http://` for this machine, or with
    /// [`allow_http`](Self::allow_http). Unless set: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`.
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        self.s3("endpoint", |config| config.endpoint = Some(endpoint.into()))
    }

    /// Where the bucket's name stands: `path` (`https://host/bucket/key`; what an endpoint gets
    /// unless set) or `virtual` (`https://bucket.host/key`; what AWS gets).
    pub fn style(self, style: AddressingStyle) -> Self {
        self.s3("style", |config| config.style = Some(style))
    }

    /// The profile of `~/.aws/config` and `~/.aws/credentials`. Unless set: `AWS_PROFILE`.
    pub fn profile(self, profile: impl Into<String>) -> Self {
        self.s3("profile", |config| config.profile = Some(profile.into()))
    }

    /// Where credentials come from: the full chain of AWS's SDKs (environment, profile, SSO, web
    /// identity, ECS, EC2) unless set. No parameter: secrets do not belong in a connection string.
    pub fn credentials(self, source: CredentialSource) -> Self {
        self.s3("credentials", |config| config.credentials = source)
    }

    /// The access key's id: here, or `file:///path` or `env:NAME`. With
    /// [`secret_access_key`](Self::secret_access_key), instead of
    /// [`credentials`](Self::credentials).
    pub fn access_key_id(self, id: impl Into<SecretSource>) -> Self {
        self.keys("access_key_id", |keys| keys.access_key_id = Some(id.into()))
    }

    /// The access key's secret: here, or `file:///path` (a file that its owner alone may read) or
    /// `env:NAME`. Where text is a parameter or stands in a file, only the latter two. What S3
    /// refuses is read again, so a secret may be exchanged in its file.
    pub fn secret_access_key(self, secret: impl Into<SecretSource>) -> Self {
        self.keys("secret_access_key", |keys| {
            keys.secret_access_key = Some(secret.into());
        })
    }

    /// The token of temporary credentials, as [`secret_access_key`](Self::secret_access_key).
    pub fn session_token(self, token: impl Into<SecretSource>) -> Self {
        self.keys("session_token", |keys| {
            keys.session_token = Some(token.into());
        })
    }

    fn keys(self, option: &str, set: impl FnOnce(&mut AccessKeys)) -> Self {
        self.s3(option, |config| {
            let mut keys = match &config.credentials {
                CredentialSource::Keys(keys) => keys.clone(),
                _ => AccessKeys::default(),
            };
            set(&mut keys);
            config.credentials = CredentialSource::Keys(keys);
        })
    }

    /// Region, endpoint and credentials of an `SdkConfig` that the application already has.
    #[cfg(feature = "sdk-config")]
    pub fn sdk_config(self, sdk: &aws_types::SdkConfig) -> Self {
        self.s3("sdk_config", |config| {
            let S3Config {
                region,
                endpoint,
                credentials,
                ..
            } = S3Config::from_sdk_config("", sdk);
            config.region = region.or(config.region.take());
            config.endpoint = endpoint.or(config.endpoint.take());
            config.credentials = credentials;
        })
    }

    /// Allows an `http://` endpoint that is not this machine: requests are signed, but everybody on
    /// the way can read and replay them.
    pub fn allow_http(self, allow: bool) -> Self {
        self.s3("allow_http", |config| config.allow_http = allow)
    }

    /// How long a connection may take (5 s unless set).
    pub fn connect_timeout(self, limit: Duration) -> Self {
        self.s3("connect_timeout", |config| config.connect_timeout = limit)
    }

    /// How long a request may take, from sending to the last byte of the answer (30 s unless set).
    pub fn timeout(self, limit: Duration) -> Self {
        self.s3("timeout", |config| config.timeout = limit)
    }

    /// How many idle connections are kept (64 unless set).
    pub fn pool_size(self, connections: usize) -> Self {
        self.s3("pool_size", |config| config.pool_size = connections)
    }

    /// A file of the certificate authorities to trust instead of the system's, in PEM.
    pub fn tls_ca(self, file: impl Into<std::path::PathBuf>) -> Self {
        self.s3("tls_ca", |config| config.tls.ca_file = Some(file.into()))
    }

    /// A file of the client's certificate chain, in PEM; with [`tls_key`](Self::tls_key).
    pub fn tls_cert(self, file: impl Into<std::path::PathBuf>) -> Self {
        self.s3("tls_cert", |config| {
            config.tls.client_cert_file = Some(file.into());
        })
    }

    /// A file of the client certificate's private key, in PEM.
    pub fn tls_key(self, file: impl Into<std::path::PathBuf>) -> Self {
        self.s3("tls_key", |config| {
            config.tls.client_key_file = Some(file.into());
        })
    }

    /// A header for every request; those of S3 (`x-amz-…`) are signed. Its parameter is
    /// `header.<name>=<value>`. Set again, it replaces.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.s3("header", |config| {
            put(&mut config.headers, name.into(), value.into());
        })
    }

    /// A header for every object that is written, such as `cache-control`, or `x-amz-storage-class`.
    /// Its parameter is `upload_header.<name>=<value>`. Rows and uploads have a content type and
    /// metadata of their own, so those are refused here.
    pub fn upload_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.s3("upload_header", |config| {
            put(&mut config.upload_headers, name.into(), value.into());
        })
    }

    /// Who else may read or write the objects that are written: what the bucket says, unless set.
    pub fn acl(self, acl: CannedAcl) -> Self {
        self.s3("acl", |config| config.acl = Some(acl))
    }

    /// SSE-C: a key of 32 bytes, in base64, that goes with every request, that S3 encrypts what is
    /// written with, and keeps nothing of: here, or where it is, as
    /// [`secret_access_key`](Self::secret_access_key). Who loses the key loses what was written with it.
    ///
    /// Objects that were written without it cannot be read with it, nor the other way round. There
    /// are no signed URLs then, and no plain `http://` to another machine.
    pub fn customer_key(self, key: impl Into<SecretSource>) -> Self {
        self.s3("customer_key", |config| {
            config.customer_key = Some(key.into());
        })
    }

    /// Only addresses of this version of IP: `4` or `6`. Both unless set, IPv6 first where the
    /// machine has it.
    pub fn ip(self, version: IpVersion) -> Self {
        self.s3("ip", |config| config.ip = Some(version))
    }

    /// The account that must own the bucket: S3 refuses every request otherwise.
    pub fn expected_bucket_owner(self, account: impl Into<String>) -> Self {
        self.s3("expected_bucket_owner", |config| {
            config.expected_bucket_owner = Some(account.into());
        })
    }

    pub(super) fn own_client(self) -> Self {
        self.of_s3("client", |_, client| *client = Client::Own)
    }

    /// Which client speaks to S3: `s3`, our own (unless set), or `rusoto`.
    #[cfg(feature = "rusoto")]
    pub fn rusoto(self) -> Self {
        self.of_s3("rusoto", |_, client| *client = Client::Rusoto)
    }
}

/// Sets a header. Header names have no case.
fn put(headers: &mut Vec<(String, String)>, name: String, value: String) {
    headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
    headers.push((name, value));
}
