//! Nodes as upstream's clients see them: DescribeInstanceInformation, DescribeInstanceProperties, DeregisterManagedInstance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::{ActivationId, NodeId};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::capabilities::fleet::nodes::{self, KIND, Node, NodeStatus};
use crate::hub::events::Event;
use crate::hub::labels::{self, Kind};
use crate::hub::store::{Compare, Select, StoreError, Tx, Value};

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

/// Upstream's two spellings of one filter.
#[derive(Deserialize, JsonSchema)]
struct LegacyFilter {
    key: String,
    #[serde(rename = "valueSet")]
    value_set: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct StringFilter {
    key: String,
    values: Vec<String>,
    operator: Option<String>,
}

impl From<LegacyFilter> for StringFilter {
    fn from(legacy: LegacyFilter) -> Self {
        Self {
            key: legacy.key,
            values: legacy.value_set,
            operator: None,
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeInformationRequest {
    #[serde(default)]
    instance_information_filter_list: Vec<LegacyFilter>,
    #[serde(default)]
    filters: Vec<StringFilter>,
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
    if !request.filters.is_empty() && !request.instance_information_filter_list.is_empty() {
        return Err(ApiError::validation(
            "use either `Filters` or `InstanceInformationFilterList`, not both",
        ));
    }
    for filter in &request.instance_information_filter_list {
        constraint::one_of(&filter.key, "instanceInformationFilterList.1.member.key", LEGACY_KEYS)?;
    }
    let size = page::size(request.max_results, 5, 50, 10)?;
    let filters: Vec<StringFilter> = request
        .filters
        .into_iter()
        .chain(request.instance_information_filter_list.into_iter().map(Into::into))
        .collect();
    let has_tags = filters.iter().any(|f| is_tag(&f.key));
    if has_tags && filters.iter().any(|f| !is_tag(&f.key)) {
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
    #[serde(default)]
    instance_property_filter_list: Vec<LegacyFilter>,
    #[serde(default)]
    filters_with_operator: Vec<StringFilter>,
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
    if !request.filters_with_operator.is_empty() && !request.instance_property_filter_list.is_empty() {
        return Err(ApiError::validation(
            "use either `FiltersWithOperator` or `InstancePropertyFilterList`, not both",
        ));
    }
    let size = page::size(request.max_results, 5, 1000, 10)?;
    let filters = request
        .filters_with_operator
        .into_iter()
        .chain(request.instance_property_filter_list.into_iter().map(Into::into))
        .collect();
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

const LEGACY_KEYS: &[&str] = &[
    "InstanceIds",
    "AgentVersion",
    "PingStatus",
    "PlatformTypes",
    "ActivationIds",
    "IamRole",
    "ResourceType",
    "AssociationStatus",
];

fn is_tag(key: &str) -> bool {
    key == "tag-key" || key.starts_with("tag:")
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
        select = narrow(select, filter, bad_value)?;
    }
    if let Some(after) = &after {
        select = select.and("node.id > ?", [after.into()]);
    }
    let select = select.order("node.id").limit(size + 1);
    let found = cx.read(move |tx| Ok(select.rows(tx, Node::from_row)?)).await?;
    Ok(page::cut(found, size, |node| node.id.clone()))
}

/// Adds one upstream filter.
///
/// *Errors*: `InvalidFilterKey`, `InvalidInstanceId`, and the operation's own word for an impossible value.
fn narrow(select: Select, filter: &StringFilter, bad_value: &'static str) -> ApiResult<Select> {
    let operator = filter.operator.as_deref().unwrap_or("Equal");
    constraint::one_of(
        operator,
        "filtersWithOperator.1.member.operator",
        &["Equal", "NotEqual", "BeginWith", "LessThan", "GreaterThan"],
    )?;
    if filter.values.is_empty() {
        return Err(ApiError::new(bad_value, format!("filter `{}` has no value", filter.key)));
    }
    if let Some(tag) = filter.key.strip_prefix("tag:") {
        let head = "node.id IN (SELECT id FROM tag WHERE kind = 'ManagedInstance' AND key = ? AND value = ?)";
        return Ok(select.and_any(filter.values.iter().map(|v| (head, vec![Value::from(tag), v.into()])).collect()));
    }
    let column = match filter.key.as_str() {
        "tag-key" => {
            let head = "node.id IN (SELECT id FROM tag WHERE kind = 'ManagedInstance' AND key = ?)";
            return Ok(select.and_any(filter.values.iter().map(|v| (head, vec![v.into()])).collect()));
        }
        "InstanceIds" | "SourceIds" => {
            if let Some(bad) = filter.values.iter().find(|v| !is_instance_id(v)) {
                return Err(ApiError::new("InvalidInstanceId", format!("`{bad}` is not an instance id")));
            }
            "node.id"
        }
        "AgentVersion" => "node.agent_version",
        "PingStatus" => "CASE node.status WHEN 'Online' THEN 'Online' ELSE 'ConnectionLost' END",
        "PlatformTypes" => "'Linux'",
        "ActivationIds" => "coalesce(node.activation_id, '')",
        "IamRole" => "node.iam_role",
        "ResourceType" => "'ManagedInstance'",
        "SourceTypes" => "'AWS::SSM::ManagedInstance'",
        // No document has been associated with any node yet, so none matches.
        "AssociationStatus" | "DocumentName" => "''",
        other => {
            return Err(ApiError::new(
                "InvalidFilterKey",
                format!("`{other}` is not a filter key of this operation"),
            ));
        }
    };
    check_values(filter, bad_value)?;
    Ok(compare(select, column, operator, &filter.values))
}

fn check_values(filter: &StringFilter, bad_value: &'static str) -> ApiResult<()> {
    let allowed: &[&str] = match filter.key.as_str() {
        "PingStatus" => &["Online", "ConnectionLost", "Inactive"],
        "PlatformTypes" => &["Windows", "Linux", "MacOS"],
        "ResourceType" => &["ManagedInstance", "EC2Instance"],
        _ => return Ok(()),
    };
    match filter.values.iter().find(|v| !allowed.contains(&v.as_str())) {
        Some(bad) => Err(ApiError::new(
            bad_value,
            format!("`{bad}` is not a value of filter `{}`: use {}", filter.key, allowed.join(", ")),
        )),
        None => Ok(()),
    }
}

fn compare(select: Select, column: &'static str, operator: &str, values: &[String]) -> Select {
    let condition = match operator {
        "NotEqual" => return select.and_none_equal(column, values.iter().map(Value::from)),
        "BeginWith" => Compare::Begins,
        "LessThan" => Compare::Less,
        "GreaterThan" => Compare::Greater,
        _ => return select.and_in(column, values.iter().map(Value::from)),
    };
    select.and_compare(column, condition, values.iter().map(Value::from))
}

fn is_instance_id(text: &str) -> bool {
    text.parse::<NodeId>().is_ok()
        || text
            .strip_prefix("i-")
            .is_some_and(|rest| matches!(rest.len(), 8 | 17) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
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
    let unknown = || {
        ApiError::new(
            "InvalidInstanceId",
            format!("`{}` is not a managed node of this hub", request.instance_id),
        )
    };
    let node: NodeId = request.instance_id.parse().map_err(|_| unknown())?;
    let (now, bus, id) = (cx.now(), cx.services.bus.clone(), node.clone());
    let removed = cx.write(move |tx| {
        if !remove(tx, &id, now)? {
            return Err(ApiError::new(
                "InvalidInstanceId",
                format!("`{id}` is not a managed node of this hub"),
            ));
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
