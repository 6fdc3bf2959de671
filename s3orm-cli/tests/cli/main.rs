//! The real binary, run as a user runs it, against a server of S3 over HTTP.

mod bench;
mod blobs;
mod described;
#[expect(unreachable_pub, reason = "it is as it is printed")]
mod generated;
mod habits;
mod manual;
mod rows;
mod served;
mod terminal;
mod transfer;
