//! One simulated agent: the real way home, the real state machine, nothing on disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use roadstead::agent::core::{Agent, Parts};
use roadstead::agent::home::{self, Duties, Home, HomeError, OutputBody};
use roadstead::agent::identity::Identity;
use roadstead::agent::journal::{Journal, MemoryStore};
use roadstead::agent::session::Sessions;
use roadstead::base::Clock;
use roadstead::base::id::{CommandId, NodeId, random_hex};
use roadstead::wire::control::{ToAgent, ToHub};
use roadstead::wire::node::NodeFacts;
use roadstead::wire::run::OutputQuery;
use roadstead::wire::session::{EndReason, Ended, Frame};
use roadstead::wire::token::JoinToken;
use roadstead::wire::warrant::Terms;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::counts::{Counts, one_less, one_more};
use crate::executor::{Behaviour, SimulatedExecutor};

/// Runs a simulated node remembers.
const JOURNAL_SLOTS: u32 = 256;

/// What all agents share.
pub struct Fleet {
    pub token: JoinToken,
    pub counts: Arc<Counts>,
    pub joins: Arc<Semaphore>,
    pub behaviour: Behaviour,
    pub shutdown: CancellationToken,
}

pub struct Node {
    duties: Arc<NodeDuties>,
    outgoing: mpsc::Receiver<ToHub>,
}

struct NodeDuties {
    fleet: Arc<Fleet>,
    agent: Agent<SimulatedExecutor, MemoryStore>,
    name: String,
    boot_id: String,
    is_connected: AtomicBool,
    has_joined: AtomicBool,
    /// Its place among those that join at the same time, until it has.
    joining: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Node {
    pub fn new(fleet: Arc<Fleet>, name: String) -> Self {
        let executor = SimulatedExecutor::new(fleet.behaviour, fleet.counts.clone(), &name);
        let parts = Parts {
            executor,
            journal: Journal::open(MemoryStore::new(JOURNAL_SLOTS)).expect("an empty memory store can be read"),
            sessions: Sessions::default(),
            clock: Clock::system(),
            boot: Default::default(),
        };
        let (agent, outgoing) = Agent::new(parts);
        let duties = Arc::new(NodeDuties {
            fleet,
            agent,
            name,
            boot_id: random_hex(32),
            is_connected: AtomicBool::new(false),
            has_joined: AtomicBool::new(false),
            joining: Mutex::default(),
        });
        Self { duties, outgoing }
    }

    /// Joins, then stays connected until the simulation ends, through every storm.
    pub async fn live(mut self, mut storm: watch::Receiver<u64>) {
        let fleet = self.duties.fleet.clone();
        let token = Some(fleet.token.clone());
        let mut home = Home::new(Identity::in_memory(), token).expect("a new identity goes with any token");
        let Some(Ok(place)) = fleet.shutdown.run_until_cancelled(fleet.joins.clone().acquire_owned()).await else {
            return;
        };
        self.duties.hold(Some(place));
        let ended = loop {
            tokio::select! {
                ended = home::run(self.duties.clone(), &mut home, &mut self.outgoing, &fleet.shutdown) => break ended,
                // The line is cut as by a fault of the network, and the agent finds its way back.
                Ok(()) = storm.changed() => self.duties.disconnected(),
            }
        };
        self.duties.hold(None);
        if let Err(error) = ended {
            self.duties.give_up(&error);
        }
    }
}

impl NodeDuties {
    fn hold(&self, place: Option<OwnedSemaphorePermit>) {
        *self.joining.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    fn give_up(&self, error: &HomeError) {
        if self.fleet.counts.refused.fetch_add(1, Ordering::Relaxed) == 0 {
            eprintln!("fleet_sim: {} gave up, maybe the first of many: {error}", self.name);
        }
    }
}

impl Duties for NodeDuties {
    async fn facts(&self) -> NodeFacts {
        NodeFacts {
            computer_name: self.name.clone(),
            machine_id: self.boot_id.clone(),
            boot_id: self.boot_id.clone(),
            platform_name: "Debian GNU/Linux".into(),
            platform_version: "12".into(),
            platform_id: "debian".into(),
            kernel: "6.1.0-simulated".into(),
            architecture: std::env::consts::ARCH.into(),
            agent_version: env!("CARGO_PKG_VERSION").into(),
            addresses: vec!["127.0.0.1".into()],
            booted_at_ms: Clock::system().now().millis(),
            cpu_count: 1,
            memory_bytes: 1 << 30,
            runs_as: "root".into(),
            ..NodeFacts::default()
        }
    }

    fn running(&self) -> Vec<CommandId> {
        self.agent.running()
    }

    async fn connected(&self, node: &NodeId, hub_now_ms: i64) {
        let counts = &self.fleet.counts;
        one_more(&counts.connects);
        if !self.is_connected.swap(true, Ordering::Relaxed) {
            one_more(&counts.connected);
        }
        if !self.has_joined.swap(true, Ordering::Relaxed) {
            one_more(&counts.joined);
        }
        self.hold(None);
        self.agent.connected(node, hub_now_ms);
    }

    fn disconnected(&self) {
        if self.is_connected.swap(false, Ordering::Relaxed) {
            one_less(&self.fleet.counts.connected);
        }
    }

    fn obey(&self, node: &NodeId, terms: Terms) {
        self.agent.obey(node, terms);
    }

    async fn deliver(&self, frame: ToAgent) {
        self.agent.deliver(frame).await;
    }

    async fn output(&self, query: OutputQuery) -> Option<OutputBody> {
        self.agent.output(query).await
    }

    async fn session(&self, _: mpsc::Receiver<Frame>, to_hub: mpsc::Sender<Frame>) {
        let ended = Ended {
            reason: EndReason::StartFailed,
            exit_code: None,
            message: "a simulated node has no shell".into(),
        };
        // When it cannot be sent there is nobody to tell.
        let _ = to_hub.send(Frame::Ended(ended)).await;
    }
}
