//! CreateJoinLine: an activation and the line to paste on a node, in one step.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::ActivationId;
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::capabilities::activations::permits::{self, NewPermit};
use crate::hub::labels::Tag;
use crate::wire::token::JoinToken;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Roadstead,
        "CreateJoinLine",
        |_: &CreateRequest| Target::Hub,
        create_join_line,
    );
}

/// A line left in a shell history should not open the fleet for long.
const LONGEST_S: u64 = 365 * 24 * 3600;
/// What `IamRole` of an activation made here says; upstream requires one and we have no use for it.
const ROLE: &str = "roadstead";

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CreateRequest {
    #[serde(default)]
    tags: Vec<Tag>,
    count: Option<i64>,
    expires_in_seconds: Option<u64>,
    name: Option<String>,
    /// Who joins by it waits until somebody approves.
    #[serde(default)]
    needs_approval: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CreateResult {
    activation_id: ActivationId,
    token: String,
    line: String,
    offline_line: String,
    expires_at: Timestamp,
    addresses: Vec<String>,
}

async fn create_join_line(cx: Cx, request: CreateRequest) -> ApiResult<CreateResult> {
    let life = request.expires_in_seconds.map_or(permits::DEFAULT_LIFE, Duration::from_secs);
    if life.is_zero() || life.as_secs() > LONGEST_S {
        return Err(constraint::violated(
            &life.as_secs().to_string(),
            "expiresInSeconds",
            &format!("have value between 1 and {LONGEST_S}"),
        ));
    }
    let expires_at = cx.now() + life;
    let permit = NewPermit {
        default_name: request.name.filter(|n| !n.is_empty()),
        description: "join line".into(),
        iam_role: ROLE.into(),
        registration_limit: request.count.unwrap_or(1),
        expires_at,
        tags: request.tags,
        needs_approval: request.needs_approval,
        twin_of: None,
    };
    let (activation_id, activation_code) = permits::create(&cx, permit).await?;
    let addresses = cx.services.facts.addresses.clone();
    let token = JoinToken {
        addresses: addresses.clone(),
        hub_key: cx.services.hub_keys.fingerprint(),
        activation_id: activation_id.clone(),
        activation_code,
    }
    .to_string();
    let lines = (cx.services.installer.lines)(addresses.clone(), token.clone()).await;
    Ok(CreateResult {
        activation_id,
        token,
        line: lines.online,
        offline_line: lines.offline,
        expires_at,
        addresses,
    })
}
