//! What a transaction asks for, and one run of its closure.

use s3orm::tx::Tx;
use s3orm::{Error, Result, Row, Table};

use super::deeds::{Attempt, Write};
use super::history::{Posting, Register, locked};
use super::transactions::BALANCE;
use super::workload::World;

/// What a transaction does.
pub(super) struct Plan {
    /// Accounts that are read, and between which the balances are dealt out anew.
    deal: Vec<u64>,
    /// An amount that moves from one account to another, which are not read.
    pay: Option<[u64; 3]>,
    /// What happens to other rows.
    pub(super) parts: Vec<(u64, Part)>,
    /// Whether the closure says no in the end.
    refuse: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Read,
    Check,
    Update,
    Patch,
    Put,
    Insert,
    Delete,
    DeleteMustExist,
}

impl World {
    /// Two to four rows, if there are so many, and what is done to them.
    pub(super) fn plan(&self) -> Plan {
        let mut ids: Vec<u64> = (1..=self.rows).collect();
        let size = 2 + self.dice.below(3);
        while ids.len() as u64 > size {
            ids.remove(usize::try_from(self.dice.below(ids.len() as u64)).unwrap_or(0));
        }
        let is_account = |id: &u64| *id <= self.accounts();
        let (accounts, others): (Vec<u64>, Vec<u64>) = ids.into_iter().partition(is_account);
        let mut plan = Plan {
            deal: Vec::new(),
            pay: None,
            parts: others.into_iter().map(|id| (id, self.part(8))).collect(),
            refuse: self.dice.permille(50),
        };
        match (self.dice.below(5), &accounts[..]) {
            (0..3, _) => plan.deal = accounts,
            (3, [one, other, rest @ ..]) => {
                let mut ends = [*one, *other];
                if self.dice.permille(500) {
                    ends.reverse();
                }
                plan.pay = Some([ends[0], ends[1], self.dice.below(BALANCE)]);
                plan.parts.extend(rest.iter().map(|id| (*id, self.part(2))));
            }
            _ => plan
                .parts
                .extend(accounts.iter().map(|id| (*id, self.part(4)))),
        }
        plan
    }

    /// One of the first so many.
    fn part(&self, limit: u64) -> Part {
        match self.dice.below(limit) {
            0 => Part::Read,
            1 => Part::Check,
            2 => Part::Update,
            3 => Part::Patch,
            4 => Part::Put,
            5 => Part::Insert,
            6 => Part::Delete,
            _ => Part::DeleteMustExist,
        }
    }

    /// One run of a closure.
    pub(super) async fn work<T: Posting>(
        &self,
        tx: Tx,
        table: &Table<T>,
        plan: &Plan,
        place: usize,
    ) -> Result<()> {
        let run = Run {
            world: self,
            tx,
            table,
            place,
            attempt: self.attempt(place),
        };
        run.deal(&plan.deal).await?;
        if let Some(pay) = plan.pay {
            run.pay(pay)?;
        }
        for (id, part) in &plan.parts {
            run.part(*id, *part).await?;
        }
        if plan.refuse {
            run.note(|attempt| attempt.refused = true);
            return Err(Error::cancelled("it is refused"));
        }
        Ok(())
    }

    /// The balances of rows, dealt out anew: some rows go, others come, and one stays at least.
    fn dealt<T: Posting>(
        &self,
        rows: Vec<(u64, Option<Row<T>>)>,
    ) -> Vec<(u64, Option<Row<T>>, Option<u64>)> {
        let there = rows.iter().filter_map(|(_, row)| row.as_ref());
        let mut left: u64 = there.map(|row| row.values().balance).sum();
        let mut dealt = Vec::new();
        let mut last = rows.len();
        if rows.iter().all(|(_, row)| row.is_none()) {
            return dealt;
        }
        for (id, row) in rows {
            last -= 1;
            let stays = last == 0 || self.dice.permille(700);
            let balance = match (stays, last) {
                (false, _) => None,
                (true, 0) => Some(left),
                (true, _) => Some(self.dice.below(left + 1)),
            };
            left -= balance.unwrap_or_default();
            dealt.push((id, row, balance));
        }
        dealt
    }
}

/// One run of a transaction's closure, which notes what it asks for.
struct Run<'a, T> {
    world: &'a World,
    tx: Tx,
    table: &'a Table<T>,
    place: usize,
    attempt: usize,
}

impl<T: Posting> Run<'_, T> {
    fn note(&self, note: impl FnOnce(&mut Attempt)) {
        self.world.note(self.place, self.attempt, note);
    }

    fn writes(&self, id: u64, write: Write) {
        self.note(|attempt| {
            attempt.writes.insert(id, write);
        });
    }

    async fn read(&self, id: u64) -> Result<Option<Row<T>>> {
        let row = self.tx.read(self.table, id).await?;
        let stamp = row.as_ref().map(|row| row.values().stamp);
        self.note(|attempt| attempt.reads.push((id, stamp)));
        Ok(row)
    }

    fn stamp(&self) -> u64 {
        locked(&self.world.history).stamp()
    }

    fn new_row(&self, id: u64, stamp: u64, balance: u64) -> T {
        T::of(Register {
            stamp,
            balance,
            ..self.world.value(id)
        })
    }

    /// Reads accounts, and deals out what they have.
    async fn deal(&self, ids: &[u64]) -> Result<()> {
        let (tx, table) = (&self.tx, self.table);
        let mut rows = Vec::new();
        for id in ids {
            rows.push((*id, self.read(*id).await?));
        }
        for (id, row, balance) in self.world.dealt(rows) {
            let (stamp, way) = (self.stamp(), self.world.dice.below(3));
            match (row, balance) {
                (None, None) => {}
                (None, Some(balance)) => {
                    self.writes(id, Write::Insert(stamp));
                    tx.write(table.insert(self.new_row(id, stamp, balance)))?;
                }
                (Some(_), None) => {
                    self.writes(id, Write::DeleteMustExist);
                    tx.write(table.delete(id).must_exist())?;
                }
                (Some(mut row), Some(balance)) => {
                    self.writes(id, Write::Change(stamp));
                    let new = row.values().next(stamp);
                    *row = T::of(Register { balance, ..new });
                    match way {
                        0 => tx.write(table.save(row))?,
                        1 => tx.write(table.put(row.into_inner()))?,
                        _ => {
                            let new = row.into_inner();
                            tx.write(table.update(id, move |row| row.clone_from(&new)))?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Moves an amount without reading.
    fn pay(&self, [from, to, amount]: [u64; 3]) -> Result<()> {
        let [paid, got] = [(); 2].map(|()| self.stamp());
        self.writes(from, Write::Change(paid));
        self.writes(to, Write::Change(got));
        self.tx.write(T::pays(self.table, from, paid, amount))?;
        self.tx.write(T::gets(self.table, to, got, amount))
    }

    async fn part(&self, id: u64, part: Part) -> Result<()> {
        let (tx, table, stamp) = (&self.tx, self.table, self.stamp());
        let new = self.new_row(id, stamp, 0);
        match part {
            Part::Read => self.read(id).await.map(drop),
            Part::Check => {
                self.note(|attempt| attempt.checks.push(id));
                T::check(tx, table, id)
            }
            Part::Update => {
                self.writes(id, Write::Change(stamp));
                let next = move |row: &mut T| *row = T::of(row.values().next(stamp));
                tx.write(table.update(id, next))
            }
            Part::Patch => {
                self.writes(id, Write::Change(stamp));
                tx.write(T::patch(table, id, stamp))
            }
            Part::Put => {
                self.writes(id, Write::Put(stamp));
                tx.write(table.put(new))
            }
            Part::Insert => {
                self.writes(id, Write::Insert(stamp));
                tx.write(table.insert(new))
            }
            Part::Delete => {
                self.writes(id, Write::Delete);
                tx.write(table.delete(id))
            }
            Part::DeleteMustExist => {
                self.writes(id, Write::DeleteMustExist);
                tx.write(table.delete(id).must_exist())
            }
        }
    }
}
