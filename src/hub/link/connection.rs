//! One agent connection from handshake to farewell, in one task.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::FutureExt;
use h2::PingPong;
use h2::client::{self, Connection, SendRequest};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use crate::hub::link::admission::{self, Admitted, Control, First};
use crate::hub::link::intake::{Handlers, Intake};
use crate::hub::link::registry::Handle;
use crate::hub::link::{Gone, NodeKey, Refused, Shared};
use crate::platform::http2::{Pulse, Watched, keep_alive};
use crate::platform::tls::spki_digest;
use crate::wire::control::{ToAgent, ToHub};
use crate::wire::stream::{FrameSink, StreamError};
use crate::wire::{CONNECTION_WINDOW, STREAM_WINDOW};

/// A stranger may fill no more than HTTP/2's own default window; an admitted agent gets the real ones.
const STRANGER_WINDOW: u32 = 65_535;
const SEND_BUFFER: usize = STREAM_WINDOW as usize;
const HEADER_LIST: u32 = 8 * 1024;

type Io = Watched<TlsStream<TcpStream>>;

/// A connection whose agent has not been admitted yet.
struct Line {
    key: NodeKey,
    peer: SocketAddr,
    requests: SendRequest<Bytes>,
    pulse: Arc<Pulse>,
    ping: PingPong,
    driver: Driver,
}

pub(super) async fn serve(shared: &Arc<Shared>, stream: TlsStream<TcpStream>, peer: SocketAddr, on_admitted: Box<dyn FnOnce() + Send>) {
    let Some(line) = Box::pin(open(shared, stream, peer)).await else {
        return;
    };
    // Boxed: the states before and during admission would otherwise stay part of every idle connection's task.
    let work = AssertUnwindSafe(Box::pin(attend(shared, line, on_admitted)));
    if work.catch_unwind().await.is_err() {
        tracing::error!(%peer, "an agent connection panicked; the agent will connect again");
    }
}

async fn open(shared: &Shared, stream: TlsStream<TcpStream>, peer: SocketAddr) -> Option<Line> {
    let key = NodeKey(spki_digest(stream.get_ref().1.peer_certificates()?.first()?));
    // Best effort: without it small frames wait for an acknowledgement.
    let _ = stream.get_ref().0.set_nodelay(true);
    let (io, pulse) = Watched::new(stream);
    let handshake = timeout(shared.limits.first_frame, builder().handshake(io)).await;
    match handshake {
        Ok(Ok((requests, mut connection))) => Some(Line {
            key,
            peer,
            requests,
            pulse,
            ping: connection.ping_pong().expect("asked for once"),
            driver: Driver {
                connection,
                has_ended: false,
            },
        }),
        failed => {
            tracing::debug!(%peer, %key, failed = ?failed.err(), "agent connection failed before HTTP/2");
            None
        }
    }
}

fn builder() -> client::Builder {
    let mut builder = client::Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STRANGER_WINDOW)
        .initial_connection_window_size(STRANGER_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(HEADER_LIST);
    builder
}

async fn attend(shared: &Arc<Shared>, mut line: Line, on_admitted: Box<dyn FnOnce() + Send>) {
    let Some(opened) = Box::pin(begin(shared, &mut line)).await else {
        return;
    };
    let (admitted, control) = opened;
    on_admitted();
    let node = admitted.node.clone();
    tracing::debug!(%node, peer = %line.peer, "agent connected");
    let gone = match line.driver.open_windows() {
        Ok(()) => {
            let steady = Box::pin(steady(shared, &mut line, &admitted, control));
            let ended = AssertUnwindSafe(steady).catch_unwind().await;
            ended.unwrap_or_else(|_| Gone::ProtocolError("the hub failed to serve this connection".into()))
        }
        Err(e) => Gone::ProtocolError(e.to_string()),
    };
    tracing::debug!(%node, ?gone, "agent gone");
    drop(line);
    admitted.claim.withdraw();
    let told = AssertUnwindSafe(shared.inbox.gone(node.clone(), gone)).catch_unwind().await;
    if told.is_err() {
        tracing::error!(%node, "the handler of an agent's end panicked");
    }
    drop(admitted);
}

/// Everything up to the admission; `None` when there was none (the agent has been told why).
async fn begin(shared: &Arc<Shared>, line: &mut Line) -> Option<(Admitted, Control)> {
    let (key, peer) = (line.key, line.peer);
    let requests = line.requests.clone();
    let (control, first) = match line.driver.run(admission::first_frame(shared, requests)).await {
        Ok(opened) => opened,
        Err(e) => {
            tracing::debug!(%peer, %key, error = &e as &dyn std::error::Error, "agent connection ended before admission");
            return None;
        }
    };
    let first = first.bounded();
    match line
        .driver
        .run(admit(shared, line.requests.clone(), line.pulse.clone(), key, first, peer))
        .await
    {
        Ok(admitted) => Some((admitted, control)),
        Err(refused) => {
            tracing::info!(%peer, %key, code = ?refused.code, "agent refused: {}", refused.message);
            let farewell = timeout(shared.limits.farewell, refuse(control, refused));
            let _ = line.driver.run(farewell).await;
            None
        }
    }
}

async fn admit(
    shared: &Arc<Shared>,
    requests: SendRequest<Bytes>,
    pulse: Arc<Pulse>,
    key: NodeKey,
    first: First,
    peer: SocketAddr,
) -> Result<Admitted, Refused> {
    let handle = Handle::new(key, first.place(), requests, pulse);
    admission::admit(shared, handle, first, peer).await
}

/// Tells the agent and waits for it to hang up, so that the words are not lost in a reset.
async fn refuse(mut control: Control, refused: Refused) -> Result<(), StreamError> {
    let Refused { code, message } = refused;
    control.sink.send(&ToAgent::Refused { code, message }).await?;
    control.sink.end()?;
    while control.source.next().await?.is_some() {}
    Ok(())
}

/// The life of an admitted connection; returns when and why it is over, after the handlers of its frames.
async fn steady(shared: &Shared, line: &mut Line, admitted: &Admitted, control: Control) -> Gone {
    let limits = &shared.limits;
    let handle = &*admitted.claim.handle;
    let mut handlers = Handlers::new(&*shared.inbox, admitted.node.clone());
    handlers.start_connected(admitted.running.clone());
    let Control { sink, source } = control;
    let mut intake = Intake::new(source, limits.frame_rate, shared.frames.clone());
    let alive = keep_alive(&mut line.ping, &line.pulse, limits.keep_alive);
    let gone = line
        .driver
        .run(converse(handle, sink, &mut intake, &mut handlers, alive, limits.frames_per_agent))
        .await;
    let _ = line.driver.run(timeout(limits.farewell, handlers.all_ended())).await;
    gone
}

async fn converse(
    handle: &Handle,
    sink: FrameSink,
    intake: &mut Intake,
    handlers: &mut Handlers<'_>,
    alive: impl Future<Output = ()>,
    at_once: usize,
) -> Gone {
    let mut alive = pin!(alive);
    let mut sending = pin!(send_queued(handle, sink));
    let mut stopped = pin!(handle.stopped());
    loop {
        tokio::select! {
            biased;
            why = &mut stopped => return why,
            () = handlers.one_ended(), if !handlers.is_empty() => {}
            arrived = intake.next(), if handlers.len() < at_once => match arrived {
                Ok(Some((frame, permit))) => match checked(frame) {
                    Ok(frame) => handlers.start_frame(frame, permit),
                    Err(gone) => return gone,
                },
                Ok(None) => return Gone::Closed,
                Err(e) => return cut(&e),
            },
            e = &mut sending => return cut(&e),
            () = &mut alive => return Gone::TimedOut,
        }
    }
}

/// A frame for the inbox, or what it means for the connection.
fn checked(frame: ToHub) -> Result<ToHub, Gone> {
    match frame {
        ToHub::Hello(_) | ToHub::Enrol(_) => Err(Gone::ProtocolError("a second first frame".into())),
        ToHub::Goodbye { reason } => Err(Gone::Goodbye(reason)),
        ToHub::Facts(facts) => Ok(ToHub::Facts(facts.bounded())),
        frame => Ok(frame),
    }
}

fn cut(error: &StreamError) -> Gone {
    match error {
        StreamError::Cut(e) if e.is_io() || e.is_go_away() || e.is_reset() => Gone::Closed,
        StreamError::Cut(e) => Gone::ProtocolError(e.to_string()),
        StreamError::Frame(e) => Gone::ProtocolError(e.to_string()),
        StreamError::Session(e) => Gone::ProtocolError(e.to_string()),
    }
}

async fn send_queued(handle: &Handle, mut sink: FrameSink) -> StreamError {
    loop {
        let frame = handle.queue.next().await;
        if let Err(e) = sink.send_encoded(frame).await {
            return e;
        }
    }
}

/// The HTTP/2 connection, moved along while something else is waited for.
struct Driver {
    connection: Connection<Io, Bytes>,
    has_ended: bool,
}

impl Driver {
    /// Drives the connection until `work` is done. When the connection ends first, `work` learns it from its streams.
    async fn run<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(output) = work.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            if !self.has_ended {
                self.has_ended = Pin::new(&mut self.connection).poll(cx).is_ready();
            }
            Poll::Pending
        })
        .await
    }

    fn open_windows(&mut self) -> Result<(), h2::Error> {
        self.connection.set_target_window_size(CONNECTION_WINDOW);
        self.connection.set_initial_window_size(STREAM_WINDOW)
    }
}
