//! The demultiplexer: the first bytes of a connection decide what it is, within a deadline.
//!
//! ```text
//! 0x16 ── TLS ── ALPN `roadstead/1` ──► agents          `SSH-` or 2 s of silence ──► closed
//!          └──── anything else ───────► web, API        an ASCII capital ──────────► plain HTTP
//! ```
//!
//! Each stage is boxed when it begins: a connection that says nothing, of which there may be thousands, costs a kilobyte.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::http::{self, Caller, Entry};
use super::{Front, Peer, Permit};
use crate::wire;

/// What an SSH client is told; lines before the server's version are allowed by its protocol.
const NO_SSH: &[u8] = b"This port speaks no SSH. For a shell on a node use `roadstead ssh NODE` or the web console.\r\n";

/// What the first bytes announced.
enum Arrival {
    Agent(Box<TlsStream<TcpStream>>),
    Web(Box<TlsStream<TcpStream>>),
    Plain(TcpStream),
    /// Nothing for us: a silent peer, an SSH client, garbage, a broken handshake.
    None(&'static str),
}

/// One accepted connection, to its end (an agent's: until its door took it over).
pub(super) async fn receive(front: Arc<Front>, stream: TcpStream, address: SocketAddr, permit: Permit) {
    let deadline = Instant::now() + front.limits.handshake;
    let arrival = match timeout_at(deadline, greet(&front, stream)).await {
        Ok(Ok(arrival)) => arrival,
        Ok(Err(e)) => return tracing::debug!(%address, error = %e, "connection broke during its handshake"),
        Err(_) => return tracing::debug!(%address, "handshake took too long; connection closed"),
    };
    let loopback = address.ip().to_canonical().is_loopback();
    let peer = |tls| Peer { address, tls, loopback };
    let is_stopping = front.closing.is_cancelled();
    // Whoever comes during the drain does not lengthen it.
    let _awaited = (!is_stopping).then(|| front.tasks.token());
    match arrival {
        Arrival::Agent(_) if is_stopping => tracing::debug!(%address, "agent sent away: the hub is stopping"),
        Arrival::None(why) => tracing::debug!(%address, "connection closed: {why}"),
        Arrival::Agent(stream) => {
            let agents = Arc::clone(&front.agents);
            front.agent_tasks.spawn(agents.serve(*stream, address, permit));
        }
        Arrival::Web(stream) => {
            let caller = Caller::new(peer(true), permit, Entry::Served);
            let multiplexed = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            Box::pin(http::serve(front, *stream, caller, multiplexed)).await;
        }
        Arrival::Plain(stream) => {
            let entry = if loopback { Entry::Served } else { Entry::SentToTls };
            Box::pin(http::serve(front, stream, Caller::new(peer(false), permit, entry), false)).await;
        }
    }
}

async fn greet(front: &Front, mut stream: TcpStream) -> io::Result<Arrival> {
    let mut first = [0];
    match timeout(front.limits.first_byte, stream.peek(&mut first)).await {
        Err(_) => return Ok(Arrival::None("silent")),
        Ok(Ok(0)) => return Ok(Arrival::None("closed by its peer")),
        Ok(Ok(_)) => {}
        Ok(Err(e)) => return Err(e),
    }
    match first[0] {
        0x16 => Box::pin(shake_hands(front, stream)).await,
        // No method of HTTP that we know begins with S, so this can only be `SSH-`.
        b'S' => {
            // Closing over unread bytes would reset the connection and lose the words.
            let _greeting = stream.read(&mut [0; 1024]).await?;
            stream.write_all(NO_SSH).await?;
            stream.shutdown().await?;
            Ok(Arrival::None("an SSH client"))
        }
        b'A'..=b'Z' => Ok(Arrival::Plain(stream)),
        _ => Ok(Arrival::None("not a protocol of ours")),
    }
}

async fn shake_hands(front: &Front, stream: TcpStream) -> io::Result<Arrival> {
    let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
    let is_agent = start
        .client_hello()
        .alpn()
        .is_some_and(|mut offered| offered.any(|protocol| protocol == wire::ALPN));
    match is_agent {
        true => Ok(Arrival::Agent(Box::new(start.into_stream(Arc::clone(&front.agent_tls)).await?))),
        false => Ok(Arrival::Web(Box::new(start.into_stream(Arc::clone(&front.web_tls)).await?))),
    }
}
