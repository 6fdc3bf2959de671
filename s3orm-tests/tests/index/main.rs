//! Indexes over HTTP: what is on the bucket, what each operation costs, and that no answer is wrong.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // A test may.

mod build;
mod crashes;
mod fixture;
mod plain;
mod query;
mod races;
mod transactions;
mod unique;
