//! What happens when the hub's clock is set: deadlines move along, and agents are told the new time.
//!
//! No caller comes here; [`before`] is asked before every tick of every job, so that none of them takes a jump for the passing
//! of time. Absolute moments that somebody chose (the end of an activation or of a key) stay where they are.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::base::id::NodeId;
use crate::hub::api::Services;
use crate::hub::store::{StoreError, Tx};
use crate::wire::control::ToAgent;

/// Held while deadlines are moved: a tick in between would see the new time and the old deadlines.
#[derive(Default)]
struct Turn(tokio::sync::Mutex<()>);

/// Looks at the clock; costs two readings while it was not set.
pub fn before(services: Arc<Services>) -> BoxFuture<'static, ()> {
    async move {
        let turn = services.state::<Turn>();
        let _held = turn.0.lock().await;
        let jump_ms = services.time.jump_ms(&services.clock);
        if jump_ms != 0 {
            follow(&services, jump_ms).await;
        }
    }
    .boxed()
}

async fn follow(services: &Services, jump_ms: i64) {
    tracing::warn!(jump_ms, "the hub's clock was set; deadlines move along");
    let moved = services.write(move |tx| Ok(shift(tx, jump_ms)?));
    let online = match moved.await {
        Ok(online) => online,
        Err(error) => return tracing::error!(error = %error, "deadlines were not moved along with the hub's clock"),
    };
    let now_ms = services.now().millis();
    for node in online {
        // One whose queue is full is told at its next connect.
        let _ = services.link().send(&node, &ToAgent::Time { now_ms });
    }
}

/// Moves what counts from a moment in the past; answers who is connected.
pub fn shift(tx: &Tx<'_>, by_ms: i64) -> Result<Vec<NodeId>, StoreError> {
    for sql in sql::DEADLINES {
        tx.execute(sql, &[(":by", by_ms.into())])?;
    }
    sql::online(tx)
}

mod sql {
    use super::*;

    pub const DEADLINES: &[&str] = &[
        "UPDATE login_session SET created_at = created_at + :by, last_seen_at = last_seen_at + :by, expires_at = expires_at + :by,
             stepped_up_until = stepped_up_until + :by",
        "UPDATE temporary_key SET created_at = created_at + :by, expires_at = expires_at + :by",
        "UPDATE access_key SET stepped_up_until = stepped_up_until + :by WHERE stepped_up_until IS NOT NULL",
        "UPDATE invocation SET start_before = start_before + :by, expires_at = expires_at + :by WHERE ended_at IS NULL",
        "UPDATE command SET start_before = start_before + :by, expires_at = expires_at + :by WHERE completed_count < target_count",
        "UPDATE command_approval SET requested_at = requested_at + :by, expires_at = expires_at + :by WHERE decision IS NULL",
        "UPDATE session SET detached_at = detached_at + :by WHERE ended_at IS NULL AND detached_at IS NOT NULL",
    ];

    pub fn online(tx: &Tx<'_>) -> Result<Vec<NodeId>, StoreError> {
        tx.rows("SELECT id FROM node WHERE status = 'Online' AND removed_at IS NULL", &[], |row| {
            row.get("id")
        })
    }
}
