//! What a node was told to run and has not ended: all that it may ask the hub for.

use crate::base::ApiResult;
use crate::base::id::{CommandId, NodeId};
use crate::hub::api::Services;
use crate::hub::capabilities::commands::enclosed::Enclosed;
use crate::hub::capabilities::commands::rows::Extras;
use crate::hub::capabilities::fleet::quarantine;
use crate::hub::store::{Row, StoreError, Tx};
use crate::model::document::{self, GivenParameters, References, Resolved};

/// To a node that asks for a run that it does not have.
pub const NOT_OPEN: &str = "the hub waits for nothing of this run on this node";

/// The order as the hub keeps it.
pub struct OpenOrder {
    pub document_name: String,
    document: serde_json::Value,
    parameters: GivenParameters,
    pub lookups: References,
    pub documents: Enclosed,
    pub extras: Extras,
}

impl OpenOrder {
    /// `None` for another node's run, one that is over, not released or not approved, or a node that is quarantined.
    pub async fn of(services: &Services, run: &CommandId, node: &NodeId) -> ApiResult<Option<Self>> {
        let (run, node) = (run.clone(), node.clone());
        let found = services.read(move |tx| {
            if quarantine::sql::is_quarantined(tx, &node)? {
                return Ok(None);
            }
            Ok(sql::open_order(tx, &run, &node)?)
        });
        found.await
    }

    /// Of a command that is not begun yet.
    pub fn waiting(tx: &Tx<'_>, run: &CommandId) -> Result<Option<Self>, StoreError> {
        sql::order(tx, run)
    }

    /// *Errors*: why it cannot be run any more, in words.
    pub fn resolved(&self) -> Result<Resolved, String> {
        document::check(&self.document, &self.parameters, &self.lookups).map_err(|error| error.to_string())
    }
}

mod sql {
    use super::*;

    /// What this node was told to run, while its end is not known.
    pub fn open_order(tx: &Tx<'_>, run: &CommandId, node: &NodeId) -> Result<Option<OpenOrder>, StoreError> {
        let sql = "SELECT c.document_name, c.document, c.parameters, c.lookups, c.documents, c.extras
                   FROM command c JOIN invocation i ON i.command_id = c.id
                   WHERE c.id = :run AND i.node_id = :node AND i.ended_at IS NULL AND i.released_at IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM command_approval a WHERE a.command_id = c.id AND coalesce(a.decision, '') <> 'Approved')";
        tx.row(sql, &[(":run", run.into()), (":node", node.into())], from_row)
    }

    pub fn order(tx: &Tx<'_>, run: &CommandId) -> Result<Option<OpenOrder>, StoreError> {
        let sql = "SELECT document_name, document, parameters, lookups, documents, extras FROM command WHERE id = :run";
        tx.row(sql, &[(":run", run.into())], from_row)
    }

    fn from_row(row: &Row<'_>) -> Result<OpenOrder, StoreError> {
        Ok(OpenOrder {
            document_name: row.get("document_name")?,
            document: row.json("document")?,
            parameters: row.json("parameters")?,
            lookups: row.json("lookups")?,
            documents: row.json("documents")?,
            extras: row.json("extras")?,
        })
    }
}
