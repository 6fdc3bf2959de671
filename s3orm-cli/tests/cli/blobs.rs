//! Rows that name blobs: objects beside the row, which their table's sweep looks after.

use s3orm::store::ListObjects;
use s3orm::{Blob, S3Schema};
use serde::{Deserialize, Serialize};

use crate::bench::Bench;

const PATH: &str = "--path=<id:u64>";

#[derive(Serialize, Deserialize, S3Schema)]
#[s3(table = "albums", path = "<id>")]
struct Album {
    id: u64,
    photo: Blob,
}

#[tokio::test(flavor = "multi_thread")]
async fn they_stay_in_the_table_that_they_were_made_for() {
    let bench = Bench::new().await;
    let db = bench.db();
    let albums = db.table::<Album>();
    let photo = albums.blob().bytes("a photo").await.expect("uploaded");
    albums
        .insert(Album { id: 1, photo })
        .await
        .expect("inserted");

    let row = bench.ok(&["get", "albums", PATH, "1"]);
    let put = bench.run_with(&["put", "albums", PATH, "--file=-"], row.as_bytes());
    assert_eq!(put.code, 0, "{put:?}");
    bench.ok(&["update", "albums", PATH, "1", "title=summer"]);
    let album = albums.get(1).await.expect("read").expect("it is there");
    let bytes = album.photo.bytes(&db, 100).await.expect("read");
    assert_eq!(bytes, "a photo");

    for write in [
        &["put", "others", PATH, "--file=-"][..],
        &["import", "others", PATH, "-"],
    ] {
        let refused = bench.run_with(write, row.as_bytes());
        assert_eq!(refused.code, 8, "{write:?}: {refused:?}");
        let says = "was made for the table `albums`";
        assert!(refused.err.contains(says), "{}", refused.err);
    }
    bench.fails(
        &["copy", "albums", PATH, "1", "--into=others"],
        9,
        &["`albums/1.json` names blobs of its table", "copy_blob"],
    );
    let others = ListObjects {
        prefix: "others/".to_owned(),
        ..ListObjects::default()
    };
    let written = bench.store.list(others).await.expect("listed");
    assert_eq!(written.objects, []);
    bench.ok(&["copy", "albums", PATH, "1", "--to=id=2"]);

    let policy = bench.ok(&["policy", "iam", "albums", "--allow=sweep-blobs"]);
    let typed = albums.iam_policy([s3orm::infra::Verb::SweepBlobs]);
    let policy: serde_json::Value = serde_json::from_str(&policy).expect("JSON");
    assert_eq!(policy, typed);
}
