//! `roadstead access-key …`: keys for programs.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::ListArgs;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum AccessKeyVerb {
    /// Make a key; its secret is shown this once
    Create {
        /// What it is for
        #[arg(long)]
        description: Option<String>,
        /// Whose key it is [default: the caller's own]
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// List keys
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Delete keys: what uses them is refused at once
    #[command(visible_alias = "rm")]
    Delete {
        #[arg(required = true, value_name = "ACCESS_KEY_ID")]
        ids: Vec<String>,
    },
}

const LIST: &[Column] = &[
    Column::new("access_key_id", Kind::Text),
    Column::new("user_name", Kind::Text),
    Column::new("status", Kind::Status),
    Column::new("created_at", Kind::Age),
    Column::new("last_used_at", Kind::Age),
    Column::new("description", Kind::Text),
];

const CREATED: &[Column] = &[
    Column::new("access_key_id", Kind::Text),
    Column::new("secret_access_key", Kind::Text),
    Column::new("user_name", Kind::Text),
    Column::hidden("created_at", Kind::Time),
];

pub async fn run(verb: AccessKeyVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let now = Clock::system().now();
    match verb {
        AccessKeyVerb::Create { description, user } => {
            let mut request = json!({});
            if let Some(description) = description {
                request["Description"] = json!(description);
            }
            if let Some(user) = user {
                request["UserName"] = json!(user);
            }
            let made: Value = client.hub("CreateAccessKey", request).await?;
            let listing = Listing {
                columns: CREATED,
                rows: vec![rows::from_api(made)],
            };
            show.record(listing, now)
        }
        AccessKeyVerb::List { list } => {
            let found: Vec<Value> = client
                .pages("Roadstead.ListAccessKeys", json!({}), "AccessKeys", usize::MAX)
                .await?;
            let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
            output::retain(&mut rows, list.filter.as_ref());
            rows.truncate(list.limit());
            show.listing(&Listing { columns: LIST, rows }, now)
        }
        AccessKeyVerb::Delete { ids } => {
            for id in ids {
                let _: Value = client.hub("DeleteAccessKey", json!({"AccessKeyId": id})).await?;
                output::say(&format!("access key {id} is deleted"));
            }
            Ok(())
        }
    }
}
