//! What some work uses: CPU and time, or allocations where those are counted.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;

/// Of one operation or row.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    pub cpu: f64,
    pub wall: f64,
    allocations: f64,
    bytes: f64,
}

impl Used {
    pub const MOST: Self = Self {
        cpu: f64::MAX,
        wall: f64::MAX,
        allocations: f64::MAX,
        bytes: f64::MAX,
    };

    /// The share of one of so many.
    pub fn each(self, count: usize) -> Self {
        let count = count as f64;
        Self {
            cpu: self.cpu / count,
            wall: self.wall / count,
            allocations: self.allocations / count,
            bytes: self.bytes / count,
        }
    }

    /// Keeps the less of each: noise only adds.
    pub fn lower_to(&mut self, other: Self) {
        self.cpu = self.cpu.min(other.cpu);
        self.wall = self.wall.min(other.wall);
        self.allocations = self.allocations.min(other.allocations);
        self.bytes = self.bytes.min(other.bytes);
    }

    /// Members of JSON: what was used, and how many times what the bare requests use.
    pub fn beside(&self, bare: &Self) -> String {
        if cfg!(feature = "allocations") {
            return format!(
                "\"allocations\":{:.2},\"ratio\":{:.2},\"bytes\":{:.0},\"bytes_ratio\":{:.2}",
                self.allocations,
                self.allocations / bare.allocations,
                self.bytes,
                self.bytes / bare.bytes,
            );
        }
        format!(
            "\"cpu_us\":{:.3},\"ratio\":{:.3}",
            self.cpu * 1e6,
            self.cpu / bare.cpu
        )
    }
}

/// Runs work on this thread, and measures it.
pub fn measured<T>(runtime: &Runtime, work: impl Future<Output = Result<T>>) -> Result<(Used, T)> {
    let (start, before) = (Instant::now(), cpu());
    let (outcome, (allocations, bytes)) = counted(|| runtime.block_on(work));
    let used = Used {
        cpu: (cpu() - before).as_secs_f64(),
        wall: start.elapsed().as_secs_f64(),
        allocations: allocations as f64,
        bytes: bytes as f64,
    };
    Ok((used, outcome?))
}

#[cfg(feature = "allocations")]
fn counted<T>(work: impl FnOnce() -> T) -> (T, (u64, u64)) {
    let mut outcome = None;
    let counted = allocation_counter::measure(|| outcome = Some(work()));
    let outcome = outcome.expect("the work was done");
    (outcome, (counted.count_total, counted.bytes_total))
}

#[cfg(not(feature = "allocations"))]
fn counted<T>(work: impl FnOnce() -> T) -> (T, (u64, u64)) {
    (work(), (0, 0))
}

/// The CPU time of this process so far, the kernel's work for it included.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
