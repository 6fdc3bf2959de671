//! Conditions of writes to one object, one request at a time.

use super::lab::{Answer, Lab, came_second};
use super::verdict::{Verdict, told};
use crate::store::Precondition::{IfAbsent, IfMatch, IfPresent};
use crate::store::{ETag, GetObject, StoreErrorKind};

/// A tag that no object has.
fn strange_tag() -> ETag {
    ETag::new("0123456789abcdef0123456789abcdef")
}

/// What became of the object, for a sentence.
async fn fate(lab: &Lab, name: &str, before: &str) -> Answer<&'static str> {
    Ok(match lab.body(0, name).await? {
        None => "the object is gone",
        Some(body) if body == before => "the object is as before",
        Some(_) => "the object is replaced",
    })
}

/// The verdict on the answer to a write that must be refused with 412, for an object that must
/// hold `before` then; `None` if all is well.
async fn refused(
    lab: &Lab,
    name: &str,
    before: &str,
    answer: Answer<()>,
    (what, danger, failure): (&str, &'static str, &'static str),
) -> Answer<Option<Verdict>> {
    let fate = fate(lab, name, before).await?;
    let unchanged = fate == "the object is as before";
    Ok(match answer {
        Ok(()) => Some(Verdict::danger(format!("a success {what}; {fate}"), danger)),
        Err(error) if !unchanged => {
            let found = format!("{} {what}; {fate} all the same", told(&error));
            Some(Verdict::danger(found, danger))
        }
        Err(error) if error.kind() == StoreErrorKind::PreconditionFailed => None,
        Err(error) => {
            let found = format!("{} {what}, not 412", told(&error));
            Some(Verdict::fail(found, failure))
        }
    })
}

pub(super) async fn create(lab: &Lab) -> Answer<Verdict> {
    const FAILS: &str = "`insert` fails";
    let create = async |body| lab.put_if(0, "create", body, IfAbsent).await.map(drop);
    if let Err(error) = create("1").await {
        let found = format!("{} where nothing is", told(&error));
        return Ok(Verdict::fail(found, FAILS));
    }
    let answer = create("2").await;
    let meaning = (
        "where an object is",
        "`insert` replaces rows that are there",
        FAILS,
    );
    if let Some(verdict) = refused(lab, "create", "1", answer, meaning).await? {
        return Ok(verdict);
    }
    lab.delete("create").await?;
    Ok(match create("3").await {
        Ok(()) => Verdict::pass("412"),
        Err(error) => {
            let found = format!("{} where an object was deleted", told(&error));
            Verdict::fail(found, FAILS)
        }
    })
}

pub(super) async fn replace(lab: &Lab) -> Answer<Verdict> {
    const FAILS: &str = "`save` and `update` fail";
    const LOSES: &str = "`save` and `update` lose what somebody else has written since";
    let replace = async |body, tag| lab.put_if(0, "replace", body, IfMatch(tag)).await;
    let first = lab.put("replace", "1").await?;
    if let Err(error) = replace("2", first.clone()).await {
        let found = format!("{} for the tag that the object has", told(&error));
        return Ok(Verdict::fail(found, FAILS));
    }
    for (tag, what) in [
        (first, "for a tag that the object had before"),
        (strange_tag(), "for a tag that no object has"),
    ] {
        let answer = replace("3", tag).await.map(drop);
        let meaning = (what, LOSES, FAILS);
        if let Some(verdict) = refused(lab, "replace", "2", answer, meaning).await? {
            return Ok(verdict);
        }
    }
    Ok(Verdict::pass("412"))
}

pub(super) async fn replace_absent(lab: &Lab) -> Answer<Verdict> {
    let tag = lab.put("replace-absent", "1").await?;
    lab.delete("replace-absent").await?;
    let answer = lab.put_if(0, "replace-absent", "2", IfMatch(tag)).await;
    let is_absent = lab.body(0, "replace-absent").await?.is_none();
    Ok(match answer {
        Ok(_) => Verdict::danger(
            "a success where the object was deleted",
            "`save` brings back rows that somebody else has deleted",
        ),
        Err(error) if !is_absent => Verdict::danger(
            format!("{}; it is written all the same", told(&error)),
            "`save` brings back rows that somebody else has deleted",
        ),
        Err(error) if error.kind() == StoreErrorKind::NotFound => Verdict::pass("404"),
        // As some servers have it: nothing was written, which is what counts.
        Err(error) if came_second(&error) => Verdict::pass(told(&error)),
        Err(error) => Verdict::fail(told(&error), "`save` of a deleted row fails unclearly"),
    })
}

pub(super) async fn delete(lab: &Lab) -> Answer<Verdict> {
    const FAILS: &str = "conditional deletions (`if_version`, `returning_old`, `must_exist`) fail";
    const LOSES: &str = "deletions by version delete what somebody else has written since";
    let first = lab.put("delete", "1").await?;
    let second = lab.put("delete", "2").await?;
    for (tag, what) in [
        (first, "for a tag that the object had before"),
        (strange_tag(), "for a tag that no object has"),
    ] {
        let answer = lab.delete_if(0, "delete", IfMatch(tag)).await;
        let meaning = (what, LOSES, FAILS);
        if let Some(verdict) = refused(lab, "delete", "2", answer, meaning).await? {
            return Ok(verdict);
        }
    }
    if let Err(error) = lab.delete_if(0, "delete", IfMatch(second)).await {
        let found = format!("{} for the tag that the object has", told(&error));
        return Ok(Verdict::fail(found, FAILS));
    }
    Ok(match lab.body(0, "delete").await? {
        None => Verdict::pass("412"),
        Some(_) => Verdict::danger(
            "a success, and the object is there yet",
            "rows that were deleted stay",
        ),
    })
}

pub(super) async fn delete_absent(lab: &Lab) -> Answer<Verdict> {
    let tag = lab.put("delete-absent", "1").await?;
    lab.delete("delete-absent").await?;
    Ok(
        match lab.delete_if(0, "delete-absent", IfMatch(tag)).await {
            Err(error) if error.kind() == StoreErrorKind::NotFound => Verdict::pass("404"),
            Err(error) if came_second(&error) => Verdict::pass(told(&error)),
            Err(error) => Verdict::fail(told(&error), "deletions of deleted rows fail unclearly"),
            Ok(()) => Verdict::warn(
                "a success where the object was deleted",
                "of two deletions of one version, both are told that they did it",
            ),
        },
    )
}

pub(super) async fn delete_present(lab: &Lab) -> Answer<Verdict> {
    lab.put("delete-present", "1").await?;
    let present = lab.delete_if(0, "delete-present", IfPresent).await;
    if let Err(error) = present {
        let found = format!("{} for `*` where an object is", told(&error));
        let means = if error.kind() == StoreErrorKind::PreconditionFailed {
            "`must_exist` deletes by the tag: two requests more"
        } else {
            "`must_exist` fails"
        };
        return Ok(Verdict::warn(found, means));
    }
    Ok(match lab.delete_if(0, "delete-present", IfPresent).await {
        Ok(()) => Verdict::warn(
            "a success for `*` where nothing is",
            "`must_exist` does not notice that there was no row",
        ),
        Err(error) if error.kind() == StoreErrorKind::NotFound => Verdict::pass("404"),
        Err(error) if came_second(&error) => Verdict::pass(told(&error)),
        Err(error) => Verdict::warn(
            format!("{} for `*` where nothing is", told(&error)),
            "`must_exist` fails unclearly",
        ),
    })
}

pub(super) async fn read_changed(lab: &Lab) -> Answer<Verdict> {
    let first = lab.put("read", "1").await?;
    let second = lab.put("read", "2").await?;
    let read_unless = async |tag| {
        let request = GetObject {
            key: lab.key("read"),
            if_none_match: Some(tag),
            ..GetObject::default()
        };
        lab.hear(lab.store(0, 1).get(request).await)
    };
    match read_unless(first).await {
        Ok(object) if object.body == "2" => {}
        Ok(_) => {
            return Ok(Verdict::danger(
                "an old body for a tag that the object had before",
                "reads are not of what was written last",
            ));
        }
        Err(error) => {
            let found = format!("{} for a tag that the object had before", told(&error));
            return Ok(Verdict::danger(
                found,
                "`cache_bytes` answers with old rows",
            ));
        }
    }
    Ok(match read_unless(second).await {
        Err(error) if error.kind() == StoreErrorKind::NotModified => Verdict::pass("304"),
        Ok(_) => Verdict::warn(
            "the body again for the tag that it has",
            "`cache_bytes` saves nothing",
        ),
        Err(error) => Verdict::warn(
            format!("{} for the tag that the object has", told(&error)),
            "reads fail with `cache_bytes`",
        ),
    })
}
