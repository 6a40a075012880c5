//! What the port offers of the API: the front knows HTTP and sockets, this side knows what they mean.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Sink;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use http::{Request, Response};
use tokio_tungstenite::tungstenite;

/// The hub's API as the port sees it.
pub trait Routes: Send + Sync + 'static {
    /// `POST /` and `POST /api`. The body is whole and within the limit.
    ///
    /// An answer that carries [`Authenticated`] in its extensions tells the port that the caller proved who it is; its
    /// connection then no longer counts as a stranger's.
    fn call(&self, request: Request<Bytes>, peer: Peer) -> BoxFuture<'_, Response<Bytes>>;

    /// `GET /live` and `GET /stream/<id>` that ask for a WebSocket, before the upgrade. The origin is checked already, and
    /// the subprotocol is the one of the path ([`LIVE_PROTOCOL`], [`STREAM_PROTOCOL`]); for a stream also none.
    fn live(&self, request: Request<()>, peer: Peer) -> BoxFuture<'_, Result<LiveHandler, Response<Bytes>>>;

    /// `GET /attachments/…`: a file for whoever has an address that the hub has signed.
    fn file(&self, request: Request<()>, peer: Peer) -> BoxFuture<'_, Result<File, Response<Bytes>>>;

    /// For `/readyz`.
    fn health(&self) -> Health;

    /// For `/metrics`: the text format of Prometheus.
    fn metrics(&self) -> String;
}

pub const LIVE_PROTOCOL: &str = "roadstead.live.v1";
pub const STREAM_PROTOCOL: &str = "roadstead.session.v1";

/// Who is at the other end, as far as the network tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
    pub tls: bool,
    pub loopback: bool,
}

/// A file on its way.
pub struct File {
    /// Of letters, digits, `-`, `_` and `.` only.
    pub name: String,
    pub length: u64,
    pub chunks: BoxStream<'static, io::Result<Bytes>>,
}

/// Marks the answer to a caller who is known; see [`Routes::call`].
#[derive(Clone, Copy, Debug)]
pub struct Authenticated;

/// Whether the hub can do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Ready,
    /// Why not, in a sentence for the operator.
    NotReady(String),
}

/// Runs one WebSocket to its end.
pub type LiveHandler = Box<dyn FnOnce(Socket) -> BoxFuture<'static, ()> + Send>;

pub type Message = tungstenite::Message;
pub type SocketError = tungstenite::Error;

/// An open WebSocket. Pings, pongs and the closing handshake are the port's business.
pub struct Socket {
    /// The subprotocol; `None` when the peer asked for none at all, which only `/stream` allows.
    pub protocol: Option<&'static str>,
    /// Text and binary messages; ends when the peer closes, falls silent or the hub stops.
    pub incoming: BoxStream<'static, Result<Message, SocketError>>,
    /// Sending waits while the peer does not read; `close` says goodbye.
    pub outgoing: Pin<Box<dyn Sink<Message, Error = SocketError> + Send>>,
    /// To be called when the peer proved who it is only inside the socket (`/stream`); `/live` is admitted already.
    pub admitted: Box<dyn Fn() + Send + Sync>,
}
