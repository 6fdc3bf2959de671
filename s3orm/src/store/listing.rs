//! Pages of a listing over anything that yields keys in byte order: prefixes rolled up, limits,
//! tokens.

use std::ops::Bound;

use super::rules::{hex, invalid, unhex};
use super::{
    ListObjects, ListParts, ListStart, ListUploads, ListedObject, ListedPart, ListedUpload, Page,
    PartsPage, StoreError, UploadMarker, UploadsPage,
};

/// The most entries of a page, and their number unless the request says fewer.
const MAX_ENTRIES: u16 = 1000;

/// Keys in byte order, all with the prefix of one listing.
pub(crate) trait Keys {
    /// The first key beyond `from`, which only grows from call to call; `None` after the last.
    fn next(&mut self, from: Bound<&str>) -> Result<Option<String>, StoreError>;

    /// The object of the key that [`next`](Keys::next) answered last; `None` if it is gone.
    fn object(&mut self, key: String) -> Result<Option<ListedObject>, StoreError>;
}

/// The page that `request` asks for.
pub(crate) fn page(request: &ListObjects, keys: &mut impl Keys) -> Result<Page, StoreError> {
    let limit = limit(request.limit)?;
    let mut from = match &request.start {
        ListStart::First => Position::Start,
        ListStart::After(key) => Position::AfterKey(key.clone()),
        ListStart::Token(token) => Position::from_token(token)?,
    };
    let mut page = Page::default();
    while let Some(key) = from.next_of(keys)? {
        if page.objects.len() + page.prefixes.len() == limit {
            page.next = Some(from.token());
            break;
        }
        if let Some(rolled) = common_prefix(&key, &request.prefix, request.delimiter) {
            page.prefixes.push(rolled.to_owned());
            from = Position::AfterPrefix(rolled.to_owned());
        } else {
            page.objects.extend(keys.object(key.clone())?);
            from = Position::AfterKey(key);
        }
    }
    Ok(page)
}

fn limit(asked: Option<u16>) -> Result<usize, StoreError> {
    match asked {
        Some(0) => Err(invalid("a page has one entry at least")),
        limit => Ok(usize::from(limit.unwrap_or(MAX_ENTRIES).min(MAX_ENTRIES))),
    }
}

/// The page of `uploads`, which are all that there are, in any order.
pub(crate) fn uploads_page(
    request: &ListUploads,
    mut uploads: Vec<ListedUpload>,
) -> Result<UploadsPage, StoreError> {
    let limit = limit(request.limit)?;
    let place = |upload: &ListedUpload| (upload.key.clone(), upload.upload_id.clone());
    let after = request.after.as_ref();
    let after = after.map(|marker| (marker.key.clone(), marker.upload_id.clone()));
    uploads.retain(|upload| {
        upload.key.starts_with(&request.prefix)
            && after.as_ref().is_none_or(|after| place(upload) > *after)
    });
    uploads.sort_by_key(place);
    let is_last = uploads.len() <= limit;
    uploads.truncate(limit);
    let last = uploads.last().filter(|_| !is_last);
    let next = last.map(|upload| UploadMarker {
        key: upload.key.clone(),
        upload_id: upload.upload_id.clone(),
    });
    Ok(UploadsPage { uploads, next })
}

/// The page of `parts`, which are all that the upload has, in any order.
pub(crate) fn parts_page(
    request: &ListParts,
    mut parts: Vec<ListedPart>,
) -> Result<PartsPage, StoreError> {
    let limit = limit(request.limit)?;
    parts.retain(|part| part.number > request.after);
    parts.sort_by_key(|part| part.number);
    let is_last = parts.len() <= limit;
    parts.truncate(limit);
    let last = parts.last().filter(|_| !is_last);
    let next = last.map(|part| part.number);
    Ok(PartsPage { parts, next })
}

/// What `key` is rolled up into: up to and with the first delimiter after the prefix.
fn common_prefix<'a>(key: &'a str, prefix: &str, delimiter: Option<char>) -> Option<&'a str> {
    let delimiter = delimiter?;
    let at = key[prefix.len()..].find(delimiter)? + prefix.len();
    Some(&key[..at + delimiter.len_utf8()])
}

/// How far a listing has come.
enum Position {
    Start,
    AfterKey(String),
    AfterPrefix(String),
}

impl Position {
    fn next_of(&self, keys: &mut impl Keys) -> Result<Option<String>, StoreError> {
        match self {
            Self::Start => keys.next(Bound::Unbounded),
            Self::AfterKey(key) => keys.next(Bound::Excluded(key)),
            Self::AfterPrefix(prefix) => match successor(prefix) {
                Some(after) => keys.next(Bound::Included(&after)),
                None => Ok(None),
            },
        }
    }

    /// Hexadecimal, so that it travels in any URL and any XML, whatever the key.
    fn token(&self) -> String {
        match self {
            Self::Start => String::new(),
            Self::AfterKey(key) => format!("k{}", hex(key.as_bytes())),
            Self::AfterPrefix(prefix) => format!("p{}", hex(prefix.as_bytes())),
        }
    }

    fn from_token(token: &str) -> Result<Self, StoreError> {
        let position = token
            .strip_prefix('k')
            .and_then(text_of_hex)
            .map(Self::AfterKey)
            .or_else(|| {
                let prefix = token.strip_prefix('p').and_then(text_of_hex)?;
                Some(Self::AfterPrefix(prefix))
            });
        position.ok_or_else(|| {
            invalid(format!(
                "`{}` is no token of a listing: pass what the page before answered",
                token.escape_debug()
            ))
        })
    }
}

fn text_of_hex(digits: &str) -> Option<String> {
    String::from_utf8(unhex(digits)?).ok()
}

/// The first text after all that begin with `prefix`, in the order of UTF-8 bytes, which is that of
/// the characters.
fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successors_skip_what_begins_with_the_prefix() {
        assert_eq!(successor("a/").as_deref(), Some("a0"));
        assert_eq!(successor("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(successor("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(successor("\u{10ffff}"), None);
    }

    #[test]
    fn tokens_round_trip_and_garbage_is_refused() {
        for key in ["a", "é\r\n", "p/k"] {
            let token = Position::AfterPrefix(key.to_owned()).token();
            let Ok(Position::AfterPrefix(back)) = Position::from_token(&token) else {
                panic!("{token}");
            };
            assert_eq!(back, key);
        }
        for token in ["", "x61", "k6", "kzz", "k+1", "kff"] {
            assert!(Position::from_token(token).is_err(), "{token}");
        }
    }
}
