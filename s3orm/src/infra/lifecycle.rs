//! Rules of the bucket about the age of objects.

use serde_json::{Map, Value, json};

use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{S3Schema, StoredSchema};

/// A bucket's lifecycle rules for one database, from [`Db::lifecycle`].
///
/// S3 applies them once a day, to the objects of before as well.
#[derive(Debug, Clone)]
#[must_use = "it is a text to be applied by somebody else: `to_json` gives it"]
pub struct Lifecycle {
    /// The database's.
    prefix: String,
    /// What is true of all objects.
    all: Map<String, Value>,
    /// The rules of tables.
    tables: Vec<Value>,
}

impl Db {
    /// Begins lifecycle rules for this database's part of the bucket. No request.
    ///
    /// A bucket has one set of rules: applying it replaces those that are there.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// #[s3(table = "sessions", path = "<id>")]
    /// struct Session { id: String }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// let db = Db::connect("s3://bucket/app?region=eu-north-1").await?;
    /// let rules = db.lifecycle().abort_uploads_after(7)?.expire_after::<Session>(30)?.to_json();
    /// assert_eq!(rules["Rules"][1]["Filter"]["Prefix"], "app/sessions/");
    /// assert_eq!(rules["Rules"][1]["Expiration"]["Days"], 30);
    /// # Ok(()) }
    /// ```
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle {
            prefix: self.prefix().to_owned(),
            all: Map::new(),
            tables: Vec::new(),
        }
    }
}

impl Lifecycle {
    /// Uploads that were begun and not ended are dropped this many days after they began, with their
    /// parts, which are on the bill until then.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config): 0 days.
    pub fn abort_uploads_after(self, days: u32) -> Result<Self> {
        let days = at_least_one("abort_uploads_after", days)?;
        Ok(self.of_all(
            "AbortIncompleteMultipartUpload",
            json!({"DaysAfterInitiation": days}),
        ))
    }

    /// In a bucket with versioning, versions are deleted this many days after another has replaced
    /// them.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config): 0 days.
    pub fn versions_expire_after(self, days: u32) -> Result<Self> {
        let days = at_least_one("versions_expire_after", days)?;
        Ok(self.of_all(
            "NoncurrentVersionExpiration",
            json!({"NoncurrentDays": days}),
        ))
    }

    /// Rows of a table are deleted this many days after they were last written, some hours later at
    /// times.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported): the table has indexes or transactions, and its rows must
    /// not vanish by themselves: claims and entries of indexes would be left, and a row under a
    /// transaction would be gone before it is decided. [`Config`](ErrorKind::Config): 0 days.
    pub fn expire_after<T: S3Schema>(self, days: u32) -> Result<Self> {
        self.expire(T::SCHEMA.table, T::SCHEMA.is_stamped(), days)
    }

    /// As [`expire_after`](Self::expire_after), of a table by its name and what is
    /// [stored](crate::Db::schema) of it.
    ///
    /// # Errors
    /// As [`expire_after`](Self::expire_after).
    pub fn expire_table_after(
        self,
        table: &str,
        stored: Option<&StoredSchema>,
        days: u32,
    ) -> Result<Self> {
        let stamped = |stored: &StoredSchema| stored.transactional || !stored.indexes.is_empty();
        self.expire(table, stored.is_some_and(stamped), days)
    }

    fn expire(mut self, table: &str, stamped: bool, days: u32) -> Result<Self> {
        let days = at_least_one("expire_after", days)?;
        if stamped {
            let detail = "S3 would delete rows that belong to indexes or transactions";
            return Err(Error::new(ErrorKind::Unsupported, detail)
                .with_help("delete old rows with a query and `delete_all`, then `vacuum`")
                .during("expire_after", table.to_owned()));
        }
        let id = format!("s3orm-expire-{table}");
        self.tables.retain(|rule| rule["ID"] != id);
        self.tables.push(json!({
            "ID": id,
            "Status": "Enabled",
            "Filter": {"Prefix": format!("{}{table}/", self.prefix)},
            "Expiration": {"Days": days},
        }));
        Ok(self)
    }

    /// The rules, as `put-bucket-lifecycle-configuration` of the AWS command line takes them.
    pub fn to_json(&self) -> Value {
        let mut rules = Vec::with_capacity(1 + self.tables.len());
        if !self.all.is_empty() {
            let mut all = self.all.clone();
            all.insert("ID".into(), "s3orm-all".into());
            all.insert("Status".into(), "Enabled".into());
            all.insert("Filter".into(), json!({"Prefix": self.prefix}));
            rules.push(Value::Object(all));
        }
        rules.extend(self.tables.iter().cloned());
        json!({"Rules": rules})
    }

    fn of_all(mut self, action: &str, value: Value) -> Self {
        self.all.insert(action.to_owned(), value);
        self
    }
}

fn at_least_one(operation: &'static str, days: u32) -> Result<u32> {
    if days == 0 {
        let error = Error::config("a lifecycle rule of 0 days", "S3 counts from 1 day");
        return Err(error.during(operation, ""));
    }
    Ok(days)
}
