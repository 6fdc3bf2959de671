//! Properties of keys: every value has one text and every text one value, order where it is
//! promised, and no value leaves its segment.
#![allow(clippy::unwrap_used)]

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt::Debug;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use s3orm::key::{
    DescColumn, Encoding, Form, KeyColumn, KeyError, KeyTuple, OrderedColumn, PathTemplate, Piece,
    SortedColumn,
};

const fn column(name: &'static str, form: Form) -> Piece {
    Piece::Column { name, form }
}

const fn escaped(pieces: &'static [Piece]) -> PathTemplate {
    PathTemplate {
        pieces,
        extension: ".json",
        encoding: Encoding::Escaped,
    }
}

/// One column between two folders.
macro_rules! between_folders {
    ($form:ident) => {
        escaped(&[
            Piece::Literal("a/"),
            Piece::Column {
                name: "v",
                form: Form::$form,
            },
            Piece::Literal("/z"),
        ])
    };
}
const PLAIN: PathTemplate = between_folders!(Plain);
const ORDERED: PathTemplate = between_folders!(Ordered);
const DESC: PathTemplate = between_folders!(Desc);

fn key<K: KeyTuple>(path: &PathTemplate, values: &K) -> Result<String, KeyError> {
    let mut out = String::new();
    values.write(path, &mut out)?;
    Ok(out)
}

/// Whether the key has `slashes` and no segment that could mean something else to anybody.
fn is_contained(key: &str, slashes: usize) -> bool {
    key.is_ascii()
        && key.matches('/').count() == slashes
        && key
            .split('/')
            .all(|segment| !matches!(segment, "" | "." | ".."))
        && key
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'%' && byte != b'\\')
}

/// Round trip, injectivity and containment of two values; answers how their keys compare.
fn check_pair<T: KeyColumn + PartialEq + Debug>(path: &PathTemplate, a: &T, b: &T) -> Ordering {
    let keys = [a, b].map(|value| {
        let key = key(path, &(value.clone(),)).unwrap();
        assert_eq!(<(T,)>::parse(path, &key).as_ref(), Ok(&(value.clone(),)));
        assert!(is_contained(&key, 2), "{key}");
        key
    });
    assert_eq!(keys[0] == keys[1], a == b, "{keys:?}");
    keys[0].cmp(&keys[1])
}

fn plain_holds<T: KeyColumn + PartialEq + Debug>(a: &T, b: &T) {
    check_pair(&PLAIN, a, b);
}

fn ordered_holds<T: OrderedColumn + Debug>(a: &T, b: &T) {
    assert_eq!(check_pair(&ORDERED, a, b), a.cmp(b), "{a:?} {b:?}");
}

fn sorted_holds<T: SortedColumn + Debug>(a: &T, b: &T) {
    assert_eq!(check_pair(&PLAIN, a, b), a.cmp(b), "{a:?} {b:?}");
}

fn desc_holds<T: DescColumn + Debug>(a: &T, b: &T) {
    assert_eq!(check_pair(&DESC, a, b), b.cmp(a), "{a:?} {b:?}");
}

/// A text that differs from a value's in one place, or not at all.
#[derive(Debug, Clone)]
struct Slip {
    at: Index,
    remove: bool,
    insert: Option<char>,
}

fn slip() -> impl Strategy<Value = Slip> {
    let chars: Vec<char> = "0189+-_!./:TZtzaAfFgGoOuUvw {}٣é\0".chars().collect();
    (
        any::<Index>(),
        any::<bool>(),
        proptest::option::of(select(chars)),
    )
        .prop_map(|(at, remove, insert)| Slip { at, remove, insert })
}

impl Slip {
    fn of(&self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        let at = self.at.index(chars.len() + 1);
        if self.remove && at < chars.len() {
            chars.remove(at);
        }
        if let Some(char) = self.insert {
            chars.insert(at, char);
        }
        chars.into_iter().collect()
    }
}

/// A text is refused, or it is the one text of the value that it gives.
fn only_own_text<T: KeyColumn>(value: &T, slip: &Slip) {
    let (mut plain, mut ordered) = (String::new(), String::new());
    value.write(&mut plain).unwrap();
    value.write_ordered(&mut ordered).unwrap();
    for text in [slip.of(&plain), slip.of(&ordered), plain, ordered] {
        let mut again = String::new();
        if let Ok(value) = T::parse(&text) {
            value.write(&mut again).unwrap();
            assert_eq!(again, text);
        }
        again.clear();
        if let Ok(value) = T::parse_ordered(&text) {
            value.write_ordered(&mut again).unwrap();
            assert_eq!(again, text);
        }
    }
}

/// Two independent values, or one twice: else equal ones would never be seen.
fn pair<T: Debug + Clone>(
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = (T, T)> {
    let twice = value.clone().prop_map(|value| (value.clone(), value));
    prop_oneof![4 => (value.clone(), value), 1 => twice]
}

macro_rules! column_properties {
    ($($name:ident: $strategy:expr => $($holds:ident),+;)+) => {$(
        proptest! {
            #[test]
            fn $name((a, b) in pair($strategy), slip in slip()) {
                $($holds(&a, &b);)+
                only_own_text(&a, &slip);
            }
        }
    )+};
}

/// Integers of every magnitude: uniform ones are almost all of full length.
macro_rules! integers {
    ($type:ident) => {
        (any::<$type>(), 0..$type::BITS).prop_map(|(number, shift)| number >> shift)
    };
}

column_properties! {
    u8s: any::<u8>() => plain_holds, ordered_holds, desc_holds;
    u16s: integers!(u16) => plain_holds, ordered_holds, desc_holds;
    u32s: integers!(u32) => plain_holds, ordered_holds, desc_holds;
    u64s: integers!(u64) => plain_holds, ordered_holds, desc_holds;
    u128s: integers!(u128) => plain_holds, ordered_holds, desc_holds;
    i8s: any::<i8>() => plain_holds, ordered_holds, desc_holds;
    i16s: integers!(i16) => plain_holds, ordered_holds, desc_holds;
    i32s: integers!(i32) => plain_holds, ordered_holds, desc_holds;
    i64s: integers!(i64) => plain_holds, ordered_holds, desc_holds;
    i128s: integers!(i128) => plain_holds, ordered_holds, desc_holds;
    bools: any::<bool>() => sorted_holds, ordered_holds, desc_holds;
    chars: any::<char>() => plain_holds, ordered_holds;
    strings: texts() => plain_holds, ordered_holds;
    uuids: any::<u128>().prop_map(uuid::Uuid::from_u128) => sorted_holds, ordered_holds, desc_holds;
    ulids: any::<u128>().prop_map(ulid::Ulid::from) => sorted_holds, ordered_holds, desc_holds;
    chrono_dates: any_chrono_dates() => sorted_holds, ordered_holds, desc_holds;
    chrono_date_times: any_chrono_times().prop_map(|time| time.naive_utc())
        => sorted_holds, ordered_holds, desc_holds;
    chrono_timestamps: any_chrono_times() => sorted_holds, ordered_holds, desc_holds;
    jiff_dates: any_jiff_date_times().prop_map(jiff::civil::DateTime::date)
        => sorted_holds, ordered_holds, desc_holds;
    jiff_date_times: any_jiff_date_times() => sorted_holds, ordered_holds, desc_holds;
    jiff_timestamps: any_jiff_timestamps() => sorted_holds, ordered_holds, desc_holds;
}

/// Any text; short ones of what means something in keys, where collisions would be; and texts of
/// the UTF-8 in arbitrary bytes.
fn texts() -> impl Strategy<Value = String> + Clone {
    let bytes = proptest::collection::vec(any::<u8>(), 0..12);
    prop_oneof![
        any::<String>(),
        "[!_./n2eFé%,\\-]{0,5}",
        bytes.prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ]
}

/// Unix seconds of the years 0 to 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

fn any_chrono_dates() -> impl Strategy<Value = chrono::NaiveDate> + Clone {
    any_chrono_times().prop_map(|time| time.date_naive())
}

fn any_chrono_times() -> impl Strategy<Value = chrono::DateTime<chrono::Utc>> + Clone {
    (SECONDS, 0..1_000_000_000_u32).prop_map(|(seconds, nanoseconds)| {
        chrono::DateTime::from_timestamp(seconds, nanoseconds).unwrap()
    })
}

fn any_jiff_timestamps() -> impl Strategy<Value = jiff::Timestamp> + Clone {
    let seconds = *SECONDS.start()..=jiff::Timestamp::MAX.as_second() - 1;
    (seconds, 0..1_000_000_000_i32)
        .prop_map(|(seconds, nanoseconds)| jiff::Timestamp::new(seconds, nanoseconds).unwrap())
}

fn any_jiff_date_times() -> impl Strategy<Value = jiff::civil::DateTime> + Clone {
    any_jiff_timestamps().prop_map(|time| jiff::tz::Offset::UTC.to_datetime(time))
}

const FOLDERS: PathTemplate = escaped(&[
    column("a", Form::Plain),
    Piece::Literal("/by="),
    column("b", Form::Plain),
    Piece::Literal("-x/"),
    column("c", Form::Plain),
]);
const ONE_SEGMENT: PathTemplate = escaped(&[
    column("a", Form::Plain),
    Piece::Literal(","),
    column("b", Form::Plain),
    Piece::Literal("~-"),
    column("c", Form::Plain),
    Piece::Literal("n"),
]);
const ORDERED_PAIR: PathTemplate = escaped(&[
    column("a", Form::Ordered),
    Piece::Literal("/"),
    column("b", Form::Ordered),
]);
const VERBATIM: PathTemplate = PathTemplate {
    pieces: &[
        column("a", Form::Plain),
        Piece::Literal("--"),
        column("b", Form::Plain),
        Piece::Literal("/"),
        column("c", Form::Plain),
    ],
    extension: "",
    encoding: Encoding::Verbatim,
};

type Triple = (String, u64, String);

fn triples() -> impl Strategy<Value = Triple> + Clone {
    (texts(), 0..12_u64, texts())
}

proptest! {
    #[test]
    fn tuples_have_one_key_each((a, b) in pair(triples())) {
        for (path, slashes) in [(FOLDERS, 2), (ONE_SEGMENT, 0)] {
            let keys = [&a, &b].map(|values| {
                let key = key(&path, values).unwrap();
                assert_eq!(Triple::parse(&path, &key).as_ref(), Ok(values));
                assert!(is_contained(&key, slashes), "{key}");
                key
            });
            prop_assert_eq!(keys[0] == keys[1], a == b);
        }
    }

    #[test]
    fn ordered_tuples_sort_by_their_columns(
        (a, b) in pair(("[a\\-.é\0]{0,4}", any::<i32>())),
    ) {
        let order = key(&ORDERED_PAIR, &a).unwrap().cmp(&key(&ORDERED_PAIR, &b).unwrap());
        prop_assert_eq!(order, a.cmp(&b));
    }

    #[test]
    fn verbatim_keys_read_back_or_are_refused((a, b) in pair((texts(), 0..9_u64, texts()))) {
        let keys = [&a, &b].map(|values| {
            let key = key(&VERBATIM, values).ok()?;
            assert_eq!(Triple::parse(&VERBATIM, &key).as_ref(), Ok(values));
            assert_eq!(key.matches('/').count(), 1);
            assert!(key.split('/').all(|segment| !matches!(segment, "" | "." | "..")));
            Some(key)
        });
        prop_assert!(keys[0].is_none() || (keys[0] == keys[1]) == (a == b));
        let harmless = |text: &str| !text.is_empty() && !text.contains(['/', '-', '.']);
        prop_assert!(keys[0].is_some() || !harmless(&a.0) || !harmless(&a.2));
    }

    #[test]
    fn other_texts_are_no_keys(values in triples(), slip in slip(), text in texts()) {
        for path in [FOLDERS, ONE_SEGMENT, VERBATIM] {
            let slipped = key(&path, &values).map(|key| slip.of(&key));
            for text in slipped.iter().chain([&text]) {
                if let Ok(values) = Triple::parse(&path, text) {
                    prop_assert_eq!(&key(&path, &values).unwrap(), text);
                }
            }
        }
    }
}

/// All words over an alphabet, up to a length.
fn words<T: Copy>(alphabet: &[T], length: usize) -> Vec<Vec<T>> {
    let mut words = vec![Vec::new()];
    let mut start = 0;
    for _ in 0..length {
        let end = words.len();
        for at in start..end {
            for &letter in alphabet {
                words.push([&words[at][..], &[letter]].concat());
            }
        }
        start = end;
    }
    words
}

/// No two values share a key, and every key reads back.
fn no_two_share(values: impl Iterator<Item = String>) -> usize {
    let mut seen = HashMap::new();
    for value in values {
        let key = key(&PLAIN, &(value.clone(),)).unwrap();
        assert!(is_contained(&key, 2), "{key}");
        assert_eq!(<(String,)>::parse(&PLAIN, &key), Ok((value.clone(),)));
        let other = seen.insert(key, value);
        assert_eq!(other, None);
    }
    seen.len()
}

const ADVERSARIAL: &str = "!_n./2eEf1a,%é";

#[test]
fn every_short_text_has_its_own_key() {
    let bytes: Vec<u8> = (0..=255).collect();
    let texts = words(&bytes, 2)
        .into_iter()
        .filter_map(|bytes| String::from_utf8(bytes).ok());
    // 1 of no byte, 128 of one, 128 * 128 and the 1,920 two-byte characters of two.
    assert_eq!(no_two_share(texts), 1 + 128 + 128 * 128 + 1920);
    let alphabet: Vec<char> = ADVERSARIAL.chars().collect();
    let texts = words(&alphabet, 4).into_iter().map(String::from_iter);
    assert_eq!(
        no_two_share(texts),
        1 + 14 + 14 * 14 + 14 * 14 * 14 + 14 * 14 * 14 * 14
    );
}

#[test]
fn every_short_key_is_the_key_of_its_value_or_refused() {
    let alphabet: Vec<char> = ADVERSARIAL.chars().collect();
    let (mut keys, mut refused) = (0, 0);
    for word in words(&alphabet, 4) {
        let text = format!("a/{}/z.json", String::from_iter(word));
        match <(String,)>::parse(&PLAIN, &text) {
            Ok(value) => {
                assert_eq!(key(&PLAIN, &value).as_deref(), Ok(text.as_str()));
                keys += 1;
            }
            Err(_) => refused += 1,
        }
    }
    // 5,832 words of the literal characters alone, with `.` inside only, and 171 with an escape.
    assert_eq!((keys, refused), (6003, 35_368));
}
