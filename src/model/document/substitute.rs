//! `{{ name }}`: the whole template language. One pass, no nesting, no code.
//!
//! A value that is exactly one reference becomes the parameter's value with its type; a reference inside a text becomes text.
//! What is not a name that the caller knows stays as it was written (`docker ps --format '{{ .Names }}'`).

use serde_json::Value;

/// Longer than any name with its spaces; bounds the search for the end of what only looks like a reference.
const MAX_NAME_BYTES: usize = 2200;

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
    Value::String(replaced_in(text, &|name| lookup(name).map(|value| as_text(&value))))
}

/// The text in which every reference that `lookup` knows is replaced.
pub fn replaced_in(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for found in found(text) {
        if let Some(value) = lookup(found.name) {
            out.push_str(&text[from..found.start]);
            out.push_str(&value);
            from = found.end;
        }
    }
    out.push_str(&text[from..]);
    out
}

/// The same for values of which no copy may be left behind: the text is made in one piece.
pub fn filled<'v>(text: &str, lookup: &dyn Fn(&str) -> Option<&'v str>) -> String {
    let known: Vec<(Found<'_>, &str)> = found(text)
        .filter_map(|found| lookup(found.name).map(|value| (found, value)))
        .collect();
    let mut out = String::with_capacity(text.len() + known.iter().map(|(_, value)| value.len()).sum::<usize>());
    let mut from = 0;
    for (found, value) in known {
        out.push_str(&text[from..found.start]);
        out.push_str(value);
        from = found.end;
    }
    out.push_str(&text[from..]);
    out
}

/// The name when the text is one reference and nothing else.
pub fn sole_reference(text: &str) -> Option<&str> {
    name_of(text.trim().strip_prefix("{{")?.strip_suffix("}}")?)
}

/// Every reference inside a text, in order.
pub fn references(text: &str) -> impl Iterator<Item = &str> {
    found(text).map(|found| found.name)
}

/// The same with their places.
pub fn found(text: &str) -> impl Iterator<Item = Found<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let next = next(&text[from..])?;
        let found = Found {
            name: next.name,
            start: from + next.start,
            end: from + next.end,
        };
        from = found.end;
        Some(found)
    })
}

/// A reference, and where in its text it stands with its braces.
pub struct Found<'t> {
    pub name: &'t str,
    pub start: usize,
    pub end: usize,
}

/// The first thing that has the form of a reference.
fn next(text: &str) -> Option<Found<'_>> {
    let mut from = 0;
    // One brace, not two: the search for a character costs a fraction of that for a text, and most texts have none.
    while let Some(open) = text[from..].find('{').map(|at| at + from) {
        from = open + 1;
        if !text[from..].starts_with('{') {
            continue;
        }
        let inside = open + 2;
        if let Some(length) = text.as_bytes()[inside..]
            .windows(2)
            .take(MAX_NAME_BYTES)
            .position(|two| two == b"}}")
            && let Some(name) = name_of(&text[inside..inside + length])
        {
            return Some(Found {
                name,
                start: open,
                end: inside + length + 2,
            });
        }
    }
    None
}

/// Parameters have plain names; `ssm:/path/name:3` and `global:DATE` have more signs. A name never begins with a dot.
fn name_of(inside: &str) -> Option<&str> {
    let name = inside.trim();
    let is_sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'/' | b'-');
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    (begins && name.bytes().all(is_sign)).then_some(name)
}

/// A value as it appears inside a text: lists and maps as JSON.
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Calls `see` with every text inside a value.
pub fn each_text<'v>(value: &'v Value, see: &mut impl FnMut(&'v str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, see)),
        Value::Object(members) => members.values().for_each(|member| each_text(member, see)),
        _ => {}
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
            "map" => Some(json!({"a": [1]})),
            "ssm:/a/b:3" => Some(json!("stored")),
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
    fn references_are_replaced_wherever_they_stand_and_keep_their_type() {
        assert_eq!(
            replace(&json!({"k": [{"m": "{{ map }}"}], "t": "is {{map}} {{ssm:/a/b:3}}"}), &lookup),
            json!({"k": [{"m": {"a": [1]}}], "t": r#"is {"a":[1]} stored"#})
        );
    }

    #[test]
    fn braces_that_are_no_reference_stay() {
        for text in ["{{{ text", "{{ unknown }}", "{{ .Names }} }}", "{{}}", "{{ a b }}", "{{ssm:other}}"] {
            assert_eq!(replace(&json!(text), &lookup), json!(text));
        }
        assert_eq!(replace(&json!("{{{text}}}"), &lookup), json!("{T}"));
    }

    proptest! {
        #[test]
        fn a_text_without_a_known_name_is_unchanged(text in ".{0,40}") {
            prop_assert_eq!(replace(&json!(text), &|_| None), json!(text));
        }

        #[test]
        fn a_text_of_braces_and_names_never_panics(text in r"[{} a.:é]{0,30}") {
            let _ = replace(&json!(text), &lookup);
            let _ = references(&text).count();
        }

        /// What was put in is never read again: no value can smuggle in a reference.
        #[test]
        fn values_are_not_expanded(value in ".{0,20}") {
            let result = replace(&json!("<{{ x }}>"), &|name| (name == "x").then(|| json!(value)));
            prop_assert_eq!(result, json!(format!("<{value}>")));
        }
    }
}
