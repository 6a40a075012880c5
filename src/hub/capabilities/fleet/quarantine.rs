//! One identity on two systems: a copied disk or a copied data directory. Both are flagged, and nothing new is sent to either,
//! until somebody says which of them becomes another node (`activations/twins`) or that the matter is over.
//!
//! A system is told from another by machine id and boot id, behind which the agent's folder stands: two copies of a data
//! directory may run side by side. A node that was rebooted, or whose agent was given another folder, is the same one, because its
//! old connection is dead (the link asks before it calls anything a copy).

use schemars::JsonSchema;
use serde::Serialize;

use crate::base::Timestamp;
use crate::base::id::NodeId;
use crate::hub::store::{Row, StoreError, Tx};

/// Systems of one node that are remembered; more come only from somebody who plays with a stolen key.
const MAX_SYSTEMS: i64 = 16;

/// Where an agent runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub machine_id: String,
    /// With the agent's folder.
    pub boot_id: String,
}

/// A system that uses the node's key.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct System {
    pub machine_id: String,
    pub boot_id: String,
    pub address: String,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// It was connected when the other one came.
    pub was_connected: bool,
    /// It gets an identity of its own as soon as it calls again.
    pub is_leaving: bool,
}

/// Writes down that both places use the node's key, and answers whether the newcomer is to become another node.
pub fn record(tx: &Tx<'_>, node: &NodeId, connected: &Place, newcomer: &Place, address: &str, now: Timestamp) -> Result<bool, StoreError> {
    sql::see(tx, node, connected, "", true, now)?;
    sql::see(tx, node, newcomer, address, false, now)?;
    sql::quarantine(tx, node, now)?;
    sql::is_leaving(tx, node, newcomer)
}

/// The matter is over: work goes on.
pub fn release(tx: &Tx<'_>, node: &NodeId) -> Result<bool, StoreError> {
    tx.execute("DELETE FROM twin WHERE node_id = :node", &[(":node", node.into())])?;
    let sql = "UPDATE node SET quarantined_at = NULL WHERE id = :node AND quarantined_at IS NOT NULL";
    Ok(tx.execute(sql, &[(":node", node.into())])? > 0)
}

pub mod sql {
    use super::*;

    pub fn see(tx: &Tx<'_>, node: &NodeId, place: &Place, address: &str, was_connected: bool, now: Timestamp) -> Result<(), StoreError> {
        let count = tx.count("SELECT count(*) FROM twin WHERE node_id = :node", &[(":node", node.into())])?;
        let params = [
            (":node", node.into()),
            (":machine", (&place.machine_id).into()),
            (":boot", (&place.boot_id).into()),
            (":address", address.into()),
            (":connected", was_connected.into()),
            (":now", now.into()),
        ];
        let known = "UPDATE twin SET last_seen_at = :now, was_connected = :connected,
                address = CASE :address WHEN '' THEN address ELSE :address END
             WHERE node_id = :node AND machine_id = :machine AND boot_id = :boot";
        if tx.execute(known, &params)? > 0 || count >= MAX_SYSTEMS {
            return Ok(());
        }
        tx.execute(
            "INSERT INTO twin (node_id, machine_id, boot_id, address, first_seen_at, last_seen_at, was_connected, leaving)
             VALUES (:node, :machine, :boot, :address, :now, :now, :connected, 0)",
            &params,
        )
        .map(|_| ())
    }

    pub fn quarantine(tx: &Tx<'_>, node: &NodeId, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE node SET quarantined_at = coalesce(quarantined_at, :now) WHERE id = :node";
        tx.execute(sql, &[(":node", node.into()), (":now", now.into())]).map(|_| ())
    }

    pub fn is_quarantined(tx: &Tx<'_>, node: &NodeId) -> Result<bool, StoreError> {
        let sql = "SELECT quarantined_at IS NOT NULL AS is_so FROM node WHERE id = :node";
        Ok(tx.row(sql, &[(":node", node.into())], |row| row.get("is_so"))?.unwrap_or(false))
    }

    pub fn is_leaving(tx: &Tx<'_>, node: &NodeId, place: &Place) -> Result<bool, StoreError> {
        let sql = "SELECT leaving FROM twin WHERE node_id = :node AND machine_id = :machine AND boot_id = :boot";
        let params = [
            (":node", node.into()),
            (":machine", (&place.machine_id).into()),
            (":boot", (&place.boot_id).into()),
        ];
        Ok(tx.row(sql, &params, |row| row.get("leaving"))?.unwrap_or(false))
    }

    /// Says which system becomes another node: the connected one or the other, the latest seen of several.
    pub fn let_leave(tx: &Tx<'_>, node: &NodeId, connected: bool) -> Result<bool, StoreError> {
        let sql = "UPDATE twin SET leaving = 1 WHERE node_id = :node AND (machine_id, boot_id) =
                (SELECT machine_id, boot_id FROM twin WHERE node_id = :node AND was_connected = :connected ORDER BY last_seen_at DESC LIMIT 1)";
        Ok(tx.execute(sql, &[(":node", node.into()), (":connected", connected.into())])? > 0)
    }

    pub fn systems(tx: &Tx<'_>, node: &NodeId) -> Result<Vec<System>, StoreError> {
        let sql = "SELECT machine_id, boot_id, address, first_seen_at, last_seen_at, was_connected, leaving FROM twin
                   WHERE node_id = :node ORDER BY first_seen_at, was_connected DESC";
        tx.rows(sql, &[(":node", node.into())], |row: &Row<'_>| {
            Ok(System {
                machine_id: row.get("machine_id")?,
                boot_id: row.get("boot_id")?,
                address: row.get("address")?,
                first_seen_at: row.get("first_seen_at")?,
                last_seen_at: row.get("last_seen_at")?,
                was_connected: row.get("was_connected")?,
                is_leaving: row.get("leaving")?,
            })
        })
    }
}
