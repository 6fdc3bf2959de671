//! What an operation costs in requests, counted at the server.

use s3orm::Db;
use s3orm::Table;
use s3orm_tests::connect;
use s3orm_tests::server::TestServer;
use s3orm_tests::tables::{Person, person};

struct Counted {
    server: TestServer,
    people: Table<Person>,
}

impl Counted {
    async fn new() -> Self {
        let server = TestServer::memory().await;
        let db: Db = connect::db(&server.endpoint()).await;
        assert_eq!(server.requests().len(), 0, "connecting makes no request");
        Self {
            people: db.table(),
            server,
        }
    }

    /// The requests since the last call, as S3 names them.
    fn spent(&self) -> Vec<&'static str> {
        self.server.spent()
    }
}

#[tokio::test]
async fn one_request_each() {
    let counted = Counted::new().await;
    let people = &counted.people;

    people.insert(person(1)).await.unwrap();
    assert_eq!(counted.spent(), ["PutObject"], "insert");
    people.put(person(1)).await.unwrap();
    assert_eq!(counted.spent(), ["PutObject"], "put");
    people.get(("Oslo", 1)).await.unwrap().unwrap();
    assert_eq!(counted.spent(), ["GetObject"], "get");
    let row = people.read(("Oslo", 1)).await.unwrap().unwrap();
    assert_eq!(counted.spent(), ["GetObject"], "read");
    people.save(row).await.unwrap();
    assert_eq!(counted.spent(), ["PutObject"], "save");
    assert!(people.exists(("Oslo", 1)).await.unwrap());
    assert_eq!(counted.spent(), ["GetObject"], "exists");
    people.delete(("Oslo", 1)).await.unwrap();
    assert_eq!(counted.spent(), ["DeleteObject"], "delete");
}

#[tokio::test]
async fn absent_rows_cost_no_more() {
    let counted = Counted::new().await;
    let people = &counted.people;

    assert_eq!(people.get(("Oslo", 1)).await.unwrap(), None);
    assert_eq!(counted.spent(), ["GetObject"], "get");
    assert!(!people.exists(("Oslo", 1)).await.unwrap());
    assert_eq!(counted.spent(), ["GetObject"], "exists");
    people.delete(("Oslo", 1)).await.unwrap();
    assert_eq!(counted.spent(), ["DeleteObject"], "delete");
    people.delete(("Oslo", 1)).must_exist().await.unwrap_err();
    assert_eq!(counted.spent(), ["DeleteObject"], "delete that must exist");
    assert!(
        people
            .delete(("Oslo", 1))
            .returning_old()
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        counted.spent(),
        ["GetObject"],
        "delete returning the old row"
    );
}

#[tokio::test]
async fn compound_operations_cost_their_parts() {
    let counted = Counted::new().await;
    let people = &counted.people;

    people.put(person(1)).returning_old().await.unwrap();
    assert_eq!(
        counted.spent(),
        ["GetObject", "PutObject"],
        "put returning the old row"
    );
    people
        .update(("Oslo", 1), |person| person.age += 1)
        .await
        .unwrap();
    assert_eq!(counted.spent(), ["GetObject", "PutObject"], "update");
    people.insert(person(1)).await.unwrap_err();
    assert_eq!(
        counted.spent(),
        ["PutObject", "HeadObject"],
        "insert of an existing row"
    );
    people.delete(("Oslo", 1)).returning_old().await.unwrap();
    assert_eq!(
        counted.spent(),
        ["GetObject", "DeleteObject"],
        "delete returning the old row"
    );
}

#[tokio::test]
async fn what_is_refused_beforehand_costs_nothing() {
    let counted = Counted::new().await;
    let people = &counted.people;

    let long = Person {
        city: "x".repeat(1100),
        ..person(1)
    };
    people.insert(long).await.unwrap_err();
    people
        .put(person(1))
        .metadata("s3orm-id", "x")
        .await
        .unwrap_err();
    people
        .put(person(1))
        .metadata("note", "line\nfeed")
        .await
        .unwrap_err();
    drop(people.put(person(1)));
    assert!(counted.spent().is_empty());
}
