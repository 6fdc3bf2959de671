//! What is not taken for a blob, or not for that one.

use bytes::Bytes;
use s3orm::ErrorKind;
use s3orm::store::{PutObject, Store as _};
use s3orm::testing::FaultStore;

use super::*;

fn world() -> (FaultStore, Db) {
    let store = FaultStore::memory();
    let db = store.db();
    (store, db)
}

async fn write(store: &FaultStore, key: String, body: impl Into<Bytes>) {
    let object = PutObject {
        key,
        body: body.into(),
        ..PutObject::default()
    };
    store.put(&object).await.unwrap();
}

#[tokio::test]
async fn a_row_of_another_table_cannot_have_it() {
    let (store, db) = world();
    let (people, papers) = (db.table::<Person>(), db.table::<Paper>());
    let photo = people.blob().bytes("a photo").await.unwrap();
    let error = papers.insert(paper(1, photo.clone())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRow);
    let message = error.to_string();
    assert!(
        message.contains("was made for the table `people`"),
        "{message}"
    );
    assert!(error.help().unwrap().contains("Table::copy_blob"));
    let page = papers.copy_blob(&photo).await.unwrap();
    papers.insert(paper(1, page)).await.unwrap();

    // Nor by any other way of writing a row.
    let wrong = || BTreeMap::from([("1".to_owned(), photo.clone())]);
    let patch = papers.patch(1).set(Paper::COL.pages, wrong());
    let update = papers.update(1, |paper| paper.pages = wrong()).await;
    let many = papers.put_many([paper(2, photo.clone())]).await;
    let tx = db.transaction(|tx| {
        let (papers, photo) = (&papers, photo.clone());
        async move { tx.write(papers.put(paper(3, photo))) }
    });
    for error in [
        patch.await.unwrap_err(),
        update.unwrap_err(),
        many.into_result().unwrap_err(),
        tx.await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidRow, "{error:?}");
    }
    assert_eq!(keys(&store, "papers/").await.len(), 1);
}

#[tokio::test]
async fn a_row_cannot_point_anywhere_else() {
    let (store, db) = world();
    let people = db.table::<Person>();
    let photo = people.blob().bytes("a photo").await.unwrap();
    people.insert(person(1, photo.clone())).await.unwrap();
    let row = serde_json::to_string(&person(1, photo.clone())).unwrap();
    let sum = serde_json::to_value(&photo).unwrap()["sha256"].to_string();
    for (what, with) in [
        (photo.key(), "people/1.json".to_owned()),
        (photo.key(), photo.key().replace("people", "../people")),
        (photo.key(), photo.key().replace("blob", "tx")),
        (sum, "\"\"".to_owned()),
    ] {
        assert!(row.contains(&what));
        write(
            &store,
            "people/1.json".to_owned(),
            row.replace(&what, &with),
        )
        .await;
        let error = people.get(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{with}");
    }
}

#[tokio::test]
async fn other_bytes_are_noticed() {
    let (store, db) = world();
    let people = db.table::<Person>();
    let photo = people.blob().bytes("a photo").await.unwrap();
    for other in ["b photo", "", "longer than a photo"] {
        write(&store, photo.key(), other).await;
        let error = photo.bytes(&db, 100).await.unwrap_err();
        let noticed = [ErrorKind::Decode, ErrorKind::Unavailable];
        assert!(noticed.contains(&error.kind()), "{other}: {error:?}");
        assert_eq!(error.key(), Some(photo.key().as_str()));
        let error = photo.range(&db, 1..3).bytes(100).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{other}: {error:?}");
        let error = people.copy_blob(&photo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
    // The right ones under another tag are right: the bucket may be a copy.
    write(&store, photo.key(), "a photo").await;
    assert_eq!(photo.bytes(&db, 100).await.unwrap(), "a photo");
}

#[tokio::test]
async fn a_blob_that_is_gone_says_so() {
    let (store, db) = world();
    let people = db.table::<Person>();
    let photo = people.blob().bytes("a photo").await.unwrap();
    let delete = s3orm::store::DeleteObject {
        key: photo.key(),
        ..Default::default()
    };
    store.delete(delete).await.unwrap();
    let range = photo.range(&db, 1..3).bytes(100).await;
    for error in [
        photo.bytes(&db, 100).await.unwrap_err(),
        range.unwrap_err(),
        people.copy_blob(&photo).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
        assert!(
            error.help().unwrap().contains("read the row again"),
            "{error:?}"
        );
    }
}
