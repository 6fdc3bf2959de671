//! Whether the checker of histories sees what is wrong, names it, and sees nothing where all is right.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // Tests panic, and tell figures.

mod known;
mod long;
mod wgl;

use s3orm_tests::history::{Operation, Version};

/// A version by a small number.
const fn v(number: u128) -> Version {
    Version(number)
}

/// An operation between two moments, named by them.
fn op(invoked: u64, responded: u64) -> Operation {
    Operation::new(format!("{invoked} to {responded}"), invoked, responded)
}
