//! `roadstead up`: a hub and an agent on this host, as the calling user, until Ctrl-C.
//!
//! It supervises two children of its own program and does nothing else: a second `up` on the same data finds the same hub
//! and the same node. Each child leads a process group of its own, so that Ctrl-C reaches them through us, in order; when
//! we die in any way the kernel ends them.
//!
//! ```text
//! hub:   starting ──announced──► running ──ended──► back-off ──► starting
//! agent:  (after the hub) a node of it? no ──► a join line for it ──► starting …
//! ```

mod child;
mod welcome;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::base::id::NodeId;
use crate::cli::client::CallError;
use crate::cli::data::{self, LocalHub};
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::say;
use crate::cli::serve::{self, Announcement, HubArgs, listen_or_default};
use crate::cli::up::child::{Child, Role, Way};
use crate::cli::url::HubUrl;
use crate::cli::{context, in_use};
use crate::hub::front;
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
    // What the children would refuse is refused here, by its own exit code.
    serve::log_filter()?;
    refuse_second(&folder)?;
    refuse_busy_ports(&listen_or_default(args.hub.listen.clone()))?;
    let mut stop = Stop::new()?;
    let mut hub = Child::new(Role::Hub, &folder, &args.hub);
    let announced = tokio::select! {
        announced = start_hub(&mut hub) => announced?,
        () = stop.asked() => return stop_all(&mut [&mut hub], &mut stop).await,
    };
    let mut agent = Child::new(Role::Agent, &folder.join("agent"), &args.hub);
    let mut home = Home::new(&folder, announced.addresses.clone());
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

/// Names the port before the hub trips over it, by listening as the hub will.
fn refuse_busy_ports(listen: &[SocketAddr]) -> Result<()> {
    front::listen(listen).map(drop).map_err(|error| in_use::explain(error.into()))
}

async fn start_hub(hub: &mut Child) -> Result<Announcement> {
    hub.spawn(&Way::default())?;
    let failed = || Failure::new(Exit::Failed, "the hub did not start; what it said stands above");
    let line = tokio::time::timeout(HUB_START, hub.first_line()).await.map_err(|_| failed())?;
    let line = line?.ok_or_else(failed)?;
    serde_json::from_str(&line).context("the hub announced itself in a form that is not known")
}

/// How this host becomes a node of its own hub.
struct Home<'a> {
    folder: &'a Path,
    /// Where others reach the hub.
    advertised: Vec<String>,
    /// Made at need, and used until it has worked or grows old.
    token: Option<(JoinToken, Instant)>,
}

const TOKEN_LIFE: Duration = Duration::from_secs(3600);

impl<'a> Home<'a> {
    fn new(folder: &'a Path, advertised: Vec<String>) -> Self {
        let token = None;
        Self { folder, advertised, token }
    }

    /// Joins this host when it is no node of the hub, by the same start. Where the hub is now it may never have been before.
    async fn start_agent(&mut self, agent: &mut Child) -> Result<()> {
        let addresses = self.addresses()?;
        if self.is_joined().await {
            return agent.spawn(&Way { join: None, addresses });
        }
        let token = match self.token.take() {
            Some((token, made)) if made.elapsed() < TOKEN_LIFE / 2 => (token, made),
            _ => (token_for_this_host(self.folder).await?, Instant::now()),
        };
        let join = Some(token.0.clone());
        self.token = Some(token);
        agent.spawn(&Way { join, addresses })
    }

    /// Its own host first: the agent need not go over the network.
    fn addresses(&self) -> Result<Vec<String>> {
        let local = LocalHub::read(self.folder).context("the hub has not noted how it is reached")?;
        let url: HubUrl = local.url.parse().map_err(Failure::usage)?;
        let own = own_address(&url);
        let others = self.advertised.iter().filter(|address| **address != own).cloned();
        Ok(std::iter::once(own.clone()).chain(others).collect())
    }

    /// Whether the agent was let in once and the node was not removed since. Where the hub cannot be asked now, the agent asks it later.
    async fn is_joined(&self) -> bool {
        let Some(node) = noted_node(self.folder) else {
            return false;
        };
        let Ok(client) = context::connect_local(self.folder).await else {
            return true;
        };
        let found = client.hub::<Value>("DescribeNode", json!({"NodeId": node})).await;
        let code = found.as_ref().err().and_then(CallError::code);
        code.map(Exit::of_api_code) != Some(Exit::NotFound)
    }
}

#[derive(Deserialize)]
struct Note {
    node_id: NodeId,
}

/// As which node the agent was let in last.
fn noted_node(folder: &Path) -> Option<NodeId> {
    let text = std::fs::read(folder.join("agent/hub.json")).ok()?;
    serde_json::from_slice::<Note>(&text).ok().map(|note| note.node_id)
}

async fn token_for_this_host(folder: &Path) -> Result<JoinToken> {
    let client = context::connect_local(folder).await?;
    let made: Value = client
        .hub("CreateJoinLine", json!({"Count": 1, "ExpiresInSeconds": TOKEN_LIFE.as_secs()}))
        .await?;
    let text = made["Token"].as_str().context("the hub made no token")?;
    Ok(text.parse()?)
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
            () = hub.ended_and_due() => hub.spawn(&Way::default())?,
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

    #[tokio::test]
    async fn a_busy_port_is_named() {
        for any in ["127.0.0.1:0", "[::]:0"] {
            let Ok(held) = front::listen(&[any.parse().unwrap()]) else {
                continue;
            };
            let address = held[0].local_addr().unwrap();
            let error = refuse_busy_ports(&[address]).unwrap_err();
            assert!(error.to_string().contains(&format!("port {} is busy", address.port())));
            assert_eq!(crate::cli::failure::explain(&error).0, Exit::Conflict.code());
            drop(held);
            assert!(refuse_busy_ports(&[address]).is_ok());
        }
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
