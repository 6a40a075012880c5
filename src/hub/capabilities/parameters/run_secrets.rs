//! What a run on a node gets of secrets: all that its command names, or none and the reason.
//!
//! *Invariants*: only what a rule gives this node in the clear ([`super::node_access`]); each secret is in the audit log, with
//! the command it was for, before it leaves; a node without a right is not told whether something exists.

use std::collections::BTreeSet;

use crate::base::ApiResult;
use crate::base::id::{CommandId, NodeId};
use crate::hub::api::{Services, Target};
use crate::hub::audit::Outcome;
use crate::hub::audit::node_read::NodeRead;
use crate::hub::capabilities::parameters::KIND;
use crate::hub::capabilities::parameters::kinds::Kind;
use crate::hub::capabilities::parameters::node_access::{Grant, Grants};
use crate::hub::capabilities::parameters::rows::{self, Found};
use crate::hub::capabilities::parameters::sealing::Sealer;
use crate::hub::store::Tx;
use crate::model::document::secrets::{MAX_VALUE_BYTES, parameter_of};
use crate::model::parameter::{ParameterKey, Reference};
use crate::wire::parameters::{RunSecret, RunSecrets};

const OPERATION: &str = "roadstead:NodeGetSecret";

/// Opens what the references mean, and writes down that the node reads it for this run.
///
/// *Errors*: the hub's own; what is wrong with a reference stands in the answer.
pub async fn give(services: &Services, node: &NodeId, run: &CommandId, references: BTreeSet<String>) -> ApiResult<RunSecrets> {
    let (sealer, reader) = (Sealer::of(services), node.clone());
    let opened = services.read(move |tx| open_all(tx, &sealer, &reader, references)).await?;
    let read = NodeRead {
        node: node.clone(),
        run: run.clone(),
        at: services.now(),
        operation: OPERATION,
    };
    let target = |key: &ParameterKey| Target::Resource(KIND, key.to_string()).to_string();
    let opened = match opened {
        Ok(opened) => opened,
        Err(Refused { key, is_denial, why }) => {
            if let Some(key) = key.filter(|_| is_denial) {
                let entry = read.entry(target(&key), Outcome::Denied, why.clone());
                services.audit.deny(&services.store, entry).await?;
            }
            return Ok(RunSecrets {
                run: run.clone(),
                secrets: Vec::new(),
                problem: Some(why),
            });
        }
    };
    let keys: BTreeSet<ParameterKey> = opened.iter().map(|(key, _)| key.clone()).collect();
    let detail = format!("the secret was read for command {run}");
    let recorded = services.write(move |tx| {
        keys.iter().for_each(|key| read.record(tx, target(key), detail.clone()));
        Ok(())
    });
    recorded.await?;
    Ok(RunSecrets {
        run: run.clone(),
        secrets: opened.into_iter().map(|(_, secret)| secret).collect(),
        problem: None,
    })
}

/// Why a run gets nothing.
struct Refused {
    key: Option<ParameterKey>,
    /// The node has no right, as against a secret that is not as the document wants it.
    is_denial: bool,
    why: String,
}

type Opened = Vec<(ParameterKey, RunSecret)>;

fn open_all(tx: &Tx<'_>, sealer: &Sealer, node: &NodeId, references: BTreeSet<String>) -> ApiResult<Result<Opened, Refused>> {
    let grants = Grants::of(tx, node)?;
    let mut opened = Opened::new();
    for name in references {
        match open(tx, sealer, &grants, &name)? {
            Ok(one) => opened.push(one),
            Err(refused) => return Ok(Err(refused)),
        }
    }
    Ok(Ok(opened))
}

fn open(tx: &Tx<'_>, sealer: &Sealer, grants: &Grants, name: &str) -> ApiResult<Result<(ParameterKey, RunSecret), Refused>> {
    let refused = |key: Option<&ParameterKey>, is_denial, why: &str| {
        Ok(Err(Refused {
            key: key.cloned(),
            is_denial,
            why: format!("`{{{{{name}}}}}` was not given to this node: {why}"),
        }))
    };
    let Some(Ok(reference)) = parameter_of(name).map(Reference::parse) else {
        return refused(None, false, "it is not the name of a parameter");
    };
    let key = &reference.key;
    if grants.on(key) != Grant::Secrets {
        let why = "no rule lets the node read it in the clear; an administrator makes one with `roadstead param access put … --decrypt`";
        return refused(Some(key), true, why);
    }
    let version = match rows::find(tx, key, reference.selector.as_ref())? {
        Found::Version(version) if version.kind == Kind::SecureString => version,
        Found::Version(_) => return refused(Some(key), false, "the parameter is no SecureString; name it with `ssm:`"),
        Found::NoSuchVersion(_) => return refused(Some(key), false, "the parameter does not have this version or label any more"),
        Found::Nothing => return refused(Some(key), false, "there is no such parameter any more"),
    };
    let value = match sealer.open(tx, &version) {
        Ok(value) => value,
        Err(error) if error.status() >= 500 => return Err(error),
        Err(_) => return refused(Some(key), false, "the key that it is sealed under is disabled"),
    };
    if value.expose().len() > MAX_VALUE_BYTES || value.expose().contains('\0') {
        return refused(
            Some(key),
            false,
            "it is longer than 32 KiB or holds a null character, and so fits into no variable",
        );
    }
    let secret = RunSecret {
        reference: name.to_owned(),
        value,
    };
    Ok(Ok((reference.key.clone(), secret)))
}
