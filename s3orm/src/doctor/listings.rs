//! Listings: order, where they begin, what they roll up, pages.

use super::lab::{Answer, Lab};
use super::verdict::Verdict;
use crate::store::{ListObjects, ListStart, Page};

const FOLDER: &str = "list/";
const MISSES: &str = "queries miss rows, or answer with some twice";

/// Names that other orders than that of bytes (of words, of upper and lower case, of folders, of
/// lengths) put elsewhere. In byte order.
const NAMES: [&str; 16] = [
    "1", "10", "2", "A", "B", "_", "a", "a!", "a-b", "a.json", "a/b", "a/b/c", "a0", "aa", "b", "~",
];
/// The same with `/` as the delimiter.
const ROLLED: [&str; 15] = [
    "1", "10", "2", "A", "B", "_", "a", "a!", "a-b", "a.json", "a/", "a0", "aa", "b", "~",
];

/// Writes what the other probes of this file list; not in order.
pub(super) async fn prepare(lab: &Lab) -> Answer<()> {
    for (at, _) in NAMES.iter().enumerate() {
        let name = NAMES[at * 7 % NAMES.len()];
        lab.put(&format!("{FOLDER}{name}"), name).await?;
    }
    Ok(())
}

/// The names on a page, objects and prefixes apart.
fn names(lab: &Lab, page: &Page) -> [Vec<String>; 2] {
    let name = |key: &String| {
        let name = lab.name(key).and_then(|name| name.strip_prefix(FOLDER));
        name.unwrap_or(key).to_owned()
    };
    let objects = page.objects.iter().map(|object| name(&object.key));
    [objects.collect(), page.prefixes.iter().map(name).collect()]
}

/// How a listing differs from what it should be; `None` if it does not.
fn difference(found: &[String], expected: &[&str]) -> Option<String> {
    let missing: Vec<&&str> = expected
        .iter()
        .filter(|name| !found.iter().any(|other| other == *name))
        .collect();
    if !missing.is_empty() {
        return Some(format!("without {missing:?}"));
    }
    let wrong = found
        .iter()
        .zip(expected)
        .find(|(found, expected)| found != expected);
    match wrong {
        Some((found, expected)) => Some(format!("{found:?} where {expected:?} is due")),
        None if found.len() > expected.len() => {
            Some(format!("{:?} too many", &found[expected.len()..]))
        }
        None => None,
    }
}

fn verdict(difference: Option<String>, means: &'static str) -> Verdict {
    match difference {
        None => Verdict::pass("as S3"),
        Some(difference) => Verdict::fail(difference, means),
    }
}

pub(super) async fn order(lab: &Lab) -> Answer<Verdict> {
    let [found, _] = names(lab, &lab.page(FOLDER, |_| {}).await?);
    let means = "queries in order, ranges and cursors miss rows, or answer with some twice";
    Ok(verdict(difference(&found, &NAMES), means))
}

pub(super) async fn start_after(lab: &Lab) -> Answer<Verdict> {
    for (after, from) in [("a", 7), ("a.", 9), ("a/", 10), ("~", 16)] {
        let key = lab.key(&format!("{FOLDER}{after}"));
        let page = lab
            .page(FOLDER, |request| request.start = ListStart::After(key))
            .await?;
        let [found, _] = names(lab, &page);
        if let Some(difference) = difference(&found, &NAMES[from..]) {
            let found = format!("after {after:?}: {difference}");
            return Ok(Verdict::fail(found, MISSES));
        }
    }
    Ok(Verdict::pass("exclusive"))
}

pub(super) async fn delimiter(lab: &Lab) -> Answer<Verdict> {
    let by_slash = |request: &mut ListObjects| request.delimiter = Some('/');
    let [mut found, folders] = names(lab, &lab.page(FOLDER, by_slash).await?);
    found.extend(folders);
    found.sort();
    let means = "`tables` and `distinct` answer wrong";
    Ok(verdict(difference(&found, &ROLLED), means))
}

/// Pages of three, of all and with a delimiter.
pub(super) async fn pages(lab: &Lab) -> Answer<Verdict> {
    for (delimiter, expected) in [(None, &NAMES[..]), (Some('/'), &ROLLED)] {
        let mut found = Vec::new();
        let mut start = ListStart::First;
        loop {
            let page = lab
                .page(FOLDER, |request| {
                    (request.delimiter, request.limit) = (delimiter, Some(3));
                    request.start = start;
                })
                .await?;
            let [mut both, folders] = names(lab, &page);
            both.extend(folders);
            both.sort();
            if both.len() > 3 {
                let found = format!("{} entries on a page of 3", both.len());
                return Ok(Verdict::fail(found, "pages are larger than was asked"));
            }
            found.extend(both);
            match page.next {
                Some(token) if found.len() <= 2 * expected.len() => {
                    start = ListStart::Token(token);
                }
                Some(_) => return Ok(Verdict::fail("pages without an end", MISSES)),
                None => break,
            }
        }
        if let Some(difference) = difference(&found, expected) {
            return Ok(Verdict::fail(format!("over pages: {difference}"), MISSES));
        }
    }
    Ok(Verdict::pass("each once"))
}
