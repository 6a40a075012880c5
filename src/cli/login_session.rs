//! `roadstead login-session …`: who is logged in to the console, from where, and how to end it.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::ListArgs;
use crate::cli::each::each;
use crate::cli::failure::Failure;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum LoginSessionVerb {
    /// List logins to the console
    #[command(visible_alias = "ls")]
    List {
        /// Only this user's
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// End logins at once
    #[command(visible_alias = "rm")]
    Revoke {
        #[arg(value_name = "LOGIN_SESSION_ID", conflicts_with = "user")]
        ids: Vec<String>,
        /// All of this user's
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
}

const COLUMNS: &[Column] = &[
    Column::new("login_session_id", Kind::Text),
    Column::new("user_name", Kind::Text),
    Column::new("address", Kind::Text),
    Column::new("method", Kind::Text),
    Column::new("created_at", Kind::Age),
    Column::new("last_seen_at", Kind::Age),
    Column::new("agent", Kind::Text),
    Column::hidden("expires_at", Kind::Time),
    Column::hidden("is_current", Kind::Text),
];

pub async fn run(verb: LoginSessionVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    match verb {
        LoginSessionVerb::List { user, list } => {
            let request = user.map_or_else(|| json!({}), |name| json!({"UserName": name}));
            let found: Vec<Value> = client
                .pages("Roadstead.ListLoginSessions", request, "LoginSessions", usize::MAX)
                .await?;
            let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
            output::retain(&mut rows, list.filter.as_ref(), COLUMNS)?;
            rows.truncate(list.limit());
            show.listing(&Listing { columns: COLUMNS, rows }, Clock::system().now())
        }
        LoginSessionVerb::Revoke { ids, user: None } if ids.is_empty() => {
            Err(Failure::usage("say which logins to end: their ids, or --user NAME for all of a user's").into())
        }
        LoginSessionVerb::Revoke { ids, user: None } => {
            let revoke = async |id: &String| {
                let _: Value = client.hub("RevokeLoginSession", json!({"LoginSessionId": id})).await?;
                output::say(&format!("login session {id} is ended"));
                Ok(())
            };
            each(&ids, revoke).await
        }
        LoginSessionVerb::Revoke { user: Some(name), .. } => {
            let answer: Value = client.hub("RevokeLoginSessions", json!({"UserName": name})).await?;
            output::say(&format!("{} login sessions of {name} are ended", answer["Revoked"]));
            Ok(())
        }
    }
}
