//! An upload under way: what is written is cut into parts, which are sent while the next is filled.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::parts::{self, Parts};
use super::pool::Pool;
use super::request::{Target, Uploaded};
use super::{Unfinished, finish, upload_error};
use crate::error::{Error, ErrorKind, Result};
use crate::row::Version;
use crate::store::{Checksum, CompleteUpload, ETag, PutObject, StoreErrorKind};
use crate::write::{self, Failure};

/// What a part that is being filled is given at first: less than a page of a short upload costs.
const FIRST_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Session {
    target: Arc<Target>,
    /// The part that is being filled.
    buffer: Vec<u8>,
    pool: Pool,
    /// A part that is full, until more is written: the last may be a PUT of its own.
    full: Option<Bytes>,
    parts: Option<Parts>,
    written: u64,
    acknowledged: u64,
    /// The kind of the error that ended it.
    failed: Option<ErrorKind>,
}

/// Why a completion failed.
pub(super) struct Ended {
    pub(super) error: Error,
    /// Nothing was applied, and the same bytes may be uploaded anew: 409.
    pub(super) again: bool,
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self {
            error,
            again: false,
        }
    }
}

impl Session {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target: Arc::new(target),
            buffer: Vec::new(),
            pool: Pool::default(),
            full: None,
            parts: None,
            written: 0,
            acknowledged: 0,
            failed: None,
        }
    }

    pub(super) async fn resumed(target: Target, upload_id: String) -> Result<Self> {
        let parts = Parts::resume(&target, upload_id).await?;
        let mut session = Self::new(target);
        session.parts = Some(parts);
        Ok(session)
    }

    /// Refuses a write that would not fit, before any of it is taken.
    pub(super) fn check(&self, length: usize) -> Result<()> {
        if let Some(kind) = self.failed {
            let error = Error::new(
                kind,
                "the upload has failed and is aborted; nothing was written",
            );
            return Err(error.with_key(&self.target.key));
        }
        let (length, longest) = (length as u64, self.target.plan.longest());
        if length > longest {
            let detail = format!("a write of {length} bytes; `max_part_size` is {longest}");
            return Err(Error::new(ErrorKind::LimitExceeded, detail)
                .with_help("write it in pieces: nothing of it was taken, and the upload goes on")
                .with_key(&self.target.key));
        }
        let held = (self.buffer.len() + self.full.as_ref().map_or(0, Bytes::len)) as u64;
        let next = self.parts.as_ref().map_or(1, |parts| parts.next);
        if !self.target.plan.holds(held + length, next) {
            return Err(parts::full(&self.target.key));
        }
        Ok(())
    }

    /// Takes data until none is left.
    pub(super) async fn write(&mut self, mut data: Bytes) -> Result<()> {
        self.check(data.len())?;
        while !data.is_empty() {
            poll_fn(|cx| self.poll_space(cx)).await?;
            let length = self.part_length();
            if self.buffer.is_empty() && data.len() >= length {
                // No copy: the caller's memory is the part.
                self.written += length as u64;
                self.full = Some(data.split_to(length));
            } else {
                let taken = self.take(&data);
                data = data.split_off(taken);
            }
        }
        Ok(())
    }

    /// Copies as much as the part that is being filled still holds.
    pub(super) fn take(&mut self, data: &[u8]) -> usize {
        let length = self.part_length();
        let taken = data.len().min(length - self.buffer.len());
        if self.buffer.capacity() - self.buffer.len() < taken {
            let short = self.buffer.is_empty() && taken <= FIRST_BYTES;
            let wanted = if short { FIRST_BYTES } else { length };
            let wanted = wanted.min(length) - self.buffer.len();
            self.buffer.reserve_exact(wanted);
        }
        self.buffer.extend_from_slice(&data[..taken]);
        self.written += taken as u64;
        if self.buffer.len() == length {
            let full = std::mem::replace(&mut self.buffer, self.pool.take());
            self.full = Some(self.pool.lend(full));
        }
        taken
    }

    fn part_length(&self) -> usize {
        let length = match &self.parts {
            Some(parts) => parts.next_length(&self.target),
            None => self.target.plan.length(1),
        };
        usize::try_from(length).unwrap_or(usize::MAX)
    }

    /// Ready once there is a part to fill: sends the one that is full.
    pub(super) fn poll_space(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.full.is_none() {
            return Poll::Ready(Ok(()));
        }
        let polled = self.poll_room(cx);
        if let Poll::Ready(Ok(())) = polled
            && let Some(full) = self.full.take()
        {
            return Poll::Ready(self.send(full));
        }
        polled
    }

    /// Ready once another part may be sent. Takes up what has ended.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let target = Arc::clone(&self.target);
        let parts = self.parts.get_or_insert_with(|| Parts::create(&target));
        loop {
            match parts.poll_done(cx) {
                Poll::Ready(Some(Ok(size))) => {
                    self.acknowledged += size;
                    tell(&target, self.acknowledged);
                }
                Poll::Ready(Some(Err(failed))) => {
                    return Poll::Ready(Err(self.fail(failed.into_error(&target.key))));
                }
                Poll::Pending if !parts.has_room(target.parallel) => return Poll::Pending,
                Poll::Pending | Poll::Ready(None) => return Poll::Ready(Ok(())),
            }
        }
    }

    fn send(&mut self, body: Bytes) -> Result<()> {
        let Some(parts) = &mut self.parts else {
            unreachable!("`poll_room` begins the upload")
        };
        match parts.send(&self.target, body) {
            Ok(there) => {
                self.acknowledged += there.unwrap_or(0);
                Ok(())
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Nothing more can come of the upload: it is aborted meanwhile.
    fn fail(&mut self, error: Error) -> Error {
        self.failed = Some(error.kind());
        self.abort_in_background();
        error
    }

    pub(super) async fn complete(mut self) -> Result<Uploaded, Ended> {
        self.check(0)?;
        let last = self.full.take();
        let last = last.unwrap_or_else(|| std::mem::take(&mut self.buffer).into());
        if self.parts.is_none() || self.written == 0 {
            return self.put(last).await;
        }
        if !last.is_empty() {
            poll_fn(|cx| self.poll_room(cx)).await?;
            self.send(last)?;
        }
        poll_fn(|cx| self.poll_all(cx)).await?;
        self.finish().await
    }

    /// Ready once no part is under way.
    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(parts) = &mut self.parts else {
            return Poll::Ready(Ok(()));
        };
        loop {
            match std::task::ready!(parts.poll_done(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(Ok(size)) => {
                    self.acknowledged += size;
                    tell(&self.target, self.acknowledged);
                }
                Some(Err(failed)) => {
                    let error = failed.into_error(&self.target.key);
                    return Poll::Ready(Err(self.fail(error)));
                }
            }
        }
    }

    /// Little data is one PUT.
    async fn put(&mut self, body: Bytes) -> Result<Uploaded, Ended> {
        let target = Arc::clone(&self.target);
        let checksum = target.checksum.then(|| Checksum::of(&body));
        let size = body.len() as u64;
        let request = PutObject {
            key: target.key.clone(),
            body,
            precondition: target.precondition.clone(),
            content_type: target.content_type.clone().map(Into::into),
            content_encoding: None,
            metadata: target.metadata.clone(),
            checksum,
            encryption: None,
        };
        let (store, env) = (target.db.store(), target.db.env());
        match write::put(store, env, &request).await {
            Ok(etag) => {
                tell(&target, size);
                self.abort_in_background();
                Ok(self.uploaded(etag, checksum, 0, 0))
            }
            Err(failure) => Err(upload_error(failure, &target.key, target.refused).into()),
        }
    }

    async fn finish(&mut self) -> Result<Uploaded, Ended> {
        let target = Arc::clone(&self.target);
        let Some(parts) = &self.parts else {
            unreachable!("it was not completed as one PUT")
        };
        let mut checksum = target.checksum.then_some(Checksum::EMPTY);
        for part in parts.done.values() {
            let both = checksum.zip(part.checksum);
            checksum = both.map(|(before, part_sum)| before.followed_by(part_sum, part.size));
        }
        let request = CompleteUpload {
            key: target.key.clone(),
            upload_id: parts.upload_id().unwrap_or_default().to_owned(),
            parts: (parts.done.iter())
                .map(|(number, part)| (*number, part.etag.clone()))
                .collect(),
            precondition: target.precondition.clone(),
            checksum,
        };
        let (store, env) = (target.db.store(), target.db.env());
        let mut outcome = finish::complete(store, env, &request, &target.id).await;
        let (count, reused) = (request.parts.len(), parts.reused);
        if outcome.is_err() {
            self.abort_now().await;
        }
        if let Err(Failure::Unknown(lost)) = outcome {
            // The abort has ended what was under way, if the completion had not.
            outcome = write::read_back(store, env, &target.key, &target.id, lost).await;
        }
        match outcome {
            Ok(etag) => {
                self.parts = None;
                let count = u16::try_from(count).unwrap_or(u16::MAX);
                Ok(self.uploaded(etag, checksum, count, reused))
            }
            Err(failure) => {
                let again = matches!(&failure, Failure::Refused(error) if error.kind() == StoreErrorKind::Conflict);
                let error = upload_error(failure, &target.key, target.refused);
                Err(Ended { error, again })
            }
        }
    }

    fn uploaded(
        &self,
        etag: ETag,
        checksum: Option<Checksum>,
        parts: u16,
        reused: u16,
    ) -> Uploaded {
        let id = Some(self.target.id.clone()).filter(|id| !id.is_empty());
        Uploaded {
            key: self.target.key.clone(),
            size: self.written,
            version: Version { etag, id },
            checksum,
            parts,
            reused,
        }
    }

    /// Drops what was written.
    pub(super) async fn abort(mut self) -> Result<()> {
        let Some(parts) = self.parts.take() else {
            return Ok(());
        };
        let aborted = parts.abort(&self.target).await;
        aborted.map_err(|error| super::part_error(error, &self.target.key))
    }

    /// Aborts what is no object; what keeps that from being done is not the caller's error.
    async fn abort_now(&mut self) {
        if let Some(parts) = self.parts.take() {
            log(parts.abort(&self.target).await);
        }
    }

    fn abort_in_background(&mut self) {
        if let Some(parts) = self.parts.take() {
            let target = Arc::clone(&self.target);
            let env = target.db.env().clone();
            env.spawn_if_running(async move { log(parts.abort(&target).await) });
        }
    }

    /// The upload that is under way, if it has begun; waits until the store has said its id.
    pub(super) async fn unfinished(&mut self) -> Result<Option<Unfinished>> {
        self.check(0)?;
        if self.parts.is_none() {
            return Ok(None);
        }
        poll_fn(|cx| self.poll_room(cx)).await?;
        let id = self.parts.as_ref().and_then(Parts::upload_id);
        Ok(id.map(|id| Unfinished {
            key: self.target.key.clone(),
            upload_id: id.to_owned(),
            initiated: None,
            write_id: Some(self.target.id.clone()).filter(|id| !id.is_empty()),
        }))
    }

    /// Leaves the upload as it is, its full parts sent.
    pub(super) async fn leave(mut self) -> Result<Option<Unfinished>> {
        let unfinished = self.unfinished().await?;
        if unfinished.is_none() {
            return Ok(None);
        }
        poll_fn(|cx| self.poll_space(cx)).await?;
        poll_fn(|cx| self.poll_all(cx)).await?;
        self.parts = None;
        Ok(unfinished)
    }
}

fn tell(target: &Target, done: u64) {
    if let Some(progress) = &target.progress {
        progress.tell(done, target.size);
    }
}

fn log(aborted: Result<(), crate::store::StoreError>) {
    if let Err(error) = aborted {
        tracing::debug!(target: "s3orm", %error, "an upload stays until it is swept");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.abort_in_background();
    }
}
