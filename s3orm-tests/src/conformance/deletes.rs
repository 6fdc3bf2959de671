//! Deletions, one and many.

use anyhow::ensure;
use s3orm::store::{DeleteObject, Precondition, StoreErrorKind};

use super::fixture::refused;
use super::{Fixture, Outcome, keys};

pub(super) async fn delete_what_is_not_there(f: &Fixture) -> Outcome {
    f.delete_if("a", Precondition::None).await?;
    f.delete_if("folder/none/a", Precondition::None).await?;
    f.put("a", "1").await?;
    f.delete_if("a", Precondition::None).await?;
    f.delete_if("a", Precondition::None).await?;
    f.is_absent("a").await
}

pub(super) async fn delete_1000_at_once(f: &Fixture) -> Outcome {
    let names: Vec<String> = (0..500).map(|n| format!("k/{n}<&>")).collect();
    f.put_all(&names).await?;
    f.put("kept", "1").await?;
    let requests: Vec<DeleteObject> = (0..1000)
        .map(|n| DeleteObject {
            key: f.key(&format!("k/{n}<&>")),
            ..DeleteObject::default()
        })
        .collect();
    let outcomes = f.store().delete_many(requests.clone()).await?;
    ensure!(outcomes.len() == 1000, "{} outcomes", outcomes.len());
    for outcome in outcomes {
        outcome?;
    }
    ensure!(f.names("").await? == ["kept"], "{:?}", f.names("").await?);
    let too_many = [requests, vec![DeleteObject::default()]].concat();
    refused(
        f.store().delete_many(too_many).await,
        StoreErrorKind::Invalid,
    )
}

pub(super) async fn delete_awkward_keys_at_once(f: &Fixture) -> Outcome {
    let names = keys::names();
    f.put_all(&names).await?;
    let requests = names.iter().map(|name| DeleteObject {
        key: f.key(name),
        ..DeleteObject::default()
    });
    for outcome in f.store().delete_many(requests.collect()).await? {
        outcome?;
    }
    ensure!(f.names("").await?.is_empty(), "{:?}", f.names("").await?);
    Ok(())
}

pub(super) async fn delete_many_tells_each_outcome(f: &Fixture) -> Outcome {
    let tag = f.put("match", "1").await?;
    let old = f.put("changed", "1").await?;
    f.put("changed", "2").await?;
    f.put("plain", "1").await?;
    let requests = [
        ("absent", Precondition::None),
        ("match", Precondition::IfMatch(tag.clone())),
        ("changed", Precondition::IfMatch(old)),
        ("gone", Precondition::IfMatch(tag)),
        ("plain", Precondition::None),
    ];
    let requests = requests.map(|(name, precondition)| DeleteObject {
        key: f.key(name),
        precondition,
    });
    let outcomes = f.store().delete_many(requests.to_vec()).await?;
    let kinds: Vec<Option<StoreErrorKind>> = outcomes
        .into_iter()
        .map(|outcome| outcome.err().map(|error| error.kind()))
        .collect();
    let failed = Some(StoreErrorKind::PreconditionFailed);
    let absent = Some(StoreErrorKind::NotFound);
    ensure!(kinds == [None, None, failed, absent, None], "{kinds:?}");
    ensure!(
        f.names("").await? == ["changed"],
        "{:?}",
        f.names("").await?
    );
    Ok(())
}
