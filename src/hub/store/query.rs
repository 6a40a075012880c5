//! The one builder for dynamic lists: fixed text from a closed set of pieces, values always bound.

use crate::hub::store::{Row, StoreError, Tx, Value};
use crate::model::filter::{Filter, Join, Op, Term};

/// What a filter's key means in SQL: an expression over the row, its values for each `?` first.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub expression: &'static str,
    pub values: Vec<Value>,
}

/// How a column's text relates to a value.
#[derive(Clone, Copy, Debug)]
pub enum Compare {
    Begins,
    Less,
    Greater,
}

impl Column {
    pub fn plain(expression: &'static str) -> Self {
        Self {
            expression,
            values: Vec::new(),
        }
    }
}

/// A condition made elsewhere (rights, groups) out of a closed vocabulary, ready for any [`Select`].
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Always,
    Never,
    /// The column has one of these values.
    OneOf(&'static str, Vec<Value>),
    /// The column's text begins with this, letters compared with case.
    Begins(&'static str, String),
    /// The resource whose id the column holds carries a tag with this key and one of these values; no value means any.
    Tagged {
        id: &'static str,
        kind: &'static str,
        key: String,
        values: Vec<String>,
    },
    /// The column's text matches a glob (`*`, `?`, `[…]`), letters compared with case.
    Glob(&'static str, String),
    /// A filter's term over a column.
    Term(Column, Term),
    /// A fixed piece of SQL.
    Plain(&'static str),
    /// The column's value is among those that `head` (`SELECT … FROM …`) selects under a condition.
    Within {
        column: &'static str,
        head: &'static str,
        inner: Box<Condition>,
    },
    /// There is a row in `from` (`TABLE AS related`) whose `on` is the value of the column `outer` and that meets a condition.
    Related {
        from: &'static str,
        on: &'static str,
        outer: &'static str,
        inner: Box<Condition>,
    },
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

impl Condition {
    /// All of them, without those that are always true.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::Always => {}
                Self::Never => return Self::Never,
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Self::Always,
            1 => kept.remove(0),
            _ => Self::All(kept),
        }
    }

    /// At least one of them, without those that are never true.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::Never => {}
                Self::Always => return Self::Always,
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Self::Never,
            1 => kept.remove(0),
            _ => Self::Any(kept),
        }
    }

    pub fn negated(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }
}

/// A `SELECT` that grows by conditions.
///
/// *Invariant*: every piece of SQL is a literal of the program (`&'static str`); values travel as parameters only.
#[derive(Clone)]
pub struct Select {
    head: &'static str,
    conditions: Vec<String>,
    group: &'static str,
    order: &'static str,
    limit: Option<i64>,
    params: Vec<(String, Value)>,
    probes: bool,
}

impl Select {
    /// `head` is everything up to `WHERE`.
    pub fn new(head: &'static str) -> Self {
        Self {
            head,
            conditions: Vec::new(),
            group: "",
            order: "",
            limit: None,
            params: Vec::new(),
            probes: false,
        }
    }

    /// For conditions added from here on: many rows meet them and few are wanted, so each row is asked by itself, in place of
    /// all that meet them being put together first.
    pub fn probing(mut self, probes: bool) -> Self {
        self.probes = probes;
        self
    }

    /// Adds a condition. Each `?` in it stands for the next of `values`.
    pub fn and(mut self, condition: &'static str, values: impl IntoIterator<Item = Value>) -> Self {
        let text = self.bind(condition, values);
        self.conditions.push(text);
        self
    }

    /// Adds alternatives as one condition; none at all match nothing.
    pub fn and_any(mut self, alternatives: Vec<(&'static str, Vec<Value>)>) -> Self {
        let texts: Vec<String> = alternatives.into_iter().map(|(text, values)| self.bind(text, values)).collect();
        self.conditions.push(either(&texts));
        self
    }

    /// `column IN (…)`; an empty list matches nothing.
    pub fn and_in(mut self, column: &'static str, values: impl IntoIterator<Item = Value>) -> Self {
        let condition = self.is_one_of(column, values);
        self.conditions.push(condition);
        self
    }

    fn is_one_of(&mut self, column: &'static str, values: impl IntoIterator<Item = Value>) -> String {
        let names: Vec<String> = values.into_iter().map(|v| self.name(v)).collect();
        if names.is_empty() {
            return "0".to_owned();
        }
        format!("{column} IN ({})", names.join(", "))
    }

    /// None of the values is the column's.
    pub fn and_none_equal(mut self, column: &'static str, values: impl IntoIterator<Item = Value>) -> Self {
        let names: Vec<String> = values.into_iter().map(|v| self.name(v)).collect();
        self.conditions.push(format!("{column} NOT IN ({})", names.join(", ")));
        self
    }

    /// At least one of the values compares so with the column; an empty list matches nothing.
    pub fn and_compare(mut self, column: &'static str, compare: Compare, values: impl IntoIterator<Item = Value>) -> Self {
        let texts: Vec<String> = values
            .into_iter()
            .map(|value| {
                let name = self.name(value);
                match compare {
                    Compare::Begins => format!("substr({column}, 1, length({name})) = {name}"),
                    Compare::Less => format!("{column} < {name}"),
                    Compare::Greater => format!("{column} > {name}"),
                }
            })
            .collect();
        self.conditions.push(either(&texts));
        self
    }

    /// A condition that was made elsewhere.
    pub fn and_condition(mut self, condition: &Condition) -> Self {
        if *condition != Condition::Always {
            let text = self.render(condition);
            self.conditions.push(text);
        }
        self
    }

    fn render(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Always => "1".to_owned(),
            Condition::Never => "0".to_owned(),
            Condition::OneOf(column, values) => self.is_one_of(column, values.iter().cloned()),
            Condition::Begins(column, start) => {
                let name = self.name(Value::from(start));
                format!("substr({column}, 1, length({name})) = {name}")
            }
            Condition::Tagged { id, kind, key, values } => {
                let (kind, key) = (self.name(Value::from(*kind)), self.name(Value::from(key)));
                let mut text = format!("{id} IN (SELECT tag.id FROM tag WHERE tag.kind = {kind} AND tag.key = {key}");
                if !values.is_empty() {
                    let values = self.is_one_of("tag.value", values.iter().map(Value::from));
                    text.push_str(&format!(" AND {values}"));
                }
                text.push(')');
                text
            }
            Condition::Glob(column, glob) => format!("{column} GLOB {}", self.name(Value::from(glob))),
            Condition::Term(column, term) => self.comparison(column.clone(), term),
            Condition::Plain(text) => (*text).to_owned(),
            Condition::Within { column, head, inner } => match selected(head).filter(|own| self.probes && own != column) {
                Some(own) => format!("EXISTS ({head} WHERE {own} = {column} AND {})", self.render(inner)),
                None => format!("{column} IN ({head} WHERE {})", self.render(inner)),
            },
            Condition::Related { from, on, outer, inner } => {
                format!("EXISTS (SELECT 1 FROM {from} WHERE {on} = {outer} AND {})", self.render(inner))
            }
            Condition::All(parts) => self.joined(parts, " AND ", "1"),
            Condition::Any(parts) => self.joined(parts, " OR ", "0"),
            Condition::Not(inner) => format!("NOT {}", self.render(inner)),
        }
    }

    fn joined(&mut self, parts: &[Condition], word: &str, empty: &str) -> String {
        if parts.is_empty() {
            return empty.to_owned();
        }
        let texts: Vec<String> = parts.iter().map(|part| self.render(part)).collect();
        format!("({})", texts.join(word))
    }

    /// The conditions of a filter; `column` knows the keys of this collection.
    ///
    /// *Errors*: the first key that `column` does not know.
    pub fn and_filter(mut self, filter: &Filter, column: impl Fn(&str) -> Option<Column>) -> Result<Self, String> {
        let mut texts = Vec::new();
        for term in &filter.terms {
            let column = column(&term.key).ok_or_else(|| term.key.clone())?;
            texts.push(self.comparison(column, term));
        }
        if !texts.is_empty() {
            let join = match filter.join {
                Join::And => " AND ",
                Join::Or => " OR ",
            };
            self.conditions.push(format!("({})", texts.join(join)));
        }
        Ok(self)
    }

    /// Letters compare without case; an absent value satisfies only the negated operators (see `model::filter`).
    fn comparison(&mut self, column: Column, term: &Term) -> String {
        let left = format!("lower({})", self.bind(column.expression, column.values));
        let right = self.name(Value::Text(term.value.to_ascii_lowercase()));
        match term.op {
            Op::Eq => format!("{left} = {right}"),
            Op::Ne => format!("{left} IS DISTINCT FROM {right}"),
            Op::Contains => format!("instr({left}, {right}) > 0"),
            Op::Ncontains => format!("coalesce(instr({left}, {right}), 0) = 0"),
            Op::Prefix => format!("substr({left}, 1, length({right})) = {right}"),
            Op::Ge => format!("{left} >= {right}"),
            Op::Le => format!("{left} <= {right}"),
        }
    }

    pub fn group(mut self, group: &'static str) -> Self {
        self.group = group;
        self
    }

    pub fn order(mut self, order: &'static str) -> Self {
        self.order = order;
        self
    }

    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit as i64);
        self
    }

    pub fn sql(&self) -> String {
        let mut sql = self.head.to_owned();
        if !self.conditions.is_empty() {
            sql.push_str(" WHERE ");
            sql.push_str(&self.conditions.join(" AND "));
        }
        if !self.group.is_empty() {
            sql.push_str(" GROUP BY ");
            sql.push_str(self.group);
        }
        if !self.order.is_empty() {
            sql.push_str(" ORDER BY ");
            sql.push_str(self.order);
        }
        if let Some(limit) = self.limit {
            sql.push_str(&format!(" LIMIT {limit}"));
        }
        sql
    }

    pub fn rows<T>(&self, tx: &Tx<'_>, map: impl FnMut(&Row<'_>) -> Result<T, StoreError>) -> Result<Vec<T>, StoreError> {
        tx.rows(&self.sql(), &self.params(), map)
    }

    /// See [`Tx::total`].
    pub fn count(&self, tx: &Tx<'_>) -> Result<i64, StoreError> {
        tx.total(&self.sql(), &self.params())
    }

    /// How SQLite would run it (see [`Tx::query_plan`]).
    pub fn plan(&self, tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
        tx.query_plan(&self.sql(), &self.params())
    }

    fn params(&self) -> Vec<(&str, Value)> {
        self.params.iter().map(|(name, value)| (name.as_str(), value.clone())).collect()
    }

    fn bind(&mut self, condition: &'static str, values: impl IntoIterator<Item = Value>) -> String {
        let mut values = values.into_iter();
        let mut text = String::with_capacity(condition.len() + 8);
        for c in condition.chars() {
            match c {
                '?' => text.push_str(&self.name(values.next().unwrap_or(Value::Null))),
                other => text.push(other),
            }
        }
        text
    }

    fn name(&mut self, value: Value) -> String {
        let name = format!(":p{}", self.params.len());
        self.params.push((name.clone(), value));
        name
    }
}

/// One of these conditions holds. Of none at all none does: a list that came out empty must not widen a selection to everything.
fn either(texts: &[String]) -> String {
    match texts {
        [] => "0".to_owned(),
        texts => format!("({})", texts.join(" OR ")),
    }
}

/// The one column of `SELECT column FROM …`.
fn selected(head: &'static str) -> Option<&'static str> {
    head.strip_prefix("SELECT ")?.split_once(" FROM ").map(|(column, _)| column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bound_and_never_written_into_the_text() {
        let select = Select::new("SELECT 1 FROM node")
            .and("name = ?", ["x' OR 1=1".into()])
            .and_in("id", ["a".into(), "b".into()])
            .limit(3);
        assert_eq!(select.sql(), "SELECT 1 FROM node WHERE name = :p0 AND id IN (:p1, :p2) LIMIT 3");
    }

    #[test]
    fn a_condition_made_elsewhere_is_bound_like_any_other() {
        let tagged = Condition::Tagged {
            id: "node.id",
            kind: "ManagedInstance",
            key: "env".into(),
            values: vec!["a".into()],
        };
        let condition = Condition::Any(vec![
            Condition::Not(Box::new(tagged)),
            Condition::All(vec![
                Condition::Begins("node.name", "web".into()),
                Condition::OneOf("node.id", vec![]),
            ]),
        ]);
        assert_eq!(
            Select::new("SELECT 1 FROM node").and_condition(&condition).sql(),
            "SELECT 1 FROM node WHERE (NOT node.id IN (SELECT tag.id FROM tag WHERE tag.kind = :p0 AND tag.key = :p1 \
             AND tag.value IN (:p2)) OR (substr(node.name, 1, length(:p3)) = :p3 AND 0))"
        );
    }

    #[test]
    fn a_row_is_asked_by_itself_where_that_is_said() {
        let within = |column, head| Condition::Within {
            column,
            head,
            inner: Box::new(Condition::OneOf("tag.key", vec!["a".into()])),
        };
        let sql = |condition| Select::new("SELECT 1 FROM node").probing(true).and_condition(&condition).sql();
        assert_eq!(
            sql(within("node.id", "SELECT tag.id FROM tag")),
            "SELECT 1 FROM node WHERE EXISTS (SELECT tag.id FROM tag WHERE tag.id = node.id AND tag.key IN (:p0))"
        );
        // Inside, the name would mean the inner table.
        assert!(sql(within("node.id", "SELECT node.id FROM node")).contains("node.id IN (SELECT node.id FROM node"));
    }

    #[test]
    fn an_empty_list_matches_nothing() {
        let select = || Select::new("SELECT 1");
        for empty in [
            select().and_in("id", []),
            select().and_any(Vec::new()),
            select().and_compare("id", Compare::Begins, []),
            select().and_condition(&Condition::any([])),
        ] {
            assert_eq!(empty.sql(), "SELECT 1 WHERE 0");
        }
    }
}
