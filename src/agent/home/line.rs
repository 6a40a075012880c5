//! One connection to the hub, on which the hub asks and this agent answers, in one task.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{self, Connection, SendResponse};
use h2::{PingPong, RecvStream};
use http::{Method, Request, StatusCode};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::agent::home::streams::{self, answer};
use crate::agent::home::{Duties, HomeError, Keeper, Timing};
use crate::platform::http2::{Pulse, Watched, keep_alive};
use crate::wire::control::{Goodbye, Refusal, ToAgent, ToHub, Welcome};
use crate::wire::stream::{FrameSink, MessageSource, StreamError};
use crate::wire::{CONNECTION_WINDOW, CONTROL_PATH, MAX_STREAMS, STREAM_WINDOW};

const SEND_BUFFER: usize = STREAM_WINDOW as usize;
const HEADER_LIST: u32 = 8 * 1024;

/// Why a connection came to nothing, or ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the hub's key was accepted, but it did not go on in time")]
    Slow,
    #[error("the hub closed the connection")]
    Closed,
    #[error("the hub fell silent")]
    Silent,
    #[error("the hub sent what is not part of the protocol: {0}")]
    Protocol(String),
    #[error("the hub does not admit this agent ({code:?}): {message}")]
    Refused { code: Refusal, message: String },
}

impl From<StreamError> for Broken {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Cut(e) if e.is_io() || e.is_go_away() || e.is_reset() => Self::Closed,
            StreamError::Cut(e) => Self::Protocol(e.to_string()),
            StreamError::Frame(e) => Self::Protocol(e.to_string()),
            StreamError::Session(e) => Self::Protocol(e.to_string()),
        }
    }
}

impl From<h2::Error> for Broken {
    fn from(error: h2::Error) -> Self {
        StreamError::Cut(error).into()
    }
}

/// A connection with its control stream open.
pub(super) struct Line<D: Duties> {
    driver: Driver<D>,
    ping: PingPong,
    pulse: Arc<Pulse>,
    sink: FrameSink,
    source: MessageSource<ToAgent>,
    /// Kept so that the control stream's answer stays open.
    _respond: SendResponse<Bytes>,
}

impl<D: Duties> Line<D> {
    /// Waits for the hub to take its part and open the control stream.
    pub(super) async fn open(duties: Arc<D>, stream: TlsStream<TcpStream>, timing: &Timing) -> Result<Self, Broken> {
        let opening = timeout(timing.handshake, Self::open_now(duties, stream)).await;
        opening.map_err(|_| Broken::Slow)?
    }

    async fn open_now(duties: Arc<D>, stream: TlsStream<TcpStream>) -> Result<Self, Broken> {
        let (io, pulse) = Watched::new(stream);
        let mut connection = builder().handshake(io).await?;
        let ping = connection.ping_pong().expect("asked for once");
        let (request, mut respond) = connection.accept().await.ok_or(Broken::Closed)??;
        if request.method() != Method::POST || request.uri().path() != CONTROL_PATH {
            return Err(Broken::Protocol("its first request is not for the control stream".into()));
        }
        // The head goes out before the body is read: both bodies flow at once.
        let sink = FrameSink::new(answer(&mut respond, StatusCode::OK, false)?);
        let source = MessageSource::of_orders(request.into_body());
        let over = CancellationToken::new();
        let driver = Driver {
            connection,
            duties,
            over,
            has_ended: false,
        };
        Ok(Self {
            driver,
            ping,
            pulse,
            sink,
            source,
            _respond: respond,
        })
    }

    /// Says who this agent is and hears whether it is let in.
    pub(super) async fn introduce(&mut self, first: &ToHub, timing: &Timing) -> Result<Welcome, Broken> {
        let (sink, source) = (&mut self.sink, &mut self.source);
        let asking = async {
            sink.send(first).await?;
            match source.next().await?.ok_or(Broken::Closed)? {
                ToAgent::Welcome(welcome) | ToAgent::Enrolled(welcome) => Ok(welcome),
                ToAgent::Refused { code, message } => Err(Broken::Refused { code, message }),
                _ => Err(Broken::Protocol("an order before the welcome".into())),
            }
        };
        let asked = self.driver.run(timeout(timing.admission, asking)).await;
        asked.map_err(|_| Broken::Slow)?
    }

    /// Serves the hub until the line breaks or `shutdown`; then the hub is told goodbye.
    pub(super) async fn serve(
        mut self,
        welcome: &Welcome,
        outgoing: &mut mpsc::Receiver<ToHub>,
        timing: &Timing,
        shutdown: &CancellationToken,
        keeper: &mut Keeper<'_>,
    ) -> Result<Broken, HomeError> {
        let duties = self.driver.duties.clone();
        let alive = keep_alive(&mut self.ping, &self.pulse, timing.keep_alive);
        let (answer, mut answers) = mpsc::channel(4);
        let hearing = hear(&*duties, &mut self.source, keeper, answer);
        let speaking = speak(&mut self.sink, outgoing, &mut answers, timing.farewell, shutdown);
        let greeting = duties.connected(&welcome.node, welcome.now_ms);
        let conversation = async {
            let (mut alive, mut hearing, mut speaking) = (pin!(alive), pin!(hearing), pin!(speaking));
            let mut greeting = pin!(greeting);
            let mut has_greeted = false;
            loop {
                tokio::select! {
                    biased;
                    // First of all: it sets the hub's time, by which the first order is judged, and that may have come already.
                    () = &mut greeting, if !has_greeted => has_greeted = true,
                    broken = &mut hearing => return broken,
                    broken = &mut speaking => return Ok(broken),
                    () = &mut alive => return Ok(Broken::Silent),
                }
            }
        };
        self.driver.run(conversation).await
    }
}

/// Hands every frame of the hub to the agent, in order.
async fn hear<D: Duties>(
    duties: &D,
    source: &mut MessageSource<ToAgent>,
    keeper: &mut Keeper<'_>,
    answer: mpsc::Sender<ToHub>,
) -> Result<Broken, HomeError> {
    loop {
        match source.next().await {
            Ok(Some(ToAgent::Welcome(_) | ToAgent::Enrolled(_) | ToAgent::Refused { .. })) => {
                return Ok(Broken::Protocol("a second welcome".into()));
            }
            Ok(Some(ToAgent::Succession { links, is_open })) => {
                let trusts = keeper.succeed(duties, &links, is_open).await?;
                // Whoever speaks is gone only when the line is.
                let _ = answer.send(trusts).await;
            }
            Ok(Some(frame)) => duties.deliver(frame).await,
            Ok(None) => return Ok(Broken::Closed),
            Err(e) => return Ok(e.into()),
        }
    }
}

/// Sends what the agent has to say. After `shutdown` it says goodbye and gives the hub a moment to hang up.
async fn speak(
    sink: &mut FrameSink,
    outgoing: &mut mpsc::Receiver<ToHub>,
    answers: &mut mpsc::Receiver<ToHub>,
    farewell: Duration,
    shutdown: &CancellationToken,
) -> Broken {
    let end = loop {
        let frame = tokio::select! {
            biased;
            () = shutdown.cancelled() => break Ok(()),
            Some(frame) = answers.recv() => Some(frame),
            frame = outgoing.recv() => frame,
        };
        let Some(frame) = frame else {
            shutdown.cancelled().await;
            break Ok(());
        };
        match sink.send(&frame).await {
            Ok(()) => {}
            // The agent made a frame that no line can carry; repeating it would not help, and the others must go on.
            Err(StreamError::Frame(error)) => tracing::error!(%error, "a frame was not sent"),
            Err(e) => break Err(e),
        }
    };
    let said = async {
        end?;
        let reason = Goodbye::Stopping;
        sink.send(&ToHub::Goodbye { reason }).await?;
        sink.end()?;
        // The hub hangs up when it has read this; until then the bytes may still be on their way.
        std::future::pending::<Result<(), StreamError>>().await
    };
    match timeout(farewell, said).await {
        Ok(Err(e)) => e.into(),
        Ok(Ok(())) | Err(_) => Broken::Closed,
    }
}

fn builder() -> server::Builder {
    let mut builder = server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_STREAMS)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(HEADER_LIST);
    builder
}

type Accepted = (Request<RecvStream>, SendResponse<Bytes>);

/// The HTTP/2 connection, moved along while something else is waited for; the hub's streams are served on the way.
struct Driver<D: Duties> {
    connection: Connection<Watched<TlsStream<TcpStream>>, Bytes>,
    duties: Arc<D>,
    /// Tells the tasks of the hub's streams that the line is over.
    over: CancellationToken,
    has_ended: bool,
}

impl<D: Duties> Driver<D> {
    /// Drives the connection until `work` is done. When the connection ends first, `work` learns it from its streams.
    async fn run<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(output) = work.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            while !self.has_ended {
                match self.connection.poll_accept(cx) {
                    Poll::Ready(Some(Ok(accepted))) => self.serve(accepted),
                    Poll::Ready(_) => self.has_ended = true,
                    Poll::Pending => break,
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Each of the hub's streams has a task: a slow one must not hold up the others.
    fn serve(&self, (request, respond): Accepted) {
        tokio::spawn(streams::serve(self.duties.clone(), request, respond, self.over.clone()));
    }
}

impl<D: Duties> Drop for Driver<D> {
    fn drop(&mut self) {
        self.over.cancel();
    }
}
