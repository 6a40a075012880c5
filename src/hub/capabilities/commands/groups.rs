//! Outputs of a command's nodes with equal ones folded: how they ended and what all their steps wrote, each once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ApiResult;
use crate::base::id::{CommandId, NodeId};
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::capabilities::commands::outputs;
use crate::hub::capabilities::commands::rows::{self, Invocation, StepRow};
use crate::hub::capabilities::commands::send::KIND;
use crate::hub::capabilities::commands::state::State;
use crate::hub::store::blobs::Blobs;
use crate::hub::store::{StoreError, Tx};
use crate::wire::run::StreamName;

/// Characters of each stream of a step that a group shows.
const STREAM_CHARS: usize = 4096;
/// Bytes that are read for them; a character has at most four.
const STREAM_BYTES: usize = 4 * STREAM_CHARS;
const GROUP_NODES: usize = 20;
const MAX_GROUPS: usize = 100;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "GroupOutputs",
        |r: &GroupRequest| Target::Resource(KIND, r.command_id.to_string()),
        group_outputs,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GroupRequest {
    command_id: CommandId,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GroupResult {
    /// The largest first, at most 100.
    groups: Vec<Group>,
    /// How many groups there are, shown here or not.
    group_count: i64,
    /// How many nodes are in all of them.
    node_count: i64,
}

/// Nodes that ended the same way with the same output.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Group {
    output_hash: String,
    status_details: &'static str,
    exit_code: i64,
    count: i64,
    node_ids: Vec<NodeId>,
    /// What each step wrote, in their order.
    steps: Vec<Step>,
    /// The same of all steps together.
    stdout: String,
    /// The errors of all steps, and below them what there is to say about the first node's.
    stderr: String,
    /// A stream of a step is longer than what is shown here.
    truncated: bool,
}

/// What one step of a group's nodes wrote.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GroupStep")]
struct Step {
    name: String,
    status_details: &'static str,
    stdout: String,
    stderr: String,
    /// What there is to say about it on the first node, such as why it was left out.
    message: String,
    truncated: bool,
}

async fn group_outputs(cx: Cx, request: GroupRequest) -> ApiResult<GroupResult> {
    let blobs = cx.services.blobs.clone();
    cx.read(move |tx| {
        let command = rows::sql::command(tx, &request.command_id)?.ok_or_else(|| super::send::unknown(request.command_id.as_str()))?;
        let (group_count, node_count) = sql::counts(tx, &command.id)?;
        let folded = sql::folded(tx, &command.id)?;
        let groups = folded.into_iter().map(|fold| group(tx, &blobs, &command.id, fold));
        Ok(GroupResult {
            groups: groups.collect::<Result<_, StoreError>>()?,
            group_count,
            node_count,
        })
    })
    .await
}

fn group(tx: &Tx<'_>, blobs: &Blobs, command: &CommandId, fold: sql::Fold) -> Result<Group, StoreError> {
    let node_ids = sql::nodes(tx, command, &fold.hash)?;
    let share = match node_ids.first() {
        Some(first) => rows::sql::invocation(tx, command, first)?,
        None => None,
    };
    let (mut steps, mut message) = (Vec::new(), String::new());
    if let Some(share) = share {
        for row in rows::sql::steps(tx, command, &share.node_id)? {
            steps.push(step(tx, blobs, &share, row)?);
        }
        message = share.message;
    }
    Ok(Group {
        output_hash: data_encoding::HEXLOWER.encode(&fold.hash),
        status_details: fold.state.as_str(),
        exit_code: fold.exit_code,
        count: fold.count,
        node_ids,
        stdout: steps.iter().map(|step| step.stdout.as_str()).collect(),
        stderr: with_message(steps.iter().map(|step| step.stderr.as_str()).collect(), &message),
        truncated: steps.iter().any(|step| step.truncated),
        steps,
    })
}

fn step(tx: &Tx<'_>, blobs: &Blobs, share: &Invocation, row: StepRow) -> Result<Step, StoreError> {
    let (stdout, is_stdout_cut) = beginning(tx, blobs, share, &row, StreamName::Stdout)?;
    let (stderr, is_stderr_cut) = beginning(tx, blobs, share, &row, StreamName::Stderr)?;
    Ok(Step {
        name: row.name,
        status_details: State::of(row.outcome).as_str(),
        stdout,
        stderr,
        message: row.message,
        truncated: is_stdout_cut || is_stderr_cut,
    })
}

/// The beginning of a stream, and whether more was written.
fn beginning(tx: &Tx<'_>, blobs: &Blobs, share: &Invocation, row: &StepRow, stream: StreamName) -> Result<(String, bool), StoreError> {
    let Some(output) = rows::sql::output(tx, &share.command_id, &share.node_id, row.position, stream.as_str())? else {
        return Ok((String::new(), false));
    };
    let bytes = outputs::range(tx, blobs, &output, 0, STREAM_BYTES)?;
    let (text, is_cut) = cut(&bytes);
    Ok((text, is_cut || output.cut.is_some() || output.stored_bytes > bytes.len() as u64))
}

fn cut(bytes: &[u8]) -> (String, bool) {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(STREAM_CHARS) {
        Some((at, _)) => (text[..at].to_owned(), true),
        None => (text.into_owned(), false),
    }
}

/// The errors with the hub's or agent's own sentence below them.
fn with_message(mut stderr: String, message: &str) -> String {
    if !message.is_empty() && !stderr.is_empty() && !stderr.ends_with('\n') {
        stderr.push('\n');
    }
    stderr.push_str(message);
    stderr
}

mod sql {
    use super::*;

    pub struct Fold {
        pub hash: Vec<u8>,
        pub state: State,
        pub exit_code: i64,
        pub count: i64,
    }

    /// The largest groups first.
    pub fn folded(tx: &Tx<'_>, command: &CommandId) -> Result<Vec<Fold>, StoreError> {
        let sql = "SELECT output_hash, min(status) AS status, min(response_code) AS code, count(*) AS n FROM invocation
                   WHERE command_id = :id AND output_hash IS NOT NULL GROUP BY output_hash ORDER BY n DESC, output_hash LIMIT :limit";
        tx.rows(sql, &[(":id", command.into()), (":limit", (MAX_GROUPS as i64).into())], |row| {
            Ok(Fold {
                hash: row.get("output_hash")?,
                state: row.parsed("status")?,
                exit_code: row.get("code")?,
                count: row.get("n")?,
            })
        })
    }

    /// All groups, and all nodes in them.
    pub fn counts(tx: &Tx<'_>, command: &CommandId) -> Result<(i64, i64), StoreError> {
        let sql = "SELECT count(DISTINCT output_hash) AS groups, count(output_hash) AS nodes FROM invocation WHERE command_id = :id";
        let found = tx.row(sql, &[(":id", command.into())], |row| Ok((row.get("groups")?, row.get("nodes")?)))?;
        Ok(found.unwrap_or_default())
    }

    pub fn nodes(tx: &Tx<'_>, command: &CommandId, hash: &[u8]) -> Result<Vec<NodeId>, StoreError> {
        let sql = "SELECT node_id FROM invocation WHERE command_id = :id AND output_hash = :hash ORDER BY node_id LIMIT :limit";
        tx.rows(
            sql,
            &[
                (":id", command.into()),
                (":hash", hash.into()),
                (":limit", (GROUP_NODES as i64).into()),
            ],
            |row| row.get("node_id"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_at_whole_characters_and_says_so() {
        assert_eq!(cut("日本\n".as_bytes()), ("日本\n".to_owned(), false));
        let (text, is_cut) = cut("é".repeat(STREAM_CHARS + 1).as_bytes());
        assert!(is_cut && text == "é".repeat(STREAM_CHARS));
        assert!(!cut(&[b'x'; STREAM_CHARS]).1);
    }

    #[test]
    fn a_message_stands_below_what_was_written() {
        assert_eq!(with_message("out".into(), "the node was offline"), "out\nthe node was offline");
        assert_eq!(with_message("out\n".into(), ""), "out\n");
    }
}
