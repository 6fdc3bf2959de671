//! How a connection is made: names, addresses, TLS; and what to say when it is not.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use super::config::{IpVersion, TlsConfig};
use super::endpoint::is_metadata;
use super::transport::origin;
use crate::error::Error;
use crate::store::{StoreError, StoreErrorKind};

/// This machine, with the port left to the connector.
const LOOPBACK: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
];

/// Makes connections, over TLS where the URI says `https`.
pub(super) type Connector = HttpsConnector<HttpConnector<Resolver>>;

/// Which addresses a connector may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Not those that hand out a machine's credentials, whatever name they hide behind.
    Services,
    /// All: for the credential chain.
    Everything,
}

pub(super) fn connector(
    tls: ClientConfig,
    reach: Reach,
    ip: Option<IpVersion>,
    timeout: Duration,
) -> Connector {
    let mut http = HttpConnector::new_with_resolver(Resolver {
        reach,
        ip,
        inner: GaiResolver::new(),
    });
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(timeout));
    HttpsConnector::from((http, tls))
}

/// The TLS settings. Without `https` nothing is read and nobody is trusted.
pub(super) fn tls_config(config: &TlsConfig, https: bool) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    if https {
        match &config.ca_file {
            Some(file) => {
                for certificate in certificates("tls_ca", file)? {
                    roots
                        .add(certificate)
                        .map_err(|error| unreadable("tls_ca", file, error))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err(Error::config(
                "no certificate authorities were found on this machine",
                "install `ca-certificates`, or set `tls_ca` to a PEM file",
            ));
        }
    }
    // The provider is named, not installed: a process-wide default is the application's.
    let builder =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::config("TLS cannot be set up", "").with_source(error))?
            .with_root_certificates(roots);
    let (Some(cert), Some(key)) = (&config.client_cert_file, &config.client_key_file) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates("tls_cert", cert)?;
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("tls_key", key, error))?;
    builder
        .with_client_auth_cert(chain, private)
        .map_err(|error| unreadable("tls_key", key, error))
}

fn certificates(option: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(option, file, error))?;
    if found.is_empty() {
        return Err(unreadable(option, file, "it holds no certificate"));
    }
    Ok(found)
}

fn unreadable(
    option: &'static str,
    file: &Path,
    why: impl Into<Box<dyn StdError + Send + Sync>>,
) -> Error {
    let why = why.into();
    Error::config(
        format!("`{option}` `{}` is not usable: {why}", file.display()),
        "give a PEM file",
    )
}

/// The system's resolver, without the addresses that are out of reach or not wanted.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    reach: Reach,
    ip: Option<IpVersion>,
    inner: GaiResolver,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (reach, ip) = (self.reach, self.ip);
        let wanted = move |at: &SocketAddr| ip.is_none_or(|ip| ip.is_of(at.ip()));
        if is_this_machine(name.as_str()) {
            let found = within_reach(reach, LOOPBACK.into_iter().filter(wanted));
            return Box::pin(std::future::ready(found));
        }
        let found = self.inner.call(name);
        Box::pin(async move { within_reach(reach, found.await?.filter(wanted)) })
    }
}

/// `localhost` and all below it, such as a bucket's host. They are this machine's, which plain HTTP
/// relies on, whatever a name server says (RFC 6761); and few systems know the names below.
fn is_this_machine(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

fn within_reach(
    reach: Reach,
    found: impl Iterator<Item = SocketAddr>,
) -> io::Result<std::vec::IntoIter<SocketAddr>> {
    let allowed = |at: &SocketAddr| reach == Reach::Everything || !is_metadata(at.ip());
    let kept: Vec<_> = found.filter(allowed).collect();
    if kept.is_empty() {
        return Err(io::Error::other(
            "the name leads to no address that may be S3, or to none of the `ip` version",
        ));
    }
    Ok(kept.into_iter())
}

/// What to do about a connection that could not be made. Nothing was sent.
pub(super) fn connect_error(at: &Uri, error: Box<dyn StdError + Send + Sync>) -> StoreError {
    let origin = origin(at);
    let host = at.host().unwrap_or_default();
    let message = match cause(&*error) {
        Cause::Refused => format!("connection refused by {origin}: is the server running?"),
        Cause::TimedOut => format!("no connection to {origin}: is it reachable from here?"),
        Cause::Tls(why) => format!(
            "no secure connection to {origin}: {why}; trust its authority with `tls_ca` if it is yours"
        ),
        Cause::Dns => format!("the host `{host}` cannot be resolved: is its name right?"),
        Cause::Other => format!("no connection to {origin}"),
    };
    StoreError::new(StoreErrorKind::Unsent, message).with_source(error)
}

enum Cause {
    Refused,
    TimedOut,
    Tls(String),
    Dns,
    Other,
}

fn cause(error: &(dyn StdError + 'static)) -> Cause {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Cause::Tls(tls.to_string());
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return Cause::Refused,
                io::ErrorKind::TimedOut => return Cause::TimedOut,
                _ => {}
            }
            // An I/O error hides what it wraps from the chain.
            if let Some(inner) = io.get_ref() {
                match cause(inner) {
                    Cause::Other => {}
                    found => return found,
                }
            }
        }
        // `hyper-util` names the step in words only.
        if error.to_string().starts_with("dns error") {
            return Cause::Dns;
        }
        next = error.source();
    }
    Cause::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_to_metadata_are_out_of_reach() {
        let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 80);
        let mixed = [at("169.254.169.254"), at("10.0.0.1"), at("fd00:ec2::254")];
        let kept: Vec<_> = within_reach(Reach::Services, mixed.into_iter())
            .unwrap()
            .collect();
        assert_eq!(kept, [at("10.0.0.1")]);
        assert!(within_reach(Reach::Services, mixed[..1].iter().copied()).is_err());
        assert_eq!(
            within_reach(Reach::Everything, mixed.into_iter())
                .unwrap()
                .count(),
            3
        );
    }

    #[test]
    fn certificate_files_that_are_wrong_say_which() {
        let mut config = TlsConfig {
            ca_file: Some("/nonexistent.pem".into()),
            ..TlsConfig::default()
        };
        let error = tls_config(&config, true).unwrap_err();
        assert!(
            error.to_string().contains("`tls_ca` `/nonexistent.pem`"),
            "{error}"
        );
        assert!(
            tls_config(&config, false).is_ok(),
            "nothing is read for plain HTTP"
        );
        config.ca_file = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into());
        assert!(tls_config(&config, true).is_err());
    }
}
