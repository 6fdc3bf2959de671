//! The object of a migration: how far it has come, and who is at it.
//!
//! `<prefix>/_s3orm/migrations/<table>-<from>-<to>.json`, written by compare-and-swap. What it says of
//! progress is never ahead of the rows: a job that takes over looks at some of them once more, and
//! finds them migrated. Nor does safety hang on there being one job: two at once would each find the
//! rows that the other has rewritten, and write none of them again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::db::Db;
use crate::env::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::index::object::{Again, look, put};
use crate::query::Span;
use crate::store::ETag;
use crate::write;

/// What the object says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Body {
    #[serde(rename = "_m")]
    member: Member,
    pub(super) state: State,
    /// The change of the table's version that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) change: Option<String>,
    /// The job that is at it.
    owner: String,
    /// Passes over the table that are complete.
    pub(super) passes: u32,
    /// What the pass under way has not looked at; `None` before it has begun.
    pub(super) left: Option<Vec<Left>>,
    /// Whether the pass under way began when nobody could write an older version any more.
    pub(super) is_last: bool,
    /// For how many milliseconds jobs have seen the version raised.
    pub(super) seen_ms: u64,
    /// Of all passes.
    pub(super) rewritten: u64,
    /// Of the pass under way.
    pub(super) rows: u64,
    pub(super) changed: u64,
    pub(super) failed: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Member {
    v: String,
}

/// A part of the keys of one path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Left {
    /// The version whose path the keys have.
    pub(super) path: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
}

impl Left {
    pub(super) fn new(path: u32, span: Span) -> Self {
        let Span { after, until } = span;
        Self { path, after, until }
    }

    pub(super) fn span(self) -> Span {
        let Self { after, until, .. } = self;
        Span { after, until }
    }
}

/// What becomes of a migration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    #[default]
    Running,
    Paused,
    Done,
}

/// The object, as this job has it.
#[derive(Debug)]
pub(super) struct Checkpoint {
    db: Db,
    pub(super) key: String,
    owner: String,
    etag: ETag,
    pub(super) body: Body,
    /// Until when `seen_ms` counts.
    counted: Instant,
}

/// What was found when it was to be written.
pub(super) enum Beat {
    GoesOn,
    Paused,
}

/// The key of a migration's object.
pub(super) fn key(db: &Db, table: &str, from: u32, to: u32) -> String {
    format!("{}_s3orm/migrations/{table}-{from}-{to}.json", db.prefix())
}

/// Reads a migration's object.
///
/// Cost: 1 GET.
pub(super) async fn read(db: &Db, key: &str) -> Result<Option<(Body, ETag)>> {
    let Some(found) = look(db, key).await? else {
        return Ok(None);
    };
    let body = serde_json::from_slice(&found.body).map_err(|error| {
        Error::new(
            ErrorKind::Decode,
            "the object is no checkpoint of a migration",
        )
        .with_source(error)
        .with_key(key)
    })?;
    Ok(Some((body, found.etag)))
}

async fn write(
    db: &Db,
    key: &str,
    seen: Option<&ETag>,
    body: &mut Body,
) -> Result<Result<ETag, write::Failure>> {
    let bytes = |stamp: &str| {
        stamp.clone_into(&mut body.member.v);
        let bytes = serde_json::to_vec(body);
        let bytes = bytes.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
        Ok(bytes.into())
    };
    let put = put(db, key, seen, bytes).await?;
    Ok(put.map(|made| made.etag))
}

impl Checkpoint {
    /// Takes a migration over: a new one, one that was paused or cut short, or one that is complete
    /// and is to be done again. One that another job is at is watched for as long as the lease, and
    /// taken over if nothing happens. Nothing counts that was noted of another change.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict): another job is at it.
    pub(super) async fn take(
        db: &Db,
        key: String,
        change: Option<&str>,
        lease: Duration,
    ) -> Result<Self> {
        let owner = write::new_id(db.env());
        let mut again = Again::new(db, "checkpoint");
        loop {
            let found = read(db, &key).await?;
            if let Some((body, etag)) = &found
                && body.state == State::Running
            {
                watch(db, &key, Some(etag), lease).await?;
            }
            let etag = found.as_ref().map(|(_, etag)| etag.clone());
            let body = found.map(|(body, _)| body);
            let mut body = body
                .filter(|body| body.state != State::Done && body.change.as_deref() == change)
                .unwrap_or_default();
            body.change = change.map(str::to_owned);
            body.state = State::Running;
            body.owner.clone_from(&owner);
            match write(db, &key, etag.as_ref(), &mut body).await? {
                Ok(etag) => {
                    return Ok(Self {
                        db: db.clone(),
                        key,
                        owner,
                        etag,
                        body,
                        counted: db.env().instant(),
                    });
                }
                Err(failure) => again.after(failure, &key).await?,
            }
        }
    }

    /// Writes what is done.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict): another job has taken it over.
    ///
    /// Cost: 1 PUT, and 1 GET if somebody else has written it.
    pub(super) async fn beat(&mut self) -> Result<Beat> {
        let now = self.db.env().instant();
        let seen = now.duration_since(self.counted).as_millis();
        self.body.seen_ms += u64::try_from(seen).unwrap_or(u64::MAX / 2);
        self.counted = now;
        let mut again = Again::new(&self.db, "checkpoint");
        loop {
            match write(&self.db, &self.key, Some(&self.etag), &mut self.body).await? {
                Ok(etag) => {
                    self.etag = etag;
                    let is_paused = self.body.state == State::Paused;
                    return Ok(if is_paused {
                        Beat::Paused
                    } else {
                        Beat::GoesOn
                    });
                }
                Err(failure) => again.after(failure, &self.key).await?,
            }
            match read(&self.db, &self.key).await? {
                Some((body, etag)) if body.owner == self.owner => {
                    self.etag = etag;
                    // What is done is written all the same.
                    if body.state == State::Paused {
                        self.body.state = State::Paused;
                    }
                }
                _ => return Err(taken(&self.key)),
            }
        }
    }

    /// How long jobs have seen the version raised.
    pub(super) fn seen(&self) -> Duration {
        let now = self.db.env().instant();
        Duration::from_millis(self.body.seen_ms) + now.duration_since(self.counted)
    }
}

/// Has the job that is at a migration stop; whether there is one.
///
/// Cost: 1 GET, and 1 PUT.
pub(super) async fn pause(db: &Db, key: &str) -> Result<bool> {
    let pause = |body: &mut Body| {
        let runs = body.state == State::Running;
        if runs {
            body.state = State::Paused;
        }
        runs
    };
    let left = change(db, key, pause).await?;
    Ok(left == Some(State::Paused))
}

/// Changes a migration's object, unless the change says that it is right already; the state that it is
/// in then, if it is there.
async fn change(db: &Db, key: &str, change: impl Fn(&mut Body) -> bool) -> Result<Option<State>> {
    let mut again = Again::new(db, "checkpoint");
    loop {
        let Some((mut body, etag)) = read(db, key).await? else {
            return Ok(None);
        };
        if !change(&mut body) {
            return Ok(Some(body.state));
        }
        match write(db, key, Some(&etag), &mut body).await? {
            Ok(_) => return Ok(Some(body.state)),
            Err(failure) => again.after(failure, key).await?,
        }
    }
}

/// Whether nobody is at a migration any more, before another change is begun in its place.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict): a job is at it.
///
/// Cost: 1 GET, and 1 GET more after the lease unless it has ended.
pub(super) async fn check_left(
    db: &Db,
    key: &str,
    change: Option<&str>,
    lease: Duration,
) -> Result<()> {
    let found = read(db, key).await?;
    if let Some((body, _)) = &found
        && body.state != State::Running
        && body.change.as_deref() == change
    {
        return Ok(());
    }
    // Without one of this change, its job may be about to begin.
    watch(db, key, found.map(|(_, etag)| etag).as_ref(), lease).await
}

/// Waits for a sign of life.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict): there was one.
async fn watch(db: &Db, key: &str, seen: Option<&ETag>, lease: Duration) -> Result<()> {
    db.env().sleep(lease).await;
    let now = read(db, key).await?;
    if now.is_some_and(|(_, now)| Some(&now) != seen) {
        return Err(taken(key));
    }
    Ok(())
}

/// Ends a migration whose change is over, so that a job which is at it all the same is told.
///
/// Cost: 1 GET, and 1 PUT unless it has ended.
pub(super) async fn close(db: &Db, key: &str) -> Result<()> {
    let close = |body: &mut Body| {
        let goes_on = body.state != State::Done;
        if goes_on {
            body.state = State::Done;
            body.owner = write::new_id(db.env());
        }
        goes_on
    };
    change(db, key, close).await.map(drop)
}

fn taken(key: &str) -> Error {
    Error::new(ErrorKind::Conflict, "another job is at this migration")
        .with_help("let it go on, `pause` it, or run this once it has ended")
        .with_key(key)
}
