//! `{{ssm-secure:…}}` in a command: who may send it, and what its nodes are given.
//!
//! The hub opens nothing when a command is sent: it looks whether the sender may read each secret and whether it is there. What
//! a node gets is decided when its run asks, by the rules for that node ([`crate::hub::capabilities::parameters::run_secrets`]).
//! Which secrets a run names is read from the command's own row, so that no node names one by itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use zeroize::Zeroizing;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Reports, Services, Target};
use crate::hub::capabilities::commands::open_orders::{NOT_OPEN, OpenOrder};
use crate::hub::capabilities::parameters;
use crate::hub::capabilities::parameters::kinds::Kind;
use crate::hub::capabilities::parameters::rows::{self, Found};
use crate::hub::capabilities::parameters::run_secrets;
use crate::hub::store::Tx;
use crate::model::document::secrets::{MAX_SECRETS, parameter_of, wanted};
use crate::model::parameter::Reference;
use crate::wire::control::ToHub;
use crate::wire::parameters::RunSecrets;

pub fn reports(reports: &mut Reports) {
    reports.on_frame(
        |frame| matches!(frame, ToHub::WantSecrets { .. }),
        |services, node, frame| {
            async move {
                if let ToHub::WantSecrets { run } = frame {
                    asked(&services, &node, run).await;
                }
            }
            .boxed()
        },
    );
}

/// *Errors*: `AccessDeniedException` for a secret that the sender may not read, `InvalidParameters` for one that is not there or
/// is none.
pub async fn check(cx: &Cx, names: BTreeSet<String>) -> ApiResult<()> {
    if names.is_empty() {
        return Ok(());
    }
    if names.len() > MAX_SECRETS {
        let message = format!("the command names {} secrets; {MAX_SECRETS} are possible", names.len());
        return Err(ApiError::new("InvalidParameters", message));
    }
    let rights = cx.clone();
    cx.read(move |tx| names.iter().try_for_each(|name| check_one(&rights, tx, name)))
        .await
}

fn check_one(cx: &Cx, tx: &Tx<'_>, name: &str) -> ApiResult<()> {
    let refused = |why: &str| Err(ApiError::new("InvalidParameters", format!("the reference `{{{{{name}}}}}` {why}")));
    let parameter = parameter_of(name).unwrap_or(name);
    let Ok(reference) = Reference::parse(parameter) else {
        return refused("is not the name of a parameter");
    };
    let target = Target::Resource(parameters::KIND, parameters::id_of(parameter));
    cx.permit_for(tx, "ssm:GetParameter", &target)?;
    match rows::find(tx, &reference.key, reference.selector.as_ref())? {
        Found::Version(version) if version.kind == Kind::SecureString => Ok(()),
        Found::Version(_) => refused("names a parameter that is no SecureString: name it with `ssm:`"),
        Found::NoSuchVersion(_) => refused("names a version or label that is not there"),
        Found::Nothing => refused("names a parameter that is not there"),
    }
}

/// A run asks. It always gets an answer while it is connected, for it waits.
async fn asked(services: &Arc<Services>, node: &NodeId, run: CommandId) {
    let answer = answer(services, node, &run).await.unwrap_or_else(|error| {
        tracing::error!(node_id = %node, command_id = %run, %error, "a run's secrets could not be opened");
        refusal(&run, "the hub could not open the secrets that the command names; its log says why")
    });
    let body = match serde_json::to_vec(&answer) {
        Ok(json) => Bytes::from_owner(Zeroizing::new(json)),
        Err(error) => return tracing::error!(command_id = %run, %error, "an answer could not be written"),
    };
    if let Err(error) = services.link().secrets(node, body).await {
        tracing::warn!(node_id = %node, command_id = %run, %error, "a run did not get its secrets; it asks again after its next connect");
    }
}

async fn answer(services: &Arc<Services>, node: &NodeId, run: &CommandId) -> ApiResult<RunSecrets> {
    let Some(order) = OpenOrder::of(services, run, node).await? else {
        return Ok(refusal(run, NOT_OPEN));
    };
    match order.resolved() {
        Ok(resolved) => run_secrets::give(services, node, run, wanted(&resolved, order.documents.values())).await,
        Err(why) => Ok(refusal(run, &why)),
    }
}

fn refusal(run: &CommandId, why: &str) -> RunSecrets {
    RunSecrets {
        run: run.clone(),
        secrets: Vec::new(),
        problem: Some(why.to_owned()),
    }
}
