//! At a terminal: questions, tables, progress, Ctrl-C.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::bench::Bench;

/// A program at a terminal of its own.
struct Terminal {
    child: Child,
    keys: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    /// Starts a program with all of its streams at a terminal, or with its input from elsewhere.
    fn start(mut command: Command, input: Option<Stdio>) -> Self {
        let own = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&own).expect("granted");
        unlockpt(&own).expect("unlocked");
        let name = ptsname(&own, Vec::new()).expect("a name");
        let open = || -> OwnedFd {
            let options = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY;
            rustix::fs::open(&*name, options, rustix::fs::Mode::empty()).expect("opened")
        };
        command.stdout(open()).stderr(open()).env("TERM", "xterm");
        match input {
            Some(input) => command.stdin(input),
            None => command.stdin(open()),
        };
        let child = command.spawn().expect("the program starts");
        drop(command);
        let keys = File::from(own);
        let mut reader = keys.try_clone().expect("a second one");
        let (send, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading fails once nobody has the other side open.
            while let Ok(count) = reader.read(&mut bytes) {
                if count == 0 || send.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keys,
            screen,
            seen: String::new(),
        }
    }

    /// Waits until the screen has shown a text.
    fn shows(&mut self, text: &str) {
        while !self.seen.contains(text) {
            match self.screen.recv_timeout(Duration::from_secs(20)) {
                Ok(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                Err(error) => panic!("no `{text}` ({error}) in {}", self.seen),
            }
        }
    }

    fn types(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).expect("typed");
    }

    fn interrupt(&self) {
        let process = Pid::from_child(&self.child);
        kill_process(process, Signal::INT).expect("it runs");
    }

    /// Its exit code, and everything that the screen has shown.
    fn ends(mut self) -> (i32, String) {
        let code = self.child.wait().expect("it ends").code().unwrap_or(-1);
        while let Ok(bytes) = self.screen.recv_timeout(Duration::from_secs(1)) {
            self.seen += &String::from_utf8_lossy(&bytes);
        }
        (code, self.seen)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_asked_about() {
    let bench = Bench::new().await;
    for id in ["1", "2"] {
        bench.ok(&["put", "people", "--path=<id:u64>", id, "name=Ann"]);
    }
    let mut terminal = Terminal::start(bench.command(["drop", "people"]), None);
    terminal.shows("with its 2 objects? Type `people` to go on: ");
    terminal.types("no\n");
    let (code, seen) = terminal.ends();
    assert!(
        code == 9 && seen.contains("nothing was deleted"),
        "{code} {seen}"
    );

    let delete = ["delete", "people", "--path=<id:u64>", "--all"];
    let mut terminal = Terminal::start(bench.command(delete), None);
    terminal.shows("Delete 2 rows of `people` of s3://bucket/? Type `people`");
    terminal.types("people\n");
    let (code, seen) = terminal.ends();
    assert!(
        code == 0 && seen.contains("deleted 2 rows"),
        "{code} {seen}"
    );
    let mut terminal = Terminal::start(bench.command(["databases", "drop", "bucket"]), None);
    terminal.shows("Type `bucket`");
    terminal.interrupt();
    assert_eq!(terminal.ends().0, 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_tables_and_colours() {
    let bench = Bench::new().await;
    bench.ok(&["put", "people", "--path=<id:u64>", "7", "name=Ann"]);
    let query = ["query", "people", "--path=<id:u64>"];
    let (code, seen) = Terminal::start(bench.command(query), None).ends();
    assert!(
        code == 0 && seen.contains("ID  NAME\r\n 7  Ann\r\n"),
        "{code} {seen:?}"
    );
    let (_, seen) = Terminal::start(
        bench.command(["get", "people", "--path=<id:u64>", "8"]),
        None,
    )
    .ends();
    assert!(seen.contains("\u{1b}[31merror:"), "{seen:?}");
    let mut plain = bench.command(["get", "people", "--path=<id:u64>", "8"]);
    plain.env("NO_COLOR", "1");
    let (_, seen) = Terminal::start(plain, None).ends();
    assert!(!seen.contains('\u{1b}'), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_export_goes_on() {
    let bench = Bench::new().await;
    let table = bench
        .db()
        .dynamic("rows")
        .path("<id:u32:ordered>")
        .expect("a path");
    for id in 0..6000 {
        table
            .put(
                [("id", id.to_string())],
                serde_json::json!({"text": "x".repeat(200)}),
            )
            .await
            .expect("put");
    }
    let export = [
        "export",
        "rows",
        "--path=<id:u32:ordered>",
        "--out=rows.ndjson",
        "--concurrency=1",
    ];
    let mut terminal = Terminal::start(bench.command(export), None);
    // The progress is drawn: rows are on their way.
    terminal.shows("rows");
    terminal.interrupt();
    let (code, seen) = terminal.ends();
    assert!(
        code == 130 && seen.contains("interrupted after") && seen.contains("`--resume` goes on"),
        "{code} {seen}"
    );
    let file = bench.folder.path().join("rows.ndjson");
    let part = std::fs::read_to_string(&file).expect("a file");
    assert!(
        (part.is_empty() || part.ends_with('\n')) && part.lines().count() < 6000,
        "{}",
        part.lines().count()
    );
    bench.ok(&[
        "export",
        "rows",
        "--path=<id:u32:ordered>",
        "--out=rows.ndjson",
        "--resume",
    ]);
    let whole = std::fs::read_to_string(&file).expect("a file");
    assert_eq!(
        whole,
        bench.ok(&["export", "rows", "--path=<id:u32:ordered>"])
    );

    // The program waits for more when it is interrupted.
    let lines: Vec<&str> = whole.lines().take(1000).collect();
    let import = ["import", "copy", "--path=<id:u32:ordered>", "-"];
    let mut terminal = Terminal::start(bench.command(import), Some(Stdio::piped()));
    let mut input = terminal.child.stdin.take().expect("it is piped");
    writeln!(input, "{}", lines.join("\n")).expect("written");
    terminal.shows("512 rows");
    terminal.interrupt();
    let (code, seen) = terminal.ends();
    assert!(
        code == 130 && seen.contains("interrupted after 1000 rows"),
        "{code} {seen}"
    );
    assert!(seen.contains("`--skip 1000` goes on"), "{seen}");
    let rest = bench.json(&[
        "import",
        "copy",
        "--path=<id:u32:ordered>",
        "rows.ndjson",
        "--skip=1000",
    ]);
    assert_eq!(rest[0]["written"], 5000);
    assert_eq!(
        bench.ok(&["export", "copy", "--path=<id:u32:ordered>"]),
        whole
    );
}
