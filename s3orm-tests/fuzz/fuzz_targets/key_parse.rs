//! A text is refused, or it is the key of the values that it gives.
#![no_main]

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use libfuzzer_sys::fuzz_target;
use s3orm::key::{
    DescColumn, Encoding, Form, KeyColumn, KeyTuple, OrderedColumn, PathTemplate, Piece,
};
use ulid::Ulid;
use uuid::Uuid;

const fn plain(name: &'static str) -> Piece {
    Piece::Column {
        name,
        form: Form::Plain,
    }
}

const fn path(pieces: &'static [Piece], encoding: Encoding) -> PathTemplate {
    PathTemplate {
        pieces,
        extension: ".json",
        encoding,
    }
}

const FOLDERS: &[Piece] = &[
    Piece::Literal("k="),
    plain("a"),
    Piece::Literal("/"),
    plain("b"),
    Piece::Literal("-x/"),
    plain("c"),
];
const ONE_SEGMENT: &[Piece] = &[
    plain("a"),
    Piece::Literal(",-"),
    plain("b"),
    Piece::Literal("~"),
    plain("c"),
    Piece::Literal("n"),
];

fuzz_target!(|text: &str| {
    for pieces in [FOLDERS, ONE_SEGMENT] {
        for encoding in [Encoding::Escaped, Encoding::Verbatim] {
            check::<(String, u64, String)>(&path(pieces, encoding), text);
            check::<(NaiveDate, String, char)>(&path(pieces, encoding), text);
        }
    }
    ordered::<String>(text);
    ordered::<char>(text);
    descending::<bool>(text);
    descending::<u8>(text);
    descending::<i64>(text);
    descending::<u128>(text);
    descending::<i128>(text);
    descending::<Uuid>(text);
    descending::<Ulid>(text);
    descending::<NaiveDate>(text);
    descending::<NaiveDateTime>(text);
    descending::<DateTime<Utc>>(text);
    descending::<jiff::civil::Date>(text);
    descending::<jiff::civil::DateTime>(text);
    descending::<jiff::Timestamp>(text);
});

fn check<K: KeyTuple>(path: &PathTemplate, text: &str) {
    if let Ok(values) = K::parse(path, text) {
        let mut again = String::new();
        values
            .write(path, &mut again)
            .expect("a key that was read can be written");
        assert_eq!(again, text);
    }
}

/// The column's own parsers, which a key's comes back to check.
fn ordered<T: OrderedColumn>(text: &str) {
    let mut again = String::new();
    if let Ok(value) = T::parse(text) {
        value
            .write(&mut again)
            .expect("a value that was read can be written");
        assert_eq!(again, text);
    }
    again.clear();
    if let Ok(value) = T::parse_ordered(text) {
        value
            .write_ordered(&mut again)
            .expect("a value that was read can be written");
        assert_eq!(again, text);
    }
}

fn descending<T: KeyColumn + DescColumn>(text: &str) {
    ordered::<T>(text);
    const DOWN: &[Piece] = &[Piece::Column {
        name: "v",
        form: Form::Desc,
    }];
    check::<(T,)>(&path(DOWN, Encoding::Escaped), text);
}
