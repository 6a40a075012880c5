//! `roadstead channel …`: where the hub sends its notifications, and what came of them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::ListArgs;
use crate::cli::client::Client;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Kind, Listing, Show, say};
use crate::cli::{context, rows, text};

#[derive(Subcommand)]
pub enum ChannelVerb {
    /// List channels and what waits for them
    #[command(visible_alias = "ls")]
    List,
    /// A channel and its settings, without its secret
    Show { name: String },
    /// Make a channel, or replace its settings
    Set(Box<SetArgs>),
    /// Send a word through it now
    Test { name: String },
    /// Remove it, and what waits for it
    Delete { name: String },
    /// What was sent, the newest first, and what came of it
    Log {
        /// Of this channel only
        #[arg(long)]
        channel: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Try one that was not delivered again
    Retry { id: i64 },
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("receiver").required(true))]
#[command(
    after_help = "Examples:\n  roadstead channel set ops --webhook https://chat.example/hooks/1 --secret-file key\n  \
    roadstead channel set mail --smtp mail.example:587 --user hub --secret-file password --from hub@example.org --to ops@example.org\n  \
    roadstead channel set phone --ntfy https://ntfy.example/ --topic hub --secret-file token"
)]
pub struct SetArgs {
    name: String,
    /// POST JSON to this https address; the secret signs it
    #[arg(long, value_name = "URL", group = "receiver")]
    webhook: Option<String>,
    /// Mail through this server; the secret is the password
    #[arg(long, value_name = "HOST:PORT", group = "receiver", requires_all = ["from", "to"])]
    smtp: Option<String>,
    /// Publish at this ntfy server; the secret is the access token
    #[arg(long, value_name = "URL", group = "receiver", requires = "topic")]
    ntfy: Option<String>,
    #[arg(long, value_name = "TOPIC", requires = "ntfy")]
    topic: Option<String>,
    /// How the connection to the mail server is kept private
    #[arg(long, value_enum, default_value_t, requires = "smtp")]
    security: Security,
    /// Who logs in at the mail server
    #[arg(long, value_name = "NAME", requires = "smtp")]
    user: Option<String>,
    #[arg(long, value_name = "ADDRESS", requires = "smtp")]
    from: Option<String>,
    /// Repeatable
    #[arg(long, value_name = "ADDRESS", requires = "smtp")]
    to: Vec<String>,
    /// A file with the secret; `-` reads it from stdin
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// A certificate authority to trust besides those of the hub's system
    #[arg(long, value_name = "PEM_FILE")]
    ca: Option<PathBuf>,
    /// A network that may be called although it is not public, e.g. 10.0.0.0/8; repeatable
    #[arg(long, value_name = "NETWORK")]
    allow: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Security {
    Tls,
    #[default]
    Starttls,
    None,
}

const LIST: &[Column] = &[
    Column::new("name", Kind::Text),
    Column::new("kind", Kind::Text),
    Column::new("waiting_count", Kind::Text),
    Column::new("failed_count", Kind::Text),
];

const LOG: &[Column] = &[
    Column::new("id", Kind::Text),
    Column::new("queued_at", Kind::Age),
    Column::new("channel", Kind::Text),
    Column::new("state", Kind::Status),
    Column::new("attempts", Kind::Text),
    Column::new("subject", Kind::Text),
    Column::new("last_error", Kind::Text),
    Column::hidden("next_attempt_at", Kind::Time),
    Column::hidden("ended_at", Kind::Time),
];

const SHOW: &[Column] = &[
    Column::new("name", Kind::Text),
    Column::new("has_secret", Kind::Text),
    Column::new("changed_by", Kind::Text),
    Column::new("changed_at", Kind::Time),
    Column::new("settings", Kind::Text),
];

pub async fn run(verb: ChannelVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let now = Clock::system().now();
    match verb {
        ChannelVerb::List => {
            let found: Value = client.hub("ListNotificationChannels", json!({})).await?;
            let rows = found["Channels"]
                .as_array()
                .into_iter()
                .flatten()
                .cloned()
                .map(rows::from_api)
                .collect();
            show.listing(&Listing { columns: LIST, rows }, now)
        }
        ChannelVerb::Show { name } => {
            let found: Value = client.hub("GetNotificationChannel", json!({ "Name": name })).await?;
            let rows = vec![rows::from_api(found)];
            show.record(Listing { columns: SHOW, rows }, now)
        }
        ChannelVerb::Set(args) => set(&client, &args).await,
        ChannelVerb::Test { name } => test(&client, &name).await,
        ChannelVerb::Delete { name } => {
            let _: Value = client.hub("DeleteNotificationChannel", json!({ "Name": name })).await?;
            say(&format!("channel {} is removed", text::escape_line(&name)));
            Ok(())
        }
        ChannelVerb::Log { channel, list } => {
            let request = json!({"Channel": channel, "MaxResults": 100});
            let limit = if list.filter.is_some() { usize::MAX } else { list.limit() };
            let found: Vec<Value> = client
                .pages("Roadstead.GetNotificationLog", request, "Notifications", limit)
                .await?;
            let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
            output::retain(&mut rows, list.filter.as_ref(), LOG)?;
            rows.truncate(list.limit());
            show.listing(&Listing { columns: LOG, rows }, now)
        }
        ChannelVerb::Retry { id } => {
            let _: Value = client.hub("RetryNotification", json!({ "Id": id })).await?;
            say("it is tried again; see: roadstead channel log");
            Ok(())
        }
    }
}

async fn set(client: &Client, args: &SetArgs) -> Result<()> {
    let mut request = json!({"Name": args.name, "Settings": settings(args)?});
    if let Some(path) = &args.secret_file {
        request["Secret"] = json!(read(path)?.trim_end_matches(['\r', '\n']));
    }
    let _: Value = client.hub("PutNotificationChannel", request).await?;
    let name = text::escape_line(&args.name);
    say(&format!("channel {name} is set; try it: roadstead channel test {name}"));
    Ok(())
}

fn settings(args: &SetArgs) -> Result<Value> {
    let mut settings = json!({"AllowedNetworks": args.allow});
    if let Some(path) = &args.ca {
        settings["CaPem"] = json!(read(path)?);
    }
    if let Some(url) = &args.webhook {
        settings["Webhook"] = json!({ "Url": url });
    }
    if let Some(url) = &args.ntfy {
        settings["Ntfy"] = json!({"Url": url, "Topic": args.topic});
    }
    if let Some(server) = &args.smtp {
        let (host, port) = server
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host.trim_matches(['[', ']']), port.parse::<u16>().ok()?)))
            .ok_or_else(|| Failure::usage("--smtp is HOST:PORT"))?;
        let security = match args.security {
            Security::Tls => "tls",
            Security::Starttls => "starttls",
            Security::None => "none",
        };
        settings["Mail"] = json!({"Host": host, "Port": port, "Security": security, "From": args.from, "To": args.to});
        if let Some(user) = &args.user {
            settings["Mail"]["User"] = json!(user);
        }
    }
    Ok(settings)
}

fn read(path: &Path) -> Result<String> {
    match path.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()).context("could not read from stdin"),
        false => std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display())),
    }
}

async fn test(client: &Client, name: &str) -> Result<()> {
    let found: Value = client.hub("TestNotificationChannel", json!({ "Name": name })).await?;
    let notification = &found["Notification"];
    if notification["State"] == "Delivered" {
        say("delivered");
        return Ok(());
    }
    let why = notification["LastError"].as_str().unwrap_or("nobody says why");
    Err(Failure::new(Exit::Failed, format!("it was not delivered: {}", text::escape_line(why))).into())
}
