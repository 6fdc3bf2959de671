//! Queries by an index.

use super::fixture::{Person, Place, person};
use s3orm::query::{Order, Stopped};
use s3orm::{ErrorKind, S3Schema as _, Table};

async fn filled(place: &Place) -> Table<Person> {
    let people = place.people().await;
    let rows = (0..30).map(|id| Person {
        age: i32::try_from(id).unwrap() - 10,
        ..person(
            id,
            ["Oslo", "Osaka", "Rome"][usize::try_from(id % 3).unwrap()],
        )
    });
    people.insert_many(rows).await.into_result().unwrap();
    place.spent();
    people
}

fn ids(rows: &[Person]) -> Vec<u64> {
    rows.iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn values_ranges_and_beginnings() {
    let place = Place::open().await;
    let people = filled(&place).await;
    let (city, both) = (Person::INDEX.city, Person::INDEX.place);

    let rome = people.query().by(city).at("Rome").all().await.unwrap();
    assert_eq!(ids(&rome), [2, 5, 8, 11, 14, 17, 20, 23, 26, 29]);
    assert_eq!(place.server.lists_and_gets(), (1, 10));

    let os = people
        .query()
        .by(city)
        .starts_with("Os")
        .count()
        .await
        .unwrap();
    assert_eq!(os, 20);
    place.spent();
    let none = people.query().by(city).at("Os").exists().await.unwrap();
    assert!(!none);
    assert_eq!(place.spent(), "LIST");

    // Negative numbers come first, and nothing outside the range is read.
    let young = people.query().by(both).at("Oslo").within(-4..=5);
    assert_eq!(ids(&young.clone().all().await.unwrap()), [6, 9, 12, 15]);
    assert_eq!(place.server.lists_and_gets(), (1, 4));
    let youngest = young.clone().order(Order::Descending).limit(2).all().await;
    assert_eq!(ids(&youngest.unwrap()), [15, 12]);
    let one = people
        .query()
        .by(both)
        .at("Oslo")
        .at(5)
        .one()
        .await
        .unwrap();
    assert_eq!(one.id, 15);
    let filtered = young
        .clone()
        .filter(Person::COL.name.eq("n9"))
        .first()
        .await;
    assert_eq!(filtered.unwrap().unwrap().id, 9);
    let by_key = young.filter(Person::COL.id.ge(12)).all().await;
    assert_eq!(ids(&by_key.unwrap()), [12, 15]);
    let names = people
        .query()
        .by(city)
        .at("Rome")
        .limit(1)
        .select(Person::COL.id);
    assert_eq!(names.all().await.unwrap(), [2]);
}

#[tokio::test]
async fn pages_budgets_and_limits() {
    let place = Place::open().await;
    let people = filled(&place).await;
    let query = people
        .query()
        .by(Person::INDEX.city)
        .starts_with("O")
        .limit(8);
    let (mut found, mut cursor) = (Vec::new(), None);
    for _ in 0..3 {
        let page = query.page(cursor.as_ref()).await.unwrap();
        found.extend(ids(&page.rows));
        cursor = page.next.map(|next| next.to_string().parse().unwrap());
    }
    assert_eq!((found.len(), cursor), (20, None));
    assert_eq!(found[..3], [1, 4, 7], "Osaka comes before Oslo");

    place.spent();
    let first = people
        .query()
        .by(Person::INDEX.city)
        .at("Rome")
        .limit(3)
        .all()
        .await;
    assert_eq!(first.unwrap().len(), 3);
    assert_eq!(place.server.lists_and_gets(), (1, 3));
    let short = people
        .query()
        .by(Person::INDEX.city)
        .at("Rome")
        .max_requests(4);
    let short = short.page(None).await.unwrap();
    assert_eq!(
        (short.rows.len(), short.stopped),
        (3, Some(Stopped::Budget))
    );
    let error = people
        .query()
        .by(Person::INDEX.city)
        .all()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains(".at("), "{error}");
}

/// A budget ends a stream of entries once, however many are left.
#[tokio::test]
async fn a_budget_ends_the_entries() {
    let place = Place::open().await;
    let people = filled(&place).await;
    let oslo = people.query().by(Person::INDEX.place).at("Oslo");
    let mut entries = oslo.max_requests(4).entries().unwrap();
    let (mut found, mut refused) = (0, Vec::new());
    while let Some(entry) = entries.next().await {
        match entry {
            Ok(_) => found += 1,
            Err(error) => refused.push(error.kind()),
        }
    }
    assert_eq!((found, refused), (3, vec![ErrorKind::Budget]));
}

/// An entry that no row agrees with costs a read, and is not an answer.
#[tokio::test]
async fn dead_entries_are_no_answers() {
    let place = Place::open().await;
    let people = filled(&place).await;
    let dead = |id: u64| format!("_s3orm/ix/people/city/Rome/{id:020}.json");
    for id in [0, 100] {
        place.server.keep(dead(id), r#"{"_m":{"v":"x"}}"#).await;
    }
    place
        .server
        .keep("_s3orm/ix/people/city/Rome/what.txt", "?")
        .await;
    let by = || people.query().by(Person::INDEX.city).at("Rome");
    assert_eq!(by().count().await.unwrap(), 10);
    assert_eq!(place.server.lists_and_gets(), (1, 12));
    assert_eq!(ids(&by().limit(2).all().await.unwrap()), [2, 5]);
    assert_eq!(by().first().await.unwrap().unwrap().id, 2);
    let keys = by().keys_only().unwrap().collect().await.unwrap();
    assert_eq!(keys.len(), 12, "entries as they are");
    let error = by().keys().unwrap_err();
    assert!(error.to_string().contains("`entries`"), "{error}");
}

/// A filter that asks for one value finds its index, where the keys would be scanned.
#[tokio::test]
async fn a_filter_finds_its_index() {
    let place = Place::open().await;
    let people = filled(&place).await;
    let rome = || people.query().filter(Person::COL.city.eq("Rome"));

    let plan = rome().plan().unwrap();
    assert_eq!(plan.index, Some("city"));
    assert_eq!(plan.prefix, "_s3orm/ix/people/city/Rome/");
    assert!(
        plan.to_string()
            .starts_with("by index `city`\nlist `_s3orm"),
        "{plan}"
    );
    assert_eq!(ids(&rome().all().await.unwrap()).len(), 10);
    assert_eq!(place.server.lists_and_gets(), (1, 10));
    assert_eq!(rome().explain().await.unwrap().gets(), Some(10));
    assert_eq!(rome().limit(4).page(None).await.unwrap().rows.len(), 4);
    let page = rome().limit(4).page(None).await.unwrap();
    let next = rome().limit(4).page(page.next.as_ref()).await.unwrap();
    assert_eq!(ids(&next.rows), [14, 17, 20, 23]);

    // Of two that fit, that with more columns.
    let both = rome().filter(Person::COL.age.eq(-5));
    assert_eq!(both.plan().unwrap().index, Some("place"));
    assert_eq!(ids(&both.all().await.unwrap()), [5]);
    let more = rome().filter(Person::COL.name.ge("n3"));
    assert_eq!(more.plan().unwrap().index, Some("city"));
    assert_eq!(more.count().await.unwrap(), 2);

    // Nothing is decided by one value of several, nor by its contrary.
    for filter in [
        Person::COL.city.eq("Rome").or(Person::COL.city.eq("Oslo")),
        Person::COL.city.eq("Rome").not(),
        Person::COL.age.eq(3),
    ] {
        let query = people.query().filter(filter);
        assert_eq!(query.plan().unwrap().index, None);
        assert_eq!(
            query.all().await.unwrap_err().kind(),
            ErrorKind::Unsupported
        );
    }
    // A scan is a scan, and a key is nearer than an index.
    assert_eq!(rome().scan().plan().unwrap().index, None);
    let keyed = people
        .query()
        .at(Person::KEY.id, 2)
        .filter(Person::COL.city.eq("Rome"));
    assert_eq!(keyed.plan().unwrap().index, None);
}

/// A value that is missing has no entry.
#[tokio::test]
async fn indexes_are_sparse() {
    let place = Place::open().await;
    let people = filled(&place).await;
    assert_eq!(place.keys("_s3orm/ix/people/by_club/").await, [""; 0]);
    let club = Some("A/b".to_owned());
    people
        .update(3, |row| row.club.clone_from(&club))
        .await
        .unwrap();
    let found = people
        .query()
        .filter(Person::COL.club.eq("A/b"))
        .all()
        .await;
    assert_eq!(ids(&found.unwrap()), [3]);
    let found = people.query().by(Person::INDEX.by_club).at("A").all().await;
    assert_eq!(found.unwrap(), []);
}
