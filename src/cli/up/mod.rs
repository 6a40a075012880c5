//! `roadstead up`: a hub and an agent on this host, as the calling user, until Ctrl-C.
//!
//! It supervises two children of its own program and does nothing else: a second `up` on the same data finds the same hub
//! and the same node. Each child leads a process group of its own, so that Ctrl-C reaches them through us, in order; when
//! we die in any way the kernel ends them.
//!
//! ```text
//! hub:   starting ──announced──► running ──ended──► back-off ──► starting
//! agent:  (after the hub) joined? no ──► a join line for it ──► starting …
//! ```

mod child;
mod welcome;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::data;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::say;
use crate::cli::serve::{Announcement, HubArgs, listen_or_default};
use crate::cli::up::child::{Child, Role};
use crate::cli::url::HubUrl;
use crate::cli::{context, in_use};
use crate::wire::token::JoinToken;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  roadstead up\n  roadstead up --data ./demo --listen 127.0.0.1:7500")]
pub struct UpArgs {
    /// The hub's data; the agent's lies in agent/ below [default: /var/lib/roadstead for root, else in the user's state folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    hub: HubArgs,
}

/// An agent says goodbye quickly; a hub drains its requests.
const AGENT_STOP: Duration = Duration::from_secs(10);
const HUB_STOP: Duration = Duration::from_secs(30);
/// From its start to its announcement, migrations of the database included.
const HUB_START: Duration = Duration::from_secs(120);

pub async fn run(args: UpArgs) -> Result<()> {
    let folder = std::path::absolute(args.data.unwrap_or_else(data::hub_folder))?;
    refuse_second(&folder)?;
    refuse_busy_ports(&listen_or_default(args.hub.listen.clone()))?;
    let mut stop = Stop::new()?;
    let mut hub = Child::new(Role::Hub, &folder, &args.hub);
    let announced = tokio::select! {
        announced = start_hub(&mut hub) => announced?,
        () = stop.asked() => return stop_all(&mut [&mut hub], &mut stop).await,
    };
    let mut agent = Child::new(Role::Agent, &folder.join("agent"), &args.hub);
    let mut home = Home::new(&folder);
    let started = tokio::select! {
        started = home.start_agent(&mut agent) => started,
        () = stop.asked() => return stop_all(&mut [&mut agent, &mut hub], &mut stop).await,
    };
    if let Err(error) = started {
        say(&format!("The agent of this host could not be started: {error:#}"));
    }
    welcome::print(&folder, &announced).await?;
    supervise(&mut hub, &mut agent, &mut home, &mut stop).await?;
    stop_all(&mut [&mut agent, &mut hub], &mut stop).await
}

/// TERM and INT.
struct Stop {
    term: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Names what runs on this data already.
fn refuse_second(folder: &Path) -> Result<()> {
    in_use::refuse_second_hub(folder)?;
    let agent = folder.join("agent");
    if data::is_locked(&agent) {
        let failure = Failure::new(Exit::Conflict, format!("an agent runs already on {}", agent.display()));
        return Err(failure.hint("stop it first, or use other data: --data DIR").into());
    }
    Ok(())
}

/// Names the port before the hub trips over it.
fn refuse_busy_ports(listen: &[SocketAddr]) -> Result<()> {
    for address in listen {
        let wildcard_v6 = address.is_ipv6() && address.ip().is_unspecified();
        // It would clash with our own IPv4 socket: std binds both families at once.
        if wildcard_v6 || address.port() == 0 {
            continue;
        }
        match TcpListener::bind(address) {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                return Err(in_use::busy_port(*address).into());
            }
            Err(error) => return Err(error).with_context(|| format!("cannot listen on {address}")),
            Ok(_) => {}
        }
    }
    Ok(())
}

async fn start_hub(hub: &mut Child) -> Result<Announcement> {
    hub.spawn(None)?;
    let failed = || Failure::new(Exit::Failed, "the hub did not start; what it said stands above");
    let line = tokio::time::timeout(HUB_START, hub.first_line()).await.map_err(|_| failed())?;
    let line = line?.ok_or_else(failed)?;
    serde_json::from_str(&line).context("the hub announced itself in a form that is not known")
}

/// How this host becomes a node of its own hub.
struct Home<'a> {
    folder: &'a Path,
    /// Made at need, and used until it has worked or grows old.
    token: Option<(JoinToken, Instant)>,
}

const TOKEN_LIFE: Duration = Duration::from_secs(3600);

impl<'a> Home<'a> {
    fn new(folder: &'a Path) -> Self {
        Self { folder, token: None }
    }

    /// Joins this host when it has not been, by the same start.
    async fn start_agent(&mut self, agent: &mut Child) -> Result<()> {
        if self.folder.join("agent/hub.json").exists() {
            return agent.spawn(None);
        }
        let token = match self.token.take() {
            Some((token, made)) if made.elapsed() < TOKEN_LIFE / 2 => (token, made),
            _ => (token_for_this_host(self.folder).await?, Instant::now()),
        };
        agent.spawn(Some(&token.0))?;
        self.token = Some(token);
        Ok(())
    }
}

async fn token_for_this_host(folder: &Path) -> Result<JoinToken> {
    let client = context::connect_local(folder).await?;
    let made: Value = client
        .hub("CreateJoinLine", json!({"Count": 1, "ExpiresInSeconds": TOKEN_LIFE.as_secs()}))
        .await?;
    let text = made["Token"].as_str().context("the hub made no token")?;
    let mut token: JoinToken = text.parse()?;
    // The agent of the hub's own host need not go over the network.
    let own = own_address(client.url());
    token.addresses.retain(|address| *address != own);
    token.addresses.insert(0, own);
    Ok(token)
}

fn own_address(url: &HubUrl) -> String {
    match url.host.contains(':') {
        true => format!("[{}]:{}", url.host, url.port),
        false => format!("{}:{}", url.host, url.port),
    }
}

/// Until we are asked to stop: a child that ends is started again, later and later.
async fn supervise(hub: &mut Child, agent: &mut Child, home: &mut Home<'_>, stop: &mut Stop) -> Result<()> {
    loop {
        tokio::select! {
            () = stop.asked() => return Ok(()),
            () = hub.ended_and_due() => hub.spawn(None)?,
            () = agent.ended_and_due() => if let Err(error) = home.start_agent(agent).await {
                say(&format!("The agent could not be started: {error:#}"));
                agent.postpone();
            },
        }
    }
}

/// In the order given: the agent says goodbye to a hub that is still there. A second signal kills.
async fn stop_all(children: &mut [&mut Child], stop: &mut Stop) -> Result<()> {
    say("Stopping …");
    for child in children.iter_mut() {
        let limit = match child.role() {
            Role::Agent => AGENT_STOP,
            Role::Hub => HUB_STOP,
        };
        tokio::select! {
            () = child.stop(limit) => {}
            () = stop.asked() => break,
        }
    }
    for child in children.iter_mut() {
        child.kill().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_named() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let error = refuse_busy_ports(&[address]).unwrap_err();
        assert!(error.to_string().contains(&format!("port {} is busy", address.port())));
        drop(held);
        assert!(refuse_busy_ports(&[address]).is_ok());
    }

    #[test]
    fn locked_data_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refuse_second(folder.path()).is_ok());
        std::fs::create_dir(folder.path().join("agent")).unwrap();
        let lock = std::fs::File::create(folder.path().join("agent/lock")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        let error = refuse_second(folder.path()).unwrap_err();
        assert!(error.to_string().contains("an agent runs already on"));
    }
}
