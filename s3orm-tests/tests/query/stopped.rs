//! Rows, limits, budgets and values that end an answer.

use chrono::NaiveDate;
use s3orm::store::PutObject;
use s3orm::{ErrorKind, S3Schema as _};
use s3orm_tests::flights::Flight;

use super::{Note, db, notes};

#[tokio::test]
async fn all_is_bounded_unless_limited() {
    let notes = db().await.table::<Note>();
    for id in 0..10_001 {
        notes
            .put(Note {
                name: "n".into(),
                id,
            })
            .await
            .unwrap();
    }
    let query = notes.query().at(Note::KEY.name, "n");
    let error = query.clone().all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(
        query.clone().limit(20_000).all().await.unwrap().len(),
        10_001
    );
    assert_eq!(query.clone().count().await.unwrap(), 10_001);
    let keys = query.keys().unwrap().collect().await.unwrap();
    assert_eq!(keys.len(), 10_001);
}

#[tokio::test]
async fn a_row_that_fails_is_an_item_and_the_next_follows() {
    let notes = notes(&["a", "a", "a"]).await;
    let broken = PutObject {
        key: "notes/a/2.json".into(),
        ..PutObject::default()
    };
    notes.db().store().put(&broken).await.unwrap();
    let mut rows = notes.query().at(Note::KEY.name, "a").stream().unwrap();
    let mut ids = Vec::new();
    let mut errors = Vec::new();
    while let Some(row) = rows.next().await {
        match row {
            Ok(note) => ids.push(note.id),
            Err(error) => errors.push((error.kind(), error.key().map(str::to_owned))),
        }
    }
    assert_eq!(ids, [1, 3]);
    assert_eq!(
        errors,
        [(ErrorKind::Decode, Some("notes/a/2.json".to_owned()))]
    );
    let error = notes
        .query()
        .at(Note::KEY.name, "a")
        .all()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn budgets_stop_with_what_was_reached() {
    let notes = notes(&["a"; 20]).await;
    let a = notes.query().at(Note::KEY.name, "a");
    let mut rows = a.clone().max_requests(11).stream().unwrap();
    for _ in 0..10 {
        rows.next().await.unwrap().unwrap();
    }
    let error = rows.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Budget);
    assert_eq!(
        error.to_string(),
        "query `notes`: the budget of 11 requests is used up by 1 LIST and 10 GET requests; \
         raise it, or narrow the query"
    );
    assert!(rows.next().await.is_none());
    // A LIST costs 12.5 times a GET.
    let mut rows = a.clone().max_cost(0.000_006_7).stream().unwrap();
    let mut read = 0;
    while let Some(Ok(_)) = rows.next().await {
        read += 1;
    }
    assert_eq!(read, 4);
    assert_eq!(
        a.max_requests(0).count().await.unwrap_err().kind(),
        ErrorKind::Budget
    );
}

#[tokio::test]
async fn values_without_a_key_text_are_errors_of_the_end() {
    let table = db().await.table::<Flight>();
    let year = NaiveDate::from_ymd_opt(12_345, 1, 1).unwrap();
    let query = table.query().at(Flight::KEY.origin, "SFO");
    for error in [
        query
            .clone()
            .at(Flight::KEY.date, year)
            .all()
            .await
            .unwrap_err(),
        query
            .clone()
            .within(Flight::KEY.date, ..year)
            .all()
            .await
            .unwrap_err(),
        query.within(Flight::KEY.date, year..).keys().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidKey);
    }
}
