//! What the node's owner lets happen here: the lock file and the operators' signatures, asked before anything is begun.

use std::io;

use super::NodeExecutor;
use crate::agent::approvals::{Approvable, Now, Request};
use crate::base::{Clock, Timestamp};
use crate::model::approval::Approved;
use crate::model::lock::{Act, Ordered, Sent};
use crate::wire::run::{self, Run};
use crate::wire::session::{Open, Work};

impl NodeExecutor {
    /// The operator's signature that the run needs; `None` when it needs none.
    pub(super) fn approval_of(&self, run: &Run, now: Now) -> Result<Option<Approvable>, String> {
        let work = &run.work;
        let ordered = ordered(work);
        let request = Request {
            act: Act::Run(&ordered),
            wanted: &|| Approved::run(&work.document_name, &work.document, &work.parameters),
            id: run.id.as_str(),
            approval: work.approval.as_ref(),
        };
        let (standing, as_root) = (self.lock.standing(), self.lock.is_root());
        let node = self.node();
        self.approvals.judge(&standing, as_root, &request, node.as_ref(), now)
    }

    pub(super) async fn use_up(&self, approvable: Approvable, hub_now: Timestamp) -> io::Result<()> {
        let (approvals, now) = (self.approvals.clone(), now(hub_now));
        let used = tokio::task::spawn_blocking(move || approvals.use_up(&approvable, now)).await;
        used.map_err(io::Error::other)?
    }

    pub(super) fn allows(&self, run: &Run) -> Result<(), String> {
        let ordered = ordered(&run.work);
        self.lock.allows_with(Act::Run(&ordered), &run.work.settings)
    }

    /// *Errors*: the lock file forbids it, or the signature that it wants is missing, wrong or used before.
    pub(super) async fn may_open(&self, open: &Open, hub_now: Timestamp) -> Result<(), String> {
        let act = match open.work {
            Work::Port(_) => Act::Port,
            _ => Act::Shell,
        };
        self.lock.allows(act)?;
        if !open.start {
            // Nothing is started by it, and whoever opened what is there had the signature.
            return Ok(());
        }
        let request = Request {
            act,
            wanted: &|| Approved::Shell,
            id: open.session.as_str(),
            approval: open.approval.as_ref(),
        };
        let (standing, as_root) = (self.lock.standing(), self.lock.is_root());
        let node = self.node();
        let approvable = self.approvals.judge(&standing, as_root, &request, node.as_ref(), now(hub_now))?;
        match approvable {
            None => Ok(()),
            Some(approvable) if self.approvals.was_used(&approvable) => {
                Err(standing.refusal("`operator-lock`: the operator's signature was used for this shell before, which is over; sign again"))
            }
            Some(approvable) => self.use_up(approvable, hub_now).await.map_err(|error| error.to_string()),
        }
    }
}

fn ordered(work: &run::Work) -> Ordered<'_> {
    Ordered::new(Sent {
        name: &work.document_name,
        document: &work.document,
        parameters: &work.parameters,
        settings: &work.settings,
        lookups: &work.lookups,
        enclosed: &work.documents,
    })
}

pub(super) fn now(hub: Timestamp) -> Now {
    Now {
        own: Clock::system().now(),
        hub,
    }
}
