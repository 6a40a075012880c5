//! The upgrade to a WebSocket, and its heartbeat.
//!
//! Only HTTP/1.1 upgrades (browsers open such a connection for a WebSocket of their own accord). A socket is pinged at a fixed
//! pace and given up when nothing at all came between two pings; a peer that does not read fails the write (see `activity`).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use data_encoding::BASE64;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Sink, Stream, StreamExt};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;

use super::body::Answer;
use super::http::Caller;
use super::routing::text;
use super::{Front, Limits, Permit, origin};
use crate::hub::api::routes::{LIVE_PROTOCOL, LiveHandler, Message, STREAM_PROTOCOL, Socket, SocketError};

/// An answer that a slow peer has not taken yet; more than the longest message we send.
const MAX_UNSENT_BYTES: usize = 8 * 1024 * 1024;
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// Checks the request, has the API authorise it, and switches protocols.
pub(super) async fn open(
    front: &Arc<Front>,
    caller: &Caller,
    mut request: Request<Incoming>,
    protocol: &'static str,
    credential: origin::Credential,
) -> Response<Answer> {
    let (accept, spoken) = match check(&request, protocol) {
        Ok(agreed) => agreed,
        Err(refused) => return *refused,
    };
    if let Err(foreign) = origin::check(request.headers(), request.uri(), caller.peer.tls, credential) {
        return text(StatusCode::FORBIDDEN, format!("{foreign}\n"));
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let handler = match front.routes.live(request.map(drop), caller.peer).await {
        Ok(handler) => handler,
        Err(refused) => return refused.map(Answer::from),
    };
    if protocol == LIVE_PROTOCOL {
        caller.permit.admitted();
    }
    let run = run(Arc::clone(front), caller.permit.clone(), upgrade, handler, spoken);
    front.tasks.spawn(front.until_aborted(run));
    switch(accept, spoken)
}

async fn run(front: Arc<Front>, permit: Permit, upgrade: OnUpgrade, handler: LiveHandler, protocol: Option<&'static str>) {
    let stream = match tokio::time::timeout(front.limits.header, upgrade).await {
        Ok(Ok(upgraded)) => upgraded,
        _ => return tracing::debug!("WebSocket broke during its upgrade"),
    };
    let socket = socket(stream, &front.limits, front.closing.clone(), permit.clone()).await;
    handler(Socket { protocol, ..socket }).await;
    // Whatever the handler did with the socket's parts, the connection kept its place until now.
    drop(permit);
}

/// The key's answer, and the subprotocol.
type Agreed = (HeaderValue, Option<&'static str>);

/// The handshake's rules (RFC 6455, section 4.2.1), and our subprotocol.
fn check(request: &Request<Incoming>, protocol: &'static str) -> Result<Agreed, Box<Response<Answer>>> {
    let headers = request.headers();
    if request.method() != Method::GET
        || request.version() != Version::HTTP_11
        || !has_token(headers, &CONNECTION, "upgrade")
        || !has_token(headers, &UPGRADE, "websocket")
    {
        return Err(upgrade_required("this address takes a WebSocket over HTTP/1.1\n"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|v| v != "13") {
        return Err(upgrade_required("this address takes WebSocket version 13\n"));
    }
    let bad = |words: String| Box::new(text(StatusCode::BAD_REQUEST, words));
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if !BASE64.decode(key).is_ok_and(|k| k.len() == 16) {
        return Err(bad("`Sec-WebSocket-Key` is not the base64 of 16 bytes\n".into()));
    }
    // Amazon's plugin names none; what it says first is its token.
    let spoken = match protocol == STREAM_PROTOCOL && !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        true => None,
        false if has_token(headers, &SEC_WEBSOCKET_PROTOCOL, protocol) => Some(protocol),
        false => return Err(bad(format!("this address takes the WebSocket subprotocol `{protocol}`\n"))),
    };
    let accept = HeaderValue::from_str(&derive_accept_key(key)).map_err(|_| bad("`Sec-WebSocket-Key` has no answer\n".into()))?;
    Ok((accept, spoken))
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).any(|t| t.trim().eq_ignore_ascii_case(token))
}

fn upgrade_required(words: &'static str) -> Box<Response<Answer>> {
    let mut response = text(StatusCode::UPGRADE_REQUIRED, words);
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    Box::new(response)
}

fn switch(accept: HeaderValue, protocol: Option<&'static str>) -> Response<Answer> {
    let mut response = Response::new(Answer::from(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(protocol) = protocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    }
    response
}

async fn socket(stream: Upgraded, limits: &Limits, closing: CancellationToken, permit: Permit) -> Socket {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        // Nothing is held back: a ping must leave although the other half does not flush.
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_UNSENT_BYTES)
        .max_message_size(Some(limits.websocket_message_bytes))
        .max_frame_size(Some(limits.websocket_message_bytes));
    let inner = WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, Some(config)).await;
    let mut pace = tokio::time::interval_at(tokio::time::Instant::now() + limits.websocket_ping, limits.websocket_ping);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let beating = Beating {
        inner,
        pace,
        heard: true,
        closing: closing.cancelled_owned().boxed(),
        ended: false,
    };
    let (outgoing, incoming) = beating.split();
    Socket {
        protocol: None,
        incoming: incoming.boxed(),
        outgoing: Box::pin(outgoing),
        admitted: Box::new(move || permit.admitted()),
    }
}

/// A WebSocket with a heartbeat; its reading half keeps the beat.
struct Beating {
    inner: WebSocketStream<TokioIo<Upgraded>>,
    pace: Interval,
    /// Anything came since the last ping.
    heard: bool,
    closing: BoxFuture<'static, ()>,
    ended: bool,
}

impl Beating {
    /// Pings when it is time; `Err` when the peer gave no sign of life since the last one.
    fn beat(&mut self, cx: &mut Context<'_>) -> Result<(), SocketError> {
        while self.pace.poll_tick(cx).is_ready() {
            if !std::mem::take(&mut self.heard) {
                let silent = std::io::Error::new(std::io::ErrorKind::TimedOut, "the peer answers no ping");
                return Err(SocketError::Io(silent));
            }
            Pin::new(&mut self.inner).start_send(Message::Ping(bytes::Bytes::new()))?;
        }
        Ok(())
    }

    fn say_goodbye(&mut self) {
        let frame = CloseFrame {
            code: CloseCode::Restart,
            reason: "the hub is stopping".into(),
        };
        // A peer that cannot be told finds out when the connection ends.
        let _ = Pin::new(&mut self.inner).start_send(Message::Close(Some(frame)));
    }
}

impl Stream for Beating {
    type Item = Result<Message, SocketError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        if this.closing.poll_unpin(cx).is_ready() {
            this.ended = true;
            this.say_goodbye();
            return Poll::Ready(None);
        }
        loop {
            let next = match this.inner.poll_next_unpin(cx) {
                Poll::Ready(next) => next,
                Poll::Pending => match this.beat(cx) {
                    Ok(()) => return Poll::Pending,
                    Err(e) => Some(Err(e)),
                },
            };
            this.heard = true;
            match next {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => return Poll::Ready(Some(Ok(message))),
                // Pongs and the closing handshake; the library answers pings and closes itself.
                Some(Ok(_)) => {}
                other => {
                    this.ended = true;
                    return Poll::Ready(other);
                }
            }
        }
    }
}

impl Sink<Message> for Beating {
    type Error = SocketError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        Pin::new(&mut self.get_mut().inner).poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), SocketError> {
        Pin::new(&mut self.get_mut().inner).start_send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        Pin::new(&mut self.get_mut().inner).poll_close(cx)
    }
}
