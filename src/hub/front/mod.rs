//! The port: one TCP port for browsers, programs and agents, told apart by their first bytes (see `door`).
//!
//! Everything here happens before anybody is known, so everything is bounded in bytes, time and number (`Limits`): first byte,
//! handshake, header, body, idle time, unread answers, and the connections of one address (`admission`). One connection is
//! one task; what it does wrong ends with it. What is served to whom is decided behind [`Routes`] and [`AgentDoor`]; the port
//! itself answers only what everyone may have: the console's files, the CA, the join script, binaries and health.
//!
//! Called by `hub`, which ties it to the API and the agent link. Stopping: requests and WebSockets get [`Limits::drain`] to end
//! (WebSockets are told), then the rest is cut and the listeners close. Until then whoever comes anew hears of health, which is that
//! the hub is stopping, and is otherwise sent away: a load balancer has to ask to know. Agents belong to their door, which ends them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::platform::memory;

mod activity;
mod admission;
pub mod binaries;
mod body;
mod door;
mod downloads;
mod headers;
mod http;
pub mod join;
mod limits;
mod listen;
mod origin;
mod routing;
mod websocket;

pub use crate::hub::api::routes::{
    Authenticated, File, Health, LIVE_PROTOCOL, LiveHandler, Message, Peer, Routes, STREAM_PROTOCOL, Socket, SocketError,
};
pub use admission::Permit;
pub use binaries::Binaries;
pub use limits::Limits;
pub use listen::{ListenError, listen};

/// Where agents go once their TLS handshake is done; their key is judged behind it.
pub trait AgentDoor: Send + Sync + 'static {
    /// Serves one agent's connection to its end. [`Permit::admitted`] is called as soon as the agent is known; the permit
    /// lives as long as the connection.
    fn serve(&self, stream: TlsStream<TcpStream>, peer: SocketAddr, permit: Permit) -> BoxFuture<'static, ()>;
}

/// What the port needs besides its listeners and the two doors behind it.
pub struct FrontConfig {
    /// For browsers and programs: the web certificate, `h2` and `http/1.1`.
    pub web_tls: Arc<ServerConfig>,
    /// For agents: mutual raw keys, `roadstead/1`.
    pub agent_tls: Arc<ServerConfig>,
    pub authority: Authority,
    pub binaries: Binaries,
    pub limits: Limits,
}

/// The CA as served at `/ca.pem`.
#[derive(Clone, Debug)]
pub struct Authority {
    pub pem: Bytes,
    /// SHA-256 of the certificate's DER, in colon-separated hexadecimal.
    pub fingerprint: String,
}

/// What every connection shares.
struct Front {
    routes: Arc<dyn Routes>,
    agents: Arc<dyn AgentDoor>,
    web_tls: Arc<ServerConfig>,
    agent_tls: Arc<ServerConfig>,
    authority: Authority,
    binaries: Binaries,
    script: Bytes,
    limits: Arc<Limits>,
    gate: admission::Gate,
    budget: body::Budget,
    downloads: Arc<Semaphore>,
    /// The listeners, and every connection from its first byte until an agent's door or a WebSocket takes it over.
    arrivals: TaskTracker,
    /// Everything that a drain waits for: HTTP connections that were there before it, and WebSockets. Agents are not among it.
    tasks: TaskTracker,
    agent_tasks: TaskTracker,
    closing: CancellationToken,
    abort: CancellationToken,
}

/// Serves the port until `shutdown`, then drains.
///
/// *Cancel*: dropping it leaves connections to their tasks; cancel `shutdown` instead.
pub async fn serve(
    listeners: Vec<TcpListener>,
    config: FrontConfig,
    routes: Arc<dyn Routes>,
    agents: Arc<dyn AgentDoor>,
    shutdown: CancellationToken,
) {
    Arc::new(Front::new(config, routes, agents, shutdown)).serve(listeners).await;
}

impl Front {
    fn new(config: FrontConfig, routes: Arc<dyn Routes>, agents: Arc<dyn AgentDoor>, closing: CancellationToken) -> Self {
        let limits = Arc::new(config.limits);
        Self {
            routes,
            agents,
            web_tls: config.web_tls,
            agent_tls: config.agent_tls,
            authority: config.authority,
            binaries: config.binaries,
            script: Bytes::from_static(join::script().as_bytes()),
            gate: admission::Gate::new(Arc::clone(&limits)),
            budget: body::Budget::new(limits.body_budget),
            downloads: Arc::new(Semaphore::new(limits.downloads)),
            limits,
            arrivals: TaskTracker::new(),
            tasks: TaskTracker::new(),
            agent_tasks: TaskTracker::new(),
            closing,
            abort: CancellationToken::new(),
        }
    }

    async fn serve(self: Arc<Self>, listeners: Vec<TcpListener>) {
        for listener in listeners {
            self.arrivals.spawn(accept(Arc::clone(&self), listener));
        }
        self.arrivals.spawn(give_back(Arc::clone(&self)));
        self.closing.cancelled().await;
        self.drain().await;
    }

    async fn drain(&self) {
        self.tasks.close();
        if tokio::time::timeout(self.limits.drain, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "connections cut: they did not end in time");
        }
        self.abort.cancel();
        self.arrivals.close();
        self.tasks.wait().await;
        self.arrivals.wait().await;
    }

    /// Runs to the end, or until the drain's patience is over.
    fn until_aborted<W>(&self, work: W) -> impl Future<Output = ()> + Send + use<W>
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let abort = self.abort.clone();
        async move {
            tokio::select! {
                () = abort.cancelled() => {}
                () = work => {}
            }
        }
    }
}

/// How often it is looked whether a crowd has left, and how many make one.
const CROWD_LOOK: Duration = Duration::from_secs(15);
const CROWD: usize = 1000;

/// After a flood or a storm the allocator holds what thousands of connections needed; the kernel gets it back.
async fn give_back(front: Arc<Front>) {
    let mut most = 0;
    while !front.closing.is_cancelled() {
        // An HTTP connection is among both, one that has not said a word yet among the arrivals, a WebSocket among the tasks.
        let now = front.arrivals.len().max(front.tasks.len()) + front.agent_tasks.len();
        most = most.max(now);
        if most - now >= CROWD {
            most = now;
            let _ = tokio::task::spawn_blocking(memory::release_free).await;
        }
        tokio::select! {
            () = front.closing.cancelled() => {}
            () = tokio::time::sleep(CROWD_LOOK) => {}
        }
    }
}

async fn accept(front: Arc<Front>, listener: TcpListener) {
    let mut pause = Pause::default();
    loop {
        let accepted = tokio::select! {
            () = front.abort.cancelled() => return,
            accepted = async {
                let place = front.gate.place().await;
                listener.accept().await.map(|(stream, address)| (place, stream, address))
            } => accepted,
        };
        let (place, stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                pause.after(&e).await;
                continue;
            }
        };
        pause = Pause::default();
        // Keystrokes and frames are small and must not wait for company.
        if let Err(e) = stream.set_nodelay(true) {
            tracing::debug!(%address, error = %e, "connection broke before it began");
            continue;
        }
        let work = enter(Arc::clone(&front), stream, address, place);
        front.arrivals.spawn(front.until_aborted(work));
    }
}

async fn enter(front: Arc<Front>, stream: TcpStream, address: SocketAddr, place: tokio::sync::OwnedSemaphorePermit) {
    match front.gate.enter(address.ip(), place).await {
        Ok(permit) => door::receive(front, stream, address, permit).await,
        Err(full) => tracing::debug!(%address, ?full, "connection refused: its address has too many unauthenticated ones"),
    }
}

/// Waits a little longer after each failed accept: without descriptors it fails at once and would burn a core.
#[derive(Default)]
struct Pause(Option<Duration>);

impl Pause {
    const FIRST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_secs(1);

    async fn after(&mut self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            return;
        }
        let pause = self.0.map_or(Self::FIRST, |last| (last * 2).min(Self::LONGEST));
        if self.0.is_none() {
            tracing::error!(error = %error, "no connection could be accepted; trying again");
        }
        self.0 = Some(pause);
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests;
