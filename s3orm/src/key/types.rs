//! Key columns of the standard library and of the optional crates. Their texts are what stands on
//! the bucket: they never change.

mod integer;
mod text;
