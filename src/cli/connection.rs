//! One HTTP/1.1 connection to the hub: dial, TLS with the pinned CA, requests one after another, an upgrade at the end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::cli::url::HubUrl;
use crate::platform::resolve::{ResolveError, resolve};

const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest an operation may take; the hub never waits for a node in one.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);
/// A whole frame of output. The library zeroes as much before each read: no more, so that a key's echo does not wait for it.
const READ_BUFFER_BYTES: usize = 36 * 1024;
/// More than any answer of the API; a hub gone wrong must not fill our memory.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

pub type WebSocket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error("{0}")]
    Resolve(ResolveError),
    #[error("nothing answers at {address} ({source})")]
    Dial { address: SocketAddr, source: io::Error },
    #[error("it does not prove to be the pinned hub ({0})")]
    Identity(rustls::Error),
    #[error("no TLS connection came about ({0})")]
    Tls(io::Error),
    #[error("the connection broke ({0})")]
    Broken(String),
    #[error("no answer came within {} s", .0.as_secs())]
    Slow(Duration),
    #[error("the WebSocket was refused with HTTP {status}")]
    NotUpgraded { status: StatusCode, body: Bytes },
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Ready for one request at a time.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub async fn open(url: &HubUrl, tls: Option<&Arc<ClientConfig>>) -> Result<Self, ConnectionError> {
        let socket = dial(url).await?;
        let stream: Box<dyn Stream> = match tls {
            Some(config) => Box::new(secure(url, config, socket).await?),
            None => Box::new(socket),
        };
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tokio::spawn(connection.with_upgrades());
        Ok(Self { sender })
    }

    /// Whether another request can be sent on it.
    pub fn is_usable(&self) -> bool {
        !self.sender.is_closed()
    }

    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, ConnectionError> {
        let exchange = async {
            self.sender.ready().await.map_err(broken)?;
            collected(self.sender.send_request(request).await.map_err(broken)?).await
        };
        timeout(ANSWER_TIMEOUT, exchange)
            .await
            .map_err(|_| ConnectionError::Slow(ANSWER_TIMEOUT))?
    }

    /// Turns the connection into a WebSocket; `request` is the signed GET.
    pub async fn upgrade(mut self, mut request: Request<Full<Bytes>>, protocol: &'static str) -> Result<WebSocket, ConnectionError> {
        let key = generate_key();
        let headers = request.headers_mut();
        for (name, value) in [("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")] {
            headers.insert(name, http::HeaderValue::from_static(value));
        }
        headers.insert("sec-websocket-protocol", http::HeaderValue::from_static(protocol));
        let key_value = http::HeaderValue::from_str(&key).map_err(|e| ConnectionError::Broken(e.to_string()))?;
        headers.insert("sec-websocket-key", key_value);
        let exchange = async {
            self.sender.ready().await.map_err(broken)?;
            self.sender.send_request(request).await.map_err(broken)
        };
        let response = timeout(TLS_TIMEOUT, exchange)
            .await
            .map_err(|_| ConnectionError::Slow(TLS_TIMEOUT))??;
        let accepted = response.headers().get("sec-websocket-accept").map(|v| v.as_bytes());
        if response.status() != StatusCode::SWITCHING_PROTOCOLS || accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            let (status, body) = (response.status(), collected(response).await?.into_body());
            return Err(ConnectionError::NotUpgraded { status, body });
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(broken)?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
        Ok(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await)
    }
}

async fn collected(response: Response<hyper::body::Incoming>) -> Result<Response<Bytes>, ConnectionError> {
    let (head, body) = response.into_parts();
    let bytes = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    let bytes = bytes.map_err(|e| ConnectionError::Broken(e.to_string()))?.to_bytes();
    Ok(Response::from_parts(head, bytes))
}

fn broken(error: hyper::Error) -> ConnectionError {
    let mut text = error.to_string();
    if let Some(cause) = std::error::Error::source(&error) {
        text = format!("{text}: {cause}");
    }
    ConnectionError::Broken(text)
}

/// The first of the hub's addresses that answers.
async fn dial(url: &HubUrl) -> Result<TcpStream, ConnectionError> {
    let mut last = ConnectionError::Broken("it has no address".to_owned());
    for address in addresses(url).await.map_err(ConnectionError::Resolve)? {
        let dialled = timeout(DIAL_TIMEOUT, TcpStream::connect(address)).await;
        match dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(socket) => {
                let _ = socket.set_nodelay(true);
                return Ok(socket);
            }
            Err(source) => last = ConnectionError::Dial { address, source },
        }
    }
    Err(last)
}

pub async fn addresses(url: &HubUrl) -> Result<Vec<SocketAddr>, ResolveError> {
    let addresses = resolve(&url.host).await?;
    Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, url.port)).collect())
}

async fn secure(
    url: &HubUrl,
    config: &Arc<ClientConfig>,
    socket: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, ConnectionError> {
    let host = url.host.split('%').next().unwrap_or_default().to_owned();
    let name = ServerName::try_from(host).map_err(|e| ConnectionError::Tls(io::Error::other(e)))?;
    let connecting = TlsConnector::from(config.clone()).connect(name, socket);
    let done = timeout(TLS_TIMEOUT, connecting)
        .await
        .map_err(|_| ConnectionError::Slow(TLS_TIMEOUT))?;
    done.map_err(|error| match error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(reason)) => ConnectionError::Identity(rustls::Error::InvalidCertificate(reason.clone())),
        _ => ConnectionError::Tls(error),
    })
}
