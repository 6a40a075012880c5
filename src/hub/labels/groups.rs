//! Groups of nodes: by list, or by a filter rule or a query over tags that is looked at anew each time. Rights and targets use
//! them by name.

use std::collections::BTreeMap;

use crate::hub::labels::Kind;
use crate::hub::store::{Column, Condition, StoreError, Tx, Value};
use crate::model::filter::{Filter, Join, TAG_PREFIX};
use crate::model::tag_query::TagQuery;

/// How a group knows its nodes.
#[derive(Clone, Debug, PartialEq)]
pub enum Members {
    Listed,
    /// Whatever matches now.
    Rule(Filter),
    /// Whatever has these tags now; upstream's way. Beside nodes it can mean other kinds, which only upstream's lists show.
    Query(TagQuery),
}

impl Members {
    /// As the group's row says it.
    ///
    /// *Errors*: a stored rule or query that does not parse.
    pub fn read(name: &str, rule: Option<&str>, query: Option<&str>) -> Result<Self, StoreError> {
        match (rule, query) {
            (None, None) => Ok(Self::Listed),
            (Some(rule), _) => rule
                .parse()
                .map(Self::Rule)
                .map_err(|e| StoreError::Malformed(format!("the rule of group `{name}`: {e}"))),
            (None, Some(query)) => TagQuery::parse(query)
                .map(Self::Query)
                .map_err(|e| StoreError::Malformed(format!("the query of group `{name}`: {e}"))),
        }
    }
}

/// The filter keys of nodes, for lists and for groups' rules.
pub fn node_column(key: &str) -> Option<Column> {
    if let Some(tag) = key.strip_prefix(TAG_PREFIX) {
        let expression = "(SELECT value FROM tag WHERE tag.kind = 'ManagedInstance' AND tag.id = node.id AND tag.key = ?)";
        return Some(Column {
            expression,
            values: vec![Value::from(tag)],
        });
    }
    Some(Column::plain(match key {
        "name" => "node.name",
        "id" => "node.id",
        "status" => "node.status",
        "platform" => "node.platform_id || ' ' || node.platform_name",
        "version" => "node.platform_version",
        "arch" => "node.architecture",
        "agent" => "node.agent_version",
        "address" => "node.addresses",
        "reason" => "node.offline_reason",
        "activation" => "node.activation_id",
        "lock" => "node.lock",
        "text" => "node.name || ' ' || node.id || ' ' || node.computer_name || ' ' || node.addresses || ' ' || node.platform_name",
        _ => return None,
    }))
}

/// All keys that [`node_column`] knows besides tags, for messages.
pub const NODE_FILTER_KEYS: &str = "name, id, status, platform, version, arch, agent, address, reason, activation, lock, text, tag:KEY";

/// The nodes of a group, as a condition on the column that holds a node's id.
pub fn condition(name: &str, members: &Members, column: &'static str) -> Condition {
    match members {
        Members::Listed => Condition::Within {
            column,
            head: "SELECT node_group_member.node_id FROM node_group_member",
            inner: Box::new(Condition::OneOf("node_group_member.group_name", vec![name.into()])),
        },
        Members::Rule(filter) => Condition::Within {
            column,
            head: "SELECT node.id FROM node",
            inner: Box::new(Condition::all([Condition::Plain("node.removed_at IS NULL"), rule(filter)])),
        },
        Members::Query(wanted) => query(wanted, Kind::Node, column),
    }
}

/// Resources of a kind that a query means, as a condition on the column that holds their id.
pub fn query(query: &TagQuery, kind: Kind, column: &'static str) -> Condition {
    match kind.cloud_type() {
        Some(word) if query.is_about(word) => Condition::all(query.tag_filters.iter().map(|filter| Condition::Tagged {
            id: column,
            kind: kind.as_str(),
            key: filter.key.clone(),
            values: filter.values.clone(),
        })),
        _ => Condition::Never,
    }
}

/// A filter over `node`; a key that nodes do not have matches nothing.
pub fn rule(filter: &Filter) -> Condition {
    let terms = filter.terms.iter().map(|term| match node_column(&term.key) {
        Some(column) => Condition::Term(column, term.clone()),
        None => Condition::Never,
    });
    match filter.join {
        Join::And => Condition::all(terms),
        Join::Or if filter.is_empty() => Condition::Always,
        Join::Or => Condition::any(terms),
    }
}

/// Of these groups, those that are there.
pub fn find<'n>(tx: &Tx<'_>, names: impl IntoIterator<Item = &'n str>) -> Result<BTreeMap<String, Members>, StoreError> {
    let mut found = BTreeMap::new();
    for name in names {
        let sql = "SELECT rule, query FROM node_group WHERE name = :name";
        let row = tx.row(sql, &[(":name", name.into())], |row| {
            Ok((row.get::<Option<String>>("rule")?, row.get::<Option<String>>("query")?))
        })?;
        if let Some((rule, query)) = row {
            found.insert(name.to_owned(), Members::read(name, rule.as_deref(), query.as_deref())?);
        }
    }
    Ok(found)
}

/// Whether a node that is there belongs to a group.
pub fn contains(tx: &Tx<'_>, name: &str, members: &Members, node: &str) -> Result<bool, StoreError> {
    let select = match members {
        Members::Listed => crate::hub::store::Select::new("SELECT count(*) FROM node_group_member")
            .and("group_name = ? AND node_id = ?", [Value::from(name), Value::from(node)]),
        Members::Rule(filter) => crate::hub::store::Select::new("SELECT count(*) FROM node")
            .and("node.id = ?", [Value::from(node)])
            .and("node.removed_at IS NULL", [])
            .and_condition(&rule(filter)),
        Members::Query(wanted) => crate::hub::store::Select::new("SELECT count(*) FROM node")
            .and("node.id = ?", [Value::from(node)])
            .and("node.removed_at IS NULL", [])
            .and_condition(&query(wanted, Kind::Node, "node.id")),
    };
    Ok(select.count(tx)? > 0)
}
