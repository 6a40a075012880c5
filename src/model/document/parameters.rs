//! The parameters block: what a document asks for, and the rule by which given values are judged.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::GivenParameters;

/// One entry of the block. Limits may be written as numbers or as texts, as upstream's agent accepts both.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParameterSpec {
    #[serde(rename = "type")]
    pub kind: ParameterType,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub default: Option<Value>,
    #[serde(default)]
    pub allowed_values: Vec<Value>,
    #[serde(default)]
    pub allowed_pattern: Option<String>,
    #[serde(default)]
    pub min_items: Option<Value>,
    #[serde(default)]
    pub max_items: Option<Value>,
    #[serde(default)]
    pub min_chars: Option<Value>,
    #[serde(default)]
    pub max_chars: Option<Value>,
    /// For a form only.
    #[serde(default)]
    pub display_type: Option<String>,
    #[serde(default)]
    pub interpolation_type: Option<Interpolation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ParameterType {
    String,
    StringList,
    Boolean,
    Integer,
    MapList,
    StringMap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Interpolation {
    #[serde(rename = "ENV_VAR")]
    EnvVar,
}

/// What is wrong with a parameter, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}` {problem}")]
pub struct ParameterError {
    pub name: String,
    pub problem: String,
}

/// A value for every declared parameter that has one: the caller's, else the default.
pub fn bind(specs: &BTreeMap<String, ParameterSpec>, given: &GivenParameters) -> Result<BTreeMap<String, Value>, ParameterError> {
    if let Some(unknown) = given.keys().find(|name| !specs.contains_key(*name)) {
        let known: Vec<&str> = specs.keys().map(String::as_str).collect();
        return Err(error(
            unknown,
            format!("is not declared by the document; it has: {}", known.join(", ")),
        ));
    }
    let mut values = BTreeMap::new();
    for (name, spec) in specs {
        let value = match given.get(name) {
            Some(texts) => spec.judge(texts).map_err(|problem| error(name, problem))?,
            None => spec
                .default_value()
                .ok_or_else(|| error(name, "is required and has no default".into()))?,
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}

impl ParameterSpec {
    /// Whether scripts get it as an environment variable instead of as text.
    pub fn is_environment(&self) -> bool {
        self.interpolation_type == Some(Interpolation::EnvVar)
    }

    /// Whether the declaration itself makes sense.
    pub fn check(&self, name: &str) -> Result<(), ParameterError> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(error(name, "has a name that is not made of letters, digits and `_`".into()));
        }
        if self.is_environment() && self.kind != ParameterType::String {
            return Err(error(
                name,
                "has `interpolationType` ENV_VAR, which is for the type String only".into(),
            ));
        }
        for (member, limit) in self.limits() {
            if limit.is_some_and(|value| number(value).is_none()) {
                return Err(error(name, format!("has a `{member}` that is not a whole number")));
            }
        }
        Ok(())
    }

    fn limits(&self) -> [(&'static str, Option<&Value>); 4] {
        [
            ("minItems", self.min_items.as_ref()),
            ("maxItems", self.max_items.as_ref()),
            ("minChars", self.min_chars.as_ref()),
            ("maxChars", self.max_chars.as_ref()),
        ]
    }

    /// The pattern must match the whole value.
    fn pattern(&self) -> Result<Option<Regex>, String> {
        let Some(text) = &self.allowed_pattern else { return Ok(None) };
        let regex =
            Regex::new(&format!("^(?:{text})$")).map_err(|e| format!("has an `allowedPattern` that is no regular expression: {e}"))?;
        Ok(Some(regex))
    }

    fn default_value(&self) -> Option<Value> {
        let default = self.default.clone()?;
        Some(match (self.kind, default) {
            // Real documents write numbers and booleans as the default of a String.
            (ParameterType::String, Value::Number(number)) => Value::String(number.to_string()),
            (ParameterType::String, Value::Bool(flag)) => Value::String(flag.to_string()),
            (ParameterType::StringList, Value::String(text)) => Value::Array(vec![Value::String(text)]),
            (ParameterType::Boolean, Value::String(text)) if text == "true" || text == "false" => Value::Bool(text == "true"),
            (_, default) => default,
        })
    }

    /// The typed value of what the caller gave, or what is wrong with it.
    fn judge(&self, texts: &[String]) -> Result<Value, String> {
        let value = self.convert(texts)?;
        let items: Vec<&str> = texts.iter().map(String::as_str).collect();
        if matches!(self.kind, ParameterType::StringList | ParameterType::MapList) {
            check_limit(items.len(), "items", &self.min_items, &self.max_items)?;
        }
        if let Some(pattern) = self.pattern()?
            && let Some(wrong) = items.iter().find(|item| !pattern.is_match(item))
        {
            let shown = self.allowed_pattern.as_deref().unwrap_or_default();
            return Err(format!(
                "has the value `{}`, which does not match the pattern `{shown}`",
                shorten(wrong)
            ));
        }
        if matches!(self.kind, ParameterType::String | ParameterType::StringList) {
            for item in &items {
                check_limit(item.chars().count(), "characters", &self.min_chars, &self.max_chars)?;
            }
        }
        self.check_allowed(&items)?;
        Ok(value)
    }

    fn check_allowed(&self, items: &[&str]) -> Result<(), String> {
        if self.allowed_values.is_empty() {
            return Ok(());
        }
        let allowed: Vec<String> = self.allowed_values.iter().map(super::substitute::as_text).collect();
        match items.iter().find(|item| !allowed.iter().any(|a| a == *item)) {
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
            ParameterType::Boolean => match text.as_str() {
                "true" | "True" => Ok(Value::Bool(true)),
                "false" | "False" => Ok(Value::Bool(false)),
                _ => Err(format!("must be `true` or `false`, not `{}`", shorten(text))),
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

fn json_of(text: &str, wanted: fn(&Value) -> bool) -> Option<Value> {
    serde_json::from_str(text).ok().filter(wanted)
}

fn check_limit(count: usize, unit: &str, min: &Option<Value>, max: &Option<Value>) -> Result<(), String> {
    let bound = |limit: &Option<Value>| limit.as_ref().and_then(number);
    if let Some(min) = bound(min).filter(|min| count < *min) {
        return Err(format!("has {count} {unit}; it needs at least {min}"));
    }
    match bound(max).filter(|max| count > *max) {
        Some(max) => Err(format!("has {count} {unit}; it may have at most {max}")),
        None => Ok(()),
    }
}

fn number(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
        Value::String(text) => text.parse().ok(),
        _ => None,
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

    fn judge(spec: Value, texts: &[&str]) -> Result<Value, String> {
        let spec: ParameterSpec = serde_json::from_value(spec).unwrap();
        spec.check("p").map_err(|e| e.to_string())?;
        let texts: Vec<String> = texts.iter().map(|t| (*t).into()).collect();
        spec.judge(&texts)
    }

    #[test]
    fn values_are_converted_by_the_declared_type() {
        assert_eq!(judge(json!({"type": "Integer"}), &["-4"]), Ok(json!(-4)));
        assert_eq!(judge(json!({"type": "Boolean"}), &["false"]), Ok(json!(false)));
        assert_eq!(judge(json!({"type": "StringMap"}), &[r#"{"a":"b"}"#]), Ok(json!({"a": "b"})));
        assert_eq!(judge(json!({"type": "MapList"}), &[r#"{"a":1}"#, "{}"]), Ok(json!([{"a": 1}, {}])));
        assert!(judge(json!({"type": "Integer"}), &["4x"]).unwrap_err().contains("whole number"));
        assert!(
            judge(json!({"type": "String"}), &["a", "b"])
                .unwrap_err()
                .contains("takes one value")
        );
    }

    #[test]
    fn a_pattern_must_match_the_whole_value() {
        let spec = json!({"type": "String", "allowedPattern": "a|b"});
        assert!(judge(spec.clone(), &["b"]).is_ok());
        assert!(judge(spec, &["ab"]).unwrap_err().contains("does not match the pattern `a|b`"));
    }

    #[test]
    fn limits_are_read_from_numbers_and_texts() {
        assert!(
            judge(json!({"type": "StringList", "maxItems": "1"}), &["a", "b"])
                .unwrap_err()
                .contains("at most 1")
        );
        assert!(
            judge(json!({"type": "String", "minChars": 2}), &["é"])
                .unwrap_err()
                .contains("at least 2")
        );
        assert!(judge(json!({"type": "String", "allowedValues": ["x", 3]}), &["3"]).is_ok());
        assert!(
            judge(json!({"type": "String", "allowedValues": ["x"]}), &["y"])
                .unwrap_err()
                .contains("allowed are: x")
        );
    }

    #[test]
    fn a_missing_and_an_unknown_parameter_are_named() {
        let specs = BTreeMap::from([("need".to_owned(), serde_json::from_value(json!({"type": "String"})).unwrap())]);
        assert_eq!(
            bind(&specs, &GivenParameters::new()).unwrap_err().to_string(),
            "parameter `need` is required and has no default"
        );
        let given = GivenParameters::from([("other".into(), vec![])]);
        assert!(bind(&specs, &given).unwrap_err().to_string().contains("it has: need"));
    }

    #[test]
    fn a_declaration_without_sense_is_refused() {
        assert!(
            judge(json!({"type": "StringList", "interpolationType": "ENV_VAR"}), &[])
                .unwrap_err()
                .contains("String only")
        );
        assert!(
            judge(json!({"type": "String", "allowedPattern": "("}), &["x"])
                .unwrap_err()
                .contains("no regular expression")
        );
        assert!(
            judge(json!({"type": "String", "maxChars": "many"}), &["x"])
                .unwrap_err()
                .contains("`maxChars`")
        );
    }
}
