//! What is measured of this process, and a server in another, whose work is not counted.
#![allow(clippy::print_stdout)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, clock_gettime};

use crate::server::TestServer;

/// A server in a process of its own, which ends with this value or with this process.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    endpoint: String,
}

impl ServerProcess {
    /// Runs this program again with `arguments`, which must make it [`serve`], or print the URL of
    /// another server and wait for its [`orphaned`].
    ///
    /// # Errors
    /// It does not start.
    pub fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().context("the server has an output")?;
        let mut server = Self {
            child,
            endpoint: String::new(),
        };
        BufReader::new(output).read_line(&mut server.endpoint)?;
        server.endpoint.truncate(server.endpoint.trim_end().len());
        anyhow::ensure!(!server.endpoint.is_empty(), "the server does not start");
        Ok(server)
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves a bucket in memory, as [`ServerProcess::start`] expects it.
pub async fn serve() {
    let server = TestServer::memory().await;
    println!("{}", server.endpoint());
    orphaned().await;
}

/// Returns once the process that started this one is gone: the input is closed then.
pub async fn orphaned() {
    let (gone, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = gone.send(());
    });
    let _ = wait.await;
}

/// The CPU time of this process so far, the kernel's work for it included.
pub fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// The CPU time of the processes that this one has started and waited for, and of theirs.
///
/// # Errors
/// The kernel does not tell.
pub fn children_cpu() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The second field is a name, which may hold anything; the children's times are the 16th and 17th.
    let (_, fields) = stat.rsplit_once(')').context("the kernel tells a name")?;
    let ticks = fields
        .split_whitespace()
        .skip(13)
        .take(2)
        .map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>()?;
    Ok(Duration::from_secs(ticks) / u32::try_from(clock_ticks_per_second())?)
}

/// The resident memory of this process.
///
/// # Errors
/// The kernel does not tell.
pub fn resident_kib() -> anyhow::Result<u64> {
    status_kib("VmRSS:")
}

/// The most resident memory that this process has had.
///
/// # Errors
/// The kernel does not tell.
pub fn most_resident_kib() -> anyhow::Result<u64> {
    status_kib("VmHWM:")
}

fn status_kib(field: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let text = line.context("the kernel tells the resident memory")?;
    Ok(text.trim().trim_end_matches(" kB").parse()?)
}
