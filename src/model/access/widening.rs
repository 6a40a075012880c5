//! Whether new labels of a thing give a caller more of it: whoever may change tags must not take by that what was denied them.

use crate::model::access::Effect;
use crate::model::access::grants::{Grant, Grants, Thing};

impl Grants {
    /// The first of these actions that the caller may do to the thing as it is after a change and may not as it was before: a
    /// statement allows it only now, or one that denied it does so no longer.
    ///
    /// A denial that falls away counts wherever something allows the action at all: one about a node also denies what is done
    /// to the node's commands and sessions, which statements about those may allow.
    pub fn widened<'a>(&self, before: &Thing, after: &Thing, mut actions: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let is_moved = |grant: &&Grant| covers(grant, before) != covers(grant, after);
        let moved: Vec<&Grant> = self.statements.iter().filter(is_moved).collect();
        if moved.is_empty() {
            return None;
        }
        actions.find(|action| {
            let lower = action.to_ascii_lowercase();
            moved.iter().any(|grant| grant.is_about(&lower)) && self.may_ever(action, None) && self.is_wider(action, before, after)
        })
    }

    fn is_wider(&self, action: &str, before: &Thing, after: &Thing) -> bool {
        let has = |effect, thing| self.find(effect, action, thing).is_some();
        match (has(Effect::Deny, before), has(Effect::Deny, after)) {
            (_, true) => false,
            (true, false) => true,
            (false, false) => has(Effect::Allow, after) && !has(Effect::Allow, before),
        }
    }
}

fn covers(grant: &Grant, thing: &Thing) -> bool {
    grant.selectors.iter().any(|selector| selector.matches(thing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::access::Policy;
    use serde_json::{Value, json};

    const ACTIONS: [&str; 3] = ["ssm:SendCommand", "ssm:CancelCommand", "tag:UntagResources"];

    /// The action that a change of a node's tags, written as `KEY=VALUE`, would give.
    fn widened(statements: Value, before: &[&str], after: &[&str]) -> Option<&'static str> {
        let policy: Policy = serde_json::from_value(json!({ "Statements": statements })).unwrap();
        let mut grants = Grants::default();
        grants.add(&policy, "p", "user", "ann");
        let node = |tags: &[&str]| Thing {
            kind: "node".into(),
            id: "mi-1".into(),
            tags: tags
                .iter()
                .filter_map(|tag| tag.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            ..Thing::default()
        };
        grants.widened(&node(before), &node(after), ACTIONS.into_iter())
    }

    fn says(effect: &str, actions: &[&str], resource: Value) -> Value {
        json!({"Effect": effect, "Actions": actions, "Resources": [resource]})
    }

    fn tagged(key: &str, value: &str) -> Value {
        json!({"Kind": "node", "Tags": [{"Key": key, "Values": [value]}]})
    }

    #[test]
    fn a_denial_that_falls_away_widens_and_one_that_is_added_does_not() {
        let all = says("Allow", &["*"], json!({"Kind": "*"}));
        let hands_off = says("Deny", &["ssm:*"], tagged("vault", "1"));
        let statements = json!([all, hands_off]);
        assert_eq!(widened(statements.clone(), &["vault=1"], &[]), Some("ssm:SendCommand"));
        assert_eq!(widened(statements.clone(), &["vault=1"], &["vault=2"]), Some("ssm:SendCommand"));
        assert_eq!(widened(statements.clone(), &[], &["vault=1"]), None);
        assert_eq!(widened(statements, &["vault=1"], &["vault=1", "env=dev"]), None);
        let nothing = says("Allow", &["tag:*"], json!({"Kind": "node"}));
        let hands_off = says("Deny", &["ssm:*"], tagged("vault", "1"));
        assert_eq!(widened(json!([nothing, hands_off]), &["vault=1"], &[]), None, "nothing allows it");
    }

    #[test]
    fn a_denial_about_a_node_also_keeps_its_commands() {
        let own = says("Allow", &["ssm:CancelCommand"], json!({"Kind": "command", "Own": true}));
        let hands_off = says("Deny", &["ssm:*"], tagged("vault", "1"));
        assert_eq!(widened(json!([own, hands_off]), &["vault=1"], &[]), Some("ssm:CancelCommand"));
    }

    #[test]
    fn a_permission_that_a_tag_gives_widens_unless_it_was_there() {
        let on_dev = says("Allow", &["ssm:SendCommand"], tagged("env", "dev"));
        assert_eq!(widened(json!([on_dev]), &["env=prod"], &["env=dev"]), Some("ssm:SendCommand"));
        assert_eq!(widened(json!([on_dev]), &["env=dev"], &["env=prod"]), None);
        let on_all = says("Allow", &["ssm:*"], json!({"Kind": "node"}));
        assert_eq!(widened(json!([on_dev, on_all]), &["env=prod"], &["env=dev"]), None);
        let denied = says("Deny", &["ssm:SendCommand"], json!({"Kind": "node", "Ids": ["mi-1"]}));
        assert_eq!(widened(json!([on_dev, denied]), &["env=prod"], &["env=dev"]), None);
    }
}
