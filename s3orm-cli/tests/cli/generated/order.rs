use s3orm::S3Schema;
use serde::{Deserialize, Serialize};

/// A row of `orders`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "orders", path = "day=<day>/<id>")]
pub struct Order {
    pub day: chrono::NaiveDate,
    pub id: uuid::Uuid,
    pub total: f64,
    pub lines: Vec<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    // Of the type `Address` in the program that described it.
    #[serde(rename = "shipTo", default, skip_serializing_if = "Option::is_none")]
    pub ship_to: Option<serde_json::Value>,
    pub r#type: i64,
}
