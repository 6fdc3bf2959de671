//! What surrounds a table, from its declaration: permissions, rules of the bucket, and definitions
//! for query engines. Nothing here makes a request; each gives a text to look at and to apply.
//!
//! ```
//! use s3orm::infra::Verb;
//! use s3orm::{Db, S3Schema};
//!
//! #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
//! #[s3(table = "people", path = "<city>/<id>")]
//! struct Person {
//!     city: String,
//!     id: u64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
//! let db = Db::connect("s3://bucket/app?region=eu-north-1").await?;
//! let people = db.table::<Person>();
//! println!("{:#}", people.iam_policy([Verb::Read, Verb::List]));
//! println!("{:#}", db.lifecycle().abort_uploads_after(7)?.expire_after::<Person>(30)?.to_json());
//! println!("{}", people.duckdb()?);
//! println!("{}", people.athena()?.join(";\n\n"));
//! # Ok(()) }
//! ```
//!
//! | text | apply it with |
//! |---|---|
//! | [`Table::iam_policy`](crate::Table::iam_policy) | `aws iam put-role-policy` |
//! | [`Table::conditional_writes_policy`](crate::Table::conditional_writes_policy) | `aws s3api put-bucket-policy` |
//! | [`Db::lifecycle`](crate::Db::lifecycle) | `aws s3api put-bucket-lifecycle-configuration` |
//! | [`Table::duckdb`](crate::Table::duckdb) | DuckDB |
//! | [`Table::athena`](crate::Table::athena) | Athena, one statement after the other |
//!
//! The two of `s3api` replace what the bucket has: put other statements and rules of yours beside
//! these. ARNs are those of the partition `aws`: write `aws-cn` or `aws-us-gov` where that is yours.

mod bucket_policy;
mod iam;
mod kind;
mod lifecycle;
mod sql;

pub use iam::Verb;
pub use lifecycle::Lifecycle;

/// The text of a key as it stands in a policy, whose wildcards mean themselves there.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '*' | '?' | '$' => out.extend(["${", char.encode_utf8(&mut [0; 4]), "}"]),
            other => out.push(other),
        }
    }
    out
}

/// The ARN of a bucket.
fn bucket_arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}
