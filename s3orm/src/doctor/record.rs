//! The report in the bucket: `<prefix>/_s3orm/capabilities.json`.

use bytes::Bytes;

use super::report::{Level, Report};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{GetObject, Metadata, Object, Precondition, PutObject, StoreErrorKind};
use crate::table::{store_error, write_error};
use crate::write::{self, Failure};

/// The form that this version writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;
/// A record is some kilobytes.
const MAX_BYTES: u64 = 1 << 20;

fn key(db: &Db) -> String {
    format!("{}_s3orm/capabilities.json", db.prefix())
}

async fn get(db: &Db) -> Result<Option<Object>> {
    let request = GetObject {
        key: key(db),
        max_bytes: Some(MAX_BYTES),
        ..GetObject::default()
    };
    match db.store().get(request).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
        Err(error) => Err(store_error(error, Some(key(db)))),
    }
}

fn decode(db: &Db, body: &Bytes) -> Result<Report> {
    let wrong = |detail: String| {
        Error::new(ErrorKind::Decode, detail)
            .with_help("run `Db::doctor` to write it anew")
            .with_key(key(db))
    };
    let report: Report = serde_json::from_slice(body)
        .map_err(|error| wrong("it is no report of `doctor`".to_owned()).with_source(error))?;
    if report.format > FORMAT {
        let format = report.format;
        return Err(wrong(format!(
            "its format is {format}; this version reads {FORMAT}"
        )));
    }
    Ok(report)
}

/// What is recorded of this database's endpoint.
pub(super) async fn read(db: &Db) -> Result<Option<Report>> {
    let Some(object) = get(db).await? else {
        return Ok(None);
    };
    let report = decode(db, &object.body)?;
    Ok((report.endpoint == db.store().service()).then_some(report))
}

/// Records a report over an older one, by compare-and-swap where the store has it: of two doctors
/// at once, the later report stays.
pub(super) async fn write(db: &Db, report: &Report) -> Result<()> {
    let body = serde_json::to_vec_pretty(report).map_err(|error| {
        Error::new(ErrorKind::Internal, "the report does not encode").with_source(error)
    })?;
    let body = Bytes::from(body);
    let mut attempts = db.attempts();
    loop {
        let before = get(db).await?;
        // What cannot be read is no later report, and is written anew.
        let recorded = before
            .as_ref()
            .and_then(|object| decode(db, &object.body).ok());
        if recorded.is_some_and(|recorded| recorded.date > report.date) {
            return Ok(());
        }
        let precondition = match before {
            _ if report.level < Level::L2 => Precondition::None,
            Some(object) => Precondition::IfMatch(object.meta.etag),
            None => Precondition::IfAbsent,
        };
        let request = PutObject {
            key: key(db),
            body: body.clone(),
            precondition,
            content_type: Some("application/json".into()),
            content_encoding: None,
            metadata: Metadata::from([(write::ID.to_owned(), write::new_id(db.env()))]),
            checksum: None,
            encryption: None,
        };
        match write::put(db.store(), db.env(), &request).await {
            Ok(_) => return Ok(()),
            Err(Failure::Refused(error)) if write::is_race(&error) && attempts.next().await => {}
            Err(failure) => return Err(write_error(failure, key(db), ErrorKind::Conflict)),
        }
    }
}
