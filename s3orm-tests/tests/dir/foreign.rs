//! What others do to the files, and what they see of them.

use std::os::unix::fs::PermissionsExt as _;

use s3orm::store::{CreateUpload, ETag, UploadPart};

use super::*;

const HELLO: &str = "5d41402abc4b2a76b9719d911017c592";

fn described() -> PutObject {
    PutObject {
        key: "a.json".to_owned(),
        body: "first".into(),
        content_type: Some("application/json".into()),
        metadata: [("name".to_owned(), "value".to_owned())].into(),
        ..PutObject::default()
    }
}

#[tokio::test]
async fn rows_are_readable_files() {
    let rows = Rows::new().await;
    rows.put("people/2024-01-02/42.json", "{}")
        .await
        .expect("a row");
    let text = fs::read_to_string(rows.path("people/2024-01-02/42.json"));
    assert_eq!(text.expect("the file"), "{}");
}

#[tokio::test]
async fn files_of_others_are_objects() {
    let rows = Rows::new().await;
    fs::create_dir_all(rows.path("people/deep")).expect("a folder");
    fs::write(rows.path("people/deep/a.json"), "hello").expect("a file");
    let object = rows.get("people/deep/a.json").await.expect("an object");
    assert_eq!(object.body, "hello");
    assert_eq!(object.meta.etag.as_str(), HELLO);
    assert_eq!(
        object.meta.content_type.as_deref(),
        Some("application/octet-stream")
    );
    let page = rows
        .store
        .list(ListObjects::default())
        .await
        .expect("a page");
    assert_eq!(page.objects[0].etag.as_str(), HELLO);
    let replace = PutObject {
        key: "people/deep/a.json".to_owned(),
        body: "mine".into(),
        precondition: Precondition::IfMatch(ETag::new(HELLO)),
        ..PutObject::default()
    };
    rows.store.put(&replace).await.expect("a write");
    let text = fs::read_to_string(rows.path("people/deep/a.json"));
    assert_eq!(text.expect("the file"), "mine");
}

#[tokio::test]
async fn a_name_that_no_key_has_is_not_listed() {
    let rows = Rows::new().await;
    rows.put("a.json", "1").await.expect("a row");
    for name in [
        "README",
        ".hidden.json",
        "a%zz.json",
        "tab\t.json",
        "%e%f",
        "x:y.json",
    ] {
        fs::write(rows.path(name), "1").expect("a file");
    }
    fs::create_dir(rows.path("folder.d")).expect("a folder");
    fs::write(rows.path("folder.d/b.json"), "1").expect("a file");
    fs::create_dir_all(rows.path("empty/empty")).expect("a folder");
    assert_eq!(rows.keys().await, ["a.json"]);
    let delimited = ListObjects {
        delimiter: Some('/'),
        ..ListObjects::default()
    };
    let page = rows.store.list(delimited).await.expect("a page");
    assert_eq!(page.prefixes, [] as [&str; 0]);
}

#[tokio::test]
async fn an_edited_file_has_the_tag_of_its_bytes() {
    let rows = Rows::new().await;
    let first = rows.store.put(&described()).await.expect("a row").etag;
    assert_eq!(
        rows.get("a.json").await.expect("it").meta.metadata["name"],
        "value"
    );
    // In place, so that the record stays with the file: to the same length, and to another.
    let mut tags = vec![first];
    for text in ["secon", "hello", "longer than it was"] {
        fs::write(rows.path("a.json"), text).expect("an edit");
        let object = rows.get("a.json").await.expect("the row");
        assert_eq!(object.body, text);
        assert!(
            object.meta.metadata.is_empty(),
            "the record is of other bytes"
        );
        assert_eq!(object.meta.etag.as_str() == HELLO, text == "hello");
        assert!(!tags.contains(&object.meta.etag), "an old tag");
        tags.push(object.meta.etag);
    }
    let stale = PutObject {
        precondition: Precondition::IfMatch(tags.swap_remove(0)),
        ..described()
    };
    let answer = rows.store.put(&stale).await;
    assert_eq!(kind_of(answer), Some(StoreErrorKind::PreconditionFailed));
}

#[tokio::test]
async fn a_file_that_is_moved_keeps_what_it_has() {
    let rows = Rows::new().await;
    let tag = rows.store.put(&described()).await.expect("a row").etag;
    fs::create_dir(rows.path("b")).expect("a folder");
    fs::rename(rows.path("a.json"), rows.path("b/c.json")).expect("a move");
    let object = rows.get("b/c.json").await.expect("the row");
    assert_eq!(
        (object.meta.etag, &object.meta.metadata["name"][..]),
        (tag, "value")
    );
    assert_eq!(rows.keys().await, ["b/c.json"]);
}

#[tokio::test]
async fn a_hard_link_is_cut_by_a_write() {
    let rows = Rows::new().await;
    let other = rows.outside().join("other");
    fs::write(&other, "other").expect("a file");
    fs::hard_link(&other, rows.path("a.json")).expect("a link");
    rows.put("a.json", "mine").await.expect("a write");
    assert_eq!(fs::read_to_string(&other).expect("the file"), "other");
}

#[tokio::test]
async fn all_is_for_the_owner_alone() {
    let rows = Rows::new().await;
    rows.put("people/2024/a.json", "1").await.expect("a row");
    let create = CreateUpload {
        key: "b".to_owned(),
        ..CreateUpload::default()
    };
    let upload_id = rows.store.create_upload(create).await.expect("an upload");
    let part = UploadPart {
        key: "b".to_owned(),
        upload_id,
        number: 1,
        body: "1".into(),
        checksum: None,
        encryption: None,
    };
    rows.store.upload_part(part).await.expect("a part");
    let mut folders = vec![rows.path("")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for name in names(&folder) {
            let path = folder.join(name);
            let known = fs::symlink_metadata(&path).expect("an entry");
            let expected = if known.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(known.permissions().mode() & 0o777, expected, "{path:?}");
            files += usize::from(known.is_file());
            folders.extend(known.is_dir().then_some(path));
        }
    }
    assert!(files >= 5, "only {files} files");
    let root = fs::metadata(rows.path("")).expect("the folder");
    assert_eq!(root.permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn what_may_not_be_written_is_denied() {
    let rows = Rows::new().await;
    rows.put("t/a.json", "1").await.expect("a row");
    let set = |mode| fs::set_permissions(rows.path("t"), fs::Permissions::from_mode(mode));
    set(0o500).expect("permissions");
    // Root may write anywhere.
    let is_root = fs::write(rows.path("t/probe.x"), "").is_ok();
    let answer = kind_of(rows.put("t/a.json", "2").await);
    set(0o700).expect("permissions");
    assert_eq!(answer, (!is_root).then_some(StoreErrorKind::Denied));
}

#[tokio::test]
async fn deletes_take_empty_folders_away_and_writes_bring_them_back() {
    let rows = Arc::new(Rows::new().await);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let rows = Arc::clone(&rows);
        tasks.spawn(async move {
            for _ in 0..50 {
                let key = format!("deep/down/below/{task}.json");
                rows.put(&key, "1").await.expect("a write");
                assert_eq!(rows.get(&key).await.expect("the row").body, "1");
                rows.delete(&key).await.expect("a deletion");
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(names(&rows.path("")), [".s3orm"]);
}

#[tokio::test]
async fn a_folder_of_others_is_no_bucket_until_it_is_opened() {
    let rows = Rows::new().await;
    let photos = rows.above.path().join("photos");
    fs::create_dir(&photos).expect("a folder");
    fs::write(photos.join("a.jpg"), "hello").expect("a file");
    let store = rows.store.with_bucket("photos").expect("a name");
    assert_eq!(
        kind_of(store.head_bucket().await),
        Some(StoreErrorKind::NoSuchBucket)
    );
    assert_eq!(
        kind_of(store.create_bucket().await),
        Some(StoreErrorKind::Invalid)
    );
    assert_eq!(rows.store.list_buckets().await.expect("buckets"), ["rows"]);
    assert_eq!(names(&photos), ["a.jpg"]);
    DirStore::open(&photos, Env::system())
        .await
        .expect("a store");
    let buckets = rows.store.list_buckets().await;
    assert_eq!(buckets.expect("buckets"), ["photos", "rows"]);
    assert_eq!(
        store.head("a.jpg").await.expect("an object").etag.as_str(),
        HELLO
    );
    // A file that is no object keeps the folder, too.
    fs::rename(photos.join("a.jpg"), photos.join("README")).expect("a move");
    let answer = store.delete_bucket().await;
    assert_eq!(kind_of(answer), Some(StoreErrorKind::BucketNotEmpty));
    assert_eq!(names(&photos), [".s3orm", "README"]);
}

#[tokio::test]
async fn where_names_fold_files_are_lower_case() {
    let rows = Rows::new().await;
    fs::write(rows.path(".s3orm/format"), "s3orm folder 1, folded names\n").expect("a marker");
    let store = rows.reopen().await;
    for key in ["Ann.json", "ann.json"] {
        let put = PutObject {
            key: key.to_owned(),
            ..PutObject::default()
        };
        store.put(&put).await.expect("a row");
    }
    assert_eq!(names(&rows.path("")), ["%41nn.json", ".s3orm", "ann.json"]);
}

#[tokio::test]
async fn another_version_of_the_folder_is_refused() {
    let rows = Rows::new().await;
    fs::write(rows.path(".s3orm/format"), "s3orm folder 2\n").expect("a marker");
    let answer = DirStore::open(rows.path(""), Env::system()).await;
    assert_eq!(kind_of(answer), Some(StoreErrorKind::Unsupported));
}

#[tokio::test]
async fn a_path_that_cannot_be_a_folder_is_named() {
    let rows = Rows::new().await;
    let path = rows.outside().join("file");
    fs::write(&path, "").expect("a file");
    for path in [path.clone(), path.join("below")] {
        let answer = DirStore::open(&path, Env::system()).await;
        let error = answer.expect_err("a store in a file");
        assert!(
            error.message().contains(path.to_str().expect("UTF-8")),
            "{error}"
        );
    }
    let answer = DirStore::open("/", Env::system()).await;
    assert_eq!(kind_of(answer), Some(StoreErrorKind::Invalid));
}
