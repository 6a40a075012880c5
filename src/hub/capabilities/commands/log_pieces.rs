//! Output that is shown as a log, while it is written: piece after piece is fetched from the nodes and kept with its time.
//!
//! ```text
//! node's spool ──each second, a few shares in turn──► log_piece ──the whole output is stored──► times without bytes
//! ```
//!
//! A line has the time at which its end reached the hub, for good: who follows a log asks for what came after the last line, and
//! must not meet a line again under another time. So a line is shown when its piece is committed and not before, which holds over
//! a crash of the hub, too.
//!
//! *Invariants*: pieces of a stream follow one another without a gap; a tick asks for a bounded number of shares and streams, and
//! no stream has more than [`STREAM_BYTES`] here. What is beyond is shown when the run has ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use tokio::time::timeout;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::Services;
use crate::hub::capabilities::commands::{plugins, pull, rows};
use crate::hub::jobs::Job;
use crate::hub::store::{Row, Select, StoreError, Tx, Value};
use crate::wire::run::{OutputQuery, StreamName};

/// Of one stream, while it is written.
const STREAM_BYTES: u64 = 1024 * 1024;
/// Shares of one tick; the next one goes on behind them.
const SHARES: usize = 32;
/// Of these so many at a time.
const AT_ONCE: usize = 8;
/// Steps behind the last one that wrote, for steps that write nothing.
const LOOK_AHEAD: i64 = 2;
/// For one node to hand over what it has.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "live logs",
        period: Duration::from_secs(1),
        wakes: |_| false,
        tick: |services| run(services).boxed(),
    }
}

async fn run(services: Arc<Services>) {
    if let Err(error) = tick(&services).await {
        tracing::error!(error = %error, "output could not be brought into the logs");
    }
}

/// Where the next tick goes on.
#[derive(Default)]
struct Turn(Mutex<Option<Share>>);

/// A node's share of a command that is shown as a log and still open.
#[derive(Clone)]
struct Share {
    group: String,
    command: CommandId,
    node: NodeId,
}

/// What came of one stream.
struct Piece {
    share: Share,
    position: i64,
    stream: StreamName,
    step: String,
    from: u64,
    bytes: Vec<u8>,
}

async fn tick(services: &Arc<Services>) -> ApiResult<()> {
    let turn = services.state::<Turn>();
    let after = turn.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    let shares = services.read(move |tx| Ok(sql::open(tx, after.as_ref())?)).await?;
    if shares.len() == SHARES {
        *turn.0.lock().unwrap_or_else(PoisonError::into_inner) = shares.last().cloned();
    }
    let news = stream::iter(shares).map(|share| news(services, share)).buffer_unordered(AT_ONCE);
    let pieces: Vec<Piece> = news.concat().await;
    if pieces.is_empty() {
        return Ok(());
    }
    let clock = services.clone();
    services.write(move |tx| Ok(keep(tx, pieces, clock.now())?)).await
}

/// What one node has written since it was asked last; nothing when it cannot be asked.
async fn news(services: &Arc<Services>, share: Share) -> Vec<Piece> {
    let (command, node) = (share.command.clone(), share.node.clone());
    let known = services.read(move |tx| Ok(known(tx, &command, &node)?)).await;
    let Ok(known) = known else { return Vec::new() };
    let latest = known.until.keys().map(|(position, _)| *position).max().unwrap_or_default();
    // The last words of a step may come together with the first ones of the next.
    let mut pieces = Vec::new();
    for (position, step) in (0..).zip(known.steps).skip_while(|(position, _)| *position < latest - 1) {
        if position > latest + LOOK_AHEAD {
            break;
        }
        for stream in [StreamName::Stdout, StreamName::Stderr] {
            let from = known.until.get(&(position, stream.as_str())).copied().unwrap_or_default();
            let query = OutputQuery {
                run: share.command.clone(),
                step: position as u32,
                stream,
                offset: from,
                follow: false,
            };
            let limit = STREAM_BYTES.saturating_sub(from) as usize;
            let asked = timeout(PATIENCE, pull::beginning(services, &share.node, query, limit));
            match asked.await {
                Ok(Some(bytes)) if !bytes.is_empty() => pieces.push(Piece {
                    share: share.clone(),
                    position,
                    stream,
                    step: step.clone(),
                    from,
                    bytes,
                }),
                Ok(_) => {}
                Err(_) => return pieces,
            }
        }
    }
    pieces
}

/// The steps of a share, as names of streams have them, and how far each of its streams is here.
struct Known {
    steps: Vec<String>,
    until: HashMap<(i64, &'static str), u64>,
}

fn known(tx: &Tx<'_>, command: &CommandId, node: &NodeId) -> Result<Known, StoreError> {
    let Some(row) = rows::sql::command(tx, command)? else {
        return Ok(Known {
            steps: Vec::new(),
            until: HashMap::new(),
        });
    };
    let planned = plugins::planned(tx, &row)?;
    let count = planned.len();
    let step = |step: &crate::model::document::StepSpec| step_name(&row.document_name, count, &step.name, &step.action);
    Ok(Known {
        steps: planned.iter().map(step).collect(),
        until: sql::until(tx, command, node)?,
    })
}

/// As upstream names it: stock documents by their one action, the others by their steps; no colon in it.
pub fn step_name(document: &str, steps: usize, name: &str, action: &str) -> String {
    let named = if document.starts_with("AWS-") && steps == 1 { action } else { name };
    named.replace([':', '*', '/'], "-")
}

/// Keeps what follows on what there is, of shares that are still open: of the others the whole output is here or comes.
fn keep(tx: &Tx<'_>, pieces: Vec<Piece>, at: Timestamp) -> Result<(), StoreError> {
    for piece in pieces {
        let Share { command, node, .. } = &piece.share;
        let is_open = rows::sql::state(tx, command, node)?.is_some_and(|state| !state.is_ended());
        let until = sql::until(tx, command, node)?;
        let is_next = until.get(&(piece.position, piece.stream.as_str())).copied().unwrap_or_default() == piece.from;
        if is_open && is_next {
            sql::insert(tx, &piece, at)?;
        }
    }
    Ok(())
}

/// To be called when all of a share's output is stored.
pub fn settle(tx: &Tx<'_>, command: &CommandId, node: &NodeId) -> Result<(), StoreError> {
    sql::empty(tx, command, node)
}

/// What is here of one stream: until which byte it had come when, and the bytes, unless they are stored elsewhere by now.
#[derive(Default)]
pub struct Pieces {
    pub times: Vec<(u64, i64)>,
    pub bytes: Vec<u8>,
}

pub fn pieces(tx: &Tx<'_>, command: &CommandId, node: &NodeId, position: i64, stream: StreamName) -> Result<Pieces, StoreError> {
    sql::pieces(tx, command, node, position, stream)
}

mod sql {
    use super::*;

    pub fn select_open(after: Option<&Share>) -> Select {
        let select = Select::new("SELECT log_group, command_id, node_id FROM invocation")
            .and("log_group IS NOT NULL AND ended_at IS NULL AND accepted_at IS NOT NULL", []);
        let select = match after {
            Some(Share { group, command, node }) => {
                let key: [Value; 3] = [group.into(), command.into(), node.into()];
                select.and("(log_group, command_id, node_id) > (?, ?, ?)", key)
            }
            None => select,
        };
        select.order("log_group, command_id, node_id").limit(SHARES)
    }

    pub fn open(tx: &Tx<'_>, after: Option<&Share>) -> Result<Vec<Share>, StoreError> {
        select_open(after).rows(tx, |row| {
            Ok(Share {
                group: row.get("log_group")?,
                command: row.get("command_id")?,
                node: row.get("node_id")?,
            })
        })
    }

    pub fn until(tx: &Tx<'_>, command: &CommandId, node: &NodeId) -> Result<HashMap<(i64, &'static str), u64>, StoreError> {
        let sql = "SELECT position, stream, max(until) AS until FROM log_piece
                   WHERE command_id = :command AND node_id = :node GROUP BY position, stream";
        let found = tx.rows(sql, &[(":command", command.into()), (":node", node.into())], |row| {
            let stream: StreamName = row.parsed("stream")?;
            Ok(((row.get("position")?, stream.as_str()), row.get::<i64>("until")? as u64))
        })?;
        Ok(found.into_iter().collect())
    }

    pub fn insert(tx: &Tx<'_>, piece: &Piece, at: Timestamp) -> Result<(), StoreError> {
        let params = [
            (":command", (&piece.share.command).into()),
            (":node", (&piece.share.node).into()),
            (":position", piece.position.into()),
            (":stream", piece.stream.as_str().into()),
            (":until", (piece.from + piece.bytes.len() as u64).into()),
            (":step", (&piece.step).into()),
            (":at", at.into()),
            (":bytes", piece.bytes.as_slice().into()),
        ];
        let sql = "INSERT INTO log_piece (command_id, node_id, position, stream, until, step, at, bytes)
                   VALUES (:command, :node, :position, :stream, :until, :step, :at, :bytes)";
        tx.execute(sql, &params).map(drop)
    }

    pub fn empty(tx: &Tx<'_>, command: &CommandId, node: &NodeId) -> Result<(), StoreError> {
        let sql = "UPDATE log_piece SET bytes = x'' WHERE command_id = :command AND node_id = :node";
        tx.execute(sql, &[(":command", command.into()), (":node", node.into())]).map(drop)
    }

    pub fn pieces(tx: &Tx<'_>, command: &CommandId, node: &NodeId, position: i64, stream: StreamName) -> Result<Pieces, StoreError> {
        let sql = "SELECT until, at, bytes FROM log_piece
                   WHERE command_id = :command AND node_id = :node AND position = :position AND stream = :stream ORDER BY until";
        let params = [
            (":command", command.into()),
            (":node", node.into()),
            (":position", position.into()),
            (":stream", stream.as_str().into()),
        ];
        let mut pieces = Pieces::default();
        let found = tx.rows(sql, &params, |row: &Row<'_>| {
            let time = (row.get::<i64>("until")? as u64, row.get::<Timestamp>("at")?.millis());
            Ok((time, row.get::<Vec<u8>>("bytes")?))
        })?;
        for (time, bytes) in found {
            pieces.times.push(time);
            pieces.bytes.extend(bytes);
        }
        Ok(pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::store::Store;

    fn share() -> Share {
        Share {
            group: "g".into(),
            command: CommandId::random(),
            node: NodeId::random(),
        }
    }

    fn piece(share: &Share, from: u64, text: &str) -> Piece {
        Piece {
            share: share.clone(),
            position: 0,
            stream: StreamName::Stdout,
            step: "s".into(),
            from,
            bytes: text.into(),
        }
    }

    async fn store_with(share: &Share) -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let Share { command, node, .. } = share.clone();
        let filled = store.write(move |tx| {
            let share = [(":command", (&command).into()), (":node", (&node).into())];
            tx.execute(
                "INSERT INTO command (id, document_name, document_version, document, parameters, comment, instance_ids, targets, requested_at,
                    start_before, expires_at, timeout_s, max_concurrency, max_errors, extras, requested_by, status, target_count,
                    completed_count, error_count, delivery_timed_out_count)
                 VALUES (:command, 'D', '1', 'null', '{}', '', '[]', '[]', 0, 0, 0, 60, '1', '0', '{}', 'ann', 'InProgress/InProgress', 1, 0, 0, 0)",
                &share[..1],
            )?;
            tx.execute(
                "INSERT INTO invocation (command_id, node_id, node_name, computer_name, requested_at, start_before, expires_at, status,
                    accepted_at, response_code, message, log_group)
                 VALUES (:command, :node, '', '', 0, 0, 0, 'InProgress', 1, -1, '', 'g')",
                &share,
            )
        });
        filled.await.map_err(|e: StoreError| e).unwrap();
        (dir, store)
    }

    #[tokio::test]
    async fn pieces_follow_one_another_and_keep_their_times_when_the_bytes_go() {
        let share = share();
        let (_dir, store) = store_with(&share).await;
        let one = share.clone();
        let kept = store.write(move |tx| {
            let at = Timestamp::from_millis;
            keep(tx, vec![piece(&one, 0, "a\n")], at(5))?;
            // Asked for twice, and behind a gap.
            keep(tx, vec![piece(&one, 0, "a\nb\n"), piece(&one, 9, "z\n")], at(6))?;
            keep(tx, vec![piece(&one, 2, "b\n")], at(7))?;
            let before = pieces(tx, &one.command, &one.node, 0, StreamName::Stdout)?;
            settle(tx, &one.command, &one.node)?;
            let after = pieces(tx, &one.command, &one.node, 0, StreamName::Stdout)?;
            tx.execute("UPDATE invocation SET ended_at = 9, status = 'Success'", &[])?;
            keep(tx, vec![piece(&one, 4, "c\n")], at(10))?;
            let ended = pieces(tx, &one.command, &one.node, 0, StreamName::Stdout)?;
            Ok((before, after, ended))
        });
        let (before, after, ended) = kept.await.map_err(|e: StoreError| e).unwrap();
        assert_eq!(
            (before.times.as_slice(), before.bytes.as_slice()),
            (&[(2, 5), (4, 7)][..], &b"a\nb\n"[..])
        );
        assert_eq!((&after.times, after.bytes.len()), (&before.times, 0));
        assert_eq!(ended.times, before.times);
    }

    #[tokio::test]
    async fn open_shares_are_found_by_an_index_in_their_order() {
        let share = share();
        let (_dir, store) = store_with(&share).await;
        let all = store.read(|tx| sql::open(tx, None)).await.map_err(|e: StoreError| e).unwrap();
        assert_eq!(all.len(), 1);
        for after in [None, Some(share)] {
            let select = sql::select_open(after.as_ref());
            let plan = store.read(move |tx| select.plan(tx)).await.map_err(|e: StoreError| e).unwrap();
            assert!(plan.len() == 1 && plan[0].contains("invocation_logged_open"), "{plan:?}");
        }
    }
}
