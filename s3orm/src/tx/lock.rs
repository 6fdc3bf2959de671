//! The locks of a transaction: an intent over each of its rows.

use futures_util::future::join_all;

use super::finish::finish_all;
use super::indexes::RowIndexes;
use super::part::{Part, Parts};
use crate::db::Db;
use crate::env::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::stamp::body::{Intent, Op, Stamp};
use crate::stamp::patience::abort;
use crate::stamp::record::{Record, State};
use crate::stamp::seen::{self, Seen, SeenObject, Under};
use crate::stamp::{Form, Patience};
use crate::store::{ETag, ObjectMeta, PutObject, StoreError};
use crate::table::write_error;
use crate::write::{self, Failure};

/// Why rows could not be locked.
pub(super) enum Obstacle {
    /// What was read has changed, or a stronger transaction has aborted this one.
    Defeat,
    Error(Error),
}

impl From<Error> for Obstacle {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// A row on its way through an attempt.
pub(super) struct Lock<'p> {
    pub(super) part: &'p mut Part,
    pub(super) seen: Seen,
    pub(super) op: Op,
}

/// Reads the rows that were not read yet, and makes the changes of all.
pub(super) async fn read<'p>(db: &Db, parts: &'p mut Parts) -> Result<Vec<Lock<'p>>> {
    let reads = parts.0.iter_mut().map(|(key, part)| async {
        let seen = match &part.read {
            Some(seen) => seen.clone(),
            None => seen::look(db, key).await?,
        };
        let op = part.op(&seen)?;
        Ok(Lock { part, seen, op })
    });
    let locks: Vec<Result<Lock<'p>>> = join_all(reads).await;
    locks.into_iter().collect()
}

/// Who locks rows: a transaction whose record is there, pending.
pub(super) struct Locker<'a> {
    pub(super) db: &'a Db,
    pub(super) record: &'a Record,
    pub(super) deadline: Instant,
    /// Whether all rows are locked in one round, or one after the other in the order of their keys.
    pub(super) at_once: bool,
}

impl Locker<'_> {
    /// Places all intents; what was done, and what kept it from the rest.
    pub(super) async fn lock_all(&self, mut locks: Vec<Lock<'_>>) -> (Locked, Option<Obstacle>) {
        let (mut rows, mut obstacle) = (Vec::new(), None);
        let mut note = |result| match result {
            Ok(seen) => rows.push(seen),
            // An error says more than a defeat.
            Err(error) if matches!(obstacle, None | Some(Obstacle::Defeat)) => {
                obstacle = Some(error);
            }
            Err(_) => {}
        };
        if self.at_once {
            let all = locks.iter_mut().map(|lock| self.lock(lock));
            join_all(all).await.into_iter().for_each(note);
        } else {
            for lock in &mut locks {
                let result = self.lock(lock).await;
                let is_placed = result.is_ok();
                note(result);
                if !is_placed {
                    break;
                }
            }
        }
        // An entry that is older than this may be taken for dead.
        if obstacle.is_none() && self.db.env().instant() >= self.deadline {
            obstacle = Some(late().into());
        }
        let indexes = locks.into_iter().filter_map(|lock| {
            let indexes = lock.part.indexes.take()?;
            Some((indexes, lock.seen))
        });
        let indexes = indexes.collect();
        (Locked { rows, indexes }, obstacle)
    }

    /// Places one intent. What it returns is the row as it is under it.
    async fn lock(&self, lock: &mut Lock<'_>) -> Result<Seen, Obstacle> {
        let mut patience = Patience::default();
        loop {
            if self.db.env().instant() >= self.deadline {
                return Err(late().with_key(&lock.seen.key).into());
            }
            if let Some(other) = lock.seen.pending().cloned() {
                self.meet(&mut patience, other).await?;
                self.look_again(lock).await?;
                continue;
            }
            if let Some(indexes) = &mut lock.part.indexes {
                let tx = self.record.id.as_str();
                let before = indexes.before(&lock.seen, &lock.op, tx).await;
                before.map_err(|error| error.with_key_unless_known(&lock.seen.key))?;
            }
            let (request, intent) = self.intent(lock)?;
            match write::put_or_reread(self.db.store(), self.db.env(), &request).await {
                Ok(etag) => return Ok(self.placed(lock, &request, intent, etag)),
                Err(Failure::Refused(error)) if write::is_race(&error) => {
                    if let Some(etag) = self.look_again_for(lock, &request).await? {
                        return Ok(self.placed(lock, &request, intent, etag));
                    }
                }
                // It may land later; then it finds the transaction aborted.
                Err(Failure::Unknown(error)) => return Err(unlocked(error).into()),
                Err(failure) => {
                    return Err(write_error(failure, request.key, ErrorKind::Conflict).into());
                }
            }
        }
    }

    /// The write of an intent over what was seen.
    fn intent(&self, lock: &Lock<'_>) -> Result<(PutObject, Intent)> {
        let seen = &lock.seen;
        let intent = Intent {
            tx: self.record.id.clone(),
            op: lock.op.clone(),
            was: seen.row.clone(),
        };
        let form = Form::Intent(intent.clone());
        let mut request = seen.request(self.db.env(), &form, seen.value_version.clone())?;
        if seen.row.is_none() {
            request.metadata.extend(lock.part.metadata.clone());
            if let Some(own) = lock.part.content_type.clone() {
                request.content_type = Some(own.into());
            }
        }
        Ok((request, intent))
    }

    /// What to do about another transaction that is in the way: the older one goes on.
    async fn meet(&self, patience: &mut Patience, other: Record) -> Result<()> {
        if self.record.body.prio < other.body.prio {
            return abort(self.db, other).await;
        }
        patience.wait(self.db, other).await
    }

    /// Reads a row that has changed, and whether an intent is there that was refused: its first copy
    /// may have been faster than the one that was.
    async fn look_again_for(
        &self,
        lock: &mut Lock<'_>,
        request: &PutObject,
    ) -> Result<Option<ETag>, Obstacle> {
        let now = seen::look(self.db, &lock.seen.key).await?;
        if let Some(object) = &now.object
            && object
                .stamp
                .as_ref()
                .is_some_and(|stamp| stamp.version == write::id(request))
        {
            return Ok(Some(object.meta.etag.clone()));
        }
        take(lock, now)?;
        Ok(None)
    }

    async fn look_again(&self, lock: &mut Lock<'_>) -> Result<(), Obstacle> {
        let now = seen::look(self.db, &lock.seen.key).await?;
        take(lock, now)
    }

    /// The row under an intent that was just placed.
    fn placed(&self, lock: &Lock<'_>, request: &PutObject, intent: Intent, etag: ETag) -> Seen {
        let meta = ObjectMeta {
            etag,
            size: request.body.len() as u64,
            last_modified: None,
            content_type: request.content_type.clone().map(Into::into),
            content_encoding: None,
            metadata: request.metadata.clone(),
            checksum: None,
            encryption: None,
        };
        let stamp = Stamp {
            version: write::id(request).to_owned(),
            previous: None,
            logical: lock.seen.value_version.clone(),
        };
        let under = Under {
            intent,
            record: Some(self.record.clone()),
        };
        let object = SeenObject {
            meta,
            stamp: Some(stamp),
            under: Some(under),
        };
        Seen {
            object: Some(object),
            ..lock.seen.clone()
        }
    }
}

/// Goes on from a newer version, if nothing depends on the older one.
fn take(lock: &mut Lock<'_>, now: Seen) -> Result<(), Obstacle> {
    if !lock.seen.is_same_value(&now) {
        // What moves between the rows of the transaction was found for the older one.
        if lock.part.read.is_some() || lock.part.indexes.is_some() {
            return Err(Obstacle::Defeat);
        }
        lock.op = lock.part.op(&now)?;
    }
    lock.seen = now;
    Ok(())
}

/// The rows that are locked, and what was done to their indexes.
#[derive(Default)]
pub(super) struct Locked {
    pub(super) rows: Vec<Seen>,
    /// With the rows as they were before.
    indexes: Vec<(Box<dyn RowIndexes>, Seen)>,
}

impl Locked {
    /// The rows as the decision of their transaction leaves them.
    pub(super) fn settle(&mut self, record: &Record) {
        for seen in &mut self.rows {
            *seen = seen.clone().by(record);
        }
    }

    /// Makes plain rows of them, and tidies up their indexes. What fails is left to others.
    pub(super) async fn finish(mut self, db: &Db, record: &Record) {
        finish_all(db, &self.rows).await;
        let indexes = self.indexes.iter_mut().map(|(indexes, before)| async {
            if record.state() == State::Committed {
                indexes.after(record.id.as_str()).await;
            } else {
                indexes.undo(before).await;
            }
        });
        join_all(indexes).await;
    }
}

fn late() -> Error {
    let detail = "the rows could not be locked in time";
    Error::new(ErrorKind::Unavailable, detail)
}

/// The answer to an intent was lost.
fn unlocked(error: StoreError) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the answer of a row's lock was lost, and it is not there; nothing of the transaction counts",
    )
    .with_source(error)
}
