//! A command that is over as JSON or YAML: every node's result and the beginning of its output, step by step where there are several.

use anyhow::Result;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::base::id::CommandId;
use crate::cli::client::{CallError, Client};
use crate::cli::follow::invocation_rows;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::rows;
use crate::cli::steps::Step;

/// Bytes of a stream of a step.
const OUTPUT_BYTES: u64 = 1024 * 1024;
const STREAMS: [&str; 2] = ["stdout", "stderr"];

pub async fn print(client: &Client, command: &CommandId, steps: &[Step], show: &Show) -> Result<()> {
    let described: Value = client.hub("DescribeCommand", json!({"CommandId": command})).await?;
    let mut row = rows::from_api(described["Command"].clone());
    let mut nodes = invocation_rows(client, command).await?;
    add_outputs(client, command, steps, &mut nodes).await?;
    row["nodes"] = Value::Array(nodes);
    show.value(&row)
}

const ID: &[Column] = &[Column::new("command_id", Kind::Text)];

/// Of a command that nobody waits for.
pub fn print_id(command: &CommandId, show: &Show) -> Result<()> {
    if show.is_table() {
        return output::write(&format!("{command}\n"));
    }
    let rows = vec![json!({"command_id": command})];
    show.record(Listing { columns: ID, rows }, Clock::system().now())
}

/// What each node wrote, as members of its row.
pub async fn add_outputs(client: &Client, command: &CommandId, steps: &[Step], nodes: &mut [Value]) -> Result<(), CallError> {
    for node in nodes {
        add_output(client, command, steps, node).await?;
    }
    Ok(())
}

/// What the node wrote in `stdout` and `stderr`; with several steps each one's in `steps`, too.
async fn add_output(client: &Client, command: &CommandId, steps: &[Step], node: &mut Value) -> Result<(), CallError> {
    let mut told: Vec<Value> = steps.iter().map(|step| json!({"name": step.name})).collect();
    for stream in STREAMS {
        let mut whole = String::new();
        let is_silent = node[format!("{stream}_bytes")].as_u64() == Some(0);
        for at in 0..steps.len().max(1) {
            let text = match is_silent {
                true => String::new(),
                false => text_of(client, command, node, at, stream).await?,
            };
            whole.push_str(&text);
            if let Some(step) = told.get_mut(at) {
                step[stream] = Value::String(text);
            }
        }
        node[stream] = Value::String(whole);
    }
    if told.len() > 1 {
        node["steps"] = Value::Array(told);
    }
    Ok(())
}

async fn text_of(client: &Client, command: &CommandId, node: &Value, step: usize, stream: &str) -> Result<String, CallError> {
    let request = json!({
        "CommandId": command, "NodeId": node["node_id"], "Step": step, "Stream": stream, "Offset": 0, "MaxBytes": OUTPUT_BYTES,
    });
    let answer: Value = client.hub("GetOutput", request).await?;
    Ok(answer["Text"].as_str().unwrap_or_default().to_owned())
}
