//! The `S3Schema` derive of s3orm. Applications depend on `s3orm`, which re-exports it.

mod attr;
mod diag;
mod expand;
mod index;
mod model;
mod path;
mod rules;
mod serde_attr;
mod source;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::attr::TableOptions;
use crate::diag::Errors;
use crate::model::Model;

/// Makes a struct the row type of a table.
///
/// ```
/// use s3orm::S3Schema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
/// #[s3(table = "people", path = "<town>/<id>")]
/// struct Person {
///     town: String,
///     id: u64,
///     email: Option<String>,
/// }
///
/// let ann = Person { town: "Oslo".to_owned(), id: 42, email: None };
/// assert_eq!(ann.key(), ("Oslo".to_owned(), 42));
/// assert_eq!(Person::KEY.id.position(), 1);
/// assert_eq!(Person::COL.email.name(), "email");
/// assert_eq!(Person::SCHEMA.columns.len(), 3);
/// ```
///
/// The row above is stored as `<prefix>/people/Oslo/42.json`. Every field is a column, and the
/// columns that the path names are its key. Rows are JSON objects of the struct's serde form, so the
/// struct derives `Serialize` and `Deserialize` as well; serde's `rename`, `rename_all`, `default`,
/// `skip` and `flatten` are understood. Generic structs, tuple structs and enums are refused.
///
/// Key columns are integers, `bool`, `char`, `String`, UUIDs, ULIDs, dates and timestamps (the last
/// four by cargo features), and types of yours that implement `s3orm::key::KeyColumn`.
///
/// # Options of the struct
///
/// | option | |
/// |---|---|
/// | `table = "people"` | Required. The table's name: `[a-z][a-z0-9_-]{0,62}`. |
/// | `path = "<town>/<id>"` | Required. How the key is built: [below](#paths). |
/// | `extension = ".json"` | What follows the path. `.json` unless given, also for MessagePack, so that a table can change its body and keep its keys; nothing for raw bodies. |
/// | `body = "json"` | What an object's bytes are when it is written: `json`, `msgpack` (with the cargo feature), [`raw`](#raw-bodies), or the path of a type of yours that implements `s3orm::body::BodyCodec`. Stored rows are read as what they are, so it may be changed at any time. |
/// | `compress = "zstd"` | Objects are compressed when they are written (with the cargo feature `zstd`). `compress(level = 3, above = 1024)` says how much, from 1 to 22, and from how many bytes on. May be changed at any time. |
/// | `encrypt` | Objects are encrypted before they are sent (with the cargo feature `encrypt`), and plain ones refused. `encrypt = "migrating"` reads plain ones, too, until all are written anew. |
/// | `encoding = "escaped"` | How values stand in keys: `escaped`, so that any value is possible, or `verbatim`, as they are, for keys that other programs write. |
/// | `hooks` | The struct's `s3orm::Hooks` are called before writes, after reads and around deletions. |
/// | `validate` | The struct's `garde::Validate` is asked before each write (with the cargo feature `garde`). |
/// | `belongs_to = "Customer"` | The rows belong to rows of another table: [below](#belonging). May be given several times. |
/// | `index(columns(city, age))` | An index over columns of the row: [below](#indexes). May be given several times. |
/// | `unique(columns(row, seat))` | No two rows have the same values: [below](#indexes). May be given several times. |
/// | `version = 2` | The version of the rows, 1 unless given: [below](#versions). |
/// | `previous = "PersonV1"` | The struct of the version before, whose rows are read, too. |
/// | `reversible` | Rows can be written as the version before: until the table is migrated, and where it is to go back. |
/// | `transactional` | The rows can take part in transactions. They carry a stamp in the member `_m` then, and deleted ones leave tombstones until they are vacuumed. JSON bodies only; rows that are there already stay readable. |
/// | `crate = "my_crate::s3orm"` | Where s3orm is, if not at `::s3orm`. |
///
/// # Options of a field
///
/// | option | |
/// |---|---|
/// | `key_only` | The column is in the key and not in the object's bytes. |
/// | `body` | The field is the raw body. |
/// | `generate` | The library fills in an id on insert if the row has none: UUID version 7 in a `Uuid`, a ULID in a `Ulid`. |
/// | `generate = "uuid_v7"` | The same by name: `uuid_v4`, `uuid_v7` or `ulid`. On a `String` it must be named. |
/// | `created_at` | The library fills in the time of the insert. |
/// | `updated_at` | The library fills in the time of each write. |
/// | `encrypt` | The column's values are encrypted before they are sent (with the cargo feature `encrypt`), and plain ones refused. Also in tables with indexes or transactions; in JSON rows alone. `encrypt = "migrating"` reads plain ones, too. |
/// | `index`, `index = "by_city"` | An index over this column, of its name or another: [below](#indexes). |
/// | `unique`, `unique = "by_email"` | No two rows have the same value: [below](#indexes). |
///
/// ```
/// use chrono::{DateTime, NaiveDate, Utc};
/// use s3orm::S3Schema;
/// use serde::{Deserialize, Serialize};
/// use uuid::Uuid;
///
/// #[derive(Serialize, Deserialize, S3Schema)]
/// #[s3(table = "orders", path = "<day>/<id>", extension = "")]
/// struct Order {
///     #[s3(key_only)]
///     day: NaiveDate,
///     #[s3(generate)]
///     id: Uuid,
///     #[s3(generate = "ulid")]
///     ticket: String,
///     #[s3(created_at)]
///     placed_at: DateTime<Utc>,
///     #[s3(updated_at)]
///     changed_at: Option<DateTime<Utc>>,
/// }
/// ```
///
/// # Paths
///
/// A path is literal text and placeholders. `/` separates segments.
///
/// - `<id>` stands for the field `id`, by its name in Rust, as a person writes the value: `42`.
/// - `<id:ordered>` writes it so that listings are in the order of the values: `00…042`.
/// - `<at:desc>` writes it so that listings are in the reverse order, the newest first.
///
/// ```
/// # use s3orm::S3Schema;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize, S3Schema)]
/// #[s3(table = "log", path = "host=<host>/<at:desc>+<no:ordered>")]
/// struct Line {
///     host: String,
///     at: u64,
///     no: u32,
///     text: String,
/// }
/// ```
///
/// A key has one to eight columns, each once. Literal text is visible ASCII without `<`, `>`, `!`,
/// `%` and `\`; no segment is empty, `.` or `..`; the path neither begins nor ends with `/`. Two
/// placeholders of one segment have text between them that begins with a character that no value
/// holds once it is escaped: not a letter, a digit, `-`, `_` or `.`.
///
/// # Versions
///
/// A struct whose rows take on another form gets a `version`, and names the struct of before: rows of
/// both are read, and `migrate` of the table rewrites the old ones. `s3orm::migrate` has the rest.
/// Not for raw bodies; no column can be stored as `_v`, where a row has its version.
///
/// ```
/// # use s3orm::S3Schema;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize, S3Schema)]
/// #[s3(table = "people", path = "<id>")]
/// struct PersonV1 {
///     id: u64,
///     name: String,
/// }
///
/// #[derive(Serialize, Deserialize, S3Schema)]
/// #[s3(table = "people", path = "<id>", version = 2, previous = "PersonV1", reversible)]
/// struct Person {
///     id: u64,
///     names: Vec<String>,
/// }
///
/// impl From<PersonV1> for Person {
///     fn from(old: PersonV1) -> Self {
///         Self { id: old.id, names: old.name.split(' ').map(str::to_owned).collect() }
///     }
/// }
///
/// /// For `reversible` alone.
/// impl From<&Person> for PersonV1 {
///     fn from(new: &Person) -> Self {
///         Self { id: new.id, name: new.names.join(" ") }
///     }
/// }
/// ```
///
/// # Belonging
///
/// With `belongs_to = "Customer"` each row belongs to a row of the table of `Customer`, which is the
/// path of a type. The path begins with the key columns of `Customer`, in their order and with
/// their types; names, forms and the text between may differ. The compiler checks it, and
/// `s3orm::query::relation` tells what it brings: all orders of a customer in one query, a
/// customer with its orders in one call, and the customer of an order.
///
/// ```
/// # use s3orm::S3Schema;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize, S3Schema)]
/// #[s3(table = "customers", path = "<id>")]
/// struct Customer {
///     id: u64,
/// }
///
/// #[derive(Serialize, Deserialize, S3Schema)]
/// #[s3(table = "orders", path = "<customer>/<no:ordered>", belongs_to = "Customer")]
/// struct Order {
///     customer: u64,
///     no: u32,
/// }
///
/// #[derive(Serialize, Deserialize, S3Schema)]
/// #[s3(table = "lines", path = "<customer>/<order>/<no>")]
/// #[s3(belongs_to = "Order", belongs_to = "Customer")]
/// struct Line {
///     customer: u64,
///     order: u32,
///     no: u8,
/// }
/// ```
///
/// # Indexes
///
/// `s3orm::index` tells what an index is, what it costs and what can be relied on. Its columns are
/// of the types that a key may have, or an `Option` of one: a row without the value is not in it.
///
/// ```
/// # use s3orm::S3Schema;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize, S3Schema)]
/// #[s3(table = "people", path = "<id>")]
/// #[s3(index(name = "place", columns(city, age), projection(name)))]
/// #[s3(unique(columns(row, seat)))]
/// struct Person {
///     id: u64,
///     #[s3(unique)]
///     email: String,
///     #[s3(index = "by_club")]
///     club: Option<String>,
///     city: String,
///     age: u32,
///     name: String,
///     row: Option<u8>,
///     seat: Option<u8>,
/// }
///
/// assert_eq!(Person::INDEX.place.schema().columns, ["city", "age"]);
/// assert_eq!(Person::INDEX.by_club.schema().name, "by_club");
/// assert_eq!(Person::UNIQUE.row_seat.schema().name, "row_seat");
/// assert!(Person::UNIQUE.email.schema().unique);
/// ```
///
/// - `columns(…)` names one to eight fields. An index over columns with which the path begins is
///   refused: the key finds such rows already.
/// - `name = "…"` is the name of the index on the bucket and of its handle, `[a-z][a-z0-9_]{0,62}`;
///   those of its columns with `_` between, unless given.
/// - `projection = "all"` or `projection(name)` keeps all or some columns in the entries of the
///   index, for who reads these alone; nothing unless given (`projection = "keys"`).
///
/// The rows of a table with an index are JSON, and their member `_m` is the library's.
///
/// # Raw bodies
///
/// With `body = "raw"` an object's bytes are one field, as they are, and every other field is in
/// the path. The body's type implements `s3orm::RawBody`: `Vec<u8>`, `bytes::Bytes` or `String`.
/// Serde has no part in it.
///
/// ```
/// # use s3orm::S3Schema;
/// #[derive(S3Schema)]
/// #[s3(table = "files", path = "<owner>/<name>", body = "raw", encoding = "verbatim")]
/// struct File {
///     owner: u64,
///     name: String,
///     #[s3(body)]
///     content: Vec<u8>,
/// }
/// ```
///
/// # What is generated
///
/// An implementation of `s3orm::S3Schema` and two structs of handles (up to four with indexes), which are as visible as the
/// struct; nothing else, and no name that your code could meet. For a struct of four columns these
/// are about 160 lines, most of them the constant that describes the table.
///
/// - `Person::KEY.town`: a handle for each key column, which knows its place in the path.
/// - `Person::COL.email`: a handle for each column.
/// - `Person::INDEX.place`, `Person::UNIQUE.email`: a handle for each index.
/// - `Person::SCHEMA`: the table's name, path and columns, with types, defaults and documentation.
/// - `key`, `encode`, `decode` and `prepare`, which the library calls.
/// - For each `belongs_to` an implementation of `s3orm::BelongsTo`, for `transactional` one of
///   `s3orm::Transactional`.
///
/// # Errors
///
/// All mistakes in the options are reported in one compilation, each with what to write instead.
/// Types are checked by traits, so a type alias is as good as the type.
#[proc_macro_derive(S3Schema, attributes(s3))]
pub fn derive_s3_schema(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive(input.into()).into()
}

/// The derive on tokens that need no compiler: what the tests call.
fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::new();
    let options = TableOptions::read(&input.attrs, &mut errors);
    let items = match model::named_fields(&input, &mut errors) {
        Some(fields) => {
            let model = Model::read(&input, fields, &options, &mut errors);
            expand::table(&model, &options, errors.is_empty())
        }
        None => expand::no_table(&input, &options),
    };
    [items, errors.finish()].into_iter().collect()
}

#[cfg(test)]
mod tests;
