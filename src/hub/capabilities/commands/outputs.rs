//! Stored and live output: from any offset ([`get_output`]), and its beginning for upstream's members.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Declare, Service, Services, constraint};
use crate::hub::capabilities::commands::rows::{self, Invocation, OutputRow};
use crate::hub::capabilities::commands::send::share;
use crate::hub::store::blobs::{self, Blobs};
use crate::hub::store::{StoreError, Tx};
use crate::wire::run::{OutputQuery, StreamName};

/// Bytes of one answer.
const MAX_BYTES: u64 = 1024 * 1024;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "GetOutput",
        |r: &GetRequest| share(&r.command_id, &r.node_id),
        get_output,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GetRequest {
    command_id: CommandId,
    node_id: NodeId,
    #[serde(default)]
    step: u32,
    stream: StreamName,
    #[serde(default)]
    offset: u64,
    max_bytes: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GetResult {
    text: String,
    next_offset: u64,
    stored_bytes: u64,
    /// Nothing will follow `next_offset`.
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<CutView>,
    source: Source,
}

/// Where a stream that was longer than the agent's cap was cut.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CutView {
    head_bytes: u64,
    omitted_bytes: u64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Source {
    /// The hub has it.
    Stored,
    /// It came from the node just now.
    Live,
}

async fn get_output(cx: Cx, request: GetRequest) -> ApiResult<GetResult> {
    let limit = request.max_bytes.unwrap_or(MAX_BYTES);
    if !(4..=MAX_BYTES).contains(&limit) {
        return Err(constraint::violated(
            &limit.to_string(),
            "maxBytes",
            &format!("have value between 4 and {MAX_BYTES}"),
        ));
    }
    let (command, node, step, stream) = (
        request.command_id.clone(),
        request.node_id.clone(),
        i64::from(request.step),
        request.stream,
    );
    let found = cx
        .read(move |tx| {
            let state = rows::sql::state(tx, &command, &node)?;
            let state = state.ok_or_else(|| {
                ApiError::new(
                    "InvocationDoesNotExist",
                    format!("command `{command}` has no invocation on `{node}`"),
                )
            })?;
            Ok((state, rows::sql::output(tx, &command, &node, step, stream.as_str())?))
        })
        .await?;
    match found {
        (_, Some(row)) if !row.is_wanted => stored(&cx.services, row, request.offset, limit).await,
        (_, Some(row)) => match live(&cx.services, &request, limit).await {
            Some(answer) => Ok(answer),
            // What its report brought; the rest comes when the node is back.
            None => stored(&cx.services, row, request.offset, limit).await,
        },
        (state, None) if state.is_ended() => Ok(nothing(0, Source::Stored, true)),
        (_, None) => {
            let answer = live(&cx.services, &request, limit).await;
            Ok(answer.unwrap_or_else(|| nothing(request.offset, Source::Live, false)))
        }
    }
}

fn nothing(next_offset: u64, source: Source, complete: bool) -> GetResult {
    GetResult {
        text: String::new(),
        next_offset,
        stored_bytes: 0,
        complete,
        cut: None,
        source,
    }
}

async fn stored(services: &Services, row: OutputRow, offset: u64, limit: u64) -> ApiResult<GetResult> {
    let blobs = services.blobs.clone();
    let (total, cut, is_wanted) = (row.stored_bytes, row.cut, row.is_wanted);
    let bytes: Vec<u8> = services
        .store
        .read(move |tx| range(tx, &blobs, &row, offset, limit as usize))
        .await?;
    let (text, used) = whole_characters(&bytes, offset + bytes.len() as u64 >= total);
    let next_offset = offset + used as u64;
    let cut = cut.map(|(head_bytes, omitted_bytes)| CutView { head_bytes, omitted_bytes });
    Ok(GetResult {
        text,
        next_offset,
        stored_bytes: total,
        complete: next_offset >= total && !is_wanted,
        cut,
        source: Source::Stored,
    })
}

/// What the node has so far, if it can be asked; the caller asks again from `next_offset`.
async fn live(services: &Services, request: &GetRequest, limit: u64) -> Option<GetResult> {
    let query = OutputQuery {
        run: request.command_id.clone(),
        step: request.step,
        stream: request.stream,
        offset: request.offset,
        follow: false,
    };
    let mut body = services.link().output(&request.node_id, query).await.ok()?;
    let mut bytes = Vec::new();
    while let Some(Ok(piece)) = body.next().await {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 >= limit {
            bytes.truncate(limit as usize);
            break;
        }
    }
    let (text, used) = whole_characters(&bytes, false);
    let next_offset = request.offset + used as u64;
    Some(GetResult {
        text,
        next_offset,
        stored_bytes: next_offset,
        complete: false,
        cut: None,
        source: Source::Live,
    })
}

/// Bytes of a stored output; before it was pulled, of its head.
pub fn range(tx: &Tx<'_>, blobs: &Blobs, row: &OutputRow, offset: u64, limit: usize) -> Result<Vec<u8>, StoreError> {
    let slice = |bytes: &[u8]| {
        let from = bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        bytes[from..bytes.len().min(from.saturating_add(limit))].to_vec()
    };
    if row.is_wanted {
        return Ok(slice(&row.head));
    }
    match blobs::find(tx, &row.hash)? {
        Some(blobs::Blob { inline: Some(bytes), .. }) => Ok(slice(&bytes)),
        Some(_) => Ok(blobs.read(&row.hash, offset, limit)?),
        None => Err(StoreError::Malformed("an output names a content that is not stored".into())),
    }
}

/// What the hub has of a stream from `offset` on, at most `limit` bytes; empty when there is nothing more.
pub async fn stored_bytes(
    services: &Services,
    command: &CommandId,
    node: &NodeId,
    step: u32,
    stream: StreamName,
    offset: u64,
    limit: usize,
) -> ApiResult<Vec<u8>> {
    let (blobs, command, node) = (services.blobs.clone(), command.clone(), node.clone());
    services
        .read(
            move |tx| match rows::sql::output(tx, &command, &node, i64::from(step), stream.as_str())? {
                Some(row) => Ok(range(tx, &blobs, &row, offset, limit)?),
                None => Ok(Vec::new()),
            },
        )
        .await
}

/// Text of the bytes up to the last whole character, and how many bytes that is. A piece cut inside a character leaves its
/// beginning for the next piece, unless nothing follows.
fn whole_characters(bytes: &[u8], is_last: bool) -> (String, usize) {
    let used = bytes.len() - if is_last { 0 } else { cut_tail(bytes) };
    (String::from_utf8_lossy(&bytes[..used]).into_owned(), used)
}

/// Length of an unfinished character at the end, at most three bytes; zero when it is all there is.
fn cut_tail(bytes: &[u8]) -> usize {
    let tail = bytes.iter().rev().take(3).position(|b| b & 0xC0 != 0x80).map_or(0, |at| at + 1);
    let Some(lead) = bytes.len().checked_sub(tail).and_then(|at| bytes.get(at)) else {
        return 0;
    };
    let wants = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    };
    if tail < wants && tail < bytes.len() { tail } else { 0 }
}

/// The first characters of a step's stream, for members with upstream's lengths. Empty until the step has ended.
pub fn beginning(
    tx: &Tx<'_>,
    blobs: &Blobs,
    share: &Invocation,
    position: i64,
    stream: StreamName,
    chars: usize,
) -> Result<String, StoreError> {
    let Some(row) = rows::sql::output(tx, &share.command_id, &share.node_id, position, stream.as_str())? else {
        return Ok(String::new());
    };
    let bytes = range(tx, blobs, &row, 0, chars * 4)?;
    Ok(String::from_utf8_lossy(&bytes).chars().take(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_of_any_size_join_to_the_whole_text(text in ".{0,60}", piece in 4usize..12) {
            let bytes = text.as_bytes();
            let (mut seen, mut at) = (String::new(), 0);
            while at < bytes.len() {
                let end = (at + piece).min(bytes.len());
                let (part, used) = whole_characters(&bytes[at..end], end == bytes.len());
                prop_assert!(used > 0);
                seen.push_str(&part);
                at += used;
            }
            prop_assert_eq!(seen, text);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_and_do_not_stop_the_reader() {
        let (text, used) = whole_characters(&[0xFF, 0x80, b'a'], false);
        assert_eq!((text.as_str(), used), ("\u{FFFD}\u{FFFD}a", 3));
        assert_eq!(whole_characters(&[0xE3], false).1, 1);
    }
}
