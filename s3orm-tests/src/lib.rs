//! Harness and suites.

pub mod conformance;
pub mod proxy;
pub mod raw;
pub mod server;
