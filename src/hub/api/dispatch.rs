//! Decode, authorise, audit, run: the one way into an operation.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint::Violations;
use crate::hub::api::registry::{Access, Operation};
use crate::hub::api::{Cx, json};
use crate::hub::audit::Outcome;
use crate::hub::auth::policy;

/// Runs one operation for one caller.
pub async fn run(operation: &Operation, cx: Cx, body: &[u8]) -> ApiResult<Bytes> {
    // Rights before form: who may not call learns nothing of what would be well-formed.
    let call = (operation.decode)(body).map_err(|error| operation.service.named(error));
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
        other => other.map_err(|error| operation.service.named(error))?,
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
    let body = json::without_nulls(body);
    json::from_slice(&body).map_err(|error| explain(&error, &body))
}

fn explain(error: &serde_json::Error, body: &[u8]) -> ApiError {
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    if error.classify() != Category::Data {
        return ApiError::new("SerializationException", format!("the body is not valid JSON: {error}"));
    }
    if let Some(member) = words.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return missing(&(place(read_by(error, body)) + &lower_first(member)));
    }
    if words.starts_with("invalid type") || words.starts_with("invalid length") {
        return ApiError::new("SerializationException", format!("a member has the wrong type: {words}"));
    }
    ApiError::validation(words.to_owned())
}

/// Upstream's words for a required member that is not there.
fn missing(member: &str) -> ApiError {
    let mut broken = Violations::default();
    broken.required(None::<&()>, member);
    broken.check().expect_err("it holds what was just put in")
}

/// What of the body had been read when the error was found: of an object in which a member is missing, all.
fn read_by<'b>(error: &serde_json::Error, body: &'b [u8]) -> &'b [u8] {
    let before = body.split_inclusive(|b| *b == b'\n').take(error.line().saturating_sub(1));
    let end = before.map(<[u8]>::len).sum::<usize>() + error.column();
    &body[..end.min(body.len())]
}

/// Where the object lies that ends a piece of JSON, as messages begin the name of its members: `tags.1.member.`
fn place(json: &[u8]) -> String {
    // Of each object and list that is open, where in it we are.
    let mut open: Vec<Step<'_>> = Vec::new();
    let (mut at, mut text): (usize, &[u8]) = (0, b"");
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => {
                text = &json[at..at + text_length(&json[at..])];
                at += text.len() + 1;
            }
            b'{' => open.push(Step::Member(b"")),
            b'[' => open.push(Step::Entry(1)),
            b'}' | b']' => drop(open.pop()),
            _ => match (byte, open.last_mut()) {
                (b':', Some(Step::Member(name))) => *name = text,
                (b',', Some(Step::Entry(number))) => *number += 1,
                _ => {}
            },
        }
    }
    open.iter().map(Step::said).collect()
}

/// How many bytes there are before the quote that ends a text.
fn text_length(rest: &[u8]) -> usize {
    let mut is_escaped = false;
    let ends = |byte: &u8| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    };
    rest.iter().position(ends).unwrap_or(rest.len())
}

enum Step<'j> {
    Member(&'j [u8]),
    Entry(usize),
}

impl Step<'_> {
    fn said(&self) -> String {
        match self {
            Self::Member(name) => {
                let name: String = String::from_utf8_lossy(name).chars().take(128).collect();
                lower_first(&name) + "."
            }
            Self::Entry(number) => format!("{number}.member."),
        }
    }
}

/// Member names in validation messages begin in lower case.
fn lower_first(name: &str) -> String {
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
    #[expect(dead_code, reason = "only its decoding is tested")]
    struct Request {
        name: String,
        #[serde(default)]
        parts: Vec<Part>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    #[expect(dead_code, reason = "only its decoding is tested")]
    struct Part {
        key: String,
        inner: Option<Box<Part>>,
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

    #[test]
    fn a_required_member_that_is_null_is_missing() {
        assert!(decode::<Request>(br#"{"Name": "x", "Parts": null}"#).is_ok());
        let said = code("{\n\"Gone\": null, \"Name\": \"x\", \"Parts\": [{\"Key\": \"a\"}, {\"Key\": null}]}").1;
        assert!(said.contains("Value null at 'parts.2.member.key'"), "{said}");
    }

    #[test]
    fn a_missing_member_is_named_with_its_place() {
        let place = |body: &str| code(body).1.split('\'').nth(1).unwrap().to_owned();
        assert_eq!(place(r#"{"Parts": []}"#), "name");
        assert_eq!(place(r#"{"Name": "x", "Parts": [{"Value": "1"}]}"#), "parts.1.member.key");
        assert_eq!(
            place("{\"Name\": \"[{\\\"\",\n\"Parts\": [{\"Key\": \"a,b\\\\\"},\n {\"Other\": [1, {}], \"Key\": \"k\", \"Inner\": {}}]}"),
            "parts.2.member.inner.key"
        );
    }

    #[test]
    fn each_service_has_its_own_word_for_what_breaks_its_model() {
        use crate::hub::api::Service;
        let word = |service: Service| service.named(ApiError::validation("x")).code;
        assert_eq!(word(Service::Ssm), "ValidationException");
        assert_eq!(word(Service::Tagging), "InvalidParameterException");
        assert_eq!(word(Service::ResourceGroups), "BadRequestException");
        assert_eq!(
            Service::Tagging.named(ApiError::new("AccessDeniedException", "x")).code,
            "AccessDeniedException"
        );
    }
}
