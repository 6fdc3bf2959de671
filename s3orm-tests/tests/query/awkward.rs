//! Keys of which one begins as another, or that no one of ours wrote.

use std::ops::Bound;

use s3orm::store::PutObject;
use s3orm::{ErrorKind, S3Schema};
use serde::{Deserialize, Serialize};

use super::{Note, db, notes};

#[tokio::test]
async fn a_prefix_matches_no_value_by_half() {
    let notes = notes(&["1", "10", "US", "USA", "a", "a/b", "a.", "a.b", ""]).await;
    for name in ["1", "US", "a", "a.", ""] {
        let found = notes.query().at(Note::KEY.name, name).all().await.unwrap();
        assert_eq!(found.iter().map(|n| &*n.name).collect::<Vec<_>>(), [name]);
    }
    for id in [1, 10] {
        notes
            .put(Note {
                name: "x".into(),
                id,
            })
            .await
            .unwrap();
    }
    let x = notes.query().at(Note::KEY.name, "x");
    assert_eq!(x.at(Note::KEY.id, 1).one().await.unwrap().id, 1);
}

#[tokio::test]
async fn texts_are_found_by_their_beginning() {
    let names = [
        "", ".", "..", ".a", "a", "a.", "a..", "a...", "a..b", "a.b", "a!", "a-", "a/", "a/b",
        "ab", "A", "é", "éa", "!2e", "a!2e", "a!2eb", "b",
    ];
    let notes = notes(&names).await;
    for start in names {
        let found = notes
            .query()
            .starts_with(Note::KEY.name, start)
            .scan()
            .all()
            .await
            .unwrap();
        let mut found: Vec<_> = found.into_iter().map(|n| n.name).collect();
        found.sort();
        let mut expected = names.to_vec();
        expected.retain(|name| name.starts_with(start));
        expected.sort_unstable();
        assert_eq!(found, expected, "{start}");
    }
}

/// A descending column, and columns that share a segment with a literal that sorts after digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "events",
    path = "<at:desc>=<name:ordered>~<id>",
    extension = ""
)]
struct Event {
    at: u16,
    name: String,
    id: u8,
}

#[tokio::test]
async fn bounds_hold_where_literals_sort_late() {
    let events = db().await.table::<Event>();
    let names = ["", "a", "ab", "abc", "b", "ba"];
    let mut all = Vec::new();
    for at in [0, 1, 9, 10, 11, 500] {
        for name in names {
            for id in [7, 70] {
                let event = Event {
                    at,
                    name: name.to_owned(),
                    id,
                };
                events.put(&event).await.unwrap();
                all.push(event);
            }
        }
    }
    let sorted = |mut events: Vec<Event>| {
        events.sort_by(|a, b| (a.at, &a.name, a.id).cmp(&(b.at, &b.name, b.id)));
        events
    };
    let of = |test: &dyn Fn(&Event) -> bool| {
        sorted(all.iter().filter(|event| test(event)).cloned().collect())
    };
    let bounds = |low: u8, high: u8| {
        let bound = |kind, value: u16| match kind {
            0 => Bound::Unbounded,
            1 => Bound::Included(value),
            _ => Bound::Excluded(value),
        };
        (bound(low, 1), bound(high, 10))
    };
    for (low, high) in [
        (0, 1),
        (0, 2),
        (1, 0),
        (2, 0),
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    ] {
        let (low, high) = bounds(low, high);
        let found = events
            .query()
            .within(Event::KEY.at, (low, high))
            .all()
            .await
            .unwrap();
        assert!(
            found.is_sorted_by_key(|event| std::cmp::Reverse(event.at)),
            "newest first"
        );
        let inside = |event: &Event| std::ops::RangeBounds::contains(&(low, high), &event.at);
        assert_eq!(sorted(found), of(&inside), "{low:?} {high:?}");
    }
    let first = events.query().at(Event::KEY.at, 9);
    for low in names {
        for high in names {
            let range = (Bound::Excluded(low), Bound::Included(high));
            let found = first
                .clone()
                .within(Event::KEY.name, range)
                .all()
                .await
                .unwrap();
            let inside = |e: &Event| e.at == 9 && &*e.name > low && &*e.name <= high;
            assert_eq!(sorted(found), of(&inside), "{range:?}");
            let found = first
                .clone()
                .within(Event::KEY.name, low..high)
                .all()
                .await
                .unwrap();
            let inside = |e: &Event| e.at == 9 && &*e.name >= low && &*e.name < high;
            assert_eq!(sorted(found), of(&inside), "{low}..{high}");
        }
    }
}

/// Keys as another program wrote them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "logs",
    path = "<app>--<day>/<name>",
    encoding = "verbatim",
    extension = ""
)]
struct Log {
    app: String,
    day: String,
    name: String,
}

#[tokio::test]
async fn verbatim_keys_are_found() {
    let logs = db().await.table::<Log>();
    let log = |app: &str, day: &str, name: &str| Log {
        app: app.into(),
        day: day.into(),
        name: name.into(),
    };
    let all = [
        log("a", "b--c", "x y"),
        log("a", "b", "é"),
        log("a b", "b", "1"),
        log("ab", "b", "1"),
    ];
    for log in &all {
        logs.put(log).await.unwrap();
    }
    let a = logs.query().at(Log::KEY.app, "a").all().await.unwrap();
    assert_eq!(a, [all[0].clone(), all[1].clone()]);
    let a = logs
        .query()
        .at(Log::KEY.app, "a")
        .at(Log::KEY.day, "b")
        .all()
        .await
        .unwrap();
    assert_eq!(a, [all[1].clone()]);
    let a = logs
        .query()
        .starts_with(Log::KEY.app, "a")
        .all()
        .await
        .unwrap();
    assert_eq!(a.len(), 4);
    let error = logs
        .query()
        .at(Log::KEY.app, "a--b")
        .all()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
}

#[tokio::test]
async fn foreign_objects_are_no_rows() {
    let notes = notes(&["a", "a"]).await;
    for key in [
        "notes/a/x.json",
        "notes/a/01.json",
        "notes/a/1.txt",
        "notes/a/1/2.json",
        "notes/!a/1.json",
    ] {
        let foreign = PutObject {
            key: key.into(),
            ..PutObject::default()
        };
        notes.db().store().put(&foreign).await.unwrap();
    }
    assert_eq!(
        notes
            .query()
            .at(Note::KEY.name, "a")
            .all()
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(notes.query().count().await.unwrap(), 2);
    assert_eq!(notes.query().limit(2).all().await.unwrap().len(), 2);
    let mut keys = notes.query().keys().unwrap();
    while let Some(key) = keys.next().await {
        key.unwrap();
    }
    assert_eq!((keys.spent().keys, keys.spent().foreign), (7, 5));
}
