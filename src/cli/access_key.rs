//! `roadstead access-key …`: keys for programs.

use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::ListArgs;
use crate::cli::client::Client;
use crate::cli::each::each;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows, text};

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
        /// When it ends by itself, e.g. 90d [default: never]
        #[arg(long, value_parser = text::parse_duration, value_name = "DURATION")]
        expires: Option<Duration>,
        /// What it is limited to, e.g. --scope 'ssm:Get*,ssm:List*' [default: whatever its user may do]
        #[arg(long, value_name = "ACTIONS", value_delimiter = ',')]
        scope: Vec<String>,
    },
    /// List keys
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Let keys be used again
    Enable {
        #[arg(required = true, value_name = "ACCESS_KEY_ID")]
        ids: Vec<String>,
    },
    /// Refuse keys until they are enabled again
    Disable {
        #[arg(required = true, value_name = "ACCESS_KEY_ID")]
        ids: Vec<String>,
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
    Column::new("expires_at", Kind::Time),
    Column::new("last_used_at", Kind::Age),
    Column::new("last_used_from", Kind::Text),
    Column::hidden("last_used_service", Kind::Text),
    Column::hidden("scope", Kind::Text),
    Column::new("description", Kind::Text),
];

const CREATED: &[Column] = &[
    Column::new("access_key_id", Kind::Text),
    Column::new("secret_access_key", Kind::Text),
    Column::new("user_name", Kind::Text),
    Column::hidden("created_at", Kind::Time),
    Column::hidden("expires_at", Kind::Time),
];

pub async fn run(verb: AccessKeyVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let now = Clock::system().now();
    match verb {
        AccessKeyVerb::Create {
            description,
            user,
            expires,
            scope,
        } => {
            let mut request = json!({});
            if let Some(description) = description {
                request["Description"] = json!(description);
            }
            if let Some(user) = user {
                request["UserName"] = json!(user);
            }
            if let Some(span) = expires {
                request["ExpiresAt"] = json!(now + span);
            }
            if !scope.is_empty() {
                request["Scope"] = json!(scope);
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
            output::retain(&mut rows, list.filter.as_ref(), LIST)?;
            rows.truncate(list.limit());
            show.listing(&Listing { columns: LIST, rows }, now)
        }
        AccessKeyVerb::Enable { ids } => set_status(&client, ids, "Active", "enabled").await,
        AccessKeyVerb::Disable { ids } => set_status(&client, ids, "Inactive", "disabled").await,
        AccessKeyVerb::Delete { ids } => {
            let delete = async |id: &String| {
                let _: Value = client.hub("DeleteAccessKey", json!({"AccessKeyId": id})).await?;
                output::say(&format!("access key {id} is deleted"));
                Ok(())
            };
            each(&ids, delete).await
        }
    }
}

async fn set_status(client: &Client, ids: Vec<String>, status: &str, word: &str) -> Result<()> {
    let set = async |id: &String| {
        let request = json!({"AccessKeyId": id, "Status": status});
        let _: Value = client.hub("UpdateAccessKey", request).await?;
        output::say(&format!("access key {id} is {word}"));
        Ok(())
    };
    each(&ids, set).await
}
