//! The keys of a table, or of any prefix, from its listing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};

use super::Items;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::key::KeyTuple as _;
use crate::schema::S3Schema;
use crate::store::{ListObjects, ListStart, ListedObject, Page};
use crate::table::{Table, store_error};

/// All pages of a listing that begins as `request` says, one after the other.
pub(crate) fn pages(
    db: &Db,
    request: ListObjects,
) -> impl Stream<Item = Result<Page>> + Send + use<> {
    let db = db.clone();
    stream::try_unfold(Some(request), move |request| {
        let db = db.clone();
        async move {
            let Some(request) = request else {
                return Ok(None);
            };
            let listed = db.store().list(request.clone()).await;
            let mut page =
                listed.map_err(|error| store_error(error, Some(request.prefix.clone())))?;
            let next = page.next.take().map(|token| ListObjects {
                start: ListStart::Token(token),
                ..request
            });
            Ok(Some((page, next)))
        }
    })
}

/// All objects of a listing.
pub(crate) fn objects(
    db: &Db,
    prefix: String,
) -> impl Stream<Item = Result<ListedObject>> + Send + use<> {
    let request = ListObjects {
        prefix,
        ..ListObjects::default()
    };
    pages(db, request)
        .map_ok(|page| stream::iter(page.objects).map(Ok))
        .try_flatten()
}

/// What became of a listing whose keys went elsewhere.
#[derive(Debug, Default)]
pub(super) struct Listed {
    foreign: AtomicU64,
    error: Mutex<Option<Error>>,
}

impl Listed {
    /// How many objects were no rows of the table.
    pub(super) fn foreign(&self) -> u64 {
        self.foreign.load(Ordering::Relaxed)
    }

    /// What ended the listing early.
    pub(super) fn error(&self) -> Option<Error> {
        self.slot().take()
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Error>> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: S3Schema> Table<T> {
    /// The keys of the rows under a folder of this table, as the input of a batch. The listing
    /// fails at most once, at its end, and says so in [`Listed`].
    pub(super) fn keys_under(&self, under: &str) -> (Items<'static, T::Key>, Arc<Listed>) {
        let listed = Arc::new(Listed::default());
        let (told, folder) = (Arc::clone(&listed), self.folder().len());
        let objects = objects(self.db(), format!("{}{under}", self.folder()));
        let keys = objects.filter_map(move |object| {
            let key = match object {
                Ok(object) => {
                    let key = T::Key::parse(&T::SCHEMA.path, &object.key[folder..]);
                    if key.is_err() {
                        told.foreign.fetch_add(1, Ordering::Relaxed);
                    }
                    key.ok()
                }
                Err(error) => {
                    *told.slot() = Some(error);
                    None
                }
            };
            std::future::ready(key)
        });
        let items = Items {
            stream: Box::pin(keys),
            total: None,
        };
        (items, listed)
    }
}
