//! What a point decision must read of a thing: its tags, its groups, whose it is, and which nodes it touches.

use std::collections::{BTreeMap, BTreeSet};

use crate::hub::auth::rights::Rights;
use crate::hub::labels::groups;
use crate::hub::store::{StoreError, Tx};
use crate::model::access::Thing;
use crate::model::access::kinds::NODE;

/// What the tag table calls things of this kind, if they carry tags.
pub fn tag_kind(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "node" => "ManagedInstance",
        "parameter" => "Parameter",
        "document" => "Document",
        "activation" => "Activation",
        "group" => "Group",
        "baseline" => "PatchBaseline",
        "window" => "MaintenanceWindow",
        "association" => "Association",
        "automation" => "Automation",
        "ops-item" => "OpsItem",
        _ => return None,
    })
}

/// Reads a thing; one that is not there has no tags, groups or owner.
pub fn thing(tx: &Tx<'_>, rights: &Rights, kind: &str, id: &str) -> Result<Thing, StoreError> {
    // Callers speak of themselves without a name.
    let id = if kind == "user" && id.is_empty() {
        rights.user.as_str()
    } else {
        id
    };
    Ok(Thing {
        kind: kind.to_owned(),
        id: id.to_owned(),
        own: sql::owner(tx, kind, id)?.is_some_and(|owner| owner == rights.user),
        tags: match tag_kind(kind) {
            Some(tagged) => sql::tags(tx, tagged, id)?,
            None => BTreeMap::new(),
        },
        groups: if kind == NODE {
            groups_of(tx, rights, id)?
        } else {
            BTreeSet::new()
        },
    })
}

fn groups_of(tx: &Tx<'_>, rights: &Rights, node: &str) -> Result<BTreeSet<String>, StoreError> {
    let mut found = BTreeSet::new();
    for (name, members) in &rights.groups {
        if groups::contains(tx, name, members, node)? {
            found.insert(name.clone());
        }
    }
    Ok(found)
}

/// The nodes that a command, a node's share of one, or a session touches.
pub fn nodes_of(tx: &Tx<'_>, kind: &str, id: &str) -> Result<Vec<String>, StoreError> {
    match kind {
        "command" => sql::nodes_of_command(tx, id),
        "session" => sql::node_of_session(tx, id),
        "invocation" => Ok(id.split_once('/').map(|(_, node)| node.to_owned()).into_iter().collect()),
        _ => Ok(Vec::new()),
    }
}

/// What somebody owned who is gone is nobody's: their name is marked as no user's name can be.
pub fn disown(tx: &Tx<'_>, user: &str) -> Result<(), StoreError> {
    sql::disown(tx, user, &format!("{user} (deleted)"))
}

mod sql {
    use super::*;

    pub fn disown(tx: &Tx<'_>, user: &str, marked: &str) -> Result<(), StoreError> {
        let params = [(":user", user.into()), (":marked", marked.into())];
        for sql in [
            "UPDATE command SET requested_by = :marked WHERE requested_by = :user",
            "UPDATE command_approval SET requested_by = :marked WHERE requested_by = :user",
            "UPDATE session SET owner = :marked WHERE owner = :user",
        ] {
            tx.execute(sql, &params)?;
        }
        Ok(())
    }

    pub fn tags(tx: &Tx<'_>, kind: &str, id: &str) -> Result<BTreeMap<String, String>, StoreError> {
        let sql = "SELECT key, value FROM tag WHERE kind = :kind AND id = :id";
        let pairs = tx.rows(sql, &[(":kind", kind.into()), (":id", id.into())], |row| {
            Ok((row.get("key")?, row.get("value")?))
        })?;
        Ok(pairs.into_iter().collect())
    }

    pub fn owner(tx: &Tx<'_>, kind: &str, id: &str) -> Result<Option<String>, StoreError> {
        let (sql, id) = match kind {
            "user" => return Ok(Some(id.to_owned())),
            "command" => ("SELECT requested_by AS owner FROM command WHERE id = :id", id),
            "invocation" => (
                "SELECT requested_by AS owner FROM command WHERE id = :id",
                id.split_once('/').map_or(id, |(command, _)| command),
            ),
            "session" => ("SELECT owner FROM session WHERE id = :id", id),
            "access-key" => ("SELECT user_name AS owner FROM access_key WHERE id = :id", id),
            _ => return Ok(None),
        };
        tx.row(sql, &[(":id", id.into())], |row| row.get("owner"))
    }

    pub fn nodes_of_command(tx: &Tx<'_>, id: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT node_id FROM invocation WHERE command_id = :id ORDER BY node_id";
        tx.rows(sql, &[(":id", id.into())], |row| row.get("node_id"))
    }

    pub fn node_of_session(tx: &Tx<'_>, id: &str) -> Result<Vec<String>, StoreError> {
        tx.rows("SELECT node_id FROM session WHERE id = :id", &[(":id", id.into())], |row| {
            row.get("node_id")
        })
    }
}
