//! What is between a client and the store: the weather.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use s3orm::Env;
use s3orm::store::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, ETag, GetObject, ListObjects,
    ListParts, ListUploads, Object, ObjectMeta, Page, PartsPage, Precondition, PutObject, Store,
    StoreError, StoreErrorKind, StoreFuture, UploadPart, UploadsPage, Written,
};
use s3orm::testing::{Call, Fault, FaultStore, Request};

use super::history::{Action, Shared, locked};
use super::{Dice, Mutant, Shape};

/// How often in 1,000 times each fault happens, in a run.
#[derive(Debug, Clone)]
pub struct Weather(Vec<(u64, Kind)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NeverSent,
    RequestLost,
    AnswerLost,
    Late,
    Duplicate,
    Status(u16),
    SlowDown,
    Conflict,
    Slow,
    CrashBefore,
    CrashAfter,
}

impl Weather {
    /// Each fault is absent, rare or heavy. Half of the runs have no duplicates: an operation whose
    /// request something on the way sends twice is promised less. None of those has them whose
    /// histories are kept: a copy of its own is another operation, which nobody began.
    pub fn new(dice: &Dice, shape: Shape) -> Self {
        let kinds = [
            (Kind::NeverSent, 60),
            (Kind::RequestLost, 40),
            (Kind::AnswerLost, 80),
            (Kind::Late, 60),
            (Kind::Duplicate, 60),
            (Kind::Status(500), 40),
            (Kind::Status(503), 30),
            (Kind::SlowDown, 60),
            (Kind::Conflict, 300),
            (Kind::Slow, 100),
            (Kind::CrashBefore, 15),
            (Kind::CrashAfter, 15),
        ];
        let histories = matches!(shape, Shape::Histories | Shape::LongHistories);
        let without_duplicates = dice.permille(500) || histories;
        let often = |(kind, most): (Kind, u64)| {
            let most = match shape {
                Shape::Rows | Shape::Transactions | Shape::Indexes => most,
                Shape::Histories | Shape::LongHistories => most * 3 / 2,
            };
            let often = match dice.below(4) {
                0 => 0,
                1 | 2 => dice.below(most / 4 + 1),
                _ => dice.below(most + 1),
            };
            let never = kind == Kind::Duplicate && without_duplicates;
            (if never { 0 } else { often }, kind)
        };
        Self(kinds.map(often).to_vec())
    }

    fn choose(&self, call: Call, dice: &Dice) -> Option<Fault> {
        let mut drawn = dice.below(1000);
        for (often, kind) in &self.0 {
            if drawn < *often {
                return kind.fault(call, dice);
            }
            drawn -= often;
        }
        None
    }
}

impl Kind {
    /// `None` where it cannot happen to such a request.
    fn fault(self, call: Call, dice: &Dice) -> Option<Fault> {
        let write = matches!(call, Call::Put | Call::Delete | Call::DeleteMany);
        Some(match self {
            Self::NeverSent => Fault::NeverSent,
            Self::RequestLost => Fault::RequestLost,
            Self::AnswerLost => Fault::AnswerLost,
            Self::Late if write => Fault::Late(delay(dice)),
            Self::Duplicate if write => Fault::Duplicate,
            Self::Status(status) => Fault::Status(status),
            Self::SlowDown => Fault::SlowDown,
            // S3 does not answer it to the deletion of many, which has no conditions.
            Self::Conflict if write && call != Call::DeleteMany => Fault::Conflict,
            Self::Slow => Fault::Latency(Duration::from_millis(dice.below(3000))),
            Self::CrashBefore => Fault::CrashBefore,
            Self::CrashAfter => Fault::CrashAfter,
            Self::Late | Self::Duplicate | Self::Conflict => return None,
        })
    }
}

/// How late a request is: mostly a little, and up to the 15 minutes for which S3 takes a signature.
fn delay(dice: &Dice) -> Duration {
    let most = [200, 2_000, 10_000, 900_000][usize::try_from(dice.below(4)).unwrap_or(0)];
    Duration::from_millis(dice.below(most + 1))
}

/// The way of one operation's requests to the store.
#[derive(Clone)]
pub struct Network {
    store: Arc<dyn Store>,
    env: Env,
    dice: Dice,
    history: Shared,
    operation: usize,
    mutant: Mutant,
    answers: Arc<Mutex<Answers>>,
}

/// What was answered before, for clients that do not look again.
#[derive(Default)]
struct Answers {
    objects: BTreeMap<String, Object>,
    /// Whether the last record that was asked for was gone.
    missing: bool,
}

impl Network {
    /// A client whose requests belong to this operation.
    pub fn client(
        (store, env, mutant): (Arc<dyn Store>, Env, Mutant),
        (weather, dice): (Option<Weather>, Dice),
        (history, operation): (Shared, usize),
    ) -> FaultStore {
        let network = Self {
            store,
            env: env.clone(),
            dice: dice.clone(),
            history: Arc::clone(&history),
            operation,
            mutant,
            answers: Arc::default(),
        };
        let client = FaultStore::over(Arc::new(network), env);
        client.fail_when(move |request| {
            let fault = weather.as_ref()?.choose(request.call, &dice);
            note(&history, operation, request, fault);
            fault
        });
        client
    }

    /// The time that a message takes.
    async fn travel(&self) {
        let wait = Duration::from_millis(self.dice.below(40));
        self.env.sleep(wait).await;
    }

    /// The request reaches the store, which applies it or not, and the history knows.
    async fn put_now(&self, request: &PutObject) -> Result<Written, StoreError> {
        let mut request = request.clone();
        let is_record = request.key.starts_with(RECORDS);
        match (self.mutant, &request.precondition) {
            (Mutant::IgnoresIfMatch, Precondition::IfMatch(_))
            | (Mutant::IgnoresIfNoneMatch, Precondition::IfAbsent) => {
                request.precondition = Precondition::None;
            }
            (Mutant::IgnoresIfMatchOfRows, Precondition::IfMatch(_)) if !is_record => {
                request.precondition = Precondition::None;
            }
            (Mutant::IgnoresIfMatchOfRecords, Precondition::IfMatch(_)) if is_record => {
                request.precondition = Precondition::None;
            }
            (Mutant::IgnoresConditionsOfClaims, _) if request.key.starts_with(CLAIMS) => {
                request.precondition = Precondition::None;
            }
            (Mutant::ForgetsEntries, _)
                if !request.key.starts_with(ENTRIES) || !self.dice.permille(50) => {}
            (Mutant::ForgetsWrites, _) if !self.dice.permille(50) => {}
            (Mutant::ForgetsWrites | Mutant::ForgetsEntries, _) => {
                let etag = ETag::new("forgotten");
                return Ok(Written { etag });
            }
            _ => {}
        }
        let before = match self.mutant {
            Mutant::AnswersStale => self.store.get(read(&request.key)).await.ok(),
            _ => None,
        };
        let written = self.store.put(&request).await?;
        locked(&self.history).put(self.operation, &request);
        if let Some(before) = before {
            let stale = &mut locked(&self.history).stale;
            stale.insert(request.key.clone(), before);
        }
        if self.mutant == Mutant::LosesRecords && is_record && self.dice.permille(100) {
            let lost = DeleteObject {
                key: request.key,
                precondition: Precondition::None,
            };
            locked(&self.history).book.lose(&lost.key);
            self.store.delete(lost).await?;
        }
        Ok(written)
    }

    async fn delete_now(&self, mut request: DeleteObject) -> Result<(), StoreError> {
        let is_index = request.key.starts_with(ENTRIES) || request.key.starts_with(CLAIMS);
        if self.mutant == Mutant::IgnoresIfMatchOfDelete
            || self.mutant == Mutant::IgnoresIfMatchOfIndexes && is_index
        {
            request.precondition = Precondition::None;
        }
        let key = request.key.clone();
        self.store.delete(request).await?;
        locked(&self.history).delete(self.operation, &key);
        Ok(())
    }

    async fn delete_many_now(
        &self,
        requests: Vec<DeleteObject>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let keys: Vec<String> = requests.iter().map(|one| one.key.clone()).collect();
        let outcomes = self.store.delete_many(requests).await?;
        let mut history = locked(&self.history);
        for (key, outcome) in keys.iter().zip(&outcomes) {
            if outcome.is_ok() {
                history.delete(self.operation, key);
            }
        }
        Ok(outcomes)
    }

    async fn get_now(&self, request: GetObject) -> Result<Object, StoreError> {
        if self.mutant == Mutant::AnswersStale && self.dice.permille(100) {
            let stale = locked(&self.history).stale.get(&request.key).cloned();
            if let Some(stale) = stale {
                return Ok(stale);
            }
        }
        if let Some(answer) = self.answer_of_before(&request) {
            return Ok(answer);
        }
        if self.mutant == Mutant::SkipsSecondLook && request.if_none_match.is_some() {
            return Err(StoreError::new(
                StoreErrorKind::NotModified,
                "it is as it was",
            ));
        }
        let key = request.key.clone();
        let answer = self.store.get(request).await;
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.missing = key.starts_with(RECORDS) && answer.is_err();
        if let Ok(object) = &answer {
            answers.objects.insert(key, object.clone());
        }
        answer
    }

    fn collects_too_early(&self) -> bool {
        let repairs = || locked(&self.history).operations[self.operation].action == Action::Repair;
        match self.mutant {
            Mutant::CollectsTooEarly => true,
            Mutant::RepairsTooEarly => repairs(),
            _ => false,
        }
    }

    /// What a client that does not look again takes for an answer.
    fn answer_of_before(&self, request: &GetObject) -> Option<Object> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let is_record = request.key.starts_with(RECORDS);
        let again = match self.mutant {
            Mutant::SkipsSecondRead => !is_record && answers.missing,
            Mutant::SkipsRecords => {
                let action = locked(&self.history).operations[self.operation].action;
                is_record && action == Action::Snapshot
            }
            _ => false,
        };
        let known = answers.objects.get(&request.key);
        known.filter(|_| again).cloned()
    }
}

/// The keys of transactions' records begin so.
const RECORDS: &str = "_s3orm/tx/";
/// The keys of indexes' entries.
pub(super) const ENTRIES: &str = "_s3orm/ix/";
/// The keys of unique columns' claims.
pub(super) const CLAIMS: &str = "_s3orm/uq/";

fn read(key: &str) -> GetObject {
    GetObject {
        key: key.to_owned(),
        ..GetObject::default()
    }
}

/// Writes down a request and what becomes of it.
fn note(history: &Shared, operation: usize, request: &Request, fault: Option<Fault>) {
    let (call, mut history) = (request.call, locked(history));
    history.requests += 1;
    let Some(fault) = fault else {
        history.event(format_args!("op {operation}: {call:?}"));
        return;
    };
    history.event(format_args!("op {operation}: {call:?} {fault:?}"));
    let name = match fault {
        Fault::Late(_) => "Late".to_owned(),
        Fault::Latency(_) => "Latency".to_owned(),
        fault => format!("{fault:?}"),
    };
    *history.faults.entry(name).or_default() += 1;
    let operation = &mut history.operations[operation];
    match fault {
        Fault::Duplicate => operation.duplicates += 1,
        Fault::Conflict => operation.conflicts += 1,
        _ => {}
    }
}

impl Store for Network {
    fn get(&self, request: GetObject) -> StoreFuture<'_, Object> {
        Box::pin(async move {
            self.travel().await;
            if self.mutant == Mutant::SkipsSecondRead && request.key.starts_with(RECORDS) {
                // For so long that somebody else may come between.
                let wait = Duration::from_millis(self.dice.below(4000));
                self.env.sleep(wait).await;
            }
            let answer = self.get_now(request).await;
            self.travel().await;
            answer
        })
    }

    fn head(&self, key: &str) -> StoreFuture<'_, ObjectMeta> {
        let key = key.to_owned();
        Box::pin(async move {
            self.travel().await;
            let mut answer = self.store.head(&key).await;
            if self.collects_too_early()
                && key == "_s3orm/clock"
                && let Ok(meta) = &mut answer
            {
                meta.last_modified = meta.last_modified.map(|now| now + Duration::from_hours(2));
            }
            self.travel().await;
            answer
        })
    }

    fn put<'a>(&'a self, request: &'a PutObject) -> StoreFuture<'a, Written> {
        Box::pin(async move {
            if self.mutant == Mutant::SendsAgain && self.dice.permille(100) {
                // The first copy, whose answer is lost: the one below is the second.
                let (first, request) = (self.clone(), request.clone());
                self.env.spawn(async move {
                    first.env.sleep(delay(&first.dice)).await;
                    let _ = first.put_now(&request).await;
                });
            }
            self.travel().await;
            let answer = self.put_now(request).await;
            self.travel().await;
            answer
        })
    }

    fn delete(&self, request: DeleteObject) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.travel().await;
            let answer = self.delete_now(request).await;
            self.travel().await;
            answer
        })
    }

    fn delete_many(
        &self,
        requests: Vec<DeleteObject>,
    ) -> StoreFuture<'_, Vec<Result<(), StoreError>>> {
        Box::pin(async move {
            self.travel().await;
            let answer = self.delete_many_now(requests).await;
            self.travel().await;
            answer
        })
    }

    fn list(&self, request: ListObjects) -> StoreFuture<'_, Page> {
        Box::pin(async move {
            self.travel().await;
            let answer = self.store.list(request).await;
            self.travel().await;
            answer
        })
    }

    fn service(&self) -> String {
        self.store.service()
    }

    // The simulated clients make no other calls.

    fn copy(&self, request: CopyObject) -> StoreFuture<'_, Written> {
        self.store.copy(request)
    }
    fn create_upload(&self, request: CreateUpload) -> StoreFuture<'_, String> {
        self.store.create_upload(request)
    }
    fn upload_part(&self, request: UploadPart) -> StoreFuture<'_, ETag> {
        self.store.upload_part(request)
    }
    fn complete_upload(&self, request: CompleteUpload) -> StoreFuture<'_, Written> {
        self.store.complete_upload(request)
    }
    fn abort_upload(&self, key: &str, upload_id: &str) -> StoreFuture<'_, ()> {
        self.store.abort_upload(key, upload_id)
    }
    fn list_uploads(&self, request: ListUploads) -> StoreFuture<'_, UploadsPage> {
        self.store.list_uploads(request)
    }
    fn list_parts(&self, request: ListParts) -> StoreFuture<'_, PartsPage> {
        self.store.list_parts(request)
    }
    fn bucket(&self) -> &str {
        self.store.bucket()
    }
    fn with_bucket(&self, bucket: &str) -> Result<Arc<dyn Store>, StoreError> {
        self.store.with_bucket(bucket)
    }
    fn head_bucket(&self) -> StoreFuture<'_, ()> {
        self.store.head_bucket()
    }
    fn create_bucket(&self) -> StoreFuture<'_, ()> {
        self.store.create_bucket()
    }
    fn delete_bucket(&self) -> StoreFuture<'_, ()> {
        self.store.delete_bucket()
    }
    fn list_buckets(&self) -> StoreFuture<'_, Vec<String>> {
        self.store.list_buckets()
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}
