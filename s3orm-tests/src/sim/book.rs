//! What is on the bucket of a table with transactions, and what it means.
//!
//! The book follows every object that the store takes: rows, tombstones, intents and records. Besides
//! it keeps the rows as they count, which change at two events alone: a plain write of a row, and the
//! write that commits a record. After each event the one must be what the other says; this is the
//! invariant of the models in `docs/models.md`, asked of the library's own bytes.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use s3orm::S3Schema as _;
use serde::Deserialize;
use serde_json::Value;

use super::history::Register;
use super::lookups::{Member, name};
use super::network::{CLAIMS, ENTRIES};

/// No younger object may be collected; S3 gives whole seconds of each of two times.
const GRACE: Duration = Duration::from_secs(3600 - 2);
const TOKENS: Duration = Duration::from_secs(25 * 3600 - 2);

/// New values of rows, from one instant on.
pub type Effects = Vec<(u64, Option<Register>)>;

/// The bucket as the store has it.
#[derive(Debug, Default)]
pub struct Book {
    /// The table whose rows these are.
    table: &'static str,
    objects: BTreeMap<u64, Object>,
    records: BTreeMap<String, Record>,
    /// The rows as they count.
    rows: BTreeMap<u64, Register>,
    /// What the rows' balances come to, once that must not change.
    sum: Option<u64>,
    wrong: Vec<String>,
    told: String,
}

#[derive(Debug)]
struct Object {
    form: Form,
    written: SystemTime,
}

#[derive(Debug, PartialEq)]
enum Form {
    Row(Register),
    Tombstone,
    Intent(Intent),
}

#[derive(Debug, PartialEq)]
struct Intent {
    tx: String,
    was: Option<Register>,
    becomes: Option<Register>,
}

#[derive(Debug)]
struct Record {
    state: State,
    rows: Vec<u64>,
    token: bool,
    written: SystemTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Pending,
    Committed,
    Aborted,
}

/// A record's bytes.
#[derive(Deserialize)]
struct RecordBody {
    state: State,
    keys: Vec<String>,
    token: Option<Value>,
}

/// The member `_m` of a row's bytes.
#[derive(Deserialize)]
struct Own {
    l: Option<String>,
    #[serde(default)]
    del: bool,
    tx: Option<String>,
    op: Option<String>,
    was: Option<String>,
    new: Option<Register>,
}

impl Book {
    /// Of this table.
    pub fn open(&mut self, table: &'static str) {
        self.table = table;
    }

    /// From here on the balances must come to what they come to now.
    pub fn count(&mut self) {
        self.sum = Some(self.balances());
    }

    /// What the balances come to.
    pub fn sum(&self) -> Option<u64> {
        self.sum
    }

    /// The rows as they count.
    pub fn rows(&self) -> &BTreeMap<u64, Register> {
        &self.rows
    }

    /// What must not have happened.
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// The last event, in words.
    pub fn told(&self) -> &str {
        &self.told
    }

    /// How many intents, records and tombstones there are.
    pub fn left(&self) -> [usize; 3] {
        let count = |such: fn(&Form) -> bool| {
            let objects = self.objects.values();
            objects.filter(|object| such(&object.form)).count()
        };
        [
            count(|form| matches!(form, Form::Intent(_))),
            self.records.len(),
            count(|form| *form == Form::Tombstone),
        ]
    }

    /// Says that something must not be so.
    pub fn blame(&mut self, what: String) {
        self.wrong.push(what);
    }

    fn row_of(&self, key: &str) -> Option<u64> {
        let (table, name) = key.split_once('/')?;
        let name = name.strip_suffix(".json")?;
        (table == self.table).then(|| name.parse().ok()).flatten()
    }

    /// Two rows with one name.
    fn namesakes(&self) -> Option<[&Register; 2]> {
        let mut names = BTreeMap::new();
        let mut rows = self.rows.values();
        rows.find_map(|row| Some([names.insert(name(row.stamp), row)?, row]))
    }

    fn balances(&self) -> u64 {
        self.rows.values().map(|row| row.balance).sum()
    }

    /// The store has taken an object; what of the rows is other than it was.
    ///
    /// # Panics
    /// If it is none that the library writes.
    pub fn put(&mut self, key: &str, body: &[u8], now: SystemTime) -> Effects {
        let effects = if let Some(tx) = record_of(key) {
            let record: RecordBody = serde_json::from_slice(body).expect("a record");
            self.put_record(tx, &record, now)
        } else if let Some(id) = self.row_of(key) {
            let (form, logical) = read(body);
            self.put_row(id, form, logical.is_some(), now)
        } else {
            assert!(is_kept(key), "nothing else is written than {key}");
            self.told = format!("{key} is written");
            Vec::new()
        };
        for (id, value) in &effects {
            match value {
                Some(row) => self.rows.insert(*id, row.clone()),
                None => self.rows.remove(id),
            };
        }
        if self.sum.is_some_and(|sum| sum != self.balances()) {
            let (sum, now) = (self.sum, self.balances());
            self.blame(format!("the sum was {sum:?} and is {now} by {effects:?}"));
            self.sum = Some(now);
        }
        if !effects.is_empty()
            && self.table == Member::SCHEMA.table
            && let Some(rows) = self.namesakes()
        {
            let what = format!("two rows have one name by {effects:?}: {rows:?}");
            self.wrong.push(what);
        }
        effects
    }

    fn put_row(&mut self, id: u64, form: Form, keeps: bool, now: SystemTime) -> Effects {
        self.told = format!("row {id} is {form:?}");
        let before = self.objects.get(&id).map(|object| &object.form);
        if let Some(Form::Intent(intent)) = before
            && let Some(record) = self.records.get(&intent.tx)
            && record.state == State::Pending
        {
            let what = format!("row {id} is written over, and its transaction is undecided");
            self.wrong.push(what);
        }
        let counts = self.rows.get(&id).cloned();
        let effects = match &form {
            Form::Intent(intent) => {
                if intent.was != counts {
                    let was = &intent.was;
                    let what = format!("row {id} is {counts:?}, and its intent says {was:?}");
                    self.wrong.push(what);
                }
                if !self.records.contains_key(&intent.tx) {
                    let what = format!("row {id} is under a transaction without a record");
                    self.wrong.push(what);
                }
                Vec::new()
            }
            // A row, or its absence, that was under a transaction is a plain one again.
            Form::Row(row) if keeps => self.keep(id, counts.as_ref(), Some(row)),
            Form::Tombstone if keeps || counts.is_none() => self.keep(id, counts.as_ref(), None),
            Form::Row(row) => vec![(id, Some(row.clone()))],
            Form::Tombstone => vec![(id, None)],
        };
        let written = now;
        self.objects.insert(id, Object { form, written });
        effects
    }

    fn keep(&mut self, id: u64, counts: Option<&Register>, now: Option<&Register>) -> Effects {
        if counts == now {
            return Vec::new();
        }
        self.blame(format!(
            "row {id} counted as {counts:?}, and is finished as {now:?}"
        ));
        vec![(id, now.cloned())]
    }

    fn put_record(&mut self, tx: &str, body: &RecordBody, now: SystemTime) -> Effects {
        self.told = format!("transaction {tx} is {:?}", body.state);
        let before = self.records.get(tx).map(|record| record.state);
        let expected = (body.state != State::Pending).then_some(State::Pending);
        if before != expected {
            self.blame(format!("{} after {before:?}", self.told));
        }
        let rows = body
            .keys
            .iter()
            .map(|key| self.row_of(key).expect("a row's key"));
        let record = Record {
            state: body.state,
            rows: rows.collect(),
            token: body.token.is_some(),
            written: now,
        };
        let mut effects = Vec::new();
        for id in &record.rows {
            let form = self.objects.get(id).map(|object| &object.form);
            match form {
                _ if record.state != State::Committed => {}
                Some(Form::Intent(intent)) if intent.tx == tx => {
                    if intent.was != intent.becomes {
                        effects.push((*id, intent.becomes.clone()));
                    }
                }
                other => {
                    let what = format!("{}, and row {id} is {other:?}", self.told);
                    self.wrong.push(what);
                }
            }
        }
        self.records.insert(tx.to_owned(), record);
        effects
    }

    /// The store has lost a record.
    pub fn lose(&mut self, key: &str) {
        self.records.remove(record_of(key).unwrap_or_default());
    }

    /// The store has deleted an object.
    pub fn delete(&mut self, key: &str, now: SystemTime) {
        self.told = format!("{key} is gone");
        let age = |written| now.duration_since(written).unwrap_or_default();
        if let Some(tx) = record_of(key) {
            let Some(record) = self.records.remove(tx) else {
                return;
            };
            let is_old = age(record.written) >= if record.token { TOKENS } else { GRACE };
            let is_under =
                |object: &Object| matches!(&object.form, Form::Intent(intent) if intent.tx == tx);
            let clean = !self.objects.values().any(is_under);
            if record.state == State::Pending || !is_old || !clean {
                self.blame(format!("{key} is collected, which was {record:?}"));
            }
        } else if let Some(id) = self.row_of(key) {
            let Some(object) = self.objects.remove(&id) else {
                return;
            };
            if object.form != Form::Tombstone || age(object.written) < GRACE {
                self.blame(format!("{key} is collected, which was {object:?}"));
            }
        }
    }
}

/// Whether an object is neither a row nor a record, and one that stays when all others are gone.
pub(super) fn is_kept(key: &str) -> bool {
    let kept = ["_s3orm/clock", ENTRIES, CLAIMS, "_s3orm/schema/"];
    kept.iter().any(|start| key.starts_with(start))
}

fn record_of(key: &str) -> Option<&str> {
    let (_, name) = key.strip_prefix("_s3orm/tx/")?.split_once('/')?;
    name.strip_suffix(".json")
}

/// What a row's object is, and who made its value if it does not.
fn read(body: &[u8]) -> (Form, Option<String>) {
    let mut columns: Value = serde_json::from_slice(body).expect("an object of JSON");
    let own = columns.as_object_mut().and_then(|all| all.remove("_m"));
    let own: Own = serde_json::from_value(own.expect("a stamp")).expect("the library's stamp");
    let row = || serde_json::from_value::<Register>(columns).expect("a row");
    let Some(tx) = own.tx else {
        let form = if own.del {
            Form::Tombstone
        } else {
            Form::Row(row())
        };
        return (form, own.l);
    };
    let was = (own.was.as_deref() == Some("row")).then(row);
    let becomes = match own.op.as_deref() {
        Some("put") => own.new,
        Some("check") => was.clone(),
        _ => None,
    };
    (Form::Intent(Intent { tx, was, becomes }), own.l)
}
