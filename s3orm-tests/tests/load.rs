//! Many tasks at once over HTTP, every row accounted for; the long run is `--bin load`.

use std::time::Duration;

use s3orm_tests::server::TestServer;
use s3orm_tests::{connect, load};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_tasks_lose_nothing() {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    let report = load::run(&db, 16, Duration::from_secs(3), 42)
        .await
        .unwrap();
    assert!(report.operations > 100, "{report:?}");
}
