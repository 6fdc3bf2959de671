//! Operations on single rows, batches of them, and rows that move.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use s3orm::{Db, Table};

use super::{Item, Rule, State, Step, Workload};
use crate::sim::Dice;

/// So many rows there are at most.
const ROWS: u64 = 12;

/// `insert`, `put`, `save`, `update`, `patch`, `delete`, `rekey`, and batches.
#[derive(Debug, Clone, Copy)]
pub struct Rows;

impl Workload for Rows {
    fn plan(&self, dice: &Dice, now: &State) -> Step {
        let value = dice.below(u64::MAX);
        let ids = |there: bool| {
            let mut ids: Vec<u64> = (0..ROWS)
                .filter(|id| now.contains_key(id) == there)
                .collect();
            while ids.len() > 3 {
                ids.remove(usize::try_from(dice.below(ids.len() as u64)).unwrap_or(0));
            }
            ids
        };
        let (there, absent) = (ids(true), ids(false));
        let name = match (dice.below(11), &there[..], &absent[..]) {
            (0, _, [_, ..]) => "insert",
            (1, _, [_, _, ..]) => "insert_many",
            (2, [_, ..], _) => "save",
            (3, [_, ..], _) => "update",
            (4, [_, ..], _) => "patch",
            (5, [_, ..], _) => "delete",
            (6, [_, _, ..], _) => "delete_many",
            (7 | 8, [_, ..], [_, ..]) => "rekey",
            (9, [_, ..], [_, ..]) => "put_many",
            _ => "put",
        };
        let new = |id: u64| (id, (now.get(&id).copied(), Some(value.wrapping_add(id))));
        let gone = |id: u64| (id, (now.get(&id).copied(), None));
        let rows: BTreeMap<_, _> = match name {
            "insert" => absent.into_iter().take(1).map(new).collect(),
            "insert_many" => absent.into_iter().map(new).collect(),
            "save" | "update" | "patch" => there.into_iter().take(1).map(new).collect(),
            "delete" => there.into_iter().take(1).map(gone).collect(),
            "delete_many" => there.into_iter().map(gone).collect(),
            "rekey" => [gone(there[0]), new(absent[0])].into(),
            "put_many" => there.into_iter().chain(absent).map(new).collect(),
            _ => [new(dice.below(ROWS))].into(),
        };
        let rule = match name {
            "rekey" => Rule::Moves,
            _ => Rule::Each,
        };
        Step {
            name: name.to_owned(),
            rows,
            rule,
        }
    }

    fn act<'a>(&'a self, db: &'a Db, step: &'a Step) -> BoxFuture<'a, s3orm::Result<()>> {
        Box::pin(act(db.table(), step))
    }

    fn finish<'a>(&'a self, db: &'a Db, step: &'a Step) -> BoxFuture<'a, s3orm::Result<()>> {
        self.act(db, step)
    }
}

async fn act(table: Table<Item>, step: &Step) -> s3orm::Result<()> {
    let new = step.rows.iter();
    let new = new.filter_map(|(&id, (_, after))| after.map(|value| Item::new(id, value)));
    let new: Vec<Item> = new.collect();
    let gone = step.rows.iter().filter(|(_, (_, after))| after.is_none());
    let gone: Vec<u64> = gone.map(|(id, _)| *id).collect();
    match (step.name.as_str(), &new[..], &gone[..]) {
        ("insert", [row], _) => table.insert(row).await.map(drop),
        ("insert_many", rows, _) => table.insert_many(rows).await.into_result().map(drop),
        ("put_many", rows, _) => table.put_many(rows).await.into_result().map(drop),
        ("delete_many", _, ids) => {
            let deleted = table.delete_many(ids.iter().copied()).await;
            deleted.into_result().map(drop)
        }
        ("delete", _, [id]) => table.delete(*id).must_exist().await,
        ("save", [row], _) => {
            let read = table.read(row.id).await?;
            let mut read = read.expect("the row is there");
            *read = row.clone();
            table.save(read).await.map(drop)
        }
        ("update", [row], _) => {
            let updated = table.update(row.id, |now| now.clone_from(row)).await;
            updated.map(drop)
        }
        ("patch", [row], _) => {
            use s3orm::S3Schema as _;
            let patch = table.patch(row.id).set(Item::COL.value, row.value);
            patch.set(Item::COL.text, row.text.clone()).await.map(drop)
        }
        ("rekey", [row], [old]) => {
            let moved = table.rekey(*old, |now| now.clone_from(row)).await;
            moved.map(drop)
        }
        (_, rows, _) => table.put(&rows[0]).await.map(drop),
    }
}
