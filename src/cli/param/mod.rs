//! `roadstead param …`: parameters, their versions, and their values as environment, JSON or YAML.

mod entries;
mod env_file;
mod import;
mod input;
mod node;
mod tree;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::{ListArgs, Tag, confirm_by_word, tags_to_api};
use crate::cli::client::Client;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Format, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum ParamVerb {
    /// List parameters, all or those below a path; values are not shown
    #[command(visible_alias = "ls")]
    List {
        /// Only what lies below it, e.g. /app
        path: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Which nodes may read which paths
    #[command(subcommand)]
    Access(node::AccessVerb),
    /// What a node has of parameters, and which of its files it makes of them
    Held {
        /// Its id or name
        node: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Which nodes have a parameter, in which version, and in which files
    Uses {
        name: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Which documents read a parameter
    Documents {
        name: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Print a value: NAME, NAME:VERSION or NAME:LABEL
    Get {
        name: String,
        #[command(flatten)]
        here: node::Here,
        /// Open a secret; the hub records who read it
        #[arg(long)]
        decrypt: bool,
    },
    /// Write a value; a secret's comes from --file or stdin, never from the command line
    Put(PutArgs),
    /// Show the versions that are kept
    History {
        name: String,
        /// Show the values of secrets
        #[arg(long)]
        decrypt: bool,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Put labels on a version: NAME for the newest, or NAME:VERSION
    Label {
        name: String,
        #[arg(required = true)]
        labels: Vec<String>,
        /// Take the labels away instead; NAME needs its :VERSION
        #[arg(long)]
        remove: bool,
    },
    /// Delete parameters with all their versions
    #[command(visible_alias = "rm")]
    Delete {
        #[arg(required = true)]
        names: Vec<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Print what lies below a path as environment, JSON or YAML
    Export {
        #[command(flatten)]
        below: Below,
        #[arg(long, value_enum, default_value_t = FileFormat::Env)]
        format: FileFormat,
    },
    /// Write the entries of a file as parameters below a path: all are judged before the first is written
    Import(ImportArgs),
    /// Run a command with what lies below a path in its environment
    #[command(after_help = "Example:\n  roadstead param exec --path /app/prod --decrypt -- ./server --port 80")]
    Exec {
        #[command(flatten)]
        below: Below,
        /// Put this in front of each variable's name
        #[arg(long, default_value = "", value_name = "PREFIX")]
        prefix: String,
        #[arg(required = true, last = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
}

/// Values below a path.
#[derive(clap::Args)]
pub struct Below {
    /// Where they lie, e.g. /app/prod
    #[arg(long)]
    path: String,
    /// With the secrets; without it they are left out
    #[arg(long)]
    decrypt: bool,
    #[command(flatten)]
    here: node::Here,
}

#[derive(clap::Args)]
pub struct PutArgs {
    name: String,
    /// The value; read from stdin when it is not given
    #[arg(conflicts_with = "file")]
    value: Option<String>,
    /// Read the value from a file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The type of a new parameter
    #[arg(long = "type", value_enum)]
    kind: Option<ValueKind>,
    /// The same as --type secure-string
    #[arg(long, conflicts_with = "kind")]
    secret: bool,
    /// Make the next version of a parameter that is there
    #[arg(long)]
    overwrite: bool,
    #[arg(long)]
    description: Option<String>,
    /// The key that seals a secret: an id or alias/NAME
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A regular expression that the whole value must match
    #[arg(long, value_name = "REGEX")]
    allowed_pattern: Option<String>,
    /// standard, advanced, or intelligent for values over 8 KB
    #[arg(long, value_enum)]
    tier: Option<TierName>,
    /// A JSON array of policies
    #[arg(long, value_name = "JSON")]
    policies: Option<String>,
    /// Tags of a new parameter
    #[arg(long, value_delimiter = ',', value_name = "KEY=VALUE")]
    tags: Vec<Tag>,
}

#[derive(clap::Args)]
pub struct ImportArgs {
    /// The file; `-` is stdin
    file: PathBuf,
    /// Where the parameters go, e.g. /app/prod
    #[arg(long)]
    path: String,
    #[arg(long, value_enum, default_value_t = FileFormat::Env)]
    format: FileFormat,
    /// Make secrets of them
    #[arg(long)]
    secret: bool,
    /// Make the next version of those that are there; they keep their types
    #[arg(long)]
    overwrite: bool,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    Env,
    Json,
    Yaml,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ValueKind {
    String,
    StringList,
    SecureString,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum TierName {
    Standard,
    Advanced,
    Intelligent,
}

const LIST: &[Column] = &[
    Column::new("name", Kind::Text),
    Column::new("type", Kind::Text),
    Column::new("version", Kind::Text),
    Column::new("tier", Kind::Text),
    Column::new("last_modified_date", Kind::Age),
    Column::new("description", Kind::Long),
    Column::hidden("key_id", Kind::Text),
    Column::hidden("data_type", Kind::Text),
    Column::hidden("allowed_pattern", Kind::Text),
    Column::hidden("last_modified_user", Kind::Text),
    Column::hidden("arn", Kind::Text),
];

const HISTORY: &[Column] = &[
    Column::new("version", Kind::Text),
    Column::new("value", Kind::Long),
    Column::new("labels", Kind::Text),
    Column::new("last_modified_date", Kind::Age),
    Column::new("last_modified_user", Kind::Text),
    Column::hidden("type", Kind::Text),
    Column::hidden("tier", Kind::Text),
    Column::hidden("description", Kind::Long),
    Column::hidden("key_id", Kind::Text),
];

pub async fn run(verb: ParamVerb, show: &Show) -> Result<()> {
    match &verb {
        ParamVerb::Export { .. } => show
            .check_is_plain("what is exported")
            .map_err(|failure| failure.hint("its form is that of --format"))?,
        ParamVerb::Exec { .. } => show.check_is_plain("what a program prints")?,
        _ => {}
    }
    if let Some(done) = node::answered_here(&verb, show).await {
        return done;
    }
    let client = context::connect().await?;
    match verb {
        ParamVerb::Access(verb) => node::access(&client, verb, show).await,
        ParamVerb::Held { node, list } => node::held(&client, &node, &list, show).await,
        ParamVerb::Uses { name, list } => node::uses(&client, &name, &list, show).await,
        ParamVerb::Documents { name, list } => node::documents(&client, &name, &list, show).await,
        ParamVerb::List { path, list } => list_all(&client, path, &list, show).await,
        ParamVerb::Get { name, decrypt, .. } => get(&client, &name, decrypt, show).await,
        ParamVerb::Put(args) => put(&client, args).await,
        ParamVerb::History { name, decrypt, list } => history(&client, &name, decrypt, &list, show).await,
        ParamVerb::Label { name, labels, remove } => label(&client, &name, labels, remove).await,
        ParamVerb::Delete { names, yes } => delete(&client, &names, yes).await,
        ParamVerb::Export { below, format } => {
            let found = tree::fetch(&client, &below.path, below.decrypt).await?;
            output::write(&tree::print(&found, format)?)
        }
        ParamVerb::Import(args) => import::run(&client, args).await,
        ParamVerb::Exec { below, prefix, command } => {
            let found = tree::fetch(&client, &below.path, below.decrypt).await?;
            tree::exec(&found, &prefix, &command)
        }
    }
}

async fn list_all(client: &Client, path: Option<String>, list: &ListArgs, show: &Show) -> Result<()> {
    let mut request = json!({"MaxResults": 50});
    if let Some(path) = path {
        request["ParameterFilters"] = json!([{"Key": "Path", "Option": "Recursive", "Values": [path]}]);
    }
    let found: Vec<Value> = client
        .pages("AmazonSSM.DescribeParameters", request, "Parameters", usize::MAX)
        .await?;
    let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
    output::retain(&mut rows, list.filter.as_ref(), LIST)?;
    rows.truncate(list.limit());
    show.listing(&Listing { columns: LIST, rows }, Clock::system().now())
}

/// As table the value alone, byte for byte, so that a script can take it.
async fn get(client: &Client, name: &str, decrypt: bool, show: &Show) -> Result<()> {
    let mut answer: Value = client.ssm("GetParameter", json!({"Name": name, "WithDecryption": decrypt})).await?;
    let parameter = answer["Parameter"].take();
    let is_sealed = parameter["Type"] == "SecureString" && !decrypt;
    if show.output != Format::Table {
        let listing = Listing {
            columns: LIST,
            rows: vec![rows::from_api(parameter)],
        };
        return show.record(listing, Clock::system().now());
    }
    if is_sealed {
        output::say("this is a secret in its sealed form; --decrypt opens it");
    }
    tree::print_value(parameter["Value"].as_str().unwrap_or_default(), show.raw)
}

async fn put(client: &Client, args: PutArgs) -> Result<()> {
    let kind = if args.secret { Some(ValueKind::SecureString) } else { args.kind };
    if kind == Some(ValueKind::SecureString) && args.value.is_some() {
        return Err(
            Failure::usage("a secret on the command line can be read by everybody on this machine")
                .hint("give it on stdin, or with --file")
                .into(),
        );
    }
    let value = match args.value {
        Some(value) => value,
        None => input::value(args.file.as_deref(), kind == Some(ValueKind::SecureString))?,
    };
    let mut request = json!({"Name": args.name, "Value": value, "Overwrite": args.overwrite});
    // A new parameter needs a type; one that is there keeps its own.
    let kind = kind.or((!args.overwrite).then_some(ValueKind::String));
    let members = [
        ("Type", kind.map(|k| json!(kind_name(k)))),
        ("Description", args.description.map(Value::from)),
        ("KeyId", args.key.map(Value::from)),
        ("AllowedPattern", args.allowed_pattern.map(Value::from)),
        ("Tier", args.tier.map(|t| json!(tier_name(t)))),
        ("Policies", args.policies.map(Value::from)),
        ("Tags", (!args.tags.is_empty()).then(|| tags_to_api(&args.tags))),
    ];
    for (member, value) in members {
        if let Some(value) = value {
            request[member] = value;
        }
    }
    let stored: Value = client.ssm("PutParameter", request).await?;
    output::say(&format!("{} has version {}", args.name, stored["Version"]));
    Ok(())
}

fn kind_name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::String => "String",
        ValueKind::StringList => "StringList",
        ValueKind::SecureString => "SecureString",
    }
}

fn tier_name(tier: TierName) -> &'static str {
    match tier {
        TierName::Standard => "Standard",
        TierName::Advanced => "Advanced",
        TierName::Intelligent => "Intelligent-Tiering",
    }
}

async fn history(client: &Client, name: &str, decrypt: bool, list: &ListArgs, show: &Show) -> Result<()> {
    let request = json!({"Name": name, "WithDecryption": decrypt});
    let found: Vec<Value> = client
        .pages("AmazonSSM.GetParameterHistory", request, "Parameters", usize::MAX)
        .await?;
    let mut rows: Vec<Value> = found.into_iter().rev().map(rows::from_api).collect();
    output::retain(&mut rows, list.filter.as_ref(), HISTORY)?;
    rows.truncate(list.limit());
    show.listing(&Listing { columns: HISTORY, rows }, Clock::system().now())
}

async fn label(client: &Client, name: &str, labels: Vec<String>, remove: bool) -> Result<()> {
    let (name, version) = match name.rsplit_once(':') {
        Some((name, version)) => {
            let number: i64 = version
                .parse()
                .map_err(|_| Failure::usage(format!("`{version}` is no version: write NAME:3")))?;
            (name, Some(number))
        }
        None => (name, None),
    };
    if remove && version.is_none() {
        return Err(Failure::usage("say which version the labels lie on: NAME:VERSION").into());
    }
    let operation = if remove {
        "UnlabelParameterVersion"
    } else {
        "LabelParameterVersion"
    };
    let mut request = json!({"Name": name, "Labels": labels});
    if let Some(version) = version {
        request["ParameterVersion"] = json!(version);
    }
    let done: Value = client.ssm(operation, request).await?;
    let refused: Vec<&str> = done["InvalidLabels"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let words = if remove { "do not lie on that version" } else { "are no labels" };
    Err(Failure::new(Exit::PartlyFailed, format!("these {words}: {}", refused.join(", "))).into())
}

async fn delete(client: &Client, names: &[String], yes: bool) -> Result<()> {
    let warning = match names {
        [only] => format!("{only} will be gone with all its versions"),
        many => format!("{} parameters will be gone with all their versions", many.len()),
    };
    confirm_by_word(yes, &warning, "delete")?;
    let mut missing: Vec<String> = Vec::new();
    for ten in names.chunks(10) {
        let done: Value = client.ssm("DeleteParameters", json!({"Names": ten})).await?;
        let invalid = done["InvalidParameters"].as_array().into_iter().flatten();
        missing.extend(invalid.filter_map(Value::as_str).map(str::to_owned));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let exit = if missing.len() == names.len() {
        Exit::NotFound
    } else {
        Exit::PartlyFailed
    };
    Err(Failure::new(exit, format!("not found: {}", missing.join(", "))).into())
}
