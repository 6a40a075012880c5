//! The rows of commands, invocations, steps and outputs, and the SQL that changes them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::base::id::{CommandId, NodeId};
use crate::hub::capabilities::commands::rate::{self, OfflineNodes};
use crate::hub::capabilities::commands::state::{self, State};
use crate::hub::capabilities::commands::{notices, uploads};
use crate::hub::capabilities::fleet::targets::Target;
use crate::hub::store::blobs::Hash;
use crate::hub::store::{Row, StoreError, Tx, Value};
use crate::model::approval::Approval;
use crate::model::run_settings::RunSettings;
use crate::wire::run::Outcome;

pub type Parameters = BTreeMap<String, Vec<String>>;

/// What a request may carry that the hub keeps and shows again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Extras {
    pub output_s3_region: Option<String>,
    pub output_s3_bucket_name: Option<String>,
    pub output_s3_key_prefix: Option<String>,
    pub service_role_arn: Option<String>,
    pub notification_config: Option<serde_json::Value>,
    pub cloud_watch_output_config: Option<serde_json::Value>,
    pub alarm_configuration: Option<serde_json::Value>,
    pub canary: Option<String>,
    pub offline_nodes: OfflineNodes,
    pub run_settings: RunSettings,
    /// The object stores that its nodes may be given objects of, for which the sender had the right; not shown.
    pub download_stores: BTreeSet<String>,
    /// The object store that took its output when it was sent, for which the sender had the right; not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_store: Option<String>,
    /// Goes to the nodes with the order; not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_approval: Option<Approval>,
}

/// A command's row.
#[derive(Clone, Debug)]
pub struct Command {
    pub id: CommandId,
    pub document_name: String,
    pub document_version: String,
    pub parameters: Parameters,
    pub comment: String,
    pub instance_ids: Vec<String>,
    pub targets: Vec<Target>,
    pub requested_at: Timestamp,
    pub start_before: Timestamp,
    pub expires_at: Timestamp,
    pub timeout_s: i64,
    pub max_concurrency: String,
    pub max_errors: String,
    pub extras: Extras,
    pub requested_by: String,
    pub rerun_of: Option<CommandId>,
    /// `Status/StatusDetails`.
    pub status: String,
    pub is_cancelled: bool,
    pub target_count: i64,
    pub completed_count: i64,
    pub error_count: i64,
    pub delivery_timed_out_count: i64,
    pub held_count: i64,
}

impl Command {
    pub fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            document_name: row.get("document_name")?,
            document_version: row.get("document_version")?,
            parameters: row.json("parameters")?,
            comment: row.get("comment")?,
            instance_ids: row.json("instance_ids")?,
            targets: row.json("targets")?,
            requested_at: row.get("requested_at")?,
            start_before: row.get("start_before")?,
            expires_at: row.get("expires_at")?,
            timeout_s: row.get("timeout_s")?,
            max_concurrency: row.get("max_concurrency")?,
            max_errors: row.get("max_errors")?,
            extras: row.json("extras")?,
            requested_by: row.get("requested_by")?,
            rerun_of: row.get("rerun_of")?,
            status: row.get("status")?,
            is_cancelled: row.get::<Option<i64>>("cancelled_at")?.is_some(),
            target_count: row.get("target_count")?,
            completed_count: row.get("completed_count")?,
            error_count: row.get("error_count")?,
            delivery_timed_out_count: row.get("delivery_timed_out_count")?,
            held_count: row.get("held_count")?,
        })
    }

    /// `Status` and `StatusDetails`.
    pub fn status_pair(&self) -> (&str, &str) {
        self.status.split_once('/').unwrap_or((&self.status, &self.status))
    }
}

/// An invocation's row.
#[derive(Clone, Debug)]
pub struct Invocation {
    pub command_id: CommandId,
    pub node_id: NodeId,
    pub node_name: String,
    pub computer_name: String,
    pub requested_at: Timestamp,
    pub state: State,
    pub accepted_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub response_code: i64,
    pub message: String,
    pub output_hash: Option<Vec<u8>>,
}

impl Invocation {
    pub fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            command_id: row.get("command_id")?,
            node_id: row.get("node_id")?,
            node_name: row.get("node_name")?,
            computer_name: row.get("computer_name")?,
            requested_at: row.get("requested_at")?,
            state: row.parsed("status")?,
            accepted_at: row.get("accepted_at")?,
            ended_at: row.get("ended_at")?,
            response_code: row.get("response_code")?,
            message: row.get("message")?,
            output_hash: row.get("output_hash")?,
        })
    }
}

/// A step's row.
#[derive(Clone, Debug)]
pub struct StepRow {
    pub position: i64,
    pub name: String,
    pub action: String,
    pub outcome: Outcome,
    pub exit_code: Option<i64>,
    pub message: String,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
}

/// One output stream of a step.
#[derive(Clone, Debug)]
pub struct OutputRow {
    pub stored_bytes: u64,
    pub hash: Hash,
    /// The first bytes, until the whole has been pulled.
    pub head: Vec<u8>,
    pub cut: Option<(u64, u64)>,
    /// The rest still lies on the node.
    pub is_wanted: bool,
}

impl OutputRow {
    pub fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let cut: (Option<i64>, Option<i64>) = (row.get("cut_head_bytes")?, row.get("cut_omitted_bytes")?);
        Ok(Self {
            stored_bytes: row.get::<i64>("stored_bytes")? as u64,
            hash: row
                .get::<Vec<u8>>("hash")?
                .try_into()
                .map_err(|_| StoreError::Malformed("an output's hash".into()))?,
            head: row.get("head")?,
            cut: cut.0.zip(cut.1).map(|(head, omitted)| (head as u64, omitted as u64)),
            is_wanted: row.get("wanted")?,
        })
    }
}

pub mod sql {
    use super::*;

    pub const SELECT_COMMAND: &str =
        "SELECT id, document_name, document_version, parameters, comment, instance_ids, targets, requested_at, start_before,
        expires_at, timeout_s, max_concurrency, max_errors, extras, requested_by, rerun_of, status, cancelled_at, target_count,
        completed_count, error_count, delivery_timed_out_count, held_count FROM command";

    pub const SELECT_INVOCATION: &str = "SELECT command_id, node_id, node_name, computer_name, requested_at, status, accepted_at, ended_at,
        response_code, message, output_hash FROM invocation";

    pub fn command(tx: &Tx<'_>, id: &CommandId) -> Result<Option<Command>, StoreError> {
        let sql = "SELECT id, document_name, document_version, parameters, comment, instance_ids, targets, requested_at, start_before,
            expires_at, timeout_s, max_concurrency, max_errors, extras, requested_by, rerun_of, status, cancelled_at, target_count,
            completed_count, error_count, delivery_timed_out_count, held_count FROM command WHERE id = :id";
        tx.row(sql, &[(":id", id.into())], Command::from_row)
    }

    /// The content that the command's nodes run.
    pub fn document(tx: &Tx<'_>, id: &CommandId) -> Result<Option<serde_json::Value>, StoreError> {
        tx.row("SELECT document FROM command WHERE id = :id", &[(":id", id.into())], |row| {
            row.json("document")
        })
    }

    pub fn invocation(tx: &Tx<'_>, command: &CommandId, node: &NodeId) -> Result<Option<Invocation>, StoreError> {
        let sql =
            "SELECT command_id, node_id, node_name, computer_name, requested_at, status, accepted_at, ended_at, response_code, message,
            output_hash FROM invocation WHERE command_id = :command AND node_id = :node";
        tx.row(sql, &[(":command", command.into()), (":node", node.into())], Invocation::from_row)
    }

    pub fn state(tx: &Tx<'_>, command: &CommandId, node: &NodeId) -> Result<Option<State>, StoreError> {
        let sql = "SELECT status FROM invocation WHERE command_id = :command AND node_id = :node";
        tx.row(sql, &[(":command", command.into()), (":node", node.into())], |row| {
            row.parsed("status")
        })
    }

    pub fn steps(tx: &Tx<'_>, command: &CommandId, node: &NodeId) -> Result<Vec<StepRow>, StoreError> {
        let sql = "SELECT position, name, action, outcome, exit_code, message, started_at, ended_at FROM step
                   WHERE command_id = :command AND node_id = :node ORDER BY position";
        tx.rows(sql, &[(":command", command.into()), (":node", node.into())], |row| {
            Ok(StepRow {
                position: row.get("position")?,
                name: row.get("name")?,
                action: row.get("action")?,
                outcome: row.parsed("outcome")?,
                exit_code: row.get("exit_code")?,
                message: row.get("message")?,
                started_at: row.get("started_at")?,
                ended_at: row.get("ended_at")?,
            })
        })
    }

    pub fn output(tx: &Tx<'_>, command: &CommandId, node: &NodeId, position: i64, stream: &str) -> Result<Option<OutputRow>, StoreError> {
        let sql = "SELECT stored_bytes, hash, head, cut_head_bytes, cut_omitted_bytes, wanted FROM step_output
                   WHERE command_id = :command AND node_id = :node AND position = :position AND stream = :stream";
        let params = [
            (":command", command.into()),
            (":node", node.into()),
            (":position", position.into()),
            (":stream", stream.into()),
        ];
        tx.row(sql, &params, OutputRow::from_row)
    }

    /// Whether a step wrote anything.
    pub fn has_output(tx: &Tx<'_>, command: &CommandId, node: &NodeId, position: i64) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM step_output WHERE command_id = :command AND node_id = :node AND position = :position";
        let params = [(":command", command.into()), (":node", node.into()), (":position", position.into())];
        Ok(tx.count(sql, &params)? > 0)
    }

    pub fn set_state(tx: &Tx<'_>, command: &CommandId, node: &NodeId, state: State) -> Result<(), StoreError> {
        let sql = "UPDATE invocation SET status = :status WHERE command_id = :command AND node_id = :node";
        tx.execute(
            sql,
            &[
                (":status", state.as_str().into()),
                (":command", command.into()),
                (":node", node.into()),
            ],
        )
        .map(|_| ())
    }

    pub fn accept(tx: &Tx<'_>, command: &CommandId, node: &NodeId, state: State, at: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE invocation SET status = :status, accepted_at = coalesce(accepted_at, :at)
                   WHERE command_id = :command AND node_id = :node AND (accepted_at IS NULL OR status <> :status)";
        let params = [
            (":status", state.as_str().into()),
            (":at", at.into()),
            (":command", command.into()),
            (":node", node.into()),
        ];
        if tx.execute(sql, &params)? == 0 {
            // It says again what is known.
            return Ok(());
        }
        let sql = "UPDATE command SET status = 'InProgress/InProgress' WHERE id = :id AND status = 'Pending/Pending'";
        let is_first = tx.execute(sql, &[(":id", command.into())])? > 0;
        match notify(tx, command)?.as_deref() {
            Some("Command") if is_first => tell(tx, command, at),
            Some("Invocation") if state == State::InProgress => notices::invocation(tx, command, node, state, at),
            _ => Ok(()),
        }
    }

    /// A report came, maybe the first that is heard of the run: then whoever wants to know hears first that it began.
    pub fn began(tx: &Tx<'_>, command: &CommandId, node: &NodeId, before: State, at: Timestamp) -> Result<(), StoreError> {
        let is_news = matches!(before, State::Pending | State::Delayed);
        match is_news && notify(tx, command)?.is_some() {
            true => accept(tx, command, node, State::InProgress, at),
            false => Ok(()),
        }
    }

    /// What changes of the command are told.
    fn notify(tx: &Tx<'_>, id: &CommandId) -> Result<Option<String>, StoreError> {
        let found = tx.row("SELECT notify FROM command WHERE id = :id", &[(":id", id.into())], |row| {
            row.get::<Option<String>>("notify")
        });
        Ok(found?.flatten())
    }

    fn tell(tx: &Tx<'_>, id: &CommandId, at: Timestamp) -> Result<(), StoreError> {
        match command(tx, id)? {
            Some(command) => notices::command(tx, &command, at),
            None => Ok(()),
        }
    }

    /// How an invocation ended.
    pub struct End<'a> {
        pub command: &'a CommandId,
        pub node: &'a NodeId,
        pub state: State,
        pub at: Timestamp,
        /// When the node began it, if it did and had not said so before.
        pub began_at: Option<Timestamp>,
        pub response_code: i64,
        pub message: &'a str,
        pub output_hash: Option<&'a [u8]>,
    }

    /// Ends an invocation and counts it in its command, whose state follows when this was the last.
    pub fn end(tx: &Tx<'_>, end: &End<'_>) -> Result<(), StoreError> {
        let params = [
            (":status", end.state.as_str().into()),
            (":at", end.at.into()),
            (":began_at", end.began_at.into()),
            (":response_code", end.response_code.into()),
            (":message", end.message.into()),
            (":output_hash", end.output_hash.into()),
            (":command", end.command.into()),
            (":node", end.node.into()),
        ];
        let is_released = tx.row(
            "UPDATE invocation SET status = :status, accepted_at = coalesce(accepted_at, :began_at), ended_at = :at,
                response_code = :response_code, message = :message, output_hash = :output_hash WHERE command_id = :command AND node_id = :node
             RETURNING released_at IS NOT NULL AS released",
            &params,
            |row| row.get::<bool>("released"),
        )?;
        let is_released = is_released == Some(true);
        let params = [
            (":id", end.command.into()),
            (":errors", Value::from(end.state.is_error())),
            (":undelivered", (end.state == State::DeliveryTimedOut).into()),
            (":held", Value::from(!is_released)),
            (":in_flight", Value::from(is_released)),
        ];
        let sql = "UPDATE command SET completed_count = completed_count + 1, error_count = error_count + :errors,
                delivery_timed_out_count = delivery_timed_out_count + :undelivered,
                held_count = held_count - :held, in_flight_count = in_flight_count - :in_flight,
                status = CASE status WHEN 'Pending/Pending' THEN 'InProgress/InProgress' ELSE status END
             WHERE id = :id RETURNING completed_count = target_count AS done, coalesce(notify, '') = 'Invocation' AS tells, uploads";
        let found = tx.row(sql, &params, |row| {
            Ok((row.get::<bool>("done")?, row.get::<bool>("tells")?, row.get::<bool>("uploads")?))
        })?;
        let (is_done, tells, uploads) = found.unwrap_or_default();
        if uploads {
            uploads::queue(tx, end.command, end.node, end.at)?;
        }
        if tells {
            notices::invocation(tx, end.command, end.node, end.state, end.at)?;
        }
        if is_done {
            settle(tx, end.command, end.at)?;
        }
        Ok(())
    }

    /// Writes the command's state from all its invocations.
    pub fn settle(tx: &Tx<'_>, id: &CommandId, at: Timestamp) -> Result<(), StoreError> {
        let Some(mut command) = command(tx, id)? else { return Ok(()) };
        let max_errors = rate::count_of(&command.max_errors, command.target_count as u64);
        let state = state::roll_up(&counts(tx, id)?, max_errors, command.is_cancelled);
        let status = format!("{}/{}", state.status, state.details);
        tx.execute(
            "UPDATE command SET status = :status WHERE id = :id",
            &[(":status", (&status).into()), (":id", id.into())],
        )?;
        let is_news = command.status != status && command.completed_count == command.target_count;
        command.status = status;
        match is_news {
            true => notices::command(tx, &command, at),
            false => Ok(()),
        }
    }

    /// Invocations of a command by state.
    pub fn counts(tx: &Tx<'_>, id: &CommandId) -> Result<BTreeMap<State, u64>, StoreError> {
        let sql = "SELECT status, count(*) AS n FROM invocation WHERE command_id = :id GROUP BY status";
        let pairs = tx.rows(sql, &[(":id", id.into())], |row| {
            Ok((row.parsed("status")?, row.get::<i64>("n")? as u64))
        })?;
        Ok(pairs.into_iter().collect())
    }
}
