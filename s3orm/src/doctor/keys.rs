//! Keys: what is written under one is read under it, and under no other.

use super::lab::{Answer, Lab};
use super::verdict::{Verdict, told};
use crate::key::escape_from;
use crate::store::StoreErrorKind;

/// What S3 takes.
const LONGEST: usize = 1024;

/// Names with what a URL, an XML answer, a file system or another server gives a meaning to.
const NASTY: [&str; 40] = [
    " ",
    " lead",
    "trail ",
    "two  spaces",
    "a+b",
    "a%2Fb",
    "a%20b",
    "%",
    "%%",
    "%e",
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
    "/lead",
    "trail/",
    ".",
    "..",
    "a/./b",
    "a/../b",
    ".hidden",
    "a\tb",
    "a\nb",
    "a\rb",
    "\u{1}",
    "\u{7f}",
    "a:b",
    "a|b*c",
    "a;b,c",
    "a@b$c",
    "a`b{c}^~[d]",
    "CON",
    "case",
];

/// Names that some servers take for each other.
const ALIKE: [(&str, &str); 6] = [
    ("caf\u{e9}", "cafe\u{301}"),
    ("\u{212b}", "\u{c5}"),
    ("\u{df}", "ss"),
    ("upper", "UPPER"),
    ("\u{e4}", "\u{c4}"),
    ("\u{1f600}", "\u{fffd}"),
];

/// What became of names: each with what went wrong.
#[derive(Debug, Default)]
struct Wrong(Vec<(String, String)>);

impl Wrong {
    fn push(&mut self, name: &str, what: impl Into<String>) {
        self.0.push((name.to_owned(), what.into()));
    }

    /// `"a\nb" (404), "%" (400)`, and how many more.
    fn text(&self) -> String {
        const SHOWN: usize = 8;
        let short = |name: &str| name.chars().take(24).collect::<String>();
        let shown = self.0.iter().take(SHOWN);
        let shown: Vec<String> = shown
            .map(|(name, what)| format!("{:?} ({what})", short(name)))
            .collect();
        match self.0.len().saturating_sub(SHOWN) {
            0 => shown.join(", "),
            more => format!("{}, and {more} more", shown.join(", ")),
        }
    }
}

/// Writes all, then reads, lists and deletes each.
async fn round_trip(lab: &Lab, folder: &str, names: &[String]) -> Answer<Wrong> {
    let mut wrong = Wrong::default();
    let mut stored = Vec::new();
    for name in names {
        match lab.put(&format!("{folder}{name}"), name).await {
            Ok(_) => stored.push(name),
            Err(error) => wrong.push(name, told(&error)),
        }
    }
    let listed = lab.page(folder, |_| {}).await;
    let listed: Vec<String> = match listed {
        Ok(page) => page.objects.into_iter().map(|object| object.key).collect(),
        Err(error) => {
            wrong.push(folder, format!("a listing: {}", told(&error)));
            vec![]
        }
    };
    for name in stored {
        let place = format!("{folder}{name}");
        match lab.body(0, &place).await {
            Ok(Some(body)) if body == *name => {}
            Ok(Some(body)) => wrong.push(name, format!("holds what was written to {body:?}")),
            Ok(None) => wrong.push(name, "not there"),
            Err(error) => wrong.push(name, told(&error)),
        }
        if !listed.contains(&lab.key(&place)) {
            wrong.push(name, "not listed");
        }
        let gone = match lab.delete(&place).await {
            Ok(()) => lab.body(0, &place).await.map(|body| body.is_none()),
            Err(error) => Err(error),
        };
        match gone {
            Ok(true) => {}
            Ok(false) => wrong.push(name, "not deleted"),
            Err(error) => wrong.push(name, format!("not deleted: {}", told(&error))),
        }
    }
    tolerate(lab);
    Ok(wrong)
}

/// Some servers sign other bytes than were sent, or cut the connection: where a key is strange, that
/// is no fault of credentials and connections.
fn tolerate(lab: &Lab) {
    lab.take_fault();
}

/// As the codec of this crate writes them, up to the longest.
pub(super) async fn encoded(lab: &Lab) -> Answer<Verdict> {
    const FOLDER: &str = "keys/encoded/";
    let mut names: Vec<String> = NASTY.iter().map(|&name| name.to_owned()).collect();
    names.extend(["CASE", "", "caf\u{e9}", "cafe\u{301}"].map(str::to_owned));
    for name in &mut names {
        escape_from(name, 0);
        name.push_str(".json");
    }
    // The longest key, of segments that fit everywhere.
    let room = LONGEST - lab.key(FOLDER).len();
    let segments = "0123456789".repeat(10) + "/";
    names.push(
        segments
            .chars()
            .cycle()
            .take(room - 1)
            .chain(['z'])
            .collect(),
    );
    let wrong = round_trip(lab, FOLDER, &names).await?;
    Ok(if wrong.0.is_empty() {
        Verdict::pass(format!("{} of {0}", names.len()))
    } else {
        Verdict::fail(
            wrong.text(),
            "rows with such keys are lost, or taken for others",
        )
    })
}

/// Segments as long as a key may be, where file systems end at 255 bytes.
pub(super) async fn long(lab: &Lab) -> Answer<Verdict> {
    const FOLDER: &str = "keys/long/";
    let room = LONGEST - lab.key(FOLDER).len();
    let names = [256, room].map(|length| "x".repeat(length.min(room)));
    let wrong = round_trip(lab, FOLDER, &names).await?;
    Ok(if wrong.0.is_empty() {
        Verdict::pass(format!("up to {LONGEST} bytes"))
    } else {
        Verdict::warn(wrong.text(), "long texts cannot be key columns")
    })
}

/// As they are: what other programs may have written.
pub(super) async fn raw(lab: &Lab) -> Answer<Verdict> {
    let names: Vec<String> = NASTY.iter().map(|&name| name.to_owned()).collect();
    let wrong = round_trip(lab, "keys/raw/", &names).await?;
    Ok(if wrong.0.is_empty() {
        Verdict::pass(format!("{} of {0}", names.len()))
    } else {
        Verdict::warn(
            wrong.text(),
            "such keys cannot be used raw, nor with `verbatim` paths; s3orm's own are escaped",
        )
    })
}

/// Whether any two names are one object.
pub(super) async fn alike(lab: &Lab) -> Answer<Verdict> {
    let mut wrong = Wrong::default();
    for (one, other) in ALIKE {
        let place = |name| format!("keys/alike/{name}");
        for name in [one, other] {
            if let Err(error) = lab.put(&place(name), name).await {
                wrong.push(name, told(&error));
            }
        }
        match lab.body(0, &place(one)).await {
            Ok(body) if body.as_deref() == Some(other) => {
                wrong.push(one, format!("taken for {other:?}"));
            }
            Ok(Some(_)) => {}
            Ok(None) => wrong.push(one, "not there"),
            Err(error) if error.kind() == StoreErrorKind::NotFound => {}
            Err(error) => wrong.push(one, told(&error)),
        }
        for name in [one, other] {
            // What is left is deleted with everything else.
            if let Err(error) = lab.delete(&place(name)).await {
                wrong.push(name, told(&error));
            }
        }
    }
    tolerate(lab);
    Ok(if wrong.0.is_empty() {
        Verdict::pass("each its own object")
    } else {
        Verdict::warn(
            wrong.text(),
            "such keys cannot be used raw, nor with `verbatim` paths; s3orm's own are ASCII",
        )
    })
}
