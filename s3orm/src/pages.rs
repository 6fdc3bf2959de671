//! Listings, page by page: what queries, batches, dynamic tables and buckets begin with.

use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};

use crate::db::Db;
use crate::error::Result;
use crate::store::{ListObjects, ListStart, ListedObject, Page, StoreError, StoreErrorKind};
use crate::table::store_error;

impl Db {
    /// One page. What is listed begins with the prefix, whatever the store answers: who goes on with
    /// what follows it need not look.
    pub(crate) async fn page(&self, request: ListObjects) -> Result<Page> {
        let prefix = request.prefix.clone();
        let page = self.store().list(request).await;
        let page = page.and_then(|page| checked(page, &prefix));
        page.map_err(|error| store_error(error, Some(prefix)))
    }

    /// All pages of a listing that begins as `request` says, one after the other.
    pub(crate) fn pages(
        &self,
        request: ListObjects,
    ) -> impl Stream<Item = Result<Page>> + Send + use<> {
        let db = self.clone();
        stream::try_unfold(Some(request), move |request| {
            let db = db.clone();
            async move {
                let Some(request) = request else {
                    return Ok(None);
                };
                let mut page = db.page(request.clone()).await?;
                let next = page.next.take().map(|token| ListObjects {
                    start: ListStart::Token(token),
                    ..request
                });
                Ok(Some((page, next)))
            }
        })
    }

    /// All objects whose keys begin with a prefix.
    pub(crate) fn objects(
        &self,
        prefix: String,
    ) -> impl Stream<Item = Result<ListedObject>> + Send + use<> {
        let request = ListObjects {
            prefix,
            ..ListObjects::default()
        };
        self.pages(request)
            .map_ok(|page| stream::iter(page.objects).map(Ok))
            .try_flatten()
    }
}

fn checked(page: Page, prefix: &str) -> Result<Page, StoreError> {
    let is_below = |name: &String| name.len() > prefix.len() && name.starts_with(prefix);
    let mut keys = page.objects.iter().map(|object| &object.key);
    let foreign = keys.find(|key| !key.starts_with(prefix));
    let foreign = foreign.or_else(|| page.prefixes.iter().find(|name| !is_below(name)));
    match foreign {
        None => Ok(page),
        Some(name) => {
            let name = name.escape_debug();
            let message = format!("the answer lists `{name}`, which was not asked for");
            Err(StoreError::new(StoreErrorKind::BadAnswer, message))
        }
    }
}
