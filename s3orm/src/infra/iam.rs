//! The IAM policy of who uses a table.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{bucket_arn, literal};
use crate::schema::S3Schema;
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
    /// Look after a table with indexes or transactions: `vacuum`, `sweep`, `settle`, and building,
    /// verifying, repairing and dropping an index. Of other tables: nothing. A sweep finishes
    /// transactions of all tables: who runs it needs this of each that is transactional.
    Maintain,
    /// Read the bytes of the [blobs](crate::blob) of its rows.
    ReadBlobs,
    /// Upload and copy blobs for its rows, and read them. The rows are [`Write`](Self::Write)'s.
    WriteBlobs,
    /// Collect blobs that no row names: `sweep_blobs`.
    SweepBlobs,
}

const GET: &str = "s3:GetObject";
const PUT: &str = "s3:PutObject";
const DELETE: &str = "s3:DeleteObject";
const ABORT: &str = "s3:AbortMultipartUpload";

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
        let mut grants = Grants::default();
        for verb in verbs {
            Self::grant(verb, &mut grants);
        }
        grants.policy(&bucket_arn(self.db().store().bucket()), self.db().prefix())
    }

    fn grant(verb: Verb, grants: &mut Grants) {
        let schema = T::SCHEMA;
        let (indexed, stamped) = (!schema.indexes.is_empty(), schema.is_stamped());
        let rows = format!("{}/", schema.table);
        match verb {
            Verb::Read => {
                grants.allow_in(&rows, &[GET]);
                if schema.transactional {
                    grants.allow_in(TX, &[GET]);
                }
                if indexed {
                    Self::each_index(|folder| grants.allow_in(folder, &[GET]));
                    grants.allow_at(&state(schema.table), &[GET]);
                }
            }
            Verb::List => {
                grants.list(&rows);
                if indexed {
                    grants.list(&format!("_s3orm/ix/{}/", schema.table));
                }
            }
            Verb::Delete if !stamped => grants.allow_in(&rows, &[DELETE, GET]),
            Verb::Write | Verb::Delete => {
                grants.allow_in(&rows, &[GET, PUT]);
                Self::grant_upkeep(grants);
            }
            Verb::Maintain if stamped => {
                grants.allow_in(&rows, &[DELETE, GET, PUT]);
                grants.list(&rows);
                Self::grant_upkeep(grants);
                if schema.transactional {
                    grants.allow_in(TX, &[DELETE]);
                    grants.list(TX);
                }
                // What is old is old by S3's clock.
                grants.allow_at("_s3orm/clock", &[GET, PUT]);
                if indexed {
                    Self::each_index(|folder| grants.list(folder));
                }
            }
            Verb::Maintain => {}
            Verb::ReadBlobs => grants.allow_in(&blobs(schema.table), &[GET]),
            Verb::WriteBlobs => {
                grants.allow_in(&blobs(schema.table), &[ABORT, GET, PUT]);
            }
            Verb::SweepBlobs => {
                grants.allow_in(&rows, &[GET]);
                grants.list(&rows);
                grants.allow_in(&blobs(schema.table), &[DELETE]);
                grants.list(&blobs(schema.table));
                let marks = format!("{}{}/", crate::blob::MARKS, schema.table);
                grants.allow_in(&marks, &[DELETE, GET, PUT]);
                grants.list(&marks);
                grants.allow_at("_s3orm/clock", &[GET, PUT]);
            }
        }
    }

    /// What a write of a row takes besides the row.
    fn grant_upkeep(grants: &mut Grants) {
        let schema = T::SCHEMA;
        if schema.is_stamped() {
            grants.allow_at("_s3orm/capabilities.json", &[GET]);
        }
        if schema.transactional {
            grants.allow_in(TX, &[GET, PUT]);
        }
        if !schema.indexes.is_empty() {
            Self::each_index(|folder| grants.allow_in(folder, &[DELETE, GET, PUT]));
            grants.allow_at(&state(schema.table), &[GET, PUT]);
            // The first write of all asks whether there are rows already.
            grants.list(&format!("{}/", schema.table));
        }
    }

    /// The folders of its entries and of its claims, where it has any.
    fn each_index(mut of: impl FnMut(&str)) {
        for (unique, all) in [(false, "ix"), (true, "uq")] {
            if T::SCHEMA.indexes.iter().any(|index| index.unique == unique) {
                of(&format!("_s3orm/{all}/{}/", T::SCHEMA.table));
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

    /// One statement for each set of actions, and one for listing.
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
        json!({"Version": "2012-10-17", "Statement": statements})
    }
}
