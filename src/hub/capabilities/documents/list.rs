//! Lists: of documents by filter, and of the versions of one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::constraint::{self, Violations};
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::documents::edit::found;
use crate::hub::capabilities::documents::names::{self, KIND, short};
use crate::hub::capabilities::documents::rows::{self, AMAZON, Requires};
use crate::hub::labels::{self, Kind, Tag};
use crate::hub::store::{Condition, Select, StoreError, Tx, Value};

/// Upstream's limit of one call.
const MAX_FILTERS: usize = 6;

pub fn operations(api: &mut Declare<'_>) {
    api.read(Service::Ssm, "ListDocuments", |_: &ListRequest| Target::Rows(KIND), list_documents)
        .read(
            Service::Ssm,
            "ListDocumentVersions",
            |r: &VersionsRequest| Target::Resource(KIND, short(&r.name).to_owned()),
            list_document_versions,
        );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    /// The older form.
    document_filter_list: Option<Vec<OldFilter>>,
    #[serde(default)]
    filters: Vec<Filter>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct OldFilter {
    key: String,
    value: String,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    key: Option<String>,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    document_identifiers: Vec<DocumentIdentifier>,
    /// Empty after the last page, as upstream's.
    next_token: String,
}

/// *Source*: `DocumentIdentifier` of the service model.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DocumentIdentifier {
    name: String,
    created_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_name: Option<String>,
    platform_types: Vec<&'static str>,
    document_version: String,
    document_type: String,
    schema_version: String,
    document_format: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_type: Option<String>,
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requires: Vec<Requires>,
    #[serde(skip_serializing_if = "Option::is_none")]
    review_status: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    author: String,
}

/// Each document by its default version, sorted by name.
///
/// *Errors*: `ValidationException`, `InvalidFilterKey`, `InvalidNextToken`.
async fn list_documents(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let size = page::size(request.max_results, 1, 50, 50)?;
    let after: Option<String> = page::parse(request.next_token.as_deref())?;
    let account = cx.services.config.account_id.clone();
    let mut select = Select::new(sql::LIST).and_condition(&cx.visible(KIND, "d.name"));
    for filter in filters(request.document_filter_list, request.filters)? {
        select = narrowed(select, &filter, &account)?;
    }
    if let Some(after) = after {
        select = select.and("d.name > ?", [after.into()]);
    }
    let select = select.order("d.name").limit(size + 1);
    cx.read(move |tx| {
        let rows = select.rows(tx, |row| sql::identifier(row, &account))?;
        let (mut found, next_token) = page::cut(rows, size, |document| document.name.clone());
        let mut tags = labels::of_many(tx, Kind::Document, found.iter().map(|document| document.name.clone()))?;
        for one in &mut found {
            one.tags = tags.remove(&one.name).unwrap_or_default();
        }
        Ok(ListResult {
            document_identifiers: found,
            next_token: next_token.unwrap_or_default(),
        })
    })
    .await
}

/// Both forms as one.
///
/// *Errors*: `ValidationException`, `InvalidFilterKey`.
fn filters(old: Option<Vec<OldFilter>>, new: Vec<Filter>) -> ApiResult<Vec<Filter>> {
    constraint::not_empty(old.as_deref(), "documentFilterList")?;
    let old = old.unwrap_or_default();
    if !old.is_empty() && !new.is_empty() {
        return Err(ApiError::validation(
            "`DocumentFilterList` and `Filters` exclude each other: use `Filters`",
        ));
    }
    constraint::count_at_most(&new, "filters", MAX_FILTERS)?;
    let mut broken = Violations::default();
    for (number, filter) in (1..).zip(&old) {
        let member = |name: &str| format!("documentFilterList.{number}.member.{name}");
        broken.one_of(
            Some(&filter.key),
            &member("key"),
            &["Name", "Owner", "PlatformTypes", "DocumentType"],
        );
        broken.length(Some(&filter.value), &member("value"), 1..=usize::MAX);
    }
    for (number, filter) in (1..).zip(&new) {
        let member = |name: &str| format!("filters.{number}.member.{name}");
        broken.length(filter.key.as_ref(), &member("key"), 1..=128);
        for value in &filter.values {
            broken.length(Some(value), &member("values"), 1..=256);
        }
    }
    broken.check()?;
    let old = old.into_iter().map(|filter| Filter {
        key: Some(filter.key),
        values: vec![filter.value],
    });
    Ok(old.chain(new).collect())
}

fn narrowed(select: Select, filter: &Filter, account: &str) -> ApiResult<Select> {
    let key = filter.key.as_deref().unwrap_or_default();
    let values = || filter.values.iter().map(Value::from);
    Ok(match key {
        "Owner" => owned(select, &filter.values, account)?,
        "Name" => select.and_any(
            values()
                .map(|value| (sql::NAMED, vec![value.clone(), value.clone(), value.clone(), value]))
                .collect(),
        ),
        "DocumentType" => select.and_in("d.type", values()),
        "TargetType" => select.and_in("v.target_type", values()),
        "PlatformTypes" => select.and_any(filter.values.iter().map(|value| (platform_column(value), Vec::new())).collect()),
        "SearchKeyword" => select.and_any(
            filter
                .values
                .iter()
                .map(|value| (sql::SAID, vec![value.to_lowercase().into()]))
                .collect(),
        ),
        _ => match key.strip_prefix("tag:") {
            Some(tag) if !tag.is_empty() => select.and_condition(&Condition::Tagged {
                id: "d.name",
                kind: Kind::Document.as_str(),
                key: tag.to_owned(),
                values: filter.values.clone(),
            }),
            _ => return Err(unknown_key(key)),
        },
    })
}

fn unknown_key(key: &str) -> ApiError {
    let shown: String = key.chars().take(60).collect();
    ApiError::new(
        "InvalidFilterKey",
        format!("`{shown}` is not a filter key: use Owner, Name, DocumentType, PlatformTypes, TargetType, SearchKeyword or tag:<key>"),
    )
}

fn platform_column(platform: &str) -> &'static str {
    match platform {
        "Windows" => "v.on_windows",
        "Linux" => "v.on_linux",
        "MacOS" => "v.on_macos",
        _ => "0",
    }
}

/// `Self` is the hub's account, `Amazon` what upstream owns too, `ThirdParty` the library's own documents, `Public` all that
/// everybody may see, `Private` the account's that are not shared with all; anything else is an owner's name.
fn owned(select: Select, values: &[String], account: &str) -> ApiResult<Select> {
    let [owner] = values else {
        return Err(ApiError::validation("Owner filter can only have one value."));
    };
    Ok(match owner.as_str() {
        "Self" => select.and("d.owner = ''", []),
        "Amazon" => select.and("d.owner = ?", [AMAZON.into()]),
        "ThirdParty" => select.and("d.owner NOT IN ('', ?)", [AMAZON.into()]),
        "Public" => select.and(sql::PUBLIC, []),
        "Private" => select.and(sql::PRIVATE, []),
        owner if owner == account => select.and("d.owner = ''", []),
        owner => select.and("d.owner = ? AND d.owner <> ''", [owner.into()]),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct VersionsRequest {
    name: String,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct VersionsResult {
    document_versions: Vec<VersionInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// *Source*: `DocumentVersionInfo` of the service model.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct VersionInfo {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    document_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_name: Option<String>,
    created_date: Timestamp,
    is_default_version: bool,
    document_format: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    review_status: Option<String>,
    #[serde(skip)]
    number: i64,
}

/// Newest first.
///
/// *Errors*: `ValidationException`, `InvalidDocument`, `InvalidNextToken`.
async fn list_document_versions(cx: Cx, request: VersionsRequest) -> ApiResult<VersionsResult> {
    let name = names::named(&request.name, &cx.services.config.account_id)?;
    let size = page::size(request.max_results, 1, 50, 50)?;
    let before: Option<i64> = page::parse(request.next_token.as_deref())?;
    cx.read(move |tx| {
        let document = found(tx, &name)?;
        let versions = sql::versions(tx, &document, before.unwrap_or(i64::MAX), size + 1)?;
        let (document_versions, next_token) = page::cut(versions, size, |version| version.number);
        Ok(VersionsResult {
            document_versions,
            next_token,
        })
    })
    .await
}

mod sql {
    use super::*;
    use crate::hub::store::Row;

    pub const LIST: &str =
        "SELECT d.name, d.type, d.owner, v.version, v.version_name, v.display_name, v.format, v.schema_version, v.target_type,
            v.requires, v.on_windows, v.on_linux, v.on_macos, v.author, v.review, v.created_at
         FROM document d JOIN document_version v ON v.name = d.name AND v.version = d.default_version";
    /// The document of that name; where there is none, those whose name begins so, as the console of upstream searches.
    pub const NAMED: &str = "d.name = ? OR (substr(d.name, 1, length(?)) = ? AND NOT EXISTS (SELECT 1 FROM document e WHERE e.name = ?))";
    pub const SAID: &str = "instr(lower(d.name || ' ' || coalesce(v.display_name, '') || ' ' || v.description), ?) > 0";
    pub const PUBLIC: &str = "(d.owner <> '' OR EXISTS (SELECT 1 FROM document_share s WHERE s.name = d.name AND s.account_id = 'all'))";
    pub const PRIVATE: &str = "d.owner = '' AND NOT EXISTS (SELECT 1 FROM document_share s WHERE s.name = d.name AND s.account_id = 'all')";

    pub fn identifier(row: &Row<'_>, account: &str) -> Result<DocumentIdentifier, StoreError> {
        let owner: String = row.get("owner")?;
        Ok(DocumentIdentifier {
            name: row.get("name")?,
            created_date: row.get("created_at")?,
            display_name: row.get("display_name")?,
            owner: if owner.is_empty() { account.to_owned() } else { owner },
            version_name: row.get("version_name")?,
            platform_types: rows::platforms(row)?.iter().map(|platform| platform.as_str()).collect(),
            document_version: row.get::<i64>("version")?.to_string(),
            document_type: row.get("type")?,
            schema_version: row.get("schema_version")?,
            document_format: row.get("format")?,
            target_type: row.get("target_type")?,
            tags: Vec::new(),
            requires: row.json("requires")?,
            review_status: row.get("review")?,
            author: row.get("author")?,
        })
    }

    pub fn versions(tx: &Tx<'_>, document: &rows::DocumentRow, before: i64, limit: usize) -> Result<Vec<VersionInfo>, StoreError> {
        Select::new("SELECT name, version, version_name, display_name, format, review, created_at FROM document_version")
            .and("name = ?", [(&document.name).into()])
            .and("version < ?", [before.into()])
            .order("version DESC")
            .limit(limit)
            .rows(tx, |row| {
                let number: i64 = row.get("version")?;
                Ok(VersionInfo {
                    name: row.get("name")?,
                    display_name: row.get("display_name")?,
                    document_version: number.to_string(),
                    version_name: row.get("version_name")?,
                    created_date: row.get("created_at")?,
                    is_default_version: number == document.default_version,
                    document_format: row.get("format")?,
                    status: "Active",
                    review_status: row.get("review")?,
                    number,
                })
            })
    }
}
