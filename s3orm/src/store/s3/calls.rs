//! Each call of [`Store`](crate::store::Store) as one request, and its answer read.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use md5::{Digest as _, Md5};

use super::answer::{bad_answer, error_in_success, error_of, etag, object_meta};
use super::client::S3Store;
use super::documents::{deletion, field, read_buckets, read_deletions, read_page};
use super::request::{Draft, ascii, invalid, push_encoded};
use super::transport::Answer;
use super::xml;
use crate::store::{
    ByteRange, CopyObject, DeleteObject, ETag, GetObject, ListObjects, ListStart, Object,
    ObjectMeta, Page, Precondition, PutObject, StoreError, StoreErrorKind, Written, check_key,
};

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const CHECKSUM_MODE: HeaderName = HeaderName::from_static("x-amz-checksum-mode");
const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
const COPY_SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");
const COPY_IF_MATCH: HeaderName = HeaderName::from_static("x-amz-copy-source-if-match");
const DIRECTIVE: HeaderName = HeaderName::from_static("x-amz-metadata-directive");
/// What one bulk deletion and one page may name.
const MAX_KEYS: usize = 1000;

type Result<T> = std::result::Result<T, StoreError>;

impl S3Store {
    pub(super) async fn get_object(&self, request: GetObject) -> Result<Object> {
        check_key(&request.key)?;
        let mut draft = self
            .to_key(Method::GET, &request.key)
            .customer_key(self.customer_key());
        if let Some(range) = request.range {
            draft = draft.text_header(header::RANGE, &range_text(range)?)?;
        }
        if let Some(etag) = &request.if_match {
            draft = draft.etag_header(header::IF_MATCH, etag)?;
        }
        if let Some(etag) = &request.if_none_match {
            draft = draft.etag_header(header::IF_NONE_MATCH, etag)?;
        }
        draft.max_body = request.max_bytes.unwrap_or(u64::MAX);
        let answer = self.send(draft).await?;
        object(answer, request.range.is_some())
    }

    /// S3 answers `HEAD` without a reason, so a refusal asks again for one byte.
    pub(super) async fn head_object(&self, key: String) -> Result<ObjectMeta> {
        check_key(&key)?;
        match self.send(self.head(&key)).await {
            Ok(answer) => object_meta(&answer),
            Err(error) => reason_of(error, key, |byte| self.get_object(byte)).await,
        }
    }

    /// Asks for the checksum, too, which S3 keeps to itself unless told.
    pub(super) fn head(&self, key: &str) -> Draft {
        const ENABLED: HeaderValue = HeaderValue::from_static("ENABLED");
        self.to_key(Method::HEAD, key)
            .header(CHECKSUM_MODE, ENABLED)
            .customer_key(self.customer_key())
    }

    pub(super) async fn put_object(&self, request: &PutObject) -> Result<Written> {
        let answer = self.send(self.put(request)?).await?;
        Ok(Written {
            etag: etag(&answer)?,
        })
    }

    pub(super) fn put(&self, request: &PutObject) -> Result<Draft> {
        check_key(&request.key)?;
        Ok(self
            .to_key(Method::PUT, &request.key)
            .header(
                header::CONTENT_TYPE,
                content_type(request.content_type.clone())?,
            )
            .content_encoding(request.content_encoding.clone())?
            .precondition(&request.precondition)?
            .metadata(&request.metadata)?
            .headers(&self.extra_headers().upload)
            .encryption(request.encryption.as_ref(), self.customer_key())?
            .checksum(request.checksum)?
            .body(request.body.clone()))
    }

    pub(super) async fn delete_object(&self, request: DeleteObject) -> Result<()> {
        self.send(self.delete(&request)?).await.map(drop)
    }

    pub(super) fn delete(&self, request: &DeleteObject) -> Result<Draft> {
        check_delete(request)?;
        self.to_key(Method::DELETE, &request.key)
            .precondition(&request.precondition)
    }

    pub(super) async fn delete_objects(
        &self,
        requests: Vec<DeleteObject>,
    ) -> Result<Vec<Result<()>>> {
        delete_each(self, requests, |draft| self.send(draft)).await
    }

    fn delete_bulk(&self, document: Bytes) -> Result<Draft> {
        let hash = base64::engine::general_purpose::STANDARD.encode(Md5::digest(&document));
        Ok(self
            .to_bucket(Method::POST)
            .query("delete", "")
            .text_header(CONTENT_MD5, &hash)?
            .body(document))
    }

    pub(super) async fn list_objects(&self, request: ListObjects) -> Result<Page> {
        let limit = page_limit(request.limit)?;
        // In the order of their names, as signatures want them.
        let mut draft = self.to_bucket(Method::GET);
        if let ListStart::Token(token) = &request.start {
            draft = draft.query("continuation-token", token);
        }
        if let Some(delimiter) = request.delimiter {
            draft = draft.query("delimiter", delimiter.encode_utf8(&mut [0; 4]));
        }
        draft = draft.query("encoding-type", "url").query("list-type", "2");
        draft = draft.query("max-keys", &limit.to_string());
        if !request.prefix.is_empty() {
            draft = draft.query("prefix", &request.prefix);
        }
        if let ListStart::After(key) = &request.start {
            draft = draft.query("start-after", key);
        }
        read_page(&self.send(draft).await?)
    }

    pub(super) async fn copy_object(&self, request: CopyObject) -> Result<Written> {
        let answer = self.send(self.copy(request)?).await?;
        self.copied(&answer)
    }

    pub(super) fn copy(&self, request: CopyObject) -> Result<Draft> {
        check_key(&request.key)?;
        check_key(&request.source)?;
        let bucket = request
            .source_bucket
            .as_deref()
            .unwrap_or(self.bucket_name());
        let mut source = format!("/{bucket}/");
        push_encoded(&mut source, &request.source, true);
        let mut draft = self
            .to_key(Method::PUT, &request.key)
            .text_header(COPY_SOURCE, &source)?
            .source_key(self.customer_key())
            .encryption(request.encryption.as_ref(), self.customer_key())?
            .precondition(&request.precondition)?;
        if let Some(etag) = &request.source_if_match {
            draft = draft.etag_header(COPY_IF_MATCH, etag)?;
        }
        // S3 copies what it keeps with the source unless all of that is replaced, and never its rights.
        let upload = self.extra_headers().upload.iter();
        let replaced = request.replace.is_some();
        draft = draft
            .headers(upload.filter(|(name, _)| replaced || name.as_str().starts_with("x-amz-")));
        if let Some(given) = request.replace {
            draft = draft
                .header(DIRECTIVE, HeaderValue::from_static("REPLACE"))
                .header(
                    header::CONTENT_TYPE,
                    content_type(given.content_type.map(Cow::Owned))?,
                )
                .content_encoding(given.content_encoding.map(Cow::Owned))?
                .metadata(&given.metadata)?;
        }
        Ok(draft)
    }

    pub(super) fn copied(&self, answer: &Answer) -> Result<Written> {
        self.written_late(answer, "CopyObjectResult")
    }

    /// By listing one key: unlike `HEAD`, a refusal has a reason.
    pub(super) async fn ask_bucket(&self) -> Result<()> {
        self.list_objects(ListObjects {
            limit: Some(1),
            ..Default::default()
        })
        .await
        .map(drop)
    }

    pub(super) async fn make_bucket(&self) -> Result<()> {
        let mut body = String::new();
        // S3's first region has no name here.
        if self.region() != "us-east-1" {
            body.push_str("<CreateBucketConfiguration>");
            xml::push_element(&mut body, "LocationConstraint", self.region());
            body.push_str("</CreateBucketConfiguration>");
        }
        let draft = self.to_bucket(Method::PUT).body(Bytes::from(body));
        self.send(draft).await.map(drop)
    }

    pub(super) async fn drop_bucket(&self) -> Result<()> {
        self.send(self.to_bucket(Method::DELETE)).await.map(drop)
    }

    pub(super) async fn buckets(&self) -> Result<Vec<String>> {
        let answer = self
            .send_to_service(Draft::to_root(Method::GET, ""))
            .await?;
        read_buckets(&answer)
    }

    pub(super) fn to_key(&self, method: Method, key: &str) -> Draft {
        Draft::to_key(method, self.base(), key)
    }

    pub(super) fn to_bucket(&self, method: Method) -> Draft {
        Draft::to_root(method, self.base())
    }

    /// The entity tag in a body that S3 may have begun before it knew the outcome.
    pub(super) fn written_late(&self, answer: &Answer, root: &str) -> Result<Written> {
        if let Some(error) = error_in_success(answer, self.now()) {
            return Err(error);
        }
        let tag = field(answer, root, "ETag")?;
        let tag = tag.ok_or_else(|| bad_answer(answer, "it has no entity tag"))?;
        Ok(Written {
            etag: ETag::new(&tag),
        })
    }
}

/// Deletes in one request, but for keys that XML cannot hold: those are deleted one by one.
pub(super) async fn delete_each<F>(
    store: &S3Store,
    requests: Vec<DeleteObject>,
    send: impl Fn(Draft) -> F,
) -> Result<Vec<Result<()>>>
where
    F: Future<Output = Result<Answer>>,
{
    if requests.len() > MAX_KEYS {
        let count = requests.len();
        return Err(invalid(format!(
            "{count} keys in one deletion; S3 takes {MAX_KEYS}"
        )));
    }
    requests.iter().try_for_each(check_delete)?;
    let in_bulk = |request: &&DeleteObject| xml::can_hold(&request.key);
    let mut outcomes = if requests.iter().any(|request| in_bulk(&request)) {
        let document = deletion(requests.iter().filter(in_bulk));
        read_deletions(&send(store.delete_bulk(document)?).await?)?
    } else {
        HashMap::new()
    };
    let mut found = Vec::with_capacity(requests.len());
    for request in requests {
        found.push(if xml::can_hold(&request.key) {
            let outcome = outcomes.get_mut(&request.key).and_then(VecDeque::pop_front);
            outcome.unwrap_or_else(|| {
                let message = format!("the answer does not name `{}`", request.key.escape_debug());
                Err(StoreError::new(StoreErrorKind::BadAnswer, message))
            })
        } else {
            send(store.delete(&request)?).await.map(drop)
        });
    }
    Ok(found)
}

/// Asks for one byte to learn what a refused `HEAD` does not say.
pub(super) async fn reason_of<F>(
    error: StoreError,
    key: String,
    get: impl FnOnce(GetObject) -> F,
) -> Result<ObjectMeta>
where
    F: Future<Output = Result<Object>>,
{
    let absent = match error.status() {
        Some(404) => true,
        Some(400 | 403) => false,
        _ => return Err(error),
    };
    let byte = GetObject {
        key,
        range: Some(ByteRange::Span(0, 1)),
        ..Default::default()
    };
    match get(byte).await {
        Err(reason) if reason.kind() != StoreErrorKind::InvalidRange => Err(reason),
        // The object is there by now. The first answer was true when it was given.
        _ if absent => Err(StoreError::new(StoreErrorKind::NotFound, "no such object")),
        _ => Err(error),
    }
}

/// The object in the answer to a read, with or without a range.
pub(super) fn object(answer: Answer, ranged: bool) -> Result<Object> {
    if (answer.status == StatusCode::PARTIAL_CONTENT) != ranged {
        return Err(bad_answer(&answer, "it does not hold the range asked for"));
    }
    Ok(Object {
        meta: object_meta(&answer)?,
        body: answer.body,
    })
}

pub(super) fn page_limit(asked: Option<u16>) -> Result<u16> {
    let limit = asked.unwrap_or(1000);
    if (1..=1000).contains(&limit) {
        Ok(limit)
    } else {
        Err(invalid(format!(
            "a page of {limit} entries; S3 takes 1 to {MAX_KEYS}"
        )))
    }
}

fn check_delete(request: &DeleteObject) -> Result<()> {
    if request.precondition == Precondition::IfAbsent {
        return Err(invalid(
            "a deletion cannot ask for the object to be absent".to_owned(),
        ));
    }
    check_key(&request.key)
}

pub(super) fn content_type(given: Option<Cow<'static, str>>) -> Result<HeaderValue> {
    let value = match given {
        None => return Ok(OCTETS),
        Some(Cow::Borrowed(text)) => {
            HeaderValue::from_maybe_shared(Bytes::from_static(text.as_bytes()))
        }
        Some(Cow::Owned(text)) => HeaderValue::from_maybe_shared(Bytes::from(text)),
    };
    ascii(value).ok_or_else(|| invalid("the content type is not visible ASCII".to_owned()))
}

pub(super) fn range_text(range: ByteRange) -> Result<String> {
    // Servers read offsets as signed numbers; no object has a byte that is further.
    const FURTHEST: u64 = i64::MAX as u64;
    match range {
        ByteRange::From(start) if start <= FURTHEST => Ok(format!("bytes={start}-")),
        ByteRange::Span(start, end) if start < end && start <= FURTHEST => {
            Ok(format!("bytes={start}-{}", FURTHEST.min(end - 1)))
        }
        ByteRange::Last(count) if count > 0 => Ok(format!("bytes=-{}", FURTHEST.min(count))),
        _ => Err(StoreError::new(
            StoreErrorKind::InvalidRange,
            "the range asked for holds no byte",
        )),
    }
}

/// Whether an answer is a success; its error otherwise.
pub(super) fn check(answer: Answer, now: std::time::SystemTime) -> Result<Answer> {
    if answer.status.is_success() {
        Ok(answer)
    } else {
        Err(error_of(&answer, now))
    }
}
