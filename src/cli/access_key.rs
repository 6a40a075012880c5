//! `roadstead access-key …`: keys for programs.

use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::{Clock, Timestamp};
use crate::cli::args::{ListArgs, confirm_by_word};
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
        /// Do not ask, where a key is in use
        #[arg(long, short)]
        yes: bool,
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
        AccessKeyVerb::Delete { ids, yes } => {
            let in_use = in_use(&client, &ids).await?;
            if !in_use.is_empty() {
                let warning = format!("{}; what uses it is refused from then on", in_use.join("; "));
                confirm_by_word(yes, &warning, "delete")?;
            }
            let delete = async |id: &String| {
                let _: Value = client.hub("DeleteAccessKey", json!({"AccessKeyId": id})).await?;
                output::say(&format!("access key {id} is deleted"));
                Ok(())
            };
            each(&ids, delete).await
        }
    }
}

/// Of these keys those that somebody works with, as words: they have been used and may be used again.
async fn in_use(client: &Client, ids: &[String]) -> Result<Vec<String>> {
    let all = client.pages("Roadstead.ListAccessKeys", json!({}), "AccessKeys", usize::MAX).await;
    let all: Vec<Value> = match all {
        Err(error) if error.code() == Some("AccessDeniedException") => {
            return Ok(vec!["you may not see whether somebody works with what is deleted".to_owned()]);
        }
        listed => listed?,
    };
    let now = Clock::system().now();
    let named = |key: &&Value| ids.iter().any(|id| key["AccessKeyId"] == id.as_str());
    Ok(all.iter().filter(named).filter_map(|key| words_of_use(key, now)).collect())
}

fn words_of_use(key: &Value, now: Timestamp) -> Option<String> {
    let is_active = key["Status"] == "Active";
    let used_at = key["LastUsedAt"].as_f64().filter(|_| is_active)?;
    let ago = Timestamp::from_seconds(used_at).map_or_else(|| "once".to_owned(), |at| text::relative(at, now));
    let word = |member: &str| text::escape_line(key[member].as_str().unwrap_or_default());
    Some(format!(
        "access key {} of {} is in use, last {ago} from {}",
        word("AccessKeyId"),
        word("UserName"),
        word("LastUsedFrom")
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_in_use_that_was_used_and_may_be_used_again() {
        let now = Timestamp::from_millis(1_700_000_120_000);
        let key = |status: &str, used_at: Value| json!({"AccessKeyId": "AKIA1", "UserName": "ann", "Status": status, "LastUsedAt": used_at, "LastUsedFrom": "10.0.0.1"});
        let words = words_of_use(&key("Active", json!(1_700_000_000.0)), now).unwrap();
        assert_eq!(words, "access key AKIA1 of ann is in use, last 2 min ago from 10.0.0.1");
        assert_eq!(words_of_use(&key("Inactive", json!(1_700_000_000.0)), now), None);
        assert_eq!(words_of_use(&key("Active", Value::Null), now), None);
    }
}
