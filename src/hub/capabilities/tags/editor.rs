//! Every resource that can carry tags, searched with the token filter of the console: `SearchResources`, and `SuggestTags` for
//! what one types there.
//!
//! Unlike upstream's `GetResources` it finds resources without tags too, and those that break a rule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::tags::names::{KIND, arn, taggable};
use crate::hub::capabilities::tags::rules::{self, Rules};
use crate::hub::capabilities::tags::search::Words;
use crate::hub::labels::{self, Kind, Rows, Tag};
use crate::hub::store::{Column, Compare, Condition, Select, Tx, Value};
use crate::model::filter::{Filter, Join, Op, TAG_PREFIX, Term};

/// All keys of the filter, for messages.
const FILTER_KEYS: &str = "type, id, name, text, key, rule, tag:KEY";
const MAX_SUGGESTIONS: usize = 50;
/// Resources that one search may name.
const MAX_NAMED: usize = 1000;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "SearchResources",
        |_: &SearchRequest| Target::Rows(KIND),
        search_resources,
    )
    .read(
        Service::Roadstead,
        "SuggestTags",
        |_: &SuggestRequest| Target::Rows(KIND),
        suggest_tags,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "SearchResourcesRequest")]
struct SearchRequest {
    #[serde(default)]
    filter: Filter,
    /// Only these, as far as they match.
    resources: Option<Vec<Named>>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "NamedResource")]
struct Named {
    resource_type: String,
    resource_id: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "SearchResourcesResult")]
struct SearchResult {
    /// By kind, then by id.
    resources: Vec<Resource>,
    total: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "TaggedResource")]
struct Resource {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    resource_type: &'static str,
    resource_id: String,
    /// What people call it.
    name: String,
    tags: Vec<Tag>,
    /// Required by a rule, and not there.
    missing_keys: Vec<String>,
    /// With a value that no rule allows.
    wrong_keys: Vec<String>,
}

async fn search_resources(cx: Cx, request: SearchRequest) -> ApiResult<SearchResult> {
    let size = page::size(request.max_results, 1, 1000, 50)?;
    let after: Option<(String, String)> = page::parse(request.next_token.as_deref())?;
    request.filter.check().map_err(|e| ApiError::validation(e.to_string()))?;
    check_keys(&request.filter)?;
    if request.resources.as_ref().is_some_and(|named| named.len() > MAX_NAMED) {
        return Err(ApiError::validation(format!("`Resources` has at most {MAX_NAMED} entries")));
    }
    let context = cx.clone();
    cx.read(move |tx| {
        let search = Search {
            cx: &context,
            rules: rules::load(tx)?,
            filter: &request.filter,
            named: request.resources.as_deref(),
        };
        let total = taggable().map(|kind| search.count(tx, kind)).sum::<ApiResult<i64>>()?;
        let found = search.page(tx, after, size + 1)?;
        let (found, next_token) = page::cut(found, size, |(kind, id, _)| (kind.as_str(), id.clone()));
        Ok(SearchResult {
            resources: search.dressed(tx, found)?,
            total,
            next_token,
        })
    })
    .await
}

/// *Errors*: `ValidationException` naming the first key that resources do not have.
fn check_keys(filter: &Filter) -> ApiResult<()> {
    let is_known = |key: &str| matches!(key, "type" | "id" | "name" | "text" | "key" | "rule") || key.starts_with(TAG_PREFIX);
    if let Some(unknown) = filter.terms.iter().find(|term| !is_known(&term.key)) {
        return Err(ApiError::validation(format!(
            "`{}` is not a filter key of resources: use {FILTER_KEYS}",
            unknown.key
        )));
    }
    let is_rule = |term: &Term| term.key == "rule";
    let fits = |term: &Term| matches!(term.op, Op::Eq | Op::Ne) && matches!(term.value.as_str(), "kept" | "broken");
    match filter.terms.iter().filter(|term| is_rule(term)).all(fits) {
        true => Ok(()),
        false => Err(ApiError::validation("write `rule=broken` or `rule=kept`")),
    }
}

/// Kind, id and name of a resource.
type Found = (Kind, String, String);

/// One search, over one kind after the other.
struct Search<'s> {
    cx: &'s Cx,
    rules: Rules,
    filter: &'s Filter,
    named: Option<&'s [Named]>,
}

impl Search<'_> {
    /// `None` when nothing of the kind can match.
    fn narrowed(&self, kind: Kind, head: &'static str, rows: &Rows) -> Option<Select> {
        let terms = self.filter.terms.iter().map(|term| self.term(kind, rows, term));
        let matches = match self.filter.join {
            Join::Or if !self.filter.is_empty() => Condition::any(terms),
            _ => Condition::all(terms),
        };
        let named = match self.named {
            None => Condition::Always,
            Some(named) => {
                let ids = named.iter().filter(|one| one.resource_type == kind.as_str());
                Condition::OneOf(rows.id, ids.map(|one| Value::from(&one.resource_id)).collect())
            }
        };
        let all = Condition::all([rows.is_live.clone(), named, self.cx.visible(kind.right(), rows.id), matches]);
        (all != Condition::Never).then(|| Select::new(head).and_condition(&all))
    }

    fn term(&self, kind: Kind, rows: &Rows, term: &Term) -> Condition {
        let plain = |column| Condition::Term(Column::plain(column), term.clone());
        match term.key.as_str() {
            "type" => match term.matches(Some(kind.as_str())) {
                true => Condition::Always,
                false => Condition::Never,
            },
            "id" => plain(rows.id),
            "name" => plain(rows.name),
            "text" if rows.name == rows.id => plain(rows.id),
            "text" => match term.op {
                Op::Ne | Op::Ncontains => Condition::all([plain(rows.id), plain(rows.name)]),
                _ => Condition::any([plain(rows.id), plain(rows.name)]),
            },
            "rule" => {
                let broken = self.rules.broken(kind, rows.id);
                let wants_broken = (term.value == "broken") == (term.op == Op::Eq);
                if wants_broken { broken } else { broken.negated() }
            }
            "key" => tagged(kind, rows.id, None, "tag.key", term),
            other => tagged(kind, rows.id, other.strip_prefix(TAG_PREFIX), "tag.value", term),
        }
    }

    fn count(&self, tx: &Tx<'_>, kind: Kind) -> ApiResult<i64> {
        let Some(rows) = kind.rows() else { return Ok(0) };
        match self.narrowed(kind, rows.count, &rows) {
            Some(select) => Ok(select.count(tx)?),
            None => Ok(0),
        }
    }

    fn page(&self, tx: &Tx<'_>, after: Option<(String, String)>, size: usize) -> ApiResult<Vec<Found>> {
        let mut found: Vec<Found> = Vec::new();
        for kind in taggable() {
            let Some(rows) = kind.rows() else { continue };
            let Some(mut select) = self.narrowed(kind, rows.select, &rows) else {
                continue;
            };
            match &after {
                Some((last, _)) if kind.as_str() < last.as_str() => continue,
                Some((last, id)) if kind.as_str() == last => select = select.and_compare(rows.id, Compare::Greater, [id.into()]),
                _ => {}
            }
            let select = select.order(rows.by).limit(size - found.len());
            found.extend(select.rows(tx, |row| Ok((kind, row.get("id")?, row.get("name")?)))?);
            if found.len() >= size {
                break;
            }
        }
        Ok(found)
    }

    /// With their tags, and what the rules say of them.
    fn dressed(&self, tx: &Tx<'_>, found: Vec<Found>) -> ApiResult<Vec<Resource>> {
        let dress = |(kind, id, name): Found| {
            let tags = labels::list(tx, kind, &id)?;
            let verdict = self.rules.judge(kind, &tags);
            Ok(Resource {
                resource_arn: arn(self.cx, kind, &id),
                resource_type: kind.as_str(),
                resource_id: id,
                name,
                tags,
                missing_keys: verdict.noncompliant_keys,
                wrong_keys: verdict.keys_with_noncompliant_values,
            })
        };
        found.into_iter().map(dress).collect()
    }
}

/// Resources with a tag (of this key, or any) that meets a term. A negated term holds where no tag meets its opposite: also
/// where there is none.
fn tagged(kind: Kind, id: &'static str, key: Option<&str>, column: &'static str, term: &Term) -> Condition {
    let (op, is_negated) = match term.op {
        Op::Ne => (Op::Eq, true),
        Op::Ncontains => (Op::Contains, true),
        op => (op, false),
    };
    let wanted = match (op, term.value.is_empty()) {
        // `tag:env` alone, and whatever contains nothing: it is there.
        (Op::Contains | Op::Prefix, true) => Condition::Always,
        _ => Condition::Term(Column::plain(column), Term::new("", op, term.value.as_str())),
    };
    let carries = Condition::Within {
        column: id,
        // Left alone SQLite takes an index in which all values of the key must be looked at.
        head: match (key, op, &wanted) {
            (Some(_), Op::Eq, Condition::Term(..)) => "SELECT tag.id FROM tag INDEXED BY tag_by_text",
            _ => "SELECT tag.id FROM tag",
        },
        inner: Box::new(Condition::all([
            Condition::OneOf("tag.kind", vec![kind.as_str().into()]),
            key.map_or(Condition::Always, |key| Condition::OneOf("tag.key", vec![key.into()])),
            wanted,
        ])),
    };
    if is_negated { carries.negated() } else { carries }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "SuggestTagsRequest")]
struct SuggestRequest {
    /// Values of this key are wanted; without it, keys.
    key: Option<String>,
    #[serde(default)]
    prefix: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "SuggestTagsResult")]
struct SuggestResult {
    values: Vec<String>,
}

async fn suggest_tags(cx: Cx, request: SuggestRequest) -> ApiResult<SuggestResult> {
    let prefix = Value::Text(request.prefix.to_ascii_lowercase());
    let bound = [prefix.clone(), prefix];
    let select = match request.key {
        None => Words::Keys.select(&cx).and("substr(lower(tag.key), 1, length(?)) = ?", bound),
        Some(key) => Words::ValuesOf(key)
            .select(&cx)
            .and("substr(lower(tag.value), 1, length(?)) = ?", bound),
    };
    let select = select.limit(MAX_SUGGESTIONS);
    let values = cx.read(move |tx| Ok(select.rows(tx, |row| row.get("word"))?)).await?;
    Ok(SuggestResult { values })
}
