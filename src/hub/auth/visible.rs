//! A caller's rights as SQL: exactly the rows on which the point decision would say yes (held by a property test).

use crate::hub::auth::facts::tag_kind;
use crate::hub::auth::rights::Rights;
use crate::hub::labels::groups;
use crate::hub::store::{Condition, Value};
use crate::model::access::Effect;
use crate::model::access::grants::{Selector, TagTest};
use crate::model::access::kinds::{NODE, is_narrowed, named_kind, touches_nodes};
use crate::model::access::pattern::Pattern;

/// The rows of `kind` on which `action` is allowed; `id` is the column of the row's id, qualified by its table.
/// Shares of commands (`invocation`) are read from a table of that name, whatever `id` is.
pub fn condition(rights: &Rights, action: &str, kind: &str, id: &'static str) -> Condition {
    if !rights.grants.layers_leave(action) {
        return Condition::Never;
    }
    if touches_nodes(kind) {
        return shared(rights, action, kind, id);
    }
    let view = View { rights, action };
    let in_scope = match is_narrowed(kind) {
        true => view.in_scope(kind, id),
        false => Condition::Always,
    };
    Condition::all([
        view.some(Effect::Allow, kind, id),
        view.some(Effect::Deny, kind, id).negated(),
        in_scope,
    ])
}

/// One caller asking about one action.
struct View<'r> {
    rights: &'r Rights,
    action: &'r str,
}

impl View<'_> {
    /// A statement of this effect is about the row.
    fn some(&self, effect: Effect, kind: &str, id: &'static str) -> Condition {
        let grants = self.rights.grants.about(effect, self.action);
        let selectors = grants.flat_map(|g| &g.selectors).filter(|s| s.is_of(named_kind(kind)));
        Condition::any(selectors.map(|s| self.selector(s, kind, id)))
    }

    fn in_scope(&self, kind: &str, id: &'static str) -> Condition {
        let layers = self.rights.grants.layers.iter().filter_map(|l| l.nodes.as_ref());
        Condition::all(layers.map(|s| self.selector(s, kind, id)))
    }

    fn selector(&self, selector: &Selector, kind: &str, id: &'static str) -> Condition {
        let ids = match selector.ids.as_slice() {
            [] => Condition::Always,
            patterns => texts(patterns, id),
        };
        let tags = selector.tags.iter().map(|test| tag(test, kind, id));
        let groups = match selector.groups.as_slice() {
            [] => Condition::Always,
            names if kind == NODE => Condition::any(names.iter().filter_map(|name| {
                let members = self.rights.groups.get(name)?;
                Some(groups::condition(name, members, id))
            })),
            _ => Condition::Never,
        };
        let own = if selector.own { self.own(kind, id) } else { Condition::Always };
        Condition::all([ids, Condition::all(tags), groups, own])
    }

    fn own(&self, kind: &str, id: &'static str) -> Condition {
        let mine = |column| Condition::OneOf(column, vec![Value::from(&self.rights.user)]);
        let related = |from, on, column| Condition::Related {
            from,
            on,
            outer: id,
            inner: Box::new(mine(column)),
        };
        match kind {
            "user" => mine(id),
            "command" | "invocation" => related("command AS related", "related.id", "related.requested_by"),
            "session" => related("session AS related", "related.id", "related.owner"),
            "access-key" => related("access_key AS related", "related.id", "related.user_name"),
            _ => Condition::Never,
        }
    }
}

/// See `Grants::decide_over`: the same rule in SQL.
fn shared(rights: &Rights, action: &str, kind: &str, id: &'static str) -> Condition {
    let view = View { rights, action };
    let touching = Touching::of(kind, id);
    let (id, node) = (touching.id, touching.node);
    let scope = view.in_scope(NODE, node);
    let in_scope = match &scope {
        Condition::Always => Condition::Always,
        scope => Condition::any([
            view.own(kind, id),
            Condition::all([touching.some(Condition::Always), touching.some(scope.clone().negated()).negated()]),
        ]),
    };
    let denied_by_node = touching.some(view.some(Effect::Deny, NODE, node));
    let by_statement = Condition::all([view.some(Effect::Allow, kind, id), in_scope]);
    let by_nodes = match Condition::all([view.some(Effect::Allow, NODE, node), scope]) {
        Condition::Never => Condition::Never,
        every => Condition::all([touching.some(Condition::Always), touching.some(every.negated()).negated()]),
    };
    Condition::all([
        view.some(Effect::Deny, kind, id).negated(),
        denied_by_node.negated(),
        Condition::any([by_statement, by_nodes]),
    ])
}

/// How rows of a kind are tied to nodes.
struct Touching {
    id: &'static str,
    node: &'static str,
    /// Table and its column of the row's id; `None` when the row itself names its node.
    table: Option<(&'static str, &'static str)>,
}

impl Touching {
    fn of(kind: &str, id: &'static str) -> Self {
        match kind {
            "command" => Self {
                id,
                node: "related.node_id",
                table: Some(("invocation AS related", "related.command_id")),
            },
            "session" => Self {
                id,
                node: "related.node_id",
                table: Some(("session AS related", "related.id")),
            },
            _ => Self {
                id: "invocation.command_id",
                node: "invocation.node_id",
                table: None,
            },
        }
    }

    /// One of its nodes meets the condition.
    fn some(&self, inner: Condition) -> Condition {
        match (inner, self.table) {
            (Condition::Never, _) => Condition::Never,
            (inner, None) => inner,
            (inner, Some((from, on))) => Condition::Related {
                from,
                on,
                outer: self.id,
                inner: Box::new(inner),
            },
        }
    }
}

fn tag(test: &TagTest, kind: &str, id: &'static str) -> Condition {
    let carries = match tag_kind(kind) {
        Some(tagged) => Condition::Within {
            column: id,
            head: "SELECT tag.id FROM tag",
            inner: Box::new(Condition::all([
                Condition::OneOf("tag.kind", vec![tagged.into()]),
                Condition::OneOf("tag.key", vec![Value::from(&test.key)]),
                match test.values.as_slice() {
                    [] => Condition::Always,
                    values => texts(values, "tag.value"),
                },
            ])),
        },
        None => Condition::Never,
    };
    if test.negated { carries.negated() } else { carries }
}

/// One of the patterns matches the column's text.
fn texts(patterns: &[Pattern], column: &'static str) -> Condition {
    if patterns.iter().any(Pattern::is_everything) {
        return Condition::Always;
    }
    let literals: Vec<Value> = patterns.iter().filter_map(Pattern::literal).map(Value::from).collect();
    let globs = patterns.iter().filter(|p| p.literal().is_none());
    let exact = match literals.is_empty() {
        true => Condition::Never,
        false => Condition::OneOf(column, literals),
    };
    Condition::any(std::iter::once(exact).chain(globs.map(|p| Condition::Glob(column, p.glob()))))
}

#[cfg(test)]
#[path = "visible_tests.rs"]
mod tests;
