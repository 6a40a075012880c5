//! Policies: what happens to a parameter on time. Read here from the caller's JSON, kept as rows, done by a job.
//!
//! ```text
//! Pending ──due──► Finished      an Expiration deletes the parameter; a notification is an audit row and an event
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::Services;
use crate::hub::audit::{self, Outcome};
use crate::hub::capabilities::parameters::{KIND, delete};
use crate::hub::events::Event;
use crate::hub::jobs::Job;
use crate::hub::store::{Select, StoreError, Tx, Value};
use crate::model::parameter::ParameterKey;

/// Upstream's limit.
const MAX_POLICIES: usize = 10;
const PERIOD: Duration = Duration::from_secs(5);
/// Policies done in one commit.
const BATCH: i64 = 100;

/// One policy, as it was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub kind: PolicyKind,
    /// As the caller wrote it, without white space.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PolicyKind {
    Expiration(Timestamp),
    /// So long before the expiration.
    ExpirationNotification(Duration),
    /// So long after the last change.
    NoChangeNotification(Duration),
}

/// *Source*: `ParameterInlinePolicy` of the service model.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct InlinePolicy {
    pub policy_text: String,
    pub policy_type: String,
    pub policy_status: String,
}

/// A policy as a caller writes it, its members in the order in which upstream shows them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    #[serde(rename = "Type")]
    kind: Option<String>,
    version: Option<Json>,
    #[serde(default)]
    attributes: BTreeMap<String, Json>,
}

impl PolicyKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Expiration(_) => "Expiration",
            Self::ExpirationNotification(_) => "ExpirationNotification",
            Self::NoChangeNotification(_) => "NoChangeNotification",
        }
    }
}

/// The policies of `Policies`; `[]` and `[{}]` take all away.
///
/// *Errors*, as upstream: `PoliciesLimitExceededException`, `InvalidPolicyTypeException`,
/// `InvalidPolicyAttributeException`, `IncompatiblePolicyException`, and `ValidationException` for what is no JSON array.
pub fn parse(text: &str) -> ApiResult<Vec<Policy>> {
    let not_an_array = || ApiError::validation("Policies must be a JSON array of policies, each with Type, Version and Attributes.");
    let items: Vec<Json> = serde_json::from_str(text).map_err(|_| not_an_array())?;
    let items: Vec<Json> = items
        .into_iter()
        .filter(|item| item.as_object().is_none_or(|o| !o.is_empty()))
        .collect();
    if items.len() > MAX_POLICIES {
        return Err(ApiError::new(
            "PoliciesLimitExceededException",
            format!("You specified more than the maximum number of allowed policies for the parameter. The maximum is {MAX_POLICIES}."),
        ));
    }
    let policies: Vec<Policy> = items
        .into_iter()
        .map(|item| {
            let written: Written = serde_json::from_value(item).map_err(|_| not_an_array())?;
            Ok(Policy {
                kind: kind_of(&written)?,
                text: serde_json::to_string(&written).map_err(ApiError::internal)?,
            })
        })
        .collect::<ApiResult<_>>()?;
    check_together(&policies)?;
    Ok(policies)
}

fn kind_of(written: &Written) -> ApiResult<PolicyKind> {
    let kind = written.kind.as_deref().unwrap_or_default();
    if !["Expiration", "ExpirationNotification", "NoChangeNotification"].contains(&kind) {
        return Err(ApiError::new(
            "InvalidPolicyTypeException",
            format!(
                "The policy type {kind} isn't supported. Parameter Store supports the following policy types: Expiration, \
                 ExpirationNotification, and NoChangeNotification."
            ),
        ));
    }
    if written.version.as_ref().is_some_and(|v| v.as_str() != Some("1.0")) {
        return Err(invalid_attribute("Version", "1.0"));
    }
    match kind {
        "Expiration" => Ok(PolicyKind::Expiration(moment(written)?)),
        "ExpirationNotification" => Ok(PolicyKind::ExpirationNotification(span(written, "Before")?)),
        _ => Ok(PolicyKind::NoChangeNotification(span(written, "After")?)),
    }
}

fn moment(written: &Written) -> ApiResult<Timestamp> {
    let text = written.attributes.get("Timestamp").and_then(Json::as_str);
    let parsed = text.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    parsed
        .map(|at| Timestamp::from_millis(at.as_millisecond()))
        .ok_or_else(|| invalid_attribute("Timestamp", "a moment like 2030-12-02T21:34:33.000Z"))
}

fn span(written: &Written, member: &str) -> ApiResult<Duration> {
    const MAX_DAYS: u64 = 36_500;
    let number = match written.attributes.get(member) {
        Some(Json::String(text)) => text.parse::<u64>().ok(),
        Some(Json::Number(number)) => number.as_u64(),
        _ => None,
    };
    let number = number
        .filter(|n| (1..=MAX_DAYS).contains(n))
        .ok_or_else(|| invalid_attribute(member, "a whole number, at least 1"))?;
    match written.attributes.get("Unit").and_then(Json::as_str) {
        Some("Days") => Ok(Duration::from_secs(number * 24 * 3600)),
        Some("Hours") => Ok(Duration::from_secs(number * 3600)),
        _ => Err(invalid_attribute("Unit", "Days or Hours")),
    }
}

fn check_together(policies: &[Policy]) -> ApiResult<()> {
    let count = |wanted: fn(&PolicyKind) -> bool| policies.iter().filter(|p| wanted(&p.kind)).count();
    let expirations = count(|k| matches!(k, PolicyKind::Expiration(_)));
    let warnings = count(|k| matches!(k, PolicyKind::ExpirationNotification(_)));
    let words = match (expirations, warnings) {
        (0, 0) | (1, _) => return Ok(()),
        (0, _) => "An ExpirationNotification policy needs an Expiration policy on the same parameter.",
        _ => "A parameter can have only one Expiration policy.",
    };
    Err(ApiError::new("IncompatiblePolicyException", words))
}

fn invalid_attribute(name: &str, right: &str) -> ApiError {
    ApiError::new(
        "InvalidPolicyAttributeException",
        format!("The policy attribute {name} is missing or invalid: it must be {right}."),
    )
}

/// The JSON text that a version keeps; `None` for no policies.
pub fn to_text(policies: &[Policy]) -> Option<String> {
    let texts: Vec<&str> = policies.iter().map(|p| p.text.as_str()).collect();
    (!texts.is_empty()).then(|| format!("[{}]", texts.join(",")))
}

/// When each policy is due for a version written at `modified_at`.
pub fn due(policies: &[Policy], modified_at: Timestamp) -> Vec<Timestamp> {
    let expires_at = policies.iter().find_map(|p| match p.kind {
        PolicyKind::Expiration(at) => Some(at),
        _ => None,
    });
    policies
        .iter()
        .map(|policy| match policy.kind {
            PolicyKind::Expiration(at) => at,
            PolicyKind::ExpirationNotification(before) => expires_at.unwrap_or(modified_at) - before,
            PolicyKind::NoChangeNotification(after) => modified_at + after,
        })
        .collect()
}

/// Puts a version's policies in force, in place of those of the version before it.
pub fn enforce(tx: &Tx<'_>, key: &ParameterKey, policies: &[Policy], modified_at: Timestamp) -> Result<(), StoreError> {
    let before = of_many(tx, [key.as_str().to_owned()])?.remove(key.as_str()).unwrap_or_default();
    sql::remove(tx, key)?;
    for (position, (policy, due_at)) in policies.iter().zip(due(policies, modified_at)).enumerate() {
        // A notice of an expiration that was given is not given again because the value changed.
        let is_done = !matches!(policy.kind, PolicyKind::NoChangeNotification(_))
            && before.iter().any(|b| b.policy_text == policy.text && b.policy_status == "Finished");
        let status = if is_done { "Finished" } else { "Pending" };
        sql::insert(tx, key, position, policy, status, due_at)?;
    }
    Ok(())
}

/// The policies in force of each of these parameters.
pub fn of_many(tx: &Tx<'_>, keys: impl IntoIterator<Item = String>) -> Result<BTreeMap<String, Vec<InlinePolicy>>, StoreError> {
    let select = Select::new("SELECT key, type, text, status FROM parameter_policy")
        .and_in("key", keys.into_iter().map(Value::from))
        .order("key, position");
    let mut all: BTreeMap<String, Vec<InlinePolicy>> = BTreeMap::new();
    let rows = select.rows(tx, |row| {
        let policy = InlinePolicy {
            policy_text: row.get("text")?,
            policy_type: row.get("type")?,
            policy_status: row.get("status")?,
        };
        Ok((row.get::<String>("key")?, policy))
    })?;
    for (key, policy) in rows {
        all.entry(key).or_default().push(policy);
    }
    Ok(all)
}

/// The policies that an older version had; they are in force no more.
pub fn of_older(text: Option<&str>) -> Vec<InlinePolicy> {
    let policies = text.map_or_else(Vec::new, |text| parse(text).unwrap_or_default());
    let shown = policies.into_iter().map(|policy| InlinePolicy {
        policy_type: policy.kind.name().to_owned(),
        policy_text: policy.text,
        policy_status: "Finished".into(),
    });
    shown.collect()
}

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "parameter policies",
        period: PERIOD,
        wakes: |_| false,
        tick: |services| do_all_due(services).boxed(),
    }
}

async fn do_all_due(services: Arc<Services>) {
    loop {
        let (now, bus) = (services.now(), services.bus.clone());
        // Nearly always nothing is due, and then nothing need be written.
        if matches!(services.read(move |tx| Ok(sql::due(tx, now)?.is_empty())).await, Ok(true)) {
            return;
        }
        let done = services.write(move |tx| {
            let due = sql::due(tx, now)?;
            for one in &due {
                act(tx, one, now)?;
                bus.emit(tx, Event::ParameterChanged(one.key.as_str().to_owned()));
            }
            Ok(due.len())
        });
        match done.await {
            Ok(count) if count as i64 == BATCH => {}
            Ok(_) => return,
            Err(error) => {
                tracing::error!(error = %error, "due policies of parameters could not be done");
                return;
            }
        }
    }
}

/// A policy that is due.
struct Due {
    key: ParameterKey,
    position: i64,
    kind: String,
}

fn act(tx: &Tx<'_>, due: &Due, now: Timestamp) -> ApiResult<()> {
    let detail = match due.kind.as_str() {
        "Expiration" => {
            delete::remove(tx, &due.key)?;
            "the parameter has expired and was deleted"
        }
        "ExpirationNotification" => "the parameter is about to expire",
        _ => "the parameter has not been changed for the time its policy names",
    };
    sql::finish(tx, due)?;
    let entry = audit::Entry {
        at: now,
        request_id: audit::request_id(now),
        caller: "hub".into(),
        address: String::new(),
        operation: "roadstead:ParameterPolicy".into(),
        target: format!("{KIND}/{}", due.key),
        outcome: Outcome::Done,
        detail: detail.into(),
    };
    audit::record(tx, entry);
    Ok(())
}

mod sql {
    use super::*;

    pub fn remove(tx: &Tx<'_>, key: &ParameterKey) -> Result<(), StoreError> {
        tx.execute("DELETE FROM parameter_policy WHERE key = :key", &[(":key", key.as_str().into())])
            .map(|_| ())
    }

    pub fn insert(
        tx: &Tx<'_>,
        key: &ParameterKey,
        position: usize,
        policy: &Policy,
        status: &str,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        let params = [
            (":key", key.as_str().into()),
            (":position", (position as i64).into()),
            (":type", policy.kind.name().into()),
            (":text", (&policy.text).into()),
            (":status", status.into()),
            (":due_at", due_at.into()),
        ];
        tx.execute(
            "INSERT INTO parameter_policy (key, position, type, text, status, due_at)
             VALUES (:key, :position, :type, :text, :status, :due_at)",
            &params,
        )
        .map(|_| ())
    }

    pub fn due(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<Due>, StoreError> {
        const SQL: &str = "SELECT key, position, type FROM parameter_policy WHERE status = 'Pending' AND due_at <= :now
             ORDER BY due_at, key, position LIMIT :limit";
        tx.rows(SQL, &[(":now", now.into()), (":limit", BATCH.into())], |row| {
            Ok(Due {
                key: ParameterKey::from_row(row.get("key")?),
                position: row.get("position")?,
                kind: row.get("type")?,
            })
        })
    }

    pub fn finish(tx: &Tx<'_>, due: &Due) -> Result<(), StoreError> {
        let params = [(":key", due.key.as_str().into()), (":position", due.position.into())];
        tx.execute(
            "UPDATE parameter_policy SET status = 'Finished' WHERE key = :key AND position = :position",
            &params,
        )
        .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPIRATION: &str = r#"{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2030-12-02T21:34:33.000Z"}}"#;
    const WARNING: &str = r#"{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"15","Unit":"Days"}}"#;
    const STALE: &str = r#"{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"20","Unit":"Hours"}}"#;

    fn code(text: &str) -> &'static str {
        parse(text).map_or_else(|e| e.code, |_| "ok")
    }

    #[test]
    fn policies_are_checked_as_upstream_does() {
        assert_eq!(code(&format!("[{EXPIRATION},{WARNING},{STALE}]")), "ok");
        assert_eq!(code("[]"), "ok");
        assert_eq!(parse("[{}]").unwrap(), []);
        assert_eq!(code("nonsense"), "ValidationException");
        assert_eq!(code(r#"["Expiration"]"#), "ValidationException");
        assert_eq!(code(r#"[{"Type":"Other"}]"#), "InvalidPolicyTypeException");
        assert_eq!(
            code(r#"[{"Type":"Expiration","Version":"1.0","Attributes":{}}]"#),
            "InvalidPolicyAttributeException"
        );
        assert_eq!(
            code(&format!("[{}]", STALE.replace("Hours", "Weeks"))),
            "InvalidPolicyAttributeException"
        );
        assert_eq!(code(&format!("[{WARNING}]")), "IncompatiblePolicyException");
        assert_eq!(code(&format!("[{EXPIRATION},{EXPIRATION}]")), "IncompatiblePolicyException");
        let many = [STALE; 11].join(",");
        assert_eq!(code(&format!("[{many}]")), "PoliciesLimitExceededException");
    }

    #[test]
    fn each_policy_is_due_by_its_own_rule() {
        let policies = parse(&format!("[{EXPIRATION},{WARNING},{STALE}]")).unwrap();
        let written = Timestamp::from_millis(1_700_000_000_000);
        let expires: jiff::Timestamp = "2030-12-02T21:34:33Z".parse().unwrap();
        let expires = Timestamp::from_millis(expires.as_millisecond());
        let expected = [
            expires,
            expires - Duration::from_secs(15 * 24 * 3600),
            written + Duration::from_secs(20 * 3600),
        ];
        assert_eq!(due(&policies, written), expected);
        assert_eq!(parse(&to_text(&policies).unwrap()).unwrap(), policies);
    }
}
