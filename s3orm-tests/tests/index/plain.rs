//! Entries follow their rows.

use super::fixture::{Person, Place, person};
use s3orm::{ErrorKind, S3Schema as _};

const ENTRIES: &str = "_s3orm/ix/people/";

#[tokio::test]
async fn the_first_write_of_all_makes_the_indexes_known() {
    let place = Place::open().await;
    let people = place.db.table::<Person>();
    // Of a table that was never written nothing needs to be built.
    let none = people.query().by(Person::INDEX.city).at("Oslo").all().await;
    assert_eq!(none.unwrap(), []);
    assert_eq!(place.spent(), "GET LIST LIST");
    people.insert(person(1, "Oslo")).await.unwrap();
    // One of the GETs asks what the doctor has recorded.
    assert_eq!(place.spent(), "GET GET LIST PUT PUT PUT PUT");
    people.insert(person(2, "Oslo")).await.unwrap();
    assert_eq!(place.spent(), "PUT PUT PUT");
    let found = people.query().by(Person::INDEX.city).at("Oslo").all().await;
    assert_eq!(found.unwrap().len(), 2);
    assert_eq!(place.spent(), "GET GET LIST");
}

#[tokio::test]
async fn each_write_costs_what_changes() {
    let place = Place::open().await;
    let people = place.people().await;

    // 1 PUT an index (`city` and `place`), 1 PUT the row.
    people.insert(person(1, "Oslo")).await.unwrap();
    assert_eq!(place.spent(), "PUT PUT PUT");
    let keys = place.keys(ENTRIES).await;
    let id = "00000000000000000001";
    let age = "09223372036854775838";
    assert_eq!(
        keys,
        [
            format!("{ENTRIES}city/Oslo/{id}.json"),
            format!("{ENTRIES}place/Oslo/{age}/{id}.json")
        ]
    );

    // No indexed column, nothing kept in an entry: nothing but the row.
    people.patch(1).set(Person::COL.club, "A").await.unwrap();
    assert_eq!(
        place.spent(),
        "GET PUT PUT",
        "a value that was missing is one PUT"
    );
    assert_eq!(place.keys(&format!("{ENTRIES}by_club/")).await.len(), 1);
    people.update(1, |_| ()).await.unwrap();
    assert_eq!(place.spent(), "GET PUT");

    // A change: 1 PUT, 1 GET and 1 DELETE for each index.
    people
        .update(1, |person| person.city = "Rome".into())
        .await
        .unwrap();
    assert_eq!(place.spent(), "DELETE DELETE GET GET GET PUT PUT PUT");
    people.patch(1).unset(Person::COL.club).await.unwrap();
    assert_eq!(place.spent(), "DELETE GET GET PUT");

    // What an entry keeps is written anew, after the row.
    people
        .update(1, |person| person.name = "Ann".into())
        .await
        .unwrap();
    assert_eq!(place.spent(), "GET GET PUT PUT");
    let entries = people
        .query()
        .by(Person::INDEX.place)
        .at("Rome")
        .entries()
        .unwrap();
    let entries = entries.collect().await.unwrap();
    assert_eq!(
        entries[0].get(Person::COL.name).unwrap().as_deref(),
        Some("Ann")
    );
    assert_eq!(entries[0].get(Person::COL.city).unwrap(), None);
    assert_eq!(entries[0].values, ("Rome".to_owned(), 30));
    assert_eq!(entries[0].key, (1,));
    assert_eq!(place.spent(), "GET LIST");

    people.delete(1).await.unwrap();
    assert_eq!(place.spent(), "DELETE DELETE GET GET GET PUT");
    assert_eq!(place.keys(ENTRIES).await, [""; 0]);
}

/// Every way to write a row goes the same way.
#[tokio::test]
async fn all_writes_keep_the_index() {
    let place = Place::open().await;
    let people = place.people().await;
    let cities = || async {
        let found = people
            .query()
            .by(Person::INDEX.city)
            .scan()
            .all()
            .await
            .unwrap();
        let found: Vec<_> = found.iter().map(|row| (row.id, row.city.clone())).collect();
        let entries = place.keys(&format!("{ENTRIES}city/")).await.len();
        assert_eq!(entries, found.len(), "no entry is dead");
        found
    };
    let row = |id, city: &str| (id, city.to_owned());

    let mut saved = people.put(person(1, "A")).await.unwrap();
    saved.city = "B".into();
    people.save(saved).await.unwrap();
    people
        .insert_many([person(2, "C"), person(3, "A")])
        .await
        .into_result()
        .unwrap();
    assert_eq!(cities().await, [row(3, "A"), row(1, "B"), row(2, "C")]);
    people
        .put_many([person(2, "B")])
        .await
        .into_result()
        .unwrap();
    people
        .insert(person(3, "D"))
        .on_conflict_replace()
        .await
        .unwrap();
    assert_eq!(cities().await, [row(1, "B"), row(2, "B"), row(3, "D")]);
    let all = people.update_all(|row| row.city.push('x')).await.unwrap();
    assert_eq!(all.into_result().unwrap(), 3);
    assert_eq!(cities().await, [row(1, "Bx"), row(2, "Bx"), row(3, "Dx")]);
    people.delete_many([1]).await.into_result().unwrap();
    people.delete(2).returning_old().await.unwrap();
    assert_eq!(cities().await, [row(3, "Dx")]);
    people
        .delete_all()
        .confirm("people")
        .await
        .unwrap()
        .into_result()
        .unwrap();
    assert_eq!(cities().await, []);
}

/// A write that is refused takes back what it has put, and nothing else.
#[tokio::test]
async fn a_refused_write_leaves_nothing_behind() {
    let place = Place::open().await;
    let people = place.people().await;
    people.insert(person(1, "Oslo")).await.unwrap();
    place.spent();

    let error = people.insert(person(1, "Rome")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(place.spent(), "DELETE DELETE GET PUT PUT PUT");
    // The same value: the entry stays.
    people.insert(person(1, "Oslo")).await.unwrap_err();
    place.spent();
    let kept = place.keys(ENTRIES).await;
    assert!(kept.iter().all(|key| key.contains("/Oslo/")), "{kept:?}");
    assert_eq!(kept.len(), 2);
    let found = people.query().by(Person::INDEX.city).at("Oslo").all().await;
    assert_eq!(found.unwrap(), [person(1, "Oslo")]);
}

#[tokio::test]
async fn a_value_that_is_too_long_is_refused_before_any_request() {
    let place = Place::open().await;
    let people = place.people().await;
    let error = people
        .insert(person(1, &"x".repeat(1000)))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    assert!(error.to_string().contains("index `city`"), "{error}");
    assert_eq!(place.spent(), "");
}

/// 32 at once on one row and on many: the index is what a scan finds.
#[tokio::test]
async fn the_index_is_the_table_after_many_writers() {
    let place = Place::open().await;
    let people = place.people().await;
    people
        .insert_many((0..4).map(|id| person(id, "A")))
        .await
        .into_result()
        .unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..64_u64 {
        let people = place.db.table::<Person>();
        tasks.spawn(async move {
            let (id, city) = (task % 4, format!("C{}", task % 5));
            match task % 8 {
                7 => people.delete(id).await.map(drop),
                6 => people.put(person(id, &city)).await.map(drop),
                _ => people
                    .update(id, |row| row.city.clone_from(&city))
                    .await
                    .map(drop)
                    .or_else(|error| match error.kind() {
                        ErrorKind::NotFound => Ok(()),
                        _ => Err(error),
                    }),
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    let mut by_index = people
        .query()
        .by(Person::INDEX.city)
        .scan()
        .all()
        .await
        .unwrap();
    by_index.sort_by_key(|row| row.id);
    assert_eq!(by_index, people.query().scan().all().await.unwrap());
}
