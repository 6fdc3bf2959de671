//! Listings of objects, a page at a time.

use futures_util::Stream;
use futures_util::stream::try_unfold;
use s3orm::Db;
use s3orm::store::{ListObjects, ListStart, ListedObject};

use crate::exit::Failure;
use crate::schema;

/// The objects whose keys begin so, after the database's prefix. 1 LIST for each page of 1,000.
pub(crate) fn pages<'a>(
    db: &'a Db,
    under: &str,
) -> impl Stream<Item = Result<Vec<ListedObject>, Failure>> + 'a {
    let first = ListObjects {
        prefix: format!("{}{under}", db.prefix()),
        ..ListObjects::default()
    };
    try_unfold(Some(first), move |request| async move {
        let Some(request) = request else {
            return Ok(None);
        };
        let page = db
            .store()
            .list(request.clone())
            .await
            .map_err(schema::store)?;
        let next = page.next.map(|token| ListObjects {
            start: ListStart::Token(token),
            ..request
        });
        Ok(Some((page.objects, next)))
    })
}
