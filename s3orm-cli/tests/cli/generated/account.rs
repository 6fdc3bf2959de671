use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

/// A row of `accounts`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "accounts", path = "<id>")]
#[s3(index(name = "city", columns(city)))]
#[s3(unique(name = "email", columns(email)))]
pub struct Account {
    pub id: u64,
    pub email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
}
