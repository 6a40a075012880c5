//! `roadstead login-rule …`: what the logins of a role's users must bring.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum LoginRuleVerb {
    /// List the rules that were set
    #[command(visible_alias = "ls")]
    List,
    /// Set the rule of a role; what is left out is not asked for
    Set {
        /// The role, or '*' for every role
        role: String,
        /// No login without a second factor: who has none sets one up at the next login
        #[arg(long)]
        require_second_factor: bool,
        /// No login with a second factor and without recovery codes: who has used them up makes new ones at the next login
        #[arg(long)]
        require_recovery_codes: bool,
        /// A fresh proof before a shell is opened
        #[arg(long)]
        step_up_for_shell: bool,
        /// A fresh proof before commands run as the agent's own user, which is root as a rule
        #[arg(long)]
        step_up_for_root: bool,
    },
}

const COLUMNS: &[Column] = &[
    Column::new("role", Kind::Text),
    Column::new("require_second_factor", Kind::Text),
    Column::new("require_recovery_codes", Kind::Text),
    Column::new("step_up_for_shell", Kind::Text),
    Column::new("step_up_for_root", Kind::Text),
];

pub async fn run(verb: LoginRuleVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    match verb {
        LoginRuleVerb::List => {
            let mut answer: Value = client.hub("ListLoginRules", json!({})).await?;
            let found: Vec<Value> = serde_json::from_value(answer["LoginRules"].take())?;
            let rows = found.into_iter().map(rows::from_api).collect();
            show.listing(&Listing { columns: COLUMNS, rows }, Clock::system().now())
        }
        LoginRuleVerb::Set {
            role,
            require_second_factor,
            require_recovery_codes,
            step_up_for_shell,
            step_up_for_root,
        } => {
            let request = json!({
                "Role": role,
                "RequireSecondFactor": require_second_factor,
                "RequireRecoveryCodes": require_recovery_codes,
                "StepUpForShell": step_up_for_shell,
                "StepUpForRoot": step_up_for_root,
            });
            let _: Value = client.hub("PutLoginRule", request).await?;
            output::say(&format!("the rule for logins of role {role} is set"));
            Ok(())
        }
    }
}
