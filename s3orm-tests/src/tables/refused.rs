//! What is no row, and values at the edge.

use bytes::Bytes;
use s3orm::{Db, ErrorKind};

use super::columns::File;
use super::{Person, person};

async fn put_object(db: &Db, key: &str, body: &'static [u8]) {
    let key = format!("{}{key}", db.prefix());
    let body = Bytes::from_static(body);
    let request = s3orm::store::PutObject {
        key,
        body,
        ..Default::default()
    };
    db.store().put(&request).await.unwrap();
}

/// A broken object is not an absent row.
pub async fn a_row_that_does_not_decode_is_an_error(db: Db) {
    let people = db.table::<Person>();
    for body in [
        &b""[..],
        b"{",
        b"[1]",
        br#"{"city":"Oslo","id":1}"#,
        b"\xff",
    ] {
        put_object(&db, "people/Oslo/1.json", body).await;
        let error = people.get(("Oslo", 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error:?}");
        assert!(error.key().unwrap().ends_with("people/Oslo/1.json"));
        assert!(people.exists(("Oslo", 1)).await.unwrap());
    }
}

/// The columns must agree with the key.
pub async fn a_copied_object_is_noticed(db: Db) {
    let people = db.table::<Person>();
    put_object(
        &db,
        "people/Oslo/2.json",
        br#"{"city":"Oslo","id":1,"age":3}"#,
    )
    .await;
    let error = people.get(("Oslo", 2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("people/Oslo/1.json"), "{error}");
}

/// Checked before any request.
pub async fn rows_over_the_limit_are_refused(db: Db) {
    let files = db.table::<File>();
    let data = Bytes::from(vec![b'x'; 16 * 1024 * 1024 + 1]);
    let file = File {
        folder: "a".to_owned(),
        name: "b".to_owned(),
        data,
    };
    let error = files.put(file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRow);
    assert!(!files.exists(("a", "b")).await.unwrap());
}

/// S3's limit, checked before any request.
pub async fn keys_that_are_too_long_are_refused(db: Db) {
    let people = db.table::<Person>();
    let city = "é".repeat(200);
    let error = people.put(Person { city, ..person(1) }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    assert!(error.to_string().contains("1024"), "{error}");
}

/// No two values share a row.
pub async fn awkward_values_are_rows_of_their_own(db: Db) {
    let people = db.table::<Person>();
    let cities = [
        "",
        ".",
        "..",
        "a/b",
        "a",
        "a.",
        "!",
        "!2f",
        "%2f",
        "a b",
        "a+b",
        "\0",
        "\r\n",
        "é",
        "e\u{301}",
        "🦀",
        "US",
        "USA",
        "../../etc/passwd",
        "<x>",
        "\u{ffff}",
    ];
    for (age, city) in (0..).zip(cities) {
        let row = Person {
            city: city.to_owned(),
            id: 1,
            age,
        };
        people
            .insert(row)
            .await
            .unwrap_or_else(|error| panic!("{city:?}: {error:?}"));
    }
    for (age, city) in (0..).zip(cities) {
        let row = people.get((city, 1)).await.unwrap().unwrap();
        assert_eq!((row.city.as_str(), row.age), (city, age));
    }
}

/// Y13.
pub async fn encode_and_decode_by_hand(db: Db) {
    let people = db.table::<Person>();
    let bytes = people.encode(&person(1)).unwrap();
    assert_eq!(bytes, r#"{"city":"Oslo","id":1,"age":30}"#);
    assert_eq!(people.decode(("Oslo", 1), &bytes).unwrap(), person(1));
    assert_eq!(
        people.decode(("Oslo", 2), &bytes).unwrap_err().kind(),
        ErrorKind::Decode
    );
    assert_eq!(
        people.key(("Oslo", 1)).unwrap(),
        format!("{}people/Oslo/1.json", db.prefix())
    );
}
