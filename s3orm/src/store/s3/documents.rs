//! The XML documents of calls: those that are sent, and those that answer.

use std::collections::{HashMap, VecDeque};
use std::time::SystemTime;

use bytes::Bytes;

use super::answer::{bad_answer, error_in_success, error_of_code};
use super::request::decoded;
use super::transport::Answer;
use super::xml;
use crate::store::time::parse_listed;
use crate::store::{
    DeleteObject, ETag, ListedObject, ListedPart, ListedUpload, Page, PartsPage, Precondition,
    StoreError, UploadMarker, UploadsPage,
};

type Result<T> = std::result::Result<T, StoreError>;

/// The document that names the objects of a bulk deletion.
pub(super) fn deletion<'a>(requests: impl Iterator<Item = &'a DeleteObject>) -> Bytes {
    let mut body = String::from("<Delete>");
    for request in requests {
        body.push_str("<Object>");
        xml::push_element(&mut body, "Key", &request.key);
        match &request.precondition {
            Precondition::None | Precondition::IfAbsent => {}
            Precondition::IfPresent => xml::push_element(&mut body, "ETag", "*"),
            Precondition::IfMatch(etag) => xml::push_element(&mut body, "ETag", &etag.quoted()),
        }
        body.push_str("</Object>");
    }
    body.push_str("</Delete>");
    Bytes::from(body)
}

/// The document that names an upload's parts.
pub(super) fn completion(parts: &[(u16, ETag)]) -> Bytes {
    let mut body = String::from("<CompleteMultipartUpload>");
    for (number, etag) in parts {
        body.push_str("<Part>");
        xml::push_element(&mut body, "PartNumber", &number.to_string());
        xml::push_element(&mut body, "ETag", &etag.quoted());
        body.push_str("</Part>");
    }
    body.push_str("</CompleteMultipartUpload>");
    Bytes::from(body)
}

/// Walks the answer's document, which must be a `root`.
pub(super) fn read(
    answer: &Answer,
    root: &str,
    mut visit: impl FnMut((&str, &str), &str),
) -> Result<()> {
    let mut is_root = false;
    let walked = xml::walk(&answer.body, |path, text| {
        let place = path.place();
        if place.0.is_empty() {
            // The outermost element, which ends last.
            is_root = place.1 == root;
        }
        visit(place, text);
    });
    match walked {
        Err(what) => Err(bad_answer(answer, &what)),
        Ok(()) if !is_root => Err(bad_answer(answer, &format!("it is no {root}"))),
        Ok(()) => Ok(()),
    }
}

pub(super) fn field(answer: &Answer, root: &str, name: &str) -> Result<Option<String>> {
    let mut found = None;
    read(answer, root, |place, text| {
        if place == (root, name) && !text.is_empty() {
            found = Some(text.to_owned());
        }
    })?;
    Ok(found)
}

/// An entry of a listing, as far as it was read.
#[derive(Default)]
struct Listed {
    key: String,
    etag: Option<ETag>,
    size: Option<u64>,
    modified: Option<SystemTime>,
}

impl Listed {
    fn finish(&mut self) -> Option<ListedObject> {
        let listed = std::mem::take(self);
        Some(ListedObject {
            key: listed.key,
            etag: listed.etag.unwrap_or_else(|| ETag::new("")),
            size: listed.size?,
            last_modified: listed.modified?,
        })
    }
}

pub(super) fn read_page(answer: &Answer) -> Result<Page> {
    const ROOT: &str = "ListBucketResult";
    // An entry has some 200 bytes.
    let mut page = Page {
        objects: Vec::with_capacity(answer.body.len() / 256),
        ..Page::default()
    };
    let (mut listed, mut truncated, mut wrong) = (Listed::default(), false, false);
    let mut is_encoded = false;
    read(answer, ROOT, |place, text| match place {
        ("Contents", "Key") => text.clone_into(&mut listed.key),
        ("Contents", "ETag") => listed.etag = Some(ETag::new(text)),
        ("Contents", "Size") => listed.size = text.parse().ok(),
        ("Contents", "LastModified") => listed.modified = parse_listed(text),
        (ROOT, "Contents") => match listed.finish() {
            Some(object) => page.objects.push(object),
            None => wrong = true,
        },
        ("CommonPrefixes", "Prefix") => page.prefixes.push(text.to_owned()),
        (ROOT, "EncodingType") => is_encoded = text == "url",
        (ROOT, "IsTruncated") => truncated = text == "true",
        (ROOT, "NextContinuationToken") => page.next = Some(text.to_owned()),
        _ => {}
    })?;
    // The encoding may be named after what it applies to.
    if is_encoded {
        let keys = page.objects.iter_mut().map(|object| &mut object.key);
        wrong |= keys.chain(&mut page.prefixes).any(|name| !decode(name));
    }
    if wrong {
        return Err(bad_answer(answer, "an entry of the listing cannot be read"));
    }
    if truncated != page.next.is_some() {
        return Err(bad_answer(
            answer,
            "a listing goes on without saying where, or the reverse",
        ));
    }
    Ok(page)
}

pub(super) fn read_uploads(answer: &Answer) -> Result<UploadsPage> {
    const ROOT: &str = "ListMultipartUploadsResult";
    let (mut uploads, mut wrong) = (Vec::new(), false);
    let (mut key, mut id, mut initiated) = (String::new(), String::new(), None);
    let (mut next_key, mut next_id) = (String::new(), String::new());
    let (mut truncated, mut is_encoded) = (false, false);
    read(answer, ROOT, |place, text| match place {
        ("Upload", "Key") => text.clone_into(&mut key),
        ("Upload", "UploadId") => text.clone_into(&mut id),
        ("Upload", "Initiated") => initiated = parse_listed(text),
        (ROOT, "Upload") => match initiated.take() {
            Some(initiated) => uploads.push(ListedUpload {
                key: std::mem::take(&mut key),
                upload_id: std::mem::take(&mut id),
                initiated,
            }),
            None => wrong = true,
        },
        (ROOT, "NextKeyMarker") => text.clone_into(&mut next_key),
        (ROOT, "NextUploadIdMarker") => text.clone_into(&mut next_id),
        (ROOT, "EncodingType") => is_encoded = text == "url",
        (ROOT, "IsTruncated") => truncated = text == "true",
        _ => {}
    })?;
    if is_encoded {
        let keys = uploads.iter_mut().map(|upload| &mut upload.key);
        wrong |= keys.chain([&mut next_key]).any(|name| !decode(name));
    }
    wrong |= truncated && next_key.is_empty();
    wrong |= uploads.iter().any(|upload| upload.upload_id.is_empty());
    if wrong {
        return Err(bad_answer(answer, "the listing of uploads cannot be read"));
    }
    let next = truncated.then_some(UploadMarker {
        key: next_key,
        upload_id: next_id,
    });
    Ok(UploadsPage { uploads, next })
}

pub(super) fn read_parts(answer: &Answer) -> Result<PartsPage> {
    const ROOT: &str = "ListPartsResult";
    let (mut parts, mut wrong) = (Vec::new(), false);
    let (mut number, mut size, mut etag, mut checksum) = (None, None, None, None);
    let (mut truncated, mut next) = (false, None);
    read(answer, ROOT, |place, text| match place {
        ("Part", "PartNumber") => number = text.parse().ok(),
        ("Part", "Size") => size = text.parse().ok(),
        ("Part", "ETag") => etag = Some(ETag::new(text)),
        ("Part", "ChecksumCRC64NVME") => checksum = text.parse().ok(),
        (ROOT, "Part") => match (number.take(), size.take(), etag.take()) {
            (Some(number), Some(size), Some(etag)) => parts.push(ListedPart {
                number,
                etag,
                size,
                checksum: checksum.take(),
            }),
            _ => wrong = true,
        },
        (ROOT, "NextPartNumberMarker") => next = text.parse().ok(),
        (ROOT, "IsTruncated") => truncated = text == "true",
        _ => {}
    })?;
    if wrong || truncated && next.is_none() {
        return Err(bad_answer(answer, "the listing of parts cannot be read"));
    }
    // Some servers name the last part of the last page, too.
    let next = next.filter(|_| truncated);
    Ok(PartsPage { parts, next })
}

/// Undoes the encoding of a listing, which leaves most names as they are; whether that works.
fn decode(name: &mut String) -> bool {
    if name.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        match decoded(name) {
            Some(plain) => *name = plain,
            None => return false,
        }
    }
    true
}

pub(super) fn read_deletions(answer: &Answer) -> Result<HashMap<String, VecDeque<Result<()>>>> {
    if let Some(error) = error_in_success(answer, std::time::UNIX_EPOCH) {
        return Err(error);
    }
    let mut outcomes: HashMap<String, VecDeque<_>> = HashMap::new();
    let (mut key, mut code, mut message) = (String::new(), String::new(), String::new());
    read(answer, "DeleteResult", |place, text| match place {
        ("Deleted" | "Error", "Key") => text.clone_into(&mut key),
        ("Error", "Code") => text.clone_into(&mut code),
        ("Error", "Message") => text.clone_into(&mut message),
        ("DeleteResult", "Deleted") => {
            outcomes
                .entry(std::mem::take(&mut key))
                .or_default()
                .push_back(Ok(()));
        }
        ("DeleteResult", "Error") => {
            let error = error_of_code(&code, &message);
            outcomes
                .entry(std::mem::take(&mut key))
                .or_default()
                .push_back(Err(error));
            (code, message) = Default::default();
        }
        _ => {}
    })?;
    Ok(outcomes)
}

/// The names in an answer to `ListBuckets`, in order.
pub(super) fn read_buckets(answer: &Answer) -> Result<Vec<String>> {
    let mut names = Vec::new();
    read(answer, "ListAllMyBucketsResult", |place, text| {
        if place == ("Bucket", "Name") {
            names.push(text.to_owned());
        }
    })?;
    names.sort_unstable();
    Ok(names)
}
