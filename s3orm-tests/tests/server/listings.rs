//! Listings and buckets.

use s3orm_tests::connect;
use s3orm_tests::proxy::Proxy;
use s3orm_tests::server::BUCKET;

use super::{Fixture, NO_BUCKET, element, elements};

/// Pages of one entry through the bucket, from one page's end to the next one's start.
async fn page_through(s3: &Fixture, form: &[&str], resume: &str, next: &str) -> Vec<String> {
    let (mut names, mut from) = (Vec::new(), None);
    loop {
        let mut query: Vec<String> = form.iter().map(|&part| part.to_owned()).collect();
        query.extend(["delimiter=%2F".to_owned(), "max-keys=1".to_owned()]);
        query.extend(from.map(|from: String| {
            let from = from.replace('/', "%2F").replace('!', "%21");
            format!("{resume}={from}")
        }));
        query.sort();
        let target = format!("GET /{{b}}?{}", query.join("&"));
        let text = s3.send(&target, &[], "").await.text();
        let prefixes = elements(&text, "CommonPrefixes");
        let page: Vec<_> = elements(&text, "Key")
            .into_iter()
            .chain(
                prefixes
                    .iter()
                    .filter_map(|prefix| element(prefix, "Prefix")),
            )
            .collect();
        assert_eq!(page.len(), 1, "{text}");
        names.extend(page);
        from = element(&text, next);
        if from.is_none() {
            return names;
        }
    }
}

#[tokio::test]
async fn both_listings_page_through_keys_and_prefixes() {
    let s3 = Fixture::new().await;
    for key in ["a", "b/1", "b/2", "b!", "c/1", "d"] {
        s3.put(key, "").await;
    }
    let expected = ["a", "b!", "b/", "c/", "d"];
    let new = ["list-type=2"];
    let names = page_through(&s3, &new, "continuation-token", "NextContinuationToken").await;
    assert_eq!(names, expected);
    assert_eq!(
        page_through(&s3, &[], "marker", "NextMarker").await,
        expected
    );

    let after = "GET /{b}?list-type=2&prefix=b&start-after=b%2F1";
    let after = s3.send(after, &[], "").await;
    assert_eq!(elements(&after.text(), "Key"), ["b/2"]);
    let none = s3.send("GET /{b}?list-type=2&max-keys=0", &[], "").await;
    assert_eq!(elements(&none.text(), "IsTruncated"), ["false"]);
    let missing = s3.outcome("GET /no-bucket?list-type=2", &[], "").await;
    assert_eq!(missing, NO_BUCKET);
}

#[tokio::test]
async fn buckets_come_and_go() {
    let s3 = Fixture::new().await;
    assert_eq!(s3.outcome("PUT /another-bucket", &[], "").await, "200");
    let again = s3.outcome("PUT /another-bucket", &[], "").await;
    assert_eq!(again, "409 BucketAlreadyOwnedByYou");
    let listed = s3.send("GET /", &[], "").await;
    let names = elements(&listed.text(), "Name");
    assert_eq!(names, ["another-bucket", BUCKET]);
    assert_eq!(s3.outcome("HEAD /another-bucket", &[], "").await, "200");
    let location = s3.outcome("GET /another-bucket?location", &[], "").await;
    assert_eq!(location, "200");
    s3.send("PUT /another-bucket/a", &[], "1").await;
    let full = s3.outcome("DELETE /another-bucket", &[], "").await;
    assert_eq!(full, "409 BucketNotEmpty");
    s3.send("DELETE /another-bucket/a", &[], "").await;
    assert_eq!(s3.outcome("DELETE /another-bucket", &[], "").await, "204");
    assert_eq!(s3.outcome("HEAD /another-bucket", &[], "").await, "404");
    let name = s3.outcome("PUT /Bad_Name", &[], "").await;
    assert_eq!(name, "400 InvalidBucketName");
}

#[tokio::test]
async fn a_bucket_is_created_in_the_connections_region() {
    for (region, rusoto) in [
        ("us-east-1", false),
        ("eu-west-1", false),
        ("ap-south-2", false),
        ("us-east-1", true),
        ("eu-west-1", true),
    ] {
        let s3 = Fixture::new().await;
        let proxy = Proxy::in_front_of(s3.0.local_addr()).await;
        let mut builder = connect::builder(&proxy.endpoint()).region(region);
        if rusoto {
            builder = builder.rusoto();
        }
        let archive = builder.connect().await.unwrap().bucket("archive").unwrap();
        archive.ensure_bucket().await.unwrap();
        let buckets = s3.0.store().list_buckets().await.unwrap();
        assert_eq!(buckets, ["archive", BUCKET]);

        let sent = proxy.bodies("CreateBucket");
        assert_eq!(sent.len(), 1);
        let sent = String::from_utf8(sent[0].to_vec()).unwrap();
        // S3's first region has no name here: to name it is an error.
        let expected = (region != "us-east-1").then(|| region.to_owned());
        let case = format!("{region}, rusoto: {rusoto}: {sent}");
        assert_eq!(element(&sent, "LocationConstraint"), expected, "{case}");
        assert_eq!(sent.is_empty(), expected.is_none(), "{case}");
        assert_eq!(
            sent.contains("CreateBucketConfiguration"),
            expected.is_some()
        );
    }
}
