//! The operations on sessions, as upstream's clients know them.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Duration, sleep};

use crate::base::id::{NodeId, SessionId};
use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint::Violations;
use crate::hub::api::live::Feed;
use crate::hub::api::{Cx, Declare, Service, Streams, Target};
use crate::hub::capabilities::documents::{lookup, names};
use crate::hub::capabilities::fleet::nodes;
use crate::hub::capabilities::sessions::lifecycle::{self, START, Session, State};
use crate::hub::capabilities::sessions::plans::{self, Plan};
use crate::hub::capabilities::sessions::tokens::Bearer;
use crate::hub::capabilities::sessions::{KIND, Live, listing};
use crate::hub::events::Event;
use crate::hub::store::Tx;
use crate::model::approval::{Approval, Approved};
use crate::model::document::GivenParameters;
use crate::model::lock::Act;
use crate::wire::session::Work;

/// What is started when no document is named.
const SHELL_DOCUMENT: &str = "SSM-SessionManagerRunShell";
/// Browsers are told of changes at most this often.
const LIVE_STEP: Duration = Duration::from_millis(200);

// *Source*: the shapes of the service model.
const TARGET_LENGTH: RangeInclusive<usize> = 1..=400;
const SESSION_ID_LENGTH: RangeInclusive<usize> = 1..=96;
const REASON_LENGTH: RangeInclusive<usize> = 1..=256;
const PARAMETER_NAME_LENGTH: RangeInclusive<usize> = 1..=255;
const PARAMETER_VALUE_LENGTH: RangeInclusive<usize> = 1..=65535;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Ssm,
        "StartSession",
        |r: &StartSessionRequest| node(&r.target),
        start_session,
    )
    .write(
        Service::Ssm,
        "ResumeSession",
        |r: &ResumeSessionRequest| session(&r.session_id),
        resume_session,
    )
    .write(
        Service::Ssm,
        "TerminateSession",
        |r: &TerminateSessionRequest| session(&r.session_id),
        terminate_session,
    )
    .read(
        Service::Ssm,
        "GetConnectionStatus",
        |r: &GetConnectionStatusRequest| node(&r.target),
        get_connection_status,
    );
    listing::operations(api);
}

pub fn topics(streams: &mut Streams) {
    streams.topic("sessions", "ssm:DescribeSessions", |_: &SessionsTopic| Target::Rows(KIND), follow);
}

fn node(id: &str) -> Target {
    Target::Resource(nodes::KIND, id.to_owned())
}

fn session(id: &str) -> Target {
    Target::Resource(KIND, id.to_owned())
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct StartSessionRequest {
    target: String,
    document_name: Option<String>,
    reason: Option<String>,
    /// Ours: the signature that nodes with an operator lock ask for; see `docs/node-lock.md`.
    operator_approval: Option<Approval>,
    #[serde(default)]
    parameters: GivenParameters,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct StartSessionResponse {
    session_id: SessionId,
    token_value: String,
    stream_url: String,
}

impl StartSessionRequest {
    /// *Errors*: `ValidationException`.
    fn check(&self) -> ApiResult<()> {
        let mut broken = Violations::default();
        broken.length(Some(&self.target), "target", TARGET_LENGTH);
        broken.length(self.reason.as_ref(), "reason", REASON_LENGTH);
        if let Some(reason) = self.reason.as_ref().filter(|reason| reason.contains(LINE_ENDS)) {
            broken.add(reason, "reason", "satisfy regular expression pattern: ^.{1,256}$");
        }
        check_parameters(&mut broken, &self.parameters);
        broken.check()?;
        let name = self.document_name.as_deref();
        name.map_or(Ok(()), |name| names::check_name_or_arn(name, "documentName"))
    }
}

/// What the dot of a pattern does not mean.
const LINE_ENDS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

fn check_parameters(broken: &mut Violations, parameters: &GivenParameters) {
    let is_off = |text: &String, range: &RangeInclusive<usize>| !range.contains(&text.chars().count());
    let musts = |range: &RangeInclusive<usize>| {
        [
            format!("have length less than or equal to {}", range.end()),
            format!("have length greater than or equal to {}", range.start()),
        ]
    };
    // The values may be secrets, so that only the names are repeated.
    let named = || {
        let names: Vec<&str> = parameters.keys().map(String::as_str).collect();
        format!("{{{}}}", names.join(", "))
    };
    if parameters.keys().any(|name| is_off(name, &PARAMETER_NAME_LENGTH)) {
        broken.add_entries(&named(), "parameters", "Map keys", &musts(&PARAMETER_NAME_LENGTH));
    }
    if parameters.values().flatten().any(|value| is_off(value, &PARAMETER_VALUE_LENGTH)) {
        broken.add_entries(&named(), "parameters", "Map value", &musts(&PARAMETER_VALUE_LENGTH));
    }
}

/// *Errors*: `ValidationException`.
fn check_length(text: &String, member: &str, range: RangeInclusive<usize>) -> ApiResult<()> {
    let mut broken = Violations::default();
    broken.length(Some(text), member, range);
    broken.check()
}

async fn start_session(cx: Cx, request: StartSessionRequest) -> ApiResult<StartSessionResponse> {
    cx.services.freeze.check()?;
    request.check()?;
    let reason = request.reason.unwrap_or_default();
    let (document, plan) = plan(&cx, request.document_name, request.parameters).await?;
    let target = connected_node(&cx, &request.target, &plan.work, request.operator_approval.as_ref()).await?;
    let owner = cx.caller().name.clone();
    let session = Session {
        id: SessionId::random(&owner),
        node: target,
        owner,
        reason,
        document,
        state: State::FIRST,
        details: String::new(),
        started_at: cx.now(),
        ended_at: None,
        idle_timeout_ms: plan.idle_timeout_ms,
        max_duration_ms: plan.max_duration_ms,
        approval: request.operator_approval,
        work: plan.work,
    };
    let (id, bus) = (session.id.clone(), cx.services.bus.clone());
    let asked = cx.clone();
    cx.write(move |tx| {
        asked.permit(tx, &node(session.node.as_str()))?;
        asked.permit(tx, &Target::Resource("document", session.document.clone()))?;
        lifecycle::sql::insert(tx, &session)?;
        bus.emit(tx, Event::SessionChanged(session.id.clone()));
        Ok(())
    })
    .await?;
    let (token_value, stream_url) = ticket(&cx, &id);
    Ok(StartSessionResponse {
        session_id: id,
        token_value,
        stream_url,
    })
}

/// What the document and the parameters say is to be done; who may not use the document learns nothing of it.
async fn plan(cx: &Cx, name: Option<String>, parameters: GivenParameters) -> ApiResult<(String, Plan)> {
    let name = name.unwrap_or_else(|| SHELL_DOCUMENT.to_owned());
    let asked = cx.clone();
    let found = cx.read(move |tx| lookup::permitted(&asked, tx, START, &name, None));
    let found = found.await?;
    let plan = plans::plan(&found, &parameters)?;
    Ok((found.name, plan))
}

/// *Errors*: `TargetNotConnected` for a node that is unknown or away, saying which.
async fn connected_node(cx: &Cx, target: &str, work: &Work, approval: Option<&Approval>) -> ApiResult<NodeId> {
    let not_connected = |words: String| ApiError::new("TargetNotConnected", words);
    let unknown = || not_connected(format!("no node `{}` has joined this hub", target.escape_debug()));
    let id: NodeId = target.parse().map_err(|_| unknown())?;
    let wanted = id.clone();
    let found = cx.read(move |tx| Ok(nodes::sql::find(tx, &wanted)?)).await?.ok_or_else(unknown)?;
    let act = match work {
        Work::Port(_) => Act::Port,
        _ => Act::Shell,
    };
    let locked = found.forbids(act);
    if let Some(why) = locked.or_else(|| found.wants_approval(act, &Approved::Shell, approval)) {
        return Err(ApiError::new("AccessDeniedException", why));
    }
    if cx.services.link().is_connected(&id) {
        return Ok(id);
    }
    let why = found
        .offline_reason
        .map_or("its agent is not connected", |reason| reason.sentence());
    let since = found.last_seen_at.map_or(String::new(), |at| format!(", last seen {at}"));
    Err(not_connected(format!("node `{id}` (`{}`) is offline{since}: {why}", found.name)))
}

/// What opens one attachment: the token, and where to bring it.
fn ticket(cx: &Cx, session: &SessionId) -> (String, String) {
    let request = cx.request();
    let bearer = Bearer {
        caller: cx.caller().clone(),
        address: request.address.clone(),
        request_id: request.id.clone(),
    };
    let token = cx.services.state::<Live>().tokens.issue(session, bearer);
    // `http` → `ws`, `https` → `wss`.
    let rest = request.origin.strip_prefix("http").unwrap_or(&request.origin);
    (token, format!("ws{rest}/stream/{session}"))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ResumeSessionRequest {
    session_id: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ResumeSessionResponse {
    session_id: SessionId,
    token_value: String,
    stream_url: String,
}

/// A session that has ended answers with an empty token, as upstream does: clients take it for "nothing to resume".
async fn resume_session(cx: Cx, request: ResumeSessionRequest) -> ApiResult<ResumeSessionResponse> {
    cx.services.freeze.check()?;
    check_length(&request.session_id, "sessionId", SESSION_ID_LENGTH)?;
    let found = find(&cx, &request.session_id).await?;
    let Some(session) = found else {
        let shown: String = request.session_id.chars().filter(|c| !c.is_control()).take(96).collect();
        return Err(ApiError::new("DoesNotExistException", format!("there is no session `{shown}`")));
    };
    let (token_value, stream_url) = match session.ended_at {
        None => {
            let (asked, needs) = (cx.clone(), session.needs(&cx.caller().name));
            let permit = move |tx: &Tx<'_>| needs.iter().try_for_each(|(action, target)| asked.permit_for(tx, action, target));
            cx.read(permit).await?;
            ticket(&cx, &session.id)
        }
        Some(_) => (String::new(), String::new()),
    };
    Ok(ResumeSessionResponse {
        session_id: session.id,
        token_value,
        stream_url,
    })
}

async fn find(cx: &Cx, id: &str) -> ApiResult<Option<Session>> {
    let Ok(id) = id.parse::<SessionId>() else { return Ok(None) };
    cx.read(move |tx| Ok(lifecycle::sql::find(tx, &id)?)).await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct TerminateSessionRequest {
    session_id: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct TerminateSessionResponse {
    session_id: String,
}

/// The row ends at once; the node is told by whoever is attached, or by the job, as soon as it can be told. A session that is
/// unknown or over is no error.
async fn terminate_session(cx: Cx, request: TerminateSessionRequest) -> ApiResult<TerminateSessionResponse> {
    check_length(&request.session_id, "sessionId", SESSION_ID_LENGTH)?;
    let session_id = request.session_id;
    let Ok(id) = session_id.parse::<SessionId>() else {
        return Ok(TerminateSessionResponse { session_id });
    };
    let by = cx.caller().name.clone();
    let (session, details, bus, now) = (id.clone(), format!("ended by `{by}`"), cx.services.bus.clone(), cx.now());
    let ended = cx.write(move |tx| Ok(lifecycle::advance(tx, &bus, &session, lifecycle::Event::HubEnded, &details, now)?));
    if ended.await?.is_some() {
        cx.services.state::<Live>().seats.terminate(&id, &by);
    }
    Ok(TerminateSessionResponse { session_id })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GetConnectionStatusRequest {
    target: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GetConnectionStatusResponse {
    target: String,
    /// In lower case, unlike every other status of the API.
    status: &'static str,
}

async fn get_connection_status(cx: Cx, request: GetConnectionStatusRequest) -> ApiResult<GetConnectionStatusResponse> {
    check_length(&request.target, "target", TARGET_LENGTH)?;
    let is_connected = request
        .target
        .parse()
        .is_ok_and(|node: NodeId| cx.services.link().is_connected(&node));
    Ok(GetConnectionStatusResponse {
        target: request.target,
        status: if is_connected { "connected" } else { "notconnected" },
    })
}

#[derive(Deserialize, JsonSchema)]
struct SessionsTopic {}

/// Something about some session changed: read the list again.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SessionsEvent {
    reload: bool,
}

async fn follow(cx: Cx, _topic: SessionsTopic, feed: Feed) -> ApiResult<()> {
    let mut events = cx.services.bus.subscribe();
    // What changed since the follower read its list is told by nobody else.
    feed.send(&SessionsEvent { reload: true }).await?;
    loop {
        match events.recv().await {
            Ok(Event::SessionChanged(id)) => {
                let asked = cx.clone();
                let permit = move |tx: &Tx<'_>| Ok(asked.permit(tx, &session(id.as_str())).is_ok());
                if !cx.read(permit).await? {
                    continue;
                }
            }
            Err(RecvError::Lagged(_)) => {}
            Ok(_) => continue,
            Err(RecvError::Closed) => return Ok(()),
        }
        feed.send(&SessionsEvent { reload: true }).await?;
        sleep(LIVE_STEP).await;
    }
}
