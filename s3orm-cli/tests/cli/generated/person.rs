use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

/// A row of `people`, as 2 rows show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<city>/<id>")]
pub struct Person {
    pub city: String,
    pub id: u64,
    pub name: String,
    #[serde(rename = "firstSeen")]
    pub first_seen: String,
    pub score: f64,
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip: Option<bool>,
    pub more: serde_json::Value,
    #[serde(rename = "self", default, skip_serializing_if = "Option::is_none")]
    pub self_: Option<u64>,
}
