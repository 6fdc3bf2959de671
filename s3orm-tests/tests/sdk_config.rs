//! Region, endpoint and credentials of an `SdkConfig` that the application already has.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use s3orm::{Db, ErrorKind};
use s3orm_tests::server::{ACCESS_KEY, BUCKET, SECRET_KEY, TestServer};
use s3orm_tests::tables::{Person, person};

fn sdk(endpoint: &str, secret: &str) -> SdkConfig {
    let credentials = Credentials::new(ACCESS_KEY, secret, None, None, "test");
    SdkConfig::builder()
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

async fn connect(sdk: &SdkConfig) -> s3orm::Result<Db> {
    let builder = Db::builder(&format!("s3://{BUCKET}"))?;
    builder.sdk_config(sdk).connect().await
}

#[tokio::test]
async fn a_handed_over_configuration_is_used() -> s3orm::Result<()> {
    let server = TestServer::memory().await;
    let people = connect(&sdk(&server.endpoint(), SECRET_KEY))
        .await?
        .table::<Person>();
    people.insert(person(1)).await?;
    assert_eq!(people.get(("Oslo", 1)).await?, Some(person(1)));

    let wrong = connect(&sdk(&server.endpoint(), "hunter2"))
        .await?
        .table::<Person>();
    let error = wrong
        .get(("Oslo", 1))
        .await
        .expect_err("the secret is wrong");
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn it_has_no_place_in_another_connection() -> s3orm::Result<()> {
    let builder = Db::builder("memory:")?.sdk_config(&sdk("http://127.0.0.1:1", SECRET_KEY));
    let error = builder.connect().await.expect_err("memory has no region");
    assert_eq!(error.kind(), ErrorKind::Config);
    Ok(())
}
