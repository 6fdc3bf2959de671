//! What the clients that are compared do: each puts, gets and deletes an object of the same bytes. This
//! project's clients; `others.rs` has those of others.

use std::future::Future;

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

/// Of the one object.
pub fn key() -> String {
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
