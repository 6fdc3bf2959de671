//! `s3orm serve`, by this program and by the clients of others.
//!
//! `S3ORM_TEST_BOTO3=/path/to/python` runs boto3 against it, of a Python that has the module, and
//! `S3ORM_TEST_AWS=/path/to/aws` the AWS command line.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::bench::{bare, ended, ran, spawned};

/// A server over a folder, ended with the test.
struct Served {
    child: Option<Child>,
    endpoint: String,
    id: String,
    secret: String,
    folder: tempfile::TempDir,
}

impl Served {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = bare([
            "serve",
            "data",
            "--listen=127.0.0.1:0",
            "--bucket=dev",
            "--bucket=other",
        ]);
        command.current_dir(folder.path());
        let mut child = spawned(command);
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let started: Value = serde_json::from_str(&line).expect(&line);
        let text = |name: &str| started[name].as_str().expect(name).to_owned();
        Self {
            endpoint: text("endpoint"),
            id: text("access_key_id"),
            secret: text("secret_access_key"),
            child: Some(child),
            folder,
        }
    }

    fn with(&self, mut command: Command) -> Command {
        command
            .current_dir(self.folder.path())
            .env("AWS_ACCESS_KEY_ID", &self.id)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("S3ORM_URL", "s3://dev?region=us-east-1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn s3orm(&self, arguments: &[&str]) -> String {
        let ran = ran(self.with(bare(arguments)));
        assert_eq!(ran.code, 0, "{arguments:?} {ran:?}");
        ran.out
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn a_folder_is_served_until_it_is_interrupted() {
    let mut served = Served::start();
    served.s3orm(&["put", "people", "--path=<id>", "7", "name=Ann"]);
    let file = served.folder.path().join("data/dev/people/7.json");
    assert_eq!(
        std::fs::read_to_string(file).expect("a file"),
        "{\"id\":\"7\",\"name\":\"Ann\"}"
    );
    assert_eq!(
        served.s3orm(&["databases"]),
        "{\"database\":\"dev\"}\n{\"database\":\"other\"}\n"
    );
    let mut stranger = served.with(bare(["tables"]));
    stranger.env("AWS_SECRET_ACCESS_KEY", "guessed");
    assert_eq!(ran(stranger).code, 5);
    let child = served.child.take().expect("it runs");
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::TERM,
    )
    .expect("it runs");
    let ran = ended(child);
    assert_eq!(ran.code, 0, "{ran:?}");
    let wrong = crate::bench::ran(bare(["serve", "--memory", "--listen=nowhere"]));
    assert!(
        wrong.code == 2 && wrong.err.contains("cannot listen on `nowhere`"),
        "{wrong:?}"
    );
    let both = crate::bench::ran(bare(["serve"]));
    assert_eq!(both.code, 2);
}

const BOTO3: &str = r#"
import boto3, botocore, os
s3 = boto3.client("s3")
assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["dev", "other"]
s3.create_bucket(Bucket="third")
s3.put_object(Bucket="dev", Key="people/1.json", Body=b'{"id":"1"}', ContentType="application/json", Metadata={"by": "boto3"})
try:
    s3.put_object(Bucket="dev", Key="people/1.json", Body=b"x", IfNoneMatch="*")
    raise SystemExit("created twice")
except botocore.exceptions.ClientError as error:
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 412, error
head = s3.head_object(Bucket="dev", Key="people/1.json")
assert head["Metadata"] == {"by": "boto3"} and head["ContentType"] == "application/json", head
s3.put_object(Bucket="dev", Key="people/1.json", Body=b'{"id":"1","n":2}', IfMatch=head["ETag"])
assert s3.get_object(Bucket="dev", Key="people/1.json", Range="bytes=0-4")["Body"].read() == b'{"id"'
for n in range(1200):
    s3.put_object(Bucket="dev", Key=f"many/{n:04}", Body=b"x")
pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="dev", Prefix="many/"))
assert [len(page["Contents"]) for page in pages] == [1000, 200]
open("large.bin", "wb").write(os.urandom(20_000_000))
s3.upload_file("large.bin", "dev", "files/large.bin")
s3.download_file("dev", "files/large.bin", "copy.bin")
assert open("large.bin", "rb").read() == open("copy.bin", "rb").read()
s3.copy_object(Bucket="other", Key="copy.json", CopySource={"Bucket": "dev", "Key": "people/1.json"})
deleted = s3.delete_objects(Bucket="dev", Delete={"Objects": [{"Key": f"many/{n:04}"} for n in range(1000)]})
assert len(deleted["Deleted"]) == 1000, deleted
import urllib.request
url = s3.generate_presigned_url("get_object", Params={"Bucket": "dev", "Key": "people/1.json"})
assert urllib.request.urlopen(url).read() == b'{"id":"1","n":2}'
"#;

#[test]
fn boto3_uses_it() {
    let Some(python) = std::env::var_os("S3ORM_TEST_BOTO3") else {
        eprintln!("S3ORM_TEST_BOTO3 is not set: not run against boto3");
        return;
    };
    let served = Served::start();
    let mut command = Command::new(python);
    command.args(["-c", BOTO3]);
    let ran = ran(served.with(command));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        served.s3orm(&["get", "people", "--path=<id>", "1"]),
        "{\"id\":\"1\",\"n\":2}\n"
    );
}

#[test]
fn the_aws_command_line_uses_it() {
    let Some(aws) = std::env::var_os("S3ORM_TEST_AWS") else {
        eprintln!("S3ORM_TEST_AWS is not set: not run against the AWS command line");
        return;
    };
    let served = Served::start();
    let aws = |arguments: &[&str]| {
        let mut command = Command::new(&aws);
        command.args(arguments);
        let ran = ran(served.with(command));
        assert_eq!(ran.code, 0, "{arguments:?} {ran:?}");
        ran.out
    };
    std::fs::write(served.folder.path().join("large.bin"), vec![7; 20_000_000]).expect("written");
    assert!(aws(&["s3", "ls"]).contains(" dev\n"));
    aws(&["s3", "mb", "s3://third"]);
    aws(&["s3", "cp", "large.bin", "s3://dev/files/large.bin"]);
    aws(&["s3", "cp", "s3://dev/files/large.bin", "copy.bin"]);
    assert!(
        std::fs::read(served.folder.path().join("copy.bin")).expect("a file")
            == vec![7; 20_000_000]
    );
    served.s3orm(&["put", "people", "--path=<id>", "7", "name=Ann"]);
    assert!(aws(&["s3", "ls", "s3://dev/people/"]).contains("7.json"));
    aws(&["s3", "sync", "s3://dev/people/", "s3://other/people/"]);
    assert!(
        aws(&[
            "s3api",
            "head-object",
            "--bucket",
            "other",
            "--key",
            "people/7.json"
        ])
        .contains("ContentLength")
    );
    aws(&["s3", "rm", "--recursive", "s3://other/"]);
    aws(&["s3", "rb", "s3://other"]);
}
