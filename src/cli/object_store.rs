//! `roadstead object-store …`: stores that speak S3, and what of commands' output went there.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::base::Clock;
use crate::base::id::CommandId;
use crate::cli::args::ListArgs;
use crate::cli::client::Client;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Kind, Listing, Show, say};
use crate::cli::{context, node, rows, text};

#[derive(Subcommand)]
pub enum ObjectStoreVerb {
    /// List the stores and what they are used for
    #[command(visible_alias = "ls")]
    List,
    /// A store and its settings, without its secret
    Show { name: String },
    /// Add a store, or replace its settings
    #[command(visible_alias = "set")]
    Add(Box<AddArgs>),
    /// Write a small object to its buckets now, and remove it again; list what nodes may read
    Test {
        name: String,
        /// Only here
        #[arg(long, value_name = "BUCKET[/PREFIX]")]
        place: Option<String>,
    },
    /// Forget it; what lies in its buckets stays
    Delete { name: String },
    /// Output on its way to a bucket, the newest first, and what came of it
    Uploads {
        /// Of this command only
        #[arg(long)]
        command: Option<CommandId>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Try again what was not uploaded
    Retry { command: CommandId, node: String },
}

#[derive(Args)]
#[command(
    after_help = "Examples:\n  roadstead object-store add minio --endpoint https://minio.example:9000 --key-id hub --secret-file key --bucket logs --allow 10.0.0.0/8\n  \
    roadstead object-store add aws --endpoint https://s3.eu-central-1.amazonaws.com --region eu-central-1 --addressing host --key-id AKIA… --secret-file key --bucket 'runs-*' --readable tools/prod"
)]
pub struct AddArgs {
    name: String,
    /// Where it is: https://HOST[:PORT], without a bucket
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// What its signatures name
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// The access key's id
    #[arg(long, value_name = "ID")]
    key_id: String,
    /// A file with the secret access key; `-` reads it from stdin. Without, the one there is stays
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// How requests name the bucket: in the path, or in the host's name
    #[arg(long, value_enum, default_value_t)]
    addressing: Addressing,
    /// Where the output of commands may go, e.g. logs, logs/runs, logs-*; repeatable
    #[arg(long, value_name = "BUCKET[/PREFIX]")]
    bucket: Vec<String>,
    /// What nodes may read when a command's document downloads it, e.g. tools, tools/prod, tools-*; repeatable
    #[arg(long, value_name = "BUCKET[/PREFIX]")]
    readable: Vec<String>,
    /// A certificate authority to trust besides those of the hub's system
    #[arg(long, value_name = "PEM_FILE")]
    ca: Option<PathBuf>,
    /// A network that may be called although it is not public, e.g. 10.0.0.0/8; repeatable
    #[arg(long, value_name = "NETWORK")]
    allow: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Addressing {
    #[default]
    Path,
    Host,
}

/// Where the output of a command goes, besides the hub.
#[derive(Args)]
pub struct ToBucket {
    /// Upload the output there, too; see `roadstead object-store`
    #[arg(long, value_name = "BUCKET[/PREFIX]")]
    output_s3: Option<String>,
}

impl ToBucket {
    /// Adds its members to a SendCommand.
    pub fn name(&self, request: &mut Value) {
        let Some(place) = &self.output_s3 else { return };
        let place = place.strip_prefix("s3://").unwrap_or(place);
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        request["OutputS3BucketName"] = json!(bucket);
        if !prefix.is_empty() {
            request["OutputS3KeyPrefix"] = json!(prefix);
        }
    }
}

const LIST: &[Column] = &[
    Column::new("name", Kind::Text),
    Column::new("endpoint", Kind::Text),
    Column::new("region", Kind::Text),
    Column::new("output_places", Kind::Text),
    Column::new("download_places", Kind::Text),
];

const SHOW: &[Column] = &[
    Column::new("name", Kind::Text),
    Column::new("changed_by", Kind::Text),
    Column::new("changed_at", Kind::Time),
    Column::new("settings", Kind::Text),
];

const TRIED: &[Column] = &[
    Column::new("place", Kind::Text),
    Column::new("purpose", Kind::Text),
    Column::new("error", Kind::Text),
];

const UPLOADS: &[Column] = &[
    Column::new("command_id", Kind::Text),
    Column::new("node_id", Kind::Text),
    Column::new("state", Kind::Status),
    Column::new("queued_at", Kind::Age),
    Column::new("bucket", Kind::Text),
    Column::new("last_error", Kind::Text),
    Column::hidden("key_prefix", Kind::Text),
    Column::hidden("store", Kind::Text),
    Column::hidden("attempts", Kind::Text),
    Column::hidden("next_attempt_at", Kind::Time),
    Column::hidden("ended_at", Kind::Time),
];

pub async fn run(verb: ObjectStoreVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    match verb {
        ObjectStoreVerb::List => {
            let found: Value = client.hub("ListObjectStores", json!({})).await?;
            show.listing(&listing(LIST, &found["Stores"]), Clock::system().now())
        }
        ObjectStoreVerb::Show { name } => {
            let found: Value = client.hub("GetObjectStore", json!({ "Name": name })).await?;
            let rows = vec![rows::from_api(found)];
            show.record(Listing { columns: SHOW, rows }, Clock::system().now())
        }
        ObjectStoreVerb::Add(args) => add(&client, &args).await,
        ObjectStoreVerb::Test { name, place } => test(&client, &name, place, show).await,
        ObjectStoreVerb::Delete { name } => {
            let _: Value = client.hub("DeleteObjectStore", json!({ "Name": name })).await?;
            say(&format!("object store {} is forgotten", text::escape_line(&name)));
            Ok(())
        }
        ObjectStoreVerb::Uploads { command, list } => uploads(&client, command, &list, show).await,
        ObjectStoreVerb::Retry { command, node } => {
            let node = node::resolve(&client, &node).await?.id;
            let request = json!({"CommandId": command, "NodeId": node});
            let _: Value = client.hub("RetryOutputUpload", request).await?;
            say(&format!(
                "it is tried again; see: roadstead object-store uploads --command {command}"
            ));
            Ok(())
        }
    }
}

fn listing(columns: &'static [Column], found: &Value) -> Listing {
    let found = found.as_array().into_iter().flatten().cloned();
    let rows = found.map(rows::from_api).collect();
    Listing { columns, rows }
}

async fn add(client: &Client, args: &AddArgs) -> Result<()> {
    let mut request = json!({"Name": args.name, "Settings": settings(args)?});
    if let Some(path) = &args.secret_file {
        request["SecretAccessKey"] = json!(read(path)?.trim_end_matches(['\r', '\n']));
    }
    let _: Value = client.hub("PutObjectStore", request).await?;
    let name = text::escape_line(&args.name);
    say(&format!("object store {name} is set; try it: roadstead object-store test {name}"));
    Ok(())
}

fn settings(args: &AddArgs) -> Result<Value> {
    let mut settings = json!({
        "Endpoint": args.endpoint,
        "Region": args.region,
        "AccessKeyId": args.key_id,
        "Addressing": if args.addressing == Addressing::Host { "host" } else { "path" },
        "OutputPlaces": args.bucket,
        "DownloadPlaces": args.readable,
        "AllowedNetworks": args.allow,
    });
    if let Some(path) = &args.ca {
        settings["CaPem"] = json!(read(path)?);
    }
    Ok(settings)
}

fn read(path: &Path) -> Result<String> {
    match path.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()).context("could not read from stdin"),
        false => std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display())),
    }
}

async fn test(client: &Client, name: &str, place: Option<String>, show: &Show) -> Result<()> {
    let mut request = json!({ "Name": name });
    if let Some(place) = place {
        request["Place"] = json!(place);
    }
    let found: Value = client.hub("TestObjectStore", request).await?;
    let places = found["Places"].as_array().into_iter().flatten();
    let is_well = places.clone().all(|place| place["Error"].is_null());
    if is_well && show.is_table() {
        for place in places {
            let done = match place["Purpose"].as_str() {
                Some("download") => "listed",
                _ => "written, and removed again",
            };
            let place = place["Place"].as_str().unwrap_or_default();
            say(&format!("{}: {done}", text::escape_line(place)));
        }
        return Ok(());
    }
    show.listing(&listing(TRIED, &found["Places"]), Clock::system().now())?;
    match is_well {
        true => Ok(()),
        false => Err(Failure::new(Exit::Failed, "not every place can be used").into()),
    }
}

async fn uploads(client: &Client, command: Option<CommandId>, list: &ListArgs, show: &Show) -> Result<()> {
    let request = json!({"CommandId": command, "MaxResults": 100});
    let limit = if list.filter.is_some() { usize::MAX } else { list.limit() };
    let found: Vec<Value> = client.pages("Roadstead.ListOutputUploads", request, "Uploads", limit).await?;
    let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
    output::retain(&mut rows, list.filter.as_ref(), UPLOADS)?;
    rows.truncate(list.limit());
    show.listing(&Listing { columns: UPLOADS, rows }, Clock::system().now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_as_bucket_and_prefix() {
        for (place, wanted) in [
            ("logs", json!({"OutputS3BucketName": "logs"})),
            ("s3://logs/a/b", json!({"OutputS3BucketName": "logs", "OutputS3KeyPrefix": "a/b"})),
        ] {
            let mut request = json!({});
            ToBucket {
                output_s3: Some(place.into()),
            }
            .name(&mut request);
            assert_eq!(request, wanted);
        }
    }
}
