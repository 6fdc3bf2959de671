//! Many faults, one after the other, on everything that a client sends over HTTP.
//!
//! A client works through the proxy, which breaks one to three of a step's requests; after each step a
//! client without a proxy looks at what is there. What was told as done is done; what failed for
//! certain is not; of an unknown outcome each row is as before or as after; nothing else has changed.
//! And the whole table is read through the proxy, broken again: it is read right, or not at all.
//!
//! Of a request that something on the way sends twice less is promised (`docs/models.md`): that it
//! failed may be its second copy's answer.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use s3orm::{Db, ErrorKind};

use super::{Fault, Proxy, any};
use crate::connect;
use crate::kills::{Rows, State, Step, Workload as _, compare, read};
use crate::server::TestServer;
use crate::sim::Dice;

/// So long a client waits for an answer.
const TIMEOUT: Duration = Duration::from_millis(120);
/// Clients that wait at the same time, each with a server and a proxy of its own.
const LANES: u64 = 8;

/// What came of a campaign.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Requests that were broken, by what was done to them.
    pub faults: BTreeMap<String, u64>,
    /// What clients were told of their steps.
    pub told: BTreeMap<String, u64>,
    /// What they were told of their reads.
    pub reads: BTreeMap<String, u64>,
}

impl Figures {
    /// Requests that were broken.
    pub fn broken(&self) -> u64 {
        self.faults.values().sum()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("faults", &self.faults),
            ("steps", &self.told),
            ("reads", &self.reads),
        ];
        for (title, figures) in parts {
            writeln!(f, "{title:<11} {:>9}", figures.values().sum::<u64>())?;
            for (name, count) in figures {
                writeln!(f, "  {name:<32} {count:>9}")?;
            }
        }
        write!(f, "violations          0")
    }
}

/// Breaks that many requests at least.
///
/// # Errors
/// A client was told what is not so.
pub async fn run(faults: u64, seed: u64) -> anyhow::Result<Figures> {
    let lanes = (0..LANES).map(|number| lane(faults.div_ceil(LANES), seed + number));
    let mut all = Figures::default();
    for lane in try_join_all(lanes).await? {
        let sums = [&mut all.faults, &mut all.told, &mut all.reads];
        for (sum, part) in sums.into_iter().zip([lane.faults, lane.told, lane.reads]) {
            for (name, count) in part {
                *sum.entry(name).or_default() += count;
            }
        }
    }
    Ok(all)
}

struct Lane {
    proxy: Proxy,
    dice: Dice,
    broken: Db,
    truth: Db,
    figures: Figures,
}

async fn lane(faults: u64, seed: u64) -> anyhow::Result<Figures> {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    let broken = connect::builder(&proxy.endpoint()).timeout(TIMEOUT);
    let mut lane = Lane {
        broken: broken.connect().await?,
        truth: connect::db(&server.endpoint()).await,
        proxy,
        dice: Dice::new(seed),
        figures: Figures::default(),
    };
    let mut now = State::new();
    while lane.figures.broken() < faults {
        let step = Rows.plan(&lane.dice, &now);
        let context = || format!("seed {seed}: {step:?}");
        now = lane.write(&now, &step).await.with_context(context)?;
        lane.read(&now).await.with_context(context)?;
        lane.figures.faults = lane.proxy.broken();
        lane.proxy.forget();
        server.reset();
    }
    Ok(lane.figures)
}

impl Lane {
    /// A step that is broken; what is there then.
    async fn write(&mut self, now: &State, step: &Step) -> anyhow::Result<State> {
        let doubled = self.doubled();
        let faults = self.break_some();
        let told = Rows.act(&self.broken, step).await;
        self.proxy.clear();
        let found = read(&self.truth).await?;
        let seen = compare(now, &found, Some(step)).with_context(|| format!("{faults:?}"))?;
        let doubled = self.doubled() > doubled;
        let name = match &told {
            Ok(()) => "done".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        let one = step.rows.len() == 1;
        let agrees = match told.map_err(|error| error.kind()) {
            Ok(()) => seen == "applied",
            Err(ErrorKind::OutcomeUnknown) => true,
            // Of several requests, some may be done before one fails.
            Err(_) => doubled || !one || seen == "not applied",
        };
        ensure!(agrees, "told {name} under {faults:?}, and it is {seen}");
        *self
            .figures
            .told
            .entry(format!("{name}, {seen}"))
            .or_default() += 1;
        Ok(found)
    }

    /// The whole table, broken: what is read is what is there.
    async fn read(&mut self, now: &State) -> anyhow::Result<()> {
        let faults = self.break_some();
        let found = read(&self.broken).await;
        self.proxy.clear();
        let name = match found {
            Ok(found) => {
                ensure!(found == *now, "read {found:?} under {faults:?}");
                "right".to_owned()
            }
            Err(error) => {
                let error = error.downcast_ref::<s3orm::Error>();
                let error = error.context("what was read is not what was written")?;
                format!("{:?}", error.kind())
            }
        };
        *self.figures.reads.entry(name).or_default() += 1;
        Ok(())
    }

    fn doubled(&self) -> u64 {
        self.proxy.broken().get("Duplicate").copied().unwrap_or(0)
    }

    /// One to three of the next requests, or the idle connections besides.
    fn break_some(&self) -> Vec<Fault> {
        if self.dice.permille(100) {
            self.proxy.cut_connections();
        }
        let mut faults = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let nth = usize::try_from(1 + self.dice.below(4)).unwrap_or(1);
            let fault = self.fault();
            self.proxy.fail_nth(nth, any(), fault.clone());
            faults.push(fault);
        }
        faults
    }

    fn fault(&self) -> Fault {
        match self.dice.below(18) {
            0 | 1 => Fault::CutBefore,
            2..5 => Fault::CutAfter,
            5 => Fault::CutInBody,
            6 => Fault::Answer(500, "InternalError"),
            7 => Fault::Answer(503, "SlowDown"),
            8 => Fault::Answer(503, "ServiceUnavailable"),
            9 => Fault::Answer(409, "ConditionalRequestConflict"),
            10 => Fault::Answer(400, "RequestTimeout"),
            11 => Fault::AnswerAfter(500, "InternalError"),
            12 => Fault::AnswerAfter(504, "GatewayTimeout"),
            13 => Fault::Silence,
            14 => Fault::Trickle(Duration::from_millis(self.dice.below(3))),
            15 => Fault::Duplicate,
            16 => Fault::Truncate,
            _ => {
                Fault::WrongLength([-7, -1, 1, 7][usize::try_from(self.dice.below(4)).unwrap_or(0)])
            }
        }
    }
}
