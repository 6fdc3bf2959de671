//! Indexes are kept by transactions as by single writes.

use s3orm::{ErrorKind, S3Schema, Table};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::fixture::Place;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "members", path = "<id>", transactional)]
struct Member {
    id: u64,
    #[s3(unique)]
    email: String,
    #[s3(index)]
    club: Option<String>,
}

fn member(id: u64, email: &str, club: &str) -> Member {
    Member {
        id,
        email: email.to_owned(),
        club: Some(club.to_owned()),
    }
}

async fn prepared() -> (Place, Table<Member>) {
    let place = Place::open().await;
    let members = place.db.table::<Member>();
    for id in 1..=3 {
        let row = member(id, &format!("{id}@a.org"), "A");
        members.insert(row).await.unwrap();
    }
    (place, members)
}

async fn ids_in(members: &Table<Member>, club: &str) -> Vec<u64> {
    let query = members.query().by(Member::INDEX.club).at(club);
    let rows = query.all().await.unwrap();
    rows.iter().map(|row| row.id).collect()
}

async fn id_of(members: &Table<Member>, email: &str) -> Option<u64> {
    let row = members.get_by(Member::UNIQUE.email, email).await.unwrap();
    row.map(|row| row.id)
}

#[tokio::test]
async fn entries_and_claims_follow_a_transaction() {
    let (place, members) = prepared().await;
    let all = &members;
    place
        .db
        .transaction(|tx| async move {
            tx.write(all.insert(member(4, "4@a.org", "B")))?;
            tx.write(all.delete(1))?;
            tx.write(all.patch(2).set(Member::COL.club, "B"))?;
            tx.write(all.update(3, |row| row.email = "1@a.org".to_owned()))
        })
        .settled()
        .await
        .unwrap();
    assert_eq!(ids_in(all, "A").await, [3]);
    assert_eq!(ids_in(all, "B").await, [2, 4]);
    assert_eq!(id_of(all, "1@a.org").await, Some(3));
    assert_eq!(id_of(all, "3@a.org").await, None);
    assert_eq!(place.keys("_s3orm/ix/").await.len(), 3);
    assert!(all.verify().await.unwrap().is_clean());

    // Refused, and nothing of it is done.
    let refused = place.db.transaction(|tx| async move {
        tx.write(all.insert(member(5, "5@a.org", "B")))?;
        tx.write(all.insert(member(6, "4@a.org", "B")))
    });
    let error = refused.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert_eq!(ids_in(all, "B").await, [2, 4]);
    assert_eq!(id_of(all, "5@a.org").await, None);
    all.insert(member(5, "5@a.org", "C")).await.unwrap();
    assert!(all.verify().await.unwrap().is_clean());

    // Alone in its transaction.
    let alone = place.db.transaction(|tx| async move {
        tx.write(
            all.patch(5)
                .set(Member::COL.club, "D")
                .set(Member::COL.email, "6@a.org"),
        )
    });
    alone.await.unwrap();
    assert_eq!(ids_in(all, "D").await, [5]);
    assert_eq!(id_of(all, "6@a.org").await, Some(5));
    assert!(all.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn unique_values_change_places() {
    let (place, members) = prepared().await;
    let all = &members;
    let swapped = place.db.transaction(|tx| async move {
        tx.write(all.patch(1).set(Member::COL.email, "2@a.org"))?;
        tx.write(all.patch(2).set(Member::COL.email, "1@a.org"))
    });
    swapped.settled().await.unwrap();
    assert_eq!(id_of(all, "1@a.org").await, Some(2));
    assert_eq!(id_of(all, "2@a.org").await, Some(1));
    for email in ["1@a.org", "2@a.org"] {
        let taken = all.insert(member(9, email, "A")).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::UniqueViolation);
    }

    let moved = all.rekey(1, |row| row.id = 7).await.unwrap();
    assert_eq!(moved.email, "2@a.org");
    assert_eq!(id_of(all, "2@a.org").await, Some(7));
    assert_eq!(ids_in(all, "A").await, [2, 3, 7]);
    let taken = all.insert(member(1, "2@a.org", "A")).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::UniqueViolation);
    all.delete(7).await.unwrap();
    all.insert(member(1, "2@a.org", "A")).await.unwrap();
    assert_eq!(id_of(all, "2@a.org").await, Some(1));
}

/// 24 at once want one value, each in a transaction with another row: one gets it.
#[tokio::test]
async fn one_of_many_transactions_gets_a_unique_value() {
    let (place, members) = prepared().await;
    let mut tasks = JoinSet::new();
    for id in 10..34 {
        let members = members.clone();
        tasks.spawn(async move {
            let all = &members;
            all.db()
                .transaction(|tx| async move {
                    tx.write(all.insert(member(id, "wanted@a.org", "W")))?;
                    tx.write(all.insert(member(id + 100, &format!("{id}@b.org"), "W")))
                })
                .await
        });
    }
    let mut won = 0;
    for done in tasks.join_all().await {
        match done {
            Ok(()) => won += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}"),
        }
    }
    assert_eq!(won, 1);
    let ids = ids_in(&members, "W").await;
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert_eq!(ids[0] + 100, ids[1]);
    place.db.settle().await.unwrap();
    let rows = members.query().scan().all().await.unwrap();
    assert_eq!(rows.len(), 5);
}
