//! Databases over the test server.

use std::time::Duration;

use s3orm::store::s3::CredentialSource;
use s3orm::{Db, DbBuilder};

use crate::server::{ACCESS_KEY, BUCKET, SECRET_KEY};

/// The credentials that the test server knows.
pub fn credentials() -> CredentialSource {
    CredentialSource::Static {
        access_key: ACCESS_KEY.into(),
        secret_key: SECRET_KEY.into(),
        session_token: None,
    }
}

/// A connection to the test bucket at an endpoint: a server's or a proxy's.
///
/// # Panics
/// If the endpoint is none.
pub fn builder(endpoint: &str) -> DbBuilder {
    Db::builder(&format!("s3://{BUCKET}?endpoint={endpoint}"))
        .expect("a connection string")
        .credentials(credentials())
        .timeout(Duration::from_secs(2))
}

/// A database in the test bucket at an endpoint.
///
/// # Panics
/// If the endpoint is none.
pub async fn db(endpoint: &str) -> Db {
    builder(endpoint).connect().await.expect("a database")
}
