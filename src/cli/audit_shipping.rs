//! `roadstead audit shipping …`: where the audit log is shipped to, and how delivery goes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows};
use crate::platform::outgoing::{InvalidNetwork, Network};

#[derive(Subcommand)]
pub enum ShippingVerb {
    /// Where the log is shipped to and how far each receiver was served
    Show,
    /// Switch a receiver on, or change it; the others stay
    Set(SetArgs),
    /// Switch a receiver off
    Off { sink: SinkName },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SinkName {
    File,
    Syslog,
    Webhook,
}

impl SinkName {
    /// The member of the settings.
    fn member(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Syslog => "Syslog",
            Self::Webhook => "Webhook",
        }
    }
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
#[command(group = clap::ArgGroup::new("receiver"))]
pub struct SetArgs {
    /// Append to this file in the folder `audit` of the hub's data
    #[arg(long, value_name = "NAME", groups = ["receiver", "what"])]
    file: Option<String>,
    /// Send to a syslog receiver (RFC 5424): udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT
    #[arg(long, value_name = "URL", groups = ["receiver", "what"])]
    syslog: Option<String>,
    /// POST to this https address
    #[arg(long, value_name = "URL", groups = ["receiver", "what"])]
    webhook: Option<String>,
    /// Every row, not only the signed head of each minute
    #[arg(long)]
    rows: bool,
    /// A certificate authority to trust besides those of the hub's system
    #[arg(long, value_name = "PEM_FILE")]
    ca: Option<PathBuf>,
    /// A file with the secret that signs what the webhook gets; `-` reads it from stdin
    #[arg(long, value_name = "FILE", requires = "webhook")]
    secret_file: Option<PathBuf>,
    /// A network that may be called although it is not public, e.g. 10.0.0.0/8; repeatable
    #[arg(long, value_name = "NETWORK", group = "what")]
    allow: Vec<String>,
    /// A network that is no longer to be called; repeatable
    #[arg(long, value_name = "NETWORK", group = "what")]
    disallow: Vec<String>,
}

const DELIVERIES: &[Column] = &[
    Column::new("sink", Kind::Text),
    Column::new("delivered_seq", Kind::Text),
    Column::new("pending", Kind::Text),
    Column::new("delivered_at", Kind::Age),
    Column::new("failures", Kind::Text),
    Column::new("next_attempt_at", Kind::Time),
    Column::new("last_error", Kind::Text),
];

pub async fn run(verb: ShippingVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    match verb {
        ShippingVerb::Show => show_shipping(&client, show).await,
        ShippingVerb::Set(args) => set(&client, args).await,
        ShippingVerb::Off { sink } => {
            let mut settings = settings(&client).await?;
            if let Some(members) = settings.as_object_mut() {
                members.remove(sink.member());
            }
            put(&client, json!({"Settings": settings})).await
        }
    }
}

async fn settings(client: &Client) -> Result<Value> {
    let mut found: Value = client.hub("GetAuditShipping", json!({})).await?;
    Ok(found["Settings"].take())
}

async fn put(client: &Client, request: Value) -> Result<()> {
    let _: Value = client.hub("PutAuditShipping", request).await?;
    output::say("audit shipping is set; see: roadstead audit shipping show");
    Ok(())
}

async fn set(client: &Client, args: SetArgs) -> Result<()> {
    let mut settings = settings(client).await?;
    let ship = if args.rows { "rows" } else { "heads" };
    let authority = args.ca.as_deref().map(read).transpose()?;
    if let Some(name) = &args.file {
        settings["File"] = json!({"Name": name, "Ship": ship});
    }
    if let Some(url) = &args.syslog {
        settings["Syslog"] = syslog(url, ship)?;
        if let Some(pem) = &authority {
            settings["Syslog"]["CaPem"] = json!(pem);
        }
    }
    if let Some(url) = &args.webhook {
        settings["Webhook"] = json!({"Url": url, "Ship": ship});
        if let Some(pem) = &authority {
            settings["Webhook"]["CaPem"] = json!(pem);
        }
    }
    let mut networks = settings["AllowedNetworks"].as_array().cloned().unwrap_or_default();
    for network in args.allow {
        let network = json!(network);
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    for network in &args.disallow {
        remove(&mut networks, network)?;
    }
    settings["AllowedNetworks"] = Value::Array(networks);
    let mut request = json!({"Settings": settings});
    if let Some(file) = &args.secret_file {
        request["WebhookSecret"] = json!(read(file)?.trim());
    }
    put(client, request).await
}

/// *Errors*: when it is not there: a network that somebody believes to be closed must not stay open over its spelling.
fn remove(networks: &mut Vec<Value>, network: &str) -> Result<()> {
    let wanted: Network = network.parse().map_err(|e: InvalidNetwork| Failure::usage(e.to_string()))?;
    let before = networks.len();
    networks.retain(|known| known.as_str().and_then(|text| text.parse().ok()) != Some(wanted));
    if networks.len() == before {
        let all: Vec<&str> = networks.iter().filter_map(Value::as_str).collect();
        return Err(Failure::usage(format!("`{network}` is not among the allowed networks: {}", all.join(", "))).into());
    }
    Ok(())
}

/// `udp://log.example:514` as the API takes it.
fn syslog(url: &str, ship: &str) -> Result<Value> {
    let wrong = || {
        Failure::usage(format!(
            "`{url}` is no syslog receiver: write udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT"
        ))
    };
    let (protocol, rest) = url.split_once("://").ok_or_else(wrong)?;
    let (host, port) = rest.trim_end_matches('/').rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    if !matches!(protocol, "udp" | "tcp" | "tls") || host.is_empty() {
        return Err(wrong().into());
    }
    Ok(json!({"Protocol": protocol, "Host": host.trim_matches(['[', ']']), "Port": port, "Ship": ship}))
}

fn read(path: &Path) -> Result<String> {
    if path == Path::new("-") {
        return Ok(std::io::read_to_string(std::io::stdin())?);
    }
    std::fs::read_to_string(path).with_context(|| format!("could not read `{}`", path.display()))
}

async fn show_shipping(client: &Client, show: &Show) -> Result<()> {
    let found: Value = client.hub("GetAuditShipping", json!({})).await?;
    if show.is_structured() {
        return show.value(&rows::from_api(found));
    }
    let deliveries = found["Deliveries"].as_array().cloned().unwrap_or_default();
    if deliveries.is_empty() && show.is_table() {
        output::say("the audit log is shipped nowhere; see: roadstead audit shipping set --help");
        return Ok(());
    }
    let rows = deliveries.into_iter().map(rows::from_api).collect();
    let listing = Listing { columns: DELIVERIES, rows };
    show.listing(&listing, Clock::system().now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_taken_away_however_it_is_written() {
        let mut networks = vec![json!("10.0.0.0/8"), json!("192.0.2.7/32")];
        remove(&mut networks, "192.0.2.7").unwrap();
        assert_eq!(networks, [json!("10.0.0.0/8")]);
        assert!(remove(&mut networks, "10.0.0.0/16").is_err() && remove(&mut networks, "ten").is_err());
    }

    #[test]
    fn a_syslog_receiver_is_protocol_host_and_port() {
        let receiver = syslog("tls://[fd00::1]:6514", "rows").unwrap();
        assert_eq!(
            receiver,
            json!({"Protocol": "tls", "Host": "fd00::1", "Port": 6514, "Ship": "rows"})
        );
        for wrong in ["log:514", "http://log:514", "udp://log", "udp://:514", "udp://log:x"] {
            assert!(syslog(wrong, "heads").is_err(), "{wrong}");
        }
    }
}
