//! The service's clock, its checks of what it is sent, and the bucket's settings.

use std::time::{Duration, SystemTime};

use super::verdict::{Verdict, told};
use crate::store::{LifecycleRule, StoreError, Survey, Versioning};

const CLOCK_WARNING: Duration = Duration::from_mins(1);
/// S3 refuses requests that are signed more than 15 minutes off.
const CLOCK_FAILURE: Duration = Duration::from_mins(10);

/// `asked` and `answered` are this machine's times before the first request and after the last.
pub(super) fn clock(
    theirs: Option<SystemTime>,
    asked: SystemTime,
    answered: SystemTime,
) -> Verdict {
    const MEANS: &str = "S3 refuses requests that are 15 minutes off: set the clock right";
    let Some(theirs) = theirs else {
        return Verdict::unknown("the server does not say what time it is");
    };
    // Their time is cut to the second, and was taken somewhere between ours.
    let behind = theirs.duration_since(answered).unwrap_or_default();
    let ahead = asked
        .duration_since(theirs + Duration::from_secs(1))
        .unwrap_or_default();
    let (off, side) = if behind > ahead {
        (behind, "behind")
    } else {
        (ahead, "ahead of")
    };
    let found = format!("this machine is {} s {side} the server", off.as_secs());
    match off {
        off if off > CLOCK_FAILURE => Verdict::fail(found, MEANS),
        off if off > CLOCK_WARNING => Verdict::warn(found, MEANS),
        off if off.as_secs() == 0 => Verdict::pass("the same"),
        _ => Verdict::pass(found),
    }
}

pub(super) fn checksums(tampered: &[(&'static str, Result<(), StoreError>)]) -> Verdict {
    let taken: Vec<&str> = tampered
        .iter()
        .filter(|(_, answer)| answer.is_ok())
        .map(|(header, _)| *header)
        .collect();
    if taken.is_empty() {
        return Verdict::pass("wrong ones are refused");
    }
    Verdict::warn(
        format!("not looked at: `{}`", taken.join("`, `")),
        "what is damaged on the way is stored: use `https`",
    )
}

/// Both depend on each other: versions that nothing deletes stay for ever.
pub(super) fn settings(survey: &Survey, prefix: &str) -> [Verdict; 2] {
    let unknown = |error: &StoreError| Verdict::unknown(told(error));
    let rules = survey.lifecycle.as_deref();
    let versioning = match (&survey.versioning, rules) {
        (Err(error), _) => unknown(error),
        (Ok(versioning), rules) => versions(*versioning, rules.unwrap_or_default(), prefix),
    };
    [
        versioning,
        rules.map_or_else(unknown, |rules| lifecycle(rules, prefix)),
    ]
}

fn versions(versioning: Versioning, rules: &[LifecycleRule], prefix: &str) -> Verdict {
    let expire = |rule: &LifecycleRule| rule.expires_versions && is_about_all(rule, prefix);
    match versioning {
        Versioning::Never => Verdict::pass("none are kept"),
        Versioning::Enabled | Versioning::Suspended if rules.iter().any(expire) => {
            Verdict::pass("kept, until a rule deletes them")
        }
        Versioning::Enabled => Verdict::warn(
            "kept for ever",
            "each write and each deletion adds to the bill: add a rule with `NoncurrentVersionExpiration`",
        ),
        Versioning::Suspended => Verdict::warn(
            "those of before are kept for ever",
            "old versions stay on the bill: add a rule with `NoncurrentVersionExpiration`",
        ),
    }
}

/// Whether a rule is about every row under the prefix.
fn is_about_all(rule: &LifecycleRule, prefix: &str) -> bool {
    prefix.starts_with(&rule.prefix)
}

fn lifecycle(rules: &[LifecycleRule], prefix: &str) -> Verdict {
    let expiring = rules.iter().filter(|rule| {
        let touches = prefix.starts_with(&rule.prefix) || rule.prefix.starts_with(prefix);
        rule.expires && touches
    });
    let (all, some): (Vec<&LifecycleRule>, Vec<_>) = expiring.partition(|rule| {
        is_about_all(rule, prefix) || rule.prefix.starts_with(&format!("{prefix}_s3orm"))
    });
    let named = |rules: &[&LifecycleRule]| {
        let named = rules.iter().map(|rule| {
            let (id, prefix) = (rule.id.escape_debug(), rule.prefix.escape_debug());
            format!("`{id}` deletes what is under `{prefix}`")
        });
        named.collect::<Vec<_>>().join(", ")
    };
    if !all.is_empty() {
        return Verdict::danger(named(&all), "rows vanish by their age, whoever needs them");
    }
    if !some.is_empty() {
        return Verdict::warn(named(&some), "rows of that table vanish by their age");
    }
    let aborts = |rule: &LifecycleRule| rule.aborts_uploads && is_about_all(rule, prefix);
    if rules.iter().any(aborts) {
        Verdict::pass("uploads that were left are dropped, and no row is deleted")
    } else {
        Verdict::warn(
            "no rule drops uploads that were left",
            "their parts stay on the bill: add a rule with `AbortIncompleteMultipartUpload`",
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::report::Severity;
    use super::*;

    #[test]
    fn clocks_are_compared_within_what_can_be_known() {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 900);
        let severity = |theirs: u64| {
            let theirs = UNIX_EPOCH + Duration::from_secs(theirs);
            clock(Some(theirs), at(10_000), at(10_002)).severity
        };
        for theirs in [9_999, 10_000, 10_001, 10_002, 10_062, 9_940] {
            assert_eq!(severity(theirs), Severity::Pass, "{theirs}");
        }
        for theirs in [10_064, 9_938, 10_600, 9_402] {
            assert_eq!(severity(theirs), Severity::Warn, "{theirs}");
        }
        for theirs in [10_604, 9_398, 0, 99_999] {
            assert_eq!(severity(theirs), Severity::Fail, "{theirs}");
        }
        assert_eq!(clock(None, at(0), at(0)).severity, Severity::NotMeasured);
        let behind = clock(Some(at(10_604)), at(10_000), at(10_002)).found;
        assert_eq!(behind, "this machine is 602 s behind the server");
    }

    fn rule(prefix: &str, change: impl FnOnce(&mut LifecycleRule)) -> LifecycleRule {
        let mut rule = LifecycleRule {
            id: "r".to_owned(),
            prefix: prefix.to_owned(),
            ..LifecycleRule::default()
        };
        change(&mut rule);
        rule
    }

    #[test]
    fn rules_that_delete_rows_are_found_and_others_are_not() {
        let expire = |rule: &mut LifecycleRule| rule.expires = true;
        let severity = |rules: &[LifecycleRule]| lifecycle(rules, "app/").severity;
        for (prefix, expected) in [
            ("", Severity::Danger),
            ("ap", Severity::Danger),
            ("app/", Severity::Danger),
            ("app/_s3orm/", Severity::Danger),
            ("app/logs/", Severity::Warn),
            ("other/", Severity::Pass),
            ("apple", Severity::Pass),
        ] {
            let abort = rule("", |rule| rule.aborts_uploads = true);
            let rules = [abort, rule(prefix, expire)];
            assert_eq!(severity(&rules), expected, "{prefix}");
        }
        let abort = |rule: &mut LifecycleRule| rule.aborts_uploads = true;
        assert_eq!(severity(&[rule("", abort)]), Severity::Pass);
        assert_eq!(severity(&[rule("other/", abort)]), Severity::Warn);
        assert_eq!(severity(&[]), Severity::Warn);
    }

    #[test]
    fn versions_that_stay_for_ever_are_a_warning() {
        let expire = [rule("", |rule| rule.expires_versions = true)];
        let severity = |versioning, rules| versions(versioning, rules, "app/").severity;
        assert_eq!(severity(Versioning::Never, &[]), Severity::Pass);
        for versioning in [Versioning::Enabled, Versioning::Suspended] {
            assert_eq!(severity(versioning, &[]), Severity::Warn);
            assert_eq!(severity(versioning, &expire), Severity::Pass);
        }
    }
}
