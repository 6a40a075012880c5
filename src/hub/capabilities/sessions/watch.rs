//! Who is attached is asked again: when rights or what they go by change, when logins end, and when the hub is frozen.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::base::ApiResult;
use crate::base::id::SessionId;
use crate::hub::api::Services;
use crate::hub::auth::{Caller, Proof, policy};
use crate::hub::capabilities::sessions::Live;
use crate::hub::capabilities::sessions::lifecycle::{self, Event};
use crate::hub::capabilities::sessions::seats::Notice;
use crate::hub::events;
use crate::hub::jobs::Job;

/// Events may be lost, and logins also end by time; looked at anew this often.
const PERIOD: Duration = Duration::from_secs(30);

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "session rights",
        period: PERIOD,
        wakes: |event| {
            matches!(
                event,
                events::Event::RightsChanged | events::Event::LabelsChanged | events::Event::LoginsChanged | events::Event::FreezeChanged
            )
        },
        tick: |services| run(services).boxed(),
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    MayStay,
    /// The right is gone: the shell ends.
    NotAllowed,
    /// The login or key is gone, the right is not: the shell waits for its owner.
    LoginOver,
}

async fn run(services: Arc<Services>) {
    let live = services.state::<Live>();
    for (session, caller) in live.seats.taken() {
        if services.freeze.is_on() {
            live.seats.let_go(&session, Notice::Frozen);
            continue;
        }
        match judge(&services, &session, &caller).await {
            Ok(Verdict::MayStay) => {}
            Ok(Verdict::NotAllowed) => end(&services, &session, &caller.name).await,
            Ok(Verdict::LoginOver) => live.seats.let_go(&session, Notice::LoginOver),
            Err(error) => tracing::error!(error = %error, "whether a session may go on could not be read"),
        }
    }
}

/// Whether whoever is attached, or about to be, may be at this session, by the login they came with.
pub async fn judge(services: &Services, session: &SessionId, caller: &Caller) -> ApiResult<Verdict> {
    if caller.proof == Proof::Local {
        return Ok(Verdict::MayStay);
    }
    let caller = match services.rights.equip(&services.store, caller.clone()).await {
        Ok(caller) => caller,
        Err(error) if error.code == "UnrecognizedClientException" => return Ok(Verdict::NotAllowed),
        Err(error) => return Err(error),
    };
    let (id, asked) = (session.clone(), caller.clone());
    let is_allowed = services.read(move |tx| {
        let Some(found) = lifecycle::sql::find(tx, &id)? else {
            return Ok(true);
        };
        for (action, target) in found.needs(&asked.name) {
            if policy::decide_in(tx, &asked, action, &target)?.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    });
    if !is_allowed.await? {
        return Ok(Verdict::NotAllowed);
    }
    match services.still_counts(&caller).await? {
        true => Ok(Verdict::MayStay),
        false => Ok(Verdict::LoginOver),
    }
}

async fn end(services: &Arc<Services>, session: &SessionId, name: &str) {
    let (bus, now, id) = (services.bus.clone(), services.now(), session.clone());
    let details = format!("`{name}` may no longer use this node, or the document of the session");
    let ended = services.write(move |tx| Ok(lifecycle::advance(tx, &bus, &id, Event::HubEnded, &details, now)?));
    match ended.await {
        Ok(_) => {
            let _they_may_have_left = services.state::<Live>().seats.terminate(session, "the hub");
        }
        Err(error) => tracing::error!(error = %error, "a session could not be ended"),
    }
}
