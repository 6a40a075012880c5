//! Explorer: the whole fleet in a few numbers, each of which leads to its list.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiResult, Timestamp};
use crate::hub::api::registry::{no_jobs, no_reports, no_streams};
use crate::hub::api::{Capability, Cx, Declare, Service, Target};
use crate::hub::capabilities::activations::permits;
use crate::hub::capabilities::commands::list::CommandView;
use crate::hub::capabilities::commands::rows::{self, Command};
use crate::hub::store::{Select, StoreError, Tx};

pub const CAPABILITY: Capability = Capability {
    name: "explorer",
    operations,
    reports: no_reports,
    jobs: no_jobs,
    streams: no_streams,
};

fn operations(api: &mut Declare<'_>) {
    api.read(Service::Roadstead, "GetOverview", |_: &Empty| Target::Rows("node"), get_overview);
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const RECENT: usize = 5;

#[derive(Deserialize, JsonSchema)]
struct Empty {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Overview {
    nodes: NodeCounts,
    commands: CommandCounts,
    sessions: SessionCounts,
    activations: ActivationCounts,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct NodeCounts {
    total: i64,
    online: i64,
    offline: i64,
    by_platform: Vec<PlatformCount>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct PlatformCount {
    name: String,
    count: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CommandCounts {
    running: i64,
    #[serde(rename = "Last24h")]
    last_24h: i64,
    #[serde(rename = "Failed24h")]
    failed_24h: i64,
    recent: Vec<CommandView>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SessionCounts {
    active: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ActivationCounts {
    open: i64,
}

async fn get_overview(cx: Cx, _request: Empty) -> ApiResult<Overview> {
    let now = cx.now();
    cx.read(move |tx| {
        Ok(Overview {
            nodes: nodes(tx)?,
            commands: commands(tx, now)?,
            sessions: SessionCounts {
                active: tx.count("SELECT count(*) FROM session WHERE ended_at IS NULL", &[])?,
            },
            activations: ActivationCounts {
                open: permits::count_open(tx, now)?,
            },
        })
    })
    .await
}

fn nodes(tx: &Tx<'_>) -> Result<NodeCounts, StoreError> {
    let total = tx.count("SELECT count(*) FROM node WHERE removed_at IS NULL", &[])?;
    let online = tx.count("SELECT count(*) FROM node WHERE removed_at IS NULL AND status = 'Online'", &[])?;
    let sql = "SELECT platform_name AS name, count(*) AS n FROM node WHERE removed_at IS NULL GROUP BY platform_name ORDER BY n DESC, name LIMIT 10";
    let by_platform = tx.rows(sql, &[], |row| {
        Ok(PlatformCount {
            name: row.get("name")?,
            count: row.get("n")?,
        })
    })?;
    Ok(NodeCounts {
        total,
        online,
        offline: total - online,
        by_platform,
    })
}

fn commands(tx: &Tx<'_>, now: Timestamp) -> Result<CommandCounts, StoreError> {
    let since = [(":since", (now - DAY).into())];
    let running = "SELECT count(*) FROM command WHERE requested_at > :since AND completed_count < target_count";
    let last = "SELECT count(*) FROM command WHERE requested_at > :since";
    let failed = "SELECT count(*) FROM command WHERE requested_at > :since AND (status LIKE 'Failed/%' OR status LIKE 'TimedOut/%')";
    let recent = Select::new(rows::sql::SELECT_COMMAND)
        .order("requested_at DESC, id DESC")
        .limit(RECENT)
        .rows(tx, Command::from_row)?;
    Ok(CommandCounts {
        running: tx.count(running, &since)?,
        last_24h: tx.count(last, &since)?,
        failed_24h: tx.count(failed, &since)?,
        recent: recent.into_iter().map(Into::into).collect(),
    })
}
