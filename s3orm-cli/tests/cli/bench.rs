//! A server, and the program run against it.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use s3orm::server::{Observer, Served, Server};
use s3orm::store::Store;
use s3orm::store::memory::MemoryStore;
use s3orm::{Db, Env};
use serde_json::Value;

pub(crate) const ACCESS: &str = "test-access";
pub(crate) const SECRET: &str = "test-secret";

/// A server over memory, with the requests that it got.
pub(crate) struct Bench {
    server: Server,
    pub(crate) store: Arc<dyn Store>,
    log: Arc<Log>,
    /// An empty folder to work in.
    pub(crate) folder: tempfile::TempDir,
}

#[derive(Default)]
struct Log(Mutex<Vec<&'static str>>);

impl Observer for Log {
    fn started(&self) {}

    fn finished(&self, request: &Served) {
        self.0
            .lock()
            .expect("nobody panics")
            .push(request.operation);
    }
}

/// What the program printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new("bucket", Env::system()));
        let log = Arc::new(Log::default());
        let server = Server::builder(Arc::clone(&store))
            .credentials(ACCESS, SECRET)
            .observer(Arc::clone(&log) as Arc<dyn Observer>)
            .bind("127.0.0.1:0")
            .await
            .expect("a free port");
        Self {
            server,
            store,
            log,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    pub(crate) fn url(&self) -> String {
        format!("s3://bucket?endpoint={}", self.endpoint())
    }

    /// The same database in this process.
    pub(crate) fn db(&self) -> Db {
        Db::with_store(Arc::clone(&self.store), "", Env::system()).expect("a database")
    }

    /// The requests since the last call, in the order of S3's names.
    pub(crate) fn spent(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.log.0.lock().expect("nobody panics"))
    }

    /// The program with its connection in the environment.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = bare(arguments);
        command
            .current_dir(self.folder.path())
            .env("S3ORM_URL", self.url())
            .env("AWS_ACCESS_KEY_ID", ACCESS)
            .env("AWS_SECRET_ACCESS_KEY", SECRET);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments))
    }

    /// Runs it, and gives it a text to read.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped());
        let mut child = spawned(command);
        let mut stdin = child.stdin.take().expect("it is piped");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let ran = ended(child);
        writer.join().expect("it wrote");
        ran
    }

    /// Runs it, and expects success.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.out
    }

    /// Runs it, and expects success and an object a line.
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let out = self.ok(arguments);
        let lines = out
            .lines()
            .map(|line| serde_json::from_str(line).expect(line));
        lines.collect()
    }

    /// Runs it, and expects this exit code and parts of what it says.
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, parts: &[&str]) {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        for part in parts {
            assert!(
                ran.err.contains(part),
                "{arguments:?}: no `{part}` in {}",
                ran.err
            );
        }
    }
}

/// The program without a connection or anything else of this machine's.
pub(crate) fn bare<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_s3orm"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", "/nowhere")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) fn spawned(mut command: Command) -> Child {
    command.spawn().expect("the program starts")
}

pub(crate) fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().expect("it ends");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub(crate) fn ran(command: Command) -> Ran {
    ended(spawned(command))
}
