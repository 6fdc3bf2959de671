//! What descriptions of tables say of encryption, and who heeds it.

use s3orm::{ErrorKind, S3Schema};
use serde::{Deserialize, Serialize};

use super::Bucket;

#[derive(Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "patients", path = "<id>")]
struct Patient {
    id: u64,
    #[s3(encrypt)]
    diagnosis: String,
}

/// As a program has it that knows nothing of encryption.
#[derive(Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "patients", path = "<id>")]
struct Plain {
    id: u64,
    diagnosis: String,
}

#[derive(Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "letters", path = "<id>", encrypt)]
struct Letter {
    id: u64,
    text: String,
}

fn patient() -> Patient {
    Patient {
        id: 1,
        diagnosis: "canary".to_owned(),
    }
}

#[tokio::test]
async fn a_dynamic_table_writes_nothing_that_should_be_encrypted() {
    let bucket = Bucket::new().await;
    let patients = bucket.db.table::<Patient>();
    patients.put(patient()).await.unwrap();
    patients.create().await.unwrap();
    let letters = bucket.db.table::<Letter>();
    letters.create().await.unwrap();
    let text = "a".to_owned();
    letters.put(Letter { id: 1, text }).await.unwrap();

    let plain = bucket.db.dynamic("plain").columns(["id"]).unwrap();
    plain.put([("id", "1")], "{}").await.unwrap();
    for table in ["patients", "letters"] {
        let dynamic = bucket.db.open_dynamic(table).await.unwrap();
        let before = bucket.keys().await;
        bucket.server.reset();
        let row = r#"{"id":2,"diagnosis":"canary","text":"canary"}"#;
        let (one, two) = ([("id", "1")], [("id", "2")]);
        for error in [
            dynamic.put(two, row).await.unwrap_err(),
            dynamic.insert(two, row).await.unwrap_err(),
            // What is encrypted is bound to its table and its key.
            dynamic.copy(one, two).await.unwrap_err(),
            dynamic.copy(one, two).into_table(&plain).await.unwrap_err(),
            plain.copy(one, two).into_table(&dynamic).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(
                error.to_string().contains("encrypted by programs"),
                "{error}"
            );
        }
        assert_eq!(bucket.server.requests().len(), 0);
        assert_eq!(bucket.keys().await, before);
        assert!(
            dynamic.select(one).await.unwrap().is_some(),
            "as it is stored"
        );
        dynamic.delete(one).await.unwrap();
    }
    bucket.nobody_reads("canary").await;
}

#[tokio::test]
async fn a_program_that_would_write_it_as_it_is_does_not_fit() {
    let bucket = Bucket::new().await;
    let patients = bucket.db.table::<Patient>();
    let schema = patients.create().await.unwrap();
    assert!(schema.column("diagnosis").unwrap().encrypted && !schema.encrypted);
    let plain = bucket.db.table::<Plain>();
    let error = plain.create().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    let says = "the column `diagnosis` has the encryption `encrypted` on the bucket and `as it is` in the program";
    assert!(error.to_string().contains(says), "{error}");
    let schema = bucket.db.table::<Letter>().create().await.unwrap();
    assert!(schema.encrypted);
}

/// Descriptions of before said nothing of it.
#[tokio::test]
async fn a_description_is_brought_up_to_date() {
    let bucket = Bucket::new().await;
    let plain = bucket.db.table::<Plain>();
    plain.create().await.unwrap();
    let patients = bucket.db.table::<Patient>();
    let diff = patients.check().await.unwrap();
    assert!(diff.is_compatible() && !diff.is_empty(), "{diff}");
    let schema = patients.create().await.unwrap();
    assert!(schema.column("diagnosis").unwrap().encrypted);
    assert!(patients.check().await.unwrap().is_empty());
}
