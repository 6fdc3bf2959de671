//! Awkward values, there and back, in every form; and what each looks like on the bucket.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, TimeZone as _, Utc};
use rust_decimal::Decimal;
use s3orm::S3Schema;
use serde::{Deserialize, Serialize};
use ulid::Ulid;
use uuid::Uuid;

use super::Bucket;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Tagged {
    Circle {
        radius: f64,
        id: Uuid,
    },
    Point,
    Big {
        number: u64,
        at: Option<DateTime<Utc>>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Plain {
    Unit,
    Newtype(u64),
    Tuple(i8, String),
    Struct { a: Option<bool> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    One(Uuid),
    Two,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    List(Vec<Untagged>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Inner {
    extra: Uuid,
    more: BTreeMap<String, Tagged>,
}

macro_rules! values {
    ($($name:ident { $($option:tt)* })+) => {$(
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
        #[s3(table = "values", path = "<id>/<at>/<no>", $($option)*)]
        struct $name {
            id: Uuid,
            at: DateTime<Utc>,
            no: u128,
            ulid: Ulid,
            sorted: BTreeSet<String>,
            hashed: HashSet<i64>,
            list: Vec<u8>,
            #[serde(with = "serde_bytes")]
            binary: Vec<u8>,
            price: Decimal,
            smallest: i64,
            largest: u64,
            i128: i128,
            u128: u128,
            tiny: f64,
            single: f32,
            letter: char,
            unit: (),
            pair: (u8, Option<String>),
            none: Option<u32>,
            some: Option<u32>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            absent: Option<String>,
            tagged: Vec<Tagged>,
            plain: Vec<Plain>,
            adjacent: Vec<Adjacent>,
            untagged: Untagged,
            by_number: BTreeMap<u64, String>,
            text: String,
            #[serde(flatten)]
            inner: Inner,
        }

        impl $name {
            fn sample(text: &str) -> Self {
                let id = Uuid::from_u128(7);
                let at = Utc.timestamp_opt(1_700_000_000, 123_456_789).unwrap();
                let circle = Tagged::Circle { radius: 0.1, id };
                Self {
                    id,
                    at,
                    no: u128::MAX,
                    ulid: Ulid::from_parts(1_700_000_000_000, 9),
                    sorted: ["b", "a", ""].map(str::to_owned).into(),
                    hashed: [i64::MIN, 0, i64::MAX].into(),
                    list: vec![0, 255],
                    binary: (0..=255).collect(),
                    price: "79228162514264337593543950335".parse().unwrap(),
                    smallest: i64::MIN,
                    largest: u64::MAX,
                    i128: i128::MIN,
                    u128: u128::MAX,
                    tiny: 5e-324,
                    single: 0.1,
                    letter: '\u{10ffff}',
                    unit: (),
                    pair: (1, None),
                    none: None,
                    some: Some(0),
                    absent: None,
                    tagged: vec![
                        circle.clone(),
                        Tagged::Point,
                        Tagged::Big { number: u64::MAX, at: Some(at) },
                    ],
                    plain: vec![
                        Plain::Unit,
                        Plain::Newtype(u64::MAX),
                        Plain::Tuple(-1, String::new()),
                        Plain::Struct { a: None },
                    ],
                    adjacent: vec![Adjacent::One(id), Adjacent::Two],
                    untagged: Untagged::List(vec![
                        Untagged::Number(i64::MIN),
                        Untagged::Text("1".to_owned()),
                    ]),
                    by_number: [(u64::MAX, "x".to_owned())].into(),
                    text: text.to_owned(),
                    inner: Inner {
                        extra: id,
                        more: [("c".to_owned(), circle)].into(),
                    },
                }
            }
        }
    )+};
}

values! {
    Json {}
    MessagePack { body = "msgpack" }
    JsonZstd { compress(above = 0) }
    MessagePackZstd { body = "msgpack", compress(above = 0) }
}

/// All that text may hold.
const TEXTS: [&str; 5] = [
    "",
    "\0\u{1}\u{7f}",
    "\u{feff}é\u{10ffff}",
    "\"\\/\n\r\t",
    "{\"id\":1}",
];

macro_rules! there_and_back {
    ($bucket:expr, $name:ident) => {
        for text in TEXTS {
            let table = $bucket.db.table::<$name>();
            let row = $name::sample(text);
            table.put(&row).await.unwrap();
            let key = row.key();
            assert_eq!(table.get(key.clone()).await.unwrap().as_ref(), Some(&row));
            let again = table.update(key, |row| row.largest -= 1).await.unwrap();
            assert_eq!(again.largest, u64::MAX - 1);
            assert_eq!(again.price, row.price);
        }
    };
}

#[tokio::test]
async fn every_value_comes_back_in_every_form() {
    let bucket = Bucket::new().await;
    there_and_back!(bucket, Json);
    there_and_back!(bucket, MessagePack);
    there_and_back!(bucket, JsonZstd);
    there_and_back!(bucket, MessagePackZstd);
}

/// The columns of one form are those of the other: so any struct reads what any has written.
#[tokio::test]
async fn every_form_reads_every_other() {
    let bucket = Bucket::new().await;
    let key = Json::sample("").key();
    macro_rules! written_by {
        ($writer:ident: $($reader:ident)+) => {
            bucket.db.table().put($writer::sample("x")).await.unwrap();
            $(
                let row = bucket.db.table::<$reader>().get(key.clone()).await;
                assert_eq!(row.unwrap(), Some($reader::sample("x")));
            )+
        };
    }
    written_by!(Json: MessagePack JsonZstd MessagePackZstd);
    written_by!(MessagePack: Json JsonZstd MessagePackZstd);
    written_by!(JsonZstd: Json MessagePack MessagePackZstd);
    written_by!(MessagePackZstd: Json MessagePack JsonZstd);
}

/// What other programs see: the manual says so.
#[tokio::test]
async fn what_values_look_like() {
    let bucket = Bucket::new().await;
    let json = bucket.db.table().put(Json::sample("x")).await.unwrap();
    let text = bucket.stored(json.key()).await.body;
    let text = std::str::from_utf8(&text).unwrap();
    for part in [
        r#""sorted":["","a","b"]"#,
        r#""list":[0,255]"#,
        r#""binary":[0,1,2,"#,
        r#""price":"79228162514264337593543950335""#,
        r#""largest":18446744073709551615"#,
        r#""u128":340282366920938463463374607431768211455"#,
        r#""none":null"#,
        r#"{"kind":"point"}"#,
        r#"{"Newtype":18446744073709551615}"#,
        r#""by_number":{"18446744073709551615":"x"}"#,
        r#""id":"00000000-0000-0000-0000-000000000007""#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("absent"));
    let packed = bucket
        .db
        .table()
        .put(MessagePack::sample("x"))
        .await
        .unwrap();
    let bytes = bucket.stored(packed.key()).await.body;
    let has = |part: &[u8]| bytes.windows(part.len()).any(|there| there == part);
    assert!(
        has(b"\xa6binary\xc5\x01\x00\x00\x01\x02"),
        "binary is binary"
    );
    assert!(has(b"\xa7largest\xcf\xff\xff\xff\xff\xff\xff\xff\xff"));
    assert!(bytes.len() < text.len());
}

/// `null` and a missing member are both `None`; a value that is not nullable must be there.
#[tokio::test]
async fn null_and_absent() {
    #[derive(Debug, PartialEq, Serialize, Deserialize, S3Schema)]
    #[s3(table = "nulls", path = "<id>")]
    struct Nulls {
        id: u64,
        maybe: Option<u8>,
        #[serde(default)]
        defaulted: u8,
    }
    let bucket = Bucket::new().await;
    let nulls = bucket.db.table::<Nulls>();
    for body in [
        &br#"{"id":1}"#[..],
        br#"{"id":1,"maybe":null}"#,
        b"\x82\xa2id\x01\xa5maybe\xc0",
    ] {
        bucket.keep("nulls/1.json", None, None, body).await;
        let expected = Nulls {
            id: 1,
            maybe: None,
            defaulted: 0,
        };
        assert_eq!(nulls.get(1).await.unwrap(), Some(expected));
    }
    bucket
        .keep("nulls/1.json", None, None, br#"{"id":1,"defaulted":null}"#)
        .await;
    assert!(nulls.get(1).await.is_err());
}
