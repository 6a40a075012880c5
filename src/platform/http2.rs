//! HTTP/2 plumbing for connections whose both ends are ours: who is alive, bytes in, bytes out.
//!
//! The h2 crate is used directly, below hyper: a connection needs PINGs on demand, one task instead of three, and windows
//! that open only after admission.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::{Ping, PingPong, Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// How long a peer may be silent.
#[derive(Clone, Copy, Debug)]
pub struct KeepAlive {
    /// Nothing read for so long: a PING is sent.
    pub idle: Duration,
    /// Nothing read for so long after the PING: the peer is dead.
    pub timeout: Duration,
}

/// When the peer was last heard, and a way to ask whether it is still there.
pub struct Pulse {
    start: Instant,
    last_read_ms: AtomicU64,
    wanted: Notify,
    answered: Notify,
}

impl Pulse {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            last_read_ms: AtomicU64::new(0),
            wanted: Notify::new(),
            answered: Notify::new(),
        })
    }

    fn beat(&self) {
        self.last_read_ms.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// When bytes last came from the peer.
    pub fn last_read(&self) -> Instant {
        self.start + Duration::from_millis(self.last_read_ms.load(Ordering::Relaxed))
    }

    /// Asks the peer with a PING; whether it answered in time.
    ///
    /// Works only while [`keep_alive`] runs for this connection.
    pub async fn is_alive(&self, within: Duration) -> bool {
        let answer = self.answered.notified();
        let mut answer = pin!(answer);
        answer.as_mut().enable();
        self.wanted.notify_one();
        tokio::time::timeout(within, answer).await.is_ok()
    }
}

/// A byte stream that notes when bytes arrive.
pub struct Watched<S> {
    io: S,
    pulse: Arc<Pulse>,
}

impl<S> Watched<S> {
    pub fn new(io: S) -> (Self, Arc<Pulse>) {
        let pulse = Pulse::new();
        (Self { io, pulse: pulse.clone() }, pulse)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.pulse.beat();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Keeps asking a silent peer whether it lives; returns when it does not.
///
/// A peer that is heard anyway is not asked, so of two ends with the same period mostly one sends PINGs.
pub async fn keep_alive(ping: &mut PingPong, pulse: &Pulse, timing: KeepAlive) {
    loop {
        let asked_for = tokio::select! {
            () = pulse.wanted.notified() => true,
            () = sleep_until(pulse.last_read() + timing.idle) => false,
        };
        if !asked_for && pulse.last_read().elapsed() < timing.idle {
            continue;
        }
        if !ask(ping, pulse, timing.timeout).await {
            return;
        }
        pulse.answered.notify_waiters();
    }
}

/// Sends a PING; false when neither its answer nor anything else came for `timeout`.
///
/// A connection that is closed already is not "silent": its streams say so to whoever uses them.
async fn ask(ping: &mut PingPong, pulse: &Pulse, timeout: Duration) -> bool {
    let asked = Instant::now();
    let mut pong = pin!(ping.ping(Ping::opaque()));
    loop {
        let deadline = asked.max(pulse.last_read()) + timeout;
        tokio::select! {
            answer = &mut pong => match answer {
                Ok(_) => return true,
                Err(_) => return std::future::pending().await,
            },
            () = sleep_until(deadline) => {
                if asked.max(pulse.last_read()) + timeout <= Instant::now() {
                    return false;
                }
            }
        }
    }
}

/// The next bytes of a body; reading them gives the sender room for as many more. `None` at its end.
///
/// *Cancel*: nothing is lost.
pub async fn next_bytes(body: &mut RecvStream) -> Option<Result<Bytes, h2::Error>> {
    let bytes = match body.data().await? {
        Ok(bytes) => bytes,
        Err(e) => return Some(Err(e)),
    };
    match body.flow_control().release_capacity(bytes.len()) {
        Ok(()) => Some(Ok(bytes)),
        Err(e) => Some(Err(e)),
    }
}

/// Sends `pending` as the peer's window allows, and empties it on the way.
///
/// *Cancel*: what is left in `pending` has not been sent; go on with it before anything else.
pub async fn send_bytes(stream: &mut SendStream<Bytes>, pending: &mut Bytes) -> Result<(), h2::Error> {
    while !pending.is_empty() {
        stream.reserve_capacity(pending.len());
        while stream.capacity() == 0 {
            match poll_fn(|cx| stream.poll_capacity(cx)).await {
                Some(granted) => granted?,
                None => return Err(Reason::CANCEL.into()),
            };
        }
        let piece = pending.split_to(pending.len().min(stream.capacity()));
        stream.send_data(piece, false)?;
    }
    Ok(())
}
