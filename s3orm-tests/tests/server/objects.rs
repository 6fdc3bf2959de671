//! Objects: written, read, copied, uploaded, deleted.

use s3orm_tests::server::BUCKET;

use super::{
    ABSENT, FAILED, Fixture, NO_BUCKET, NO_KEY, OTHER, PRESENT, REFUSED, element, elements,
};

#[tokio::test]
async fn a_put_has_s3s_outcomes() {
    let s3 = Fixture::new().await;
    assert_eq!(s3.outcome("PUT /{b}/a", &[ABSENT], "1").await, "200");
    assert_eq!(s3.outcome("PUT /{b}/a", &[ABSENT], "2").await, FAILED);
    assert_eq!(s3.outcome("PUT /{b}/a", &[OTHER], "2").await, FAILED);
    let tag = s3.send("HEAD /{b}/a", &[], "").await.header("etag");
    let same = [("if-match", tag.as_str())];
    assert_eq!(s3.outcome("PUT /{b}/a", &same, "2").await, "200");
    assert_eq!(s3.outcome("PUT /{b}/a", &same, "3").await, FAILED);
    assert_eq!(s3.outcome("PUT /{b}/a", &[PRESENT], "3").await, "200");
    assert_eq!(s3.outcome("PUT /{b}/none", &[OTHER], "").await, NO_KEY);
    assert_eq!(s3.outcome("PUT /{b}/none", &[PRESENT], "").await, NO_KEY);
    assert_eq!(s3.outcome("PUT /no-bucket/a", &[], "").await, NO_BUCKET);
    assert_eq!(s3.send("GET /{b}/a", &[], "").await.text(), "3");
}

#[tokio::test]
async fn a_precondition_that_s3_does_not_know_is_refused() {
    let s3 = Fixture::new().await;
    let tag = s3.put("a", "1").await;
    let unknown = [("if-none-match", tag.as_str())];
    assert_eq!(s3.outcome("PUT /{b}/a", &unknown, "2").await, REFUSED);
    let both = [ABSENT, PRESENT];
    assert_eq!(s3.outcome("PUT /{b}/a", &both, "2").await, REFUSED);
    assert_eq!(s3.send("GET /{b}/a", &[], "").await.text(), "1");
}

#[tokio::test]
async fn a_delete_has_s3s_outcomes() {
    let s3 = Fixture::new().await;
    let tag = s3.put("a", "1").await;
    let same = [("if-match", tag.as_str())];
    assert_eq!(s3.outcome("DELETE /{b}/a", &[OTHER], "").await, FAILED);
    assert_eq!(s3.outcome("DELETE /{b}/a", &same, "").await, "204");
    assert_eq!(s3.outcome("DELETE /{b}/a", &same, "").await, NO_KEY);
    assert_eq!(s3.outcome("DELETE /{b}/a", &[PRESENT], "").await, NO_KEY);
    assert_eq!(s3.outcome("DELETE /{b}/a", &[], "").await, "204");
    assert_eq!(s3.outcome("DELETE /no-bucket/a", &[], "").await, NO_BUCKET);
}

#[tokio::test]
async fn a_bulk_delete_reports_each_object() {
    let s3 = Fixture::new().await;
    let tag = s3.put("a", "1").await;
    s3.put("b", "2").await;
    s3.put("c%0Dd%F0%9F%98%80", "3").await;
    let body = format!(
        "<Delete><Object><Key>a</Key><ETag>{tag}</ETag></Object>\
         <Object><Key>b</Key><ETag>other</ETag></Object>\
         <Object><Key>none</Key></Object><Object><Key>gone</Key><ETag>*</ETag></Object>\
         <Object><Key>c&#13;d\u{1f600}</Key></Object></Delete>"
    );
    let answer = s3.send("POST /{b}?delete", &[], &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let errors = elements(&answer.text(), "Error");
    let codes: Vec<_> = errors.iter().map(|e| element(e, "Code").unwrap()).collect();
    assert_eq!(codes, ["PreconditionFailed", "NoSuchKey"]);
    assert_eq!(s3.keys().await, ["b"]);
    let control = "<Delete><Object><Key>b</Key></Object><Object><Key>\u{1}</Key></Object></Delete>";
    let refused = s3.outcome("POST /{b}?delete", &[], control).await;
    assert_eq!(refused, "400 MalformedXML");
    assert_eq!(s3.keys().await, ["b"]);
}

#[tokio::test]
async fn a_read_has_s3s_outcomes() {
    let s3 = Fixture::new().await;
    let tag = s3.put("a", "0123456789").await;
    for method in ["GET", "HEAD"] {
        let target = format!("{method} /{{b}}/a");
        let fresh = s3.send(&target, &[("if-none-match", &tag)], "").await;
        assert_eq!((fresh.status, fresh.header("etag")), (304, tag.clone()));
        assert!(fresh.body.is_empty());
        assert_eq!(s3.send(&target, &[OTHER], "").await.status, 412);
        assert_eq!(s3.send(&target, &[ABSENT], "").await.status, 304);
        let same = s3.send(&target, &[("if-match", &tag)], "").await;
        assert_eq!(same.status, 200);
    }
    assert_eq!(s3.outcome("GET /{b}/none", &[], "").await, NO_KEY);
    assert_eq!(s3.outcome("GET /no-bucket/a", &[], "").await, NO_BUCKET);
    assert_eq!(s3.send("HEAD /{b}/none", &[], "").await.status, 404);
}

#[tokio::test]
async fn a_range_is_cut_at_the_end() {
    let s3 = Fixture::new().await;
    s3.put("a", "0123456789").await;
    for (range, content_range, body) in [
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=7-99", "bytes 7-9/10", "789"),
        ("bytes=-3", "bytes 7-9/10", "789"),
        ("bytes=-99", "bytes 0-9/10", "0123456789"),
    ] {
        let answer = s3.send("GET /{b}/a", &[("range", range)], "").await;
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.header("content-range"), content_range);
        assert_eq!(answer.text(), body);
    }
    let beyond = [("range", "bytes=10-")];
    let answer = s3.outcome("GET /{b}/a", &beyond, "").await;
    assert_eq!(answer, "416 InvalidRange");
}

#[tokio::test]
async fn metadata_and_content_type_come_back_as_they_were() {
    let s3 = Fixture::new().await;
    let sent = [
        ("content-type", "text/x-made-up; a=\"b c\""),
        ("content-encoding", "gzip"),
        ("x-amz-meta-word", "=?UTF-8?Q?x=20y?="),
        ("x-amz-meta-spaced-out", "one two"),
    ];
    assert_eq!(s3.outcome("PUT /{b}/a", &sent, "1").await, "200");
    for method in ["GET", "HEAD"] {
        let answer = s3.send(&format!("{method} /{{b}}/a"), &[], "").await;
        for (name, value) in sent {
            assert_eq!(answer.header(name), value, "{method}");
        }
        assert_eq!(answer.header("content-length"), "1");
    }
}

#[tokio::test]
async fn what_a_store_cannot_keep_is_refused() {
    let s3 = Fixture::new().await;
    for header in [("cache-control", "no-cache"), ("x-amz-tagging", "a=b")] {
        assert_eq!(s3.outcome("PUT /{b}/a", &[header], "").await, REFUSED);
    }
    let version = s3.outcome("GET /{b}/a?versionId=3", &[], "").await;
    assert_eq!(version, REFUSED);
    assert!(s3.keys().await.is_empty());
}

/// Keys that some layer between a client and a store tends to change: as they are sent, and as they
/// are.
const AWKWARD: [(&str, &str); 15] = [
    ("%20lead", " lead"),
    ("a//b", "a//b"),
    ("/lead", "/lead"),
    ("trail/", "trail/"),
    ("./a", "./a"),
    ("a/../b", "a/../b"),
    ("a+b", "a+b"),
    ("a%2Bb%20", "a+b "),
    ("a%252Fb", "a%2Fb"),
    ("a%3Fb%23c", "a?b#c"),
    ("%E2%82%AC%F0%9F%98%80", "\u{20ac}\u{1f600}"),
    ("tab%09", "tab\t"),
    ("line%0A%0D", "line\n\r"),
    ("bell%07%1F", "bell\u{7}\u{1f}"),
    ("%3C%26%22%27%3E", "<&\"'>"),
];

#[tokio::test]
async fn every_key_arrives_as_it_was_sent() {
    let s3 = Fixture::new().await;
    for (sent, _) in AWKWARD {
        s3.put(sent, sent).await;
    }
    let mut expected: Vec<_> = AWKWARD.iter().map(|(_, key)| (*key).to_owned()).collect();
    expected.sort_unstable();
    assert_eq!(s3.keys().await, expected);

    let query = "encoding-type=url&list-type=2";
    let listing = s3.send(&format!("GET /{{b}}?{query}"), &[], "").await;
    let listed = elements(&listing.text(), "Key");
    assert_eq!(listed.len(), AWKWARD.len());
    for key in listed {
        let encoded = key.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(encoded, "{key}");
        let object = s3.send(&format!("GET /{{b}}/{key}"), &[], "").await;
        assert_eq!(object.status, 200, "{key}");
        let deleted = s3.send(&format!("DELETE /{{b}}/{key}"), &[], "").await;
        assert_eq!(deleted.status, 204, "{key}");
    }
    assert!(s3.keys().await.is_empty());
}

#[tokio::test]
async fn a_key_has_1024_bytes_at_most() {
    let s3 = Fixture::new().await;
    s3.put(&"k".repeat(1024), "1").await;
    let target = format!("PUT /{{b}}/{}", "k".repeat(1025));
    let outcome = s3.outcome(&target, &[], "1").await;
    assert_eq!(outcome, "400 KeyTooLongError");
}

#[tokio::test]
async fn a_copy_has_s3s_outcomes() {
    let s3 = Fixture::new().await;
    let sent = [("x-amz-meta-a", "1"), ("content-type", "text/plain")];
    s3.send("PUT /{b}/dir/a+b", &sent, "body").await;
    let source = ("x-amz-copy-source", &*format!("/{BUCKET}/dir/a%2Bb"));
    let copy = "PUT /{b}/copy";
    assert_eq!(s3.outcome(copy, &[source, ABSENT], "").await, "200");
    let copied = s3.send("GET /{b}/copy", &[], "").await;
    assert_eq!(copied.text(), "body");
    assert_eq!(copied.header("x-amz-meta-a"), "1");

    assert_eq!(s3.outcome(copy, &[source, ABSENT], "").await, FAILED);
    assert_eq!(s3.outcome(copy, &[source, OTHER], "").await, FAILED);
    let stale = ("x-amz-copy-source-if-match", OTHER.1);
    assert_eq!(s3.outcome(copy, &[source, stale], "").await, FAILED);

    let replace = ("x-amz-metadata-directive", "REPLACE");
    let replaced = [source, replace, ("x-amz-meta-b", "2")];
    assert_eq!(s3.outcome(copy, &replaced, "").await, "200");
    let copied = s3.send("HEAD /{b}/copy", &[], "").await;
    assert_eq!(copied.header("x-amz-meta-a"), "");
    assert_eq!(copied.header("x-amz-meta-b"), "2");
    let missing = ("x-amz-copy-source", &*format!("{BUCKET}/none"));
    assert_eq!(s3.outcome(copy, &[missing], "").await, NO_KEY);
}

#[tokio::test]
async fn an_upload_is_completed_on_its_condition() {
    let s3 = Fixture::new().await;
    s3.put("big", "there").await;
    let metadata = [("x-amz-meta-a", "1")];
    let started = s3.send("POST /{b}/big?uploads", &metadata, "").await;
    let id = element(&started.text(), "UploadId").unwrap();
    let part = format!("PUT /{{b}}/big?partNumber=1&uploadId={id}");
    let part = s3.send(&part, &[], "part").await;
    let complete = format!("POST /{{b}}/big?uploadId={id}");
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part>\
         </CompleteMultipartUpload>",
        part.header("etag")
    );
    assert_eq!(s3.outcome(&complete, &[ABSENT], &body).await, FAILED);
    assert_eq!(s3.outcome(&complete, &[OTHER], &body).await, FAILED);
    assert_eq!(s3.outcome(&complete, &[PRESENT], &body).await, "200");
    let object = s3.send("GET /{b}/big", &[], "").await;
    assert_eq!(object.text(), "part");
    assert_eq!(object.header("x-amz-meta-a"), "1");
    assert!(object.header("etag").ends_with("-1\""));

    let again = s3.outcome(&complete, &[], &body).await;
    assert_eq!(again, "404 NoSuchUpload");
    let abort = format!("DELETE /{{b}}/big?uploadId={id}");
    assert_eq!(s3.outcome(&abort, &[], "").await, "404 NoSuchUpload");
}
