//! The coordinator: one attempt at a transaction.
//!
//! 1. In one round: the record is created, pending; and the rows that nobody has read yet are read.
//! 2. In one round: an intent over each row, on the version that was read.
//! 3. The record becomes committed. This is the instant at which all rows change.
//!
//! After the answer, in the background, the rows become plain ones again. Nothing of 2 is sent before
//! 1 is acknowledged, and nothing of 3 before all of 2 is, or is proven by what is there.

use std::time::SystemTime;

use futures_util::future::join;

use super::indexes;
use super::lock::{self, Locked, Locker, Obstacle};
use super::part::{Parts, check_size};
use super::single;
use super::snapshot::is_of_one_instant;
use super::token::Use;
use crate::db::Db;
use crate::doctor::Level;
use crate::env::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::stamp::record::{Decided, Record, State, TxId};
use crate::stamp::{DEADLINE, Seen};

/// After so many defeats rows are locked one after the other.
const DEFEATS_AT_ONCE: u32 = 3;
/// After so many snapshots that were of no one instant, the rows are locked for the next.
const SNAPSHOTS: u32 = 5;

/// What became of an attempt.
pub(crate) enum Verdict {
    /// With the rows as they are now, where there are several.
    Committed(Vec<Seen>),
    /// It was done before, under the same token.
    Before,
    /// Somebody else was faster, or stronger. Nothing of it counts.
    Again,
}

/// One transaction, through all of its attempts.
pub(crate) struct Coordinator<'a> {
    db: &'a Db,
    /// Of two that meet, the older goes on. Fixed at the first attempt.
    prio: u64,
    defeats: u32,
    /// Whether the answer waits until all rows are plain ones again.
    settled: bool,
    token: Option<Use>,
}

impl<'a> Coordinator<'a> {
    pub(crate) fn new(db: &'a Db, settled: bool, token: Option<Use>) -> Self {
        let now = db.env().now().duration_since(SystemTime::UNIX_EPOCH);
        let millis = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        // No two are equal, so that of two one is the older in all of their attempts.
        let [a, b] = db.env().random_bytes();
        let prio = (millis << 16) | u64::from(u16::from_le_bytes([a, b]));
        Self {
            db,
            prio,
            defeats: 0,
            settled,
            token,
        }
    }

    /// One attempt at what the closure has asked for.
    ///
    /// # Errors
    /// As [`attempt`](Self::attempt).
    pub(crate) async fn run(&mut self, parts: Parts) -> Result<Verdict> {
        if self.token.is_some() || !parts.only_read() {
            return self.attempt(parts).await;
        }
        Ok(if self.check(parts).await? {
            Verdict::Committed(Vec::new())
        } else {
            Verdict::Again
        })
    }

    /// Whether all rows that were read were so at one instant.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) async fn check(&mut self, mut parts: Parts) -> Result<bool> {
        parts.0.retain(|_, part| part.read.is_some());
        parts.check_count()?;
        if parts.0.len() < 2 {
            return Ok(true);
        }
        if self.defeats < SNAPSHOTS {
            let in_time = parts.age(self.db) < DEADLINE;
            let rows = parts.0.into_values().filter_map(|part| part.read);
            let rows: Vec<Seen> = rows.collect();
            let good = in_time && is_of_one_instant(self.db, &rows).await?;
            self.defeats += u32::from(!good);
            return Ok(good);
        }
        for part in parts.0.values_mut() {
            part.edits.clear();
        }
        // It is no attempt at what the token stands for.
        let token = self.token.take();
        let locked = self.attempt(parts).await;
        self.token = token;
        match locked {
            Ok(verdict) => Ok(matches!(verdict, Verdict::Committed(_))),
            // It has written nothing that counts, committed or not.
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
                Err(error.with_kind(ErrorKind::Unavailable))
            }
            Err(error) => Err(error),
        }
    }

    /// Tries to do all of it.
    ///
    /// # Errors
    /// Those of the changes themselves, [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) of the commit,
    /// and those of the connection. After all but `OutcomeUnknown` nothing of it counts, ever.
    pub(crate) async fn attempt(&mut self, mut parts: Parts) -> Result<Verdict> {
        parts.check_count()?;
        self.db.carry(Level::L2).await?;
        parts.begin().await?;
        let deadline = self.db.env().instant() + DEADLINE;
        if self.token.is_none() {
            match parts.0.len() {
                0 => return Ok(Verdict::Committed(Vec::new())),
                1 => return self.single(parts, deadline).await,
                _ => {}
            }
        }
        let keys: Vec<String> = parts.0.keys().cloned().collect();
        let begun = begin(self.db, self.token.as_mut(), keys, self.prio);
        let (begun, locks) = join(begun, lock::read(self.db, &mut parts)).await;
        let record = match begun? {
            Begun::Record(record) => record,
            Begun::Before => return Ok(Verdict::Before),
        };
        let mut locks = match locks {
            Ok(locks) => locks,
            Err(error) => return self.fail(record, Locked::default(), error.into()).await,
        };
        let checked = check_size(locks.iter().map(|lock| &lock.op));
        if let Err(error) = checked.and_then(|()| indexes::share(&mut locks)) {
            return self.fail(record, Locked::default(), error.into()).await;
        }
        let locker = Locker {
            db: self.db,
            record: &record,
            deadline,
            at_once: self.defeats < DEFEATS_AT_ONCE,
        };
        let (done, obstacle) = locker.lock_all(locks).await;
        match obstacle {
            Some(obstacle) => self.fail(record, done, obstacle).await,
            None => self.commit(record, done).await,
        }
    }

    async fn commit(&mut self, record: Record, mut locked: Locked) -> Result<Verdict> {
        let pending = record.clone();
        match record.decide(self.db, State::Committed).await {
            Ok(Decided::As(record)) if record.state() == State::Committed => {
                locked.settle(&record);
                let rows = locked.rows.clone();
                if self.settled {
                    locked.finish(self.db, &record).await;
                } else {
                    let db = self.db.clone();
                    let finishing = async move { locked.finish(&db, &record).await };
                    self.db.env().spawn(crate::settings::inherited(finishing));
                }
                Ok(Verdict::Committed(rows))
            }
            Ok(Decided::As(record)) => {
                locked.settle(&record);
                locked.finish(self.db, &record).await;
                Ok(self.defeated())
            }
            Ok(Decided::Missing) => {
                let detail = "the transaction's record is gone, and may have been committed";
                let key = pending.id.object_key(self.db);
                Err(Error::new(ErrorKind::OutcomeUnknown, detail).with_key(key))
            }
            Ok(Decided::Unknown(error)) => Err(error),
            // The commit was certainly not applied.
            Err(error) => self.fail(pending, locked, error.into()).await,
        }
    }

    /// Aborts an attempt, and puts back what it has changed.
    async fn fail(
        &mut self,
        record: Record,
        mut locked: Locked,
        obstacle: Obstacle,
    ) -> Result<Verdict> {
        // Nobody else commits it. So if it cannot be aborted now, others will do it.
        match record.decide(self.db, State::Aborted).await {
            Ok(Decided::As(record)) => {
                locked.settle(&record);
                locked.finish(self.db, &record).await;
            }
            Ok(Decided::Missing | Decided::Unknown(_)) | Err(_) => {
                tracing::debug!("a transaction that failed is left to be aborted by others");
            }
        }
        match obstacle {
            Obstacle::Defeat => Ok(self.defeated()),
            Obstacle::Error(error) => Err(error),
        }
    }

    async fn single(&mut self, parts: Parts, deadline: Instant) -> Result<Verdict> {
        let Some((key, part)) = parts.0.into_iter().next() else {
            return Ok(Verdict::Committed(Vec::new()));
        };
        let is_done = single::write(self.db, &key, part, deadline).await?;
        Ok(if is_done {
            Verdict::Committed(Vec::new())
        } else {
            self.defeated()
        })
    }

    fn defeated(&mut self) -> Verdict {
        self.defeats += 1;
        Verdict::Again
    }
}

/// Creates the record.
async fn begin(db: &Db, token: Option<&mut Use>, keys: Vec<String>, prio: u64) -> Result<Begun> {
    let prefix = db.prefix().len();
    let keys: Vec<String> = keys
        .into_iter()
        .map(|key| key[prefix..].to_owned())
        .collect();
    let begun = if let Some(token) = token {
        token.begin(db, &keys, prio).await
    } else {
        let record = Record::create(db, TxId::new(db), keys, prio, None).await;
        record.map(Begun::Record)
    };
    // A record that lands after all stays pending until somebody aborts it.
    begun.map_err(|error| match error.kind() {
        ErrorKind::OutcomeUnknown => error.with_kind(ErrorKind::Unavailable),
        _ => error,
    })
}

/// How a record was begun.
pub(crate) enum Begun {
    Record(Record),
    /// The token's transaction is committed.
    Before,
}
