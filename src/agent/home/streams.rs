//! Streams the hub opens to this agent: a run's output, an attachment to a shell.
//!
//! Each runs in its own task with its own HTTP/2 window, so one that stands still stops nothing else, and the producer
//! behind it waits instead of filling memory.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request, Response, StatusCode};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::agent::home::Duties;
use crate::platform::http2::{next_bytes, send_bytes};
use crate::wire::frame::MAX_FRAME_BYTES;
use crate::wire::run::OutputQuery;
use crate::wire::session::Frame;
use crate::wire::stream::{FrameSink, SessionSource, StreamError};
use crate::wire::{OUTPUT_PATH, SESSION_PATH};

/// The bytes of a stored output stream; an error resets the stream, so that nobody takes a part for the whole.
pub type OutputBody = BoxStream<'static, io::Result<Bytes>>;

/// For the hub to finish a question it has begun.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);
/// For a session to notice that its line is gone.
const SESSION_GRACE: Duration = Duration::from_secs(5);

/// Frames from the hub to a shell.
pub struct SessionReader(ReaderSource);

enum ReaderSource {
    Line(SessionSource),
    Channel(mpsc::Receiver<Frame>),
}

impl SessionReader {
    /// One that reads from a channel instead of a hub.
    pub fn from_channel(frames: mpsc::Receiver<Frame>) -> Self {
        Self(ReaderSource::Channel(frames))
    }

    /// The next frame; `None` when the hub has let go, an error when the line broke. *Cancel*: nothing is lost.
    pub async fn next(&mut self) -> Option<Result<Frame, StreamError>> {
        match &mut self.0 {
            ReaderSource::Line(source) => source.next().await,
            ReaderSource::Channel(frames) => frames.recv().await.map(Ok),
        }
    }
}

/// Frames from a shell to the hub.
pub struct SessionWriter(WriterSink);

enum WriterSink {
    Line(FrameSink),
    Channel(mpsc::Sender<Frame>),
}

impl SessionWriter {
    /// One that writes to a channel instead of a hub.
    pub fn to_channel(frames: mpsc::Sender<Frame>) -> Self {
        Self(WriterSink::Channel(frames))
    }

    /// Sends a frame; waits while nobody takes it.
    ///
    /// *Cancel*: on a line, a frame half sent is finished before the next one.
    pub async fn send(&mut self, frame: &Frame) -> Result<(), StreamError> {
        match &mut self.0 {
            WriterSink::Line(sink) => sink.send_encoded(frame.encode_with_length()).await,
            WriterSink::Channel(frames) => frames
                .send(frame.clone())
                .await
                .map_err(|_| Reason::CANCEL.into())
                .map_err(StreamError::Cut),
        }
    }
}

impl Drop for WriterSink {
    fn drop(&mut self) {
        if let Self::Line(sink) = self {
            sink.end_or_reset();
        }
    }
}

/// Serves one request of the hub to its end, or until the line is over.
pub(super) async fn serve<D: Duties>(
    duties: Arc<D>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    over: CancellationToken,
) {
    let served = match (request.method(), request.uri().path()) {
        (&Method::POST, OUTPUT_PATH) => output(&*duties, request.into_body(), &mut respond, &over).await,
        (&Method::POST, SESSION_PATH) => session(&*duties, request.into_body(), &mut respond, &over).await,
        _ => answer(&mut respond, StatusCode::NOT_FOUND, true).map(drop),
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a stream of the hub ended early");
    }
}

async fn output<D: Duties>(
    duties: &D,
    body: RecvStream,
    respond: &mut SendResponse<Bytes>,
    over: &CancellationToken,
) -> Result<(), h2::Error> {
    let question = timeout(QUESTION_LIMIT, question(body)).await.ok().flatten();
    let Some(query) = question else {
        return answer(respond, StatusCode::BAD_REQUEST, true).map(drop);
    };
    let Some(bytes) = duties.output(query).await else {
        return answer(respond, StatusCode::NOT_FOUND, true).map(drop);
    };
    let mut stream = answer(respond, StatusCode::OK, false)?;
    tokio::select! {
        sent = pour(bytes, &mut stream) => sent,
        () = over.cancelled() => Ok(()),
    }
}

async fn question(mut body: RecvStream) -> Option<OutputQuery> {
    let mut json = Vec::new();
    while let Some(bytes) = next_bytes(&mut body).await {
        json.extend_from_slice(&bytes.ok()?);
        if json.len() > MAX_FRAME_BYTES {
            return None;
        }
    }
    serde_json::from_slice(&json).ok()
}

async fn pour(mut bytes: OutputBody, stream: &mut SendStream<Bytes>) -> Result<(), h2::Error> {
    loop {
        let piece = tokio::select! {
            piece = bytes.next() => piece,
            // The hub does not want the rest; a follower would otherwise wait for a step that runs for hours.
            _ = poll_fn(|cx| stream.poll_reset(cx)) => return Ok(()),
        };
        let Some(piece) = piece else { break };
        match piece {
            Ok(mut piece) => send_bytes(stream, &mut piece).await?,
            Err(error) => {
                tracing::warn!(%error, "a stored output could not be read");
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
        }
    }
    stream.send_data(Bytes::new(), true)
}

async fn session<D: Duties>(
    duties: &D,
    body: RecvStream,
    respond: &mut SendResponse<Bytes>,
    over: &CancellationToken,
) -> Result<(), h2::Error> {
    let stream = answer(respond, StatusCode::OK, false)?;
    let reader = SessionReader(ReaderSource::Line(SessionSource::new(body)));
    let writer = SessionWriter(WriterSink::Line(FrameSink::new(stream)));
    tokio::select! {
        () = duties.session(reader, writer) => {}
        () = async {
            over.cancelled().await;
            tokio::time::sleep(SESSION_GRACE).await;
        } => {}
    }
    Ok(())
}

/// Sends the head of the answer, at once: the hub waits for it before it sends a body.
pub(super) fn answer(respond: &mut SendResponse<Bytes>, status: StatusCode, is_all: bool) -> Result<SendStream<Bytes>, h2::Error> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    respond.send_response(response, is_all)
}
