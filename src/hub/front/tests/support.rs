//! A running port, and clients that speak to it byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as ClientStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::base::Timestamp;
use crate::hub::certificates::Certificates;
use crate::hub::front::{
    AgentDoor, Authenticated, Authority, Binaries, File, Front, FrontConfig, Health, Limits, LiveHandler, Peer, Permit, Routes, Socket,
    listen,
};

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for what must happen, and says so when it does not.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(done) => done,
        Err(_) => panic!("{what} did not happen"),
    }
}

/// What the made-up API and door tell the test.
pub enum Seen {
    /// A call is inside the API and waits for `release`.
    CallHeld,
    Socket,
    SocketEnded,
    Agent(Permit),
}

pub struct FakeRoutes {
    seen: mpsc::UnboundedSender<Seen>,
    pub release: Notify,
}

impl Routes for FakeRoutes {
    fn call(&self, request: Request<Bytes>, peer: Peer) -> BoxFuture<'_, Response<Bytes>> {
        async move {
            let wish = request.headers().get("x-wish").map(|w| w.to_str().unwrap().to_owned());
            match wish.as_deref() {
                Some("panic") => panic!("wished for"),
                Some("hold") => {
                    self.seen.send(Seen::CallHeld).unwrap();
                    self.release.notified().await;
                }
                _ => {}
            }
            let host = request.headers().get("host").map_or("", |h| h.to_str().unwrap());
            let text = format!("{} {} {} {}", request.body().len(), host, peer.tls, peer.loopback);
            let mut response = Response::new(Bytes::from(text));
            if wish.as_deref() == Some("authenticated") {
                response.extensions_mut().insert(Authenticated);
            }
            response
        }
        .boxed()
    }

    fn live(&self, request: Request<()>, _peer: Peer) -> BoxFuture<'_, Result<LiveHandler, Response<Bytes>>> {
        let seen = self.seen.clone();
        async move {
            if request.headers().get("authorization").is_some_and(|a| a == "wrong") {
                let mut refused = Response::new(Bytes::from_static(b"who are you"));
                *refused.status_mut() = StatusCode::UNAUTHORIZED;
                return Err(refused);
            }
            let handler: LiveHandler = Box::new(move |socket| echo(socket, seen).boxed());
            Ok(handler)
        }
        .boxed()
    }

    fn file(&self, request: Request<()>, _peer: Peer) -> BoxFuture<'_, Result<File, Response<Bytes>>> {
        async move {
            let name = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            let pieces = ["first ", "and last"].map(|piece| Ok(Bytes::from(piece)));
            Ok(File {
                name,
                length: 14,
                chunks: futures_util::stream::iter(pieces).boxed(),
            })
        }
        .boxed()
    }

    fn metrics(&self) -> String {
        "roadstead_uptime_seconds 1\n".into()
    }

    fn health(&self) -> Health {
        Health::NotReady("the database is being restored".into())
    }
}

async fn echo(mut socket: Socket, seen: mpsc::UnboundedSender<Seen>) {
    seen.send(Seen::Socket).unwrap();
    while let Some(Ok(message)) = socket.incoming.next().await {
        if message.to_text().is_ok_and(|text| text == "I am known") {
            (socket.admitted)();
        }
        if socket.outgoing.send(message).await.is_err() {
            break;
        }
    }
    let _ = seen.send(Seen::SocketEnded);
}

/// A door that keeps every agent until it hangs up, and shows the test its permit.
struct FakeDoor(mpsc::UnboundedSender<Seen>);

impl AgentDoor for FakeDoor {
    fn serve(&self, mut stream: TlsStream<TcpStream>, _peer: SocketAddr, permit: Permit) -> BoxFuture<'static, ()> {
        let seen = self.0.clone();
        async move {
            let _ = seen.send(Seen::Agent(permit.clone()));
            let _ = stream.write_all(b"hello agent").await;
            let _ = stream.read(&mut [0]).await;
        }
        .boxed()
    }
}

/// A running port on loopback; it stops when dropped.
pub struct TestPort {
    pub address: SocketAddr,
    pub routes: Arc<FakeRoutes>,
    pub seen: mpsc::UnboundedReceiver<Seen>,
    pub shutdown: CancellationToken,
    pub front: Arc<Front>,
    pub certificates: Certificates,
    _data: TempDir,
    served: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for TestPort {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl TestPort {
    pub async fn start(limits: Limits) -> Self {
        Self::start_with(limits, Binaries::new).await
    }

    pub async fn start_with(limits: Limits, binaries: impl FnOnce(&std::path::Path) -> Binaries) -> Self {
        let data = tempfile::tempdir().unwrap();
        let certificates = Certificates::open(data.path(), &[], now()).unwrap();
        let mut agent_tls = (*certificates.server_config().unwrap()).clone();
        agent_tls.alpn_protocols = vec![b"roadstead/1".to_vec()];
        let config = FrontConfig {
            web_tls: certificates.server_config().unwrap(),
            agent_tls: Arc::new(agent_tls),
            authority: Authority {
                pem: certificates.ca_pem(),
                fingerprint: certificates.ca_fingerprint(),
            },
            binaries: binaries(data.path()),
            limits,
        };
        let (tell, seen) = mpsc::unbounded_channel();
        let routes = Arc::new(FakeRoutes {
            seen: tell.clone(),
            release: Notify::new(),
        });
        let shutdown = CancellationToken::new();
        let doors = Arc::new(FakeDoor(tell));
        let front = Arc::new(Front::new(config, Arc::clone(&routes) as Arc<dyn Routes>, doors, shutdown.clone()));
        let listeners = listen(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let served = tokio::spawn(Arc::clone(&front).serve(listeners));
        Self {
            address,
            routes,
            seen,
            shutdown,
            front,
            certificates,
            _data: data,
            served: Some(served),
        }
    }

    /// Waits until the port has stopped and everything on it has ended.
    pub async fn stopped(&mut self) {
        let served = self.served.take().unwrap();
        soon("the port's end", served).await.unwrap();
    }

    pub async fn next(&mut self) -> Seen {
        soon("a sign of the other side", self.seen.recv()).await.unwrap()
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub async fn connect_tls(&self, alpn: &[&str]) -> std::io::Result<ClientStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(&self.certificates.ca_pem()).unwrap();
        roots.add(ca).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|a| a.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.connect().await).await
    }

    /// One request over plain HTTP/1.1.
    pub async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Response<Bytes> {
        let mut client = Http1::over(self.connect().await).await;
        client.send(request, body).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Response<Bytes> {
        self.send(Request::get(path).header("host", "localhost"), "").await
    }

    /// Whether a stranger still gets an answer.
    pub async fn is_well(&self) -> bool {
        soon("an answer", self.get("/healthz")).await.status() == StatusCode::OK
    }
}

/// Clients check certificates by the real time.
fn now() -> Timestamp {
    crate::base::Clock::system().now()
}

/// A client that keeps its connection.
pub struct Http1(hyper::client::conn::http1::SendRequest<Full<Bytes>>);

impl Http1 {
    pub async fn over<S>(stream: S) -> Self
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (send, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        Self(send)
    }

    pub async fn send(&mut self, request: http::request::Builder, body: impl Into<Bytes>) -> hyper::Result<Response<Bytes>> {
        self.0.ready().await?;
        whole(self.0.send_request(request.body(Full::new(body.into())).unwrap()).await?).await
    }
}

/// The same over HTTP/2.
pub struct Http2 {
    send: hyper::client::conn::http2::SendRequest<Full<Bytes>>,
    connection: tokio::task::JoinHandle<hyper::Result<()>>,
}

impl Http2 {
    pub async fn over<S>(stream: S) -> Self
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let (send, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        Self { send, connection }
    }

    /// Waits until the hub has closed the connection.
    pub async fn closed(self) {
        let _ = soon("the hub's goodbye", self.connection).await;
    }

    pub async fn send(&mut self, request: http::request::Builder, body: impl Into<Bytes>) -> hyper::Result<Response<Bytes>> {
        self.send.ready().await?;
        whole(self.send.send_request(request.body(Full::new(body.into())).unwrap()).await?).await
    }
}

async fn whole(response: Response<hyper::body::Incoming>) -> hyper::Result<Response<Bytes>> {
    let (head, body) = response.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
}

/// Everything the hub sends until it closes; a reset counts as a close.
pub async fn until_closed(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let read = soon("the connection's end", stream.read_to_end(&mut bytes)).await;
    if let Err(e) = read {
        let closed = matches!(e.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::UnexpectedEof);
        assert!(closed, "{e}");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A socket of the connection's own WebSocket client.
pub type WebSocket = tokio_tungstenite::WebSocketStream<TcpStream>;

pub async fn open_socket(port: &TestPort, path: &str, headers: &[(&str, String)]) -> Result<WebSocket, StatusCode> {
    let mut request = Request::get(format!("ws://{}{path}", port.address))
        .header("host", port.address.to_string())
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(()).unwrap();
    let opened = tokio_tungstenite::client_async(request, port.connect().await);
    match soon("an upgrade", opened).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status()),
        Err(e) => panic!("{e}"),
    }
}
