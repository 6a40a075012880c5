//! Reading one document: its text, and what it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::capabilities::documents::attachments::{self, Attachment, AttachmentContent};
use crate::hub::capabilities::documents::content::{self, FORMATS};
use crate::hub::capabilities::documents::edit::found;
use crate::hub::capabilities::documents::links;
use crate::hub::capabilities::documents::names::{self, KIND, Version, short};
use crate::hub::capabilities::documents::rows::{self, DocumentRow, Requires, VersionRow};
use crate::hub::capabilities::documents::view::{self, DocumentDescription};
use crate::hub::store::Tx;
use crate::model::document::Format;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Ssm,
        "GetDocument",
        |r: &GetRequest| Target::Resource(KIND, short(&r.name).to_owned()),
        get_document,
    )
    .read(
        Service::Ssm,
        "DescribeDocument",
        |r: &DescribeRequest| Target::Resource(KIND, short(&r.name).to_owned()),
        describe_document,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GetRequest {
    name: String,
    document_version: Option<String>,
    version_name: Option<String>,
    document_format: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GetResult {
    name: String,
    created_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_name: Option<String>,
    document_version: String,
    status: &'static str,
    content: String,
    document_type: String,
    document_format: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requires: Vec<Requires>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments_content: Vec<AttachmentContent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    review_status: Option<String>,
}

/// *Errors*: `ValidationException`, `InvalidDocument`, `InvalidDocumentVersion`.
async fn get_document(cx: Cx, request: GetRequest) -> ApiResult<GetResult> {
    let account = &cx.services.config.account_id;
    let which = Which::of(account, &request.name, request.document_version, request.version_name)?;
    let wanted = match request.document_format.as_deref() {
        None => None,
        Some(text) => {
            constraint::one_of(text, "documentFormat", FORMATS)?;
            text.parse::<Format>().ok()
        }
    };
    let asked = cx.clone();
    cx.read(move |tx| {
        let (document, version) = which.find(tx)?;
        // Upstream's default, where the text has a structure.
        let format = wanted.unwrap_or(match version.format {
            Format::Text => Format::Text,
            _ => Format::Json,
        });
        let files = attachments::of(tx, &version.name, version.version)?;
        let content = |file: Attachment| {
            let url = links::url(&asked, &version.name, version.version, &file);
            file.content(url)
        };
        Ok(GetResult {
            content: content::converted(&version.content, version.format, format)?,
            attachments_content: files.into_iter().map(content).collect(),
            name: version.name,
            created_date: version.created_at,
            display_name: version.display_name,
            version_name: version.version_name,
            document_version: version.version.to_string(),
            status: "Active",
            document_type: document.kind,
            document_format: format.as_str(),
            requires: version.requires,
            review_status: version.review,
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeRequest {
    name: String,
    document_version: Option<String>,
    version_name: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeResult {
    document: DocumentDescription,
}

/// *Errors*: `ValidationException`, `InvalidDocument`, `InvalidDocumentVersion`.
async fn describe_document(cx: Cx, request: DescribeRequest) -> ApiResult<DescribeResult> {
    let account = cx.services.config.account_id.clone();
    let which = Which::of(&account, &request.name, request.document_version, request.version_name)?;
    cx.read(move |tx| {
        let (document, version) = which.find(tx)?;
        Ok(DescribeResult {
            document: view::description(tx, &account, &document, version)?,
        })
    })
    .await
}

/// Which version of which document a request names.
pub struct Which {
    pub name: String,
    version: Option<Version>,
    version_text: Option<String>,
    version_name: Option<String>,
}

impl Which {
    /// *Errors*: `ValidationException`, `InvalidDocument`.
    pub fn of(account: &str, name: &str, version: Option<String>, version_name: Option<String>) -> ApiResult<Self> {
        names::check_version_name(version_name.as_deref())?;
        Ok(Self {
            name: names::named(name, account)?,
            version: names::version(version.as_deref())?,
            version_text: version,
            version_name,
        })
    }

    /// *Errors*: `InvalidDocument`, `InvalidDocumentVersion`.
    pub fn find(&self, tx: &Tx<'_>) -> ApiResult<(DocumentRow, VersionRow)> {
        let document = found(tx, &self.name)?;
        let version = rows::version(tx, &document, self.version, self.version_name.as_deref())?;
        let version = version.ok_or_else(|| {
            let wanted = self.version_name.as_deref().or(self.version_text.as_deref()).unwrap_or("$DEFAULT");
            names::no_version(&self.name, wanted, document.latest_version)
        })?;
        Ok((document, version))
    }
}
