//! What the tests share: a server that remembers, a proxy that breaks answers, suites over any
//! store and any database.

pub mod conformance;
pub mod connect;
pub mod cuts;
pub mod flights;
pub mod history;
pub mod kills;
pub mod load;
pub mod migrated;
pub mod odd;
pub mod process;
pub mod proxy;
pub mod raw;
pub mod server;
pub mod sim;
pub mod tables;
pub mod tls;
