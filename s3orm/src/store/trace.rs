//! A layer that tells of every request: to `tracing`, and one line each to standard error.
//!
//! It tells of the method, the key, the status, the bytes and the time; never of headers, queries
//! or bodies. While nobody listens a call costs one comparison.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    ListParts, ListUploads, Object, ObjectMeta, Page, PartsPage, Presign, PresignedUrl, PutObject,
    Store, StoreError, StoreFuture, Survey, UploadPart, UploadsPage, Written,
};
use crate::env::Env;

/// A store whose requests are told of.
#[derive(Debug, Clone)]
pub struct TraceStore {
    inner: Arc<dyn Store>,
    env: Env,
    verbose: bool,
}

/// One call, as it is told of.
#[derive(Debug)]
struct Call {
    method: &'static str,
    subject: String,
    /// Of a success: S3 has one status for each call.
    status: u16,
    bytes: Option<usize>,
}

impl Call {
    fn new(method: &'static str, subject: &str) -> Self {
        Self {
            method,
            subject: subject.to_owned(),
            status: 200,
            bytes: None,
        }
    }

    fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn bytes(self, bytes: usize) -> Self {
        Self {
            bytes: Some(bytes),
            ..self
        }
    }

    /// `s3orm: PUT people/1.json 58 B -> 200 in 1.2 ms`, and the end of the line.
    fn line(&self, failure: Option<&StoreError>, took: Duration) -> String {
        let mut line = format!("s3orm: {} {}", self.method, self.subject.escape_debug());
        // A string takes everything that is written to it.
        if let Some(bytes) = self.bytes {
            let _ = write!(line, " {bytes} B");
        }
        let _ = match failure {
            None => write!(line, " -> {}", self.status),
            Some(failure) => write!(line, " -> {failure}"),
        };
        let _ = writeln!(line, " in {:.1} ms", took.as_secs_f64() * 1e3);
        line
    }
}

impl TraceStore {
    /// Tells of `inner`'s requests as `tracing` events (level `DEBUG`, target `s3orm`), and if
    /// `verbose` as lines on standard error.
    pub fn new(inner: Arc<dyn Store>, env: Env, verbose: bool) -> Self {
        Self {
            inner,
            env,
            verbose,
        }
    }

    /// The call to tell of, if anybody listens.
    fn heard(&self, call: impl FnOnce() -> Call) -> Option<Call> {
        let heard = self.verbose || tracing::enabled!(target: "s3orm", tracing::Level::DEBUG);
        heard.then(call)
    }

    /// Waits for the answer and tells of it. `bytes` are those of the answer, where it has some.
    fn told<'a, T: Send + 'a>(
        &'a self,
        call: Option<Call>,
        answer: StoreFuture<'a, T>,
        bytes: fn(&T) -> Option<usize>,
    ) -> StoreFuture<'a, T> {
        let Some(mut call) = call else { return answer };
        Box::pin(async move {
            let start = self.env.instant();
            let outcome = answer.await;
            let took = self.env.instant().duration_since(start);
            call.bytes = outcome.as_ref().ok().and_then(bytes).or(call.bytes);
            self.tell(&call, outcome.as_ref().err(), took);
            outcome
        })
    }

    fn tell(&self, call: &Call, failure: Option<&StoreError>, took: Duration) {
        let status = failure.map_or(Some(call.status), StoreError::status);
        tracing::debug!(
            target: "s3orm",
            method = call.method,
            key = %call.subject.escape_debug(),
            status,
            bytes = call.bytes,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            error = failure.map(tracing::field::display),
            "request"
        );
        if self.verbose {
            // Standard error may be closed; the request was made all the same.
            let _ = std::io::stderr().write_all(call.line(failure, took).as_bytes());
        }
    }
}

fn no_bytes<T>(_: &T) -> Option<usize> {
    None
}

impl Store for TraceStore {
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object> {
        let status = if request.range.is_some() { 206 } else { 200 };
        let call = self.heard(|| Call::new("GET", &request.key).status(status));
        self.told(call, self.inner.get(request), |object| {
            Some(object.body.len())
        })
    }

    fn head(&self, key: &str) -> StoreFuture<'_, ObjectMeta> {
        let call = self.heard(|| Call::new("HEAD", key));
        self.told(call, self.inner.head(key), no_bytes)
    }

    fn put<'a>(&'a self, request: &'a PutObject) -> StoreFuture<'a, Written> {
        let call = self.heard(|| Call::new("PUT", &request.key).bytes(request.body.len()));
        self.told(call, self.inner.put(request), no_bytes)
    }

    fn delete(&self, request: DeleteObject) -> StoreFuture<'_, ()> {
        let call = self.heard(|| Call::new("DELETE", &request.key).status(204));
        self.told(call, self.inner.delete(request), no_bytes)
    }

    fn delete_many(
        &self,
        requests: Vec<DeleteObject>,
    ) -> StoreFuture<'_, Vec<Result<(), StoreError>>> {
        let call = self.heard(|| Call::new("POST", &format!("({} deletions)", requests.len())));
        self.told(call, self.inner.delete_many(requests), no_bytes)
    }

    fn list(&self, request: ListObjects) -> StoreFuture<'_, Page> {
        let call = self.heard(|| Call::new("LIST", &request.prefix));
        self.told(call, self.inner.list(request), no_bytes)
    }

    fn copy(&self, request: CopyObject) -> StoreFuture<'_, Written> {
        let call = self.heard(|| Call::new("COPY", &request.key));
        self.told(call, self.inner.copy(request), no_bytes)
    }

    fn create_upload(&self, request: CreateUpload) -> StoreFuture<'_, String> {
        let call = self.heard(|| Call::new("POST", &request.key));
        self.told(call, self.inner.create_upload(request), no_bytes)
    }

    fn upload_part(&self, request: UploadPart) -> StoreFuture<'_, ETag> {
        let call = self.heard(|| Call::new("PUT", &request.key).bytes(request.body.len()));
        self.told(call, self.inner.upload_part(request), no_bytes)
    }

    fn complete_upload(&self, request: CompleteUpload) -> StoreFuture<'_, Written> {
        let call = self.heard(|| Call::new("POST", &request.key));
        self.told(call, self.inner.complete_upload(request), no_bytes)
    }

    fn abort_upload(&self, key: &str, upload_id: &str) -> StoreFuture<'_, ()> {
        let call = self.heard(|| Call::new("DELETE", key).status(204));
        self.told(call, self.inner.abort_upload(key, upload_id), no_bytes)
    }

    fn list_uploads(&self, request: ListUploads) -> StoreFuture<'_, UploadsPage> {
        let call = self.heard(|| Call::new("LIST", &format!("(uploads) {}", request.prefix)));
        self.told(call, self.inner.list_uploads(request), no_bytes)
    }

    fn list_parts(&self, request: ListParts) -> StoreFuture<'_, PartsPage> {
        let call = self.heard(|| Call::new("LIST", &format!("(parts) {}", request.key)));
        self.told(call, self.inner.list_parts(request), no_bytes)
    }

    /// No request, so nothing is told.
    fn presign(&self, request: Presign) -> StoreFuture<'_, PresignedUrl> {
        self.inner.presign(request)
    }

    fn service(&self) -> String {
        self.inner.service()
    }

    fn survey<'a>(&'a self, scratch: &'a str) -> StoreFuture<'a, Survey> {
        let call = self.heard(|| Call::new("GET", "(settings)"));
        self.told(call, self.inner.survey(scratch), no_bytes)
    }

    fn bucket(&self) -> &str {
        self.inner.bucket()
    }

    fn with_bucket(&self, bucket: &str) -> Result<Arc<dyn Store>, StoreError> {
        let inner = self.inner.with_bucket(bucket)?;
        Ok(Arc::new(Self {
            inner,
            env: self.env.clone(),
            verbose: self.verbose,
        }))
    }

    fn head_bucket(&self) -> StoreFuture<'_, ()> {
        let call = self.heard(|| Call::new("HEAD", "(bucket)"));
        self.told(call, self.inner.head_bucket(), no_bytes)
    }

    fn create_bucket(&self) -> StoreFuture<'_, ()> {
        let call = self.heard(|| Call::new("PUT", "(bucket)"));
        self.told(call, self.inner.create_bucket(), no_bytes)
    }

    fn delete_bucket(&self) -> StoreFuture<'_, ()> {
        let call = self.heard(|| Call::new("DELETE", "(bucket)").status(204));
        self.told(call, self.inner.delete_bucket(), no_bytes)
    }

    fn list_buckets(&self) -> StoreFuture<'_, Vec<String>> {
        let call = self.heard(|| Call::new("LIST", "(buckets)"));
        self.told(call, self.inner.list_buckets(), no_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreErrorKind;

    #[test]
    fn a_line_tells_what_happened_and_stays_one() {
        let took = Duration::from_micros(1234);
        let put = Call::new("PUT", "people/1.json").bytes(58);
        assert_eq!(
            put.line(None, took),
            "s3orm: PUT people/1.json 58 B -> 200 in 1.2 ms\n"
        );
        let error = StoreError::new(StoreErrorKind::PreconditionFailed, "it is there")
            .with_status(412, Some("PreconditionFailed".to_owned()));
        let line = Call::new("PUT", "a\nb").line(Some(&error), took);
        assert_eq!(
            line,
            "s3orm: PUT a\\nb -> it is there (412 PreconditionFailed) in 1.2 ms\n"
        );
    }
}
