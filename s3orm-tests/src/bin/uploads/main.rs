//! What an upload costs, and what is left of one that is cut.
//!
//! - `uploads cuts [--uploads N] [--seed N]`: uploads that are cut at random bytes (200), each whole or absent,
//!   no part left after a sweep.
//! - `uploads memory [--mib N]`: so much (1,024 MiB) through an uploader and back, in memory that does not grow
//!   with it.
//! - `uploads speed [--mib N] [--rounds N]`: an upload's throughput and CPU beside the same by hand.
//!
//! Each prints its figures, and fails if they are not what they should be.
#![allow(clippy::print_stdout)]

mod bare;

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use s3orm::{Db, Env};
use s3orm_tests::process::{ServerProcess, cpu, most_resident_kib, resident_kib, serve};
use s3orm_tests::server::BUCKET;
use s3orm_tests::{connect, cuts};

use crate::bare::Bare;

const MIB: usize = 1 << 20;
/// What memory may grow by beside the parts and chunks themselves.
const ALLOWED_KIB: u64 = 64 << 10;
/// Of the library: parts at the same time, and one more that is filled.
const PARTS_KIB: u64 = (4 + 1) * (5 << 10);
/// Of the library: chunks at the same time, and one that is looked at. An answer that is read grows
/// by doubling.
const CHUNKS_KIB: u64 = (4 * 2 + 1) * (8 << 10);
/// Of the throughput of the same by hand.
const LEAST: f64 = 0.95;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let arguments: Vec<String> = arguments.collect();
    let number = |name: &str, otherwise: usize| -> Result<usize> {
        let Some(place) = arguments.iter().position(|argument| argument == name) else {
            return Ok(otherwise);
        };
        let value = arguments.get(place + 1);
        let value = value.with_context(|| format!("`{name}` needs a number"))?;
        Ok(value.parse()?)
    };
    match what.as_str() {
        "serve" => serve().await,
        "cuts" => {
            let uploads = u32::try_from(number("--uploads", 200)?)?;
            let figures = cuts::run(uploads, number("--seed", 1)? as u64).await?;
            println!("{figures:#?}");
        }
        "memory" => memory(number("--mib", 1024)?).await?,
        "speed" => speed(number("--mib", 256)?, number("--rounds", 7)?).await?,
        _ => bail!("say `cuts`, `memory` or `speed`"),
    }
    Ok(())
}

async fn database(server: &ServerProcess) -> Result<Db> {
    let builder = Db::builder(&format!("s3://{BUCKET}?endpoint={}", server.endpoint()))?;
    let builder = builder.credentials(connect::credentials());
    Ok(builder.timeout(Duration::from_mins(2)).connect().await?)
}

/// One MiB, over and over.
fn piece() -> Bytes {
    let words = (0..MIB as u64 / 8).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    words.flat_map(u64::to_le_bytes).collect::<Vec<_>>().into()
}

async fn upload(db: &Db, mib: usize, piece: &Bytes) -> Result<()> {
    let mut uploader = db.upload("large").start();
    for _ in 0..mib {
        uploader.write(piece.clone()).await?;
    }
    let object = uploader.complete().await?;
    ensure!(object.size == (mib * MIB) as u64, "{object:?}");
    Ok(())
}

async fn memory(mib: usize) -> Result<()> {
    let server = ServerProcess::start(&["serve"])?;
    let db = database(&server).await?;
    let piece = piece();
    upload(&db, 1, &piece).await?;
    let before = resident_kib()?;
    upload(&db, mib, &piece).await?;
    let grown = most_resident_kib()?.saturating_sub(before);
    println!("{mib} MiB uploaded: {grown} KiB more than before, of them {PARTS_KIB} for parts");
    ensure!(
        grown < ALLOWED_KIB + PARTS_KIB,
        "memory grows with the object"
    );

    let mut object = db.download("large").await?.context("it was uploaded")?;
    let mut length = 0;
    while let Some(bytes) = object.try_next().await? {
        length += bytes.len();
    }
    ensure!(length == mib * MIB, "{length} bytes");
    let grown = most_resident_kib()?.saturating_sub(before);
    println!("{mib} MiB downloaded: {grown} KiB more than before, of them {CHUNKS_KIB} for chunks");
    ensure!(
        grown < ALLOWED_KIB + CHUNKS_KIB,
        "memory grows with the object"
    );
    Ok(())
}

/// Seconds by the clock, and of CPU.
#[derive(Clone, Copy)]
struct Cost(f64, f64);

async fn measured(work: impl Future<Output = Result<()>>) -> Result<Cost> {
    let env = Env::system();
    let (start, cpu_before) = (env.instant(), cpu());
    work.await?;
    let took = start.elapsed().as_secs_f64();
    Ok(Cost(took, cpu().saturating_sub(cpu_before).as_secs_f64()))
}

/// By hand and by the library in turns; the least of each counts, for noise only adds.
async fn speed(mib: usize, rounds: usize) -> Result<()> {
    const PART: usize = 5 * MIB;
    let server = ServerProcess::start(&["serve"])?;
    let db = database(&server).await?;
    let mut bare = Bare::connect(server.endpoint(), 4).await?;
    let parts = mib.div_ceil(5).max(2);
    let piece = piece();
    let whole: Bytes = piece.repeat(5 * parts).into();
    let [mut at_once, mut in_pieces] = [[Cost(f64::MAX, f64::MAX); 2]; 2];
    for round in 0..=rounds {
        // Who is first finds the server's memory as the other left it.
        let hand_first = round % 2 == 0;
        let data = whole.clone();
        let cut = move |part| data.slice(part * PART..(part + 1) * PART);
        let by_hand = bare.upload("by-hand", parts, cut);
        let ours = async { Ok(db.upload("large").bytes(whole.clone()).await.map(drop)?) };
        keep(&mut at_once, both(by_hand, ours, hand_first).await?);

        // Who is given pieces puts them together, by hand as well.
        let data = piece.clone();
        let join = move |_| {
            let mut part = Vec::with_capacity(PART);
            (0..5).for_each(|_| part.extend_from_slice(&data));
            part.into()
        };
        let by_hand = bare.upload("by-hand", parts, join);
        let ours = upload(&db, 5 * parts, &piece);
        keep(&mut in_pieces, both(by_hand, ours, hand_first).await?);
    }
    let first = told("bytes in memory", 5 * parts, at_once);
    let second = told("pieces of a MiB", 5 * parts, in_pieces);
    let ratio = first.min(second);
    ensure!(
        ratio >= LEAST,
        "the uploader has {ratio:.3} of the throughput by hand, under {LEAST}"
    );
    Ok(())
}

/// What both cost, one after the other.
async fn both(
    by_hand: impl Future<Output = Result<()>>,
    ours: impl Future<Output = Result<()>>,
    hand_first: bool,
) -> Result<[Cost; 2]> {
    if hand_first {
        let by_hand = measured(by_hand).await?;
        return Ok([by_hand, measured(ours).await?]);
    }
    let ours = measured(ours).await?;
    Ok([measured(by_hand).await?, ours])
}

fn keep(least: &mut [Cost; 2], costs: [Cost; 2]) {
    for (least, cost) in least.iter_mut().zip(costs) {
        *least = Cost(least.0.min(cost.0), least.1.min(cost.1));
    }
}

/// Prints the costs of so many MiB; the library's throughput, as a part of that by hand.
#[expect(clippy::cast_precision_loss, reason = "they are rates")]
fn told(what: &str, mib: usize, costs: [Cost; 2]) -> f64 {
    let mib = mib as f64;
    let [Cost(bare, bare_cpu), Cost(ours, ours_cpu)] = costs;
    println!("{what}:");
    for (who, Cost(took, cpu)) in [("by hand", costs[0]), ("uploader", costs[1])] {
        let (rate, cpu) = (mib / took, cpu * 1e3 / mib);
        println!("  {who}: {rate:.0} MiB/s, CPU {cpu:.2} ms/MiB");
    }
    println!(
        "  throughput {:.3}, CPU {:.3}",
        bare / ours,
        ours_cpu / bare_cpu
    );
    bare / ours
}
