//! `/stream/<session>`: one attachment of one browser, terminal or plugin to one shell, from its first word to its last.
//!
//! What is said, and how, is the client's [`dialect`](super::dialect). After a break without a last word a client asks
//! ResumeSession for a token and comes again, until the session has ended or the detach limit is over.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::base::ApiResult;
use crate::base::id::SessionId;
use crate::hub::api::Services;
use crate::hub::api::routes::{Message, Socket};
use crate::hub::audit::{self, Outcome};
use crate::hub::capabilities::fleet::nodes;
use crate::hub::capabilities::sessions::dialect::{Dialect, Farewell, Greeting, Refusal};
use crate::hub::capabilities::sessions::lifecycle::{self, Event, Session, Shell};
use crate::hub::capabilities::sessions::relay::{self, Left, Line};
use crate::hub::capabilities::sessions::seats::{Held, Notice, Wish};
use crate::hub::capabilities::sessions::tokens::Bearer;
use crate::hub::capabilities::sessions::watch::{self, Verdict};
use crate::hub::capabilities::sessions::{KIND, Live, ending};
use crate::hub::store::Tx;
use crate::wire::session::{Attached, DETACH_LIMIT, EndReason, Ended, Open, Work};

/// A client says its first word within this time.
const GREETING_LIMIT: Duration = Duration::from_secs(10);
/// An agent answers `Open` within this time; starting a shell takes milliseconds.
const OPEN_LIMIT: Duration = Duration::from_secs(15);
/// What is left to say to a client that is leaving may take so long.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);

/// How often it is looked whether a node that the plugin waits for is back, and how long before the first look when the line to it
/// breaks at once each time.
const LOOK: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Runs one socket to its end.
pub async fn serve(services: Arc<Services>, id: String, mut socket: Socket) {
    let dialect = Dialect::of(&socket);
    let farewell = match admit(&services, &id, &mut socket, dialect).await {
        Ok((visit, held)) => visit.run(held, &mut socket).await,
        Err(refusal) => Farewell::Refused(refusal),
    };
    say(dialect.farewell(farewell, &id, services.now()), socket).await;
}

/// Checks the first message and takes the seat.
async fn admit(services: &Arc<Services>, id: &str, socket: &mut Socket, dialect: Dialect) -> Result<(Visit, Held), Refusal> {
    let greeting = timeout(GREETING_LIMIT, socket.incoming.next()).await;
    let Ok(Some(Ok(Message::Text(text)))) = greeting else {
        return Err(Refusal::new("Malformed", "the first message is text and comes within 10 seconds"));
    };
    let greeting = dialect.greeting(&text)?;
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
    match watch::judge(services, &session, &bearer.caller).await? {
        Verdict::MayStay => {}
        Verdict::LoginOver => return Err(Refusal::new("TokenInvalid", "the login that asked for the token is over")),
        Verdict::NotAllowed => {
            return Err(Refusal::new(
                "TokenInvalid",
                "who asked for the token may not be at this session any more",
            ));
        }
    }
    let wish = Wish {
        token: greeting.known_by.unwrap_or(token),
        caller: bearer.caller.clone(),
        take_over: greeting.take_over,
        before: greeting.before,
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
        dialect,
    };
    Ok((visit, held))
}

/// A client that has the seat.
struct Visit {
    services: Arc<Services>,
    session: SessionId,
    bearer: Bearer,
    greeting: Greeting,
    dialect: Dialect,
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
            Ok(Left::LineLost) => Farewell::LineLost,
        }
    }

    /// Attends until somebody leaves. A browser that loses its node looks after itself; the plugin would give up within seconds,
    /// so its connection is held until the node is back.
    async fn attend(&self, socket: &mut Socket) -> Result<Left, Refusal> {
        let (mut lost_since, mut pause) = (None, LOOK);
        loop {
            let began = Instant::now();
            match self.attend_once(socket).await {
                Ok(Left::LineLost) | Err(Refusal { code: "NotConnected", .. }) if self.dialect == Dialect::Plugin => {}
                left => return left,
            }
            self.note(Event::Detached).await;
            // One that was there for a while is lost anew.
            let since = *lost_since.get_or_insert_with(Instant::now);
            let is_anew = began.elapsed() > OPEN_LIMIT * 4;
            let since = if is_anew { Instant::now() } else { since };
            (lost_since, pause) = (Some(since), if is_anew { LOOK } else { (pause * 2).min(LONGEST_PAUSE) });
            if let Some(left) = self.wait_for_node(socket, pause, since + DETACH_LIMIT).await {
                return left;
            }
        }
    }

    /// What the client says meanwhile is dropped, unacknowledged: it says it again.
    async fn wait_for_node(&self, socket: &mut Socket, pause: Duration, until: Instant) -> Option<Result<Left, Refusal>> {
        let id = self.session.clone();
        let node = match self.services.read(move |tx| Ok(lifecycle::sql::find(tx, &id)?)).await {
            Ok(Some(session)) if session.ended_at.is_none() => session.node,
            Ok(_) => return Some(Err(Refusal::new("Ended", "the session has ended"))),
            Err(error) => return Some(Err(error.into())),
        };
        let mut look = tokio::time::interval_at(Instant::now() + pause, LOOK);
        while Instant::now() < until {
            tokio::select! {
                _ = look.tick() => {
                    if self.services.link().is_connected(&node) {
                        return None;
                    }
                }
                message = socket.incoming.next() => {
                    if !matches!(message, Some(Ok(_))) {
                        return Some(Ok(Left::BrowserGone));
                    }
                }
            }
        }
        let words = format!("node `{node}` was away for too long");
        Some(Err(Refusal::new("NotConnected", words)))
    }

    /// Opens the shell, or finds it again, and passes bytes until somebody leaves.
    async fn attend_once(&self, socket: &mut Socket) -> Result<Left, Refusal> {
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
        if matches!(session.work, Work::Port(_)) && self.dialect == Dialect::Ours {
            let words = "this session forwards a port: it is for `aws ssm start-session`, there is nothing to see";
            return Err(Refusal::new("WrongClient", words));
        }
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
        if let Some(words) = self.dialect.attached(&attached)
            && socket.outgoing.send(words).await.is_err()
        {
            return Ok(Left::BrowserGone);
        }
        Ok(relay::pump(self.dialect, &mut socket.incoming, &mut socket.outgoing, line).await)
    }

    /// The audit row that says who opens which shell, durable before anything is sent to the node.
    async fn begin(&self) -> Result<Session, Refusal> {
        let (id, bus, now) = (self.session.clone(), self.services.bus.clone(), self.services.now());
        let entry = self.entry("roadstead:OpenShell", self.bearer.caller.to_string(), String::new());
        let session = self.services.write(move |tx| {
            let Some(session) = lifecycle::advance(tx, &bus, &id, Event::Opening, "", now)? else {
                return Ok(None);
            };
            let detail = session.what();
            tx.note(|notes| notes.nodes.push(session.node.clone()));
            audit::record(tx, audit::Entry { detail, ..entry });
            Ok(Some(session))
        });
        let session = session.await?.ok_or_else(|| Refusal::new("Ended", "the session has ended"))?;
        tracing::info!(session_id = %session.id, node_id = %session.node, caller = %self.bearer.caller, "shell opened");
        Ok(session)
    }

    async fn open(&self, line: &mut Line, session: &Session, key: &[u8; 32]) -> Result<Attached, Left> {
        let open = Open {
            session: session.id.clone(),
            size: self.greeting.size,
            from: self.greeting.from,
            start: session.state.shell != Shell::Open,
            idle_timeout_ms: session.idle_timeout_ms.unsigned_abs(),
            max_duration_ms: session.max_duration_ms.unsigned_abs(),
            approval: session.approval.clone(),
            work: session.work.clone(),
            via_plugin: self.dialect == Dialect::Plugin,
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
                Farewell::LoginOver
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
            audit::record(tx, audit::Entry { caller, ..entry });
            Ok(())
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

async fn say(last: Vec<Message>, mut socket: Socket) {
    let goodbye = async {
        for message in last {
            if socket.outgoing.send(message).await.is_err() {
                return;
            }
        }
        // A connection dropped with input unread is reset, and the last word could be lost on its way.
        while let Some(Ok(_)) = socket.incoming.next().await {}
    };
    let _client_may_be_gone = timeout(FAREWELL_LIMIT, goodbye).await;
}
