//! Between rusoto and this crate's connections: its requests go out over them, and its view of an
//! answer is left aside.
//!
//! rusoto tells a failed request by an error that keeps neither status nor code of most answers,
//! and reads XML leniently. So the answer, or why there is none, is kept here for the call to read
//! as the default client does; rusoto sees a success without a body, or a failure without a reason.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use rusoto_core::request::{DispatchSignedRequestFuture, HttpResponse};
use rusoto_core::signature::{SignedRequest, SignedRequestPayload};
use rusoto_core::{ByteStream, Client, DispatchSignedRequest, HttpDispatchError};
use rusoto_credential::{AwsCredentials, CredentialsError, ProvideAwsCredentials};

use super::super::S3Store;
use super::super::request::invalid;
use super::super::transport::Answer;
use crate::store::StoreError;

/// What became of the one request of a call.
#[derive(Clone, Default)]
pub(super) struct Outcome(Arc<Mutex<Option<Result<Answer, StoreError>>>>);

impl Outcome {
    /// Nothing, if rusoto made no request.
    pub(super) fn take(&self) -> Option<Result<Answer, StoreError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, outcome: Result<Answer, StoreError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }
}

/// A client for one call, whose outcome it keeps. A successful answer may have `max_body` bytes.
pub(super) fn client(store: &S3Store, max_body: u64) -> (Client, Outcome) {
    let outcome = Outcome::default();
    let dispatcher = Dispatcher {
        store: store.clone(),
        max_body,
        outcome: outcome.clone(),
    };
    let provider = Provider {
        store: store.clone(),
        outcome: outcome.clone(),
    };
    (Client::new_with(provider, dispatcher), outcome)
}

struct Dispatcher {
    store: S3Store,
    max_body: u64,
    outcome: Outcome,
}

impl DispatchSignedRequest for Dispatcher {
    /// rusoto gives no timeout; the connections have theirs.
    fn dispatch(
        &self,
        request: SignedRequest,
        _timeout: Option<Duration>,
    ) -> DispatchSignedRequestFuture {
        let (store, max_body) = (self.store.clone(), self.max_body);
        let outcome = self.outcome.clone();
        Box::pin(async move {
            let answer = match plain(request) {
                Ok(request) => store.send_signed(request, max_body).await,
                Err(error) => Err(error),
            };
            let seen = match &answer {
                Ok(answer) => seen(answer),
                Err(_) => None,
            };
            outcome.keep(answer);
            seen.ok_or_else(|| HttpDispatchError::new("see the kept outcome".to_owned()))
        })
    }
}

/// The request as rusoto signed it, byte for byte.
fn plain(request: SignedRequest) -> Result<Request<Full<Bytes>>, StoreError> {
    let unsendable = || invalid("rusoto made a request that is not HTTP".to_owned());
    let mut target = request.canonical_uri;
    if !request.canonical_query_string.is_empty() {
        target.push('?');
        target.push_str(&request.canonical_query_string);
    }
    let body = match request.payload {
        None => Bytes::new(),
        Some(SignedRequestPayload::Buffer(body)) => body,
        // Its hash would be missing from the signature.
        Some(SignedRequestPayload::Stream(_)) => return Err(unsendable()),
    };
    let mut plain = Request::new(Full::new(body));
    *plain.method_mut() =
        Method::from_bytes(request.method.as_bytes()).map_err(|_| unsendable())?;
    *plain.uri_mut() = target.parse().map_err(|_| unsendable())?;
    for (name, values) in request.headers {
        let name = HeaderName::try_from(name).map_err(|_| unsendable())?;
        for value in values {
            let value = HeaderValue::try_from(value).map_err(|_| unsendable())?;
            plain.headers_mut().append(name.clone(), value);
        }
    }
    Ok(plain)
}

/// What rusoto gets to see of a success.
fn seen(answer: &Answer) -> Option<HttpResponse> {
    let mut headers = Vec::with_capacity(answer.headers.len());
    for (name, value) in &answer.headers {
        headers.push((name.as_str().parse().ok()?, value.to_str().ok()?.to_owned()));
    }
    Some(HttpResponse {
        status: answer.status.as_u16().try_into().ok()?,
        headers: headers.into_iter().collect(),
        body: ByteStream::from(Vec::new()),
    })
}

/// This crate's credentials for rusoto to sign with.
struct Provider {
    store: S3Store,
    outcome: Outcome,
}

#[async_trait::async_trait]
impl ProvideAwsCredentials for Provider {
    async fn credentials(&self) -> Result<AwsCredentials, CredentialsError> {
        match self.store.credentials().await {
            // Without a key rusoto does not sign.
            Ok(None) => Ok(AwsCredentials::default()),
            Ok(Some(credentials)) => Ok(AwsCredentials::new(
                credentials.access_key.as_str(),
                credentials.secret_key.expose(),
                (credentials.session_token.as_ref()).map(|token| token.expose().to_owned()),
                None,
            )),
            Err(error) => {
                self.outcome.keep(Err(error));
                Err(CredentialsError::new("see the kept outcome"))
            }
        }
    }
}
