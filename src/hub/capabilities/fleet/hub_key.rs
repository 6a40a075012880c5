//! Changing the hub's key: announced to every agent, taken by those that are away when they come back.
//!
//! The state is `succession.json` beside the database ([`crate::hub::keys`]); the rows only say which key each node pins.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Declare, Reports, Service, Services, Target};
use crate::hub::audit::Outcome;
use crate::hub::capabilities::fleet::nodes::KIND;
use crate::hub::events::Event;
use crate::hub::keys::ChangeError;
use crate::hub::link::NotSent;
use crate::hub::store::{Condition, Select, StoreError, Tx};
use crate::wire::control::{ToAgent, ToHub};
use crate::wire::token::is_fingerprint;

/// How long connected agents have to take in a new key before it is used.
const HEARD: Duration = Duration::from_secs(1);
const NOT_YOURS: &str = "the hub's key is of the whole hub: a user or key that is narrowed to some nodes does not change it";

pub fn operations(api: &mut Declare<'_>) {
    api.read(Service::Roadstead, "DescribeHubKey", |_: &Empty| Target::Hub, describe_hub_key)
        .write(Service::Roadstead, "RotateHubKey", |_: &Empty| Target::Hub, rotate_hub_key)
        .write(
            Service::Roadstead,
            "FinishHubKeyRotation",
            |_: &FinishRequest| Target::Hub,
            finish_hub_key_rotation,
        );
}

pub fn reports(reports: &mut Reports) {
    reports
        .on_frame(
            |frame| matches!(frame, ToHub::Trusts { .. }),
            |services, node, frame| trusts(services, node, frame).boxed(),
        )
        .on_connected(announce);
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Empty {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct HubKey {
    /// SHA-256 of the present key, hexadecimal: what agents pin and join tokens name.
    fingerprint: String,
    /// The key before it, while agents take both.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_fingerprint: Option<String>,
    /// Nodes that pin the present key.
    nodes_with_it: i64,
    /// Nodes that do not yet: they learn it when they connect.
    nodes_without_it: i64,
    /// How often the key was changed.
    changes: usize,
}

async fn describe_hub_key(cx: Cx, _request: Empty) -> ApiResult<HubKey> {
    let keys = &cx.services.hub_keys;
    let (fingerprint, old_fingerprint) = (keys.fingerprint(), keys.old_fingerprint());
    let (changes, wanted) = (keys.succession().links.len(), fingerprint.clone());
    let visible = cx.visible(KIND, "node.id");
    let (with, without) = cx.read(move |tx| Ok(sql::counts(tx, &wanted, &visible)?)).await?;
    Ok(HubKey {
        fingerprint,
        old_fingerprint,
        nodes_with_it: with,
        nodes_without_it: without,
        changes,
    })
}

async fn rotate_hub_key(cx: Cx, _request: Empty) -> ApiResult<HubKey> {
    cx.require_fleet(NOT_YOURS)?;
    cx.audit(Outcome::Done, String::new()).await?;
    let (keys, now) = (cx.services.hub_keys.clone(), cx.now());
    change({
        let keys = keys.clone();
        move || keys.prepare(now)
    })
    .await?;
    // Told first: an order signed by a key that an agent has not heard of would be refused.
    tell_everybody(&cx.services).await?;
    tokio::time::sleep(HEARD).await;
    change(move || keys.switch()).await?;
    tracing::info!(fingerprint = %cx.services.hub_keys.fingerprint(), "the hub's key was changed");
    describe_hub_key(cx, Empty {}).await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct FinishRequest {
    /// Although some nodes do not pin the new key yet; they still learn it from its signature when they connect.
    #[serde(default)]
    anyway: bool,
}

async fn finish_hub_key_rotation(cx: Cx, request: FinishRequest) -> ApiResult<HubKey> {
    cx.require_fleet(NOT_YOURS)?;
    let present = cx.services.hub_keys.fingerprint();
    let (_, without) = cx.read(move |tx| Ok(sql::counts(tx, &present, &Condition::Always)?)).await?;
    if without > 0 && !request.anyway {
        return Err(ApiError::validation(format!(
            "{without} of the nodes do not have the new key yet: wait until they have connected, or say `Anyway`"
        )));
    }
    cx.audit(Outcome::Done, String::new()).await?;
    let keys = cx.services.hub_keys.clone();
    change(move || keys.finish()).await?;
    tell_everybody(&cx.services).await?;
    describe_hub_key(cx, Empty {}).await
}

async fn change(work: impl FnOnce() -> Result<(), ChangeError> + Send + 'static) -> ApiResult<()> {
    let changed = tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?;
    changed.map_err(|error| match error {
        ChangeError::Io(_) => ApiError::internal(error),
        open => ApiError::validation(open.to_string()),
    })
}

fn announcement(services: &Services) -> Option<ToAgent> {
    let succession = services.hub_keys.succession();
    (!succession.links.is_empty()).then_some(ToAgent::Succession {
        links: succession.links,
        is_open: succession.is_open,
    })
}

async fn tell_everybody(services: &Arc<Services>) -> ApiResult<()> {
    let Some(frame) = announcement(services) else { return Ok(()) };
    for node in services.read(|tx| Ok(sql::online(tx)?)).await? {
        if services.link().send(&node, &frame) == Err(NotSent::Full) {
            // It is told when it comes back.
            services.link().disconnect(&node);
        }
    }
    Ok(())
}

fn announce(services: Arc<Services>, node: NodeId, _running: Vec<CommandId>) -> BoxFuture<'static, ()> {
    if let Some(frame) = announcement(&services) {
        let _ = services.link().send(&node, &frame);
    }
    std::future::ready(()).boxed()
}

async fn trusts(services: Arc<Services>, node: NodeId, frame: ToHub) {
    let ToHub::Trusts { hub_key } = frame else { return };
    if !is_fingerprint(&hub_key) {
        return;
    }
    let (bus, id) = (services.bus.clone(), node.clone());
    let written = services.write(move |tx| {
        sql::set_hub_key(tx, &id, &hub_key)?;
        bus.emit(tx, Event::NodeChanged(id.clone()));
        Ok(())
    });
    if let Err(error) = written.await {
        tracing::warn!(node_id = %node, error = %error, "which key of the hub a node pins was not stored");
    }
}

pub mod sql {
    use super::*;

    pub fn set_hub_key(tx: &Tx<'_>, node: &NodeId, hub_key: &str) -> Result<(), StoreError> {
        let sql = "UPDATE node SET hub_key = :hub_key WHERE id = :id AND hub_key <> :hub_key";
        tx.execute(sql, &[(":id", node.into()), (":hub_key", hub_key.into())]).map(|_| ())
    }

    /// Nodes with this key and nodes without it.
    pub fn counts(tx: &Tx<'_>, hub_key: &str, visible: &Condition) -> Result<(i64, i64), StoreError> {
        let count = |condition| {
            let all = Select::new("SELECT count(*) FROM node").and("node.removed_at IS NULL", []);
            all.and(condition, [hub_key.into()]).and_condition(visible).count(tx)
        };
        Ok((count("node.hub_key = ?")?, count("node.hub_key <> ?")?))
    }

    pub fn online(tx: &Tx<'_>) -> Result<Vec<NodeId>, StoreError> {
        tx.rows("SELECT id FROM node WHERE status = 'Online' AND removed_at IS NULL", &[], |row| {
            row.get("id")
        })
    }
}
