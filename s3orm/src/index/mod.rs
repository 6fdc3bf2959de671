//! Secondary and unique indexes: rows by other columns than those of their key.
//!
//! An index is declared on the struct, and kept by every write of the library:
//!
//! ```
//! use s3orm::{Db, ErrorKind, S3Schema};
//!
//! #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, S3Schema)]
//! #[s3(table = "people", path = "<id>")]
//! #[s3(index(name = "place", columns(city, age), projection(name)))]
//! struct Person {
//!     id: u64,
//!     #[s3(unique)]
//!     email: String,
//!     #[s3(index)]
//!     club: Option<String>,
//!     city: String,
//!     age: u32,
//!     name: String,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! # let person = |id: u64, city: &str| Person {
//! #     id, email: format!("{id}@a.org"), club: None, city: city.into(), age: 30, name: "Ann".into(),
//! # };
//! let people = Db::connect("memory:").await?.table::<Person>();
//! people.insert(person(1, "Oslo")).await?;
//! people.insert(person(2, "Rome")).await?;
//!
//! // Rows by an index: its columns from the left, the last one in a range or by its beginning.
//! let place = Person::INDEX.place;
//! assert_eq!(people.query().by(place).at("Oslo").within(18..65).count().await?, 1);
//!
//! // A filter that asks for one value of each column finds the index by itself.
//! let rome = people.query().filter(Person::COL.city.eq("Rome") & Person::COL.age.eq(30));
//! assert_eq!(rome.plan()?.index, Some("place"));
//! assert_eq!(rome.one().await?.id, 2);
//!
//! // One row by a unique value.
//! assert_eq!(people.get_by(Person::UNIQUE.email, "2@a.org").await?.map(|row| row.id), Some(2));
//! let taken = people.update(1, |row| row.email = "2@a.org".into()).await.unwrap_err();
//! assert_eq!(taken.kind(), ErrorKind::UniqueViolation);
//! # Ok(()) }
//! ```
//!
//! # What is on the bucket
//!
//! | object | what it is |
//! |---|---|
//! | `_s3orm/ix/<table>/<index>/<values>/<path of the row>` | an **entry**: a row has these values |
//! | `_s3orm/uq/<table>/<index>/<values>.json` | a **claim**: these rows may have these values |
//! | `_s3orm/schema/<table>.json` | which indexes there are, and which may be asked |
//!
//! Values are written as in keys: integers, `bool`, dates, timestamps, UUIDs and ULIDs (all types with
//! [`PREFIX_FREE`](crate::key::KeyColumn::PREFIX_FREE)) so that they are listed in their order and
//! can be asked for in a range; texts as they are, and can be asked for by their beginning. A row
//! whose value is `None` is in no index over that column. The rows of such a table carry a stamp in a
//! member `_m`, and leave tombstones when they are deleted.
//!
//! # What can be relied on
//!
//! - **No row is missed.** An entry is there before its row has the value, and goes after. So an
//!   answer by an index is that of a scan. What an entry says is not believed: the row is read, and
//!   left out if it has another value by now. [`entries`](crate::Query::entries) alone shows them as
//!   they are, for who can live with a stale answer and would spare the reads.
//! - **No two rows have one unique value**, whoever writes, is cut off or comes back late.
//!   [`UniqueViolation`](crate::ErrorKind::UniqueViolation) is certain: the other row has the value.
//! - **A crash leaves dead entries and dead claims at worst.** They cost who finds them some requests.
//!   [`repair`](crate::Table::repair) removes them an hour later; a store that does not delete on
//!   condition keeps them.
//!
//! Only this library keeps an index. Rows that another program puts there are not in it until the
//! next [`repair`](crate::Table::repair).
//!
//! [Transactions](crate::tx) keep them as single writes do, and a unique value may move from one row of
//! a transaction to another.
//!
//! # What it costs
//!
//! | | requests, besides those for the row |
//! |---|---|
//! | insert | 1 PUT an index; a unique one 1 GET and 1 PUT, and 1 GET of the row itself |
//! | change of a value | 1 PUT, 1 GET and 1 DELETE an index; a unique one 1 GET more |
//! | deletion | 1 GET and 1 DELETE an index |
//! | a write that changes none of its values | nothing |
//! | … but a column that an entry keeps | 1 GET and 1 PUT |
//! | query | 1 LIST a thousand entries, 1 GET a row |
//! | `get_by` | 1 GET |
//! | what is known of the table's indexes | 1 GET in 30 seconds a process; 1 LIST and 1 PUT before the table's first write |
//!
//! Requests for several indexes are made at the same time, so an insert takes as long as two PUTs.
//!
//! # An index over rows that are there already
//!
//! …is kept from the first write on, and cannot be asked before it is built: queries answer
//! [`Schema`](crate::ErrorKind::Schema). First start the new version of every program that writes the
//! table, then [build](Index::build) it, while they run. A table that was empty at its first write has
//! nothing to build.

mod build;
pub(crate) mod claim;
mod get;
mod handle;
pub(crate) mod layout;
pub(crate) mod object;
mod state;
pub(crate) mod upkeep;
mod verify;

pub use build::{Build, Built, Index};
pub use get::{GetBy, ReadBy};
pub use handle::{AnyIndex, IndexColumn, IndexHandle, IndexSchema, Projection, UniqueHandle};
#[doc(hidden)]
pub use handle::{IndexVisitor, index_form};
pub use verify::{Finding, Problem, Verified, Verify};
