//! Connection strings.

#[cfg(feature = "s3")]
use std::time::Duration;

use crate::config::{DbBuilder, Location};
use crate::error::{Error, Result, did_you_mean};

const FORMS: &str = "write `s3://bucket/prefix?region=…`, `file:./folder` or `memory:`";

/// Reads a connection string.
pub(crate) fn parse(text: &str) -> Result<DbBuilder> {
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once(':') else {
        let shown = if text.is_empty() {
            "the connection string is empty".to_owned()
        } else {
            format!("`{}` is no connection string", shown(text))
        };
        return Err(Error::config(shown, FORMS));
    };
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    if place.contains('#') && scheme != "file" {
        return Err(Error::config(
            "a connection string has no `#` fragment",
            "write `%23` where the prefix itself has a `#`",
        ));
    }
    let builder = match scheme.to_ascii_lowercase().as_str() {
        "s3" => s3(place)?,
        "file" => file(place)?,
        "memory" => memory(place)?,
        other => return Err(unknown_scheme(other)),
    };
    parameters(builder, scheme, query.unwrap_or_default())
}

fn unknown_scheme(scheme: &str) -> Error {
    let detail = format!("s3orm does not know `{}:` connections", shown(scheme));
    match did_you_mean(scheme, ["s3", "file", "memory"]) {
        Some(near) => Error::config(detail, format!("did you mean `{near}:`?")),
        None => Error::config(detail, FORMS),
    }
}

fn memory(place: &str) -> Result<DbBuilder> {
    match place {
        "" | "//" => Ok(DbBuilder::new(
            Location::Memory,
            String::new(),
            "memory:".to_owned(),
        )),
        _ => Err(Error::config(
            "a `memory:` database has no name",
            "write `memory:`",
        )),
    }
}

#[cfg(all(feature = "dir", unix))]
fn file(place: &str) -> Result<DbBuilder> {
    // `file:./data`, `file:/var/data` and the URL form `file:///var/data`.
    let path = match place.strip_prefix("//") {
        Some(path) if path.starts_with('/') => path,
        Some(host) => {
            let detail = format!("`file://{}` names a host", shown(host));
            return Err(Error::config(
                detail,
                "write `file:./folder` or `file:///folder`",
            ));
        }
        None => place,
    };
    let path = percent_decode(path)?;
    if path.is_empty() {
        return Err(Error::config(
            "the `file:` connection names no folder",
            "write `file:./folder`",
        ));
    }
    let name = format!("file:{path}");
    Ok(DbBuilder::new(
        Location::Folder(path.into()),
        String::new(),
        name,
    ))
}

#[cfg(not(all(feature = "dir", unix)))]
fn file(_place: &str) -> Result<DbBuilder> {
    Err(Error::config(
        "`file:` connections are not in this build",
        "enable the cargo feature `dir` of s3orm (Unix only), or use `memory:`",
    )
    .with_kind(crate::ErrorKind::Unsupported))
}

#[cfg(feature = "s3")]
fn s3(place: &str) -> Result<DbBuilder> {
    let rest = place.strip_prefix("//").ok_or_else(|| {
        Error::config(
            "`s3:` is followed by `//`",
            "write `s3://bucket/prefix?region=…`",
        )
    })?;
    let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.contains('@') {
        return Err(no_secrets("the connection string names a user"));
    }
    if bucket.is_empty() {
        return Err(Error::config(
            "the connection string names no bucket",
            "write `s3://bucket`",
        ));
    }
    if bucket.contains(':') {
        return Err(Error::config(
            format!("`{}` is no bucket", shown(bucket)),
            "give a server's address by `?endpoint=http://host:port`",
        ));
    }
    let prefix = prefix(&percent_decode(path)?)?;
    let name = format!("s3://{bucket}/{prefix}");
    let config = Box::new(crate::store::s3::S3Config::new(bucket));
    Ok(DbBuilder::new(
        Location::S3(config, crate::config::Client::Own),
        prefix,
        name,
    ))
}

#[cfg(not(feature = "s3"))]
fn s3(_place: &str) -> Result<DbBuilder> {
    Err(Error::config(
        "`s3:` connections are not in this build",
        "enable the cargo feature `s3` of s3orm",
    )
    .with_kind(crate::ErrorKind::Unsupported))
}

fn no_secrets(detail: &'static str) -> Error {
    Error::config(
        detail,
        "credentials do not belong in a connection string, where logs and process lists show them: \
         set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a `profile`",
    )
}

/// A prefix as keys begin with it: empty, or with a `/` at its end.
pub(crate) fn prefix(text: &str) -> Result<String> {
    let text = text.trim_matches('/');
    if text.is_empty() {
        return Ok(String::new());
    }
    let wrong = |what: &str| {
        Err(Error::config(
            format!("the prefix `{}` {what}", shown(text)),
            "use segments of ASCII letters, digits and `-_.=,+@~$&;:()*'`, separated by `/`",
        ))
    };
    for segment in text.split('/') {
        match segment {
            "" => return wrong("has an empty segment"),
            "." | ".." => return wrong("has a segment that is a path of its own"),
            "_s3orm" => return wrong("has the segment `_s3orm`, which is the library's"),
            _ => {}
        }
        if !segment
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"!%\\{}^`[]\"<>#|?".contains(&byte))
        {
            return wrong("has characters that not every S3 keeps");
        }
    }
    if text.len() > 512 {
        return wrong("is longer than 512 bytes");
    }
    Ok(format!("{text}/"))
}

type Setter = fn(DbBuilder, &str) -> Result<DbBuilder>;

/// Every parameter: what [`DbBuilder`] has methods for and text can say.
const PARAMETERS: &[(&str, Setter)] = &[
    ("verbose", |builder, value| {
        Ok(builder.verbose(boolean(value)?))
    }),
    ("retries", |builder, value| {
        Ok(builder.retries(number(value)?))
    }),
    ("max_row_bytes", |builder, value| {
        Ok(builder.max_row_bytes(number(value)?))
    }),
    #[cfg(feature = "cache")]
    ("cache_bytes", |builder, value| {
        Ok(builder.cache_bytes(number(value)?))
    }),
    #[cfg(not(feature = "cache"))]
    ("cache_bytes", |_, _| {
        Err(expected("enable the cargo feature `cache` of s3orm"))
    }),
    ("max_attempts", |builder, value| {
        Ok(builder.max_attempts(number(value)?))
    }),
    #[cfg(feature = "s3")]
    ("region", |builder, value| Ok(builder.region(value))),
    #[cfg(feature = "s3")]
    ("endpoint", |builder, value| Ok(builder.endpoint(value))),
    #[cfg(feature = "s3")]
    ("style", |builder, value| Ok(builder.style(style(value)?))),
    #[cfg(feature = "s3")]
    ("profile", |builder, value| Ok(builder.profile(value))),
    #[cfg(feature = "s3")]
    ("allow_http", |builder, value| {
        Ok(builder.allow_http(boolean(value)?))
    }),
    #[cfg(feature = "s3")]
    ("connect_timeout", |builder, value| {
        Ok(builder.connect_timeout(duration(value)?))
    }),
    #[cfg(feature = "s3")]
    ("timeout", |builder, value| {
        Ok(builder.timeout(duration(value)?))
    }),
    #[cfg(feature = "s3")]
    ("pool_size", |builder, value| {
        Ok(builder.pool_size(number(value)?))
    }),
    #[cfg(feature = "s3")]
    ("tls_ca", |builder, value| Ok(builder.tls_ca(value))),
    #[cfg(feature = "s3")]
    ("tls_cert", |builder, value| Ok(builder.tls_cert(value))),
    #[cfg(feature = "s3")]
    ("tls_key", |builder, value| Ok(builder.tls_key(value))),
    #[cfg(feature = "s3")]
    ("expected_bucket_owner", |builder, value| {
        Ok(builder.expected_bucket_owner(value))
    }),
    #[cfg(feature = "s3")]
    ("client", client),
];

/// Words that are secrets or their names in other libraries' connection strings.
const SECRETS: &[&str] = &["key", "secret", "password", "token", "credential"];

fn parameters(mut builder: DbBuilder, scheme: &str, query: &str) -> Result<DbBuilder> {
    let mut seen: Vec<String> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            let detail = format!("the parameter `{}` has no value", shown(pair));
            Error::config(detail, "write `name=value`")
        })?;
        let (name, value) = (percent_decode(name)?, percent_decode(value)?);
        if seen.contains(&name) {
            return Err(Error::config(
                format!("the parameter `{name}` is given twice"),
                "give it once",
            ));
        }
        builder = set(builder, scheme, &name, &value)?;
        seen.push(name);
    }
    Ok(builder)
}

fn set(builder: DbBuilder, scheme: &str, name: &str, value: &str) -> Result<DbBuilder> {
    #[cfg(feature = "s3")]
    if let Some(header) = name.strip_prefix("header.") {
        return Ok(builder.header(header, value));
    }
    let Some((_, setter)) = PARAMETERS.iter().find(|(known, _)| *known == name) else {
        return Err(unknown_parameter(scheme, name));
    };
    if value.is_empty() {
        let detail = format!("the parameter `{name}` is empty");
        return Err(Error::config(detail, "give it a value, or leave it out"));
    }
    setter(builder, value).map_err(|error| {
        let help = error.help().unwrap_or_default().to_owned();
        Error::config(
            format!("the parameter `{name}` cannot be `{}`", shown(value)),
            help,
        )
    })
}

fn unknown_parameter(scheme: &str, name: &str) -> Error {
    let lower = name.to_ascii_lowercase();
    if SECRETS.iter().any(|word| lower.contains(word)) {
        return no_secrets("the connection string has a parameter for a secret");
    }
    let detail = format!(
        "`{scheme}:` connections have no parameter `{}`",
        shown(name)
    );
    let known = PARAMETERS.iter().map(|(name, _)| *name);
    if let Some(near) = did_you_mean(&lower, known.clone()) {
        return Error::config(detail, format!("did you mean `{near}`?"));
    }
    let known: Vec<&str> = known.collect();
    Error::config(
        detail,
        format!("there are `{}` and `header.<name>`", known.join("`, `")),
    )
}

/// A value that cannot be read: the caller names the parameter, this says what would be right.
fn expected(help: &'static str) -> Error {
    Error::config("", help)
}

fn boolean(value: &str) -> Result<bool> {
    match value {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(expected("write `true` or `false`")),
    }
}

fn number<N: std::str::FromStr>(value: &str) -> Result<N> {
    value.parse().map_err(|_| expected("write a whole number"))
}

#[cfg(feature = "s3")]
fn duration(value: &str) -> Result<Duration> {
    let help = "write a time such as `500ms`, `15s` or `2m`";
    let split = value
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(|| expected(help))?;
    let (count, unit) = value.split_at(split);
    let count: u64 = count.parse().map_err(|_| expected(help))?;
    let duration = match unit {
        "ms" => Duration::from_millis(count),
        "s" => Duration::from_secs(count),
        "m" => Duration::from_secs(count.saturating_mul(60)),
        _ => return Err(expected(help)),
    };
    if duration.is_zero() {
        return Err(expected(
            "a time of zero would fail every request; leave the parameter out",
        ));
    }
    Ok(duration)
}

#[cfg(feature = "s3")]
fn style(value: &str) -> Result<crate::store::s3::AddressingStyle> {
    match value {
        "path" => Ok(crate::store::s3::AddressingStyle::Path),
        "virtual" => Ok(crate::store::s3::AddressingStyle::Virtual),
        _ => Err(expected(
            "write `path` (https://host/bucket/key) or `virtual` (https://bucket.host/key)",
        )),
    }
}

#[cfg(feature = "s3")]
fn client(builder: DbBuilder, value: &str) -> Result<DbBuilder> {
    match value {
        "s3" => Ok(builder),
        #[cfg(feature = "rusoto")]
        "rusoto" => Ok(builder.rusoto()),
        #[cfg(not(feature = "rusoto"))]
        "rusoto" => Err(expected("enable the cargo feature `rusoto` of s3orm")),
        _ => Err(expected("write `s3` (our own) or `rusoto`")),
    }
}

fn percent_decode(text: &str) -> Result<String> {
    let wrong = || {
        let detail = format!("`{}` has a `%` that is no escape", shown(text));
        Error::config(detail, "write `%25` for a `%` itself")
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let digit = char::from(rest.next()?).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(wrong());
        };
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// What of a user's text goes into a message: the beginning, without control characters.
fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().count() > 60 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse(text).expect_err(text).to_string()
    }

    #[test]
    fn every_mistake_has_its_own_answer() {
        for (text, expected) in [
            ("", "the connection string is empty"),
            ("bucket", "`bucket` is no connection string"),
            ("s4://bucket", "did you mean `s3:`?"),
            ("postgres://host/db", "does not know `postgres:`"),
            ("s3:bucket", "`s3:` is followed by `//`"),
            ("s3://", "names no bucket"),
            ("s3:///prefix", "names no bucket"),
            ("s3://host:9000/bucket", "`?endpoint=http://host:port`"),
            ("s3://bucket?regoin=x", "did you mean `region`?"),
            ("s3://bucket?region", "the parameter `region` has no value"),
            ("s3://bucket?region=", "the parameter `region` is empty"),
            ("s3://bucket?region=a&region=b", "given twice"),
            (
                "s3://bucket?timeout=5",
                "cannot be `5`; write a time such as `500ms`",
            ),
            ("s3://bucket?timeout=0s", "leave the parameter out"),
            ("s3://bucket?retries=-1", "write a whole number"),
            ("s3://bucket?verbose=maybe", "write `true` or `false`"),
            ("s3://bucket?style=dns", "write `path`"),
            ("s3://bucket?client=aws", "write `s3` (our own) or `rusoto`"),
            ("s3://bucket/a//b", "empty segment"),
            ("s3://bucket/../b", "a path of its own"),
            ("s3://bucket/_s3orm", "the library's"),
            ("s3://bucket/caf\u{e9}", "not every S3 keeps"),
            ("s3://bucket/a%2", "no escape"),
            ("s3://bucket#x", "no `#` fragment"),
            ("memory:name", "has no name"),
            ("file:", "names no folder"),
            ("file://host/x", "names a host"),
        ] {
            let message = message(text);
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    #[test]
    fn a_secret_in_a_connection_string_is_refused_and_not_repeated() {
        for text in [
            "s3://AKIAEXAMPLE:hunter2@bucket/prefix",
            "s3://bucket?secret_access_key=hunter2",
            "s3://bucket?session_token=hunter2",
            "s3://bucket?password=hunter2",
        ] {
            let error = parse(text).expect_err(text);
            assert!(
                error
                    .to_string()
                    .contains("do not belong in a connection string"),
                "{error}"
            );
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn prefixes_end_in_one_slash() {
        for (text, expected) in [
            ("", ""),
            ("/", ""),
            ("a", "a/"),
            ("/a/b/", "a/b/"),
            ("v1.2", "v1.2/"),
        ] {
            assert_eq!(prefix(text).expect(text), expected);
        }
    }
}
