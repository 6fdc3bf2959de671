//! Marks of fields that the format has no use for.
use s3orm::S3Schema;
use s3orm::body::{BodyCodec, BodyError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

struct Own;

impl BodyCodec for Own {
    const CONTENT_TYPE: &'static str = "text/plain";

    fn encode<T: Serialize>(_: &T) -> Result<Vec<u8>, BodyError> {
        Ok(Vec::new())
    }

    fn decode<T: DeserializeOwned>(_: &[u8]) -> Result<T, BodyError> {
        Err(BodyError::new("never"))
    }
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "a", path = "<id>", body = "Own")]
struct KeyOnly {
    #[s3(key_only)]
    id: u64,
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "b", path = "<id>", body = "msgpack")]
struct Marked {
    id: u64,
    #[s3(body)]
    text: String,
}

fn main() {}
