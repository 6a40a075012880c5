//! `roadstead policy …`: what is allowed and what is denied, as documents.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::{ListArgs, confirm_by_word};
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows, text};

#[derive(Subcommand)]
pub enum PolicyVerb {
    /// List policies
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Print a policy's document as JSON, or with --cedar as Cedar's text
    Show {
        name: String,
        #[arg(long)]
        cedar: bool,
    },
    /// Make a policy or replace it
    Put {
        name: String,
        /// The document as JSON; `-` reads stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Make a policy out of an IAM policy's JSON
    Import {
        name: String,
        /// The IAM policy; `-` reads stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only show what it would become
        #[arg(long)]
        dry_run: bool,
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Give a policy to a role of your own or to a user
    Attach {
        name: String,
        #[command(flatten)]
        to: Holder,
    },
    /// Take a policy away again
    Detach {
        name: String,
        #[command(flatten)]
        to: Holder,
    },
    /// Delete a policy that nobody has
    #[command(visible_alias = "rm")]
    Delete {
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Holder {
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

impl Holder {
    fn request(&self, policy: &str) -> Value {
        match (&self.role, &self.user) {
            (Some(role), _) => json!({ "PolicyName": policy, "RoleName": role }),
            (None, user) => json!({ "PolicyName": policy, "UserName": user }),
        }
    }

    fn words(&self) -> String {
        match (&self.role, &self.user) {
            (Some(role), _) => format!("role {role}"),
            (None, user) => format!("user {}", user.as_deref().unwrap_or_default()),
        }
    }
}

const COLUMNS: &[Column] = &[
    Column::new("policy_name", Kind::Text),
    Column::new("attached_to", Kind::Text),
    Column::new("updated_at", Kind::Age),
    Column::new("updated_by", Kind::Text),
    Column::new("description", Kind::Text),
    Column::hidden("created_at", Kind::Time),
];

pub async fn run(verb: PolicyVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let now = Clock::system().now();
    match verb {
        PolicyVerb::List { list } => {
            let found: Vec<Value> = client.pages("Roadstead.ListPolicies", json!({}), "Policies", usize::MAX).await?;
            let mut rows: Vec<Value> = found.into_iter().map(holders_as_words).map(rows::from_api).collect();
            output::retain(&mut rows, list.filter.as_ref(), COLUMNS)?;
            rows.truncate(list.limit());
            show.listing(&Listing { columns: COLUMNS, rows }, now)
        }
        PolicyVerb::Show { name, cedar } => {
            match cedar {
                true => show.check_is_plain("a policy in Cedar")?,
                false => show.check_has_no_rows()?,
            }
            let found: Value = client.hub("GetPolicy", json!({ "PolicyName": name })).await?;
            say_all("note", &found["Notes"]);
            match cedar {
                true => output::write(found["Cedar"].as_str().unwrap_or_default()),
                false => show.value(&found["Document"]),
            }
        }
        PolicyVerb::Put { name, file, description } => {
            let document: Value = serde_json::from_str(&read(&file)?).with_context(|| format!("{} is no JSON", file.display()))?;
            let mut request = json!({ "PolicyName": name, "Document": document });
            if let Some(description) = description {
                request["Description"] = json!(description);
            }
            let put: Value = client.hub("PutPolicy", request).await?;
            say_all("note", &put["Notes"]);
            let rows = vec![rows::from_api(holders_as_words(put["Policy"].clone()))];
            show.record(Listing { columns: COLUMNS, rows }, now)
        }
        PolicyVerb::Import {
            name,
            file,
            dry_run,
            description,
        } => {
            show.check_has_no_rows()?;
            // First look, so that everything that cannot be translated is named at once.
            let mut request = json!({ "PolicyName": name, "Document": read(&file)?, "DryRun": true });
            if let Some(description) = description {
                request["Description"] = json!(description);
            }
            let seen: Value = client.hub("ImportPolicy", request.clone()).await?;
            say_all("note", &seen["Notes"]);
            say_all("unsupported", &seen["Unsupported"]);
            if seen["Unsupported"].as_array().is_some_and(|all| !all.is_empty()) {
                return Err(Failure::new(Exit::Failed, "the policy cannot be translated whole; nothing was stored").into());
            }
            if !dry_run {
                request["DryRun"] = json!(false);
                let _: Value = client.hub("ImportPolicy", request).await?;
                output::say(&format!("policy {name} is stored"));
            }
            show.value(&seen["Document"])
        }
        PolicyVerb::Attach { name, to } => {
            let _: Value = client.hub("AttachPolicy", to.request(&name)).await?;
            output::say(&format!("{} has policy {name} now", to.words()));
            Ok(())
        }
        PolicyVerb::Detach { name, to } => {
            let _: Value = client.hub("DetachPolicy", to.request(&name)).await?;
            output::say(&format!("{} has policy {name} no longer", to.words()));
            Ok(())
        }
        PolicyVerb::Delete { name, yes } => {
            confirm_by_word(yes, &format!("policy {name} will be gone"), &name)?;
            let _: Value = client.hub("DeletePolicy", json!({ "PolicyName": name })).await?;
            output::say(&format!("policy {name} is deleted"));
            Ok(())
        }
    }
}

fn read(file: &Path) -> Result<String> {
    if file == Path::new("-") {
        return Ok(std::io::read_to_string(std::io::stdin())?);
    }
    std::fs::read_to_string(file).with_context(|| format!("the policy file {}", file.display()))
}

fn say_all(word: &str, entries: &Value) {
    for entry in entries.as_array().into_iter().flatten() {
        let part = |key: &str| text::escape_line(entry[key].as_str().unwrap_or_default());
        output::say(&format!("{word}: {}: {}", part("Place"), part("Problem")));
    }
}

/// `role web-team`, `user ann`.
fn holders_as_words(mut policy: Value) -> Value {
    let words = |holder: &Value| {
        format!(
            "{} {}",
            holder["Kind"].as_str().unwrap_or(""),
            holder["Name"].as_str().unwrap_or("")
        )
    };
    let holders: Vec<String> = policy["AttachedTo"].as_array().into_iter().flatten().map(words).collect();
    policy["AttachedTo"] = json!(holders);
    policy
}
