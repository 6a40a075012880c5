//! `roadstead group …`: nodes under one name, by list or by rule.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::{ListArgs, confirm_by_word};
use crate::cli::client::Client;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, node, rows};
use crate::model::filter::Filter;

#[derive(Subcommand)]
pub enum GroupVerb {
    /// List groups
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one group with the nodes it lists
    Show { name: String },
    /// Make a group of named nodes, or of whatever matches a rule
    Create {
        name: String,
        /// A node of the group (may be repeated)
        #[arg(long = "node", value_name = "NODE", conflicts_with = "rule")]
        nodes: Vec<String>,
        /// Whatever matches now and later, e.g. 'tag:env=prod'
        #[arg(long, value_name = "FILTER")]
        rule: Option<Filter>,
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Change a group: what is not named stays
    Set {
        name: String,
        /// Replaces the nodes of the group (may be repeated)
        #[arg(long = "node", value_name = "NODE", conflicts_with = "rule")]
        nodes: Vec<String>,
        /// Replaces the rule
        #[arg(long, value_name = "FILTER")]
        rule: Option<Filter>,
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Delete a group that no policy and no user's scope names
    #[command(visible_alias = "rm")]
    Delete {
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

const COLUMNS: &[Column] = &[
    Column::new("group_name", Kind::Text),
    Column::new("node_count", Kind::Text),
    Column::new("rule", Kind::Text),
    Column::hidden("query", Kind::Text),
    Column::new("description", Kind::Text),
    Column::new("created_at", Kind::Age),
    Column::hidden("node_ids", Kind::Text),
];

pub async fn run(verb: GroupVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let now = Clock::system().now();
    let record = |answer: Value| {
        let mut group = answer["Group"].clone();
        group["NodeIds"] = answer["NodeIds"].clone();
        let rows = vec![rows::from_api(group)];
        show.record(Listing { columns: COLUMNS, rows }, now)
    };
    match verb {
        GroupVerb::List { list } => {
            let found: Vec<Value> = client.pages("Roadstead.ListGroups", json!({}), "Groups", usize::MAX).await?;
            let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
            output::retain(&mut rows, list.filter.as_ref(), COLUMNS)?;
            rows.truncate(list.limit());
            show.listing(&Listing { columns: COLUMNS, rows }, now)
        }
        GroupVerb::Show { name } => record(client.hub("DescribeGroup", json!({ "GroupName": name })).await?),
        GroupVerb::Create {
            name,
            nodes,
            rule,
            description,
        } => {
            let request = request(&client, &name, &nodes, rule, description).await?;
            record(client.hub("CreateGroup", request).await?)
        }
        GroupVerb::Set {
            name,
            nodes,
            rule,
            description,
        } => {
            let request = request(&client, &name, &nodes, rule, description).await?;
            record(client.hub("UpdateGroup", request).await?)
        }
        GroupVerb::Delete { name, yes } => {
            confirm_by_word(yes, &format!("group {name} will be gone; its nodes stay"), &name)?;
            let _: Value = client.hub("DeleteGroup", json!({ "GroupName": name })).await?;
            output::say(&format!("group {name} is deleted"));
            Ok(())
        }
    }
}

async fn request(client: &Client, name: &str, nodes: &[String], rule: Option<Filter>, description: Option<String>) -> Result<Value> {
    let mut request = json!({ "GroupName": name });
    if !nodes.is_empty() {
        let mut ids = Vec::new();
        for wanted in nodes {
            ids.push(node::resolve(client, wanted).await?.id);
        }
        request["NodeIds"] = json!(ids);
    }
    if let Some(rule) = rule {
        request["Rule"] = json!(rule.to_string());
    }
    if let Some(description) = description {
        request["Description"] = json!(description);
    }
    Ok(request)
}
