//! Keys: any text of 1 to 1,024 bytes, each another object.

use std::collections::BTreeSet;

use anyhow::ensure;
use s3orm::store::{DeleteObject, GetObject, Precondition, PutObject, StoreErrorKind};

use super::fixture::refused;
use super::{Fixture, Outcome};

const MAX: usize = 1024;

/// Each holds something that a URL, an XML answer or a file system gives a meaning to.
const AWKWARD: &[&str] = &[
    "plain",
    " ",
    " lead",
    "trail ",
    "two  spaces",
    "a+b",
    "a%2Fb",
    "a%2fb",
    "a%20b",
    "%",
    "%%",
    "%e",
    "x%f",
    "x%d",
    "a?b",
    "a?versionId=1",
    "a#b",
    "a&b",
    "a&amp;b",
    "a=b",
    "a'b",
    "a\"b",
    "a\\b",
    "a<b>c",
    "a//b",
    "a///b",
    "/lead",
    "//lead",
    "trail/",
    "trail//",
    ".",
    "..",
    "a/./b",
    "a/../b",
    "../../etc/passwd",
    "./a",
    ".hidden",
    ".s3orm/format",
    "a\tb",
    "a\nb",
    "a\rb",
    "a\r\nb",
    "\u{1}",
    "\u{1f}",
    "\u{7f}",
    "\u{85}",
    "caf\u{e9}",
    "cafe\u{301}",
    "😀",
    "\u{fffd}",
    "\u{202e}",
    "a:b",
    "a|b*c",
    "a;b,c",
    "a@b$c",
    "a`b{c}^~[d]",
    "a.json",
    "CON",
];

/// [`AWKWARD`].
pub(super) fn names() -> Vec<String> {
    AWKWARD.iter().map(|&name| name.to_owned()).collect()
}

pub(super) async fn awkward_keys(f: &Fixture) -> Outcome {
    let names = names();
    f.put_all(&names).await?;
    for name in &names {
        f.holds(name, name).await?;
        f.store().head(&f.key(name)).await?;
    }
    let expected: BTreeSet<String> = names.iter().cloned().collect();
    let listed = f.names("").await?;
    let found: BTreeSet<String> = listed.iter().cloned().collect();
    ensure!(
        found == expected,
        "missing: {:?}; too many: {:?}",
        expected.difference(&found).collect::<Vec<_>>(),
        found.difference(&expected).collect::<Vec<_>>()
    );
    ensure!(listed.is_sorted(), "the order is not that of bytes");
    for name in names.iter().step_by(2) {
        f.delete_if(name, Precondition::None).await?;
        f.is_absent(name).await?;
    }
    for name in names.iter().skip(1).step_by(2) {
        f.holds(name, name).await?;
    }
    ensure!(f.names("").await?.len() == names.len() / 2);
    Ok(())
}

pub(super) async fn keys_that_only_seem_equal(f: &Fixture) -> Outcome {
    for (one, other) in [
        ("case", "CASE"),
        ("caf\u{e9}", "cafe\u{301}"),
        ("\u{212b}", "\u{c5}"),
        ("a/b", "a//b"),
        ("a", "a/"),
        ("a", "./a"),
        ("a b", "a+b"),
        ("a b", "a%20b"),
        ("a", "a "),
        ("ß", "ss"),
        ("a\u{200b}", "a"),
    ] {
        f.put(one, one).await?;
        f.is_absent(other).await?;
        f.put(other, other).await?;
        f.holds(one, one).await?;
        f.holds(other, other).await?;
        f.delete_if(one, Precondition::None).await?;
        f.holds(other, other).await?;
        f.delete_if(other, Precondition::None).await?;
    }
    Ok(())
}

pub(super) async fn a_key_and_keys_below_it(f: &Fixture) -> Outcome {
    let names = [
        "a",
        "a/",
        "a/b",
        "a/b/",
        "a/b/c",
        "a.json",
        "a.json/b",
        "a.json/b.json",
    ];
    for name in names {
        f.put(name, name).await?;
    }
    for name in names {
        f.holds(name, name).await?;
    }
    let mut expected = names.map(str::to_owned);
    expected.sort();
    ensure!(f.names("").await? == expected, "{:?}", f.names("").await?);
    for name in names {
        f.delete_if(name, Precondition::None).await?;
        f.is_absent(name).await?;
    }
    ensure!(f.names("").await?.is_empty());
    Ok(())
}

pub(super) async fn the_longest_key(f: &Fixture) -> Outcome {
    let room = MAX - f.key("").len();
    let segments = "0123456789".repeat(10) + "/";
    let long: String = segments.chars().cycle().take(room - 1).collect::<String>() + "z";
    let slashes = "/".repeat(room);
    for name in [&long, &slashes] {
        f.put(name, "1").await?;
        f.holds(name, "1").await?;
        ensure!(f.names(name).await? == std::slice::from_ref(name));
    }
    f.delete_if(&long, Precondition::None).await?;
    f.delete_if(&slashes, Precondition::None).await?;
    let too_long = format!("{long}x");
    let answer = f.put_if(&too_long, "1", Precondition::None).await;
    refused(answer, StoreErrorKind::InvalidKey)
}

pub(super) async fn keys_that_are_none(f: &Fixture) -> Outcome {
    let store = f.store();
    refused(
        store.get(GetObject::default()).await,
        StoreErrorKind::InvalidKey,
    )?;
    refused(store.head("").await, StoreErrorKind::InvalidKey)?;
    refused(
        store.put(PutObject::default()).await,
        StoreErrorKind::InvalidKey,
    )?;
    refused(
        store.delete(DeleteObject::default()).await,
        StoreErrorKind::InvalidKey,
    )
}
