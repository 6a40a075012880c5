//! DescribeSessions: which sessions there are and were, newest first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::arn::partition;
use crate::base::id::SessionId;
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::constraint::Violations;
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::capabilities::sessions::KIND;
use crate::hub::capabilities::sessions::lifecycle::{self, Session};
use crate::hub::store::Select;

const STATES: &[&str] = &["Active", "History"];
const STATUSES: &[&str] = &["Connected", "Connecting", "Disconnected", "Terminated", "Terminating", "Failed"];
const FILTER_KEYS: &[&str] = &[
    "InvokedAfter",
    "InvokedBefore",
    "Target",
    "Owner",
    "Status",
    "SessionId",
    "AccessType",
];
const MAX_FILTERS: usize = 6;
/// Just-in-time access needs approvals, which this hub does not have yet: every session is standard.
const STANDARD: &str = "Standard";

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Ssm,
        "DescribeSessions",
        |_: &DescribeSessionsRequest| Target::Rows(KIND),
        describe_sessions,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeSessionsRequest {
    state: String,
    filters: Option<Vec<SessionFilter>>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct SessionFilter {
    key: String,
    value: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DescribeSessionsResponse {
    sessions: Vec<DescribedSession>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// *Source*: `Session` of the service model.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "Session")]
struct DescribedSession {
    session_id: SessionId,
    target: String,
    status: &'static str,
    start_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<Timestamp>,
    document_name: String,
    /// The ARN of the user who started it.
    owner: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    /// Why it ended. Differs: upstream keeps this member empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    details: String,
    /// Minutes, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_session_duration: Option<String>,
    access_type: &'static str,
}

async fn describe_sessions(cx: Cx, request: DescribeSessionsRequest) -> ApiResult<DescribeSessionsResponse> {
    request.check()?;
    let size = page::size(request.max_results, 1, 200, 50)?;
    let after: Option<(i64, String)> = page::parse(request.next_token.as_deref())?;
    let mut select = sql::list(request.state == "Active").and_condition(&cx.visible(KIND, "session.id"));
    for (number, filter) in (1..).zip(request.filters.iter().flatten()) {
        select = narrow(select, filter, number)?;
    }
    if let Some((started, id)) = after {
        select = select.and("(started_at, id) < (?, ?)", [started.into(), id.into()]);
    }
    let select = select.order("started_at DESC, id DESC").limit(size + 1);
    let rows = cx.read(move |tx| Ok(select.rows(tx, Session::from_row)?)).await?;
    let (rows, next_token) = page::cut(rows, size, |s| (s.started_at.millis(), s.id.as_str().to_owned()));
    let arn = user_arn(&cx.services.config.account_id, &cx.request().region);
    Ok(DescribeSessionsResponse {
        sessions: rows.into_iter().map(|session| describe(session, &arn)).collect(),
        next_token,
    })
}

impl DescribeSessionsRequest {
    /// *Errors*: `ValidationException`.
    fn check(&self) -> ApiResult<()> {
        let mut broken = Violations::default();
        broken.one_of(Some(&self.state), "state", STATES);
        check_filters(&mut broken, self.filters.as_deref());
        broken.check()
    }
}

fn check_filters(broken: &mut Violations, filters: Option<&[SessionFilter]>) {
    let Some(filters) = filters else { return };
    match filters.len() {
        0 => broken.add_hidden("filters", "have length greater than or equal to 1"),
        n if n > MAX_FILTERS => broken.add_hidden("filters", &format!("have length less than or equal to {MAX_FILTERS}")),
        _ => {}
    }
    for (number, filter) in (1..=MAX_FILTERS).zip(filters) {
        broken.length(Some(&filter.value), &format!("filters.{number}.member.value"), 1..=400);
    }
}

/// `number` is the filter's place in the request, from 1 on.
///
/// *Errors*: `InvalidFilterKey`, or `ValidationException` for a value that the key cannot have.
fn narrow(select: Select, filter: &SessionFilter, number: usize) -> ApiResult<Select> {
    let value = filter.value.as_str();
    let member = || format!("filters.{number}.member.value");
    Ok(match filter.key.as_str() {
        "InvokedAfter" => select.and("started_at >= ?", [moment(value)?.into()]),
        "InvokedBefore" => select.and("started_at < ?", [moment(value)?.into()]),
        "Target" => select.and("node_id = ?", [value.into()]),
        // As the answer shows it, or the plain name.
        "Owner" => select.and("owner = ?", [value.rsplit(":user/").next().unwrap_or(value).into()]),
        "Status" => {
            constraint::one_of(value, &member(), STATUSES)?;
            select.and("status = ?", [value.into()])
        }
        "SessionId" => select.and("id = ?", [value.into()]),
        "AccessType" if value == STANDARD => select,
        "AccessType" => {
            constraint::one_of(value, &member(), &[STANDARD, "JustInTime"])?;
            select.and_in("id", [])
        }
        other => {
            let shown: String = other.chars().filter(|c| !c.is_control()).take(60).collect();
            let words = format!("sessions have no filter key `{shown}`; there are {}", FILTER_KEYS.join(", "));
            return Err(ApiError::new("InvalidFilterKey", words));
        }
    })
}

fn moment(text: &str) -> ApiResult<Timestamp> {
    let parsed = text.parse::<jiff::Timestamp>().map(|t| Timestamp::from_millis(t.as_millisecond()));
    parsed.map_err(|_| ApiError::validation("a filter's time is written like `2026-01-31T09:05:00Z`"))
}

fn describe(session: Session, user_arn: &str) -> DescribedSession {
    const MINUTE_MS: i64 = 60_000;
    DescribedSession {
        target: session.node.as_str().to_owned(),
        status: session.state.status.as_str(),
        start_date: session.started_at,
        end_date: session.ended_at,
        document_name: session.document,
        owner: format!("{user_arn}{}", session.owner),
        reason: session.reason,
        details: session.details,
        max_session_duration: (session.max_duration_ms > 0).then(|| (session.max_duration_ms / MINUTE_MS).max(1).to_string()),
        access_type: STANDARD,
        session_id: session.id,
    }
}

/// A user's ARN up to the name; the partition is the one of the caller's region.
fn user_arn(account: &str, region: &str) -> String {
    format!("arn:{}:iam::{account}:user/", partition(region))
}

mod sql {
    use super::*;

    pub fn list(is_active: bool) -> Select {
        let select = Select::new(lifecycle::sql::SELECT);
        if is_active {
            return select.and("ended_at IS NULL", []);
        }
        select.and("ended_at IS NOT NULL", [])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::NodeId;
    use crate::hub::capabilities::sessions::lifecycle::State;
    use crate::hub::events::Bus;
    use crate::hub::store::{Store, StoreError};
    use crate::wire::session::Work;

    fn filter(key: &str, value: &str) -> SessionFilter {
        SessionFilter {
            key: key.into(),
            value: value.into(),
        }
    }

    fn session(owner: &str, started_ms: i64) -> Session {
        Session {
            id: SessionId::random(owner),
            node: NodeId::random(),
            owner: owner.into(),
            reason: String::new(),
            document: "SSM-SessionManagerRunShell".into(),
            state: State::FIRST,
            details: String::new(),
            started_at: Timestamp::from_millis(started_ms),
            ended_at: None,
            idle_timeout_ms: 0,
            max_duration_ms: 90 * 60_000,
            approval: None,
            work: Work::default(),
        }
    }

    async fn store_with(sessions: Vec<Session>) -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let filled = store.write(move |tx| sessions.iter().try_for_each(|s| lifecycle::sql::insert(tx, s)));
        filled.await.map_err(|e: StoreError| e).unwrap();
        (dir, store)
    }

    async fn ids(store: &Store, is_active: bool, filters: &[SessionFilter]) -> Vec<SessionId> {
        let start = sql::list(is_active).order("started_at DESC, id DESC");
        let select = filters.iter().fold(start, |select, f| narrow(select, f, 1).unwrap());
        let rows = store.read(move |tx| select.rows(tx, Session::from_row)).await;
        rows.map_err(|e: StoreError| e).unwrap().into_iter().map(|s| s.id).collect()
    }

    #[tokio::test]
    async fn each_filter_narrows_and_the_newest_comes_first() {
        let (old, new) = (session("ann", 1_000_000), session("bob", 2_000_000));
        let (old_id, new_id, node) = (old.id.clone(), new.id.clone(), old.node.as_str().to_owned());
        let (_dir, store) = store_with(vec![old, new]).await;
        assert_eq!(ids(&store, true, &[]).await, [new_id.clone(), old_id.clone()]);
        for only_old in [
            filter("Target", &node),
            filter("Owner", "ann"),
            filter("Owner", "arn:aws:iam::000000000000:user/ann"),
            filter("SessionId", old_id.as_str()),
            filter("InvokedBefore", "1970-01-01T00:33:20Z"),
        ] {
            assert_eq!(ids(&store, true, &[only_old]).await, std::slice::from_ref(&old_id));
        }
        let late = filter("InvokedAfter", "1970-01-01T00:33:20Z");
        assert_eq!(ids(&store, true, &[late]).await, std::slice::from_ref(&new_id));
        assert_eq!(ids(&store, true, &[filter("AccessType", "JustInTime")]).await, []);
        assert_eq!(
            ids(&store, true, &[filter("Owner", "ann"), filter("Status", "Connected")]).await,
            []
        );
        store
            .write(move |tx| {
                let now = Timestamp::from_millis(3_000_000);
                lifecycle::advance(tx, &Bus::default(), &new_id, lifecycle::Event::HubEnded, "x", now)
            })
            .await
            .map_err(|e: StoreError| e)
            .unwrap();
        assert_eq!(ids(&store, true, &[]).await, [old_id]);
        assert_eq!(ids(&store, false, &[]).await.len(), 1);
    }

    #[test]
    fn an_unknown_key_or_a_value_it_cannot_have_is_refused() {
        let code = |f: SessionFilter| narrow(sql::list(true), &f, 1).err().unwrap().code;
        assert_eq!(code(filter("Colour", "red")), "InvalidFilterKey");
        assert_eq!(code(filter("Status", "Happy")), "ValidationException");
        assert_eq!(code(filter("InvokedAfter", "yesterday")), "ValidationException");
        assert_eq!(code(filter("AccessType", "Free")), "ValidationException");
    }

    #[test]
    fn filters_have_the_models_lengths() {
        let lists = |count: usize, value: &str| (0..count).map(|_| filter("Owner", value)).collect::<Vec<_>>();
        let checked = |filters: Option<&[SessionFilter]>| {
            let mut broken = Violations::default();
            check_filters(&mut broken, filters);
            broken.check()
        };
        let is_fine = |filters: &[SessionFilter]| checked(Some(filters)).is_ok();
        assert!(checked(None).is_ok() && is_fine(&lists(6, &"x".repeat(400))));
        assert!(!is_fine(&[]) && !is_fine(&lists(7, "x")) && !is_fine(&lists(1, "")) && !is_fine(&lists(1, &"x".repeat(401))));
    }

    #[tokio::test]
    async fn every_list_walks_an_index_in_its_order() {
        let (_dir, store) = store_with(vec![]).await;
        for filters in [
            vec![],
            vec![filter("Target", "mi-1")],
            vec![filter("Owner", "ann")],
            vec![filter("SessionId", "x")],
        ] {
            for is_active in [true, false] {
                let select = filters.iter().fold(sql::list(is_active), |select, f| narrow(select, f, 1).unwrap());
                let select = select.and("(started_at, id) < (?, ?)", [1i64.into(), "x".into()]);
                let select = select.order("started_at DESC, id DESC").limit(51);
                let plan = store.read(move |tx| select.plan(tx)).await.map_err(|e: StoreError| e).unwrap();
                let is_indexed = plan.iter().all(|step| step.contains("SEARCH session USING INDEX"));
                assert!(is_indexed, "{plan:?}");
            }
        }
    }

    #[test]
    fn a_session_is_described_in_upstreams_words() {
        let described = describe(session("ann", 1500), &user_arn("123456789012", "eu-west-1"));
        let json = serde_json::to_value(&described).unwrap();
        assert_eq!(json["Owner"], "arn:aws:iam::123456789012:user/ann");
        assert_eq!((&json["Status"], &json["StartDate"]), (&"Connecting".into(), &1.5.into()));
        assert_eq!(json["MaxSessionDuration"], "90");
        assert!(json.get("EndDate").is_none() && json.get("Reason").is_none() && json.get("Details").is_none());
    }
}
