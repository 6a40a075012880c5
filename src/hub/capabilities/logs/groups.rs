//! `DescribeLogGroups`: the groups in which commands are shown, to who may see a node's share of one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{checked, invalid, no_group, range, size, token};
use crate::base::arn::partition;
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::commands::send::SHARE;
use crate::hub::store::{Condition, Select, StoreError, Tx, Value};

const PER_PAGE: i64 = 50;
/// As long as commands are kept.
const RETENTION_DAYS: i64 = 30;
/// Outputs whose sizes one request adds up; of groups with more, the sum is of so many.
const OUTPUTS_COUNTED: usize = 100_000;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Logs,
        "DescribeLogGroups",
        |_: &DescribeRequest| Target::Rows(SHARE),
        describe_log_groups,
    );
}

/// *Source*: `DescribeLogGroupsRequest` of the service model.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DescribeLogGroupsRequest")]
struct DescribeRequest {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    log_group_identifiers: Option<Vec<String>>,
    log_group_class: Option<String>,
    limit: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DescribeLogGroupsResult")]
struct DescribeResult {
    log_groups: Vec<LogGroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LogGroup {
    log_group_name: String,
    creation_time: i64,
    retention_in_days: i64,
    metric_filter_count: i64,
    stored_bytes: u64,
    arn: String,
    log_group_arn: String,
    log_group_class: &'static str,
}

async fn describe_log_groups(cx: Cx, request: DescribeRequest) -> ApiResult<DescribeResult> {
    check(&request)?;
    let size = size(request.limit, PER_PAGE)?;
    let after: Option<String> = token(request.next_token.as_deref())?;
    let mut select = Select::new(sql::GROUPS)
        .and("command.log_group IS NOT NULL", [])
        .and_condition(&Condition::Related {
            from: "invocation",
            on: "invocation.command_id",
            outer: "command.id",
            inner: Box::new(cx.visible(SHARE, "invocation")),
        });
    if request.log_group_class.as_deref().is_some_and(|class| class != "STANDARD") {
        select = select.and("0", []);
    }
    if let Some(prefix) = &request.log_group_name_prefix {
        let (from, until) = range(prefix);
        select = select.and("command.log_group >= ? AND command.log_group < ?", [from.into(), until.into()]);
    }
    if let Some(part) = request.log_group_name_pattern.filter(|part| !part.is_empty()) {
        select = select.and("instr(command.log_group, ?) > 0", [part.into()]);
    }
    if let Some(identifiers) = &request.log_group_identifiers {
        select = select.and_in("command.log_group", identifiers.iter().map(|text| Value::from(name_of(text))));
    }
    if let Some(after) = after {
        select = select.and("command.log_group > ?", [after.into()]);
    }
    let select = select.group("command.log_group").order("command.log_group").limit(size + 1);
    let arns = Arns::of(&cx);
    let visible = cx.visible(SHARE, "invocation");
    cx.read(move |tx| {
        let found: Vec<(String, Timestamp)> = select.rows(tx, |row| Ok((row.get("log_group")?, row.get("created_at")?)))?;
        let (found, next_token) = page::cut(found, size, |(name, _)| name.clone());
        let mut left = OUTPUTS_COUNTED;
        let view = |(name, created_at): (String, Timestamp)| {
            Ok(LogGroup {
                creation_time: created_at.millis(),
                retention_in_days: RETENTION_DAYS,
                metric_filter_count: 0,
                stored_bytes: stored_bytes(tx, &name, &visible, &mut left)?,
                arn: format!("{}:*", arns.group(&name)),
                log_group_arn: arns.group(&name),
                log_group_class: "STANDARD",
                log_group_name: name,
            })
        };
        Ok(DescribeResult {
            log_groups: found.into_iter().map(view).collect::<Result<_, StoreError>>()?,
            next_token,
        })
    })
    .await
}

/// Bytes of the outputs in a group that the caller may see, as far as the request may still look at some.
fn stored_bytes(tx: &Tx<'_>, group: &str, visible: &Condition, left: &mut usize) -> Result<u64, StoreError> {
    let select = Select::new(sql::OUTPUTS_OF)
        .and("invocation.log_group = ?", [group.into()])
        .and_condition(visible)
        .limit(*left);
    let sizes = select.rows(tx, |row| row.get::<i64>("stored_bytes"))?;
    *left -= sizes.len();
    Ok(sizes.into_iter().map(|size| size as u64).sum())
}

fn check(request: &DescribeRequest) -> ApiResult<()> {
    let mut broken = Violations::default();
    broken.length(request.log_group_name_prefix.as_ref(), "logGroupNamePrefix", 1..=512);
    broken.length(request.log_group_name_pattern.as_ref(), "logGroupNamePattern", 0..=512);
    broken.one_of(
        request.log_group_class.as_ref(),
        "logGroupClass",
        &["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"],
    );
    checked(broken.check())?;
    if request.log_group_name_prefix.is_some() && request.log_group_name_pattern.is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    if request
        .log_group_identifiers
        .as_ref()
        .is_some_and(|all| all.is_empty() || all.len() > 50)
    {
        return Err(invalid("`logGroupIdentifiers` holds 1 to 50 names or ARNs"));
    }
    Ok(())
}

/// How a request names its group: by name, or by identifier (a name or an ARN), and not by both.
pub fn named(name: Option<&String>, identifier: Option<&String>) -> ApiResult<String> {
    let group = match (name, identifier) {
        (Some(name), None) => name.as_str(),
        (None, Some(identifier)) => name_of(identifier),
        (Some(_), Some(_)) => return Err(invalid("LogGroupName and LogGroupIdentifier are mutually exclusive parameters.")),
        (None, None) => return Err(invalid("At least one of `logGroupName` and `logGroupIdentifier` must be given")),
    };
    let is_sign = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
    if group.is_empty() || group.chars().count() > 512 || !group.chars().all(is_sign) {
        let shown: String = group.chars().take(200).collect();
        return Err(invalid(format!(
            "1 validation error detected: Value '{shown}' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
        )));
    }
    Ok(group.to_owned())
}

/// The name that an identifier carries.
fn name_of(identifier: &str) -> &str {
    let name = identifier.split_once(":log-group:").map_or(identifier, |(_, name)| name);
    name.strip_suffix(":*").unwrap_or(name)
}

/// *Errors*: `ResourceNotFoundException` for a group of which the caller may see nothing.
pub fn require(tx: &Tx<'_>, cx: &Cx, group: &str) -> ApiResult<()> {
    let select = Select::new(sql::SHARE_OF)
        .and("invocation.log_group = ?", [group.into()])
        .and_condition(&cx.visible(SHARE, "invocation"))
        .limit(1);
    match select.rows(tx, |row| row.get::<String>("command_id"))?.is_empty() {
        true => Err(no_group()),
        false => Ok(()),
    }
}

/// The heads of this service's ARNs.
pub struct Arns {
    head: String,
}

impl Arns {
    pub fn of(cx: &Cx) -> Self {
        let (region, account) = (&cx.request().region, &cx.services.config.account_id);
        Self {
            head: format!("arn:{}:logs:{region}:{account}:log-group:", partition(region)),
        }
    }

    pub fn group(&self, name: &str) -> String {
        format!("{}{name}", self.head)
    }

    pub fn stream(&self, group: &str, name: &str) -> String {
        format!("{}{group}:log-stream:{name}", self.head)
    }
}

mod sql {
    pub const GROUPS: &str = "SELECT command.log_group, min(command.requested_at) AS created_at FROM command";
    pub const OUTPUTS_OF: &str = "SELECT step_output.stored_bytes FROM invocation JOIN step_output
        ON step_output.command_id = invocation.command_id AND step_output.node_id = invocation.node_id";
    pub const SHARE_OF: &str = "SELECT invocation.command_id FROM invocation";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_named_by_name_or_arn_and_not_by_both() {
        let name = |text: &str| Some(text.to_owned());
        assert_eq!(named(name("/aws/ssm/X").as_ref(), None).unwrap(), "/aws/ssm/X");
        for arn in ["arn:aws:logs:eu-1:0:log-group:/a/b", "arn:aws:logs:eu-1:0:log-group:/a/b:*", "/a/b"] {
            assert_eq!(named(None, name(arn).as_ref()).unwrap(), "/a/b");
        }
        for (first, second) in [(None, None), (name("a"), name("b")), (name("a b"), None), (name(""), None)] {
            assert_eq!(
                named(first.as_ref(), second.as_ref()).unwrap_err().code,
                "InvalidParameterException"
            );
        }
    }
}
