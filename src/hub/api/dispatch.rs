//! Decode, authorise, audit, run: the one way into an operation.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::base::{ApiError, ApiResult};
use crate::hub::api::Cx;
use crate::hub::api::registry::{Access, Operation};
use crate::hub::audit::Outcome;
use crate::hub::auth::policy;

/// Runs one operation for one caller.
pub async fn run(operation: &Operation, cx: Cx, body: &[u8]) -> ApiResult<Bytes> {
    // Rights before form: who may not call learns nothing of what would be well-formed.
    let call = (operation.decode)(body);
    let target = call.as_ref().map(|call| call.target()).unwrap_or(policy::Target::Hub);
    let _first = cx.request().target.set(target.clone());
    let action = &cx.request().action;
    match (operation.access, &call) {
        (Access::Open, _) => {}
        (Access::Own, _) => admit(&cx, policy::decide_own(cx.caller(), action)).await?,
        (_, Ok(_)) => authorise(&cx, &target).await?,
        (_, Err(_)) => admit(&cx, policy::decide_ever(cx.caller(), action, &target)).await?,
    }
    let answer = match call?.run(cx.clone()).await {
        Err(error) if error.code == "AccessDeniedException" && !cx.request().is_audited.load(Ordering::Relaxed) => {
            // Refused by what only the operation could know; what it wrote was rolled back.
            let reason = cx.request().denial.get().cloned().unwrap_or_default();
            cx.audit(Outcome::Denied, reason).await?;
            return Err(error);
        }
        other => other?,
    };
    if operation.access == Access::Write && !cx.request().is_audited.load(Ordering::Relaxed) {
        cx.audit(Outcome::Done, String::new()).await?;
    }
    Ok(answer)
}

/// *Errors*: `AccessDeniedException`, after the denial is in the audit log.
pub async fn authorise(cx: &Cx, target: &policy::Target) -> ApiResult<()> {
    let action = &cx.request().action;
    let verdict = match policy::decide_early(cx.caller(), action, target) {
        Some(decided) => decided,
        None => {
            let (asked, target) = (cx.clone(), target.clone());
            cx.glance(move |tx| Ok(policy::decide_in(tx, asked.caller(), &asked.request().action, &target)?))
                .await?
        }
    };
    let verdict = verdict.and_then(|()| Ok(cx.caller().check_step_up(action, cx.now())?));
    admit(cx, verdict).await
}

async fn admit(cx: &Cx, verdict: Result<(), policy::Denial>) -> ApiResult<()> {
    let Err(denial) = verdict else { return Ok(()) };
    cx.audit(Outcome::Denied, denial.reason.clone()).await?;
    Err(denial.into())
}

/// The request's body as its type.
///
/// *Errors*, as upstream: `SerializationException` for what is not JSON or has a wrong JSON type,
/// `ValidationException` for a missing member or an ill-formed value.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> ApiResult<T> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| explain(&error))
}

fn explain(error: &serde_json::Error) -> ApiError {
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    if error.classify() != Category::Data {
        return ApiError::new("SerializationException", format!("the body is not valid JSON: {error}"));
    }
    if let Some(member) = words.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return missing(member);
    }
    if words.starts_with("invalid type") || words.starts_with("invalid length") {
        return ApiError::new("SerializationException", format!("a member has the wrong type: {words}"));
    }
    ApiError::validation(words.to_owned())
}

/// Upstream's words for a required member that is not there.
pub fn missing(member: &str) -> ApiError {
    let member = lower_first(member);
    ApiError::validation(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

/// Member names in validation messages begin in lower case.
pub fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Request {
        #[expect(dead_code, reason = "only its decoding is tested")]
        name: String,
    }

    fn code(body: &str) -> (&'static str, String) {
        let error = decode::<Request>(body.as_bytes()).unwrap_err();
        (error.code, error.message)
    }

    #[test]
    fn each_fault_of_a_body_has_upstreams_code() {
        assert_eq!(code("{").0, "SerializationException");
        assert_eq!(code("[1]").0, "SerializationException");
        assert_eq!(code(r#"{"Name": 5}"#).0, "SerializationException");
        let (missing, words) = code("{}");
        assert_eq!((missing, words.contains("Value null at 'name'")), ("ValidationException", true));
        assert!(decode::<Request>(br#"{"Name": "x", "Unknown": 1}"#).is_ok());
    }
}
