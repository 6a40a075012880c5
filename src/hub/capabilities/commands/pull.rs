//! Fetches the output that did not fit into a report: by offset, few at a time, into a blob; then the node may forget it.

use std::sync::Arc;

use data_encoding::BASE64;
use tokio::sync::Semaphore;

use crate::base::ApiResult;
use crate::base::id::{CommandId, NodeId};
use crate::hub::api::Services;
use crate::hub::capabilities::commands::{dispatch, log_pieces};
use crate::hub::events::Event;
use crate::hub::link::LinkError;
use crate::hub::store::blobs::{self, BlobWriter, Hash};
use crate::hub::store::{StoreError, Tx};
use crate::wire::control::ToAgent;
use crate::wire::run::{Output, OutputQuery, StreamName};

/// Pulls under way at once, over all nodes.
const AT_ONCE: usize = 16;
/// More than any agent's cap; a node that sends more is lying.
const MAX_OUTPUT_BYTES: u64 = 1 << 30;

/// The turns of all pulls.
struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

/// Pulls everything that still lies on a node, one stream after the other. What fails stays wanted until the next connect.
pub async fn wanted(services: Arc<Services>, node: NodeId) {
    let id = node.clone();
    let found = services.read(move |tx| Ok(sql::wanted(tx, &id)?)).await;
    for piece in found.unwrap_or_default() {
        let turns = services.state::<Turns>();
        let Ok(_turn) = turns.0.acquire().await else { return };
        if let Err(error) = pull(&services, &node, &piece).await {
            tracing::warn!(node_id = %node, command_id = %piece.run, error = %error, "an output could not be pulled and stays on the node");
            return;
        }
        release_when_complete(&services, &node, &piece.run).await;
    }
}

/// The first bytes of a stream, at most `limit`; `None` when the node does not give them now.
pub async fn beginning(services: &Services, node: &NodeId, query: OutputQuery, limit: usize) -> Option<Vec<u8>> {
    let turns = services.state::<Turns>();
    let _turn = turns.0.acquire().await.ok()?;
    let mut body = services.link().output(node, query).await.ok()?;
    let mut bytes = Vec::new();
    while bytes.len() < limit
        && let Some(piece) = body.next().await
    {
        bytes.extend_from_slice(&piece.ok()?);
    }
    bytes.truncate(limit);
    Some(bytes)
}

/// Puts so much of a stream's beginning behind what the node said of it; what cannot be had now stays shorter.
pub async fn fill(services: &Services, node: &NodeId, query: OutputQuery, output: &mut Output, limit: usize) {
    let said = BASE64.decode(output.head.as_bytes()).map_or(0, |head| head.len());
    if said as u64 >= output.stored_bytes {
        return;
    }
    if let Some(head) = beginning(services, node, query, limit).await {
        output.head = BASE64.encode(&head);
    }
}

/// One stream that lies on a node.
#[derive(Clone)]
struct Piece {
    run: CommandId,
    position: i64,
    stream: StreamName,
}

#[derive(Debug, thiserror::Error)]
enum PullError {
    #[error("the node's stream broke: {0}")]
    Link(#[from] LinkError),
    #[error("the output could not be stored")]
    Store(#[from] std::io::Error),
    #[error("the node sent more than {MAX_OUTPUT_BYTES} bytes")]
    TooLong,
    #[error("the hub's database refused it: {0}")]
    Database(#[from] crate::base::ApiError),
    #[error("the writing task was lost")]
    Lost(#[from] tokio::task::JoinError),
}

async fn pull(services: &Services, node: &NodeId, piece: &Piece) -> Result<(), PullError> {
    let query = OutputQuery::beginning(piece.run.clone(), piece.position as u32, piece.stream);
    let mut body = match services.link().output(node, query).await {
        Ok(body) => body,
        // The node has lost it: its head is all there will ever be.
        Err(LinkError::NotFound) => return Ok(keep_head(services, node, piece).await?),
        Err(error) => return Err(error.into()),
    };
    let blobs = services.blobs.clone();
    let mut writer = tokio::task::spawn_blocking(move || blobs.writer()).await??;
    while let Some(bytes) = body.next().await {
        let bytes = bytes?;
        if writer.size() + bytes.len() as u64 > MAX_OUTPUT_BYTES {
            return Err(PullError::TooLong);
        }
        writer = tokio::task::spawn_blocking(move || writer.write(&bytes).map(|()| writer)).await??;
    }
    let (hash, size) = tokio::task::spawn_blocking(move || BlobWriter::finish(writer)).await??;
    stored(services, node, piece, hash, size).await?;
    Ok(())
}

async fn stored(services: &Services, node: &NodeId, piece: &Piece, hash: Hash, size: u64) -> ApiResult<()> {
    let (node, piece, bus) = (node.clone(), piece.clone(), services.bus.clone());
    services
        .write(move |tx| {
            blobs::insert_file(tx, &hash, size)?;
            sql::set_stored(tx, &node, &piece, &hash, size)?;
            settle(tx, &node, &piece.run)?;
            bus.emit(tx, Event::CommandChanged(piece.run));
            Ok(())
        })
        .await
}

async fn keep_head(services: &Services, node: &NodeId, piece: &Piece) -> ApiResult<()> {
    let (node, piece) = (node.clone(), piece.clone());
    services
        .write(move |tx| {
            let head = sql::head(tx, &node, &piece)?.unwrap_or_default();
            let hash = blobs::hash(&head);
            blobs::insert_inline(tx, &hash, &head)?;
            sql::set_stored(tx, &node, &piece, &hash, head.len() as u64)?;
            Ok(settle(tx, &node, &piece.run)?)
        })
        .await
}

fn settle(tx: &Tx<'_>, node: &NodeId, run: &CommandId) -> Result<(), StoreError> {
    match is_complete(tx, node, run)? {
        true => log_pieces::settle(tx, run, node),
        false => Ok(()),
    }
}

/// Whether nothing of a run's output is wanted of the node any more.
pub fn is_complete(tx: &Tx<'_>, node: &NodeId, run: &CommandId) -> Result<bool, StoreError> {
    sql::is_complete(tx, node, run)
}

async fn release_when_complete(services: &Services, node: &NodeId, run: &CommandId) {
    let (id, command) = (node.clone(), run.clone());
    if services
        .read(move |tx| Ok(sql::is_complete(tx, &id, &command)?))
        .await
        .unwrap_or(false)
    {
        dispatch::tell(services, node, &ToAgent::Release { run: run.clone() }).await;
    }
}

mod sql {
    use super::*;

    pub fn wanted(tx: &Tx<'_>, node: &NodeId) -> Result<Vec<Piece>, StoreError> {
        let sql = "SELECT command_id, position, stream FROM step_output WHERE node_id = :node AND wanted = 1 ORDER BY command_id, position, stream";
        tx.rows(sql, &[(":node", node.into())], |row| {
            Ok(Piece {
                run: row.get("command_id")?,
                position: row.get("position")?,
                stream: row.parsed("stream")?,
            })
        })
    }

    pub fn head(tx: &Tx<'_>, node: &NodeId, piece: &Piece) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT head FROM step_output WHERE command_id = :run AND node_id = :node AND position = :position AND stream = :stream";
        tx.row(sql, &key(node, piece), |row| row.get("head"))
    }

    pub fn set_stored(tx: &Tx<'_>, node: &NodeId, piece: &Piece, hash: &Hash, size: u64) -> Result<(), StoreError> {
        let mut params = key(node, piece).to_vec();
        params.push((":hash", hash.as_slice().into()));
        params.push((":size", size.into()));
        // Only once: two pulls of one output may meet, and the later one finds the node's copy gone.
        let sql = "UPDATE step_output SET wanted = 0, head = x'', hash = :hash, stored_bytes = :size
                   WHERE command_id = :run AND node_id = :node AND position = :position AND stream = :stream AND wanted = 1";
        tx.execute(sql, &params).map(|_| ())
    }

    fn key(node: &NodeId, piece: &Piece) -> [(&'static str, crate::hub::store::Value); 4] {
        [
            (":run", (&piece.run).into()),
            (":node", node.into()),
            (":position", piece.position.into()),
            (":stream", piece.stream.as_str().into()),
        ]
    }

    pub fn is_complete(tx: &Tx<'_>, node: &NodeId, run: &CommandId) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM step_output WHERE command_id = :run AND node_id = :node AND wanted = 1";
        Ok(tx.count(sql, &[(":run", run.into()), (":node", node.into())])? == 0)
    }
}
