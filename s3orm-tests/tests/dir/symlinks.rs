//! Nothing leads out of the folder: not a key, not a symlink, not one that comes and goes.

use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use s3orm::store::CopyObject;

use super::*;

#[tokio::test]
async fn a_symlink_to_a_folder_is_not_followed() {
    let rows = Rows::new().await;
    let outside = rows.outside();
    fs::write(outside.join("secret.json"), "secret").expect("a file");
    symlink(&outside, rows.path("people")).expect("a symlink");
    let answer = rows.get("people/secret.json").await;
    let error = answer.expect_err("a symlink was followed");
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert!(error.message().contains("`people`"), "{error}");
    for key in [
        "people/secret.json",
        "people/new.json",
        "people/new/deep.json",
    ] {
        assert_eq!(
            kind_of(rows.put(key, "x").await),
            Some(StoreErrorKind::Invalid)
        );
        assert_eq!(
            kind_of(rows.delete(key).await),
            Some(StoreErrorKind::Invalid)
        );
        let copy = CopyObject {
            source: key.to_owned(),
            key: "copy".to_owned(),
            ..CopyObject::default()
        };
        assert_eq!(
            kind_of(rows.store.copy(copy).await),
            Some(StoreErrorKind::Invalid)
        );
    }
    assert_eq!(rows.keys().await, [] as [&str; 0]);
    let inside = ListObjects {
        prefix: "people/".to_owned(),
        ..ListObjects::default()
    };
    assert!(
        rows.store
            .list(inside)
            .await
            .expect("a page")
            .objects
            .is_empty()
    );
    assert_eq!(names(&outside), ["secret.json"]);
    let secret = fs::read_to_string(outside.join("secret.json"));
    assert_eq!(secret.expect("the file"), "secret");
}

#[tokio::test]
async fn a_symlink_to_a_file_is_neither_followed_nor_replaced() {
    let rows = Rows::new().await;
    let secret = rows.outside().join("secret.json");
    fs::write(&secret, "secret").expect("a file");
    symlink(&secret, rows.path("row.json")).expect("a symlink");
    symlink("nowhere", rows.path("dangling.json")).expect("a symlink");
    for key in ["row.json", "dangling.json"] {
        let error = rows.get(key).await.expect_err("a symlink was followed");
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
        assert!(error.message().contains(key), "{error}");
        assert_eq!(
            kind_of(rows.put(key, "x").await),
            Some(StoreErrorKind::Invalid)
        );
        assert_eq!(
            kind_of(rows.delete(key).await),
            Some(StoreErrorKind::Invalid)
        );
        assert!(
            fs::symlink_metadata(rows.path(key))
                .expect("it")
                .is_symlink()
        );
    }
    assert_eq!(rows.keys().await, [] as [&str; 0]);
    assert_eq!(fs::read_to_string(&secret).expect("the file"), "secret");
}

#[tokio::test]
async fn pipes_sockets_and_folders_are_no_objects() {
    let rows = Rows::new().await;
    let root = fs::File::open(rows.path("")).expect("the folder");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(&root, "pipe.json", rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
    let _socket = std::os::unix::net::UnixListener::bind(rows.path("socket.json"));
    fs::create_dir(rows.path("folder.json")).expect("a folder");
    for key in ["pipe.json", "socket.json", "folder.json"] {
        assert_eq!(
            kind_of(rows.get(key).await),
            Some(StoreErrorKind::Invalid),
            "{key}"
        );
        assert_eq!(
            kind_of(rows.put(key, "x").await),
            Some(StoreErrorKind::Invalid),
            "{key}"
        );
        assert_eq!(
            kind_of(rows.delete(key).await),
            Some(StoreErrorKind::Invalid),
            "{key}"
        );
    }
    let pipe = fs::symlink_metadata(rows.path("pipe.json")).expect("the pipe");
    assert!(pipe.file_type().is_fifo());
    assert_eq!(rows.keys().await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_key_stays_inside_whatever_it_looks_like() {
    let rows = Rows::new().await;
    let outside = rows.outside();
    let mut keys = vec![
        "../outside/x".to_owned(),
        "../../x".to_owned(),
        "..".to_owned(),
        ".".to_owned(),
        "a/../../outside/x".to_owned(),
        "/etc/passwd".to_owned(),
        "//x".to_owned(),
        format!("{}/x", outside.display()),
        ".s3orm/format".to_owned(),
        ".s3orm/locks/00".to_owned(),
        "nul\0l".to_owned(),
        "..\\x".to_owned(),
    ];
    for key in &keys {
        rows.put(key, key).await.expect("a row");
    }
    for key in &keys {
        assert_eq!(rows.get(key).await.expect("the row").body, key.as_bytes());
    }
    keys.sort();
    assert_eq!(rows.keys().await, keys);
    assert_eq!(names(&outside), [] as [&str; 0]);
    assert_eq!(names(rows.above.path()), ["outside", "rows"]);
    for key in &keys {
        rows.delete(key).await.expect("the end of the row");
    }
    assert_eq!(names(&rows.path("")), [".s3orm"]);
}

/// Somebody swaps a folder for a symlink to the outside and back, as fast as it goes, while rows
/// below it are written, read, listed and deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_symlink_that_comes_and_goes_is_never_followed() {
    const TURNS: usize = 1500;
    const WRITTEN: usize = 100;
    let rows = Rows::new().await;
    let outside = rows.outside();
    fs::create_dir(outside.join("deep")).expect("a folder");
    fs::write(outside.join("deep/secret.json"), "secret").expect("a file");
    let done = Arc::new(AtomicBool::new(false));
    let swapping = {
        let (done, outside) = (Arc::clone(&done), outside.clone());
        let (place, aside) = (rows.path("t"), rows.above.path().join("aside"));
        std::thread::spawn(move || {
            let mut swaps = 0;
            while !done.load(Ordering::Relaxed) {
                // Errors are the store's own doing: it makes and removes the folder, too.
                let _ = fs::rename(&place, &aside);
                if symlink(&outside, &place).is_ok() {
                    swaps += 1;
                    std::thread::yield_now();
                    let _ = fs::remove_file(&place);
                }
                let _ = fs::rename(&aside, &place);
            }
            swaps
        })
    };
    let mut written = 0;
    // On a machine that does much else, few rows are written between two swaps.
    for turn in 0..100 * TURNS {
        if turn >= TURNS && written > WRITTEN {
            break;
        }
        let key = format!("t/deep/{}.json", turn % 7);
        written += usize::from(rows.put(&key, "row").await.is_ok());
        for key in [key.as_str(), "t/deep/secret.json"] {
            if let Ok(object) = rows.get(key).await {
                assert_eq!(object.body, "row", "the outside was read");
            }
        }
        if let Ok(page) = rows.store.list(ListObjects::default()).await {
            let mut keys = page.objects.iter().map(|object| &object.key);
            assert!(
                keys.all(|key| !key.contains("secret")),
                "the outside was listed"
            );
        }
        let _ = rows.delete(&key).await;
        let _ = rows.delete("t/deep/secret.json").await;
    }
    done.store(true, Ordering::Relaxed);
    let swaps = swapping.join().expect("the end of the swaps");
    assert!(
        swaps > 100 && written > WRITTEN,
        "{swaps} swaps, {written} rows: no race"
    );
    assert_eq!(names(&outside), ["deep"]);
    assert_eq!(names(&outside.join("deep")), ["secret.json"]);
}
