//! Signed requests written out by hand: what tests of the server send, so that no client's habits
//! stand between them and the wire.
#![allow(clippy::disallowed_methods)] // Signatures carry the time of day.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::SystemTime;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::server::{ACCESS_KEY, SECRET_KEY};

/// The `x-amz-content-sha256` of a body that is not signed.
pub const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

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
        let value = self.headers.get(name).map(HeaderValue::as_bytes);
        String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
    }
}

/// Sends `METHOD /path?query` to a server, signed with the credentials of the test servers. The
/// target goes as it is, so its query must be in the order of signatures.
///
/// # Errors
/// If the connection breaks before the answer's end.
///
/// # Panics
/// If the target is not `METHOD /path`, or a header is not visible ASCII.
pub async fn send(
    address: SocketAddr,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> anyhow::Result<Answer> {
    let body = body.into();
    let mut request = request(target, headers, Full::new(body.clone()))?;
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

/// Sends the head of a signed request, on a connection of its own: for tests that want each byte of
/// what follows in their hands. The body, if any, is not signed.
///
/// # Errors
/// If there is no connection.
///
/// # Panics
/// If the target is not `METHOD /path`, or a header is not visible ASCII.
pub async fn open(
    address: SocketAddr,
    target: &str,
    headers: &[(&str, &str)],
) -> anyhow::Result<TcpStream> {
    let mut request = request(target, headers, ())?;
    sign(&mut request, &address.to_string(), UNSIGNED);
    let mut head = format!("{target} HTTP/1.1\r\n");
    for (name, value) in request.headers() {
        write!(head, "{name}: {}\r\n", value.to_str()?)?;
    }
    head += "\r\n";
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}

fn request<B>(target: &str, headers: &[(&str, &str)], body: B) -> anyhow::Result<Request<B>> {
    let (method, uri) = target.split_once(' ').expect("`METHOD /path`");
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.body(body)?)
}

/// Signs all headers of a request by Signature Version 4; `payload` is the value of
/// `x-amz-content-sha256`.
///
/// # Panics
/// If a header is not visible ASCII.
pub fn sign<B>(request: &mut Request<B>, host: &str, payload: &str) {
    let date = amz_date(SystemTime::now());
    let headers = request.headers_mut();
    for (name, value) in [
        ("host", host),
        ("x-amz-date", &date),
        ("x-amz-content-sha256", payload),
    ] {
        headers.insert(name, value.parse().expect("visible ASCII"));
    }
    let day = &date[..8];
    let scope = format!("{day}/us-east-1/s3/aws4_request");
    let (canonical, names) = canonical(request, payload);
    let digest = hex(&Sha256::digest(&canonical));
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}");
    let first = format!("AWS4{SECRET_KEY}").into_bytes();
    let key = [day, "us-east-1", "s3", "aws4_request"]
        .iter()
        .fold(first, |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &to_sign));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, \
         Signature={signature}"
    );
    let authorization = authorization.parse().expect("visible ASCII");
    request.headers_mut().insert("authorization", authorization);
}

/// The canonical request, and the names of the headers in it.
fn canonical<B>(request: &Request<B>, payload: &str) -> (String, String) {
    let mut headers: Vec<(&str, &str)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("visible ASCII")))
        .collect();
    headers.sort_unstable();
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let query = request.uri().query().unwrap_or_default();
    let query: Vec<_> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            format!("{name}={value}")
        })
        .collect();
    let (method, path) = (request.method(), request.uri().path());
    let mut text = format!("{method}\n{path}\n{}\n", query.join("&"));
    for (name, value) in headers {
        let words: Vec<_> = value.split(' ').filter(|word| !word.is_empty()).collect();
        text += &[name, ":", &words.join(" "), "\n"].concat();
    }
    text += &["\n", &names, "\n", payload].concat();
    (text, names)
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// `20261121T031500Z`.
fn amz_date(time: SystemTime) -> String {
    let time: chrono::DateTime<chrono::Utc> = time.into();
    time.format("%Y%m%dT%H%M%SZ").to_string()
}
