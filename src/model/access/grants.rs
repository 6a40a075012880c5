//! Policies compiled for one caller, and the decision over them.
//!
//! Commands and sessions carry no tags; they are judged by what they touch. A caller may act on one when a statement about
//! commands or sessions says so, or when the same action is allowed on every node of it; a statement that denies the action
//! on any of its nodes denies it on the whole. *Invariant*: a denial always wins, and a scope only ever takes away.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::access::kinds::{NODE, is_narrowed, named_id, named_kind, touches_nodes};
use crate::model::access::pattern::Pattern;
use crate::model::access::{Condition, Effect, Operator, Policy, PolicyError, Resource, Statement, TagSelector};

/// What narrows a user beyond their policies. An access key's own limits are `hub/auth/scope`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[schemars(rename = "NodeScope")]
pub struct Scope {
    /// Tags, all of which a node must carry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagSelector>,
    /// Groups, one of which a node must be in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Actions (wildcard patterns) beyond which nothing is allowed; none means no such limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
}

impl Scope {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// *Errors*: what no scope may say.
    pub fn check(&self) -> Result<(), PolicyError> {
        let everything = vec!["*".to_owned()];
        let statement = Statement {
            sid: None,
            effect: Effect::Allow,
            actions: if self.actions.is_empty() {
                everything
            } else {
                self.actions.clone()
            },
            not_actions: Vec::new(),
            resources: vec![self.nodes()],
            conditions: Vec::new(),
        };
        statement.check("Scope")
    }

    /// As a selector of nodes, so that the same rules check and compile it.
    pub fn nodes(&self) -> Resource {
        Resource {
            kind: NODE.into(),
            tags: self.tags.clone(),
            groups: self.groups.clone(),
            ..Resource::default()
        }
    }
}

/// What a decision must know of one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thing {
    pub kind: String,
    pub id: String,
    /// It belongs to the caller.
    pub own: bool,
    pub tags: BTreeMap<String, String>,
    /// Of the groups that the caller's policies name, those it is in.
    pub groups: BTreeSet<String>,
}

/// Where a statement comes from, for explanations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The policy's or role's name.
    pub policy: String,
    /// The statement's `Sid`, or its number.
    pub statement: String,
    /// `role operator`, `user`, `everybody`.
    pub via: String,
}

/// A statement, ready to be asked.
#[derive(Clone, Debug)]
pub struct Grant {
    pub origin: Origin,
    pub effect: Effect,
    actions: Vec<Pattern>,
    not_actions: Vec<Pattern>,
    pub selectors: Vec<Selector>,
}

/// A resource of a statement, compiled; everything in it must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// `None`: every kind.
    pub kind: Option<String>,
    /// One must match; none given means all ids.
    pub ids: Vec<Pattern>,
    pub tags: Vec<TagTest>,
    pub groups: Vec<String>,
    pub own: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagTest {
    pub key: String,
    /// None: the tag is there, whatever its value.
    pub values: Vec<Pattern>,
    pub negated: bool,
}

/// One narrowing, compiled.
#[derive(Clone, Debug)]
pub struct Layer {
    /// `None`: all nodes.
    pub nodes: Option<Selector>,
    actions: Vec<Pattern>,
}

/// Everything that one caller's policies say.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    pub statements: Vec<Grant>,
    pub layers: Vec<Layer>,
}

#[derive(Clone, Copy, Debug)]
pub enum Decision<'g> {
    Allowed(&'g Origin),
    /// This statement denies it.
    Denied(&'g Origin),
    /// No statement allows it.
    Unmentioned,
    /// A statement would allow it; the caller's scope does not.
    OutOfScope,
}

impl Decision<'_> {
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

/// What can be said before anything is known of a thing but its kind and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Early {
    Yes,
    No,
    Maybe,
}

impl Grants {
    /// Adds a policy's statements for a caller of this name.
    pub fn add(&mut self, policy: &Policy, name: &str, via: &str, user: &str) {
        for (at, statement) in policy.statements.iter().enumerate() {
            if !statement.conditions.iter().all(|c| holds_for_user(c, user)) {
                continue;
            }
            let tags: Vec<TagTest> = statement.conditions.iter().filter_map(|c| tag_condition(c, user)).collect();
            let selectors = statement.resources.iter().map(|resource| {
                let mut selector = Selector::new(resource, user);
                selector.tags.extend(tags.iter().cloned());
                selector
            });
            self.statements.push(Grant {
                origin: Origin {
                    policy: name.to_owned(),
                    statement: statement.sid.clone().unwrap_or_else(|| format!("#{}", at + 1)),
                    via: via.to_owned(),
                },
                effect: statement.effect,
                actions: actions(&statement.actions),
                not_actions: actions(&statement.not_actions),
                selectors: selectors.collect(),
            });
        }
    }

    pub fn narrow(&mut self, scope: &Scope, user: &str) {
        if scope.is_empty() {
            return;
        }
        let has_nodes = !scope.tags.is_empty() || !scope.groups.is_empty();
        self.layers.push(Layer {
            nodes: has_nodes.then(|| Selector::new(&scope.nodes(), user)),
            actions: actions(&scope.actions),
        });
    }

    /// Groups that a decision may have to know about.
    pub fn groups(&self) -> BTreeSet<&str> {
        let statements = self.statements.iter().flat_map(|s| &s.selectors);
        let layers = self.layers.iter().filter_map(|l| l.nodes.as_ref());
        statements.chain(layers).flat_map(|s| s.groups.iter().map(String::as_str)).collect()
    }

    /// Statements of one effect about an action.
    pub fn about<'g>(&'g self, effect: Effect, action: &str) -> impl Iterator<Item = &'g Grant> {
        let action = action.to_ascii_lowercase();
        self.statements.iter().filter(move |s| s.effect == effect && s.is_about(&action))
    }

    /// Whether the layers leave this action at all.
    pub fn layers_leave(&self, action: &str) -> bool {
        if self.layers.is_empty() {
            return true;
        }
        let lower = action.to_ascii_lowercase();
        let leaves = |layer: &Layer| layer.actions.is_empty() || layer.actions.iter().any(|a| a.matches(&lower));
        self.layers.iter().all(leaves)
    }

    /// The decision about a thing that touches no nodes but itself.
    pub fn decide(&self, action: &str, thing: &Thing) -> Decision<'_> {
        let nobody = std::iter::empty::<Result<Thing, std::convert::Infallible>>();
        match self.decide_over(action, thing, nobody) {
            Ok(decision) => decision,
            Err(never) => match never {},
        }
    }

    /// The decision about a thing and the nodes it touches, of which no more are read than needed.
    ///
    /// *Errors*: those of reading the nodes.
    pub fn decide_over<E>(
        &self,
        action: &str,
        thing: &Thing,
        nodes: impl IntoIterator<Item = Result<Thing, E>>,
    ) -> Result<Decision<'_>, E> {
        if let Some(origin) = self.find(Effect::Deny, action, thing) {
            return Ok(Decision::Denied(origin));
        }
        let direct = self.find(Effect::Allow, action, thing);
        if !self.layers_leave(action) {
            return Ok(direct.map_or(Decision::Unmentioned, |_| Decision::OutOfScope));
        }
        if !touches_nodes(&thing.kind) {
            return Ok(match direct {
                Some(_) if is_narrowed(&thing.kind) && !self.in_scope(thing) => Decision::OutOfScope,
                Some(origin) => Decision::Allowed(origin),
                None => Decision::Unmentioned,
            });
        }
        self.decide_by_nodes(action, thing, direct, nodes)
    }

    fn decide_by_nodes<'g, E>(
        &'g self,
        action: &str,
        thing: &Thing,
        direct: Option<&'g Origin>,
        nodes: impl IntoIterator<Item = Result<Thing, E>>,
    ) -> Result<Decision<'g>, E> {
        let may_be_denied = self.about(Effect::Deny, action).any(|g| g.selectors.iter().any(|s| s.is_of(NODE)));
        let (mut by_nodes, mut is_in_scope) = (None, thing.own || !self.has_node_scope());
        let (mut allowed, mut inside, mut count) = (true, true, 0);
        for node in nodes {
            if direct.is_some() && is_in_scope && !may_be_denied {
                break;
            }
            let node = node?;
            count += 1;
            if let Some(origin) = self.find(Effect::Deny, action, &node) {
                return Ok(Decision::Denied(origin));
            }
            let found = self.find(Effect::Allow, action, &node);
            inside = inside && self.in_scope(&node);
            allowed = allowed && found.is_some();
            by_nodes = found.or(by_nodes);
            if !may_be_denied && !allowed && (direct.is_none() || !inside) {
                break;
            }
        }
        is_in_scope = is_in_scope || (count > 0 && inside);
        let by_nodes = by_nodes.filter(|_| allowed && count > 0 && inside);
        Ok(match (direct.filter(|_| is_in_scope).or(by_nodes), direct) {
            (Some(origin), _) => Decision::Allowed(origin),
            (None, Some(_)) => Decision::OutOfScope,
            (None, None) => Decision::Unmentioned,
        })
    }

    /// The decision when kind and id alone settle it; otherwise tags, groups, owner or nodes must be read first.
    pub fn decide_early(&self, action: &str, kind: &str, id: &str) -> Option<Decision<'_>> {
        let is_shared = touches_nodes(kind);
        let mut is_open = false;
        for grant in self.about(Effect::Deny, action) {
            match grant.early(kind, id) {
                Early::Yes => return Some(Decision::Denied(&grant.origin)),
                Early::Maybe => is_open = true,
                Early::No => is_open |= is_shared && grant.selectors.iter().any(|s| s.is_of(NODE)),
            }
        }
        if is_open || (self.has_node_scope() && (is_shared || is_narrowed(kind))) {
            return None;
        }
        let mut allowed = None;
        for grant in self.about(Effect::Allow, action) {
            match grant.early(kind, id) {
                Early::Yes => allowed = Some(&grant.origin),
                Early::Maybe => is_open = true,
                Early::No => is_open |= is_shared && grant.selectors.iter().any(|s| s.is_of(NODE)),
            }
        }
        let is_left = self.layers_leave(action);
        match allowed {
            Some(origin) if is_left => Some(Decision::Allowed(origin)),
            Some(_) => Some(Decision::OutOfScope),
            None if is_open && is_left => None,
            None => Some(Decision::Unmentioned),
        }
    }

    /// Whether the action may be allowed on anything (of a kind): who may not call at all learns nothing from a list.
    pub fn may_ever(&self, action: &str, kind: Option<&str>) -> bool {
        let applies = |s: &Selector| match kind {
            Some(kind) => s.is_of(named_kind(kind)) || (touches_nodes(kind) && s.is_of(NODE)),
            None => true,
        };
        let denies_all = |s: &Selector| s.is_everything() && (s.kind.is_none() || kind.is_some_and(|k| s.is_of(named_kind(k))));
        let is_denied = self.about(Effect::Deny, action).any(|g| g.selectors.iter().any(denies_all));
        let is_allowed = self.about(Effect::Allow, action).any(|g| g.selectors.iter().any(applies));
        is_allowed && !is_denied && self.layers_leave(action)
    }

    /// Whether a tag or a group, which changes without a change of rights, decides about anything.
    pub fn go_by_labels(&self) -> bool {
        let statements = self.statements.iter().flat_map(|s| &s.selectors);
        let layers = self.layers.iter().filter_map(|l| l.nodes.as_ref());
        statements.chain(layers).any(|s| !s.tags.is_empty() || !s.groups.is_empty())
    }

    /// A statement that denies what a caller does to their own account, whichever of these kinds it names.
    pub fn denied_own(&self, action: &str, kinds: &[&str], user: &str) -> Option<&Origin> {
        kinds.iter().find_map(|kind| {
            let thing = Thing {
                kind: (*kind).to_owned(),
                id: if *kind == "user" { user.to_owned() } else { String::new() },
                own: true,
                ..Thing::default()
            };
            self.find(Effect::Deny, action, &thing)
        })
    }

    pub fn has_node_scope(&self) -> bool {
        self.layers.iter().any(|l| l.nodes.is_some())
    }

    /// Whether every narrowing leaves this node, or what brings nodes: that is narrowed by its own tags.
    pub fn in_scope(&self, thing: &Thing) -> bool {
        let as_node = Thing {
            kind: NODE.to_owned(),
            ..thing.clone()
        };
        self.layers.iter().filter_map(|l| l.nodes.as_ref()).all(|s| s.matches(&as_node))
    }

    pub(super) fn find(&self, effect: Effect, action: &str, thing: &Thing) -> Option<&Origin> {
        self.about(effect, action)
            .find(|g| g.selectors.iter().any(|s| s.matches(thing)))
            .map(|g| &g.origin)
    }
}

impl Grant {
    /// `action` in lower case: actions are the one place where case does not count.
    pub(super) fn is_about(&self, action: &str) -> bool {
        let named = |patterns: &[Pattern]| patterns.iter().any(|p| p.matches(action));
        if self.not_actions.is_empty() {
            return named(&self.actions);
        }
        !named(&self.not_actions)
    }

    fn early(&self, kind: &str, id: &str) -> Early {
        let all = self.selectors.iter().map(|s| s.early(kind, id));
        all.fold(Early::No, |sum, one| match (sum, one) {
            (Early::Yes, _) | (_, Early::Yes) => Early::Yes,
            (Early::Maybe, _) | (_, Early::Maybe) => Early::Maybe,
            _ => Early::No,
        })
    }
}

impl Selector {
    pub fn new(resource: &Resource, user: &str) -> Self {
        let ids: Vec<Pattern> = resource.ids.iter().map(|id| Pattern::new(id, user)).collect();
        let takes_all = ids.iter().any(Pattern::is_everything);
        Self {
            kind: (resource.kind != "*").then(|| resource.kind.clone()),
            ids: if takes_all { Vec::new() } else { ids },
            tags: resource
                .tags
                .iter()
                .map(|tag| TagTest {
                    key: tag.key.clone(),
                    values: tag.values.iter().map(|v| Pattern::new(v, user)).collect(),
                    negated: false,
                })
                .collect(),
            groups: resource.groups.clone(),
            own: resource.own,
        }
    }

    pub fn is_of(&self, kind: &str) -> bool {
        self.kind.as_deref().is_none_or(|own| own == kind)
    }

    fn is_everything(&self) -> bool {
        self.ids.is_empty() && self.is_settled_by_id()
    }

    fn is_settled_by_id(&self) -> bool {
        self.tags.is_empty() && self.groups.is_empty() && !self.own
    }

    fn names(&self, id: &str) -> bool {
        self.ids.is_empty() || self.ids.iter().any(|p| p.matches(id))
    }

    fn early(&self, kind: &str, id: &str) -> Early {
        if !self.is_of(named_kind(kind)) || !self.names(named_id(kind, id)) {
            return Early::No;
        }
        if self.is_settled_by_id() { Early::Yes } else { Early::Maybe }
    }

    pub fn matches(&self, thing: &Thing) -> bool {
        self.is_of(named_kind(&thing.kind))
            && self.names(named_id(&thing.kind, &thing.id))
            && (!self.own || thing.own)
            && (self.groups.is_empty() || self.groups.iter().any(|g| thing.groups.contains(g)))
            && self.tags.iter().all(|test| test.matches(&thing.tags))
    }
}

impl TagTest {
    fn matches(&self, tags: &BTreeMap<String, String>) -> bool {
        let has = tags
            .get(&self.key)
            .is_some_and(|value| self.values.is_empty() || self.values.iter().any(|p| p.matches(value)));
        has != self.negated
    }
}

fn actions(texts: &[String]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::new(&text.to_ascii_lowercase(), "")).collect()
}

fn values(condition: &Condition, user: &str) -> Vec<Pattern> {
    let compile = |text: &String| match condition.operator.is_like() {
        true => Pattern::new(text, user),
        false => Pattern::exactly(text, user),
    };
    condition.values.iter().map(compile).collect()
}

/// Conditions about the caller are settled when the policy is compiled for them.
fn holds_for_user(condition: &Condition, user: &str) -> bool {
    if condition.key != "user" {
        return true;
    }
    let is_one = values(condition, user).iter().any(|p| p.matches(user));
    is_one != condition.operator.is_negated()
}

fn tag_condition(condition: &Condition, user: &str) -> Option<TagTest> {
    let key = condition.tag()?;
    Some(TagTest {
        key: key.to_owned(),
        values: values(condition, user),
        negated: matches!(condition.operator, Operator::NotEquals | Operator::NotLike),
    })
}

#[cfg(test)]
#[path = "grants_tests.rs"]
mod tests;
