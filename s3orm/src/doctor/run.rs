//! The examination: which probes, in which order, and which stand upon which.

use std::time::{Duration, UNIX_EPOCH};

use super::lab::{Answer, Lab, ends_all};
use super::races::Size;
use super::record::FORMAT;
use super::report::{Finding, Report, Severity, dangers, level, worst_first};
use super::topics::{self, Topic};
use super::verdict::{Verdict, told};
use super::{Doctor, conditions, keys, listings, objects, others, races, service};
use crate::error::{Error, Result};
use crate::store::time::unix_seconds;
use crate::store::{StoreError, StoreErrorKind, Survey};
use crate::table::store_error;

/// What was found so far.
struct Notes<'a> {
    lab: &'a Lab,
    findings: Vec<Finding>,
    server: Option<String>,
}

impl Notes<'_> {
    fn note(&mut self, topic: Topic, verdict: Verdict) {
        self.findings.push(Finding {
            id: topic.id.to_owned(),
            severity: verdict.severity,
            expected: topic.expected.to_owned(),
            found: verdict.found.into_owned(),
            means: verdict.means.into_owned(),
            needed_for: topic.needed_for,
        });
    }

    fn severity(&self, topic: Topic) -> Option<Severity> {
        let mut findings = self.findings.iter();
        let finding = findings.find(|finding| finding.id == topic.id);
        finding.map(|finding| finding.severity)
    }

    /// Asks, if the topics that this one stands upon are as they should be.
    async fn ask(
        &mut self,
        upon: &[Topic],
        topic: Topic,
        probe: impl Future<Output = Answer<Verdict>>,
    ) -> Answer<()> {
        let sound = |topic: &&Topic| {
            self.severity(**topic)
                .is_some_and(|it| it <= Severity::Warn)
        };
        if let Some(broken) = upon.iter().find(|topic| !sound(topic)) {
            let verdict = Verdict::unknown(format!("`{}` did not pass", broken.id));
            self.note(topic, verdict);
            return Ok(());
        }
        let outcome = probe.await;
        if let Some(fault) = self.lab.take_fault() {
            return Err(fault);
        }
        let verdict = match outcome {
            Ok(verdict) => verdict,
            Err(error) if ends_all(&error) => return Err(error),
            Err(error) => Verdict::fail(told(&error), "what needs it fails"),
        };
        self.note(topic, verdict);
        Ok(())
    }
}

/// Examines, clears up, and reports.
pub(super) async fn report(doctor: &Doctor<'_>) -> Result<Report> {
    let db = doctor.db;
    let lab = Lab::new(db, &doctor.others);
    // To the second, as it is recorded.
    let date = UNIX_EPOCH + Duration::from_secs(unix_seconds(db.env().now()));
    let start = db.env().instant();
    let mut notes = Notes {
        lab: &lab,
        findings: Vec::new(),
        server: None,
    };
    let examined = match meet(&lab).await {
        Ok(()) => examine(&lab, doctor, &mut notes).await.map_err(of_store),
        Err(error) => Err(error),
    };
    let leftovers = leftovers(&lab).await;
    examined?;
    notes.note(topics::LEFTOVERS, leftovers);
    let mut findings = notes.findings;
    worst_first(&mut findings);
    let took = db.env().instant().duration_since(start);
    Ok(Report {
        format: FORMAT,
        level: level(&findings),
        refuses: dangers(&findings),
        database: db.to_string(),
        endpoint: db.store().service(),
        server: notes.server,
        client: concat!("s3orm/", env!("CARGO_PKG_VERSION")).to_owned(),
        date,
        millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        rounds: doctor.rounds,
        contenders: doctor.contenders,
        increments: doctor.increments,
        connections: lab.connections(),
        requests: lab.requests(),
        findings,
    })
}

fn of_store(error: StoreError) -> Error {
    store_error(error, None)
}

/// Whether anything can be written, and every connection sees it.
async fn meet(lab: &Lab) -> Result<()> {
    let greeting = lab.key("greeting");
    let failed = |error| store_error(error, Some(greeting.clone()));
    lab.put("greeting", &greeting).await.map_err(failed)?;
    for who in 0..lab.connections() {
        if lab.body(who, "greeting").await.map_err(failed)? != Some(greeting.clone()) {
            return Err(Error::config(
                format!("connection {who} of `also` does not see what the first has written"),
                "give connections to the same bucket of the same service",
            ));
        }
    }
    Ok(())
}

async fn examine(lab: &Lab, doctor: &Doctor<'_>, notes: &mut Notes<'_>) -> Answer<()> {
    basics(lab, notes).await?;
    levels(lab, doctor, notes).await?;
    rest(lab, notes).await?;
    ask_service(lab, notes).await
}

async fn basics(lab: &Lab, notes: &mut Notes<'_>) -> Answer<()> {
    let reads = objects::read_after_write(lab);
    notes.ask(&[], topics::READ_AFTER_WRITE, reads).await?;
    let listings = objects::list_after_write(lab);
    notes.ask(&[], topics::LIST_AFTER_WRITE, listings).await?;
    notes.ask(&[], topics::ETAG, objects::tags(lab)).await?;
    notes
        .ask(&[], topics::METADATA, objects::metadata(lab))
        .await
}

/// What a level stands upon.
async fn levels(lab: &Lab, doctor: &Doctor<'_>, notes: &mut Notes<'_>) -> Answer<()> {
    let size = Size {
        rounds: doctor.rounds,
        contenders: doctor.contenders,
    };
    notes
        .ask(&[], topics::CREATE, conditions::create(lab))
        .await?;
    let race = races::create(lab, size);
    notes
        .ask(&[topics::CREATE], topics::CREATE_RACE, race)
        .await?;

    notes
        .ask(&[], topics::REPLACE, conditions::replace(lab))
        .await?;
    let absent = conditions::replace_absent(lab);
    notes
        .ask(&[topics::REPLACE], topics::REPLACE_ABSENT, absent)
        .await?;
    let race = races::replace(lab, size);
    notes
        .ask(&[topics::REPLACE], topics::REPLACE_RACE, race)
        .await?;
    let counter = races::count(lab, doctor.increments);
    notes
        .ask(&[topics::REPLACE], topics::LOST_UPDATES, counter)
        .await?;

    notes
        .ask(&[], topics::DELETE, conditions::delete(lab))
        .await?;
    let absent = conditions::delete_absent(lab);
    notes
        .ask(&[topics::DELETE], topics::DELETE_ABSENT, absent)
        .await?;
    let present = conditions::delete_present(lab);
    notes
        .ask(&[topics::DELETE], topics::DELETE_PRESENT, present)
        .await?;
    let lenient = notes.severity(topics::DELETE_ABSENT) == Some(Severity::Warn);
    let race = races::delete(lab, size, lenient);
    // Deletions race against replacements.
    let upon = [topics::DELETE, topics::REPLACE, topics::REPLACE_ABSENT];
    notes.ask(&upon, topics::DELETE_RACE, race).await
}

async fn rest(lab: &Lab, notes: &mut Notes<'_>) -> Answer<()> {
    notes
        .ask(&[], topics::BULK_DELETE, others::bulk_delete(lab))
        .await?;
    notes.ask(&[], topics::COPIES, others::copies(lab)).await?;
    notes
        .ask(&[], topics::UPLOADS, others::uploads(lab))
        .await?;
    let read = conditions::read_changed(lab);
    notes.ask(&[], topics::READ_CHANGED, read).await?;

    listings::prepare(lab).await?;
    notes
        .ask(&[], topics::LIST_ORDER, listings::order(lab))
        .await?;
    notes
        .ask(&[], topics::LIST_START, listings::start_after(lab))
        .await?;
    notes
        .ask(&[], topics::LIST_DELIMITER, listings::delimiter(lab))
        .await?;
    notes
        .ask(&[], topics::LIST_PAGES, listings::pages(lab))
        .await?;

    notes
        .ask(&[], topics::KEYS_ENCODED, keys::encoded(lab))
        .await?;
    notes.ask(&[], topics::KEYS_LONG, keys::long(lab)).await?;
    notes.ask(&[], topics::KEYS_RAW, keys::raw(lab)).await?;
    notes.ask(&[], topics::KEYS_UNICODE, keys::alike(lab)).await
}

async fn ask_service(lab: &Lab, notes: &mut Notes<'_>) -> Answer<()> {
    /// Three of them are writes.
    const REQUESTS: u64 = 6;
    let scratch = lab.key("scratch");
    lab.will_write(&scratch);
    let asked = lab.db().env().now();
    let survey = lab.store(0, REQUESTS).survey(&scratch).await;
    let answered = lab.db().env().now();
    let verdicts = match survey {
        Err(error) if ends_all(&error) => return Err(error),
        Err(error) if error.kind() == StoreErrorKind::Unsupported => {
            std::array::from_fn(|_| Verdict::unknown(error.message().to_owned()))
        }
        Err(error) => std::array::from_fn(|_| Verdict::unknown(told(&error))),
        Ok(survey) => {
            let [versioning, lifecycle] = service::settings(&survey, lab.db().prefix());
            let Survey {
                server,
                time,
                tampered,
                ..
            } = survey;
            notes.server = server;
            [
                service::clock(time, asked, answered),
                service::checksums(&tampered),
                versioning,
                lifecycle,
            ]
        }
    };
    let topics = [
        topics::CLOCK,
        topics::CHECKSUMS,
        topics::VERSIONING,
        topics::LIFECYCLE,
    ];
    for (topic, verdict) in topics.into_iter().zip(verdicts) {
        notes.note(topic, verdict);
    }
    Ok(())
}

async fn leftovers(lab: &Lab) -> Verdict {
    const MEANS: &str = "they are deleted by hand, or stay";
    let (left, reason) = lab.clear().await;
    if let Some(reason) = reason {
        let found = format!(
            "{} for {} objects, such as `{}`",
            told(&reason),
            left.len(),
            left[0]
        );
        return Verdict::warn(found, MEANS);
    }
    match lab.remains().await {
        Ok(left) if left.is_empty() => Verdict::pass("none"),
        Ok(left) => {
            let found = format!(
                "{} objects, such as `{}`",
                left.len(),
                left[0].escape_debug()
            );
            Verdict::warn(found, MEANS)
        }
        Err(error) => Verdict::unknown(told(&error)),
    }
}
