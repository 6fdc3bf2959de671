//! Answers whose bodies arrive slowly, or not whole.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::CONTENT_LENGTH;
use hyper::body::{Body, Frame};
use tokio::time::Sleep;

/// What the proxy answers.
pub(super) type Answer = Response<Paced>;

/// The answer, whole or cut after so many bytes, at once or byte by byte.
pub(super) fn paced(
    answer: Response<Bytes>,
    cut_after: Option<usize>,
    pause: Option<Duration>,
) -> Answer {
    let (mut head, body) = answer.into_parts();
    // Of an answer without a body (to `HEAD`), the length is the object's.
    if !body.is_empty() && !head.headers.contains_key(CONTENT_LENGTH) {
        head.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    let body = Paced {
        rest: body.slice(..cut_after.unwrap_or(body.len())),
        pause,
        timer: None,
        cut: cut_after.is_some(),
        flushed: false,
    };
    Response::from_parts(head, body)
}

/// A body that arrives slowly, or not all of it.
pub(super) struct Paced {
    rest: Bytes,
    pause: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
    cut: bool,
    flushed: bool,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if !self.rest.is_empty() {
            let mut size = self.rest.len();
            if let Some(pause) = self.pause {
                let timer = || Box::pin(tokio::time::sleep(pause));
                ready!(self.timer.get_or_insert_with(timer).as_mut().poll(cx));
                self.timer = None;
                size = 1;
            }
            return Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(size)))));
        }
        if !self.cut {
            return Poll::Ready(None);
        }
        // hyper writes out what it has when it must wait, and drops it when the body fails.
        if !self.flushed {
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::Error::other("cut in the body"))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && !self.cut
    }
}
