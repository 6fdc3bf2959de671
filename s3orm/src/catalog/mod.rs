//! What is on the bucket of tables: their schema objects.
//!
//! `<prefix>/_s3orm/schema/<table>.json` describes a table: its path, body format and columns, the
//! version of its rows, and its indexes with their states. There is one object a table, one reader
//! and one writer (`object.rs`), which writes by compare-and-swap.
//!
//! | who | reads it | writes it |
//! |---|---|---|
//! | [`Table::create`](crate::Table::create) | each time | where the program adds to it |
//! | [`Table::schema`](crate::Table::schema), [`check`](crate::Table::check) | each time | never |
//! | writes of a table with indexes, or of a version above 1 | every 30 seconds | the first of all, or with a new index |
//! | an index that is built or dropped ([`index`](crate::index)) | each time | its state |
//! | [`migrate`](crate::Table::migrate) | each time | the version |
//! | a plain table | never | never |

pub(crate) mod object;
pub(crate) mod table;
mod version;

pub(crate) use object::Leases;
