//! `DescribeParameters`: everything about parameters but their values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::parameters::KIND;
use crate::hub::capabilities::parameters::filters::{self, List, StringFilter};
use crate::hub::capabilities::parameters::kinds::{ArnHead, Kind, Tier};
use crate::hub::capabilities::parameters::policies::{self, InlinePolicy};
use crate::hub::capabilities::parameters::rows::{self, Version};
use crate::hub::store::Select;

const DEFAULT_PAGE: i64 = 10;
const LARGEST_PAGE: i64 = 50;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Ssm,
        "DescribeParameters",
        |_: &DescribeRequest| Target::Rows(KIND),
        describe_parameters,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeRequest {
    filters: Option<Vec<LegacyFilter>>,
    parameter_filters: Option<Vec<StringFilter>>,
    max_results: Option<i64>,
    next_token: Option<String>,
    shared: Option<bool>,
}

/// Upstream's older form.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct LegacyFilter {
    key: Option<String>,
    values: Option<Vec<String>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeResult {
    parameters: Vec<ParameterMetadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// *Source*: `ParameterMetadata` of the service model.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ParameterMetadata {
    name: String,
    #[serde(rename = "ARN")]
    arn: String,
    #[serde(rename = "Type")]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    last_modified_date: Timestamp,
    last_modified_user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    allowed_pattern: String,
    version: i64,
    tier: Tier,
    policies: Vec<InlinePolicy>,
    data_type: &'static str,
}

async fn describe_parameters(cx: Cx, request: DescribeRequest) -> ApiResult<DescribeResult> {
    let wanted = wanted_filters(&request)?;
    // Nobody else's parameters are on this hub.
    if request.shared.unwrap_or(false) {
        return Ok(DescribeResult {
            parameters: Vec::new(),
            next_token: None,
        });
    }
    let size = request.max_results.unwrap_or(DEFAULT_PAGE) as usize;
    let after: Option<String> = page::parse(request.next_token.as_deref())?;
    let mut select = filters::narrow(Select::new(rows::sql::NEWEST), List::Describe, &wanted)?;
    if let Some(after) = after {
        select = select.and("parameter.key > ?", [after.into()]);
    }
    let select = select
        .and_condition(&cx.visible(KIND, "parameter.key"))
        .order("parameter.key")
        .limit(size + 1);
    let head = ArnHead::of(&cx);
    cx.read(move |tx| {
        let found = select.rows(tx, Version::from_row)?;
        let (found, next_token) = page::cut(found, size, |v| v.key.to_string());
        let mut in_force = policies::of_many(tx, found.iter().filter(|v| v.policies.is_some()).map(|v| v.key.to_string()))?;
        let parameters = found.into_iter().map(|version| {
            let policies = in_force.remove(version.key.as_str()).unwrap_or_default();
            metadata(version, policies, &head)
        });
        Ok(DescribeResult {
            parameters: parameters.collect(),
            next_token,
        })
    })
    .await
}

/// Both forms of filters as one, after the service model's checks.
fn wanted_filters(request: &DescribeRequest) -> ApiResult<Vec<StringFilter>> {
    let legacy = request.filters.as_deref().unwrap_or_default();
    let modern = request.parameter_filters.as_deref().unwrap_or_default();
    let mut broken = Violations::default();
    for (index, filter) in legacy.iter().enumerate() {
        let member = |name: &str| format!("filters.{}.member.{name}", index + 1);
        broken.required(filter.key.as_ref(), &member("key"));
        broken.one_of(filter.key.as_ref(), &member("key"), &["Name", "Type", "KeyId"]);
        broken.required(filter.values.as_ref(), &member("values"));
        filters::check_values(filter.values.as_deref().unwrap_or(&["-".into()]), &member("values"), &mut broken);
    }
    filters::check_members(modern, &mut broken);
    filters::check_page_size(request.max_results, LARGEST_PAGE, &mut broken);
    broken.check()?;
    if !legacy.is_empty() && !modern.is_empty() {
        return Err(ApiError::validation(
            "You can use either Filters or ParameterFilters in a single request.",
        ));
    }
    let from_legacy = legacy.iter().map(|filter| StringFilter {
        option: (filter.key.as_deref() == Some("Name")).then(|| "BeginsWith".to_owned()),
        key: filter.key.clone(),
        values: filter.values.clone(),
    });
    Ok(from_legacy.chain(modern.iter().cloned()).collect())
}

fn metadata(version: Version, policies: Vec<InlinePolicy>, head: &ArnHead) -> ParameterMetadata {
    ParameterMetadata {
        arn: head.parameter(&version.key),
        name: version.name,
        kind: version.kind,
        key_id: version.key_id,
        last_modified_date: version.modified_at,
        last_modified_user: head.user(&version.modified_by),
        description: version.description,
        allowed_pattern: version.allowed_pattern,
        version: version.version,
        tier: version.tier,
        policies,
        data_type: version.data_type.as_str(),
    }
}
