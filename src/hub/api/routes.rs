//! What the port offers of the API: the front knows HTTP and sockets, this side knows what they mean.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;

/// An upgraded connection.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What shall happen on a socket once it is open; the subprotocol is the one to confirm.
pub struct SocketTask {
    pub subprotocol: &'static str,
    pub run: Box<dyn FnOnce(Socket) -> BoxFuture<'static, ()> + Send>,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    pub tls: bool,
}

impl Peer {
    pub fn is_loopback(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }
}

/// Whether the hub can do its work now.
pub struct Health {
    pub is_ready: bool,
    pub words: String,
}

/// The hub behind the port.
pub trait Routes: Send + Sync + 'static {
    /// `POST /`: one operation.
    fn call(&self, request: Request<Bytes>, peer: Peer) -> BoxFuture<'_, Response<Bytes>>;

    /// `GET /live` and `GET /stream/<id>`: authorises before the upgrade.
    fn socket(&self, request: Request<()>, peer: Peer) -> BoxFuture<'_, Result<SocketTask, Response<Bytes>>>;

    fn health(&self) -> BoxFuture<'_, Health>;
}
