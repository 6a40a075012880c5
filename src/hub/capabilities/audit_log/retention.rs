//! How long rows stay in the database: for ever, or so many days, after which they go into signed, compressed files.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Services, Target};
use crate::hub::audit::archive::{self, SEGMENT_ROWS, SEGMENTS, Segment};
use crate::hub::audit::chain::{DATABASE, Extent, KnownHead, Link, Verifier};
use crate::hub::audit::heads::{self, FOLDER};
use crate::hub::audit::row::Row;
use crate::hub::audit::{self, Entry};
use crate::hub::capabilities::audit_log::{is_whole, shipping};
use crate::hub::jobs::Job;
use crate::hub::store::{StoreError, Tx};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Less than a week would make the log of last weekend a matter of files.
const FEWEST_DAYS: i64 = 7;
const MOST_DAYS: i64 = 36_500;
const SETTING: &str = "audit_keep_days";

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "GetAuditRetention",
        |_: &Empty| Target::Hub,
        get_audit_retention,
    )
    .write(
        Service::Roadstead,
        "PutAuditRetention",
        |_: &PutRetentionRequest| Target::Hub,
        put_audit_retention,
    );
}

pub fn jobs() -> Vec<Job<Arc<Services>>> {
    vec![Job {
        name: "audit-archive",
        period: Duration::from_secs(3600),
        wakes: |_| false,
        tick: |services| archive(services).boxed(),
    }]
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Empty {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct RetentionResult {
    /// Absent: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_days: Option<i64>,
    /// Where archived rows lie, in the hub's data folder.
    folder: String,
    segments: Vec<SegmentView>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct SegmentView {
    first_seq: i64,
    last_seq: i64,
    archived_at: Timestamp,
    file: String,
    /// As `sha256sum` prints it.
    sha256: String,
}

async fn get_audit_retention(cx: Cx, _request: Empty) -> ApiResult<RetentionResult> {
    is_whole(&cx)?;
    let (keep_days, segments) = cx.read(|tx| Ok((sql::keep_days(tx)?, archive::segments(tx)?))).await?;
    Ok(RetentionResult {
        keep_days,
        folder: format!("{FOLDER}/{SEGMENTS}"),
        segments: segments
            .into_iter()
            .map(|segment| SegmentView {
                first_seq: segment.first_seq,
                last_seq: segment.last_seq,
                archived_at: segment.at,
                sha256: archive::hex(&segment.file_hash),
                file: segment.file,
            })
            .collect(),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct PutRetentionRequest {
    /// Absent: for ever.
    keep_days: Option<i64>,
}

async fn put_audit_retention(cx: Cx, request: PutRetentionRequest) -> ApiResult<Empty> {
    is_whole(&cx)?;
    if request.keep_days.is_some_and(|days| !(FEWEST_DAYS..=MOST_DAYS).contains(&days)) {
        return Err(ApiError::validation(format!(
            "`KeepDays` is a number from {FEWEST_DAYS} to {MOST_DAYS}, or absent to keep rows for ever"
        )));
    }
    let words = match request.keep_days {
        Some(days) => format!("rows are archived after {days} days"),
        None => "rows are kept for ever".into(),
    };
    cx.write(move |tx| {
        tx.note(|notes| notes.detail = words);
        Ok(sql::set_keep_days(tx, request.keep_days)?)
    })
    .await?;
    Ok(Empty {})
}

async fn archive(services: Arc<Services>) {
    loop {
        match archive_once(&services).await {
            Ok(Some(segment)) => tracing::info!(file = %segment.file, "old rows of the audit log were archived"),
            Ok(None) => return,
            Err(error) => return tracing::warn!(error = %error, cause = ?error.source, "old rows of the audit log could not be archived"),
        }
    }
}

/// Moves the oldest rows into one file, when there are any to move.
///
/// *Errors*: rows that do not fit together stay where they are: an archive must not hide that.
pub async fn archive_once(services: &Arc<Services>) -> ApiResult<Option<Segment>> {
    let now = services.now();
    let plan = services.read(move |tx| {
        let Some(days) = sql::keep_days(tx)? else { return Ok(None) };
        let until = now - DAY * days as u32;
        let (anchor, rows) = (audit::anchor(tx)?, sql::oldest(tx, until, shipping::shipped(tx)?)?);
        let heads = heads_of(tx, anchor, &rows)?;
        Ok(Some((anchor, rows, heads)))
    });
    let Some((anchor, rows, heads)) = plan.await? else {
        return Ok(None);
    };
    let Some(end) = checked(anchor, &rows, heads)? else {
        return Ok(None);
    };
    let keeper = services.audit.clone();
    let segment = tokio::task::spawn_blocking(move || keeper.write_segment(&rows, end, now))
        .await
        .map_err(ApiError::internal)?
        .map_err(ApiError::internal)?;
    let noted = segment.clone();
    let is_out = services.write(move |tx| {
        let is_out = archive::take_out(tx, &noted)?;
        if is_out {
            let words = format!("rows {} to {} went into {}", noted.first_seq, noted.last_seq, noted.file);
            audit::record(tx, Entry::by_hub(now, "roadstead:ArchiveAudit", "hub".into(), words));
        }
        Ok(is_out)
    });
    Ok(is_out.await?.then_some(segment))
}

/// The heads that were signed for these rows; they leave the database with them.
fn heads_of(tx: &Tx<'_>, anchor: Link, rows: &[Row]) -> Result<Vec<KnownHead>, StoreError> {
    let end = rows.last().map_or(anchor.seq, |row| row.seq);
    let heads = heads::after(tx, anchor.seq, rows.len())?;
    let known = heads.into_iter().filter(|head| head.seq <= end).map(|head| KnownHead {
        head,
        source: DATABASE.into(),
    });
    Ok(known.collect())
}

fn checked(anchor: Link, rows: &[Row], heads: Vec<KnownHead>) -> ApiResult<Option<Link>> {
    let mut verifier = Verifier::new(anchor, heads, &[]);
    rows.iter().for_each(|row| verifier.push(row));
    let end = verifier.link();
    let verdict = verifier.finish(Extent::Part);
    match verdict.healthy {
        true => Ok((!rows.is_empty()).then_some(end)),
        false => Err(ApiError::internal(format!("rows do not fit together: {:?}", verdict.findings))),
    }
}

mod sql {
    use super::*;

    pub fn keep_days(tx: &Tx<'_>) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT value FROM setting WHERE name = :name";
        let value: Option<String> = tx.row(sql, &[(":name", SETTING.into())], |row| row.get("value"))?;
        Ok(value.and_then(|value| value.parse().ok()))
    }

    pub fn set_keep_days(tx: &Tx<'_>, days: Option<i64>) -> Result<Empty, StoreError> {
        match days {
            None => tx.execute("DELETE FROM setting WHERE name = :name", &[(":name", SETTING.into())])?,
            Some(days) => {
                let sql =
                    "INSERT INTO setting (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
                tx.execute(sql, &[(":name", SETTING.into()), (":value", days.to_string().into())])?
            }
        };
        Ok(Empty {})
    }

    /// The oldest rows up to the first that is to stay, because it is not old enough or not with every receiver yet; the newest
    /// row of all always stays, because others follow it.
    pub fn oldest(tx: &Tx<'_>, until: Timestamp, shipped: i64) -> Result<Vec<Row>, StoreError> {
        let mut rows = audit::rows_after(tx, 0, SEGMENT_ROWS + 1)?;
        let keeps = rows
            .iter()
            .position(|row| row.at >= until || row.seq > shipped)
            .unwrap_or(rows.len());
        let most = rows.len().saturating_sub(1).min(SEGMENT_ROWS);
        rows.truncate(keeps.min(most));
        Ok(rows)
    }
}
