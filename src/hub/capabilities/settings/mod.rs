//! The hub itself: what it is, where it is reached, how much it holds; and the mark it leaves while it is alive.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiResult, Timestamp};
use crate::hub::api::registry::{no_reports, no_streams};
use crate::hub::api::{Capability, Cx, Declare, Service, Services, Target};
use crate::hub::jobs::Job;
use crate::hub::store::{StoreError, Tx};
use crate::model::access::kinds::NODE;

pub const CAPABILITY: Capability = Capability {
    name: "settings",
    operations,
    reports: no_reports,
    jobs,
    streams: no_streams,
};

fn operations(api: &mut Declare<'_>) {
    api.read(Service::Roadstead, "DescribeHub", |_: &Empty| Target::Hub, describe_hub);
}

fn jobs() -> Vec<Job<Arc<Services>>> {
    vec![Job {
        name: "alive",
        period: Duration::from_secs(30),
        wakes: |_| false,
        tick: |services| mark_alive(services).boxed(),
    }]
}

#[derive(Deserialize, JsonSchema)]
struct Empty {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct HubView {
    version: &'static str,
    account_id: String,
    region: String,
    addresses: Vec<String>,
    ca_fingerprint: String,
    hub_key: String,
    started_at: Timestamp,
    /// Of the nodes that the caller may see.
    nodes_total: i64,
    nodes_online: i64,
    database_bytes: u64,
    blob_bytes: i64,
    architectures: Vec<String>,
}

async fn describe_hub(cx: Cx, _request: Empty) -> ApiResult<HubView> {
    let services = &cx.services;
    let visible = cx.visible(NODE, "node.id");
    let counts = cx.read(move |tx| Ok(sql::counts(tx, &visible)?)).await?;
    // What was written last is in the log beside the database.
    let mut database_bytes = 0;
    for file in ["hub.db", "hub.db-wal"] {
        database_bytes += tokio::fs::metadata(services.config.data.join(file)).await.map_or(0, |m| m.len());
    }
    Ok(HubView {
        version: env!("CARGO_PKG_VERSION"),
        account_id: services.config.account_id.clone(),
        region: services.config.region.clone(),
        addresses: services.facts.addresses.clone(),
        ca_fingerprint: services.facts.ca_fingerprint.clone(),
        hub_key: services.hub_keys.fingerprint(),
        started_at: services.facts.started_at,
        nodes_total: counts.nodes,
        nodes_online: counts.nodes_online,
        database_bytes,
        blob_bytes: counts.blob_bytes,
        architectures: (services.installer.architectures)().await,
    })
}

/// After a crash this says when the hub was last alive: nodes that were connected then were seen until then.
async fn mark_alive(services: Arc<Services>) {
    let now = services.now();
    let marked = services.write(move |tx| {
        let sql = "INSERT INTO setting (name, value) VALUES ('alive_at', :now) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        Ok(tx.execute(sql, &[(":now", now.millis().to_string().into())])?)
    });
    if let Err(error) = marked.await {
        tracing::warn!(error = %error, "the hub's mark of life was not written");
    }
}

/// When the hub was last known to be alive; the beginning of time for a new one.
pub fn alive_at(tx: &Tx<'_>) -> Result<Timestamp, StoreError> {
    let found: Option<String> = tx.row("SELECT value FROM setting WHERE name = 'alive_at'", &[], |row| row.get("value"))?;
    Ok(Timestamp::from_millis(found.and_then(|v| v.parse().ok()).unwrap_or(0)))
}

mod sql {
    use super::*;
    use crate::hub::store::{Condition, Select};

    pub struct Counts {
        pub nodes: i64,
        pub nodes_online: i64,
        pub blob_bytes: i64,
    }

    /// What there is of the nodes that the caller may see, and of the hub's files.
    pub fn counts(tx: &Tx<'_>, visible: &Condition) -> Result<Counts, StoreError> {
        let nodes = || {
            let all = Select::new("SELECT count(*) FROM node").and("node.removed_at IS NULL", []);
            all.and_condition(visible)
        };
        Ok(Counts {
            nodes: nodes().count(tx)?,
            nodes_online: nodes().and("node.status = 'Online'", []).count(tx)?,
            blob_bytes: tx.count("SELECT coalesce(sum(size), 0) FROM blob WHERE content IS NULL", &[])?,
        })
    }
}
