//! Reaching the hub: all its addresses, the next one started while the first is still silent, the first good key wins.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::agent::home::Timing;
use crate::platform::resolve::{ResolveError, resolve};
use crate::platform::tls::{WrongKey, hub_server_name};
use crate::wire::token::split_address;

/// A line to the hub whose key has been checked.
pub(super) struct Reached {
    /// The address as configured, that led here.
    pub(super) address: String,
    pub(super) stream: TlsStream<TcpStream>,
}

/// Why one address did not lead to the hub.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{}", with_cause(.0))]
    Resolve(#[from] ResolveError),
    #[error("{0}")]
    Connect(#[source] io::Error),
    #[error("no answer in time")]
    TimedOut,
    #[error("{0}")]
    WrongKey(WrongKey),
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] io::Error),
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// No address led to the hub.
#[derive(Debug)]
pub(super) struct NotReached {
    failures: Vec<(String, Failure)>,
}

impl NotReached {
    /// Somebody answered with another key than the pinned one: where, and which.
    pub(super) fn wrong_key(&self) -> Option<(&str, &WrongKey)> {
        self.failures.iter().find_map(|(address, failure)| match failure {
            Failure::WrongKey(wrong) => Some((address.as_str(), wrong)),
            _ => None,
        })
    }
}

impl fmt::Display for NotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the hub cannot be reached at ")?;
        for (at, (address, failure)) in self.failures.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}`{address}` ({failure})")?;
        }
        Ok(())
    }
}

/// Something to try: an address as configured, or one socket address it stands for.
enum Target {
    Address(String),
    Socket(String, SocketAddr),
}

/// What a try gave.
enum Tried {
    Targets(Vec<Target>),
    Reached(Box<Reached>),
    Failed(String, Failure),
}

/// Tries the addresses in order, each a little after the one before it unless that one has failed already.
///
/// *Cancel*: open attempts are closed.
pub(super) async fn dial(addresses: &[String], tls: Arc<ClientConfig>, timing: &Timing) -> Result<Reached, NotReached> {
    let mut waiting: VecDeque<Target> = addresses.iter().cloned().map(Target::Address).collect();
    let mut trying: FuturesUnordered<BoxFuture<'_, Tried>> = FuturesUnordered::new();
    let mut failures = Vec::new();
    let mut start_next = Instant::now();
    loop {
        if trying.is_empty() || start_next <= Instant::now() {
            match waiting.pop_front() {
                Some(target) => trying.push(Box::pin(attempt(target, tls.clone(), timing))),
                None if trying.is_empty() => return Err(NotReached { failures }),
                None => {}
            }
            start_next = Instant::now() + timing.stagger;
        }
        tokio::select! {
            Some(tried) = trying.next() => match tried {
                Tried::Reached(reached) => return Ok(*reached),
                Tried::Failed(address, failure) => {
                    failures.push((address, failure));
                    start_next = Instant::now();
                }
                Tried::Targets(targets) => {
                    targets.into_iter().rev().for_each(|t| waiting.push_front(t));
                    start_next = Instant::now();
                }
            },
            () = sleep_until(start_next), if !waiting.is_empty() => {}
        }
    }
}

async fn attempt(target: Target, tls: Arc<ClientConfig>, timing: &Timing) -> Tried {
    match target {
        Target::Address(address) => match sockets(&address).await {
            Ok(sockets) => Tried::Targets(sockets.into_iter().map(|s| Target::Socket(address.clone(), s)).collect()),
            Err(failure) => Tried::Failed(address, failure),
        },
        Target::Socket(address, socket) => match connect(socket, tls, timing).await {
            Ok(stream) => Tried::Reached(Box::new(Reached { address, stream })),
            Err(failure) => Tried::Failed(address, failure),
        },
    }
}

async fn sockets(address: &str) -> Result<Vec<SocketAddr>, Failure> {
    let malformed = || Failure::Connect(io::Error::new(io::ErrorKind::InvalidInput, "not of the form `host:port`"));
    let (host, port) = split_address(address).ok_or_else(malformed)?;
    Ok(resolve(host).await?.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

async fn connect(socket: SocketAddr, tls: Arc<ClientConfig>, timing: &Timing) -> Result<TlsStream<TcpStream>, Failure> {
    let tcp = timeout(timing.connect, TcpStream::connect(socket))
        .await
        .map_err(|_| Failure::TimedOut)?;
    let tcp = tcp.map_err(Failure::Connect)?;
    // Best effort: without it small frames wait for an acknowledgement.
    let _ = tcp.set_nodelay(true);
    let shaken = timeout(timing.handshake, TlsConnector::from(tls).connect(hub_server_name(), tcp)).await;
    shaken.map_err(|_| Failure::TimedOut)?.map_err(|e| match WrongKey::within(&e) {
        Some(wrong) => Failure::WrongKey(wrong.clone()),
        None => Failure::Tls(e),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::tls::{agent_client_config, hub_server_config, public_key, spki_fingerprint};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    const HUB: [u8; 32] = [1; 32];

    async fn hub(seed: [u8; 32]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(hub_server_config(&seed));
            let mut kept = Vec::new();
            while let Ok((tcp, _)) = listener.accept().await {
                kept.push(acceptor.accept(tcp).await);
            }
        });
        address
    }

    /// Takes connections and never says a word.
    async fn silent() -> (String, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (listener.local_addr().unwrap().to_string(), listener)
    }

    async fn closed() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    }

    fn tls() -> Arc<ClientConfig> {
        agent_client_config(&[2; 32], &spki_fingerprint(&public_key(&HUB)))
    }

    #[tokio::test]
    async fn a_silent_or_closed_address_does_not_hide_a_good_one() {
        let (mute, _open) = silent().await;
        let good = hub(HUB).await;
        let addresses = [closed().await, mute, good.clone()];
        let reached = dial(&addresses, tls(), &Timing::default()).await.unwrap();
        assert_eq!(reached.address, good);
    }

    #[tokio::test]
    async fn an_impostor_does_not_hide_the_hub_either() {
        let good = hub(HUB).await;
        let addresses = [hub([9; 32]).await, good.clone()];
        assert_eq!(dial(&addresses, tls(), &Timing::default()).await.unwrap().address, good);
    }

    #[tokio::test]
    async fn each_failed_address_is_named_with_its_reason() {
        let impostor = hub([9; 32]).await;
        let addresses = [closed().await, impostor.clone()];
        let error = dial(&addresses, tls(), &Timing::default()).await.err().unwrap();
        let (at, wrong) = error.wrong_key().unwrap();
        assert_eq!(
            (at, wrong.found.clone()),
            (impostor.as_str(), spki_fingerprint(&public_key(&[9; 32])))
        );
        let text = error.to_string();
        assert!(
            text.contains(&addresses[0]) && text.contains("refused") && text.contains(&wrong.expected),
            "{text}"
        );
    }
}
