//! Parts of a policy that are without effect: words that there are not, and selectors that nothing can match.
//!
//! Somebody would take them for a rule: a denial on documents in a group of nodes denies nothing. *Invariant*: what is stored is
//! never judged again; a policy goes on to mean what it meant, and is shown with what is idle in it.

use crate::model::access::kinds::{HERE, NODE, carries_tags, has_owner, touches_nodes};
use crate::model::access::words::{self, Word, Words};
use crate::model::access::{Policy, PolicyError, Resource, Statement};

/// A part of a policy that changes nothing on this hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idle {
    pub error: PolicyError,
    /// It would mean something to upstream.
    pub is_upstreams: bool,
}

impl Words {
    /// What of a policy is without effect here, in the order in which it is written.
    pub fn idle<'p>(&'p self, policy: &'p Policy) -> impl Iterator<Item = Idle> + 'p {
        policy.statements.iter().enumerate().flat_map(move |(at, statement)| {
            let actions = named_actions(statement, at).filter_map(|(place, action)| Idle::of(place, self.action(action)));
            let resources = statement.resources.iter().enumerate();
            let resources = resources.flat_map(move |(nth, resource)| idle_members(resource, format!("Statements[{at}].Resources[{nth}]")));
            actions.chain(resources).chain(idle_conditions(statement, at))
        })
    }
}

impl Idle {
    fn of(place: String, word: Word) -> Option<Self> {
        let (problem, is_upstreams) = match word {
            Word::Here => return None,
            Word::Upstreams(problem) => (problem, true),
            Word::Nobodys(problem) => (problem, false),
        };
        Some(Self {
            error: PolicyError { place, problem },
            is_upstreams,
        })
    }

    fn unmatched(place: String, problem: String) -> Self {
        Self {
            error: PolicyError { place, problem },
            is_upstreams: false,
        }
    }
}

/// A resource's kind when there is none such, and its selectors that nothing of the kind can match.
fn idle_members(resource: &Resource, place: String) -> Vec<Idle> {
    let kind = resource.kind.as_str();
    if kind == "*" {
        return Vec::new();
    }
    if !HERE.contains(&kind) {
        return Idle::of(format!("{place}.Kind"), words::kind(kind)).into_iter().collect();
    }
    let instead = match touches_nodes(kind) {
        true => format!("name the kind `node`: a {kind} is judged by its nodes, too"),
        false => "select by `Ids`".to_owned(),
    };
    let mut idle = Vec::new();
    if !resource.tags.is_empty() && !carries_tags(kind) {
        let problem = format!("nothing of kind `{kind}` carries tags, so that this matches nothing; {instead}");
        idle.push(Idle::unmatched(format!("{place}.Tags"), problem));
    }
    if !resource.groups.is_empty() && kind != NODE {
        let instead = match carries_tags(kind) {
            true => "select by `Ids` or `Tags`",
            false => instead.as_str(),
        };
        let problem = format!("only nodes are in groups, so that this matches nothing of kind `{kind}`; {instead}");
        idle.push(Idle::unmatched(format!("{place}.Groups"), problem));
    }
    if resource.own && !has_owner(kind) {
        let owned: Vec<&str> = HERE.into_iter().filter(|kind| has_owner(kind)).collect();
        let problem = format!(
            "nothing of kind `{kind}` is anybody's own, so that this matches nothing; `Own` is for {}",
            owned.join(", ")
        );
        idle.push(Idle::unmatched(format!("{place}.Own"), problem));
    }
    idle
}

/// Conditions on a tag that has to be there, where nothing that the statement names carries any.
fn idle_conditions(statement: &Statement, at: usize) -> impl Iterator<Item = Idle> + '_ {
    let is_untagged = |resource: &Resource| HERE.contains(&resource.kind.as_str()) && !carries_tags(&resource.kind);
    let is_never = statement.resources.iter().all(is_untagged);
    let conditions = statement.conditions.iter().enumerate().filter(move |_| is_never);
    conditions
        .filter(|(_, condition)| condition.tag().is_some() && !condition.operator.is_negated())
        .map(move |(nth, condition)| {
            let problem = format!(
                "none of these kinds carries tags, so that `{}` is never there: name a kind that does, such as `node`",
                condition.key
            );
            Idle::unmatched(format!("Statements[{at}].Conditions[{nth}]"), problem)
        })
}

fn named_actions(statement: &Statement, at: usize) -> impl Iterator<Item = (String, &String)> {
    let places = move |list: &'static str| move |nth: usize| format!("Statements[{at}].{list}[{nth}]");
    let (these, others) = (places("Actions"), places("NotActions"));
    let these = statement.actions.iter().enumerate().map(move |(nth, action)| (these(nth), action));
    let others = statement
        .not_actions
        .iter()
        .enumerate()
        .map(move |(nth, action)| (others(nth), action));
    these.chain(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words::new(["ssm:SendCommand", "ssm:StartSession"].map(str::to_owned))
    }

    fn idle(statements: serde_json::Value) -> Vec<Idle> {
        let policy: Policy = serde_json::from_value(serde_json::json!({ "Statements": statements })).unwrap();
        words().idle(&policy).collect()
    }

    #[test]
    fn everything_idle_in_a_policy_is_found_with_its_place() {
        let found = idle(serde_json::json!([
            {"Effect": "Allow", "Actions": ["ssm:SendCommand", "foo:Bar"], "Resources": [{"Kind": "*"}, {"Kind": "nodez"}]},
            {"Effect": "Deny", "NotActions": ["ssm:Nope", "ssm:CreateAssociation"], "Resources": [{"Kind": "window"}]}]));
        let found: Vec<(String, bool)> = found.into_iter().map(|idle| (idle.error.place, idle.is_upstreams)).collect();
        let expected = [
            ("Statements[0].Actions[1]", false),
            ("Statements[0].Resources[1].Kind", false),
            ("Statements[1].NotActions[0]", false),
            ("Statements[1].NotActions[1]", true),
            ("Statements[1].Resources[0].Kind", true),
        ];
        assert_eq!(found, expected.map(|(place, is)| (place.to_owned(), is)));
    }

    #[test]
    fn a_selector_that_nothing_can_match_is_named_with_what_would_be_right() {
        let tags = serde_json::json!([{"Key": "env"}]);
        let found = idle(serde_json::json!([{"Effect": "Deny", "Actions": ["*"], "Resources": [
            {"Kind": "document", "Groups": ["vault"]},
            {"Kind": "command", "Groups": ["vault"], "Tags": tags},
            {"Kind": "node", "Own": true},
            {"Kind": "limits", "Tags": tags}]}]));
        let owned = "access-key, command, hub, login-session, session, user";
        assert_eq!(
            found.iter().map(|idle| idle.error.to_string()).collect::<Vec<_>>(),
            [
                "Statements[0].Resources[0].Groups: only nodes are in groups, so that this matches nothing of kind `document`; select by `Ids` or `Tags`".to_owned(),
                "Statements[0].Resources[1].Tags: nothing of kind `command` carries tags, so that this matches nothing; name the kind `node`: a command is judged by its nodes, too".to_owned(),
                "Statements[0].Resources[1].Groups: only nodes are in groups, so that this matches nothing of kind `command`; name the kind `node`: a command is judged by its nodes, too".to_owned(),
                format!("Statements[0].Resources[2].Own: nothing of kind `node` is anybody's own, so that this matches nothing; `Own` is for {owned}"),
                "Statements[0].Resources[3].Tags: nothing of kind `limits` carries tags, so that this matches nothing; select by `Ids`".to_owned(),
            ]
        );
        let fine = idle(serde_json::json!([{"Effect": "Deny", "Actions": ["*"], "Resources": [
            {"Kind": "*", "Groups": ["vault"], "Own": true, "Tags": tags}, {"Kind": "node", "Groups": ["vault"], "Tags": tags},
            {"Kind": "session", "Own": true}, {"Kind": "parameter", "Tags": tags}]}]));
        assert_eq!(fine, []);
    }

    #[test]
    fn a_tag_that_nothing_named_can_carry_is_no_condition() {
        let on = |kinds: &[&str], operator: &str| {
            let resources: Vec<Resource> = kinds.iter().map(|kind| Resource::of(kind)).collect();
            idle(serde_json::json!([{"Effect": "Deny", "Actions": ["*"], "Resources": resources,
                "Conditions": [{"Key": "user", "Operator": "Equals", "Values": ["ann"]},
                    {"Key": "tag:env", "Operator": operator, "Values": ["prod"]}]}]))
        };
        let found = on(&["command", "session"], "Equals");
        assert_eq!(found[0].error.place, "Statements[0].Conditions[1]");
        assert_eq!(
            (found.len(), on(&["command"], "NotLike"), on(&["command", "node"], "Like")),
            (1, vec![], vec![])
        );
    }
}
