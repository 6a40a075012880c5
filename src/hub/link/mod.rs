//! Connected agents: who is admitted, what is sent to them, what they say, and streams opened towards them.
//!
//! ```text
//! port ──TlsStream──► serve ─ HTTP/2 (hub = client) ─ POST /control ─ first frame ─ Inbox::hello | enrol
//!                                  │ refused: one frame, closed
//!                                  ▼ admitted: in the registry, windows opened
//!                     frames in ──► Inbox::frame (64 at once)      Link::send ──► queue ──► frames out
//!                     silence, end, replaced, removed ──► Inbox::gone, out of the registry
//! ```
//!
//! The link knows no capability: what frames mean is the [`Inbox`]'s business, which `hub/mod.rs` hands in.
//!
//! Invariants: a node has at most one connection in the registry; `gone` is called exactly once for each admission, after
//! the handlers of its frames, when the node is no longer connected, and before the same key is admitted again; a connection's work is one task,
//! the caller's of [`Link::serve`], and ends with it; a panic in a handler ends neither the connection nor the process.

mod admission;
mod connection;
mod intake;
mod limits;
mod registry;
mod streams;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;

use crate::base::id::{CommandId, NodeId};
use crate::wire::control::{Enrol, Goodbye, Hello, Refusal, ToAgent, ToHub};
use crate::wire::frame::{self, Parcel};
use crate::wire::node::NodeFacts;
use crate::wire::run::{OutputQuery, ProgressQuery, Report};
use crate::wire::succession::KeyLink;
use crate::wire::{OBJECTS_PATH, PARAMETERS_PATH, SECRETS_PATH, STREAM_WINDOW};

pub use limits::{FrameRate, LinkLimits};
pub use streams::{LinkError, OutputPull, SessionSink, SessionSource};

use registry::Registry;
use streams::Pieces;

/// A node's public key, as SHA-256 of its 44-byte SPKI. The node *is* its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey(pub [u8; 32]);

impl std::fmt::Display for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeKey({self})")
    }
}

/// The handlers behind the link.
pub trait Inbox: Send + Sync + 'static {
    /// A key says it has joined before. The facts are bounded already.
    fn hello(&self, key: NodeKey, hello: Hello, peer: SocketAddr) -> BoxFuture<'_, Result<Admission, Refused>>;

    /// A key asks to join.
    fn enrol(&self, key: NodeKey, enrol: Enrol, peer: SocketAddr) -> BoxFuture<'_, Result<Admission, Refused>>;

    /// How the hub's key came to be ([`crate::wire::succession`]), for agents that pin an earlier one.
    fn succession(&self) -> Vec<KeyLink> {
        Vec::new()
    }

    /// The key says hello, or asks to join, while an agent with it is connected from another system; answers what it is told.
    fn met_twin<'a>(&'a self, meeting: Meeting<'a>) -> BoxFuture<'a, Refused> {
        let message = format!(
            "an agent with this key is connected from another system (machine id `{}`, boot id `{}`); \
             if this node is a copy of that one, delete its identity.key and hub.json and join it anew",
            meeting.connected.1, meeting.connected.0
        );
        Box::pin(std::future::ready(Refused::new(Refusal::Quarantined, message)))
    }

    /// The node is in the registry and `Welcome` stands first in its queue: send it its work.
    fn connected(&self, node: NodeId, running: Vec<CommandId>) -> BoxFuture<'_, ()>;

    /// `Facts` (bounded), `Accepted`, `Rejected` or `Report`. Several of one node run at once, so that their commits are grouped;
    /// each is polled first in the order of arrival.
    fn frame(&self, node: NodeId, frame: ToHub) -> BoxFuture<'_, ()>;

    /// The node's connection has ended: it is not connected any more, and does not come back before this has returned.
    fn gone(&self, node: NodeId, why: Gone) -> BoxFuture<'_, ()>;
}

/// Two systems with one key.
pub struct Meeting<'a> {
    pub key: NodeKey,
    /// Boot id (with the agent's folder) and machine id of the one that is connected.
    pub connected: (String, String),
    pub newcomer: &'a NodeFacts,
    pub peer: SocketAddr,
}

/// Who a connection belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    pub node: NodeId,
    pub boot_id: String,
}

/// A connection that is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: Refusal,
    pub message: String,
}

impl Refused {
    pub fn new(code: Refusal, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    Goodbye(Goodbye),
    /// Silent for longer than the keep-alive allows.
    TimedOut,
    /// The other side or the line closed it.
    Closed,
    /// The same node connected again.
    Replaced,
    /// It sent what is not part of the protocol.
    ProtocolError(String),
    /// The node was removed from the hub.
    Removed,
    HubStopping,
}

/// Why a frame is not on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    #[error("the node is not connected")]
    NotConnected,
    #[error("the node takes frames more slowly than they are sent")]
    Full,
    #[error("the frame is longer than the protocol allows")]
    TooLong,
}

/// The hub's end of all agent connections. Clones are the same link.
#[derive(Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

/// What every connection needs.
struct Shared {
    inbox: Arc<dyn Inbox>,
    limits: LinkLimits,
    registry: Arc<Registry>,
    /// Handlers of frames running at once, hub-wide: bounds the memory that agents can fill.
    frames: Arc<Semaphore>,
    /// Streams open at once, hub-wide, each counted with the full window it may leave unread.
    streams: Arc<Semaphore>,
    closing: AtomicBool,
}

impl Link {
    pub fn new(inbox: Arc<dyn Inbox>, limits: LinkLimits) -> Self {
        let streams = limits.unread_bytes / STREAM_WINDOW as usize;
        let shared = Shared {
            inbox,
            registry: Arc::default(),
            frames: Arc::new(Semaphore::new(limits.frames_in_flight)),
            streams: Arc::new(Semaphore::new(streams)),
            closing: AtomicBool::new(false),
            limits,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Serves one agent connection to its end. Never panics.
    ///
    /// *Cancel*: the connection is cut and leaves the registry, but `gone` is not called; stop with [`Link::close`] first.
    pub async fn serve(&self, stream: TlsStream<TcpStream>, peer: SocketAddr) {
        self.serve_noting(stream, peer, Box::new(|| ())).await;
    }

    /// Like [`Link::serve`]; `admitted` is called as soon as the agent is let in.
    ///
    /// With it the port counts the connections that have not shown yet who they are.
    pub async fn serve_noting(&self, stream: TlsStream<TcpStream>, peer: SocketAddr, admitted: Box<dyn FnOnce() + Send>) {
        connection::serve(&self.shared, stream, peer, admitted).await;
    }

    /// Queues a frame for a node, in the order of the calls. Queued is not delivered: work is repeated from the database.
    pub fn send(&self, node: &NodeId, frame: &ToAgent) -> Result<(), NotSent> {
        self.send_parcel(node, frame::encode(frame).map_err(|_| NotSent::TooLong)?.into())
    }

    /// The same with a frame that is written already.
    pub fn send_parcel(&self, node: &NodeId, frame: Parcel) -> Result<(), NotSent> {
        let handle = self.shared.registry.node(node).ok_or(NotSent::NotConnected)?;
        handle.queue.push(frame, &self.shared.limits)
    }

    pub fn is_connected(&self, node: &NodeId) -> bool {
        self.shared.registry.node(node).is_some()
    }

    /// How many nodes are connected.
    pub fn connected(&self) -> usize {
        self.shared.registry.nodes()
    }

    /// Opens a stored output stream of a run at a node. See [`OutputQuery`] for what the bytes are.
    pub async fn output(&self, node: &NodeId, query: OutputQuery) -> Result<OutputPull, LinkError> {
        streams::output(&self.shared, node, &query).await
    }

    /// Asks a node how far a run of it has come. See [`ProgressQuery`].
    pub async fn progress(&self, node: &NodeId, query: ProgressQuery) -> Result<Report, LinkError> {
        streams::progress(&self.shared, node, &query).await
    }

    /// Opens an attachment to a shell; the first frame to send is `Open`.
    pub async fn session(&self, node: &NodeId) -> Result<(SessionSink, SessionSource), LinkError> {
        streams::session(&self.shared, node).await
    }

    /// Hands a node the parameters it may have; comes back when its agent has taken them.
    pub async fn parameters(&self, node: &NodeId, values: Bytes) -> Result<(), LinkError> {
        streams::hand_over(&self.shared, node, PARAMETERS_PATH, values).await
    }

    /// Hands a node what one of its runs names of secrets; comes back when its agent has taken it.
    pub async fn secrets(&self, node: &NodeId, secrets: Bytes) -> Result<(), LinkError> {
        streams::hand_over(&self.shared, node, SECRETS_PATH, secrets).await
    }

    /// Hands a node what one of its steps may fetch from object stores; comes back when its agent has taken it.
    pub async fn objects(&self, node: &NodeId, objects: Bytes) -> Result<(), LinkError> {
        streams::hand_over(&self.shared, node, OBJECTS_PATH, objects).await
    }

    /// Sends a node a file for one of its steps, at a path of [`crate::wire::objects::FileFor`]; comes back when the node has it.
    pub async fn file(&self, node: &NodeId, path: &str, pieces: Pieces) -> Result<(), LinkError> {
        streams::file(&self.shared, node, path, pieces).await
    }

    /// Cuts a node's connection because the node was removed.
    pub fn disconnect(&self, node: &NodeId) {
        if let Some(handle) = self.shared.registry.node(node) {
            handle.stop(Gone::Removed);
        }
    }

    /// Admits nobody any more, ends every connection and waits until the last one has left.
    pub async fn close(&self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.registry.stop_all(&Gone::HubStopping);
        self.shared.registry.emptied().await;
    }
}
