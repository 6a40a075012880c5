//! `roadstead activation …`: the permissions to join that join lines carry.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::base::id::ActivationId;
use crate::cli::args::ListArgs;
use crate::cli::each::each;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum ActivationVerb {
    /// List activations
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Revoke activations: nobody joins by them any more; nodes that have joined stay
    #[command(visible_alias = "rm")]
    Delete {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<ActivationId>,
    },
}

const COLUMNS: &[Column] = &[
    Column::new("activation_id", Kind::Text),
    Column::new("default_instance_name", Kind::Text),
    Column::new("registrations_count", Kind::Text),
    Column::new("registration_limit", Kind::Text),
    Column::new("expired", Kind::Text),
    Column::new("expiration_date", Kind::Time),
    Column::new("created_date", Kind::Age),
    Column::new("tags", Kind::Text),
    Column::hidden("needs_approval", Kind::Text),
    Column::hidden("description", Kind::Text),
    Column::hidden("iam_role", Kind::Text),
];

pub async fn run(verb: ActivationVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    match verb {
        ActivationVerb::List { list } => {
            let request = json!({"MaxResults": 50});
            let found: Vec<Value> = client
                .pages("AmazonSSM.DescribeActivations", request, "ActivationList", usize::MAX)
                .await?;
            let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
            output::retain(&mut rows, list.filter.as_ref(), COLUMNS)?;
            rows.truncate(list.limit());
            show.listing(&Listing { columns: COLUMNS, rows }, Clock::system().now())
        }
        ActivationVerb::Delete { ids } => {
            let revoke = async |id: &ActivationId| {
                let _: Value = client.ssm("DeleteActivation", json!({"ActivationId": id})).await?;
                output::say(&format!("activation {id} is revoked"));
                Ok(())
            };
            each(&ids, revoke).await
        }
    }
}
