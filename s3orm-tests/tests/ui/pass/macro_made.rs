//! A table made by a macro, with its texts handed in.
#![deny(warnings)]

use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

macro_rules! table {
    ($name:ident, $table:literal, $path:literal, $column:ident: $type:ty) => {
        #[derive(Serialize, Deserialize, S3Schema)]
        #[s3(table = $table, path = $path)]
        struct $name {
            $column: $type,
        }
    };
}

table!(Person, "people", "<id>", id: u64);

fn main() {
    assert_eq!(Person { id: 7 }.key(), (7,));
    assert_eq!(Person::SCHEMA.columns[0].rust_type, "u64");
}
