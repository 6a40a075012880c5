//! Upstream's views of what breaks the rules: `ListRequiredTags`, `GetComplianceSummary`, and the report that it would lay into
//! a bucket, `StartReportCreation` and `DescribeReportCreation`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint::{self, Violations};
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::tags::names::{KIND, check_kinds, invalid, kinds, taggable, type_name};
use crate::hub::capabilities::tags::rules;
use crate::hub::store::{Select, Tx};

const GROUPS: &[&str] = &["TARGET_ID", "REGION", "RESOURCE_TYPE"];

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Tagging,
        "ListRequiredTags",
        |_: &RequiredRequest| Target::Rows(KIND),
        list_required_tags,
    )
    .read(
        Service::Tagging,
        "GetComplianceSummary",
        |_: &SummaryRequest| Target::Rows(KIND),
        get_compliance_summary,
    )
    .write(
        Service::Tagging,
        "StartReportCreation",
        |_: &StartRequest| Target::Rows(KIND),
        start_report_creation,
    )
    .read(
        Service::Tagging,
        "DescribeReportCreation",
        |_: &DescribeRequest| Target::Rows(KIND),
        describe_report_creation,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListRequiredTagsRequest")]
struct RequiredRequest {
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListRequiredTagsResult")]
struct RequiredResult {
    required_tags: Vec<RequiredTag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RequiredTag {
    resource_type: String,
    reporting_tag_keys: Vec<String>,
}

async fn list_required_tags(cx: Cx, request: RequiredRequest) -> ApiResult<RequiredResult> {
    let size = page::size(request.max_results, 1, 200, 200)?;
    let after: Option<String> = page::parse(request.next_token.as_deref()).map_err(|error| invalid(error.message))?;
    let rules = cx.read(|tx| Ok(rules::load(tx)?)).await?.0;
    let required = taggable().filter_map(|kind| {
        let of_kind = rules.iter().filter(|rule| rule.is_required && rule.resource_type == kind.as_str());
        let keys: Vec<String> = of_kind.map(|rule| rule.key.clone()).collect();
        let name = type_name(kind)?;
        (!keys.is_empty() && after.as_ref().is_none_or(|after| name > *after)).then_some(RequiredTag {
            resource_type: name,
            reporting_tag_keys: keys,
        })
    });
    let mut required: Vec<RequiredTag> = required.collect();
    required.sort_by(|a, b| a.resource_type.cmp(&b.resource_type));
    let (required_tags, next_token) = page::cut(required, size, |tag| tag.resource_type.clone());
    Ok(RequiredResult { required_tags, next_token })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetComplianceSummaryRequest")]
struct SummaryRequest {
    #[serde(default)]
    target_id_filters: Vec<String>,
    #[serde(default)]
    region_filters: Vec<String>,
    #[serde(default)]
    resource_type_filters: Vec<String>,
    #[serde(default)]
    tag_key_filters: Vec<String>,
    #[serde(default)]
    group_by: Vec<String>,
    max_results: Option<i64>,
    pagination_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetComplianceSummaryResult")]
struct SummaryResult {
    summary_list: Vec<Summary>,
    pagination_token: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ComplianceSummary")]
struct Summary {
    last_updated: String,
    target_id: String,
    target_id_type: &'static str,
    region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<String>,
    non_compliant_resources: i64,
}

impl SummaryRequest {
    /// *Errors*: `InvalidParameterException`, `ValidationException`.
    fn check(&self) -> ApiResult<()> {
        for word in &self.group_by {
            constraint::one_of(word, "groupBy", GROUPS)?;
        }
        let most = [
            (self.target_id_filters.len(), "TargetIdFilters", 100),
            (self.region_filters.len(), "RegionFilters", 100),
            (self.tag_key_filters.len(), "TagKeyFilters", 50),
        ];
        if let Some((_, member, most)) = most.iter().find(|(count, _, most)| count > most) {
            return Err(invalid(format!("`{member}` has at most {most} entries")));
        }
        check_kinds(&self.resource_type_filters)?;
        self.check_words()?;
        page::size(self.max_results, 1, 1000, 1000)?;
        // Everything is on the first page.
        match self.pagination_token.as_deref() {
            None | Some("") => Ok(()),
            Some(_) => Err(invalid("the `PaginationToken` is not one that this operation gave out")),
        }
    }

    /// *Errors*: `ValidationException`.
    fn check_words(&self) -> ApiResult<()> {
        let mut broken = Violations::default();
        let lists = [
            (&self.target_id_filters, "targetIdFilters", 6..=68),
            (&self.region_filters, "regionFilters", 1..=256),
            (&self.tag_key_filters, "tagKeyFilters", 1..=128),
        ];
        for (list, member, length) in lists {
            for (number, word) in (1..).zip(list) {
                broken.length(Some(word), &format!("{member}.{number}.member"), length.clone());
            }
        }
        broken.check()
    }
}

/// The hub is one account in one region, so that the summary has one line, or one for each kind.
async fn get_compliance_summary(cx: Cx, request: SummaryRequest) -> ApiResult<SummaryResult> {
    request.check()?;
    let (account, region) = (cx.services.config.account_id.clone(), cx.request().region.clone());
    let is_meant = |filters: &[String], value: &str| filters.is_empty() || filters.iter().any(|f| f == value);
    let mut summary_list = Vec::new();
    if is_meant(&request.target_id_filters, &account) && is_meant(&request.region_filters, &region) {
        let is_by_type = request.group_by.iter().any(|word| word == "RESOURCE_TYPE");
        let context = cx.clone();
        let counts = cx.read(move |tx| counts(&context, tx, &request)).await?;
        let line = |resource_type, non_compliant_resources| Summary {
            last_updated: cx.now().to_string(),
            target_id: account.clone(),
            target_id_type: "ACCOUNT",
            region: region.clone(),
            resource_type,
            non_compliant_resources,
        };
        summary_list = match is_by_type {
            true => counts.into_iter().map(|(name, count)| line(Some(name), count)).collect(),
            false => vec![line(None, counts.iter().map(|(_, count)| count).sum())],
        };
    }
    Ok(SummaryResult {
        summary_list,
        pagination_token: String::new(),
    })
}

/// Of each kind that a rule is about, how many resources that the caller may see break one.
fn counts(cx: &Cx, tx: &Tx<'_>, request: &SummaryRequest) -> ApiResult<Vec<(String, i64)>> {
    let mut rules = rules::load(tx)?;
    let keys = &request.tag_key_filters;
    rules.0.retain(|rule| keys.is_empty() || keys.contains(&rule.key));
    let mut counts = Vec::new();
    for kind in kinds(&request.resource_type_filters) {
        let (Some(name), Some(rows)) = (type_name(kind), kind.rows()) else {
            continue;
        };
        if rules.0.iter().any(|rule| rule.resource_type == kind.as_str()) {
            let select = Select::new(rows.count)
                .and_condition(&rows.is_live)
                .and_condition(&cx.visible(kind.right(), rows.id))
                .and_condition(&rules.broken(kind, rows.id));
            counts.push((name, select.count(tx)?));
        }
    }
    Ok(counts)
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "StartReportCreationRequest")]
struct StartRequest {
    #[serde(rename = "S3Bucket")]
    bucket: String,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

/// Differs: there is no bucket to lay a report into; what it would say is asked for at once.
async fn start_report_creation(_cx: Cx, request: StartRequest) -> ApiResult<Empty> {
    let is_name = |name: &str| {
        (3..=63).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
    };
    if !is_name(&request.bucket) {
        return Err(invalid("`S3Bucket` is 3 to 63 lower-case letters, digits, `.` or `-`"));
    }
    Err(ApiError::new(
        "ConstraintViolationException",
        "this hub writes no reports into buckets: `GetComplianceSummary` counts what breaks a rule, and `GetResources` with \
         `IncludeComplianceDetails` lists it",
    ))
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "DescribeReportCreationRequest")]
struct DescribeRequest {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "DescribeReportCreationResult")]
struct DescribeResult {
    status: &'static str,
}

/// Upstream's words for none in the last ninety days.
async fn describe_report_creation(_cx: Cx, _request: DescribeRequest) -> ApiResult<DescribeResult> {
    Ok(DescribeResult { status: "NO REPORT" })
}
