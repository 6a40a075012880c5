//! Requests to join that a person decides: where the activation says so, and when a system comes back with a new key.
//!
//! ```text
//! Enrol ─► Pending ─► Approved ─► (it asks again) node made, or its old record moved to the new key; the request goes
//!             └─────► Rejected: its key is refused from then on
//! ```
//!
//! A system comes back when a node with the same machine id is offline and was last seen from an earlier boot: it was
//! installed anew, or restored without its key. Approving moves the record, with history and tags, to the new key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;

use crate::base::id::{ActivationId, NodeId, random_hex};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::live::Feed;
use crate::hub::api::{Cx, Declare, Service, Streams, Target, page};
use crate::hub::events::Event;
use crate::hub::link::NodeKey;
use crate::hub::store::{Row, Select, StoreError, Tx};
use crate::model::filter::Filter;
use crate::wire::node::NodeFacts;

pub const KIND: &str = "join-request";

/// Requests that may wait at once: whoever has a token could fill the table otherwise.
const MAX_PENDING: i64 = 10_000;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "ListJoinRequests",
        |_: &ListRequest| Target::Rows(KIND),
        list_join_requests,
    )
    .write(
        Service::Roadstead,
        "ApproveJoin",
        |r: &ApproveRequest| Target::Resources(KIND, r.request_ids.clone()),
        approve_join,
    )
    .write(
        Service::Roadstead,
        "RejectJoin",
        |r: &RejectRequest| Target::Resources(KIND, r.request_ids.clone()),
        reject_join,
    );
}

pub fn streams(streams: &mut Streams) {
    streams.topic(
        "join-requests",
        "roadstead:ListJoinRequests",
        |_: &RequestsTopic| Target::Rows(KIND),
        follow,
    );
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum State {
    Pending,
    Approved,
    Rejected,
}

impl State {
    pub const ALL: [Self; 3] = [Self::Pending, Self::Approved, Self::Rejected];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Approved => "Approved",
            Self::Rejected => "Rejected",
        }
    }
}

impl std::str::FromStr for State {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

/// One system that asks.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct JoinRequest {
    pub request_id: String,
    pub state: State,
    pub computer_name: String,
    pub machine_id: String,
    pub platform: String,
    pub address: String,
    pub activation_id: ActivationId,
    /// SHA-256 of its key, hexadecimal: what `roadstead agent status` says on the node.
    pub key_fingerprint: String,
    /// The record that it would take over: a system installed anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_id: Option<NodeId>,
    pub requested_at: Timestamp,
    pub last_seen_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
}

impl JoinRequest {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let key: Vec<u8> = row.get("key_hash")?;
        Ok(Self {
            request_id: row.get("id")?,
            state: row.parsed("state")?,
            computer_name: row.get("computer_name")?,
            machine_id: row.get("machine_id")?,
            platform: row.get("platform")?,
            address: row.get("address")?,
            activation_id: row.get("activation_id")?,
            key_fingerprint: data_encoding::HEXLOWER.encode(&key),
            node_id: row.get("node_id")?,
            requested_at: row.get("requested_at")?,
            last_seen_at: row.get("last_seen_at")?,
            decided_at: row.get("decided_at")?,
            decided_by: row.get("decided_by")?,
        })
    }

    /// For rules of bulk decisions.
    fn member(&self, key: &str) -> Option<String> {
        Some(match key {
            "name" => self.computer_name.clone(),
            "id" => self.request_id.clone(),
            "machine" => self.machine_id.clone(),
            "platform" => self.platform.clone(),
            "address" => self.address.clone(),
            "activation" => self.activation_id.to_string(),
            "key" => self.key_fingerprint.clone(),
            "node" => self.node_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            "text" => format!("{} {} {} {}", self.computer_name, self.platform, self.address, self.request_id),
            _ => return None,
        })
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    state: Option<State>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    join_requests: Vec<JoinRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

async fn list_join_requests(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let size = page::size(request.max_results, 1, 100, 50)?;
    let after: Option<(i64, String)> = page::parse(request.next_token.as_deref())?;
    let mut select = Select::new(sql::SELECT).and_condition(&cx.visible(KIND, "join_request.id"));
    if let Some(state) = request.state {
        select = select.and("join_request.state = ?", [state.as_str().into()]);
    }
    if let Some((at, id)) = after {
        select = select.and("(requested_at, id) < (?, ?)", [at.into(), id.into()]);
    }
    let select = select.order("requested_at DESC, id DESC").limit(size + 1);
    let found = cx.read(move |tx| Ok(select.rows(tx, JoinRequest::from_row)?)).await?;
    let (join_requests, next_token) = page::cut(found, size, |r| (r.requested_at.millis(), r.request_id.clone()));
    Ok(ListResult { join_requests, next_token })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ApproveRequest {
    #[serde(default)]
    request_ids: Vec<String>,
    /// Instead of ids: every pending request that matches. Keys: name, address, machine, platform, activation, key, node, id, text.
    filter: Option<Filter>,
    /// A system installed anew becomes a node of its own instead of taking over its record.
    #[serde(default)]
    as_new_node: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RejectRequest {
    #[serde(default)]
    request_ids: Vec<String>,
    filter: Option<Filter>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DecisionResult {
    request_ids: Vec<String>,
}

async fn approve_join(cx: Cx, request: ApproveRequest) -> ApiResult<DecisionResult> {
    decide(&cx, State::Approved, request.request_ids, request.filter, request.as_new_node).await
}

async fn reject_join(cx: Cx, request: RejectRequest) -> ApiResult<DecisionResult> {
    decide(&cx, State::Rejected, request.request_ids, request.filter, false).await
}

/// Decides requests; all that were named, or none.
async fn decide(cx: &Cx, state: State, ids: Vec<String>, filter: Option<Filter>, as_new_node: bool) -> ApiResult<DecisionResult> {
    if ids.is_empty() == filter.is_none() {
        return Err(ApiError::validation("name the requests by `RequestIds`, or by a `Filter`"));
    }
    if let Some(filter) = &filter {
        filter.check().map_err(|e| ApiError::validation(e.to_string()))?;
    }
    let (visible, by, now, bus) = (
        cx.visible(KIND, "join_request.id"),
        cx.caller().name.clone(),
        cx.now(),
        cx.services.bus.clone(),
    );
    cx.write(move |tx| {
        let mut select = Select::new(sql::SELECT).and_condition(&visible);
        // A rejected one may still be let in by name.
        select = match &filter {
            Some(_) => select.and("join_request.state = 'Pending'", []),
            None => select.and_in("join_request.id", ids.iter().map(|id| id.as_str().into())),
        };
        let mut found = select.order("requested_at, id").rows(tx, JoinRequest::from_row)?;
        if let Some(filter) = &filter {
            found.retain(|request| matches(filter, request));
        }
        if let Some(missing) = ids.iter().find(|id| !found.iter().any(|request| request.request_id == **id)) {
            let shown: String = missing.chars().filter(|c| !c.is_control()).take(80).collect();
            return Err(ApiError::new(
                "DoesNotExistException",
                format!("there is no join request `{shown}`"),
            ));
        }
        for request in &found {
            sql::decide(tx, &request.request_id, state, as_new_node, &by, now)?;
        }
        bus.emit(tx, Event::JoinRequestsChanged);
        Ok(DecisionResult {
            request_ids: found.into_iter().map(|request| request.request_id).collect(),
        })
    })
    .await
}

fn matches(filter: &Filter, request: &JoinRequest) -> bool {
    let keys = ["name", "id", "machine", "platform", "address", "activation", "key", "node", "text"];
    let members: Vec<(&str, String)> = keys.iter().filter_map(|key| Some((*key, request.member(key)?))).collect();
    filter.matches(|key| members.iter().find(|(k, _)| *k == key).map(|(_, v)| v.as_str()))
}

#[derive(Deserialize, JsonSchema)]
struct RequestsTopic {}

/// Some request is new or was decided: read the list again.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RequestsEvent {
    reload: bool,
}

async fn follow(cx: Cx, _topic: RequestsTopic, feed: Feed) -> ApiResult<()> {
    let mut events = cx.services.bus.subscribe();
    // What changed since the follower read its list is told by nobody else.
    feed.send(&RequestsEvent { reload: true }).await?;
    loop {
        match events.recv().await {
            Ok(Event::JoinRequestsChanged) | Err(RecvError::Lagged(_)) => feed.send(&RequestsEvent { reload: true }).await?,
            Ok(_) => {}
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

/// Where a key that wants to join stands.
pub enum Standing {
    /// Nobody has decided; the words are for the node.
    Waits(String),
    Rejected,
    /// It may join, as this record when there is one.
    Approved(Option<NodeId>),
}

/// What a system says when it asks.
pub struct Asking<'a> {
    pub key: &'a NodeKey,
    pub activation: &'a ActivationId,
    pub facts: &'a NodeFacts,
    pub address: &'a str,
    /// The record it may take over.
    pub rejoins: Option<NodeId>,
}

/// Finds or makes the request of a key.
pub fn ask(tx: &Tx<'_>, asking: &Asking<'_>, now: Timestamp) -> ApiResult<(Standing, bool)> {
    let waits = |id: &str| {
        Standing::Waits(format!(
            "join request {id} waits for approval: `roadstead join-request approve {id}`, or the console's page of join requests"
        ))
    };
    if let Some((id, state, node)) = sql::of_key(tx, asking.key)? {
        sql::touch(tx, &id, asking, now)?;
        let standing = match state {
            State::Pending => waits(&id),
            State::Rejected => Standing::Rejected,
            State::Approved => {
                sql::forget(tx, &id)?;
                Standing::Approved(node)
            }
        };
        return Ok((standing, state == State::Approved));
    }
    if tx.count("SELECT count(*) FROM join_request WHERE state = 'Pending'", &[])? >= MAX_PENDING {
        return Err(ApiError::new("LimitExceededException", "too many join requests wait for approval"));
    }
    let id = format!("jr-{}", random_hex(17));
    sql::insert(tx, &id, asking, now)?;
    Ok((waits(&id), true))
}

/// How many wait.
pub fn count_pending(tx: &Tx<'_>) -> Result<i64, StoreError> {
    tx.count("SELECT count(*) FROM join_request WHERE state = 'Pending'", &[])
}

pub mod sql {
    use super::*;

    pub const SELECT: &str =
        "SELECT join_request.id, key_hash, activation_id, node_id, state, computer_name, machine_id, platform, address,
        requested_at, last_seen_at, decided_at, decided_by FROM join_request";

    pub fn of_key(tx: &Tx<'_>, key: &NodeKey) -> Result<Option<(String, State, Option<NodeId>)>, StoreError> {
        let sql = "SELECT id, state, node_id FROM join_request WHERE key_hash = :key";
        tx.row(sql, &[(":key", key.0.as_slice().into())], |row| {
            Ok((row.get("id")?, row.parsed("state")?, row.get("node_id")?))
        })
    }

    pub fn insert(tx: &Tx<'_>, id: &str, asking: &Asking<'_>, now: Timestamp) -> Result<(), StoreError> {
        let facts = asking.facts;
        let params = [
            (":id", id.into()),
            (":key", asking.key.0.as_slice().into()),
            (":activation", asking.activation.into()),
            (":node", asking.rejoins.as_ref().map(crate::hub::store::Value::from).into()),
            (":computer", (&facts.computer_name).into()),
            (":machine", (&facts.machine_id).into()),
            (
                ":platform",
                format!("{} {}", facts.platform_name, facts.platform_version).trim().into(),
            ),
            (":address", asking.address.into()),
            (":now", now.into()),
        ];
        tx.execute(
            "INSERT INTO join_request (id, key_hash, activation_id, node_id, state, computer_name, machine_id, platform, address,
                 requested_at, last_seen_at)
             VALUES (:id, :key, :activation, :node, 'Pending', :computer, :machine, :platform, :address, :now, :now)",
            &params,
        )
        .map(|_| ())
    }

    pub fn touch(tx: &Tx<'_>, id: &str, asking: &Asking<'_>, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE join_request SET last_seen_at = :now, address = :address WHERE id = :id";
        tx.execute(
            sql,
            &[(":id", id.into()), (":now", now.into()), (":address", asking.address.into())],
        )
        .map(|_| ())
    }

    pub fn decide(tx: &Tx<'_>, id: &str, state: State, as_new_node: bool, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE join_request SET state = :state, decided_by = :by, decided_at = :now,
                node_id = CASE WHEN :as_new THEN NULL ELSE node_id END WHERE id = :id";
        let params = [
            (":id", id.into()),
            (":state", state.as_str().into()),
            (":as_new", as_new_node.into()),
            (":by", by.into()),
            (":now", now.into()),
        ];
        tx.execute(sql, &params).map(|_| ())
    }

    pub fn forget(tx: &Tx<'_>, id: &str) -> Result<(), StoreError> {
        tx.execute("DELETE FROM join_request WHERE id = :id", &[(":id", id.into())])
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_read_back() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }
}
