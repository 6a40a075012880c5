//! `roadstead role …`: named sets of policies.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::{ListArgs, confirm_by_word};
use crate::cli::client::Client;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows, text};

#[derive(Subcommand)]
pub enum RoleVerb {
    /// List roles, built-in ones too
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Print what a role says as one policy's JSON: what a role of your own may start from
    Show { name: String },
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
        RoleVerb::Show { name } => show.value(&document(&client, &name).await?),
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

/// A built-in role's own document, or the statements of all policies of the role.
async fn document(client: &Client, name: &str) -> Result<Value> {
    let all: Vec<Value> = client.pages("Roadstead.ListRoles", json!({}), "Roles", usize::MAX).await?;
    let Some(role) = all.iter().find(|role| role["RoleName"] == name) else {
        let names: Vec<&str> = all.iter().filter_map(|role| role["RoleName"].as_str()).collect();
        let mut failure = Failure::new(Exit::NotFound, format!("there is no role `{}`", text::escape_line(name)));
        if let [meant, ..] = text::suggestions(name, names).as_slice() {
            failure = failure.hint(format!("did you mean {meant}?"));
        }
        return Err(failure.into());
    };
    if role["Document"].is_object() {
        return Ok(role["Document"].clone());
    }
    let mut statements = Vec::new();
    for policy in role["Policies"].as_array().into_iter().flatten() {
        let found: Value = client.hub("GetPolicy", json!({ "PolicyName": policy })).await?;
        statements.extend(found["Document"]["Statements"].as_array().into_iter().flatten().cloned());
    }
    Ok(json!({ "Statements": statements }))
}
