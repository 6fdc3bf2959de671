//! Many requests of one condition at once: one of them wins, and everybody agrees which.

use futures_util::future::join_all;

use super::lab::{Answer, Lab, came_second, ends_all};
use super::verdict::{Verdict, told};
use crate::store::Precondition::{IfAbsent, IfMatch};
use crate::store::{ETag, StoreError, StoreErrorKind};

/// How much there is to race.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) rounds: usize,
    pub(super) contenders: usize,
}

/// What the rounds of a race came to.
#[derive(Debug, Default)]
struct Tally {
    rounds: usize,
    /// Rounds with more than one winner, and the most winners of a round.
    shared: usize,
    most: usize,
    /// Rounds without a winner, though every contender was told that it lost.
    unwon: usize,
    /// Rounds after which the object is not its winner's.
    mixed: usize,
    /// Answers that are neither a win nor a defeat, and one of them.
    odd: usize,
    example: Option<StoreError>,
}

/// The contenders of one round, by what they were told.
struct Round {
    winners: Vec<usize>,
    odd: Vec<StoreError>,
}

impl Round {
    async fn of<F: Future<Output = Answer<()>>>(
        contenders: usize,
        contend: impl Fn(usize) -> F,
    ) -> Answer<Self> {
        let answers = join_all((0..contenders).map(contend)).await;
        let mut round = Self {
            winners: Vec::new(),
            odd: Vec::new(),
        };
        for (who, answer) in answers.into_iter().enumerate() {
            match answer {
                Ok(()) => round.winners.push(who),
                // Whose object was deleted lost, too.
                Err(error) if error.kind() == StoreErrorKind::NotFound || came_second(&error) => {}
                Err(error) if ends_all(&error) => return Err(error),
                Err(error) => round.odd.push(error),
            }
        }
        Ok(round)
    }
}

impl Tally {
    /// Counts a round that `winners` won; `is_theirs` says whether the object is as the only one of
    /// them left it.
    fn count(&mut self, winners: usize, is_theirs: bool, odd: Vec<StoreError>) {
        self.rounds += 1;
        self.most = self.most.max(winners);
        // An odd answer may hide a winner.
        let certain = odd.is_empty();
        match winners {
            0 if certain => self.unwon += 1,
            1 if certain && !is_theirs => self.mixed += 1,
            0 | 1 => {}
            _ => self.shared += 1,
        }
        self.odd += odd.len();
        self.example = self.example.take().or(odd.into_iter().next());
    }

    fn verdict(self, contenders: usize, loses: &'static str) -> Verdict {
        let rounds = self.rounds;
        if self.shared > 0 {
            let (shared, most) = (self.shared, self.most);
            let found = format!(
                "several winners in {shared} of {rounds} rounds, up to {most} of {contenders}"
            );
            return Verdict::danger(found, loses);
        }
        if self.mixed > 0 {
            let found = format!(
                "the object is not its winner's in {} of {rounds} rounds",
                self.mixed
            );
            return Verdict::danger(found, loses);
        }
        if self.unwon > 0 {
            let found = format!("no winner in {} of {rounds} rounds", self.unwon);
            return Verdict::fail(found, "writers at once stop each other");
        }
        match self.example {
            None => Verdict::pass(format!("one winner in each of {rounds} rounds")),
            Some(error) => Verdict::warn(
                format!(
                    "one winner at most, but {} to {} of {} requests",
                    told(&error),
                    self.odd,
                    rounds * contenders
                ),
                "writers at once meet errors that are no conflicts",
            ),
        }
    }
}

pub(super) async fn create(lab: &Lab, size: Size) -> Answer<Verdict> {
    let mut tally = Tally::default();
    for round in 0..size.rounds {
        let name = &format!("create-race/{round}");
        let body = |who| format!("{round} of {who}");
        let raced = Round::of(size.contenders, |who| async move {
            let written = lab.put_if(who, name, &body(who), IfAbsent).await;
            written.map(drop)
        })
        .await?;
        let is_theirs = match raced.winners[..] {
            [winner] => lab.holds(name, &body(winner)).await?,
            _ => false,
        };
        tally.count(raced.winners.len(), is_theirs, raced.odd);
    }
    let loses = "of two that `insert` the same row, both are told that theirs is stored";
    Ok(tally.verdict(size.contenders, loses))
}

pub(super) async fn replace(lab: &Lab, size: Size) -> Answer<Verdict> {
    let mut tally = Tally::default();
    let mut tag = lab.put("replace-race", "before").await?;
    for round in 0..size.rounds {
        // No body comes twice: an equal one would bring back an old tag.
        let body = |who| format!("{round} of {who}");
        let expected = &tag;
        let raced = Round::of(size.contenders, |who| async move {
            let condition = IfMatch(expected.clone());
            let written = lab.put_if(who, "replace-race", &body(who), condition).await;
            written.map(drop)
        })
        .await?;
        let now = lab.get("replace-race").await?;
        let is_theirs = match raced.winners[..] {
            [winner] => now.body == body(winner),
            _ => false,
        };
        tally.count(raced.winners.len(), is_theirs, raced.odd);
        tag = now.meta.etag;
    }
    let loses = "of two that `save` the same row, both are told that theirs is stored";
    Ok(tally.verdict(size.contenders, loses))
}

/// Half delete and half replace the same version. Where the store answers a success to a deletion
/// that comes second (`lenient`), deletions are one contender.
pub(super) async fn delete(lab: &Lab, size: Size, lenient: bool) -> Answer<Verdict> {
    let mut tally = Tally::default();
    let is_delete = |who: usize| (who / lab.connections()).is_multiple_of(2);
    for round in 0..size.rounds {
        let body = |who| format!("{round} of {who}");
        let tag: &ETag = &lab.put("delete-race", &format!("{round}")).await?;
        let raced = Round::of(size.contenders, |who| async move {
            let condition = IfMatch(tag.clone());
            if is_delete(who) {
                return lab.delete_if(who, "delete-race", condition).await;
            }
            let written = lab.put_if(who, "delete-race", &body(who), condition).await;
            written.map(drop)
        })
        .await?;
        let now = lab.body(0, "delete-race").await?;
        let (deleted, replaced): (Vec<_>, Vec<_>) =
            raced.winners.into_iter().partition(|who| is_delete(*who));
        let deleted = deleted.len().min(if lenient { 1 } else { usize::MAX });
        let is_theirs = match replaced[..] {
            [winner] => now == Some(body(winner)),
            _ => now.is_none(),
        };
        tally.count(deleted + replaced.len(), is_theirs, raced.odd);
    }
    let loses = "a deletion by version deletes what somebody else has just written";
    Ok(tally.verdict(size.contenders, loses))
}

/// Writers of the counter. More would meet more often and take longer, not tell more.
const COUNTERS: usize = 4;
/// Defeats in a row after which a writer gives up.
const PATIENCE: usize = 500;

/// What a writer of the counter was told.
#[derive(Debug, Default)]
struct Told {
    applied: usize,
    unclear: usize,
    gave_up: bool,
}

pub(super) async fn count(lab: &Lab, increments: usize) -> Answer<Verdict> {
    lab.put("counter", "0").await?;
    let writers = (0..COUNTERS).map(|who| {
        let mine = increments / COUNTERS + usize::from(who < increments % COUNTERS);
        increment(lab, who, mine)
    });
    let mut all = Told::default();
    for told in join_all(writers).await {
        let told = told?;
        all.applied += told.applied;
        all.unclear += told.unclear;
        all.gave_up |= told.gave_up;
    }
    let (least, most) = (all.applied, all.applied + all.unclear);
    let end = lab.body(0, "counter").await?;
    let end: Option<usize> = end.and_then(|text| text.parse().ok());
    Ok(match end {
        Some(end) if end < least => Verdict::danger(
            format!("{end} after {least} increments were acknowledged"),
            "`update` loses what others have written at the same time",
        ),
        Some(end) if end > most => Verdict::danger(
            format!("{end} after {most} increments"),
            "writes are applied more than once",
        ),
        None => Verdict::danger("no number in the counter", "rows are not what was written"),
        Some(end) if all.gave_up => Verdict::fail(
            format!("no progress after {end} of {increments}"),
            "`update` of a row that others write may never end",
        ),
        Some(end) => Verdict::pass(format!("{end} of {increments}")),
    })
}

async fn increment(lab: &Lab, who: usize, times: usize) -> Answer<Told> {
    let (mut told, mut defeats) = (Told::default(), 0);
    while told.applied + told.unclear < times {
        let read = lab.get_by(who, "counter").await?;
        let count = String::from_utf8_lossy(&read.body).parse::<usize>();
        // Whoever reads at the end says so.
        let Ok(count) = count else { return Ok(told) };
        let condition = IfMatch(read.meta.etag);
        let next = (count + 1).to_string();
        match lab.put_if(who, "counter", &next, condition).await {
            Ok(_) => (told.applied, defeats) = (told.applied + 1, 0),
            Err(error) if ends_all(&error) => return Err(error),
            Err(error) if error.kind().is_ambiguous() => told.unclear += 1,
            Err(_) => {
                defeats += 1;
                if defeats == PATIENCE {
                    told.gave_up = true;
                    return Ok(told);
                }
            }
        }
    }
    Ok(told)
}
