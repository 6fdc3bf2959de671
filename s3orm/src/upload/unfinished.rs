//! Uploads that were begun and not ended: listing and sweeping them.

use std::future::IntoFuture;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use futures_util::stream::{Stream, TryStreamExt as _, iter, try_unfold};

use super::parts;
use crate::db::Db;
use crate::error::Result;
use crate::store::{ListParts, ListUploads, ListedUpload, StoreError, StoreErrorKind};
use crate::table::store_error;

/// An upload that was begun and neither completed nor aborted: what [`Upload::resume`](super::Upload::resume) takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The object's key, as it is on the bucket.
    pub key: String,
    /// The upload, as S3 names it.
    pub upload_id: String,
    /// When it was begun, by S3's clock; known from a listing only.
    pub initiated: Option<SystemTime>,
    /// What the object's metadata will say of the write; not known from a listing.
    pub write_id: Option<String>,
}

impl From<ListedUpload> for Unfinished {
    fn from(listed: ListedUpload) -> Self {
        Self {
            key: listed.key,
            upload_id: listed.upload_id,
            initiated: Some(listed.initiated),
            write_id: None,
        }
    }
}

impl Db {
    /// The uploads under this database's prefix and then `under` that were begun and not ended,
    /// whoever began them, in the order of their keys.
    ///
    /// # Errors
    /// Those of the connection.
    ///
    /// # Cost
    /// 1 LIST (`ListMultipartUploads`) for each 1,000 uploads.
    pub fn uploads(&self, under: &str) -> impl Stream<Item = Result<Unfinished>> + Send + '_ {
        let listed = self.listed(under).map_ok(Unfinished::from);
        listed.map_err(|error| store_error(error, None).during("uploads", ""))
    }

    fn listed(
        &self,
        under: &str,
    ) -> impl Stream<Item = Result<ListedUpload, StoreError>> + Send + '_ {
        let first = ListUploads {
            prefix: format!("{}{under}", self.prefix()),
            ..ListUploads::default()
        };
        let pages = try_unfold(Some(first), async |request| {
            let Some(mut request) = request else {
                return Ok::<_, StoreError>(None);
            };
            let page = self.store().list_uploads(request.clone()).await?;
            request.after = page.next;
            let next = request.after.is_some().then_some(request);
            Ok(Some((iter(page.uploads.into_iter().map(Ok)), next)))
        });
        pages.try_flatten()
    }

    /// Aborts uploads that nobody will end: those under this database's prefix that were begun more than
    /// a day ago, or as [`older_than`](Sweep::older_than) says, whoever began them. Awaiting returns
    /// how many. Their parts cost money until then, and no listing of objects shows them.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// let swept = db.sweep_uploads().under("videos/").older_than(Duration::from_hours(6)).await?;
    /// println!("{} ended, {} under way", swept.ended, swept.kept);
    /// # Ok(()) }
    /// ```
    ///
    /// A lifecycle rule with `AbortIncompleteMultipartUpload` does the same without a program;
    /// [`Db::doctor`] says whether there is one.
    ///
    /// # Errors
    /// Those of the connection: to sweep again goes on.
    ///
    /// # Cost
    /// 1 LIST for each 1,000 uploads; for each that is ended 1 DELETE and 1 LIST of its parts.
    pub fn sweep_uploads(&self) -> Sweep<'_> {
        Sweep {
            db: self,
            under: String::new(),
            age: Duration::from_hours(24),
        }
    }
}

/// A request of [`Db::sweep_uploads`]; awaiting returns [`Swept`].
#[derive(Debug)]
#[must_use = "requests do nothing until awaited"]
pub struct Sweep<'a> {
    db: &'a Db,
    under: String,
    age: Duration,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Swept {
    /// Uploads that were old, and are gone with their parts.
    pub ended: u64,
    /// Uploads that are too young to be swept.
    pub kept: u64,
}

impl Sweep<'_> {
    /// Only uploads to keys that begin so, after the database's prefix.
    pub fn under(mut self, under: impl Into<String>) -> Self {
        self.under = under.into();
        self
    }

    /// Only uploads that were begun longer ago (a day unless set). It must be longer than any upload
    /// takes: one that is swept while it is under way fails with [`Conflict`](crate::ErrorKind::Conflict).
    /// It is counted by this machine's clock, and S3 takes requests of clocks that are up to a quarter of
    /// an hour off: so leave that besides.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    async fn run(self) -> Result<Swept, StoreError> {
        let limit = self.db.env().now().checked_sub(self.age);
        let mut swept = Swept::default();
        let mut uploads = std::pin::pin!(self.db.listed(&self.under));
        while let Some(upload) = uploads.try_next().await? {
            if limit.is_some_and(|limit| upload.initiated <= limit) {
                self.end(&upload).await?;
                swept.ended += 1;
            } else {
                swept.kept += 1;
            }
        }
        Ok(swept)
    }

    /// A part that arrives while its upload is aborted may stay, so S3 says, until it is aborted again.
    async fn end(&self, upload: &ListedUpload) -> Result<(), StoreError> {
        const TRIES: u32 = 3;
        let store = self.db.store();
        let left = ListParts {
            key: upload.key.clone(),
            upload_id: upload.upload_id.clone(),
            limit: Some(1),
            ..ListParts::default()
        };
        for _ in 0..TRIES {
            parts::abort(store, &upload.key, &upload.upload_id).await?;
            match store.list_parts(left.clone()).await {
                Err(error) if error.kind() == StoreErrorKind::NoSuchUpload => return Ok(()),
                Ok(page) if page.parts.is_empty() => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        // The next sweep finds it.
        Ok(())
    }
}

impl<'a> IntoFuture for Sweep<'a> {
    type Output = Result<Swept>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let swept = self.run().await;
            swept.map_err(|error| store_error(error, None).during("sweep_uploads", ""))
        })
    }
}
