//! What the clients do.

use std::sync::Arc;
use std::time::Duration;

use s3orm::batch::Report;
use s3orm::store::Store;
use s3orm::store::memory::MemoryStore;
use s3orm::testing::Fault;
use s3orm::{Env, ErrorKind, Row, S3Schema as _, Table};
use tokio::task::JoinSet;

use super::history::{Action, COUNTER, History, Outcome, Register, Shared, locked};
use super::network::{Network, Weather};
use super::{Dice, Mutant, Shape};

/// Longer than any request is late.
const LONG_AFTER: Duration = Duration::from_mins(20);

/// A world, which all clients share.
#[derive(Clone)]
struct World {
    store: Arc<dyn Store>,
    env: Env,
    dice: Dice,
    weather: Weather,
    history: Shared,
    mutant: Mutant,
    shape: Shape,
    /// Rows besides the counter.
    rows: u64,
}

/// Runs a seed's clients until the last request has landed, and reads what is there then.
///
/// # Panics
/// If a request fails to which nothing happens.
pub async fn run(seed: u64, mutant: Mutant, shape: Shape, verbose: bool) -> History {
    // The library draws from one sequence, the world from another.
    let env = Env::seeded(seed);
    let dice = Dice::new(!seed);
    let history = History::new(env.clone(), verbose);
    let world = World {
        store: Arc::new(MemoryStore::new("simulation", env.clone())),
        weather: Weather::new(&dice, shape),
        rows: 1 + dice.below(3),
        history: Arc::new(std::sync::Mutex::new(history)),
        env,
        dice,
        mutant,
        shape,
    };
    world.begin().await;
    let mut clients = JoinSet::new();
    for client in 1..=3 + world.dice.below(6) {
        clients.spawn(world.clone().client(client));
    }
    while let Some(client) = clients.join_next().await {
        client.expect("a client does not panic");
    }
    world.env.sleep(LONG_AFTER).await;
    world.read_all().await;
    let World { store, history, .. } = world;
    drop(store);
    // Requests that were in limbo are delivered, so that nobody else holds it.
    let history = Arc::into_inner(history).expect("the only history");
    history.into_inner().expect("nobody panicked")
}

impl World {
    /// The counter is there before anything can go wrong.
    async fn begin(&self) {
        let place = locked(&self.history).begin(0, Action::Begin, COUNTER);
        let row = self.value(COUNTER);
        let stamp = row.stamp;
        let written = self.table(place, false).0.insert(row).await;
        written.expect("nothing goes wrong yet");
        locked(&self.history).end(place, Outcome::Wrote(stamp));
    }

    /// By a client that nothing happens to.
    async fn read_all(&self) {
        for id in 0..=self.rows {
            let place = locked(&self.history).begin(0, Action::Get, id);
            let row = self.table(place, false).0.get(id).await;
            let row = row.expect("nothing goes wrong any more");
            let mut history = locked(&self.history);
            history.end(place, Outcome::Read(row.as_ref().map(|row| row.stamp)));
            history.end.insert(id, row);
        }
    }

    /// A connection for one operation, and whether its client is still alive.
    fn table(&self, place: usize, faults: bool) -> (Table<Register>, impl Fn() -> bool) {
        let mutant = if faults { self.mutant } else { Mutant::None };
        let client = Network::client(
            (Arc::clone(&self.store), self.env.clone(), mutant),
            (faults.then(|| self.weather.clone()), self.dice.clone()),
            (Arc::clone(&self.history), place),
        );
        let table = client.db().table();
        let is_crash = |fault| matches!(fault, Some(Fault::CrashBefore | Fault::CrashAfter));
        let crashed = move || client.requests().iter().any(|one| is_crash(one.fault));
        (table, crashed)
    }

    fn value(&self, id: u64) -> Register {
        Register {
            id,
            stamp: locked(&self.history).stamp(),
            base: None,
            count: 0,
        }
    }

    async fn client(self, client: u64) {
        let steps = match self.shape {
            Shape::Rows | Shape::Histories => 4 + self.dice.below(14),
            Shape::LongHistories => 70 + self.dice.below(180),
        };
        for _ in 0..steps {
            self.pause().await;
            let (action, id) = self.pick();
            let place = locked(&self.history).begin(client, action, id);
            let (table, crashed) = self.table(place, true);
            let outcome = self.act(&table, action, id).await;
            let outcome = match outcome {
                _ if crashed() => Outcome::Crashed,
                Outcome::Failed(ErrorKind::OutcomeUnknown, base) => self.unknown(base),
                outcome => outcome,
            };
            locked(&self.history).end(place, outcome);
        }
    }

    /// Mostly a moment, at times until late requests have landed.
    async fn pause(&self) {
        let most = if self.dice.permille(50) { 900_000 } else { 100 };
        let wait = Duration::from_millis(self.dice.below(most));
        self.env.sleep(wait).await;
    }

    fn pick(&self) -> (Action, u64) {
        if self.dice.permille(200) {
            return (Action::Update, COUNTER);
        }
        let id = 1 + self.dice.below(self.rows);
        let kinds = if self.shape == Shape::Rows { 24 } else { 28 };
        let action = match self.dice.below(kinds) {
            0..3 => Action::Insert,
            3 => Action::InsertOrNothing,
            4 => Action::InsertOrReplace,
            5..7 => Action::Put,
            7..9 => Action::PutReturningOld,
            9..11 => Action::Save,
            11..14 => Action::Update,
            14 => Action::Delete,
            15 => Action::DeleteMustExist,
            16 => Action::DeleteReturningOld,
            17 => Action::InsertMany,
            18 => Action::PutMany,
            19 => Action::DeleteMany,
            20 => Action::GetMany,
            24..26 => Action::Patch,
            26.. => Action::Rekey(1 + (id + self.dice.below(2)) % (self.rows + 1)),
            _ => Action::Get,
        };
        (action, id)
    }

    /// What an unknown outcome is told as.
    fn unknown(&self, base: Option<u64>) -> Outcome {
        match self.mutant {
            Mutant::TakesUnknownForFailed => Outcome::Failed(ErrorKind::Unavailable, base),
            Mutant::TakesUnknownForDone => Outcome::Deleted,
            _ => Outcome::Failed(ErrorKind::OutcomeUnknown, base),
        }
    }

    async fn act(&self, table: &Table<Register>, action: Action, id: u64) -> Outcome {
        let row = || self.value(id);
        let wrote = |row: Row<Register>| Outcome::Wrote(row.stamp);
        let outcome = match action {
            Action::Insert | Action::Begin => table.insert(row()).await.map(wrote),
            Action::InsertOrNothing => {
                let inserted = table.insert(row()).on_conflict_nothing().await;
                inserted.map(|row| row.map_or(Outcome::LeftAlone, wrote))
            }
            Action::InsertOrReplace => table.insert(row()).on_conflict_replace().await.map(wrote),
            Action::Put => table.put(row()).await.map(wrote),
            Action::PutReturningOld => {
                let replaced = table.put(row()).returning_old().await;
                replaced.map(|replaced| {
                    let old = replaced.old.map(|old| old.stamp);
                    Outcome::Replaced(replaced.new.stamp, old)
                })
            }
            Action::InsertMany => only(table.insert_many([row()]).await).map(wrote),
            Action::PutMany => only(table.put_many([row()]).await).map(wrote),
            Action::DeleteMany => {
                let deleted = only(table.delete_many([id]).await);
                deleted.map(|()| Outcome::Deleted)
            }
            Action::GetMany => {
                let row = only(table.get_many([id]).await);
                row.map(|row| Outcome::Read(row.map(|row| row.stamp)))
            }
            Action::Save => return self.save(table, id).await,
            Action::Update if self.mutant == Mutant::UpdatesBlindly => match table.get(id).await {
                Ok(Some(mut row)) => {
                    self.change(&mut row);
                    table.put(row).await.map(wrote)
                }
                Ok(None) => return Outcome::Failed(ErrorKind::NotFound, None),
                Err(error) => Err(error),
            },
            Action::Update => table.update(id, |row| self.change(row)).await.map(wrote),
            Action::Patch => {
                let stamp = locked(&self.history).stamp();
                let patch = table.patch(id).set(Register::COL.stamp, stamp);
                let patch = patch.increment(Register::COL.count, 1).returning_old();
                patch.await.map(|replaced| {
                    let old = replaced.old.map(|old| old.stamp);
                    Outcome::Replaced(replaced.new.stamp, old)
                })
            }
            Action::Rekey(to) => {
                let moved = table.rekey(id, |row| {
                    self.change(row);
                    row.id = to;
                });
                moved.await.map(|row| Outcome::Moved(row.stamp))
            }
            Action::Delete => table.delete(id).await.map(|()| Outcome::Deleted),
            Action::DeleteMustExist => {
                let deleted = table.delete(id).must_exist().await;
                deleted.map(|()| Outcome::Deleted)
            }
            Action::DeleteReturningOld => {
                let old = table.delete(id).returning_old().await;
                old.map(|old| Outcome::DeletedOld(old.map(|row| row.stamp)))
            }
            Action::Get => {
                let row = table.get(id).await;
                row.map(|row| Outcome::Read(row.map(|row| row.stamp)))
            }
        };
        outcome.unwrap_or_else(|error| Outcome::Failed(error.kind(), None))
    }

    async fn save(&self, table: &Table<Register>, id: u64) -> Outcome {
        let mut row = match table.read(id).await {
            Ok(Some(row)) => row,
            Ok(None) => return Outcome::Read(None),
            Err(error) => return Outcome::Failed(error.kind(), None),
        };
        let base = row.stamp;
        self.change(&mut row);
        match table.save(row).await {
            Ok(row) => Outcome::Wrote(row.stamp),
            Err(error) => Outcome::Failed(error.kind(), Some(base)),
        }
    }

    fn change(&self, row: &mut Register) {
        row.base = Some(row.stamp);
        row.stamp = locked(&self.history).stamp();
        row.count += 1;
    }
}

/// The only row of a batch.
fn only<O, I>(report: Report<O, I>) -> s3orm::Result<O> {
    let mut rows = report.into_result()?;
    Ok(rows.pop().expect("one outcome for one row"))
}
