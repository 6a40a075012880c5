//! Rows of the log, searched with the token filter, newest first; and a topic that says that there are new ones.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::live::Feed;
use crate::hub::api::{Cx, Declare, Service, Streams, Target, page};
use crate::hub::audit::offline::AuditEvent;
use crate::hub::audit::row::Row;
use crate::hub::audit::{self, filing};
use crate::hub::capabilities::audit_log::{KIND, is_whole};
use crate::hub::store::{Column, Select, StoreError, Tx};
use crate::model::filter::{Filter, Join, Op, Term};

/// All keys that a filter may use, for messages.
const FILTER_KEYS: &str = "user, caller, operation, target, node, command, outcome, address, request, detail, time, text";
/// How soon a console learns of new rows.
const LIVE_STEP: Duration = Duration::from_secs(1);

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "ListAuditEvents",
        |_: &ListRequest| Target::Rows(KIND),
        list_audit_events,
    );
}

pub fn topics(streams: &mut Streams) {
    streams.topic("audit", "roadstead:ListAuditEvents", |_: &AuditTopic| Target::Rows(KIND), follow);
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    #[serde(default)]
    filter: Filter,
    /// From the oldest row on; else from the newest back.
    #[serde(default)]
    oldest_first: bool,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    events: Vec<AuditEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

async fn list_audit_events(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    is_whole(&cx)?;
    let size = page::size(request.max_results, 1, 1000, 50)?;
    let after: Option<i64> = page::parse(request.next_token.as_deref())?;
    let mut select = matching(request.filter, cx.now())?.and_condition(&cx.visible(KIND, "audit.seq"));
    select = match (request.oldest_first, after) {
        (_, None) => select,
        (true, Some(seq)) => select.and("audit.seq > ?", [seq.into()]),
        (false, Some(seq)) => select.and("audit.seq < ?", [seq.into()]),
    };
    let rows = cx
        .read(move |tx| {
            let mut rows = found(tx, &select, request.oldest_first, size + 1)?;
            audit::add_nodes(tx, &mut rows)?;
            Ok(rows)
        })
        .await?;
    let (rows, next_token) = page::cut(rows, size, |row| row.seq);
    Ok(ListResult {
        events: rows.into_iter().map(AuditEvent::from).collect(),
        next_token,
    })
}

/// The first `limit` rows: those that are in the indexes, and those that are not yet.
fn found(tx: &Tx<'_>, select: &Select, oldest_first: bool, limit: usize) -> Result<Vec<Row>, StoreError> {
    let (order, parts) = match oldest_first {
        true => ("audit.seq", [filing::FILED, filing::RECENT]),
        false => ("audit.seq DESC", [filing::RECENT, filing::FILED]),
    };
    let mut rows: Vec<Row> = Vec::new();
    for part in parts {
        let select = select.clone().and(part, []).order(order).limit(limit - rows.len());
        rows.extend(select.rows(tx, Row::from_stored)?);
    }
    Ok(rows)
}

/// Rows that match a filter.
///
/// *Errors*: `ValidationException` for a key that rows do not have, or a time that is none.
fn matching(filter: Filter, now: Timestamp) -> ApiResult<Select> {
    filter.check().map_err(|e| ApiError::validation(e.to_string()))?;
    let mut select = Select::new(sql::SELECT);
    let mut rest = Filter {
        join: filter.join,
        terms: Vec::new(),
    };
    for term in filter.terms {
        match (term.key.as_str(), term.op, filter.join) {
            ("time", ..) if filter.join == Join::Or => {
                return Err(ApiError::validation(
                    "a filter on `time` cannot be joined by `or`: leave the `or` out",
                ));
            }
            ("time", op, _) => select = at(select, op, moment(&term.value, now)?)?,
            ("node", Op::Eq, Join::And) => select = select.and(sql::OF_NODE, [term.value.into()]),
            // A row may have several: that they contain the whole id is the same as that it is one of them.
            ("node", Op::Eq, Join::Or) => rest.terms.push(Term::new("node", Op::Contains, term.value)),
            ("node", Op::Ne, _) => rest.terms.push(Term::new("node", Op::Ncontains, term.value)),
            _ => {
                select = indexed(select, &term, filter.join);
                rest.terms.push(exact(term));
            }
        }
    }
    select
        .and_filter(&rest, column)
        .map_err(|key| ApiError::validation(format!("`{key}` is not a filter key of the audit log: use {FILTER_KEYS}")))
}

fn at(select: Select, op: Op, moment: Timestamp) -> ApiResult<Select> {
    match op {
        Op::Ge => Ok(select.and("audit.at >= ?", [moment.into()])),
        Op::Le => Ok(select.and("audit.at <= ?", [moment.into()])),
        _ => Err(ApiError::validation("`time` is compared by `>=` and `<=`")),
    }
}

/// What a partial index needs to be told.
fn indexed(select: Select, term: &Term, join: Join) -> Select {
    match (term.key.as_str(), term.op, join) {
        ("command", Op::Eq, Join::And) if !term.value.is_empty() => select.and("audit.command_id <> ''", []),
        ("outcome", Op::Eq, Join::And) if term.value.eq_ignore_ascii_case("denied") => select.and("audit.outcome = 'denied'", []),
        _ => select,
    }
}

/// An operation may be named with its service in front or without.
fn exact(mut term: Term) -> Term {
    if term.key == "operation" && term.value.contains(':') {
        term.key = "operation.full".into();
    }
    term
}

fn column(key: &str) -> Option<Column> {
    Some(Column::plain(match key {
        "user" => "audit.user_name",
        "caller" => "audit.caller",
        "operation" => "substr(audit.operation, instr(audit.operation, ':') + 1)",
        "operation.full" => "audit.operation",
        "target" => "audit.target",
        "node" => "(SELECT group_concat(n.node_id) FROM audit_node n WHERE n.seq = audit.seq)",
        "command" => "audit.command_id",
        "outcome" => "audit.outcome",
        "address" => "audit.address",
        "request" => "audit.request_id",
        "detail" => "audit.detail",
        "text" => {
            "audit.caller || ' ' || audit.operation || ' ' || audit.target || ' ' || audit.detail || ' ' || audit.address || ' ' || audit.command_id || ' ' || audit.request_id"
        }
        _ => return None,
    }))
}

/// RFC 3339, a date (its beginning, UTC), or how long ago: `90m`, `24h`, `7d`.
fn moment(text: &str, now: Timestamp) -> ApiResult<Timestamp> {
    if let Some(ago) = ago(text) {
        return Ok(now - ago);
    }
    let moment = text.parse::<jiff::Timestamp>().ok();
    let moment = moment.or_else(|| {
        let day = text.parse::<jiff::civil::Date>().ok()?;
        Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    });
    moment.map(|t| Timestamp::from_millis(t.as_millisecond())).ok_or_else(|| {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
        ApiError::validation(format!(
            "`{shown}` is no time: write `2026-01-31T09:05:00Z`, `2026-01-31`, or how long ago, such as `24h`"
        ))
    })
}

fn ago(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u32>().ok()? as u64 * seconds))
}

#[derive(Deserialize, JsonSchema)]
struct AuditTopic {}

/// There are rows up to this number.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AuditGrew {
    last_seq: i64,
}

async fn follow(cx: Cx, _topic: AuditTopic, feed: Feed) -> ApiResult<()> {
    is_whole(&cx)?;
    let mut step = interval(LIVE_STEP);
    step.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = 0;
    loop {
        step.tick().await;
        let last_seq = cx.read(|tx| Ok(audit::last(tx)?.seq)).await?;
        if last_seq != told {
            feed.send(&AuditGrew { last_seq }).await?;
            told = last_seq;
        }
    }
}

mod sql {
    pub const SELECT: &str = "SELECT audit.seq, audit.at, audit.request_id, audit.caller, audit.user_name, audit.address, audit.operation,
        audit.target, audit.command_id, audit.outcome, audit.repeats, audit.detail, audit.hash FROM audit";

    pub const OF_NODE: &str = "audit.seq IN (SELECT n.seq FROM audit_node n WHERE n.node_id = ?)";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{CommandId, NodeId};
    use crate::hub::audit::{Entry, Outcome};
    use crate::hub::store::{Store, Value};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn write(tx: &Tx<'_>, at: i64, caller: &str, operation: &str, target: &str, outcome: Outcome) -> Result<(), StoreError> {
        let entry = Entry {
            at: Timestamp::from_millis(at),
            request_id: format!("request-{at}"),
            caller: caller.into(),
            address: "192.0.2.1".into(),
            operation: operation.into(),
            target: target.into(),
            outcome,
            detail: String::new(),
        };
        audit::record(tx, entry);
        Ok(())
    }

    async fn seqs(store: &Store, filter: &str) -> Vec<i64> {
        let select = matching(filter.parse().unwrap(), NOW).unwrap();
        let rows = store.read(move |tx| found(tx, &select, false, 1000)).await;
        rows.map_err(|e: StoreError| e).unwrap().iter().map(|row| row.seq).collect()
    }

    #[tokio::test]
    async fn each_key_narrows_and_the_newest_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let (web, db, command) = (NodeId::random(), NodeId::random(), CommandId::random());
        let (node_web, of_command) = (format!("node/{web}"), format!("command/{command}"));
        let both = vec![web.clone(), db.clone()];
        let day_ago = NOW.millis() - 24 * 3_600_000;
        let filled = store.write(move |tx| {
            write(tx, day_ago, "user:ann/key:AKIA1", "ssm:StartSession", &node_web, Outcome::Done)?;
            write(tx, day_ago + 1, "user:bob", "ssm:StartSession", &node_web, Outcome::Denied)?;
            tx.note(|notes| notes.nodes.extend(both));
            write(tx, NOW.millis(), "user:Ann", "ssm:SendCommand", &of_command, Outcome::Done)
        });
        filled.await.map_err(|e: StoreError| e).unwrap();
        for (filter, found) in [
            ("".to_owned(), vec![3, 2, 1]),
            ("user=ann".into(), vec![3, 1]),
            ("caller:AKIA1".into(), vec![1]),
            ("operation=startsession".into(), vec![2, 1]),
            ("operation=ssm:SendCommand".into(), vec![3]),
            (format!("node={web}"), vec![3, 2, 1]),
            (format!("node={db}"), vec![3]),
            (format!("node!={db}"), vec![2, 1]),
            (format!("node={db} or user=bob"), vec![3, 2]),
            (format!("command={command}"), vec![3]),
            ("outcome=denied".into(), vec![2]),
            ("time>=1h".into(), vec![3]),
            ("time<=2023-11-14".into(), vec![2, 1]),
            (format!("time>=2023-11-14T00:00:00Z node={web}"), vec![3]),
            (format!("target=node/{web} outcome=done"), vec![1]),
            ("startsession bob".into(), vec![2]),
        ] {
            assert_eq!(seqs(&store, &filter).await, found, "{filter}");
        }
    }

    #[tokio::test]
    async fn rows_are_found_before_and_after_they_are_filed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let filled = store.write(move |tx| {
            for at in 1..=600 {
                let caller = if at % 100 == 0 { "user:ann" } else { "user:bob" };
                write(tx, at, caller, "ssm:StartSession", "hub", Outcome::Done)?;
            }
            Ok(())
        });
        filled.await.map_err(|e: StoreError| e).unwrap();
        assert_eq!(seqs(&store, "user=ann").await, [600, 500, 400, 300, 200, 100]);
        let select = matching(Filter::default(), NOW).unwrap().and("audit.seq > ?", [500i64.into()]);
        let page = store.read(move |tx| found(tx, &select, true, 30)).await.map_err(|e: StoreError| e);
        let numbers: Vec<i64> = page.unwrap().iter().map(|row| row.seq).collect();
        assert_eq!(numbers, (501..=530).collect::<Vec<_>>());
    }

    #[test]
    fn what_cannot_be_searched_is_refused_with_words() {
        let refused = |filter: &str| matching(filter.parse().unwrap(), NOW).err().map(|e| e.message).unwrap_or_default();
        assert!(refused("colour=red").contains("`colour` is not a filter key"));
        assert!(refused("time>=yesterday").contains("is no time"));
        assert!(refused("time=1h").contains("compared by"));
        assert!(refused("time>=1h or user=a").contains("cannot be joined"));
    }

    #[tokio::test]
    async fn the_usual_searches_walk_an_index() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        for filter in [
            "user=ann",
            "operation=SendCommand",
            "target=node/x",
            "node=mi-00000000000000000",
            "command=x",
            "outcome=denied",
        ] {
            let select = matching(filter.parse().unwrap(), NOW).unwrap();
            let select = select.and("audit.seq < ?", [Value::from(9i64)]).and(filing::FILED, []);
            let select = select.order("audit.seq DESC").limit(51);
            let plan = store.read(move |tx| select.plan(tx)).await.map_err(|e: StoreError| e).unwrap();
            let is_searched = plan
                .iter()
                .any(|step| step.contains("SEARCH audit USING") && (step.contains("INDEX") || step.contains("rowid=?")));
            assert!(
                is_searched && !plan.iter().any(|step| step.starts_with("SCAN")),
                "{filter}: {plan:?}"
            );
        }
    }
}
