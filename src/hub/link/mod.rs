//! Connected agents.
use crate::base::id::{CommandId, NodeId};
use crate::wire::control::*;
use crate::wire::run::OutputQuery;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::net::SocketAddr;
use std::sync::Arc;
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeKey(pub [u8; 32]);
#[derive(Clone, Debug)]
pub struct Admission {
    pub node: NodeId,
    pub boot_id: String,
}
#[derive(Clone, Debug)]
pub struct Refused {
    pub code: Refusal,
    pub message: String,
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    Goodbye(Goodbye),
    TimedOut,
    Closed,
    Replaced,
    ProtocolError(String),
    Removed,
    HubStopping,
}
pub trait Inbox: Send + Sync + 'static {
    fn hello(&self, key: NodeKey, hello: Hello, peer: SocketAddr) -> BoxFuture<'_, Result<Admission, Refused>>;
    fn enrol(&self, key: NodeKey, enrol: Enrol, peer: SocketAddr) -> BoxFuture<'_, Result<Admission, Refused>>;
    fn connected(&self, node: NodeId, running: Vec<CommandId>) -> BoxFuture<'_, ()>;
    fn frame(&self, node: NodeId, frame: ToHub) -> BoxFuture<'_, ()>;
    fn gone(&self, node: NodeId, why: Gone) -> BoxFuture<'_, ()>;
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    NotConnected,
    Full,
}
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("nf")]
    NotFound,
    #[error("nc")]
    NotConnected,
}
#[derive(Clone)]
pub struct Link(#[allow(dead_code)] Arc<dyn Inbox>);
pub struct OutputPull;
impl OutputPull {
    pub async fn next(&mut self) -> Option<Result<Bytes, LinkError>> {
        None
    }
}
pub struct SessionSink;
pub struct SessionSource;
impl SessionSink {
    pub async fn send(&mut self, _b: Bytes) -> Result<(), LinkError> {
        Err(LinkError::NotConnected)
    }
}
impl SessionSource {
    pub async fn next(&mut self) -> Option<Result<Bytes, LinkError>> {
        None
    }
}
impl Link {
    pub fn send(&self, _n: &NodeId, _f: ToAgent) -> Result<(), NotSent> {
        Err(NotSent::NotConnected)
    }
    pub fn is_connected(&self, _n: &NodeId) -> bool {
        false
    }
    pub fn connected(&self) -> usize {
        0
    }
    pub async fn output(&self, _n: &NodeId, _q: OutputQuery) -> Result<OutputPull, LinkError> {
        Err(LinkError::NotConnected)
    }
    pub async fn session(&self, _n: &NodeId) -> Result<(SessionSink, SessionSource), LinkError> {
        Err(LinkError::NotConnected)
    }
    pub fn disconnect(&self, _n: &NodeId) {}
    pub async fn close(&self) {}
}
