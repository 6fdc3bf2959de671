//! Options from files, the environment, connection strings and methods: that each says the same,
//! and which wins.
#![allow(clippy::unwrap_used)] // Its helpers are tests, too.

use std::time::Duration;

use s3orm::store::s3::{AddressingStyle, CannedAcl, IpVersion};
use s3orm::{Config, Db, DbBuilder, Encryption, ErrorKind, KmsKey, Profiles, Settings};
use s3orm_tests::proxy::{Fault, Proxy, any};
use s3orm_tests::server::{BUCKET, TestServer};
use s3orm_tests::tables::{Person, person};

/// An option: its name, a text, and the method that says the same.
type Sample = (&'static str, &'static str, fn(DbBuilder) -> DbBuilder);

const SAMPLES: &[Sample] = &[
    ("verbose", "true", |b| b.verbose(true)),
    ("cache_bytes", "4096", |b| b.cache_bytes(4096)),
    ("row_keys", "file:///run/secrets/row-keys", |b| {
        b.row_keys_from("file:///run/secrets/row-keys")
    }),
    ("transaction_lease", "3s", |b| {
        b.transaction_lease(Duration::from_secs(3))
    }),
    ("region", "eu-north-1", |b| b.region("eu-north-1")),
    ("endpoint", "https://s3.test", |b| {
        b.endpoint("https://s3.test")
    }),
    ("style", "virtual", |b| b.style(AddressingStyle::Virtual)),
    ("profile", "reports", |b| b.profile("reports")),
    ("access_key_id", "AKIA", |b| b.access_key_id("AKIA")),
    ("secret_access_key", "env:KEY", |b| {
        b.secret_access_key("env:KEY")
    }),
    ("session_token", "file:///run/token", |b| {
        b.session_token("file:///run/token")
    }),
    ("allow_http", "true", |b| b.allow_http(true)),
    ("connect_timeout", "700ms", |b| {
        b.connect_timeout(Duration::from_millis(700))
    }),
    ("timeout", "2m", |b| b.timeout(Duration::from_mins(2))),
    ("pool_size", "3", |b| b.pool_size(3)),
    ("ip", "6", |b| b.ip(IpVersion::V6)),
    ("tls_ca", "/ca.pem", |b| b.tls_ca("/ca.pem")),
    ("tls_cert", "file:///cert.pem", |b| b.tls_cert("/cert.pem")),
    ("tls_key", "/key.pem", |b| b.tls_key("/key.pem")),
    ("acl", "bucket-owner-read", |b| {
        b.acl(CannedAcl::BucketOwnerRead)
    }),
    ("customer_key", "env:CUSTOMER_KEY", |b| {
        b.customer_key("env:CUSTOMER_KEY")
    }),
    ("expected_bucket_owner", "123456789012", |b| {
        b.expected_bucket_owner("123456789012")
    }),
    ("client", "rusoto", DbBuilder::rusoto),
    ("max_row_bytes", "1000", |b| b.max_row_bytes(1000)),
    ("max_attempts", "7", |b| b.max_attempts(7)),
    ("retries", "5", |b| b.retries(5)),
    ("concurrency", "2", |b| b.concurrency(2)),
    ("max_requests", "99", |b| b.max_requests(99)),
    ("max_cost", "0.25", |b| b.max_cost(0.25)),
    ("min_part_size", "8388608", |b| b.min_part_size(8 << 20)),
    ("max_part_size", "1GiB", |b| b.max_part_size(1 << 30)),
    ("parallel_parts", "2", |b| b.parallel_parts(2)),
    ("encryption", "AES256", |b| b.encryption(Encryption::S3)),
    ("kms_key_id", "alias/people", |b| {
        b.encryption(Encryption::Kms(KmsKey::new("alias/people")))
    }),
    ("kms_context", r#"{"tenant":"north"}"#, |b| {
        let key = KmsKey::aws_managed().context("tenant", "north");
        b.encryption(Encryption::Kms(key))
    }),
    ("bucket_key", "true", |b| {
        b.encryption(Encryption::Kms(KmsKey::aws_managed().bucket_key(true)))
    }),
    ("header.x-tenant", "a", |b| b.header("x-tenant", "a")),
    ("upload_header.cache-control", "no-cache", |b| {
        b.upload_header("cache-control", "no-cache")
    }),
    ("tables.people.retries", "4", |b| {
        b.table_settings("people", Settings::new().retries(4))
    }),
];

/// A line of a TOML file: numbers and truth values bare, texts quoted.
fn toml_line(name: &str, text: &str) -> String {
    if text == "true" || text.parse::<f64>().is_ok() && name != "expected_bucket_owner" {
        format!("{name} = {text}\n")
    } else {
        format!("{name} = {text:?}\n")
    }
}

fn variable(name: &str) -> String {
    let name = name.replace('.', "__").replace('-', "_");
    format!("S3ORM_{}", name.to_ascii_uppercase())
}

const URL: &str = "s3://bucket";

#[test]
fn each_option_is_the_same_wherever_it_is_said() {
    let plain = format!("{:?}", Db::builder(URL).unwrap());
    for (name, text, method) in SAMPLES {
        let by_method = format!("{:?}", method(Db::builder(URL).unwrap()));
        if !name.starts_with("header") && !name.starts_with("upload_header") {
            assert_ne!(by_method, plain, "{name}");
        }
        let parameter = Db::builder(&format!("{URL}?{name}={text}")).unwrap();
        assert_eq!(format!("{parameter:?}"), by_method, "{name} as a parameter");
        let file = Config::new().toml("s3orm.toml", &toml_line(name, text));
        let file = file.unwrap().builder_for(URL).unwrap();
        assert_eq!(format!("{file:?}"), by_method, "{name} in a file");
        let variables = [(variable(name), *text)];
        let variables = Config::new().variables(variables).unwrap();
        let variables = variables.builder_for(URL).unwrap();
        assert_eq!(format!("{variables:?}"), by_method, "{name} as a variable");
    }
}

#[test]
fn options_of_one_key_add_up_in_any_order_and_what_contradicts_is_refused() {
    let key = KmsKey::new("alias/people").bucket_key(true);
    let people = Settings::new().encryption(Encryption::Kms(key));
    let plain = || Db::builder(URL).unwrap();
    let expected = format!("{:?}", plain().table_settings("people", people));
    let mut said = [
        "tables.people.encryption=aws:kms",
        "tables.people.kms_key_id=alias/people",
        "tables.people.bucket_key=true",
    ];
    for _ in 0..said.len() {
        said.rotate_left(1);
        let built = Db::builder(&format!("{URL}?{}", said.join("&"))).unwrap();
        assert_eq!(format!("{built:?}"), expected);
    }
    // What only names the other kind is a weaker source's word.
    for (weak, strong, encryption) in [
        ("aws:kms", "AES256", Encryption::S3),
        ("AES256", "aws:kms", Encryption::Kms(KmsKey::aws_managed())),
    ] {
        let config = Config::new().toml("weak", &format!("encryption = '{weak}'"));
        let config = config.unwrap().variables([("S3ORM_ENCRYPTION", strong)]);
        let built = config.unwrap().builder_for(URL).unwrap();
        let expected = plain().encryption(encryption);
        assert_eq!(format!("{built:?}"), format!("{expected:?}"));
    }
    for contradiction in [
        "encryption=AES256&kms_key_id=a",
        "bucket_key=true&encryption=AES256",
        "encryption=aes",
        "kms_context=a",
        "bucket_key=perhaps",
        "customer_key=MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "row_keys=2026-11%20MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    ] {
        let error = Db::builder(&format!("{URL}?{contradiction}")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{contradiction}");
    }
}

#[tokio::test]
async fn sizes_of_parts_must_fit_each_other_and_s3() {
    let mib = |mib: u64| mib << 20;
    for (text, bytes) in [
        ("5242880", mib(5)),
        ("5MiB", mib(5)),
        ("6144KiB", mib(6)),
        ("1GiB", mib(1024)),
    ] {
        let read = Db::builder(&format!("{URL}?min_part_size={text}")).unwrap();
        let expected = Db::builder(URL).unwrap().min_part_size(bytes);
        assert_eq!(format!("{read:?}"), format!("{expected:?}"), "{text}");
    }
    for text in [
        "5mb",
        "5MB",
        "5 MiB",
        "5.5MiB",
        "MiB",
        "-1",
        "99999999999GiB",
    ] {
        let message = said(Db::builder(&format!("{URL}?max_part_size={text}")));
        assert!(message.contains("such as `8MiB`"), "{message}");
    }
    for wrong in [
        "min_part_size=4MiB",
        "max_part_size=6GiB",
        "min_part_size=9MiB&max_part_size=8MiB",
        "min_part_size=9MiB&tables.people.max_part_size=8MiB",
        "tables.people.min_part_size=9MiB&tables.people.max_part_size=8MiB",
    ] {
        let message = said(
            Db::builder(&format!("memory:?{wrong}"))
                .unwrap()
                .connect()
                .await,
        );
        assert!(
            message.contains("parts of") || message.contains("`min_part_size` is"),
            "{message}"
        );
    }
    let fits = "memory:?min_part_size=9MiB&max_part_size=9MiB&tables.people.max_part_size=10MiB";
    Db::connect(fits).await.unwrap();
}

/// The narrower level wins, and the upload itself over all.
#[tokio::test]
async fn parts_are_as_long_as_the_narrowest_level_says() {
    let server = TestServer::memory().await;
    let url = format!(
        "s3://{BUCKET}?endpoint={}&min_part_size=6MiB&parallel_parts=1&tables.people.min_part_size=8MiB",
        server.endpoint()
    );
    let builder = Db::builder(&url).unwrap();
    let db = builder.credentials(s3orm_tests::connect::credentials());
    let db = db.connect().await.unwrap();
    let bytes = bytes::Bytes::from(vec![0; 13 << 20]);
    let parts =
        async |upload: s3orm::upload::Upload| upload.bytes(bytes.clone()).await.unwrap().parts;
    assert_eq!(parts(db.upload("a").min_part_size(5 << 20)).await, 3);
    assert_eq!(server.overlap(), 1, "one part at a time");
    // Of 13 MiB, 6, 6 and 1.
    assert_eq!(parts(db.upload("a")).await, 3);
    let of_task = Settings::new().min_part_size(12 << 20);
    assert_eq!(s3orm::scope(of_task, parts(db.upload("a"))).await, 2);
    server.reset();
    db.table::<Person>()
        .blob()
        .bytes(bytes.clone())
        .await
        .unwrap();
    assert_eq!(server.count("UploadPart"), 2, "8 and 5");
}

#[test]
fn the_six_acls_are_read_as_s3_writes_them_and_as_other_files_do() {
    for acl in CannedAcl::ALL {
        let expected = format!("{:?}", Db::builder(URL).unwrap().acl(acl));
        for text in [acl.as_str().to_owned(), acl.as_str().replace('-', "_")] {
            let read = Db::builder(&format!("{URL}?acl={text}")).unwrap();
            assert_eq!(format!("{read:?}"), expected);
        }
    }
}

/// From the weakest: file, variable, parameter, method. Every combination of them is tried.
#[tokio::test]
async fn the_stronger_source_wins() {
    let server = TestServer::memory().await;
    let proxy = Proxy::in_front_of(server.local_addr()).await;
    proxy.fail_all(any(), Fault::Answer(503, "SlowDown"));
    for said in 0..16_u32 {
        let says = |source: u32| said & (1 << source) != 0;
        let mut url = format!("s3://{BUCKET}?endpoint={}", proxy.endpoint());
        let mut config = Config::new();
        if says(0) {
            config = config.toml("s3orm.toml", "retries = 0").unwrap();
        }
        if says(1) {
            config = config.variables([("S3ORM_RETRIES", "1")]).unwrap();
        }
        if says(2) {
            url.push_str("&retries=2");
        }
        let mut builder = config.builder_for(&url).unwrap();
        if says(3) {
            builder = builder.retries(4);
        }
        let keys = s3orm_tests::connect::credentials();
        let people = builder.credentials(keys).connect().await.unwrap();
        let before = proxy.requests().len();
        let error = people.table::<Person>().get(("Oslo", 1)).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Throttled);
        let retries = proxy.requests().len() - before - 1;
        let expected = [3, 0, 1, 2, 4];
        let strongest = (0..4).rev().find(|source| says(*source));
        let place = strongest.map_or(0, |source| source as usize + 1);
        assert_eq!(retries, expected[place], "{said:04b}");
    }
}

#[tokio::test]
async fn a_file_and_the_environment_make_a_connection_with_its_tables() {
    let server = TestServer::memory().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s3orm.toml");
    let file = format!(
        "url = 's3://{BUCKET}/prefix'\n\
         endpoint = {:?}\n\
         access_key_id = 'nobody'\n\
         \n\
         [tables.people]\n\
         max_row_bytes = 1_000\n\
         retries = 0\n",
        server.endpoint()
    );
    std::fs::write(&path, file).unwrap();
    let variables = [
        ("S3ORM_ACCESS_KEY_ID", "test-access-key"),
        ("S3ORM_SECRET_ACCESS_KEY", "test-secret-key"),
        ("S3ORM_TABLES__PEOPLE__MAX_ROW_BYTES", "10"),
        ("S3ORM_TEST_URL", "not ours"),
        ("PATH", "nor this"),
    ];
    let config = Config::new().file(&path).unwrap();
    config.connect().await.unwrap_err(); // half an access key
    let config = config.variables(variables).unwrap();
    let db = config.connect().await.unwrap();
    assert_eq!(db.prefix(), "prefix/");
    let people = db.table::<Person>();
    let error = people.put(person(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRow, "ten bytes");
    let people = people.with(Settings::new().max_row_bytes(100));
    people.put(person(1)).await.unwrap();
    assert_eq!(server.count("PutObject"), 1);
}

fn said<T>(result: s3orm::Result<T>) -> String {
    let error = result.err().expect("a mistake");
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

#[test]
fn a_mistake_says_where_it_is_and_what_would_be_right() {
    for (text, expected) in [
        (
            "\nregoin = 'x'",
            "connect: `regoin` (`s3orm.toml`, line 2) is no option; did you mean `region`?",
        ),
        ("uri = 'x'", "did you mean `url`?"),
        ("Region = 'x'", "did you mean `region`?"),
        (
            "[profile.main]\nurl = 'memory:'",
            "did you mean `profiles`?",
        ),
        ("[tables.people]\nretires = 1", "did you mean `retries`?"),
        ("[tables.people]\nregion = 'x'", "there are `max_row_bytes`"),
        ("[tables]\npeople = 1", "there are `max_row_bytes`"),
        ("host = 's3.test'", "write `endpoint`, with all of them"),
        ("port = 9000", "write `endpoint`, with all of them"),
        (
            "[profiles]\nmain = 1",
            "`profiles.main` (`s3orm.toml`, line 2)",
        ),
        ("region = ''", "`region` (`s3orm.toml`, line 1) is empty"),
        ("region = ['a']", "cannot be of type array"),
        ("region = 1979-05-27", "cannot be of type datetime"),
        ("region = 'a'\nregion = 'b'", "line 2"),
        ("region", "line 1"),
        (
            "secret_access_key = 'x'",
            "is the secret itself; say where it is: `file:///path` or `env:NAME`",
        ),
    ] {
        let message = said(Config::new().toml("s3orm.toml", text));
        assert!(message.contains(expected), "{text}: {message}");
    }
    for (name, expected) in [
        (
            "S3ORM_REGOIN",
            "the variable `S3ORM_REGOIN` is no option; did you mean `S3ORM_REGION`?",
        ),
        ("S3ORM_SECRET_ACCES_KEY", "`S3ORM_SECRET_ACCESS_KEY`?"),
        ("S3ORM_COLOUR_SCHEME", "there are `S3ORM_VERBOSE`"),
        ("S3ORM_TABLES__PEOPLE__RETIRES", "did you mean `retries`?"),
    ] {
        let message = said(Config::new().variables([(name, "canary")]));
        assert!(message.contains(expected), "{name}: {message}");
        assert!(!message.contains("canary"), "{message}");
    }
    let config = Config::new().toml("s3orm.toml", "timeout = 5").unwrap();
    let message = said(config.builder_for(URL));
    let expected = "`timeout` (`s3orm.toml`, line 1) cannot be `5`; write a time such as `500ms`";
    assert!(message.contains(expected), "{message}");
    let message = said(config.builder());
    assert!(
        message.contains("set `url` in the file or S3ORM_URL"),
        "{message}"
    );
    let message = said(Config::new().file("/nonexistent/s3orm.toml"));
    assert!(message.contains("`/nonexistent/s3orm.toml` cannot be read"));
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_refused() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt as _;
    let broken = OsStr::from_bytes(b"\xff").to_owned();
    let message = said(Config::new().variables([(OsString::from("S3ORM_REGION"), broken.clone())]));
    assert!(message.contains("`S3ORM_REGION` is not UTF-8"), "{message}");
    // Others' variables are others' business.
    Config::new()
        .variables([("LANG".into(), broken.clone()), (broken.clone(), broken)])
        .unwrap();
}

/// The user's page of all this.
fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    std::fs::read_to_string(path).unwrap()
}

/// The page's blocks in a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let blocks = page.split("```").skip(1).step_by(2);
    blocks
        .filter_map(|block| block.strip_prefix(language))
        .collect()
}

/// The cells of each option's row.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// The texts in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_page_has_every_option_with_its_variable_and_its_default() {
    let page = page();
    let mut names = Vec::new();
    for row in rows(&page) {
        let name = quoted(row[0])[0];
        let expected = match name {
            "header.<name>" => "S3ORM_HEADER__<NAME>".to_owned(),
            "upload_header.<name>" => "S3ORM_UPLOAD_HEADER__<NAME>".to_owned(),
            "tables.<name>.<setting>" => "S3ORM_TABLES__<NAME>__<SETTING>".to_owned(),
            name => variable(name),
        };
        assert_eq!(quoted(row[1]), [expected], "{name}");
        names.push(name.split('.').next().unwrap());
        // A default that stands alone, or with a profile's in brackets, is the value unless set.
        let whole = row[2].replace(['`', '(', ')', ' '], "");
        let defaults = quoted(row[2]);
        if row[3].starts_with("*setting*") || whole != defaults.concat() {
            continue;
        }
        let said = |default: &str| format!("{URL}?{name}={default}");
        let plain = format!("{:?}", Db::builder(URL).unwrap());
        let set = format!("{:?}", Db::builder(&said(defaults[0])).unwrap());
        assert_eq!(set, plain, "the default of {name}");
        let plain = format!("{:?}", Profiles::builder(URL).unwrap());
        let of_profile = defaults.last().unwrap();
        let set = format!("{:?}", Profiles::builder(&said(of_profile)).unwrap());
        assert_eq!(set, plain, "a profile's default of {name}");
    }
    let samples = SAMPLES
        .iter()
        .map(|(name, ..)| name.split('.').next().unwrap());
    let mut samples: Vec<&str> = samples.collect();
    samples.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, samples);
    // The library names them all where it knows none of that name.
    let message = said(Db::builder("s3://bucket?colour_scheme=x"));
    let mut known = quoted(message.split("there are").nth(1).unwrap());
    known.sort_unstable();
    assert_eq!(known, names);
}

#[test]
fn the_pages_files_and_variables_are_read() {
    let page = page();
    let [file] = blocks(&page, "toml\n")[..] else {
        panic!("one file");
    };
    let config = Config::new().toml("page", file).unwrap();
    let shown = format!("{:?}", config.builder().unwrap());
    assert!(shown.contains("credentials: Keys(***)"), "{shown}");
    assert!(config.profiles().eq(["reports"]));
    let from_file = format!(
        "{:?}",
        config.profile("reports").unwrap().acl(CannedAcl::Private)
    );

    let [variables] = blocks(&page, "ini\n")[..] else {
        panic!("one environment");
    };
    let variables = variables.lines().map(|line| line.split_once('=').unwrap());
    let config = Config::new().variables(variables).unwrap();
    let _ = config.builder().unwrap();
    let from_variables = config.profile("reports").unwrap().acl(CannedAcl::Private);
    assert_eq!(format!("{from_variables:?}"), from_file);
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, s3orm::S3Schema)]
#[s3(table = "letters", path = "<id>", encrypt)]
struct Letter {
    id: u64,
    text: String,
}

#[cfg(unix)]
#[tokio::test]
async fn row_keys_come_from_files_and_variables_and_rotate_there() {
    use std::os::unix::fs::PermissionsExt as _;
    const OLD: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("row-keys");
    let keep = |text: &str, mode: u32| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let line = format!("row_keys = 'file://{}'", path.display());
    let data = folder.path().join("data");
    let url = format!("file:{}", data.display());
    let config = Config::new().toml("s3orm.toml", &line).unwrap();
    let connect = || config.builder_for(&url).unwrap().connect();

    keep(&format!("2025-06 {OLD}\n"), 0o600);
    let db = connect().await.unwrap();
    let letter = |id| Letter {
        id,
        text: "between us".to_owned(),
    };
    db.table().put(letter(1)).await.unwrap();
    let new = "11".repeat(32);
    keep(
        &format!("# since today\n2026-11 {new}\n2025-06 {OLD}\n"),
        0o600,
    );
    let db = connect().await.unwrap();
    assert_eq!(db.table::<Letter>().get(1).await.unwrap(), Some(letter(1)));
    db.table().put(letter(2)).await.unwrap();

    // A variable over the file: itself, or where the keys are.
    let variables = [("S3ORM_ROW_KEYS", format!("2026-11 {new}"))];
    let only_new = config.clone().variables(variables).unwrap();
    let only_new = only_new.builder_for(&url).unwrap();
    assert!(!format!("{only_new:?}").contains(&new));
    let only_new = only_new.connect().await.unwrap();
    assert_eq!(
        only_new.table::<Letter>().get(2).await.unwrap(),
        Some(letter(2))
    );
    let error = only_new.table::<Letter>().get(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");

    // Nothing of what is wrong is shown, and nobody else may read it.
    for (text, mode, says) in [
        (
            OLD.to_owned(),
            0o600,
            "line 1 is not the name of a key and a key",
        ),
        (format!("old {OLD}"), 0o644, "chmod 600"),
        (String::new(), 0o600, "is empty"),
    ] {
        keep(&text, mode);
        let error = connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let shown = format!("{error:?}");
        assert!(shown.contains(says), "{shown}");
        assert!(!shown.contains(OLD), "{shown}");
    }
    let itself = format!("row_keys = 'old {OLD}'");
    let message = said(Config::new().toml("s3orm.toml", &itself));
    assert!(
        message.contains("is the secret itself") && !message.contains(OLD),
        "{message}"
    );
}
