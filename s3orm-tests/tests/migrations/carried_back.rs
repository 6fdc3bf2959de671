//! What goes back with the rows: indexes, claims, stamps, formats and metadata.

use s3orm::store::GetObject;
use s3orm::{ErrorKind, IndexState, S3Schema};
use serde::{Deserialize, Serialize};

use crate::{other, server, stored, whole};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "users", path = "<id>", transactional)]
struct UserV1 {
    id: u64,
    #[s3(unique)]
    email: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "users",
    path = "<id>",
    transactional,
    version = 2,
    previous = "UserV1",
    reversible
)]
struct User {
    id: u64,
    #[s3(unique)]
    email: String,
    /// Which the first version knows nothing of.
    #[s3(index)]
    city: String,
}

impl From<UserV1> for User {
    fn from(old: UserV1) -> Self {
        Self {
            id: old.id,
            email: old.email,
            city: "Oslo".to_owned(),
        }
    }
}

impl From<&User> for UserV1 {
    fn from(new: &User) -> Self {
        Self {
            id: new.id,
            email: new.email.clone(),
        }
    }
}

fn user(id: u64) -> User {
    User {
        id,
        email: format!("ann{id}@x"),
        city: ["Oslo", "Rome"][usize::from(id % 2 == 1)].to_owned(),
    }
}

#[tokio::test]
async fn indexes_claims_and_transactions_go_back() {
    let (server, db) = server().await;
    let users = &db.table::<User>();
    users
        .insert_many((0..20).map(user))
        .await
        .into_result()
        .unwrap();
    db.transaction(|tx| async move {
        tx.write(users.update(1, |row: &mut User| row.city = "Bonn".into()))?;
        tx.write(users.delete(19))
    })
    .await
    .unwrap();
    let back = users.migrate().down_to(1).alone().await.unwrap();
    assert_eq!((back.complete, back.rewritten), (true, 19));
    let row = stored(&db, "users/3.json").await;
    assert!(
        row.get("_v").is_none() && row.get("city").is_none(),
        "{row}"
    );
    assert!(row["_m"]["v"].is_string());

    // The index that programs of the first version do not keep is asked no more.
    let schema = users.schema().await.unwrap().unwrap();
    assert_eq!(schema.indexes["index.city"].state, IndexState::WriteOnly);
    assert_eq!(schema.indexes["unique.email"].state, IndexState::Readable);
    let asked = users.query().by(User::INDEX.city).at("Oslo").count().await;
    let error = asked.unwrap_err();
    assert!(error.to_string().contains("has not been built"), "{error}");
    let error = db
        .transaction(|tx| async move {
            tx.write(users.update(1, |row: &mut User| row.city = "Bonn".into()))
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "as before the migration");

    // Programs of the first version are refused until it is dropped.
    let old = &other(&server).await.table::<UserV1>();
    let error = old.update(1, |row| row.email.push('y')).await.unwrap_err();
    assert!(error.to_string().contains("`drop_index`"), "{error}");
    assert!(old.drop_index(false, "city").await.unwrap());
    old.update(1, |row| row.email.push('y')).await.unwrap();
    let found = old.get_by(UserV1::UNIQUE.email, "ann1@xy").await.unwrap();
    assert_eq!(found.unwrap().id, 1);
    let taken = UserV1 {
        id: 99,
        email: "ann3@x".into(),
    };
    let error = old.insert(&taken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    old.db()
        .transaction(|tx| async move {
            tx.write(old.update(2, |row: &mut UserV1| row.email.push('z')))?;
            tx.write(old.delete(3))
        })
        .await
        .unwrap();

    let users = other(&server).await.table::<User>();
    whole(users.migrate()).await;
    let city = users.index(User::INDEX.city);
    city.build().alone().await.unwrap();
    let oslo = users.query().by(User::INDEX.city).at("Oslo").count().await;
    assert_eq!(
        oslo.unwrap(),
        18,
        "what the first version had no column for is lost"
    );
}

#[tokio::test]
async fn a_transaction_writes_its_own_version_whatever_was_known() {
    let (server, db) = server().await;
    let users = db.table::<User>();
    db.table()
        .insert_many((0..3).map(|id| UserV1::from(&user(id))))
        .await
        .into_result()
        .unwrap();
    // It knows the table at version 1, and hears of its migration in the midst of a transaction.
    users.patch(0).set(User::COL.email, "x").await.unwrap();
    let elsewhere = other(&server).await.table::<User>();
    let up = elsewhere.migrate().alone().await.unwrap();
    assert!(up.complete);
    let users = &users;
    db.transaction(|tx| async move {
        tx.write(users.insert(user(7)))?;
        users.create().await?;
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(stored(&db, "users/7.json").await["_v"], 2);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "things", path = "<id>")]
struct ThingV1 {
    id: u64,
    size: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "things",
    path = "<id>",
    body = "msgpack",
    version = 2,
    previous = "ThingV1",
    reversible
)]
struct Thing {
    id: u64,
    sizes: Vec<u32>,
}

impl From<ThingV1> for Thing {
    fn from(old: ThingV1) -> Self {
        Self {
            id: old.id,
            sizes: vec![old.size],
        }
    }
}

impl From<&Thing> for ThingV1 {
    fn from(new: &Thing) -> Self {
        Self {
            id: new.id,
            size: new.sizes.iter().sum(),
        }
    }
}

#[tokio::test]
async fn rows_go_back_to_another_format_and_keep_their_metadata() {
    let (_server, db) = server().await;
    let things = db.table::<Thing>();
    let thing = |id| Thing {
        id,
        sizes: vec![2, 3],
    };
    things.put(thing(1)).metadata("by", "ann").await.unwrap();
    let named = things
        .put(thing(2))
        .content_type("application/vnd.thing+msgpack");
    named.await.unwrap();
    let back = things.migrate().down_to(1).alone().await.unwrap();
    assert_eq!(back.into_result().unwrap(), 2);
    let row = db.table::<ThingV1>().read(1).await.unwrap().unwrap();
    assert_eq!(row.size, 5);
    assert_eq!(row.content_type(), Some("application/json"));
    assert_eq!(row.metadata()["by"], "ann");
    let request = GetObject {
        key: "things/2.json".to_owned(),
        ..GetObject::default()
    };
    let object = db.store().get(request).await.unwrap();
    assert_eq!(object.body, r#"{"id":2,"size":5}"#);
    assert_eq!(
        object.meta.content_type.as_deref(),
        Some("application/json")
    );

    // A row in the newer format is saved in the older one.
    let row = things.read(2).await.unwrap().unwrap();
    things.save(row).await.unwrap();
    whole(things.migrate()).await;
    assert_eq!(things.get(1).await.unwrap().unwrap().sizes, [5]);
    let row = things.read(1).await.unwrap().unwrap();
    assert_eq!(row.content_type(), Some("application/msgpack"));
}
