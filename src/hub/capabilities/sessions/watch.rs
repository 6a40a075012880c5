//! Who is attached is asked again: when rights change, and when the hub is frozen.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::base::ApiResult;
use crate::base::id::SessionId;
use crate::hub::api::{Services, Target};
use crate::hub::auth::{Caller, Proof, policy};
use crate::hub::capabilities::fleet::nodes;
use crate::hub::capabilities::sessions::lifecycle::{self, Event};
use crate::hub::capabilities::sessions::{KIND, Live};
use crate::hub::events;
use crate::hub::jobs::Job;

/// Events may be lost; looked at anew this often.
const PERIOD: Duration = Duration::from_secs(30);
/// How the hub's own shell is called; its rights never change.
const LOCAL: &str = "local";

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "session rights",
        period: PERIOD,
        wakes: |event| matches!(event, events::Event::RightsChanged | events::Event::FreezeChanged),
        tick: |services| run(services).boxed(),
    }
}

async fn run(services: Arc<Services>) {
    let live = services.state::<Live>();
    for (session, name) in live.seats.taken() {
        if services.freeze.is_on() {
            live.seats.let_go(&session);
            continue;
        }
        match may_stay(&services, &session, &name).await {
            Ok(true) => {}
            Ok(false) => end(&services, &session, &name).await,
            Err(error) => tracing::error!(error = %error, "whether a session may go on could not be read"),
        }
    }
}

/// Whether this user may still open a shell on the session's node, and take this one up.
async fn may_stay(services: &Services, session: &SessionId, name: &str) -> ApiResult<bool> {
    if name == LOCAL {
        return Ok(true);
    }
    let Some(rights) = services.rights.of(&services.store, name).await? else {
        return Ok(false);
    };
    let mut caller = Caller::new(name, Proof::Session(String::new()));
    caller.rights = rights;
    let id = session.clone();
    services
        .read(move |tx| {
            let Some(found) = lifecycle::sql::find(tx, &id)? else {
                return Ok(true);
            };
            let node = Target::Resource(nodes::KIND, found.node.to_string());
            let itself = Target::Resource(KIND, id.as_str().to_owned());
            let may_start = policy::decide_in(tx, &caller, "ssm:StartSession", &node)?.is_ok();
            let is_own = found.owner == caller.name;
            let may_resume = policy::decide_in(tx, &caller, "ssm:ResumeSession", &itself)?.is_ok();
            Ok(if is_own { may_start } else { may_resume })
        })
        .await
}

async fn end(services: &Arc<Services>, session: &SessionId, name: &str) {
    let (bus, now, id) = (services.bus.clone(), services.now(), session.clone());
    let details = format!("`{name}` may no longer use this node");
    let ended = services.write(move |tx| Ok(lifecycle::advance(tx, &bus, &id, Event::HubEnded, &details, now)?));
    match ended.await {
        Ok(_) => {
            let _they_may_have_left = services.state::<Live>().seats.terminate(session, "the hub");
        }
        Err(error) => tracing::error!(error = %error, "a session could not be ended"),
    }
}
