//! Signed requests written out by hand: what tests of the server send, so that no client's habits
//! stand between them and the wire.
#![allow(clippy::disallowed_methods)] // Signatures carry the time of day.

use std::net::SocketAddr;
use std::time::SystemTime;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;

use crate::server::{ACCESS_KEY, SECRET_KEY};

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value; empty if it is missing.
    pub fn header(&self, name: &str) -> String {
        let value = self.headers.get(name).map(|v| v.as_bytes());
        String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
    }
}

/// Sends `METHOD /path?query` to a server, signed with the credentials of the test servers. The
/// target goes as it is; its query must be in the order of SigV4.
///
/// # Errors
/// If the connection breaks before the answer's end.
pub async fn send(
    address: SocketAddr,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> anyhow::Result<Answer> {
    let body = body.into();
    let (method, uri) = target.split_once(' ').expect("`METHOD /path`");
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Full::new(body.clone()))?;
    sign(
        &mut request,
        &address.to_string(),
        &hex(&Sha256::digest(&body)),
    );
    exchange(address, request).await
}

/// Sends a request as it is, on its own connection.
///
/// # Errors
/// If the connection breaks before the answer's end.
pub async fn exchange(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<Answer> {
    let stream = TokioIo::new(TcpStream::connect(address).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let (head, body) = Response::into_parts(sender.send_request(request).await?);
    let body = body.collect().await?.to_bytes();
    connection.abort();
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    })
}

/// Signs all headers of a request by SigV4; `payload` is the value of `x-amz-content-sha256`.
///
/// # Panics
/// If a header is not visible ASCII.
pub fn sign<B>(request: &mut Request<B>, host: &str, payload: &str) {
    let date = amz_date(SystemTime::now());
    for (name, value) in [
        ("host", host),
        ("x-amz-date", &date),
        ("x-amz-content-sha256", payload),
    ] {
        let value = value.parse().expect("visible ASCII");
        request.headers_mut().insert(name, value);
    }
    let mut signed: Vec<(&str, &str)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("visible ASCII")))
        .collect();
    signed.sort_unstable();
    let names: Vec<_> = signed.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines: String = signed
        .iter()
        .map(|(name, value)| {
            let value: Vec<_> = value.split(' ').filter(|word| !word.is_empty()).collect();
            format!("{name}:{}\n", value.join(" "))
        })
        .collect();
    let query: Vec<_> = request
        .uri()
        .query()
        .unwrap_or_default()
        .split('&')
        .collect();
    let query: Vec<_> = query
        .iter()
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| match parameter.contains('=') {
            true => (*parameter).to_owned(),
            false => format!("{parameter}="),
        })
        .collect();
    let canonical = format!(
        "{}\n{}\n{}\n{lines}\n{names}\n{payload}",
        request.method(),
        request.uri().path(),
        query.join("&"),
    );
    let day = &date[..8];
    let scope = format!("{day}/us-east-1/s3/aws4_request");
    let digest = hex(&Sha256::digest(&canonical));
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}");
    let key = [day, "us-east-1", "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, part| {
            mac(&key, part)
        });
    let signature = hex(&mac(&key, &to_sign));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, \
         Signature={signature}"
    );
    let authorization = authorization.parse().expect("visible ASCII");
    request.headers_mut().insert("authorization", authorization);
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `20261121T031500Z`.
fn amz_date(time: SystemTime) -> String {
    let time: chrono::DateTime<chrono::Utc> = time.into();
    time.format("%Y%m%dT%H%M%SZ").to_string()
}
