//! The record of a transaction: the one object whose change decides it.
//!
//! `<prefix>/_s3orm/tx/<2 hex>/<id>.json`. It is created `pending`, before any intent, and becomes
//! `committed` or `aborted` by a write on the tag of the pending version: whichever lands first is
//! the truth. Its owner alone commits it; anybody may abort it. A record that is gone is finished
//! and collected, or was never there.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::DEADLINE;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result, Source};
use crate::store::{ETag, GetObject, Metadata, Precondition, PutObject, StoreErrorKind};
use crate::table::{store_error, write_error};
use crate::write::{self, Failure};

/// The folder of all records, under the database's prefix.
pub(crate) const FOLDER: &str = "_s3orm/tx/";

/// A record lists a hundred keys of a thousand bytes, and little more.
const MAX_BYTES: u64 = 1024 * 1024;

/// How often a decision is sent whose answers are lost.
const ATTEMPTS: u32 = 8;

/// A transaction's id: 128 bits as 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TxId(String);

impl TxId {
    pub(crate) fn new(db: &Db) -> Self {
        Self(write::new_id(db.env()))
    }

    /// Nothing else is ever made part of a key.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 32 && text.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn object_key(&self, db: &Db) -> String {
        format!("{}{FOLDER}{}/{}.json", db.prefix(), &self.0[..2], self.0)
    }

    /// Of a record's key.
    pub(crate) fn of_object(db: &Db, key: &str) -> Option<Self> {
        let path = key.strip_prefix(db.prefix())?.strip_prefix(FOLDER)?;
        let (folder, name) = path.split_once('/')?;
        let id = Self::parse(name.strip_suffix(".json")?)?;
        (folder == &id.0[..2]).then_some(id)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Pending,
    Committed,
    Aborted,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Body {
    #[serde(rename = "_m")]
    stamp: RecordStamp,
    pub(crate) state: State,
    /// The keys of its rows' objects, below the database's prefix.
    pub(crate) keys: Vec<String>,
    /// When its first attempt began, in milliseconds: of two that meet, the older goes on.
    pub(crate) prio: u64,
    /// What the caller asked for, where that has a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RecordStamp {
    v: String,
}

/// What a caller's token is remembered by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// Digest of what was asked for.
    pub(crate) request: String,
    /// The record of the attempt after this one, should this one be aborted.
    pub(crate) next: String,
}

/// A record as it was read or written.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: TxId,
    pub(crate) etag: ETag,
    /// By S3's clock; `None` if it was just written.
    pub(crate) last_modified: Option<SystemTime>,
    pub(crate) body: Body,
}

/// What became of a record that was to be decided.
#[derive(Debug)]
pub(crate) enum Decided {
    /// As it is now: committed or aborted.
    As(Record),
    /// It is gone.
    Missing,
    /// The answers were lost, and it still says pending.
    Unknown(Error),
}

impl Record {
    /// Creates a pending record. Nothing may be sent for the transaction before.
    ///
    /// # Errors
    /// [`AlreadyExists`](ErrorKind::AlreadyExists), [`OutcomeUnknown`](ErrorKind::OutcomeUnknown),
    /// and those of the connection.
    ///
    /// Cost: 1 PUT.
    pub(crate) async fn create(
        db: &Db,
        id: TxId,
        keys: Vec<String>,
        prio: u64,
        token: Option<Token>,
    ) -> Result<Self> {
        let stamp = RecordStamp {
            v: write::new_id(db.env()),
        };
        let body = Body {
            stamp,
            state: State::Pending,
            keys,
            prio,
            token,
        };
        let request = request(db, &id, &body, Precondition::IfAbsent)?;
        match write::put(db.store(), db.env(), &request).await {
            Ok(etag) => Ok(Self {
                id,
                etag,
                last_modified: None,
                body,
            }),
            Err(failure) => Err(write_error(failure, request.key, ErrorKind::AlreadyExists)),
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`Decode`](ErrorKind::Decode), and those of the connection.
    ///
    /// Cost: 1 GET.
    pub(crate) async fn read(db: &Db, id: &TxId) -> Result<Option<Self>> {
        let key = id.object_key(db);
        let request = GetObject {
            key: key.clone(),
            max_bytes: Some(MAX_BYTES),
            ..GetObject::default()
        };
        match db.store().get(request).await {
            Ok(object) => {
                let body = serde_json::from_slice(&object.body).map_err(|error| {
                    Error::new(ErrorKind::Decode, "the object is no transaction's record")
                        .with_source(error)
                        .with_key(key)
                })?;
                Ok(Some(Self {
                    id: id.clone(),
                    etag: object.meta.etag,
                    last_modified: object.meta.last_modified,
                    body,
                }))
            }
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
            Err(error) => Err(store_error(error, Some(key))),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.body.state
    }

    /// Whether it lists a row. An intent that names a record which does not is void.
    pub(crate) fn lists(&self, db: &Db, object: &str) -> bool {
        let path = object.strip_prefix(db.prefix());
        path.is_some_and(|path| self.body.keys.iter().any(|key| key == path))
    }

    /// Decides a pending record, unless somebody else was faster.
    ///
    /// A decision whose answer is lost is looked for, and sent again while the record is pending:
    /// its tag changes with the first copy that lands, so that no second one can.
    ///
    /// # Errors
    /// Those of the connection, if the decision was certainly not applied. Where nobody can tell,
    /// the answer is [`Decided::Unknown`].
    ///
    /// Cost: 1 PUT; 1 GET and 1 PUT more for each answer that is lost, 1 GET if another was faster.
    pub(crate) async fn decide(mut self, db: &Db, state: State) -> Result<Decided> {
        let mut lost = None;
        let (mut attempts, until) = (0, db.env().instant() + DEADLINE);
        // What its rows' indexes have been given is taken for dead in the end: to decide late would
        // be to decide for rows that are not in them.
        while attempts == 0 || attempts < ATTEMPTS && db.env().instant() < until {
            attempts += 1;
            let body = Body {
                stamp: RecordStamp {
                    v: write::new_id(db.env()),
                },
                state,
                ..self.body.clone()
            };
            let request = request(
                db,
                &self.id,
                &body,
                Precondition::IfMatch(self.etag.clone()),
            )?;
            match write::put_or_reread(db.store(), db.env(), &request).await {
                Ok(etag) => {
                    return Ok(Decided::As(Self {
                        etag,
                        body,
                        last_modified: None,
                        ..self
                    }));
                }
                Err(Failure::Refused(error)) if write::is_race(&error) => {}
                Err(Failure::Unknown(error)) => lost = Some(error),
                Err(failure) if lost.is_none() => {
                    return Err(write_error(failure, request.key, ErrorKind::Conflict));
                }
                // It was sent before, so it may be applied all the same.
                Err(Failure::Refused(_)) => {}
            }
            match Self::read(db, &self.id).await {
                Ok(None) => return Ok(Decided::Missing),
                Ok(Some(record)) if record.state() != State::Pending => {
                    return Ok(Decided::As(record));
                }
                Ok(Some(record)) => self = record,
                Err(error) => return Ok(Decided::Unknown(self.undecided(error))),
            }
        }
        Ok(Decided::Unknown(match lost {
            Some(lost) => self.undecided(lost),
            None => self.undecided("others changed it each time"),
        }))
    }

    fn undecided(&self, source: impl Into<Source>) -> Error {
        let tx = self.id.as_str();
        let detail = format!(
            "the transaction {tx} may be decided or not: the answer was lost, and nobody tells"
        );
        Error::new(ErrorKind::OutcomeUnknown, detail)
            .with_help("read its rows before doing it again")
            .with_source(source)
    }
}

fn request(db: &Db, id: &TxId, body: &Body, precondition: Precondition) -> Result<PutObject> {
    let bytes = serde_json::to_vec(body)
        .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    let mut metadata = Metadata::new();
    metadata.insert(write::ID.to_owned(), body.stamp.v.clone());
    Ok(PutObject {
        key: id.object_key(db),
        body: bytes.into(),
        precondition,
        content_type: Some("application/json".into()),
        metadata,
        ..PutObject::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ids_are_what_they_may_be() {
        let db = Db::builder("memory:").unwrap().connect().await.unwrap();
        let id = TxId::new(&db);
        assert_eq!(TxId::of_object(&db, &id.object_key(&db)), Some(id));
        let upper = "A".repeat(32);
        for wrong in ["", "..", "abc", &*upper, &*"a".repeat(33), &*"é".repeat(16)] {
            assert_eq!(TxId::parse(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn whoever_decides_first_decides() {
        let db = Db::builder("memory:").unwrap().connect().await.unwrap();
        let keys = vec!["t/1.json".to_owned()];
        let id = TxId::new(&db);
        let record = Record::create(&db, id.clone(), keys, 1, None)
            .await
            .unwrap();
        assert!(record.lists(&db, "t/1.json"));
        let other = record.clone();
        let Decided::As(record) = record.decide(&db, State::Aborted).await.unwrap() else {
            panic!("it is decided");
        };
        assert_eq!(record.state(), State::Aborted);
        let Decided::As(other) = other.decide(&db, State::Committed).await.unwrap() else {
            panic!("it is decided");
        };
        assert_eq!((other.state(), &other.etag), (State::Aborted, &record.etag));
        let again = Record::create(&db, id, Vec::new(), 1, None).await;
        assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
}
