//! Bodies: requests are collected within limits and a hub-wide budget, answers know how long they are in flight.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Limits;
use super::activity::InFlight;

/// A whole request body and its share of the budget.
pub(super) struct Collected {
    pub bytes: Bytes,
    pub share: Option<OwnedSemaphorePermit>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the request body is longer than {0} bytes")]
    TooLong(usize),
    #[error("the request body did not arrive within {} seconds", .0.as_secs())]
    TooSlow(Duration),
    #[error("the hub holds as many request bodies as it may; try again in a moment")]
    Busy,
    #[error("the request body broke off")]
    Broken(#[source] hyper::Error),
}

/// The hub-wide budget of bytes in request bodies.
#[derive(Clone)]
pub(super) struct Budget(Arc<Semaphore>);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Memory is accounted as bytes arrive, not as they are announced: an announcement costs the sender nothing.
    async fn take(&self, share: &mut Option<OwnedSemaphorePermit>, bytes: usize, wait: Duration) -> Result<(), BodyError> {
        let permits = u32::try_from(bytes).map_err(|_| BodyError::Busy)?;
        let more = timeout(wait, Arc::clone(&self.0).acquire_many_owned(permits)).await;
        let more = more.map_err(|_| BodyError::Busy)?.expect("the budget is never closed");
        match share {
            Some(share) => share.merge(more),
            None => *share = Some(more),
        }
        Ok(())
    }
}

/// Reads a body to its end.
///
/// *Errors*: a body that announces too much is refused before it is read; then, and when more comes than allowed, a bounded
/// rest is read and thrown away, so that a client that sends before it listens sees the refusal.
pub(super) async fn collect(mut body: Incoming, limits: &Limits, budget: &Budget) -> Result<Collected, BodyError> {
    if body.is_end_stream() {
        return Ok(Collected {
            bytes: Bytes::new(),
            share: None,
        });
    }
    let collected = match body.size_hint().lower() > limits.body_bytes as u64 {
        true => Err(BodyError::TooLong(limits.body_bytes)),
        false => {
            let all = timeout(limits.body, read(&mut body, limits, budget)).await;
            all.unwrap_or(Err(BodyError::TooSlow(limits.body)))
        }
    };
    if matches!(collected, Err(BodyError::TooLong(_))) {
        discard(body, limits).await;
    }
    collected
}

async fn read(body: &mut Incoming, limits: &Limits, budget: &Budget) -> Result<Collected, BodyError> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut share = None;
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame.map_err(BodyError::Broken)?.into_data() else {
            continue;
        };
        if first.len() + rest.len() + bytes.len() > limits.body_bytes {
            return Err(BodyError::TooLong(limits.body_bytes));
        }
        budget.take(&mut share, bytes.len(), limits.body_budget_wait).await?;
        match first.is_empty() {
            true => first = bytes,
            false => rest.extend_from_slice(&bytes),
        }
    }
    let bytes = match rest.is_empty() {
        true => first,
        false => [first, rest.freeze()].concat().into(),
    };
    Ok(Collected { bytes, share })
}

async fn discard(mut body: Incoming, limits: &Limits) {
    let mut left = limits.body_bytes.saturating_mul(4);
    let _ = timeout(limits.header, async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    })
    .await;
}

/// An answer's body.
pub(super) struct Answer {
    content: Content,
    _in_flight: Option<InFlight>,
}

enum Content {
    Whole(Option<Bytes>),
    Stream {
        bytes: BoxStream<'static, io::Result<Bytes>>,
        length: u64,
    },
}

impl Answer {
    /// A file on its way, of a length known beforehand.
    pub(super) fn stream(bytes: BoxStream<'static, io::Result<Bytes>>, length: u64) -> Self {
        Self {
            content: Content::Stream { bytes, length },
            _in_flight: None,
        }
    }

    /// Ties the request's time in flight to this body.
    pub(super) fn in_flight(mut self, guard: InFlight) -> Self {
        self._in_flight = Some(guard);
        self
    }

    pub(super) fn length(&self) -> u64 {
        match &self.content {
            Content::Whole(bytes) => bytes.as_ref().map_or(0, |b| b.len() as u64),
            Content::Stream { length, .. } => *length,
        }
    }
}

impl<B: Into<Bytes>> From<B> for Answer {
    fn from(bytes: B) -> Self {
        let bytes = bytes.into();
        Self {
            content: Content::Whole((!bytes.is_empty()).then_some(bytes)),
            _in_flight: None,
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.get_mut().content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Content::Stream { bytes, .. } => bytes.as_mut().poll_next(cx).map(|next| next.map(|b| b.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}
