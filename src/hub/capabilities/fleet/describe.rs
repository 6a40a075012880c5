//! Nodes as upstream's clients see them: DescribeInstanceInformation, DescribeInstanceProperties, DeregisterManagedInstance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::{ActivationId, NodeId};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::fleet::filters::{self, LegacyFilter, StringFilter};
use crate::hub::capabilities::fleet::nodes::{self, KIND, Node, NodeStatus};
use crate::hub::events::Event;
use crate::hub::labels::{self, Kind};
use crate::hub::store::{Select, StoreError, Tx};

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Ssm,
        "DescribeInstanceInformation",
        |_: &DescribeInformationRequest| Target::Rows(KIND),
        describe_instance_information,
    )
    .read(
        Service::Ssm,
        "DescribeInstanceProperties",
        |_: &DescribePropertiesRequest| Target::Rows(KIND),
        describe_instance_properties,
    )
    .write(
        Service::Ssm,
        "DeregisterManagedInstance",
        |r: &DeregisterRequest| Target::Resource(KIND, r.instance_id.clone()),
        deregister_managed_instance,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeInformationRequest {
    instance_information_filter_list: Option<Vec<LegacyFilter>>,
    filters: Option<Vec<StringFilter>>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeInformationResult {
    instance_information_list: Vec<InstanceInformation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// *Source*: `InstanceInformation` of the service model.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct InstanceInformation {
    instance_id: NodeId,
    ping_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_ping_date_time: Option<Timestamp>,
    agent_version: String,
    /// Not among an `InstanceProperty`'s members.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_latest_version: Option<bool>,
    platform_type: &'static str,
    platform_name: String,
    platform_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation_id: Option<ActivationId>,
    iam_role: String,
    registration_date: Timestamp,
    resource_type: &'static str,
    name: String,
    #[serde(rename = "IPAddress", skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
    computer_name: String,
    source_id: NodeId,
    source_type: &'static str,
}

async fn describe_instance_information(cx: Cx, request: DescribeInformationRequest) -> ApiResult<DescribeInformationResult> {
    let filters = filters::INFORMATION.read(request.instance_information_filter_list, request.filters)?;
    let size = page::size(request.max_results, 5, 50, 10)?;
    let tags = filters.iter().filter(|filter| filter.is_of_tags()).count();
    if tags > 0 && tags < filters.len() {
        return Err(ApiError::new(
            "InvalidFilterKey",
            "tag filters cannot be combined with other filters",
        ));
    }
    let (found, next_token) = list(&cx, filters, size, request.next_token, "InvalidInstanceInformationFilterValue").await?;
    let now = cx.now();
    Ok(DescribeInformationResult {
        instance_information_list: found.into_iter().map(|node| information(node, now)).collect(),
        next_token,
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribePropertiesRequest {
    instance_property_filter_list: Option<Vec<LegacyFilter>>,
    filters_with_operator: Option<Vec<StringFilter>>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribePropertiesResult {
    instance_properties: Vec<InstanceProperty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// *Source*: `InstanceProperty` of the service model.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct InstanceProperty {
    #[serde(flatten)]
    information: InstanceInformation,
    architecture: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    launch_time: Option<Timestamp>,
}

async fn describe_instance_properties(cx: Cx, request: DescribePropertiesRequest) -> ApiResult<DescribePropertiesResult> {
    let filters = filters::PROPERTIES.read(request.instance_property_filter_list, request.filters_with_operator)?;
    let size = page::size(request.max_results, 5, 1000, 10)?;
    let (found, next_token) = list(&cx, filters, size, request.next_token, "InvalidInstancePropertyFilterValue").await?;
    let now = cx.now();
    let instance_properties = found.into_iter().map(|node| InstanceProperty {
        architecture: node.facts.architecture.clone(),
        launch_time: node.booted_at(),
        information: InstanceInformation {
            is_latest_version: None,
            ..information(node, now)
        },
    });
    Ok(DescribePropertiesResult {
        instance_properties: instance_properties.collect(),
        next_token,
    })
}

fn information(node: Node, now: Timestamp) -> InstanceInformation {
    InstanceInformation {
        ping_status: ping_status(node.status),
        last_ping_date_time: node.last_seen(now),
        is_latest_version: Some(node.facts.agent_version == env!("CARGO_PKG_VERSION")),
        agent_version: node.facts.agent_version,
        platform_type: "Linux",
        platform_name: node.facts.platform_name,
        platform_version: node.facts.platform_version,
        activation_id: node.activation_id,
        iam_role: node.iam_role,
        registration_date: node.joined_at,
        resource_type: "ManagedInstance",
        name: node.name,
        ip_address: node.facts.addresses.into_iter().next(),
        computer_name: node.facts.computer_name,
        source_id: node.id.clone(),
        source_type: "AWS::SSM::ManagedInstance",
        instance_id: node.id,
    }
}

fn ping_status(status: NodeStatus) -> &'static str {
    match status {
        NodeStatus::Online => "Online",
        NodeStatus::Offline => "ConnectionLost",
    }
}

/// One page of nodes, by id.
async fn list(
    cx: &Cx,
    filters: Vec<StringFilter>,
    size: usize,
    next: Option<String>,
    bad_value: &'static str,
) -> ApiResult<(Vec<Node>, Option<String>)> {
    let after: Option<NodeId> = page::parse(next.as_deref())?;
    let mut select = Select::new(nodes::sql::SELECT)
        .and("node.removed_at IS NULL", [])
        .and_condition(&cx.visible(KIND, "node.id"));
    for filter in &filters {
        select = filter.narrow(select, bad_value)?;
    }
    if let Some(after) = &after {
        select = select.and("node.id > ?", [after.into()]);
    }
    let select = select.order("node.id").limit(size + 1);
    let found = cx.read(move |tx| Ok(select.rows(tx, Node::from_row)?)).await?;
    Ok(page::cut(found, size, |node| node.id.clone()))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DeregisterRequest {
    instance_id: String,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

/// Removes a node: its key is refused from now on and its id is never used again. What it did stays on record.
async fn deregister_managed_instance(cx: Cx, request: DeregisterRequest) -> ApiResult<Empty> {
    let node: NodeId = request.instance_id.parse().map_err(|_| nodes::unknown(&request.instance_id))?;
    let (now, bus, id) = (cx.now(), cx.services.bus.clone(), node.clone());
    let removed = cx.write(move |tx| {
        if !remove(tx, &id, now)? {
            return Err(nodes::unknown(id.as_str()));
        }
        bus.emit(tx, Event::NodeRemoved(id.clone()));
        Ok(())
    });
    removed.await?;
    cx.services.link().disconnect(&node);
    Ok(Empty {})
}

fn remove(tx: &Tx<'_>, node: &NodeId, now: Timestamp) -> Result<bool, StoreError> {
    labels::remove_all(tx, Kind::Node, node.as_str())?;
    let sql =
        "UPDATE node SET removed_at = :now, status = 'Offline', last_seen_at = CASE status WHEN 'Online' THEN :now ELSE last_seen_at END
               WHERE id = :id AND removed_at IS NULL";
    Ok(tx.execute(sql, &[(":id", node.into()), (":now", now.into())])? > 0)
}
