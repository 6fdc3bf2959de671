//! Columns of JSON rows, also of tables with indexes and transactions.

use s3orm::index::{Finding, Problem};
use s3orm::{ErrorKind, S3Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Bucket, is_refused, new_keys};

const SECRET: &str = "canary";

/// Tables with the same columns.
macro_rules! patients {
    ($($name:ident { $($option:tt)* })+) => {$(
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
        #[s3(table = "patients", path = "<id>", $($option)*)]
        struct $name {
            id: u64,
            ward: String,
            #[s3(encrypt)]
            notes: Vec<String>,
            #[s3(encrypt)]
            #[serde(rename = "dx")]
            diagnosis: Option<String>,
            #[s3(encrypt)]
            #[serde(default)]
            weight: u64,
        }

        impl $name {
            fn new(id: u64) -> Self {
                Self {
                    id,
                    ward: format!("w{}", id % 2),
                    notes: vec![SECRET.to_owned(), id.to_string()],
                    diagnosis: Some(SECRET.to_owned()),
                    weight: u64::MAX,
                }
            }
        }
    )+};
}

patients! {
    Patient {}
    Compressed { compress(above = 0) }
    Stamped { transactional, index(columns(ward), projection = "all"), unique(name = "room", columns(ward)) }
}

/// The same columns, not encrypted, or not yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "patients", path = "<id>")]
struct Before {
    id: u64,
    ward: String,
    notes: Value,
    dx: Value,
    weight: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "patients", path = "<id>")]
struct Migrating {
    id: u64,
    ward: String,
    #[s3(encrypt = "migrating")]
    notes: Vec<String>,
    #[s3(encrypt = "migrating")]
    dx: Option<String>,
    #[s3(encrypt = "migrating")]
    weight: u64,
}

#[tokio::test]
async fn a_column_is_a_text_in_the_row() {
    let bucket = Bucket::new().await;
    let rows = bucket.db.table::<Patient>();
    bucket.server.reset();
    rows.put(Patient::new(1)).await.unwrap();
    assert_eq!(rows.get(1).await.unwrap(), Some(Patient::new(1)));
    assert_eq!(
        bucket.server.requests().len(),
        2,
        "encryption costs no request"
    );
    bucket.nobody_reads(SECRET).await;

    let stored: Value =
        serde_json::from_slice(&bucket.stored("patients/1.json").await.body).unwrap();
    assert_eq!(stored["ward"], "w1", "the other columns are as they were");
    let members: Vec<_> = stored.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["dx", "id", "notes", "ward", "weight"]);
    for column in ["notes", "dx", "weight"] {
        let text = stored[column].as_str().unwrap();
        assert!(text.starts_with("s3orm-encrypted:5XMzAQ"), "{text}");
    }

    // What is missing is encrypted as well.
    rows.update(1, |row| row.diagnosis = None).await.unwrap();
    let stored: Value =
        serde_json::from_slice(&bucket.stored("patients/1.json").await.body).unwrap();
    assert!(stored["dx"].is_string());
    assert_eq!(rows.get(1).await.unwrap().unwrap().diagnosis, None);

    // A text that a reader would take for an encrypted one is not written.
    let mut odd = Patient::new(4);
    odd.ward = "s3orm-encrypted:5XMzAQ".to_owned();
    let error = rows.put(odd).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRow);
    assert!(error.to_string().contains("`ward`"), "{error}");

    let bytes = rows.encode(&Patient::new(3)).unwrap();
    assert_eq!(rows.decode(3, &bytes).unwrap(), Patient::new(3));
    assert_eq!(
        rows.decode(4, &bytes).unwrap_err().kind(),
        ErrorKind::Decode
    );

    let rows = bucket.db.table::<Compressed>();
    assert!(rows.get(1).await.unwrap().is_some());
    rows.put(Compressed::new(2)).await.unwrap();
    assert_eq!(rows.get(2).await.unwrap(), Some(Compressed::new(2)));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "notes", path = "<id>")]
struct Note {
    id: u64,
    text: String,
}

/// What is read as an encrypted value, whatever the struct says, is not written by any.
#[tokio::test]
async fn a_plain_table_writes_no_text_that_it_could_not_read() {
    let bucket = Bucket::new().await;
    let notes = bucket.db.table::<Note>();
    let note = |text: &str| Note {
        id: 1,
        text: text.to_owned(),
    };
    let error = notes.put(note("s3orm-encrypted:5XMzAQ")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRow);
    assert!(error.to_string().contains("`text`"), "{error}");
    for text in ["s3orm-encrypted:", " s3orm-encrypted:5XMzAQ"] {
        notes.put(note(text)).await.unwrap();
        assert_eq!(notes.get(1).await.unwrap(), Some(note(text)));
    }
}

#[tokio::test]
async fn values_are_read_in_their_place_alone() {
    let bucket = Bucket::new().await;
    let rows = bucket.db.table::<Patient>();
    rows.put_many([1, 2].map(Patient::new))
        .await
        .into_result()
        .unwrap();
    let (key, object) = ("patients/1.json", bucket.stored("patients/1.json").await);
    let other = bucket.stored("patients/2.json").await;
    let parse = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    let (own, other) = (parse(&object.body), parse(&other.body));

    // Another row's value, another column's, a plain one, and each way to touch it.
    let mut wrong = vec![
        ("dx", other["dx"].clone()),
        ("dx", own["notes"].clone()),
        ("dx", Value::Null),
        ("dx", "a plain text".into()),
        ("weight", 7.into()),
        ("ward", own["dx"].clone()),
        ("dx", "s3orm-encrypted:".into()),
        ("dx", "s3orm-encrypted:!".into()),
    ];
    let text = own["dx"].as_str().unwrap();
    for at in "s3orm-encrypted:".len()..text.len() {
        let mut touched = text.as_bytes().to_vec();
        touched[at] = if touched[at] == b'A' { b'Q' } else { b'A' };
        wrong.push(("dx", String::from_utf8(touched).unwrap().into()));
        wrong.push(("dx", text[..at].into()));
    }
    for (column, value) in wrong {
        let mut row = own.clone();
        row[column] = value.clone();
        bucket.keep(key, &object, row.to_string()).await;
        let error = rows.get(1).await.unwrap_err();
        // The name of its key may have been touched.
        let known = [ErrorKind::Decode, ErrorKind::Denied].contains(&error.kind());
        assert!(known, "{column} {value}: {error:?}");
        assert_eq!(error.key(), Some(key), "{column} {value}");
        assert!(
            error.to_string().contains(&format!("`{column}`")),
            "{value}: {error}"
        );
        let update = rows.update(1, |row| row.ward.clear()).await;
        assert!(
            update.is_err(),
            "what could not be read is not written over"
        );
    }
    let mut twice = object.body.to_vec();
    twice.pop();
    twice.extend_from_slice(format!(",\"dx\":{}}}", own["dx"]).as_bytes());
    bucket.keep(key, &object, twice).await;
    is_refused(&rows.get(1).await.unwrap_err(), ErrorKind::Decode, key);
    bucket.keep(key, &object, object.body.clone()).await;
    assert_eq!(rows.get(1).await.unwrap(), Some(Patient::new(1)));

    let renamed = bucket.db.with_row_keys(new_keys()).table::<Patient>();
    is_refused(&renamed.get(1).await.unwrap_err(), ErrorKind::Denied, key);
    let keyless = bucket.keyless().await.table::<Patient>();
    is_refused(&keyless.get(1).await.unwrap_err(), ErrorKind::Denied, key);
    is_refused(
        &keyless.put(Patient::new(1)).await.unwrap_err(),
        ErrorKind::Config,
        key,
    );
}

#[tokio::test]
async fn a_column_is_encrypted_row_by_row() {
    let bucket = Bucket::new().await;
    let before = Before {
        id: 1,
        ward: "w1".into(),
        notes: serde_json::json!([SECRET]),
        dx: Value::Null,
        weight: 7.into(),
    };
    bucket.db.table().put(before).await.unwrap();
    let strict = bucket.db.table::<Patient>();
    is_refused(
        &strict.get(1).await.unwrap_err(),
        ErrorKind::Decode,
        "patients/1.json",
    );
    let rows = bucket.db.table::<Migrating>();
    assert_eq!(rows.get(1).await.unwrap().unwrap().weight, 7);
    rows.update_all(|_| ())
        .await
        .unwrap()
        .into_result()
        .unwrap();
    assert_eq!(strict.get(1).await.unwrap().unwrap().notes, [SECRET]);
    bucket.nobody_reads(SECRET).await;
    // Who takes `encrypt` off is told, whatever the column could hold.
    let error = bucket.db.table::<Before>().get(1).await.unwrap_err();
    is_refused(&error, ErrorKind::Decode, "patients/1.json");
}

#[tokio::test]
async fn single_columns_are_set_and_selected() {
    let bucket = Bucket::new().await;
    let rows = bucket.db.table::<Patient>();
    rows.put(Patient::new(1)).await.unwrap();
    let patch = rows
        .patch(1)
        .set(Patient::COL.weight, 70_u64)
        .unset(Patient::COL.diagnosis);
    let replaced = patch.returning_old().await.unwrap();
    assert_eq!(*replaced.old.unwrap(), Patient::new(1));
    assert_eq!((replaced.new.weight, &replaced.new.diagnosis), (70, &None));
    bucket.server.reset();
    rows.patch(1)
        .set(Patient::COL.weight, 70_u64)
        .await
        .unwrap();
    assert_eq!(
        bucket.server.count("PutObject"),
        0,
        "the same value in another cipher is no change"
    );
    let weights = rows.query().scan().select(Patient::COL.weight).all().await;
    assert_eq!(weights.unwrap(), [70]);
    let null = rows
        .query()
        .scan()
        .filter(Patient::COL.diagnosis.is_null())
        .all()
        .await;
    assert_eq!(null.unwrap().len(), 1);
    rows.rekey(1, |row| row.id = 2).await.unwrap();
    assert_eq!(rows.get(2).await.unwrap().unwrap().weight, 70);
}

#[tokio::test]
async fn tables_with_indexes_and_transactions() {
    let bucket = Bucket::new().await;
    let rows = bucket.db.table::<Stamped>();
    rows.insert(Stamped::new(1)).await.unwrap();
    rows.put(Stamped::new(2)).await.unwrap();
    bucket.nobody_reads(SECRET).await;

    let found = rows
        .query()
        .by(Stamped::INDEX.ward)
        .at("w1")
        .all()
        .await
        .unwrap();
    assert_eq!(found[0], Stamped::new(1));
    let by = rows.get_by(Stamped::UNIQUE.room, "w0").await.unwrap();
    assert_eq!(by, Some(Stamped::new(2)));
    let mut entries = rows
        .query()
        .by(Stamped::INDEX.ward)
        .at("w1")
        .entries()
        .unwrap();
    let entry = entries.next().await.unwrap().unwrap();
    assert_eq!(entry.row().unwrap(), Stamped::new(1));
    assert_eq!(
        entry.get(Stamped::COL.diagnosis).unwrap().as_deref(),
        Some(SECRET)
    );

    // A transaction is seen through by who reads in the midst of it.
    let done = bucket.db.transaction(async |tx| {
        assert_eq!(tx.get(&rows, 1).await?.unwrap(), Stamped::new(1));
        tx.write(rows.update(1, |row: &mut Stamped| row.notes.push("more".into())))?;
        tx.write(rows.delete(2))?;
        tx.write(rows.insert(Stamped {
            ward: "w3".into(),
            ..Stamped::new(3)
        }))?;
        assert_eq!(tx.get(&rows, 3).await?.unwrap().weight, u64::MAX);
        bucket.nobody_reads(SECRET).await;
        Ok(())
    });
    done.await.unwrap();
    bucket.nobody_reads(SECRET).await;
    assert_eq!(rows.get(1).await.unwrap().unwrap().notes.len(), 3);
    let one = &rows;
    let (a, b) = bucket
        .db
        .snapshot(|at| async move { Ok((at.get(one, 1).await?, at.get(one, 3).await?)) })
        .await
        .unwrap();
    assert_eq!((a.unwrap().notes.len(), b.unwrap().id), (3, 3));

    rows.rekey(3, |row| row.id = 4).await.unwrap();
    assert_eq!(
        rows.get(4).await.unwrap().unwrap().diagnosis.as_deref(),
        Some(SECRET)
    );
    rows.patch(4).set(Stamped::COL.ward, "w4").await.unwrap();
    rows.update_all(|row| row.weight = 1)
        .await
        .unwrap()
        .into_result()
        .unwrap();
    rows.delete(1).await.unwrap();
    bucket.nobody_reads(SECRET).await;
    let left = rows
        .query()
        .by(Stamped::INDEX.ward)
        .at("w4")
        .all()
        .await
        .unwrap();
    assert_eq!((left.len(), left[0].weight), (1, 1));
    let report = rows.verify().await.unwrap();
    // A transaction leaves the claims of what it moved: they hinder nobody, and go when they are old.
    let dead = |finding: &Finding| finding.problem == Problem::DeadClaim;
    assert!(report.findings.iter().all(dead), "{report:?}");

    // Who has not the key changes nothing, not even an index.
    let keyless = bucket.keyless().await.table::<Stamped>();
    bucket.server.reset();
    let error = keyless.update(4, |row| row.ward.clear()).await.unwrap_err();
    is_refused(&error, ErrorKind::Denied, "patients/4.json");
    assert_eq!(bucket.server.count("PutObject"), 0);
}
