//! Brings what waits to its channels, each in a task of its own: one that is slow or away holds up no other. At least once: a
//! crash between the receiver's answer and ours sends again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::base::ApiResult;
use crate::hub::api::Services;
use crate::hub::capabilities::notifications::channels::{self, Channel};
use crate::hub::capabilities::notifications::log::{self, KEPT};
use crate::hub::capabilities::notifications::senders;
use crate::hub::capabilities::notifications::undelivered::Undelivered;
use crate::hub::events::Event;
use crate::hub::jobs::Job;
use crate::hub::jobs::queue::{self, Busy, again_at};

/// Deliveries to one channel that are read at once.
const BATCH: usize = 100;

type Turn = queue::Turn<Notifications>;

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "notifications",
        period: Duration::from_secs(5),
        wakes: |event| matches!(event, Event::CommandChanged(_) | Event::NotificationDue),
        tick: |services| run(services).boxed(),
    }
}

/// Names this queue among others.
struct Notifications;

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
        let Some(turn) = Turn::begin(services.state::<Busy<Notifications>>(), channel) else {
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

async fn serve(services: &Arc<Services>, mut turn: Turn) {
    loop {
        if let Err(error) = deliver(services, &turn.receiver).await {
            tracing::warn!(channel = %turn.receiver, error = %error, "notifications could not be read or written");
        }
        if !turn.goes_on() {
            return;
        }
    }
}

/// Everything that is due for a channel, until one says that the channel is not well: the others wait for their own time.
async fn deliver(services: &Arc<Services>, channel: &str) -> ApiResult<()> {
    loop {
        let (now, lane) = (services.now(), channel.to_owned());
        let due = services.read(move |tx| Ok(log::sql::due(tx, &lane, now, BATCH)?)).await?;
        let is_last = due.len() < BATCH;
        for id in due {
            if !attempt(services, id).await? {
                return Ok(());
            }
        }
        if is_last {
            return Ok(());
        }
    }
}

/// One delivery, and what came of it in the log; whether the channel is well, which one that refuses this message is.
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
    let (now, is_well) = (services.now(), !matches!(sent, Err(Undelivered::ForNow(_))));
    services
        .write(move |tx| {
            let Err(undelivered) = sent else {
                return Ok(log::sql::delivered(tx, id, now)?);
            };
            let why = queue::reason(undelivered.words());
            tracing::warn!(channel = %channel.name, error = %why, "a notification was not delivered");
            let again = match undelivered {
                Undelivered::ForNow(_) if !message.is_tried_once() => again_at(queued_at, attempts + 1, now),
                _ => None,
            };
            Ok(log::sql::failed(tx, id, &why, again, now)?)
        })
        .await?;
    Ok(is_well)
}
