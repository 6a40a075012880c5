//! `DeleteParameter` and `DeleteParameters`: a parameter goes with its versions, labels, policies and tags.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ApiResult;
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::capabilities::parameters::read::check_names;
use crate::hub::capabilities::parameters::{KIND, id_of, malformed_name, named, not_found, rows, target};
use crate::hub::events::Event;
use crate::hub::labels;
use crate::hub::store::{StoreError, Tx};
use crate::model::parameter::ParameterKey;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Ssm,
        "DeleteParameter",
        |r: &DeleteRequest| target(r.name.as_ref()),
        delete_parameter,
    )
    .write(
        Service::Ssm,
        "DeleteParameters",
        |r: &DeleteManyRequest| Target::Resources(KIND, r.names.iter().flatten().map(|n| id_of(n)).collect()),
        delete_parameters,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DeleteRequest {
    name: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct DeleteResult {}

async fn delete_parameter(cx: Cx, request: DeleteRequest) -> ApiResult<DeleteResult> {
    let mut broken = Violations::default();
    broken.required(request.name.as_ref(), "name");
    broken.length(request.name.as_ref(), "name", 1..=2048);
    broken.check()?;
    let name = request.name.unwrap_or_default();
    let key = key_to_delete(&name)?;
    let bus = cx.services.bus.clone();
    cx.write(move |tx| {
        if !remove(tx, &key)? {
            return Err(not_found(&name));
        }
        bus.emit(tx, Event::ParameterChanged(key.to_string()));
        Ok(DeleteResult {})
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DeleteManyRequest {
    names: Option<Vec<String>>,
}

#[derive(Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DeleteManyResult {
    deleted_parameters: Vec<String>,
    invalid_parameters: Vec<String>,
}

async fn delete_parameters(cx: Cx, request: DeleteManyRequest) -> ApiResult<DeleteManyResult> {
    check_names(request.names.as_ref())?;
    let names = request.names.unwrap_or_default();
    let bus = cx.services.bus.clone();
    cx.write(move |tx| {
        let mut result = DeleteManyResult::default();
        for name in names {
            match key_to_delete(&name) {
                Ok(key) if remove(tx, &key)? => {
                    bus.emit(tx, Event::ParameterChanged(key.to_string()));
                    result.deleted_parameters.push(name);
                }
                _ => result.invalid_parameters.push(name),
            }
        }
        Ok(result)
    })
    .await
}

/// Only a name will do here, as upstream has it: no ARN, no selector.
fn key_to_delete(name: &str) -> ApiResult<ParameterKey> {
    let reference = named(name)?;
    reference.name.ok_or_else(malformed_name)?;
    Ok(reference.key)
}

/// Removes a parameter and all that hangs on it; `false` when it is not there.
pub fn remove(tx: &Tx<'_>, key: &ParameterKey) -> Result<bool, StoreError> {
    labels::remove_all(tx, labels::Kind::Parameter, key.as_str())?;
    rows::sql::delete(tx, key)
}
