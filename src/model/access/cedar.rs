//! A policy as Cedar's text, for tools that read it; this hub itself decides by [`Grants`](super::Grants).
//!
//! Actions stand in the context because Cedar has no wildcards for them. Cedar cannot put the caller's name into a pattern:
//! what uses `${user}` is annotated and matches nothing there.

use std::fmt::Write;

use crate::model::access::{Condition, Effect, Policy, Resource, Statement, TagSelector, USER_VARIABLE};

/// One `permit` or `forbid` for each statement.
pub fn text(name: &str, policy: &Policy) -> String {
    let mut out = String::new();
    for (at, statement) in policy.statements.iter().enumerate() {
        let id = statement.sid.clone().unwrap_or_else(|| format!("{}", at + 1));
        let _infallible = writeln!(out, "@id({})", quoted(&format!("{name}/{id}")));
        if serde_json::to_string(statement).is_ok_and(|s| s.contains(USER_VARIABLE)) {
            out.push_str("@untranslated(\"${user}\")\n");
        }
        let effect = match statement.effect {
            Effect::Allow => "permit",
            Effect::Deny => "forbid",
        };
        let _infallible = writeln!(out, "{effect} (principal, action, resource)\nwhen {{\n  {}\n}};\n", body(statement));
    }
    out
}

fn body(statement: &Statement) -> String {
    let actions = match statement.not_actions.as_slice() {
        [] => any(statement.actions.iter().map(|a| like("context.action", a))),
        names => format!("!({})", any(names.iter().map(|a| like("context.action", a)))),
    };
    let resources = any(statement.resources.iter().map(resource));
    let conditions = statement.conditions.iter().map(condition);
    [actions, resources]
        .into_iter()
        .chain(conditions)
        .collect::<Vec<_>>()
        .join(" &&\n  ")
}

fn resource(resource: &Resource) -> String {
    let mut parts = Vec::new();
    if resource.kind != "*" {
        parts.push(format!("resource.kind == {}", quoted(&resource.kind)));
    }
    if !resource.ids.is_empty() {
        parts.push(any(resource.ids.iter().map(|id| like("resource.id", id))));
    }
    parts.extend(resource.tags.iter().map(tag));
    if !resource.groups.is_empty() {
        parts.push(any(resource.groups.iter().map(|g| format!("resource in Group::{}", quoted(g)))));
    }
    if resource.own {
        parts.push("resource.owner == principal".into());
    }
    match parts.len() {
        0 => "true".into(),
        1 => parts.remove(0),
        _ => format!("({})", parts.join(" && ")),
    }
}

fn tag(tag: &TagSelector) -> String {
    let key = quoted(&tag.key);
    match tag.values.as_slice() {
        [] => format!("resource.hasTag({key})"),
        values => format!(
            "(resource.hasTag({key}) && {})",
            any(values.iter().map(|v| like(&format!("resource.getTag({key})"), v)))
        ),
    }
}

fn condition(condition: &Condition) -> String {
    let test = |left: &str| {
        any(condition.values.iter().map(|v| match condition.operator.is_like() {
            true => like(left, v),
            false => format!("{left} == {}", quoted(v)),
        }))
    };
    let holds = match condition.key.strip_prefix("tag:") {
        Some(key) => {
            let key = quoted(key);
            format!("(resource.hasTag({key}) && {})", test(&format!("resource.getTag({key})")))
        }
        None => test("principal.name"),
    };
    if condition.operator.is_negated() {
        format!("!({holds})")
    } else {
        holds
    }
}

fn any(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    match parts.as_slice() {
        [] => "false".into(),
        [one] => one.clone(),
        all => format!("({})", all.join(" || ")),
    }
}

/// Cedar's `like` knows `*` only; a `?` has no counterpart and is taken literally, which matches less.
fn like(left: &str, pattern: &str) -> String {
    if pattern.contains(USER_VARIABLE) {
        return "false".into();
    }
    if pattern == "*" {
        return "true".into();
    }
    match pattern.contains('*') {
        true => format!("{left} like {}", quoted(pattern)),
        false => format!("{left} == {}", quoted(pattern)),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_as_cedar() {
        let policy: Policy = serde_json::from_value(serde_json::json!({"Statements": [
            {"Sid": "Run", "Effect": "Allow", "Actions": ["ssm:Send*"], "Resources": [
                {"Kind": "node", "Tags": [{"Key": "env", "Values": ["dev", "t*"]}]}, {"Kind": "document", "Ids": ["AWS-\"x"]}]},
            {"Effect": "Deny", "NotActions": ["ssm:Get*"], "Resources": [{"Kind": "session", "Own": true}],
                "Conditions": [{"Key": "tag:a", "Operator": "NotEquals", "Values": ["*"]}]}]}))
        .unwrap();
        let expected = r#"@id("p/Run")
permit (principal, action, resource)
when {
  context.action like "ssm:Send*" &&
  ((resource.kind == "node" && (resource.hasTag("env") && (resource.getTag("env") == "dev" || resource.getTag("env") like "t*"))) || (resource.kind == "document" && resource.id == "AWS-\"x"))
};

@id("p/2")
forbid (principal, action, resource)
when {
  !(context.action like "ssm:Get*") &&
  (resource.kind == "session" && resource.owner == principal) &&
  !((resource.hasTag("a") && resource.getTag("a") == "*"))
};

"#;
        assert_eq!(text("p", &policy), expected);
    }
}
