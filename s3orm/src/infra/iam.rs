//! The IAM policy of who uses a table.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{bucket_arn, literal};
use crate::catalog::table::needs_object;
use crate::db::Db;
use crate::schema::{S3Schema, StoredSchema};
use crate::table::Table;

/// What somebody may do with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Verb {
    /// Read rows whose keys are known: `get`, `read`, `exists`, `get_by`, snapshots.
    Read,
    /// List keys. Queries need [`Read`](Self::Read) as well, unless they are about key columns alone.
    List,
    /// Insert and change rows. It lets them be read, too: S3 asks for that where a write has
    /// `If-Match`, and the library where an answer is lost.
    Write,
    /// Delete rows. Of a table with indexes or transactions that is a [`Write`](Self::Write): a deleted
    /// row leaves a tombstone.
    Delete,
    /// Look after a table with indexes, transactions or versions: `vacuum`, `sweep`, `settle`, `migrate`, and building,
    /// verifying, repairing and dropping an index. Of other tables: nothing. A sweep finishes
    /// transactions of all tables: who runs it needs this of each that is transactional.
    Maintain,
    /// Read the bytes of the [blobs](crate::blob) of its rows.
    ReadBlobs,
    /// Upload and copy blobs for its rows, and read them. The rows are [`Write`](Self::Write)'s.
    WriteBlobs,
    /// Collect blobs that no row names, and end uploads of blobs that were cut off: `sweep_blobs`, and
    /// `sweep_uploads` under `_s3orm/blob/<table>/`. The names of all uploads of the bucket can be listed
    /// then: S3 knows no condition for that.
    SweepBlobs,
}

const GET: &str = "s3:GetObject";
const PUT: &str = "s3:PutObject";
const DELETE: &str = "s3:DeleteObject";
const ABORT: &str = "s3:AbortMultipartUpload";
const PARTS: &str = "s3:ListMultipartUploadParts";

impl<T: S3Schema> Table<T> {
    /// The IAM policy that these verbs take on this table: the least actions, on the least objects.
    /// No request.
    ///
    /// It covers the objects that the library keeps for the table under `_s3orm/`: entries and claims
    /// of its indexes, and the records of transactions, which all tables of a database share.
    /// [`Db::check`](crate::Db::check), [`Db::doctor`](crate::Db::doctor), uploads to keys of one's own
    /// and keys of KMS are not in it.
    ///
    /// S3 says that an object is absent only to who may list its bucket, and answers 403 to others: for
    /// them, reading an absent row is [`Denied`](crate::ErrorKind::Denied), and inserts into tables with
    /// indexes or transactions, which look for the row first, are refused likewise. Listing is
    /// granted under the table's prefixes alone. If your store takes that for no grant when it is asked
    /// for an absent object, allow `s3:ListBucket` without its condition; the names of all keys of
    /// the bucket can be listed then.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema, infra::Verb};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// let people = Db::connect("s3://bucket/app?region=eu-north-1").await?.table::<Person>();
    /// let policy = people.iam_policy([Verb::Read]);
    /// assert_eq!(policy["Statement"][0]["Action"][0], "s3:GetObject");
    /// assert_eq!(policy["Statement"][0]["Resource"][0], "arn:aws:s3:::bucket/app/people/*");
    /// # Ok(()) }
    /// ```
    pub fn iam_policy(&self, verbs: impl IntoIterator<Item = Verb>) -> Value {
        let schema = T::SCHEMA;
        let has = |unique| schema.indexes.iter().any(|index| index.unique == unique);
        let subject = Subject {
            table: schema.table,
            transactional: schema.transactional,
            indexed: has(false),
            unique: has(true),
            described: needs_object::<T>(),
            migrated: schema.previous.is_some(),
        };
        subject.policy(self.db(), verbs)
    }
}

impl Db {
    /// The IAM policy that these verbs take on a table by its name and what is
    /// [stored](Self::schema) of it, as [`Table::iam_policy`] makes it of a struct. Of a table that is
    /// not described it is that of one without indexes and transactions. No request.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # use s3orm::{Db, infra::Verb};
    /// let db = Db::connect("s3://bucket/app?region=eu-north-1").await?;
    /// let policy = db.iam_policy("people", None, [Verb::List]);
    /// assert_eq!(policy["Statement"][0]["Condition"]["StringLike"]["s3:prefix"][0], "app/people/*");
    /// # Ok(()) }
    /// ```
    pub fn iam_policy(
        &self,
        table: &str,
        stored: Option<&StoredSchema>,
        verbs: impl IntoIterator<Item = Verb>,
    ) -> Value {
        let has = |kind: &str| {
            stored.is_some_and(|stored| stored.indexes.keys().any(|name| name.starts_with(kind)))
        };
        let subject = Subject {
            table,
            transactional: stored.is_some_and(|stored| stored.transactional),
            indexed: has("index."),
            unique: has("unique."),
            described: stored
                .is_some_and(|stored| stored.version > 1 || !stored.indexes.is_empty()),
            migrated: stored.is_some_and(|stored| stored.version > 1),
        };
        subject.policy(self, verbs)
    }
}

/// The table that somebody is to have rights on.
#[derive(Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, named where it is made"
)]
struct Subject<'a> {
    table: &'a str,
    transactional: bool,
    /// Whether it has plain indexes.
    indexed: bool,
    /// Whether it has unique ones.
    unique: bool,
    /// Whether writes need what is stored of it.
    described: bool,
    /// Whether rows may be of an older version.
    migrated: bool,
}

impl Subject<'_> {
    fn policy(self, db: &Db, verbs: impl IntoIterator<Item = Verb>) -> Value {
        let mut grants = Grants::default();
        for verb in verbs {
            self.grant(verb, &mut grants);
        }
        grants.policy(&bucket_arn(db.store().bucket()), db.prefix())
    }

    fn grant(self, verb: Verb, grants: &mut Grants) {
        let indexed = self.indexed || self.unique;
        let stamped = self.transactional || indexed;
        let rows = format!("{}/", self.table);
        match verb {
            Verb::Read => {
                grants.allow_in(&rows, &[GET]);
                if self.transactional {
                    grants.allow_in(TX, &[GET]);
                }
                if indexed {
                    self.each_index(|folder| grants.allow_in(folder, &[GET]));
                    grants.allow_at(&state(self.table), &[GET]);
                }
            }
            Verb::List => {
                grants.list(&rows);
                if indexed {
                    grants.list(&format!("_s3orm/ix/{}/", self.table));
                }
            }
            Verb::Delete if !stamped => grants.allow_in(&rows, &[DELETE, GET]),
            Verb::Write | Verb::Delete => {
                grants.allow_in(&rows, &[GET, PUT]);
                self.grant_upkeep(grants);
            }
            Verb::Maintain if stamped => {
                grants.allow_in(&rows, &[DELETE, GET, PUT]);
                grants.list(&rows);
                self.grant_upkeep(grants);
                if self.transactional {
                    grants.allow_in(TX, &[DELETE]);
                    grants.list(TX);
                }
                // What is old is old by S3's clock.
                grants.allow_at("_s3orm/clock", &[GET, PUT]);
                if indexed {
                    self.each_index(|folder| grants.list(folder));
                }
                self.grant_migration(grants);
            }
            Verb::Maintain => self.grant_migration(grants),
            Verb::ReadBlobs => grants.allow_in(&blobs(self.table), &[GET]),
            Verb::WriteBlobs => {
                grants.allow_in(&blobs(self.table), &[ABORT, GET, PUT]);
            }
            Verb::SweepBlobs => {
                grants.allow_in(&rows, &[GET]);
                grants.list(&rows);
                grants.allow_in(&blobs(self.table), &[ABORT, DELETE, PARTS]);
                grants.list(&blobs(self.table));
                grants.lists_uploads = true;
                let marks = format!("{}{}/", crate::blob::MARKS, self.table);
                grants.allow_in(&marks, &[DELETE, GET, PUT]);
                grants.list(&marks);
                grants.allow_at("_s3orm/clock", &[GET, PUT]);
            }
        }
    }

    /// What a write of a row takes besides the row.
    fn grant_upkeep(self, grants: &mut Grants) {
        let indexed = self.indexed || self.unique;
        if self.transactional || indexed {
            grants.allow_at("_s3orm/capabilities.json", &[GET]);
        }
        if self.transactional {
            grants.allow_in(TX, &[GET, PUT]);
        }
        self.each_index(|folder| grants.allow_in(folder, &[DELETE, GET, PUT]));
        if self.described {
            grants.allow_at(&state(self.table), &[GET, PUT]);
            // The first write of all asks whether there are rows already.
            grants.list(&format!("{}/", self.table));
        }
    }

    /// What rewriting old rows takes, where there may be any.
    fn grant_migration(self, grants: &mut Grants) {
        if !self.migrated {
            return;
        }
        let rows = format!("{}/", self.table);
        grants.allow_in(&rows, &[DELETE, GET, PUT]);
        grants.list(&rows);
        grants.allow_at(&state(self.table), &[GET, PUT]);
        grants.allow_in(&format!("_s3orm/migrations/{}-", self.table), &[GET, PUT]);
    }

    /// The folders of its entries and of its claims, where it has any.
    fn each_index(self, mut of: impl FnMut(&str)) {
        for (there, all) in [(self.indexed, "ix"), (self.unique, "uq")] {
            if there {
                of(&format!("_s3orm/{all}/{}/", self.table));
            }
        }
    }
}

const TX: &str = crate::stamp::record::FOLDER;

fn blobs(table: &str) -> String {
    format!("{}{table}/", crate::blob::FOLDER)
}

fn state(table: &str) -> String {
    format!("_s3orm/schema/{table}.json")
}

/// What is allowed, on which objects below the database's prefix.
#[derive(Default)]
struct Grants {
    objects: BTreeMap<String, BTreeSet<&'static str>>,
    listed: BTreeSet<String>,
    lists_uploads: bool,
}

impl Grants {
    fn allow_in(&mut self, folder: &str, actions: &[&'static str]) {
        self.allow(format!("{}*", literal(folder)), actions);
    }

    fn allow_at(&mut self, key: &str, actions: &[&'static str]) {
        self.allow(literal(key), actions);
    }

    fn allow(&mut self, pattern: String, actions: &[&'static str]) {
        self.objects.entry(pattern).or_default().extend(actions);
    }

    fn list(&mut self, folder: &str) {
        self.listed.insert(format!("{}*", literal(folder)));
    }

    /// One statement for each set of actions, one for listing, and one for listing uploads.
    fn policy(self, bucket: &str, prefix: &str) -> Value {
        let prefix = literal(prefix);
        let mut alike: BTreeMap<BTreeSet<&str>, Vec<String>> = BTreeMap::new();
        for (pattern, actions) in self.objects {
            let resource = format!("{bucket}/{prefix}{pattern}");
            alike.entry(actions).or_default().push(resource);
        }
        let mut statements: Vec<Value> = alike
            .into_iter()
            .map(|(actions, resources)| {
                json!({"Effect": "Allow", "Action": actions, "Resource": resources})
            })
            .collect();
        if !self.listed.is_empty() {
            let under: Vec<String> = self
                .listed
                .iter()
                .map(|of| format!("{prefix}{of}"))
                .collect();
            statements.push(json!({
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": [bucket],
                "Condition": {"StringLike": {"s3:prefix": under}},
            }));
        }
        if self.lists_uploads {
            statements.push(json!({
                "Effect": "Allow",
                "Action": ["s3:ListBucketMultipartUploads"],
                "Resource": [bucket],
            }));
        }
        json!({"Version": "2012-10-17", "Statement": statements})
    }
}
