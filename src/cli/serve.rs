//! `roadstead serve`: the hub, or with `--agent` the agent, in the foreground until TERM or INT.

use std::io::IsTerminal;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use crate::agent::home::{self, CheckError};
use crate::agent::{self, AgentConfig, AgentError};
use crate::base::Secret;
use crate::cli::context::{secret_variable, variable};
use crate::cli::failure::{Exit, Failure};
use crate::cli::url::DEFAULT_PORT;
use crate::cli::{data, in_use, output};
use crate::hub;
use crate::hub::config::{AdminSeed, HubConfig};
use crate::platform::memory::keep_private;
use crate::wire::token::{JoinToken, split_address};

#[derive(clap::Args)]
#[command(
    after_help = "First start, unattended: ROADSTEAD_ADMIN_USER with ROADSTEAD_ADMIN_PASSWORD_FILE and, for programs, \
    ROADSTEAD_ADMIN_ACCESS_KEY_ID with ROADSTEAD_ADMIN_SECRET_ACCESS_KEY (or …_FILE).\n\n\
    Examples:\n  roadstead serve\n  roadstead serve --data /srv/roadstead --listen 10.0.0.5:7400\n  \
    roadstead serve --agent --join rs1_…"
)]
pub struct ServeArgs {
    /// Run the agent of this node instead of the hub
    #[arg(long)]
    agent: bool,
    /// Where its data lies [default: /var/lib/roadstead for root, else in the user's state folder; the agent's in agent/ below]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    hub: HubArgs,
    /// The agent's first start: the token that `roadstead join-line` printed
    #[arg(long, value_name = "TOKEN", env = "ROADSTEAD_JOIN", hide_env_values = true, requires = "agent")]
    join: Option<JoinToken>,
    /// Where the agent's hub is now, instead of where it was when they last spoke
    #[arg(long = "hub", value_name = "HOST:PORT", hide = true, requires = "agent", value_parser = parse_address)]
    hub_at: Vec<String>,
    /// Only see whether the token is whole and leads to its hub; nothing is changed
    #[arg(long, requires = "join")]
    check: bool,
    #[arg(long, value_enum, default_value = "text", env = "ROADSTEAD_LOG_FORMAT")]
    log_format: LogFormat,
    /// Print one line of JSON to stdout once the hub is ready
    #[arg(long, hide = true, conflicts_with = "agent")]
    announce: bool,
}

/// What a hub is told at start, by `serve` and `up` alike.
#[derive(Clone, clap::Args)]
pub struct HubArgs {
    /// Address and port to listen on, repeatable [default: port 7400 on every address]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_listen)]
    pub listen: Vec<SocketAddr>,
    /// host:port by which nodes and people reach this hub, repeatable [default: this machine's own addresses]
    #[arg(long, value_name = "HOST:PORT")]
    pub advertise: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// What `--announce` prints; `up` reads it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Announcement {
    pub addresses: Vec<String>,
    pub setup_link: Option<String>,
    pub ca_fingerprint: String,
}

pub fn run(args: ServeArgs) -> Result<()> {
    if variable("ROADSTEAD_SUPERVISED").is_some() {
        end_with_parent();
    }
    match args.agent {
        true if args.check => check(args.join),
        true => run_agent(args),
        false => run_hub(args),
    }
}

fn run_agent(args: ServeArgs) -> Result<()> {
    if !args.hub.listen.is_empty() || !args.hub.advertise.is_empty() {
        return Err(Failure::usage("--listen and --advertise are the hub's; an agent listens nowhere").into());
    }
    let config = AgentConfig {
        data: args.data.unwrap_or_else(data::agent_folder),
        join: args.join,
        hub: args.hub_at,
        keep_alive: keep_alive()?,
    };
    let filter = log_filter()?;
    // Forked while this process has one thread and no runtime; see the module's own words.
    let zygote = agent::zygote::start().context("could not fork the agent's helper")?;
    init_logging(args.log_format, filter);
    // After the fork: what the helper starts is the user's, and may leave cores as it likes.
    keep_private();
    let runtime = agent::runtime()?;
    runtime.block_on(async {
        let shutdown = shutdown_on_signals()?;
        // As a task: to wake what `block_on` polls itself takes a system call each time.
        let ended = tokio::spawn(agent::run(config, zygote, shutdown)).await;
        match ended.context("the agent broke off")? {
            // The code tells a service manager not to try again (`RestartPreventExitStatus=` of the unit).
            Err(error @ AgentError::InUse { .. }) => Err(Failure::new(Exit::Conflict, error.to_string()).into()),
            Err(error) if error.is_final() => Err(Failure::new(Exit::Denied, error.to_string()).into()),
            ended => Ok(ended?),
        }
    })
}

fn check(token: Option<JoinToken>) -> Result<()> {
    let token = token.ok_or_else(|| Failure::usage("--check judges a token: --join TOKEN"))?;
    match agent::runtime()?.block_on(home::check(token)) {
        Ok(address) => output::say(&format!("the hub that the token is for answers at {address}")),
        Err(error @ CheckError::NotReached(_)) => return Err(Failure::new(Exit::Unreachable, error.to_string()).into()),
        Err(error @ CheckError::Home(_)) => return Err(Failure::new(Exit::Denied, error.to_string()).into()),
    }
    Ok(())
}

fn run_hub(args: ServeArgs) -> Result<()> {
    let config = HubConfig {
        data: args.data.unwrap_or_else(data::hub_folder),
        listen: listen_or_default(args.hub.listen),
        account_id: account_id()?,
        region: region(variable("ROADSTEAD_REGION"))?,
        admin: admin_seed()?,
        advertise: args.hub.advertise,
        keep_alive: keep_alive()?,
    };
    let filter = log_filter()?;
    in_use::refuse_second_hub(&config.data)?;
    init_logging(args.log_format, filter);
    keep_private();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let shutdown = shutdown_on_signals()?;
        let (started, ready) = oneshot::channel();
        let announce = args.announce;
        let hub = hub::run(config, shutdown, started);
        let tell = async {
            if let Ok(started) = ready.await {
                tell_started(started, announce)?;
            }
            anyhow::Ok(())
        };
        let (hub, told) = tokio::join!(hub, tell);
        hub.map_err(in_use::explain)?;
        told
    })
}

fn tell_started(started: hub::Started, announce: bool) -> Result<()> {
    let told = Announcement {
        addresses: started.addresses,
        setup_link: started.setup_link,
        ca_fingerprint: started.ca_fingerprint,
    };
    if announce {
        return output::write(&(serde_json::to_string(&told)? + "\n"));
    }
    if let Some(link) = told.setup_link {
        output::say(&format!("No admin exists yet. Open this link once to create one:\n  {link}"));
    }
    Ok(())
}

/// `PORT`, `:PORT` (every IPv4 address) or `ADDR:PORT`.
fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.trim_start_matches(':').parse::<u16>() {
        return Ok((Ipv4Addr::UNSPECIFIED, port).into());
    }
    text.parse()
        .map_err(|_| "write ADDR:PORT with a literal address, such as 0.0.0.0:7400 or [::]:7400".to_owned())
}

fn parse_address(text: &str) -> Result<String, String> {
    match split_address(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("write HOST:PORT, such as hub.example:7400".to_owned()),
    }
}

/// Every address of both families; of IPv4 alone where the kernel has no IPv6.
pub fn listen_or_default(given: Vec<SocketAddr>) -> Vec<SocketAddr> {
    if !given.is_empty() {
        return given;
    }
    let mut all = vec![(Ipv4Addr::UNSPECIFIED, DEFAULT_PORT).into()];
    if UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok() {
        all.push((Ipv6Addr::UNSPECIFIED, DEFAULT_PORT).into());
    }
    all
}

fn account_id() -> Result<String> {
    let id = variable("ROADSTEAD_ACCOUNT_ID").unwrap_or_else(|| "000000000000".to_owned());
    if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(id);
    }
    Err(Failure::usage(format!("ROADSTEAD_ACCOUNT_ID `{id}` is not 12 digits")).into())
}

/// A label that stands in ARNs and in what callers sign.
fn region(given: Option<String>) -> Result<String> {
    let region = given.unwrap_or_else(|| "local".to_owned());
    if region.len() <= 64 && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Ok(region);
    }
    Err(Failure::usage(format!(
        "ROADSTEAD_REGION `{}` is not a region: up to 64 letters, digits and hyphens",
        region.escape_default()
    ))
    .into())
}

fn admin_seed() -> Result<Option<AdminSeed>> {
    let Some(user_name) = variable("ROADSTEAD_ADMIN_USER") else {
        return refuse_orphans();
    };
    let password = secret_variable("ROADSTEAD_ADMIN_PASSWORD")?;
    let id = variable("ROADSTEAD_ADMIN_ACCESS_KEY_ID");
    let secret = secret_variable("ROADSTEAD_ADMIN_SECRET_ACCESS_KEY")?;
    let access_key: Option<(String, Secret<String>)> = match (id, secret) {
        (Some(id), Some(secret)) => Some((id, secret)),
        (None, None) => None,
        _ => {
            let what = "ROADSTEAD_ADMIN_ACCESS_KEY_ID and ROADSTEAD_ADMIN_SECRET_ACCESS_KEY (or …_FILE) go together; one is missing";
            return Err(Failure::usage(what).into());
        }
    };
    if password.is_none() && access_key.is_none() {
        let what = "ROADSTEAD_ADMIN_USER is set without ROADSTEAD_ADMIN_PASSWORD (or …_FILE) or an access key, so nobody could log in";
        return Err(Failure::usage(what).into());
    }
    Ok(Some(AdminSeed {
        user_name,
        password,
        access_key,
    }))
}

/// Credentials for an admin without a name would be for nobody.
fn refuse_orphans() -> Result<Option<AdminSeed>> {
    const CREDENTIALS: &[&str] = &[
        "ROADSTEAD_ADMIN_PASSWORD",
        "ROADSTEAD_ADMIN_PASSWORD_FILE",
        "ROADSTEAD_ADMIN_ACCESS_KEY_ID",
        "ROADSTEAD_ADMIN_SECRET_ACCESS_KEY",
        "ROADSTEAD_ADMIN_SECRET_ACCESS_KEY_FILE",
    ];
    match CREDENTIALS.iter().find(|name| variable(name).is_some()) {
        Some(name) => Err(Failure::usage(format!("{name} is set without ROADSTEAD_ADMIN_USER, the name of the first admin")).into()),
        None => Ok(None),
    }
}

/// `ROADSTEAD_KEEP_ALIVE_MS`: for lines that drop what is silent for less than a quarter of a minute, and for tests.
fn keep_alive() -> Result<Option<Duration>> {
    let Some(text) = variable("ROADSTEAD_KEEP_ALIVE_MS") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(silence_ms) if silence_ms >= 50 => Ok(Some(Duration::from_millis(silence_ms))),
        _ => Err(Failure::usage(format!(
            "ROADSTEAD_KEEP_ALIVE_MS is `{text}`; it is a number of milliseconds from 50 on"
        ))
        .into()),
    }
}

/// `ROADSTEAD_LOG`: a level (`info`), or levels by module (`info,h2=debug`).
pub fn log_filter() -> Result<Targets, Failure> {
    let text = variable("ROADSTEAD_LOG").unwrap_or_else(|| "info".to_owned());
    parse_filter(&text).ok_or_else(|| {
        Failure::usage(format!(
            "ROADSTEAD_LOG is `{}`; write a level (error, warn, info, debug, trace, off), or levels by module: info,h2=debug",
            text.escape_default()
        ))
    })
}

/// A word that is no level would be taken for a module by the library, and everything else be silenced.
fn parse_filter(text: &str) -> Option<Targets> {
    text.split(',')
        .try_fold(Targets::new(), |filter, part| match part.trim().split_once('=') {
            None => Some(filter.with_default(level_of(part.trim())?)),
            Some((module, level)) => {
                let is_path = !module.is_empty() && module.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-'));
                let level = level_of(level)?;
                is_path.then(|| filter.with_target(module, level))
            }
        })
}

/// The library takes no word for `error`.
fn level_of(word: &str) -> Option<LevelFilter> {
    word.parse().ok().filter(|_| !word.is_empty())
}

fn init_logging(format: LogFormat, filter: Targets) {
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => registry.with(layer).init(),
        LogFormat::Json => registry.with(layer.json()).init(),
    }
}

/// Cancelled by the first TERM or INT; the second ends the process at once.
fn shutdown_on_signals() -> Result<CancellationToken> {
    let token = CancellationToken::new();
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let cancelled = token.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = term.recv() => {}
                _ = interrupt.recv() => {}
            }
            if cancelled.is_cancelled() {
                std::process::exit(130);
            }
            cancelled.cancel();
        }
    });
    Ok(token)
}

/// A child of `up` gets TERM when its parent dies in any way.
fn end_with_parent() {
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses_are_read() {
        assert_eq!(parse_listen("7401").unwrap().to_string(), "0.0.0.0:7401");
        assert_eq!(parse_listen(":7401").unwrap().to_string(), "0.0.0.0:7401");
        assert_eq!(parse_listen("[::]:7400").unwrap().to_string(), "[::]:7400");
        assert!(parse_listen("hub.example:7400").is_err());
    }

    #[test]
    fn what_is_logged_is_said_by_levels() {
        for sound in [
            "info",
            "WARN",
            "off",
            "info,h2=debug",
            "info, roadstead::hub::link=trace",
            "h2=debug",
        ] {
            assert!(parse_filter(sound).is_some(), "{sound}");
        }
        for wrong in ["infoo", "nonsense[[", "info,h2", "h2=loud", "=debug", "info,", "a b=info"] {
            assert!(parse_filter(wrong).is_none(), "{wrong}");
        }
        let filter = parse_filter("warn,h2=debug").unwrap();
        assert!(filter.would_enable("h2", &tracing::Level::DEBUG) && !filter.would_enable("roadstead", &tracing::Level::INFO));
    }

    #[test]
    fn a_region_is_a_label() {
        assert_eq!(region(None).unwrap(), "local");
        assert_eq!(region(Some("eu-west-1".into())).unwrap(), "eu-west-1");
        for wrong in ["a/b c", "eu_west", "é", &"a".repeat(65)] {
            assert!(region(Some(wrong.into())).is_err(), "{wrong}");
        }
    }
}
