//! The node's row and its two faces: ours ([`NodeSummary`]) and the columns that lists filter by.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::{ActivationId, NodeId};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::labels::Tag;
use crate::hub::store::{Row, StoreError, Tx, Value};
use crate::model::approval::{Approval, Approved, Statement};
use crate::model::lock::Act;
use crate::model::run_settings::RunSettings;
use crate::wire::node::NodeFacts;

/// A clock that is wrong by more is shown.
const TOLERATED_SKEW_MS: i64 = 5 * 60 * 1000;

/// What `kind` is called in targets of rights and in the audit log.
pub const KIND: &str = "node";

/// Whether the node's agent is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NodeStatus {
    Online,
    Offline,
}

impl NodeStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "Online",
            Self::Offline => "Offline",
        }
    }
}

impl FromStr for NodeStatus {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Online, Self::Offline].into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

/// Why an agent is not connected, as far as the hub can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OfflineReason {
    /// The agent said goodbye: it was stopped, or its system went down in order.
    CleanStop,
    /// The agent said goodbye to be replaced by another version.
    Updating,
    /// Nothing was heard any more: power, network, or a frozen system.
    HeartbeatLost,
    /// The connection was closed without a goodbye: the agent crashed or was killed.
    ConnectionLost,
    /// The hub was restarted and the agent has not come back yet.
    HubRestarted,
    /// It joined and has not connected since.
    NeverConnected,
}

impl OfflineReason {
    pub const ALL: [Self; 6] = [
        Self::CleanStop,
        Self::Updating,
        Self::HeartbeatLost,
        Self::ConnectionLost,
        Self::HubRestarted,
        Self::NeverConnected,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::CleanStop => "CleanStop",
            Self::Updating => "Updating",
            Self::HeartbeatLost => "HeartbeatLost",
            Self::ConnectionLost => "ConnectionLost",
            Self::HubRestarted => "HubRestarted",
            Self::NeverConnected => "NeverConnected",
        }
    }

    /// One sentence for a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::CleanStop => "the agent was stopped, or the system was shut down in order",
            Self::Updating => "the agent is being replaced by another version",
            Self::HeartbeatLost => "nothing is heard from it any more: check its power, its network, and whether it hangs",
            Self::ConnectionLost => "its connection broke without a goodbye: the agent crashed or was killed, or something cut the line",
            Self::HubRestarted => "the hub was restarted and the agent has not come back yet",
            Self::NeverConnected => "it has joined but not connected since",
        }
    }
}

impl FromStr for OfflineReason {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|r| r.as_str() == text).ok_or(())
    }
}

/// A node as its row has it.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: NodeId,
    pub name: String,
    pub status: NodeStatus,
    pub offline_reason: Option<OfflineReason>,
    pub activation_id: Option<ActivationId>,
    pub iam_role: String,
    pub joined_at: Timestamp,
    pub connected_at: Option<Timestamp>,
    pub last_seen_at: Option<Timestamp>,
    /// Since when two systems use its key.
    pub quarantined_at: Option<Timestamp>,
    /// How far its clock is ahead of the hub's.
    pub clock_ahead_ms: Option<i64>,
    pub facts: NodeFacts,
}

/// A node as lists show it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NodeSummary {
    pub node_id: NodeId,
    pub name: String,
    pub status: NodeStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline_reason: Option<OfflineReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<Timestamp>,
    pub platform: String,
    pub platform_version: String,
    pub architecture: String,
    pub agent_version: String,
    pub addresses: Vec<String>,
    pub tags: Vec<Tag>,
    /// What its owner forbids there: `no-shell` …
    pub lock: Vec<&'static str>,
    /// What somebody should look at.
    pub warnings: Vec<String>,
    pub joined_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booted_at: Option<Timestamp>,
}

impl Node {
    pub fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let reason: Option<String> = row.get("offline_reason")?;
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            status: row.parsed("status")?,
            offline_reason: reason.and_then(|r| r.parse().ok()),
            activation_id: row.get("activation_id")?,
            iam_role: row.get("iam_role")?,
            joined_at: row.get("joined_at")?,
            connected_at: row.get("connected_at")?,
            last_seen_at: row.get("last_seen_at")?,
            quarantined_at: row.get("quarantined_at")?,
            clock_ahead_ms: row.get("clock_ahead_ms")?,
            facts: row.json("facts")?,
        })
    }

    /// When it was last heard of: now, while it is connected.
    pub fn last_seen(&self, now: Timestamp) -> Option<Timestamp> {
        match self.status {
            NodeStatus::Online => Some(now),
            NodeStatus::Offline => self.last_seen_at,
        }
    }

    pub fn booted_at(&self) -> Option<Timestamp> {
        (self.facts.booted_at_ms > 0).then(|| Timestamp::from_millis(self.facts.booted_at_ms))
    }

    /// What somebody should look at, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let mut all = Vec::new();
        if self.quarantined_at.is_some() {
            all.push("two systems use this node's identity: nothing is sent to it until one of them gets its own".to_owned());
        }
        if let Some(ahead) = self.clock_ahead_ms.filter(|ahead| ahead.abs() > TOLERATED_SKEW_MS) {
            let way = if ahead > 0 { "ahead of" } else { "behind" };
            let minutes = ahead.abs() / 60_000;
            all.push(format!("its clock is {minutes} minutes {way} the hub's: set one of them right"));
        }
        if let Some(trouble) = self.facts.lock.as_ref().and_then(|lock| lock.trouble.as_ref()) {
            all.push(format!("its lock file locks everything: {trouble}"));
        }
        all
    }

    /// Why an act is not asked of this node: it is quarantined, or its owner's lock forbids it (and the agent would say the same).
    pub fn forbids(&self, act: Act<'_>) -> Option<String> {
        if self.quarantined_at.is_some() {
            return Some(format!(
                "node `{0}` is quarantined, because two systems use its identity: `roadstead node new-identity {0}` or `roadstead node release {0}`",
                self.id
            ));
        }
        let facts = self.facts.lock.as_ref()?;
        let why = facts.lock.forbids(act, self.facts.runs_as == "root")?;
        Some(match &facts.trouble {
            Some(trouble) => format!("node `{}` is locked by its owner: {trouble}", self.id),
            None => format!("node `{}` is locked by its owner: {why} ({})", self.id, facts.files.join(", ")),
        })
    }

    /// Why a command with these settings is not sent to this node: its owner's lock forbids them.
    pub fn forbids_settings(&self, settings: &RunSettings) -> Option<String> {
        let facts = self.facts.lock.as_ref()?;
        let why = facts.lock.forbids_settings(settings)?;
        Some(format!(
            "node `{}` is locked by its owner: {why} ({})",
            self.id,
            facts.files.join(", ")
        ))
    }

    /// Why its agent cannot run commands with these settings, as far as it has said what it runs as.
    pub fn cannot_run_with(&self, settings: &RunSettings) -> Option<String> {
        let own = Some(self.facts.runs_as.as_str()).filter(|own| !own.is_empty())?;
        let why = settings.refused_by(own, own == "root")?;
        Some(format!("node `{}`: {why}", self.id))
    }

    /// Why an operator's signature is missing or of no use there, if so. Whether it holds is the node's to say.
    pub fn wants_approval(&self, act: Act<'_>, wanted: &Approved, approval: Option<&Approval>) -> Option<String> {
        let facts = self.facts.lock.as_ref()?;
        let classes = facts.lock.classes_of(act, self.facts.runs_as == "root");
        if classes.is_empty() {
            return None;
        }
        let classes = || classes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let why = match (act.beyond_signatures(), approval.map(|approval| approval.text.parse::<Statement>())) {
            (Some(beyond), _) => Some(format!("an operator must sign for {}, and {beyond}", classes())),
            (None, None) => Some(format!(
                "an operator must sign for {}: use `--sign-with KEY` of `roadstead run` or `roadstead ssh`",
                classes()
            )),
            (None, Some(Err(why))) => Some(why),
            (None, Some(Ok(statement))) => statement.covers(wanted, &self.id).err(),
        }?;
        Some(format!(
            "node `{}` is locked by its owner: `operator-lock`: {why} ({})",
            self.id,
            facts.files.join(", ")
        ))
    }

    pub fn summary(self, tags: Vec<Tag>, now: Timestamp) -> NodeSummary {
        NodeSummary {
            last_seen_at: self.last_seen(now),
            booted_at: self.booted_at(),
            lock: lock_words(&self.facts),
            warnings: self.warnings(),
            node_id: self.id,
            name: self.name,
            status: self.status,
            offline_reason: self.offline_reason,
            platform: self.facts.platform_name,
            platform_version: self.facts.platform_version,
            architecture: self.facts.architecture,
            agent_version: self.facts.agent_version,
            addresses: self.facts.addresses,
            tags,
            joined_at: self.joined_at,
        }
    }
}

fn lock_words(facts: &NodeFacts) -> Vec<&'static str> {
    facts.lock.as_ref().map(|facts| facts.lock.words()).unwrap_or_default()
}

/// The filter keys of nodes; groups use them too.
pub use crate::hub::labels::groups::{NODE_FILTER_KEYS as FILTER_KEYS, node_column as column};

/// *Errors*: `InvalidInstanceId`.
pub fn require(tx: &Tx<'_>, id: &NodeId) -> ApiResult<Node> {
    sql::find(tx, id)?.ok_or_else(|| unknown(id.as_str()))
}

/// What is answered for an id that no node has.
pub fn unknown(id: &str) -> ApiError {
    ApiError::new("InvalidInstanceId", format!("`{id}` is not a managed node of this hub"))
}

pub mod sql {
    use super::*;

    /// Everything a [`Node`] needs.
    pub const SELECT: &str =
        "SELECT node.id, node.name, node.status, node.offline_reason, node.activation_id, node.iam_role, node.joined_at,
        node.connected_at, node.last_seen_at, node.quarantined_at, node.clock_ahead_ms, node.facts FROM node";

    pub fn find(tx: &Tx<'_>, id: &NodeId) -> Result<Option<Node>, StoreError> {
        let sql = "SELECT id, name, status, offline_reason, activation_id, iam_role, joined_at, connected_at, last_seen_at, quarantined_at,
                       clock_ahead_ms, facts FROM node WHERE id = :id AND removed_at IS NULL";
        tx.row(sql, &[(":id", id.into())], Node::from_row)
    }

    /// What orders for the node are bound to; `None` when it is not there (any more).
    pub fn key_of(tx: &Tx<'_>, id: &NodeId) -> Result<Option<[u8; 32]>, StoreError> {
        let sql = "SELECT key_hash FROM node WHERE id = :id AND removed_at IS NULL";
        tx.row(sql, &[(":id", id.into())], key)
    }

    /// The column `key_hash`.
    pub fn key(row: &Row<'_>) -> Result<[u8; 32], StoreError> {
        let bytes: Vec<u8> = row.get("key_hash")?;
        bytes.try_into().map_err(|_| StoreError::Malformed("a node's key".into()))
    }

    pub fn find_by_key(tx: &Tx<'_>, key: &[u8]) -> Result<Option<(NodeId, bool)>, StoreError> {
        let sql = "SELECT id, removed_at IS NOT NULL AS removed FROM node WHERE key_hash = :key";
        tx.row(sql, &[(":key", key.into())], |row| Ok((row.get("id")?, row.get("removed")?)))
    }

    /// Writes what the node says of itself, into the columns that lists filter by and whole.
    pub fn set_facts(tx: &Tx<'_>, id: &NodeId, facts: &NodeFacts) -> Result<(), StoreError> {
        let params = [
            (":id", id.into()),
            (":computer_name", (&facts.computer_name).into()),
            (":platform_id", (&facts.platform_id).into()),
            (":platform_name", (&facts.platform_name).into()),
            (":platform_version", (&facts.platform_version).into()),
            (":architecture", (&facts.architecture).into()),
            (":agent_version", (&facts.agent_version).into()),
            (":addresses", facts.addresses.join(" ").into()),
            (":booted_at", facts.booted_at_ms.into()),
            (":lock", lock_words(facts).join(" ").into()),
            (":machine_id", (&facts.machine_id).into()),
            (":facts", Value::json(facts)),
        ];
        tx.execute(
            "UPDATE node SET computer_name = :computer_name, platform_id = :platform_id, platform_name = :platform_name,
                platform_version = :platform_version, architecture = :architecture, agent_version = :agent_version,
                addresses = :addresses, booted_at = :booted_at, lock = :lock,
                machine_id = :machine_id, facts = :facts WHERE id = :id",
            &params,
        )
        .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offline_reason_reads_back_and_has_a_sentence() {
        for reason in OfflineReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert!(!reason.sentence().is_empty());
        }
    }
}
