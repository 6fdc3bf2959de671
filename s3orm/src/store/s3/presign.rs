//! Signed URLs: the signature, and all that is not a header of the request, stand in the query.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, header};

use super::client::S3Store;
use super::request::{Draft, ascii, invalid, push_encoded};
use super::sign::{Moment, Signed};
use crate::store::{Presign, PresignedAccess, PresignedUrl, StoreError, StoreErrorKind, check_key};

/// The payload is not known when the URL is signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// What S3 takes, in seconds: 7 days.
const LONGEST: u64 = 7 * 86_400;

impl S3Store {
    pub(super) async fn presigned(&self, request: Presign) -> Result<PresignedUrl, StoreError> {
        check_key(&request.key)?;
        let seconds = request.expires_in.as_secs();
        if !(1..=LONGEST).contains(&seconds) {
            return Err(invalid(format!(
                "a URL that expires in {seconds} s; S3 takes 1 to {LONGEST}"
            )));
        }
        let moment = self.moment().await?.ok_or_else(|| {
            let message = "an anonymous connection has nothing to sign with";
            StoreError::new(StoreErrorKind::Credentials, message)
        })?;
        if self.customer_key().is_some() {
            let message = "whoever uses a signed URL would need the connection's `customer_key`: \
                           connect without it for what others read or write";
            return Err(StoreError::new(StoreErrorKind::Unsupported, message));
        }
        let draft = self.draft_of(&request)?;
        let (scheme, host) = self.host();
        let mut headers = draft.headers.clone();
        headers.insert(header::HOST, host.clone());
        let query = self.signed_query(&moment, &draft, &headers, seconds);
        let host = host.to_str().unwrap_or_default();
        let url = format!("{scheme}://{host}{}?{query}", draft.signed().path);
        let sent = draft.headers.iter().map(|(name, value)| {
            let value = value.to_str().unwrap_or_default();
            (name.as_str().to_owned(), value.to_owned())
        });
        let expires = self.now() + Duration::from_secs(seconds);
        let rights = moment.credentials.expires.unwrap_or(expires);
        Ok(PresignedUrl::new(
            if draft.method == Method::PUT {
                "PUT"
            } else {
                "GET"
            },
            url,
            sent.collect(),
            expires.min(rights),
        ))
    }

    /// The request with the headers that its sender must send.
    fn draft_of(&self, request: &Presign) -> Result<Draft, StoreError> {
        match &request.access {
            PresignedAccess::Get => Ok(self.to_key(Method::GET, &request.key)),
            PresignedAccess::Put {
                precondition,
                content_type,
                content_length,
            } => {
                let media_type = ascii(HeaderValue::from_str(content_type));
                let media_type = media_type.filter(|value| !value.is_empty());
                self.to_key(Method::PUT, &request.key)
                    .header(
                        header::CONTENT_TYPE,
                        media_type.ok_or_else(|| {
                            invalid("the content type is not visible ASCII".to_owned())
                        })?,
                    )
                    .header(header::CONTENT_LENGTH, HeaderValue::from(*content_length))
                    .precondition(precondition)?
                    .encryption(request.encryption.as_ref(), None)
            }
        }
    }

    fn signed_query(
        &self,
        moment: &Moment,
        draft: &Draft,
        headers: &HeaderMap,
        seconds: u64,
    ) -> String {
        let mut names: Vec<_> = headers.keys().map(header::HeaderName::as_str).collect();
        names.sort_unstable();
        let mut parameters = vec![
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", moment.credential.clone()),
            ("X-Amz-Date", moment.date()),
            ("X-Amz-Expires", seconds.to_string()),
        ];
        if let Some(token) = &moment.credentials.session_token {
            parameters.push(("X-Amz-Security-Token", token.expose().to_owned()));
        }
        parameters.push(("X-Amz-SignedHeaders", names.join(";")));
        // S3 takes its own headers as parameters, too, so that nobody has to send them.
        let extra = self.extra_headers();
        let owner = extra.owner.as_ref();
        let owner = owner.map(|owner| ("x-amz-expected-bucket-owner", owner));
        let signed = extra
            .signed
            .iter()
            .map(|(name, value)| (name.as_str(), value));
        let mut own: Vec<_> = owner.into_iter().chain(signed).collect();
        own.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in own {
            parameters.push((name, value.to_str().unwrap_or_default().to_owned()));
        }
        let mut query = String::new();
        for (name, value) in &parameters {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(name);
            query.push('=');
            push_encoded(&mut query, value, false);
        }
        let signed = Signed {
            query: &query,
            ..draft.signed()
        };
        let (_, signature) = moment.signature(signed, headers, UNSIGNED);
        query.push_str("&X-Amz-Signature=");
        query.extend(signature.map(char::from));
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;
    use crate::store::Precondition;
    use crate::store::s3::{AddressingStyle, CredentialSource, S3Config};

    fn store(token: Option<&str>) -> S3Store {
        let mut config = S3Config::new("examplebucket");
        config.region = Some("us-east-1".to_owned());
        config.endpoint = Some("https://s3.amazonaws.com".to_owned());
        config.style = Some(AddressingStyle::Virtual);
        config.credentials = CredentialSource::Static {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: token.map(Into::into),
        };
        S3Store::connect(config, Env::seeded(1)).unwrap()
    }

    /// The example of the S3 API reference, "Authenticating Requests: Using Query Parameters".
    #[tokio::test]
    async fn the_example_of_the_s3_reference_comes_out() {
        let store = store(None);
        let moment = crate::store::s3::sign::Signer::new("s3", "us-east-1");
        let may = std::time::UNIX_EPOCH + Duration::from_hours(380_376);
        let credentials =
            std::sync::Arc::clone(&store.moment().await.unwrap().unwrap().credentials);
        let moment = moment.renew(may, credentials).unwrap();
        let draft = Draft::to_key(Method::GET, "", "test.txt");
        let mut headers = HeaderMap::new();
        let host = HeaderValue::from_static("examplebucket.s3.amazonaws.com");
        headers.insert(header::HOST, host);
        let query = store.signed_query(&moment, &draft, &headers, 86_400);
        assert!(query.ends_with(
            "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        ));
    }

    #[tokio::test]
    async fn what_was_signed_must_be_sent_and_nothing_secret_is_shown() {
        let store = store(Some("canary"));
        let url = store
            .presigned(Presign {
                key: "a b.txt".to_owned(),
                access: PresignedAccess::Put {
                    precondition: Precondition::IfAbsent,
                    content_type: "text/plain".to_owned(),
                    content_length: 7,
                },
                expires_in: Duration::from_mins(5),
                encryption: None,
            })
            .await
            .unwrap();
        let start = "https://examplebucket.s3.amazonaws.com/a%20b.txt?";
        assert!(url.as_str().starts_with(start), "{}", url.as_str());
        assert!(url.as_str().contains("&X-Amz-Security-Token=canary&"));
        let signed = "SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-match";
        assert!(url.as_str().contains(signed), "{}", url.as_str());
        let mut headers: Vec<_> = url.headers().collect();
        headers.sort_unstable();
        let expected = [
            ("content-length", "7"),
            ("content-type", "text/plain"),
            ("if-none-match", "*"),
        ];
        assert_eq!(headers, expected);
        let shown = format!("{url} {url:?}");
        assert!(
            !shown.contains("canary") && !shown.contains("Signature"),
            "{shown}"
        );
        let expires = url.expires().duration_since(store.now()).unwrap();
        assert!(expires <= Duration::from_mins(5));
    }

    #[tokio::test]
    async fn times_that_s3_refuses_are_refused_here() {
        for seconds in [0, LONGEST + 1] {
            let request = Presign {
                key: "a".to_owned(),
                access: PresignedAccess::Get,
                expires_in: Duration::from_secs(seconds),
                encryption: None,
            };
            let error = store(None).presigned(request).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Invalid);
        }
    }
}
