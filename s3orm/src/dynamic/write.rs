//! Writing and copying rows of a dynamic table.

use std::future::IntoFuture;

use bytes::Bytes;

use super::body::JSON;
use super::{Body, DynamicTable, Values};
use crate::blob::in_text;
use crate::error::{Error, ErrorKind, Result};
use crate::row::{Row, Version};
use crate::store::{CopyObject, Precondition, PutObject};
use crate::table::{RequestFuture, WriteOptions, store_error, write_error, write_options, written};
use crate::write;

/// A request of [`DynamicTable::insert`] or [`DynamicTable::put`]; awaiting returns the row.
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct Write<'a> {
    table: &'a DynamicTable,
    operation: &'static str,
    key: Result<String>,
    body: Body,
    precondition: Precondition,
    options: WriteOptions,
}

impl<'a> Write<'a> {
    write_options!(in options);

    pub(super) fn new(
        table: &'a DynamicTable,
        operation: &'static str,
        key: Result<String>,
        body: Body,
    ) -> Self {
        Self {
            table,
            operation,
            key,
            body,
            precondition: match operation {
                "insert" => Precondition::IfAbsent,
                _ => Precondition::None,
            },
            options: WriteOptions::default(),
        }
    }

    /// Only over this version of the row: [`Conflict`](ErrorKind::Conflict) otherwise.
    pub fn if_version(mut self, version: &Version) -> Self {
        self.precondition = Precondition::IfMatch(version.etag.clone());
        self
    }

    async fn run(self) -> Result<Row<Bytes>> {
        let (db, key) = (&self.table.db, self.key?);
        self.table.may_write()?;
        self.table.may_be_plain()?;
        db.check_size(self.body.bytes.len())?;
        if self.body.content_type == JSON {
            for blob in in_text(&self.body.bytes) {
                let checked = blob.check_table(&self.table.name);
                checked.map_err(|error| error.with_key(&*key))?;
            }
        }
        let content_type = match &self.options.content_type {
            Some(own) => own.clone().into(),
            None => self.body.content_type.into(),
        };
        let refused = match self.precondition {
            Precondition::IfAbsent => ErrorKind::AlreadyExists,
            _ => ErrorKind::Conflict,
        };
        let request = PutObject {
            key,
            body: self.body.bytes.clone(),
            precondition: self.precondition,
            content_type: Some(content_type),
            content_encoding: None,
            metadata: self.options.metadata(db.env())?,
            checksum: None,
            encryption: None,
        };
        match write::put(db.store(), db.env(), &request).await {
            Ok(etag) => Ok(written(self.body.bytes, request, etag)),
            Err(failure) => Err(write_error(failure, request.key, refused)),
        }
    }
}

impl<'a> IntoFuture for Write<'a> {
    type Output = Result<Row<Bytes>>;
    type IntoFuture = RequestFuture<'a, Row<Bytes>>;

    fn into_future(self) -> Self::IntoFuture {
        let (table, operation) = (self.table, self.operation);
        Box::pin(async move { table.during(operation, self.run().await) })
    }
}

/// A request of [`DynamicTable::copy`]; awaiting returns `()`.
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct Copy<'a> {
    from: &'a DynamicTable,
    into: &'a DynamicTable,
    source: Values,
    target: Values,
}

impl<'a> Copy<'a> {
    pub(super) fn new(table: &'a DynamicTable, source: Values, target: Values) -> Self {
        Self {
            from: table,
            into: table,
            source,
            target,
        }
    }

    /// Into another table, of any bucket of the same S3.
    pub fn into_table(mut self, table: &'a DynamicTable) -> Self {
        self.into = table;
        self
    }

    async fn run(self) -> Result<()> {
        let (from, into) = (&self.from.db, &self.into.db);
        self.into.may_write()?;
        self.from.may_be_plain()?;
        self.into.may_be_plain()?;
        let source = self.from.key_of(&self.source)?;
        let key = self.into.key_of(&self.target)?;
        let meta = from.store().head(&source).await;
        let meta = meta.map_err(|error| store_error(error, Some(source.clone())))?;
        let other = from.store().bucket() != into.store().bucket();
        let request = CopyObject {
            source_bucket: other.then(|| from.store().bucket().to_owned()),
            source: source.clone(),
            source_if_match: Some(meta.etag.clone()),
            key: key.clone(),
            ..CopyObject::default()
        };
        let (store, env) = (into.store(), into.env());
        match write::copy(store, env, request, meta).await {
            Ok(_) => Ok(()),
            Err(write::Failure::Refused(error)) if write::is_race(&error) => Err(Error::new(
                ErrorKind::Conflict,
                "the row was changed while it was copied; nothing was written",
            )
            .with_key(source)),
            Err(failure) => Err(write_error(failure, key, ErrorKind::Conflict)),
        }
    }
}

impl<'a> IntoFuture for Copy<'a> {
    type Output = Result<()>;
    type IntoFuture = RequestFuture<'a, ()>;

    fn into_future(self) -> Self::IntoFuture {
        let table = self.from;
        Box::pin(async move { table.during("copy", self.run().await) })
    }
}
