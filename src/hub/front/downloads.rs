//! Serves the binaries and their checksums, and files at signed addresses: streamed, and only so many at once.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH};
use http::{HeaderValue, Request, Response, StatusCode};
use tokio::time::timeout;
use tokio_util::io::ReaderStream;

use super::Front;
use super::binaries::NoBinary;
use super::body::Answer;
use super::http::Caller;
use super::routing::{text, typed};

const CHUNK_BYTES: usize = 64 * 1024;

pub(super) async fn sums(front: &Front) -> Response<Answer> {
    typed(front.binaries.sums().await.text, "text/plain; charset=utf-8")
}

pub(super) async fn binary(front: &Front, architecture: &str) -> Response<Answer> {
    let (file, length) = match front.binaries.open(architecture).await {
        Ok(opened) => opened,
        Err(why) => return refuse(&why),
    };
    let chunks = ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK_BYTES);
    stream(front, chunks.boxed(), length).await
}

/// Whatever it is, a browser is to keep it, not to show it.
pub(super) async fn attachment(front: &Front, caller: &Caller, request: Request<()>) -> Response<Answer> {
    let file = match front.routes.file(request, caller.peer).await {
        Ok(file) => file,
        Err(refused) => return refused.map(Answer::from),
    };
    let mut response = stream(front, file.chunks, file.length).await;
    if let Ok(kept) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", file.name)) {
        response.headers_mut().insert(CONTENT_DISPOSITION, kept);
    }
    response
}

async fn stream(front: &Front, chunks: BoxStream<'static, io::Result<Bytes>>, length: u64) -> Response<Answer> {
    let turn = timeout(front.limits.queue_wait, Arc::clone(&front.downloads).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return text(
            StatusCode::SERVICE_UNAVAILABLE,
            "the hub is sending files to many others; try again in a moment\n",
        );
    };
    let chunks = chunks.map(move |chunk| {
        let _turn = &turn;
        chunk
    });
    let mut response = typed("", "application/octet-stream");
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response.map(|_| Answer::stream(chunks.boxed(), length))
}

fn refuse(why: &NoBinary) -> Response<Answer> {
    let status = match why {
        NoBinary::Unreadable(..) => {
            tracing::error!(error = why as &dyn std::error::Error, "binary could not be served");
            StatusCode::INTERNAL_SERVER_ERROR
        }
        NoBinary::BadName(_) | NoBinary::Missing(_) | NoBinary::Refused { .. } => StatusCode::NOT_FOUND,
    };
    text(status, format!("{why}\n"))
}
