//! What a group and the account are set to: `GetGroupConfiguration`, `PutGroupConfiguration`, `GetAccountSettings`,
//! `UpdateAccountSettings`.

use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::capabilities::resource_groups::named::{bad, name, require, target};
use crate::hub::labels::groups::Members;

/// A group whose resources are put in by hand.
pub const GENERIC: &str = "AWS::ResourceGroups::Generic";
const SERVICE: Service = Service::ResourceGroups;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        SERVICE,
        "GetGroupConfiguration",
        |r: &GetRequest| target(r.group.as_ref(), None),
        get_group_configuration,
    )
    .rest(Method::POST, "/get-group-configuration")
    .write(
        SERVICE,
        "PutGroupConfiguration",
        |r: &PutRequest| target(r.group.as_ref(), None),
        put_group_configuration,
    )
    .rest_status(Method::POST, "/put-group-configuration", StatusCode::ACCEPTED)
    .read(
        SERVICE,
        "GetAccountSettings",
        |_: &AccountRequest| Target::Hub,
        get_account_settings,
    )
    .rest(Method::POST, "/get-account-settings")
    .write(
        SERVICE,
        "UpdateAccountSettings",
        |_: &UpdateAccountRequest| Target::Hub,
        update_account_settings,
    )
    .rest(Method::POST, "/update-account-settings");
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GroupConfigurationItem")]
pub struct ConfigurationItem {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GroupConfigurationParameter")]
struct Parameter {
    name: String,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GroupConfiguration")]
pub struct Configuration {
    configuration: Vec<ConfigurationItem>,
    status: &'static str,
}

impl Configuration {
    /// Differs: upstream's other configurations are for services that are not here.
    ///
    /// *Errors*: `BadRequestException`.
    pub fn checked(items: Vec<ConfigurationItem>) -> ApiResult<Self> {
        match items.as_slice() {
            [item] if item.kind == GENERIC && item.parameters.is_empty() => Ok(Self {
                configuration: items,
                status: "UPDATE_COMPLETE",
            }),
            _ => Err(bad(format!(
                "the one configuration that groups of this hub have is `{GENERIC}`, without parameters"
            ))),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetGroupConfigurationRequest")]
struct GetRequest {
    group: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetGroupConfigurationResult")]
struct GetResult {
    group_configuration: Configuration,
}

async fn get_group_configuration(cx: Cx, request: GetRequest) -> ApiResult<GetResult> {
    let name = name(request.group, None)?;
    cx.read(move |tx| {
        let items = match require(tx, &name)?.members()? {
            Members::Listed => vec![ConfigurationItem {
                kind: GENERIC.into(),
                parameters: Vec::new(),
            }],
            Members::Rule(_) | Members::Query(_) => Vec::new(),
        };
        Ok(GetResult {
            group_configuration: Configuration {
                configuration: items,
                status: "UPDATE_COMPLETE",
            },
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "PutGroupConfigurationRequest")]
struct PutRequest {
    group: Option<String>,
    #[serde(default)]
    configuration: Vec<ConfigurationItem>,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

/// A listed group has the one configuration that there is; putting it changes nothing.
async fn put_group_configuration(cx: Cx, request: PutRequest) -> ApiResult<Empty> {
    cx.require_whole()?;
    let name = name(request.group, None)?;
    Configuration::checked(request.configuration)?;
    cx.write(move |tx| match require(tx, &name)?.members()? {
        Members::Listed => Ok(Empty {}),
        Members::Rule(_) | Members::Query(_) => Err(bad(format!("group `{name}` has a query: it cannot have a configuration too"))),
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "GetAccountSettingsRequest")]
struct AccountRequest {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "AccountSettingsResult")]
struct AccountResult {
    account_settings: AccountSettings,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct AccountSettings {
    group_lifecycle_events_desired_status: &'static str,
    group_lifecycle_events_status: &'static str,
}

/// Upstream tells another service of changes to groups; there is none here.
const NO_EVENTS: AccountResult = AccountResult {
    account_settings: AccountSettings {
        group_lifecycle_events_desired_status: "INACTIVE",
        group_lifecycle_events_status: "INACTIVE",
    },
};

async fn get_account_settings(_cx: Cx, _request: AccountRequest) -> ApiResult<AccountResult> {
    Ok(NO_EVENTS)
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "UpdateAccountSettingsRequest")]
struct UpdateAccountRequest {
    group_lifecycle_events_desired_status: Option<String>,
}

/// Differs: events of groups cannot be switched on.
async fn update_account_settings(cx: Cx, request: UpdateAccountRequest) -> ApiResult<AccountResult> {
    match request.group_lifecycle_events_desired_status.as_deref() {
        None | Some("INACTIVE") => cx.write(|_| Ok(NO_EVENTS)).await,
        Some("ACTIVE") => Err(ApiError::new(
            "MethodNotAllowedException",
            "this hub sends no events of groups: there is no service that would take them",
        )),
        Some(_) => Err(bad("`GroupLifecycleEventsDesiredStatus` is `ACTIVE` or `INACTIVE`")),
    }
}
