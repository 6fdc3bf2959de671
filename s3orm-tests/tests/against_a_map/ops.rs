//! What is done, at random.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// A city and a number; texts of which one begins as another, and some that keys must escape.
pub(crate) type Key = (String, u8);

pub(crate) const CITIES: [&str; 5] = ["Oslo", "Os", "", "..", "a/b~"];
pub(crate) const CLUBS: [&str; 3] = ["red", "re", "red/"];

/// What a row is, of whichever table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Values {
    pub(crate) key: Key,
    pub(crate) age: i16,
    pub(crate) club: Option<String>,
    pub(crate) name: String,
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Insert(Values),
    InsertOrNothing(Values),
    InsertOrReplace(Values),
    Put(Values),
    PutReturning(Values),
    /// Over the version that was read last; and whether the old row is asked for.
    PutVersion(Values, bool),
    PutMany(Vec<Values>),
    Read(Key),
    /// What was read last of this key, older.
    Save(Key, i16),
    Update(Key, i16),
    /// Older by so much, if it was under this age.
    Patch(Key, i16, Option<i16>),
    Delete(Key),
    DeleteExisting(Key),
    /// At the version that was read last.
    DeleteVersion(Key),
    DeleteReturning(Key),
    Rekey(Key, Key),
    Exists(Key),
    Query(Question),
    Count(Option<&'static str>),
    Cities,
    Named(u8),
}

/// What is asked of rows by a query.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) city: Option<&'static str>,
    pub(crate) numbers: Option<(u8, u8)>,
    pub(crate) from: Option<i16>,
    pub(crate) club: Option<&'static str>,
    pub(crate) descending: bool,
    pub(crate) page: usize,
    pub(crate) limit: Option<usize>,
}

pub(crate) fn key() -> impl Strategy<Value = Key> {
    (select(&CITIES[..]), 0..12_u8).prop_map(|(city, number)| (city.to_owned(), number % 3 * 5))
}

pub(crate) fn values() -> impl Strategy<Value = Values> {
    let club = option::of(select(&CLUBS[..]));
    (key(), -3..9_i16, club, 0..6_u8).prop_map(|(key, age, club, name)| Values {
        key,
        age,
        club: club.map(str::to_owned),
        name: format!("n{name}"),
    })
}

pub(crate) fn question() -> impl Strategy<Value = Question> {
    let city = option::of(select(&CITIES[..]));
    let club = option::of(select(&CLUBS[..]));
    let numbers = option::of((0..12_u8, 0..12_u8));
    (
        city,
        numbers,
        option::of(-3..9_i16),
        club,
        any::<bool>(),
        1..5_usize,
        option::of(0..6_usize),
    )
        .prop_map(
            |(city, numbers, from, club, descending, page, limit)| Question {
                city,
                numbers: numbers.filter(|_| city.is_some()),
                from,
                club,
                descending,
                page,
                limit,
            },
        )
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        values().prop_map(Op::Insert),
        values().prop_map(Op::InsertOrNothing),
        values().prop_map(Op::InsertOrReplace),
        values().prop_map(Op::Put),
        values().prop_map(Op::PutReturning),
        (values(), any::<bool>()).prop_map(|(values, asked)| Op::PutVersion(values, asked)),
        vec(values(), 0..5).prop_map(Op::PutMany),
        key().prop_map(Op::Read),
        (key(), 0..9_i16).prop_map(|(key, age)| Op::Save(key, age)),
        (key(), 0..9_i16).prop_map(|(key, age)| Op::Update(key, age)),
        (key(), -1..3_i16, option::of(0..9_i16))
            .prop_map(|(key, by, under)| Op::Patch(key, by, under)),
        key().prop_map(Op::Delete),
        key().prop_map(Op::DeleteExisting),
        key().prop_map(Op::DeleteVersion),
        key().prop_map(Op::DeleteReturning),
        (key(), key()).prop_map(|(from, to)| Op::Rekey(from, to)),
        key().prop_map(Op::Exists),
        question().prop_map(Op::Query),
        question().prop_map(Op::Query),
        option::of(select(&CITIES[..])).prop_map(Op::Count),
        Just(Op::Cities),
        (0..6_u8).prop_map(Op::Named),
    ]
}
