//! Signature version 4, for headers.
//!
//! Every request is signed with its payload's hash, so that a body that was changed on its way is
//! refused. What depends on the second alone (the date, the scope, the derived key) is made once a
//! second and shared.
//!
//! This is written out rather than left to `reqsign-aws-v4`, whose providers this crate uses for
//! credentials: signing stands on the path of every row, and a general signer parses and sorts
//! what our calls already write in canonical form, and derives what a second's requests can share.
//! The tests hold it to AWS's published vectors and, on random requests, to that crate.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::credentials::Credentials;
use crate::store::time::{compact, unix_seconds};
use crate::store::{StoreError, StoreErrorKind};

const SHA256_HEADER: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const DATE_HEADER: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-amz-security-token");
/// The hash of no bytes.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Between the two parts of the `Authorization` header that follow its scope.
const MIDDLE: &str = ", Signature=";

/// Signs for one service in one region, and remembers the current second.
#[derive(Debug)]
pub(super) struct Signer {
    service: &'static str,
    region: String,
    moment: RwLock<Option<Arc<Moment>>>,
}

/// Everything of a signature that the request does not change, for one second and one identity.
pub(super) struct Moment {
    second: u64,
    pub(super) credentials: Arc<Credentials>,
    date: HeaderValue,
    token: Option<HeaderValue>,
    key: Hmac<Sha256>,
    /// The first three lines of the string to sign.
    preamble: String,
    /// The access key and what the signature is good for.
    pub(super) credential: String,
    /// The `Authorization` header up to the names of the signed headers.
    authorization: String,
}

impl std::fmt::Debug for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Moment")
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}

/// What is signed of a request besides its headers. Path and query are as sent, and canonical:
/// percent-encoded with upper-case digits, parameters sorted, each with its `=`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
}

impl Signer {
    pub(super) fn new(service: &'static str, region: &str) -> Self {
        Self {
            service,
            region: region.to_owned(),
            moment: RwLock::new(None),
        }
    }

    /// The moment of this second, if some request of this second has made it.
    pub(super) fn current(&self, now: SystemTime) -> Option<Arc<Moment>> {
        let moment = self.moment.read().unwrap_or_else(PoisonError::into_inner);
        moment
            .as_ref()
            .filter(|moment| moment.second == unix_seconds(now))
            .map(Arc::clone)
    }

    /// Makes this second's moment. The derived key is kept while identity and day last.
    pub(super) fn renew(
        &self,
        now: SystemTime,
        credentials: Arc<Credentials>,
    ) -> Result<Arc<Moment>, StoreError> {
        let previous = self
            .moment
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let second = unix_seconds(now);
        let date = compact(second);
        let day = &date[..8];
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let same_key = previous.filter(|previous| {
            previous.second / 86_400 == second / 86_400
                && Arc::ptr_eq(&previous.credentials, &credentials)
        });
        let key = match same_key {
            Some(previous) => previous.key.clone(),
            None => self.derive_key(&credentials, day),
        };
        let token = credentials
            .session_token
            .as_ref()
            .map(|token| secret_header(token.expose()));
        let credential = format!("{}/{scope}", credentials.access_key);
        let moment = Arc::new(Moment {
            second,
            key,
            token: token.transpose()?,
            preamble: format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n"),
            authorization: format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders="),
            credential,
            date: HeaderValue::from_str(&date).map_err(|_| unusable())?,
            credentials,
        });
        *self.moment.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&moment));
        Ok(moment)
    }

    /// Forgets the moment, so that the next request asks for credentials.
    pub(super) fn forget(&self) {
        *self.moment.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn derive_key(&self, credentials: &Credentials, day: &str) -> Hmac<Sha256> {
        let secret = Zeroizing::new(format!("AWS4{}", credentials.secret_key.expose()));
        let mut key = keyed(secret.as_bytes());
        for part in [day, &self.region, self.service, "aws4_request"] {
            key.update(part.as_bytes());
            let derived = Zeroizing::new(<[u8; 32]>::from(key.finalize().into_bytes()));
            key = keyed(&*derived);
        }
        key
    }
}

impl Moment {
    /// Adds the date, the payload's hash, the session token and the signature over all `headers`.
    pub(super) fn sign(
        &self,
        request: Signed<'_>,
        headers: &mut HeaderMap,
    ) -> Result<(), StoreError> {
        let hash;
        let (payload, payload_value) = if request.body.is_empty() {
            (EMPTY_SHA256, HeaderValue::from_static(EMPTY_SHA256))
        } else {
            hash = hex(&Sha256::digest(request.body).into());
            let text = std::str::from_utf8(&hash).map_err(|_| unusable())?;
            (text, HeaderValue::from_str(text).map_err(|_| unusable())?)
        };
        headers.insert(DATE_HEADER, self.date.clone());
        headers.insert(SHA256_HEADER, payload_value);
        if let Some(token) = &self.token {
            headers.insert(TOKEN_HEADER, token.clone());
        }
        let authorization = self.authorization(request, headers, payload);
        // `from_maybe_shared` takes the string's own memory.
        let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(authorization))
            .map_err(|_| unusable())?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        Ok(())
    }

    fn authorization(&self, request: Signed<'_>, headers: &HeaderMap, payload: &str) -> String {
        let (names, signature) = self.signature(request, headers, payload);
        let length = self.authorization.len() + names.len() + MIDDLE.len() + signature.len();
        let mut text = String::with_capacity(length);
        for part in [self.authorization.as_str(), &names, MIDDLE] {
            text.push_str(part);
        }
        text.extend(signature.iter().map(|byte| char::from(*byte)));
        text
    }

    /// The names of the headers, as signed, and the signature.
    pub(super) fn signature(
        &self,
        request: Signed<'_>,
        headers: &HeaderMap,
        payload: &str,
    ) -> (String, [u8; 64]) {
        let mut sorted: Vec<(&str, &HeaderValue)> = Vec::with_capacity(headers.len());
        sorted.extend(headers.iter().map(|(name, value)| (name.as_str(), value)));
        // Stable: the values of a repeated header stay in order.
        sorted.sort_by_key(|(name, _)| *name);

        let mut canonical = Vec::with_capacity(512 + request.path.len() + request.query.len());
        for part in [request.method.as_str(), request.path, request.query] {
            canonical.extend_from_slice(part.as_bytes());
            canonical.push(b'\n');
        }
        let mut names = String::with_capacity(128);
        for (index, (name, value)) in sorted.iter().enumerate() {
            if index > 0 && sorted[index - 1].0 == *name {
                canonical.pop();
                canonical.push(b',');
            } else {
                if index > 0 {
                    names.push(';');
                }
                names.push_str(name);
                canonical.extend_from_slice(name.as_bytes());
                canonical.push(b':');
            }
            push_collapsed(&mut canonical, value.as_bytes());
            canonical.push(b'\n');
        }
        for part in ["\n", &names, "\n", payload] {
            canonical.extend_from_slice(part.as_bytes());
        }

        let mut signature = self.key.clone();
        signature.update(self.preamble.as_bytes());
        signature.update(&hex(&Sha256::digest(&canonical).into()));
        (names, hex(&signature.finalize().into_bytes().into()))
    }

    /// The second, as signatures write it.
    pub(super) fn date(&self) -> String {
        compact(self.second)
    }
}

/// A header's value as it is signed: without spaces around it, runs of spaces as one.
fn push_collapsed(out: &mut Vec<u8>, value: &[u8]) {
    let value = value.trim_ascii();
    if !value.windows(2).any(|pair| pair == b"  ") {
        out.extend_from_slice(value);
        return;
    }
    let mut previous = 0;
    for &byte in value {
        if byte != b' ' || previous != b' ' {
            out.push(byte);
        }
        previous = byte;
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of every length; the error exists for other algorithms.
    Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"))
}

fn hex(bytes: &[u8; 32]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

fn secret_header(text: &str) -> Result<HeaderValue, StoreError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| unusable())?;
    value.set_sensitive(true);
    Ok(value)
}

fn unusable() -> StoreError {
    StoreError::new(
        StoreErrorKind::Credentials,
        "the access key or session token has characters that no header can carry",
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::Request;
    use reqsign_aws_v4::{Credential, RequestSigner};
    use reqsign_core::{Context, SignRequest as _};

    use super::*;
    use crate::env::Env;
    use crate::store::s3::request::Draft;

    fn credentials(key: &str, secret: &str, token: Option<&str>) -> Arc<Credentials> {
        Arc::new(Credentials {
            access_key: key.to_owned(),
            secret_key: secret.into(),
            session_token: token.map(Into::into),
            expires: None,
        })
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn header_map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn signature(text: &str) -> &str {
        text.rsplit('=').next().unwrap_or_default()
    }

    /// The examples of the S3 API reference, "Signature Calculations for the Authorization Header".
    #[test]
    fn the_examples_of_the_s3_reference_come_out() {
        const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");
        let now = at(1_369_353_600);
        let moment = Signer::new("s3", "us-east-1")
            .renew(now, credentials("AKIAIOSFODNN7EXAMPLE", SECRET, None))
            .unwrap();
        let sign = |method: Method, draft: Draft, headers: &[(&'static str, &'static str)]| {
            let mut headers = header_map(headers);
            let request = Signed {
                method: &method,
                ..draft.signed()
            };
            moment.sign(request, &mut headers).unwrap();
            headers[header::AUTHORIZATION].to_str().unwrap().to_owned()
        };
        let root = || Draft::to_root(Method::GET, "");
        let get = sign(
            Method::GET,
            Draft::to_key(Method::GET, "", "test.txt"),
            &[HOST, ("range", "bytes=0-9")],
        );
        assert_eq!(
            get,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let put = sign(
            Method::PUT,
            Draft::to_key(Method::PUT, "", "test$file.text").body("Welcome to Amazon S3.".into()),
            &[
                HOST,
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
        );
        assert_eq!(
            signature(&put),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
        let lifecycle = sign(Method::GET, root().query("lifecycle", ""), &[HOST]);
        assert_eq!(
            signature(&lifecycle),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
        let list = root().query("max-keys", "2").query("prefix", "J");
        assert_eq!(
            signature(&sign(Method::GET, list, &[HOST])),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    /// A name, the headers, the signature.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

    /// Cases of AWS's signature version 4 test suite that concern headers.
    #[test]
    fn the_cases_of_the_test_suite_come_out() {
        const DATE: (&str, &str) = ("x-amz-date", "20150830T123600Z");
        const HOST: (&str, &str) = ("host", "example.amazonaws.com");
        let now = at(1_440_938_160);
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let moment = Signer::new("service", "us-east-1")
            .renew(now, credentials("AKIDEXAMPLE", secret, None))
            .unwrap();
        assert_eq!(moment.date, DATE.1);

        let cases: [Case<'_>; 3] = [
            (
                "vanilla",
                &[HOST, DATE],
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "value trim",
                &[
                    HOST,
                    ("my-header1", " value1"),
                    ("my-header2", " \"a   b   c\""),
                    DATE,
                ],
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ),
            (
                "key duplicate",
                &[
                    HOST,
                    ("my-header1", "value2"),
                    ("my-header1", "value2"),
                    ("my-header1", "value1"),
                    DATE,
                ],
                "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
            ),
        ];
        for (name, headers, expected) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                map.append(name, HeaderValue::from_str(value).unwrap());
            }
            let request = Signed {
                method: &Method::GET,
                path: "/",
                query: "",
                body: b"",
            };
            let text = moment.authorization(request, &map, EMPTY_SHA256);
            assert_eq!(signature(&text), expected, "{name}");
        }
    }

    /// That signer takes the machine's clock, so this signs for the second that it took.
    #[tokio::test]
    async fn another_signer_agrees_on_random_requests() {
        let (env, clock) = (Env::seeded(11), Env::system());
        for _ in 0..300 {
            let random = env.random_bytes::<64>();
            let key: String = random[..24].iter().map(|byte| char::from(*byte)).collect();
            let token = (random[24] & 1 == 0).then_some("token/with+signs==");
            let method = if random[25] & 1 == 0 {
                Method::PUT
            } else {
                Method::GET
            };
            let mut draft = Draft::to_key(method.clone(), "/bucket", &key);
            if random[26] & 1 == 0 {
                draft = draft.query("partNumber", "1").query("uploadId", &key);
            }
            draft.body = bytes::Bytes::copy_from_slice(&random[..usize::from(random[27] % 64)]);
            let hash = hex(&Sha256::digest(&draft.body).into());

            let target = format!("{}?{}", draft.signed().path, draft.signed().query);
            let uri = format!("http://s3.example.com:9000{}", target.trim_end_matches('?'));
            let request = Request::builder()
                .method(method)
                .uri(uri)
                .header("if-match", "\"a\"");
            let mut theirs = request.body(()).unwrap().into_parts().0;
            theirs
                .headers
                .insert(SHA256_HEADER, HeaderValue::from_bytes(&hash).unwrap());
            let other = Credential {
                access_key_id: "AKID".to_owned(),
                secret_access_key: "se/cret".to_owned(),
                session_token: token.map(str::to_owned),
                expires_in: None,
            };
            RequestSigner::new("s3", "eu-west-1")
                .sign_request(&Context::new(), &mut theirs, Some(&other), None)
                .await
                .unwrap();

            let date = theirs.headers[DATE_HEADER].to_str().unwrap().to_owned();
            let second = (0..60)
                .map(|ago| unix_seconds(clock.now()) - ago)
                .find(|second| compact(*second) == date)
                .unwrap();
            let now = at(second);
            let signer = Signer::new("s3", "eu-west-1");
            let moment = signer
                .renew(now, credentials("AKID", "se/cret", token))
                .unwrap();
            let mut ours = header_map(&[("host", "s3.example.com:9000"), ("if-match", "\"a\"")]);
            moment.sign(draft.signed(), &mut ours).unwrap();
            assert_eq!(
                ours[header::AUTHORIZATION],
                theirs.headers[header::AUTHORIZATION],
                "{}",
                theirs.uri
            );
        }
    }

    #[test]
    fn a_moment_lasts_its_second_and_a_key_its_day_and_identity() {
        let signer = Signer::new("s3", "us-east-1");
        let (ann, bob) = (credentials("ANN", "x", None), credentials("BOB", "y", None));
        let day = 86_400 * 19_000;
        let first = signer.renew(at(day), Arc::clone(&ann)).unwrap();
        assert!(Arc::ptr_eq(&first, &signer.current(at(day)).unwrap()));
        assert!(signer.current(at(day + 1)).is_none());
        let sign = |moment: &Moment| {
            let mut headers = header_map(&[("host", "h")]);
            let request = Signed {
                method: &Method::GET,
                path: "/",
                query: "",
                body: b"",
            };
            moment.sign(request, &mut headers).unwrap();
            headers[header::AUTHORIZATION].to_str().unwrap().to_owned()
        };
        for (seconds, who) in [(day + 1, &ann), (day + 86_400, &ann), (day + 86_400, &bob)] {
            let cached = sign(&signer.renew(at(seconds), Arc::clone(who)).unwrap());
            let fresh = Signer::new("s3", "us-east-1")
                .renew(at(seconds), Arc::clone(who))
                .unwrap();
            assert_eq!(cached, sign(&fresh));
        }
        signer.forget();
        assert!(signer.current(at(day + 86_400)).is_none());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let signer = Signer::new("s3", "us-east-1");
        let moment = signer
            .renew(UNIX_EPOCH, credentials("AKID", "canary", Some("canary")))
            .unwrap();
        let mut headers = header_map(&[("host", "h")]);
        let request = Signed {
            method: &Method::GET,
            path: "/",
            query: "",
            body: b"",
        };
        moment.sign(request, &mut headers).unwrap();
        let shown = format!("{signer:?} {moment:?} {headers:?}");
        assert!(
            !shown.contains("canary") && !shown.contains("Signature"),
            "{shown}"
        );
        assert!(
            signer
                .renew(UNIX_EPOCH, credentials("A", "b", Some("\n")))
                .is_err()
        );
    }
}
