//! `roadstead who-can`, `roadstead why`: the decision explained.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::client::Client;
use crate::cli::output::{Column, Kind, Listing, Show};
use crate::cli::{context, node, rows};

#[derive(Args)]
pub struct WhoCanArgs {
    /// An action such as ssm:StartSession
    action: String,
    /// What it is done to: KIND/ID such as parameter//app/db, or a node's name or id
    resource: String,
    /// Those who may not, too
    #[arg(long)]
    all: bool,
}

#[derive(Args)]
pub struct WhyArgs {
    /// An action such as ssm:StartSession
    #[arg(required_unless_present = "request")]
    action: Option<String>,
    /// What it is done to: KIND/ID such as parameter//app/db, or a node's name or id
    #[arg(required_unless_present = "request")]
    resource: Option<String>,
    /// Whose rights [default: your own]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A request that was refused, by the id in its answer
    #[arg(long, value_name = "ID", conflicts_with_all = ["action", "resource"])]
    request: Option<String>,
}

const VERDICTS: &[Column] = &[
    Column::new("user_name", Kind::Text),
    Column::new("allowed", Kind::Text),
    Column::new("reason", Kind::Text),
    Column::hidden("policy", Kind::Text),
    Column::hidden("statement", Kind::Text),
    Column::hidden("via", Kind::Text),
];

const EXPLAINED: &[Column] = &[
    Column::new("user_name", Kind::Text),
    Column::new("action", Kind::Text),
    Column::new("resource", Kind::Text),
    Column::new("allowed", Kind::Text),
    Column::new("reason", Kind::Text),
    Column::new("recorded_reason", Kind::Text),
    Column::hidden("statements", Kind::Text),
];

pub async fn who_can(args: WhoCanArgs, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let resource = subject(&client, &args.resource).await?;
    let request = json!({ "Action": args.action, "Resource": resource, "OnlyAllowed": !args.all });
    let found: Vec<Value> = client.pages("Roadstead.SimulateAccess", request, "Users", usize::MAX).await?;
    let rows = found.into_iter().map(rows::from_api).collect();
    show.listing(&Listing { columns: VERDICTS, rows }, Clock::system().now())
}

pub async fn why(args: WhyArgs, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let mut request = json!({});
    if let Some(user) = args.user {
        request["UserName"] = json!(user);
    }
    match (args.request, args.action, args.resource) {
        (Some(id), ..) => request["RequestId"] = json!(id),
        (None, action, resource) => {
            request["Action"] = json!(action);
            request["Resource"] = subject(&client, resource.as_deref().unwrap_or_default()).await?;
        }
    }
    let mut found: Value = client.hub("ExplainAccess", request).await?;
    let place = &found["Resource"];
    found["Resource"] = json!(format!(
        "{}/{}",
        place["Kind"].as_str().unwrap_or_default(),
        place["Id"].as_str().unwrap_or_default()
    ));
    for member in ["UserName", "Allowed", "Reason", "Policy", "Statement", "Via"] {
        found[member] = found["Verdict"][member].clone();
    }
    if let Some(members) = found.as_object_mut() {
        members.remove("Verdict");
    }
    let rows = vec![rows::from_api(found)];
    show.record(Listing { columns: EXPLAINED, rows }, Clock::system().now())
}

/// `KIND/ID`, or a node by name or id.
async fn subject(client: &Client, text: &str) -> Result<Value> {
    if text == "hub" {
        return Ok(json!({ "Kind": "hub", "Id": "" }));
    }
    let kind_of = |kind: &str| !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    match text.split_once('/') {
        Some((kind, id)) if kind_of(kind) => Ok(json!({ "Kind": kind, "Id": id })),
        _ => Ok(json!({ "Kind": "node", "Id": node::resolve(client, text).await?.id })),
    }
}
