//! Asks a service about itself and about the bucket's settings.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, header};

use super::answer::bad_answer;
use super::client::S3Store;
use super::documents::read;
use super::request::Draft;
use super::transport::Answer;
use crate::store::survey::{LifecycleRule, Survey, Versioning};
use crate::store::{PutObject, StoreError, check_key};

type Result<T> = std::result::Result<T, StoreError>;

/// The body that is announced, and another of the same length that is sent.
const ANNOUNCED: &[u8] = b"what was announced";
const SENT: &[u8] = b"something else, ha";

/// Headers that name another body than [`ANNOUNCED`] and [`SENT`]: the sums of none at all.
const SUMS: [(&str, &str); 2] = [
    ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
    (
        "x-amz-checksum-sha256",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    ),
];

impl S3Store {
    pub(super) async fn survey_bucket(&self, scratch: &str) -> Result<Survey> {
        check_key(scratch)?;
        let listing = Draft::to_root(Method::GET, self.base());
        let listing = listing.query("list-type", "2").query("max-keys", "1");
        let headers = self.send(listing).await?.headers;
        let mut tampered = vec![("x-amz-content-sha256", self.send_altered(scratch).await)];
        for (name, wrong) in SUMS {
            tampered.push((name, self.put_with(scratch, name, wrong).await));
        }
        Ok(Survey {
            server: text(&headers, &header::SERVER),
            time: text(&headers, &header::DATE)
                .and_then(|date| httpdate::parse_http_date(&date).ok()),
            versioning: self
                .setting("versioning")
                .await
                .and_then(|answer| read_versioning(&answer)),
            lifecycle: match self.setting("lifecycle").await {
                Err(error) if error.code() == Some("NoSuchLifecycleConfiguration") => Ok(vec![]),
                answer => answer.and_then(|answer| read_lifecycle(&answer)),
            },
            tampered,
        })
    }

    async fn setting(&self, name: &str) -> Result<Answer> {
        let draft = Draft::to_root(Method::GET, self.base());
        self.send(draft.query(name, "")).await
    }

    /// Sends another body than the one that is signed.
    async fn send_altered(&self, key: &str) -> Result<()> {
        let mut draft = self.put(&announced(key))?;
        draft.sent_instead = Some(Bytes::from_static(SENT));
        self.send(draft).await.map(drop)
    }

    async fn put_with(&self, key: &str, name: &'static str, wrong: &str) -> Result<()> {
        let draft = self.put(&announced(key))?;
        let draft = draft.text_header(HeaderName::from_static(name), wrong)?;
        self.send(draft).await.map(drop)
    }
}

fn announced(key: &str) -> PutObject {
    PutObject {
        key: key.to_owned(),
        body: Bytes::from_static(ANNOUNCED),
        ..PutObject::default()
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn read_versioning(answer: &Answer) -> Result<Versioning> {
    const ROOT: &str = "VersioningConfiguration";
    let (mut found, mut strange) = (Versioning::Never, false);
    read(answer, ROOT, |place, text| {
        if place == (ROOT, "Status") {
            match text.trim() {
                "Enabled" => found = Versioning::Enabled,
                "Suspended" => found = Versioning::Suspended,
                "" => {}
                _ => strange = true,
            }
        }
    })?;
    if strange {
        return Err(bad_answer(
            answer,
            "versioning is neither enabled nor suspended",
        ));
    }
    Ok(found)
}

fn read_lifecycle(answer: &Answer) -> Result<Vec<LifecycleRule>> {
    let (mut rules, mut rule) = (Vec::new(), LifecycleRule::default());
    let (mut enabled, mut tagged) = (false, false);
    read(
        answer,
        "LifecycleConfiguration",
        |place, text| match place {
            ("Rule", "ID") => text.clone_into(&mut rule.id),
            ("Rule", "Status") => enabled = text.trim() == "Enabled",
            ("Rule" | "Filter" | "And", "Prefix") => text.clone_into(&mut rule.prefix),
            ("Filter" | "And", "Tag") => tagged = true,
            // Not `ExpiredObjectDeleteMarker`: that deletes what is deleted.
            ("Expiration", "Days" | "Date") => rule.expires = true,
            ("Rule", "NoncurrentVersionExpiration") => rule.expires_versions = true,
            ("Rule", "AbortIncompleteMultipartUpload") => rule.aborts_uploads = true,
            ("LifecycleConfiguration", "Rule") => {
                let rule = std::mem::take(&mut rule);
                rules.extend((enabled && !tagged).then_some(rule));
                (enabled, tagged) = (false, false);
            }
            _ => {}
        },
    )?;
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::tests::{Act, answer, fault, scripted};
    use super::*;
    use crate::store::StoreErrorKind;

    const LISTING: &str = "<ListBucketResult/>";
    const HEADERS: &str = "server: S\r\ndate: Tue, 14 Nov 2023 22:13:20 GMT\r\n";

    async fn survey(versioning: Act, lifecycle: Act) -> (Survey, Vec<String>) {
        let (store, seen) = scripted(vec![
            answer("200 OK", HEADERS, LISTING),
            answer("200 OK", "etag: \"1\"\r\n", ""),
            fault("400 Bad Request", "BadDigest"),
            fault("400 Bad Request", "BadDigest"),
            versioning,
            lifecycle,
        ])
        .await;
        let survey = store.survey("scratch").await.unwrap();
        let seen = seen.lock().unwrap().clone();
        (survey, seen)
    }

    #[tokio::test]
    async fn the_service_is_asked_and_lied_to() {
        let lifecycle = "<LifecycleConfiguration>\
            <Rule><ID>logs</ID><Status>Enabled</Status><Filter><Prefix>a&amp;b/</Prefix></Filter>\
            <Expiration><Days>3</Days></Expiration></Rule>\
            <Rule><Prefix>off</Prefix><Status>Disabled</Status>\
            <Expiration><Days>1</Days></Expiration></Rule>\
            <Rule><Prefix>old</Prefix><Status>Enabled</Status>\
            <Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>\
            <NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>\
            </NoncurrentVersionExpiration></Rule>\
            <Rule><Filter><And><Prefix>t/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And>\
            </Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>\
            <Rule><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><AbortIncompleteMultipartUpload>\
            <DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>\
            </LifecycleConfiguration>";
        let versioning =
            "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        let (survey, seen) = survey(
            answer("200 OK", "", versioning),
            answer("200 OK", "", lifecycle),
        )
        .await;

        assert_eq!(survey.server.as_deref(), Some("S"));
        let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(survey.time, Some(time));
        assert_eq!(survey.versioning.unwrap(), Versioning::Enabled);
        let of = |id: &str, prefix: &str| LifecycleRule {
            id: id.to_owned(),
            prefix: prefix.to_owned(),
            ..LifecycleRule::default()
        };
        let expected = [
            LifecycleRule {
                expires: true,
                ..of("logs", "a&b/")
            },
            LifecycleRule {
                expires_versions: true,
                ..of("", "old")
            },
            LifecycleRule {
                aborts_uploads: true,
                ..of("", "")
            },
        ];
        assert_eq!(survey.lifecycle.unwrap(), expected);
        let taken = survey
            .tampered
            .iter()
            .map(|(name, answer)| (*name, answer.is_ok()));
        let taken: Vec<_> = taken.collect();
        assert_eq!(
            taken,
            [
                ("x-amz-content-sha256", true),
                ("content-md5", false),
                ("x-amz-checksum-sha256", false)
            ]
        );

        let line = |at: usize| seen[at].lines().next().unwrap_or_default();
        assert_eq!(line(0), "GET /bucket?list-type=2&max-keys=1 HTTP/1.1");
        assert_eq!(line(1), "PUT /bucket/scratch HTTP/1.1");
        assert_eq!(line(4), "GET /bucket?versioning= HTTP/1.1");
        assert_eq!(line(5), "GET /bucket?lifecycle= HTTP/1.1");
        // Each lie is another one.
        assert!(seen[1].ends_with("something else, ha"));
        assert!(!seen[1].contains("content-md5"));
        for (at, header) in [(2, "content-md5"), (3, "x-amz-checksum-sha256")] {
            assert!(seen[at].ends_with("what was announced"), "{}", seen[at]);
            assert!(seen[at].contains(header), "{}", seen[at]);
        }
    }

    #[tokio::test]
    async fn what_is_not_configured_is_known_and_what_is_not_answered_is_not() {
        let (none, _) = survey(
            answer("200 OK", "", "<VersioningConfiguration/>"),
            fault("404 Not Found", "NoSuchLifecycleConfiguration"),
        )
        .await;
        assert_eq!(none.versioning.unwrap(), Versioning::Never);
        assert_eq!(none.lifecycle.unwrap(), []);

        let (unknown, _) = survey(
            answer(
                "200 OK",
                "",
                "<VersioningConfiguration><Status>Maybe</Status></VersioningConfiguration>",
            ),
            fault("501 Not Implemented", "NotImplemented"),
        )
        .await;
        let kinds = (
            unknown.versioning.unwrap_err().kind(),
            unknown.lifecycle.unwrap_err().kind(),
        );
        assert_eq!(
            kinds,
            (StoreErrorKind::BadAnswer, StoreErrorKind::Unsupported)
        );
    }

    #[test]
    fn the_sums_are_those_of_nothing() {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        use sha2::{Digest as _, Sha256};
        assert_eq!(SUMS[0].1, STANDARD.encode(md5::Md5::digest(b"")));
        assert_eq!(SUMS[1].1, STANDARD.encode(Sha256::digest(b"")));
        assert_eq!(ANNOUNCED.len(), SENT.len());
    }
}
