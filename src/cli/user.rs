//! `roadstead user …`: who may use this hub, and as what.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::{ListArgs, Tag, confirm_by_word};
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum UserVerb {
    /// Make a user; without a password they can only use access keys
    Create {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        set: Properties,
    },
    /// List users
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one user
    Show { name: String },
    /// Change a user: what is not named stays
    Set {
        name: String,
        #[command(flatten)]
        set: Properties,
        /// Refuse them everywhere from now on
        #[arg(long, conflicts_with = "enable")]
        disable: bool,
        /// Let a disabled user in again
        #[arg(long)]
        enable: bool,
        /// Lift the scope: all nodes that their roles reach
        #[arg(long, conflicts_with_all = ["scope_tags", "scope_groups"])]
        no_scope: bool,
    },
    /// Delete a user with their keys; the record of what they did stays
    #[command(visible_alias = "rm")]
    Delete {
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Args)]
pub struct Properties {
    /// A role: admin, operator, patcher, auditor, viewer or one of your own (may be repeated)
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<String>,
    /// File whose first line is the password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Only nodes that carry this tag (several of one key: any of them)
    #[arg(long = "scope-tag", value_name = "KEY=VALUE")]
    scope_tags: Vec<Tag>,
    /// Only nodes of this group (several: any of them)
    #[arg(long = "scope-group", value_name = "GROUP")]
    scope_groups: Vec<String>,
}

impl Properties {
    fn password(&self) -> Result<Option<String>> {
        let Some(file) = &self.password_file else { return Ok(None) };
        let text = std::fs::read_to_string(file).with_context(|| format!("the password file {}", file.display()))?;
        Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
    }

    fn into_request(self, name: &str) -> Value {
        let mut request = json!({ "UserName": name });
        if !self.roles.is_empty() {
            request["Roles"] = json!(self.roles);
        }
        if let Some(description) = self.description {
            request["Description"] = json!(description);
        }
        if !self.scope_tags.is_empty() || !self.scope_groups.is_empty() {
            request["Scope"] = json!({ "Tags": selectors(&self.scope_tags), "Groups": self.scope_groups });
        }
        request
    }
}

/// Values of one key are alternatives; different keys must all be there.
pub fn selectors(tags: &[Tag]) -> Vec<Value> {
    let mut keys: Vec<&str> = tags.iter().map(|t| t.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let values = |key: &str| -> Vec<&str> { tags.iter().filter(|t| t.key == key).map(|t| t.value.as_str()).collect() };
    keys.into_iter().map(|key| json!({ "Key": key, "Values": values(key) })).collect()
}

const COLUMNS: &[Column] = &[
    Column::new("user_name", Kind::Text),
    Column::new("roles", Kind::Text),
    Column::new("policies", Kind::Text),
    Column::new("status", Kind::Status),
    Column::new("scope", Kind::Text),
    Column::new("has_password", Kind::Text),
    Column::hidden("password_changed_at", Kind::Time),
    Column::new("access_keys", Kind::Text),
    Column::new("created_at", Kind::Age),
    Column::new("description", Kind::Text),
];

pub async fn run(verb: UserVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let now = Clock::system().now();
    let record = |user: Value| {
        let row = rows::from_api(user["User"].clone());
        show.record(
            Listing {
                columns: COLUMNS,
                rows: vec![row],
            },
            now,
        )
    };
    match verb {
        UserVerb::Create { name, set } => {
            let password = set.password()?;
            let mut request = set.into_request(&name);
            if let Some(password) = password {
                request["Password"] = json!(password);
            }
            record(client.hub("CreateUser", request).await?)
        }
        UserVerb::Show { name } => record(client.hub("DescribeUser", json!({ "UserName": name })).await?),
        UserVerb::Set {
            name,
            set,
            disable,
            enable,
            no_scope,
        } => {
            let password = set.password()?;
            let mut request = set.into_request(&name);
            if disable || enable {
                request["Status"] = json!(if disable { "Disabled" } else { "Active" });
            }
            if no_scope {
                request["Scope"] = json!({});
            }
            let changed = client.hub("UpdateUser", request).await?;
            if let Some(password) = password {
                let reset = json!({ "UserName": name, "Password": password });
                let _: Value = client.hub("ResetPassword", reset).await?;
                output::say(&format!("the password is good for one login, at which {name} sets another"));
            }
            record(changed)
        }
        UserVerb::List { list } => {
            let found: Vec<Value> = client.pages("Roadstead.ListUsers", json!({}), "Users", usize::MAX).await?;
            let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
            output::retain(&mut rows, list.filter.as_ref(), COLUMNS)?;
            rows.truncate(list.limit());
            show.listing(&Listing { columns: COLUMNS, rows }, now)
        }
        UserVerb::Delete { name, yes } => {
            confirm_by_word(yes, &format!("user {name} and all their access keys will be gone"), &name)?;
            let _: Value = client.hub("DeleteUser", json!({ "UserName": name })).await?;
            output::say(&format!("user {name} is deleted"));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_one_key_are_alternatives() {
        let tags: Vec<Tag> = ["env=dev", "team=a", "env=test"].iter().map(|t| t.parse().unwrap()).collect();
        let expected = vec![
            json!({"Key": "env", "Values": ["dev", "test"]}),
            json!({"Key": "team", "Values": ["a"]}),
        ];
        assert_eq!(selectors(&tags), expected);
    }
}
