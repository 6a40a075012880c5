//! Who was shown a secret: an audit row before the answer, without a commit for each of a thousand equal reads.
//!
//! The first read of a parameter by a caller from an address is committed before the answer and opens a window of a minute.
//! Further reads in it are only counted; when the window is over their number becomes one more row. So the log says who
//! could know a secret from when on even if the hub dies in between, and a service that reads in a loop costs no disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;

use crate::base::{ApiResult, Timestamp, count};
use crate::hub::api::{Cx, Services, Target};
use crate::hub::audit::{self, Outcome};
use crate::hub::capabilities::parameters::KIND;
use crate::hub::jobs::Job;
use crate::model::parameter::ParameterKey;

const WINDOW: Duration = Duration::from_secs(60);
const PERIOD: Duration = Duration::from_secs(20);
/// Windows in memory; with more than that, every read is committed.
const MAX_WINDOWS: usize = 100_000;

/// The open windows. Losing them loses counts, never the fact that somebody read something.
#[derive(Default)]
pub struct ReadLog(Mutex<HashMap<Seen, Window>>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Seen {
    caller: String,
    address: String,
    operation: String,
    key: ParameterKey,
}

struct Window {
    opened_at: Timestamp,
    more: u64,
}

/// Who reads, and on which occasion.
pub struct Reading {
    pub request_id: String,
    pub caller: String,
    pub address: String,
    pub operation: String,
    pub at: Timestamp,
}

/// Records that the caller is about to be shown these secrets; comes back when that is durable.
pub async fn note(cx: &Cx, keys: Vec<ParameterKey>) -> ApiResult<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let reading = Reading {
        request_id: cx.request().id.clone(),
        caller: cx.caller().to_string(),
        address: cx.request().address.clone(),
        operation: cx.request().action.clone(),
        at: cx.now(),
    };
    record(&cx.services, &reading, keys).await
}

/// The same for a reader that is no caller of the API.
pub async fn record(services: &Services, reading: &Reading, keys: Vec<ParameterKey>) -> ApiResult<()> {
    let log: Arc<ReadLog> = services.state();
    let seen = |key: ParameterKey| Seen {
        caller: reading.caller.clone(),
        address: reading.address.clone(),
        operation: reading.operation.clone(),
        key,
    };
    let fresh: Vec<Seen> = keys.into_iter().map(seen).filter(|one| !log.counts(one, reading.at)).collect();
    if fresh.is_empty() {
        return Ok(());
    }
    let entries: Vec<audit::Entry> = fresh
        .iter()
        .map(|one| entry(one, reading.at, reading.request_id.clone(), "the secret was read".into()))
        .collect();
    services
        .write(move |tx| {
            entries.into_iter().for_each(|entry| audit::record(tx, entry));
            Ok(())
        })
        .await?;
    log.open(fresh, reading.at);
    Ok(())
}

impl ReadLog {
    /// Whether an open window took it.
    fn counts(&self, seen: &Seen, now: Timestamp) -> bool {
        let mut windows = self.0.lock().expect("no code panics while it holds the windows");
        let Some(window) = windows.get_mut(seen).filter(|w| is_open(w, now)) else {
            return false;
        };
        window.more += 1;
        true
    }

    fn open(&self, fresh: Vec<Seen>, now: Timestamp) {
        let mut windows = self.0.lock().expect("no code panics while it holds the windows");
        for seen in fresh {
            if windows.len() >= MAX_WINDOWS {
                return;
            }
            // A window that is over but not written yet keeps its count.
            let more = windows.get(&seen).map_or(0, |w| w.more);
            windows.insert(seen, Window { opened_at: now, more });
        }
    }

    /// Takes the windows that are over.
    fn take_closed(&self, now: Timestamp) -> Vec<(Seen, Window)> {
        let mut windows = self.0.lock().expect("no code panics while it holds the windows");
        windows.extract_if(|_, w| !is_open(w, now)).collect()
    }
}

fn is_open(window: &Window, now: Timestamp) -> bool {
    now.since(window.opened_at) < WINDOW && window.opened_at.since(now) < WINDOW
}

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "secret reads",
        period: PERIOD,
        wakes: |_| false,
        tick: |services| write_counts(services).boxed(),
    }
}

async fn write_counts(services: Arc<Services>) {
    let now = services.now();
    let closed = services.state::<ReadLog>().take_closed(now);
    let entries: Vec<audit::Entry> = closed
        .into_iter()
        .filter(|(_, window)| window.more > 0)
        .map(|(seen, window)| {
            let words = format!("the secret was read {} since {}", count(window.more, "more time"), window.opened_at);
            entry(&seen, now, audit::request_id(now), words)
        })
        .collect();
    if entries.is_empty() {
        return;
    }
    let written = services.write(move |tx| {
        entries.into_iter().for_each(|entry| audit::record(tx, entry));
        Ok(())
    });
    if let Err(error) = written.await {
        tracing::error!(error = %error, "the number of further reads of secrets was not written");
    }
}

fn entry(seen: &Seen, at: Timestamp, request_id: String, detail: String) -> audit::Entry {
    audit::Entry {
        at,
        request_id,
        caller: seen.caller.clone(),
        address: seen.address.clone(),
        operation: seen.operation.clone(),
        target: Target::Resource(KIND, seen.key.to_string()).to_string(),
        outcome: Outcome::Done,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_for_a_minute_and_is_then_taken_once() {
        let log = ReadLog::default();
        let seen = Seen {
            caller: "user:ann".into(),
            address: "::1".into(),
            operation: "ssm:GetParameter".into(),
            key: ParameterKey::for_writing("db").unwrap(),
        };
        let start = Timestamp::from_millis(1_700_000_000_000);
        assert!(!log.counts(&seen, start));
        log.open(vec![seen.clone()], start);
        assert!(log.counts(&seen, start + Duration::from_secs(59)));
        assert!(log.take_closed(start + Duration::from_secs(59)).is_empty());
        assert!(!log.counts(&seen, start + WINDOW));
        let closed = log.take_closed(start + WINDOW);
        assert_eq!(closed.iter().map(|(_, w)| w.more).collect::<Vec<_>>(), [1]);
        assert!(log.take_closed(start + WINDOW).is_empty());
    }
}
