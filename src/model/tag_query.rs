//! Upstream's query for a group of resources, `TAG_FILTERS_1_0`: these types, with these tags.
//!
//! ```text
//! {"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "env", "Values": ["test", "prod"]}]}
//! ```
//!
//! Every tag filter must hold; of one filter's values any does, and none at all means that the key is there.

use serde::{Deserialize, Serialize};

use crate::model::filter::{Filter, Join, Op, TAG_PREFIX};

/// The type that stands for all.
const EVERY_TYPE: &str = "AWS::AllSupported";
const MAX_QUERY: usize = 4096;
const MAX_TAG_FILTERS: usize = 50;
const MAX_VALUES: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TagQuery {
    pub resource_type_filters: Vec<String>,
    #[serde(default)]
    pub tag_filters: Vec<TagFilter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TagFilter {
    pub key: String,
    #[serde(default)]
    pub values: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("the query is no JSON of `ResourceTypeFilters` and `TagFilters`: {0}")]
    Malformed(String),
    #[error("the query is longer than {MAX_QUERY} characters")]
    TooLong,
    #[error("the query names no type in `ResourceTypeFilters`: use `{EVERY_TYPE}` for all")]
    NoType,
    #[error("`{0}` is no type: write `AWS::SERVICE::TYPE`")]
    NoSuchType(String),
    #[error("the query has neither a type of its own nor a tag filter and would mean everything")]
    Everything,
    #[error("the query has more than {MAX_TAG_FILTERS} tag filters, or one with more than {MAX_VALUES} values")]
    TooMany,
    #[error("a tag filter's `Key` has 1 to 128 characters, its values up to 256")]
    BadTag,
}

impl TagQuery {
    /// From the text in which clients send it.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.chars().count() > MAX_QUERY {
            return Err(QueryError::TooLong);
        }
        let query: Self = serde_json::from_str(text).map_err(|error| QueryError::Malformed(error.to_string()))?;
        query.check()?;
        Ok(query)
    }

    fn check(&self) -> Result<(), QueryError> {
        if self.resource_type_filters.is_empty() {
            return Err(QueryError::NoType);
        }
        if let Some(wrong) = self.resource_type_filters.iter().find(|name| !is_type(name)) {
            return Err(QueryError::NoSuchType(wrong.chars().take(100).collect()));
        }
        if self.tag_filters.len() > MAX_TAG_FILTERS || self.tag_filters.iter().any(|f| f.values.len() > MAX_VALUES) {
            return Err(QueryError::TooMany);
        }
        let is_tag = |filter: &TagFilter| {
            let is_key = (1..=128).contains(&filter.key.chars().count());
            is_key && filter.values.iter().all(|value| value.chars().count() <= 256)
        };
        if !self.tag_filters.iter().all(is_tag) {
            return Err(QueryError::BadTag);
        }
        match self.tag_filters.is_empty() && self.names(EVERY_TYPE) {
            true => Err(QueryError::Everything),
            false => Ok(()),
        }
    }

    fn names(&self, kind: &str) -> bool {
        self.resource_type_filters.iter().any(|name| name == kind)
    }

    /// Whether resources of a type (`AWS::SSM::Parameter`) can be meant.
    pub fn is_about(&self, kind: &str) -> bool {
        self.names(EVERY_TYPE) || self.names(kind)
    }

    /// The types by name, without the one that means all.
    pub fn named_types(&self) -> impl Iterator<Item = &String> {
        self.resource_type_filters.iter().filter(|name| *name != EVERY_TYPE)
    }

    /// A filter over nodes in upstream's words, where they can say it.
    pub fn of_filter(filter: &Filter, kind: &str) -> Option<Self> {
        let mut tag_filters: Vec<TagFilter> = Vec::new();
        for term in &filter.terms {
            let key = term.key.strip_prefix(TAG_PREFIX)?;
            let values = match term.op {
                Op::Eq => vec![term.value.clone()],
                Op::Prefix | Op::Contains if term.value.is_empty() => Vec::new(),
                _ => return None,
            };
            match (filter.join, tag_filters.first_mut()) {
                (Join::Or, Some(first)) if first.key == key && !values.is_empty() => first.values.extend(values),
                (Join::Or, Some(_)) => return None,
                _ => tag_filters.push(TagFilter {
                    key: key.to_owned(),
                    values,
                }),
            }
        }
        let query = Self {
            resource_type_filters: vec![kind.to_owned()],
            tag_filters,
        };
        query.check().is_ok().then_some(query)
    }
}

/// As clients get it of a group that was not made by a query.
impl std::fmt::Display for TagQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| std::fmt::Error)?)
    }
}

fn is_type(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
    let parts: Vec<&str> = name.split("::").collect();
    match parts.as_slice() {
        ["AWS", service, kind] => is_word(service) && is_word(kind),
        _ => name == EVERY_TYPE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = "AWS::SSM::ManagedInstance";

    #[test]
    fn a_query_says_types_and_tags() {
        let text = r#"{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[{"Key":"env","Values":["test","prod"]}]}"#;
        let query = TagQuery::parse(text).unwrap();
        assert!(query.is_about(NODE) && query.is_about("AWS::SSM::Parameter"));
        assert_eq!(query.to_string(), text);
        let one = TagQuery::parse(r#"{"ResourceTypeFilters":["AWS::SSM::Parameter"]}"#).unwrap();
        assert!(one.is_about("AWS::SSM::Parameter") && !one.is_about(NODE));
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"ResourceTypeFilters":[]}"#,
            r#"{"ResourceTypeFilters":["AWS::AllSupported"]}"#,
            r#"{"ResourceTypeFilters":["boat"],"TagFilters":[{"Key":"a"}]}"#,
            r#"{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[{"Key":""}]}"#,
            r#"{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[{"Values":["x"]}]}"#,
            r#"{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[{"Key":"a"}],"More":1}"#,
        ] {
            assert!(TagQuery::parse(wrong).is_err(), "{wrong}");
        }
        let long = format!(
            r#"{{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[{{"Key":"{}"}}]}}"#,
            "k".repeat(5000)
        );
        assert_eq!(TagQuery::parse(&long), Err(QueryError::TooLong));
    }

    #[test]
    fn a_filter_is_said_in_upstreams_words_where_they_can() {
        let said = |text: &str| TagQuery::of_filter(&text.parse().unwrap(), NODE).map(|query| query.tag_filters);
        let filter = |key: &str, values: &[&str]| TagFilter {
            key: key.into(),
            values: values.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(
            said("tag:env=prod tag:team"),
            Some(vec![filter("env", &["prod"]), filter("team", &[])])
        );
        assert_eq!(said("tag:env=prod or tag:env=test"), Some(vec![filter("env", &["prod", "test"])]));
        for other in ["name=x", "tag:env!=prod", "tag:env=prod or tag:team=web", "tag:env^p"] {
            assert_eq!(said(other), None, "{other}");
        }
    }
}
