//! Filters of lists: upstream's keys, options and words, and what they mean in SQL.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint::Violations;
use crate::hub::capabilities::parameters::kinds::WantedTier;
use crate::hub::store::{Compare, Select, Value};
use crate::model::parameter::Path;

/// *Source*: `ParameterStringFilter` of the service model.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct StringFilter {
    pub key: Option<String>,
    pub option: Option<String>,
    pub values: Option<Vec<String>>,
}

/// Which list is filtered; each knows other keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    Describe,
    ByPath,
}

/// A filter that has been checked.
struct Checked<'f> {
    key: &'f str,
    option: &'f str,
    values: &'f [String],
}

/// What the service model says of each filter.
pub fn check_members(filters: &[StringFilter], broken: &mut Violations) {
    for (index, filter) in filters.iter().enumerate() {
        let member = |name: &str| format!("parameterFilters.{}.member.{name}", index + 1);
        broken.required(filter.key.as_ref(), &member("key"));
        broken.length(filter.key.as_ref(), &member("key"), 1..=132);
        if let Some(key) = filter.key.as_ref().filter(|k| !is_key(k)) {
            let must = "satisfy regular expression pattern: tag:.+|Name|Type|KeyId|Path|Label|Tier|DataType";
            broken.add(key, &member("key"), must);
        }
        broken.length(filter.option.as_ref(), &member("option"), 1..=10);
        let Some(values) = &filter.values else { continue };
        check_values(values, &member("values"), broken);
    }
}

/// A list of 1 to 50 values of 1 to 1,024 characters.
pub fn check_values(values: &[String], member: &str, broken: &mut Violations) {
    let shown = format!("[{}]", values.join(", "));
    if values.is_empty() {
        broken.add(&shown, member, "have length greater than or equal to 1");
    }
    if values.len() > 50 {
        broken.add(&shown, member, "have length less than or equal to 50");
    }
    if values.iter().any(|v| v.is_empty() || v.chars().count() > 1024) {
        broken.add(
            &shown,
            member,
            "satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1]",
        );
    }
}

fn is_key(key: &str) -> bool {
    matches!(key, "Name" | "Type" | "KeyId" | "Path" | "Label" | "Tier" | "DataType")
        || key.strip_prefix("tag:").is_some_and(|k| !k.is_empty())
}

/// Adds the filters to a list over `parameter` and its versions `v` (and labels `l`, see [`asks_for_label`]).
///
/// *Errors*, as upstream: `InvalidFilterKey`, `InvalidFilterOption`, `InvalidFilterValue`, `ValidationException`.
pub fn narrow(mut select: Select, list: List, filters: &[StringFilter]) -> ApiResult<Select> {
    let mut seen: Vec<&str> = Vec::new();
    for filter in filters {
        let key = filter.key.as_deref().unwrap_or_default();
        check_key(list, key)?;
        let values = filter.values.as_deref().unwrap_or_default();
        if values.is_empty() && !key.starts_with("tag:") {
            return Err(ApiError::new(
                "InvalidFilterValue",
                format!("The following filter values are missing : null for filter key {key}."),
            ));
        }
        if seen.contains(&key) {
            return Err(ApiError::new(
                "InvalidFilterKey",
                format!(
                    "The following filter is duplicated in the request: {key}. A request can contain only one occurrence of a specific filter."
                ),
            ));
        }
        seen.push(key);
        let default = if key == "Path" { "OneLevel" } else { "Equals" };
        let option = filter.option.as_deref().unwrap_or(default);
        check_words(key, values)?;
        check_option(key, option)?;
        select = add(select, &Checked { key, option, values })?;
    }
    Ok(select)
}

/// Whether the list must be over labelled versions.
pub fn asks_for_label(filters: &[StringFilter]) -> bool {
    filters.iter().any(|f| f.key.as_deref() == Some("Label"))
}

fn check_key(list: List, key: &str) -> ApiResult<()> {
    let (is_wrong, known) = match list {
        List::Describe => (key == "Label", "Path, Name, Type, KeyId, Tier"),
        List::ByPath => (!matches!(key, "Type" | "KeyId" | "Label"), "Type, KeyId"),
    };
    if !is_wrong {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidFilterKey",
        format!("The following filter key is not valid: {key}. Valid filter keys include: [{known}]."),
    ))
}

fn check_option(key: &str, option: &str) -> ApiResult<()> {
    let (is_right, known) = match key {
        "Path" => (matches!(option, "Recursive" | "OneLevel"), "Recursive, OneLevel"),
        "Label" => (option == "Equals", "Equals"),
        "Name" => (matches!(option, "Equals" | "BeginsWith" | "Contains"), "BeginsWith, Equals"),
        _ => (matches!(option, "Equals" | "BeginsWith"), "BeginsWith, Equals"),
    };
    if is_right {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidFilterOption",
        format!("The following filter option is not valid: {option}. Valid options include: [{known}]."),
    ))
}

fn check_words(key: &str, values: &[String]) -> ApiResult<()> {
    let known: &[&str] = match key {
        "Type" => &["String", "StringList", "SecureString"],
        "Tier" => WantedTier::NAMES,
        _ => return Ok(()),
    };
    match values.iter().find(|v| !known.contains(&v.as_str())) {
        None => Ok(()),
        Some(bad) => Err(ApiError::new(
            "InvalidFilterValue",
            format!(
                "The following filter value is not valid: {bad}. Valid values include: [{}].",
                known.join(", ")
            ),
        )),
    }
}

fn add(select: Select, filter: &Checked<'_>) -> ApiResult<Select> {
    let column = match filter.key {
        "Path" => return by_paths(select, filter),
        "Name" => return Ok(by_names(select, filter)),
        "Type" => "v.type",
        "KeyId" => "coalesce(v.key_id, '')",
        "Tier" => "v.tier",
        "DataType" => "v.data_type",
        "Label" => "l.label",
        tag => return Ok(by_tag(select, tag.strip_prefix("tag:").unwrap_or(tag), filter)),
    };
    let values = filter.values.iter().map(Value::from);
    Ok(match filter.option {
        "BeginsWith" => select.and_compare(column, Compare::Begins, values),
        _ => select.and_in(column, values),
    })
}

/// Names compare by their keys, so that a slash in front makes no difference.
fn by_names(select: Select, filter: &Checked<'_>) -> Select {
    let key = |value: &String| format!("/{}", value.strip_prefix('/').unwrap_or(value));
    let condition = match filter.option {
        "BeginsWith" => "(parameter.key >= ? AND parameter.key < ?)",
        "Contains" => "instr(parameter.key, ?) > 0",
        _ => return select.and_in("parameter.key", filter.values.iter().map(|v| Value::from(key(v)))),
    };
    let values = |value: &String| match filter.option {
        // No character of a key comes after this one.
        "BeginsWith" => vec![key(value).into(), format!("{}\u{7f}", key(value)).into()],
        _ => vec![value.into()],
    };
    select.and_any(filter.values.iter().map(|v| (condition, values(v))).collect())
}

fn by_paths(select: Select, filter: &Checked<'_>) -> ApiResult<Select> {
    let mut alternatives = Vec::new();
    for value in filter.values {
        let path = path(value)?;
        alternatives.push(match filter.option {
            "Recursive" => below(&path),
            _ => ("parameter.parent = ?", vec![path.as_parent().into()]),
        });
    }
    Ok(select.and_any(alternatives))
}

fn by_tag(select: Select, key: &str, filter: &Checked<'_>) -> Select {
    const HAS: &str = "parameter.key IN (SELECT id FROM tag WHERE kind = 'Parameter' AND key = ?)";
    const EQUALS: &str = "parameter.key IN (SELECT id FROM tag WHERE kind = 'Parameter' AND key = ? AND value = ?)";
    const BEGINS: &str = "parameter.key IN (SELECT id FROM tag WHERE kind = 'Parameter' AND key = ? AND substr(value, 1, length(?)) = ?)";
    if filter.values.is_empty() {
        return select.and(HAS, [key.into()]);
    }
    let alternative = |value: &String| match filter.option {
        "BeginsWith" => (BEGINS, vec![key.into(), value.into(), value.into()]),
        _ => (EQUALS, vec![key.into(), value.into()]),
    };
    select.and_any(filter.values.iter().map(alternative).collect())
}

/// Everything below a path, as a range of keys that the index serves.
pub fn below(path: &Path) -> (&'static str, Vec<Value>) {
    let (from, until) = path.range();
    ("(parameter.key >= ? AND parameter.key < ?)", vec![from.into(), until.into()])
}

fn path(text: &str) -> ApiResult<Path> {
    let path = Path::parse(text).ok_or_else(malformed_path)?;
    match path.begins_with_reserved() {
        None => Ok(path),
        Some(_) => Err(ApiError::validation(
            "Filters for common parameters can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). When using global parameters, \
             please specify within a global namespace.",
        )),
    }
}

pub fn malformed_path() -> ApiError {
    ApiError::validation(
        "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\". It can't \
         be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), \
         - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol \
         \"/\". Valid example: /get/parameters2-/by1./path0_.",
    )
}

/// The size of a page, where it is given, within upstream's range.
pub fn check_page_size(wish: Option<i64>, largest: i64, broken: &mut Violations) {
    let Some(wish) = wish else { return };
    if wish < 1 {
        broken.add(&wish.to_string(), "maxResults", "have value greater than or equal to 1");
    }
    if wish > largest {
        broken.add(
            &wish.to_string(),
            "maxResults",
            &format!("have value less than or equal to {largest}."),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(key: &str, option: Option<&str>, values: &[&str]) -> StringFilter {
        StringFilter {
            key: Some(key.into()),
            option: option.map(Into::into),
            values: (!values.is_empty()).then(|| values.iter().map(|v| (*v).to_owned()).collect()),
        }
    }

    fn code(list: List, filters: &[StringFilter]) -> &'static str {
        narrow(Select::new("SELECT 1"), list, filters).map_or_else(|e| e.code, |_| "ok")
    }

    #[test]
    fn each_list_knows_its_own_keys_options_and_values() {
        let describe = |key, option, values: &[&str]| code(List::Describe, &[filter(key, option, values)]);
        let by_path = |key, option, values: &[&str]| code(List::ByPath, &[filter(key, option, values)]);
        assert_eq!(describe("Name", Some("Contains"), &["x"]), "ok");
        assert_eq!(describe("tag:env", None, &[]), "ok");
        assert_eq!(describe("Path", None, &["/a", "/b/"]), "ok");
        assert_eq!(describe("Label", None, &["x"]), "InvalidFilterKey");
        assert_eq!(describe("Path", Some("Equals"), &["/a"]), "InvalidFilterOption");
        assert_eq!(describe("Type", Some("Contains"), &["String"]), "InvalidFilterOption");
        assert_eq!(describe("Name", None, &[]), "InvalidFilterValue");
        assert_eq!(describe("Tier", None, &["Gold"]), "InvalidFilterValue");
        assert_eq!(describe("Path", None, &["/aws"]), "ValidationException");
        assert_eq!(by_path("Label", None, &["x"]), "ok");
        assert_eq!(by_path("Label", Some("BeginsWith"), &["x"]), "InvalidFilterOption");
        for key in ["Name", "Path", "Tier", "DataType", "tag:x"] {
            assert_eq!(by_path(key, None, &["x"]), "InvalidFilterKey", "{key}");
        }
        let twice = [filter("Type", None, &["String"]), filter("Type", None, &["String"])];
        assert_eq!(code(List::Describe, &twice), "InvalidFilterKey");
    }

    #[test]
    fn what_the_model_forbids_is_listed_by_member() {
        let mut broken = Violations::default();
        check_members(
            &[
                filter("key", None, &[]),
                filter("Name", Some("over 10 chars"), &[&"t".repeat(1025)]),
            ],
            &mut broken,
        );
        let words = broken.check().unwrap_err().message;
        assert!(
            words.starts_with("3 validation errors detected: Value 'key' at 'parameterFilters.1.member.key'"),
            "{words}"
        );
        assert!(words.contains("at 'parameterFilters.2.member.option' failed to satisfy constraint: Member must have length less than"));
    }
}
