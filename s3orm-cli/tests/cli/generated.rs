//! What `s3orm generate` prints, as it is.

mod account;
mod order;
mod person;
mod photo;

pub(crate) use account::Account;
pub(crate) use order::Order;
pub(crate) use person::Person;
pub(crate) use photo::Photo;
