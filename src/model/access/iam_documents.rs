//! What a statement about nodes means for the documents that a session and a command take beside them.
//!
//! Upstream asks for no right on the document of a plain shell, this hub does; and a document does not carry the tags of nodes,
//! by which such statements are conditioned.

use crate::model::access::iam::{Import, matches_action};
use crate::model::access::{Condition, Effect, Resource, SHELL_DOCUMENT, Statement};

/// The actions that take a document beside the nodes.
const START_SESSION: &str = "ssm:StartSession";
const SEND_COMMAND: &str = "ssm:SendCommand";

impl Import<'_> {
    /// Adds a translated statement, or the parts into which it falls.
    pub(super) fn add(&mut self, place: &str, statement: Statement, checks_document: bool) {
        match statement.effect {
            Effect::Allow => self.look_at_grant(place, &statement, checks_document),
            Effect::Deny if untagged_are_meant(&statement) => return self.add_denial(place, statement),
            Effect::Deny => {}
        }
        self.done.policy.statements.push(statement);
    }

    /// A grant on nodes that carry a tag does not reach documents, which do not.
    fn look_at_grant(&mut self, place: &str, grant: &Statement, checks_document: bool) {
        let has = |kind: &str| grant.resources.iter().any(|resource| resource.kind == kind);
        let names_documents = has("document") || (has("*") && !asks_for_a_tag(&grant.conditions));
        let reaches_nodes = has("node") || has("*");
        let opens_plain_shell = covers(grant, START_SESSION) && !checks_document;
        if reaches_nodes && !names_documents && opens_plain_shell {
            self.opens_default_shell = true;
        }
        if !asks_for_a_tag(&grant.conditions) || !(has("*") || (has("node") && has("document"))) {
            return;
        }
        let needs_more = |action: &str| covers(grant, action) && !(action == START_SESSION && opens_plain_shell && !has("document"));
        let needing: Vec<String> = [START_SESSION, SEND_COMMAND]
            .into_iter()
            .filter(|action| needs_more(action))
            .map(|action| format!("`{action}`"))
            .collect();
        if !needing.is_empty() {
            let words = format!(
                "holds for documents, too: where they do not carry the tag, allow {} on them by a statement of its own",
                needing.join(" and ")
            );
            self.note(format!("{place}.Condition"), words);
        }
    }

    /// A denial of what does not carry a tag would meet every document, and with it every session, also on nodes that do.
    fn add_denial(&mut self, place: &str, mut denial: Statement) {
        let (sessions, others): (Vec<String>, Vec<String>) = std::mem::take(&mut denial.actions)
            .into_iter()
            .partition(|action| action.eq_ignore_ascii_case(START_SESSION));
        let place = format!("{place}.Condition");
        if !sessions.is_empty() {
            self.note(
                &place,
                format!("is asked of nodes alone where it denies `{START_SESSION}`: documents do not carry the tags of nodes"),
            );
            self.done.policy.statements.push(Statement {
                actions: sessions,
                resources: vec![Resource::of("node")],
                ..denial.clone()
            });
        }
        denial.actions = others;
        if denial.actions.is_empty() && denial.not_actions.is_empty() {
            return;
        }
        for action in [START_SESSION, SEND_COMMAND].into_iter().filter(|action| covers(&denial, action)) {
            let words = format!(
                "denies every `{action}` whose document does not carry the tag: to mean nodes alone, deny it by a statement of its own on `arn:aws:ec2:*:*:instance/*`"
            );
            self.note(&place, words);
        }
        self.done.policy.statements.push(denial);
    }

    /// What upstream gives to whoever may open a shell on a node.
    pub(super) fn add_shell_document(&mut self) {
        if !self.opens_default_shell {
            return;
        }
        let words =
            format!("a right on document `{SHELL_DOCUMENT}` was added: upstream asks for none when a shell is opened without a document");
        self.note("Statement", words);
        self.done.policy.statements.push(Statement {
            sid: Some("DefaultShellDocument".into()),
            effect: Effect::Allow,
            actions: vec![START_SESSION.into()],
            not_actions: Vec::new(),
            resources: vec![Resource {
                ids: vec![SHELL_DOCUMENT.into()],
                ..Resource::of("document")
            }],
            conditions: Vec::new(),
        });
    }
}

fn covers(statement: &Statement, action: &str) -> bool {
    match statement.not_actions.is_empty() {
        true => matches_action(&statement.actions, action),
        false => !matches_action(&statement.not_actions, action),
    }
}

/// Something must carry a tag.
fn asks_for_a_tag(conditions: &[Condition]) -> bool {
    conditions.iter().any(|c| c.tag().is_some() && !c.operator.is_negated())
}

/// Things without any tag meet the conditions, as documents do that stand beside the nodes.
fn untagged_are_meant(statement: &Statement) -> bool {
    let is_about_all = statement.resources.iter().any(|resource| resource.kind == "*");
    let has_tag = statement.conditions.iter().any(|c| c.tag().is_some());
    is_about_all && has_tag && !asks_for_a_tag(&statement.conditions)
}
