//! The bucket policy that lets no program write a row blindly.

use serde_json::{Value, json};

use super::{bucket_arn, literal};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::S3Schema;
use crate::table::Table;

impl<T: S3Schema> Table<T> {
    /// The bucket policy that refuses every write of this table's rows without `If-Match` or
    /// `If-None-Match`, whoever sends it: a tool that would have written over a row gets a 403. No
    /// request.
    ///
    /// This library's writes of such a table are all conditional. Copies into the table are refused by
    /// S3 then, and parts of uploads are not meant by it. It is about AWS; of other stores, ask
    /// whether they know the condition keys `s3:if-match` and `s3:if-none-match`. It does not speak of
    /// deletions: grant [`Verb::Maintain`](super::Verb::Maintain) sparingly.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported): the table has neither indexes nor transactions. Its
    /// `put` is unconditional, and would be refused.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "accounts", path = "<id>", transactional)]
    /// # struct Account { id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// let accounts = Db::connect("s3://bucket/app?region=eu-north-1").await?.table::<Account>();
    /// let policy = accounts.conditional_writes_policy()?;
    /// assert_eq!(policy["Statement"][0]["Effect"], "Deny");
    /// # Ok(()) }
    /// ```
    pub fn conditional_writes_policy(&self) -> Result<Value> {
        if !T::SCHEMA.is_stamped() {
            let detail =
                "writes of this table are not all conditional: `put` replaces what is there";
            return Err(Error::new(ErrorKind::Unsupported, detail)
                .with_help("the policy is for tables that are `transactional` or have an index")
                .during("conditional_writes_policy", T::SCHEMA.table));
        }
        let bucket = bucket_arn(self.db().store().bucket());
        Ok(json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:PutObject"],
                "Resource": [format!("{bucket}/{}*", literal(self.folder()))],
                "Condition": {
                    "Null": {"s3:if-match": "true", "s3:if-none-match": "true"},
                    "Bool": {"s3:ObjectCreationOperation": "true"},
                },
            }],
        }))
    }
}
