//! Bodies that are no rows: each is refused with its key and what is wrong, and stays as it is.

use std::collections::BTreeMap;

use s3orm::{ErrorKind, S3Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Bucket;

/// With columns that take almost anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "things", path = "<id>")]
struct Thing {
    id: u64,
    any: Value,
    #[serde(default)]
    count: u32,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

const JSON: Option<&str> = Some("application/json");
const MSGPACK: Option<&str> = Some("application/msgpack");

#[derive(Clone)]
struct Bad {
    content_type: Option<&'static str>,
    encoding: Option<&'static str>,
    body: Vec<u8>,
    /// What the error says.
    says: &'static str,
}

fn bad(content_type: Option<&'static str>, body: impl Into<Vec<u8>>, says: &'static str) -> Bad {
    Bad {
        content_type,
        encoding: None,
        body: body.into(),
        says,
    }
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(body, 3).unwrap()
}

fn nested(levels: usize) -> String {
    let (open, close) = ("[".repeat(levels), "]".repeat(levels));
    format!(r#"{{"id":1,"any":{open}{close}}}"#)
}

const SOUND: &[u8] = br#"{"id":1,"any":{"a":[1,2]}}"#;
const NO_ROW: &str = "not a row of this table";

fn not_json() -> Vec<Bad> {
    vec![
        bad(JSON, "", "empty"),
        bad(JSON, " \n", "empty"),
        bad(JSON, &SOUND[..20], NO_ROW),
        bad(JSON, [SOUND, b"}"].concat(), NO_ROW),
        bad(JSON, [SOUND, SOUND].concat(), NO_ROW),
        bad(JSON, "[1,2]", "no JSON object"),
        bad(JSON, "null", "no JSON object"),
        bad(JSON, "\"{}\"", "no JSON object"),
        bad(JSON, r#"{"id":"one","any":1}"#, NO_ROW),
        bad(JSON, r#"{"id":-1,"any":1}"#, NO_ROW),
        bad(JSON, r#"{"id":1}"#, "table: it has no column `any`"),
        bad(JSON, r#"{"id":1,"any":1,"count":1e99}"#, NO_ROW),
        bad(JSON, r#"{"id":1,"any":1,"count":1.5}"#, NO_ROW),
        bad(JSON, r#"{"id":1,"any":1e999}"#, NO_ROW),
        bad(JSON, r#"{"id":1,"any":NaN}"#, NO_ROW),
        bad(JSON, r#"{"id":2,"any":1}"#, "`things/2.json`"),
        bad(JSON, nested(64), "64 levels"),
        bad(JSON, nested(100_000), "64 levels"),
        bad(JSON, "{\"a\":".repeat(100_000), "64 levels"),
        bad(JSON, r#"{"id":1,"any":1,"any":2}"#, "`any` twice"),
        bad(JSON, r#"{"id":1,"any":1,"\u0061ny":2}"#, "`any` twice"),
        bad(JSON, r#"{"id":1,"any":{"x":1,"x":1}}"#, "`x` twice"),
        bad(
            JSON,
            r#"{"id":1,"any":1,"other":1,"other":1}"#,
            "`other` twice",
        ),
        bad(JSON, "\u{feff}{\"id\":1,\"any\":1}", "byte order mark"),
        bad(JSON, "{\"id\":1,\0\"any\":1}", NO_ROW),
        bad(JSON, "\0\0\0\0", "no JSON object"),
        bad(JSON, "{\"id\":1,\"any\":\"\u{1}\"}", NO_ROW),
        bad(JSON, b"{\"id\":1,\"any\":\"\xff\"}", NO_ROW),
        bad(JSON, br#"{"id":1,"any":"\ud800"}"#, NO_ROW),
        bad(
            JSON,
            r#"{"id":1,"any":18446744073709551617}"#,
            "`any` would round",
        ),
        bad(
            JSON,
            r#"{"id":1,"any":[{"x":-9223372036854775809}]}"#,
            "`any` would round",
        ),
        bad(
            JSON,
            r#"{"id":1,"any":0,"other":100000000000000000000001}"#,
            "`other` would round",
        ),
        bad(
            JSON,
            format!(r#"{{"id":1,"any":{}}}"#, "9".repeat(1 << 20)),
            NO_ROW,
        ),
        bad(JSON, b"\x82\xa2id\x01\xa3any\x02", "no JSON object"),
    ]
}

fn not_msgpack() -> Vec<Bad> {
    let mut deep = b"\x82\xa2id\x01\xa3any".to_vec();
    deep.extend(std::iter::repeat_n(0x91, 5000));
    vec![
        bad(MSGPACK, "", "no MessagePack"),
        bad(MSGPACK, SOUND, "no MessagePack"),
        bad(MSGPACK, b"\x82\xa2id\x01\xa3any", "ends too early"),
        bad(MSGPACK, b"\x82\xa2id\x01\xa3any\x02\x00", "bytes follow"),
        bad(
            MSGPACK,
            b"\x82\xa2id\x01\xa3any\xdd\xff\xff\xff\xff",
            "ends too early",
        ),
        bad(
            MSGPACK,
            b"\x82\xa2id\x01\xa3any\xc6\xff\xff\xff\xff",
            "ends too early",
        ),
        bad(MSGPACK, b"\xdf\xff\xff\xff\xff\xa2id\x01", "ends too early"),
        bad(
            MSGPACK,
            b"\x83\xa2id\x01\xa3any\x02\xa3any\x02",
            "`any` twice",
        ),
        bad(MSGPACK, b"\x81\xa2id\xa3one", NO_ROW),
        bad(MSGPACK, b"\x82\xa2id\x01\xa3any\xc1", "no MessagePack"),
        bad(MSGPACK, b"\x93\x01\x02\x03", "no MessagePack map"),
        bad(MSGPACK, deep, "64 levels"),
        bad(None, b"\xfe\xff", "no JSON object"),
    ]
}

fn not_compressed() -> Vec<Bad> {
    let packed = zstd(&SOUND.repeat(20));
    let mut corpus = Vec::new();
    let mut encoded = |encoding, body: &[u8], says| {
        corpus.push(Bad {
            encoding: Some(encoding),
            ..bad(JSON, body, says)
        });
    };
    encoded("zstd", SOUND, "not what `zstd` has compressed");
    encoded("zstd", &packed[..packed.len() / 2], "not what `zstd`");
    encoded("zstd", &[&packed[..], b"more"].concat(), "not what `zstd`");
    encoded("zstd", b"", "not what `zstd`");
    encoded("zstd", &zstd(b""), "empty");
    encoded("zstd", &zstd(b"[]"), "no JSON object");
    encoded("gzip", b"\x1f\x8b\x08\0", "`gzip`");
    encoded("zstd,zstd", &zstd(&packed), "`zstd,zstd`");
    corpus
}

#[tokio::test]
async fn each_is_refused_with_its_key_and_stays() {
    let bucket = Bucket::new().await;
    let things = bucket.db.table::<Thing>();
    for Bad {
        content_type,
        encoding,
        body,
        says,
    } in [not_json(), not_msgpack(), not_compressed()].concat()
    {
        bucket
            .keep("things/1.json", content_type, encoding, &body)
            .await;
        let before = bucket.stored("things/1.json").await;
        let start = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let update = things.update(1, |thing| thing.count += 1);
        let patch = things.patch(1).increment(Thing::COL.count, 1);
        let errors = [
            things.get(1).await.map(drop).unwrap_err(),
            things.query().scan().all().await.map(drop).unwrap_err(),
            update.await.map(drop).unwrap_err(),
            patch.await.map(drop).unwrap_err(),
            things
                .put(thing(1))
                .returning_old()
                .await
                .map(drop)
                .unwrap_err(),
            things
                .delete(1)
                .returning_old()
                .await
                .map(drop)
                .unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Decode, "{start}: {error:?}");
            assert_eq!(error.key(), Some("things/1.json"), "{start}: {error:?}");
            let text = error.to_string();
            assert!(
                text.contains(says) && !text.contains('\n'),
                "{start}: {error:?}"
            );
        }
        let after = bucket.stored("things/1.json").await;
        assert_eq!(before.body, after.body, "{start}");
        assert_eq!(before.meta.etag, after.meta.etag, "{start}");
        assert_eq!(before.meta.content_type, after.meta.content_type, "{start}");
        assert_eq!(
            before.meta.content_encoding, after.meta.content_encoding,
            "{start}"
        );
    }
    // What is there can still be replaced by who does not need to read it.
    things.put(thing(1)).await.unwrap();
    assert_eq!(things.get(1).await.unwrap(), Some(thing(1)));
}

fn thing(id: u64) -> Thing {
    Thing {
        id,
        any: Value::Null,
        count: 0,
        rest: BTreeMap::new(),
    }
}

/// 10 GiB of spaces in 320 KiB, and one that stays within the ratio.
#[tokio::test]
async fn bombs_do_not_go_off() {
    let bucket = Bucket::new().await;
    let things = bucket.db.table::<Thing>();
    let bytes = bomb();
    assert!(bytes.len() < 350_000, "{}", bytes.len());
    let noise: Vec<u8> = (0..20_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let noise = [&b" ".repeat(20 << 20)[..], &noise.repeat(20)].concat();
    let within = zstd::bulk::compress(&noise, 1).unwrap();
    for (content_type, body) in [(JSON, &bytes), (MSGPACK, &bytes), (JSON, &within)] {
        bucket
            .keep("things/1.json", content_type, Some("zstd"), body)
            .await;
        let before = resident();
        let error = things.get(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
        assert_eq!(error.key(), Some("things/1.json"));
        let grown = resident().saturating_sub(before);
        assert!(grown < 64 << 20, "{grown} bytes more");
    }
}

/// A frame of 81,920 blocks, each 128 KiB of spaces in 4 bytes: 10 GiB.
fn bomb() -> Vec<u8> {
    const SIZE: u32 = 128 << 10;
    const BLOCKS: u32 = 10 * 8192;
    const REPEATED: u32 = 1 << 1;
    // Its magic number, no flags, a window of 1 MiB.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x50];
    for block in 1..=BLOCKS {
        let header = SIZE << 3 | REPEATED | u32::from(block == BLOCKS);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(b' ');
    }
    frame
}

/// The most memory that this process had so far, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let digits = line.and_then(|line| line.split_whitespace().nth(1));
    digits
        .and_then(|digits| digits.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

/// What could not be read back is not written.
#[tokio::test]
async fn rows_without_a_form_are_not_written() {
    #[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
    #[s3(table = "numbers", path = "<id>")]
    struct Number {
        id: u64,
        value: Option<f64>,
        deep: Value,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    #[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
    #[s3(table = "numbers", path = "<id>", body = "msgpack")]
    struct Packed {
        id: u64,
        value: Option<f64>,
        deep: Value,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    let bucket = Bucket::new().await;
    let deep = (0..64).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    let member = |name: &str| [(name.to_owned(), Value::Null)].into();
    for (value, deep, rest, says) in [
        (Some(f64::NAN), Value::Null, BTreeMap::new(), "NaN"),
        (
            Some(f64::INFINITY),
            Value::Null,
            BTreeMap::new(),
            "infinite",
        ),
        (
            Some(f64::NEG_INFINITY),
            Value::Null,
            BTreeMap::new(),
            "infinite",
        ),
        (None, deep, BTreeMap::new(), "64 levels"),
        (None, Value::Null, member("value"), "`value` twice"),
    ] {
        let (v, d, r) = (value, deep.clone(), rest.clone());
        let json = bucket
            .db
            .table()
            .put(Number {
                id: 1,
                value: v,
                deep: d,
                rest: r,
            })
            .await;
        let packed = bucket
            .db
            .table()
            .put(Packed {
                id: 1,
                value,
                deep,
                rest,
            })
            .await;
        for error in [json.map(drop).unwrap_err(), packed.map(drop).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::InvalidRow, "{error:?}");
            assert_eq!(error.key(), Some("numbers/1.json"), "{error:?}");
            assert!(format!("{error:?}").contains(says), "{says}: {error:?}");
        }
    }
    assert_eq!(bucket.spent(), [""; 0]);
}

mod anything {
    use proptest::prelude::*;
    use s3orm::Db;

    use super::Thing;

    proptest! {
        /// No bytes panic, whatever they seem to be.
        #[test]
        fn no_bytes_panic(mut bytes: Vec<u8>, first in prop::sample::select(vec![b'{', b' ', 0x82, 0xde, 0x28])) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let things = runtime.block_on(async { Db::connect("memory:").await.unwrap().table::<Thing>() });
            let _ = things.decode(1, &bytes);
            bytes.insert(0, first);
            let _ = things.decode(1, &bytes);
        }

        /// A sound row with one byte changed is a row or an error.
        #[test]
        fn no_slip_panics(at in 0_usize..60, byte: u8) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let things = runtime.block_on(async { Db::connect("memory:").await.unwrap().table::<Thing>() });
            let row = r#"{"id":1,"any":{"a":[1,2.5,"x\u00e9",null]},"count":7,"more":-1}"#;
            let packed = rmp_serde::to_vec_named(&serde_json::from_str::<serde_json::Value>(row).unwrap()).unwrap();
            for mut bytes in [row.as_bytes().to_vec(), packed] {
                if let Some(there) = bytes.get_mut(at) {
                    *there = byte;
                }
                let _ = things.decode(1, &bytes);
            }
        }
    }
}
