//! IAM's JSON policies translated into ours, as far as they speak of Systems Manager.
//!
//! Three things are told apart. What has no meaning on a hub of one's own (actions of other services) is left out and *noted*:
//! it gives and takes nothing here. What upstream has and this hub has not is kept and noted: a denial of it must hold on the
//! day on which the hub learns it. What has a meaning that our vocabulary cannot express, or none at all (an action that there
//! is nowhere), is *unsupported*: leaving it out could allow more than the author meant, so that whoever stores the policy must
//! refuse it.
//!
//! *Source*: the service authorization reference of AWS Systems Manager, and the example policies of Session Manager.

use serde_json::{Map, Value as Json};

use crate::model::access::kinds::UPSTREAMS;
use crate::model::access::pattern::Pattern;
use crate::model::access::{Condition, Effect, Operator, Policy, PolicyError, Resource, Statement, USER_VARIABLE, Word, Words};

#[path = "iam_documents.rs"]
mod documents;

/// What becomes of what only upstream has.
const KEPT: &str = "kept, and without effect as long as it is so";
/// Bounds of what is read at all.
const MAX_STATEMENTS: usize = 100;

/// A translated policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub policy: Policy,
    /// What our vocabulary cannot say.
    pub unsupported: Vec<PolicyError>,
    /// What was left out because it means nothing here, or was understood in a way worth knowing.
    pub notes: Vec<PolicyError>,
}

/// Translates a policy, given as JSON or as the text of one.
///
/// *Errors*: it is no IAM policy at all.
pub fn import(document: &Json, words: &Words) -> Result<Imported, PolicyError> {
    let parsed;
    let document = match document {
        Json::String(text) => {
            parsed = serde_json::from_str(text).map_err(|e| PolicyError::new("Document", format!("is no JSON: {e}")))?;
            &parsed
        }
        other => other,
    };
    let members = document
        .as_object()
        .ok_or_else(|| PolicyError::new("Document", "is no JSON object"))?;
    let mut import = Import {
        words,
        done: Imported::default(),
        opens_default_shell: false,
    };
    for key in members.keys().filter(|k| !matches!(k.as_str(), "Version" | "Id" | "Statement")) {
        import.unsupported(shown(key), "is no member of a policy");
    }
    let statements = match members.get("Statement") {
        Some(Json::Array(all)) => all.iter().collect(),
        Some(one @ Json::Object(_)) => vec![one],
        _ => return Err(PolicyError::new("Statement", "there is no statement")),
    };
    if statements.len() > MAX_STATEMENTS {
        return Err(PolicyError::new(
            "Statement",
            format!("a policy has at most {MAX_STATEMENTS} statements"),
        ));
    }
    for (at, statement) in statements.iter().enumerate() {
        import.statement(&format!("Statement[{at}]"), statement);
    }
    import.finish()
}

struct Import<'w> {
    words: &'w Words,
    done: Imported,
    /// A shell on nodes is allowed without a word about its document.
    opens_default_shell: bool,
}

/// What a statement does with the actions that it names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Allowed,
    Denied,
    /// Every other action is allowed, or denied.
    AllowedBut,
    DeniedBut,
}

impl Import<'_> {
    fn unsupported(&mut self, place: impl Into<String>, problem: impl Into<String>) {
        self.done.unsupported.push(PolicyError::new(place, problem));
    }

    fn note(&mut self, place: impl Into<String>, words: impl Into<String>) {
        self.done.notes.push(PolicyError::new(place, words));
    }

    fn finish(mut self) -> Result<Imported, PolicyError> {
        self.add_shell_document();
        if self.done.policy.statements.is_empty() && self.done.unsupported.is_empty() {
            return Err(PolicyError::new("Statement", "no statement speaks of Systems Manager (`ssm:…`)"));
        }
        if !self.done.policy.statements.is_empty() {
            self.done.policy.check()?;
        }
        let unmatched = self.words.idle(&self.done.policy).filter(|idle| !idle.is_upstreams);
        self.done.unsupported.extend(unmatched.map(|idle| idle.error));
        Ok(self.done)
    }

    fn statement(&mut self, place: &str, statement: &Json) {
        let Some(members) = statement.as_object() else {
            return self.unsupported(place, "is no JSON object");
        };
        const KNOWN: &[&str] = &["Sid", "Effect", "Action", "NotAction", "Resource", "Condition"];
        for key in members.keys().filter(|k| !KNOWN.contains(&k.as_str())) {
            self.unsupported(format!("{place}.{}", shown(key)), "cannot be translated");
        }
        let effect = match members.get("Effect").and_then(Json::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return self.unsupported(format!("{place}.Effect"), "is `Allow` or `Deny`"),
        };
        let Some((actions, not_actions)) = self.actions(place, effect, members) else {
            return;
        };
        let mut found = Conditions::default();
        if let Some(conditions) = members.get("Condition") {
            self.conditions(&format!("{place}.Condition"), conditions, &mut found);
        }
        let mut resources = self.resources(&format!("{place}.Resource"), &texts(members.get("Resource")));
        if found.is_own {
            resources.retain(|r| matches!(r.kind.as_str(), "*" | "session"));
            for resource in &mut resources {
                resource.kind = "session".into();
                resource.own = true;
            }
        }
        if resources.is_empty() {
            return self.unsupported(format!("{place}.Resource"), "names nothing that there is on this hub");
        }
        let sid = members.get("Sid").and_then(Json::as_str).filter(|sid| !sid.is_empty());
        let translated = Statement {
            sid: sid.map(str::to_owned),
            effect,
            actions,
            not_actions,
            resources,
            conditions: found.all,
        };
        self.add(place, translated, found.checks_document);
    }

    /// `None` when nothing of the statement is about us.
    fn actions(&mut self, place: &str, effect: Effect, members: &Map<String, Json>) -> Option<(Vec<String>, Vec<String>)> {
        let named = texts(members.get("Action"));
        let mut excluded = texts(members.get("NotAction"));
        if named.is_empty() == excluded.is_empty() {
            self.unsupported(place, "has either `Action` or `NotAction`");
            return None;
        }
        if !excluded.is_empty() {
            let place = format!("{place}.NotAction");
            if effect == Effect::Allow {
                excluded = self.known(&place, excluded, Use::AllowedBut);
                return self.all_but(&place, &excluded).map(|actions| (actions, Vec::new()));
            }
            excluded = self.known(&place, excluded, Use::DeniedBut);
            // IAM knows nothing of our own services: what it does not name there, it does not mean.
            excluded.extend(["roadstead:*".to_owned(), "sts:*".to_owned()]);
            return Some((Vec::new(), excluded));
        }
        let place = format!("{place}.Action");
        let named_as = if effect == Effect::Allow { Use::Allowed } else { Use::Denied };
        let mut named = self.known(&place, named, named_as);
        if effect == Effect::Allow {
            for everything in named.iter_mut().filter(|action| *action == "*") {
                self.note(&place, "`*` is taken as `ssm:*`; all of this hub is the role `admin`");
                *everything = "ssm:*".into();
            }
        }
        (!named.is_empty()).then_some((named, Vec::new()))
    }

    /// What is allowed by all but these: this hub's actions of Systems Manager, each by its name, so that a service that the
    /// author did not know of is never among them.
    fn all_but(&mut self, place: &str, excluded: &[String]) -> Option<Vec<String>> {
        let words = self.words;
        let of_others: Vec<String> = words
            .services()
            .into_iter()
            .filter(|service| *service != "ssm")
            .map(|s| format!("`{s}:*`"))
            .collect();
        let actions: Vec<String> = words
            .actions()
            .filter(|action| action.starts_with("ssm:") && !matches_action(excluded, action))
            .map(str::to_owned)
            .collect();
        let taken = match actions.len() {
            0 => "leaves no action of Systems Manager: the statement is left out".to_owned(),
            1 => "is taken as the one other action of Systems Manager that this hub has".to_owned(),
            count => format!("is taken as the {count} other actions of Systems Manager that this hub has"),
        };
        let others = match actions.is_empty() || of_others.is_empty() {
            true => String::new(),
            false => format!("; {} are left out", of_others.join(", ")),
        };
        self.note(place, format!("{taken}{others}"));
        (!actions.is_empty()).then_some(actions)
    }

    /// The actions that stay: what is Systems Manager's, here or upstream.
    ///
    /// Of other services some are here, too. A grant of these may be left out; a denial may not, and is not translated: what
    /// its resources are called here, is not known.
    fn known(&mut self, place: &str, named: Vec<String>, used: Use) -> Vec<String> {
        let (mut kept, mut absent, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        for action in named {
            let service = action.split(':').next().unwrap_or_default().to_ascii_lowercase();
            let is_here = self.words.action(&action) == Word::Here;
            match service.as_str() {
                "*" if matches!(action.as_str(), "*" | "*:*") => kept.push("*".to_owned()),
                "ssm" => match self.words.action(&action) {
                    Word::Here => kept.push(action),
                    // Nothing that this hub does not have is allowed by all but it.
                    Word::Upstreams(_) if used == Use::AllowedBut => {}
                    Word::Upstreams(_) => {
                        absent.push(format!("`{}`", shown(&action)));
                        kept.push(action);
                    }
                    Word::Nobodys(problem) => self.unsupported(place, problem),
                },
                service if service.contains(['*', '?']) => {
                    self.unsupported(
                        place,
                        format!("`{}` does not say which service it means: write `ssm:…`", shown(&action)),
                    );
                }
                _ if is_here && used == Use::DeniedBut => kept.push(action),
                _ if is_here && used == Use::Denied => {
                    let words = "is of another service that this hub has: deny it by a policy of its own";
                    self.unsupported(place, format!("`{}` {words}", shown(&action)));
                }
                _ => foreign.push(format!("`{}`", shown(&action))),
            }
        }
        if !foreign.is_empty() {
            let words = format!("{} are of other services: left out", foreign.join(", "));
            self.note(place, words);
        }
        if !absent.is_empty() {
            let words = format!("this hub has no {}: {KEPT}", absent.join(", "));
            self.note(place, words);
        }
        kept
    }

    fn resources(&mut self, place: &str, named: &[String]) -> Vec<Resource> {
        let mut all = Vec::new();
        for text in named {
            let these = self.resource(place, text);
            if these.iter().any(|resource| UPSTREAMS.contains(&resource.kind.as_str())) {
                let words = format!("this hub has nothing like `{}`: {KEPT}", shown(text));
                self.note(place, words);
            }
            all.extend(these);
        }
        all
    }

    fn resource(&mut self, place: &str, text: &str) -> Vec<Resource> {
        let one = |kind: &str, ids: Vec<String>| {
            let ids = if ids.iter().any(|id| id == "*") { Vec::new() } else { ids };
            vec![Resource { ids, ..Resource::of(kind) }]
        };
        if text == "*" {
            return vec![Resource::of("*")];
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [_arn, _partition, service, _region, _account, rest] = parts.as_slice() else {
            self.unsupported(place, format!("`{}` is neither `*` nor an ARN", shown(text)));
            return Vec::new();
        };
        let Some(rest) = self.variables(place, rest) else {
            return Vec::new();
        };
        let (kind, id) = rest.split_once('/').unwrap_or((rest.as_str(), "*"));
        let whole = vec![id.to_owned()];
        match (*service, kind) {
            ("ssm" | "*", "*") => vec![Resource::of("*")],
            ("ssm", "document") => one("document", whole),
            // `parameter/app/x` is `/app/x`, and `parameter/x` is also `x`.
            ("ssm", "parameter") => one("parameter", vec![format!("/{id}"), id.to_owned()]),
            ("ssm", "managed-instance") | ("ec2", "instance") => {
                if id.starts_with("i-") && !id.contains(['*', '?']) {
                    self.note(place, format!("`{}` is no node of this hub: its nodes are `mi-…`", shown(id)));
                }
                one("node", whole)
            }
            ("ssm", "session") if id == format!("{USER_VARIABLE}-*") => vec![Resource {
                own: true,
                ..Resource::of("session")
            }],
            ("ssm", "session") => one("session", whole),
            ("ssm", "maintenancewindow") => one("window", whole),
            ("ssm", "patchbaseline") => one("baseline", whole),
            ("ssm", "association") => one("association", whole),
            ("ssm", "automation-execution") => one("automation", whole),
            ("ssm", "automation-definition") => one("document", vec![id.split(':').next().unwrap_or(id).to_owned()]),
            ("ssm", "opsitem") => one("ops-item", whole),
            _ => {
                self.unsupported(place, format!("`{}` is no kind of resource of this hub", shown(text)));
                Vec::new()
            }
        }
    }

    /// IAM's variables as ours.
    fn variables(&mut self, place: &str, text: &str) -> Option<String> {
        let ours = text
            .replace("${aws:username}", USER_VARIABLE)
            .replace("${aws:userid}", USER_VARIABLE);
        match crate::model::access::pattern::unknown_variable(&ours) {
            Some(unknown) => {
                self.unsupported(place, format!("the variable `{}` has no meaning here", shown(unknown)));
                None
            }
            None => Some(ours),
        }
    }

    fn conditions(&mut self, place: &str, conditions: &Json, found: &mut Conditions) {
        let Some(operators) = conditions.as_object() else {
            return self.unsupported(place, "is no JSON object");
        };
        for (operator, keys) in operators {
            let place = format!("{place}.{}", shown(operator));
            let Some(keys) = keys.as_object() else {
                self.unsupported(&place, "is no JSON object");
                continue;
            };
            for (key, values) in keys {
                self.condition(&format!("{place}.{}", shown(key)), operator, key, &texts(Some(values)), found);
            }
        }
    }

    fn condition(&mut self, place: &str, operator: &str, key: &str, values: &[String], found: &mut Conditions) {
        if key == "ssm:SessionDocumentAccessCheck" {
            if operator.starts_with("Bool") && values.iter().all(|v| v == "true") && !values.is_empty() {
                found.checks_document = true;
                return self.note(place, "is always so here: a session needs the right on its document");
            }
            return self.unsupported(place, "a session's document is always checked here");
        }
        let operator = match operator.strip_prefix("ForAnyValue:").unwrap_or(operator) {
            "StringEquals" => Operator::Equals,
            "StringLike" => Operator::Like,
            "StringNotEquals" | "StringNotEqualsIfExists" => Operator::NotEquals,
            "StringNotLike" | "StringNotLikeIfExists" => Operator::NotLike,
            other => {
                let words = format!(
                    "the operator `{}` is not known: use StringEquals, StringLike or their negations",
                    shown(other)
                );
                return self.unsupported(place, words);
            }
        };
        let Some(values) = values.iter().map(|v| self.variables(place, v)).collect::<Option<Vec<_>>>() else {
            return;
        };
        let lower = key.to_ascii_lowercase();
        let tag = ["ssm:resourcetag/", "aws:resourcetag/"]
            .into_iter()
            .find(|prefix| lower.starts_with(prefix))
            .map(|prefix| &key[prefix.len()..]);
        let ours = match (tag, lower.as_str()) {
            (Some("aws:ssmmessages:session-id"), _) if !operator.is_negated() => {
                if values.iter().all(|v| v.trim_end_matches(['*', '-']) == USER_VARIABLE) {
                    found.is_own = true;
                    return;
                }
                return self.unsupported(
                    place,
                    "sessions are told apart by their owner: only `${aws:username}` and `${aws:userid}` are known",
                );
            }
            (Some(tag), _) if !tag.starts_with("aws:") && !tag.is_empty() => format!("tag:{tag}"),
            (None, "aws:username" | "aws:userid") => "user".to_owned(),
            _ => {
                return self.unsupported(
                    place,
                    "there is no such condition key here: tags of the resource and the user's name are known",
                );
            }
        };
        if values.is_empty() {
            return self.unsupported(place, "has no value");
        }
        found.all.push(Condition {
            key: ours,
            operator,
            values,
        });
    }
}

/// Whether one of these patterns of actions is about the action; case does not count.
fn matches_action(patterns: &[String], action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    patterns
        .iter()
        .any(|pattern| Pattern::new(&pattern.to_ascii_lowercase(), "").matches(&action))
}

#[derive(Default)]
struct Conditions {
    all: Vec<Condition>,
    /// The sessions meant are the caller's own.
    is_own: bool,
    checks_document: bool,
}

/// One text or a list of them; booleans are text here.
fn texts(value: Option<&Json>) -> Vec<String> {
    let text = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(is) => Some(is.to_string()),
        _ => None,
    };
    match value {
        Some(Json::Array(all)) => all.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Somebody's text as it may stand in a message.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

#[cfg(test)]
#[path = "iam_tests.rs"]
mod tests;
