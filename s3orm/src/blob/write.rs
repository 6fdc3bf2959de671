//! Uploading a blob: to a key of its own, created and never written again.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};

use super::id::BlobId;
use super::read::broken;
use super::value::Blob;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::S3Schema;
use crate::store::{CopyObject, ETag};
use crate::table::{Table, write_error};
use crate::upload::{Upload, Uploaded, Uploader, read_some, unreadable};
use crate::write::{self, Failure};

/// What is read at once from a reader.
const CHUNK: usize = 64 << 10;

impl<T: S3Schema> Table<T> {
    /// Begins the upload of a [`Blob`] for a row of this table. No request: see
    /// [`blob`](crate::blob) for what follows, and for how long the blob may wait for its row.
    ///
    /// ```
    /// # use s3orm::{Blob, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64, photo: Blob }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let people = db.table::<Person>();
    /// let mut writer = people.blob().content_type("image/png").start();
    /// writer.write("as many").await?;
    /// writer.write(" bytes as there are").await?;
    /// let photo = writer.finish().await?;
    /// people.insert(Person { id: 1, photo }).await?;               // and then the row
    /// # Ok(()) }
    /// ```
    pub fn blob(&self) -> BlobUpload {
        let id = BlobId::new(T::SCHEMA.table, self.db().env());
        BlobUpload {
            upload: self.db().upload_own(&id.to_string()).if_absent(),
            content_type: None,
            id,
        }
    }

    /// Makes a blob for a row of this table that has the bytes and the content type of another, of whichever table.
    /// The bytes do not pass through here.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if it is gone, [`Conflict`](ErrorKind::Conflict) if its object is not
    /// the one that was uploaded, and those of the connection; S3 copies up to 5 GiB.
    ///
    /// # Cost
    /// 1 COPY.
    pub async fn copy_blob(&self, blob: &Blob) -> Result<Blob> {
        let copied = self.run_copy_blob(blob).await;
        copied.map_err(|error| error.during("copy_blob", T::SCHEMA.table))
    }

    async fn run_copy_blob(&self, blob: &Blob) -> Result<Blob> {
        let (db, id) = (self.db(), BlobId::new(T::SCHEMA.table, self.db().env()));
        let copy = CopyObject {
            source: blob.object(db),
            source_if_match: Some(blob.etag.clone()),
            key: format!("{}{id}", db.prefix()),
            ..CopyObject::default()
        };
        let key = copy.key.clone();
        let copied = write::copy(db.store(), db.env(), copy, blob.meta());
        let etag = copied.await.map_err(|failure| match failure {
            Failure::Refused(error) => broken(error, &blob.object(db)),
            Failure::Unknown(_) => write_error(failure, key, ErrorKind::Conflict),
        })?;
        Ok(Blob {
            id,
            etag,
            ..blob.clone()
        })
    }
}

/// A blob before its upload begins: of [`Table::blob`](crate::Table::blob).
///
/// What is said of the upload is as of [`Upload`]. If it fails or is dropped, there is no blob.
#[derive(Debug)]
#[must_use = "an upload does nothing until it is started or given its bytes"]
pub struct BlobUpload {
    upload: Upload,
    content_type: Option<String>,
    id: BlobId,
}

/// Options of [`Upload`] that are a blob's, too.
macro_rules! options {
    ($($(#[$doc:meta])* $option:ident($($name:ident: $type:ty)?),)+) => {
        impl BlobUpload {
            $($(#[$doc])*
            pub fn $option(mut self $(, $name: $type)?) -> Self {
                self.upload = self.upload.$option($($name)?);
                self
            })+
        }
    };
}

options! {
    /// As [`Upload::size_hint`].
    size_hint(bytes: u64),
    /// As [`Upload::min_part_size`].
    min_part_size(bytes: u64),
    /// As [`Upload::max_part_size`].
    max_part_size(bytes: u64),
    /// As [`Upload::parallel`].
    parallel(parts: usize),
    /// As [`Upload::without_checksum`]. The SHA-256 stays.
    without_checksum(),
    /// As [`Upload::on_progress`].
    on_progress(tell: impl FnMut(u64, Option<u64>) + Send + 'static),
}

impl BlobUpload {
    /// The content type, of the object and in the row: `application/octet-stream` unless said.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        let content_type = content_type.into();
        self.upload = self.upload.content_type(content_type.clone());
        self.content_type = Some(content_type);
        self
    }

    /// The writer to write to. No request: the first is made when more is written than one part
    /// holds, or when it is finished.
    pub fn start(self) -> BlobWriter {
        BlobWriter {
            uploader: self.upload.start(),
            id: self.id,
            content_type: self.content_type,
            sum: Sha256::new(),
            hashed: 0,
        }
    }

    /// Uploads these bytes.
    ///
    /// # Errors
    /// As [`BlobWriter::finish`].
    ///
    /// # Cost
    /// 1 PUT if they fit into one part (5 MiB); else 2 POST, and 1 PUT a part.
    pub async fn bytes(self, bytes: impl Into<Bytes>) -> Result<Blob> {
        let bytes = bytes.into();
        let sum = Sha256::digest(&bytes).into();
        let uploaded = self.upload.bytes(bytes).await?;
        Ok(blob(self.id, self.content_type, sum, &uploaded))
    }

    /// Uploads a stream of bytes. It is read as fast as parts are sent.
    ///
    /// # Errors
    /// [`Cancelled`](ErrorKind::Cancelled) if the stream fails, with its error as the source: there is
    /// no blob then; and those of [`BlobWriter::finish`].
    ///
    /// # Cost
    /// As [`bytes`](Self::bytes).
    pub async fn stream<S, B, E>(self, stream: S) -> Result<Blob>
    where
        S: Stream<Item = Result<B, E>>,
        B: Into<Bytes>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let (mut stream, mut writer) = (pin!(stream), self.start());
        while let Some(data) = stream.next().await {
            writer.write(data.map_err(unreadable)?).await?;
        }
        writer.finish().await
    }

    /// Uploads what a reader has, to its end.
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    ///
    /// # Cost
    /// As [`bytes`](Self::bytes).
    pub async fn reader(self, reader: impl AsyncRead) -> Result<Blob> {
        let (mut reader, mut writer) = (pin!(reader), self.start());
        let mut buffer = vec![0; CHUNK];
        loop {
            match read_some(reader.as_mut(), &mut buffer).await? {
                0 => return writer.finish().await,
                length => writer.copy_from(&buffer[..length]).await?,
            }
        }
    }
}

fn blob(id: BlobId, content_type: Option<String>, sha256: [u8; 32], uploaded: &Uploaded) -> Blob {
    Blob {
        id,
        size: uploaded.size,
        sha256,
        etag: ETag::new(uploaded.version.etag()),
        content_type,
    }
}

/// A blob that is written: of [`BlobUpload::start`].
///
/// There is no blob before [`finish`](Self::finish) has answered. Dropping it before drops what was
/// written, as an [`Uploader`] does. It is an [`AsyncWrite`], too: `shutdown` finishes it, and
/// [`blob`](Self::blob) has its outcome.
pub struct BlobWriter {
    uploader: Uploader,
    id: BlobId,
    content_type: Option<String>,
    sum: Sha256,
    hashed: u64,
}

impl BlobWriter {
    /// Writes data after what was written, as [`Uploader::write`] does.
    ///
    /// # Errors
    /// As [`Uploader::write`].
    ///
    /// # Cost
    /// None while everything fits into one part. Then 1 POST to begin, and 1 PUT a part.
    pub async fn write(&mut self, data: impl Into<Bytes>) -> Result<()> {
        let data = data.into();
        self.uploader.write(data.clone()).await?;
        self.hash(&data);
        Ok(())
    }

    /// Without owning the data: it is copied into the part.
    async fn copy_from(&mut self, data: &[u8]) -> Result<()> {
        self.uploader.copy_from(data).await?;
        self.hash(data);
        Ok(())
    }

    fn hash(&mut self, data: &[u8]) {
        self.sum.update(data);
        self.hashed += data.len() as u64;
    }

    /// Makes the blob of what was written: the value for its row.
    ///
    /// S3 has checked by then that it has the bytes that were sent, each part by its SHA-256 and its
    /// CRC-64/NVME, and the whole by that.
    ///
    /// # Errors
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) if the answer is lost for good: there may be a
    /// blob that no row will name, so upload it again; [`Cancelled`](ErrorKind::Cancelled) if a write
    /// was not waited for; and those of [`write`](Self::write).
    ///
    /// # Cost
    /// As [`Uploader::complete`].
    pub async fn finish(self) -> Result<Blob> {
        let (hashed, sum) = (self.hashed, self.sum.finalize().into());
        let uploaded = self.uploader.complete().await?;
        if uploaded.size != hashed {
            let detail = "a write was not waited for, so nobody knows what the blob has";
            let error = Error::new(ErrorKind::Cancelled, detail).during("upload", "");
            return Err(error.with_help("upload it again; a sweep collects what there is"));
        }
        Ok(blob(self.id, self.content_type, sum, &uploaded))
    }

    /// Drops what was written, and waits until the store has.
    ///
    /// # Errors
    /// Those of the connection: the parts are there yet, for [`Db::sweep_uploads`](crate::Db::sweep_uploads).
    ///
    /// # Cost
    /// 1 DELETE if a part was sent.
    pub async fn abort(self) -> Result<()> {
        self.uploader.abort().await
    }

    /// The blob, once it was shut down as an [`AsyncWrite`].
    pub fn blob(&self) -> Option<Blob> {
        let uploaded = self.uploader.uploaded()?;
        let sum = self.sum.clone().finalize().into();
        Some(blob(
            self.id.clone(),
            self.content_type.clone(),
            sum,
            uploaded,
        ))
    }
}

impl AsyncWrite for BlobWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.uploader).poll_write(cx, data))?;
        self.hash(&data[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.uploader).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.uploader).poll_shutdown(cx)
    }
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobWriter")
            .field("key", &self.id.to_string())
            .field("written", &self.hashed)
            .finish_non_exhaustive()
    }
}
