//! What the clients of a table with transactions do.
//!
//! Some rows are accounts, between which transactions move balances that come to the same at every
//! instant; whatever else is written to them leaves the balance as it is. To the others anything may
//! happen, within transactions and without. All of it happens in bursts, an hour apart, so that what
//! was left behind in one is collected in the midst of the next.

use std::time::{Duration, SystemTime};

use s3orm::store::ListObjects;
use s3orm::{Db, ErrorKind, Result, Table};
use tokio::task::JoinSet;

use super::Shape;
use super::book::is_kept;
use super::deeds::{Attempt, Write};
use super::history::{Action, COUNTER, Outcome, Posting, Register, locked};
use super::plan::Part;
use super::workload::{LONG_AFTER, World, join};

/// What each account has at first.
pub(super) const BALANCE: u64 = 100;
/// From one burst to the next: what the last one has left is old enough to be collected.
const BURSTS: Duration = Duration::from_mins(61);
/// Tokens are remembered for so long, and for an hour more.
const TOKENS: Duration = Duration::from_hours(26);

impl World {
    pub(super) async fn transactions<T: Posting>(&self) {
        locked(&self.history).book.open(T::SCHEMA.table);
        for id in 0..=self.accounts() {
            let balance = if id == COUNTER { 0 } else { BALANCE };
            let row = Register {
                balance,
                ..self.value(id)
            };
            self.begin::<T>(row).await;
        }
        locked(&self.history).book.count();
        let (bursts, start) = (1 + self.dice.below(3), self.env.now());
        let mut clients = JoinSet::new();
        for client in 1..=3 + self.dice.below(6) {
            clients.spawn(self.clone().teller::<T>(client, bursts, start));
        }
        clients.spawn(self.clone().janitor::<T>(bursts, start));
        join(clients).await;
        self.env.sleep(LONG_AFTER).await;
        self.clean_up::<T>().await;
        self.read_all::<T>().await;
    }

    /// Rows 1 to this one have balances; those beyond have none.
    pub(super) fn accounts(&self) -> u64 {
        self.rows.div_ceil(2).max(2)
    }

    async fn until_burst(&self, burst: u64, start: SystemTime) {
        let begins = BURSTS * u32::try_from(burst).unwrap_or(0);
        let passed = self.env.now().duration_since(start).unwrap_or_default();
        self.env.sleep(begins.saturating_sub(passed)).await;
    }

    async fn teller<T: Posting>(self, client: u64, bursts: u64, start: SystemTime) {
        for burst in 0..bursts {
            self.until_burst(burst, start).await;
            for _ in 0..2 + self.dice.below(7) {
                self.pause().await;
                self.step::<T>(client).await;
            }
        }
    }

    async fn janitor<T: Posting>(self, bursts: u64, start: SystemTime) {
        for burst in 0..bursts {
            self.until_burst(burst, start).await;
            for _ in 0..2 + self.dice.below(6) {
                let wait = Duration::from_millis(self.dice.below(400));
                self.env.sleep(wait).await;
                let kinds = if self.shape == Shape::Indexes { 6 } else { 4 };
                let action = match self.dice.below(kinds) {
                    0 => Action::Settle,
                    1 => Action::Vacuum,
                    4.. => Action::Repair,
                    _ => Action::Sweep,
                };
                self.upkeep::<T>(action, true).await;
            }
        }
    }

    async fn upkeep<T: Posting>(&self, action: Action, faults: bool) -> Outcome {
        let place = locked(&self.history).begin(0, action, COUNTER);
        let (db, crashed) = self.connect(place, faults);
        let done = match action {
            Action::Vacuum => db.table::<T>().vacuum().await.map(drop),
            Action::Settle => db.settle().await.map(drop),
            Action::Repair => db.table::<T>().repair().await.map(drop),
            _ => db.sweep().await.map(drop),
        };
        let outcome = told(done);
        self.end(place, outcome.clone(), crashed());
        outcome
    }

    /// After all: nothing is left of transactions and of deleted rows.
    async fn clean_up<T: Posting>(&self) {
        let blame = |what: String| locked(&self.history).book.blame(what);
        let left = || locked(&self.history).book.left();
        let done = self.upkeep::<T>(Action::Settle, false).await;
        if done != Outcome::Done || left()[0] > 0 {
            blame(format!("settled as {done:?}, and left {:?}", left()));
        }
        self.env.sleep(TOKENS).await;
        // An aborted attempt under a token goes after the one that followed it.
        for _ in 0..20 {
            self.upkeep::<T>(Action::Sweep, false).await;
            if left()[1] == 0 {
                break;
            }
        }
        self.upkeep::<T>(Action::Vacuum, false).await;
        if left() != [0; 3] {
            blame(format!(
                "intents, records and tombstones are left: {:?}",
                left()
            ));
        }
        if self.shape == Shape::Indexes {
            self.clean_indexes().await;
        }
        let all = self.store.list(ListObjects::default()).await;
        let all = all.expect("a store in memory lists").objects;
        let (rows, table) = (locked(&self.history).book.rows().len(), T::SCHEMA.table);
        let is_row = |key: &str| {
            key.split_once('/')
                .is_some_and(|(folder, _)| folder == table)
        };
        let (there, others): (Vec<_>, Vec<_>) = all.iter().partition(|one| is_row(&one.key));
        if there.len() != rows || !others.iter().all(|one| is_kept(&one.key)) {
            blame(format!(
                "there are {rows} rows, and on the bucket is {all:?}"
            ));
        }
    }

    async fn step<T: Posting>(&self, client: u64) {
        if self.shape == Shape::Indexes && self.dice.permille(250) {
            return self.look_up(client).await;
        }
        let action = match self.dice.below(20) {
            0..9 => Action::Transaction,
            9..11 => Action::Once(self.token()),
            11..14 => Action::Snapshot,
            14 => {
                let id = 1 + self.dice.below(self.rows);
                let to = 1 + (id + self.dice.below(2)) % self.rows;
                return self.single::<T>(client, Action::Rekey(to), id).await;
            }
            _ => {
                let (action, id) = self.pick_single();
                return self.single::<T>(client, action, id).await;
            }
        };
        let place = locked(&self.history).begin(client, action, COUNTER);
        locked(&self.history).deeds.entry(place).or_default();
        if let Action::Once(token) = action {
            return self.once::<T>(place, token).await;
        }
        let (db, crashed) = self.connect(place, true);
        let outcome = if action == Action::Snapshot {
            self.snapshot::<T>(&db, place).await
        } else {
            let (plan, table) = (&self.plan(), &db.table::<T>());
            let work = db.transaction(|tx| self.work(tx, table, plan, place));
            told(if self.dice.permille(200) {
                work.settled().await
            } else {
                work.await
            })
        };
        self.end(place, outcome, crashed());
    }

    /// Mostly a new one, at times one that is in use.
    fn token(&self) -> u64 {
        let mut history = locked(&self.history);
        let used = history.operations.iter().rev();
        let mut used = used.filter_map(|one| match one.action {
            Action::Once(token) => Some(token),
            _ => None,
        });
        let last = used.next();
        match last {
            Some(token) if self.dice.permille(300) => token,
            _ => history.stamp(),
        }
    }

    /// One row's operations, with whatever has been done to it by transactions.
    async fn single<T: Posting>(&self, client: u64, action: Action, id: u64) {
        let place = locked(&self.history).begin(client, action, id);
        let (db, crashed) = self.connect(place, true);
        let world = self.during(place);
        let outcome = if let Action::Rekey(to) = action {
            locked(&self.history).deeds.entry(place).or_default();
            world.rekey::<T>(&db.table(), place, [id, to]).await
        } else {
            world.act::<T>(&db.table(), action, id).await
        };
        self.end(place, outcome, crashed());
    }

    fn pick_single(&self) -> (Action, u64) {
        if self.dice.permille(150) {
            return (Action::Update, COUNTER);
        }
        let id = 1 + self.dice.below(self.rows);
        // What keeps a balance as it is, first.
        let kinds = if id <= self.accounts() { 7 } else { 18 };
        let action = match self.dice.below(kinds) {
            0..2 => Action::Save,
            2 => Action::Update,
            3..5 => Action::Patch,
            5 => Action::GetMany,
            6 => Action::Get,
            7..9 => Action::Insert,
            9 => Action::InsertOrNothing,
            10 => Action::InsertOrReplace,
            11 => Action::Put,
            12 => Action::PutReturningOld,
            13 => Action::Delete,
            14 => Action::DeleteMustExist,
            15 => Action::DeleteReturningOld,
            16 => [Action::InsertMany, Action::PutMany][usize::from(self.dice.permille(500))],
            _ => Action::DeleteMany,
        };
        (action, id)
    }

    async fn rekey<T: Posting>(
        &self,
        table: &Table<T>,
        place: usize,
        [id, to]: [u64; 2],
    ) -> Outcome {
        if id == to || (id <= self.accounts()) != (to <= self.accounts()) {
            return Outcome::Read(None);
        }
        let moved = table.rekey(id, |row| {
            let values = Register {
                id: to,
                ..self.changed(row)
            };
            let attempt = self.attempt(place);
            self.note(place, attempt, |attempt| {
                attempt.reads.push((id, values.base));
                attempt.writes.insert(id, Write::DeleteMustExist);
                attempt.writes.insert(to, Write::Insert(values.stamp));
            });
            *row = T::of(values);
        });
        let moved = moved.await.map(|row| Outcome::Moved(row.values().stamp));
        moved.unwrap_or_else(|error| Outcome::Failed(error.kind(), None))
    }

    /// Again and again under one token, while nobody knows.
    async fn once<T: Posting>(&self, place: usize, token: u64) {
        let (mut plan, mut crashed) = (self.plan(), false);
        // That it was done must be seen.
        plan.parts.retain(|(id, _)| *id != self.rows);
        plan.parts.push((self.rows, Part::Put));
        let mut unknown = false;
        for _ in 0..4 {
            let (db, is_crashed) = self.connect(place, true);
            let table = &db.table::<T>();
            let work = db.transaction(|tx| self.work(tx, table, &plan, place));
            let done = work.once(&format!("token {token}"), &token).await;
            crashed = is_crashed();
            let outcome = match done {
                Ok(Some(())) => Outcome::Done,
                Ok(None) => Outcome::DoneBefore,
                Err(error) => Outcome::Failed(error.kind(), None),
            };
            let done = matches!(outcome, Outcome::Done | Outcome::DoneBefore);
            if done && !crashed {
                return self.end(place, outcome, false);
            }
            unknown |= crashed || outcome.is_unknown();
            if !unknown {
                return self.end(place, outcome, false);
            }
            self.pause().await;
        }
        let unknown = Outcome::Failed(ErrorKind::OutcomeUnknown, None);
        self.end(place, unknown, crashed);
    }

    async fn snapshot<T: Posting>(&self, db: &Db, place: usize) -> Outcome {
        let table = &db.table::<T>();
        let done = db.snapshot(|at| async move {
            let (attempt, mut sum) = (self.attempt(place), 0);
            for id in 1..=self.rows {
                let row = at.get(table, id).await?;
                sum += row.as_ref().map_or(0, |row| row.values().balance);
                let stamp = row.map(|row| row.values().stamp);
                self.note(place, attempt, |attempt| attempt.reads.push((id, stamp)));
            }
            self.note(place, attempt, |attempt| attempt.sum = Some(sum));
            Ok(())
        });
        told(done.await)
    }

    /// Another run of a closure; its number.
    pub(super) fn attempt(&self, place: usize) -> usize {
        let mut history = locked(&self.history);
        let attempts = &mut history.deeds.entry(place).or_default().attempts;
        attempts.push(Attempt::default());
        attempts.len() - 1
    }

    pub(super) fn note(&self, place: usize, attempt: usize, note: impl FnOnce(&mut Attempt)) {
        let mut history = locked(&self.history);
        let deed = history.deeds.get_mut(&place);
        note(&mut deed.expect("it has begun").attempts[attempt]);
    }
}

fn told(done: Result<()>) -> Outcome {
    match done {
        Ok(()) => Outcome::Done,
        Err(error) => Outcome::Failed(error.kind(), None),
    }
}
