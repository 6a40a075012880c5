//! Streams the hub opens towards one agent: a run's output, an attachment to a shell.
//!
//! Each is an HTTP/2 stream with its own window. What nobody reads stays at the agent, and stands in nobody's way: the
//! connection's window has room for every stream standing still (see [`crate::wire::CONNECTION_WINDOW`]).

use std::sync::Arc;

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::base::id::NodeId;
use crate::hub::link::Shared;
use crate::hub::link::registry::StreamSlot;
use crate::platform::http2::next_bytes;
use crate::wire::run::OutputQuery;
use crate::wire::stream::{self, FrameSink, StreamError};
use crate::wire::{OUTPUT_PATH, SESSION_PATH};

/// Why a stream to an agent is not open, or has ended early.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("the node is not connected")]
    NotConnected,
    #[error("the node has as many streams open as it may have")]
    TooManyStreams,
    #[error("the hub has as many streams open as it may have")]
    HubBusy,
    #[error("the node did not answer in time")]
    TimedOut,
    #[error("the node does not have it")]
    NotFound,
    #[error("the node refused with status {0}")]
    Refused(u16),
    #[error("the stream ended early")]
    Cut(#[from] StreamError),
}

impl From<h2::Error> for LinkError {
    fn from(error: h2::Error) -> Self {
        Self::Cut(error.into())
    }
}

/// A stream's place among those of its agent and of the hub; given back by drop.
struct Place {
    _of_agent: StreamSlot,
    _of_hub: OwnedSemaphorePermit,
}

/// The bytes of an output stream. Dropping it ends the pull at the agent.
pub struct OutputPull {
    body: RecvStream,
    _place: Place,
}

impl OutputPull {
    /// The next bytes; `None` at the end, an error when it was cut before. *Cancel*: nothing is lost.
    pub async fn next(&mut self) -> Option<Result<Bytes, LinkError>> {
        Some(next_bytes(&mut self.body).await?.map_err(LinkError::from))
    }
}

/// The hub's frames to a shell.
pub struct SessionSink {
    sink: FrameSink,
}

impl SessionSink {
    /// Sends one frame (kind and payload); waits while the agent does not take it.
    ///
    /// *Cancel*: a frame half sent is finished before the next one.
    pub async fn send(&mut self, frame: Bytes) -> Result<(), LinkError> {
        Ok(self.sink.send_raw(&frame).await?)
    }
}

impl Drop for SessionSink {
    /// The agent sees the end of the hub's side; a frame cut in the middle resets the stream instead.
    fn drop(&mut self) {
        self.sink.end_or_reset();
    }
}

/// A shell's frames to the hub. Dropping it (with the sink) detaches.
pub struct SessionSource {
    source: stream::SessionSource,
    _place: Place,
}

impl SessionSource {
    /// The next frame (kind and payload), not looked into. *Cancel*: nothing is lost.
    pub async fn next(&mut self) -> Option<Result<Bytes, LinkError>> {
        Some(self.source.next_raw().await?.map_err(LinkError::from))
    }
}

pub(super) async fn output(shared: &Shared, node: &NodeId, query: &OutputQuery) -> Result<OutputPull, LinkError> {
    let body = serde_json::to_vec(query).map_err(|e| LinkError::Cut(StreamError::Frame(e.into())))?;
    let (_, body, place) = open(shared, node, OUTPUT_PATH, Some(body.into())).await?;
    Ok(OutputPull { body, _place: place })
}

pub(super) async fn session(shared: &Shared, node: &NodeId) -> Result<(SessionSink, SessionSource), LinkError> {
    let (stream, body, place) = open(shared, node, SESSION_PATH, None).await?;
    let sink = FrameSink::new(stream);
    let source = stream::SessionSource::new(body);
    Ok((SessionSink { sink }, SessionSource { source, _place: place }))
}

pub(super) async fn hand_over(shared: &Shared, node: &NodeId, path: &str, whole: Bytes) -> Result<(), LinkError> {
    open(shared, node, path, Some(whole)).await.map(drop)
}

async fn open(
    shared: &Shared,
    node: &NodeId,
    path: &str,
    whole_body: Option<Bytes>,
) -> Result<(SendStream<Bytes>, RecvStream, Place), LinkError> {
    let handle = shared.registry.node(node).ok_or(LinkError::NotConnected)?;
    let slot = StreamSlot::take(&handle, shared.limits.streams_per_agent).ok_or(LinkError::TooManyStreams)?;
    let permit = Arc::clone(&shared.streams).try_acquire_owned().map_err(|_| LinkError::HubBusy)?;
    let place = Place {
        _of_agent: slot,
        _of_hub: permit,
    };
    let request = request(path);
    let exchange = async {
        let mut requests = handle.requests.clone().ready().await?;
        let (response, mut stream) = requests.send_request(request, false)?;
        if let Some(body) = whole_body {
            stream.send_data(body, true)?;
        }
        Ok::<_, h2::Error>((response.await?, stream))
    };
    let answer = timeout(shared.limits.stream_open, exchange).await;
    let (response, mut stream) = answer.map_err(|_| LinkError::TimedOut)??;
    match response.status() {
        StatusCode::OK => Ok((stream, response.into_body(), place)),
        status => {
            stream.send_reset(Reason::CANCEL);
            Err(match status {
                StatusCode::NOT_FOUND => LinkError::NotFound,
                other => LinkError::Refused(other.as_u16()),
            })
        }
    }
}

/// A request to the agent. HTTP/2 wants an authority; there is only one agent on the line.
pub(super) fn request(path: &str) -> Request<()> {
    let uri = http::Uri::builder().scheme("https").authority("agent").path_and_query(path).build();
    let mut request = Request::new(());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = uri.expect("the paths of the protocol are well-formed");
    request
}
