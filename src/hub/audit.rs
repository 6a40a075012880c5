//! Who did what: one row for every write, denial and login, in the write's own transaction.
//!
//! *Invariant*: when the row cannot be written, the act it describes is not done either.

use crate::base::{Timestamp, id::random_hex};
use crate::hub::store::{StoreError, Tx};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Denied,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
        }
    }
}

/// One line of the audit log.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Timestamp,
    pub request_id: String,
    /// `user:NAME`, `key:ID`, `local`, `node:ID` or `anonymous`.
    pub caller: String,
    pub address: String,
    pub operation: String,
    pub target: String,
    pub outcome: Outcome,
    /// One short sentence or empty; never a secret, a script or a parameter value.
    pub detail: String,
}

pub fn record(tx: &Tx<'_>, entry: &Entry) -> Result<(), StoreError> {
    let params = [
        (":at", entry.at.into()),
        (":request_id", (&entry.request_id).into()),
        (":caller", (&entry.caller).into()),
        (":address", (&entry.address).into()),
        (":operation", (&entry.operation).into()),
        (":target", (&entry.target).into()),
        (":outcome", entry.outcome.as_str().into()),
        (":detail", (&entry.detail).into()),
    ];
    tx.execute(
        "INSERT INTO audit (at, request_id, caller, address, operation, target, outcome, detail)
         VALUES (:at, :request_id, :caller, :address, :operation, :target, :outcome, :detail)",
        &params,
    )
    .map(|_| ())
}

/// A fresh id for one request, shown to the caller and found again in log and audit.
pub fn request_id() -> String {
    random_hex(32)
}
