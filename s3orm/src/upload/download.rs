//! Downloads: an object in ranges, some at a time, all of one version.

use std::collections::VecDeque;
use std::fmt;
use std::future::IntoFuture;
use std::io;
use std::ops::{Bound, Range, RangeBounds};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::{Stream, TryStreamExt as _};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::JoinHandle;

use super::object_key;
use super::proof::Proof;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::row::Version;
use crate::settings::inherited;
use crate::store::{
    ByteRange, Checksum, ETag, GetObject, Metadata, ObjectMeta, StoreError, StoreErrorKind,
};
use crate::table::store_error;
use crate::write;

/// The bytes of one request, unless it is said.
const CHUNK: u64 = 8 << 20;

impl Db {
    /// Downloads an object, whose key is relative to the database's prefix. Awaiting returns a
    /// [`Download`] to read, or `None` if there is no object.
    ///
    /// ```
    /// use futures_util::TryStreamExt as _;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// db.upload("a.txt").bytes("0123456789").await?;
    /// let mut middle = db.download("a.txt").range(3..6).await?.expect("it was uploaded");
    /// assert_eq!((middle.len(), middle.size()), (3, 10));
    /// while let Some(bytes) = middle.try_next().await? {
    ///     assert_eq!(bytes, "345");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InvalidKey`](ErrorKind::InvalidKey), and those of the connection. Reading it then ends in
    /// [`Conflict`](ErrorKind::Conflict) if the object was replaced or deleted meanwhile, and in
    /// [`Decode`](ErrorKind::Decode) if its bytes do not have its checksum.
    ///
    /// # Cost
    /// 1 HEAD, and 1 GET for each [`chunk_size`](DownloadRequest::chunk_size) as it is read.
    pub fn download(&self, key: impl AsRef<str>) -> DownloadRequest {
        DownloadRequest {
            db: self.clone(),
            key: key.as_ref().to_owned(),
            range: (Bound::Unbounded, Bound::Unbounded),
            chunk: CHUNK,
            parallel: 4,
        }
    }
}

/// A request of [`Db::download`]; awaiting returns a [`Download`].
#[derive(Debug, Clone)]
#[must_use = "requests do nothing until awaited"]
pub struct DownloadRequest {
    db: Db,
    key: String,
    range: (Bound<u64>, Bound<u64>),
    chunk: u64,
    parallel: usize,
}

impl DownloadRequest {
    /// Only these bytes; those that are beyond the object's end are left out. Such a download is not
    /// checked by the object's checksum, which is of all its bytes.
    pub fn range(mut self, bytes: impl RangeBounds<u64>) -> Self {
        self.range = (bytes.start_bound().cloned(), bytes.end_bound().cloned());
        self
    }

    /// The bytes of one request (8 MiB unless set).
    pub fn chunk_size(mut self, bytes: u64) -> Self {
        self.chunk = bytes.max(1);
        self
    }

    /// How many requests are under way at the same time (4 unless set). So many chunks are in
    /// memory.
    pub fn parallel(mut self, requests: usize) -> Self {
        self.parallel = requests.max(1);
        self
    }

    /// The bytes of an object of this size that are asked for.
    fn span(&self, size: u64) -> Range<u64> {
        let start = match self.range.0 {
            Bound::Unbounded => 0,
            Bound::Included(start) => start,
            Bound::Excluded(before) => before.saturating_add(1),
        };
        let end = match self.range.1 {
            Bound::Unbounded => size,
            Bound::Included(last) => last.saturating_add(1).min(size),
            Bound::Excluded(end) => end.min(size),
        };
        start.min(end)..end
    }

    async fn open(self) -> Result<Option<Download>> {
        let key = object_key(&self.db, &self.key)?;
        let meta = match self.db.store().head(&key).await {
            Ok(meta) => meta,
            Err(error) if error.kind() == StoreErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(store_error(error, Some(key))),
        };
        let span = self.span(meta.size);
        let is_whole = span == (0..meta.size);
        let checksum = meta.checksum.filter(|_| is_whole);
        Ok(Some(Download {
            key,
            span: span.clone(),
            next: span.start,
            handed_out: span.start,
            under_way: VecDeque::new(),
            proof: checksum.map_or(Proof::None, Proof::by_checksum),
            condition: Some(meta.etag.clone()),
            of_blob: false,
            failed: false,
            rest: Bytes::new(),
            meta,
            request: self,
        }))
    }
}

impl IntoFuture for DownloadRequest {
    type Output = Result<Option<Download>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.open().await.map_err(named) })
    }
}

/// An object that is read: a stream of its bytes, in order, and an [`AsyncRead`].
///
/// Requests are made while it is read, some chunks ahead. All bytes are of one version of the object,
/// and the last of them are handed out once the whole has the checksum that the store keeps.
/// Dropping it stops its requests.
pub struct Download {
    request: DownloadRequest,
    key: String,
    meta: ObjectMeta,
    /// The bytes that were asked for.
    span: Range<u64>,
    /// Where the next request begins.
    next: u64,
    /// Where the bytes end that were handed out.
    handed_out: u64,
    under_way: VecDeque<Chunk>,
    /// What everything must turn out to be.
    proof: Proof,
    /// The version that is read, unless the bytes prove themselves.
    condition: Option<ETag>,
    of_blob: bool,
    failed: bool,
    /// What a reader has not taken.
    rest: Bytes,
}

/// A request in a task, which ends with it.
struct Chunk {
    task: JoinHandle<Result<Bytes, StoreError>>,
    length: u64,
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Download {
    /// Of a blob, all of which a row says: with its SHA-256 everything, or else a range of its object.
    pub(crate) fn of_blob(
        db: &Db,
        key: String,
        meta: ObjectMeta,
        sha256: Option<[u8; 32]>,
        bytes: impl RangeBounds<u64>,
    ) -> Self {
        let request = db.download(&key).range(bytes);
        let span = request.span(meta.size);
        Self {
            key,
            next: span.start,
            handed_out: span.start,
            span,
            under_way: VecDeque::new(),
            condition: sha256.is_none().then(|| meta.etag.clone()),
            proof: sha256.map_or(Proof::None, Proof::by_sha256),
            of_blob: true,
            failed: false,
            rest: Bytes::new(),
            meta,
            request,
        }
    }

    /// The object's key, as it is on the bucket.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Bytes of the whole object.
    pub fn size(&self) -> u64 {
        self.meta.size
    }

    /// Bytes that this download has: fewer than [`size`](Self::size) of a [`range`](DownloadRequest::range).
    #[expect(
        clippy::len_without_is_empty,
        reason = "it is of an object, not of a collection"
    )]
    pub fn len(&self) -> u64 {
        self.span.end - self.span.start
    }

    /// The version that is read: what [`Upload::if_version`](super::Upload::if_version) takes.
    pub fn version(&self) -> Version {
        Version::of(&self.meta)
    }

    /// The object's content type.
    pub fn content_type(&self) -> Option<&str> {
        self.meta.content_type.as_deref()
    }

    /// The object's user metadata, but for the library's own.
    pub fn metadata(&self) -> Metadata {
        let mut metadata = self.meta.metadata.clone();
        write::strip(&mut metadata);
        metadata
    }

    /// When the object was written, by S3's clock and to the second.
    pub fn last_modified(&self) -> Option<SystemTime> {
        self.meta.last_modified
    }

    /// The object's CRC-64/NVME, where the store keeps it. A download of the whole object is checked
    /// against it.
    pub fn checksum(&self) -> Option<Checksum> {
        self.meta.checksum
    }

    /// Everything, if it is no longer than `limit` bytes.
    ///
    /// # Errors
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if it is longer: nothing was read then; and those
    /// of [`Db::download`].
    ///
    /// # Cost
    /// 1 GET for each chunk.
    pub async fn bytes(mut self, limit: u64) -> Result<Bytes> {
        let too_long = |detail: String| {
            let error = Error::new(ErrorKind::LimitExceeded, detail).with_key(&self.key);
            named(error.with_help("read it as a stream, or raise the limit"))
        };
        let length = self.len();
        let capacity = usize::try_from(length).ok().filter(|_| length <= limit);
        let Some(capacity) = capacity else {
            return Err(too_long(format!("{length} bytes; the limit is {limit}")));
        };
        let first = self.try_next().await?.unwrap_or_default();
        if first.len() == capacity {
            return Ok(first);
        }
        let mut bytes = BytesMut::with_capacity(capacity);
        bytes.extend_from_slice(&first);
        while let Some(more) = self.try_next().await? {
            bytes.extend_from_slice(&more);
        }
        Ok(bytes.freeze())
    }

    /// Sends as many requests as may be under way.
    fn send(&mut self) {
        while self.under_way.len() < self.request.parallel && self.next < self.span.end {
            let end = self
                .next
                .saturating_add(self.request.chunk)
                .min(self.span.end);
            let length = end - self.next;
            let is_whole = length == self.meta.size;
            let get = GetObject {
                key: self.key.clone(),
                range: (!is_whole).then_some(ByteRange::Span(self.next, end)),
                if_match: self.condition.clone(),
                max_bytes: Some(length),
                ..GetObject::default()
            };
            let (db, etag) = (self.request.db.clone(), self.condition.clone());
            // In the scope of who reads: it may say how often to retry.
            let read = inherited(async move {
                let object = db.store().get(get).await?;
                right(etag.as_ref(), length, object)
            });
            let task = self.request.db.env().spawn(read);
            self.under_way.push_back(Chunk { task, length });
            self.next = end;
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.send();
        let Some(chunk) = self.under_way.front_mut() else {
            return Poll::Ready(None);
        };
        let read = ready!(Pin::new(&mut chunk.task).poll(cx));
        let length = chunk.length;
        self.under_way.pop_front();
        let bytes = match read {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => return Poll::Ready(Some(Err(self.broken(error)))),
            Err(error) => {
                let ended = Error::new(ErrorKind::Internal, "the task of a download ended early");
                return Poll::Ready(Some(Err(ended.with_source(error))));
            }
        };
        self.handed_out += length;
        self.proof.take(&bytes);
        if self.handed_out == self.span.end
            && let Err(detail) = self.proof.check()
        {
            let error = Error::new(ErrorKind::Decode, detail);
            let help = "read it again; if that does not help, the object is damaged";
            return Poll::Ready(Some(Err(error.with_help(help))));
        }
        Poll::Ready(Some(Ok(bytes)))
    }

    fn broken(&self, error: StoreError) -> Error {
        match error.kind() {
            _ if self.of_blob => crate::blob::broken(error, &self.key),
            StoreErrorKind::PreconditionFailed | StoreErrorKind::NotFound => Error::new(
                ErrorKind::Conflict,
                "the object was replaced or deleted while it was read",
            )
            .with_help("download it again")
            .with_source(error),
            _ => store_error(error, Some(self.key.clone())),
        }
    }
}

/// The bytes that were asked for, if it is them.
fn right(
    etag: Option<&ETag>,
    length: u64,
    object: crate::store::Object,
) -> Result<Bytes, StoreError> {
    let same = etag.is_none_or(|etag| object.meta.etag == *etag);
    if object.body.len() as u64 == length && same {
        return Ok(object.body);
    }
    let etag = etag.map_or("any", ETag::as_str);
    Err(StoreError::new(
        StoreErrorKind::BadAnswer,
        format!(
            "the answer has {} bytes of the version `{}`; asked for were {length} of `{etag}`",
            object.body.len(),
            object.meta.etag
        ),
    ))
}

fn named(error: Error) -> Error {
    error.during("download", "")
}

impl Stream for Download {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.failed {
            return Poll::Ready(None);
        }
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.rest))));
        }
        let polled = ready!(self.poll_chunk(cx));
        Poll::Ready(polled.map(|read| {
            read.map_err(|error| {
                // What follows is of no use without it.
                self.failed = true;
                self.under_way.clear();
                named(error.with_key(&self.key))
            })
        }))
    }
}

impl AsyncRead for Download {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            match ready!(self.as_mut().poll_next(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                Some(Ok(bytes)) => self.rest = bytes,
            }
        }
        let length = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("key", &self.key)
            .field("span", &self.span)
            .field("version", &self.meta.etag)
            .finish_non_exhaustive()
    }
}
