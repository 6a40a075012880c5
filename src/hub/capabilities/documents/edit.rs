//! Making, changing and deleting documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, tag_new};
use crate::hub::capabilities::documents::attachments::{self, Source};
use crate::hub::capabilities::documents::content::{self, FORMATS, Judged, TYPES};
use crate::hub::capabilities::documents::library;
use crate::hub::capabilities::documents::names::{self, KIND, Version};
use crate::hub::capabilities::documents::rows::{self, DocumentRow, Requires, VersionRow};
use crate::hub::capabilities::documents::view::{self, DocumentDescription};
use crate::hub::labels::{self, Kind, Tag};
use crate::hub::store::blobs::hash;
use crate::hub::store::{StoreError, Tx};
use crate::model::document::Format;

/// Upstream's limit for one document.
const MAX_VERSIONS: i64 = 1000;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Ssm,
        "CreateDocument",
        |r: &CreateRequest| Target::Resource(KIND, r.name.clone()),
        create_document,
    )
    .write(
        Service::Ssm,
        "UpdateDocument",
        |r: &UpdateRequest| Target::Resource(KIND, r.name.clone()),
        update_document,
    )
    .write(
        Service::Ssm,
        "UpdateDocumentDefaultVersion",
        |r: &DefaultRequest| Target::Resource(KIND, r.name.clone()),
        update_document_default_version,
    )
    .write(
        Service::Ssm,
        "DeleteDocument",
        |r: &DeleteRequest| Target::Resource(KIND, r.name.clone()),
        delete_document,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct CreateRequest {
    name: String,
    content: String,
    document_type: Option<String>,
    document_format: Option<String>,
    display_name: Option<String>,
    version_name: Option<String>,
    target_type: Option<String>,
    requires: Option<Vec<Requires>>,
    #[serde(default)]
    attachments: Vec<Source>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescriptionResult {
    document_description: DocumentDescription,
}

/// *Errors*: `ValidationException`, `MaxDocumentSizeExceeded`, `InvalidDocumentContent`, `InvalidDocumentSchemaVersion`,
/// `DocumentAlreadyExists`, `TooManyTagsError`.
async fn create_document(cx: Cx, request: CreateRequest) -> ApiResult<DescriptionResult> {
    names::check_new_name(&request.name)?;
    let kind = request.document_type.clone().unwrap_or_else(|| "Command".into());
    constraint::one_of(&kind, "documentType", TYPES)?;
    let requires = checked_requires(&cx.services.config.account_id, request.requires)?;
    labels::check(&request.tags)?;
    let draft = Draft {
        name: request.name,
        display_name: request.display_name,
        version_name: request.version_name,
        target_type: request.target_type,
        requires,
        format: format(request.document_format.as_deref())?,
        content: request.content,
    };
    let judged = draft.judge(&kind)?;
    let files = attachments::fetch(&cx, &request.attachments).await?;
    let (account, tags) = (cx.services.config.account_id.clone(), request.tags);
    let mut first = draft.version(judged, 1, &cx);
    if kind == "Automation.ChangeTemplate" {
        first.review = Some("NOT_REVIEWED".into());
    }
    let asked = cx.clone();
    cx.write(move |tx| {
        if let Some(before) = rows::document(tx, &first.name)?
            && !library::step_aside(tx, &before)?
        {
            return Err(ApiError::new("DocumentAlreadyExists", "The specified document already exists."));
        }
        rows::insert(tx, &kind, "", &first)?;
        attachments::insert(tx, &first.name, 1, &files)?;
        tag_new(&asked, tx, Kind::Document, &first.name, &tags)?;
        let document = found(tx, &first.name)?;
        Ok(DescriptionResult {
            document_description: view::description(tx, &account, &document, first)?,
        })
    })
    .await
}

/// What a caller wants to be a version.
struct Draft {
    name: String,
    display_name: Option<String>,
    version_name: Option<String>,
    target_type: Option<String>,
    requires: Vec<Requires>,
    format: Format,
    content: String,
}

impl Draft {
    fn judge(&self, kind: &str) -> ApiResult<Judged> {
        names::check_version_name(self.version_name.as_deref())?;
        names::check_target_type(self.target_type.as_deref())?;
        names::check_display_name(self.display_name.as_deref())?;
        content::judge(kind, self.format, &self.content)
    }

    fn version(self, judged: Judged, number: i64, cx: &Cx) -> VersionRow {
        VersionRow {
            sha256: data_encoding::HEXLOWER.encode(&hash(self.content.as_bytes())),
            name: self.name,
            version: number,
            version_name: self.version_name,
            display_name: self.display_name,
            format: self.format,
            content: self.content,
            schema_version: judged.schema_version,
            description: judged.description,
            target_type: self.target_type,
            requires: self.requires,
            platforms: judged.platforms,
            author: cx.caller().name.clone(),
            review: None,
            created_at: cx.now(),
        }
    }
}

fn format(text: Option<&str>) -> ApiResult<Format> {
    let text = text.unwrap_or("JSON");
    text.parse()
        .map_err(|()| constraint::violated(text, "documentFormat", &format!("satisfy enum value set: [{}]", FORMATS.join(", "))))
}

/// *Errors*: `ValidationException`: whoever needs nothing does not name the member; `InvalidDocument`.
fn checked_requires(account: &str, requires: Option<Vec<Requires>>) -> ApiResult<Vec<Requires>> {
    constraint::not_empty(requires.as_deref(), "requires")?;
    let requires = requires.unwrap_or_default();
    for (number, one) in (1..).zip(&requires) {
        let member = |name: &str| format!("requires.{number}.member.{name}");
        names::named_at(&one.name, account, &member("name"))?;
        names::version_at(one.version.as_deref(), &member("version"))?;
        names::check_word_at(one.require_type.as_deref(), &member("requireType"))?;
        names::check_word_at(one.version_name.as_deref(), &member("versionName"))?;
    }
    Ok(requires)
}

/// *Errors*: `InvalidDocument`.
pub fn found(tx: &Tx<'_>, name: &str) -> ApiResult<DocumentRow> {
    rows::document(tx, name)?.ok_or_else(names::no_document)
}

/// A document that its caller may change.
///
/// *Errors*: `InvalidDocument`, and `code` for one of the library.
pub fn own(tx: &Tx<'_>, name: &str, code: &'static str) -> ApiResult<DocumentRow> {
    let document = found(tx, name)?;
    if document.is_builtin() {
        return Err(ApiError::new(
            code,
            format!("`{name}` belongs to the built-in library and is not changed; create a document of your own from its content"),
        ));
    }
    Ok(document)
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct UpdateRequest {
    name: String,
    content: String,
    document_version: Option<String>,
    document_format: Option<String>,
    display_name: Option<String>,
    version_name: Option<String>,
    target_type: Option<String>,
    #[serde(default)]
    attachments: Vec<Source>,
}

/// A new version from the latest; the default stays where it is.
///
/// *Errors*: `ValidationException`, `InvalidDocument`, `InvalidDocumentVersion`, `InvalidDocumentContent`,
/// `InvalidDocumentSchemaVersion`, `InvalidDocumentOperation`, `DuplicateDocumentContent`, `DuplicateDocumentVersionName`,
/// `DocumentVersionLimitExceeded`, `MaxDocumentSizeExceeded`.
async fn update_document(cx: Cx, request: UpdateRequest) -> ApiResult<DescriptionResult> {
    names::check_name(&request.name)?;
    let base = names::version(request.document_version.as_deref())?;
    let format = format(request.document_format.as_deref())?;
    let name = request.name.clone();
    let before = cx.read(move |tx| own(tx, &name, "InvalidDocumentOperation")).await?;
    let draft = Draft {
        name: request.name,
        display_name: request.display_name,
        version_name: request.version_name,
        target_type: request.target_type,
        requires: Vec::new(),
        format,
        content: request.content,
    };
    check_base(&before, base)?;
    let judged = draft.judge(&before.kind)?;
    let has_new_files = !request.attachments.is_empty();
    let files = attachments::fetch(&cx, &request.attachments).await?;
    let account = cx.services.config.account_id.clone();
    let mut next = draft.version(judged, 0, &cx);
    cx.write(move |tx| {
        let document = own(tx, &next.name, "InvalidDocumentOperation")?;
        check_base(&document, base)?;
        check_twins(tx, &next, has_new_files)?;
        let latest = rows::version(tx, &document, Some(Version::Latest), None)?.ok_or_else(names::no_document)?;
        check_schema(&latest, &next)?;
        next.version = document.last_version + 1;
        next.target_type = next.target_type.or(latest.target_type);
        next.display_name = next.display_name.or(latest.display_name);
        next.requires = latest.requires;
        next.review = latest.review.map(|_| "NOT_REVIEWED".into());
        rows::insert_version(tx, &next)?;
        rows::set_latest(tx, &next.name, next.version, next.version)?;
        match has_new_files {
            true => attachments::insert(tx, &next.name, next.version, &files)?,
            false => attachments::inherit(tx, &next.name, latest.version, next.version)?,
        }
        let document = found(tx, &next.name)?;
        Ok(DescriptionResult {
            document_description: view::description(tx, &account, &document, next)?,
        })
    })
    .await
}

/// Only the latest version is updated. Without a version the default is meant, as upstream means it.
fn check_base(document: &DocumentRow, base: Option<Version>) -> ApiResult<()> {
    let is_latest = match base {
        Some(Version::Latest) => true,
        Some(Version::Number(number)) => number == document.latest_version,
        None | Some(Version::Default) => document.default_version == document.latest_version,
    };
    if is_latest {
        return Ok(());
    }
    let name = &document.name;
    let message = match base {
        Some(Version::Number(number)) if number > document.latest_version => {
            "The document version is not valid or does not exist.".to_owned()
        }
        _ => format!("Version provided for document {name} is not latest. Please provide the latest version to update document {name}"),
    };
    Err(ApiError::new("InvalidDocumentVersion", message))
}

/// *Source*: AWS docs, "Schemas, features, and examples", document editing: what is of 1.2 is saved under another name.
fn check_schema(before: &VersionRow, next: &VersionRow) -> ApiResult<()> {
    let is_old = |version: &VersionRow| version.schema_version == "1.2";
    if !is_old(before) && !is_old(next) {
        return Ok(());
    }
    let message = match is_old(before) {
        true => format!(
            "`{}` is of schema version 1.2, and such a document is not updated: create another, best of schema version 2.2",
            next.name
        ),
        false => format!(
            "`{}` is of schema version {} and does not become one of 1.2",
            next.name, before.schema_version
        ),
    };
    Err(ApiError::new("InvalidDocumentSchemaVersion", message))
}

fn check_twins(tx: &Tx<'_>, next: &VersionRow, has_new_files: bool) -> ApiResult<()> {
    if let Some(version_name) = &next.version_name
        && rows::has_version_name(tx, &next.name, version_name)?
    {
        return Err(ApiError::new(
            "DuplicateDocumentVersionName",
            "The specified version name is a duplicate.",
        ));
    }
    if !has_new_files && rows::has_content(tx, &next.name, &next.sha256, next.target_type.as_deref())? {
        return Err(ApiError::new(
            "DuplicateDocumentContent",
            "The content of the association document matches another document. Change the content of the document and try again.",
        ));
    }
    if rows::count_versions(tx, &next.name)? >= MAX_VERSIONS {
        return Err(ApiError::new(
            "DocumentVersionLimitExceeded",
            format!("the document has {MAX_VERSIONS} versions already: delete one or more of them and try again"),
        ));
    }
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DefaultRequest {
    name: String,
    document_version: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DefaultResult {
    description: DefaultDescription,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DefaultDescription {
    name: String,
    default_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_version_name: Option<String>,
}

/// *Errors*: `ValidationException`, `InvalidDocument`, `InvalidDocumentVersion`.
async fn update_document_default_version(cx: Cx, request: DefaultRequest) -> ApiResult<DefaultResult> {
    names::check_name(&request.name)?;
    let wanted = match names::version(Some(&request.document_version))? {
        Some(Version::Number(number)) => number,
        _ => {
            let must = "satisfy regular expression pattern: (^[1-9][0-9]*$)";
            return Err(constraint::violated(&request.document_version, "documentVersion", must));
        }
    };
    cx.write(move |tx| {
        let document = own(tx, &request.name, "InvalidDocument")?;
        let version = rows::version(tx, &document, Some(Version::Number(wanted)), None)?;
        let version = version.ok_or_else(|| names::no_version(&request.name, &request.document_version, document.latest_version))?;
        rows::set_default(tx, &request.name, version.version)?;
        Ok(DefaultResult {
            description: DefaultDescription {
                name: version.name,
                default_version: version.version.to_string(),
                default_version_name: version.version_name,
            },
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DeleteRequest {
    name: String,
    document_version: Option<String>,
    version_name: Option<String>,
    /// Asked for by upstream for `ApplicationConfigurationSchema` only.
    #[serde(default)]
    force: bool,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

/// One version, or the document with all of them.
///
/// *Errors*: `ValidationException`, `InvalidDocument`, `InvalidDocumentOperation`.
async fn delete_document(cx: Cx, request: DeleteRequest) -> ApiResult<Empty> {
    names::check_name(&request.name)?;
    names::check_version_name(request.version_name.as_deref())?;
    let wanted = names::version(request.document_version.as_deref())?;
    let now = cx.now();
    cx.write(move |tx| {
        let document = own(tx, &request.name, "InvalidDocumentOperation")?;
        if rows::is_shared(tx, &request.name)? {
            return Err(ApiError::new(
                "InvalidDocumentOperation",
                "Must unshare document first before delete",
            ));
        }
        if wanted.is_some() || request.version_name.is_some() {
            delete_version(tx, &document, wanted, request.version_name.as_deref(), now)?;
        } else {
            check_force(&document, request.force)?;
            delete_whole(tx, &request.name, now)?;
        }
        Ok(Empty {})
    })
    .await
}

fn delete_whole(tx: &Tx<'_>, name: &str, now: Timestamp) -> Result<(), StoreError> {
    labels::remove_all(tx, Kind::Document, name)?;
    rows::delete(tx, name)?;
    library::stand_in_again(tx, name, now)
}

fn delete_version(
    tx: &Tx<'_>,
    document: &DocumentRow,
    wanted: Option<Version>,
    version_name: Option<&str>,
    now: Timestamp,
) -> ApiResult<()> {
    let version = rows::version(tx, document, wanted, version_name)?.ok_or_else(names::no_document)?;
    let is_last = rows::count_versions(tx, &document.name)? == 1;
    // By its number the default is never deleted; by its name it is, when nothing else is left.
    if version.version == document.default_version && (wanted.is_some() || !is_last) {
        return Err(ApiError::new(
            "InvalidDocumentOperation",
            "Default version of the document can't be deleted.",
        ));
    }
    rows::delete_version(tx, &document.name, version.version)?;
    if is_last {
        return Ok(delete_whole(tx, &document.name, now)?);
    }
    let latest = rows::highest_version(tx, &document.name)?;
    Ok(rows::set_latest(tx, &document.name, latest, document.last_version)?)
}

fn check_force(document: &DocumentRow, is_forced: bool) -> ApiResult<()> {
    if document.kind != "ApplicationConfigurationSchema" || is_forced {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidDocumentOperation",
        "You attempted to delete a document while it is still shared. You must stop sharing the document before you can delete it. Configurations may be checked against this schema: say `Force` to delete it all the same.",
    ))
}
