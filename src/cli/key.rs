//! `roadstead key …`: the keys that secrets are sealed under.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::{ListArgs, confirm_by_word};
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum KeyVerb {
    /// Make a key
    Create {
        /// Its name, e.g. alias/payments
        alias: String,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
    },
    /// List keys, and how far a rotation has come
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Let a disabled key be used again
    Enable {
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Nothing is sealed or opened with the key from now on
    Disable {
        #[arg(value_name = "KEY")]
        key: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Make a new version of a key; its secrets are moved to it while everything goes on
    Rotate {
        #[arg(value_name = "KEY")]
        key: String,
    },
}

const COLUMNS: &[Column] = &[
    Column::new("alias", Kind::Text),
    Column::new("status", Kind::Status),
    Column::new("value_count", Kind::Text),
    Column::new("pending_count", Kind::Text),
    Column::new("rotated_at", Kind::Age),
    Column::new("description", Kind::Text),
    Column::hidden("key_id", Kind::Text),
    Column::hidden("arn", Kind::Text),
    Column::hidden("created_at", Kind::Time),
    Column::hidden("created_by", Kind::Text),
];

pub async fn run(verb: KeyVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let now = Clock::system().now();
    match verb {
        KeyVerb::Create { alias, description } => {
            let request = json!({"Alias": alias, "Description": description.unwrap_or_default()});
            let mut made: Value = client.hub("CreateSecretKey", request).await?;
            let listing = Listing {
                columns: COLUMNS,
                rows: vec![rows::from_api(made["Key"].take())],
            };
            show.record(listing, now)
        }
        KeyVerb::List { list } => {
            let found: Vec<Value> = client.pages("Roadstead.ListSecretKeys", json!({}), "Keys", usize::MAX).await?;
            let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
            output::retain(&mut rows, list.filter.as_ref(), COLUMNS)?;
            rows.truncate(list.limit());
            show.listing(&Listing { columns: COLUMNS, rows }, now)
        }
        KeyVerb::Enable { key } => {
            let _: Value = client.hub("EnableSecretKey", json!({"KeyId": key})).await?;
            Ok(())
        }
        KeyVerb::Disable { key, yes } => {
            confirm_by_word(yes, &format!("nobody will be able to read the secrets under {key}"), "disable")?;
            let _: Value = client.hub("DisableSecretKey", json!({"KeyId": key})).await?;
            Ok(())
        }
        KeyVerb::Rotate { key } => {
            let done: Value = client.hub("RotateSecretKey", json!({"KeyId": key})).await?;
            let pending = match done["PendingCount"].as_u64().unwrap_or_default() {
                1 => "1 value is".to_owned(),
                many => format!("{many} values are"),
            };
            output::say(&format!(
                "{key} has a new version; {pending} being moved to it (roadstead key list shows how far)"
            ));
            Ok(())
        }
    }
}
