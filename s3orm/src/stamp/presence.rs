//! Which objects of a page are rows, in a table whose rows leave tombstones.
//!
//! An object's size tells that it is a row, or that it must be read to know: see [`body`].

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::{body, seen};
use crate::db::Db;
use crate::error::Result;
use crate::store::Page;

/// Reads at once.
const CONCURRENCY: usize = 16;

/// The page without the objects that are no rows. `charge` is asked before each read.
///
/// # Errors
/// Those of `charge` and of the reads.
///
/// Cost: 1 GET for each object whose size leaves it open.
pub(crate) async fn rows_only(
    db: &Db,
    mut page: Page,
    charge: impl Fn() -> Result<()> + Sync,
) -> Result<Page> {
    let open = page.objects.iter();
    let open = open.filter(|object| body::is_marked(object.size));
    let reads = open.map(|object| {
        let (key, charge) = (object.key.clone(), &charge);
        async move {
            charge()?;
            let is_row = seen::look(db, &key).await?.row.is_some();
            Ok((!is_row).then_some(key))
        }
    });
    let reads: Vec<_> = reads.collect();
    if reads.is_empty() {
        return Ok(page);
    }
    let absent = stream::iter(reads).buffered(CONCURRENCY);
    let absent: Vec<Option<String>> = absent.try_collect().await?;
    let mut absent = absent.into_iter().flatten().peekable();
    page.objects
        .retain(|object| absent.next_if(|key| *key == object.key).is_none());
    Ok(page)
}
