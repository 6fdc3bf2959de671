//! Key columns of the standard library and of the optional crates.
