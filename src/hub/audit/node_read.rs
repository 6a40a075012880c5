//! A node that is given something for one of its runs: who, for which command, and when.

use crate::base::Timestamp;
use crate::base::id::{CommandId, NodeId};
use crate::hub::audit::{Entry, Outcome, record, request_id};
use crate::hub::store::Tx;

pub struct NodeRead {
    pub node: NodeId,
    pub run: CommandId,
    pub at: Timestamp,
    pub operation: &'static str,
}

impl NodeRead {
    /// What it was given, which leaves the hub only after this is written.
    pub fn record(&self, tx: &Tx<'_>, target: String, detail: String) {
        tx.note(|notes| {
            notes.nodes.push(self.node.clone());
            notes.command = Some(self.run.clone());
        });
        record(tx, self.entry(target, Outcome::Done, detail));
    }

    pub fn entry(&self, target: String, outcome: Outcome, detail: String) -> Entry {
        Entry {
            at: self.at,
            request_id: request_id(self.at),
            caller: format!("node:{}", self.node),
            address: String::new(),
            operation: self.operation.into(),
            target,
            outcome,
            detail,
        }
    }
}
