//! Who may do what: the language of policies, and the pure decision over it.
//!
//! ```text
//! policy    = statements
//! statement = Allow | Deny · actions (`ssm:Get*`) · resources (kind and selectors) · conditions
//! decision  = no statement that denies matches, and at least one that allows does
//! ```
//!
//! The vocabulary is closed on purpose: whatever a policy can say about a row can be said in SQL too, so that a list shows
//! exactly the rows on which a point decision would say yes (`hub/auth/visible`; a property test holds the two equal).
//!
//! * [`Policy`] as it is written and stored · [`grants`] compiled for one caller, and the decision · [`widening`] by a change of
//!   labels · [`kinds`] of things ·
//!   [`pattern`] wildcards ·
//!   [`words`] that there are ([`upstream`]'s too), and [`idle`] parts of a policy · [`roles`] the built-in roles · [`iam`] import of IAM policies · [`cedar`] export as Cedar text.

pub mod cedar;
pub mod grants;
pub mod iam;
pub mod idle;
pub mod kinds;
pub mod pattern;
pub mod roles;
pub mod upstream;
pub mod widening;
pub mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use grants::{Decision, Grants, Scope, Thing};
pub use words::{Word, Words};

/// Bounds of one policy, so that compiling it costs little whoever wrote it.
pub const MAX_STATEMENTS: usize = 100;
const MAX_ENTRIES: usize = 200;
const MAX_TEXT: usize = 1024;

/// The document of a plain shell.
pub const SHELL_DOCUMENT: &str = "SSM-SessionManagerRunShell";

/// The variable that stands for the caller's own name in ids and values.
pub const USER_VARIABLE: &str = "${user}";

/// A policy as it is written and stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[schemars(rename = "PolicyDocument")]
pub struct Policy {
    pub statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[schemars(rename = "PolicyStatement")]
pub struct Statement {
    /// A name of the author's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    pub effect: Effect,
    /// Wildcard patterns such as `ssm:Get*`; either these or `NotActions`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// Every action but these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_actions: Vec<String>,
    pub resources: Vec<Resource>,
    /// All must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Effect {
    Allow,
    Deny,
}

/// Things of one kind; every selector that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[schemars(rename = "PolicyResource")]
pub struct Resource {
    /// `node`, `document`, `parameter` … or `*` for all of them.
    pub kind: String,
    /// Wildcard patterns of ids or names, one of which must match: `mi-*`, `/app/*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Tags, all of which it must carry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagSelector>,
    /// Groups of nodes, one of which it must be in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Only what belongs to the caller: their commands, sessions, keys.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
}

/// A tag by key and, when values are given, one of these (wildcard patterns).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TagSelector {
    pub key: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// What must hold beyond the resource itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[schemars(rename = "PolicyCondition")]
pub struct Condition {
    /// `tag:KEY` (a tag of the resource) or `user` (the caller's name).
    pub key: String,
    pub operator: Operator,
    pub values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PolicyOperator")]
pub enum Operator {
    Equals,
    /// Also when the tag is absent, as IAM has it.
    NotEquals,
    Like,
    NotLike,
}

impl Operator {
    pub fn is_negated(self) -> bool {
        matches!(self, Self::NotEquals | Self::NotLike)
    }

    pub fn is_like(self) -> bool {
        matches!(self, Self::Like | Self::NotLike)
    }
}

/// What is wrong with a policy, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct PolicyError {
    pub place: String,
    pub problem: String,
}

impl PolicyError {
    pub fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            problem: problem.into(),
        }
    }
}

impl Policy {
    /// *Errors*: the first thing that no policy may say, with its place.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.statements.is_empty() || self.statements.len() > MAX_STATEMENTS {
            return Err(PolicyError::new(
                "Statements",
                format!("a policy has 1 to {MAX_STATEMENTS} statements"),
            ));
        }
        self.statements
            .iter()
            .enumerate()
            .try_for_each(|(at, statement)| statement.check(&format!("Statements[{at}]")))
    }
}

impl Statement {
    fn check(&self, place: &str) -> Result<(), PolicyError> {
        if self.actions.is_empty() == self.not_actions.is_empty() {
            return Err(PolicyError::new(place, "give either `Actions` or `NotActions`"));
        }
        if self.resources.is_empty() {
            return Err(PolicyError::new(place, "give `Resources`; `[{\"Kind\": \"*\"}]` means all"));
        }
        let counts = [
            self.actions.len(),
            self.not_actions.len(),
            self.resources.len(),
            self.conditions.len(),
        ];
        if counts.into_iter().any(|n| n > MAX_ENTRIES) {
            return Err(PolicyError::new(place, format!("no list may have more than {MAX_ENTRIES} entries")));
        }
        for (list, actions) in [("Actions", &self.actions), ("NotActions", &self.not_actions)] {
            for (at, action) in actions.iter().enumerate() {
                check_action(action).map_err(|problem| PolicyError::new(format!("{place}.{list}[{at}]"), problem))?;
            }
        }
        for (at, resource) in self.resources.iter().enumerate() {
            resource.check(&format!("{place}.Resources[{at}]"))?;
        }
        for (at, condition) in self.conditions.iter().enumerate() {
            condition.check(&format!("{place}.Conditions[{at}]"))?;
        }
        Ok(())
    }
}

/// `*`, `service:pattern`.
fn check_action(action: &str) -> Result<(), String> {
    let is_word = |text: &str| {
        !text.is_empty()
            && text.len() <= 128
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'?' | b'-' | b'_'))
    };
    let is_fine = action == "*"
        || action
            .split_once(':')
            .is_some_and(|(service, name)| is_word(service) && is_word(name));
    if is_fine {
        return Ok(());
    }
    let shown: String = action.chars().take(80).collect();
    Err(format!("`{shown}` is no action: write `ssm:SendCommand`, `ssm:Get*` or `*`"))
}

impl Resource {
    pub fn of(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            ..Self::default()
        }
    }

    fn check(&self, place: &str) -> Result<(), PolicyError> {
        let is_kind = self.kind == "*"
            || (1..=64).contains(&self.kind.len()) && self.kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_kind {
            return Err(PolicyError::new(
                format!("{place}.Kind"),
                "a kind is a lower-case word such as `node`, or `*`",
            ));
        }
        let texts = self.ids.iter().chain(&self.groups);
        check_texts(texts, &format!("{place}.Ids"), self.ids.len() + self.groups.len())?;
        for tag in &self.tags {
            if tag.key.is_empty() {
                return Err(PolicyError::new(format!("{place}.Tags"), "a tag selector has a `Key`"));
            }
            check_texts(
                tag.values.iter().chain([&tag.key]),
                &format!("{place}.Tags"),
                self.tags.len() + tag.values.len(),
            )?;
        }
        Ok(())
    }
}

fn check_texts<'t>(texts: impl Iterator<Item = &'t String>, place: &str, count: usize) -> Result<(), PolicyError> {
    if count > MAX_ENTRIES {
        return Err(PolicyError::new(place, format!("no list may have more than {MAX_ENTRIES} entries")));
    }
    for text in texts {
        if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(PolicyError::new(
                place,
                format!("a text has at most {MAX_TEXT} bytes and no control characters"),
            ));
        }
        if let Some(unknown) = pattern::unknown_variable(text) {
            return Err(PolicyError::new(
                place,
                format!("`{unknown}` is no variable: there is only `{USER_VARIABLE}`"),
            ));
        }
    }
    Ok(())
}

impl Condition {
    /// The tag of the resource that it compares; `None` for one about the caller.
    pub fn tag(&self) -> Option<&str> {
        self.key.strip_prefix("tag:")
    }

    fn check(&self, place: &str) -> Result<(), PolicyError> {
        let is_key = self.key == "user" || self.tag().is_some_and(|tag| !tag.is_empty());
        if !is_key {
            let shown: String = self.key.chars().take(80).collect();
            return Err(PolicyError::new(
                format!("{place}.Key"),
                format!("`{shown}` is no condition key: use `tag:KEY` or `user`"),
            ));
        }
        if self.values.is_empty() {
            return Err(PolicyError::new(format!("{place}.Values"), "give at least one value"));
        }
        check_texts(self.values.iter(), &format!("{place}.Values"), self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: serde_json::Value) -> Policy {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_wrong_policy_is_refused_with_its_place() {
        let wrong = |statement: serde_json::Value| parse(serde_json::json!({"Statements": [statement]})).check().unwrap_err().place;
        assert_eq!(
            wrong(serde_json::json!({"Effect": "Allow", "Resources": [{"Kind": "*"}]})),
            "Statements[0]"
        );
        assert_eq!(
            wrong(serde_json::json!({"Effect": "Allow", "Actions": ["run it"], "Resources": [{"Kind": "*"}]})),
            "Statements[0].Actions[0]"
        );
        assert_eq!(
            wrong(serde_json::json!({"Effect": "Allow", "Actions": ["*"], "Resources": [{"Kind": "Node"}]})),
            "Statements[0].Resources[0].Kind"
        );
        assert_eq!(
            wrong(serde_json::json!({"Effect": "Allow", "Actions": ["*"], "Resources": [{"Kind": "node", "Ids": ["${x}"]}]})),
            "Statements[0].Resources[0].Ids"
        );
        assert_eq!(
            wrong(serde_json::json!({"Effect": "Deny", "Actions": ["*"], "Resources": [{"Kind": "*"}],
                "Conditions": [{"Key": "moon", "Operator": "Equals", "Values": ["full"]}]})),
            "Statements[0].Conditions[0].Key"
        );
        assert!(Policy::default().check().is_err());
    }

    #[test]
    fn every_built_in_role_is_a_policy_that_may_be_written() {
        for role in roles::BUILT_IN {
            roles::policy(role).unwrap().check().unwrap_or_else(|e| panic!("{role}: {e}"));
        }
        roles::everybody().check().unwrap();
    }
}
