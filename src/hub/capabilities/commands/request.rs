//! What SendCommand is asked, and what of it can be judged without looking anything up.

use std::time::Duration;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use crate::base::violations::Violations;
use crate::base::{ApiError, ApiResult, Arn};
use crate::hub::api::{constraint, json};
use crate::hub::capabilities::commands::alarms::AlarmConfiguration;
use crate::hub::capabilities::commands::rate::{self, OfflineNodes};
use crate::hub::capabilities::commands::rows::Parameters;
use crate::hub::capabilities::commands::{logging, notices, uploads};
use crate::hub::capabilities::documents::names;
use crate::hub::capabilities::fleet::targets::{DEFAULT_TIMEOUT_S, Selection, Target};
use crate::model::approval::Approval;
use crate::model::run_settings::RunSettings;

const MAX_COMMENT: usize = 100;
const MAX_HASH: usize = 256;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct SendRequest {
    #[serde(default)]
    pub instance_ids: Vec<String>,
    #[serde(default)]
    pub targets: Vec<Target>,
    pub document_name: String,
    pub document_version: Option<String>,
    pub document_hash: Option<String>,
    pub document_hash_type: Option<String>,
    pub timeout_seconds: Option<i64>,
    pub comment: Option<String>,
    #[serde(default)]
    pub parameters: Parameters,
    #[serde(rename = "OutputS3Region")]
    pub output_s3_region: Option<String>,
    #[serde(rename = "OutputS3BucketName")]
    pub output_s3_bucket_name: Option<String>,
    #[serde(rename = "OutputS3KeyPrefix")]
    pub output_s3_key_prefix: Option<String>,
    pub max_concurrency: Option<String>,
    pub max_errors: Option<String>,
    /// Ours: so many nodes, or so much of all, are begun first and must all succeed before the others are begun.
    pub canary: Option<String>,
    /// Ours: what becomes of nodes that are offline now.
    #[serde(default)]
    pub offline_nodes: OfflineNodes,
    pub service_role_arn: Option<String>,
    pub notification_config: Option<notices::Config>,
    pub cloud_watch_output_config: Option<Json>,
    pub alarm_configuration: Option<AlarmConfiguration>,
    /// Ours: as whom, where, with which variables and below which ceilings its processes run.
    #[serde(default, deserialize_with = "known_settings")]
    pub run_settings: RunSettings,
    /// Ours: the signature that nodes with an operator lock ask for; see `docs/node-lock.md`.
    pub operator_approval: Option<Approval>,
    /// Ours: how many nodes the caller means to reach, where their limits ask for it.
    pub confirmed_targets: Option<u32>,
}

/// Refuses settings that are not known, other than requests do elsewhere: a ceiling whose name is misspelt would be none.
fn known_settings<'de, D: Deserializer<'de>>(reader: D) -> Result<RunSettings, D::Error> {
    let given = Map::deserialize(reader)?;
    if let Some(unknown) = given.keys().find(|name| !RunSettings::MEMBERS.contains(&name.as_str())) {
        let shown: String = unknown.chars().filter(|c| !c.is_control()).take(60).collect();
        let known = RunSettings::MEMBERS.join(", ");
        return Err(D::Error::custom(format!("`RunSettings` has no member `{shown}`: use {known}")));
    }
    json::from_value(Json::Object(given)).map_err(D::Error::custom)
}

/// What can be judged without the document.
pub struct Basics {
    pub timeout: Duration,
    pub max_concurrency: String,
    pub max_errors: String,
}

impl SendRequest {
    /// *Errors*, as upstream: `ValidationException`, `DuplicateInstanceId`, `InvalidOutputFolder`, `InvalidRole`,
    /// `InvalidNotificationConfig`.
    pub fn check(&self) -> ApiResult<Basics> {
        self.judge_model()?;
        let selection = Selection {
            instance_ids: self.instance_ids.clone(),
            targets: self.targets.clone(),
        };
        selection.check()?;
        let max_concurrency = self.max_concurrency.clone().unwrap_or_else(|| rate::DEFAULT_CONCURRENCY.into());
        let max_errors = self.max_errors.clone().unwrap_or_else(|| rate::DEFAULT_ERRORS.into());
        check_rate(&max_concurrency, "maxConcurrency", 1)?;
        check_rate(&max_errors, "maxErrors", 0)?;
        uploads::check_members(
            self.output_s3_bucket_name.as_ref(),
            self.output_s3_key_prefix.as_ref(),
            self.output_s3_region.as_ref(),
        )?;
        logging::check(self.cloud_watch_output_config.as_ref())?;
        check_role(self.service_role_arn.as_deref().unwrap_or_default())?;
        self.notification_config.as_ref().map_or(Ok(()), notices::Config::check)?;
        self.check_ours()?;
        Ok(Basics {
            timeout: Duration::from_secs(self.timeout_seconds.map_or(DEFAULT_TIMEOUT_S, |seconds| seconds as u64)),
            max_concurrency,
            max_errors,
        })
    }

    fn judge_model(&self) -> ApiResult<()> {
        names::check_name_or_arn(&self.document_name, "documentName")?;
        names::version(self.document_version.as_deref())?;
        let mut broken = Violations::default();
        broken.length(self.document_hash.as_ref(), "documentHash", 0..=MAX_HASH);
        broken.one_of(self.document_hash_type.as_ref(), "documentHashType", &["Sha256", "Sha1"]);
        broken.length(self.comment.as_ref(), "comment", 0..=MAX_COMMENT);
        if let Some(seconds) = self.timeout_seconds.filter(|seconds| !(30..=2_592_000).contains(seconds)) {
            broken.add(&seconds.to_string(), "timeoutSeconds", "have value between 30 and 2592000");
        }
        if let Some(alarms) = &self.alarm_configuration {
            alarms.judge(&mut broken);
        }
        broken.check()
    }

    /// What upstream does not have.
    fn check_ours(&self) -> ApiResult<()> {
        self.run_settings.check().map_err(ApiError::validation)?;
        if self.operator_approval.is_some() && !self.run_settings.is_plain() {
            return Err(ApiError::validation(
                "`RunSettings` and `OperatorApproval` do not go together: an operator's signature does not cover the settings",
            ));
        }
        self.canary.as_deref().map_or(Ok(()), |canary| check_rate(canary, "canary", 1))
    }
}

/// A number, or a percentage up to 100.
fn check_rate(text: &str, member: &str, least: u64) -> ApiResult<()> {
    constraint::at_most(text, member, 7)?;
    let is_plain = !text.starts_with('+') && (text == "0" || text == "0%" || !text.starts_with('0'));
    let is_fine = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<u64>().is_ok_and(|n| (least..=100).contains(&n)),
        None => text.parse::<u64>().is_ok_and(|n| n >= least),
    };
    if is_plain && is_fine {
        return Ok(());
    }
    let pattern = if least == 0 {
        "^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$"
    } else {
        "^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$"
    };
    Err(constraint::violated(
        text,
        member,
        &format!("satisfy regular expression pattern: {pattern}"),
    ))
}

/// The role that upstream would tell of the command with. It is kept and shown again; many clients send an empty one for none.
///
/// *Errors*: `InvalidRole`.
fn check_role(text: &str) -> ApiResult<()> {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || "_+=,.@/-".contains(c);
    let is_name = |name: &str| !name.is_empty() && !name.ends_with('/') && name.chars().all(is_sign);
    let is_role = |arn: Arn| arn.service == "iam" && arn.resource.strip_prefix("role/").is_some_and(is_name);
    if text.is_empty() || text.parse().is_ok_and(is_role) {
        return Ok(());
    }
    let shown: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    Err(ApiError::new(
        "InvalidRole",
        format!("`{shown}` is not the ARN of a role: `arn:aws:iam::ACCOUNT:role/NAME`"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(member: &str, value: Json) -> ApiError {
        let mut request = json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": ["mi-0123456789abcdef0"]});
        request[member] = value;
        json::from_value::<SendRequest>(request)
            .map_err(|e| ApiError::new("unreadable", e.to_string()))
            .and_then(|request| request.check())
            .err()
            .unwrap_or_else(|| ApiError::new("fine", ""))
    }

    #[test]
    fn rates_follow_upstreams_pattern() {
        for fine in ["1", "50", "10%", "100%"] {
            assert!(check_rate(fine, "maxConcurrency", 1).is_ok(), "{fine}");
        }
        for bad in ["0", "0%", "101%", "-1", "a", "", "1.5", "+5", "007", "12345678"] {
            assert!(check_rate(bad, "maxConcurrency", 1).is_err(), "{bad}");
        }
        assert!(check_rate("0", "maxErrors", 0).is_ok());
    }

    #[test]
    fn members_are_named_as_the_model_names_them() {
        for (member, value, named) in [
            ("DocumentName", json!("a b"), "'documentName'"),
            ("DocumentHash", json!("x".repeat(257)), "'documentHash'"),
            ("DocumentHashType", json!("MD5"), "'documentHashType'"),
            ("TimeoutSeconds", json!(29), "'timeoutSeconds'"),
            ("Comment", json!("x".repeat(101)), "'comment'"),
            ("AlarmConfiguration", json!({"Alarms": []}), "'alarmConfiguration.alarms'"),
        ] {
            let refused = refusal(member, value);
            assert_eq!(refused.code, "ValidationException", "{member}");
            assert!(refused.message.contains(named), "{}", refused.message);
        }
    }

    #[test]
    fn a_role_is_given_by_its_arn_or_not_at_all() {
        for fine in [
            "",
            "arn:aws:iam::000000000000:role/any",
            "arn:aws-cn:iam::000000000000:role/path/to/a@b",
        ] {
            assert_eq!(refusal("ServiceRoleArn", json!(fine)).code, "fine", "{fine}");
        }
        for wrong in [
            "any",
            "role/any",
            "arn:aws:iam::000000000000:user/any",
            "arn:aws:iam::000000000000:role/",
            "arn:aws:sns:x:0:role/any",
            "arn:aws:iam::0:role/a b",
        ] {
            assert_eq!(refusal("ServiceRoleArn", json!(wrong)).code, "InvalidRole", "{wrong}");
        }
    }

    #[test]
    fn a_setting_that_is_not_known_is_refused() {
        let refused = refusal("RunSettings", json!({"MemoryMib": 64}));
        assert!(
            refused.message.contains("`MemoryMib`") && refused.message.contains("MemoryMiB"),
            "{}",
            refused.message
        );
        assert_eq!(refusal("RunSettings", json!({"MemoryMiB": 64})).code, "fine");
        assert!(refusal("RunSettings", json!([])).message.starts_with("invalid type"));
    }
}
