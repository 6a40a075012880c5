//! `/stream/<session>`: one attachment of one browser (or terminal) to one shell, from its first word to its last.
//!
//! ```text
//! → text   {"Token": …, "Cols": 80, "Rows": 24, "From": null | offset, "TakeOver": false, "Before": token | absent}
//! ← text   {"Attached": {"Offset": …, "Started": …}}   or   {"Error": {"Code": …, "Message": …}} and the end
//! ⇄ binary the frames of `wire::session`
//! ← close  1000 after `Ended` or an error · 1008 a frame out of place · 1012 the hub stops · 4001 the line to the node broke
//! ```
//!
//! `From` is how far the client has read; `Before` is the token of the attachment it had, which it then replaces although
//! the hub may not have seen that connection break. After 1012, 4001 or a break without a close, a client asks ResumeSession
//! for a token and comes again, until the session has ended or the detach limit is over.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::base::id::SessionId;
use crate::base::{ApiError, ApiResult};
use crate::hub::api::Services;
use crate::hub::api::routes::{Message, Socket};
use crate::hub::audit::{self, Outcome};
use crate::hub::capabilities::fleet::nodes;
use crate::hub::capabilities::sessions::lifecycle::{self, Event, Session, Shell};
use crate::hub::capabilities::sessions::relay::{self, Left, Line};
use crate::hub::capabilities::sessions::seats::{Held, Notice, Wish};
use crate::hub::capabilities::sessions::tokens::{Bearer, TokenHash};
use crate::hub::capabilities::sessions::{KIND, Live, ending};
use crate::hub::store::Tx;
use crate::wire::session::{Attached, EndReason, Ended, Frame, Open, Size};

/// A client says its first word within this time.
const GREETING_LIMIT: Duration = Duration::from_secs(10);
/// An agent answers `Open` within this time; starting a shell takes milliseconds.
const OPEN_LIMIT: Duration = Duration::from_secs(15);
/// What is left to say to a client that is leaving may take so long.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);

/// Close code: the node is away; the same shell may be attached to again.
const LINE_LOST: u16 = 4001;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Greeting {
    token: String,
    cols: u16,
    rows: u16,
    from: Option<u64>,
    #[serde(default)]
    take_over: bool,
    before: Option<String>,
}

/// Why an attachment does not come about.
struct Refusal {
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        tracing::error!(error = %error, cause = ?error.source, "an attachment met an error");
        Self::new(error.code, error.message)
    }
}

/// The last thing the client hears.
enum Farewell {
    Refused(Refusal),
    Ended(Ended),
    Closed(CloseCode, &'static str),
}

/// Runs one socket to its end.
pub async fn serve(services: Arc<Services>, id: String, mut socket: Socket) {
    let farewell = match admit(&services, &id, &mut socket).await {
        Ok((visit, held)) => visit.run(held, &mut socket).await,
        Err(refusal) => Farewell::Refused(refusal),
    };
    say(farewell, socket).await;
}

/// Checks the first message and takes the seat.
async fn admit(services: &Arc<Services>, id: &str, socket: &mut Socket) -> Result<(Visit, Held), Refusal> {
    let greeting = timeout(GREETING_LIMIT, socket.incoming.next()).await;
    let Ok(Some(Ok(Message::Text(text)))) = greeting else {
        return Err(Refusal::new("Malformed", "the first message is text and comes within 10 seconds"));
    };
    let greeting: Greeting = serde_json::from_str(&text).map_err(|e| Refusal::new("Malformed", format!("the first message: {e}")))?;
    if greeting.token.is_empty() {
        return Err(Refusal::new(
            "Ended",
            "there is no token: ResumeSession gives none for a session that has ended",
        ));
    }
    services.freeze.check().map_err(|error| Refusal::new("Frozen", error.message))?;
    let live = services.state::<Live>();
    let invalid = "the token is unknown, used or expired: ask ResumeSession for another";
    let session = id.parse::<SessionId>();
    let redeemed = session.ok().and_then(|id| Some((live.tokens.redeem(&greeting.token, &id)?, id)));
    let ((token, bearer), session) = redeemed.ok_or_else(|| Refusal::new("TokenInvalid", invalid))?;
    (socket.admitted)();
    if !services.still_counts(&bearer.caller).await? {
        return Err(Refusal::new("TokenInvalid", "the login that asked for the token is over"));
    }
    let wish = Wish {
        token,
        caller: bearer.caller.clone(),
        take_over: greeting.take_over,
        before: greeting.before.as_deref().map(TokenHash::of),
    };
    let held = live.seats.take(&session, &wish).await.map_err(|in_use| {
        let words = format!(
            "`{}` is attached to session `{session}`: take over, or wait until it is free",
            in_use.by
        );
        Refusal::new("InUse", words)
    })?;
    let visit = Visit {
        services: services.clone(),
        session,
        bearer,
        greeting,
    };
    Ok((visit, held))
}

/// A client that has the seat.
struct Visit {
    services: Arc<Services>,
    session: SessionId,
    bearer: Bearer,
    greeting: Greeting,
}

impl Visit {
    /// The seat is held until the row says that it is free.
    async fn run(&self, mut held: Held, socket: &mut Socket) -> Farewell {
        let attached = tokio::select! {
            left = self.attend(socket) => left,
            notice = held.notice() => return self.leave(notice, held).await,
            () = self.services.shutdown.cancelled() => Ok(Left::BrowserGone),
        };
        if let Ok(Left::Ended(ended)) = &attached
            && ended.reason != EndReason::TakenOver
        {
            self.close(ended.clone()).await;
        } else {
            self.note(Event::Detached).await;
        }
        match attached {
            Err(refusal) => Farewell::Refused(refusal),
            Ok(Left::Ended(ended)) => Farewell::Ended(ended),
            Ok(Left::BrowserGone) if self.services.shutdown.is_cancelled() => Farewell::Closed(CloseCode::Restart, "the hub is stopping"),
            Ok(Left::BrowserGone) => Farewell::Closed(CloseCode::Normal, ""),
            Ok(Left::Violation(words)) => Farewell::Closed(CloseCode::Policy, words),
            Ok(Left::LineLost) => Farewell::Closed(CloseCode::Library(LINE_LOST), "node connection lost"),
        }
    }

    /// Opens the shell, or finds it again, and passes bytes until somebody leaves.
    async fn attend(&self, socket: &mut Socket) -> Result<Left, Refusal> {
        let id = self.session.clone();
        let found = self.services.read(move |tx| {
            let Some(session) = lifecycle::sql::find(tx, &id)? else {
                return Ok(None);
            };
            let key = nodes::sql::key_of(tx, &session.node)?;
            Ok(key.map(|key| (session, key)))
        });
        let found = found.await?;
        let (session, key) = found.ok_or_else(|| Refusal::new("Ended", "the session or its node does not exist any more"))?;
        let line = relay::line(self.services.link(), &session.node).await;
        let mut line = line.map_err(|error| {
            let words = format!(
                "node `{}` cannot be reached: {error}. The shell is kept for 10 minutes",
                session.node
            );
            Refusal::new("NotConnected", words)
        })?;
        // Nobody is at a shell before the log says who.
        let session = self.begin().await?;
        let attached = match timeout(OPEN_LIMIT, self.open(&mut line, &session, &key)).await {
            Ok(Ok(attached)) => attached,
            Ok(Err(Left::Ended(ended))) => {
                let refusal = Refusal::new("Ended", lifecycle::words(&ended));
                self.close(ended).await;
                return Err(refusal);
            }
            Ok(Err(_)) | Err(_) => return Ok(Left::LineLost),
        };
        self.note(Event::Attached).await;
        let words = json!({ "Attached": { "Offset": attached.offset, "Started": attached.started } });
        if socket.outgoing.send(Message::text(words.to_string())).await.is_err() {
            return Ok(Left::BrowserGone);
        }
        Ok(relay::pump(&mut socket.incoming, &mut socket.outgoing, line.to_agent, line.from_agent).await)
    }

    /// The audit row that says who opens which shell, durable before anything is sent to the node.
    async fn begin(&self) -> Result<Session, Refusal> {
        let (id, bus, now) = (self.session.clone(), self.services.bus.clone(), self.services.now());
        let entry = self.entry("roadstead:OpenShell", self.bearer.caller.to_string(), String::new());
        let session = self.services.write(move |tx| {
            let Some(session) = lifecycle::advance(tx, &bus, &id, Event::Opening, "", now)? else {
                return Ok(None);
            };
            let detail = format!("on node/{}", session.node);
            tx.note(|notes| notes.nodes.push(session.node.clone()));
            audit::record(tx, &audit::Entry { detail, ..entry })?;
            Ok(Some(session))
        });
        let session = session.await?.ok_or_else(|| Refusal::new("Ended", "the session has ended"))?;
        tracing::info!(session_id = %session.id, node_id = %session.node, caller = %self.bearer.caller, "shell opened");
        Ok(session)
    }

    async fn open(&self, line: &mut Line, session: &Session, key: &[u8; 32]) -> Result<Attached, Left> {
        let open = Open {
            session: session.id.clone(),
            size: Size {
                cols: self.greeting.cols.max(1),
                rows: self.greeting.rows.max(1),
            },
            from: self.greeting.from,
            start: session.state.shell != Shell::Open,
            idle_timeout_ms: session.idle_timeout_ms.unsigned_abs(),
            max_duration_ms: session.max_duration_ms.unsigned_abs(),
            approval: session.approval.clone(),
        };
        let _its_answer_says_why = line.to_agent.send(relay::opening(&self.services, key, &open)).await;
        relay::answer(&mut line.from_agent).await
    }

    /// Leaves the seat to somebody else, or because the session is over.
    async fn leave(&self, notice: Notice, held: Held) -> Farewell {
        let ended = |reason, message: String| {
            Farewell::Ended(Ended {
                reason,
                exit_code: None,
                message,
            })
        };
        match notice {
            Notice::Terminated { by } => {
                // The seat stays taken meanwhile, so that nobody else tells the node; the client need not wait for it.
                let (services, session) = (self.services.clone(), self.session.clone());
                self.services.tasks.spawn(async move {
                    ending::deliver(&services, &session).await;
                    drop(held);
                });
                ended(EndReason::Terminated, format!("`{by}` ended this session"))
            }
            Notice::TakenOver { by } => {
                self.note(Event::Detached).await;
                ended(EndReason::TakenOver, format!("`{by}` took over this session"))
            }
            Notice::Frozen => {
                self.note(Event::Detached).await;
                Farewell::Refused(Refusal::new(
                    "Frozen",
                    "the hub was frozen: the shell waits ten minutes for you to come back",
                ))
            }
            Notice::LoginOver => {
                self.note(Event::Detached).await;
                // The client asks for another token, which takes a login.
                Farewell::Closed(CloseCode::Restart, "the login is over")
            }
            Notice::Returned => {
                self.note(Event::Detached).await;
                Farewell::Closed(CloseCode::Normal, "replaced by the same client")
            }
        }
    }

    /// The node has said how the shell ended.
    async fn close(&self, ended: Ended) {
        let (id, words) = (self.session.clone(), lifecycle::words(&ended));
        let (bus, now, bearer) = (self.services.bus.clone(), self.services.now(), self.bearer.caller.to_string());
        let entry = self.entry("roadstead:EndShell", String::new(), words.clone());
        let closed = self.services.write(move |tx: &Tx<'_>| {
            let Some(session) = lifecycle::advance(tx, &bus, &id, Event::NodeEnded(ended.reason), &words, now)? else {
                return Ok(());
            };
            let caller = match ended.reason {
                EndReason::Terminated => bearer,
                _ => format!("node:{}", session.node),
            };
            tx.note(|notes| notes.nodes.push(session.node.clone()));
            Ok(audit::record(tx, &audit::Entry { caller, ..entry })?)
        });
        self.warn(closed.await);
    }

    async fn note(&self, event: Event) {
        let (id, bus, now) = (self.session.clone(), self.services.bus.clone(), self.services.now());
        let noted = self
            .services
            .write(move |tx| Ok(lifecycle::advance(tx, &bus, &id, event, "", now)?));
        self.warn(noted.await.map(|_| ()));
    }

    /// The job sets the row right later.
    fn warn(&self, result: ApiResult<()>) {
        if let Err(error) = result {
            tracing::warn!(session_id = %self.session, error = %error, "a session's change was not stored");
        }
    }

    fn entry(&self, operation: &str, caller: String, detail: String) -> audit::Entry {
        audit::Entry {
            at: self.services.now(),
            request_id: self.bearer.request_id.clone(),
            caller,
            address: self.bearer.address.clone(),
            operation: operation.to_owned(),
            target: format!("{KIND}/{}", self.session),
            outcome: Outcome::Done,
            detail,
        }
    }
}

async fn say(farewell: Farewell, mut socket: Socket) {
    let (last, code, reason) = match farewell {
        Farewell::Refused(Refusal { code, message }) => {
            let words = json!({ "Error": { "Code": code, "Message": message } });
            (Some(Message::text(words.to_string())), CloseCode::Normal, "")
        }
        Farewell::Ended(ended) => (Some(Message::Binary(Frame::Ended(ended).encode())), CloseCode::Normal, ""),
        Farewell::Closed(code, reason) => (None, code, reason),
    };
    let close = Message::Close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }));
    let goodbye = async {
        for message in last.into_iter().chain([close]) {
            if socket.outgoing.send(message).await.is_err() {
                return;
            }
        }
        // A connection dropped with input unread is reset, and the last word could be lost on its way.
        while let Some(Ok(_)) = socket.incoming.next().await {}
    };
    let _client_may_be_gone = timeout(FAREWELL_LIMIT, goodbye).await;
}
