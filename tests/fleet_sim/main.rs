//! Many simulated agents in one process: the real link, codec and state machine, with executor and journal in memory.
//!
//! ```text
//! fleet_sim --hub 127.0.0.1:7400 --token rs1_… --agents 10000 [--prefix sim] [--latency-ms 20] [--fail-percent 1]
//!           [--distinct-output] [--storm-every 60] [--joins-at-once 64]
//! ```
//!
//! Runs until TERM or Ctrl-C, then every agent says goodbye. One line of JSON a second on standard output:
//! `connected` (now), `joined` (agents that have a node), `connects` (so far, storms included), `runs` and `failed` (executed so
//! far), `refused` (agents given up). The token's activation must allow as many nodes as there are agents
//! (`roadstead join-line --count N`).
//!
//! `fleet_sim --signing` measures what signed orders cost, and needs no hub.

mod counts;
mod executor;
mod node;
mod signing;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use roadstead::wire::token::JoinToken;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use counts::Counts;
use executor::Behaviour;
use node::{Fleet, Node};

/// Descriptors beside the agents' own: the runtime's, the standard ones, name resolution.
const SPARE_DESCRIPTORS: u64 = 256;
/// For the goodbyes of all agents.
const FAREWELL: Duration = Duration::from_secs(15);

#[derive(Parser)]
#[command(about = "Simulates many Roadstead agents in one process")]
struct Args {
    /// `host:port` of the hub; instead of the token's addresses.
    #[arg(long)]
    hub: Option<String>,
    #[arg(long, env = "ROADSTEAD_JOIN_TOKEN", hide_env_values = true)]
    token: JoinToken,
    #[arg(long)]
    agents: u32,
    /// Nodes are called PREFIX-00000, PREFIX-00001 …
    #[arg(long, default_value = "sim")]
    prefix: String,
    /// How long each run takes.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Share of runs that end with exit code 1.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    fail_percent: u8,
    /// Each node writes some hundred bytes of its own, one in a hundred a warning among them; all write the same otherwise.
    #[arg(long)]
    distinct_output: bool,
    /// All lines are cut at once, again and again, and the agents come back by themselves.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    storm_every: Option<u64>,
    /// Agents that join at the same time; coming back later is not limited.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    joins_at_once: u32,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("--signing") {
        signing::run();
        return ExitCode::SUCCESS;
    }
    let args = Args::parse();
    let wanted = std::env::var("RUST_LOG").ok().and_then(|text| text.parse().ok());
    let filter: Targets = wanted.unwrap_or_else(|| Targets::new().with_default(tracing::Level::ERROR));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(layer).init();
    if let Err(words) = raise_descriptor_limit(u64::from(args.agents) + SPARE_DESCRIPTORS) {
        eprintln!("fleet_sim: {words}");
        return ExitCode::FAILURE;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(simulate(args)),
        Err(e) => {
            eprintln!("fleet_sim: the runtime did not start: {e}");
            ExitCode::FAILURE
        }
    }
}

fn raise_descriptor_limit(wanted: u64) -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= wanted) {
        return Ok(());
    }
    let maximum = limit.maximum.map(|max| max.max(wanted));
    let raised = [maximum, limit.maximum].into_iter().any(|maximum| {
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(wanted),
                maximum,
            },
        )
        .is_ok()
    });
    let words = || {
        format!(
            "{wanted} open files are needed and {:?} are allowed; raise the hard limit with `ulimit -Hn`",
            limit.maximum
        )
    };
    raised.then_some(()).ok_or_else(words)
}

async fn simulate(args: Args) -> ExitCode {
    let counts = Arc::new(Counts::default());
    let shutdown = CancellationToken::new();
    let (storms, storm) = watch::channel(0u64);
    let fleet = Arc::new(Fleet {
        token: token(&args),
        counts: counts.clone(),
        joins: Arc::new(Semaphore::new(args.joins_at_once as usize)),
        behaviour: Behaviour {
            latency: Duration::from_millis(args.latency_ms),
            fail_percent: args.fail_percent,
            distinct_output: args.distinct_output,
        },
        shutdown: shutdown.clone(),
    });
    let nodes = TaskTracker::new();
    for index in 0..args.agents {
        let node = Node::new(fleet.clone(), format!("{}-{index:05}", args.prefix));
        nodes.spawn(node.live(storm.clone()));
    }
    nodes.close();
    let all_given_up = tokio::select! {
        () = nodes.wait() => true,
        () = report(&counts) => false,
        () = stir(args.storm_every, storms) => false,
        () = asked_to_stop() => false,
    };
    shutdown.cancel();
    let said = tokio::time::timeout(FAREWELL, nodes.wait()).await;
    println!("{}", counts.line());
    if said.is_err() {
        eprintln!("fleet_sim: not every agent could say goodbye");
    }
    if all_given_up { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn token(args: &Args) -> JoinToken {
    let mut token = args.token.clone();
    if let Some(hub) = &args.hub {
        token.addresses = vec![hub.clone()];
    }
    token
}

async fn report(counts: &Counts) {
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        second.tick().await;
        println!("{}", counts.line());
    }
}

/// Tells all agents to cut their lines, in the given period; never without one.
async fn stir(every: Option<u64>, storms: watch::Sender<u64>) {
    let Some(every) = every else { return std::future::pending().await };
    loop {
        tokio::time::sleep(Duration::from_secs(every)).await;
        storms.send_modify(|storm| *storm += 1);
    }
}

async fn asked_to_stop() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
