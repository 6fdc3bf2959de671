//! Several processes in one folder, and processes that are killed in a write.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime};

use s3orm::store::Precondition::IfMatch;

use super::*;

/// A `dir_writer` that is ready and waits to begin.
struct Writer {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Writer {
    fn new(rows: &Rows, mode: &str, number: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dir_writer"))
            .arg(rows.path(""))
            .args([mode, &number.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut answers = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        answers.read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        Self { child, answers }
    }

    fn begin(&mut self) {
        let stdin = self.child.stdin.as_mut().expect("its input");
        stdin.write_all(b"go\n").expect("a line");
    }

    /// What it printed, once it has ended well.
    fn end(mut self) -> String {
        let mut printed = String::new();
        self.answers
            .read_to_string(&mut printed)
            .expect("its output");
        assert!(self.child.wait().expect("its end").success());
        printed
    }

    fn kill(mut self) {
        // SIGKILL, and the process is gone when this returns.
        self.child.kill().expect("a kill");
        self.child.wait().expect("its end");
    }
}

#[tokio::test]
async fn two_processes_create_one_wins_each_round() {
    const ROUNDS: usize = 200;
    let rows = Rows::new().await;
    let mut writers = [0, 1].map(|_| Writer::new(&rows, "create", ROUNDS));
    let ids = writers.each_ref().map(|writer| writer.child.id());
    writers.iter_mut().for_each(Writer::begin);
    let mut winners = vec![None; ROUNDS];
    for (writer, id) in writers.into_iter().zip(ids) {
        for round in writer.end().lines() {
            let round: usize = round.parse().expect("a round");
            assert_eq!(winners[round].replace(id), None, "two won round {round}");
        }
    }
    for (round, winner) in winners.into_iter().enumerate() {
        let winner = winner.unwrap_or_else(|| panic!("nobody won round {round}"));
        let object = rows.get(&format!("race/{round}")).await.expect("the row");
        assert_eq!(object.body, winner.to_string());
    }
}

#[tokio::test]
async fn two_processes_lose_no_increment() {
    const TIMES: usize = 500;
    let rows = Rows::new().await;
    rows.put("counter", "0").await.expect("a counter");
    let mut writers = [0, 1].map(|_| Writer::new(&rows, "increment", TIMES));
    writers.iter_mut().for_each(Writer::begin);
    for writer in writers {
        writer.end();
    }
    let object = rows.get("counter").await.expect("the counter");
    assert_eq!(object.body, (2 * TIMES).to_string());
}

#[tokio::test]
async fn a_kill_in_a_write_leaves_the_old_row_or_the_new() {
    const KILLS: u64 = 60;
    const SIZE: usize = 300_000;
    let rows = Rows::new().await;
    rows.put("other", "untouched").await.expect("a row");
    let env = Env::system();
    let mut left = 0;
    for kill in 0..KILLS {
        let mut writer = Writer::new(&rows, "overwrite", SIZE);
        writer.begin();
        // Long enough that the first is not always killed before it wrote anything.
        let wait = Duration::from_millis(if kill == 0 { 300 } else { 0 });
        std::thread::sleep(wait + env.jitter(Duration::from_millis(40)));
        writer.kill();
        left += names(&rows.path(".s3orm/tmp")).len();
        check_row(&rows, SIZE).await;
        // Only one of the kills' leftovers is needed at a time.
        sweep(&rows).await;
    }
    assert!(left > 0, "no kill was in a write");
    assert_eq!(rows.get("other").await.expect("the row").body, "untouched");
    assert_eq!(rows.keys().await, ["other", "row"]);
}

/// The row is whole, agrees with its metadata, its tag and the listing, and can be replaced.
async fn check_row(rows: &Rows, size: usize) {
    let object = rows.get("row").await.expect("the row");
    let letter = object.body[0];
    assert!(object.body.iter().all(|&byte| byte == letter), "torn");
    assert!(
        (size..size + 5).contains(&object.body.len()),
        "{}",
        object.body.len()
    );
    let recorded = &object.meta.metadata["letter"];
    assert_eq!(
        *recorded,
        char::from(letter).to_string(),
        "another's metadata"
    );
    let page = rows
        .store
        .list(ListObjects::default())
        .await
        .expect("a page");
    let listed = page.objects.iter().find(|listed| listed.key == "row");
    assert_eq!(listed.expect("the row").etag, object.meta.etag);
    let same = PutObject {
        key: "row".to_owned(),
        body: object.body,
        precondition: IfMatch(object.meta.etag.clone()),
        metadata: object.meta.metadata,
        ..PutObject::default()
    };
    let written = rows.store.put(same).await.expect("the lock is free");
    assert_eq!(
        written.etag, object.meta.etag,
        "the tag is not of the bytes"
    );
}

/// Makes what is left old, and opens the store again, which removes it.
async fn sweep(rows: &Rows) {
    let two_hours_ago = SystemTime::now() - Duration::from_hours(2);
    let temporary = rows.path(".s3orm/tmp");
    for name in names(&temporary) {
        let file = fs::File::options().write(true).open(temporary.join(name));
        file.expect("the file")
            .set_modified(two_hours_ago)
            .expect("its time");
    }
    rows.reopen().await;
    assert_eq!(names(&temporary), [] as [&str; 0]);
}

#[tokio::test]
async fn young_temporary_files_are_left_alone() {
    let rows = Rows::new().await;
    fs::write(rows.path(".s3orm/tmp/being-written"), "1").expect("a file");
    rows.reopen().await;
    assert_eq!(names(&rows.path(".s3orm/tmp")), ["being-written"]);
}
