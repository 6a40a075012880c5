//! A document judged with a caller's parameters: whether it can be run at all, and what a node needs with it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::{ApiError, ApiResult};
use crate::hub::api::Cx;
use crate::hub::capabilities::commands::enclosed::{self, Enclosed};
use crate::hub::capabilities::commands::objects;
use crate::hub::capabilities::commands::references;
use crate::hub::capabilities::commands::rows::Parameters;
use crate::hub::capabilities::commands::secrets;
use crate::hub::capabilities::documents::lookup::Found;
use crate::model::document::actions::Platform;
use crate::model::document::{self, Document, References, Step};

/// What a document becomes with these parameters.
pub struct Planned {
    pub lookups: References,
    pub documents: Enclosed,
    /// The object stores that it downloads from, which the caller may use.
    pub download_stores: BTreeSet<String>,
    /// How long all its steps may take together.
    pub execution: Duration,
}

/// *Errors*: `InvalidDocument`, `InvalidParameters`, `UnsupportedPlatformType`, `AccessDeniedException` for a secret or an
/// object store.
pub async fn plan(cx: &Cx, found: &Found, parameters: &Parameters) -> ApiResult<Planned> {
    if found.kind != "Command" {
        return Err(ApiError::new(
            "InvalidDocument",
            format!(
                "document `{}` has the type {}; a command runs documents of the type Command",
                found.name, found.kind
            ),
        ));
    }
    let parsed = Document::parse(&found.content).map_err(|e| ApiError::new("InvalidDocument", e.to_string()))?;
    if !parsed.platforms().contains(&Platform::Linux) {
        return Err(ApiError::new(
            "UnsupportedPlatformType",
            format!("no step of document `{}` is for Linux, which all nodes run", found.name),
        ));
    }
    let lookups = references::look_up(cx, document::wanted_references(&parsed, parameters)).await?;
    let resolved = parsed
        .resolve(parameters, &lookups)
        .map_err(|e| ApiError::new("InvalidParameters", e.to_string()))?;
    let longest = |step: &Step| step.timeout.saturating_mul(step.max_attempts);
    let documents = enclosed::collect(cx, &resolved.steps).await?;
    secrets::check(cx, document::secrets::wanted(&resolved, documents.values())).await?;
    Ok(Planned {
        download_stores: objects::check(cx, &resolved, &documents).await?,
        execution: resolved.steps.iter().map(longest).sum(),
        documents,
        lookups,
    })
}
