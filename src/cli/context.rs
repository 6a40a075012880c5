//! Which hub a verb talks to, who we are to it, and why we believe it is that hub.
//!
//! ```text
//! credentials  ROADSTEAD_ACCESS_KEY_ID + ROADSTEAD_SECRET_ACCESS_KEY (or …_FILE)
//!              else the login stored for the hub
//!              else DATA/local.json: the hub's own user on the hub's own host
//! identity     ROADSTEAD_CA_FILE, else the CA pinned at login, else DATA/ca.pem of a hub on this host,
//!              else ROADSTEAD_CA_FINGERPRINT, else the first CA seen: asked for on a terminal, said aloud elsewhere
//! ```
//!
//! The first CA seen is a risk that a signed API bears: the secret never travels, and the CA is pinned from then on.

use std::io::{self, BufRead, IsTerminal};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use anyhow::{Context, Result};

use crate::base::Secret;
use crate::cli::client::{Client, Proof};
use crate::cli::config::{Config, KnownHub};
use crate::cli::connection;
use crate::cli::data::{self, LocalHub};
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::say;
use crate::cli::trust::{self, Trust};
use crate::cli::url::HubUrl;

/// A client for the hub that is meant.
pub async fn connect() -> Result<Client> {
    let config = Config::load()?;
    let local = LocalHub::read(&data::hub_folder());
    let (url, proof) = choose(&Environment::read()?, &config, local.as_ref())?;
    let trust = trust_for(&url, &config, local.as_ref()).await?;
    Client::new(url, trust, proof)
}

/// A client with the credentials of the hub whose data lies in `folder`.
pub async fn connect_local(folder: &Path) -> Result<Client> {
    let local = LocalHub::read(folder).ok_or_else(|| {
        Failure::new(Exit::Failed, format!("there is no hub of yours on {}", folder.display()))
            .hint("start one: roadstead up")
            .hint("or say where its data is: --data DIR")
    })?;
    let url: HubUrl = local.url.parse().map_err(Failure::usage)?;
    let trust = local_trust(folder, &local)?;
    Client::new(url, trust, Proof::Local(folder.to_owned()))
}

/// What the environment says; empty variables say nothing.
#[derive(Default)]
struct Environment {
    url: Option<HubUrl>,
    key: Option<(String, Secret<String>)>,
}

impl Environment {
    fn read() -> Result<Self> {
        let url = variable("ROADSTEAD_URL")
            .map(|text| text.parse().map_err(Failure::usage))
            .transpose()?;
        let id = variable("ROADSTEAD_ACCESS_KEY_ID");
        let secret = secret_variable("ROADSTEAD_SECRET_ACCESS_KEY")?;
        let key = match (id, secret) {
            (Some(id), Some(secret)) => Some((id, secret)),
            (None, None) => None,
            (Some(_), None) => return Err(Failure::usage("ROADSTEAD_ACCESS_KEY_ID is set, ROADSTEAD_SECRET_ACCESS_KEY is not").into()),
            (None, Some(_)) => return Err(Failure::usage("ROADSTEAD_SECRET_ACCESS_KEY is set, ROADSTEAD_ACCESS_KEY_ID is not").into()),
        };
        Ok(Self { url, key })
    }
}

pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `NAME`, or the content of the file that `NAME_FILE` names.
pub fn secret_variable(name: &str) -> Result<Option<Secret<String>>> {
    if let Some(value) = variable(name) {
        return Ok(Some(Secret::new(value)));
    }
    let name = format!("{name}_FILE");
    let Some(path) = variable(&name) else {
        return Ok(None);
    };
    let read = read_secret(Path::new(&path));
    Ok(Some(read.map_err(|error| Failure::usage(format!("{name}: {error:#}")))?))
}

/// The first line of a file.
pub fn read_secret(path: &Path) -> Result<Secret<String>> {
    let text = Secret::new(std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?);
    let line = text.expose().lines().next().unwrap_or_default().to_owned();
    anyhow::ensure!(!line.is_empty(), "{} is empty", path.display());
    Ok(Secret::new(line))
}

fn choose(env: &Environment, config: &Config, local: Option<&LocalHub>) -> Result<(HubUrl, Proof)> {
    let parse = |text: &str| -> Result<HubUrl> { Ok(text.parse().map_err(Failure::usage)?) };
    if let Some((id, secret)) = &env.key {
        let proof = Proof::Key {
            access_key_id: id.clone(),
            secret: secret.clone(),
        };
        let remembered = config.current.as_deref().or(local.map(|l| l.url.as_str()));
        let url = match (&env.url, remembered) {
            (Some(url), _) => url.clone(),
            (None, Some(url)) => parse(url)?,
            (None, None) => return Err(Failure::usage("ROADSTEAD_URL is not set, so the hub is unknown").into()),
        };
        return Ok((url, proof));
    }
    let url = match (&env.url, &config.current) {
        (Some(url), _) => Some(url.clone()),
        (None, Some(url)) => Some(parse(url)?),
        (None, None) => None,
    };
    let stored = url
        .as_ref()
        .and_then(|url| config.hubs.get(&url.to_string()))
        .and_then(|hub| hub.key.as_ref());
    if let (Some(url), Some(key)) = (&url, stored) {
        let proof = Proof::Key {
            access_key_id: key.access_key_id.clone(),
            secret: key.secret(),
        };
        return Ok((url.clone(), proof));
    }
    match local {
        Some(local) if env.url.as_ref().is_none_or(|url| is_local_hub(url, local)) => {
            Ok((parse(&local.url)?, Proof::Local(data::hub_folder())))
        }
        _ => Err(no_credentials(env.url.as_ref()).into()),
    }
}

/// Whether the address given means the hub of this host: the same port, and loopback.
fn is_local_hub(url: &HubUrl, local: &LocalHub) -> bool {
    let loopback = url.host == "localhost" || url.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    loopback && local.url.parse::<HubUrl>().is_ok_and(|own| own.port == url.port)
}

fn no_credentials(url: Option<&HubUrl>) -> Failure {
    let hub = url.map_or_else(|| "https://HUB:7400".to_owned(), HubUrl::to_string);
    Failure::new(
        Exit::Denied,
        format!("no credentials{}", url.map_or_else(String::new, |url| format!(" for {url}"))),
    )
    .hint(format!("log in, from anywhere:  roadstead login {hub}"))
    .hint(format!(
        "or run this on the hub's host as the user that runs the hub (its data is looked for in {}; ROADSTEAD_DATA=DIR says otherwise)",
        data::hub_folder().display()
    ))
}

async fn trust_for(url: &HubUrl, config: &Config, local: Option<&LocalHub>) -> Result<Trust> {
    if !url.https {
        return Ok(Trust::Anyone);
    }
    if let Some(path) = variable("ROADSTEAD_CA_FILE") {
        let pem = std::fs::read_to_string(&path).with_context(|| format!("could not read ROADSTEAD_CA_FILE {path}"))?;
        return Ok(Trust::CaFile(pem));
    }
    if let Some(pem) = config.hubs.get(&url.to_string()).and_then(|hub| hub.ca_pem.clone()) {
        return Ok(Trust::Pinned(pem));
    }
    if let Some(local) = local.filter(|local| local.url == url.to_string()) {
        return local_trust(&data::hub_folder(), local);
    }
    let expected = variable("ROADSTEAD_CA_FINGERPRINT");
    if expected.is_none() && is_this_host(url).await {
        return Ok(Trust::Anyone);
    }
    let pem = fetch_ca(url).await?;
    let seen = trust::fingerprint(&pem)?;
    match expected {
        Some(expected) if trust::same_fingerprint(&expected, &seen) => return Ok(Trust::Pinned(pem)),
        Some(expected) => return Err(other_fingerprint(url, &expected, &seen).into()),
        None => accept_first_seen(url, &seen)?,
    }
    let hub = KnownHub {
        ca_pem: Some(pem.clone()),
        ..KnownHub::default()
    };
    let mut config = Config::load()?;
    config.hubs.insert(url.to_string(), hub);
    if let Err(error) = config.save() {
        say(&format!("note: the hub's identity could not be remembered: {error:#}"));
    }
    Ok(Trust::Pinned(pem))
}

pub fn other_fingerprint(url: &HubUrl, expected: &str, seen: &str) -> Failure {
    Failure::new(Exit::Denied, format!("the hub at {url} is not the one that was expected"))
        .hint(format!("expected CA fingerprint: {}", trust::grouped(expected)))
        .hint(format!("fingerprint seen:        {}", trust::grouped(seen)))
        .hint("nothing was sent to it")
}

fn accept_first_seen(url: &HubUrl, seen: &str) -> Result<()> {
    let seen = trust::grouped(seen);
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        say(&format!("The hub at {url} is not known here yet. SHA-256 of its CA:\n  {seen}"));
        if !confirm("Trust it from now on?")? {
            return Err(Failure::new(Exit::Denied, "the hub was not trusted, nothing was sent").into());
        }
        return Ok(());
    }
    say(&format!(
        "note: {url} is trusted from now on by its CA {seen}; ROADSTEAD_CA_FINGERPRINT or ROADSTEAD_CA_FILE pins it beforehand"
    ));
    Ok(())
}

/// The CA pinned through the data folder that only the hub's user can read.
fn local_trust(folder: &Path, local: &LocalHub) -> Result<Trust> {
    let pem = std::fs::read_to_string(folder.join("ca.pem")).with_context(|| format!("could not read {}/ca.pem", folder.display()))?;
    let seen = trust::fingerprint(&pem)?;
    if trust::same_fingerprint(&seen, &local.ca_fingerprint) {
        return Ok(Trust::Pinned(pem));
    }
    Err(Failure::new(
        Exit::Failed,
        format!("ca.pem and local.json in {} do not belong together", folder.display()),
    )
    .hint("start the hub again: it writes local.json anew")
    .into())
}

/// `/ca.pem` of a hub nothing is known of yet: to be compared or shown before it is believed.
pub async fn fetch_ca(url: &HubUrl) -> Result<String> {
    let client = Client::new(url.clone(), Trust::Anyone, Proof::Nobody)?;
    let answer = client.get("/ca.pem").await?;
    let text = String::from_utf8(answer.into_body().to_vec()).unwrap_or_default();
    if trust::fingerprint(&text).is_err() {
        return Err(Failure::new(
            Exit::Failed,
            format!("{url} does not serve a CA under /ca.pem, so it is no Roadstead hub"),
        )
        .hint("check address and port")
        .into());
    }
    Ok(text)
}

/// Whether the address is one of this machine's own: whoever listens there could be reached by plain HTTP as well.
async fn is_this_host(url: &HubUrl) -> bool {
    let Ok(addresses) = connection::addresses(url).await else {
        return false;
    };
    let own = |address: &SocketAddr| address.ip().is_loopback() || UdpSocket::bind((address.ip(), 0)).is_ok();
    !addresses.is_empty() && addresses.iter().all(own)
}

/// Asks on the terminal; anything but yes is no.
pub fn confirm(question: &str) -> Result<bool> {
    use std::io::Write;
    let mut err = io::stderr().lock();
    let _ = write!(err, "{question} [y/N] ");
    let _ = err.flush();
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::StoredKey;

    fn key_of(chosen: Result<(HubUrl, Proof)>) -> (String, String) {
        let (url, proof) = chosen.unwrap();
        match proof {
            Proof::Key { access_key_id, .. } => (url.to_string(), access_key_id),
            Proof::Local(_) => (url.to_string(), "LOCAL".to_owned()),
            _ => panic!("a key was expected"),
        }
    }

    fn env(url: Option<&str>, key: Option<&str>) -> Environment {
        Environment {
            url: url.map(|u| u.parse().unwrap()),
            key: key.map(|k| (k.to_owned(), Secret::new("s".to_owned()))),
        }
    }

    fn logged_in() -> Config {
        let hub = KnownHub {
            key: Some(StoredKey::new("LOGIN".into(), &Secret::new("s".to_owned()))),
            ..KnownHub::default()
        };
        Config {
            current: Some("https://hub:7400".into()),
            hubs: [("https://hub:7400".to_owned(), hub)].into(),
        }
    }

    fn local() -> LocalHub {
        LocalHub {
            url: "https://127.0.0.1:7400".into(),
            ca_fingerprint: String::new(),
            access_key_id: "LOCAL".into(),
            secret_access_key: "s".into(),
        }
    }

    #[test]
    fn the_environment_comes_first_then_the_login_then_the_hubs_own_host() {
        let chosen = |env: Environment, config: &Config, local: Option<&LocalHub>| key_of(choose(&env, config, local));
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let none = Config::default();
        assert_eq!(
            chosen(env(Some("http://x:1"), Some("ENV")), &logged_in(), None),
            pair("http://x:1", "ENV")
        );
        assert_eq!(chosen(env(None, Some("ENV")), &logged_in(), None), pair("https://hub:7400", "ENV"));
        assert_eq!(
            chosen(env(None, None), &logged_in(), Some(&local())),
            pair("https://hub:7400", "LOGIN")
        );
        assert_eq!(
            chosen(env(None, None), &none, Some(&local())),
            pair("https://127.0.0.1:7400", "LOCAL")
        );
        assert_eq!(
            chosen(
                env(Some("https://localhost"), None),
                &none,
                None::<&LocalHub>.or(Some(&LocalHub {
                    url: "https://127.0.0.1:443".into(),
                    ..local()
                }))
            )
            .1,
            "LOCAL"
        );
    }

    #[test]
    fn without_credentials_both_ways_are_named() {
        let error = choose(&env(Some("https://other:7400"), None), &logged_in(), Some(&local()))
            .err()
            .unwrap();
        let (code, text) = crate::cli::failure::explain(&error);
        let text = text.unwrap();
        assert_eq!(code, 4);
        assert!(
            text.contains("roadstead login https://other:7400") && text.contains("on the hub's host"),
            "{text}"
        );
    }
}
