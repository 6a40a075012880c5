//! `roadstead login URL`: pins the hub's identity and makes an access key for this device.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::Secret;
use crate::cli::client::{CallError, Client, Proof};
use crate::cli::config::{Config, KnownHub, StoredKey};
use crate::cli::context::{self, confirm};
use crate::cli::failure::{Exit, Failure};
use crate::cli::login_steps;
use crate::cli::output::say;
use crate::cli::prompt::{ask, ask_hidden, first_line_of_stdin};
use crate::cli::trust::{self, Trust};
use crate::cli::url::HubUrl;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  roadstead login https://hub.example:7400\n  \
    roadstead login hub.example --access-key-id AKIA… --secret-file ./secret --fingerprint 3f9a…")]
pub struct LoginArgs {
    /// The hub: https://HOST:7400
    pub url: HubUrl,
    /// The user to log in as [default: asked for]
    #[arg(long, short)]
    user: Option<String>,
    /// Use this key instead of making one; its secret is read from --secret-file, or from stdin
    #[arg(long, value_name = "ID", conflicts_with = "user")]
    access_key_id: Option<String>,
    #[arg(long, value_name = "FILE", requires = "access_key_id")]
    secret_file: Option<PathBuf>,
    /// The SHA-256 that the hub's CA must have; without it the fingerprint is shown and asked about
    #[arg(long, value_name = "SHA256")]
    fingerprint: Option<String>,
    /// Read the password from the first line of stdin
    #[arg(long, requires = "user")]
    password_stdin: bool,
}

pub async fn run(args: LoginArgs) -> Result<()> {
    let trust = identify(&args).await?;
    let (user, key) = match &args.access_key_id {
        Some(id) => with_key(&args, &trust, id).await?,
        None => with_password(&args, &trust).await?,
    };
    let mut config = Config::load()?;
    let url = args.url.to_string();
    let hub = config.hubs.entry(url.clone()).or_insert_with(KnownHub::default);
    hub.ca_pem = match trust {
        Trust::Pinned(pem) => Some(pem),
        _ => None,
    };
    hub.user = Some(user.clone());
    hub.key = Some(key);
    config.current = Some(url.clone());
    config.save()?;
    say(&format!(
        "Logged in to {url} as {user}; the key of this device is kept, readable by you alone."
    ));
    Ok(())
}

/// Shows or compares the hub's CA before anything secret is asked for.
async fn identify(args: &LoginArgs) -> Result<Trust> {
    let url = &args.url;
    if !url.https {
        return Ok(Trust::Anyone);
    }
    let pem = context::fetch_ca(url).await?;
    let seen = trust::fingerprint(&pem)?;
    let known = Config::load()?.hubs.get(&url.to_string()).and_then(|hub| hub.ca_pem.clone());
    let known = known.and_then(|pem| trust::fingerprint(&pem).ok());
    match (&args.fingerprint, known) {
        (Some(expected), _) if !trust::same_fingerprint(expected, &seen) => {
            return Err(context::other_fingerprint(url, expected, &seen).into());
        }
        (Some(_), _) => return Ok(Trust::Pinned(pem)),
        (None, Some(known)) if known == seen => return Ok(Trust::Pinned(pem)),
        (None, Some(known)) => say(&format!(
            "WARNING: the hub at {url} had another identity before:\n  {}",
            trust::grouped(&known)
        )),
        (None, None) => {}
    }
    say(&format!(
        "The hub at {url} shows a CA with the SHA-256 fingerprint\n  {}",
        trust::grouped(&seen)
    ));
    say("Compare it with what `roadstead up`, the hub's log or the console's settings show.");
    if !io::stdin().is_terminal() {
        let failure = Failure::new(
            Exit::Denied,
            "nobody is there to compare the fingerprint, so the hub is not trusted",
        );
        return Err(failure.hint(format!("give it beforehand: --fingerprint {seen}")).into());
    }
    match confirm("Is it the same?")? {
        true => Ok(Trust::Pinned(pem)),
        false => Err(Failure::new(Exit::Denied, "the hub was not trusted, nothing was sent").into()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyAnswer {
    access_key_id: String,
    secret_access_key: String,
}

/// A console session just long enough to make this device its own key.
async fn with_password(args: &LoginArgs, trust: &Trust) -> Result<(String, StoredKey)> {
    let user = match &args.user {
        Some(user) => user.clone(),
        None => ask("User: ")?,
    };
    let password = match args.password_stdin {
        true => first_line_of_stdin()?,
        false => ask_hidden("Password: ")?,
    };
    let session = login_steps::enter(args, trust, &user, &password).await?;
    let made: Result<KeyAnswer, CallError> = session
        .hub(
            "CreateAccessKey",
            json!({"Description": format!("roadstead CLI on {}", device_name())}),
        )
        .await;
    if made.is_ok()
        && let Some(old) = Config::load()?.hubs.get(&args.url.to_string()).and_then(|hub| hub.key.clone())
    {
        // The key of an earlier login on this device; it may be gone, or another user's.
        let _: Result<Value, CallError> = session.hub("DeleteAccessKey", json!({"AccessKeyId": old.access_key_id})).await;
    }
    let _: Result<Value, CallError> = session.hub("Logout", json!({})).await;
    let made = made?;
    Ok((user, StoredKey::new(made.access_key_id, &Secret::new(made.secret_access_key))))
}

/// A key that exists already is kept only if the hub accepts it.
async fn with_key(args: &LoginArgs, trust: &Trust, id: &str) -> Result<(String, StoredKey)> {
    let secret = match &args.secret_file {
        Some(path) => context::read_secret(path)?,
        None if io::stdin().is_terminal() => ask_hidden("Secret access key: ")?,
        None => first_line_of_stdin()?,
    };
    let proof = Proof::Key {
        access_key_id: id.to_owned(),
        secret: secret.clone(),
    };
    let client = Client::new(args.url.clone(), trust.clone(), proof)?;
    let caller: Value = client.hub("GetCaller", json!({})).await?;
    let user = caller["UserName"].as_str().unwrap_or("?").to_owned();
    Ok((user, StoredKey::new(id.to_owned(), &secret)))
}

fn device_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
