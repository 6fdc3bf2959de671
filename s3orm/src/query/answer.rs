//! What the streams of an answer have in common, for the ends that collect them.

use super::rows::RowStream;
use crate::error::{Error, ErrorKind, Result};
use crate::row::Row;
use crate::schema::S3Schema;

/// Rows that are collected at most, unless there is a limit.
const MAX_ROWS: usize = 10_000;

/// The items of an answer, one after the other.
pub(super) trait Answer: Send {
    type Item: Send;

    /// The next one; `None` at the end.
    fn next_item(&mut self) -> impl Future<Output = Option<Result<Self::Item>>> + Send;

    /// The last key that was looked at for the items returned.
    fn examined(&self) -> Option<&str>;

    /// Whether, as far as is known, another key follows those that were returned.
    fn has_more(&self) -> bool;
}

impl<T: S3Schema> Answer for RowStream<T> {
    type Item = Row<T>;

    async fn next_item(&mut self) -> Option<Result<Row<T>>> {
        self.next_row().await
    }

    fn examined(&self) -> Option<&str> {
        RowStream::examined(self)
    }

    fn has_more(&self) -> bool {
        RowStream::has_more(self)
    }
}

/// All items; without a limit 10,000 at most.
pub(super) async fn collect<A: Answer>(
    mut answer: A,
    limit: Option<usize>,
) -> Result<Vec<A::Item>> {
    let mut items = Vec::new();
    while let Some(item) = answer.next_item().await {
        if limit.is_none() && items.len() == MAX_ROWS {
            let detail = format!("the answer has more than {MAX_ROWS} rows");
            let help = "read them with `stream`, or set a `limit`";
            return Err(Error::new(ErrorKind::LimitExceeded, detail).with_help(help));
        }
        items.push(item?);
    }
    Ok(items)
}
