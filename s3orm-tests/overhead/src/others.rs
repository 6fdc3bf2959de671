//! The clients of others.

use std::sync::Arc;

use anyhow::{Result, ensure};
use bytes::Bytes;

use crate::clients::{ACCESS_KEY, BUCKET, Client, REGION, Row, SECRET_KEY, key};

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
