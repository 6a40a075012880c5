//! Streams the hub opens towards one agent: a run's output, an attachment to a shell, a file.
//!
//! Each is an HTTP/2 stream with its own window. What nobody reads stays at the agent, and stands in nobody's way: the
//! connection's window has room for every stream standing still (see [`crate::wire::CONNECTION_WINDOW`]).

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::base::id::NodeId;
use crate::hub::link::Shared;
use crate::hub::link::registry::StreamSlot;
use crate::platform::http2::{next_bytes, send_bytes};
use crate::wire::run::{OutputQuery, ProgressQuery, Report};
use crate::wire::stream::{self, FrameSink, StreamError};
use crate::wire::{OUTPUT_PATH, PROGRESS_PATH, SESSION_PATH};

/// The bytes of a file.
pub type Pieces = BoxStream<'static, io::Result<Bytes>>;

/// Of what a node says about a file that it did not take.
const MAX_WORDS_BYTES: usize = 2000;
/// For a node to take a piece of a file, and to say that it has all of it.
const SILENCE: Duration = Duration::from_secs(60);

/// Of what a node says about a run that goes on: the beginnings of the outputs of a hundred steps.
const MAX_PROGRESS_BYTES: usize = 4 * 1024 * 1024;

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
    #[error("{0}")]
    Said(String),
}

impl LinkError {
    /// Whether it may go better on the node's next connection, or soon.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NotConnected | Self::TooManyStreams | Self::HubBusy | Self::TimedOut | Self::Cut(_) => true,
            Self::NotFound | Self::Refused(_) | Self::Said(_) => false,
        }
    }
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

pub(super) async fn progress(shared: &Shared, node: &NodeId, query: &ProgressQuery) -> Result<Report, LinkError> {
    let unreadable = |error: serde_json::Error| LinkError::Cut(StreamError::Frame(error.into()));
    let question = serde_json::to_vec(query).map_err(unreadable)?;
    let (_, body, place) = open(shared, node, PROGRESS_PATH, Some(question.into())).await?;
    let mut answer = OutputPull { body, _place: place };
    let mut json = Vec::new();
    while json.len() < MAX_PROGRESS_BYTES
        && let Some(bytes) = answer.next().await
    {
        json.extend_from_slice(&bytes?);
    }
    serde_json::from_slice(&json).map_err(unreadable)
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

/// Sends a file; comes back when the node has all of it.
pub(super) async fn file(shared: &Shared, node: &NodeId, path: &str, mut pieces: Pieces) -> Result<(), LinkError> {
    let (mut stream, body, _place) = open(shared, node, path, None).await?;
    let mut words = pin!(words(body));
    let sending = async {
        while let Some(piece) = pieces.next().await {
            let mut piece = piece.map_err(|error| LinkError::Said(format!("it cannot be read: {error}")))?;
            let sent = timeout(SILENCE, send_bytes(&mut stream, &mut piece)).await;
            sent.map_err(|_| LinkError::TimedOut)??;
        }
        Ok::<_, LinkError>(stream.send_data(Bytes::new(), true)?)
    };
    // A node that cannot take it says so at once.
    let said = tokio::select! {
        biased;
        said = &mut words => said,
        sent = sending => {
            sent?;
            timeout(SILENCE, words).await.map_err(|_| LinkError::TimedOut)?
        }
    };
    match said? {
        said if said.is_empty() => Ok(()),
        said => Err(LinkError::Said(said)),
    }
}

/// All that a node says, or its beginning.
async fn words(mut body: RecvStream) -> Result<String, LinkError> {
    let mut words = Vec::new();
    while let Some(bytes) = next_bytes(&mut body).await {
        words.extend_from_slice(&bytes?);
        if words.len() > MAX_WORDS_BYTES {
            break;
        }
    }
    words.truncate(MAX_WORDS_BYTES);
    let is_shown = |c: &char| !c.is_control();
    Ok(String::from_utf8_lossy(&words).chars().filter(is_shown).collect())
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
