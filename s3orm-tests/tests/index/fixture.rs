//! The table of these tests, on a server that counts.

use s3orm::{Db, S3Schema, Table};
use s3orm_tests::connect;
use s3orm_tests::server::{TestServer, keys};
use serde::{Deserialize, Serialize};

/// Unknown members are an error: a row is read without the library's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id:ordered>")]
#[s3(index(name = "place", columns(city, age), projection(name)))]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    pub(crate) id: u64,
    #[s3(index)]
    pub(crate) city: String,
    pub(crate) age: i32,
    #[s3(index = "by_club")]
    pub(crate) club: Option<String>,
    pub(crate) name: String,
}

pub(crate) fn person(id: u64, city: &str) -> Person {
    Person {
        id,
        city: city.to_owned(),
        age: 30,
        club: None,
        name: format!("n{id}"),
    }
}

/// A row with a unique column, and another that may be missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "users",
    path = "<id>",
    unique(name = "seat", columns(row, seat))
)]
pub(crate) struct User {
    pub(crate) id: u64,
    #[s3(unique)]
    pub(crate) email: String,
    pub(crate) row: Option<u8>,
    pub(crate) seat: Option<u8>,
}

pub(crate) fn user(id: u64, email: &str) -> User {
    User {
        id,
        email: email.to_owned(),
        row: None,
        seat: None,
    }
}

pub(crate) struct Place {
    pub(crate) server: TestServer,
    pub(crate) db: Db,
}

impl Place {
    pub(crate) async fn open() -> Self {
        let server = TestServer::memory().await;
        let db = connect::db(&server.endpoint()).await;
        Self { server, db }
    }

    /// A table whose state is known already.
    pub(crate) async fn people(&self) -> Table<Person> {
        let people = self.db.table();
        people.insert(person(999, "Nowhere")).await.unwrap();
        people.delete(999).await.unwrap();
        self.server.reset();
        people
    }

    pub(crate) async fn users(&self) -> Table<User> {
        let users = self.db.table();
        users.insert(user(999, "nobody")).await.unwrap();
        users.delete(999).await.unwrap();
        self.server.reset();
        users
    }

    /// The requests since the last call: their methods, sorted, as those for several indexes are
    /// made at once.
    pub(crate) fn spent(&self) -> String {
        let requests = self.server.requests();
        self.server.reset();
        let names = requests.iter().map(|request| match request.operation {
            "GetObject" => "GET",
            "PutObject" => "PUT",
            "ListObjectsV2" => "LIST",
            "DeleteObject" => "DELETE",
            other => panic!("an unexpected {other}"),
        });
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names.join(" ")
    }

    /// The keys of all objects under a prefix.
    pub(crate) async fn keys(&self, prefix: &str) -> Vec<String> {
        keys(&**self.server.store(), prefix).await
    }
}
