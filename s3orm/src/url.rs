//! Connection strings.

use crate::config::options::{Given, Origin};
use crate::config::{DbBuilder, Location};
use crate::error::{Error, Result, did_you_mean};

const FORMS: &str = "write `s3://bucket/prefix?region=…`, `file:./folder` or `memory:`";

/// Reads a connection string.
pub(crate) fn parse(text: &str) -> Result<DbBuilder> {
    parse_over(text, Ok)
}

/// Reads a connection string whose parameters are set over what `below` sets.
pub(crate) fn parse_over(
    text: &str,
    below: impl FnOnce(DbBuilder) -> Result<DbBuilder>,
) -> Result<DbBuilder> {
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
    parameters(below(builder)?, query.unwrap_or_default())
}

fn unknown_scheme(scheme: &str) -> Error {
    let detail = format!("s3orm does not know `{}:` connections", shown(scheme));
    if matches!(scheme, "http" | "https") {
        let help = format!("an S3 server is named so: `s3://BUCKET?endpoint={scheme}://HOST:PORT`");
        return Error::config(detail, help);
    }
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
    if path == "~" || path.starts_with("~/") {
        return Err(Error::config(
            "`~` is the shell's word for a folder",
            "write the whole path: `file:///home/ann/data`",
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

pub(crate) fn no_secrets(detail: &'static str) -> Error {
    Error::config(
        detail,
        "credentials do not belong in a connection string, where logs and process lists show them: \
         set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a `profile`, or a file: \
         `secret_access_key=file:///path`",
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

fn parameters(mut builder: DbBuilder, query: &str) -> Result<DbBuilder> {
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
        let given = Given {
            name: &name,
            text: &value,
            origin: &Origin::Parameter,
        };
        builder = given.set(builder)?;
        seen.push(name);
    }
    Ok(builder)
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
pub(crate) fn shown(text: &str) -> String {
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
            ("s3://bucket?timeout=0s", "leave it out"),
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
            (
                "http://host:9000/b",
                "`s3://BUCKET?endpoint=http://HOST:PORT`",
            ),
            ("memory:name", "has no name"),
            ("file:", "names no folder"),
            ("file:~/data", "the shell's word"),
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
