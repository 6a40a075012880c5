//! What the node's owner lets happen here: the lock file and the operators' signatures, asked before anything is begun.

use std::io;

use super::NodeExecutor;
use crate::agent::approvals::{Approvable, Now, Request};
use crate::base::{Clock, Timestamp};
use crate::model::approval::Approved;
use crate::model::document::{self, secrets};
use crate::model::lock::{Act, Ordered};
use crate::wire::run::{self, Run};
use crate::wire::session::{Open, Work};

impl NodeExecutor {
    /// The operator's signature that the run needs; `None` when it needs none.
    pub(super) fn approval_of(&self, run: &Run, now: Now) -> Result<Option<Approvable>, String> {
        let run::Work {
            document_name: name,
            document,
            parameters,
            approval,
            lookups,
            documents,
            settings,
        } = &run.work;
        let ordered = Ordered::new(name, document, lookups, documents);
        let request = Request {
            act: Act::Run(&ordered),
            wanted: &|| Approved::run(name, document, parameters),
            id: run.id.as_str(),
            approval: approval.as_ref(),
        };
        let (standing, as_root) = (self.lock.standing(), self.lock.is_root());
        let node = self.node();
        let approvable = self.approvals.judge(&standing, as_root, &request, node.as_ref(), now)?;
        // What the hub adds by itself no operator has signed, be it now or when the run asks for it.
        if approvable.is_some() && !(lookups.is_empty() && documents.is_empty()) {
            return Err(
                "the command carries values or documents that the hub looked up, which an operator's signature does not cover".into(),
            );
        }
        if approvable.is_some()
            && let Some(step) = ordered.fetches_by_hub()
        {
            return Err(format!(
                "step `{step}` downloads what the hub sends or signs an address for, which an operator's signature does not cover"
            ));
        }
        if approvable.is_some() && names_secrets(&run.work) {
            return Err("the command names secrets, whose values an operator's signature does not cover".into());
        }
        if approvable.is_some() && !settings.is_plain() {
            return Err("the command has settings for its processes, which an operator's signature does not cover".into());
        }
        Ok(approvable)
    }

    pub(super) async fn use_up(&self, approvable: Approvable, hub_now: Timestamp) -> io::Result<()> {
        let (approvals, now) = (self.approvals.clone(), now(hub_now));
        let used = tokio::task::spawn_blocking(move || approvals.use_up(&approvable, now)).await;
        used.map_err(io::Error::other)?
    }

    pub(super) fn allows(&self, run: &Run) -> Result<(), String> {
        let work = &run.work;
        let ordered = Ordered::new(&work.document_name, &work.document, &work.lookups, &work.documents);
        self.lock.allows_with(Act::Run(&ordered), &work.settings)
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

fn names_secrets(work: &run::Work) -> bool {
    let resolved = document::check(&work.document, &work.parameters, &work.lookups);
    resolved.is_ok_and(|resolved| !secrets::wanted(&resolved, work.documents.values()).is_empty())
}

pub(super) fn now(hub: Timestamp) -> Now {
    Now {
        own: Clock::system().now(),
        hub,
    }
}
