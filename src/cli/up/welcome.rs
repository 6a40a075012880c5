//! What `up` tells its caller once everything runs.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::{Value, json};

use crate::base::id::NodeId;
use crate::cli::output::{self, Paint, say};
use crate::cli::serve::Announcement;
use crate::cli::up::noted_node;
use crate::cli::{aws_env, context, shell, trust};

/// The agent has joined and calls home; normally well below a second.
const JOIN_PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

pub async fn print(folder: &Path, hub: &Announcement) -> Result<()> {
    let paint = Paint::for_stdout();
    let mut out = String::new();
    let _ = writeln!(out, "{}\n", paint.bold("Roadstead is up.".to_owned()));
    for address in &hub.addresses {
        let _ = writeln!(out, "  Console   https://{address}");
    }
    let _ = writeln!(out, "  CA        SHA-256 {}", trust::grouped(&hub.ca_fingerprint));
    let _ = writeln!(out, "  Data      {}", folder.display());
    let node = connected_node(folder);
    match tokio::time::timeout(JOIN_PATIENCE, node).await {
        Ok(Ok(node)) => drop(writeln!(out, "  Node      {node}, this very host")),
        Ok(Err(_)) | Err(_) => drop(writeln!(out, "  Node      the agent of this host has not called its hub yet")),
    }
    let _ = writeln!(out, "  Runs as   {}", runs_as());
    output::write(&out)?;
    if let Some(link) = &hub.setup_link {
        output::write(&format!(
            "\n{}\n  {link}\n",
            paint.bold("Open this link to create the first admin; it works once:".to_owned())
        ))?;
        print_qr(link)?;
    }
    print_aws(folder, paint).await?;
    let program = program();
    output::write(&format!(
        "\n  {program} join-line    joins another node\n  {program} --help       everything else\n  Ctrl-C stops hub and agent.\n"
    ))
}

/// The node that the agent is, once the hub says that it is there: what the agent has noted may be of another time.
async fn connected_node(folder: &Path) -> Result<NodeId> {
    let client = context::connect_local(folder).await?;
    loop {
        if let Some(node) = noted_node(folder) {
            let found: Value = client.ssm("GetConnectionStatus", json!({"Target": node})).await?;
            if found["Status"] == "connected" {
                return Ok(node);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn runs_as() -> String {
    let uid = rustix::process::geteuid();
    if uid.is_root() {
        return "root: so do commands and shells on this host".to_owned();
    }
    let name = context::variable("USER").or_else(|| context::variable("LOGNAME"));
    let user = name.unwrap_or_else(|| uid.as_raw().to_string());
    format!("{user}, not root: commands and shells on this host run as you and may do what you may")
}

/// Black on white whatever the terminal's colours, with the margin that readers need.
fn print_qr(link: &str) -> Result<()> {
    if !std::io::stdout().is_terminal() {
        return Ok(());
    }
    let Ok(code) = QrCode::new(link) else {
        return Ok(());
    };
    let image = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Dark)
        .light_color(Dense1x2::Light)
        .build();
    let lines = image.lines().map(|line| format!("  \u{1b}[30;107m{line}\u{1b}[0m\n"));
    output::write(&format!("\n{}", lines.collect::<String>()))
}

async fn print_aws(folder: &Path, paint: Paint) -> Result<()> {
    let client = context::connect_local(folder).await?;
    match aws_env::variables(&client, folder).await {
        Ok(variables) => {
            output::write(&format!(
                "\n{}\n",
                paint.bold("Paste this to point aws-cli and boto3 at it:".to_owned())
            ))?;
            output::write(&aws_env::export_lines(&variables))
        }
        Err(error) => {
            say(&format!("note: no environment for aws-cli and boto3 could be made: {error:#}"));
            Ok(())
        }
    }
}

/// What to type for this program: its name where the shell finds it, else its path.
fn program() -> String {
    let found = std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join("roadstead").is_file()));
    match std::env::current_exe() {
        Ok(path) if !found => shell::quote(&path.display().to_string()),
        _ => "roadstead".to_owned(),
    }
}
