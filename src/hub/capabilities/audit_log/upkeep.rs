//! Each minute: repeated denials are written, the chain's end is signed, some agents are given the head to keep. Every agent
//! is given the newest one when it connects.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::base::ApiResult;
use crate::base::id::NodeId;
use crate::hub::api::{Reports, Services};
use crate::hub::audit::heads::{self, Check};
use crate::hub::jobs::Job;
use crate::hub::store::{StoreError, Tx};
use crate::wire::audit::SignedHead;
use crate::wire::control::{ToAgent, ToHub};

const MINUTE: Duration = Duration::from_secs(60);
/// Agents that are given each head, chosen anew each time: enough that nobody can reach them all, few enough not to matter.
const WITNESSES: usize = 16;
/// Every head is kept so long; then one an hour.
const ALL_HEADS: Duration = Duration::from_secs(7 * 24 * 3600);

pub fn jobs() -> Vec<Job<Arc<Services>>> {
    vec![
        Job {
            name: "audit-heads",
            period: MINUTE,
            wakes: |_| false,
            tick: |services| sign(services).boxed(),
        },
        Job {
            name: "audit-farewell",
            period: Duration::from_secs(365 * 24 * 3600),
            wakes: |_| false,
            tick: |services| async move { await_the_end(services) }.boxed(),
        },
        Job {
            name: "audit-heads-thinned",
            period: Duration::from_secs(24 * 3600),
            wakes: |_| false,
            tick: |services| thin(services).boxed(),
        },
    ]
}

pub fn reports(reports: &mut Reports) {
    reports.on_frame(
        |frame| matches!(frame, ToHub::AuditHead(_)),
        |services, node, frame| {
            async move {
                if let ToHub::AuditHead(head) = frame {
                    compare(&services, &node, head).await;
                }
            }
            .boxed()
        },
    );
    reports.on_connected(|services, node, _running| {
        async move {
            if let Some(head) = services.audit.newest() {
                give(&services, &node, &head);
            }
        }
        .boxed()
    });
}

async fn sign(services: Arc<Services>) {
    let head = match sign_now(&services).await {
        Ok(head) => head,
        Err(error) => return tracing::warn!(error = %error, "the audit log's head could not be signed"),
    };
    let Some(head) = head else { return };
    match services.read(|tx| Ok(sql::witnesses(tx)?)).await {
        Ok(nodes) => nodes.iter().for_each(|node| give(&services, node, &head)),
        Err(error) => tracing::warn!(error = %error, "no agents could be found to keep the audit log's head"),
    }
}

/// Writes what is only counted and signs where the chain ends then.
pub async fn sign_now(services: &Arc<Services>) -> ApiResult<Option<SignedHead>> {
    let now = services.now();
    services.audit.close_minute(&services.store, now).await?;
    let keeper = services.audit.clone();
    let head = services.write(move |tx| Ok(keeper.sign_head(tx, now)?)).await?;
    services.audit.keep(head.clone()).await;
    Ok(head)
}

/// An agent that is away or slow is no witness this time.
fn give(services: &Services, node: &NodeId, head: &SignedHead) {
    if let Err(error) = services.link().send(node, &ToAgent::AuditHead(head.clone())) {
        tracing::debug!(node_id = %node, error = %error, "an agent was not given the audit log's head");
    }
}

/// The last rows before the hub stops are signed too.
fn await_the_end(services: Arc<Services>) {
    let tasks = services.tasks.clone();
    tasks.spawn(async move {
        services.shutdown.cancelled().await;
        let closed = services.audit.close(&services.store).await;
        if let Err(error) = closed.map_err(crate::base::ApiError::from).and(sign_now(&services).await) {
            tracing::warn!(error = %error, "the audit log's last head could not be signed");
        }
    });
}

/// An agent hands back what it keeps: does the log still contain it?
async fn compare(services: &Arc<Services>, node: &NodeId, head: SignedHead) {
    // Whoever sends what this hub has not signed makes it read and write nothing.
    if !services.audit.is_ours(&head) {
        return tracing::warn!(node_id = %node, seq = head.seq, "an agent handed back a head that this hub has not signed");
    }
    let (keeper, now, source, seq) = (services.audit.clone(), services.now(), format!("node:{node}"), head.seq);
    // Nearly always it fits, and then there is nothing to write.
    let known = services.read({
        let head = head.clone();
        move |tx| {
            Ok(crate::hub::audit::hash_of(tx, head.seq)?.is_some_and(|hash| Some(&hash[..]) == head.hash_bytes().as_ref().map(|h| &h[..])))
        }
    });
    if known.await.unwrap_or(false) {
        return;
    }
    match services.write(move |tx| Ok(keeper.check(tx, &head, &source, now)?)).await {
        Ok(Check::Contradicts) => {
            tracing::error!(node_id = %node, seq, "the audit log does not contain a head that an agent kept: see `roadstead audit verify`");
        }
        Ok(Check::Confirmed | Check::NotOurs) => {}
        Err(error) => tracing::warn!(node_id = %node, error = %error, "a head that an agent kept could not be compared"),
    }
}

async fn thin(services: Arc<Services>) {
    let until = services.now() - ALL_HEADS;
    if let Err(error) = services.write(move |tx| Ok(heads::thin(tx, until)?)).await {
        tracing::warn!(error = %error, "old heads of the audit log could not be thinned out");
    }
}

mod sql {
    use super::*;

    pub fn witnesses(tx: &Tx<'_>) -> Result<Vec<NodeId>, StoreError> {
        let sql = "SELECT id FROM node WHERE removed_at IS NULL AND status = 'Online' ORDER BY random() LIMIT :limit";
        tx.rows(sql, &[(":limit", (WITNESSES as i64).into())], |row| row.get("id"))
    }
}
