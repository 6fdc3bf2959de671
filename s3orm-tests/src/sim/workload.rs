//! What the clients do.

use std::sync::Arc;
use std::time::Duration;

use s3orm::batch::Report;
use s3orm::store::Store;
use s3orm::store::memory::MemoryStore;
use s3orm::table::Replaced;
use s3orm::testing::Fault;
use s3orm::{Db, Env, ErrorKind, Row, Table};
use tokio::task::JoinSet;

use super::history::{Account, Action, COUNTER, Cell, History, Outcome, Register, Shared, locked};
use super::lookups::Member;
use super::network::{Network, Weather};
use super::{Dice, Mutant, Shape};

/// Longer than any request is late.
pub(super) const LONG_AFTER: Duration = Duration::from_mins(20);

/// A world, which all clients share.
#[derive(Clone)]
pub(super) struct World {
    pub(super) store: Arc<dyn Store>,
    pub(super) env: Env,
    pub(super) dice: Dice,
    weather: Weather,
    pub(super) history: Shared,
    pub(super) mutant: Mutant,
    pub(super) shape: Shape,
    /// Rows besides the counter.
    pub(super) rows: u64,
    /// The operation that draws values, if they are noted.
    operation: Option<usize>,
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
        rows: 1 + dice.below(3) + if shape.has_transactions() { 2 } else { 0 },
        history: Arc::new(std::sync::Mutex::new(history)),
        env,
        dice,
        mutant,
        shape,
        operation: None,
    };
    match shape {
        Shape::Transactions => world.transactions::<Account>().await,
        Shape::Indexes => world.transactions::<Member>().await,
        _ => world.registers().await,
    }
    let World { store, history, .. } = world;
    drop(store);
    // Requests that were in limbo are delivered, so that nobody else holds it.
    let history = Arc::into_inner(history).expect("the only history");
    history.into_inner().expect("nobody panicked")
}

impl World {
    async fn registers(&self) {
        // The counter is there before anything can go wrong.
        self.begin::<Register>(self.value(COUNTER)).await;
        let mut clients = JoinSet::new();
        for client in 1..=3 + self.dice.below(6) {
            clients.spawn(self.clone().client(client));
        }
        join(clients).await;
        self.env.sleep(LONG_AFTER).await;
        self.read_all::<Register>().await;
    }

    pub(super) async fn begin<T: Cell>(&self, row: Register) {
        let (id, stamp) = (row.id, row.stamp);
        let place = locked(&self.history).begin(0, Action::Begin, id);
        let table = self.connect(place, false).0.table::<T>();
        let written = table.insert(T::of(row)).await;
        written.expect("nothing goes wrong yet");
        locked(&self.history).end(place, Outcome::Wrote(stamp));
    }

    /// By a client that nothing happens to.
    pub(super) async fn read_all<T: Cell>(&self) {
        for id in 0..=self.rows {
            let place = locked(&self.history).begin(0, Action::Get, id);
            let row = self.connect(place, false).0.table::<T>().get(id).await;
            let row = row.expect("nothing goes wrong any more");
            let row = row.map(|row| row.values());
            let mut history = locked(&self.history);
            history.end(place, Outcome::Read(row.as_ref().map(|row| row.stamp)));
            history.end.insert(id, row);
        }
    }

    /// A connection for one operation, and whether its client has crashed.
    pub(super) fn connect(&self, place: usize, faults: bool) -> (Db, impl Fn() -> bool + use<>) {
        let mutant = if faults { self.mutant } else { Mutant::None };
        let client = Network::client(
            (Arc::clone(&self.store), self.env.clone(), mutant),
            (faults.then(|| self.weather.clone()), self.dice.clone()),
            (Arc::clone(&self.history), place),
        );
        let db = client.db();
        let is_crash = |fault| matches!(fault, Some(Fault::CrashBefore | Fault::CrashAfter));
        let crashed = move || client.requests().iter().any(|one| is_crash(one.fault));
        (db, crashed)
    }

    /// The world as this operation sees it, whose values are noted.
    pub(super) fn during(&self, operation: usize) -> Self {
        let operation = Some(operation);
        Self {
            operation,
            ..self.clone()
        }
    }

    /// A number for a new value.
    pub(super) fn stamp(&self) -> u64 {
        let mut history = locked(&self.history);
        let stamp = history.stamp();
        if let Some(operation) = self.operation {
            history.drawn.entry(operation).or_default().push(stamp);
        }
        stamp
    }

    pub(super) fn value(&self, id: u64) -> Register {
        Register {
            id,
            stamp: self.stamp(),
            base: None,
            count: 0,
            balance: 0,
        }
    }

    async fn client(self, client: u64) {
        let steps = match self.shape {
            Shape::Rows | Shape::Histories => 4 + self.dice.below(14),
            Shape::LongHistories => 70 + self.dice.below(180),
            Shape::Transactions | Shape::Indexes => {
                unreachable!("those have clients of their own")
            }
        };
        for _ in 0..steps {
            self.pause().await;
            let (action, id) = self.pick();
            let place = locked(&self.history).begin(client, action, id);
            let (db, crashed) = self.connect(place, true);
            let outcome = self.act::<Register>(&db.table(), action, id).await;
            self.end(place, outcome, crashed());
        }
    }

    /// An operation ends, as its client is told.
    pub(super) fn end(&self, place: usize, outcome: Outcome, crashed: bool) {
        let outcome = match outcome {
            _ if crashed => Outcome::Crashed,
            Outcome::Failed(ErrorKind::OutcomeUnknown, base) => self.unknown(base),
            outcome => outcome,
        };
        locked(&self.history).end(place, outcome);
    }

    /// Mostly a moment, at times until late requests have landed.
    pub(super) async fn pause(&self) {
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
            Mutant::TakesUnknownForDone if self.shape.has_transactions() => Outcome::Done,
            Mutant::TakesUnknownForDone => Outcome::Deleted,
            _ => Outcome::Failed(ErrorKind::OutcomeUnknown, base),
        }
    }

    /// An operation on one row.
    pub(super) async fn act<T: Cell>(&self, table: &Table<T>, action: Action, id: u64) -> Outcome {
        let row = || T::of(self.value(id));
        let stamp = |row: Row<T>| row.values().stamp;
        let wrote = |row: Row<T>| Outcome::Wrote(stamp(row));
        let replaced =
            |replaced: Replaced<T>| Outcome::Replaced(stamp(replaced.new), replaced.old.map(stamp));
        let outcome = match action {
            Action::Insert | Action::Begin => table.insert(row()).await.map(wrote),
            Action::InsertOrNothing => {
                let inserted = table.insert(row()).on_conflict_nothing().await;
                inserted.map(|row| row.map_or(Outcome::LeftAlone, wrote))
            }
            Action::InsertOrReplace => table.insert(row()).on_conflict_replace().await.map(wrote),
            Action::Put => table.put(row()).await.map(wrote),
            Action::PutReturningOld => {
                let put = table.put(row()).returning_old().await;
                put.map(replaced)
            }
            Action::InsertMany => only(table.insert_many([row()]).await).map(wrote),
            Action::PutMany => only(table.put_many([row()]).await).map(wrote),
            Action::DeleteMany => {
                let deleted = only(table.delete_many([id]).await);
                deleted.map(|()| Outcome::Deleted)
            }
            Action::GetMany => {
                let row = only(table.get_many([id]).await);
                row.map(|row| Outcome::Read(row.map(|row| row.values().stamp)))
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
                let stamp = self.stamp();
                let patch = T::patch(table, id, stamp).returning_old();
                patch.await.map(replaced)
            }
            Action::Rekey(to) => {
                let moved = table.rekey(id, |row| {
                    let values = Register {
                        id: to,
                        ..self.changed(row)
                    };
                    *row = T::of(values);
                });
                moved.await.map(|row| Outcome::Moved(stamp(row)))
            }
            Action::Delete => table.delete(id).await.map(|()| Outcome::Deleted),
            Action::DeleteMustExist => {
                let deleted = table.delete(id).must_exist().await;
                deleted.map(|()| Outcome::Deleted)
            }
            Action::DeleteReturningOld => {
                let old = table.delete(id).returning_old().await;
                old.map(|old| Outcome::DeletedOld(old.map(stamp)))
            }
            Action::Get => {
                let row = table.get(id).await;
                row.map(|row| Outcome::Read(row.map(|row| row.values().stamp)))
            }
            _ => unreachable!("it is on several rows"),
        };
        outcome.unwrap_or_else(|error| Outcome::Failed(error.kind(), None))
    }

    async fn save<T: Cell>(&self, table: &Table<T>, id: u64) -> Outcome {
        let mut row = match table.read(id).await {
            Ok(Some(row)) => row,
            Ok(None) => return Outcome::Read(None),
            Err(error) => return Outcome::Failed(error.kind(), None),
        };
        let base = row.values().stamp;
        self.change(&mut *row);
        match table.save(row).await {
            Ok(row) => Outcome::Wrote(row.values().stamp),
            Err(error) => Outcome::Failed(error.kind(), Some(base)),
        }
    }

    fn change<T: Cell>(&self, row: &mut T) {
        *row = T::of(self.changed(row));
    }

    /// The values of the next version of a row.
    pub(super) fn changed<T: Cell>(&self, row: &T) -> Register {
        row.values().next(self.stamp())
    }
}

/// Waits for all of them.
pub(super) async fn join(mut clients: JoinSet<()>) {
    while let Some(client) = clients.join_next().await {
        client.expect("a client does not panic");
    }
}

/// The only row of a batch.
fn only<O, I>(report: Report<O, I>) -> s3orm::Result<O> {
    let mut rows = report.into_result()?;
    Ok(rows.pop().expect("one outcome for one row"))
}
