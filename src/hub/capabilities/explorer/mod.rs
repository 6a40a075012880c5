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
use crate::hub::store::{Condition, Select, StoreError, Tx};

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
/// Most platforms told apart.
const PLATFORMS: usize = 10;

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
    cx.clone()
        .read(move |tx| {
            let sessions = Select::new("SELECT count(*) FROM session")
                .and("ended_at IS NULL", [])
                .and_condition(&cx.visible_for("ssm:DescribeSessions", "session", "session.id"));
            let activations = cx.visible_for("ssm:DescribeActivations", permits::KIND, "activation.id");
            Ok(Overview {
                nodes: nodes(tx, &cx.visible("node", "node.id"))?,
                commands: commands(tx, &cx.visible_for("ssm:ListCommands", "command", "command.id"), now)?,
                sessions: SessionCounts {
                    active: sessions.count(tx)?,
                },
                activations: ActivationCounts {
                    open: permits::count_open(tx, &activations, now)?,
                },
            })
        })
        .await
}

fn nodes(tx: &Tx<'_>, visible: &Condition) -> Result<NodeCounts, StoreError> {
    let count = |head| Select::new(head).and("removed_at IS NULL", []).and_condition(visible);
    let total = count("SELECT count(*) FROM node").count(tx)?;
    let online = count("SELECT count(*) FROM node").and("status = 'Online'", []).count(tx)?;
    let by_platform = count("SELECT platform_name AS name, count(*) AS n FROM node")
        .group("platform_name")
        .order("n DESC, name")
        .limit(PLATFORMS)
        .rows(tx, |row| {
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

fn commands(tx: &Tx<'_>, visible: &Condition, now: Timestamp) -> Result<CommandCounts, StoreError> {
    let count = |condition| {
        Select::new("SELECT count(*) FROM command")
            .and("requested_at > ?", [(now - DAY).into()])
            .and(condition, [])
            .and_condition(visible)
            .count(tx)
    };
    let recent = Select::new(rows::sql::SELECT_COMMAND)
        .and_condition(visible)
        .order("requested_at DESC, id DESC")
        .limit(RECENT)
        .rows(tx, Command::from_row)?;
    Ok(CommandCounts {
        running: count("completed_count < target_count")?,
        last_24h: count("1")?,
        failed_24h: count("(status LIKE 'Failed/%' OR status LIKE 'TimedOut/%')")?,
        recent: recent.into_iter().map(Into::into).collect(),
    })
}
