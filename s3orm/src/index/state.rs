//! What is known of a table's indexes: which there are, and which may be asked.
//!
//! `<prefix>/_s3orm/schema/<table>.json` lists the indexes of a table with their states. It is made by
//! the first write of a table that has an index: of an empty table its indexes can be read at once,
//! of another they must be built. Whoever writes reads it again when what is known is older than
//! [`LEASE`], and refuses to write a table that has an index which the program does not declare: its
//! rows would be missing there.
//!
//! | state | writers keep it | it is asked |
//! |---|---|---|
//! | `write_only` | yes | no: rows may be missing |
//! | `readable` | yes | yes |

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::handle::{IndexSchema, Projection};
use super::object::{Again, look, put};
use crate::env::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::S3Schema;
use crate::store::{ETag, ListObjects};
use crate::table::Table;

/// How long what was read of a table's indexes is relied on.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// What is known of tables, by their names.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<BTreeMap<&'static str, Lease>>);

#[derive(Debug, Clone)]
struct Lease {
    since: Instant,
    body: Arc<Body>,
}

impl Leases {
    fn with<R>(&self, change: impl FnOnce(&mut BTreeMap<&'static str, Lease>) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the object says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Body {
    #[serde(rename = "_m")]
    member: Member,
    indexes: BTreeMap<String, Declared>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Member {
    v: String,
}

/// An index, as it is on the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Declared {
    columns: Vec<String>,
    projection: Vec<String>,
    state: State,
    /// Whether others may have known of this table's indexes without this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    joined: bool,
}

/// Whether an index may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    WriteOnly,
    Readable,
}

/// The name of an index in the object: plain and unique ones may share theirs.
fn name(index: &IndexSchema) -> String {
    let kind = if index.unique { "unique" } else { "index" };
    format!("{kind}.{}", index.name)
}

impl Declared {
    fn new(index: &IndexSchema, state: State, joined: bool) -> Self {
        let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            columns: texts(index.columns),
            projection: match index.projection {
                Projection::Keys => Vec::new(),
                Projection::All => vec!["*".to_owned()],
                Projection::Columns(names) => texts(names),
            },
            state,
            joined,
        }
    }

    /// Whether the program means the same index.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema).
    fn check(&self, index: &IndexSchema) -> Result<()> {
        let own = Self::new(index, self.state, self.joined);
        if *self == own {
            return Ok(());
        }
        let (kind, name) = (index.kind(), index.name);
        let detail = format!(
            "the {kind} `{name}` is over ({}) on the bucket, and over ({}) in this program, or its projection differs",
            self.columns.join(", "),
            own.columns.join(", ")
        );
        let help = "give the index another name, or `drop_index` the one on the bucket";
        Err(Error::new(ErrorKind::Schema, detail).with_help(help))
    }
}

impl<T: S3Schema> Table<T> {
    fn state_key(&self) -> String {
        format!(
            "{}_s3orm/schema/{}.json",
            self.db().prefix(),
            T::SCHEMA.table
        )
    }

    async fn read_state(&self) -> Result<Option<(Arc<Body>, ETag)>> {
        let (key, since) = (self.state_key(), self.db().env().instant());
        let Some(found) = look(self.db(), &key).await? else {
            return Ok(None);
        };
        let body = serde_json::from_slice(&found.body).map_err(|error| {
            Error::new(ErrorKind::Decode, "the object is no description of indexes")
                .with_source(error)
                .with_key(key)
        })?;
        let body: Arc<Body> = Arc::new(body);
        let lease = Lease {
            since,
            body: Arc::clone(&body),
        };
        self.db()
            .leases()
            .with(|all| all.insert(T::SCHEMA.table, lease));
        Ok(Some((body, found.etag)))
    }

    /// What is known, if that is recent.
    fn known_state(&self) -> Option<Arc<Body>> {
        let now = self.db().env().instant();
        let lease = self
            .db()
            .leases()
            .with(|all| all.get(T::SCHEMA.table).cloned())?;
        (now.duration_since(lease.since) < LEASE).then_some(lease.body)
    }

    /// Whether there is no object in the table's folder.
    async fn is_empty(&self) -> Result<bool> {
        let request = ListObjects {
            prefix: self.folder().to_owned(),
            limit: Some(1),
            ..ListObjects::default()
        };
        Ok(self.db().page(request).await?.objects.is_empty())
    }

    /// Asks whether the table may be written by this program, and makes its indexes known.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema).
    ///
    /// Cost: nothing, and 1 GET when what is known is older than 30 seconds; 1 LIST and 1 PUT more
    /// before the first write of all.
    pub(crate) async fn may_write(&self) -> Result<()> {
        let body = match self.known_state() {
            Some(body) => body,
            None => self.state_with_all().await?,
        };
        if !Self::check_all(&body)? {
            self.state_with_all().await?;
        }
        Ok(())
    }

    /// Whether all indexes are in it that the program declares.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema): there is one that it does not declare.
    fn check_all(body: &Body) -> Result<bool> {
        let own = T::SCHEMA.indexes;
        for there in body.indexes.keys() {
            if !own.iter().any(|index| name(index) == *there) {
                let detail = format!(
                    "the table has the index `{there}`, which this program does not declare"
                );
                let help =
                    "its rows would be missing there: declare it, or remove it by `drop_index`";
                return Err(Error::new(ErrorKind::Schema, detail).with_help(help));
            }
        }
        let mut all = true;
        for index in own {
            match body.indexes.get(&name(index)) {
                Some(declared) => declared.check(index)?,
                None => all = false,
            }
        }
        Ok(all)
    }

    /// The object with all indexes of the program in it.
    async fn state_with_all(&self) -> Result<Arc<Body>> {
        self.change_state(|body, of_new| {
            let Some(body) = body else {
                let indexes = T::SCHEMA.indexes.iter();
                let indexes =
                    indexes.map(|index| (name(index), Declared::new(index, of_new, false)));
                return Ok(Some(Body {
                    member: Member::default(),
                    indexes: indexes.collect(),
                }));
            };
            if Self::check_all(body)? {
                return Ok(None);
            }
            let mut changed = body.clone();
            for index in T::SCHEMA.indexes {
                let added = || Declared::new(index, State::WriteOnly, true);
                changed.indexes.entry(name(index)).or_insert_with(added);
            }
            Ok(Some(changed))
        })
        .await
    }

    /// Changes the object, again when somebody was faster; `None` leaves it as it is. Where there is
    /// none, the change is told the state of a new index: before the object is there nobody writes
    /// rows.
    async fn change_state(
        &self,
        mut change: impl FnMut(Option<&Body>, State) -> Result<Option<Body>> + Send,
    ) -> Result<Arc<Body>> {
        let key = self.state_key();
        let mut again = Again::new(self.db());
        loop {
            let found = self.read_state().await?;
            let of_new = if found.is_none() && self.is_empty().await? {
                State::Readable
            } else {
                State::WriteOnly
            };
            let body = found.as_ref().map(|(body, _)| &**body);
            let Some(mut changed) = change(body, of_new)? else {
                return Ok(found.map(|(body, _)| body).unwrap_or_default());
            };
            let bytes = |stamp: &str| {
                stamp.clone_into(&mut changed.member.v);
                let bytes = serde_json::to_vec(&changed);
                let bytes = bytes.map_err(|e| Error::new(ErrorKind::Internal, e.to_string()))?;
                Ok(bytes.into())
            };
            let since = self.db().env().instant();
            let etag = found.as_ref().map(|(_, etag)| etag);
            match put(self.db(), &key, etag, bytes).await? {
                Ok(_) => {
                    let body = Arc::new(changed);
                    let lease = Lease {
                        since,
                        body: Arc::clone(&body),
                    };
                    self.db()
                        .leases()
                        .with(|all| all.insert(T::SCHEMA.table, lease));
                    return Ok(body);
                }
                Err(failure) => again.after(failure, &key).await?,
            }
        }
    }

    /// Asks whether an index may be asked.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema): it has not been built.
    ///
    /// Cost: nothing, and 1 GET when what is known is older than 30 seconds or says no; of a table
    /// that was never written with an index also 1 LIST.
    pub(crate) async fn may_read(&self, number: usize) -> Result<()> {
        let index = &T::SCHEMA.indexes[number];
        let readable = |body: &Body| -> Result<bool> {
            let Some(declared) = body.indexes.get(&name(index)) else {
                return Ok(false);
            };
            declared.check(index)?;
            Ok(declared.state == State::Readable)
        };
        if let Some(body) = self.known_state()
            && readable(&body)?
        {
            return Ok(());
        }
        let ok = match self.read_state().await? {
            Some((body, _)) => readable(&body)?,
            None => self.is_empty().await?,
        };
        if ok {
            return Ok(());
        }
        let (kind, name) = (index.kind(), index.name);
        let detail = format!("the {kind} `{name}` has not been built: rows may be missing in it");
        let handle = if index.unique { "UNIQUE" } else { "INDEX" };
        let help = format!("build it once: `table.index({handle}.{name}).build()`");
        Err(Error::new(ErrorKind::Schema, detail)
            .with_help(help)
            .with_key(self.state_key()))
    }

    /// Whether an index is readable, and whether others may have written without it; makes it known.
    pub(super) async fn begin_build(&self, number: usize) -> Result<(State, bool)> {
        let index = &T::SCHEMA.indexes[number];
        let body = self.state_with_all().await?;
        let declared = body.indexes.get(&name(index));
        let declared = declared.ok_or_else(|| Error::new(ErrorKind::Internal, "no such index"))?;
        Ok((declared.state, declared.joined))
    }

    /// The index may be asked from now on.
    pub(super) async fn end_build(&self, number: usize) -> Result<()> {
        let index = &T::SCHEMA.indexes[number];
        let changed = self.change_state(|body, _| {
            let mut body = body.cloned().unwrap_or_default();
            let declared = Declared::new(index, State::Readable, false);
            body.indexes.insert(name(index), declared);
            Ok(Some(body))
        });
        changed.await.map(drop)
    }

    /// Forgets an index; whether there was one.
    pub(super) async fn forget(&self, unique: bool, called: &str) -> Result<bool> {
        let kind = if unique { "unique" } else { "index" };
        let there = format!("{kind}.{called}");
        let mut found = false;
        self.change_state(|body, _| {
            let mut body = body.cloned().unwrap_or_default();
            let removed = body.indexes.remove(&there).is_some();
            found |= removed;
            Ok(removed.then_some(body))
        })
        .await?;
        Ok(found)
    }
}
