//! A store that fails as it is told, for the tests of applications.
//!
//! What does your function do when S3 asks to slow down, when the answer to its write is lost, when
//! the process ends between two writes? A [`FaultStore`] makes each of these happen, at the request
//! that you name, and remembers all requests, so that a test can count them.
//!
//! ```
//! use s3orm::testing::{Call, Fault, FaultStore};
//! use s3orm::{Db, ErrorKind, S3Schema};
//!
//! #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, S3Schema)]
//! #[s3(table = "accounts", path = "<id>")]
//! struct Account { id: u64, cents: u64 }
//!
//! /// The function under test.
//! async fn deposit(db: &Db, id: u64, cents: u64) -> s3orm::Result<u64> {
//!     let row = db.table::<Account>().update(id, |account| account.cents += cents).await?;
//!     Ok(row.cents)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! let store = FaultStore::memory();
//! let db = store.db();
//! db.table().insert(Account { id: 7, cents: 100 }).await?;
//!
//! // The write is applied, its answer never comes: the money is there once, not twice.
//! store.fail_next(Call::Put, Fault::AnswerLost);
//! assert_eq!(deposit(&db, 7, 5).await?, 105);
//! assert_eq!(store.count(Call::Put), 2);
//!
//! // The write itself is lost, and nobody can tell: it is not sent again.
//! store.fail_next(Call::Put, Fault::RequestLost);
//! let error = deposit(&db, 7, 5).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
//!
//! // The process ends before its write: whoever comes next finds what was there.
//! store.fail_next(Call::Put.under("accounts/7"), Fault::CrashBefore);
//! deposit(&db, 7, 5).await.unwrap_err();
//! let db = store.restart().db();
//! assert_eq!(db.table::<Account>().get(7).await?, Some(Account { id: 7, cents: 105 }));
//! # Ok(()) }
//! ```
//!
//! # Time and randomness
//!
//! [`FaultStore::memory`] and the databases over it take both from
//! [`Env::seeded(0)`](crate::Env::seeded): generated ids are the same in every run, and timestamps
//! begin at a fixed moment. Where Tokio's clock is paused, which its feature `test-util` does by
//! `#[tokio::test(start_paused = true)]`, all pauses between retries and every
//! [`Latency`](Fault::Latency) take no time, and a test sees the same run each time. Another seed
//! makes another run:
//!
//! ```
//! use std::sync::Arc;
//! use s3orm::Env;
//! use s3orm::store::memory::MemoryStore;
//! use s3orm::testing::FaultStore;
//!
//! let env = Env::seeded(42);
//! let store = FaultStore::over(Arc::new(MemoryStore::new("bucket", env.clone())), env);
//! # let _ = store.db();
//! ```
//!
//! Faults of HTTP itself, such as half an answer, do not come from here: a `Store` is above them.

mod client;
mod fault;
mod store;

pub use client::FaultStore;
pub use fault::{Call, Fault, Matcher, Request, any};

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::{PutObject, Store as _, StoreErrorKind};

    fn object(key: &str) -> PutObject {
        PutObject {
            key: key.to_owned(),
            body: "1".into(),
            ..PutObject::default()
        }
    }

    /// What a write under this fault answers, and whether it is applied then.
    async fn write_under(fault: Fault) -> (Result<(), StoreErrorKind>, bool) {
        let store = FaultStore::memory();
        store.fail_next(Call::Put, fault);
        let answer = store.put(&object("a")).await;
        let applied = store.restart().head("a").await.is_ok();
        (answer.map(drop).map_err(|error| error.kind()), applied)
    }

    #[tokio::test(start_paused = true)]
    async fn each_fault_answers_and_applies_what_it_says() {
        use StoreErrorKind as Kind;
        for (fault, answer, applied) in [
            (Fault::NeverSent, Err(Kind::Unsent), false),
            (Fault::RequestLost, Err(Kind::Lost), false),
            (Fault::AnswerLost, Err(Kind::Lost), true),
            (Fault::Late(Duration::from_secs(9)), Err(Kind::Lost), false),
            (Fault::Duplicate, Ok(()), true),
            (Fault::Status(500), Err(Kind::Server), false),
            (Fault::Status(403), Err(Kind::Denied), false),
            (Fault::SlowDown, Err(Kind::Throttled), false),
            (Fault::Conflict, Err(Kind::Conflict), false),
            (Fault::Latency(Duration::from_secs(9)), Ok(()), true),
            (Fault::CrashBefore, Err(Kind::Lost), false),
            (Fault::CrashAfter, Err(Kind::Lost), true),
        ] {
            assert_eq!(write_under(fault).await, (answer, applied), "{fault:?}");
        }
    }

    #[tokio::test]
    async fn it_is_the_same_service_and_its_survey_is_a_request() {
        let store = FaultStore::memory();
        assert_eq!(store.service(), store.inner.service());
        let unsupported = store.survey("scratch").await.unwrap_err();
        assert_eq!(unsupported.kind(), StoreErrorKind::Unsupported);
        assert_eq!(store.count(Call::Survey), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_late_is_applied_in_the_end() {
        let store = FaultStore::memory();
        store.fail_next(any(), Fault::Late(Duration::from_mins(15)));
        store.put(&object("a")).await.unwrap_err();
        store.env.sleep(Duration::from_mins(14)).await;
        store.head("a").await.unwrap_err();
        store.env.sleep(Duration::from_mins(2)).await;
        store.head("a").await.unwrap();
    }

    #[tokio::test]
    async fn the_second_answer_of_a_duplicate_is_that_of_the_second_copy() {
        let store = FaultStore::memory();
        store.fail_next(Call::Put, Fault::Duplicate);
        let create = PutObject {
            precondition: crate::store::Precondition::IfAbsent,
            ..object("a")
        };
        let error = store.put(&create).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::PreconditionFailed);
    }

    #[tokio::test]
    async fn faults_come_where_they_are_told_to() {
        let store = FaultStore::memory();
        store.fail_nth(2, Call::Put.under("b/"), Fault::RequestLost);
        store.fail_nth(3, any(), Fault::SlowDown);
        for (key, ok) in [
            ("a/1", true),
            ("b/1", true),
            ("a/2", false),
            ("b/2", false),
            ("b/3", true),
        ] {
            assert_eq!(store.put(&object(key)).await.is_ok(), ok, "{key}");
        }
        let faults: Vec<_> = store.requests().iter().map(|one| one.fault).collect();
        let (slow, lost) = (Some(Fault::SlowDown), Some(Fault::RequestLost));
        assert_eq!(faults, [None, None, slow, lost, None]);
        assert_eq!(store.count(Call::Put.under("b/")), 3);
        assert_eq!(store.count(Call::Get), 0);

        store.fail_all(any().under("c"), Fault::Status(503));
        store.put(&object("c/1")).await.unwrap_err();
        store.put(&object("c/2")).await.unwrap_err();
        store.put(&object("d")).await.unwrap();
        store.clear();
        store.put(&object("c/1")).await.unwrap();

        store.fail_when(|request| (request.call == Call::Head).then_some(Fault::NeverSent));
        store.put(&object("c/1")).await.unwrap();
        store.head("c/1").await.unwrap_err();
    }

    #[tokio::test]
    async fn a_crashed_client_stays_so_and_others_go_on() {
        let store = FaultStore::memory();
        store.fail_next(Call::Put.under("b"), Fault::CrashAfter);
        store.put(&object("a")).await.unwrap();
        store.put(&object("b")).await.unwrap_err();
        store.clear();
        store.put(&object("c")).await.unwrap_err();
        let elsewhere = store.with_bucket("another").unwrap();
        elsewhere.create_bucket().await.unwrap_err();

        let other = store.restart();
        assert!(other.requests().is_empty());
        other.head("b").await.unwrap();
        let error = other.head("c").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::NotFound);
        assert_eq!(store.requests().len(), 4);
    }
}
