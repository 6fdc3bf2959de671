//! Harness and suites.

pub mod proxy;
pub mod raw;
pub mod server;
