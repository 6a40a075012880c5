//! `roadstead role …`: named sets of policies.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::{ListArgs, confirm_by_word};
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum RoleVerb {
    /// List roles, built-in ones too
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Make a role out of policies
    Create {
        name: String,
        /// A policy of the role (may be repeated)
        #[arg(long = "policy", value_name = "POLICY", value_delimiter = ',')]
        policies: Vec<String>,
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Change a role of your own: what is not named stays
    Set {
        name: String,
        /// Replaces all policies of the role (may be repeated)
        #[arg(long = "policy", value_name = "POLICY", value_delimiter = ',')]
        policies: Vec<String>,
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Delete a role that no user has
    #[command(visible_alias = "rm")]
    Delete {
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

const COLUMNS: &[Column] = &[
    Column::new("role_name", Kind::Text),
    Column::new("built_in", Kind::Text),
    Column::new("policies", Kind::Text),
    Column::new("users", Kind::Text),
    Column::new("description", Kind::Text),
    Column::hidden("created_at", Kind::Time),
];

pub async fn run(verb: RoleVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let now = Clock::system().now();
    let record = |answer: Value| {
        let rows = vec![rows::from_api(answer["Role"].clone())];
        show.record(Listing { columns: COLUMNS, rows }, now)
    };
    let described = |mut request: Value, description: Option<String>| {
        if let Some(description) = description {
            request["Description"] = json!(description);
        }
        request
    };
    match verb {
        RoleVerb::List { list } => {
            let found: Vec<Value> = client.pages("Roadstead.ListRoles", json!({}), "Roles", usize::MAX).await?;
            let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
            output::retain(&mut rows, list.filter.as_ref(), COLUMNS)?;
            rows.truncate(list.limit());
            show.listing(&Listing { columns: COLUMNS, rows }, now)
        }
        RoleVerb::Create {
            name,
            policies,
            description,
        } => {
            let request = described(json!({ "RoleName": name, "Policies": policies }), description);
            record(client.hub("CreateRole", request).await?)
        }
        RoleVerb::Set {
            name,
            policies,
            description,
        } => {
            let mut request = described(json!({ "RoleName": name }), description);
            if !policies.is_empty() {
                request["Policies"] = json!(policies);
            }
            record(client.hub("UpdateRole", request).await?)
        }
        RoleVerb::Delete { name, yes } => {
            confirm_by_word(yes, &format!("role {name} will be gone"), &name)?;
            let _: Value = client.hub("DeleteRole", json!({ "RoleName": name })).await?;
            output::say(&format!("role {name} is deleted"));
            Ok(())
        }
    }
}
