//! `roadstead aws-env`: what points aws-cli, boto3 and every SDK at the hub when pasted into a shell.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::{Clock, Secret};
use crate::cli::client::{CallError, Client, Proof};
use crate::cli::config::{self, Config, StoredKey};
use crate::cli::context;
use crate::cli::data;
use crate::cli::output::{self, Column, Format, Kind, Listing, Show};
use crate::cli::trust::{self, Trust};

#[derive(clap::Args)]
#[command(after_help = "Example:\n  eval \"$(roadstead aws-env)\" && aws ssm describe-instance-information")]
pub struct AwsEnvArgs {
    /// The hub's data, on its own host
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

const COLUMNS: &[Column] = &[Column::new("name", Kind::Text), Column::new("value", Kind::Text)];

pub async fn run(args: AwsEnvArgs, show: &Show) -> Result<()> {
    let client = match &args.data {
        Some(folder) => context::connect_local(folder).await?,
        None => context::connect().await?,
    };
    let folder = args.data.unwrap_or_else(data::hub_folder);
    let variables = variables(&client, &folder).await?;
    let pairs = variables.iter();
    match show.output {
        Format::Json | Format::Yaml => show.value(&pairs.map(|(name, value)| ((*name).to_owned(), json!(value))).collect()),
        Format::Csv | Format::Name => {
            let rows = pairs.map(|(name, value)| json!({"name": name, "value": value})).collect();
            show.listing(&Listing { columns: COLUMNS, rows }, Clock::system().now())
        }
        Format::Table => output::write(&export_lines(&variables)),
    }
}

/// Name and value of each variable, in the order to print them.
pub type Variables = Vec<(&'static str, String)>;

/// *Errors*: what the hub says when it will not make a key.
pub async fn variables(client: &Client, data: &std::path::Path) -> Result<Variables> {
    let key = key_for_programs(client).await?;
    let hub: Value = client.hub("DescribeHub", json!({})).await?;
    let region = hub["Region"].as_str().unwrap_or("local").to_owned();
    let mut variables = vec![
        ("AWS_ENDPOINT_URL", client.url().to_string()),
        ("AWS_ENDPOINT_URL_SSM", client.url().to_string()),
        ("AWS_ENDPOINT_URL_STS", client.url().to_string()),
        ("AWS_DEFAULT_REGION", region.clone()),
        ("AWS_REGION", region),
    ];
    if let Some(path) = ca_file(client, data).await? {
        variables.push(("AWS_CA_BUNDLE", path.display().to_string()));
    }
    variables.push(("AWS_ACCESS_KEY_ID", key.access_key_id.clone()));
    variables.push(("AWS_SECRET_ACCESS_KEY", key.secret().expose().clone()));
    Ok(variables)
}

pub fn export_lines(variables: &Variables) -> String {
    variables
        .iter()
        .map(|(name, value)| format!("export {name}={}\n", crate::cli::shell::quote(value)))
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyAnswer {
    access_key_id: String,
    secret_access_key: String,
}

/// The caller's own key; for the hub's own user, whose key changes at each start of the hub, one made once and kept.
async fn key_for_programs(client: &Client) -> Result<StoredKey> {
    let (access_key_id, secret) = client
        .proof()
        .key()
        .context("only a caller with an access key has one to pass on")?;
    if !matches!(client.proof(), Proof::Local(_)) {
        return Ok(StoredKey::new(access_key_id, &secret));
    }
    let name = match client.trust() {
        Trust::Pinned(pem) => format!("local {}", trust::fingerprint(pem)?),
        _ => client.url().to_string(),
    };
    let mut config = Config::load()?;
    if let Some(key) = config.hubs.get(&name).and_then(|hub| hub.aws_key.clone())
        && is_alive(client, &key).await
    {
        return Ok(key);
    }
    let made: Result<KeyAnswer, CallError> = client
        .hub("CreateAccessKey", json!({"Description": "aws-env on the hub's host"}))
        .await;
    let made = match made {
        Ok(made) => made,
        // A key belongs to a user. Until there is one, the key of this host does, though it changes with each start.
        Err(error) if error.code() == Some("ValidationException") => {
            output::say("note: there is no admin yet, so this key is good until the hub starts again; repeat it then");
            return Ok(StoredKey::new(access_key_id, &secret));
        }
        Err(error) => return Err(error.into()),
    };
    let key = StoredKey::new(made.access_key_id, &Secret::new(made.secret_access_key));
    config.hubs.entry(name).or_default().aws_key = Some(key.clone());
    config.save()?;
    Ok(key)
}

async fn is_alive(client: &Client, key: &StoredKey) -> bool {
    let proof = Proof::Key {
        access_key_id: key.access_key_id.clone(),
        secret: key.secret(),
    };
    let Ok(other) = Client::new(client.url().clone(), client.trust().clone(), proof) else {
        return false;
    };
    other.hub::<Value>("GetCaller", json!({})).await.is_ok()
}

/// A file with the hub's CA: the hub's own where it can be read, else one beside our configuration.
async fn ca_file(client: &Client, data: &std::path::Path) -> Result<Option<PathBuf>> {
    let pem = match client.trust() {
        _ if !client.url().https => return Ok(None),
        Trust::CaFile(_) => return Ok(context::variable("ROADSTEAD_CA_FILE").map(PathBuf::from)),
        Trust::Pinned(pem) => pem.clone(),
        Trust::Anyone => context::fetch_ca(client.url()).await?,
    };
    let own = data.join("ca.pem");
    if std::fs::read_to_string(&own).is_ok_and(|text| text == pem) {
        return Ok(Some(std::path::absolute(own)?));
    }
    let folder = config::folder().context("neither HOME nor XDG_CONFIG_HOME is set, so there is no place for the CA file")?;
    let path = folder.join(format!("ca-{}.pem", &trust::fingerprint(&pem)?[..16]));
    config::write_private(&path, pem.as_bytes())?;
    Ok(Some(path))
}
