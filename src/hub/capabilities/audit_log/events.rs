//! Rows of the log, searched with the token filter, newest first; and a topic that says that there are new ones.
//!
//! The order is that of the numbers, and where times alone narrow the search that of the times: then the index of times leads to
//! the first row, however long the log is. Numbers and times differ in order only where a clock was set back.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::live::Feed;
use crate::hub::api::{Cx, Declare, Service, Streams, Target, page};
use crate::hub::audit::offline::AuditEvent;
use crate::hub::audit::row::Row;
use crate::hub::audit::{self, Outcome, filing};
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
    let order = Order::of(&request.filter, request.oldest_first);
    let select = matching(request.filter, cx.now())?.and_condition(&cx.visible(KIND, "audit.seq"));
    let select = order.after(select, request.next_token.as_deref())?;
    let rows = cx
        .read(move |tx| {
            let mut rows = found(tx, &select, order, size + 1)?;
            audit::add_nodes(tx, &mut rows)?;
            Ok(rows)
        })
        .await?;
    let (rows, next_token) = match order.by_time {
        true => page::cut(rows, size, |row| (row.at.millis(), row.seq)),
        false => page::cut(rows, size, |row| row.seq),
    };
    Ok(ListResult {
        events: rows.into_iter().map(AuditEvent::from).collect(),
        next_token,
    })
}

/// In which order a search shows its rows.
#[derive(Clone, Copy)]
struct Order {
    by_time: bool,
    oldest_first: bool,
}

impl Order {
    fn of(filter: &Filter, oldest_first: bool) -> Self {
        let by_time = filter.terms.iter().any(|term| term.key == "time") && !filter.terms.iter().any(has_index);
        Self { by_time, oldest_first }
    }

    /// Adds that the rows come after those of the page before.
    fn after(self, select: Select, token: Option<&str>) -> ApiResult<Select> {
        if self.by_time {
            let Some((at, seq)) = page::parse::<(i64, i64)>(token)? else {
                return Ok(select);
            };
            return Ok(match self.oldest_first {
                true => select.and("(audit.at, audit.seq) > (?, ?)", [at.into(), seq.into()]),
                false => select.and("(audit.at, audit.seq) < (?, ?)", [at.into(), seq.into()]),
            });
        }
        let Some(seq) = page::parse::<i64>(token)? else { return Ok(select) };
        Ok(match self.oldest_first {
            true => select.and("audit.seq > ?", [seq.into()]),
            false => select.and("audit.seq < ?", [seq.into()]),
        })
    }

    fn sql(self) -> &'static str {
        match (self.by_time, self.oldest_first) {
            (true, true) => "audit.at, audit.seq",
            (true, false) => "audit.at DESC, audit.seq DESC",
            (false, true) => "audit.seq",
            (false, false) => "audit.seq DESC",
        }
    }

    fn sort(self, rows: &mut [Row]) {
        let time = |row: &Row| if self.by_time { row.at.millis() } else { 0 };
        rows.sort_by_key(|row| (time(row), row.seq));
        if !self.oldest_first {
            rows.reverse();
        }
    }
}

/// Whether an index leads to the rows of a term, and in the order of their numbers.
fn has_index(term: &Term) -> bool {
    let is_named = match term.key.as_str() {
        "user" | "target" | "node" => true,
        "operation" => !term.value.contains(':'),
        "command" => !term.value.is_empty(),
        "outcome" => term.value.eq_ignore_ascii_case("denied"),
        _ => false,
    };
    is_named && term.op == Op::Eq
}

/// The first `limit` rows: of those that are in the indexes and of those, always few, that are not yet.
fn found(tx: &Tx<'_>, select: &Select, order: Order, limit: usize) -> Result<Vec<Row>, StoreError> {
    let mut rows: Vec<Row> = Vec::new();
    for part in [filing::FILED, filing::RECENT] {
        let select = select.clone().and(part, []).order(order.sql()).limit(limit);
        rows.extend(select.rows(tx, Row::from_stored)?);
    }
    order.sort(&mut rows);
    rows.truncate(limit);
    Ok(rows)
}

/// Rows that match a filter.
///
/// *Errors*: `ValidationException` for a key that rows do not have, a time that is none, or an outcome that no row can have.
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
                check_outcome(&term)?;
                select = indexed(select, &term, filter.join);
                rest.terms.push(exact(term));
            }
        }
    }
    select
        .and_filter(&rest, column)
        .map_err(|key| ApiError::validation(format!("`{key}` is not a filter key of the audit log: use {FILTER_KEYS}")))
}

/// *Errors*: `ValidationException` for a word that no outcome is, or has in it.
fn check_outcome(term: &Term) -> ApiResult<()> {
    let given = term.value.to_ascii_lowercase();
    let is_meant = |outcome: Outcome| match term.op {
        Op::Contains | Op::Ncontains | Op::Prefix => outcome.as_str().contains(&given),
        Op::Eq | Op::Ne | Op::Ge | Op::Le => outcome.as_str() == given,
    };
    if term.key != "outcome" || Outcome::ALL.into_iter().any(is_meant) {
        return Ok(());
    }
    let shown: String = given.chars().filter(|c| !c.is_control()).take(60).collect();
    let outcomes = Outcome::ALL.map(Outcome::as_str).join(" or ");
    Err(ApiError::validation(format!("`{shown}` is no outcome: use {outcomes}")))
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
    use crate::hub::audit::Entry;
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
        let order = Order::of(&filter.parse().unwrap(), false);
        let rows = store.read(move |tx| found(tx, &select, order, 1000)).await;
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
        let order = Order::of(&Filter::default(), true);
        let page = store.read(move |tx| found(tx, &select, order, 30)).await.map_err(|e: StoreError| e);
        let numbers: Vec<i64> = page.unwrap().iter().map(|row| row.seq).collect();
        assert_eq!(numbers, (501..=530).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn pages_by_time_show_each_row_once_although_the_clock_was_set_back() {
        const ROWS: i64 = 600;
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let filled = store.write(move |tx| {
            for seq in 1..=ROWS {
                // Among the rows that are not filed yet are some that are older than filed ones, and some of the same time.
                let at = 1_000 + seq / 2 - if seq > 550 { 100 } else { 0 };
                write(tx, at, "user:ann", "ssm:StartSession", "hub", Outcome::Done)?;
            }
            Ok(())
        });
        filled.await.map_err(|e: StoreError| e).unwrap();
        for oldest_first in [false, true] {
            let filter: Filter = "time>=1970-01-01 time<=1970-01-02".parse().unwrap();
            let order = Order::of(&filter, oldest_first);
            let (mut seen, mut token) = (Vec::new(), None::<String>);
            loop {
                let select = order.after(matching(filter.clone(), NOW).unwrap(), token.as_deref()).unwrap();
                let page = store.read(move |tx| found(tx, &select, order, 70)).await;
                let page = page.map_err(|e: StoreError| e).unwrap();
                let Some(last) = page.last() else { break };
                token = Some(page::token(&(last.at.millis(), last.seq)));
                seen.extend(page.iter().map(|row| (row.at.millis(), row.seq)));
            }
            let mut sorted = seen.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!((seen.len(), sorted.len()), (ROWS as usize, ROWS as usize));
            if !oldest_first {
                sorted.reverse();
            }
            assert_eq!(seen, sorted);
        }
    }

    #[tokio::test]
    async fn a_search_by_time_walks_the_index_of_times_in_its_order() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        for (filter, index) in [
            ("time>=1h", "audit_by_time"),
            ("time<=2023-11-14 detail:x", "audit_by_time"),
            ("time>=30d user=ann", "audit_by_user"),
        ] {
            for oldest_first in [false, true] {
                let order = Order::of(&filter.parse().unwrap(), oldest_first);
                let select = matching(filter.parse().unwrap(), NOW).unwrap().and(filing::FILED, []);
                let select = select.order(order.sql()).limit(51);
                let plan = store.read(move |tx| select.plan(tx)).await.map_err(|e: StoreError| e).unwrap();
                let is_walked = plan.len() == 1 && plan[0].contains("SEARCH audit USING") && plan[0].contains(index);
                assert!(is_walked, "{filter}: {plan:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_searched_is_refused_with_words() {
        let refused = |filter: &str| matching(filter.parse().unwrap(), NOW).err().map(|e| e.message).unwrap_or_default();
        assert!(refused("colour=red").contains("`colour` is not a filter key"));
        assert!(refused("time>=yesterday").contains("is no time"));
        assert!(refused("time=1h").contains("compared by"));
        for wrong in [
            "outcome=foo",
            "outcome!=foo",
            "user=ann or outcome=foo",
            "outcome=den",
            "outcome:foo",
        ] {
            assert!(refused(wrong).contains("is no outcome: use done or denied"), "{wrong}");
        }
        for fine in ["outcome=Denied", "outcome!=done", "outcome:den"] {
            assert_eq!(refused(fine), "");
        }
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
