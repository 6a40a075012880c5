//! The promise of the journal and the core together: whatever is cut off wherever, no run begins twice and every run gets a
//! verdict. Disk, processes and hub are models; the core and the journal are the real ones.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use proptest::prelude::*;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::agent::core::{Agent, Executor, Order, OutputBody, Parts, Refused};
use crate::agent::journal::{Journal, JournalStore, RECORD_BYTES, RecordBytes, Sync, Write};
use crate::agent::session::Sessions;
use crate::agent::tests::{signed, terms};
use crate::base::id::{CommandId, NodeId};
use crate::base::{Clock, Timestamp};
use crate::platform::files::Durability;
use crate::wire::control::{ToAgent, ToHub};
use crate::wire::run::{Outcome, Output, OutputQuery, Report, Run, StepReport, Work};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trace {
    Running,
    Ended,
}

/// What exists outside of the agent's process.
#[derive(Default)]
struct World {
    durable: HashMap<u32, RecordBytes>,
    cached: Vec<Write>,
    kept: HashMap<CommandId, (Run, Durability)>,
    traces: HashMap<CommandId, Trace>,
    reports: HashMap<CommandId, Report>,
    begun: BTreeMap<CommandId, u32>,
    boot: u8,
    /// Steps until the cut.
    fuel: u32,
    random: u64,
}

impl World {
    fn chance(&mut self, of: u64) -> u64 {
        // xorshift: reproducible from the test case's seed.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % of
    }

    fn record_at(&self, position: u32) -> RecordBytes {
        let cached = self
            .cached
            .iter()
            .rev()
            .find(|write| write.position == position)
            .map(|write| write.bytes);
        cached.or_else(|| self.durable.get(&position).copied()).unwrap_or([0; RECORD_BYTES])
    }

    fn flush(&mut self) {
        for write in std::mem::take(&mut self.cached) {
            self.durable.insert(write.position, write.bytes);
        }
    }

    /// kill -9: what was written stays; commands go on.
    fn kill(&mut self) {
        let runs: Vec<CommandId> = self.traces.keys().cloned().collect();
        for run in runs {
            if self.chance(2) == 0 {
                self.traces.insert(run, Trace::Ended);
            }
        }
    }

    /// Power cut: what was not synced may be there, not be there, or be there in part.
    fn cut_power(&mut self) {
        for write in std::mem::take(&mut self.cached) {
            let mut bytes = self.record_at(write.position);
            let there = match self.chance(3) {
                0 => 0,
                1 => RECORD_BYTES,
                _ => self.chance(RECORD_BYTES as u64) as usize,
            };
            bytes[..there].copy_from_slice(&write.bytes[..there]);
            self.durable.insert(write.position, bytes);
        }
        self.kept.retain(|_, (_, durability)| *durability == Durability::Synced);
        self.traces.clear();
        self.reports.clear();
        self.boot += 1;
    }
}

/// The world as store and executor see it; when the fuel is used up nothing ever returns.
#[derive(Clone)]
struct Shared {
    world: Arc<Mutex<World>>,
    cut: Arc<Notify>,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    async fn step(&self) {
        let (is_cut, yields) = {
            let mut world = self.world();
            let is_cut = world.fuel == 0;
            world.fuel = world.fuel.saturating_sub(1);
            (is_cut, world.chance(4))
        };
        if is_cut {
            self.cut.notify_one();
            std::future::pending::<()>().await;
        }
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
    }
}

const SLOTS: u32 = 16;

impl JournalStore for Shared {
    fn slots(&self) -> u32 {
        SLOTS
    }

    fn load(&mut self, see: &mut dyn FnMut(u32, &RecordBytes)) -> io::Result<()> {
        let mut world = self.world();
        world.flush();
        (0..SLOTS * 2).for_each(|position| see(position, &world.record_at(position)));
        Ok(())
    }

    async fn write(&self, write: Write, sync: Sync) -> io::Result<()> {
        self.step().await;
        self.world().cached.push(write);
        self.step().await;
        if sync == Sync::Now {
            self.world().flush();
            self.step().await;
        }
        Ok(())
    }
}

impl Executor for Shared {
    fn check(&self, _: &Run, _: Timestamp) -> Result<(), Refused> {
        Ok(())
    }

    async fn keep(&self, run: &Run, durability: Durability, _: Timestamp) -> io::Result<()> {
        self.step().await;
        self.world().kept.insert(run.id.clone(), (run.clone(), durability));
        self.step().await;
        Ok(())
    }

    async fn execute(&self, order: Order, _: CancellationToken) -> Report {
        self.step().await;
        let (run, trusted) = match order {
            Order::Fresh(run) => (run.id, true),
            Order::Kept { run, same_boot } if self.world().kept.contains_key(&run) => (run, same_boot),
            Order::Kept { run, .. } => return told(&run, Outcome::Interrupted),
        };
        let trace = self.world().traces.get(&run).copied();
        if trace.is_none() && !trusted {
            return told(&run, Outcome::Interrupted);
        }
        if trace.is_none() {
            let mut world = self.world();
            *world.begun.entry(run.clone()).or_default() += 1;
            world.traces.insert(run.clone(), Trace::Running);
        }
        self.step().await;
        self.world().traces.insert(run.clone(), Trace::Ended);
        let report = told(&run, Outcome::Success);
        self.step().await;
        self.world().reports.insert(run.clone(), report.clone());
        report
    }

    async fn report(&self, run: &CommandId) -> Option<Report> {
        self.step().await;
        self.world().reports.get(run).cloned()
    }

    async fn output(&self, _: OutputQuery) -> Option<OutputBody> {
        None
    }

    async fn release(&self, run: &CommandId) {
        self.step().await;
        let mut world = self.world();
        world.kept.remove(run);
        world.reports.remove(run);
        world.traces.remove(run);
    }

    fn node_is(&self, _: &NodeId) {}
}

fn told(run: &CommandId, outcome: Outcome) -> Report {
    let step = StepReport {
        name: String::new(),
        action: String::new(),
        outcome,
        exit_code: (outcome == Outcome::Success).then_some(0),
        message: String::new(),
        started_at_ms: 0,
        ended_at_ms: 0,
        stdout: Output::default(),
        stderr: Output::default(),
    };
    Report {
        run: run.clone(),
        steps: vec![step],
    }
}

/// The hub's side: it sends again whatever has no verdict, and acknowledges reports.
struct Hub {
    runs: Vec<Run>,
    verdicts: BTreeMap<CommandId, Outcome>,
    to_cancel: BTreeSet<CommandId>,
}

impl Hub {
    fn new(count: usize, cancelled: usize) -> Self {
        let run = |_| Run {
            id: CommandId::random(),
            start_before_ms: 1000,
            work: Work::default(),
        };
        let runs: Vec<Run> = (0..count).map(run).collect();
        let to_cancel = runs.iter().take(cancelled).map(|run| run.id.clone()).collect();
        Self {
            runs,
            verdicts: BTreeMap::new(),
            to_cancel,
        }
    }

    async fn greet(&self, agent: &Agent<Shared, Shared>) {
        agent.connected(&"mi-0123456789abcdef0".parse().unwrap(), 0);
        let running: BTreeSet<CommandId> = agent.running().into_iter().collect();
        for run in self.runs.iter().filter(|run| !self.verdicts.contains_key(&run.id)) {
            if !running.contains(&run.id) {
                agent.deliver(signed(run)).await;
            }
            if self.to_cancel.contains(&run.id) {
                agent.deliver(ToAgent::Cancel { run: run.id.clone() }).await;
            }
        }
    }

    async fn listen(&mut self, agent: &Agent<Shared, Shared>, frames: &mut mpsc::Receiver<ToHub>) {
        while self.verdicts.len() < self.runs.len() {
            if let Some(ToHub::Report(report)) = frames.recv().await {
                let outcome = report.steps[0].outcome;
                // The first verdict is final.
                self.verdicts.entry(report.run.clone()).or_insert(outcome);
                agent.deliver(ToAgent::ReportStored { run: report.run.clone() }).await;
                agent.deliver(ToAgent::Release { run: report.run }).await;
            }
        }
    }
}

/// One life of the agent, until the cut or until every run has its verdict.
fn live(world: &Arc<Mutex<World>>, hub: &mut Hub) {
    let shared = Shared {
        world: world.clone(),
        cut: Arc::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let boot = [shared.world().boot; 16];
        let (agent, mut frames) = Agent::new(Parts {
            executor: shared.clone(),
            journal: Journal::open(shared.clone()).unwrap(),
            sessions: Sessions::default(),
            clock: Clock::manual(Timestamp::from_millis(0)),
            boot,
        });
        agent.obey(&"mi-0123456789abcdef0".parse().unwrap(), terms());
        agent.recover();
        let talk = async {
            hub.greet(&agent).await;
            hub.listen(&agent, &mut frames).await;
        };
        tokio::select! {
            () = talk => {}
            () = shared.cut.notified() => {}
        }
    });
    // Dropping the runtime drops every task where it stands.
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_run_begins_twice_and_every_run_gets_a_verdict(
        seed in 1u64..,
        count in 1usize..6,
        cancelled in 0usize..3,
        cuts in proptest::collection::vec((0u32..60, any::<bool>()), 0..6),
    ) {
        let world = Arc::new(Mutex::new(World { random: seed, ..World::default() }));
        let mut hub = Hub::new(count, cancelled);
        for (fuel, is_power_cut) in cuts {
            world.lock().unwrap().fuel = fuel;
            live(&world, &mut hub);
            let mut world = world.lock().unwrap();
            if is_power_cut { world.cut_power() } else { world.kill() }
        }
        world.lock().unwrap().fuel = u32::MAX;
        live(&world, &mut hub);
        let world = world.lock().unwrap();
        prop_assert_eq!(hub.verdicts.len(), count);
        for run in &hub.runs {
            let begun = world.begun.get(&run.id).copied().unwrap_or(0);
            prop_assert!(begun <= 1, "begun {} times", begun);
            if hub.verdicts[&run.id] == Outcome::Success {
                prop_assert_eq!(begun, 1);
            }
        }
    }
}
