//! Harness and suites.

pub mod flights;
pub mod proxy;
pub mod raw;
pub mod server;
