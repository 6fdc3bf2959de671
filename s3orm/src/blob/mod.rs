//! Blobs: large values of a row, each an object of its own that the row names.
//!
//! A column of the type [`Blob`] says where the bytes are, how many, and what their SHA-256 is. The
//! bytes are uploaded first, in a stream and to a key that nobody else has; then the row is written, as
//! any row is. So a row never names what is not there, and a replaced blob changes with its row, at
//! once.
//!
//! ```
//! use s3orm::{Blob, Db, S3Schema};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, S3Schema)]
//! #[s3(table = "people", path = "<id>")]
//! struct Person {
//!     id: u64,
//!     photo: Option<Blob>,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! let db = Db::connect("memory:").await?;
//! let people = db.table::<Person>();
//!
//! let photo = people.blob().content_type("image/jpeg").bytes("…").await?;
//! people.put(Person { id: 1, photo: Some(photo) }).await?;
//!
//! let ann = people.get(1).await?.expect("it was put");
//! let photo = ann.photo.expect("she has one");
//! assert_eq!(photo.bytes(&db, 1 << 20).await?, "…");            // checked by its SHA-256
//!
//! people.delete(1).await?;
//! db.sweep_blobs().of::<Person>().await?;                      // now and then: the bytes go later
//! # Ok(()) }
//! ```
//!
//! In the row's object, a blob is
//!
//! ```json
//! {"key":"_s3orm/blob/people/3f/…","size":184223,"sha256":"…","etag":"…","content_type":"image/jpeg"}
//! ```
//!
//! and its bytes are the object `<prefix>/_s3orm/blob/<table>/<2 hex>/<30 hex>`, whose 128 random bits
//! nobody can guess, and which is created and never written again.
//!
//! # Whose a blob is
//!
//! A blob is made for a table ([`Table::blob`](crate::Table::blob)), which its key names, and is
//! for one row of it. It stays with its row, also when that moves ([`rekey`](crate::Table::rekey)). A
//! row of another table that names it is refused when it is written
//! ([`InvalidRow`](crate::ErrorKind::InvalidRow)): its table's sweep would not see it there.
//! [`Table::copy_blob`](crate::Table::copy_blob) makes one for another row or table, without its bytes
//! passing through here.
//!
//! Two rules are the application's:
//!
//! 1. **Within an hour** of its upload a blob is in its row.
//! 2. **What no row names any more is dead.** Who has read a row that was replaced or deleted since may read its
//!    blobs for an hour, and does not write them into another row later: copy them, or upload them again.
//!
//! # What becomes of blobs that no row names
//!
//! A crash between upload and row, a row that is replaced or deleted: each leaves a blob that nobody
//! names. [`Db::sweep_blobs`](crate::Db::sweep_blobs) collects them. It is told the tables, and judges
//! blobs of these tables alone. Nothing is removed unless two sweeps, an hour or more apart, have
//! found that no row names it:
//!
//! 1. It asks S3 for the time, and lists the tables' blobs. Those that are younger than an hour are
//!    left out: their rows may be on the way.
//! 2. It reads every object of the tables, and crosses out what these name: in their columns, at any
//!    depth; in both values of a row under a transaction, the one before and the one after, whatever the
//!    transaction's state; in what does not belong to the struct any more, or lies under a key of an
//!    older path. An object that cannot be read or decoded ends the sweep, before anything is removed.
//! 3. Rows may move behind the listing while it goes on. So the tables are listed once more, and what was written
//!    since 1. is read again.
//! 4. What is left was named nowhere. If it has no mark, it gets one: the object
//!    `_s3orm/blob-marks/<table>/…`. If it has a mark that is an hour old, it is removed, and then the mark.
//!    A mark of a blob that is named, or gone, is removed.
//!
//! All times are S3's own. Why an hour is enough, and what follows from it:
//!
//! - A writer that has read the row before the blob was dropped writes it back on the version that it
//!   read, and is refused. A plain `put` of an older value is not; but it is sent for five minutes at
//!   most, and S3 takes its signature for a quarter of an hour. When the second sweep looks, an hour after the
//!   first had found the blob named nowhere, no such write can be alive any more, and it sees what they did.
//! - A new blob is named within the hour (rule 1), or gets a mark at worst, which the next sweep takes away.
//!   S3 dates an object of many parts from the *beginning* of its upload, which may be long ago: the mark is
//!   what gives it its hour.
//! - A reader has an hour to read the blobs of a row that it has. Then
//!   [`NotFound`](crate::ErrorKind::NotFound) says that the blob is gone: read the row again.
//! - Sweeps run at any time, several at once, and may be cut off anywhere. A mark that stays by accident
//!   shortens the wait of a blob that was dropped since to nothing, which rule 2 allows for; a blob's key is
//!   never used again, so a removal that comes late hits nothing else.
//! - A row that moves between keys during a sweep is found by step 3, unless it moves once more while that
//!   lists; and to lose its blobs by it, it would have to do both in two sweeps that follow each other.
//!
//! An upload that was cut off leaves parts instead of a blob, which
//! [`sweep_uploads`](crate::Db::sweep_uploads) ends.

mod id;
mod mark;
mod noted;
mod read;
mod sweep;
mod value;
mod write;

pub(crate) use self::id::{FOLDER, in_text};
pub(crate) use self::noted::noted;
pub(crate) use self::read::broken;
pub(crate) use self::sweep::MARKS;
pub use self::sweep::{BlobSweep, SweepWithoutTables, SweptBlobs};
pub use self::value::Blob;
pub use self::write::{BlobUpload, BlobWriter};
