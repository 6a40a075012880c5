//! A document for other capabilities: what a command, an association or a session runs.

use serde_json::Value;

use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Target};
use crate::hub::capabilities::documents::content;
use crate::hub::capabilities::documents::names::KIND;
use crate::hub::capabilities::documents::read::Which;
use crate::hub::store::Tx;
use crate::model::document::Format;

/// A version, ready to be run.
#[derive(Clone, Debug)]
pub struct Found {
    pub name: String,
    /// `Command`, `Session` …
    pub kind: String,
    pub version: i64,
    pub content: Value,
    /// Of the text as it was stored, hexadecimal.
    pub sha256: String,
    /// As its author wrote it; empty for one that is only kept as a value.
    text: String,
    format: Format,
}

/// Finds one that the caller may use for `action`, by name or ARN, with upstream's selectors. Who may not learns nothing of it, not
/// even whether it is there.
///
/// *Errors*: `AccessDeniedException`, `ValidationException`, `InvalidDocument`, `InvalidDocumentVersion`.
pub fn permitted(cx: &Cx, tx: &Tx<'_>, action: &str, name: &str, version: Option<&str>) -> ApiResult<Found> {
    let account = &cx.services.config.account_id;
    let named = |error: ApiError| match error.code {
        "InvalidDocument" => ApiError::new("InvalidDocument", format!("there is no document `{name}`")),
        _ => error,
    };
    let which = Which::of(account, name, version.filter(|v| !v.is_empty()).map(str::to_owned), None).map_err(named)?;
    cx.permit_for(tx, action, &Target::Resource(KIND, which.name.clone()))?;
    let (document, version) = which.find(tx).map_err(named)?;
    Ok(Found {
        content: match content::is_language(&document.kind) {
            true => content::value(&version.content, version.format)?,
            false => Value::String(version.content.clone()),
        },
        name: document.name,
        kind: document.kind,
        version: version.version,
        sha256: version.sha256,
        text: version.content,
        format: version.format,
    })
}

impl Found {
    /// The content that a command carried, which may be no version's any more.
    pub fn kept(name: &str, content: Value) -> Self {
        Self {
            name: name.to_owned(),
            kind: "Command".into(),
            version: 0,
            content,
            sha256: String::new(),
            text: String::new(),
            format: Format::Json,
        }
    }

    /// What a node is sent of a document that another one names: in JSON, with the author's words and order; of a type that is kept as
    /// it is, the very text.
    pub fn written(&self) -> ApiResult<String> {
        let text = match content::is_language(&self.kind) {
            true => content::converted(&self.text, self.format, Format::Json)?,
            false => self.text.clone(),
        };
        Ok(text.trim_start_matches('\u{feff}').to_owned())
    }

    /// Whether it is still what the caller has read.
    ///
    /// *Errors*: `InvalidDocument`.
    pub fn check_hash(&self, hash: &str, is_sha1: bool) -> ApiResult<()> {
        let ours = match is_sha1 {
            true => {
                let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, self.text.as_bytes());
                data_encoding::HEXLOWER.encode(digest.as_ref())
            }
            false => self.sha256.clone(),
        };
        if ours.eq_ignore_ascii_case(hash) {
            return Ok(());
        }
        Err(ApiError::new(
            "InvalidDocument",
            format!(
                "version {} of document `{}` does not have the given `DocumentHash`: it is not what you read",
                self.version, self.name
            ),
        ))
    }
}
