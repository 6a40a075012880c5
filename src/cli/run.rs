//! `roadstead run`: a command on one node or on many, its output as it comes, and a verdict as exit code.

use std::fmt::Write as _;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::Timestamp;
use crate::base::id::{CommandId, NodeId};
use crate::cli::args::Tag;
use crate::cli::client::{CallError, Client};
use crate::cli::context::{self, confirm};
use crate::cli::failure::{Exit, Failure};
use crate::cli::follow::{self, Follow};
use crate::cli::how::How;
use crate::cli::logs::ToLogGroup;
use crate::cli::node::{self, NodeRef};
use crate::cli::notify::Notify;
use crate::cli::object_store::ToBucket;
use crate::cli::offline::{self, OfflineNode};
use crate::cli::output::{self, Format, Show, say};
use crate::cli::pace::{Offline, Pace};
use crate::cli::{shell, sign, structured, text};
use crate::model::approval::Approved;
use crate::model::document::{GivenParameters, stock};
use crate::model::filter::{Filter, Op, Term};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  roadstead run --node web-1 -- uptime\n  \
    roadstead run --tag role=web --timeout 10m -- systemctl restart nginx\n  \
    roadstead run --filter 'status=online platform:debian' --script fix.sh --yes\n  \
    roadstead run --group web --document Tidy --param keep=7\n  \
    roadstead run --tag role=web --canary 1 --concurrency 10% --max-errors 2 -- apt-get -y upgrade\n\n\
    One argument after -- is a line for the shell; several are the words of one command.")]
pub struct RunArgs {
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    pace: Pace,
    /// How long a node that is offline is waited for
    #[arg(long, default_value = "10m", value_parser = text::parse_duration, value_name = "DURATION")]
    timeout: Duration,
    /// How long the command may run on a node before it is killed
    #[arg(long, default_value = "1h", value_parser = text::parse_duration, value_name = "DURATION")]
    execution_timeout: Duration,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    notify: Notify,
    #[command(flatten)]
    to_bucket: ToBucket,
    #[command(flatten)]
    to_log_group: ToLogGroup,
    /// Why; kept with the command
    #[arg(long)]
    comment: Option<String>,
    /// Sign as an operator with this SSH key, for nodes whose owners ask for it
    #[arg(long, value_name = "FILE")]
    sign_with: Option<PathBuf>,
    /// Do not ask before sending to several nodes
    #[arg(long, short)]
    yes: bool,
    /// So many nodes are meant, where a limit asks for the number
    #[arg(long, value_name = "N")]
    confirm_targets: Option<u64>,
    /// Print the command's id and do not wait
    #[arg(long)]
    no_wait: bool,
    /// With one node: end with the remote command's exit code
    #[arg(long)]
    exit_code: bool,
    /// A file with the shell script to run; `-` reads it from stdin
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    script: Option<PathBuf>,
    /// A document to run instead of a shell command, by name or name:version
    #[arg(long, value_name = "NAME[:VERSION]", conflicts_with_all = ["command", "script", "sign_with"])]
    document: Option<String>,
    /// A parameter of the document, repeatable; the same key again makes a list
    #[arg(long = "param", value_name = "K=V", requires = "document", conflicts_with_all = ["command", "script"])]
    parameters: Vec<Tag>,
    /// The command
    #[arg(last = true, required_unless_present_any = ["script", "document"], value_name = "COMMAND")]
    command: Vec<String>,
}

/// Which nodes are meant.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
struct TargetArgs {
    /// A node by id or name, repeatable
    #[arg(long, short, value_name = "NODE", conflicts_with_all = ["tag", "filter", "group"])]
    node: Vec<String>,
    /// Nodes with this tag, repeatable: equal keys are alternatives, different ones must all hold
    #[arg(long, value_name = "K=V", value_delimiter = ',')]
    tag: Vec<Tag>,
    /// Nodes that match, e.g. 'status=online tag:env=prod web'
    #[arg(long, value_name = "FILTER")]
    filter: Option<Filter>,
    /// Nodes of this group, repeatable: one of the groups is enough
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
}

/// Upstream's limit of ids in one request.
const MAX_IDS: usize = 50;

pub async fn run(args: RunArgs, show: &Show) -> Result<()> {
    let commands = match args.document {
        Some(_) => String::new(),
        None => commands(&args)?,
    };
    let client = context::connect().await?;
    let targets = targets(&client, &args.targets).await?;
    let preview = preview(&client, &targets, args.timeout, args.sign_with.is_some()).await?;
    say_preview(&preview, args.pace.offline);
    args.pace.say(preview.total);
    ask(&preview, args.yes)?;
    let command = send(&client, &args, commands, targets, preview.node_ids).await?;
    if args.no_wait || show.output == Format::Name {
        structured::print_id(&command, show)?;
        if args.no_wait {
            return Ok(());
        }
    }
    let ended = tokio::select! {
        ended = Follow::new(&client, &command).until_end(show) => ended?,
        _ = tokio::signal::ctrl_c() => return Err(interrupted(&command)),
    };
    follow::say_summary(&ended);
    let only = ended.invocations.first().filter(|_| args.exit_code && ended.invocations.len() == 1);
    match only.and_then(|one| one.exit_code).and_then(|code| u8::try_from(code).ok()) {
        // Also of a script that ended well when it was told to: what was cancelled or timed out is no success.
        None | Some(0) => ended.verdict(),
        Some(code) => Err(Failure::silent(Exit::Remote(code)).into()),
    }
}

fn interrupted(command: &CommandId) -> anyhow::Error {
    say("");
    follow::detached(Failure::new(Exit::Interrupted, "no longer watching"), command).into()
}

fn commands(args: &RunArgs) -> Result<String> {
    let Some(path) = &args.script else {
        return Ok(shell::command_line(&args.command));
    };
    let mut script = String::new();
    match path.as_os_str() == "-" {
        true => std::io::stdin()
            .lock()
            .read_to_string(&mut script)
            .context("could not read the script from stdin")?,
        false => {
            script = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
            script.len()
        }
    };
    if script.trim().is_empty() {
        return Err(Failure::usage("the script is empty").into());
    }
    Ok(script)
}

/// `InstanceIds` or `Targets`, as SendCommand and ResolveTargets take them.
async fn targets(client: &Client, args: &TargetArgs) -> Result<Value> {
    if !args.node.is_empty() {
        let mut ids: Vec<NodeId> = Vec::new();
        for given in &args.node {
            let NodeRef { id, .. } = node::resolve(client, given).await?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if ids.len() > MAX_IDS {
            return Err(
                Failure::usage(format!("--node names {} nodes, at most {MAX_IDS} go in one command", ids.len()))
                    .hint("give them a tag, or use --filter")
                    .into(),
            );
        }
        return Ok(json!({"InstanceIds": ids}));
    }
    let mut targets = match &args.filter {
        Some(filter) => vec![json!({"Key": "roadstead:filter", "Values": [narrowed(filter, &args.tag)?.to_string()]})],
        None => by_tag(&args.tag),
    };
    if !args.group.is_empty() {
        targets.push(json!({"Key": "resource-groups:Name", "Values": args.group}));
    }
    Ok(json!({"Targets": targets}))
}

fn by_tag(tags: &[Tag]) -> Vec<Value> {
    let mut keys: Vec<&str> = tags.iter().map(|tag| tag.key.as_str()).collect();
    keys.dedup();
    keys.sort();
    keys.dedup();
    let values = |key: &str| tags.iter().filter(|t| t.key == key).map(|t| t.value.clone()).collect::<Vec<_>>();
    keys.iter()
        .map(|key| json!({"Key": format!("tag:{key}"), "Values": values(key)}))
        .collect()
}

/// The filter and the tags, which must all hold together.
fn narrowed(filter: &Filter, tags: &[Tag]) -> Result<Filter> {
    if filter.is_empty() {
        return Err(Failure::usage("--filter is empty, which would mean every node")
            .hint("every node that is there: --filter 'id^mi-'")
            .into());
    }
    if !tags.is_empty() && filter.join != crate::model::filter::Join::And {
        return Err(Failure::usage("--tag cannot narrow a --filter that joins with `or`").into());
    }
    let mut all = filter.clone();
    all.terms.extend(
        tags.iter()
            .map(|tag| Term::new(format!("tag:{}", tag.key), Op::Eq, tag.value.as_str())),
    );
    Ok(all)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Preview {
    total: u64,
    online: u64,
    offline: u64,
    #[serde(default)]
    offline_nodes: Vec<OfflineNode>,
    wait_ends_at: Timestamp,
    #[serde(default)]
    node_ids: Vec<NodeId>,
}

async fn preview(client: &Client, targets: &Value, wait: Duration, with_ids: bool) -> Result<Preview> {
    let mut request = targets.clone();
    request["WithIds"] = json!(with_ids);
    request["TimeoutSeconds"] = json!(wait.as_secs());
    let preview: Preview = client.hub("ResolveTargets", request).await?;
    if preview.total == 0 {
        return Err(Failure::new(Exit::NotFound, "no node matches, so there is nothing to run on")
            .hint("known nodes: roadstead node list")
            .into());
    }
    Ok(preview)
}

fn say_preview(preview: &Preview, if_offline: Offline) {
    let mut words = text::count(preview.total, "node");
    if preview.offline > 0 {
        let _ = write!(words, ", {} online, {} offline:", preview.online, preview.offline);
    }
    say(&words);
    offline::say_which(&preview.offline_nodes, preview.offline);
    if preview.offline == 0 {
        return;
    }
    match if_offline {
        Offline::Wait => offline::say_until(preview.wait_ends_at),
        Offline::Skip => say("They are left out."),
        Offline::Fail => say("They count as failed."),
    }
}

/// A person is asked before several nodes are touched; a script is not.
fn ask(preview: &Preview, yes: bool) -> Result<()> {
    let person = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if yes || !person || preview.total == 1 {
        return Ok(());
    }
    match confirm(&format!("Run it on {}?", text::count(preview.total, "node")))? {
        true => Ok(()),
        false => Err(Failure::new(Exit::Failed, "nothing was sent").into()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    command: SentCommand,
    #[serde(default)]
    awaits_approval: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SentCommand {
    command_id: CommandId,
}

async fn send(client: &Client, args: &RunArgs, commands: String, targets: Value, nodes: Vec<NodeId>) -> Result<CommandId> {
    let mut request = targets;
    request["TimeoutSeconds"] = json!(args.timeout.as_secs());
    if let Some(comment) = &args.comment {
        request["Comment"] = json!(comment);
    }
    match &args.document {
        Some(document) => name_document(&mut request, document, &args.parameters),
        None => name_shell(&mut request, args, commands, nodes)?,
    }
    args.pace.name(&mut request);
    args.how.name(&mut request, args.document.is_some());
    args.notify.name(&mut request);
    args.to_bucket.name(&mut request);
    args.to_log_group.name(&mut request);
    if let Some(count) = args.confirm_targets {
        request["ConfirmedTargets"] = json!(count);
    }
    let sent: Sent = match client.ssm("SendCommand", request.clone()).await {
        Err(CallError::Refused { code, message }) if code == "ConfirmationRequiredException" && args.confirm_targets.is_none() => {
            request["ConfirmedTargets"] = json!(typed_count(&message)?);
            client.ssm("SendCommand", request).await?
        }
        other => other?,
    };
    if sent.awaits_approval {
        let id = &sent.command.command_id;
        output::say(&format!(
            "it waits until another person approves it: roadstead approval approve {id}"
        ));
    }
    Ok(sent.command.command_id)
}

fn name_document(request: &mut Value, document: &str, parameters: &[Tag]) {
    let (name, version) = document.rsplit_once(':').unwrap_or((document, ""));
    request["DocumentName"] = json!(name);
    if !version.is_empty() {
        request["DocumentVersion"] = json!(version);
    }
    let mut given: std::collections::BTreeMap<&str, Vec<&str>> = Default::default();
    for parameter in parameters {
        given.entry(&parameter.key).or_default().push(&parameter.value);
    }
    request["Parameters"] = json!(given);
}

fn name_shell(request: &mut Value, args: &RunArgs, commands: String, nodes: Vec<NodeId>) -> Result<()> {
    let mut parameters = json!({
        "commands": [commands],
        "executionTimeout": [args.execution_timeout.as_secs().to_string()],
    });
    if let Some(dir) = &args.how.dir {
        parameters["workingDirectory"] = json!([dir]);
    }
    request["DocumentName"] = json!(stock::RUN_SHELL_SCRIPT);
    if let Some(key) = &args.sign_with {
        // The document as this program knows it: a hub could name another.
        let document = stock::content(stock::RUN_SHELL_SCRIPT).context("the shell document is not built in")?;
        let given: GivenParameters = serde_json::from_value(parameters.clone())?;
        say(&format!("Parameters: {}", text::escape_line(&parameters.to_string())));
        let act = Approved::run(stock::RUN_SHELL_SCRIPT, &document, &given);
        request["OperatorApproval"] = serde_json::to_value(sign::sign(act, nodes, key, args.timeout)?)?;
    }
    request["Parameters"] = parameters;
    Ok(())
}

/// A limit asks for the number of nodes: a person types it, a script says it beforehand.
fn typed_count(message: &str) -> Result<u64> {
    output::say(&text::escape_line(message));
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(Failure::usage("say the number with --confirm-targets").into());
    }
    output::say("Type the number of nodes to go on:");
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    let count = typed.trim().parse();
    count.map_err(|_| Failure::new(Exit::Failed, "nothing was sent").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(list: &[&str]) -> Vec<Tag> {
        list.iter().map(|t| t.parse().unwrap()).collect()
    }

    #[test]
    fn equal_tag_keys_are_alternatives() {
        let targets = by_tag(&tags(&["role=web", "env=prod", "role=db"]));
        assert_eq!(
            targets,
            [
                json!({"Key": "tag:env", "Values": ["prod"]}),
                json!({"Key": "tag:role", "Values": ["web", "db"]})
            ]
        );
    }

    #[test]
    fn a_document_is_named_with_its_version_and_its_parameters() {
        let mut request = json!({});
        name_document(&mut request, "Greet:3", &tags(&["who=a=b", "list=1", "list=2"]));
        assert_eq!(
            request,
            json!({"DocumentName": "Greet", "DocumentVersion": "3", "Parameters": {"who": ["a=b"], "list": ["1", "2"]}})
        );
    }

    #[test]
    fn tags_narrow_a_filter_and_an_empty_one_is_refused() {
        let filter: Filter = "status=online".parse().unwrap();
        assert_eq!(
            narrowed(&filter, &tags(&["env=a b"])).unwrap().to_string(),
            "status=online tag:env=\"a b\""
        );
        assert!(narrowed(&Filter::default(), &[]).is_err());
        assert!(narrowed(&"a=1 or b=2".parse().unwrap(), &tags(&["x=y"])).is_err());
    }
}
