//! API answers as the rows we print: member names in snake_case, times in RFC 3339, tags as an object.
//!
//! Every member of an answer becomes a member of the row, so a new one needs no work here; table columns choose from them.

use serde_json::{Map, Value};

use crate::base::Timestamp;

/// Members that are times although their names do not end in `At`.
const TIMES: [&str; 12] = [
    "RequestedDateTime",
    "ExpiresAfter",
    "ExpirationDate",
    "CreatedDate",
    "StartDate",
    "EndDate",
    "RegistrationDate",
    "LastPingDateTime",
    "LastModifiedDate",
    "ReviewedTime",
    "CreateTime",
    "UpdatedTime",
];

pub fn from_api(value: Value) -> Value {
    match value {
        Value::Array(items) => match tags(&items) {
            Some(tags) => Value::Object(tags),
            None => items.into_iter().map(from_api).collect(),
        },
        Value::Object(members) => Value::Object(members.into_iter().map(member).collect()),
        other => other,
    }
}

fn member((key, value): (String, Value)) -> (String, Value) {
    let snake = snake_case(&key);
    if let Some(seconds) = value.as_f64().filter(|_| key.ends_with("At") || TIMES.contains(&key.as_str())) {
        let time = Timestamp::from_seconds(seconds).map_or(value, |at| Value::String(at.to_string()));
        return (snake, time);
    }
    match value {
        // No tags are an object too, so that a script need not look first.
        Value::Array(items) if key == "Tags" && items.is_empty() => (snake, Value::Object(Map::new())),
        // Upstream's maps from a name to values: the names are the caller's.
        Value::Object(parameters) if key == "Parameters" => (snake, Value::Object(parameters)),
        value => (snake, from_api(value)),
    }
}

/// `[{Key, Value}, …]` and nothing else.
fn tags(items: &[Value]) -> Option<Map<String, Value>> {
    let pair = |item: &Value| {
        let members = item.as_object().filter(|m| m.len() == 2)?;
        let (key, value) = (members.get("Key")?.as_str()?, members.get("Value")?);
        Some((key.to_owned(), value.clone()))
    };
    if items.is_empty() {
        return None;
    }
    items.iter().map(pair).collect()
}

fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let chars: Vec<char> = name.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let starts_word = c.is_ascii_uppercase()
            && at > 0
            && (!chars[at - 1].is_ascii_uppercase() || chars.get(at + 1).is_some_and(char::is_ascii_lowercase));
        if starts_word {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_get_the_names_times_and_tags_that_we_promise() {
        let api = json!({
            "NodeId": "mi-1", "LastSeenAt": 1_700_000_000.25, "CpuCount": 4, "Tags": [{"Key": "env", "Value": "prod"}],
            "ExpirationDate": 1_700_000_000, "Addresses": ["10.0.0.1"], "S3Region": "x", "StdoutBytes": 3,
            "Parameters": {"executionTimeout": ["5"]}, "Cut": {"HeadBytes": 1},
        });
        let row = json!({
            "node_id": "mi-1", "last_seen_at": "2023-11-14T22:13:20.250Z", "cpu_count": 4, "tags": {"env": "prod"},
            "expiration_date": "2023-11-14T22:13:20.000Z", "addresses": ["10.0.0.1"], "s3_region": "x", "stdout_bytes": 3,
            "parameters": {"executionTimeout": ["5"]}, "cut": {"head_bytes": 1},
        });
        assert_eq!(from_api(api), row);
        assert_eq!(from_api(json!({"Tags": []})), json!({"tags": {}}));
    }
}
