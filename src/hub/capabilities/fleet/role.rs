//! UpdateManagedInstanceRole: the name of a role in the cloud, which a node keeps for upstream's clients and which grants nothing here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ApiResult;
use crate::base::id::NodeId;
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::capabilities::fleet::nodes::{self, KIND};
use crate::hub::events::Event;
use crate::hub::store::{StoreError, Tx};

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Ssm,
        "UpdateManagedInstanceRole",
        |r: &UpdateRequest| Target::Resource(KIND, r.instance_id.clone()),
        update_managed_instance_role,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct UpdateRequest {
    instance_id: String,
    iam_role: String,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

/// *Errors*: `ValidationException`, `InvalidInstanceId`.
async fn update_managed_instance_role(cx: Cx, request: UpdateRequest) -> ApiResult<Empty> {
    constraint::at_most(&request.iam_role, "iamRole", 64)?;
    let node: NodeId = request.instance_id.parse().map_err(|_| nodes::unknown(&request.instance_id))?;
    let bus = cx.services.bus.clone();
    cx.write(move |tx| {
        if !set_role(tx, &node, &request.iam_role)? {
            return Err(nodes::unknown(node.as_str()));
        }
        bus.emit(tx, Event::NodeChanged(node));
        Ok(Empty {})
    })
    .await
}

fn set_role(tx: &Tx<'_>, node: &NodeId, role: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE node SET iam_role = :role WHERE id = :id AND removed_at IS NULL";
    Ok(tx.execute(sql, &[(":id", node.into()), (":role", role.into())])? > 0)
}
