//! The uploader: an upload that is written to, by `write` or as `AsyncWrite`.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::io::AsyncWrite;

use super::Unfinished;
use super::request::Uploaded;
use super::session::{Ended, Session};
use crate::error::{Error, ErrorKind, Result};

/// An upload that is written to: of [`Upload::start`](super::Upload::start).
///
/// Nothing is an object before [`complete`](Self::complete) has answered. Dropping it before drops
/// what was written: parts that were sent are aborted by a task of the Tokio runtime that is
/// running then.
///
/// It is an [`AsyncWrite`], too: `shutdown` completes the upload, and [`uploaded`](Self::uploaded)
/// has its outcome. `flush` does nothing, for a part is sent when it is full.
///
/// ```
/// use tokio::io::AsyncWriteExt as _;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// # let db = s3orm::Db::connect("memory:").await.unwrap();
/// let mut uploader = db.upload("log.txt").start();
/// uploader.write_all(b"one line\n").await?;
/// uploader.shutdown().await?;
/// assert_eq!(uploader.uploaded().map(|uploaded| uploaded.size), Some(9));
/// # Ok(()) }
/// ```
pub struct Uploader {
    state: State,
}

enum State {
    /// The options were wrong: told at the first call.
    Refused(Option<Error>),
    Open(Box<Session>),
    /// Of `shutdown`.
    Completing(BoxFuture<'static, Result<Uploaded, Ended>>),
    Completed(Box<Uploaded>),
    /// It failed while it was completed, and the error was told.
    Failed(ErrorKind),
}

impl Uploader {
    pub(super) fn new(session: Result<Session>) -> Self {
        Self {
            state: match session {
                Ok(session) => State::Open(Box::new(session)),
                Err(error) => State::Refused(Some(error)),
            },
        }
    }

    fn session(&mut self) -> Result<&mut Session> {
        match &mut self.state {
            State::Open(session) => Ok(session),
            state => Err(ended(state)),
        }
    }

    /// Writes data after what was written. Waits while as many parts are under way as
    /// [`parallel`](super::Upload::parallel) says.
    ///
    /// A write that is longer than [`max_part_size`](super::Upload::max_part_size), or that the
    /// parts have no room for, is refused with nothing taken, and the upload goes on. After
    /// any other error the upload is aborted. What a caller who stops waiting has handed over may be
    /// written in part: then abort it.
    ///
    /// # Errors
    /// [`LimitExceeded`](ErrorKind::LimitExceeded), [`InvalidKey`](ErrorKind::InvalidKey),
    /// [`Config`](ErrorKind::Config) for options that do not fit,
    /// [`Conflict`](ErrorKind::Conflict) if somebody ended the upload, and those of the connection,
    /// also of parts that were written before.
    ///
    /// # Cost
    /// None while everything fits into one part. Then 1 POST to begin, and 1 PUT a part.
    pub async fn write(&mut self, data: impl Into<Bytes>) -> Result<()> {
        let data = data.into();
        let written = async { self.session()?.write(data).await };
        written.await.map_err(named)
    }

    /// Makes the object of what was written.
    ///
    /// # Errors
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) and [`Conflict`](ErrorKind::Conflict) if its
    /// condition does not hold or others were faster, [`OutcomeUnknown`](ErrorKind::OutcomeUnknown)
    /// if the answer is lost for good ([the whole table](crate::upload#uploads)), and those of
    /// [`write`](Self::write).
    ///
    /// # Cost
    /// 1 PUT if it fits into one part; else 1 PUT for the last part and 1 POST. A refusal costs 1
    /// HEAD and 1 DELETE more, a lost answer up to 4 POST, 15 HEAD and 1 DELETE.
    pub async fn complete(self) -> Result<Uploaded> {
        self.end().await.map_err(|ended| ended.error)
    }

    pub(super) async fn end(self) -> Result<Uploaded, Ended> {
        let outcome = match self.state {
            State::Open(session) => session.complete().await,
            State::Completing(completing) => completing.await,
            State::Completed(uploaded) => Ok(*uploaded),
            mut state => Err(ended(&mut state).into()),
        };
        outcome.map_err(|Ended { error, again }| Ended {
            error: named(error),
            again,
        })
    }

    /// Drops what was written, and waits until the store has.
    ///
    /// # Errors
    /// Those of the connection: the parts are there yet, for [`Db::sweep_uploads`](crate::Db::sweep_uploads).
    ///
    /// # Cost
    /// 1 DELETE if a part was sent.
    pub async fn abort(self) -> Result<()> {
        match self.state {
            State::Open(session) => session.abort().await.map_err(named),
            _ => Ok(()),
        }
    }

    /// Stops without aborting: parts that were full are sent and stay, and [`Upload::resume`](super::Upload::resume) goes
    /// on with the upload. `None` if nothing was sent.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    /// # Cost
    /// 1 PUT for each full part that is not sent yet.
    pub async fn leave(self) -> Result<Option<Unfinished>> {
        match self.state {
            State::Open(session) => session.leave().await.map_err(named),
            mut state => Err(named(ended(&mut state))),
        }
    }

    /// What [`Upload::resume`](super::Upload::resume) needs if this program ends before the upload; `None` while no part was
    /// sent. Keep it where it outlives the program. Waits until the store has begun the upload.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    /// # Cost
    /// None.
    pub async fn unfinished(&mut self) -> Result<Option<Unfinished>> {
        let unfinished = async { self.session()?.unfinished().await };
        unfinished.await.map_err(named)
    }

    /// What became of it, once it was shut down as an [`AsyncWrite`].
    pub fn uploaded(&self) -> Option<&Uploaded> {
        match &self.state {
            State::Completed(uploaded) => Some(uploaded),
            _ => None,
        }
    }
}

fn named(error: Error) -> Error {
    error.during("upload", "")
}

/// The error of a call after the end.
fn ended(state: &mut State) -> Error {
    match state {
        State::Refused(error) => error
            .take()
            .unwrap_or_else(|| Error::new(ErrorKind::Config, "the upload's options were refused")),
        State::Failed(kind) => Error::new(*kind, "the upload has failed"),
        _ => Error::new(ErrorKind::Config, "the upload is completed")
            .with_help("begin another with `Db::upload`"),
    }
}

impl AsyncWrite for Uploader {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let session = self.session().map_err(io::Error::other)?;
        session.check(data.len().min(1)).map_err(io::Error::other)?;
        ready!(session.poll_space(cx)).map_err(io::Error::other)?;
        Poll::Ready(Ok(session.take(data)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let State::Open(_) = self.state {
            let open = std::mem::replace(&mut self.state, State::Refused(None));
            if let State::Open(session) = open {
                self.state = State::Completing(Box::pin(session.complete()));
            }
        }
        let outcome = match &mut self.state {
            State::Completing(completing) => ready!(completing.as_mut().poll(cx)),
            State::Completed(_) => return Poll::Ready(Ok(())),
            state => return Poll::Ready(Err(io::Error::other(named(ended(state))))),
        };
        match outcome {
            Ok(uploaded) => {
                self.state = State::Completed(Box::new(uploaded));
                Poll::Ready(Ok(()))
            }
            Err(Ended { error, .. }) => {
                self.state = State::Failed(error.kind());
                Poll::Ready(Err(io::Error::other(named(error))))
            }
        }
    }
}

impl fmt::Debug for Uploader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Refused(_) => "refused",
            State::Open(_) => "open",
            State::Completing(_) => "completing",
            State::Completed(_) => "completed",
            State::Failed(_) => "failed",
        };
        f.debug_struct("Uploader").field("state", &state).finish()
    }
}

impl Uploader {
    /// Copies data into the part that is being filled.
    pub(crate) async fn copy_from(&mut self, mut data: &[u8]) -> Result<()> {
        while !data.is_empty() {
            let taken = std::future::poll_fn(|cx| {
                let session = self.session()?;
                session.check(data.len().min(1))?;
                ready!(session.poll_space(cx))?;
                Poll::Ready(Ok(session.take(data)))
            });
            data = &data[taken.await.map_err(named)?..];
        }
        Ok(())
    }
}
