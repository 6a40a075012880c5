//! Who can do this, and why may I not: the decision shown instead of taken.
//!
//! A session and a command take a node and a document. Whoever asks about the one is told about the other, too: that somebody may
//! open a shell on a node is said only where they may use the document of a plain shell.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::audit::{self, denials, filing};
use crate::hub::auth::policy::{decide_one, reason};
use crate::hub::auth::{Caller, Proof, facts, rights};
use crate::hub::capabilities::access::users;
use crate::hub::store::{Row, Select, StoreError, Tx};
use crate::model::access::grants::Grant;
use crate::model::access::kinds::{NODE, named_kind};
use crate::model::access::{Decision, Effect, SHELL_DOCUMENT, Thing, words};

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "SimulateAccess",
        |_: &SimulateRequest| Target::Rows(users::KIND),
        simulate_access,
    )
    .read(
        Service::Roadstead,
        "ExplainAccess",
        // Without a name it is the caller's own.
        |r: &ExplainRequest| Target::Resource(users::KIND, r.user_name.clone().unwrap_or_default()),
        explain_access,
    );
}

/// Most requests have ended so long after they began; a clock that was put right is not further off either.
const SOON: Duration = Duration::from_secs(600);

/// What would be done to what.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "AccessSubject")]
struct Subject {
    /// `node`, `parameter`, `document` … as policies name it.
    kind: String,
    #[serde(default)]
    id: String,
}

impl Subject {
    fn check(&self) -> ApiResult<()> {
        constraint::at_most(&self.kind, "resource.kind", 64)?;
        constraint::at_most(&self.id, "resource.id", 2048)
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "SimulateAccessRequest")]
struct SimulateRequest {
    /// `ssm:StartSession` …
    action: String,
    resource: Subject,
    /// Leave out those who may not.
    #[serde(default)]
    only_allowed: bool,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "SimulateAccessResult")]
struct SimulateResult {
    users: Vec<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The decision about one user, and what made it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "AccessVerdict")]
struct Verdict {
    user_name: String,
    allowed: bool,
    /// One sentence.
    reason: String,
    /// The policy or built-in role of the statement that decided, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    /// How the user comes to that policy: by a role, or directly.
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<String>,
}

impl Verdict {
    fn denied(name: &str) -> Self {
        Self {
            user_name: name.to_owned(),
            allowed: false,
            reason: String::new(),
            policy: None,
            statement: None,
            via: None,
        }
    }
}

/// Every user that the caller may see, by name, with the decision about them. A thing that the caller may not see is judged
/// as if it were not there.
async fn simulate_access(cx: Cx, request: SimulateRequest) -> ApiResult<SimulateResult> {
    check_question(&cx, &request.action, &request.resource)?;
    let size = page::size(request.max_results, 1, 100, 50)?;
    let after: Option<String> = page::parse(request.next_token.as_deref())?;
    let mut select = Select::new("SELECT user.name FROM user").and_condition(&cx.visible(users::KIND, "user.name"));
    if let Some(after) = &after {
        select = select.and("user.name > ?", [after.into()]);
    }
    let select = select.order("user.name").limit(size + 1);
    let asked = cx.clone();
    cx.read(move |tx| {
        let is_seen = sees(tx, asked.caller(), &request.resource)?;
        let names: Vec<String> = select.rows(tx, |row| row.get("name"))?;
        let (names, next_token) = page::cut(names, size, Clone::clone);
        let mut users = Vec::new();
        for name in names {
            let verdict = verdict(tx, &name, &request.action, &request.resource, is_seen)?;
            if verdict.allowed || !request.only_allowed {
                users.push(verdict);
            }
        }
        Ok(SimulateResult { users, next_token })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ExplainAccessRequest")]
struct ExplainRequest {
    /// Whose rights; the caller's own without it.
    user_name: Option<String>,
    /// A request that was answered: either this, or an action and a resource.
    request_id: Option<String>,
    action: Option<String>,
    resource: Option<Subject>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ExplainAccessResult")]
struct ExplainResult {
    action: String,
    resource: Subject,
    /// As it is now, which may differ from when the request was made.
    verdict: Verdict,
    /// What was written down when the request was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded_reason: Option<String>,
    /// Every statement about the action, whether or not it is about the resource, or what is needed beside it.
    statements: Vec<Considered>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ConsideredStatement")]
struct Considered {
    effect: Effect,
    policy: String,
    statement: String,
    via: String,
    /// It is about the resource too, or about what is needed beside it.
    matches: bool,
}

async fn explain_access(cx: Cx, request: ExplainRequest) -> ApiResult<ExplainResult> {
    let name = request.user_name.unwrap_or_else(|| cx.caller().name.clone());
    let asked = cx.clone();
    cx.read(move |tx| {
        let (action, resource, mut recorded_reason) = match (request.request_id, request.action, request.resource) {
            (Some(id), None, None) => recorded(tx, &asked, &name, &id)?,
            (None, Some(action), Some(resource)) => {
                check_question(&asked, &action, &resource)?;
                (action, resource, None)
            }
            _ => return Err(ApiError::validation("give either a `RequestId`, or an `Action` and a `Resource`")),
        };
        let is_own = asked.caller().name == name;
        let caller = match is_own {
            true => asked.caller().clone(),
            false => as_user(tx, &name)?.ok_or_else(|| unknown(&name))?,
        };
        let mut verdict = of_caller(tx, &caller, &action, &resource)?;
        let mut statements = considered(tx, &caller, &action, &resource)?;
        let grants = &caller.rights.grants;
        let is_told_by_name = grants.decide_early(&action, &resource.kind, &resource.id).is_some();
        // What one may do oneself is no news; what others may would tell that the thing is there.
        let is_news = !is_own || !verdict.allowed;
        if is_news && !is_told_by_name && !sees(tx, asked.caller(), &resource)? {
            // Which statement it is would tell what the thing is like; the reason that was written down names it, too.
            statements.clear();
            recorded_reason = None;
            verdict = Verdict {
                reason: "it is not there, or nothing lets you see it".into(),
                ..Verdict::denied(&name)
            };
        }
        Ok(ExplainResult {
            verdict,
            statements,
            recorded_reason,
            action,
            resource,
        })
    })
    .await
}

/// Whether who asks may know the thing at all.
fn sees(tx: &Tx<'_>, caller: &Caller, subject: &Subject) -> Result<bool, StoreError> {
    let actions: &[&str] = match subject.kind.as_str() {
        "node" => &["roadstead:DescribeNode"],
        "command" | "invocation" => &["ssm:ListCommands"],
        "session" => &["ssm:DescribeSessions"],
        "parameter" => &["ssm:DescribeParameters", "ssm:GetParameter"],
        "document" => &["ssm:DescribeDocument", "ssm:GetDocument"],
        "activation" => &["ssm:DescribeActivations"],
        _ => return Ok(true),
    };
    if subject.id.is_empty() {
        return Ok(true);
    }
    for action in actions {
        if decide_one(tx, caller, action, &subject.kind, &subject.id)?.is_allowed() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The refused request of this user: what it asked for, and why it was refused.
fn recorded(tx: &Tx<'_>, cx: &Cx, user: &str, request_id: &str) -> ApiResult<(String, Subject, Option<String>)> {
    constraint::at_most(request_id, "requestId", 64)?;
    let found = match cx.services.audit.counted(request_id) {
        Some(counted) => Some(counted.into()),
        None => sql::request(tx, request_id)?,
    };
    let found = found.filter(|row: &sql::Recorded| {
        let named = row.caller.strip_prefix("user:").unwrap_or(&row.caller);
        // A row that stands for denials of different kinds has no operation.
        named.split("/key:").next() == Some(user) && row.operation.contains(':')
    });
    let row = found.ok_or_else(|| {
        ApiError::new(
            "ResourceNotFoundException",
            "no request of this user with this id was written, or refused: only those stand in the audit log, \
             and of many equal refusals within a minute the first and the last",
        )
    })?;
    let (kind, id) = row.target.split_once('/').unwrap_or((row.target.as_str(), ""));
    let subject = Subject {
        kind: kind.to_owned(),
        id: if id == "*" { String::new() } else { id.to_owned() },
    };
    let reason = denials::reason(&row.detail);
    Ok((row.operation, subject, (!reason.is_empty()).then(|| reason.to_owned())))
}

/// A question about what there is not would be answered as if it were there. What was refused once is not asked: the log also
/// has actions of the hub's own, and those of earlier releases.
///
/// *Errors*: `ValidationException` naming the action or kind that there is not.
fn check_question(cx: &Cx, action: &str, subject: &Subject) -> ApiResult<()> {
    subject.check()?;
    check_form(action)?;
    cx.services.words.action(action).here().map_err(ApiError::validation)?;
    words::kind(named_kind(&subject.kind)).here().map_err(ApiError::validation)
}

fn check_form(action: &str) -> ApiResult<()> {
    let is_fine = action.len() <= 128
        && action
            .split_once(':')
            .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty() && !action.contains(['*', '?', ' ']));
    if is_fine {
        return Ok(());
    }
    Err(ApiError::validation(
        "an action is a service and an operation: `ssm:SendCommand`, `roadstead:CreateUser`",
    ))
}

fn unknown(name: &str) -> ApiError {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    ApiError::new("ResourceNotFoundException", format!("there is no active user `{shown}`"))
}

/// A user as they would call; `None` when they are disabled or not there.
fn as_user(tx: &Tx<'_>, name: &str) -> Result<Option<Caller>, StoreError> {
    let mut caller = Caller::new(name, Proof::Session(String::new()));
    let Some(rights) = rights::load(tx, name)? else {
        return Ok(None);
    };
    caller.rights = std::sync::Arc::new(rights);
    Ok(Some(caller))
}

fn verdict(tx: &Tx<'_>, name: &str, action: &str, subject: &Subject, is_seen: bool) -> Result<Verdict, StoreError> {
    match as_user(tx, name)? {
        Some(caller) if is_seen => of_caller(tx, &caller, action, subject),
        Some(caller) => {
            let nothing = Thing {
                kind: subject.kind.clone(),
                id: subject.id.clone(),
                ..Thing::default()
            };
            let decision = caller.rights.grants.decide(action, &nothing);
            with_counterpart(tx, &caller, action, subject, shown(name, &decision))
        }
        None => Ok(Verdict {
            reason: "the user is disabled".into(),
            ..Verdict::denied(name)
        }),
    }
}

fn of_caller(tx: &Tx<'_>, caller: &Caller, action: &str, subject: &Subject) -> Result<Verdict, StoreError> {
    let decision = decide_one(tx, caller, action, &subject.kind, &subject.id)?;
    with_counterpart(tx, caller, action, subject, shown(&caller.name, &decision))
}

/// The verdict, or the denial of what the act needs beside its subject.
fn with_counterpart(tx: &Tx<'_>, caller: &Caller, action: &str, subject: &Subject, verdict: Verdict) -> Result<Verdict, StoreError> {
    let Some(needed) = counterpart(action, &subject.kind).filter(|_| verdict.allowed) else {
        return Ok(verdict);
    };
    if needed.id.is_empty() {
        return Ok(match caller.rights.grants.may_ever(action, Some(&needed.kind)) {
            true => verdict,
            false => Verdict {
                reason: format!("it needs a {} besides, and is allowed on none", needed.kind),
                ..Verdict::denied(&caller.name)
            },
        });
    }
    let decision = decide_one(tx, caller, action, &needed.kind, &needed.id)?;
    Ok(match decision.is_allowed() {
        true => verdict,
        false => Verdict {
            reason: format!("it needs {} `{}` besides: {}", needed.kind, needed.id, reason(&decision)),
            ..shown(&caller.name, &decision)
        },
    })
}

/// What else an act takes; without an id it may be any of its kind.
fn counterpart(action: &str, kind: &str) -> Option<Subject> {
    let needed = |kind: &str, id: &str| {
        Some(Subject {
            kind: kind.to_owned(),
            id: id.to_owned(),
        })
    };
    match (action.to_ascii_lowercase().as_str(), kind) {
        ("ssm:startsession", NODE) => needed("document", SHELL_DOCUMENT),
        ("ssm:sendcommand", NODE) => needed("document", ""),
        ("ssm:startsession" | "ssm:sendcommand", "document") => needed(NODE, ""),
        _ => None,
    }
}

fn shown(name: &str, decision: &Decision<'_>) -> Verdict {
    let origin = match *decision {
        Decision::Allowed(origin) | Decision::Denied(origin) => Some(origin.clone()),
        Decision::Unmentioned | Decision::OutOfScope => None,
    };
    Verdict {
        user_name: name.to_owned(),
        allowed: decision.is_allowed(),
        reason: reason(decision),
        policy: origin.as_ref().map(|o| o.policy.clone()),
        statement: origin.as_ref().map(|o| o.statement.clone()),
        via: origin.map(|o| o.via),
    }
}

fn considered(tx: &Tx<'_>, caller: &Caller, action: &str, subject: &Subject) -> Result<Vec<Considered>, StoreError> {
    let besides = counterpart(action, &subject.kind).filter(|needed| !needed.id.is_empty());
    let things = [Some(subject), besides.as_ref()].into_iter().flatten();
    let things = things.map(|subject| facts::thing(tx, &caller.rights, &subject.kind, &subject.id));
    let things: Vec<Thing> = things.collect::<Result<_, _>>()?;
    let grants = &caller.rights.grants;
    let all = [Effect::Deny, Effect::Allow]
        .into_iter()
        .flat_map(|effect| grants.about(effect, action));
    let view = |grant: &Grant| Considered {
        effect: grant.effect,
        policy: grant.origin.policy.clone(),
        statement: grant.origin.statement.clone(),
        via: grant.origin.via.clone(),
        matches: grant.selectors.iter().any(|s| things.iter().any(|thing| s.matches(thing))),
    };
    Ok(all.map(view).collect())
}

mod sql {
    use super::*;
    use crate::hub::audit::Entry;

    pub struct Recorded {
        pub caller: String,
        pub operation: String,
        pub target: String,
        pub detail: String,
    }

    impl From<Entry> for Recorded {
        fn from(entry: Entry) -> Self {
            Self {
                caller: entry.caller,
                operation: entry.operation,
                target: entry.target,
                detail: entry.detail,
            }
        }
    }

    /// The last row of a request, or of equal denials of which it was one. Looked for where most requests end, then up to now: that of an open connection is long.
    pub fn request(tx: &Tx<'_>, id: &str) -> Result<Option<Recorded>, StoreError> {
        let Some(begun) = audit::begun_at(id) else { return Ok(None) };
        match recorded(tx, id, begun - SOON, begun + SOON)? {
            None => recorded(tx, id, begun - SOON, Timestamp::from_millis(i64::MAX)),
            found => Ok(found),
        }
    }

    fn recorded(tx: &Tx<'_>, id: &str, from: Timestamp, until: Timestamp) -> Result<Option<Recorded>, StoreError> {
        for part in [filing::RECENT, filing::FILED] {
            let select = Select::new("SELECT caller, operation, target, detail FROM audit")
                .and(part, [])
                .and("audit.at BETWEEN ? AND ?", [from.into(), until.into()])
                .and(
                    "(audit.request_id = ? OR (audit.repeats > 1 AND instr(audit.detail, ?) > 0))",
                    [id.into(), id.into()],
                );
            let found = select.order("audit.seq DESC").limit(1).rows(tx, recorded_row)?;
            if let Some(found) = found.into_iter().next() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn recorded_row(row: &Row<'_>) -> Result<Recorded, StoreError> {
        Ok(Recorded {
            caller: row.get("caller")?,
            operation: row.get("operation")?,
            target: row.get("target")?,
            detail: row.get("detail")?,
        })
    }
}
