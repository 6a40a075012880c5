//! The filters of the two lists of nodes that upstream's clients ask for: what the model asks of them, and the rows they leave.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::id::NodeId;
use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint::Violations;
use crate::hub::store::{Compare, Select, Value};

/// The older of upstream's two spellings of one filter.
#[derive(Deserialize, JsonSchema)]
pub struct LegacyFilter {
    key: String,
    #[serde(rename = "valueSet")]
    value_set: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct StringFilter {
    key: String,
    values: Vec<String>,
    operator: Option<String>,
}

/// What the model asks of one operation's filters.
pub struct Rules {
    legacy: Spelling,
    newer: Spelling,
    /// Filters in a list that is given.
    filters: (usize, usize),
    most_values: usize,
    has_operator: bool,
}

struct Spelling {
    /// The list's member, as messages name it, and how its filters call their values.
    list: &'static str,
    values: &'static str,
    keys: &'static [&'static str],
    has_tags: bool,
}

pub const INFORMATION: Rules = Rules {
    legacy: Spelling {
        list: "instanceInformationFilterList",
        values: "valueSet",
        keys: LEGACY_KEYS,
        has_tags: false,
    },
    newer: Spelling {
        list: "filters",
        values: "values",
        keys: KEYS,
        has_tags: true,
    },
    filters: (0, usize::MAX),
    most_values: 100,
    has_operator: false,
};

pub const PROPERTIES: Rules = Rules {
    legacy: Spelling {
        list: "instancePropertyFilterList",
        values: "valueSet",
        keys: LEGACY_PROPERTY_KEYS,
        has_tags: false,
    },
    newer: Spelling {
        list: "filtersWithOperator",
        values: "values",
        keys: PROPERTY_KEYS,
        has_tags: true,
    },
    filters: (1, 40),
    most_values: 40,
    has_operator: true,
};

/// Every key that the model names, arranged so that what one spelling of one list knows is a piece of it.
const PROPERTY_KEYS: &[&str] = &[
    "SourceIds",
    "SourceTypes",
    "InstanceIds",
    "AgentVersion",
    "PingStatus",
    "PlatformTypes",
    "ActivationIds",
    "IamRole",
    "ResourceType",
    "AssociationStatus",
    "DocumentName",
];
/// Sources are of the newer spelling, a document's name of the properties.
const LEGACY_PROPERTY_KEYS: &[&str] = PROPERTY_KEYS.split_at(2).1;
const KEYS: &[&str] = PROPERTY_KEYS.split_at(10).0;
const LEGACY_KEYS: &[&str] = KEYS.split_at(2).1;
const OPERATORS: &[&str] = &["Equal", "NotEqual", "BeginWith", "LessThan", "GreaterThan"];
/// Characters of a value or a key, where the model has a limit at all.
const MAX_TEXT: usize = 100_000;

impl Rules {
    /// The filters of a request, whichever way they are spelled.
    ///
    /// *Errors*: `ValidationException` for what breaks the model and for both spellings at once, `InvalidFilterKey`.
    pub fn read(&self, legacy: Option<Vec<LegacyFilter>>, newer: Option<Vec<StringFilter>>) -> ApiResult<Vec<StringFilter>> {
        let legacy: Option<Vec<StringFilter>> = legacy.map(|filters| filters.into_iter().map(Into::into).collect());
        let mut broken = Violations::default();
        self.judge(&mut broken, &self.legacy, legacy.as_deref());
        self.judge(&mut broken, &self.newer, newer.as_deref());
        broken.check()?;
        let (legacy, mut newer) = (legacy.unwrap_or_default(), newer.unwrap_or_default());
        if !legacy.is_empty() && !newer.is_empty() {
            let words = format!("use either `{}` or `{}`, not both", self.newer.list, self.legacy.list);
            return Err(ApiError::validation(words));
        }
        self.newer.check_keys(&newer)?;
        if !self.has_operator {
            newer.iter_mut().for_each(|filter| filter.operator = None);
        }
        Ok(legacy.into_iter().chain(newer).collect())
    }

    fn judge(&self, broken: &mut Violations, spelling: &Spelling, filters: Option<&[StringFilter]>) {
        let Some(filters) = filters else { return };
        let list = spelling.list;
        if !judge_count(broken, list, filters.len(), self.filters) {
            return;
        }
        for (number, filter) in (1..).zip(filters) {
            let member = format!("{list}.{number}.member");
            match spelling.has_tags {
                true => broken.length(Some(&filter.key), &format!("{member}.key"), 1..=MAX_TEXT),
                // The model lists the keys of the older spelling.
                false => broken.one_of(Some(&filter.key), &format!("{member}.key"), spelling.keys),
            }
            if self.has_operator {
                broken.one_of(filter.operator.as_ref(), &format!("{member}.operator"), OPERATORS);
            }
            let values = format!("{member}.{}", spelling.values);
            if judge_count(broken, &values, filter.values.len(), (1, self.most_values)) {
                for (number, value) in (1..).zip(&filter.values) {
                    broken.length(Some(value), &format!("{values}.{number}.member"), 1..=MAX_TEXT);
                }
            }
        }
    }
}

/// Whether a list has as many entries as it may.
fn judge_count(broken: &mut Violations, member: &str, count: usize, (least, most): (usize, usize)) -> bool {
    match count {
        n if n < least => broken.add_hidden(member, &format!("have length greater than or equal to {least}")),
        n if n > most => broken.add_hidden(member, &format!("have length less than or equal to {most}")),
        _ => return true,
    }
    false
}

impl Spelling {
    fn check_keys(&self, filters: &[StringFilter]) -> ApiResult<()> {
        let is_known = |filter: &&StringFilter| self.keys.contains(&filter.key.as_str()) || filter.is_of_tags();
        let Some(unknown) = filters.iter().find(|filter| !is_known(filter)) else {
            return Ok(());
        };
        let shown: String = unknown.key.chars().filter(|c| !c.is_control()).take(60).collect();
        let words = format!(
            "`{shown}` is not a filter key of `{}`: use {}, tag-key, tag:KEY",
            self.list,
            self.keys.join(", ")
        );
        Err(ApiError::new("InvalidFilterKey", words))
    }
}

impl From<LegacyFilter> for StringFilter {
    fn from(legacy: LegacyFilter) -> Self {
        Self {
            key: legacy.key,
            values: legacy.value_set,
            operator: None,
        }
    }
}

impl StringFilter {
    pub fn is_of_tags(&self) -> bool {
        self.key == "tag-key" || self.key.starts_with("tag:")
    }

    /// Adds one filter that was read.
    ///
    /// *Errors*: `InvalidInstanceId`, and the operation's own word for an impossible value.
    pub fn narrow(&self, select: Select, bad_value: &'static str) -> ApiResult<Select> {
        if let Some(tag) = self.key.strip_prefix("tag:") {
            let head = "node.id IN (SELECT id FROM tag WHERE kind = 'ManagedInstance' AND key = ? AND value = ?)";
            return Ok(select.and_any(self.values.iter().map(|v| (head, vec![Value::from(tag), v.into()])).collect()));
        }
        let column = match self.key.as_str() {
            "tag-key" => {
                let head = "node.id IN (SELECT id FROM tag WHERE kind = 'ManagedInstance' AND key = ?)";
                return Ok(select.and_any(self.values.iter().map(|v| (head, vec![v.into()])).collect()));
            }
            "InstanceIds" | "SourceIds" => {
                if let Some(bad) = self.values.iter().find(|v| !is_instance_id(v)) {
                    return Err(ApiError::new("InvalidInstanceId", format!("`{bad}` is not an instance id")));
                }
                "node.id"
            }
            "AgentVersion" => "node.agent_version",
            "PingStatus" => "CASE node.status WHEN 'Online' THEN 'Online' ELSE 'ConnectionLost' END",
            "PlatformTypes" => "'Linux'",
            "ActivationIds" => "coalesce(node.activation_id, '')",
            "IamRole" => "node.iam_role",
            "ResourceType" => "'ManagedInstance'",
            "SourceTypes" => "'AWS::SSM::ManagedInstance'",
            // No document has been associated with any node yet, so none matches.
            _ => "''",
        };
        self.check_values(bad_value)?;
        Ok(self.compare(select, column))
    }

    fn check_values(&self, bad_value: &'static str) -> ApiResult<()> {
        let allowed: &[&str] = match self.key.as_str() {
            "PingStatus" => &["Online", "ConnectionLost", "Inactive"],
            "PlatformTypes" => &["Windows", "Linux", "MacOS"],
            "ResourceType" => &["ManagedInstance", "EC2Instance"],
            _ => return Ok(()),
        };
        match self.values.iter().find(|v| !allowed.contains(&v.as_str())) {
            Some(bad) => Err(ApiError::new(
                bad_value,
                format!("`{bad}` is not a value of filter `{}`: use {}", self.key, allowed.join(", ")),
            )),
            None => Ok(()),
        }
    }

    fn compare(&self, select: Select, column: &'static str) -> Select {
        let condition = match self.operator.as_deref() {
            Some("NotEqual") => return select.and_none_equal(column, self.values.iter().map(Value::from)),
            Some("BeginWith") => Compare::Begins,
            Some("LessThan") => Compare::Less,
            Some("GreaterThan") => Compare::Greater,
            _ => return select.and_in(column, self.values.iter().map(Value::from)),
        };
        select.and_compare(column, condition, self.values.iter().map(Value::from))
    }
}

fn is_instance_id(text: &str) -> bool {
    text.parse::<NodeId>().is_ok()
        || text
            .strip_prefix("i-")
            .is_some_and(|rest| matches!(rest.len(), 8 | 17) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(key: &str, values: &[&str]) -> StringFilter {
        StringFilter {
            key: key.into(),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
            operator: None,
        }
    }

    fn code(rules: &Rules, filters: Vec<StringFilter>) -> &'static str {
        rules.read(None, Some(filters)).map_or_else(|e| e.code, |_| "ok")
    }

    #[test]
    fn each_list_has_the_models_lengths() {
        let many = |count: usize| vec!["x"; count];
        let lists = |count: usize| (0..count).map(|_| filter("IamRole", &["x"])).collect::<Vec<_>>();
        assert_eq!(
            (code(&INFORMATION, vec![]), code(&PROPERTIES, vec![])),
            ("ok", "ValidationException")
        );
        assert_eq!(
            (code(&PROPERTIES, lists(40)), code(&PROPERTIES, lists(41))),
            ("ok", "ValidationException")
        );
        for (rules, most) in [(&INFORMATION, 100), (&PROPERTIES, 40)] {
            assert_eq!(code(rules, vec![filter("IamRole", &many(most))]), "ok");
            for wrong in [
                filter("IamRole", &many(most + 1)),
                filter("IamRole", &[]),
                filter("IamRole", &[""]),
                filter("", &["x"]),
            ] {
                assert_eq!(code(rules, vec![wrong]), "ValidationException");
            }
        }
    }

    #[test]
    fn each_spelling_has_the_models_keys() {
        let legacy = |rules: &Rules, key: &str| {
            let given = LegacyFilter {
                key: key.into(),
                value_set: vec!["x".into()],
            };
            rules.read(Some(vec![given]), None).map_or_else(|e| e.code, |_| "ok")
        };
        assert_eq!((legacy(&INFORMATION, "IamRole"), legacy(&PROPERTIES, "DocumentName")), ("ok", "ok"));
        for wrong in ["tag:a", "tag-key", "SourceIds", "Colour"] {
            assert_eq!(legacy(&INFORMATION, wrong), "ValidationException", "{wrong}");
            assert_eq!(legacy(&PROPERTIES, wrong), "ValidationException", "{wrong}");
        }
        assert_eq!(code(&INFORMATION, vec![filter("DocumentName", &["x"])]), "InvalidFilterKey");
        assert_eq!(
            code(&PROPERTIES, vec![filter("DocumentName", &["x"]), filter("tag:a", &["b"])]),
            "ok"
        );
    }
}
