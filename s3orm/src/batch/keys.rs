//! The keys of a table from its listing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};

use super::Items;
use crate::error::{Error, Result};
use crate::key::KeyTuple as _;
use crate::schema::S3Schema;
use crate::stamp::presence::rows_only;
use crate::store::{ListObjects, ListedObject};
use crate::table::Table;

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
        let objects = self.row_objects(format!("{}{under}", self.folder()));
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

    /// The objects under a prefix that may be rows, as far as their table tells.
    fn row_objects(
        &self,
        prefix: String,
    ) -> impl Stream<Item = Result<ListedObject>> + Send + use<T> {
        let request = ListObjects {
            prefix,
            ..ListObjects::default()
        };
        let db = self.db().clone();
        let pages = self.db().pages(request).and_then(move |page| {
            let db = db.clone();
            async move {
                if T::SCHEMA.is_stamped() {
                    return rows_only(&db, page, || Ok(())).await;
                }
                Ok(page)
            }
        });
        pages
            .map_ok(|page| stream::iter(page.objects).map(Ok))
            .try_flatten()
    }
}
