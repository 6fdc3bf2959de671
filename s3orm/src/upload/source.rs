//! Uploads of what is at hand: bytes, streams, readers, and sources that can be read again.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, ReadBuf};

use super::request::{Upload, Uploaded};
use super::session::Ended;
use super::uploader::Uploader;
use crate::error::{Error, ErrorKind, Result};

/// How often an upload begins anew because of a 409.
const AGAIN: u32 = 3;
/// What is read at once from a reader.
const CHUNK: usize = 64 << 10;

impl Upload {
    /// Uploads these bytes. If S3 says that another write was under way (409), they are uploaded
    /// again, up to three times.
    ///
    /// # Errors
    /// As [`Uploader::complete`].
    ///
    /// # Cost
    /// 1 PUT if they fit into one part; else 2 POST, and 1 PUT a part.
    pub async fn bytes(self, bytes: impl Into<Bytes>) -> Result<Uploaded> {
        let bytes = bytes.into();
        let sized = self.size_hint(bytes.len() as u64);
        // A write may be no longer than the longest part.
        let longest = usize::try_from(sized.0.max_part)
            .unwrap_or(usize::MAX)
            .max(1);
        let slices = || {
            let mut rest = bytes.clone();
            futures_util::stream::iter(std::iter::from_fn(move || {
                let length = rest.len().min(longest);
                let slice = rest.split_to(length);
                (length > 0).then_some(Ok::<_, std::io::Error>(slice))
            }))
        };
        sized.again(slices).await
    }

    /// Uploads a stream of bytes. It is read as fast as parts are sent.
    ///
    /// ```
    /// use futures_util::stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let lines = stream::iter(["one\n", "two\n"].map(Ok::<_, std::io::Error>));
    /// assert_eq!(db.upload("lines.txt").stream(lines).await?.size, 8);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Cancelled`](ErrorKind::Cancelled) if the stream fails, with its error as the source: the
    /// upload is aborted; and those of [`Uploader::complete`].
    ///
    /// # Cost
    /// As [`bytes`](Self::bytes).
    pub async fn stream<S, B, E>(self, stream: S) -> Result<Uploaded>
    where
        S: Stream<Item = Result<B, E>>,
        B: Into<Bytes>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let uploader = self.start();
        feed(uploader, stream).await.map_err(|ended| ended.error)
    }

    /// Uploads what a reader has, to its end.
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    ///
    /// # Cost
    /// As [`bytes`](Self::bytes).
    pub async fn reader(self, reader: impl AsyncRead) -> Result<Uploaded> {
        let mut reader = pin!(reader);
        let mut buffer = BytesMut::zeroed(CHUNK);
        let mut uploader = self.start();
        loop {
            match read_some(reader.as_mut(), &mut buffer).await? {
                0 => return uploader.complete().await,
                length => uploader.copy_from(&buffer[..length]).await?,
            }
        }
    }

    /// Uploads a source that can be read again: `open` gives its stream from the start. If S3 says
    /// that another write was under way when it was completed (409), which ends an upload in parts, everything is
    /// uploaded anew, up to three times.
    ///
    /// ```
    /// use futures_util::stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let numbers = || stream::iter((0..3).map(|n| Ok::<_, std::io::Error>(format!("{n}\n"))));
    /// db.upload("numbers.txt").if_absent().again(numbers).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    ///
    /// # Cost
    /// As [`bytes`](Self::bytes), for each time.
    pub async fn again<S, B, E>(self, open: impl Fn() -> S) -> Result<Uploaded>
    where
        S: Stream<Item = Result<B, E>>,
        B: Into<Bytes>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let env = self.0.db.env().clone();
        let mut attempt = 0;
        loop {
            let uploader = Uploader::new(self.0.begin());
            match feed(uploader, open()).await {
                Err(ended) if ended.again && attempt < AGAIN => attempt += 1,
                outcome => return outcome.map_err(|ended| ended.error),
            }
            let longest = Duration::from_millis(20) * 2_u32.pow(attempt);
            env.sleep(env.jitter(longest)).await;
        }
    }
}

async fn feed<S, B, E>(mut uploader: Uploader, stream: S) -> Result<Uploaded, Ended>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    let mut stream = pin!(stream);
    while let Some(data) = stream.next().await {
        uploader.write(data.map_err(unreadable)?).await?;
    }
    uploader.end().await
}

/// What a reader has, as far as it fits; nothing at its end.
pub(crate) async fn read_some(
    mut reader: Pin<&mut impl AsyncRead>,
    buffer: &mut [u8],
) -> Result<usize> {
    let read = poll_fn(|cx| {
        let mut part = ReadBuf::new(buffer);
        let read = reader.as_mut().poll_read(cx, &mut part);
        read.map_ok(|()| part.filled().len())
    });
    read.await.map_err(unreadable)
}

pub(crate) fn unreadable(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::new(
        ErrorKind::Cancelled,
        "the source failed; nothing was written",
    )
    .with_source(error)
    .during("upload", "")
}
