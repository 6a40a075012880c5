//! Which documents read a parameter.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::capabilities::documents::names::KIND;
use crate::hub::capabilities::parameters;
use crate::hub::store::Select;
use crate::model::document::references_to;
use crate::model::parameter::Reference;

/// Documents that are named for one parameter; the count says how many there are.
const DOCUMENTS_SHOWN: usize = 200;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "ListParameterDocuments",
        |r: &ListRequest| Target::Resource(parameters::KIND, parameters::id_of(&r.name)),
        list_parameter_documents,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    name: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    documents: Vec<DocumentUse>,
    document_count: usize,
}

/// A document whose default version refers to the parameter.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DocumentUse {
    name: String,
    document_version: String,
    /// As they stand between the braces: `ssm:/app/host`, `ssm:/app/host:3` …
    references: BTreeSet<String>,
}

/// By what the documents say that the caller may read, whether the parameter is there (still) or not.
///
/// *Errors*: `ValidationException`.
async fn list_parameter_documents(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let Ok(reference) = Reference::parse(&request.name) else {
        return Err(ApiError::validation("`Name` is a parameter's name, such as `/app/db/host`"));
    };
    let visible = cx.visible_for("ssm:GetDocument", KIND, "d.name");
    cx.read(move |tx| {
        let bare = reference.key.as_str().trim_start_matches('/');
        let select = Select::new(sql::SAYING).and("instr(v.content, ?) > 0", [bare.into()]);
        let rows = select.and_condition(&visible).order("d.name").rows(tx, sql::saying)?;
        let using = rows.into_iter().filter_map(|(name, version, content)| {
            let references = references_to(&content, &reference.key);
            (!references.is_empty()).then(|| DocumentUse {
                name,
                document_version: version.to_string(),
                references,
            })
        });
        let mut documents: Vec<DocumentUse> = using.collect();
        let document_count = documents.len();
        documents.truncate(DOCUMENTS_SHOWN);
        Ok(ListResult { documents, document_count })
    })
    .await
}

mod sql {
    use crate::hub::store::{Row, StoreError};

    pub const SAYING: &str = "SELECT d.name, v.version, v.content
         FROM document d JOIN document_version v ON v.name = d.name AND v.version = d.default_version";

    pub fn saying(row: &Row<'_>) -> Result<(String, i64, String), StoreError> {
        Ok((row.get("name")?, row.get("version")?, row.get("content")?))
    }
}
