//! The way out of a quarantine: one of the two systems becomes a node of its own.
//!
//! ```text
//! copy calls ─► Refused(Quarantined), flagged ─► RenewNodeIdentity ─► it calls again ─► Refused(NewIdentity, token)
//!                                            └─► ReleaseNode            it makes a new key and joins by that token
//! ```
//!
//! The token is made when it is handed out and good for one join, so no secret waits anywhere.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::{ActivationId, NodeId, random_hex};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Services, Target};
use crate::hub::audit::{self, Outcome};
use crate::hub::capabilities::activations::permits::{self, NewPermit};
use crate::hub::capabilities::fleet::quarantine::{self, Place};
use crate::hub::capabilities::fleet::{nodes, presence};
use crate::hub::events::Event;
use crate::hub::labels::{self, Kind};
use crate::hub::link::{Admission, NodeKey, Refused};
use crate::hub::store::blobs::hash;
use crate::hub::store::{StoreError, Tx};
use crate::wire::control::{Hello, Refusal};
use crate::wire::node::NodeFacts;
use crate::wire::token::JoinToken;

/// How long a copy has to join by its token; it does so at once.
const TOKEN_LIFE: Duration = Duration::from_secs(3600);

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Roadstead,
        "RenewNodeIdentity",
        |r: &RenewRequest| Target::Resource(nodes::KIND, r.node_id.to_string()),
        renew_node_identity,
    )
    .write(
        Service::Roadstead,
        "ReleaseNode",
        |r: &ReleaseRequest| Target::Resource(nodes::KIND, r.node_id.to_string()),
        release_node,
    );
}

/// Which of the two systems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
enum Which {
    /// The one that came while the other was connected: mostly the copy.
    #[default]
    Refused,
    Connected,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RenewRequest {
    node_id: NodeId,
    #[serde(default)]
    which: Which,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

/// The system becomes another node as soon as it calls again, within a minute.
async fn renew_node_identity(cx: Cx, request: RenewRequest) -> ApiResult<Empty> {
    let (node, bus) = (request.node_id.clone(), cx.services.bus.clone());
    let is_connected = request.which == Which::Connected;
    cx.write(move |tx| {
        nodes::require(tx, &node)?;
        if !quarantine::sql::let_leave(tx, &node, is_connected)? {
            return Err(ApiError::validation(format!(
                "node `{node}` is not quarantined: only one system uses its identity"
            )));
        }
        bus.emit(tx, Event::NodeChanged(node.clone()));
        Ok(Empty {})
    })
    .await?;
    if is_connected {
        cx.services.link().disconnect(&request.node_id);
    }
    Ok(Empty {})
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ReleaseRequest {
    node_id: NodeId,
}

/// Says that the other system is gone.
async fn release_node(cx: Cx, request: ReleaseRequest) -> ApiResult<Empty> {
    let bus = cx.services.bus.clone();
    cx.write(move |tx| {
        nodes::require(tx, &request.node_id)?;
        if !quarantine::release(tx, &request.node_id)? {
            return Err(ApiError::validation(format!("node `{}` is not quarantined", request.node_id)));
        }
        bus.emit(tx, Event::NodeChanged(request.node_id.clone()));
        bus.emit(tx, Event::NodeConnected(request.node_id.clone()));
        Ok(Empty {})
    })
    .await
}

/// A key that has joined says hello. A system that is to become another node is told so first.
pub async fn hello(services: &Arc<Services>, key: NodeKey, hello: Hello) -> Result<Admission, Refused> {
    let place = place_of(&hello.facts);
    let leaving = services.read(move |tx| {
        let Some((node, false)) = nodes::sql::find_by_key(tx, &key.0)? else {
            return Ok(None);
        };
        Ok(quarantine::sql::is_leaving(tx, &node, &place)?.then_some(node))
    });
    let node = match leaving.await {
        Ok(None) => return presence::hello(services, key, hello).await,
        Ok(Some(node)) => node,
        Err(error) => return Err(busy(&error)),
    };
    let now = services.now();
    match services.write(move |tx| ticket(tx, &node, now)).await {
        Ok(ticket) => Err(new_identity(services, ticket)),
        Err(error) => Err(busy(&error)),
    }
}

/// The key is connected from another system at this moment.
pub async fn met(services: &Arc<Services>, key: NodeKey, connected: Place, newcomer: &NodeFacts, address: String) -> Refused {
    let (now, bus, newcomer) = (services.now(), services.bus.clone(), place_of(newcomer));
    let told = newcomer.clone();
    let recorded = services.write(move |tx| {
        let Some((node, false)) = nodes::sql::find_by_key(tx, &key.0)? else {
            return Ok(None);
        };
        let is_new = !quarantine::sql::is_quarantined(tx, &node)?;
        let is_leaving = quarantine::record(tx, &node, &connected, &newcomer, &address, now)?;
        if is_new {
            audit::record(tx, entry(&node, &address, now));
        }
        bus.emit(tx, Event::NodeChanged(node.clone()));
        let ticket = if is_leaving { Some(ticket(tx, &node, now)?) } else { None };
        Ok(Some((node, connected, ticket)))
    });
    match recorded.await {
        Ok(Some((_, _, Some(ticket)))) => new_identity(services, ticket),
        Ok(Some((node, connected, None))) => {
            tracing::warn!(node_id = %node, "two systems use one identity; the node is quarantined");
            Refused::new(
                Refusal::Quarantined,
                format!(
                    "node {node} is connected from another system (machine id `{}`, boot id `{}`); this one has machine id `{}`, boot id `{}`. \
                     If this is a copy: `roadstead node new-identity {node}` makes it a node of its own",
                    connected.machine_id, connected.boot_id, told.machine_id, told.boot_id
                ),
            )
        }
        Ok(None) => Refused::new(Refusal::UnknownKey, "no node of this hub has this key"),
        Err(error) => busy(&error),
    }
}

fn place_of(facts: &NodeFacts) -> Place {
    Place {
        machine_id: facts.machine_id.clone(),
        boot_id: facts.boot_and_folder(),
    }
}

/// A permission to join once, as another node with the same tags.
struct Ticket {
    activation: ActivationId,
    code: String,
}

fn ticket(tx: &Tx<'_>, node: &NodeId, now: Timestamp) -> ApiResult<Ticket> {
    let (activation, code) = (ActivationId::random(), random_hex(40));
    let tags = labels::list(tx, Kind::Node, node.as_str())?;
    let permit = NewPermit {
        default_name: None,
        description: format!("an identity of its own for a copy of {node}"),
        iam_role: "roadstead".into(),
        registration_limit: 1,
        expires_at: now + TOKEN_LIFE,
        tags,
        needs_approval: false,
        twin_of: Some(node.clone()),
    };
    permits::sql::insert(tx, &activation, &hash(code.as_bytes()), &permit, "hub", now)?;
    labels::add(tx, Kind::Activation, activation.as_str(), &permit.tags)?;
    Ok(Ticket { activation, code })
}

fn new_identity(services: &Services, ticket: Ticket) -> Refused {
    let token = JoinToken {
        addresses: services.facts.addresses.clone(),
        hub_key: services.hub_keys.fingerprint(),
        activation_id: ticket.activation,
        activation_code: ticket.code,
    };
    Refused::new(Refusal::NewIdentity, token.to_string())
}

fn busy(error: &ApiError) -> Refused {
    tracing::error!(error = %error, "a system with a known key could not be judged");
    Refused::new(Refusal::Busy, "the hub could not read or write its database")
}

fn entry(node: &NodeId, address: &str, now: Timestamp) -> audit::Entry {
    audit::Entry {
        at: now,
        request_id: random_hex(32),
        caller: "hub".into(),
        address: address.to_owned(),
        operation: "roadstead:QuarantineNode".into(),
        target: format!("{}/{node}", nodes::KIND),
        outcome: Outcome::Done,
        detail: "two systems use one identity".into(),
    }
}

/// A copy has become a node of its own: the other one is alone again.
pub fn settled(tx: &Tx<'_>, original: &NodeId) -> Result<(), StoreError> {
    quarantine::release(tx, original).map(|_| ())
}
