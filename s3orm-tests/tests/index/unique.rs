//! No two rows have one value.

use super::fixture::{Place, User, user};
use s3orm::store::{PutObject, Store as _};
use s3orm::testing::{Call, Fault, FaultStore};
use s3orm::{ErrorKind, S3Schema as _};

const CLAIMS: &str = "_s3orm/uq/users/";

#[tokio::test]
async fn a_value_has_one_row() {
    let place = Place::open().await;
    let users = place.users().await;
    users.insert(user(1, "ann@a.org")).await.unwrap();
    assert_eq!(
        place.spent(),
        "GET GET PUT PUT",
        "own row, claim; claim, row"
    );
    assert_eq!(
        place.keys(CLAIMS).await,
        [format!("{CLAIMS}email/ann!40a.org.json")]
    );

    let taken = users.insert(user(2, "ann@a.org")).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::UniqueViolation);
    assert_eq!(taken.key(), Some("users/2.json"));
    let message = taken.to_string();
    assert!(
        message.contains("`email`") && message.contains("`users/1.json`"),
        "{message}"
    );
    assert_eq!(
        place.spent(),
        "GET GET GET",
        "own row, claim, the other row"
    );
    assert_eq!(users.get(2).await.unwrap(), None);

    // Whatever does not touch the value costs nothing; a change frees the old one.
    place.spent();
    users.update(1, |row| row.row = Some(1)).await.unwrap();
    assert_eq!(place.spent(), "GET PUT");
    users
        .patch(1)
        .set(User::COL.email, "bob@a.org")
        .await
        .unwrap();
    assert_eq!(place.spent(), "DELETE GET GET GET PUT PUT");
    users.insert(user(2, "ann@a.org")).await.unwrap();
    users.delete(2).await.unwrap();
    assert_eq!(place.keys(CLAIMS).await.len(), 1);
    users.insert(user(3, "ann@a.org")).await.unwrap();
}

#[tokio::test]
async fn rows_are_found_by_their_value() {
    let place = Place::open().await;
    let users = place.users().await;
    let ann = User {
        row: Some(3),
        seat: Some(14),
        ..user(1, "ann@a.org")
    };
    users.insert(&ann).await.unwrap();
    place.spent();
    let found = users.get_by(User::UNIQUE.email, "ann@a.org").await;
    assert_eq!(found.unwrap().as_ref(), Some(&ann));
    assert_eq!(place.spent(), "GET GET");
    let none = users.get_by(User::UNIQUE.email, "ann").await.unwrap();
    assert_eq!((none, &*place.spent()), (None, "GET"));

    let mut seat = users
        .read_by(User::UNIQUE.seat, (3, 14))
        .await
        .unwrap()
        .unwrap();
    seat.seat = Some(15);
    users.save(seat).await.unwrap();
    assert_eq!(
        users.get_by(User::UNIQUE.seat, (3, 14)).await.unwrap(),
        None
    );
    let same = User {
        row: Some(3),
        seat: Some(15),
        ..user(2, "bob@a.org")
    };
    let taken = users.insert(&same).await.unwrap_err();
    assert!(taken.to_string().contains("`seat`"), "{taken}");
    let freed = users.insert(user(2, "bob@a.org")).await;
    freed.expect("the claim on the address was taken back");
    // A seat without a row is not taken by anybody.
    for id in [4, 5] {
        let standing = User {
            seat: Some(1),
            ..user(id, &format!("{id}@a.org"))
        };
        users.insert(standing).await.unwrap();
    }
}

/// A claim whose writer is gone is in nobody's way.
#[tokio::test]
async fn a_dead_claim_is_taken_over() {
    let place = Place::open().await;
    let users = place.users().await;
    users.insert(user(1, "ann@a.org")).await.unwrap();
    let claim = |email: &str| format!("{CLAIMS}email/{email}.json");
    let body = r#"{"_m":{"v":"x"},"pks":["1.json","7.json"]}"#;
    place.server.keep(claim("x"), body).await;
    let before = users.read(1).await.unwrap().unwrap();
    place.spent();
    users.insert(user(2, "x")).await.unwrap();
    let spent = place.spent();
    // The claim, the row of 1 and a tombstone of 7, by which no write on its way to them counts.
    assert_eq!(spent.matches("PUT").count(), 4, "{spent}");
    assert_eq!(
        users
            .get_by(User::UNIQUE.email, "x")
            .await
            .unwrap()
            .unwrap()
            .id,
        2
    );
    // To who has read the row it is the same version.
    let after = users.read(1).await.unwrap().unwrap();
    assert_ne!(before.version().etag(), after.version().etag());
    users.save(before).await.unwrap();
    assert_eq!(users.get(7).await.unwrap(), None);
}

/// Nobody can tell whether the writes by which a dead claim is taken over were applied: that ends, and
/// nothing was written of the row.
#[tokio::test(start_paused = true)]
async fn a_dead_claim_is_not_taken_over_for_ever() {
    let store = FaultStore::memory();
    let users = store.db().table::<User>();
    users.insert(user(1, "ann@a.org")).await.unwrap();
    let claim = PutObject {
        key: format!("{CLAIMS}email/x.json"),
        body: r#"{"_m":{"v":"x"},"pks":["7.json"]}"#.into(),
        ..PutObject::default()
    };
    store.put(&claim).await.unwrap();
    let fences = || Call::Put.under("users/7.json");
    for (fault, kind) in [
        (Fault::RequestLost, ErrorKind::Unavailable),
        (Fault::Conflict, ErrorKind::Conflict),
        (Fault::Status(403), ErrorKind::Denied),
    ] {
        store.fail_all(fences(), fault);
        let error = users.insert(user(2, "x")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        store.clear();
        assert_eq!(users.get(2).await.unwrap(), None);
    }
    users.insert(user(2, "x")).await.unwrap();
}

/// 32 at once: one has it, and the others know.
#[tokio::test]
async fn of_many_that_want_one_value_one_gets_it() {
    for round in 0..4 {
        let place = Place::open().await;
        place.users().await;
        let email = format!("{round}@a.org");
        let mut tasks = tokio::task::JoinSet::new();
        for id in 0..32 {
            let (users, email) = (place.db.table::<User>(), email.clone());
            tasks.spawn(async move { users.insert(user(id, &email)).await });
        }
        let mut won = 0;
        while let Some(done) = tasks.join_next().await {
            match done.unwrap() {
                Ok(_) => won += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error:?}"),
            }
        }
        assert_eq!(won, 1);
        let users = place.db.table::<User>();
        assert_eq!(users.count().await.unwrap(), 1);
        let row = users.query().scan().one().await.unwrap();
        assert_eq!(
            users.get_by(User::UNIQUE.email, &row.email).await.unwrap(),
            Some(row)
        );
    }
}
