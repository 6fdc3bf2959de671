//! Single objects: reads after writes, tags, metadata.

use super::lab::{Answer, Lab};
use super::verdict::Verdict;
use crate::store::{Metadata, PutObject, StoreErrorKind};

/// How often what must always hold is looked at.
const TIMES: usize = 8;

pub(super) async fn read_after_write(lab: &Lab) -> Answer<Verdict> {
    const STALE: &str = "rows are read as they were before, or not at all";
    for time in 0..TIMES {
        for who in 0..lab.connections() {
            let body = format!("{time} of {who}");
            lab.put_if(
                who,
                "read-after-write",
                &body,
                crate::store::Precondition::None,
            )
            .await?;
            for reader in 0..lab.connections() {
                let found = lab.body(reader, "read-after-write").await?;
                if found.as_deref() != Some(body.as_str()) {
                    let found = format!("`{found:?}` after `{body}` was written");
                    return Ok(Verdict::danger(found, STALE));
                }
            }
        }
        lab.delete("read-after-write").await?;
        for reader in 0..lab.connections() {
            if lab.body(reader, "read-after-write").await?.is_some() {
                return Ok(Verdict::danger("an object after it was deleted", STALE));
            }
        }
    }
    Ok(Verdict::pass("at once"))
}

pub(super) async fn list_after_write(lab: &Lab) -> Answer<Verdict> {
    const STALE: &str = "queries miss rows that are there, or meet rows that are not";
    let shown = async || -> Answer<Vec<(String, u64)>> {
        let page = lab.page("listed/", |_| {}).await?;
        let names = page.objects.iter().filter_map(|object| {
            let name = lab.name(&object.key)?;
            Some((name.to_owned(), object.size))
        });
        Ok(names.collect())
    };
    for time in 1..=TIMES {
        let name = format!("listed/{time}");
        lab.put(&name, "1").await?;
        lab.put(&name, "12").await?;
        if shown().await? != [(name.clone(), 2)] {
            return Ok(Verdict::fail(
                "a listing without what was just written",
                STALE,
            ));
        }
        lab.delete(&name).await?;
        if !shown().await?.is_empty() {
            return Ok(Verdict::fail("a listing with what was just deleted", STALE));
        }
    }
    Ok(Verdict::pass("at once"))
}

pub(super) async fn tags(lab: &Lab) -> Answer<Verdict> {
    const LOSES: &str = "`save` and `update` lose what somebody else has written since";
    let written = lab.put("tag", "1").await?;
    let read = lab.get("tag").await?.meta.etag;
    let head = lab.store(0, 1).head(&lab.key("tag")).await?.etag;
    let listed = lab.page("tag", |_| {}).await?.objects;
    if read != written || head != written {
        return Ok(Verdict::fail(
            format!("`{written}` when written, `{read}` and `{head}` when read"),
            "`save` and `update` conflict with themselves",
        ));
    }
    // As long as before, within the same second.
    let other = lab.put("tag", "2").await?;
    if other == written {
        let found = format!("`{written}` of two bodies");
        return Ok(Verdict::danger(found, LOSES));
    }
    Ok(
        if listed.first().is_some_and(|object| object.etag != written) {
            Verdict::warn(
                "another in listings than in reads",
                "what compares listings with rows sees changes where none are",
            )
        } else if lab.put("tag", "1").await? == written {
            Verdict::pass("the same of the same bytes")
        } else {
            Verdict::pass("another with each write")
        },
    )
}

pub(super) async fn metadata(lab: &Lab) -> Answer<Verdict> {
    const MEANS: &str =
        "a write whose answer is lost ends in `OutcomeUnknown`; metadata of rows is lost";
    let metadata = Metadata::from([
        ("s3orm-id".to_owned(), "0123456789abcdef".to_owned()),
        ("with-spaces".to_owned(), "a b, c; \"d\" = e".to_owned()),
    ]);
    let request = PutObject {
        key: lab.key("metadata"),
        body: "{}".into(),
        content_type: Some("application/json".into()),
        metadata: metadata.clone(),
        ..PutObject::default()
    };
    match lab.write(0, &request).await {
        Err(error) if error.kind() == StoreErrorKind::Unsupported => {
            return Ok(Verdict::fail(super::verdict::told(&error), MEANS));
        }
        written => written?,
    };
    let read = lab.get("metadata").await?.meta;
    let head = lab.store(0, 1).head(&request.key).await?;
    for found in [read, head] {
        if found.metadata != metadata {
            let found = format!("{:?} of {metadata:?}", found.metadata);
            return Ok(Verdict::fail(found, MEANS));
        }
        if found.content_type.as_deref() != Some("application/json") {
            return Ok(Verdict::warn(
                format!("the content type {:?}", found.content_type),
                "other programs do not see that rows are JSON",
            ));
        }
    }
    Ok(Verdict::pass("as written"))
}
