//! One HTTP connection: limits around the library, a watchdog beside it, good manners at its end.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::activity::{Activity, Verdict, Watched};
use super::body::Answer;
use super::{Front, Peer, Permit, routing};

/// Requests one HTTP/2 connection may have open; each may hold an answer in memory.
const MAX_STREAMS: u32 = 64;
/// What the library buffers of a stream's answer before it waits for the peer.
const STREAM_SEND_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
/// The library refuses a smaller buffer.
const MIN_BUFFER_BYTES: usize = 8192;

/// How the connection came in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Served,
    /// In plain text from another host: told to come back over TLS.
    SentToTls,
}

/// What the requests of one connection share.
#[derive(Clone)]
pub(super) struct Caller {
    pub peer: Peer,
    pub permit: Permit,
    pub entry: Entry,
}

impl Caller {
    pub(super) fn new(peer: Peer, permit: Permit, entry: Entry) -> Self {
        Self { peer, permit, entry }
    }
}

/// Serves requests until the peer leaves, falls silent, drips, or the hub stops.
pub(super) async fn serve<S>(front: Arc<Front>, stream: S, caller: Caller, multiplexed: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::new(multiplexed);
    let stream = TokioIo::new(Watched::new(stream, activity.clone(), front.limits.write_stall));
    let address = caller.peer.address;
    let service = {
        let (front, activity) = (Arc::clone(&front), activity.clone());
        service_fn(move |request: Request<Incoming>| {
            let in_flight = activity.begin();
            let (front, caller) = (Arc::clone(&front), caller.clone());
            // Boxed: the library keeps room for a request's states in every connection, and most of those wait for one.
            Box::pin(async move {
                let response: Response<Answer> = routing::answer(front, caller, request).await;
                Ok::<_, Infallible>(response.map(|body| body.in_flight(in_flight)))
            })
        })
    };
    let builder = builder(&front, multiplexed);
    // Boxed: on its way to the watchdog it would otherwise be kept in three places.
    let connection = Box::pin(builder.serve_connection_with_upgrades(stream, service));
    let ended = watch(&front, &activity, connection).await;
    if let Err(e) = ended {
        tracing::debug!(%address, error = %e, "connection ended");
    }
}

/// The protocol is known from the handshake; the library does not guess.
fn builder(front: &Front, multiplexed: bool) -> Builder<TokioExecutor> {
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = match multiplexed {
        true => builder.http2_only(),
        false => builder.http1_only(),
    };
    // The library's header timer would run while the connection is idle; the watchdog tells the two apart.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(front.limits.header_bytes.max(MIN_BUFFER_BYTES))
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(front.limits.header_bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(STREAM_SEND_BYTES)
        .keep_alive_interval(front.limits.websocket_ping)
        .keep_alive_timeout(front.limits.websocket_ping);
    builder
}

/// Drives a connection beside its watchdog.
async fn watch<C>(front: &Front, activity: &Activity, mut connection: Pin<Box<C>>) -> Result<(), C::Error>
where
    C: GracefulConnection,
{
    let mut closing = pin!(front.closing.cancelled());
    // One that came during the drain is to get its answer, which says that it is the last.
    let mut stopping = front.closing.is_cancelled();
    let mut alarm = pin!(tokio::time::sleep(front.limits.header));
    loop {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = closing.as_mut(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = alarm.as_mut() => match activity.verdict(&front.limits) {
                // A header may begin at any moment, so no look is further away than a header may take.
                Verdict::Until(next) => alarm.as_mut().reset(next.min(Instant::now() + front.limits.header)),
                // The second time nothing ended it: the goodbye is not heard.
                Verdict::Idle if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                    alarm.as_mut().reset(Instant::now() + front.limits.header);
                }
                Verdict::Idle | Verdict::Dripping => return Ok(()),
            },
        }
    }
}
