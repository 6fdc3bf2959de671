use s3orm::S3Schema;

/// A row of `photos`, as 0 rows show it.
#[derive(Debug, Clone, PartialEq, S3Schema)]
#[s3(
    table = "photos",
    path = "<year>/<name>",
    encoding = "verbatim",
    body = "raw"
)]
pub struct Photo {
    pub year: u16,
    pub name: String,
    #[s3(body)]
    pub body: Vec<u8>,
}
