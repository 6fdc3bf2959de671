//! A partial key as a value asks for what the same columns ask for, over HTTP.
#![allow(clippy::unwrap_used)]

use s3orm::query::Fixed;
use s3orm::{Db, ErrorKind, KeyPrefix, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::server::TestServer;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "at=<country>/<city>/<id:ordered>")]
struct Person {
    country: String,
    city: String,
    id: u32,
}

async fn people(server: &TestServer) -> Table<Person> {
    let db: Db = connect::db(&server.endpoint()).await;
    let people = db.table::<Person>();
    for (country, city) in [("NO", "Oslo"), ("NO", "Bergen"), ("N", "Oslo"), ("", "é")] {
        for id in 0..12 {
            people.put(person(country, city, id)).await.unwrap();
        }
    }
    server.reset();
    people
}

fn person(country: &str, city: &str, id: u32) -> Person {
    Person {
        country: country.to_owned(),
        city: city.to_owned(),
        id,
    }
}

#[tokio::test]
async fn a_prefix_asks_for_its_part_and_goes_on() {
    let server = TestServer::memory().await;
    let people = people(&server).await;
    let norway = KeyPrefix::<Person>::new().at(Person::KEY.country, "NO");
    let spent = || {
        let counts = (server.count("ListObjectsV2"), server.count("GetObject"));
        assert_eq!(server.requests().len(), counts.0 + counts.1);
        server.reset();
        counts
    };

    assert_eq!(
        people.query().under(&norway).all().await.unwrap(),
        people
            .query()
            .at(Person::KEY.country, "NO")
            .all()
            .await
            .unwrap()
    );
    assert_eq!(spent(), (2, 48), "24 rows, twice");
    let found = people
        .query()
        .under(&norway)
        .at(Person::KEY.city, "Oslo")
        .within(Person::KEY.id, 3..5)
        .all()
        .await
        .unwrap();
    assert_eq!(found, [person("NO", "Oslo", 3), person("NO", "Oslo", 4)]);
    assert_eq!(spent(), (1, 2));

    let oslo: KeyPrefix<Person, Fixed<2>> = norway.clone().at(Person::KEY.city, "Oslo");
    let found = people.query().limit(1).under(&oslo).all().await.unwrap();
    assert_eq!(found, [person("NO", "Oslo", 0)]);
    assert_eq!(spent(), (1, 1));
    // The shorter one is as it was.
    assert_eq!(people.query().under(&norway).count().await.unwrap(), 24);
    let one = oslo.at(Person::KEY.id, 11);
    let found = people.query().under(&one).one().await.unwrap();
    assert_eq!(found, person("NO", "Oslo", 11));
    assert_eq!(spent(), (2, 1));

    let none = KeyPrefix::<Person>::new();
    let error = people.query().under(&none).all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "the whole table");
    let all = people.query().under(&none).scan().all().await.unwrap();
    assert_eq!(all.len(), 48);
}

#[test]
fn a_prefix_shows_how_keys_begin() {
    let none = KeyPrefix::<Person>::default();
    let country = |name: &str| KeyPrefix::new().at(Person::KEY.country, name);
    let city = country("NO").at(Person::KEY.city, "São Paulo");
    assert_eq!(none.to_string(), "at=");
    assert_eq!(country("NO").to_string(), "at=NO/");
    assert_eq!(country("").to_string(), "at=!_/");
    assert_eq!(city.to_string(), "at=NO/S!c3!a3o!20Paulo/");
    let whole = city.at(Person::KEY.id, 7);
    assert_eq!(
        whole.to_string(),
        "at=NO/S!c3!a3o!20Paulo/00000000000000000007.json"
    );
    assert_eq!(format!("{:?}", country("NO")), "KeyPrefix(at=NO/)");
}

/// Keys as another program wrote them: not every text can be a value.
#[derive(Debug, Serialize, Deserialize, S3Schema)]
#[s3(table = "logs", path = "<app>/<day>/<no>", encoding = "verbatim")]
struct Log {
    app: String,
    day: String,
    no: u8,
}

#[tokio::test]
async fn a_value_without_a_key_text_is_told_by_the_end() {
    let server = TestServer::memory().await;
    let logs = connect::db(&server.endpoint()).await.table::<Log>();
    logs.put(Log {
        app: "a".into(),
        day: "d".into(),
        no: 1,
    })
    .await
    .unwrap();
    server.reset();

    let wrong = KeyPrefix::<Log>::new().at(Log::KEY.app, "a/b");
    let longer = wrong.clone().at(Log::KEY.day, "d").at(Log::KEY.no, 1);
    for error in [
        logs.query().under(&wrong).all().await.unwrap_err(),
        logs.query().under(&longer).count().await.unwrap_err(),
        logs.query()
            .under(&wrong)
            .at(Log::KEY.day, "d")
            .plan()
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidKey);
        assert!(error.to_string().contains("key column `app`"), "{error}");
    }

    // What it shows is the beginning of no key, so that nothing is deleted by mistake.
    let shown = wrong.to_string();
    assert!(shown.starts_with("<key column `app`: "), "{shown}");
    assert_eq!(longer.to_string(), shown);
    let error = logs.delete_all().under(shown).confirm("logs").await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidKey);
    assert_eq!(server.requests().len(), 0);
}
