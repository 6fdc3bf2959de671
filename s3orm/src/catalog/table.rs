//! Creating a table, reading what is stored of it, and comparing that with the program's struct.

use std::sync::Arc;

use super::object::{self, Before};
use crate::db::Db;
use crate::dynamic::check_table;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{
    Difference, IndexState, S3Schema, SchemaDiff, StoredIndex, StoredSchema, TableSchema,
};
use crate::table::{Table, operation};

impl Db {
    /// What is stored of a table, whatever its struct; `None` if nobody has described it.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema) if it cannot be a table's name,
    /// [`Decode`](ErrorKind::Decode) if the object is no description, and those of the connection.
    ///
    /// # Cost
    /// 1 GET.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// let db = Db::connect("memory:").await?;
    /// assert!(db.schema("people").await?.is_none());
    /// db.table::<Person>().create().await?;
    /// let schema = db.schema("people").await?.expect("it was created");
    /// assert_eq!(schema.columns[0].rust_type, "u64");
    /// # Ok(()) }
    /// ```
    pub async fn schema(&self, table: &str) -> Result<Option<StoredSchema>> {
        let read = async {
            check_table(table)?;
            object::read(self, table).await
        };
        let found = read.await;
        let found = found.map_err(|error| error.during("schema", table.to_owned()))?;
        Ok(found.map(|(schema, _)| Arc::unwrap_or_clone(schema)))
    }
}

impl<T: S3Schema> Table<T> {
    /// Describes the table on the bucket, so that other programs and tools know what it holds:
    /// columns, path, body format, version, indexes. What is there is compared with the program's
    /// struct first, and brought up to date where the program only adds to it: an optional column, an
    /// index, a comment. Returns what is stored then.
    ///
    /// A table needs no creation to be written; of one with indexes or a version above 1 the first
    /// write describes it. Of a table at another version the description stays as it is:
    /// [`migrate`](Self::migrate) changes it.
    ///
    /// # Errors
    /// [`Schema`](ErrorKind::Schema) if the program does not fit the table: the message has each
    /// difference that matters. And those of the connection.
    ///
    /// # Cost
    /// 1 GET, and 1 PUT if it writes; 1 LIST before the first of all, of a table with indexes or a
    /// version above 1.
    ///
    /// ```
    /// # use s3orm::{Db, ErrorKind, S3Schema};
    /// mod yesterday {
    ///     #[derive(serde::Serialize, serde::Deserialize, s3orm::S3Schema)]
    ///     #[s3(table = "people", path = "<id>")]
    ///     pub struct Person { pub id: u64, pub age: u32 }
    /// }
    ///
    /// #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// #[s3(table = "people", path = "<city>/<id>")]
    /// struct Person { city: String, id: u64, age: u32 }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// let db = Db::connect("memory:").await?;
    /// db.table::<yesterday::Person>().create().await?;
    ///
    /// let error = db.table::<Person>().create().await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Schema);
    /// assert!(error.to_string().contains("`path` is `<id>` on the bucket and `<city>/<id>` in the program"));
    /// # Ok(()) }
    /// ```
    pub async fn create(&self) -> Result<StoredSchema> {
        let created = object::change(self.db(), T::SCHEMA.table, needs_object::<T>(), |before| {
            created(T::SCHEMA, &before)
        });
        let created = operation::<T, _>("create", created).await?;
        Ok(created.map_or_else(|| T::SCHEMA.into(), Arc::unwrap_or_clone))
    }

    /// What is stored of the table; `None` if nobody has described it.
    ///
    /// # Errors
    /// As [`Db::schema`].
    ///
    /// # Cost
    /// 1 GET.
    pub async fn schema(&self) -> Result<Option<StoredSchema>> {
        self.db().schema(T::SCHEMA.table).await
    }

    /// How the program's struct differs from what is stored of the table. Nothing is written.
    ///
    /// # Errors
    /// As [`Db::schema`]: differences are no error.
    ///
    /// # Cost
    /// 1 GET.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// people.create().await?;
    /// let diff = people.check().await?;
    /// assert!(diff.is_compatible(), "{diff}");
    /// # Ok(()) }
    /// ```
    pub async fn check(&self) -> Result<SchemaDiff> {
        let stored = operation::<T, _>("check", object::read(self.db(), T::SCHEMA.table)).await?;
        Ok(match stored {
            Some((stored, _)) => compare(&stored, T::SCHEMA),
            None => SchemaDiff::of(vec![Difference::Undescribed]),
        })
    }
}

/// Whether writes of the table need its schema object.
pub(crate) fn needs_object<T: S3Schema>() -> bool {
    T::SCHEMA.version > 1 || !T::SCHEMA.indexes.is_empty()
}

/// The description of a table of which there is none yet. Rows that are there already may be of the
/// oldest version that the program knows.
pub(crate) fn first_description(program: &'static TableSchema, is_empty: bool) -> StoredSchema {
    let oldest = program.versions().last().unwrap_or(program);
    let (version, state) = if is_empty {
        (program, IndexState::Readable)
    } else {
        (oldest, IndexState::WriteOnly)
    };
    let mut indexes = StoredSchema::from(program).indexes;
    for index in indexes.values_mut() {
        index.state = state;
    }
    StoredSchema {
        indexes,
        ..StoredSchema::from(version)
    }
}

/// How a program differs from a table: by the struct that it has for the table's version.
pub(crate) fn compare(stored: &StoredSchema, program: &'static TableSchema) -> SchemaDiff {
    let mut found = Vec::new();
    let of_version = program
        .versions()
        .find(|schema| schema.version == stored.version);
    if stored.version != program.version {
        let oldest = program
            .versions()
            .last()
            .map_or(program.version, |schema| schema.version);
        found.push(Difference::Version {
            stored: stored.version,
            program: program.version,
            readable: of_version.is_some() && oldest <= stored.oldest_rows(),
        });
    }
    if stored.newest_rows() > program.version && stored.version <= program.version {
        found.push(Difference::NewerRows {
            newest: stored.newest_rows(),
            program: program.version,
        });
    }
    let Some(of_version) = of_version else {
        return SchemaDiff::of(found);
    };
    if !stored.is_described() {
        found.push(Difference::Undescribed);
        stored.diff_indexes(&program.into(), &mut found);
        return SchemaDiff::of(found);
    }
    // The indexes are those of the program, whatever the version.
    let own = StoredSchema {
        indexes: StoredSchema::from(program).indexes,
        ..StoredSchema::from(of_version)
    };
    found.extend(stored.diff(&own).iter().cloned());
    SchemaDiff::of(found)
}

/// The object as `create` leaves it; `None` if it is so already.
fn created(program: &'static TableSchema, before: &Before<'_>) -> Result<Option<StoredSchema>> {
    let Some(stored) = before.schema else {
        return Ok(Some(first_description(program, before.is_empty)));
    };
    let diff = compare(stored, program);
    if !diff.is_compatible() {
        return Err(does_not_fit(&diff));
    }
    if stored.version != program.version || diff.is_empty() {
        return Ok(None);
    }
    let own = StoredSchema::from(program);
    let mut changed = stored.clone();
    changed.describe(&own);
    for (name, index) in own.indexes {
        let added = || StoredIndex {
            joined: true,
            ..index
        };
        changed.indexes.entry(name).or_insert_with(added);
    }
    Ok(Some(changed))
}

/// Describes a table by what a tool says of it; indexes, transactions and versions stay as they are.
pub(crate) async fn describe(db: &Db, table: &str, own: StoredSchema) -> Result<StoredSchema> {
    let described = object::change(db, table, false, |before| {
        let Some(stored) = before.schema else {
            return Ok(Some(own.clone()));
        };
        let own = StoredSchema {
            version: stored.version,
            body: stored.body.clone(),
            transactional: stored.transactional,
            indexes: stored.indexes.clone(),
            ..own.clone()
        };
        if !stored.is_described() {
            let mut changed = stored.clone();
            changed.describe(&own);
            return Ok(Some(changed));
        }
        let diff = stored.diff(&own);
        if !diff.is_compatible() {
            return Err(does_not_fit(&diff));
        }
        let mut changed = stored.clone();
        changed.describe(&own);
        Ok((!diff.is_empty()).then_some(changed))
    });
    Ok(described.await?.map_or(own.clone(), Arc::unwrap_or_clone))
}

pub(crate) fn does_not_fit(diff: &SchemaDiff) -> Error {
    let detail = format!("the program does not fit the table: {}", diff.reasons());
    let help = "start a program that fits it, give the struct of an older version the options that it had, \
                or declare a new version of the rows and migrate them";
    Error::new(ErrorKind::Schema, detail).with_help(help)
}
