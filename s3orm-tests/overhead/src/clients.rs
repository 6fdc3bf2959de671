//! The clients that are compared: each puts, gets and deletes an object of the same bytes.

use std::future::Future;
use std::sync::Arc;

use anyhow::{Result, ensure};
use bytes::Bytes;
use s3orm::store::s3::{CredentialSource, S3Config, S3Store};
use serde::{Deserialize, Serialize};

pub const BUCKET: &str = "bucket";
pub const REGION: &str = "us-east-1";
pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// Of the objects that [`key`] names.
pub const TABLE: &str = "rows";

/// A row of 1 KB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, s3orm::S3Schema)]
#[s3(table = "rows", path = "<id>")]
pub struct Row {
    pub id: u64,
    name: String,
    email: String,
    age: u32,
    score: f64,
    active: bool,
    tags: Vec<String>,
    notes: String,
}

impl Row {
    pub fn sample() -> Self {
        Self {
            id: 123_456,
            name: "Ann Example".to_owned(),
            email: "ann@example.com".to_owned(),
            age: 42,
            score: 0.75,
            active: true,
            tags: ["red", "green", "blue"].map(str::to_owned).to_vec(),
            notes: "Some words of a note that is as long as notes are. ".repeat(17),
        }
    }

    pub fn encoded() -> Result<Bytes> {
        Ok(serde_json::to_vec(&Self::sample())?.into())
    }
}

fn key() -> String {
    format!("{TABLE}/{}.json", Row::sample().id)
}

/// One way to S3. Every call must fail if its answer is not the one expected.
pub trait Client: Send + Sync + 'static {
    fn put(&self) -> impl Future<Output = Result<()>> + Send;
    fn get(&self) -> impl Future<Output = Result<()>> + Send;
    fn delete(&self) -> impl Future<Output = Result<()>> + Send;
}

fn credentials() -> CredentialSource {
    CredentialSource::Static {
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.into(),
        session_token: None,
    }
}

/// This project, whole: a row is encoded, written, read and decoded.
pub struct Orm {
    pub table: s3orm::Table<Row>,
    row: Row,
}

impl Orm {
    pub async fn connect(endpoint: &str) -> Result<Self> {
        let url = format!("s3://{BUCKET}?endpoint={endpoint}&region={REGION}");
        let db = s3orm::Db::builder(&url)?
            .credentials(credentials())
            .connect()
            .await?;
        Ok(Self {
            table: db.table(),
            row: Row::sample(),
        })
    }
}

impl Client for Orm {
    async fn put(&self) -> Result<()> {
        self.table.put(&self.row).await?;
        Ok(())
    }

    async fn get(&self) -> Result<()> {
        let row = self.table.get(self.row.id).await?;
        ensure!(
            row.is_some_and(|row| row.notes.len() == self.row.notes.len()),
            "another row"
        );
        Ok(())
    }

    async fn delete(&self) -> Result<()> {
        self.table.delete(self.row.id).await?;
        Ok(())
    }
}

/// This project's client alone, without rows.
pub struct Store {
    store: S3Store,
    body: Bytes,
}

impl Store {
    pub fn connect(endpoint: &str) -> Result<Self> {
        let mut config = S3Config::new(BUCKET);
        config.endpoint = Some(endpoint.to_owned());
        config.region = Some(REGION.to_owned());
        config.credentials = credentials();
        let store = S3Store::connect(config, s3orm::Env::system())?;
        Ok(Self {
            store,
            body: Row::encoded()?,
        })
    }
}

impl Client for Store {
    async fn put(&self) -> Result<()> {
        use s3orm::store::{PutObject, Store as _};
        let request = PutObject {
            key: key(),
            body: self.body.clone(),
            content_type: Some("application/json".into()),
            ..PutObject::default()
        };
        self.store.put(&request).await?;
        Ok(())
    }

    async fn get(&self) -> Result<()> {
        use s3orm::store::{GetObject, Store as _};
        let request = GetObject {
            key: key(),
            ..GetObject::default()
        };
        ensure!(
            self.store.get(request).await?.body.len() == self.body.len(),
            "another body"
        );
        Ok(())
    }

    async fn delete(&self) -> Result<()> {
        use s3orm::store::{DeleteObject, Store as _};
        let request = DeleteObject {
            key: key(),
            ..DeleteObject::default()
        };
        Ok(self.store.delete(request).await?)
    }
}

pub struct ObjectStore {
    store: Arc<object_store::aws::AmazonS3>,
    body: Bytes,
}

impl ObjectStore {
    pub fn connect(endpoint: &str) -> Result<Self> {
        let store = object_store::aws::AmazonS3Builder::new()
            .with_bucket_name(BUCKET)
            .with_region(REGION)
            .with_endpoint(endpoint)
            .with_allow_http(true)
            // One deletion is one DELETE, as for the others.
            .with_disable_bulk_delete(true)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .build()?;
        Ok(Self {
            store: Arc::new(store),
            body: Row::encoded()?,
        })
    }
}

impl Client for ObjectStore {
    async fn put(&self) -> Result<()> {
        use object_store::ObjectStoreExt as _;
        self.store
            .put(&key().into(), self.body.clone().into())
            .await?;
        Ok(())
    }

    async fn get(&self) -> Result<()> {
        use object_store::ObjectStoreExt as _;
        let body = self.store.get(&key().into()).await?.bytes().await?;
        ensure!(body.len() == self.body.len(), "another body");
        Ok(())
    }

    async fn delete(&self) -> Result<()> {
        use object_store::ObjectStoreExt as _;
        Ok(self.store.delete(&key().into()).await?)
    }
}

pub struct AwsSdk {
    client: aws_sdk_s3::Client,
    body: Bytes,
}

impl AwsSdk {
    pub fn connect(endpoint: &str) -> Result<Self> {
        use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
        let config = Builder::new()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .endpoint_url(endpoint)
            .force_path_style(true)
            .credentials_provider(Credentials::new(
                ACCESS_KEY, SECRET_KEY, None, None, "fixed",
            ))
            .build();
        Ok(Self {
            client: aws_sdk_s3::Client::from_conf(config),
            body: Row::encoded()?,
        })
    }
}

impl Client for AwsSdk {
    async fn put(&self) -> Result<()> {
        let body = self.body.clone().into();
        self.client
            .put_object()
            .bucket(BUCKET)
            .key(key())
            .body(body)
            .send()
            .await?;
        Ok(())
    }

    async fn get(&self) -> Result<()> {
        let answer = self
            .client
            .get_object()
            .bucket(BUCKET)
            .key(key())
            .send()
            .await?;
        let body = answer.body.collect().await?.into_bytes();
        ensure!(body.len() == self.body.len(), "another body");
        Ok(())
    }

    async fn delete(&self) -> Result<()> {
        self.client
            .delete_object()
            .bucket(BUCKET)
            .key(key())
            .send()
            .await?;
        Ok(())
    }
}

pub struct Rusoto {
    client: rusoto_s3::S3Client,
    body: Bytes,
}

impl Rusoto {
    pub fn connect(endpoint: &str) -> Result<Self> {
        // Its own connector refuses an endpoint without TLS.
        let mut connector = hyper_014::client::HttpConnector::new();
        connector.set_nodelay(true);
        let client = rusoto_s3::S3Client::new_with(
            rusoto_core::HttpClient::from_connector(connector),
            rusoto_credential::StaticProvider::new_minimal(ACCESS_KEY.into(), SECRET_KEY.into()),
            rusoto_core::Region::Custom {
                name: REGION.into(),
                endpoint: endpoint.into(),
            },
        );
        Ok(Self {
            client,
            body: Row::encoded()?,
        })
    }
}

impl Client for Rusoto {
    async fn put(&self) -> Result<()> {
        use rusoto_s3::S3 as _;
        let request = rusoto_s3::PutObjectRequest {
            bucket: BUCKET.into(),
            key: key(),
            body: Some(self.body.to_vec().into()),
            ..Default::default()
        };
        self.client.put_object(request).await?;
        Ok(())
    }

    async fn get(&self) -> Result<()> {
        use rusoto_s3::S3 as _;
        use tokio::io::AsyncReadExt as _;
        let request = rusoto_s3::GetObjectRequest {
            bucket: BUCKET.into(),
            key: key(),
            ..Default::default()
        };
        let answer = self.client.get_object(request).await?;
        let mut body = Vec::with_capacity(self.body.len());
        if let Some(stream) = answer.body {
            stream.into_async_read().read_to_end(&mut body).await?;
        }
        ensure!(body.len() == self.body.len(), "another body");
        Ok(())
    }

    async fn delete(&self) -> Result<()> {
        use rusoto_s3::S3 as _;
        let request = rusoto_s3::DeleteObjectRequest {
            bucket: BUCKET.into(),
            key: key(),
            ..Default::default()
        };
        self.client.delete_object(request).await?;
        Ok(())
    }
}
