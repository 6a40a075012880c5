//! How far shares have come whose documents have several steps.
//!
//! A node reports when its whole run has ended. Whoever looks before that is shown what the node says now; of one that does not say
//! it soon, the first step is taken for the one that runs.
//!
//! *Source*: upstream's agent tells of each step when it is over.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::base::ApiResult;
use crate::base::id::{CommandId, NodeId};
use crate::hub::api::{Cx, Services};
use crate::hub::capabilities::commands::rows::{self, Invocation};
use crate::hub::capabilities::commands::state::State;
use crate::hub::capabilities::commands::{plugins, pull};
use crate::hub::store::{StoreError, Tx};
use crate::wire::run::{OutputQuery, ProgressQuery, Report, StreamName};

/// For a node to say how far it is: nobody who looks waits longer.
const PATIENCE: Duration = Duration::from_secs(3);

type Share = (CommandId, NodeId);

/// What nodes say of their shares.
#[derive(Default)]
pub struct SoFar(HashMap<Share, Report>);

impl SoFar {
    pub fn of(&self, invocation: &Invocation) -> Option<&Report> {
        self.0.get(&share(invocation))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn share(invocation: &Invocation) -> Share {
    (invocation.command_id.clone(), invocation.node_id.clone())
}

/// Whether its steps may stand apart.
pub fn is_under_way(invocation: &Invocation) -> bool {
    matches!(invocation.state, State::InProgress | State::Cancelling)
}

/// Asks the nodes of those shares that are under way.
pub async fn ask(cx: &Cx, shares: &[Invocation]) -> ApiResult<SoFar> {
    let open: Vec<Share> = shares.iter().filter(|one| is_under_way(one)).map(share).collect();
    if open.is_empty() {
        return Ok(SoFar::default());
    }
    let open = cx.read(move |tx| Ok(with_steps(tx, open)?)).await?;
    let told = join_all(open.into_iter().map(|share| progress(&cx.services, share))).await;
    Ok(SoFar(told.into_iter().flatten().collect()))
}

/// Those whose documents have more than one step; of one step the share says all.
fn with_steps(tx: &Tx<'_>, shares: Vec<Share>) -> Result<Vec<Share>, StoreError> {
    let mut known: HashMap<CommandId, usize> = HashMap::new();
    let mut found = Vec::new();
    for share in shares {
        let steps = match known.get(&share.0) {
            Some(steps) => *steps,
            None => match rows::sql::command(tx, &share.0)? {
                Some(command) => plugins::planned(tx, &command)?.len(),
                None => 0,
            },
        };
        known.insert(share.0.clone(), steps);
        if steps > 1 {
            found.push(share);
        }
    }
    Ok(found)
}

async fn progress(services: &Services, (run, node): Share) -> Option<(Share, Report)> {
    let query = ProgressQuery { run: run.clone() };
    let told = timeout(PATIENCE, services.link().progress(&node, query)).await.ok()?.ok()?;
    (told.run == run).then_some(((run, node), told))
}

/// The same for one share, with as much of what these steps wrote as upstream's members carry.
pub async fn ask_one(cx: &Cx, invocation: &Invocation, steps: &[i64], bytes: usize) -> ApiResult<SoFar> {
    let mut so_far = ask(cx, std::slice::from_ref(invocation)).await?;
    if let Some(report) = so_far.0.get_mut(&share(invocation)) {
        for position in steps {
            fill(&cx.services, &invocation.node_id, report, *position, bytes).await;
        }
    }
    Ok(so_far)
}

/// Fetches the beginning of a step's output beyond what the node said; what cannot be had now stays shorter.
async fn fill(services: &Services, node: &NodeId, report: &mut Report, position: i64, bytes: usize) {
    let run = report.run.clone();
    let step = usize::try_from(position).ok().and_then(|position| report.steps.get_mut(position));
    let Some(step) = step else { return };
    for (stream, output) in [(StreamName::Stdout, &mut step.stdout), (StreamName::Stderr, &mut step.stderr)] {
        let query = OutputQuery::beginning(run.clone(), position as u32, stream);
        let _ = timeout(PATIENCE, pull::fill(services, node, query, output, bytes)).await;
    }
}
