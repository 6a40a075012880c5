//! What an HTTP connection is doing, as seen at its byte stream, and when that has taken too long.
//!
//! ```text
//!            byte arrives          header complete
//!   Idle ───────────────► Header ─────────────────► Busy ──► (last response sent) ──► Idle
//! ```
//!
//! The HTTP library's own timers cannot tell an idle connection from a dripping header, and know nothing of a peer that stops
//! reading; so the stream below it is watched. HTTP/2 peers send frames of their own accord, so there bytes do not count.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::Limits;

/// Shared by a connection's stream, its requests and its watchdog.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

struct State {
    in_flight: usize,
    phase: Phase,
    since: Instant,
    /// HTTP/2: a byte does not mean that a request begins.
    multiplexed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    First,
    Idle,
    Header,
    Busy,
}

/// The watchdog's answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// In order; look again then.
    Until(Instant),
    /// Nothing was asked for too long: close in good manners.
    Idle,
    /// A request is not coming in fast enough: hang up.
    Dripping,
}

impl Activity {
    pub(super) fn new(multiplexed: bool) -> Self {
        Self(Arc::new(Mutex::new(State {
            in_flight: 0,
            phase: Phase::First,
            since: Instant::now(),
            multiplexed,
        })))
    }

    /// A request's header is complete; it is in flight until the guard goes.
    pub(super) fn begin(&self) -> InFlight {
        self.with(|state| {
            state.in_flight += 1;
            state.phase = Phase::Busy;
        });
        InFlight(self.clone())
    }

    pub(super) fn verdict(&self, limits: &Limits) -> Verdict {
        self.with(|state| {
            let (allowed, late) = match state.phase {
                Phase::Busy => return Verdict::Until(Instant::now() + limits.idle),
                Phase::Idle => (limits.idle, Verdict::Idle),
                Phase::First | Phase::Header => (limits.header, Verdict::Dripping),
            };
            let deadline = state.since + allowed;
            match deadline <= Instant::now() {
                true => late,
                false => Verdict::Until(deadline),
            }
        })
    }

    fn heard(&self) {
        self.with(|state| {
            if state.phase == Phase::Idle && !state.multiplexed {
                state.phase = Phase::Header;
                state.since = Instant::now();
            }
        });
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One request on its way to its answer's last byte.
pub(super) struct InFlight(Activity);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.with(|state| {
            state.in_flight -= 1;
            if state.in_flight == 0 {
                state.phase = Phase::Idle;
                state.since = Instant::now();
            }
        });
    }
}

/// A stream that reports to an [`Activity`] and fails when its peer stops taking bytes.
pub(super) struct Watched<S> {
    inner: S,
    activity: Activity,
    stall_limit: Duration,
    stall: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    pub(super) fn new(inner: S, activity: Activity, stall_limit: Duration) -> Self {
        Self {
            inner,
            activity,
            stall_limit,
            stall: None,
        }
    }

    /// Turns a write that has been pending for too long into an error.
    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall = None;
            return written;
        }
        let limit = self.stall_limit;
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(stall.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes no bytes")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            this.activity.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(cx, bytes);
        this.watch(cx, written)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write_vectored(cx, bytes);
        this.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.inner).poll_flush(cx);
        this.watch(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let closed = Pin::new(&mut this.inner).poll_shutdown(cx);
        this.watch(cx, closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    fn limits() -> Limits {
        Limits {
            header: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            ..Limits::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_drips_is_late_however_many_bytes_arrive() {
        let activity = Activity::new(false);
        drop(activity.begin());
        activity.heard();
        tokio::time::advance(Duration::from_secs(9)).await;
        activity.heard();
        assert!(matches!(activity.verdict(&limits()), Verdict::Until(_)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(activity.verdict(&limits()), Verdict::Dripping);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_flight_is_never_late_and_an_idle_connection_ends() {
        let activity = Activity::new(true);
        let request = activity.begin();
        tokio::time::advance(Duration::from_secs(1000)).await;
        assert!(matches!(activity.verdict(&limits()), Verdict::Until(_)));
        drop(request);
        activity.heard();
        tokio::time::advance(Duration::from_secs(75)).await;
        assert_eq!(activity.verdict(&limits()), Verdict::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_stops_reading_fails_the_write() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut stream = Watched::new(ours, Activity::new(false), Duration::from_secs(30));
        let refused = stream.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
    }
}
