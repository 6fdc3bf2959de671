//! Every answer that a completion may get, and that no parts remain.

use futures_util::stream;
use s3orm::{Db, ErrorKind};
use s3orm_tests::proxy::{Fault, on};
use s3orm_tests::server::TestServer;

use super::{MIB, UPLOADS, counts, data, holds, is_absent, nothing_is_left, proxied};

const COMPLETE: &str = "CompleteMultipartUpload";

/// Uploads 6 MiB by an uploader that is written to, whose data nobody can read again.
async fn once(db: &Db) -> s3orm::Result<s3orm::upload::Uploaded> {
    let mut uploader = db.upload("a").if_absent().start();
    uploader.write(data(6 * MIB)).await?;
    uploader.complete().await
}

#[tokio::test]
async fn a_completion_that_was_applied_is_found_by_its_write_id() {
    for fault in [
        Fault::CutAfter,
        Fault::CutInBody,
        Fault::AnswerAfter(500, "InternalError"),
        Fault::AnswerAfter(200, "InternalError"),
        Fault::AnswerAfter(412, "PreconditionFailed"),
        // The second copy finds no upload.
        Fault::Duplicate,
    ] {
        let (server, proxy, db, direct) = proxied().await;
        proxy.fail_next(on(COMPLETE), fault.clone());
        let uploaded = once(&db)
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error:?}"));
        let meta = server.store().head("media/a").await.unwrap();
        assert_eq!(uploaded.version.etag(), meta.etag.as_str());
        assert_eq!(
            (counts(&server, UPLOADS)[0], server.count("HeadObject")),
            (0, 1),
            "{fault:?}"
        );
        holds(&direct, "a", &data(6 * MIB)).await;
        nothing_is_left(&direct).await;
    }
}

#[tokio::test]
async fn a_completion_that_was_lost_is_sent_again() {
    for fault in [
        Fault::Answer(500, "InternalError"),
        Fault::Answer(200, "InternalError"),
        Fault::Answer(504, "GatewayTimeout"),
    ] {
        let (server, proxy, db, direct) = proxied().await;
        proxy.fail_next(on(COMPLETE), fault.clone());
        once(&db)
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error:?}"));
        assert_eq!(counts(&server, UPLOADS), [0, 1, 2, 1, 0], "{fault:?}");
        holds(&direct, "a", &data(6 * MIB)).await;
    }
}

#[tokio::test]
async fn what_cannot_be_told_is_unknown_and_leaves_no_parts() {
    for (fault, completions) in [
        (Fault::Answer(500, "InternalError"), 4),
        (Fault::Answer(404, "NoSuchUpload"), 1),
    ] {
        let (server, proxy, db, direct) = proxied().await;
        proxy.fail_all(on(COMPLETE), fault.clone());
        let error = once(&db).await.unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::OutcomeUnknown,
            "{fault:?}: {error:?}"
        );
        let sent = proxy
            .requests()
            .iter()
            .filter(|sent| sent.starts_with(COMPLETE))
            .count();
        assert_eq!(
            (sent, counts(&server, UPLOADS)[4]),
            (completions, 1),
            "{fault:?}"
        );
        nothing_is_left(&direct).await;
        is_absent(&direct, "a").await;
    }
}

#[tokio::test]
async fn an_earlier_copy_that_may_be_applied_makes_a_refusal_unknown() {
    let (server, proxy, db, direct) = proxied().await;
    proxy.fail_next(on(COMPLETE), Fault::Answer(500, "InternalError"));
    server.keep("media/a", "somebody's").await;
    assert_eq!(
        once(&db).await.unwrap_err().kind(),
        ErrorKind::OutcomeUnknown
    );
    holds(&direct, "a", &"somebody's".into()).await;
    nothing_is_left(&direct).await;
}

#[tokio::test]
async fn after_409_every_part_is_sent_again_if_the_source_can_be_read_again() {
    let conflict = Fault::Answer(409, "ConditionalRequestConflict");
    let (server, proxy, db, direct) = proxied().await;
    proxy.fail_nth(2, on(COMPLETE), conflict.clone());
    proxy.fail_next(on(COMPLETE), conflict.clone());
    let bytes = data(11 * MIB);
    db.upload("a")
        .if_absent()
        .bytes(bytes.clone())
        .await
        .unwrap();
    // Three uploads of three parts, two of which were spent.
    assert_eq!(counts(&server, UPLOADS), [0, 3, 9, 1, 2]);
    holds(&direct, "a", &bytes).await;
    nothing_is_left(&direct).await;

    // The same of a stream that is opened anew; in vain after three times.
    proxy.fail_all(on(COMPLETE), conflict.clone());
    server.reset();
    let opened = std::cell::Cell::new(0);
    let open = || {
        opened.set(opened.get() + 1);
        stream::iter([Ok::<_, std::io::Error>(data(6 * MIB))])
    };
    let error = db.upload("b").again(open).await.unwrap_err();
    assert_eq!((error.kind(), opened.get()), (ErrorKind::Conflict, 4));
    nothing_is_left(&direct).await;

    // What was written is gone: the caller is told so.
    proxy.clear();
    proxy.fail_next(on(COMPLETE), conflict);
    let mut uploader = db.upload("c").start();
    uploader.write(data(6 * MIB)).await.unwrap();
    let error = uploader.complete().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("Upload::again"), "{error}");
    is_absent(&direct, "c").await;
    nothing_is_left(&direct).await;
}

#[tokio::test]
async fn a_small_upload_meets_the_same_answers() {
    let (server, proxy, db, direct) = proxied().await;
    proxy.fail_next(on("PutObject"), Fault::CutAfter);
    db.upload("a").if_absent().bytes("1").await.unwrap();
    assert_eq!(counts(&server, ["PutObject", "HeadObject"]), [1, 1]);
    proxy.fail_next(
        on("PutObject"),
        Fault::Answer(409, "ConditionalRequestConflict"),
    );
    db.upload("b").if_absent().bytes("2").await.unwrap();
    holds(&direct, "b", &"2".into()).await;
    proxy.fail_next(on("PutObject"), Fault::Answer(500, "InternalError"));
    let error = db.upload("c").bytes("3").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
}

#[tokio::test]
async fn a_part_that_is_refused_ends_the_upload() {
    let (_server, proxy, db, direct) = proxied().await;
    proxy.fail_all(on("UploadPart"), Fault::Answer(403, "AccessDenied"));
    let mut uploader = db.upload("a").start();
    let mut failed = None;
    for _ in 0..8 {
        failed = failed.or(uploader.write(data(5 * MIB)).await.err());
    }
    assert_eq!(failed.map(|error| error.kind()), Some(ErrorKind::Denied));
    let after = uploader.write("more").await.unwrap_err();
    assert_eq!(after.kind(), ErrorKind::Denied);
    assert_eq!(
        uploader.complete().await.unwrap_err().kind(),
        ErrorKind::Denied
    );
    nothing_is_left(&direct).await;
    is_absent(&direct, "a").await;
}

#[tokio::test]
async fn the_outcome_does_not_depend_on_a_server_that_keeps_no_checksums() {
    let server = TestServer::memory().await;
    let db = super::at(&server.endpoint()).await;
    let upload = db.upload("a").without_checksum();
    assert_eq!(upload.bytes(data(6 * MIB)).await.unwrap().checksum, None);
    holds(&db, "a", &data(6 * MIB)).await;
}
