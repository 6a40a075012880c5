//! A new key asks to become a node: the activation is checked and counted in the transaction that makes the node.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tokio::sync::broadcast::error::RecvError;

use crate::base::id::{ActivationId, NodeId, random_hex};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::live::Feed;
use crate::hub::api::{Cx, Services, Streams, Target};
use crate::hub::audit::{self, Outcome};
use crate::hub::capabilities::activations::permits::{self, KIND, Permit};
use crate::hub::capabilities::activations::requests::{self, Asking, Standing};
use crate::hub::capabilities::activations::twins;
use crate::hub::capabilities::fleet::{hub_key, nodes, presence, quarantine};
use crate::hub::events::Event;
use crate::hub::labels::{self, Kind};
use crate::hub::link::{Admission, NodeKey, Refused};
use crate::hub::store::blobs::hash;
use crate::hub::store::{Condition, Select, StoreError, Tx};
use crate::wire::control::{Enrol, Refusal};
use crate::wire::node::NodeFacts;

pub fn streams(streams: &mut Streams) {
    streams.topic(
        "activation",
        "ssm:DescribeActivations",
        |topic: &ActivationTopic| Target::Resource(KIND, topic.activation_id.to_string()),
        follow,
    );
}

/// Makes a node of an unknown key, or says why not.
///
/// A key that has joined before keeps its node when the activation is the one it used (a repeat after a lost answer);
/// otherwise it is refused, so that nobody takes over a record.
pub async fn enrol(services: &Arc<Services>, key: NodeKey, enrol: Enrol, address: String) -> Result<Admission, Refused> {
    let boot_id = enrol.facts.clone().bounded().boot_id;
    // What it has pinned: TLS took no other.
    let (now, bus, proved) = (services.now(), services.bus.clone(), services.hub_keys.fingerprint());
    let joined = services
        .write(move |tx| {
            let joined = join(tx, &key, enrol, &address, now, &bus).map_err(refused)?;
            if let Joining::Node(node) = &joined {
                hub_key::sql::set_hub_key(tx, node, &proved)?;
            }
            Ok(joined)
        })
        .await;
    match joined {
        Ok(Joining::Node(node)) => Ok(Admission { node, boot_id }),
        Ok(Joining::Waits(message)) => {
            tracing::info!("{message}");
            Err(Refused::new(Refusal::AwaitingApproval, message))
        }
        Ok(Joining::Rejected) => Err(Refused::new(
            Refusal::Rejected,
            "somebody has rejected this node's request to join; it can still be approved: `roadstead join-request list --all`",
        )),
        Err(ApiError { code, message, .. }) => {
            let code = match code {
                "ActivationInvalid" => Refusal::ActivationInvalid,
                "AlreadyJoined" => Refusal::AlreadyJoined,
                _ => Refusal::Busy,
            };
            tracing::warn!(reason = %message, "a join was refused");
            Err(Refused { code, message })
        }
    }
}

/// What came of it.
enum Joining {
    Node(NodeId),
    Waits(String),
    Rejected,
}

enum NotJoined {
    Invalid(String),
    Known(NodeId),
    Failed(ApiError),
}

impl From<StoreError> for NotJoined {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

fn refused(why: NotJoined) -> ApiError {
    match why {
        NotJoined::Invalid(words) => ApiError::new("ActivationInvalid", words),
        NotJoined::Known(node) => ApiError::new(
            "AlreadyJoined",
            format!("this key is node {node} already: start the agent without --join, or remove its data directory to join anew"),
        ),
        NotJoined::Failed(error) => error,
    }
}

fn join(
    tx: &Tx<'_>,
    key: &NodeKey,
    enrol: Enrol,
    address: &str,
    now: Timestamp,
    bus: &crate::hub::events::Bus,
) -> Result<Joining, NotJoined> {
    let activation = enrol.activation_id;
    let permit = permits::sql::find(tx, &activation)?;
    let permit = permit
        .filter(|p| is_code(p, &enrol.activation_code))
        .ok_or_else(|| invalid(&activation, "does not exist, was deleted, or its code is another"))?;
    let facts = enrol.facts.bounded();
    if let Some((node, removed)) = nodes::sql::find_by_key(tx, &key.0)? {
        let is_repeat = !removed && nodes::sql::find(tx, &node)?.is_some_and(|n| n.activation_id.as_ref() == Some(&activation));
        if !is_repeat {
            return Err(NotJoined::Known(node));
        }
        presence::set_online(tx, &node, &facts, now)?;
        return Ok(Joining::Node(node));
    }
    if permit.expires_at <= now {
        return Err(invalid(&activation, &format!("expired at {}", permit.expires_at)));
    }
    if permit.registrations >= permit.registration_limit {
        return Err(invalid(
            &activation,
            &format!("is used up: all {} joins are taken", permit.registration_limit),
        ));
    }
    let asking = Asking {
        key,
        activation: &activation,
        facts: &facts,
        address,
        rejoins: if permit.twin_of.is_none() {
            sql::comes_back(tx, &facts)?
        } else {
            None
        },
    };
    // A key that has asked before stays with its answer, whatever it says of its system now.
    if permit.needs_approval || asking.rejoins.is_some() || requests::sql::of_key(tx, key)?.is_some() {
        let (standing, is_news) = requests::ask(tx, &asking, now).map_err(NotJoined::Failed)?;
        if is_news {
            bus.emit(tx, Event::JoinRequestsChanged);
        }
        match standing {
            Standing::Waits(words) => return Ok(Joining::Waits(words)),
            Standing::Rejected => return Ok(Joining::Rejected),
            // The record may have been removed, or its system have come back: then this one is a node of its own.
            Standing::Approved(Some(node)) if rejoin(tx, &node, &asking, now)? => {
                permits::sql::count_registration(tx, &activation)?;
                audit::record(tx, entry(&node, &activation, address, now));
                bus.emit(tx, Event::NodeChanged(node.clone()));
                bus.emit(tx, Event::NodeConnected(node.clone()));
                return Ok(Joining::Node(node));
            }
            Standing::Approved(_) => {}
        }
    }
    let node = NodeId::random();
    let name = name_of(&permit, &facts, &node);
    sql::insert(tx, &node, key, &name, &activation, &permit.iam_role, address, now)?;
    presence::set_online(tx, &node, &facts, now)?;
    permits::sql::count_registration(tx, &activation)?;
    let tags = labels::list(tx, Kind::Activation, activation.as_str())?;
    labels::add(tx, Kind::Node, node.as_str(), &tags).map_err(NotJoined::Failed)?;
    audit::record(tx, entry(&node, &activation, address, now));
    if let Some(original) = &permit.twin_of {
        twins::settled(tx, original)?;
        bus.emit(tx, Event::NodeChanged(original.clone()));
        bus.emit(tx, Event::NodeConnected(original.clone()));
    }
    bus.emit(
        tx,
        Event::NodeJoined {
            node: node.clone(),
            name,
            activation,
        },
    );
    bus.emit(tx, Event::NodeConnected(node.clone()));
    Ok(Joining::Node(node))
}

/// The record belongs to the new key from now on; what the old one did stays on it. `false` when it is not to be had any more.
fn rejoin(tx: &Tx<'_>, node: &NodeId, asking: &Asking<'_>, now: Timestamp) -> Result<bool, NotJoined> {
    if !sql::move_to_key(tx, node, asking)? {
        return Ok(false);
    }
    quarantine::release(tx, node)?;
    presence::set_online(tx, node, asking.facts, now)?;
    Ok(true)
}

fn invalid(activation: &ActivationId, why: &str) -> NotJoined {
    NotJoined::Invalid(format!(
        "activation `{activation}` {why}: make a new join line with `roadstead join-line`"
    ))
}

fn is_code(permit: &Permit, given: &str) -> bool {
    permit.code_hash.as_slice().ct_eq(&hash(given.as_bytes())[..]).into()
}

fn name_of(permit: &Permit, facts: &NodeFacts, node: &NodeId) -> String {
    let given = permit.default_name.clone().filter(|n| !n.is_empty());
    given
        .or_else(|| Some(facts.computer_name.clone()).filter(|n| !n.is_empty()))
        .unwrap_or_else(|| node.to_string())
}

fn entry(node: &NodeId, activation: &ActivationId, address: &str, now: Timestamp) -> audit::Entry {
    audit::Entry {
        at: now,
        request_id: random_hex(32),
        caller: format!("node:{node}"),
        address: address.to_owned(),
        operation: "roadstead:Enrol".into(),
        target: format!("{KIND}/{activation}"),
        outcome: Outcome::Done,
        detail: String::new(),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ActivationTopic {
    activation_id: ActivationId,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Joined {
    node_id: NodeId,
    name: String,
}

/// Tells of each join; those before the subscription come first, so that none is missed.
async fn follow(cx: Cx, topic: ActivationTopic, feed: Feed) -> ApiResult<()> {
    let mut events = cx.services.bus.subscribe();
    let mut told: Vec<NodeId> = Vec::new();
    loop {
        let activation = topic.activation_id.clone();
        let visible = cx.visible_for("roadstead:SearchNodes", nodes::KIND, "node.id");
        for joined in cx.read(move |tx| Ok(sql::joined(tx, &activation, &visible)?)).await? {
            if !told.contains(&joined.node_id) {
                told.push(joined.node_id.clone());
                feed.send(&joined).await?;
            }
        }
        loop {
            match events.recv().await {
                Ok(Event::NodeJoined { activation, .. }) if activation == topic.activation_id => break,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    }
}

mod sql {
    use super::*;

    #[expect(clippy::too_many_arguments, reason = "the columns of one new row")]
    pub fn insert(
        tx: &Tx<'_>,
        id: &NodeId,
        key: &NodeKey,
        name: &str,
        activation: &ActivationId,
        role: &str,
        address: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let params = [
            (":id", id.into()),
            (":key", key.0.as_slice().into()),
            (":name", name.into()),
            (":activation", activation.into()),
            (":role", role.into()),
            (":now", now.into()),
            (":address", address.into()),
        ];
        tx.execute(
            "INSERT INTO node (id, key_hash, name, activation_id, iam_role, joined_at, status, offline_reason, source_address,
                computer_name, platform_id, platform_name, platform_version, architecture, agent_version, addresses, facts)
             VALUES (:id, :key, :name, :activation, :role, :now, 'Offline', 'NeverConnected', :address, '', '', '', '', '', '', '', '{}')",
            &params,
        )
        .map(|_| ())
    }

    /// The record of a system that was installed anew: it is offline, and was last seen in another boot.
    pub fn comes_back(tx: &Tx<'_>, facts: &NodeFacts) -> Result<Option<NodeId>, StoreError> {
        if facts.machine_id.is_empty() {
            return Ok(None);
        }
        let sql = "SELECT id, facts FROM node WHERE machine_id = :machine AND removed_at IS NULL AND status = 'Offline'
                   ORDER BY last_seen_at DESC LIMIT 20";
        let found = tx.rows(sql, &[(":machine", (&facts.machine_id).into())], |row| {
            Ok((row.get::<NodeId>("id")?, row.json::<NodeFacts>("facts")?))
        })?;
        // An agent beside another one on a system that runs is not that other one.
        let mut others = found
            .into_iter()
            .filter(|(_, before)| before.boot_id != facts.boot_id && before.runs_as == facts.runs_as);
        Ok(others.next().map(|(node, _)| node))
    }

    pub fn move_to_key(tx: &Tx<'_>, node: &NodeId, asking: &Asking<'_>) -> Result<bool, StoreError> {
        let sql = "UPDATE node SET key_hash = :key, activation_id = :activation, source_address = :address
                   WHERE id = :id AND removed_at IS NULL AND status = 'Offline'";
        let params = [
            (":id", node.into()),
            (":key", asking.key.0.as_slice().into()),
            (":activation", asking.activation.into()),
            (":address", asking.address.into()),
        ];
        Ok(tx.execute(sql, &params)? > 0)
    }

    /// The latest nodes that joined with it.
    pub fn joined(tx: &Tx<'_>, activation: &ActivationId, visible: &Condition) -> Result<Vec<Joined>, StoreError> {
        let select = Select::new("SELECT id, name FROM node")
            .and("activation_id = ?", [activation.into()])
            .and("removed_at IS NULL", [])
            .and_condition(visible)
            .order("joined_at DESC")
            .limit(100);
        select.rows(tx, |row| {
            Ok(Joined {
                node_id: row.get("id")?,
                name: row.get("name")?,
            })
        })
    }
}
