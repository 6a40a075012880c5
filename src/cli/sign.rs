//! `roadstead sign`, and `--sign-with` of other verbs: an operator's signature for nodes whose owners ask for one.
//!
//! The signing itself is OpenSSH's: `ssh-keygen -Y sign` knows key files, pass phrases and the agent. What is signed is shown
//! first, and is made from what this program knows, never from what a hub says.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::base::Clock;
use crate::base::id::NodeId;
use crate::cli::context;
use crate::cli::failure::{Exit, Failure};
use crate::cli::node;
use crate::cli::output::{self, Show, say};
use crate::cli::text;
use crate::model::approval::{Approval, Approved, MAX_TARGETS, NAMESPACE, Statement};
use crate::model::document::{GivenParameters, stock};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  roadstead sign --node web-1 --shell --key ~/.ssh/id_ed25519\n  \
    roadstead sign --node web-1 --parameters '{\"commands\":[\"uptime\"]}' --key ops.pub\n\n\
    The answer goes into the member OperatorApproval of SendCommand or StartSession. `roadstead run --sign-with KEY` signs and sends.")]
pub struct SignArgs {
    /// A node by id or name, repeatable
    #[arg(long, short, required = true, value_name = "NODE")]
    node: Vec<String>,
    /// Sign for a shell instead of a command
    #[arg(long, conflicts_with_all = ["document", "content", "parameters"])]
    shell: bool,
    /// The document
    #[arg(long, default_value = stock::RUN_SHELL_SCRIPT, value_name = "NAME")]
    document: String,
    /// A file with the document's content (JSON), for one that is not built in
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
    /// The document's parameters: JSON, a list of texts for each name
    #[arg(long, default_value = "{}", value_name = "JSON")]
    parameters: String,
    #[command(flatten)]
    with: SignWith,
}

/// How to sign.
#[derive(clap::Args)]
pub struct SignWith {
    /// The operator's key: a private key file, or a public one whose private half an ssh-agent has
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// How long the signature is good for
    #[arg(long, default_value = "10m", value_parser = text::parse_duration, value_name = "DURATION")]
    good_for: Duration,
}

pub async fn run(args: SignArgs, show: &Show) -> Result<()> {
    show.check_has_no_rows()?;
    let client = context::connect().await?;
    let mut targets = Vec::new();
    for given in &args.node {
        targets.push(node::resolve(&client, given).await?.id);
    }
    let act = match args.shell {
        true => Approved::Shell,
        false => act_of(&args)?,
    };
    let approval = sign(act, targets, &args.with.key, args.with.good_for)?;
    match show.is_table() {
        true => output::write(&format!("{}\n", serde_json::to_string(&approval)?)),
        false => show.value(&json!({"text": approval.text, "signature": approval.signature})),
    }
}

fn act_of(args: &SignArgs) -> Result<Approved> {
    let content: Value = match &args.content {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
            serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?
        }
        None => stock::content(&args.document).ok_or_else(|| {
            Failure::usage(format!("document `{}` is not built in", args.document)).hint("give its content: --content FILE")
        })?,
    };
    let parameters: GivenParameters = serde_json::from_str(&args.parameters)
        .map_err(|_| Failure::usage("--parameters is not JSON with a list of texts for each name"))?;
    Ok(Approved::run(&args.document, &content, &parameters))
}

/// Shows what is to be signed and has OpenSSH sign it.
pub fn sign(act: Approved, targets: Vec<NodeId>, key: &Path, good_for: Duration) -> Result<Approval> {
    if targets.len() > MAX_TARGETS {
        return Err(Failure::usage(format!(
            "one signature names at most {MAX_TARGETS} nodes, these are {}",
            targets.len()
        ))
        .into());
    }
    let statement = Statement::new(act, targets, Clock::system().now() + good_for);
    let text = statement.to_string();
    say("To be signed:");
    for line in text.lines() {
        say(&format!("  {}", crate::cli::text::escape_line(line)));
    }
    let signature = ssh_keygen(key, &text)?;
    Ok(Approval { text, signature })
}

fn ssh_keygen(key: &Path, message: &str) -> Result<String> {
    let started = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", NAMESPACE, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut signing = match started {
        Ok(signing) => signing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(
                Failure::new(Exit::Failed, "ssh-keygen is not installed here; it makes the signature")
                    .hint("install OpenSSH's client")
                    .into(),
            );
        }
        Err(error) => return Err(error).context("could not start ssh-keygen"),
    };
    let mut stdin = signing.stdin.take().context("ssh-keygen has no input")?;
    stdin
        .write_all(message.as_bytes())
        .context("could not hand the text to ssh-keygen")?;
    drop(stdin);
    let ended = signing.wait_with_output().context("ssh-keygen was lost")?;
    match ended.status.success() {
        true => Ok(String::from_utf8_lossy(&ended.stdout).into_owned()),
        false => Err(Failure::new(Exit::Failed, format!("ssh-keygen did not sign with {}", key.display())).into()),
    }
}
