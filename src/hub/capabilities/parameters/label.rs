//! `LabelParameterVersion` and `UnlabelParameterVersion`: names for versions. A label lies on one version at a time.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service};
use crate::hub::capabilities::parameters::{named, not_found, rows, target, version_not_found};
use crate::hub::events::Event;
use crate::hub::store::{StoreError, Tx};
use crate::model::parameter::ParameterKey;

/// Labels on one version (upstream's limit).
const MAX_LABELS: usize = 10;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Ssm,
        "LabelParameterVersion",
        |r: &LabelRequest| target(r.name.as_ref()),
        label_parameter_version,
    )
    .write(
        Service::Ssm,
        "UnlabelParameterVersion",
        |r: &LabelRequest| target(r.name.as_ref()),
        unlabel_parameter_version,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct LabelRequest {
    name: Option<String>,
    parameter_version: Option<i64>,
    labels: Option<Vec<String>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct LabelResult {
    invalid_labels: Vec<String>,
    parameter_version: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct UnlabelResult {
    removed_labels: Vec<String>,
    invalid_labels: Vec<String>,
}

async fn label_parameter_version(cx: Cx, request: LabelRequest) -> ApiResult<LabelResult> {
    check_members(&request, false)?;
    let labels = request.labels.unwrap_or_default();
    let (valid, invalid_labels): (Vec<String>, Vec<String>) = labels.into_iter().partition(|l| is_label(l));
    let name = request.name.unwrap_or_default();
    let key = named(&name)?.key;
    let bus = cx.services.bus.clone();
    cx.write(move |tx| {
        let version = labelled_version(tx, &key, &name, request.parameter_version)?;
        for label in &valid {
            sql::put(tx, &key, label, version)?;
        }
        if sql::of_version(tx, &key, version)?.len() > MAX_LABELS {
            return Err(too_many());
        }
        bus.emit(tx, Event::ParameterChanged(key.to_string()));
        Ok(LabelResult {
            invalid_labels,
            parameter_version: version,
        })
    })
    .await
}

async fn unlabel_parameter_version(cx: Cx, request: LabelRequest) -> ApiResult<UnlabelResult> {
    check_members(&request, true)?;
    let labels = request.labels.unwrap_or_default();
    let name = request.name.unwrap_or_default();
    let key = named(&name)?.key;
    let bus = cx.services.bus.clone();
    cx.write(move |tx| {
        let version = labelled_version(tx, &key, &name, request.parameter_version)?;
        let mut result = UnlabelResult {
            removed_labels: Vec::new(),
            invalid_labels: Vec::new(),
        };
        for label in labels {
            match sql::remove(tx, &key, &label, version)? {
                true => result.removed_labels.push(label),
                false => result.invalid_labels.push(label),
            }
        }
        bus.emit(tx, Event::ParameterChanged(key.to_string()));
        Ok(result)
    })
    .await
}

/// Differs: more than ten labels in one request are refused for what they would do to the version, not for their number.
fn check_members(request: &LabelRequest, needs_version: bool) -> ApiResult<()> {
    let mut broken = Violations::default();
    broken.required(request.name.as_ref(), "name");
    broken.length(request.name.as_ref(), "name", 1..=2048);
    if needs_version {
        broken.required(request.parameter_version.as_ref(), "parameterVersion");
    }
    broken.required(request.labels.as_ref(), "labels");
    if let Some(labels) = &request.labels {
        let shown = format!("[{}]", labels.join(", "));
        if labels.is_empty() {
            broken.add(&shown, "labels", "have length greater than or equal to 1");
        }
        if labels.iter().any(|l| l.is_empty() || l.chars().count() > 100) {
            broken.add(
                &shown,
                "labels",
                "satisfy constraint: [Member must have length less than or equal to 100, Member must have length greater than or equal to 1]",
            );
        }
    }
    broken.check()
}

/// Letters, digits, `.`, `-`, `_`; not beginning with a digit, `aws` or `ssm`.
fn is_label(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_reserved = lower.starts_with("aws") || lower.starts_with("ssm");
    let is_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !is_reserved && !text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(is_char)
}

fn labelled_version(tx: &Tx<'_>, key: &ParameterKey, name: &str, wanted: Option<i64>) -> ApiResult<i64> {
    let newest = rows::sql::newest(tx, key)?.ok_or_else(|| not_found(name))?;
    let Some(wanted) = wanted else {
        return Ok(newest.version);
    };
    match rows::sql::numbered(tx, key, wanted)? {
        Some(version) => Ok(version.version),
        None => Err(version_not_found(&wanted, name)),
    }
}

fn too_many() -> ApiError {
    ApiError::new(
        "ParameterVersionLabelLimitExceeded",
        "An error occurred (ParameterVersionLabelLimitExceeded) when calling the LabelParameterVersion operation: A parameter version can \
         have maximum 10 labels.Move one or more labels to another version and try again.",
    )
}

/// The labels of each version of a parameter.
pub fn of_versions(tx: &Tx<'_>, key: &ParameterKey) -> Result<BTreeMap<i64, Vec<String>>, StoreError> {
    let sql = "SELECT version, label FROM parameter_label WHERE key = :key ORDER BY label";
    let mut all: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for (version, label) in tx.rows(sql, &[(":key", key.as_str().into())], |row| {
        Ok((row.get("version")?, row.get("label")?))
    })? {
        all.entry(version).or_default().push(label);
    }
    Ok(all)
}

mod sql {
    use super::*;

    /// Puts a label on a version, taking it from where it lay.
    pub fn put(tx: &Tx<'_>, key: &ParameterKey, label: &str, version: i64) -> Result<(), StoreError> {
        let params = [
            (":key", key.as_str().into()),
            (":label", label.into()),
            (":version", version.into()),
        ];
        tx.execute(
            "INSERT INTO parameter_label (key, label, version) VALUES (:key, :label, :version)
             ON CONFLICT (key, label) DO UPDATE SET version = excluded.version",
            &params,
        )
        .map(|_| ())
    }

    pub fn of_version(tx: &Tx<'_>, key: &ParameterKey, version: i64) -> Result<Vec<String>, StoreError> {
        let params = [(":key", key.as_str().into()), (":version", version.into())];
        tx.rows(
            "SELECT label FROM parameter_label WHERE key = :key AND version = :version",
            &params,
            |row| row.get("label"),
        )
    }

    pub fn remove(tx: &Tx<'_>, key: &ParameterKey, label: &str, version: i64) -> Result<bool, StoreError> {
        let params = [
            (":key", key.as_str().into()),
            (":label", label.into()),
            (":version", version.into()),
        ];
        let sql = "DELETE FROM parameter_label WHERE key = :key AND label = :label AND version = :version";
        Ok(tx.execute(sql, &params)? > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_what_upstream_lets_pass() {
        for good in ["prod", "test-label", "v1.0_a", "-x", "abc"] {
            assert!(is_label(good), "{good}");
        }
        for bad in ["awsabc", "SSMabc", "9abc", "abc/123", "a b", "ä"] {
            assert!(!is_label(bad), "{bad}");
        }
    }
}
