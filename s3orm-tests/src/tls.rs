//! TLS in front of a server: certificates of an authority made for one test, and who asks for what.
#![allow(clippy::disallowed_methods)] // It serves real connections.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A private certificate authority, whose files are in a folder of its own.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

/// The files of a certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// If there is no folder for temporary files.
    #[expect(clippy::new_without_default, reason = "each is another")]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let this = Self { issuer, folder };
        this.write("ca.pem", &this.issuer.pem());
        this
    }

    /// The file of its certificate, in PEM.
    pub fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// A client's certificate of this authority, in files of this name.
    pub fn client(&self, name: &str) -> Identity {
        let (cert, key) = self.issue(name, ExtendedKeyUsagePurpose::ClientAuth);
        Identity {
            cert: self.write(&format!("{name}.pem"), &cert.pem()),
            key: self.write(&format!("{name}.key"), &key.serialize_pem()),
        }
    }

    fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let names = vec![name.to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("names");
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        (cert, key)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file in its folder");
        path
    }

    /// What a server of this authority shows, and whom it lets in: who has a certificate of
    /// `clients`, or everybody.
    fn server(&self, clients: Option<&Self>) -> ServerConfig {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider's versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                let root = authority.issuer.der().clone();
                roots.add(root).expect("its own certificate");
                let provider = Arc::new(ring::default_provider());
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let (cert, key) = self.issue("localhost", ExtendedKeyUsagePurpose::ServerAuth);
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        builder
            .with_single_cert(vec![cert.der().clone()], key.into())
            .expect("a certificate and its key")
    }
}

/// A server over TLS in front of one without, on a free loopback port.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
}

impl TlsFront {
    /// Shows a certificate of `authority` and asks for one of `clients`, if that is given.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn new(
        upstream: SocketAddr,
        authority: &Authority,
        clients: Option<&Authority>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port on the loopback address");
        let address = listener.local_addr().expect("the listener's address");
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(clients)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream, upstream));
            }
        });
        Self { address }
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }
}

/// A connection that fails is the client's to see.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream, upstream: SocketAddr) {
    let Ok(mut inner) = acceptor.accept(stream).await else {
        return;
    };
    if let Ok(mut outer) = TcpStream::connect(upstream).await {
        let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
    }
}

/// The path as text.
///
/// # Panics
/// If it is none.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}
