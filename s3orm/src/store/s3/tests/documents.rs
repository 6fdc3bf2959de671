//! Answers that are documents.

use super::*;
use crate::{Db, ErrorKind};

#[tokio::test]
async fn a_page_is_read_strictly() {
    let entry = |key: &str| {
        format!(
            "<Contents><Key>{key}</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>\
             <ETag>&quot;e&quot;</ETag><Size>5</Size><Owner><ID>x</ID></Owner></Contents>"
        )
    };
    let page = |inner: &str| {
        let body = format!(
            "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Prefix>p%2F</Prefix>{inner}</ListBucketResult>"
        );
        answer("200 OK", "", &body)
    };
    let url = "<EncodingType>url</EncodingType>";
    let good = format!(
        "{}{}<CommonPrefixes><Prefix>p%2Fq%2F</Prefix></CommonPrefixes>\
         <IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>{url}",
        entry("p%2Fa+b%2B"),
        entry("p%2F%01")
    );
    let (store, seen) = scripted(vec![page(&good)]).await;
    let request = ListObjects {
        prefix: "p/".to_owned(),
        delimiter: Some('/'),
        start: ListStart::After("p/0".to_owned()),
        limit: Some(2),
    };
    let found = store.list(request).await.unwrap();
    let keys: Vec<_> = found
        .objects
        .iter()
        .map(|object| object.key.as_str())
        .collect();
    assert_eq!(keys, ["p/a b+", "p/\u{1}"]);
    assert_eq!(
        (found.objects[0].etag.as_str(), found.objects[0].size),
        ("e", 5)
    );
    assert_eq!(
        (found.prefixes, found.next.as_deref()),
        (vec!["p/q/".to_owned()], Some("t&1"))
    );
    assert!(seen.lock().unwrap()[0].starts_with(
        "GET /bucket?delimiter=%2F&encoding-type=url&list-type=2&max-keys=2&prefix=p%2F&start-after=p%2F0 "
    ));

    for wrong in [
        format!("{url}{}", entry("%zz")),
        format!("{url}<IsTruncated>true</IsTruncated>"),
        format!("{url}{}", entry("a").replace("<Size>5</Size>", "")),
        format!("{url}<Contents><Key>"),
    ] {
        let (store, _) = scripted(vec![page(&wrong)]).await;
        let error = store.list(ListObjects::default()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::BadAnswer, "{wrong}");
    }
    let (store, _) = scripted(vec![page(&entry("100%"))]).await;
    let raw = store.list(ListObjects::default()).await.unwrap();
    assert_eq!(
        raw.objects[0].key, "100%",
        "without the encoding asked for, keys are as they are"
    );
}

#[tokio::test]
async fn a_bulk_deletion_has_an_outcome_for_each() {
    let body = "<DeleteResult><Deleted><Key>a&amp;b</Key></Deleted>\
                <Error><Key>c</Key><Code>PreconditionFailed</Code><Message>m</Message></Error>\
                <Error><Key>d</Key><Code>InternalError</Code></Error></DeleteResult>";
    let single = Act::Answer("HTTP/1.1 204 No Content\r\n\r\n".to_owned());
    let (store, seen) = scripted(vec![answer("200 OK", "", body), single]).await;
    let requests = ["d", "a&b", "\u{1}", "c", "e"].map(|key| DeleteObject {
        key: key.to_owned(),
        precondition: match key {
            "c" => Precondition::IfMatch(ETag::new("t")),
            _ => Precondition::None,
        },
    });
    let outcomes = store.delete_many(requests.to_vec()).await.unwrap();
    let kinds: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().err().map(StoreError::kind))
        .collect();
    let expected = [
        Some(Kind::Server),
        None,
        None,
        Some(Kind::PreconditionFailed),
        Some(Kind::BadAnswer),
    ];
    assert_eq!(kinds, expected);
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("POST /bucket?delete= ") && seen[0].contains("content-md5: "));
    assert!(seen[0].contains("<Object><Key>c</Key><ETag>&quot;t&quot;</ETag></Object>"));
    assert!(seen[1].starts_with("DELETE /bucket/%01 "));
}

#[tokio::test]
async fn a_success_may_hold_an_error() {
    let upload = || CompleteUpload {
        key: "k".to_owned(),
        upload_id: "u".to_owned(),
        parts: vec![(1, ETag::new("p"))],
        precondition: Precondition::IfAbsent,
        checksum: None,
    };
    let copy = || CopyObject {
        source: "s".to_owned(),
        key: "k".to_owned(),
        ..Default::default()
    };
    for (code, kind) in [
        ("InternalError", Kind::Server),
        ("SlowDown", Kind::Server),
        ("SomethingNew", Kind::Server),
        ("NoSuchUpload", Kind::NoSuchUpload),
        ("PreconditionFailed", Kind::PreconditionFailed),
    ] {
        let (store, _) = scripted(vec![fault("200 OK", code), fault("200 OK", code)]).await;
        assert_eq!(
            store.complete_upload(upload()).await.unwrap_err().kind(),
            kind,
            "{code}"
        );
        assert_eq!(store.copy(copy()).await.unwrap_err().kind(), kind, "{code}");
    }
    let done =
        "\n <CompleteMultipartUploadResult><ETag>\"e-1\"</ETag></CompleteMultipartUploadResult>";
    let copied = "<CopyObjectResult><ETag>\"c\"</ETag></CopyObjectResult>";
    let (store, seen) = scripted(vec![
        answer("200 OK", "", done),
        answer("200 OK", "", copied),
    ])
    .await;
    assert_eq!(
        store.complete_upload(upload()).await.unwrap().etag.as_str(),
        "e-1"
    );
    assert_eq!(store.copy(copy()).await.unwrap().etag.as_str(), "c");
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("POST /bucket/k?uploadId=u "));
    assert!(seen[0].contains("<PartNumber>1</PartNumber><ETag>&quot;p&quot;</ETag>"));
    assert!(seen[1].contains("\r\nx-amz-copy-source: /bucket/s\r\n"));
}

#[tokio::test]
async fn buckets_are_made_listed_and_named() {
    let list = "<ListAllMyBucketsResult><Owner><ID>o</ID></Owner><Buckets>\
                <Bucket><Name>two</Name></Bucket><Bucket><Name>one</Name></Bucket></Buckets>\
                </ListAllMyBucketsResult>";
    let (store, seen) = scripted(vec![answer("200 OK", "", ""), answer("200 OK", "", list)]).await;
    let other = store.with_bucket("other").unwrap();
    other.create_bucket().await.unwrap();
    assert_eq!(store.list_buckets().await.unwrap(), ["one", "two"]);
    assert_eq!(store.with_bucket("No").unwrap_err().kind(), Kind::Invalid);
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("PUT /other HTTP/1.1"));
    assert!(seen[0].ends_with(
        "<LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"
    ));
    assert!(seen[1].starts_with("GET / HTTP/1.1"));
}

/// A page of another prefix is of a server that is none, or of a proxy.
#[tokio::test]
async fn what_was_not_asked_for_is_not_listed() {
    for (entry, is_asked_for) in [
        (
            "<CommonPrefixes><Prefix>p/q/</Prefix></CommonPrefixes>",
            true,
        ),
        (
            "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>",
            false,
        ),
        ("<CommonPrefixes><Prefix>q</Prefix></CommonPrefixes>", false),
        (
            "<Contents><Key>q</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified><Size>5</Size></Contents>",
            false,
        ),
    ] {
        let body = format!("<ListBucketResult>{entry}</ListBucketResult>");
        let (store, _) = scripted(vec![answer("200 OK", "", &body)]).await;
        let db = Db::with_store(store, "p", Env::seeded(1)).unwrap();
        match db.tables().await {
            Ok(tables) => assert!(is_asked_for, "{tables:?}"),
            Err(error) => {
                assert!(!is_asked_for, "{error}");
                assert_eq!(error.kind(), ErrorKind::Unavailable);
            }
        }
    }
}
