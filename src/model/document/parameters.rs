//! The parameters block: what a document asks for, and the rule by which given values are judged.

use std::collections::BTreeMap;

use serde_json::Value;

use super::GivenParameters;
use super::checker::{Checker, find};
use super::pattern::AllowedPattern;
use super::problem::{Path, Severity, nearest};
use super::text::{Node, Part};

const MAX_PARAMETERS: usize = 200;

/// The block, in the order in which it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(Vec<(String, ParameterSpec)>);

/// One entry of the block. Limits may be written as numbers or as texts, as upstream's agent accepts both.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    pub kind: ParameterType,
    /// The type as it was written: `String`, `List<AWS::EC2::Instance::Id>` …
    pub declared: String,
    pub description: Option<String>,
    pub default: Option<Value>,
    pub allowed_values: Vec<Value>,
    pub allowed_pattern: Option<AllowedPattern>,
    pub min_items: Option<usize>,
    pub max_items: Option<usize>,
    pub min_chars: Option<usize>,
    pub max_chars: Option<usize>,
    /// For a form only.
    pub display_type: Option<String>,
    /// `interpolationType: ENV_VAR`: scripts get it as a variable instead of as text.
    pub is_environment: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterType {
    String,
    StringList,
    Boolean,
    Integer,
    MapList,
    StringMap,
}

/// What is wrong with a parameter, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}` {problem}")]
pub struct ParameterError {
    pub name: String,
    pub problem: String,
}

pub(super) const MEMBERS: &[&str] = &[
    "type",
    "description",
    "default",
    "allowedValues",
    "allowedPattern",
    "minItems",
    "maxItems",
    "minChars",
    "maxChars",
    "displayType",
    "interpolationType",
];

impl Parameters {
    pub fn get(&self, name: &str) -> Option<&ParameterSpec> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, spec)| spec)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &ParameterSpec)> {
        self.0.iter().map(|(name, spec)| (name.as_str(), spec))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn read(checker: &mut Checker, node: Option<&Node>) -> Self {
        let path = Path::ROOT.key("parameters");
        let Some(node) = node.filter(|node| node.part != Part::Null) else {
            return Self::default();
        };
        let Some(members) = checker.map(node, &path) else {
            return Self::default();
        };
        if members.len() > MAX_PARAMETERS {
            let count = members.len();
            checker.error(
                node.at,
                &path,
                format!("{count} parameters are declared; {MAX_PARAMETERS} are possible"),
            );
        }
        let mut all = Vec::with_capacity(members.len());
        for member in members {
            let path = path.key(&member.key);
            if !is_name(&member.key) {
                checker.error(
                    member.at,
                    &path,
                    "the name of a parameter is made of letters, digits, `_`, `-` and `.`",
                );
            }
            all.extend(ParameterSpec::read(checker, &member.node, &path).map(|spec| (member.key.clone(), spec)));
        }
        Self(all)
    }

    /// A value for every declared parameter that has one: the caller's, else the default.
    pub fn bind(&self, given: &GivenParameters) -> Result<BTreeMap<String, Value>, ParameterError> {
        if let Some(unknown) = given.keys().find(|name| self.get(name).is_none()) {
            let known: Vec<&str> = self.names().collect();
            let known = match known.is_empty() {
                true => "it has none".to_owned(),
                false => format!("it has: {}", known.join(", ")),
            };
            return Err(error(unknown, format!("is not declared by the document; {known}")));
        }
        let mut values = BTreeMap::new();
        for (name, spec) in self.iter() {
            let value = match given.get(name) {
                Some(texts) => spec.judge(texts).map_err(|problem| error(name, problem))?,
                None => spec.usable_default().map_err(|problem| error(name, problem))?,
            };
            values.insert(name.to_owned(), value);
        }
        Ok(values)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

impl ParameterType {
    /// By the names that documents give them, in the order in which they are proposed.
    pub(super) const NAMED: [(&'static str, Self); 6] = [
        ("String", Self::String),
        ("StringList", Self::StringList),
        ("Boolean", Self::Boolean),
        ("Integer", Self::Integer),
        ("MapList", Self::MapList),
        ("StringMap", Self::StringMap),
    ];

    /// Ids of AWS's own things are texts, and lists of them lists of texts.
    fn of(declared: &str) -> Option<Self> {
        let is_named = |(name, kind): (&str, Self)| (name == declared).then_some(kind);
        if declared.starts_with("AWS::") {
            return Some(Self::String);
        }
        if declared.starts_with("List<AWS::") && declared.ends_with('>') {
            return Some(Self::StringList);
        }
        Self::NAMED.into_iter().find_map(is_named)
    }
}

impl ParameterSpec {
    fn read(checker: &mut Checker, node: &Node, path: &Path<'_>) -> Option<Self> {
        let members = checker.map(node, path)?;
        checker.only_known(members, path, MEMBERS, Severity::Error);
        let declared = checker.required(
            node,
            path,
            "type",
            "say `String`, `StringList`, `Boolean`, `Integer`, `MapList` or `StringMap`",
        )?;
        let declared_path = path.key("type");
        let declared_at = declared.at;
        let declared = checker.text(declared, &declared_path)?.trim().to_owned();
        let Some(kind) = ParameterType::of(&declared) else {
            let right = match nearest(&declared, ParameterType::NAMED.map(|(name, _)| name)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "use String, StringList, Boolean, Integer, MapList or StringMap".to_owned(),
            };
            checker.error(declared_at, &declared_path, format!("`{declared}` is no type: {right}"));
            return None;
        };
        let spec = Self {
            kind,
            description: checker.optional_text(members, path, "description"),
            default: find(members, "default").map(Node::to_value).filter(|value| !value.is_null()),
            allowed_values: allowed_values(checker, members, path),
            allowed_pattern: checker.optional_text(members, path, "allowedPattern").map(AllowedPattern::new),
            min_items: limit(checker, members, path, "minItems"),
            max_items: limit(checker, members, path, "maxItems"),
            min_chars: limit(checker, members, path, "minChars"),
            max_chars: limit(checker, members, path, "maxChars"),
            display_type: checker.optional_text(members, path, "displayType"),
            is_environment: is_environment(checker, members, path, kind),
            declared,
        };
        spec.check(checker, node, path);
        Some(spec)
    }

    /// Whether the declaration makes sense in itself.
    fn check(&self, checker: &mut Checker, node: &Node, path: &Path<'_>) {
        if let Some(pattern) = &self.allowed_pattern
            && let Err(problem) = pattern.compiled()
        {
            checker.warn(
                node.at,
                &path.key("allowedPattern"),
                format!("`{}` {problem}; no value can be given to this parameter", shorten(pattern.text())),
            );
        }
        for (least, most, name) in [(self.min_items, self.max_items, "Items"), (self.min_chars, self.max_chars, "Chars")] {
            if let (Some(least), Some(most)) = (least, most)
                && least > most
            {
                checker.error(node.at, path, format!("`min{name}` {least} is more than `max{name}` {most}"));
            }
        }
        if let Some(default) = &self.default
            && let Err(problem) = self.check_default(default)
        {
            checker.warn(node.at, &path.key("default"), format!("the default {problem}"));
        }
    }

    fn check_default(&self, default: &Value) -> Result<(), String> {
        let texts = texts(default);
        let is_reference = texts.iter().any(|text| text.contains("{{"));
        // An empty default is the field's way to say "optional".
        let is_empty = texts.iter().all(String::is_empty);
        if is_reference || is_empty || self.allowed_pattern.as_ref().is_some_and(|pattern| pattern.compiled().is_err()) {
            return Ok(());
        }
        self.judge(&texts).map(|_| ())
    }

    /// *Errors*: what is wrong with it, or that there is none.
    fn usable_default(&self) -> Result<Value, String> {
        if let Some(default) = &self.default {
            let refused = |problem| format!("{problem}, and that is the document's own default: give another value");
            self.check_default(default).map_err(refused)?;
        }
        self.default_value().ok_or_else(|| "is required and has no default".into())
    }

    pub fn default_value(&self) -> Option<Value> {
        let default = self.default.clone()?;
        Some(match (self.kind, default) {
            // Real documents write numbers and booleans as the default of a String.
            (ParameterType::String, Value::Number(number)) => Value::String(number.to_string()),
            (ParameterType::String, Value::Bool(flag)) => Value::String(flag.to_string()),
            (ParameterType::StringList, Value::String(text)) => Value::Array(vec![Value::String(text)]),
            (ParameterType::Boolean, Value::String(text)) => truth(&text).map_or(Value::String(text), Value::Bool),
            (ParameterType::Integer, Value::String(text)) => text.trim().parse::<i64>().map_or(Value::String(text), Value::from),
            (_, default) => default,
        })
    }

    /// The typed value of what the caller gave, or what is wrong with it. What names a secret is judged by [`Self::judge_filled`]
    /// when the node knows it.
    pub fn judge(&self, texts: &[String]) -> Result<Value, String> {
        match matches!(self.kind, ParameterType::String | ParameterType::StringList) && super::secrets::are_in(texts) {
            true => self.convert(texts),
            false => self.judge_filled(texts),
        }
    }

    /// The same of texts that are what they will be: what still looks like a reference is text like any other.
    pub fn judge_filled(&self, texts: &[String]) -> Result<Value, String> {
        let value = self.convert(texts)?;
        if matches!(self.kind, ParameterType::StringList | ParameterType::MapList) {
            check_limit(texts.len(), "items", self.min_items, self.max_items)?;
        }
        if let Some(allowed) = &self.allowed_pattern {
            let pattern = allowed.compiled();
            let pattern = pattern.map_err(|problem| format!("cannot be judged: its `allowedPattern` {problem}"))?;
            if let Some(wrong) = texts.iter().find(|item| !pattern.is_match(item)) {
                return Err(format!(
                    "has the value `{}`, which does not match the pattern `{}`",
                    shorten(wrong),
                    allowed.text()
                ));
            }
        }
        if matches!(self.kind, ParameterType::String | ParameterType::StringList) {
            for item in texts {
                check_limit(item.chars().count(), "characters", self.min_chars, self.max_chars)?;
            }
        }
        self.check_allowed(texts)?;
        Ok(value)
    }

    fn check_allowed(&self, items: &[String]) -> Result<(), String> {
        if self.allowed_values.is_empty() {
            return Ok(());
        }
        let allowed: Vec<String> = self.allowed_values.iter().map(super::substitute::as_text).collect();
        let is_allowed = |item: &String| match self.kind {
            ParameterType::Boolean => allowed.iter().any(|a| truth(a) == truth(item)),
            _ => allowed.iter().any(|a| a == item),
        };
        match items.iter().find(|item| !is_allowed(item)) {
            None => Ok(()),
            Some(wrong) => Err(format!("has the value `{}`; allowed are: {}", shorten(wrong), allowed.join(", "))),
        }
    }

    fn convert(&self, texts: &[String]) -> Result<Value, String> {
        if self.kind == ParameterType::StringList {
            return Ok(Value::Array(texts.iter().cloned().map(Value::String).collect()));
        }
        if self.kind == ParameterType::MapList {
            let maps: Option<Vec<Value>> = texts.iter().map(|text| json_of(text, Value::is_object)).collect();
            return maps.map(Value::Array).ok_or_else(|| "must be a list of JSON objects".into());
        }
        let [text] = texts else {
            return Err(format!("takes one value, but {} were given", texts.len()));
        };
        match self.kind {
            ParameterType::Boolean => match truth(text) {
                Some(flag) => Ok(Value::Bool(flag)),
                None => Err(format!("must be `true` or `false`, not `{}`", shorten(text))),
            },
            ParameterType::Integer => match text.parse::<i64>() {
                Ok(number) => Ok(number.into()),
                Err(_) => Err(format!("must be a whole number, not `{}`", shorten(text))),
            },
            ParameterType::StringMap => json_of(text, Value::is_object).ok_or_else(|| "must be a JSON object".into()),
            ParameterType::String | ParameterType::StringList | ParameterType::MapList => Ok(Value::String(text.clone())),
        }
    }
}

/// A value as the texts that a caller would have given for it.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(super::substitute::as_text).collect(),
        other => vec![super::substitute::as_text(other)],
    }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" => Some(true),
        "false" | "False" => Some(false),
        _ => None,
    }
}

fn allowed_values(checker: &mut Checker, members: &[super::text::Member], path: &Path<'_>) -> Vec<Value> {
    let Some(node) = find(members, "allowedValues").filter(|node| node.part != Part::Null) else {
        return Vec::new();
    };
    let items = checker.list(node, &path.key("allowedValues")).unwrap_or_default();
    items.iter().map(Node::to_value).collect()
}

fn limit(checker: &mut Checker, members: &[super::text::Member], path: &Path<'_>, key: &str) -> Option<usize> {
    let node = find(members, key).filter(|node| node.part != Part::Null)?;
    let number = node.scalar().and_then(|text| text.trim().parse().ok());
    if number.is_none() {
        checker.error(node.at, &path.key(key), "must be a whole number");
    }
    number
}

fn is_environment(checker: &mut Checker, members: &[super::text::Member], path: &Path<'_>, kind: ParameterType) -> bool {
    let Some(node) = find(members, "interpolationType") else {
        return false;
    };
    let path = path.key("interpolationType");
    if node.as_text() != Some("ENV_VAR") {
        checker.error(node.at, &path, "the only value is `ENV_VAR`");
        return false;
    }
    if kind != ParameterType::String {
        checker.error(node.at, &path, "`ENV_VAR` is for parameters of the type String only");
    }
    true
}

fn json_of(text: &str, wanted: fn(&Value) -> bool) -> Option<Value> {
    serde_json::from_str(text).ok().filter(wanted)
}

fn check_limit(count: usize, unit: &str, min: Option<usize>, max: Option<usize>) -> Result<(), String> {
    if let Some(min) = min.filter(|min| count < *min) {
        return Err(format!("has {count} {unit}; it needs at least {min}"));
    }
    match max.filter(|max| count > *max) {
        Some(max) => Err(format!("has {count} {unit}; it may have at most {max}")),
        None => Ok(()),
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

fn error(name: &str, problem: String) -> ParameterError {
    ParameterError {
        name: shorten(name),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(block: &Value) -> (Parameters, Vec<String>) {
        let mut checker = Checker::default();
        let parameters = Parameters::read(&mut checker, Some(&Node::from_value(block)));
        (parameters, checker.problems.iter().map(ToString::to_string).collect())
    }

    fn judge(spec: Value, texts: &[&str]) -> Result<Value, String> {
        let (parameters, problems) = read(&json!({"p": spec}));
        assert!(problems.is_empty(), "{problems:?}");
        let texts: Vec<String> = texts.iter().map(|t| (*t).into()).collect();
        parameters.get("p").unwrap().judge(&texts)
    }

    fn problem(spec: Value) -> String {
        read(&json!({"p": spec})).1.join("\n")
    }

    #[test]
    fn values_are_converted_by_the_declared_type() {
        assert_eq!(judge(json!({"type": "Integer"}), &["-4"]), Ok(json!(-4)));
        assert_eq!(judge(json!({"type": "Boolean"}), &["false"]), Ok(json!(false)));
        assert_eq!(judge(json!({"type": "StringMap"}), &[r#"{"a":"b"}"#]), Ok(json!({"a": "b"})));
        assert_eq!(judge(json!({"type": "MapList"}), &[r#"{"a":1}"#, "{}"]), Ok(json!([{"a": 1}, {}])));
        assert_eq!(judge(json!({"type": "List<AWS::EC2::Instance::Id>"}), &["i-1"]), Ok(json!(["i-1"])));
        assert!(judge(json!({"type": "Integer"}), &["4x"]).unwrap_err().contains("whole number"));
        let two = judge(json!({"type": "String"}), &["a", "b"]).unwrap_err();
        assert!(two.contains("takes one value"));
    }

    #[test]
    fn a_pattern_must_match_the_whole_value() {
        let spec = json!({"type": "String", "allowedPattern": "a|b"});
        assert!(judge(spec.clone(), &["b"]).is_ok());
        assert!(judge(spec, &["ab"]).unwrap_err().contains("does not match the pattern `a|b`"));
    }

    #[test]
    fn limits_are_read_from_numbers_and_texts() {
        let many = judge(json!({"type": "StringList", "maxItems": "1"}), &["a", "b"]).unwrap_err();
        assert!(many.contains("at most 1"));
        let short = judge(json!({"type": "String", "minChars": 2}), &["é"]).unwrap_err();
        assert!(short.contains("at least 2"));
        assert!(judge(json!({"type": "String", "allowedValues": ["x", 3]}), &["3"]).is_ok());
        let other = judge(json!({"type": "String", "allowedValues": ["x"]}), &["y"]).unwrap_err();
        assert!(other.contains("allowed are: x"));
        assert!(judge(json!({"type": "Boolean", "allowedValues": [true, "False"]}), &["false"]).is_ok());
    }

    #[test]
    fn a_missing_and_an_unknown_parameter_are_named() {
        let (parameters, _) = read(&json!({"need": {"type": "String"}}));
        assert_eq!(
            parameters.bind(&GivenParameters::new()).unwrap_err().to_string(),
            "parameter `need` is required and has no default"
        );
        let given = GivenParameters::from([("other".into(), vec![])]);
        assert!(parameters.bind(&given).unwrap_err().to_string().contains("it has: need"));
    }

    #[test]
    fn a_default_that_breaks_its_own_rules_is_not_used() {
        let (parameters, _) = read(&json!({"p": {"type": "String", "default": "q", "allowedPattern": "[0-9]+"}}));
        let refused = parameters.bind(&GivenParameters::new()).unwrap_err().to_string();
        assert!(refused.contains("the document's own default"), "{refused}");
        let given = GivenParameters::from([("p".into(), vec!["7".into()])]);
        assert_eq!(parameters.bind(&given).unwrap()["p"], json!("7"));
        let (optional, _) = read(&json!({"p": {"type": "String", "default": "", "allowedPattern": "[0-9]+"}}));
        assert_eq!(optional.bind(&GivenParameters::new()).unwrap()["p"], json!(""));
    }

    #[test]
    fn a_declaration_without_sense_is_refused_with_its_path() {
        assert!(problem(json!({"type": "StringList", "interpolationType": "ENV_VAR"})).contains("String only"));
        assert_eq!(
            problem(json!({"type": "String", "maxChars": "many"})),
            "at `parameters.p.maxChars`: must be a whole number"
        );
        assert!(problem(json!({"type": "Str"})).contains("`Str` is no type: use String, "));
        assert!(problem(json!({"type": "string"})).contains("`string` is no type: did you mean `String`?"));
        assert!(problem(json!({})).contains("`type` is missing"));
        assert!(problem(json!({"type": "String", "allowedvalues": []})).contains("did you mean `allowedValues`?"));
        assert!(problem(json!({"type": "String", "minChars": 3, "maxChars": 2})).contains("more than"));
        assert!(problem(json!({"type": "String", "allowedPattern": "("})).contains("no regular expression"));
        assert!(problem(json!({"type": "String", "allowedValues": ["a"], "default": "b"})).contains("the default has the value `b`"));
    }

    #[test]
    fn what_real_documents_write_is_accepted() {
        let spec = json!({"type": "String", "description": null, "default": 3, "allowedValues": null});
        assert_eq!(problem(spec), "");
        assert_eq!(problem(json!({"type": "String", "default": "", "minChars": 3})), "");
        assert_eq!(
            problem(json!({"type": "String", "default": "{{ssm:x}}", "allowedPattern": "[a-z]+"})),
            ""
        );
    }
}
