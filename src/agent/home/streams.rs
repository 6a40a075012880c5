//! Streams the hub opens to this agent: a run's output, an attachment to a shell, a file.
//!
//! Each runs in its own task with its own HTTP/2 window, so one that stands still stops nothing else, and the producer
//! behind it waits instead of filling memory.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::agent::home::Duties;
use crate::platform::http2::{next_bytes, send_bytes};
use crate::wire::frame::MAX_FRAME_BYTES;
use crate::wire::objects::FileFor;
use crate::wire::parameters::MAX_VALUES_BYTES;
use crate::wire::run::ProgressQuery;
use crate::wire::session::Frame;
use crate::wire::stream::{FrameSink, SessionSource};
use crate::wire::{OBJECTS_PATH, OUTPUT_PATH, PARAMETERS_PATH, PROGRESS_PATH, SECRETS_PATH, SESSION_PATH};

/// The bytes of a stored output stream; an error resets the stream, so that nobody takes a part for the whole.
pub type OutputBody = BoxStream<'static, io::Result<Bytes>>;

/// The bytes of a file from the hub.
pub type FileBody<'b> = BoxStream<'b, io::Result<Bytes>>;

/// For the hub to finish a question it has begun.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);
/// For the hub to hand over the values of parameters.
const VALUES_LIMIT: Duration = Duration::from_secs(30);
/// What values usually fit into, so that no copy of them is left behind by growing.
const VALUES_BYTES: usize = 256 * 1024;
/// Frames between a shell and its line; what the line's window holds comes on top.
const SESSION_FRAMES: usize = 8;
/// For a session to notice that its line is gone.
const SESSION_GRACE: Duration = Duration::from_secs(5);

/// Serves one request of the hub to its end, or until the line is over.
pub(super) async fn serve<D: Duties>(
    duties: Arc<D>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    over: CancellationToken,
) {
    let served = match (request.method(), request.uri().path()) {
        (&Method::POST, OUTPUT_PATH) => output(&*duties, request.into_body(), &mut respond, &over).await,
        (&Method::POST, PROGRESS_PATH) => progress(&*duties, request.into_body(), &mut respond).await,
        (&Method::POST, PARAMETERS_PATH) => parameters(&*duties, request.into_body(), &mut respond).await,
        (&Method::POST, SECRETS_PATH) => told(request.into_body(), &mut respond, |answer| duties.secrets(answer)).await,
        (&Method::POST, OBJECTS_PATH) => told(request.into_body(), &mut respond, |answer| duties.objects(answer)).await,
        (&Method::POST, path) if let Some(meant) = FileFor::of_path(path) => {
            file(&*duties, meant, request.into_body(), &mut respond, &over).await
        }
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

/// How far a run has come, whole.
async fn progress<D: Duties>(duties: &D, body: RecvStream, respond: &mut SendResponse<Bytes>) -> Result<(), h2::Error> {
    let question: Option<ProgressQuery> = timeout(QUESTION_LIMIT, question(body)).await.ok().flatten();
    let Some(query) = question else {
        return answer(respond, StatusCode::BAD_REQUEST, true).map(drop);
    };
    let report = duties.progress(&query.run).await;
    let Some(json) = report.and_then(|report| serde_json::to_vec(&report).ok()) else {
        return answer(respond, StatusCode::NOT_FOUND, true).map(drop);
    };
    let mut stream = answer(respond, StatusCode::OK, false)?;
    send_bytes(&mut stream, &mut json.into()).await?;
    stream.send_data(Bytes::new(), true)
}

/// The hub's values, whole; it hears when they are on this node's disk.
async fn parameters<D: Duties>(duties: &D, body: RecvStream, respond: &mut SendResponse<Bytes>) -> Result<(), h2::Error> {
    let Some(values) = timeout(VALUES_LIMIT, confidential(body)).await.ok().flatten() else {
        return answer(respond, StatusCode::BAD_REQUEST, true).map(drop);
    };
    let status = match duties.parameters(values).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INSUFFICIENT_STORAGE,
    };
    answer(respond, status, true).map(drop)
}

/// The hub's answer to a run or step that asked, whole.
async fn told<T: DeserializeOwned>(body: RecvStream, respond: &mut SendResponse<Bytes>, take: impl FnOnce(T)) -> Result<(), h2::Error> {
    let status = match timeout(VALUES_LIMIT, confidential(body)).await.ok().flatten() {
        Some(answer) => {
            take(answer);
            StatusCode::OK
        }
        None => StatusCode::BAD_REQUEST,
    };
    answer(respond, status, true).map(drop)
}

/// A file for a step. The answer's body is empty when it lies on this node's disk; else it says why not, and the hub stops sending.
async fn file<D: Duties>(
    duties: &D,
    meant: FileFor,
    mut body: RecvStream,
    respond: &mut SendResponse<Bytes>,
    over: &CancellationToken,
) -> Result<(), h2::Error> {
    let mut stream = answer(respond, StatusCode::OK, false)?;
    let pieces = stream::unfold(&mut body, |body| async {
        let piece = next_bytes(body).await?;
        Some((piece.map_err(io::Error::other), body))
    });
    let taken = tokio::select! {
        taken = duties.file(meant, pieces.boxed()) => taken,
        () = over.cancelled() => return Ok(()),
    };
    let words = taken.err().unwrap_or_default();
    stream.send_data(words.into(), true)?;
    while let Some(Ok(_not_wanted)) = next_bytes(&mut body).await {}
    Ok(())
}

/// A body of which no copy is left in memory.
async fn confidential<T: DeserializeOwned>(mut body: RecvStream) -> Option<T> {
    let mut json = Zeroizing::new(Vec::with_capacity(VALUES_BYTES));
    while let Some(bytes) = next_bytes(&mut body).await {
        json.extend_from_slice(&bytes.ok()?);
        if json.len() > MAX_VALUES_BYTES {
            return None;
        }
    }
    serde_json::from_slice(&json).ok()
}

async fn question<Q: DeserializeOwned>(mut body: RecvStream) -> Option<Q> {
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
    let (to_shell, from_hub) = mpsc::channel(SESSION_FRAMES);
    let (to_hub, from_shell) = mpsc::channel(SESSION_FRAMES);
    let inward = async {
        feed(SessionSource::new(body), to_shell).await;
        // The hub has let go or the line broke; the shell has still to hear of it.
        std::future::pending().await
    };
    let outward = async { tokio::join!(duties.session(from_hub, to_hub), pass_on(from_shell, FrameSink::new(stream))) };
    let line_lost = async {
        over.cancelled().await;
        tokio::time::sleep(SESSION_GRACE).await;
    };
    tokio::select! {
        _ = outward => {}
        () = inward => {}
        () = line_lost => {}
    }
    Ok(())
}

/// Frames from the hub to the shell, until either lets go.
async fn feed(mut source: SessionSource, to_shell: mpsc::Sender<Frame>) {
    while let Some(frame) = source.next().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return tracing::debug!(%error, "a session's line broke"),
        };
        if to_shell.send(frame).await.is_err() {
            return;
        }
    }
}

/// Frames from the shell to the hub, until either lets go. While the hub does not read, the shell waits.
async fn pass_on(mut from_shell: mpsc::Receiver<Frame>, mut sink: FrameSink) {
    while let Some(frame) = from_shell.recv().await {
        if sink.send_encoded(frame.encode_with_length()).await.is_err() {
            return;
        }
    }
    sink.end_or_reset();
}

/// Sends the head of the answer, at once: the hub waits for it before it sends a body.
pub(super) fn answer(respond: &mut SendResponse<Bytes>, status: StatusCode, is_all: bool) -> Result<SendStream<Bytes>, h2::Error> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    respond.send_response(response, is_all)
}
