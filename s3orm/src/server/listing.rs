//! Listings: of objects, in S3's old form and in its new one, of uploads, and of parts.

use std::borrow::Cow;
use std::fmt::Write as _;

use s3s::dto::{
    CommonPrefix, EncodingType, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput,
    ListPartsOutput, MultipartUpload, Object, ObjectStorageClass, Part,
};
use s3s::{S3Result, s3_error};

use super::convert;
use crate::store::{
    ListObjects, ListParts, ListStart, ListUploads, ListedPart, ListedUpload, Page, Store,
    UploadMarker,
};

/// The most keys of one page, and how many there are when the caller does not say.
const MAX_KEYS: u16 = 1000;

/// `ListObjectsV2`.
pub(super) async fn new(
    store: &dyn Store,
    input: ListObjectsV2Input,
) -> S3Result<ListObjectsV2Output> {
    let names = Names::new(input.encoding_type.as_ref())?;
    let start = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => ListStart::Token(token.clone()),
        (None, Some(key)) if !key.is_empty() => ListStart::After(key.clone()),
        (None, _) => ListStart::First,
    };
    let limit = max_keys(input.max_keys)?;
    let delimiter = delimiter(input.delimiter.as_deref())?;
    let prefix = input.prefix.unwrap_or_default();
    let page = page(store, &prefix, delimiter, start, limit).await?;
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        max_keys: Some(limit.into()),
        key_count: i32::try_from(page.objects.len() + page.prefixes.len()).ok(),
        is_truncated: Some(page.next.is_some()),
        continuation_token: input.continuation_token,
        start_after: input.start_after.map(|key| names.write(&key)),
        prefix: Some(names.write(&prefix)),
        delimiter: input.delimiter.map(|delimiter| names.write(&delimiter)),
        encoding_type: input.encoding_type,
        common_prefixes: Some(names.prefixes(&page)),
        contents: Some(names.objects(&page)),
        next_continuation_token: page.next,
        ..ListObjectsV2Output::default()
    })
}

/// `ListObjects`, whose pages go on after a key instead of at a token.
pub(super) async fn old(store: &dyn Store, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let names = Names::new(input.encoding_type.as_ref())?;
    let limit = max_keys(input.max_keys)?;
    let delimiter = delimiter(input.delimiter.as_deref())?;
    let prefix = input.prefix.unwrap_or_default();
    let start = match input.marker.as_deref() {
        None | Some("") => ListStart::First,
        Some(marker) => ListStart::After(past(marker, &prefix, delimiter)),
    };
    let page = page(store, &prefix, delimiter, start, limit).await?;
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        max_keys: Some(limit.into()),
        is_truncated: Some(page.next.is_some()),
        next_marker: next_marker(&page, delimiter).map(|key| names.write(key)),
        marker: Some(names.write(input.marker.as_deref().unwrap_or_default())),
        prefix: Some(names.write(&prefix)),
        delimiter: input.delimiter.map(|delimiter| names.write(&delimiter)),
        encoding_type: input.encoding_type,
        common_prefixes: Some(names.prefixes(&page)),
        contents: Some(names.objects(&page)),
        ..ListObjectsOutput::default()
    })
}

/// `ListMultipartUploads`, without a delimiter.
pub(super) async fn uploads(
    store: &dyn Store,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    if input.delimiter.is_some() {
        return Err(s3_error!(
            NotImplemented,
            "this server lists uploads without a delimiter"
        ));
    }
    let names = Names::new(input.encoding_type.as_ref())?;
    let limit = max_keys(input.max_uploads)?.max(1);
    let key_marker = input.key_marker.filter(|key| !key.is_empty());
    let id_marker = input.upload_id_marker.filter(|id| !id.is_empty());
    let after = key_marker.as_ref().map(|key| UploadMarker {
        key: key.clone(),
        // Without an upload, it stands for all of its key.
        upload_id: id_marker.clone().unwrap_or_else(|| char::MAX.to_string()),
    });
    let prefix = input.prefix.unwrap_or_default();
    let request = ListUploads {
        prefix: prefix.clone(),
        after,
        limit: Some(limit),
    };
    let page = store.list_uploads(request).await;
    let page = page.map_err(|error| convert::error(&error))?;
    let upload = |upload: &ListedUpload| MultipartUpload {
        key: Some(names.write(&upload.key)),
        upload_id: Some(upload.upload_id.clone()),
        initiated: Some(upload.initiated.into()),
        ..MultipartUpload::default()
    };
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: Some(names.write(&prefix)),
        max_uploads: Some(limit.into()),
        key_marker: key_marker.map(|key| names.write(&key)),
        upload_id_marker: id_marker,
        is_truncated: Some(page.next.is_some()),
        encoding_type: input.encoding_type,
        uploads: Some(page.uploads.iter().map(upload).collect()),
        next_key_marker: page.next.as_ref().map(|next| names.write(&next.key)),
        next_upload_id_marker: page.next.map(|next| next.upload_id),
        ..ListMultipartUploadsOutput::default()
    })
}

/// `ListParts`.
pub(super) async fn parts(store: &dyn Store, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let limit = max_keys(input.max_parts)?.max(1);
    let after = input.part_number_marker.unwrap_or_default();
    let request = ListParts {
        key: input.key.clone(),
        upload_id: input.upload_id.clone(),
        after: u16::try_from(after)
            .map_err(|_| s3_error!(InvalidArgument, "`part-number-marker` numbers no part"))?,
        limit: Some(limit),
    };
    let page = store.list_parts(request).await;
    let page = page.map_err(|error| convert::error(&error))?;
    let part = |part: ListedPart| Part {
        part_number: Some(part.number.into()),
        e_tag: Some(convert::etag(&part.etag)),
        size: Some(convert::length(part.size)),
        checksum_crc64nvme: part.checksum.map(|checksum| checksum.to_string()),
        ..Part::default()
    };
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        max_parts: Some(limit.into()),
        part_number_marker: Some(after),
        is_truncated: Some(page.next.is_some()),
        next_part_number_marker: page.next.map(Into::into),
        parts: Some(page.parts.into_iter().map(part).collect()),
        ..ListPartsOutput::default()
    })
}

async fn page(
    store: &dyn Store,
    prefix: &str,
    delimiter: Option<char>,
    start: ListStart,
    limit: u16,
) -> S3Result<Page> {
    let answer = if limit == 0 {
        // S3 takes it; a store does not. The bucket must exist all the same.
        store.head_bucket().await.map(|()| Page::default())
    } else {
        let request = ListObjects {
            prefix: prefix.to_owned(),
            delimiter,
            start,
            limit: Some(limit),
        };
        store.list(request).await
    };
    answer.map_err(|error| convert::error(&error))
}

fn max_keys(asked: Option<i32>) -> S3Result<u16> {
    match asked.map(u16::try_from) {
        None => Ok(MAX_KEYS),
        Some(Ok(keys)) => Ok(keys.min(MAX_KEYS)),
        Some(Err(_)) if asked > Some(0) => Ok(MAX_KEYS),
        Some(Err(_)) => Err(s3_error!(InvalidArgument, "`max-keys` cannot be negative")),
    }
}

fn delimiter(asked: Option<&str>) -> S3Result<Option<char>> {
    let mut characters = asked.unwrap_or_default().chars();
    match (characters.next(), characters.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(s3_error!(
            NotImplemented,
            "this server takes a delimiter of one character"
        )),
    }
}

/// The old form says where to go on only where the last entry may be a prefix; else it is the last
/// key.
fn next_marker(page: &Page, delimiter: Option<char>) -> Option<&str> {
    page.next.as_ref().and(delimiter)?;
    let key = page.objects.last().map(|object| object.key.as_str());
    let prefix = page.prefixes.last().map(String::as_str);
    key.max(prefix)
}

/// A marker that is a common prefix stands for all its keys, so the page begins after the greatest
/// key that can have it.
fn past(marker: &str, prefix: &str, delimiter: Option<char>) -> String {
    let is_common_prefix = delimiter.is_some_and(|delimiter| {
        marker
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.find(delimiter) == Some(rest.len() - delimiter.len_utf8()))
    });
    let mut after = Cow::Borrowed(marker);
    while is_common_prefix && after.len() < 1024 {
        after.to_mut().push(char::MAX);
    }
    after.into_owned()
}

/// Writes names as the caller asked for them.
struct Names {
    encoded: bool,
}

impl Names {
    fn new(asked: Option<&EncodingType>) -> S3Result<Self> {
        match asked.map(EncodingType::as_str) {
            None => Ok(Self { encoded: false }),
            Some(EncodingType::URL) => Ok(Self { encoded: true }),
            Some(_) => Err(s3_error!(InvalidArgument, "`encoding-type` must be `url`")),
        }
    }

    fn write(&self, name: &str) -> String {
        if !self.encoded {
            return name.to_owned();
        }
        let mut encoded = String::with_capacity(name.len() + name.len() / 2);
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    }

    fn prefixes(&self, page: &Page) -> Vec<CommonPrefix> {
        let prefix = |prefix: &String| CommonPrefix {
            prefix: Some(self.write(prefix)),
        };
        page.prefixes.iter().map(prefix).collect()
    }

    fn objects(&self, page: &Page) -> Vec<Object> {
        let object = |object: &crate::store::ListedObject| Object {
            key: Some(self.write(&object.key)),
            e_tag: Some(convert::etag(&object.etag)),
            size: Some(convert::length(object.size)),
            last_modified: Some(object.last_modified.into()),
            storage_class: Some(ObjectStorageClass::from_static(
                ObjectStorageClass::STANDARD,
            )),
            ..Object::default()
        };
        page.objects.iter().map(object).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_encoded_so_that_both_readings_of_plus_and_space_agree() {
        let names = Names { encoded: true };
        assert_eq!(names.write("a b+c/%2F\n\u{e9}"), "a%20b%2Bc/%252F%0A%C3%A9");
    }

    #[test]
    fn a_marker_that_is_a_common_prefix_passes_all_its_keys() {
        assert_eq!(past("p/a", "p/", Some('/')), "p/a");
        assert_eq!(past("p/a/b", "p/", Some('/')), "p/a/b");
        assert_eq!(past("p/a/", "p/", None), "p/a/");
        let after = past("p/a/", "p/", Some('/'));
        assert!(after.as_str() > "p/a/\u{10FFFF}\u{10FFFF}z");
        assert!(after.as_str() < "p/a0");
    }

    #[test]
    fn a_page_has_no_more_than_a_thousand_keys() {
        assert_eq!(max_keys(None).unwrap(), 1000);
        assert_eq!(max_keys(Some(7)).unwrap(), 7);
        assert_eq!(max_keys(Some(70_000)).unwrap(), 1000);
        assert!(max_keys(Some(-1)).is_err());
    }
}
