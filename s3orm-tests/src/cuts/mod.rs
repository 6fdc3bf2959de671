//! Uploads whose connections are cut at random bytes, and what is left of them.

mod wire;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use s3orm::{Db, Env, ErrorKind};

use self::wire::{Cut, Wire};
use crate::connect;
use crate::server::{BUCKET, TestServer};

/// A part, and a little more than one.
const LENGTHS: [usize; 2] = [6 << 20, 11 << 20];
/// Bytes around the beginning and the end of an upload, where its requests are short.
const NEAR: u64 = 4096;

/// What became of the uploads.
#[derive(Debug, Default, Clone, Copy)]
pub struct Figures {
    /// All of them.
    pub uploads: u32,
    /// Whose connections were cut; the others ended before.
    pub cut: u32,
    /// Acknowledged, and found whole.
    pub completed: u32,
    /// Of these, sent again by the library after a cut.
    pub healed: u32,
    /// Failed, and the object absent.
    pub absent: u32,
    /// Failed with an unknown outcome, and the object found whole.
    pub unknown_and_there: u32,
    /// Uploads that the uploader could not abort, and the sweep has.
    pub swept: u64,
}

/// Makes `count` uploads, one after the other, each cut at a random byte: half of them once, so that
/// the library may go on, half of them for good.
///
/// # Errors
/// An object that is neither whole nor absent, one that was acknowledged and is absent, one that
/// was refused and is there, and parts that remain after a sweep.
pub async fn run(count: u32, seed: u64) -> anyhow::Result<Figures> {
    let env = Env::seeded(seed);
    let server = TestServer::memory().await;
    let direct = database(&server.endpoint()).await?;
    let mut figures = Figures::default();
    for number in 0..count {
        let random = u64::from_be_bytes(env.random_bytes());
        let bytes = data(LENGTHS[usize::from(random & 1 == 1)], random);
        let cut = Cut {
            at: place(random, bytes.len() as u64),
            for_good: random & 4 == 0,
        };
        let key = format!("{number}");
        one(&server, &direct, &key, &bytes, cut, &mut figures)
            .await
            .with_context(|| format!("upload {number} of {} bytes, {cut:?}", bytes.len()))?;
    }
    Ok(figures)
}

/// A byte of the conversation, which is a little longer than what is uploaded.
fn place(random: u64, length: u64) -> u64 {
    let far = random >> 8;
    match (random >> 4) % 4 {
        0 => far % NEAR,
        1 => length + far % NEAR,
        _ => far % (length + NEAR),
    }
}

async fn one(
    server: &TestServer,
    direct: &Db,
    key: &str,
    bytes: &Bytes,
    cut: Cut,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let wire = Wire::to(server.local_addr(), cut).await?;
    let db = database(&wire.endpoint()).await?;
    let mut uploader = db.upload(key).if_absent().parallel(2).start();
    let mut outcome = Ok(());
    for chunk in bytes.chunks(1 << 20) {
        outcome = uploader.write(Bytes::copy_from_slice(chunk)).await;
        if outcome.is_err() {
            break;
        }
    }
    let outcome = match outcome {
        Ok(()) => uploader.complete().await.map(|_| ()),
        Err(error) => Err(error),
    };
    settled(server).await;
    let found = match direct.download(key).await? {
        Some(object) => Some(object.bytes(1 << 30).await?),
        None => None,
    };
    ensure!(
        found.as_ref().is_none_or(|found| found == bytes),
        "half an object"
    );
    figures.uploads += 1;
    figures.cut += u32::from(wire.was_cut());
    match (outcome, found) {
        (Ok(()), Some(_)) => {
            figures.completed += 1;
            figures.healed += u32::from(wire.was_cut());
        }
        (Ok(()), None) => anyhow::bail!("acknowledged, and absent"),
        (Err(_), None) => figures.absent += 1,
        (Err(error), Some(_)) => {
            ensure!(
                error.kind() == ErrorKind::OutcomeUnknown,
                "there, and {error:?}"
            );
            figures.unknown_and_there += 1;
        }
    }
    drop(wire);
    let swept = direct.sweep_uploads().older_than(Duration::ZERO).await?;
    figures.swept += swept.ended;
    let left: Vec<_> = direct.uploads("").try_collect().await?;
    ensure!(left.is_empty(), "parts remain: {left:?}");
    Ok(())
}

/// Waits until the server has nothing to do: what it has received whole, it still does.
async fn settled(server: &TestServer) {
    let mut seen = usize::MAX;
    loop {
        Env::system().sleep(Duration::from_millis(15)).await;
        let now = server.requests().len();
        if now == seen {
            return;
        }
        seen = now;
    }
}

async fn database(endpoint: &str) -> anyhow::Result<Db> {
    let builder = Db::builder(&format!("s3://{BUCKET}/cuts?endpoint={endpoint}"))?;
    let builder = builder.credentials(connect::credentials());
    Ok(builder.timeout(Duration::from_secs(10)).connect().await?)
}

/// Bytes that tell where they are.
fn data(length: usize, seed: u64) -> Bytes {
    let mut bytes = seed.to_le_bytes().repeat(length / 8 + 1);
    bytes.truncate(length);
    for (number, page) in bytes.chunks_mut(1024).enumerate() {
        for (byte, part) in page.iter_mut().zip(number.to_le_bytes()) {
            *byte ^= part;
        }
    }
    bytes.into()
}
