//! Listings: order, prefixes, delimiters, pages, tokens.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use s3orm::store::{ListObjects, ListStart, Precondition, StoreErrorKind};

use super::fixture::refused;
use super::{Fixture, Outcome};

/// What is listed: keys and common prefixes, each in order.
type Listed = (Vec<String>, Vec<String>);

/// Follows the tokens to the end, and checks each page on the way.
async fn follow(f: &Fixture, mut request: ListObjects) -> anyhow::Result<Listed> {
    let limit = usize::from(request.limit.unwrap_or(1000));
    let mut listed = Listed::default();
    loop {
        let page = f.store().list(request.clone()).await?;
        let count = page.objects.len() + page.prefixes.len();
        ensure!(count <= limit, "a page of {count} entries, over {limit}");
        listed
            .0
            .extend(page.objects.into_iter().map(|object| object.key));
        listed.1.extend(page.prefixes);
        match page.next {
            Some(token) => request.start = ListStart::Token(token),
            None => return Ok(listed),
        }
        ensure!(count == limit, "a page of {count} entries before the last");
    }
}

/// The same by S3's rules, over the sorted keys.
fn expected(keys: &[String], request: &ListObjects) -> Listed {
    let after = match &request.start {
        ListStart::After(key) => key.as_str(),
        _ => "",
    };
    let mut listed = Listed::default();
    let within = keys
        .iter()
        .filter(|key| key.starts_with(&request.prefix) && key.as_str() > after);
    for key in within {
        let rest = &key[request.prefix.len()..];
        let delimited = request.delimiter.and_then(|delimiter| {
            let at = rest.find(delimiter)?;
            Some(&key[..request.prefix.len() + at + delimiter.len_utf8()])
        });
        match delimited {
            None => listed.0.push(key.clone()),
            Some(prefix) if listed.1.last().is_some_and(|last| last == prefix) => {}
            Some(prefix) => listed.1.push(prefix.to_owned()),
        }
    }
    listed
}

async fn agrees(f: &Fixture, keys: &[String], request: ListObjects) -> Outcome {
    let wanted = expected(keys, &request);
    let found = follow(f, request.clone())
        .await
        .with_context(|| format!("{request:?}"))?;
    ensure!(
        found == wanted,
        "{request:?}: {} keys and {} prefixes instead of {} and {}; the first other is {:?}",
        found.0.len(),
        found.1.len(),
        wanted.0.len(),
        wanted.1.len(),
        found
            .0
            .iter()
            .chain(&found.1)
            .zip(wanted.0.iter().chain(&wanted.1))
            .find(|(a, b)| a != b)
    );
    Ok(())
}

pub(super) async fn pages_of_2500_keys(f: &Fixture) -> Outcome {
    let mut names: Vec<String> = (0..2400)
        .map(|n| format!("t/{:02}/{:03}.json", n % 60, n / 60))
        .chain((0..100).map(|n| format!("t/{n:03}.json")))
        .collect();
    names.sort();
    f.put_all(&names).await?;
    let keys: Vec<String> = names.iter().map(|name| f.key(name)).collect();
    for limit in [None, Some(1000), Some(7)] {
        for prefix in ["", "t/", "t/1", "t/15/", "t/15/00", "t/15", "t/none/", "u"] {
            for delimiter in [None, Some('/')] {
                let request = ListObjects {
                    delimiter,
                    limit,
                    ..f.listing(prefix)
                };
                agrees(f, &keys, request).await?;
            }
        }
    }
    for after in [
        "t/",
        "t/05/010.json",
        "t/059",
        "t/30/",
        "t/30/039.json0",
        "t/99",
        "u",
        "a",
    ] {
        for (delimiter, prefix) in [(None, ""), (None, "t/3"), (Some('/'), "t/")] {
            let start = ListStart::After(f.key(after));
            // Whether what the start is rolled up into is listed again is not told.
            if delimiter.is_none() || after.matches('/').count() < 2 && !after.ends_with('/') {
                let request = ListObjects {
                    delimiter,
                    start,
                    ..f.listing(prefix)
                };
                agrees(f, &keys, request).await?;
            }
        }
    }
    let single = ListObjects {
        limit: Some(1),
        ..f.listing("t/15/")
    };
    agrees(f, &keys, single).await?;
    let single = ListObjects {
        limit: Some(1),
        delimiter: Some('/'),
        ..f.listing("t/")
    };
    agrees(f, &keys, single).await
}

pub(super) async fn order_is_that_of_bytes(f: &Fixture) -> Outcome {
    let names = [
        "A",
        "Z",
        "a",
        "a!",
        "a!/x",
        "a-",
        "a-b/c",
        "a.json",
        "a/",
        "a/!",
        "a/b",
        "a/b/c",
        "a0",
        "aa",
        "a~",
        "b",
        "z",
        "\u{7f}",
        "é",
        "e\u{301}",
        "ÿ",
        "Ā",
        "\u{d7ff}",
        "\u{e000}",
        "\u{fffd}",
        "😀",
        "😀/a",
        "\u{10fffd}",
    ];
    let mut names = names.map(str::to_owned).to_vec();
    f.put_all(&names).await?;
    names.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    let keys: Vec<String> = names.iter().map(|name| f.key(name)).collect();
    for limit in [1, 2, 3, 1000] {
        for delimiter in [None, Some('/')] {
            let request = ListObjects {
                delimiter,
                limit: Some(limit),
                ..f.listing("")
            };
            agrees(f, &keys, request).await?;
        }
    }
    for after in &names {
        let start = ListStart::After(f.key(after));
        agrees(
            f,
            &keys,
            ListObjects {
                start,
                ..f.listing("")
            },
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn prefixes_are_text(f: &Fixture) -> Outcome {
    let names = [
        "user=1",
        "user=1/a",
        "user=10",
        "user=10/a",
        "user=2/a",
        "us",
        "é/1",
        "e/1",
    ];
    let mut names = names.map(str::to_owned).to_vec();
    f.put_all(&names).await?;
    names.sort();
    let keys: Vec<String> = names.iter().map(|name| f.key(name)).collect();
    for prefix in [
        "user=1", "user=1/", "user=10", "user", "us", "é", "é/", "user=1/a", "x", "/",
    ] {
        for delimiter in [None, Some('/')] {
            agrees(
                f,
                &keys,
                ListObjects {
                    delimiter,
                    ..f.listing(prefix)
                },
            )
            .await?;
        }
    }
    Ok(())
}

pub(super) async fn start_after_anything(f: &Fixture) -> Outcome {
    let names = ["b/1", "b/2", "c", "d/1/x", "d/2/x"].map(str::to_owned);
    f.put_all(&names).await?;
    let keys = names.each_ref().map(|name| f.key(name));
    for after in [
        "", "a", "b", "b/", "b/1", "b/1/", "b/10", "b/2", "b0", "c", "c/", "d/1", "d/1/", "d/1/x",
        "d/1/y", "d/3", "e", "\u{1}", "😀",
    ] {
        for prefix in ["", "b/", "d/", "c"] {
            let start = ListStart::After(f.key(after));
            // An empty start is none at all where it is a query's parameter.
            if !f.key(after).is_empty() {
                agrees(
                    f,
                    &keys,
                    ListObjects {
                        start,
                        ..f.listing(prefix)
                    },
                )
                .await?;
            }
        }
    }
    Ok(())
}

pub(super) async fn tokens_continue_after_changes(f: &Fixture) -> Outcome {
    let names: Vec<String> = (0..10).map(|n| format!("k{n}")).collect();
    f.put_all(&names).await?;
    let first = f
        .store()
        .list(ListObjects {
            limit: Some(4),
            ..f.listing("")
        })
        .await?;
    let token = first.next.context("there is no token")?;
    // The last key of the page, one before it and one after it.
    for name in ["k1", "k3", "k5"] {
        f.delete_if(name, Precondition::None).await?;
    }
    for name in ["k00", "k33", "k6x"] {
        f.put(name, "1").await?;
    }
    let request = ListObjects {
        start: ListStart::Token(token),
        ..f.listing("")
    };
    let rest = follow(f, request).await?.0;
    let wanted = ["k33", "k4", "k6", "k6x", "k7", "k8", "k9"].map(|name| f.key(name));
    ensure!(rest == wanted, "{rest:?}");
    Ok(())
}

pub(super) async fn listed_as_written(f: &Fixture) -> Outcome {
    for name in ["a", "b/c", "empty"] {
        f.put(name, if name == "empty" { "" } else { name }).await?;
    }
    let listed = f.list_all("").await?;
    ensure!(listed.len() == 3, "{listed:?}");
    for object in listed {
        let head = f.store().head(&object.key).await?;
        ensure!(head.etag == object.etag, "{object:?} is {head:?}");
        ensure!(head.size == object.size, "{object:?} is {head:?}");
        // Some services list parts of a second.
        let apart = head
            .last_modified
            .map(|time| object.last_modified.duration_since(time));
        let apart = apart.context("there is no time")?.unwrap_or(Duration::MAX);
        ensure!(apart < Duration::from_secs(1), "{object:?} is {head:?}");
    }
    Ok(())
}

pub(super) async fn other_delimiters(f: &Fixture) -> Outcome {
    let mut names = [
        "a-b/c", "a-d", "a/b-c", "aéb", "aéc", "b😀", "b😀/x", "plain",
    ]
    .map(str::to_owned);
    f.put_all(&names).await?;
    names.sort();
    let keys = names.each_ref().map(|name| f.key(name));
    for delimiter in ['-', 'é', '😀', 'a', 'x'] {
        for prefix in ["", "a", "a-", "b"] {
            for limit in [None, Some(1)] {
                let delimiter = Some(delimiter);
                agrees(
                    f,
                    &keys,
                    ListObjects {
                        delimiter,
                        limit,
                        ..f.listing(prefix)
                    },
                )
                .await?;
            }
        }
    }
    Ok(())
}

pub(super) async fn a_bad_token_is_refused(f: &Fixture) -> Outcome {
    f.put("a", "1").await?;
    let start = ListStart::Token("no token of yours".to_owned());
    let answer = f
        .store()
        .list(ListObjects {
            start,
            ..f.listing("")
        })
        .await;
    refused(answer, StoreErrorKind::Invalid)
}
