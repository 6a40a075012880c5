//! Brings what waits to its channels, each in a task of its own: one that is slow or away holds up no other. At least once: a
//! crash between the receiver's answer and ours sends again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;

use crate::base::id::random_hex;
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::Services;
use crate::hub::capabilities::notifications::channels::{self, Channel};
use crate::hub::capabilities::notifications::log::{self, KEPT};
use crate::hub::capabilities::notifications::senders;
use crate::hub::events::Event;
use crate::hub::jobs::Job;

/// Deliveries to one channel in its turn.
const BATCH: usize = 100;
const FIRST_WAIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// After so long it is given up.
const GIVEN_UP: Duration = Duration::from_secs(24 * 3600);
const MAX_ERROR: usize = 500;

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "notifications",
        period: Duration::from_secs(5),
        wakes: |event| matches!(event, Event::CommandChanged(_)),
        tick: |services| run(services).boxed(),
    }
}

/// The channels that are being served; there are at most as many as channels.
#[derive(Default)]
struct Busy(Mutex<BTreeSet<String>>);

/// A channel's turn: while it lasts, it gets no other.
struct Turn {
    busy: Arc<Busy>,
    channel: String,
}

impl Turn {
    fn begin(busy: Arc<Busy>, channel: String) -> Option<Self> {
        let is_free = busy.0.lock().unwrap_or_else(PoisonError::into_inner).insert(channel.clone());
        // Not made before it is known to be free: its end would free the channel of the turn that is under way.
        is_free.then(|| Self { busy, channel })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.busy.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.channel);
    }
}

async fn run(services: Arc<Services>) {
    if let Err(error) = turn(&services).await {
        tracing::warn!(error = %error, "notifications could not be read or written");
    }
}

async fn turn(services: &Arc<Services>) -> ApiResult<()> {
    let now = services.now();
    let (due, is_old) = services
        .read(move |tx| {
            let mut due = Vec::new();
            for channel in channels::sql::list(tx)? {
                if !log::sql::due(tx, &channel.name, now, 1)?.is_empty() {
                    due.push(channel.name);
                }
            }
            Ok((due, log::sql::has_ended_before(tx, now - KEPT)?))
        })
        .await?;
    for channel in due {
        let Some(turn) = Turn::begin(services.state(), channel) else {
            continue;
        };
        let (services, shutdown) = (services.clone(), services.shutdown.clone());
        let tasks = services.tasks.clone();
        tasks.spawn(async move { shutdown.run_until_cancelled(serve(&services, turn)).await });
    }
    if is_old {
        services.write(move |tx| Ok(log::sql::forget(tx, now - KEPT)?)).await?;
    }
    Ok(())
}

async fn serve(services: &Arc<Services>, turn: Turn) {
    if let Err(error) = deliver(services, &turn.channel).await {
        tracing::warn!(channel = %turn.channel, error = %error, "notifications could not be read or written");
    }
}

async fn deliver(services: &Arc<Services>, channel: &str) -> ApiResult<()> {
    let (now, channel) = (services.now(), channel.to_owned());
    let due = services.read(move |tx| Ok(log::sql::due(tx, &channel, now, BATCH)?)).await?;
    for id in due {
        // The first that fails says how it is with the channel; the others wait for their own time.
        if !attempt(services, id).await? {
            break;
        }
    }
    Ok(())
}

/// One delivery, and what came of it in the log; whether it went well, or there was nothing to do.
pub async fn attempt(services: &Arc<Services>, id: i64) -> ApiResult<bool> {
    let found = services
        .read(move |tx| {
            let Some((name, message, queued_at, attempts)) = log::sql::waiting(tx, id)? else {
                return Ok(None);
            };
            let channel: Option<Channel> = channels::sql::find(tx, &name)?;
            Ok(channel.map(|channel| (channel, message, queued_at, attempts)))
        })
        .await?;
    let Some((channel, message, queued_at, attempts)) = found else {
        return Ok(true);
    };
    let sent = senders::send(services, &channel, &message, id).await;
    let (now, is_sent) = (services.now(), sent.is_ok());
    services
        .write(move |tx| {
            match &sent {
                Ok(()) => log::sql::delivered(tx, id, now)?,
                Err(why) => {
                    let why: String = why.chars().take(MAX_ERROR).collect();
                    tracing::warn!(channel = %channel.name, error = %why, "a notification was not delivered");
                    log::sql::failed(tx, id, &why, again_at(queued_at, attempts + 1, now), now)?;
                }
            }
            Ok(())
        })
        .await?;
    Ok(is_sent)
}

/// When it is tried again; `None` once it is too old.
fn again_at(queued_at: Timestamp, failures: i64, now: Timestamp) -> Option<Timestamp> {
    let random = u32::from_str_radix(&random_hex(4), 16).unwrap_or(0);
    let wait = (FIRST_WAIT * (1 << (failures - 1).clamp(0, 12))).min(LONGEST_WAIT);
    let wait = wait * 3 / 4 + wait / 2 * random / 0xffff;
    (now.since(queued_at) < GIVEN_UP).then(|| now + wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_has_one_turn_at_a_time_and_others_have_theirs() {
        let busy = Arc::new(Busy::default());
        let begin = |channel: &str| Turn::begin(busy.clone(), channel.to_owned());
        let first = begin("a").unwrap();
        assert!(begin("a").is_none() && begin("b").is_some());
        assert!(begin("a").is_none(), "a turn that was refused frees nothing");
        drop(first);
        assert!(begin("a").is_some());
    }

    #[test]
    fn waiting_grows_and_ends() {
        let queued = Timestamp::from_millis(0);
        for failures in 1..40 {
            let wait = again_at(queued, failures, queued).unwrap().since(queued);
            assert!(wait >= FIRST_WAIT * 3 / 4 && wait <= LONGEST_WAIT * 5 / 4, "{failures}: {wait:?}");
        }
        assert!(again_at(queued, 1, queued).unwrap().since(queued) <= FIRST_WAIT * 5 / 4);
        assert_eq!(again_at(queued, 9, queued + GIVEN_UP), None);
    }
}
