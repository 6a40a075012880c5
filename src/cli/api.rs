//! `roadstead api OPERATION`: any operation, by its name.

use std::io::Read;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use serde_json::Value;

use crate::cli::client::CallError;
use crate::cli::failure::Failure;
use crate::cli::output::Show;
use crate::cli::{client::Client, context};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  roadstead api DescribeInstanceInformation\n  \
    roadstead api Roadstead.SearchNodes --json '{\"MaxResults\": 5}'\n  \
    echo '{\"CommandId\": \"…\"}' | roadstead api ListCommands --json -")]
pub struct ApiArgs {
    /// `ListCommands`, or with its service in front: `Roadstead.GetOverview`
    operation: String,
    /// The request as JSON; `-` reads it from stdin
    #[arg(long, value_name = "BODY", default_value = "{}")]
    json: String,
}

pub async fn run(args: ApiArgs, show: &Show) -> Result<()> {
    show.check_has_no_rows()?;
    let body = body(&args.json)?;
    let client = context::connect().await?;
    let answer = call(&client, &args.operation, body).await?;
    let answer: Value = serde_json::from_slice(&answer).context("the hub's answer is no JSON")?;
    show.value(&answer)
}

/// A name without its service is upstream's; one that upstream does not know may be ours.
async fn call(client: &Client, operation: &str, body: Bytes) -> Result<Bytes, CallError> {
    if operation.contains('.') {
        return Ok(client.call_raw(operation, body).await?.1);
    }
    match client.call_raw(&format!("AmazonSSM.{operation}"), body.clone()).await {
        Err(error) if is_unknown(&error) => match client.call_raw(&format!("Roadstead.{operation}"), body).await {
            Err(other) if is_unknown(&other) => Err(error),
            answer => Ok(answer?.1),
        },
        answer => Ok(answer?.1),
    }
}

fn is_unknown(error: &CallError) -> bool {
    error.code() == Some("UnknownOperationException")
}

fn body(given: &str) -> Result<Bytes> {
    let mut text = given.to_owned();
    if given == "-" {
        text.clear();
        std::io::stdin().lock().read_to_string(&mut text).context("could not read stdin")?;
    }
    let wrong = |e: serde_json::Error| Failure::usage(format!("--json is not JSON: {e}"));
    let value: Value = serde_json::from_str(&text).map_err(wrong)?;
    if !value.is_object() {
        return Err(Failure::usage("--json must be an object, such as {}").into());
    }
    Ok(text.into())
}
