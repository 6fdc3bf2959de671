//! Histories made by hand: each anomaly by its name, and nothing where nothing is.
//!
//! Where the clock is of no interest, all operations are at the same time.

use s3orm_tests::history::{Kind, Operation, Outcome, check};

use super::{op, v};

const X: u64 = 1;
const Y: u64 = 2;
const NEW: Option<s3orm_tests::history::Version> = None;

fn now() -> Operation {
    op(10, 20)
}

/// What is found: the worst first.
fn kinds(operations: &[Operation]) -> Vec<Kind> {
    let found = check(operations);
    for anomaly in &found {
        eprintln!("{anomaly}");
    }
    found.into_iter().map(|anomaly| anomaly.kind).collect()
}

/// `x1` and `y1`, long before.
fn begin() -> Operation {
    op(1, 2).write(X, v(1), NEW).write(Y, v(1), NEW)
}

#[test]
fn g0_two_transactions_replace_each_others_writes() {
    let one = now().write(X, v(2), Some(v(1))).write(Y, v(3), Some(v(2)));
    let other = now().write(X, v(3), Some(v(2))).write(Y, v(2), Some(v(1)));
    assert_eq!(kinds(&[begin(), one, other]), [Kind::G0]);
}

#[test]
fn g1a_a_read_of_what_failed() {
    let failed = now().write(X, v(2), Some(v(1))).outcome(Outcome::Failed);
    let reader = now().read(X, Some(v(2)));
    assert_eq!(kinds(&[begin(), failed, reader]), [Kind::G1a]);
}

#[test]
fn g1a_a_write_over_what_failed() {
    let failed = now().write(X, v(2), Some(v(1))).outcome(Outcome::Failed);
    let writer = now().write(X, v(3), Some(v(2)));
    assert_eq!(kinds(&[begin(), failed, writer]), [Kind::G1a]);
}

#[test]
fn g1b_a_read_of_an_intermediate_version() {
    let writer = now().write(X, v(2), Some(v(1))).write(X, v(3), Some(v(2)));
    let reader = now().read(X, Some(v(2)));
    let found = kinds(&[begin(), writer, reader]);
    // It is a circle, too: the writer comes before the reader, and after it.
    assert_eq!(found, [Kind::G1b, Kind::GSingle]);
}

#[test]
fn g1c_two_transactions_read_each_others_writes() {
    let one = now().write(X, v(2), Some(v(1))).read(Y, Some(v(2)));
    let other = now().write(Y, v(2), Some(v(1))).read(X, Some(v(2)));
    assert_eq!(kinds(&[begin(), one, other]), [Kind::G1c]);
}

#[test]
fn g_single_half_of_a_transaction_is_seen() {
    let writer = now().write(X, v(2), Some(v(1))).write(Y, v(2), Some(v(1)));
    let reader = now().read(X, Some(v(2))).read(Y, Some(v(1)));
    assert_eq!(kinds(&[begin(), writer, reader]), [Kind::GSingle]);
}

#[test]
fn g_single_half_of_a_transaction_that_nobody_acknowledged_is_seen() {
    let writer = now().write(X, v(2), Some(v(1))).write(Y, v(2), Some(v(1)));
    let reader = op(30, 40).read(X, Some(v(2))).read(Y, Some(v(1)));
    let history = [begin(), writer.outcome(Outcome::Unknown), reader];
    assert_eq!(kinds(&history), [Kind::GSingle]);
}

#[test]
fn g_single_a_row_read_twice_is_two_versions() {
    let writer = now().write(X, v(2), Some(v(1)));
    let reader = now().read(X, Some(v(1))).read(X, Some(v(2)));
    assert_eq!(kinds(&[begin(), writer, reader]), [Kind::GSingle]);
}

#[test]
fn g2_item_two_transactions_write_what_the_other_has_read() {
    let one = now().read(Y, Some(v(1))).write(X, v(2), Some(v(1)));
    let other = now().read(X, Some(v(1))).write(Y, v(2), Some(v(1)));
    assert_eq!(kinds(&[begin(), one, other]), [Kind::G2Item]);
}

#[test]
fn g2_item_two_readers_see_two_writes_in_two_orders() {
    let writers = [
        now().write(X, v(2), Some(v(1))),
        now().write(Y, v(2), Some(v(1))),
    ];
    let readers = [
        now().read(X, Some(v(2))).read(Y, Some(v(1))),
        now().read(X, Some(v(1))).read(Y, Some(v(2))),
    ];
    let history = [vec![begin()], writers.to_vec(), readers.to_vec()].concat();
    assert_eq!(kinds(&history), [Kind::G2Item]);
}

#[test]
fn g2_item_of_rows_that_are_not_there() {
    let one = now().read(Y, None).write(X, v(1), NEW);
    let other = now().read(X, None).write(Y, v(1), NEW);
    assert_eq!(kinds(&[one, other]), [Kind::G2Item]);
}

#[test]
fn a_lost_update_by_two_who_replace_one_version() {
    let one = now().read(X, Some(v(1))).write(X, v(2), Some(v(1)));
    let other = now().read(X, Some(v(1))).write(X, v(3), Some(v(1)));
    let found = kinds(&[begin(), one, other]);
    assert_eq!(found[0], Kind::LostUpdate);
}

#[test]
fn a_lost_update_by_one_who_writes_over_what_it_did_not_read() {
    let one = now().read(X, Some(v(1))).write(X, v(2), Some(v(1)));
    let other = now().read(X, Some(v(1))).write(X, v(3), Some(v(2)));
    assert_eq!(kinds(&[begin(), one, other]), [Kind::LostUpdate]);
}

#[test]
fn an_incompatible_order_of_blind_writes() {
    let one = now().write(X, v(2), Some(v(1)));
    let other = now().write(X, v(3), Some(v(1)));
    assert_eq!(kinds(&[begin(), one, other]), [Kind::IncompatibleOrder]);
}

#[test]
fn an_incompatible_order_of_two_inserts() {
    let history = [now().write(X, v(1), NEW), now().write(X, v(2), NEW)];
    assert_eq!(kinds(&history), [Kind::IncompatibleOrder]);
}

#[test]
fn an_incompatible_order_round_and_round() {
    let one = now().write(X, v(2), Some(v(3)));
    let other = now().write(X, v(3), Some(v(2)));
    let found = kinds(&[begin(), one, other]);
    assert_eq!(found, [Kind::IncompatibleOrder, Kind::G0]);
}

#[test]
fn a_duplicate_effect_of_one_version() {
    let twice = now().write(X, v(2), Some(v(1))).write(X, v(2), Some(v(3)));
    let between = now().write(X, v(3), Some(v(2)));
    assert_eq!(kinds(&[begin(), twice, between])[0], Kind::DuplicateEffect);
}

#[test]
fn a_duplicate_effect_with_another_between() {
    let twice = now().write(X, v(2), Some(v(1))).write(X, v(4), Some(v(3)));
    let between = now().write(X, v(3), Some(v(2)));
    assert_eq!(kinds(&[begin(), twice, between])[0], Kind::DuplicateEffect);
}

#[test]
fn a_duplicate_effect_on_what_it_made_itself() {
    let twice = now()
        .read(X, Some(v(2)))
        .write(X, v(2), Some(v(1)))
        .write(X, v(3), Some(v(2)));
    assert_eq!(kinds(&[begin(), twice]), [Kind::DuplicateEffect]);
}

#[test]
fn a_version_that_nobody_wrote() {
    let reader = now().read(X, Some(v(7)));
    assert_eq!(kinds(&[begin(), reader]), [Kind::NeverWritten]);
}

#[test]
fn real_time_a_stale_read() {
    let writer = op(10, 20).write(X, v(2), Some(v(1)));
    let reader = op(21, 30).read(X, Some(v(1)));
    assert_eq!(kinds(&[begin(), writer, reader]), [Kind::RealTime]);
}

#[test]
fn real_time_a_read_of_what_is_not_written_yet() {
    let reader = op(10, 20).read(X, Some(v(2)));
    let writer = op(21, 30).write(X, v(2), Some(v(1)));
    assert_eq!(kinds(&[begin(), reader, writer]), [Kind::RealTime]);
}

#[test]
fn real_time_a_write_under_one_that_had_ended() {
    let first = op(10, 20).write(X, v(3), Some(v(2)));
    let second = op(21, 30).write(X, v(2), Some(v(1)));
    assert_eq!(kinds(&[begin(), first, second]), [Kind::RealTime]);
}

#[test]
fn real_time_a_row_that_was_deleted_is_read() {
    let delete = op(10, 20).delete(X, v(2), Some(v(1)));
    let reader = op(21, 30).read(X, Some(v(1)));
    assert_eq!(kinds(&[begin(), delete, reader]), [Kind::RealTime]);
}

#[test]
fn real_time_an_absence_of_the_past_and_one_of_the_future() {
    let delete = op(10, 20).delete(X, v(2), Some(v(1)));
    let insert = op(30, 40).write(X, v(3), Some(v(2)));
    let late = op(41, 50).read(X, None);
    let early = op(5, 9).read(X, None);
    let history = [begin(), delete, insert];
    let with = |reader: Operation| [&history[..], &[reader]].concat();
    assert_eq!(kinds(&with(late)), [Kind::RealTime]);
    assert_eq!(kinds(&with(early)), [Kind::RealTime]);
    assert_eq!(kinds(&with(op(15, 16).read(X, None))), []);
    assert_eq!(kinds(&with(op(25, 26).read(X, None))), []);
}

#[test]
fn real_time_a_long_fork_that_only_the_clock_tells() {
    let x = op(10, 20).write(X, v(2), Some(v(1)));
    let y = op(21, 30).write(Y, v(2), Some(v(1)));
    let reader = op(10, 40).read(X, Some(v(1))).read(Y, Some(v(2)));
    assert_eq!(kinds(&[begin(), x, y, reader]), [Kind::RealTime]);
}

#[test]
fn the_shortest_circle_is_told_in_words() {
    let writer = op(10, 20).write(X, v(2), Some(v(1)));
    let others = (30..40).map(|time| op(time * 10, time * 10 + 1).read(Y, Some(v(1))));
    let reader = op(900, 910).read(X, Some(v(1)));
    let history: Vec<_> = [begin(), writer].into_iter().chain(others).collect();
    let history = [&history[..], &[reader]].concat();
    let found = check(&history);
    let words = "against real time: 2 operations, each before the next\n  \
                 op 12 (900 to 910) read v1 of row 1, which op 1 (10 to 20) replaced by v2\n  \
                 op 1 (10 to 20) had ended before op 12 (900 to 910) began";
    assert_eq!(found[0].to_string(), words);
    assert_eq!(found.len(), 1);
}

#[test]
fn good_one_after_the_other() {
    let history = [
        begin(),
        op(3, 4).read(X, Some(v(1))).write(X, v(2), Some(v(1))),
        op(5, 6).delete(X, v(3), Some(v(2))),
        op(7, 8).read(X, None),
        op(9, 10).write(X, v(4), Some(v(3))),
        op(11, 12).read(X, Some(v(4))).read(Y, Some(v(1))),
    ];
    assert_eq!(kinds(&history), []);
}

#[test]
fn good_at_the_same_time_in_any_order() {
    let history = [
        begin(),
        now().write(X, v(3), Some(v(2))),
        now().write(X, v(2), Some(v(1))),
        now().read(X, Some(v(2))),
        now().read(X, Some(v(1))).read(Y, Some(v(1))),
        now().read(X, Some(v(3))),
    ];
    assert_eq!(kinds(&history), []);
}

#[test]
fn good_unknown_outcomes_take_effect_late_or_never() {
    let unknown = |version, over| {
        let write = op(5, 6).write(X, v(version), Some(v(over)));
        write.outcome(Outcome::Unknown)
    };
    let history = [
        begin(),
        unknown(2, 1),
        // Of those two, nobody saw anything.
        unknown(9, 1),
        unknown(8, 1),
        op(10, 11).read(X, Some(v(1))),
        op(12, 13).read(X, Some(v(2))),
    ];
    assert_eq!(kinds(&history), []);
}

#[test]
fn good_what_failed_and_was_seen_by_nobody() {
    let failed = op(5, 6).write(X, v(2), Some(v(1))).outcome(Outcome::Failed);
    let history = [begin(), failed, op(10, 11).read(X, Some(v(1)))];
    assert_eq!(kinds(&history), []);
}

#[test]
fn good_a_transaction_that_writes_a_row_twice() {
    let twice = now().write(X, v(2), Some(v(1))).write(X, v(3), Some(v(2)));
    let history = [begin(), twice, op(30, 40).read(X, Some(v(3)))];
    assert_eq!(kinds(&history), []);
}

#[test]
fn good_tombstones_are_read_by_their_versions() {
    let history = [
        begin(),
        op(3, 4).delete(X, v(2), Some(v(1))),
        op(5, 9).read(X, Some(v(2))),
        op(5, 9).write(X, v(3), Some(v(2))),
        op(5, 9).delete(X, v(4), Some(v(3))),
        op(5, 9).read(X, Some(v(4))),
    ];
    assert_eq!(kinds(&history), []);
}
