//! Headers beyond those that the calls themselves make: checked once, sent with many requests.

use http::{HeaderName, HeaderValue};

use super::config::S3Config;
use super::encryption;
use super::request::ascii;
use crate::error::Error;

const ACL: HeaderName = HeaderName::from_static("x-amz-acl");

/// Extra headers. Of every request: what is S3's is signed; the rest may be a proxy's, which may
/// strip it.
#[derive(Debug, Default, Clone)]
pub(super) struct ExtraHeaders {
    pub(super) signed: Vec<(HeaderName, HeaderValue)>,
    pub(super) unsigned: Vec<(HeaderName, HeaderValue)>,
    pub(super) owner: Option<HeaderValue>,
    /// Of the requests that write an object.
    pub(super) upload: Vec<(HeaderName, HeaderValue)>,
}

impl ExtraHeaders {
    pub(super) fn read(config: &S3Config) -> Result<Self, Error> {
        let mut extra = Self::default();
        for (name, value) in &config.headers {
            let header = header(("header", name), value, is_reserved)?;
            if header.0.as_str().starts_with("x-amz-") {
                add(&mut extra.signed, header)?;
            } else {
                add(&mut extra.unsigned, header)?;
            }
        }
        for (name, value) in &config.upload_headers {
            let header = header(("upload_header", name), value, is_reserved_for_uploads)?;
            let mut others = extra.signed.iter().chain(&extra.unsigned);
            if others.any(|(known, _)| *known == header.0) {
                return Err(twice(&header.0));
            }
            add(&mut extra.upload, header)?;
        }
        extra.add_acl(config)?;
        extra.owner = config
            .expected_bucket_owner
            .as_deref()
            .map(owner)
            .transpose()?;
        Ok(extra)
    }

    fn add_acl(&mut self, config: &S3Config) -> Result<(), Error> {
        let Some(acl) = config.acl else { return Ok(()) };
        let mut all = self.signed.iter().chain(&self.upload);
        if let Some((grant, _)) = all.find(|(name, _)| name.as_str().starts_with("x-amz-grant-")) {
            return Err(Error::config(
                format!("S3 takes `acl` or `{grant}`, and not both"),
                "leave one of them out",
            ));
        }
        let value = HeaderValue::from_static(acl.as_str());
        self.upload.push((ACL, value));
        Ok(())
    }
}

fn add(
    list: &mut Vec<(HeaderName, HeaderValue)>,
    header: (HeaderName, HeaderValue),
) -> Result<(), Error> {
    if list.iter().any(|(known, _)| *known == header.0) {
        return Err(twice(&header.0));
    }
    list.push(header);
    Ok(())
}

fn twice(name: &HeaderName) -> Error {
    Error::config(
        format!("the extra header `{name}` is there twice"),
        "join the values with a comma",
    )
}

/// A header as it is sent. Its value may be a secret: no error shows it.
fn header(
    (option, name): (&str, &str),
    value: &str,
    is_reserved: fn(&str) -> bool,
) -> Result<(HeaderName, HeaderValue), Error> {
    let wrong = |why: &str, help: &'static str| {
        let name = name.escape_debug();
        Error::config(format!("the {option} `{name}` {why}"), help)
    };
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| wrong("is not a header's name", "use letters, digits and `-`"))?;
    if parsed == ACL {
        return Err(wrong("is an option of its own", "write `acl`"));
    }
    if parsed.as_str().starts_with(encryption::PREFIX) {
        let help = "write `encryption` or `customer_key`";
        return Err(wrong("is an option of its own", help));
    }
    if is_reserved(parsed.as_str()) {
        return Err(wrong("is set by the requests themselves", "leave it out"));
    }
    let mut value = ascii(HeaderValue::from_str(value))
        .ok_or_else(|| wrong("has a value that is not visible ASCII", "encode it"))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

fn owner(account: &str) -> Result<HeaderValue, Error> {
    let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let value = HeaderValue::from_str(account).ok().filter(|_| digits);
    value.ok_or_else(|| {
        Error::config(
            format!("`{}` is not an account", account.escape_debug()),
            "an account is 12 digits",
        )
    })
}

/// Headers that signing, the body or a call itself decides.
fn is_reserved(name: &str) -> bool {
    const NAMES: [&str; 17] = [
        "authorization",
        "host",
        "date",
        "range",
        "connection",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "user-agent",
        "x-amz-date",
        "x-amz-content-sha256",
        "x-amz-security-token",
        "x-amz-metadata-directive",
        "x-amz-expected-bucket-owner",
        "accept-encoding",
    ];
    const PREFIXES: [&str; 5] = [
        "content-",
        "if-",
        "x-amz-meta-",
        "x-amz-copy-source",
        "x-amz-bypass",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// S3 keeps two of the `content-` headers with an object and does nothing else with them.
fn is_reserved_for_uploads(name: &str) -> bool {
    is_reserved(name) && !matches!(name, "content-disposition" | "content-language")
}

#[cfg(test)]
mod tests {
    use super::super::config::CannedAcl;
    use super::*;
    use crate::error::ErrorKind;

    fn config(headers: &[(&str, &str)], upload_headers: &[(&str, &str)]) -> S3Config {
        let owned = |headers: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            headers.iter().map(owned).collect()
        };
        let mut config = S3Config::new("people");
        config.headers = owned(headers);
        config.upload_headers = owned(upload_headers);
        config
    }

    fn refused(config: &S3Config) -> String {
        let error = ExtraHeaders::read(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        error.to_string()
    }

    #[test]
    fn headers_that_requests_own_are_refused() {
        for name in [
            "Authorization",
            "host",
            "X-Amz-Date",
            "x-amz-content-sha256",
            "Content-Length",
            "content-type",
            "content-encoding",
            "If-Match",
            "x-amz-meta-a",
            "Range",
            "X-Amz-Acl",
            "X-Amz-Server-Side-Encryption",
            "no header",
            "",
        ] {
            refused(&config(&[(name, "canary")], &[]));
            refused(&config(&[], &[(name, "canary")]));
        }
        refused(&config(&[("content-language", "canary")], &[]));
    }

    #[test]
    fn headers_are_shown_by_name_alone() {
        let config = config(
            &[("x-amz-request-payer", "requester"), ("X-Tenant", "canary")],
            &[
                ("Content-Language", "no-canary"),
                ("x-amz-tagging", "canary"),
            ],
        );
        let found = ExtraHeaders::read(&config).unwrap();
        let counts = [&found.signed, &found.unsigned, &found.upload].map(Vec::len);
        assert_eq!(counts, [1, 1, 2]);
        assert!(!format!("{config:?} {found:?}").contains("canary"));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let twice = config(&[("X-Tenant", "canary")], &[("x-tenant", "canary")]);
        assert!(refused(&twice).contains("`x-tenant` is there twice"));
        let twice = config(&[], &[("expires", "canary"), ("Expires", "canary")]);
        assert!(refused(&twice).contains("`expires` is there twice"));
        let mut both = config(&[], &[("x-amz-grant-read", "canary")]);
        assert!(ExtraHeaders::read(&both).is_ok());
        both.acl = Some(CannedAcl::PublicRead);
        assert!(refused(&both).contains("`acl` or `x-amz-grant-read`"));
        refused(&config(&[], &[("x-amz-tagging", "canary\n")]));
    }
}
