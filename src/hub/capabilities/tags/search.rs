//! Resources by their tags, over every kind: `GetResources`, `GetTagKeys`, `GetTagValues`.
//!
//! A resource without tags is not found here, as upstream does not find it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ApiResult;
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::tags::names::{KIND, arn, check_kinds, invalid, kinds, located};
use crate::hub::capabilities::tags::rules::{self, Verdict};
use crate::hub::labels::{self, Kind, Tag};
use crate::hub::store::{Condition, Select, Tx, Value};

const MAX_FILTERS: usize = 50;
const MAX_VALUES: usize = 20;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;
const MAX_ARNS: usize = 100;
/// Keys or values on one page.
const WORDS_PER_PAGE: usize = 1000;

pub fn operations(api: &mut Declare<'_>) {
    api.read(Service::Tagging, "GetResources", |_: &GetRequest| Target::Rows(KIND), get_resources)
        .read(Service::Tagging, "GetTagKeys", |_: &KeysRequest| Target::Rows(KIND), get_tag_keys)
        .read(
            Service::Tagging,
            "GetTagValues",
            |_: &ValuesRequest| Target::Rows(KIND),
            get_tag_values,
        );
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct TagFilter {
    key: Option<String>,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetResourcesRequest")]
struct GetRequest {
    pagination_token: Option<String>,
    #[serde(default)]
    tag_filters: Vec<TagFilter>,
    resources_per_page: Option<i64>,
    tags_per_page: Option<i64>,
    #[serde(default)]
    resource_type_filters: Vec<String>,
    #[serde(default)]
    include_compliance_details: bool,
    #[serde(default)]
    exclude_compliant_resources: bool,
    #[serde(rename = "ResourceARNList")]
    resource_arns: Option<Vec<String>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetResourcesResult")]
struct GetResult {
    /// Empty at the end, as upstream has it.
    pagination_token: String,
    resource_tag_mapping_list: Vec<Mapping>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ResourceTagMapping")]
struct Mapping {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compliance_details: Option<Verdict>,
}

/// A resource as it is found: the name of its kind, and its id.
type Found = (String, String);

/// How long a page may be.
#[derive(Clone, Copy, Debug)]
struct PageSize {
    resources: usize,
    tags: usize,
}

async fn get_resources(cx: Cx, request: GetRequest) -> ApiResult<GetResult> {
    check(&request)?;
    let size = PageSize {
        resources: in_range(request.resources_per_page, "ResourcesPerPage", 1, 100)?.unwrap_or(50),
        tags: tags_per_page(request.tags_per_page)?.unwrap_or(usize::MAX),
    };
    let after: Option<Found> = token(request.pagination_token.as_deref())?;
    let mut select = matching(&cx, &kinds(&request.resource_type_filters), &request.tag_filters);
    if let Some(wanted) = resources(&cx, request.resource_arns.as_deref())? {
        select = select.and_condition(&wanted);
    }
    if let Some((kind, id)) = after {
        select = select.and("(tag.kind, tag.id) > (?, ?)", [kind.into(), id.into()]);
    }
    let select = select.order("tag.kind, tag.id").limit(size.resources + 1);
    let context = cx.clone();
    cx.read(move |tx| {
        let found: Vec<Found> = select.rows(tx, |row| Ok((row.get("kind")?, row.get("id")?)))?;
        let (found, next) = page::cut(found, size.resources, Clone::clone);
        let (found, next) = with_tags(tx, found, next, size.tags)?;
        let rules = match request.include_compliance_details {
            true => rules::load(tx)?,
            false => rules::Rules::default(),
        };
        let mapping = |(kind, id, tags): (Kind, String, Vec<Tag>)| {
            let verdict = rules.judge(kind, &tags);
            let is_left_out = request.exclude_compliant_resources && verdict.compliance_status;
            (!is_left_out).then(|| Mapping {
                resource_arn: arn(&context, kind, &id),
                tags,
                compliance_details: request.include_compliance_details.then_some(verdict),
            })
        };
        Ok(GetResult {
            pagination_token: next.unwrap_or_default(),
            resource_tag_mapping_list: found.into_iter().filter_map(mapping).collect(),
        })
    })
    .await
}

type Tagged = (Kind, String, Vec<Tag>);

/// Adds the tags, and cuts the page before the resource whose tags would be too many; the first is never cut.
fn with_tags(tx: &Tx<'_>, found: Vec<Found>, next: Option<String>, max_tags: usize) -> ApiResult<(Vec<Tagged>, Option<String>)> {
    let (mut tagged, mut count): (Vec<Tagged>, usize) = (Vec::new(), 0);
    for (name, id) in found {
        let Some(kind) = Kind::named(&name) else { continue };
        let tags = labels::list(tx, kind, &id)?;
        count += tags.len();
        if let (true, Some((kind, id, _))) = (count > max_tags, tagged.last()) {
            let next = page::token(&(kind.as_str(), id));
            return Ok((tagged, Some(next)));
        }
        tagged.push((kind, id, tags));
    }
    Ok((tagged, next))
}

/// *Errors*: `InvalidParameterException`, upstream's only word here.
fn check(request: &GetRequest) -> ApiResult<()> {
    let filters = &request.tag_filters;
    if filters.len() > MAX_FILTERS {
        return Err(invalid(format!("at most {MAX_FILTERS} `TagFilters` are possible")));
    }
    if filters.iter().any(|f| f.values.len() > MAX_VALUES) {
        return Err(invalid(format!("a tag filter has at most {MAX_VALUES} values")));
    }
    let is_key = |key: &Option<String>| key.as_ref().is_some_and(|key| (1..=MAX_KEY).contains(&key.chars().count()));
    if !filters.iter().all(|f| is_key(&f.key)) {
        return Err(invalid(format!("a tag filter needs a `Key` of 1 to {MAX_KEY} characters")));
    }
    let is_long = |value: &String| value.chars().count() > MAX_VALUE;
    if filters.iter().flat_map(|f| &f.values).any(is_long) {
        return Err(invalid(format!("a value of a tag filter has at most {MAX_VALUE} characters")));
    }
    check_kinds(&request.resource_type_filters)?;
    if request.exclude_compliant_resources && !request.include_compliance_details {
        return Err(invalid("`ExcludeCompliantResources` goes with `IncludeComplianceDetails` only"));
    }
    check_arns(request)
}

/// Upstream takes ARNs alone only.
fn check_arns(request: &GetRequest) -> ApiResult<()> {
    let Some(arns) = &request.resource_arns else {
        return Ok(());
    };
    if arns.is_empty() || arns.len() > MAX_ARNS {
        return Err(invalid(format!("`ResourceARNList` has 1 to {MAX_ARNS} entries")));
    }
    let is_alone = request.tag_filters.is_empty()
        && request.resource_type_filters.is_empty()
        && request.resources_per_page.is_none()
        && request.tags_per_page.is_none()
        && request.pagination_token.as_deref().unwrap_or("").is_empty();
    match is_alone {
        true => Ok(()),
        false => Err(invalid("`ResourceARNList` cannot be given together with filters or paging")),
    }
}

fn in_range(wish: Option<i64>, member: &str, min: i64, max: i64) -> ApiResult<Option<usize>> {
    match wish {
        None => Ok(None),
        Some(n) if (min..=max).contains(&n) => Ok(usize::try_from(n).ok()),
        Some(n) => Err(invalid(format!("`{member}` is {n}; it must be {min} to {max}"))),
    }
}

fn tags_per_page(wish: Option<i64>) -> ApiResult<Option<usize>> {
    match wish {
        Some(n) if n % 100 != 0 => Err(invalid(format!("`TagsPerPage` is {n}; it must be 100 to 500, in steps of 100"))),
        wish => in_range(wish, "TagsPerPage", 100, 500),
    }
}

fn token<K: serde::de::DeserializeOwned>(token: Option<&str>) -> ApiResult<Option<K>> {
    page::parse(token).map_err(|_| invalid("the `PaginationToken` is not one that this operation gave out"))
}

/// Resources that are named, as a condition; what is none of ours matches nothing.
fn resources(cx: &Cx, arns: Option<&[String]>) -> ApiResult<Option<Condition>> {
    let Some(arns) = arns else { return Ok(None) };
    let mut any = Vec::new();
    for text in arns {
        if let Some((kind, id)) = located(cx, text)? {
            any.push(Condition::all([
                Condition::OneOf("tag.kind", vec![kind.as_str().into()]),
                Condition::OneOf("tag.id", vec![id.into()]),
            ]));
        }
    }
    Ok(Some(Condition::any(any)))
}

/// Tagged resources of these kinds that the caller may see and that have these tags.
fn matching(cx: &Cx, kinds: &[Kind], filters: &[TagFilter]) -> Select {
    // A resource has one row a key: the first filter's key makes its rows unique and finds them by index.
    let mut select = match filters.first() {
        None => Select::new("SELECT DISTINCT tag.kind, tag.id FROM tag"),
        Some(first) => {
            let key = first.key.clone().unwrap_or_default();
            let select = Select::new("SELECT tag.kind, tag.id FROM tag").and("tag.key = ?", [key.into()]);
            match first.values.is_empty() {
                true => select,
                false => select.and_in("tag.value", first.values.iter().map(Value::from)),
            }
        }
    };
    let any = kinds.iter().map(|kind| {
        let others = filters.iter().skip(1).map(|filter| Condition::Tagged {
            id: "tag.id",
            kind: kind.as_str(),
            key: filter.key.clone().unwrap_or_default(),
            values: filter.values.clone(),
        });
        let own = [
            Condition::OneOf("tag.kind", vec![kind.as_str().into()]),
            cx.visible(kind.right(), "tag.id"),
        ];
        Condition::all(own.into_iter().chain(others))
    });
    select = select.and_condition(&Condition::any(any));
    select
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetTagKeysRequest")]
struct KeysRequest {
    pagination_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetTagKeysResult")]
struct KeysResult {
    pagination_token: String,
    tag_keys: Vec<String>,
}

async fn get_tag_keys(cx: Cx, request: KeysRequest) -> ApiResult<KeysResult> {
    let (words, token) = words(cx, Words::Keys, request.pagination_token).await?;
    Ok(KeysResult {
        pagination_token: token,
        tag_keys: words,
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetTagValuesRequest")]
struct ValuesRequest {
    key: String,
    pagination_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetTagValuesResult")]
struct ValuesResult {
    pagination_token: String,
    tag_values: Vec<String>,
}

async fn get_tag_values(cx: Cx, request: ValuesRequest) -> ApiResult<ValuesResult> {
    if !(1..=MAX_KEY).contains(&request.key.chars().count()) {
        return Err(invalid(format!("a tag's key has 1 to {MAX_KEY} characters")));
    }
    let (words, token) = words(cx, Words::ValuesOf(request.key), request.pagination_token).await?;
    Ok(ValuesResult {
        pagination_token: token,
        tag_values: words,
    })
}

/// What is listed.
pub enum Words {
    Keys,
    ValuesOf(String),
}

impl Words {
    /// Of resources that the caller may see.
    pub fn select(&self, cx: &Cx) -> Select {
        let seen = kinds(&[]).into_iter().map(|kind| {
            Condition::all([
                Condition::OneOf("tag.kind", vec![kind.as_str().into()]),
                cx.visible(kind.right(), "tag.id"),
            ])
        });
        let select = match self {
            Self::Keys => Select::new("SELECT DISTINCT tag.key AS word FROM tag"),
            Self::ValuesOf(key) => Select::new("SELECT DISTINCT tag.value AS word FROM tag").and("tag.key = ?", [key.into()]),
        };
        select.and_condition(&Condition::any(seen)).order("word")
    }
}

/// One page of keys, or of one key's values.
async fn words(cx: Cx, wanted: Words, given: Option<String>) -> ApiResult<(Vec<String>, String)> {
    let after: Option<String> = token(given.as_deref())?;
    let mut select = wanted.select(&cx);
    if let Some(after) = after {
        select = match wanted {
            Words::Keys => select.and("tag.key > ?", [after.into()]),
            Words::ValuesOf(_) => select.and("tag.value > ?", [after.into()]),
        };
    }
    let select = select.limit(WORDS_PER_PAGE + 1);
    let found: Vec<String> = cx.read(move |tx| Ok(select.rows(tx, |row| row.get("word"))?)).await?;
    let (found, next) = page::cut(found, WORDS_PER_PAGE, Clone::clone);
    Ok((found, next.unwrap_or_default()))
}
