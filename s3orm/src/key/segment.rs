//! The escape that keeps a value inside its segment.
