//! What nodes answer: accepted, rejected, ended. Each frame is one write; the store combines what arrives together into one
//! commit, and only after it is durable the node is told that it need not send again.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::{BASE64, HEXLOWER};
use futures_util::FutureExt;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::{Reports, Services};
use crate::hub::capabilities::commands::rows;
use crate::hub::capabilities::commands::state::Happening;
use crate::hub::capabilities::commands::{dispatch, log_pieces, pull};
use crate::hub::events::{Bus, Event};
use crate::hub::store::blobs::{self, Hash};
use crate::hub::store::{StoreError, Tx};
use crate::wire::control::{Rejection, ToAgent, ToHub};
use crate::wire::run::{Output, OutputQuery, Report, StepReport, StreamName};

/// Steps of one report that are kept; a document has fewer.
const MAX_STEPS: usize = 100;
/// Bytes of an output that are kept at once when the whole must be pulled: four for each character that upstream shows.
const HEAD_BYTES: usize = 4 * 24_000;
/// Longest message of a step that is kept.
const MAX_MESSAGE: usize = 2000;

pub fn reports(reports: &mut Reports) {
    reports
        .on_frame(
            |f| matches!(f, ToHub::Accepted { .. }),
            |services, node, frame| frame_arrived(services, node, frame).boxed(),
        )
        .on_frame(
            |f| matches!(f, ToHub::Rejected { .. }),
            |services, node, frame| frame_arrived(services, node, frame).boxed(),
        )
        .on_frame(
            |f| matches!(f, ToHub::Report(_)),
            |services, node, frame| frame_arrived(services, node, frame).boxed(),
        )
        .on_connected(dispatch::connected);
}

async fn frame_arrived(services: Arc<Services>, node: NodeId, frame: ToHub) {
    let done = match frame {
        ToHub::Accepted { run } => accepted(&services, &node, run).await,
        ToHub::Rejected { run, reason, message } => rejected(&services, &node, run, reason, message).await,
        ToHub::Report(report) => reported(&services, &node, *report).await,
        _ => return,
    };
    if let Err(error) = done {
        // Not acknowledged, so the node sends it again after its next connect.
        tracing::error!(node_id = %node, error = %error, "a report was not stored");
    }
}

async fn accepted(services: &Services, node: &NodeId, run: CommandId) -> ApiResult<()> {
    let (now, bus, id) = (services.now(), services.bus.clone(), node.clone());
    // It may end right after: both then go in one commit.
    services
        .write_lazily(move |tx| {
            let Some(state) = rows::sql::state(tx, &run, &id)? else {
                return Ok(());
            };
            if let Ok(next) = state.next(Happening::Accepted) {
                rows::sql::accept(tx, &run, &id, next, now)?;
                bus.emit(tx, Event::CommandChanged(run));
            }
            Ok(())
        })
        .await
}

async fn rejected(services: &Services, node: &NodeId, run: CommandId, reason: Rejection, message: String) -> ApiResult<()> {
    let (now, bus, id) = (services.now(), services.bus.clone(), node.clone());
    services
        .write(move |tx| {
            let message: String = message.chars().take(MAX_MESSAGE).collect();
            let Some(Ok(state)) = rows::sql::state(tx, &run, &id)?.map(|s| s.next(Happening::Rejected(reason))) else {
                return Ok(());
            };
            let end = rows::sql::End {
                command: &run,
                node: &id,
                state,
                at: now,
                began_at: None,
                response_code: -1,
                message: &message,
                output_hash: None,
            };
            rows::sql::end(tx, &end)?;
            bus.emit(tx, Event::CommandChanged(run));
            Ok(())
        })
        .await
}

async fn reported(services: &Arc<Services>, node: &NodeId, mut report: Report) -> ApiResult<()> {
    fill_heads(services, node, &mut report).await;
    let (now, bus, id, run) = (services.now(), services.bus.clone(), node.clone(), report.run.clone());
    let is_more_wanted = services.write(move |tx| Ok(store(tx, &id, report, now, &bus)?)).await?;
    dispatch::tell(services, node, &ToAgent::ReportStored { run: run.clone() }).await;
    if is_more_wanted {
        let (services, node) = (services.clone(), node.clone());
        let tasks = services.tasks.clone();
        tasks.spawn(pull::wanted(services, node));
    } else {
        dispatch::tell(services, node, &ToAgent::Release { run }).await;
    }
    Ok(())
}

/// Fetches the beginning of each output that did not fit into the report, so that whoever sees the end of a run also sees
/// as much of its output as upstream's members carry. What cannot be had now keeps the shorter head.
async fn fill_heads(services: &Services, node: &NodeId, report: &mut Report) {
    let run = report.run.clone();
    for (step, outputs) in report.steps.iter_mut().take(MAX_STEPS).enumerate() {
        for (stream, output) in [(StreamName::Stdout, &mut outputs.stdout), (StreamName::Stderr, &mut outputs.stderr)] {
            let query = OutputQuery::beginning(run.clone(), step as u32, stream);
            pull::fill(services, node, query, output, HEAD_BYTES).await;
        }
    }
}

/// Stores a report; answers whether some of its output still lies on the node and is wanted.
///
/// A report for a run that is unknown or has ended changes nothing: it is acknowledged so that the node forgets it. A repeat
/// says the same about the output as the first one: while it is wanted, the node must not be told to forget it.
fn store(tx: &Tx<'_>, node: &NodeId, report: Report, now: Timestamp, bus: &Bus) -> Result<bool, StoreError> {
    let Some(before) = rows::sql::state(tx, &report.run, node)? else {
        return Ok(false);
    };
    let Ok(state) = before.next(Happening::Ended(report.outcome())) else {
        return Ok(!pull::is_complete(tx, node, &report.run)?);
    };
    rows::sql::began(tx, &report.run, node, before, now)?;
    let mut is_more_wanted = false;
    let mut fold = Context::new(&SHA256);
    fold.update(state.as_str().as_bytes());
    for (position, step) in report.steps.iter().take(MAX_STEPS).enumerate() {
        let position = position as i64;
        sql::insert_step(tx, &report.run, node, position, step)?;
        fold.update(&step.exit_code.unwrap_or(-1).to_be_bytes());
        for (stream, output) in [(StreamName::Stdout, &step.stdout), (StreamName::Stderr, &step.stderr)] {
            if let Some(kept) = keep(tx, output)? {
                is_more_wanted |= kept.is_wanted;
                fold.update(&kept.hash);
                sql::insert_output(tx, &report.run, node, position, stream, output, &kept)?;
            }
            fold.update(stream.as_str().as_bytes());
        }
    }
    let message: String = report
        .steps
        .iter()
        .map(|s| s.message.as_str())
        .filter(|m| !m.is_empty())
        .collect::<Vec<_>>()
        .join("; ");
    let message: String = message.chars().take(MAX_MESSAGE).collect();
    let fold = fold.finish();
    let end = rows::sql::End {
        command: &report.run,
        node,
        state,
        at: now,
        began_at: report.steps.iter().map(|s| Timestamp::from_millis(s.started_at_ms).min(now)).min(),
        response_code: report.exit_code().map_or(-1, i64::from),
        message: &message,
        output_hash: Some(fold.as_ref()),
    };
    rows::sql::end(tx, &end)?;
    if !is_more_wanted {
        log_pieces::settle(tx, &report.run, node)?;
    }
    bus.emit(tx, Event::CommandChanged(report.run));
    Ok(is_more_wanted)
}

/// What of an output was kept at once.
struct Kept {
    hash: Hash,
    head: Vec<u8>,
    is_wanted: bool,
}

/// Stores an output that came whole; keeps the head of one that must be pulled. `None` for an empty one.
fn keep(tx: &Tx<'_>, output: &Output) -> Result<Option<Kept>, StoreError> {
    if output.stored_bytes == 0 {
        return Ok(None);
    }
    let mut head = BASE64.decode(output.head.as_bytes()).unwrap_or_default();
    head.truncate(HEAD_BYTES);
    if head.len() as u64 == output.stored_bytes {
        let hash = blobs::hash(&head);
        blobs::insert_inline(tx, &hash, &head)?;
        return Ok(Some(Kept {
            hash,
            head: Vec::new(),
            is_wanted: false,
        }));
    }
    // The node's word for now; what is pulled is hashed here and replaces it.
    let claimed = HEXLOWER
        .decode(output.sha256.to_ascii_lowercase().as_bytes())
        .ok()
        .and_then(|b| b.try_into().ok());
    Ok(Some(Kept {
        hash: claimed.unwrap_or_default(),
        head,
        is_wanted: true,
    }))
}

mod sql {
    use super::*;

    pub fn insert_step(tx: &Tx<'_>, run: &CommandId, node: &NodeId, position: i64, step: &StepReport) -> Result<(), StoreError> {
        let text = |text: &str, limit: usize| text.chars().take(limit).collect::<String>();
        let params = [
            (":run", run.into()),
            (":node", node.into()),
            (":position", position.into()),
            (":name", text(&step.name, 128).into()),
            (":action", text(&step.action, 128).into()),
            (":outcome", step.outcome.as_str().into()),
            (":exit_code", step.exit_code.into()),
            (":message", text(&step.message, MAX_MESSAGE).into()),
            (":started_at", step.started_at_ms.into()),
            (":ended_at", step.ended_at_ms.into()),
        ];
        tx.execute(
            "INSERT INTO step (command_id, node_id, position, name, action, outcome, exit_code, message, started_at, ended_at)
             VALUES (:run, :node, :position, :name, :action, :outcome, :exit_code, :message, :started_at, :ended_at)",
            &params,
        )
        .map(|_| ())
    }

    pub fn insert_output(
        tx: &Tx<'_>,
        run: &CommandId,
        node: &NodeId,
        position: i64,
        stream: StreamName,
        output: &Output,
        kept: &Kept,
    ) -> Result<(), StoreError> {
        let params = [
            (":run", run.into()),
            (":node", node.into()),
            (":position", position.into()),
            (":stream", stream.as_str().into()),
            (":hash", kept.hash.as_slice().into()),
            (":stored_bytes", output.stored_bytes.into()),
            (":head", kept.head.as_slice().into()),
            (":cut_head", output.cut.map(|c| c.head_bytes).into()),
            (":cut_omitted", output.cut.map(|c| c.omitted_bytes).into()),
            (":wanted", kept.is_wanted.into()),
        ];
        tx.execute(
            "INSERT INTO step_output (command_id, node_id, position, stream, hash, stored_bytes, head, cut_head_bytes, cut_omitted_bytes, wanted)
             VALUES (:run, :node, :position, :stream, :hash, :stored_bytes, :head, :cut_head, :cut_omitted, :wanted)",
            &params,
        )
        .map(|_| ())
    }
}
