//! The table suite over every store; the last four over real HTTP.
#![allow(clippy::unwrap_used)] // A test may.

use std::future::Future;

use s3orm::store::s3::CredentialSource;
use s3orm::{Db, DbBuilder, Encryption, KmsKey};
use s3orm_tests::server::{ACCESS_KEY, BUCKET, SECRET_KEY, TestServer};
use s3orm_tests::{table_cases, tables};

macro_rules! over {
    ($store:ident: $($name:ident,)+) => {
        mod $store {
            $(#[tokio::test]
            async fn $name() {
                super::$store(super::tables::$name).await;
            })+
        }
    };
}

table_cases!(over memory);
table_cases!(over folder);
table_cases!(over s3);
table_cases!(over rusoto);
table_cases!(over by_kms);
table_cases!(over by_customer_key);

async fn memory<F: Future>(case: impl FnOnce(Db) -> F) {
    case(Db::connect("memory:").await.unwrap()).await;
}

async fn folder<F: Future>(case: impl FnOnce(Db) -> F) {
    let folder = tempfile::tempdir().unwrap();
    case(
        Db::connect(&format!("file:{}", folder.path().display()))
            .await
            .unwrap(),
    )
    .await;
}

async fn s3<F: Future>(case: impl FnOnce(Db) -> F) {
    over_http("s3", case).await;
}

async fn rusoto<F: Future>(case: impl FnOnce(Db) -> F) {
    over_http("rusoto", case).await;
}

async fn over_http<F: Future>(client: &str, case: impl FnOnce(Db) -> F) {
    let server = TestServer::memory().await;
    let connection = format!(
        "s3://{BUCKET}/some/prefix?endpoint={}&client={client}",
        server.endpoint()
    );
    at(Db::builder(&connection).unwrap(), case).await;
}

/// What S3 encrypts by other keys than its own has tags that are not the bytes' MD5.
async fn by_kms<F: Future>(case: impl FnOnce(Db) -> F) {
    let server = TestServer::memory().await;
    let url = format!("s3://{BUCKET}?endpoint={}", server.endpoint());
    let builder = Db::builder(&url).unwrap();
    at(
        builder.encryption(Encryption::Kms(KmsKey::new("key"))),
        case,
    )
    .await;
}

async fn by_customer_key<F: Future>(case: impl FnOnce(Db) -> F) {
    let server = TestServer::memory().await;
    let url = format!("s3://{BUCKET}?endpoint={}", server.endpoint());
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    at(Db::builder(&url).unwrap().customer_key(key), case).await;
}

async fn at<F: Future>(builder: DbBuilder, case: impl FnOnce(Db) -> F) {
    let credentials = CredentialSource::Static {
        access_key: ACCESS_KEY.into(),
        secret_key: SECRET_KEY.into(),
        session_token: None,
    };
    let db = builder.credentials(credentials).connect().await.unwrap();
    case(db).await;
}
