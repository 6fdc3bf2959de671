//! Harness and suites.

pub mod conformance;
