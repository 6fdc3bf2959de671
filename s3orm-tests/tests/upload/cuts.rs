//! Uploads whose connections are cut at any byte. The long form is `--bin uploads -- cuts`.

use s3orm_tests::cuts;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_cut_is_whole_or_absent() {
    let figures = cuts::run(24, 7).await.unwrap();
    assert_eq!(figures.uploads, 24);
    assert!(figures.cut > 16, "{figures:?}");
    assert!(figures.completed > 0 && figures.absent > 0, "{figures:?}");
}
