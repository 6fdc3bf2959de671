//! The clients that read a whole table: every row of it, and its keys alone.

use std::future::Future;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::bare::Bare;
use crate::clients::{Orm, Row, TABLE};

/// One way to a table. Both answer the number of rows and the sum of their numbers.
pub trait Table {
    /// Lists the keys and reads every row, [`READERS`] at a time.
    fn scan(&self) -> impl Future<Output = Result<(usize, u64)>>;
    /// Lists the keys, and reads the rows' numbers from them.
    fn list(&self) -> impl Future<Output = Result<(usize, u64)>>;
}

/// Rows that are read at once.
pub const READERS: usize = 64;

impl Table for Orm {
    async fn scan(&self) -> Result<(usize, u64)> {
        let query = self.table.query().scan().concurrency(READERS);
        let mut rows = query.stream()?;
        let mut seen = (0, 0);
        while let Some(row) = rows.next().await {
            seen = (seen.0 + 1, seen.1 + row?.id);
        }
        Ok(seen)
    }

    async fn list(&self) -> Result<(usize, u64)> {
        let mut keys = self.table.query().scan().keys()?;
        let mut seen = (0, 0);
        while let Some(key) = keys.next().await {
            seen = (seen.0 + 1, seen.1 + key?.0);
        }
        Ok(seen)
    }
}

impl Table for Bare {
    async fn scan(&self) -> Result<(usize, u64)> {
        let rows = self
            .pages()
            .map_ok(|keys| stream::iter(keys).map(anyhow::Ok))
            .try_flatten()
            .map_ok(|key| async move {
                let body = self.read(&key).await?;
                Ok(serde_json::from_slice::<Row>(&body)?)
            })
            .try_buffer_unordered(READERS);
        let add = |seen: (usize, u64), row: Row| async move { Ok((seen.0 + 1, seen.1 + row.id)) };
        rows.try_fold((0, 0), add).await
    }

    async fn list(&self) -> Result<(usize, u64)> {
        let mut pages = std::pin::pin!(self.pages());
        let mut seen = (0, 0);
        while let Some(keys) = pages.try_next().await? {
            for key in keys {
                seen = (seen.0 + 1, seen.1 + number(&key)?);
            }
        }
        Ok(seen)
    }
}

impl Bare {
    fn pages(&self) -> impl Stream<Item = Result<Vec<String>>> {
        stream::try_unfold(Some(None), move |next: Option<Option<String>>| async move {
            let Some(token) = next else { return Ok(None) };
            let (keys, token) = keys_of(&self.list(token.as_deref()).await?)?;
            Ok(Some((keys, token.map(Some))))
        })
    }
}

/// The keys of a page, and the token of the next.
fn keys_of(page: &Bytes) -> Result<(Vec<String>, Option<String>)> {
    #[derive(Clone, Copy)]
    enum Field {
        Key,
        Token,
        Other,
    }
    let mut reader = Reader::from_str(std::str::from_utf8(page)?);
    let (mut keys, mut token) = (Vec::with_capacity(1000), None);
    let (mut field, mut text) = (Field::Other, String::new());
    loop {
        match reader.read_event()? {
            Event::Start(start) => {
                field = match start.name().into_inner() {
                    "Key" => Field::Key,
                    "NextContinuationToken" => Field::Token,
                    _ => Field::Other,
                };
            }
            Event::Text(part) if !matches!(field, Field::Other) => text.push_str(&part),
            Event::GeneralRef(part) if !matches!(field, Field::Other) => {
                let resolved = quick_xml::escape::unescape(&format!("&{};", &*part))?.into_owned();
                text.push_str(&resolved);
            }
            Event::End(_) => {
                match field {
                    Field::Key => keys.push(std::mem::take(&mut text)),
                    Field::Token => token = Some(std::mem::take(&mut text)),
                    Field::Other => {}
                }
                field = Field::Other;
            }
            Event::Eof => return Ok((keys, token)),
            _ => {}
        }
    }
}

fn number(key: &str) -> Result<u64> {
    let digits = key
        .strip_prefix(TABLE)
        .and_then(|path| path.strip_prefix('/')?.strip_suffix(".json"));
    Ok(digits.context("a row's key")?.parse()?)
}

/// What every [`Table`] must answer for a table of so many rows from `first` on.
pub fn check(answer: (usize, u64), first: usize, rows: usize) -> Result<()> {
    let sum: usize = (first..first + rows).sum();
    ensure!(
        answer == (rows, sum as u64),
        "{} rows were read, of {rows}",
        answer.0
    );
    Ok(())
}
