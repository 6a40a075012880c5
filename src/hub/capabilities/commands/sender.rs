//! Who sent a command, looked at again when it goes on without them: a second person approves it, its output goes to a store.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::id::CommandId;
use crate::hub::api::Target;
use crate::hub::auth::{Caller, Proof, policy, rights};
use crate::hub::capabilities::commands::enclosed;
use crate::hub::capabilities::commands::open_orders::OpenOrder;
use crate::hub::capabilities::commands::rows::Extras;
use crate::hub::capabilities::documents::{self, hub_files};
use crate::hub::capabilities::fleet::targets::SEND;
use crate::hub::capabilities::object_stores::stores;
use crate::hub::capabilities::parameters;
use crate::hub::store::{StoreError, Tx};
use crate::model::document::secrets::{parameter_of, wanted};
use crate::model::document::sources::HUB_SCHEME;
use crate::model::document::stock;

const READ_PARAMETER: &str = "ssm:GetParameter";

/// Somebody with the rights they have now; `None` when they are gone or disabled.
pub fn of(tx: &Tx<'_>, name: &str) -> Result<Option<Caller>, StoreError> {
    let mut local = Caller::local();
    if local.name == name {
        local.rights = Arc::new(rights::Rights::unlimited(name));
        return Ok(Some(local));
    }
    let rights = rights::load(tx, name)?;
    Ok(rights.map(|rights| {
        let mut sender = Caller::new(name, Proof::Session(String::new()));
        sender.rights = Arc::new(rights);
        sender
    }))
}

/// Whether they may still use all that a command needs besides its nodes: its documents, and the parameters, secrets, object
/// stores and files of the hub that it names. `account` is the hub's own.
pub fn may_use(tx: &Tx<'_>, sender: &Caller, account: &str, order: &OpenOrder) -> Result<bool, StoreError> {
    let Some(needs) = needs(account, order) else { return Ok(false) };
    for (action, target) in needs {
        if policy::decide_in(tx, sender, action, &target)?.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// As SendCommand asks for them; `None` for a command whose document cannot be read any more.
fn needs(account: &str, order: &OpenOrder) -> Option<Vec<(&'static str, Target)>> {
    let resolved = order.resolved().ok()?;
    let mut documents = BTreeSet::from([order.document_name.clone()]);
    documents.extend(order.documents.keys().filter_map(|wanted| enclosed::name_of(wanted, account).ok()));
    if order.extras.run_settings.change_what_is_executed() {
        documents.insert(stock::RUN_SHELL_SCRIPT.into());
    }
    let mut parameters: BTreeSet<String> = order
        .lookups
        .keys()
        .filter_map(|name| name.strip_prefix("ssm:"))
        .map(parameters::id_of)
        .collect();
    let secrets = wanted(&resolved, order.documents.values());
    parameters.extend(secrets.iter().map(|name| parameters::id_of(parameter_of(name).unwrap_or(name))));
    let Extras {
        download_stores,
        output_store,
        ..
    } = &order.extras;
    let stores = download_stores.iter().chain(output_store).cloned();
    let documents = documents.into_iter().map(|name| (SEND, Target::Resource(documents::KIND, name)));
    let parameters = parameters
        .into_iter()
        .map(|id| (READ_PARAMETER, Target::Resource(parameters::KIND, id)));
    let stores = stores.map(|name| (SEND, store_or_file(name)));
    Some(documents.chain(parameters).chain(stores).collect())
}

/// What is kept among the stores that a command downloads from.
fn store_or_file(name: String) -> Target {
    match name.strip_prefix(HUB_SCHEME) {
        Some(path) => hub_files::target(path),
        None => Target::Resource(stores::KIND, name),
    }
}

/// Whether the output of a command may go to a store: its sender had the right to this one when they sent it. Where another
/// took the place then, or none, they must have it now.
pub fn may_fill(tx: &Tx<'_>, command: &CommandId, store: &str) -> Result<bool, StoreError> {
    let Some((by, extras)) = sql::sent(tx, command)? else {
        return Ok(false);
    };
    if extras.output_store.as_deref() == Some(store) {
        return Ok(true);
    }
    let Some(sender) = of(tx, &by)? else { return Ok(false) };
    let target = Target::Resource(stores::KIND, store.to_owned());
    Ok(policy::decide_in(tx, &sender, SEND, &target)?.is_ok())
}

mod sql {
    use super::*;

    pub fn sent(tx: &Tx<'_>, command: &CommandId) -> Result<Option<(String, Extras)>, StoreError> {
        let sql = "SELECT requested_by, extras FROM command WHERE id = :id";
        tx.row(sql, &[(":id", command.into())], |row| {
            Ok((row.get("requested_by")?, row.json("extras")?))
        })
    }
}
