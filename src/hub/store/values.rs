//! Statements and rows without rusqlite's names: what capabilities see of the database.

use std::any::Any;
use std::cell::RefCell;
use std::str::FromStr;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql};

use crate::base::id::{ActivationId, CommandId, NodeId, SessionId};
use crate::base::{ApiResult, Timestamp};
use crate::hub::store::StoreError;
use crate::hub::store::totals::{Totals, Touched};

/// Named parameters of one statement: `&[(":name", value.into())]`.
pub type Params<'a> = &'a [(&'a str, Value)];

/// A value on its way into the database.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// One transaction (or one snapshot, when it came from `read`).
pub struct Tx<'c> {
    connection: &'c Connection,
    /// What is known of counts, and the commits there had been before this snapshot; `None` where rows are written.
    totals: Option<(&'c Totals, u64)>,
    touched: Touched,
    endings: RefCell<Endings>,
    notes: RefCell<Notes>,
    handed_on: RefCell<Option<Box<dyn Any>>>,
}

/// A statement or a few, put off to the end of the transaction.
type LastWord = Box<dyn FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send>;

/// What a write asked for to be done later, in the order in which it asked.
#[derive(Default)]
pub(in crate::hub::store) struct Endings {
    pub before_commit: Vec<LastWord>,
    pub after_commit: Vec<Box<dyn FnOnce() + Send>>,
}

/// What a write says of itself for the audit row that goes with it, beyond what its request says already.
#[derive(Debug, Default)]
pub struct Notes {
    /// Every node it touches.
    pub nodes: Vec<NodeId>,
    pub command: Option<CommandId>,
    /// One short sentence; never a secret, a script or a parameter value.
    pub detail: String,
}

/// One row of an answer; columns are read by name.
pub struct Row<'r>(&'r rusqlite::Row<'r>);

impl<'c> Tx<'c> {
    pub(in crate::hub::store) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            totals: None,
            touched: Touched::default(),
            endings: RefCell::default(),
            notes: RefCell::default(),
            handed_on: RefCell::default(),
        }
    }

    pub(in crate::hub::store) fn reading(connection: &'c Connection, totals: &'c Totals, began: u64) -> Self {
        Self {
            totals: Some((totals, began)),
            ..Self::new(connection)
        }
    }

    pub(in crate::hub::store) fn into_parts(self) -> (Endings, Touched) {
        (self.endings.into_inner(), self.touched)
    }

    /// Something to do once this write is durable, and not at all when it is not: waking a job, telling a browser.
    /// Short and non-blocking: it runs in the writer's task, before the callers of the same commit are answered.
    pub fn after_commit(&self, effect: impl FnOnce() + Send + 'static) {
        self.endings.borrow_mut().after_commit.push(Box::new(effect));
    }

    /// Something to write as the last of the transaction, behind the writes of all who share its commit and in their order; not at
    /// all when this write fails. What it writes nobody can see before the commit, this write itself included, and when it fails
    /// there is no commit.
    ///
    /// For what every write appends to: in the write itself each would have SQLite keep a copy of the same few pages, to be able to
    /// take back that one write alone.
    pub fn before_commit(&self, work: impl FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static) {
        self.endings.borrow_mut().before_commit.push(Box::new(work));
    }

    /// What one piece of work of [`Tx::before_commit`] leaves for the next one that asks for a thing of this type.
    pub fn hand_on<T: 'static>(&self, thing: T) {
        *self.handed_on.borrow_mut() = Some(Box::new(thing));
    }

    /// What was left, once.
    pub fn handed_on<T: 'static>(&self) -> Option<T> {
        let thing = self.handed_on.borrow_mut().take()?;
        thing.downcast().ok().map(|thing| *thing)
    }

    /// Adds to what this write's audit row will say.
    pub fn note(&self, add: impl FnOnce(&mut Notes)) {
        add(&mut self.notes.borrow_mut());
    }

    /// What was noted so far, for the row that is written now.
    pub fn take_notes(&self) -> Notes {
        self.notes.take()
    }

    /// A part of the transaction that can fail alone: what it wrote is undone, the rest goes on. What it asked for with
    /// [`Tx::before_commit`] and [`Tx::after_commit`] before it failed is dropped too.
    pub fn within<T>(&self, work: impl FnOnce(&Self) -> ApiResult<T>) -> ApiResult<T> {
        let asked = {
            let endings = self.endings.borrow();
            (endings.before_commit.len(), endings.after_commit.len())
        };
        self.batch("SAVEPOINT part")?;
        let done = work(self);
        if done.is_err() {
            let mut endings = self.endings.borrow_mut();
            endings.before_commit.truncate(asked.0);
            endings.after_commit.truncate(asked.1);
            drop(endings);
            self.batch("ROLLBACK TO part")?;
        }
        self.batch("RELEASE part")?;
        done
    }

    fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(StoreError::from_sql)
    }

    /// Runs one statement and answers how many rows it changed.
    pub fn execute(&self, sql: &str, params: Params<'_>) -> Result<usize, StoreError> {
        self.touched.note(sql);
        let mut statement = self.connection.prepare_cached(sql)?;
        let bound: Vec<(&str, &dyn ToSql)> = params.iter().map(|(name, value)| (*name, value as &dyn ToSql)).collect();
        statement.execute(&bound[..]).map_err(StoreError::from_sql)
    }

    /// All rows of a query, each through `map`.
    pub fn rows<T>(
        &self,
        sql: &str,
        params: Params<'_>,
        mut map: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.touched.note(sql);
        let mut statement = self.connection.prepare_cached(sql)?;
        let bound: Vec<(&str, &dyn ToSql)> = params.iter().map(|(name, value)| (*name, value as &dyn ToSql)).collect();
        let mut rows = statement.query(&bound[..])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(StoreError::from_sql)? {
            all.push(map(&Row(row))?);
        }
        Ok(all)
    }

    /// The first row of a query, if there is one.
    pub fn row<T>(
        &self,
        sql: &str,
        params: Params<'_>,
        map: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.touched.note(sql);
        let mut statement = self.connection.prepare_cached(sql)?;
        let bound: Vec<(&str, &dyn ToSql)> = params.iter().map(|(name, value)| (*name, value as &dyn ToSql)).collect();
        let mut rows = statement.query(&bound[..])?;
        rows.next().map_err(StoreError::from_sql)?.map(|row| map(&Row(row))).transpose()
    }

    /// The single number of a `SELECT count(…)`.
    pub fn count(&self, sql: &str, params: Params<'_>) -> Result<i64, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let bound: Vec<(&str, &dyn ToSql)> = params.iter().map(|(name, value)| (*name, value as &dyn ToSql)).collect();
        Ok(statement.query_row(&bound[..], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// The same, of a query that many will ask: while nothing it reads has changed it is not counted again.
    pub fn total(&self, sql: &str, params: Params<'_>) -> Result<i64, StoreError> {
        match self.totals {
            Some((totals, began)) => totals.count(began, sql, params, || self.count(sql, params)),
            None => self.count(sql, params),
        }
    }

    /// How SQLite would run a query, for tests that forbid scans of large tables.
    pub fn query_plan(&self, sql: &str, params: Params<'_>) -> Result<Vec<String>, StoreError> {
        self.rows(&format!("EXPLAIN QUERY PLAN {sql}"), params, |row| row.get("detail"))
    }
}

impl Row<'_> {
    pub fn get<T: FromSql>(&self, column: &str) -> Result<T, StoreError> {
        self.0.get(column).map_err(StoreError::from_sql)
    }

    /// A column that holds JSON text.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|e| StoreError::Malformed(format!("column {column}: {e}")))
    }

    /// A column whose text is one of a closed set.
    pub fn parsed<T: FromStr>(&self, column: &str) -> Result<T, StoreError> {
        let text: String = self.get(column)?;
        text.parse()
            .map_err(|_| StoreError::Malformed(format!("column {column} holds `{text}`")))
    }
}

impl Value {
    /// JSON text of any value we own.
    pub fn json<T: serde::Serialize>(value: &T) -> Self {
        Self::Text(serde_json::to_string(value).expect("our own types serialise"))
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(n) => ValueRef::Integer(*n),
            Self::Real(x) => ValueRef::Real(*x),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Integer(n)
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Self {
        Self::Integer(n.into())
    }
}

impl From<u32> for Value {
    fn from(n: u32) -> Self {
        Self::Integer(n.into())
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Integer(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Integer(b.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Integer(at.millis())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::from_millis)
    }
}

/// Ids are stored as their text.
macro_rules! stored_id {
    ($($id:ty),*) => {$(
        impl From<&$id> for Value {
            fn from(id: &$id) -> Self {
                Self::Text(id.as_str().to_owned())
            }
        }

        impl FromSql for $id {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map_err(|e| FromSqlError::Other(Box::new(e)))
            }
        }
    )*};
}

stored_id!(NodeId, CommandId, ActivationId, SessionId);
