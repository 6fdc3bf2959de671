//! The measure: a signed request as one would write it by hand over `hyper`, and nothing else.
//!
//! It does what cannot be left out (the payload's hash, a canonical request, a signature with a key
//! derived once) and leaves out everything a library adds: encoding of keys, conditions, checks of
//! the answer beyond its status, timeouts, errors to act on.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest as _, Sha256};

use crate::clients::{ACCESS_KEY, BUCKET, Client, REGION, Row, SECRET_KEY, TABLE};

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub struct Bare {
    http: Http<HttpConnector, Full<Bytes>>,
    host: String,
    host_header: HeaderValue,
    endpoint: String,
    /// Of the one object that is put, read and deleted.
    object: Target,
    body: Bytes,
    day: Mutex<Arc<Day>>,
}

/// What a request is for. The path and the query are encoded, the query's names in order.
struct Target {
    uri: Uri,
    path: String,
    query: String,
}

impl Target {
    fn new(endpoint: &str, path: String, query: String) -> Result<Self> {
        let uri = match query.as_str() {
            "" => format!("{endpoint}{path}"),
            query => format!("{endpoint}{path}?{query}"),
        };
        Ok(Self {
            uri: uri.parse()?,
            path,
            query,
        })
    }
}

/// What is derived once a day, and the date of this second.
struct Day {
    second: u64,
    date: String,
    date_header: HeaderValue,
    scope: String,
    key: Hmac<Sha256>,
}

impl Bare {
    pub fn connect(endpoint: &str) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let host = endpoint.trim_start_matches("http://").to_owned();
        let path = format!("/{BUCKET}/{TABLE}/{}.json", Row::sample().id);
        Ok(Self {
            http: Http::builder(TokioExecutor::new()).build(connector),
            host_header: HeaderValue::from_str(&host)?,
            host,
            object: Target::new(endpoint, path, String::new())?,
            endpoint: endpoint.to_owned(),
            body: Row::encoded()?,
            day: Mutex::new(Arc::new(Day::of(now()?)?)),
        })
    }

    fn day(&self) -> Result<Arc<Day>> {
        let second = now()?;
        let mut day = self.day.lock().expect("no holder panics");
        if day.second != second {
            *day = Arc::new(Day::of(second)?);
        }
        Ok(Arc::clone(&day))
    }

    /// An object that a listing named.
    pub async fn read(&self, key: &str) -> Result<Bytes> {
        let path = format!("/{BUCKET}/{key}");
        let target = Target::new(&self.endpoint, path, String::new())?;
        self.send(Method::GET, &target, Bytes::new()).await
    }

    /// A page of a listing, as it came; the first without a token.
    pub async fn list(&self, token: Option<&str>) -> Result<Bytes> {
        let query = match token {
            None => format!("list-type=2&prefix={TABLE}%2F"),
            Some(token) => {
                let token = encoded(token);
                format!("continuation-token={token}&list-type=2&prefix={TABLE}%2F")
            }
        };
        let target = Target::new(&self.endpoint, format!("/{BUCKET}"), query)?;
        self.send(Method::GET, &target, Bytes::new()).await
    }

    async fn send(&self, method: Method, target: &Target, body: Bytes) -> Result<Bytes> {
        const NAMES: &str = "host;x-amz-content-sha256;x-amz-date";
        let day = self.day()?;
        let hash = if body.is_empty() {
            EMPTY.to_owned()
        } else {
            hex(&Sha256::digest(&body))
        };
        let (date, host) = (&day.date, &self.host);
        let (path, query) = (&target.path, &target.query);
        let canonical = format!(
            "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{hash}\nx-amz-date:{date}\n\n\
             {NAMES}\n{hash}"
        );
        let canonical = hex(&Sha256::digest(canonical.as_bytes()));
        let mut mac = day.key.clone();
        mac.update(format!("AWS4-HMAC-SHA256\n{date}\n{}\n{canonical}", day.scope).as_bytes());
        let signature = hex(&mac.finalize().into_bytes());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{}, SignedHeaders={NAMES}, \
             Signature={signature}",
            day.scope
        );
        let request = Request::builder()
            .method(method)
            .uri(target.uri.clone())
            .header(header::HOST, self.host_header.clone())
            .header("x-amz-date", day.date_header.clone())
            .header("x-amz-content-sha256", hash)
            .header(header::AUTHORIZATION, authorization)
            .body(Full::new(body))?;
        let answer = self.http.request(request).await?;
        ensure!(answer.status().is_success(), "status {}", answer.status());
        Ok(answer.into_body().collect().await?.to_bytes())
    }
}

impl Client for Bare {
    async fn put(&self) -> Result<()> {
        self.send(Method::PUT, &self.object, self.body.clone())
            .await
            .map(drop)
    }

    async fn get(&self) -> Result<()> {
        let body = self.send(Method::GET, &self.object, Bytes::new()).await?;
        ensure!(body.len() == self.body.len(), "another body");
        Ok(())
    }

    async fn delete(&self) -> Result<()> {
        self.send(Method::DELETE, &self.object, Bytes::new())
            .await
            .map(drop)
    }
}

impl Day {
    fn of(second: u64) -> Result<Self> {
        let date = httpdate::HttpDate::from(UNIX_EPOCH + std::time::Duration::from_secs(second));
        let date = iso(&date.to_string());
        let scope = format!("{}/{REGION}/s3/aws4_request", &date[..8]);
        let mut key = keyed(format!("AWS4{SECRET_KEY}").as_bytes());
        for part in scope.split('/') {
            key.update(part.as_bytes());
            key = keyed(&key.finalize().into_bytes());
        }
        let date_header = HeaderValue::from_str(&date)?;
        Ok(Self {
            second,
            date,
            date_header,
            scope,
            key,
        })
    }
}

/// From `Tue, 14 Nov 2023 22:13:20 GMT` to `20231114T221320Z`.
fn iso(date: &str) -> String {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = MONTHS.find(&date[8..11]).unwrap_or_default() / 3 + 1;
    let time = date[17..25].replace(':', "");
    format!("{}{month:02}{}T{time}Z", &date[12..16], &date[5..7])
}

/// As a query's value is written.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
