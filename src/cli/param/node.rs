//! Parameters on a node: what its agent holds, and the rules that say which nodes may read what.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::Subcommand;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixStream;

use super::{Below, FileFormat, ParamVerb, tree};
use crate::base::Clock;
use crate::base::id::NodeId;
use crate::cli::args::{ListArgs, Tag, tags_to_api};
use crate::cli::client::Client;
use crate::cli::each::each;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{data, node, rows, text};
use crate::wire::parameters::LOCAL_MARK;

/// For the agent to answer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Subcommand)]
pub enum AccessVerb {
    /// List the rules
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Let nodes read what lies at and below a path
    Put {
        /// The rule's own name
        name: String,
        #[arg(long)]
        path: String,
        /// Secrets too, in the clear
        #[arg(long)]
        decrypt: bool,
        /// Nodes with one of these tags
        #[arg(long, value_delimiter = ',', value_name = "KEY=VALUE")]
        tags: Vec<Tag>,
        /// These nodes
        #[arg(long = "node", value_name = "ID")]
        nodes: Vec<NodeId>,
        /// Every node
        #[arg(long)]
        all: bool,
    },
    /// Take rules away; what only they allowed leaves the nodes
    #[command(visible_alias = "rm")]
    Delete {
        #[arg(required = true)]
        names: Vec<String>,
    },
}

const RULES: &[Column] = &[
    Column::new("name", Kind::Text),
    Column::new("path", Kind::Text),
    Column::new("with_decryption", Kind::Text),
    Column::new("nodes", Kind::Text),
];

const HELD: &[Column] = &[
    Column::new("name", Kind::Text),
    Column::new("version", Kind::Text),
    Column::new("latest_version", Kind::Text),
    Column::new("given_at", Kind::Age),
    Column::new("files", Kind::Text),
];

const DOCUMENTS: &[Column] = &[
    Column::new("name", Kind::Text),
    Column::new("document_version", Kind::Text),
    Column::new("references", Kind::Text),
];
const USES: &[Column] = &[
    Column::new("node_id", Kind::Text),
    Column::new("node_name", Kind::Text),
    Column::new("version", Kind::Text),
    Column::new("given_at", Kind::Age),
    Column::new("files", Kind::Text),
];

pub async fn access(client: &Client, verb: AccessVerb, show: &Show) -> Result<()> {
    match verb {
        AccessVerb::List { list } => {
            let found: Vec<Value> = client
                .pages("Roadstead.ListNodeParameterAccess", json!({}), "Rules", usize::MAX)
                .await?;
            listed(found.into_iter().map(with_nodes_in_words).collect(), RULES, &list, show)
        }
        AccessVerb::Put {
            name,
            path,
            decrypt,
            tags,
            nodes,
            all,
        } => {
            let nodes = json!({"All": all, "NodeIds": nodes, "Tags": tags_to_api(&tags)});
            let request = json!({"Name": name, "Path": path, "WithDecryption": decrypt, "Nodes": nodes});
            let _: Value = client.hub("PutNodeParameterAccess", request).await?;
            Ok(())
        }
        AccessVerb::Delete { names } => {
            let delete = async |name: &String| {
                let _: Value = client.hub("DeleteNodeParameterAccess", json!({"Name": name})).await?;
                output::say(&format!("rule {} is taken away", text::escape_line(name)));
                Ok(())
            };
            each(&names, delete).await
        }
    }
}

/// As a person reads it: `all`, or tags and ids.
fn with_nodes_in_words(mut rule: Value) -> Value {
    let nodes = rule["Nodes"].take();
    let tags = nodes["Tags"].as_array().into_iter().flatten();
    let tags = tags.filter_map(|tag| Some(format!("{}={}", tag["Key"].as_str()?, tag["Value"].as_str()?)));
    let ids = nodes["NodeIds"].as_array().into_iter().flatten();
    let named: Vec<String> = tags.chain(ids.filter_map(|id| id.as_str().map(str::to_owned))).collect();
    rule["Nodes"] = json!(if nodes["All"] == true { "all".to_owned() } else { named.join(", ") });
    rule
}

/// What a node has, and the files it makes of it; what is wrong with them is said.
pub async fn held(client: &Client, node: &str, list: &ListArgs, show: &Show) -> Result<()> {
    let node = node::resolve(client, node).await?;
    let mut answer: Value = client.hub("DescribeNodeParameters", json!({"NodeId": node.id})).await?;
    let files: Vec<Value> = serde_json::from_value(answer["Files"].take())?;
    let using = |name: &Value| -> Vec<&str> {
        let named = |file: &&Value| file["Names"].as_array().is_some_and(|names| names.contains(name));
        files.iter().filter(named).filter_map(|file| file["Target"].as_str()).collect()
    };
    let mut held: Vec<Value> = serde_json::from_value(answer["Parameters"].take())?;
    for one in &mut held {
        one["Files"] = json!(using(&one["Name"]).join(", "));
    }
    for (target, problem) in files
        .iter()
        .filter_map(|file| Some((file["Target"].as_str()?, file["Problem"].as_str()?)))
    {
        output::say(&format!("{target} is not up to date: {problem}"));
    }
    listed(held, HELD, list, show)
}

/// The nodes that have a parameter.
pub async fn uses(client: &Client, name: &str, list: &ListArgs, show: &Show) -> Result<()> {
    let mut answer: Value = client.hub("ListParameterUses", json!({"Name": name})).await?;
    let mut found: Vec<Value> = serde_json::from_value(answer["Nodes"].take())?;
    let all = answer["NodeCount"].as_u64().unwrap_or_default();
    if all > found.len() as u64 {
        output::say(&format!("{all} nodes have it; these are the first {}", found.len()));
    }
    for one in &mut found {
        let files: Vec<String> = serde_json::from_value(one["Files"].take())?;
        one["Files"] = json!(files.join(", "));
    }
    listed(found, USES, list, show)
}

/// The documents that refer to a parameter.
pub async fn documents(client: &Client, name: &str, list: &ListArgs, show: &Show) -> Result<()> {
    let mut answer: Value = client.hub("ListParameterDocuments", json!({"Name": name})).await?;
    let mut found: Vec<Value> = serde_json::from_value(answer["Documents"].take())?;
    let all = answer["DocumentCount"].as_u64().unwrap_or_default();
    if all > found.len() as u64 {
        output::say(&format!("{all} documents read it; these are the first {}", found.len()));
    }
    for one in &mut found {
        let references: Vec<String> = serde_json::from_value(one["References"].take())?;
        one["References"] = json!(references.join(", "));
    }
    listed(found, DOCUMENTS, list, show)
}

fn listed(found: Vec<Value>, columns: &'static [Column], list: &ListArgs, show: &Show) -> Result<()> {
    let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
    output::retain(&mut rows, list.filter.as_ref(), columns)?;
    rows.truncate(list.limit());
    show.listing(&Listing { columns, rows }, Clock::system().now())
}

/// What a verb with `--node` comes to; `None` when it is the hub's to answer.
pub async fn answered_here(verb: &ParamVerb, show: &Show) -> Option<Result<()>> {
    match verb {
        ParamVerb::Get { name, here, .. } if here.is_meant() => Some(print_one(name, here, show).await),
        ParamVerb::Export { below, format } if below.here.is_meant() => Some(export(below, *format).await),
        ParamVerb::Exec { below, prefix, command } if below.here.is_meant() => Some(exec(below, prefix, command).await),
        _ => None,
    }
}

/// Whether the agent of this node is asked, and where.
#[derive(clap::Args)]
pub struct Here {
    /// From the agent of this node, hub or no hub
    #[arg(long)]
    node: bool,
    /// The socket that the node's parameters.yaml names
    #[arg(long, value_name = "PATH", env = "ROADSTEAD_PARAMETERS_SOCKET")]
    socket: Option<PathBuf>,
}

impl Here {
    fn is_meant(&self) -> bool {
        self.node
    }

    fn socket(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(|| data::agent_folder().join("parameters.sock"))
    }
}

async fn print_one(name: &str, here: &Here, show: &Show) -> Result<()> {
    let found = ask(here, &format!("/parameters/{}", name.trim_start_matches('/'))).await?;
    if !show.is_table() {
        let rows = vec![rows::from_api(found)];
        return show.record(
            Listing {
                columns: super::LIST,
                rows,
            },
            Clock::system().now(),
        );
    }
    tree::print_value(found["Value"].as_str().unwrap_or_default(), false)
}

async fn export(below: &Below, format: FileFormat) -> Result<()> {
    output::write(&tree::print(&values(below).await?, format)?)
}

async fn exec(below: &Below, prefix: &str, command: &[String]) -> Result<()> {
    tree::exec(&values(below).await?, prefix, command)
}

async fn values(below: &Below) -> Result<tree::Values> {
    let root = tree::root_of(&below.path);
    let mut found = ask(&below.here, &format!("/parameters?path={root}")).await?;
    let all: Vec<Value> = serde_json::from_value(found["Parameters"].take()).context("the agent's answer is not what it should be")?;
    Ok(tree::relative(&all, &root, below.decrypt, |p| p["Type"] == "SecureString"))
}

/// One question to the agent of this node.
async fn ask(here: &Here, path: &str) -> Result<Value> {
    let socket = here.socket();
    let asked = tokio::time::timeout(PATIENCE, exchange(&socket, path)).await;
    let answer = asked.map_err(anyhow::Error::from).flatten().map_err(|error| {
        Failure::new(
            Exit::Unreachable,
            format!("the agent of this node cannot be asked at {}: {error}", socket.display()),
        )
        .hint("it runs as another user, or its parameters.yaml names no paths; see docs/parameters.md")
    });
    let (status, body) = answer?;
    let mut body: Value = serde_json::from_slice(&body).context("the agent's answer is no JSON")?;
    match status {
        StatusCode::OK => Ok(body),
        StatusCode::NOT_FOUND => {
            Err(Failure::new(Exit::NotFound, "this node does not have it: no such parameter, or no rule gives it").into())
        }
        _ => {
            let why = body["message"].take();
            Err(Failure::new(Exit::Denied, why.as_str().unwrap_or("the agent refused")).into())
        }
    }
}

async fn exchange(socket: &Path, path: &str) -> Result<(StatusCode, Bytes)> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header("host", "agent").header(LOCAL_MARK, "true");
    let (head, body) = sender.send_request(request.body(Empty::<Bytes>::new())?).await?.into_parts();
    Ok((head.status, body.collect().await?.to_bytes()))
}
