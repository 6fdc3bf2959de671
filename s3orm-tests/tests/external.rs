//! The conformance suite over any service, as a table:
//!
//! ```text
//! S3ORM_TEST_URL='s3://bucket?endpoint=http://localhost:9000' \
//!     cargo test -p s3orm-tests --test external -- --nocapture
//! ```
//!
//! The bucket is created if it is missing; others are created and deleted beside it. Credentials are
//! those that the URL's connection finds. `S3ORM_TEST_CASES=copy` runs the cases with `copy` in
//! their names. `S3ORM_TEST_KNOWN=copy_if_absent,copy_if_match` names the cases that the service is
//! known not to pass: the test fails if others fail, or if one of these passes.
//!
//! Without a URL it runs over this project's own server.

use std::env;
use std::sync::Arc;

use anyhow::Context as _;
use s3orm::Db;
use s3orm::store::Store;
use s3orm::store::s3::CredentialSource;
use s3orm_tests::conformance::{Fixture, run_all};
use s3orm_tests::connect::credentials;
use s3orm_tests::server::{BUCKET, TestServer};

/// Where the service is, and who asks, where it is not the environment that says so.
struct Target {
    url: String,
    credentials: Option<CredentialSource>,
}

impl Target {
    /// A new connection, which sends every request once.
    async fn connect(&self, source: Option<CredentialSource>) -> anyhow::Result<Arc<dyn Store>> {
        let mut builder = Db::builder(&self.url)?.retries(0);
        if let Some(source) = source {
            builder = builder.credentials(source);
        }
        let db = builder.connect().await?;
        let bucket = db.store().bucket().to_owned();
        Ok(db.store().with_bucket(&bucket)?)
    }

    async fn fixture(&self) -> anyhow::Result<Fixture> {
        let store = self.connect(self.credentials.clone()).await?;
        let fixture = Fixture::shared(store).in_shared_bucket();
        if !self.url.starts_with("s3:") {
            return Ok(fixture);
        }
        let nobody = CredentialSource::Static {
            access_key: "nobody-has-this-key".to_owned(),
            secret_key: "nor-this-secret".into(),
            session_token: None,
        };
        Ok(fixture
            .second(self.connect(self.credentials.clone()).await?)
            .wrong_credentials(self.connect(Some(nobody)).await?))
    }

    async fn make_bucket(&self) -> anyhow::Result<()> {
        let mut builder = Db::builder(&self.url)?;
        if let Some(source) = self.credentials.clone() {
            builder = builder.credentials(source);
        }
        Ok(builder.connect().await?.ensure_bucket().await?)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conformance_of_the_service() -> anyhow::Result<()> {
    let server = TestServer::memory().await;
    let target = match env::var("S3ORM_TEST_URL") {
        Ok(url) => Target {
            url,
            credentials: None,
        },
        Err(_) => Target {
            url: format!("s3://{BUCKET}?endpoint={}", server.endpoint()),
            credentials: Some(credentials()),
        },
    };
    target.make_bucket().await.context("making the bucket")?;
    let filter = env::var("S3ORM_TEST_CASES").unwrap_or_default();
    let report = run_all(&filter, || target.fixture()).await;
    println!("{report}");
    let known = env::var("S3ORM_TEST_KNOWN").unwrap_or_default();
    let known: Vec<&str> = known.split(',').filter(|name| !name.is_empty()).collect();
    assert_eq!(
        report.failed(),
        known,
        "the cases that fail, and those known to"
    );
    Ok(())
}
