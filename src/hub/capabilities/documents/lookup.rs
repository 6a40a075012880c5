//! A document for other capabilities: what a command, an association or a session runs.

use serde_json::Value;

use crate::base::{ApiError, ApiResult};
use crate::hub::capabilities::documents::content;
use crate::hub::capabilities::documents::read::Which;
use crate::hub::store::Tx;

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
    text: String,
}

/// Finds by name or ARN, with upstream's selectors.
///
/// *Errors*: `ValidationException`, `InvalidDocument`, `InvalidDocumentVersion`.
pub fn document(tx: &Tx<'_>, name: &str, version: Option<&str>) -> ApiResult<Found> {
    let which = Which::of(name, version.filter(|v| !v.is_empty()).map(str::to_owned), None)?;
    let (document, version) = which.find(tx).map_err(|error| match error.code {
        "InvalidDocument" => ApiError::new("InvalidDocument", format!("there is no document `{}`", which.name)),
        _ => error,
    })?;
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
        }
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
