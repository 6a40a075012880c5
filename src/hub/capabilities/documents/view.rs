//! A document as upstream's `DocumentDescription` shows it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::base::{ApiResult, Timestamp};
use crate::hub::capabilities::documents::attachments;
use crate::hub::capabilities::documents::content;
use crate::hub::capabilities::documents::reviews;
use crate::hub::capabilities::documents::rows::{DocumentRow, Requires, VersionRow};
use crate::hub::labels::{self, Kind, Tag};
use crate::hub::store::Tx;
use crate::model::document::{Document, ParameterSpec, text};

/// *Source*: `DocumentDescription` of the service model.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentDescription {
    hash: String,
    hash_type: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_name: Option<String>,
    owner: String,
    created_date: Timestamp,
    status: &'static str,
    document_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<ParameterView>,
    platform_types: Vec<&'static str>,
    document_type: String,
    schema_version: String,
    latest_version: String,
    default_version: String,
    document_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_type: Option<String>,
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments_information: Vec<AttachmentName>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requires: Vec<Requires>,
    #[serde(skip_serializing_if = "String::is_empty")]
    author: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    review_information: Vec<reviews::ReviewInformation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_review_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    review_status: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ParameterView {
    name: String,
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_value: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct AttachmentName {
    name: String,
}

/// Puts a description together, tags, attachments and reviews included.
pub fn description(tx: &Tx<'_>, account: &str, document: &DocumentRow, version: VersionRow) -> ApiResult<DocumentDescription> {
    let attachments = attachments::of(tx, &version.name, version.version)?;
    let reviews = reviews::of_version(tx, &version.name, version.version)?;
    let standing = reviews::standing(tx, &version.name)?;
    Ok(DocumentDescription {
        parameters: parameters(&document.kind, &version),
        tags: labels::list(tx, Kind::Document, &version.name)?,
        attachments_information: attachments.into_iter().map(|a| AttachmentName { name: a.name }).collect(),
        review_information: reviews,
        approved_version: standing.approved.map(|n| n.to_string()),
        pending_review_version: standing.pending.map(|n| n.to_string()),
        review_status: version.review,
        owner: document.owner(account),
        document_type: document.kind.clone(),
        latest_version: document.latest_version.to_string(),
        default_version: document.default_version.to_string(),
        hash: version.sha256,
        hash_type: "Sha256",
        name: version.name,
        display_name: version.display_name,
        version_name: version.version_name,
        created_date: version.created_at,
        status: "Active",
        document_version: version.version.to_string(),
        description: version.description,
        platform_types: version.platforms.iter().map(|platform| platform.as_str()).collect(),
        schema_version: version.schema_version,
        document_format: version.format.as_str(),
        target_type: version.target_type,
        requires: version.requires,
        author: version.author,
    })
}

fn parameters(kind: &str, version: &VersionRow) -> Vec<ParameterView> {
    if !content::is_language(kind) {
        return Vec::new();
    }
    let document = text::parse(&version.content, version.format)
        .ok()
        .and_then(|root| Document::read(&root).document);
    let Some(document) = document else { return Vec::new() };
    let view = |(name, spec): (&str, &ParameterSpec)| ParameterView {
        name: name.to_owned(),
        r#type: spec.declared.clone(),
        description: spec.description.clone(),
        default_value: spec.default.as_ref().map(shown),
    };
    document.parameters.iter().map(view).collect()
}

/// A default as upstream prints it: texts bare, booleans with a capital, lists and maps as JSON with blanks.
fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(true) => "True".into(),
        Json::Bool(false) => "False".into(),
        other => spaced(other),
    }
}

fn spaced(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Json::Object(members) => {
            let member = |(key, value): (&String, &Json)| format!("{}: {}", Json::String(key.clone()), spaced(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_are_printed_as_upstreams() {
        for (value, expected) in [
            (json!("def"), "def"),
            (json!(3), "3"),
            (json!(false), "False"),
            (json!(["abc", "d\"f"]), r#"["abc", "d\"f"]"#),
            (json!({"a": [1, true]}), r#"{"a": [1, true]}"#),
        ] {
            assert_eq!(shown(&value), expected);
        }
    }
}
