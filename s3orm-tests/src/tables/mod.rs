//! What an application does with a table, over any database: one function a fact.
#![allow(
    clippy::assigning_clones,
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    clippy::unused_async,
    clippy::needless_borrows_for_generic_args,
    clippy::unwrap_used,
    reason = "these are tests, called from a test for each store"
)]

use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

mod columns;
mod refused;
mod rows;

pub use columns::*;
pub use refused::*;
pub use rows::*;

/// The row of most cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id>")]
pub struct Person {
    /// The first key column.
    pub city: String,
    /// The second key column.
    pub id: u64,
    /// Something to change.
    pub age: u32,
}

/// Somebody.
pub fn person(id: u64) -> Person {
    Person {
        city: "Oslo".to_owned(),
        id,
        age: 30,
    }
}

/// Calls `$case!` with a store's name and the name of every case.
#[macro_export]
macro_rules! table_cases {
    ($case:ident $store:ident) => {
        $case! { $store:
            insert_creates_and_then_refuses,
            on_conflict_chooses,
            put_replaces_and_returns_the_old_row,
            get_of_an_absent_row_is_none,
            save_needs_the_version_that_was_read,
            save_refuses_a_changed_key,
            update_begins_again_when_somebody_was_faster,
            update_of_an_absent_row_is_an_error,
            update_can_be_refused_by_its_closure,
            patch_changes_single_columns,
            rekey_moves_a_row,
            delete_is_idempotent_unless_it_must_exist,
            delete_returns_what_it_deleted,
            metadata_and_content_type_stay_with_the_row,
            the_librarys_metadata_names_are_reserved,
            generated_ids_and_timestamps,
            columns_that_live_in_the_key_alone,
            raw_bodies_are_the_bytes_themselves,
            a_row_that_does_not_decode_is_an_error,
            a_copied_object_is_noticed,
            rows_over_the_limit_are_refused,
            keys_that_are_too_long_are_refused,
            awkward_values_are_rows_of_their_own,
            encode_and_decode_by_hand,
        }
    };
}
