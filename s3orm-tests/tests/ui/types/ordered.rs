use s3orm::S3Schema;
use s3orm::key::{ColumnError, KeyColumn};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Name(String);

impl KeyColumn for Name {
    fn write(&self, out: &mut String) -> Result<(), ColumnError> {
        out.push_str(&self.0);
        Ok(())
    }

    fn parse(text: &str) -> Result<Self, ColumnError> {
        Ok(Self(text.to_owned()))
    }
}

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<name:ordered>")]
struct Person {
    name: Name,
}

fn main() {}
