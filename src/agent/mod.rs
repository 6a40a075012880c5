//! The agent: it calls home, runs what the hub asks for, keeps shells, and forgets nothing before the hub has it.
//!
//! Reading order: [`core`] (the state machine), [`journal`] (its memory), [`executor`] with [`plugins`], [`zygote`] and [`step_host`]
//! (how a run becomes processes), [`spool`] (where output lies), [`session`] (shells), [`gather`] (what it says of its node), [`secrets`] and [`objects`] (what runs need of the hub, asked for at a [`desk`]),
//! [`home`] with [`identity`] (the line to the hub), [`lock`] (what this node's owner forbids) and [`approvals`] (what he wants an operator to sign). This file ties them together for a real node.
//!
//! A data directory belongs to one agent at a time: it holds `lock`. Whoever takes the lock after an agent that died knows that
//! the zygote of that one is gone too and that each step host it started has left its mark (see [`zygote`]).

pub mod approvals;
pub mod core;
#[cfg(test)]
mod crash_tests;
pub mod desk;
pub mod executor;
pub mod gather;
pub mod home;
pub mod identity;
pub mod inline;
pub mod journal;
pub mod lock;
pub mod objects;
pub mod parameters;
pub mod plugins;
pub mod secrets;
pub mod session;
pub mod spool;
pub mod step_host;
#[cfg(test)]
mod tests;
pub mod witness;
pub mod zygote;

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::base::Clock;
use crate::base::id::{CommandId, NodeId, SessionId};
use crate::platform::files::{Directory, LockError, LockFile};
use crate::platform::http2::KeepAlive;
use crate::platform::{memory, processes};
use crate::wire::audit::SignedHead;
use crate::wire::control::{ToAgent, ToHub};
use crate::wire::node::NodeFacts;
use crate::wire::objects::{FileFor, StepObjects};
use crate::wire::parameters::{RunSecrets, Values};
use crate::wire::run::{OutputQuery, Report};
use crate::wire::session::Frame;
use crate::wire::token::JoinToken;
use crate::wire::warrant::Terms;
use core::{Agent, Executor as _, OutputBody, Parts};
use executor::NodeExecutor;
use home::{Duties, FileBody, Home, HomeError};
use journal::{FileStore, Journal};
use lock::NodeLock;
use objects::ObjectsDesk;
use parameters::NodeParameters;
use secrets::SecretsDesk;
use session::Sessions;
use witness::{Seen, Witness};
use zygote::{Spawner, Zygote};

/// How long the last hosts of an agent that died may take to leave their marks.
const SETTLE_LIMIT: Duration = Duration::from_secs(5);
const SETTLE_LOOK: Duration = Duration::from_millis(10);
/// How long a killed agent may take to be gone; one that still holds the lock then is alive.
const DYING: Duration = Duration::from_millis(500);
/// How often unused memory is given back: what wakes an idle agent are the line's pings, every 15 s.
const TRIM_EVERY: Duration = Duration::from_secs(5);
/// The first time, when a start that went well is over.
const FIRST_TRIM: Duration = Duration::from_secs(1);
/// The facts are read again after so many rounds, five minutes. A change is rare, and the next `Hello` has it anyway.
const FACTS_ROUNDS: u32 = 60;
/// Threads for files at once; more than that waits, so that memory stays small.
const FILE_THREADS: usize = 16;

/// Where the agent's data lies, and the token when it shall join.
pub struct AgentConfig {
    pub data: PathBuf,
    pub join: Option<JoinToken>,
    /// `host:port` of the hub, when it is known better than the agent's note has it; else empty.
    pub hub: Vec<String>,
    /// How long the hub may be silent before it is asked, and then again before the line is given up; the usual times if unset.
    pub keep_alive: Option<Duration>,
}

/// Why an agent ends by itself.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error("the agent's data directory `{}` cannot be used", .0.display())]
    Data(PathBuf, #[source] io::Error),
    #[error("an agent runs already on `{}`: process {pid}", .data.display())]
    InUse { data: PathBuf, pid: u32 },
    #[error("the agent's journal cannot be used")]
    Journal(#[source] io::Error),
    #[error("the process that starts commands cannot be used")]
    Zygote(#[source] io::Error),
    #[error("the process that starts commands was lost, and the agent could not start itself again")]
    Restart(#[source] io::Error),
    #[error(transparent)]
    Home(#[from] HomeError),
}

impl AgentError {
    /// Whether starting again on the same data can never help: the hub has refused this agent, or it never joined one.
    pub fn is_final(&self) -> bool {
        use HomeError::{ActivationInvalid, AlreadyJoined, NotJoined, OtherHub, OtherNode, Rejected, UnknownKey};
        matches!(
            self,
            Self::Home(
                NotJoined
                    | Rejected { .. }
                    | OtherHub { .. }
                    | UnknownKey { .. }
                    | ActivationInvalid { .. }
                    | AlreadyJoined { .. }
                    | OtherNode { .. }
            )
        )
    }
}

/// A runtime for [`run`]: one thread, and few and small ones for files.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    // One arena for all threads: an agent allocates little, and every further arena costs memory for as long as it lives.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(FILE_THREADS)
        .thread_stack_size(512 * 1024)
        .build()
}

/// Runs the agent until `shutdown`, or until it can be of no use any more.
pub async fn run(config: AgentConfig, zygote: Zygote, shutdown: CancellationToken) -> Result<(), AgentError> {
    // After starting itself again it would be called as the link it was started by.
    let _ = rustix::thread::set_name(c"roadstead");
    let data = std::path::absolute(&config.data).map_err(|error| AgentError::Data(config.data.clone(), error))?;
    // What blocks here blocks nobody: nothing else runs yet.
    let directory = Directory::create_private(&data).map_err(|error| AgentError::Data(data.clone(), error))?;
    let lock = settled_lock(&directory, &data).await?;
    let mut home = Home::open(&data, config.join)?;
    if !config.hub.is_empty() {
        home.reach_at(config.hub);
    }
    if let Some(silence) = config.keep_alive {
        home.timing.keep_alive = KeepAlive {
            idle: silence,
            timeout: silence,
        };
    }
    let witness = Witness::open(&data);
    let parameters = NodeParameters::open(data.clone(), home.identity().seed());
    let spawner = Spawner::new(zygote, Some(lock.as_fd())).map_err(AgentError::Zygote)?;
    let lock = NodeLock::of(&data);
    let (secrets, objects) = (SecretsDesk::default(), ObjectsDesk::default());
    let executor = NodeExecutor::open(&data, spawner, plugins::Limits::default(), lock.clone())
        .map_err(|error| AgentError::Data(data, error))?
        .asking(secrets.clone(), objects.clone());
    let store = FileStore::open(&directory, "journal", journal::SLOTS).map_err(AgentError::Journal)?;
    let (agent, mut outgoing) = Agent::new(Parts {
        executor,
        journal: Journal::open(store).map_err(AgentError::Journal)?,
        sessions: Sessions::default(),
        clock: Clock::system(),
        boot: boot(),
    });
    // What goes on before the hub is reached must know it too: scripts are told, and operators' signatures name it.
    if let Some(node) = home.node() {
        agent.executor().node_is(node);
    }
    agent.recover();
    let duties = Arc::new(NodeDuties {
        agent: agent.clone(),
        witness,
        lock: lock.clone(),
        parameters: parameters.clone(),
        secrets: secrets.clone(),
        objects: objects.clone(),
    });
    let served = tokio::select! {
        served = home::run(duties, &mut home, &mut outgoing, &shutdown) => served.map_err(AgentError::Home),
        () = agent.executor().lost() => Ok(()),
        never = look_after(&agent, &lock) => match never {},
        never = parameters.run() => match never {},
        never = tell_of_parameters(&agent, &parameters) => match never {},
        never = ask_for_secrets(&agent, &secrets) => match never {},
        never = ask_for_objects(&agent, &objects) => match never {},
    };
    agent.stop().await;
    if served.is_ok() && !shutdown.is_cancelled() {
        return Err(start_again());
    }
    served
}

/// The lock of the data directory, when no step host of an agent that died is on its way any more.
async fn settled_lock(directory: &Directory, data: &Path) -> Result<LockFile, AgentError> {
    let begun = tokio::time::Instant::now();
    loop {
        let pid = match LockFile::take(directory, "lock") {
            Ok(lock) => return Ok(lock),
            Err(LockError::Held(pid)) => pid,
            Err(LockError::Io(error)) => return Err(AgentError::Data(data.to_owned(), error)),
        };
        // This process itself is named after it has started itself again.
        let is_alive = pid != std::process::id() && processes::process(pid as i32).is_some_and(|p| p.state != b'Z');
        if begun.elapsed() >= if is_alive { DYING } else { SETTLE_LIMIT } {
            let data = data.to_owned();
            return Err(AgentError::InUse { data, pid });
        }
        tokio::time::sleep(SETTLE_LOOK).await;
    }
}

/// The zygote can be forked only from a process that has nothing else: this one becomes a new one, with the same pid.
fn start_again() -> AgentError {
    tracing::warn!("the process that starts commands was lost; the agent starts itself again");
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    // By this path also when the file was replaced by an upgrade meanwhile.
    let error = std::process::Command::new("/proc/self/exe").arg0(name).args(arguments).exec();
    AgentError::Restart(error)
}

fn boot() -> journal::BootId {
    let id = uuid::Uuid::parse_str(&step_host::boot_id());
    id.map_or_else(|_| Default::default(), uuid::Uuid::into_bytes)
}

async fn facts(lock: &NodeLock) -> NodeFacts {
    let facts = tokio::task::spawn_blocking(gather::facts::node_facts).await.unwrap_or_default();
    NodeFacts {
        lock: lock.standing().facts(),
        ..facts
    }
}

/// What is rare: files of forgotten runs go, the facts are sent when they have changed, unused memory is given back.
async fn look_after(agent: &NodeAgent, lock: &NodeLock) -> std::convert::Infallible {
    let known = agent.clone();
    agent.executor().tidy(move |run| known.knows(run)).await;
    let mut told = facts(lock).await;
    let mut trimmer = memory::Trimmer::default();
    let mut rounds = 0u32;
    tokio::time::sleep(FIRST_TRIM).await;
    trimmer.trim();
    loop {
        tokio::time::sleep(TRIM_EVERY).await;
        trimmer.trim_idle();
        rounds += 1;
        let is_locked_anew = lock.standing().facts() != told.lock;
        if is_locked_anew || rounds.is_multiple_of(FACTS_ROUNDS) {
            let now = facts(lock).await;
            if now != told {
                agent.send(ToHub::Facts(now.clone())).await;
                told = now;
            }
        }
    }
}

/// What changes of parameters here is told to the hub without waiting for the next connection.
async fn tell_of_parameters(agent: &NodeAgent, parameters: &NodeParameters) -> std::convert::Infallible {
    let mut told = parameters.told();
    loop {
        let news = parameters.news(&mut told).await;
        agent.send(news).await;
    }
}

/// Runs that wait for secrets are told to the hub.
async fn ask_for_secrets(agent: &NodeAgent, desk: &SecretsDesk) -> std::convert::Infallible {
    loop {
        let run = desk.next().await;
        agent.send(ToHub::WantSecrets { run }).await;
    }
}

/// Steps that wait for objects are told to the hub.
async fn ask_for_objects(agent: &NodeAgent, desk: &ObjectsDesk) -> std::convert::Infallible {
    loop {
        let (run, step) = desk.next().await;
        agent.send(ToHub::WantObjects { run, step }).await;
    }
}

type NodeAgent = Agent<NodeExecutor, FileStore>;

/// A real node's agent, as the line to the hub sees it.
struct NodeDuties {
    agent: NodeAgent,
    witness: Witness,
    lock: NodeLock,
    parameters: NodeParameters,
    secrets: SecretsDesk,
    objects: ObjectsDesk,
}

impl NodeDuties {
    /// The hub's audit log is to be kept in mind; when it says something else than before, the hub is shown what it said.
    async fn witness(&self, head: SignedHead) {
        let seq = head.seq;
        match self.witness.see(head).await {
            Seen::Newer | Seen::Same => {}
            Seen::Forged => tracing::warn!(seq, "the hub gave a head of its audit log whose signature does not fit"),
            Seen::Contradicts(kept) => {
                tracing::warn!(
                    seq,
                    kept = kept.seq,
                    "the hub's audit log is not the one of which this node keeps a head"
                );
                self.agent.send(ToHub::AuditHead(kept)).await;
            }
        }
    }
}

impl Duties for NodeDuties {
    async fn facts(&self) -> NodeFacts {
        facts(&self.lock).await
    }

    fn running(&self) -> Vec<CommandId> {
        self.agent.running()
    }

    fn shells(&self) -> Option<Vec<SessionId>> {
        Some(self.agent.shells())
    }

    async fn connected(&self, node: &NodeId, hub_now_ms: i64) {
        self.agent.connected(node, hub_now_ms);
        if let Some(kept) = self.witness.kept() {
            self.agent.send(ToHub::AuditHead(kept)).await;
        }
        for frame in self.parameters.introduction() {
            self.agent.send(frame).await;
        }
        self.secrets.ask_again();
        self.objects.ask_again();
    }

    fn obey(&self, node: &NodeId, terms: Terms) {
        self.agent.obey(node, terms);
    }

    async fn deliver(&self, frame: ToAgent) {
        match frame {
            ToAgent::AuditHead(head) => self.witness(head).await,
            frame => self.agent.deliver(frame).await,
        }
    }

    async fn output(&self, query: OutputQuery) -> Option<OutputBody> {
        self.agent.output(query).await
    }

    async fn progress(&self, run: &CommandId) -> Option<Report> {
        self.agent.progress(run).await
    }

    async fn parameters(&self, values: Values) -> io::Result<()> {
        self.parameters.take(values).await
    }

    fn secrets(&self, answer: RunSecrets) {
        secrets::take(&self.secrets, answer);
    }

    fn objects(&self, answer: StepObjects) {
        objects::take(&self.objects, answer);
    }

    async fn file(&self, meant: FileFor, body: FileBody<'_>) -> Result<(), String> {
        objects::receive(&self.objects, self.agent.executor().runs(), meant, body).await
    }

    async fn session(&self, from_hub: mpsc::Receiver<Frame>, to_hub: mpsc::Sender<Frame>) {
        self.agent.session(from_hub, to_hub).await;
    }
}
