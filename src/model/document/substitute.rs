//! `{{ name }}`: the whole template language. One pass, no nesting, no code.
//!
//! A value that is exactly one reference becomes the parameter's value with its type; a reference inside a text becomes text.
//! What is not the name of a known parameter stays as it was written (`docker ps --format '{{ .Names }}'`).

use serde_json::Value;

/// A copy of `value` in which every reference that `lookup` knows is replaced.
pub fn replace(value: &Value, lookup: &dyn Fn(&str) -> Option<Value>) -> Value {
    match value {
        Value::String(text) => replace_text(text, lookup),
        Value::Array(items) => Value::Array(items.iter().flat_map(|item| replace_item(item, lookup)).collect()),
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), replace(value, lookup))).collect(),
        other => other.clone(),
    }
}

/// A list parameter that stands alone as an item of a list is spliced into it: `runCommand: ["cd /tmp", "{{ commands }}"]`.
fn replace_item(item: &Value, lookup: &dyn Fn(&str) -> Option<Value>) -> Vec<Value> {
    match (item, replace(item, lookup)) {
        (Value::String(_), Value::Array(items)) => items,
        (_, replaced) => vec![replaced],
    }
}

fn replace_text(text: &str, lookup: &dyn Fn(&str) -> Option<Value>) -> Value {
    if let Some(value) = sole_reference(text).and_then(lookup) {
        return value;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let (before, from_open) = rest.split_at(open);
        out.push_str(before);
        let found = from_open[2..]
            .find("}}")
            .and_then(|close| Some((close + 4, lookup(name_of(&from_open[2..2 + close])?)?)));
        match found {
            Some((length, value)) => {
                out.push_str(&as_text(&value));
                rest = &from_open[length..];
            }
            None => {
                out.push('{');
                rest = &from_open[1..];
            }
        }
    }
    out.push_str(rest);
    Value::String(out)
}

fn sole_reference(text: &str) -> Option<&str> {
    name_of(text.trim().strip_prefix("{{")?.strip_suffix("}}")?)
}

fn name_of(inside: &str) -> Option<&str> {
    let name = inside.trim();
    (!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')).then_some(name)
}

/// A value as it appears inside a text: lists and maps as JSON.
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn lookup(name: &str) -> Option<Value> {
        match name {
            "list" => Some(json!(["x", "y"])),
            "text" => Some(json!("T")),
            _ => None,
        }
    }

    #[test]
    fn a_list_that_stands_alone_in_a_list_is_spliced() {
        assert_eq!(
            replace(&json!(["a", "{{list}}", "{{ text }}!"]), &lookup),
            json!(["a", "x", "y", "T!"])
        );
    }

    #[test]
    fn braces_that_are_no_reference_stay() {
        for text in ["{{{ text", "{{ unknown }}", "{{ .Names }} }}", "{{}}", "{{ a b }}"] {
            assert_eq!(replace(&json!(text), &lookup), json!(text));
        }
        assert_eq!(replace(&json!("{{{text}}}"), &lookup), json!("{T}"));
    }

    proptest! {
        #[test]
        fn a_text_without_a_known_name_is_unchanged(text in ".{0,40}") {
            prop_assert_eq!(replace(&json!(text), &|_| None), json!(text));
        }
    }
}
