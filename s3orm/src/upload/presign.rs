//! Signed URLs for one object: what somebody without credentials may do for some minutes.

use std::future::IntoFuture;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::object_key;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::row::Version;
use crate::store::{Precondition, Presign, PresignedAccess, PresignedUrl, StoreErrorKind};
use crate::table::store_error;

/// How long a URL works unless it is said.
const EXPIRY: Duration = Duration::from_mins(5);
/// How long it may work unless that is said, too.
const LONGEST: Duration = Duration::from_hours(1);

impl Db {
    /// Signs a URL that reads an object, whether or not there is one. The key is relative to the
    /// database's prefix.
    ///
    /// Who has the URL can use it as often as they like until it expires, with the rights that the
    /// signer has then. It prints without its signature; only
    /// [`as_str`](PresignedUrl::as_str) has it.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("s3://bucket?region=eu-north-1").await?;
    /// let url = db.presign_get("videos/1.mp4").expires_in(Duration::from_mins(15)).await?;
    /// println!("<video src=\"{}\">", url.as_str());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if it expires too late,
    /// [`InvalidKey`](crate::ErrorKind::InvalidKey), [`Credentials`](crate::ErrorKind::Credentials),
    /// and [`Unsupported`](crate::ErrorKind::Unsupported) on a connection that is not `s3://`.
    ///
    /// # Cost
    /// None, but for credentials that have to be fetched.
    pub fn presign_get(&self, key: impl AsRef<str>) -> PresignGet {
        PresignGet(Common::new(self, key.as_ref(), PresignedAccess::Get))
    }

    /// Signs a URL that writes an object of this type and length, if there is none with this key: to replace
    /// one, say so by [`if_version`](PresignPut::if_version) or [`overwrite`](PresignPut::overwrite).
    ///
    /// Who has the URL can use it as often as they like until it expires, which is why it creates only
    /// unless it is told otherwise. The request must have the [headers](PresignedUrl::headers) that were
    /// signed, as they are. An object that is written so has no write id.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("s3://bucket?region=eu-north-1").await?;
    /// let url = db.presign_put("photos/7.jpg", "image/jpeg", 184_223).await?;
    /// for (name, value) in url.headers() {
    ///     println!("{name}: {value}");           // content-type, content-length, if-none-match
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`presign_get`](Self::presign_get).
    ///
    /// # Cost
    /// As [`presign_get`](Self::presign_get).
    pub fn presign_put(
        &self,
        key: impl AsRef<str>,
        content_type: impl Into<String>,
        length: u64,
    ) -> PresignPut {
        let access = PresignedAccess::Put {
            precondition: Precondition::IfAbsent,
            content_type: content_type.into(),
            content_length: length,
        };
        PresignPut(Common::new(self, key.as_ref(), access))
    }
}

#[derive(Debug, Clone)]
struct Common {
    db: Db,
    key: String,
    access: PresignedAccess,
    expiry: Duration,
    longest: Duration,
    /// Whether the key is one of the library's own.
    own: bool,
}

impl Common {
    fn new(db: &Db, key: &str, access: PresignedAccess) -> Self {
        Self {
            db: db.clone(),
            key: key.to_owned(),
            access,
            expiry: EXPIRY,
            longest: LONGEST,
            own: false,
        }
    }

    async fn sign(self) -> Result<PresignedUrl> {
        let key = if self.own {
            format!("{}{}", self.db.prefix(), self.key)
        } else {
            object_key(&self.db, &self.key)?
        };
        if self.expiry > self.longest {
            let detail = format!(
                "a URL for {:?}; the most is {:?}",
                self.expiry, self.longest
            );
            let error = Error::config(detail, "let it expire earlier, or raise `max_expiry`");
            return Err(error.with_key(key));
        }
        let request = Presign {
            key: key.clone(),
            access: self.access,
            expires_in: self.expiry,
            encryption: None,
        };
        let signed = self.db.store().presign(request).await;
        signed.map_err(|error| match error.kind() {
            // What it signs is checked before anything is sent.
            StoreErrorKind::Invalid => Error::config(
                error.to_string(),
                "set an expiry and a content type that S3 takes",
            )
            .with_key(key),
            _ => store_error(error, Some(key)),
        })
    }
}

/// A request of [`Db::presign_get`]; awaiting returns a [`PresignedUrl`].
#[derive(Debug, Clone)]
#[must_use = "requests do nothing until awaited"]
pub struct PresignGet(Common);

/// A request of [`Db::presign_put`]; awaiting returns a [`PresignedUrl`].
#[derive(Debug, Clone)]
#[must_use = "requests do nothing until awaited"]
pub struct PresignPut(Common);

macro_rules! signs {
    ($request:ident, $operation:literal) => {
        impl $request {
            /// How long it works (5 minutes unless set; an hour at most, unless
            /// [`max_expiry`](Self::max_expiry) says otherwise), in whole seconds. It stops earlier
            /// if the signer's credentials do.
            pub fn expires_in(mut self, expiry: Duration) -> Self {
                self.0.expiry = expiry;
                self
            }

            /// How long it may work (an hour unless set). S3 takes 7 days.
            pub fn max_expiry(mut self, longest: Duration) -> Self {
                self.0.longest = longest;
                self
            }
        }

        impl IntoFuture for $request {
            type Output = Result<PresignedUrl>;
            type IntoFuture = BoxFuture<'static, Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(async move { self.0.sign().await.map_err(|e| e.during($operation, "")) })
            }
        }
    };
}

signs!(PresignGet, "presign_get");
signs!(PresignPut, "presign_put");

impl PresignGet {
    /// Of an object of the library's own.
    pub(crate) fn of_own(db: &Db, key: &str) -> Self {
        let mut common = Common::new(db, key, PresignedAccess::Get);
        common.own = true;
        Self(common)
    }
}

impl PresignPut {
    /// Only over this version of the object.
    pub fn if_version(self, version: &Version) -> Self {
        self.precondition(Precondition::IfMatch(version.etag.clone()))
    }

    /// Over whatever is there. Who has the URL can then replace what others write, until it
    /// expires.
    pub fn overwrite(self) -> Self {
        self.precondition(Precondition::None)
    }

    fn precondition(mut self, wanted: Precondition) -> Self {
        if let PresignedAccess::Put { precondition, .. } = &mut self.0.access {
            *precondition = wanted;
        }
        self
    }
}
