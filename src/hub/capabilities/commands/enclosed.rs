//! The documents that a document's steps name, sent along with it: an agent asks the hub for nothing while it runs.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::{ApiError, ApiResult};
use crate::hub::api::Cx;
use crate::hub::capabilities::documents::{lookup, names};
use crate::hub::capabilities::fleet::targets::SEND;
use crate::hub::store::Tx;
use crate::model::document::sources::MAX_DEPTH;
use crate::model::document::{Document, Step};

/// By the name they are named with; the language of documents in JSON, members in their author's order.
pub type Enclosed = BTreeMap<String, String>;

const MAX_DOCUMENTS: usize = 20;

/// *Errors*: `InvalidDocument`, `InvalidDocumentVersion` for one that is not there, `AccessDeniedException` for one the caller may
/// not run.
pub async fn collect(cx: &Cx, steps: &[Step]) -> ApiResult<Enclosed> {
    let wanted: Vec<String> = steps.iter().filter_map(|step| named(&step.action, &step.inputs)).collect();
    if wanted.is_empty() {
        return Ok(Enclosed::new());
    }
    let rights = cx.clone();
    cx.read(move |tx| {
        let mut found = Enclosed::new();
        for name in wanted {
            add(&rights, tx, &name, 1, &mut found)?;
        }
        Ok(found)
    })
    .await
}

/// The document of the hub that a step names.
fn named(action: &str, inputs: &serde_json::Map<String, Value>) -> Option<String> {
    let text = |name: &str| inputs.get(name).and_then(Value::as_str).map(str::trim);
    match action {
        "aws:runDocument" if text("documentType") == Some("SSMDocument") => text("documentPath").map(str::to_owned),
        "aws:downloadContent" if text("sourceType") == Some("SSMDocument") => match inputs.get("sourceInfo") {
            Some(Value::Object(info)) => info.get("name").and_then(Value::as_str).map(str::to_owned),
            Some(Value::String(json)) => {
                let info: Value = serde_json::from_str(json).ok()?;
                info["name"].as_str().map(str::to_owned)
            }
            _ => None,
        },
        _ => None,
    }
}

/// The document's own name. `account` is the hub's own.
///
/// *Errors*: `ValidationException`, `InvalidDocument` for what names none.
pub fn name_of(wanted: &str, account: &str) -> ApiResult<String> {
    names::named(apart(wanted).0, account)
}

/// Name or ARN, and the version behind it.
fn apart(wanted: &str) -> (&str, Option<&str>) {
    match wanted.rsplit_once(':') {
        Some((name, version)) if !name.starts_with("arn:") || name.contains('/') => (name, Some(version)),
        _ => (wanted, None),
    }
}

fn add(cx: &Cx, tx: &Tx<'_>, wanted: &str, depth: u32, found: &mut Enclosed) -> ApiResult<()> {
    // A name that is made of parameters is known on the node only, and missing there.
    if found.contains_key(wanted) || depth > MAX_DEPTH || wanted.contains("{{") {
        return Ok(());
    }
    if found.len() >= MAX_DOCUMENTS {
        return Err(ApiError::new(
            "InvalidDocument",
            format!("the document names more than {MAX_DOCUMENTS} others"),
        ));
    }
    let (name, version) = apart(wanted);
    let document = lookup::permitted(cx, tx, SEND, name, version)?;
    found.insert(wanted.to_owned(), document.written()?);
    if let Ok(parsed) = Document::parse(&document.content) {
        for step in parsed.steps() {
            if let Some(inner) = named(&step.action, &step.inputs) {
                add(cx, tx, &inner, depth + 1, found)?;
            }
        }
    }
    Ok(())
}
