//! The freeze switch: while it is on, nothing is sent to a node, no session opens and what is attached is let go of.
//!
//! The row is the truth; the copy in memory is read at start and changed after each commit.

use std::sync::{Arc, RwLock};

use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::events::{Bus, Event};
use crate::hub::store::{Store, StoreError, Tx, Value};

/// Who froze the hub, when and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frozen {
    pub by: String,
    pub at: Timestamp,
    pub reason: String,
}

#[derive(Default)]
pub struct Freeze(RwLock<Option<Arc<Frozen>>>);

impl Freeze {
    pub async fn open(store: &Store) -> Result<Self, StoreError> {
        let found = store.read(sql::find).await?;
        Ok(Self(RwLock::new(found.map(Arc::new))))
    }

    pub fn current(&self) -> Option<Arc<Frozen>> {
        self.0.read().expect("no code panics while it holds the switch").clone()
    }

    pub fn is_on(&self) -> bool {
        self.current().is_some()
    }

    /// To be asked by whatever would change something on a node.
    ///
    /// *Errors*: `FrozenException` with who, when and why.
    pub fn check(&self) -> ApiResult<()> {
        let Some(frozen) = self.current() else { return Ok(()) };
        let reason = match frozen.reason.as_str() {
            "" => String::new(),
            words => format!(" ({words})"),
        };
        Err(ApiError::new(
            "FrozenException",
            format!(
                "the hub was frozen by `{}` at {}{reason}: nothing is sent to nodes until `roadstead freeze off`",
                frozen.by, frozen.at
            ),
        ))
    }

    /// Turns the switch; listeners hear of it after the commit.
    pub fn set(self: &Arc<Self>, tx: &Tx<'_>, bus: &Bus, frozen: Option<Frozen>) -> Result<(), StoreError> {
        sql::set(tx, frozen.as_ref())?;
        let (freeze, bus) = (self.clone(), bus.clone());
        tx.after_commit(move || {
            *freeze.0.write().expect("no code panics while it holds the switch") = frozen.map(Arc::new);
            bus.send(Event::FreezeChanged);
        });
        Ok(())
    }
}

mod sql {
    use super::*;

    pub fn find(tx: &Tx<'_>) -> Result<Option<Frozen>, StoreError> {
        tx.row("SELECT value FROM setting WHERE name = 'freeze'", &[], |row| row.json("value"))
    }

    pub fn set(tx: &Tx<'_>, frozen: Option<&Frozen>) -> Result<(), StoreError> {
        tx.execute("DELETE FROM setting WHERE name = 'freeze'", &[])?;
        let Some(frozen) = frozen else { return Ok(()) };
        tx.execute(
            "INSERT INTO setting (name, value) VALUES ('freeze', :value)",
            &[(":value", Value::json(frozen))],
        )
        .map(|_| ())
    }
}
