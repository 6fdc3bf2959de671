//! What the derive's output does.
#![allow(clippy::unwrap_used, reason = "here a panic is a failed test")]

use std::fmt::Debug;

use chrono::{DateTime, NaiveDate, Utc};
use s3orm::body::Content;
use s3orm::key::{Encoding, Form, KeyTuple, Piece};
use s3orm::{BodyFormat, ColumnSchema, Managed, S3Schema};
use serde::{Deserialize, Serialize};

/// A person.
///
/// With a second paragraph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "born=<date>/<id:ordered>")]
#[serde(rename_all = "camelCase")]
struct Person {
    /// The day of birth.
    #[s3(key_only)]
    date: NaiveDate,
    id: u64,
    #[serde(rename = "mail")]
    email_address: String,
    #[serde(default)]
    nick_names: Vec<String>,
    home_town: Option<String>,
    #[serde(default = "one")]
    r#type: u8,
    #[s3(created_at)]
    made_at: DateTime<Utc>,
    #[s3(updated_at)]
    changed_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    cache: Option<u8>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

fn one() -> u8 {
    1
}

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 1, 2).unwrap()
}

fn person() -> Person {
    Person {
        date: day(),
        id: 42,
        email_address: "a@b.c".to_owned(),
        nick_names: vec!["Ann".to_owned()],
        home_town: None,
        r#type: 7,
        made_at: DateTime::UNIX_EPOCH,
        changed_at: None,
        cache: None,
        rest: serde_json::Map::new(),
    }
}

/// The path and extension of a row's key, which must read back to its columns.
fn path_of<S: S3Schema<Key: Debug + PartialEq>>(row: &S) -> String {
    let mut text = String::new();
    row.key().write(&S::SCHEMA.path, &mut text).unwrap();
    assert_eq!(S::Key::parse(&S::SCHEMA.path, &text).unwrap(), row.key());
    text
}

fn json(bytes: &[u8]) -> Content<'_> {
    Content::new(BodyFormat::Json, bytes)
}

/// The row's bytes, which must decode to the same row.
fn bytes_of<S: S3Schema + Debug + PartialEq>(row: &S) -> String {
    let bytes = S::encode(row, S::SCHEMA.body).unwrap();
    assert_eq!(
        &S::decode(row.key(), &Content::new(S::SCHEMA.body, &bytes)).unwrap(),
        row
    );
    String::from_utf8(bytes).unwrap()
}

fn column<S: S3Schema>(field: &str) -> &'static ColumnSchema {
    let mut columns = S::SCHEMA.columns.iter();
    columns.find(|column| column.field == field).unwrap()
}

#[test]
fn the_table_is_described() {
    let schema = Person::SCHEMA;
    assert_eq!(schema.table, "people");
    assert_eq!(schema.doc, "A person.\n\nWith a second paragraph.");
    assert_eq!(schema.body, BodyFormat::Json);
    assert_eq!(schema.path.extension, ".json");
    assert_eq!(schema.path.encoding, Encoding::Escaped);
    let pieces = [
        Piece::Literal("born="),
        Piece::Column {
            name: "date",
            form: Form::Plain,
        },
        Piece::Literal("/"),
        Piece::Column {
            name: "id",
            form: Form::Ordered,
        },
    ];
    assert_eq!(schema.path.pieces, pieces);
}

const PLAIN: ColumnSchema = ColumnSchema {
    name: "",
    field: "",
    rust_type: "",
    nullable: false,
    default: None,
    key: None,
    stored: true,
    managed: None,
    encrypt: None,
    doc: "",
};

#[test]
fn columns_are_described() {
    let names: Vec<_> = Person::SCHEMA
        .columns
        .iter()
        .map(|column| column.name)
        .collect();
    let expected = [
        "date",
        "id",
        "mail",
        "nickNames",
        "homeTown",
        "type",
        "madeAt",
        "changedAt",
    ];
    assert_eq!(
        names, expected,
        "fields that serde skips or spreads out are none"
    );
    let cases = [
        ColumnSchema {
            name: "date",
            field: "date",
            rust_type: "NaiveDate",
            key: Some(0),
            stored: false,
            doc: "The day of birth.",
            ..PLAIN
        },
        ColumnSchema {
            name: "id",
            field: "id",
            rust_type: "u64",
            key: Some(1),
            ..PLAIN
        },
        ColumnSchema {
            name: "nickNames",
            field: "nick_names",
            rust_type: "Vec<String>",
            default: Some("Default::default()"),
            ..PLAIN
        },
        ColumnSchema {
            name: "homeTown",
            field: "home_town",
            rust_type: "Option<String>",
            nullable: true,
            ..PLAIN
        },
        ColumnSchema {
            name: "type",
            field: "type",
            rust_type: "u8",
            default: Some("one"),
            ..PLAIN
        },
        ColumnSchema {
            name: "changedAt",
            field: "changed_at",
            rust_type: "Option<DateTime<Utc>>",
            nullable: true,
            managed: Some(Managed::UpdatedAt),
            ..PLAIN
        },
    ];
    for case in cases {
        assert_eq!(*column::<Person>(case.field), case);
    }
    assert_eq!(
        column::<Person>("made_at").managed,
        Some(Managed::CreatedAt)
    );
}

#[test]
fn handles_name_columns() {
    assert_eq!(
        (Person::KEY.date.name(), Person::KEY.date.position()),
        ("date", 0)
    );
    assert_eq!(
        (Person::KEY.id.name(), Person::KEY.id.position()),
        ("id", 1)
    );
    assert_eq!(
        (Person::KEY.date.form(), Person::KEY.id.form()),
        (Form::Plain, Form::Ordered)
    );
    assert_eq!(Person::COL.email_address.name(), "mail");
    assert_eq!(Person::COL.r#type.name(), "type");
    let _: s3orm::KeyHandle<Person, u64, 1, s3orm::key::Ordered> = Person::KEY.id;
    let _: s3orm::ColumnHandle<Person, String, s3orm::Nullable> = Person::COL.home_town;
    let _: s3orm::ColumnHandle<Person, u64, s3orm::InKey> = Person::COL.id;
    let _: s3orm::ColumnHandle<Person, u8, s3orm::Required> = Person::COL.r#type;
    let _: s3orm::ColumnHandle<Person, u8> = Person::COL.r#type;
    let stranger = person();
    assert_eq!(Person::COL.home_town.of_row(&stranger), None);
    assert_eq!(Person::COL.id.of_row(&stranger), Some(&42));
    assert!(Person::COL.home_town.is_null().matches(&stranger));
}

#[test]
fn a_row_is_json_without_its_key_only_columns() {
    let row = person();
    assert_eq!(path_of(&row), "born=2024-01-02/00000000000000000042.json");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&bytes_of(&row)).unwrap(),
        serde_json::json!({
            "id": 42, "mail": "a@b.c", "nickNames": ["Ann"], "homeTown": null, "type": 7,
            "madeAt": "1970-01-01T00:00:00Z", "changedAt": null,
        })
    );
    let other_day = NaiveDate::from_ymd_opt(1999, 12, 31).unwrap();
    let read = Person::decode(
        (other_day, 42),
        &json(&row.encode(BodyFormat::Json).unwrap()),
    )
    .unwrap();
    assert_eq!(
        read,
        Person {
            date: other_day,
            ..row
        },
        "the key says the date"
    );
}

#[test]
fn serde_defaults_and_flattened_members_hold() {
    let body = br#"{"id":1,"mail":"m","madeAt":"1970-01-01T00:00:00Z","more":[1]}"#;
    let read = Person::decode((day(), 1), &json(body)).unwrap();
    assert_eq!(
        (read.r#type, read.nick_names.len(), read.home_town),
        (1, 0, None)
    );
    assert_eq!(read.rest["more"], serde_json::json!([1]));
    assert!(Person::decode((day(), 1), &json(b"{}")).is_err());
    assert!(Person::decode((day(), 1), &json(b"[]")).is_err());
}

/// A member that others chose is not taken for the row's version.
#[tokio::test]
async fn no_flattened_member_is_the_version() {
    let db = s3orm::Db::connect("memory:").await.unwrap();
    let mut row = person();
    for value in [
        serde_json::json!(1),
        serde_json::json!(9),
        serde_json::json!("x"),
    ] {
        row.rest.insert("_v".to_owned(), value);
        let error = db.table::<Person>().put(&row).await.unwrap_err();
        assert_eq!(error.kind(), s3orm::ErrorKind::InvalidRow);
        assert!(error.to_string().contains("`_v`"), "{error}");
    }
}

/// Two columns in one segment, one in descending order, no extension.
#[derive(Debug, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(
    table = "log-2",
    path = "<host>+<at:desc>",
    extension = "",
    encoding = "escaped"
)]
pub(crate) struct Event {
    host: String,
    at: u32,
}

#[test]
fn a_segment_of_two_columns() {
    let row = Event {
        host: "a+b/c".to_owned(),
        at: 0,
    };
    assert!(path_of(&row).starts_with("a!2bb!2fc+"), "{}", path_of(&row));
    assert_eq!(Event::KEY.at.form(), Form::Desc);
    assert_eq!(bytes_of(&row), r#"{"host":"a+b/c","at":0}"#);
}

/// A raw row: no serde in sight.
#[derive(Debug, PartialEq, S3Schema)]
#[s3(
    table = "files",
    path = "<owner>/<name>",
    body = "raw",
    encoding = "verbatim"
)]
pub struct File {
    /// Who owns it.
    pub owner: u64,
    name: String,
    #[s3(body)]
    content: Vec<u8>,
}

#[test]
fn a_raw_row_is_its_body() {
    let row = File {
        owner: 1,
        name: "a.txt".to_owned(),
        content: b"hello".to_vec(),
    };
    assert_eq!(path_of(&row), "1/a.txt");
    assert_eq!(bytes_of(&row), "hello");
    assert_eq!(File::SCHEMA.body, BodyFormat::Raw);
    assert_eq!(File::SCHEMA.path.extension, "");
    assert_eq!(File::SCHEMA.path.encoding, Encoding::Verbatim);
    let stored: Vec<_> = File::SCHEMA
        .columns
        .iter()
        .map(|column| column.stored)
        .collect();
    assert_eq!(stored, [false, false, true]);
    assert_eq!(File::COL.content.name(), "content");
}

#[test]
fn raw_text_must_be_text() {
    #[derive(Debug, PartialEq, S3Schema)]
    #[s3(table = "notes", path = "n/<id>", extension = ".txt", body = "raw")]
    struct Note {
        #[s3(body)]
        text: String,
        id: char,
    }
    let row = Note {
        text: "ä".to_owned(),
        id: 'x',
    };
    assert_eq!(path_of(&row), "n/x.txt");
    assert_eq!(bytes_of(&row), "ä");
    assert!(Note::decode(('x',), &Content::new(BodyFormat::Raw, b"\xff")).is_err());
}

mod elsewhere {
    use super::{Deserialize, S3Schema, Serialize};

    /// Seen by the parent alone, with a private column.
    #[derive(Debug, PartialEq, Serialize, Deserialize, S3Schema)]
    #[s3(table = "inner", path = "<r_id>", crate = "s3orm")]
    pub(super) struct Inner {
        r_id: u8,
        pub(super) shown: bool,
    }

    impl Inner {
        pub(super) fn new(r_id: u8) -> Self {
            Self { r_id, shown: true }
        }
    }

    pub(super) mod renamed {
        pub(crate) use s3orm as orm;
    }
}

#[test]
fn handles_are_seen_where_the_struct_is() {
    assert_eq!(elsewhere::Inner::KEY.r_id.name(), "r_id");
    let row = elsewhere::Inner::new(9);
    assert!(row.shown);
    assert_eq!(path_of(&row), "9.json");
}

#[test]
fn the_crate_may_have_another_path() {
    #[derive(Debug, PartialEq, Serialize, Deserialize, S3Schema)]
    #[s3(
        table = "t",
        path = "<type>-/x",
        crate = "crate::elsewhere::renamed::orm"
    )]
    struct Local {
        r#type: i8,
    }
    assert_eq!(path_of(&Local { r#type: -1 }), "-1-/x.json");
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "defaults", path = "<user_id>")]
#[serde(default, rename_all = "SCREAMING-KEBAB-CASE")]
struct Defaults {
    user_id: String,
    #[serde(rename(serialize = "b", deserialize = "b"), alias = "c")]
    body_text: String,
}

#[test]
fn defaults_of_the_whole_struct() {
    let row = Defaults {
        user_id: ".".to_owned(),
        body_text: "x".to_owned(),
    };
    assert_eq!(path_of(&row), "!2e.json");
    assert_eq!(bytes_of(&row), r#"{"USER-ID":".","b":"x"}"#);
    assert_eq!(
        column::<Defaults>("body_text").default,
        Some("Defaults::default().body_text")
    );
}

/// Fields with the names of the output's own variables, and a method with the name of one of the
/// trait's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
#[s3(table = "odd", path = "<key>/<body>/<write>")]
struct Odd {
    #[s3(key_only)]
    key: String,
    #[s3(key_only)]
    body: bool,
    write: i64,
}

impl Odd {
    fn key(&self) -> &str {
        &self.key
    }
}

#[test]
fn names_do_not_meet() {
    let row = Odd {
        key: String::new(),
        body: true,
        write: -3,
    };
    assert_eq!(row.key(), "");
    assert_eq!(path_of(&row), "!_/true/-3.json");
    assert_eq!(bytes_of(&row), r#"{"write":-3}"#);
}

#[derive(S3Schema, Debug, PartialEq, Serialize, Deserialize)]
#[s3(table = "ids")]
#[s3(path = "<a>/<b>/<c>/<d>/<e>")]
struct Generated {
    #[s3(generate)]
    a: uuid::Uuid,
    #[s3(generate = "uuid_v4")]
    b: uuid::Uuid,
    #[s3(generate)]
    c: ulid::Ulid,
    #[s3(generate = "ulid")]
    d: String,
    #[s3(created_at)]
    #[s3(key_only)]
    e: DateTime<Utc>,
    #[s3(updated_at)]
    f: jiff::Timestamp,
}

#[test]
fn options_may_stand_in_several_attributes() {
    assert_eq!(Generated::SCHEMA.table, "ids");
    assert_eq!(Generated::SCHEMA.path.columns().count(), 5);
    for field in ["a", "b", "c", "d"] {
        assert_eq!(column::<Generated>(field).managed, Some(Managed::Generated));
    }
    let created_at = column::<Generated>("e");
    assert_eq!(
        (created_at.managed, created_at.stored),
        (Some(Managed::CreatedAt), false)
    );
    assert_eq!(column::<Generated>("f").managed, Some(Managed::UpdatedAt));
}

#[test]
fn what_a_type_is_called_does_not_matter() {
    type Id = u64;
    type Option = String;

    #[derive(Debug, PartialEq, Serialize, Deserialize, S3Schema)]
    #[s3(table = "aliases", path = "<a:desc>/<b>")]
    struct Aliases {
        a: Id,
        b: Option,
    }
    let row = Aliases {
        a: 1,
        b: "x".to_owned(),
    };
    assert!(path_of(&row).ends_with("/x.json"));
    assert_eq!(column::<Aliases>("a").rust_type, "Id");
}

macro_rules! tables {
    ($json:ident, $raw:ident, $table:literal, $column:ident: $type:ty) => {
        #[derive(Debug, PartialEq, Serialize, Deserialize, S3Schema)]
        #[s3(table = $table, path = "<a>/<b:ordered>")]
        struct $json {
            #[s3(key_only, generate = "ulid")]
            a: String,
            b: $type,
            #[s3(updated_at)]
            $column: Option<DateTime<Utc>>,
        }

        #[derive(Debug, PartialEq, S3Schema)]
        #[s3(table = $table, path = "<a>", body = "raw")]
        struct $raw {
            a: $type,
            #[s3(body)]
            $column: String,
        }
    };
}

#[test]
fn a_macro_may_make_the_struct() {
    tables!(Json, Raw, "made", changed: u8);
    let row = Json {
        a: "x".to_owned(),
        b: 7,
        changed: None,
    };
    assert_eq!(bytes_of(&row), r#"{"b":7,"changed":null}"#);
    assert!(path_of(&row).starts_with("x/"));
    assert_eq!(column::<Json>("b").rust_type, "u8");
    assert_eq!(
        bytes_of(&Raw {
            a: 7,
            changed: "y".to_owned()
        }),
        "y"
    );
}
