//! Brings heads and rows to the receivers. The database is the queue: what a receiver has not confirmed is read again, so a
//! crash loses nothing and a receiver that is away fills no memory. At least once: lines carry their number.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::Mutex;

use crate::base::id::random_hex;
use crate::base::{ApiResult, Timestamp};
use crate::hub::api::Services;
use crate::hub::audit::offline::{AuditEvent, Line};
use crate::hub::audit::row::Row;
use crate::hub::audit::{self, heads};
use crate::hub::capabilities::audit_log::shipping::{self, Settings, Ship, Sink, State};
use crate::hub::capabilities::audit_log::sinks;
use crate::hub::jobs::Job;
use crate::hub::store::{StoreError, Tx};

/// How soon what was signed is on its way.
const PERIOD: Duration = Duration::from_secs(5);
/// Rows, and heads, of one delivery.
const BATCH: usize = 500;
/// Rows read at once, and the text of a delivery at which no further ones are: a row with ten thousand nodes has 0.2 MB of it.
const READ: usize = 50;
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// Deliveries to one receiver in its turn, which ends after [`PERIOD`] in any case: the others wait for it.
const BATCHES: usize = 20;
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(600);

pub fn jobs() -> Vec<Job<Arc<Services>>> {
    vec![Job {
        name: "audit-shipping",
        period: PERIOD,
        wakes: |_| false,
        tick: |services| deliver(services).boxed(),
    }]
}

/// Only one delivery at a time, whoever asked for it.
#[derive(Default)]
struct Busy(Mutex<()>);

/// One number of lines on their way, and how far they reach.
#[derive(Clone, Debug)]
pub struct Batch {
    pub lines: Vec<Line>,
    head_seq: i64,
    row_seq: i64,
}

/// Ships what waits, to all receivers side by side: one that is slow holds up the others for one delivery at most.
pub async fn deliver(services: Arc<Services>) {
    let busy = services.state::<Busy>();
    let Ok(_alone) = busy.0.try_lock() else { return };
    let settings = match services.read(|tx| Ok(shipping::settings(tx)?)).await {
        Ok(settings) => settings,
        Err(error) => return tracing::warn!(error = %error, "the settings of audit shipping could not be read"),
    };
    let sinks = Sink::ALL.into_iter().filter_map(|sink| Some((sink, settings.ship(sink)?)));
    let deliveries = sinks.map(|(sink, ship)| serve(&services, &settings, sink, ship));
    for (sink, served) in futures_util::future::join_all(deliveries).await {
        if let Err(error) = served {
            tracing::warn!(%sink, error = %error, "the state of audit shipping could not be read or written");
        }
    }
}

async fn serve(services: &Arc<Services>, settings: &Settings, sink: Sink, ship: Ship) -> (Sink, ApiResult<()>) {
    let begun = Instant::now();
    for _ in 0..BATCHES {
        match serve_once(services, settings, sink, ship).await {
            Ok(true) if begun.elapsed() < PERIOD => {}
            Ok(_) => break,
            Err(error) => return (sink, Err(error)),
        }
    }
    (sink, Ok(()))
}

/// Whether there may be more to ship at once.
async fn serve_once(services: &Arc<Services>, settings: &Settings, sink: Sink, ship: Ship) -> ApiResult<bool> {
    let now = services.now();
    let (mut state, batch) = services
        .read(move |tx| {
            let state = shipping::state(tx, sink)?;
            let batch = gather(tx, &state, ship)?;
            Ok((state, batch))
        })
        .await?;
    // A wait longer than any is a clock that was set back since.
    let waits = state.next_attempt_at > now && state.next_attempt_at <= now + 2 * LONGEST_WAIT;
    if batch.lines.is_empty() || waits {
        return Ok(false);
    }
    let sent = sinks::send(services, settings, sink, &batch).await;
    let is_sent = sent.is_ok();
    match sent {
        Ok(()) => {
            state.head_seq = batch.head_seq;
            state.row_seq = batch.row_seq;
            state.delivered_at = Some(services.now());
            state.failures = 0;
            state.last_error.clear();
        }
        Err(why) => {
            state.failures += 1;
            state.next_attempt_at = services.now() + backoff(state.failures);
            state.last_error = why.chars().take(500).collect();
            state.last_error_at = Some(services.now());
            tracing::warn!(%sink, failures = state.failures, error = %state.last_error, "the audit log could not be shipped");
        }
    }
    let under = settings.clone();
    services.write(move |tx| Ok(shipping::note(tx, sink, &under, &state)?)).await?;
    Ok(is_sent)
}

/// The next rows and heads in the order of their numbers; a head never before the row it was signed for.
fn gather(tx: &Tx<'_>, state: &State, ship: Ship) -> Result<Batch, StoreError> {
    let rows = match ship {
        Ship::Heads => Vec::new(),
        Ship::Rows => next_rows(tx, state.row_seq)?,
    };
    let reached = match ship {
        Ship::Heads => i64::MAX,
        Ship::Rows => rows.last().map_or(state.row_seq, |row| row.seq),
    };
    let heads = heads::after(tx, state.head_seq, BATCH)?;
    let heads: Vec<_> = heads.into_iter().take_while(|head| head.seq <= reached).collect();
    let head_seq = heads.last().map_or(state.head_seq, |head| head.seq);
    let row_seq = rows.last().map_or(state.row_seq, |row| row.seq);
    let mut lines: Vec<(i64, Line)> = rows
        .into_iter()
        .map(|row| (row.seq, Line::Event(Box::new(AuditEvent::from(row)))))
        .collect();
    lines.extend(heads.into_iter().map(|head| (head.seq, Line::Head { head })));
    // Stable: the row stands before the head with its number.
    lines.sort_by_key(|(seq, _)| *seq);
    Ok(Batch {
        lines: lines.into_iter().map(|(_, line)| line).collect(),
        head_seq,
        row_seq,
    })
}

/// As many as make one delivery.
fn next_rows(tx: &Tx<'_>, after: i64) -> Result<Vec<Row>, StoreError> {
    let (mut rows, mut bytes): (Vec<Row>, usize) = (Vec::new(), 0);
    while rows.len() < BATCH {
        let reached = rows.last().map_or(after, |row| row.seq);
        let more = audit::rows_after(tx, reached, READ.min(BATCH - rows.len()))?;
        if more.is_empty() {
            break;
        }
        for row in more {
            bytes += row.size_bytes();
            if bytes > BATCH_BYTES && !rows.is_empty() {
                return Ok(rows);
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

/// Doubles with each failure, and varies by a quarter, so that many hubs do not come back at once.
fn backoff(failures: i64) -> Duration {
    let doubled = FIRST_WAIT * (1 << failures.clamp(1, 8)) / 2;
    let random = u32::from_str_radix(&random_hex(4), 16).unwrap_or(0);
    let wait = doubled.min(LONGEST_WAIT);
    wait * 3 / 4 + wait / 2 * random / 0xffff
}

impl Batch {
    #[cfg(test)]
    pub fn of(lines: Vec<Line>) -> Self {
        Self {
            lines,
            head_seq: 0,
            row_seq: 0,
        }
    }

    /// The lines as text, each ended.
    pub fn text(&self) -> String {
        Self::joined(&self.lines)
    }

    /// The lines that follow this one, all of them when it is not among them.
    pub fn text_after(&self, last: Option<&Line>) -> String {
        let known = self.lines.iter().rposition(|line| Some(line) == last);
        Self::joined(&self.lines[known.map_or(0, |at| at + 1)..])
    }

    fn joined(lines: &[Line]) -> String {
        let mut text = String::new();
        for line in lines {
            text.push_str(&serde_json::to_string(line).expect("our own types serialise"));
            text.push('\n');
        }
        text
    }
}

/// When something happened, for receivers that want to know beside the line.
pub fn at(line: &Line) -> Timestamp {
    match line {
        Line::Event(event) => event.at,
        Line::Head { head } | Line::Bare(head) => head.at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::audit::{Entry, Keeper, record};
    use crate::hub::keys::HubKeys;
    use crate::hub::store::Store;

    #[test]
    fn waiting_grows_and_stays_below_a_quarter_of_an_hour() {
        for failures in 1..100 {
            let wait = backoff(failures);
            assert!(wait >= FIRST_WAIT * 3 / 4 && wait <= LONGEST_WAIT * 5 / 4, "{failures}: {wait:?}");
        }
        assert!(backoff(1) <= FIRST_WAIT * 5 / 4);
    }

    #[tokio::test]
    async fn a_delivery_has_a_size() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let filled = store.write(move |tx| {
            let nodes: Vec<_> = (0..10_000).map(|_| crate::base::id::NodeId::random()).collect();
            for seq in 1..=12 {
                tx.note(|notes| notes.nodes.clone_from(&nodes));
                record(
                    tx,
                    Entry::by_hub(Timestamp::from_millis(seq), "roadstead:Test", "hub".into(), String::new()),
                );
            }
            Ok::<_, StoreError>(())
        });
        filled.await.unwrap();
        let batch = store
            .read(|tx| gather(tx, &shipping::state(tx, Sink::File)?, Ship::Rows))
            .await
            .unwrap();
        assert!((1..12).contains(&batch.lines.len()), "{}", batch.lines.len());
        let length = batch.text().len();
        assert!(length < 2 * BATCH_BYTES, "{length}");
        assert_eq!(batch.row_seq, batch.lines.len() as i64);
    }

    #[tokio::test]
    async fn a_head_follows_the_row_it_was_signed_for() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let keeper = Arc::new(Keeper::new(HubKeys::of_seed(&[1; 32]), dir.path().to_owned()));
        let headed = [1..=3, 4..=BATCH as i64 + 5, BATCH as i64 + 6..=BATCH as i64 + 10];
        for (is_last, seqs) in headed.into_iter().enumerate().map(|(i, seqs)| (i == 2, seqs)) {
            let (last, keeper) = (Timestamp::from_millis(*seqs.end()), keeper.clone());
            let filled = store.write(move |tx| {
                for seq in seqs {
                    let at = Timestamp::from_millis(seq);
                    record(tx, Entry::by_hub(at, "roadstead:Test", "hub".into(), String::new()));
                }
                Ok::<_, StoreError>(())
            });
            filled.await.unwrap();
            if !is_last {
                store.write(move |tx| keeper.sign_head(tx, last)).await.unwrap();
            }
        }
        let (first, second, heads_only) = store
            .read(|tx| {
                let mut state = shipping::state(tx, Sink::File)?;
                let first = gather(tx, &state, Ship::Rows)?;
                let heads_only = gather(tx, &state, Ship::Heads)?;
                (state.head_seq, state.row_seq) = (first.head_seq, first.row_seq);
                Ok::<_, StoreError>((first, gather(tx, &state, Ship::Rows)?, heads_only))
            })
            .await
            .unwrap();
        let is_head = |line: &Line| matches!(line, Line::Head { .. });
        assert_eq!((first.lines.len(), first.head_seq, first.row_seq), (BATCH + 1, 3, BATCH as i64));
        assert!(is_head(&first.lines[3]));
        assert_eq!((second.lines.len(), second.head_seq), (11, BATCH as i64 + 5));
        assert_eq!(heads_only.lines.iter().filter(|line| is_head(line)).count(), 2);
        assert_eq!(heads_only.lines.len(), 2);
    }
}
