//! The freeze switch as operations: one to turn it, one to look.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::auth::freeze::Frozen;

pub fn operations(api: &mut Declare<'_>) {
    api.write(Service::Roadstead, "SetFreeze", |_: &SetRequest| switch(), set_freeze)
        .read(Service::Roadstead, "GetFreeze", |_: &GetRequest| switch(), get_freeze);
}

fn switch() -> Target {
    Target::Resource("freeze", String::new())
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "SetFreezeRequest")]
struct SetRequest {
    frozen: bool,
    #[serde(default)]
    reason: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct FreezeState {
    frozen: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<Option<&Frozen>> for FreezeState {
    fn from(frozen: Option<&Frozen>) -> Self {
        Self {
            frozen: frozen.is_some(),
            by: frozen.map(|f| f.by.clone()),
            at: frozen.map(|f| f.at),
            reason: frozen.map(|f| f.reason.clone()).filter(|r| !r.is_empty()),
        }
    }
}

/// Freezing a frozen hub keeps who froze it first. It stops everybody, so whoever has only a part of the fleet may not.
async fn set_freeze(cx: Cx, request: SetRequest) -> ApiResult<FreezeState> {
    cx.require_whole()?;
    constraint::at_most(&request.reason, "reason", 256)?;
    let before = cx.services.freeze.current();
    let wanted = request.frozen.then(|| match &before {
        Some(frozen) => (**frozen).clone(),
        None => Frozen {
            by: cx.caller().name.clone(),
            at: cx.now(),
            reason: request.reason,
        },
    });
    let state = FreezeState::from(wanted.as_ref());
    let services = cx.services.clone();
    cx.write(move |tx| Ok(services.freeze.set(tx, &services.bus, wanted)?)).await?;
    Ok(state)
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "GetFreezeRequest")]
struct GetRequest {}

async fn get_freeze(cx: Cx, _request: GetRequest) -> ApiResult<FreezeState> {
    Ok(FreezeState::from(cx.services.freeze.current().as_deref()))
}
