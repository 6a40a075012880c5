//! A session's row, its states, and the one function that moves between them.
//!
//! Two things are kept apart: [`Status`] is what people see; [`Shell`] is what the node may still have, so that a session
//! ended here is also ended there.

use std::str::FromStr;

use crate::base::Timestamp;
use crate::base::id::{NodeId, SessionId};
use crate::hub::api::Target;
use crate::hub::capabilities::documents;
use crate::hub::capabilities::fleet::nodes;
use crate::hub::capabilities::sessions::KIND;
use crate::hub::events::{self, Bus};
use crate::hub::store::{Row, StoreError, Tx, Value};
use crate::model::approval::Approval;
use crate::wire::session::{EndReason, Ended, Port, Work};

/// Longest text of `Details` (upstream's limit).
const MAX_DETAILS: usize = 1024;

/// As upstream's `SessionStatus`; its `Terminating` is not used, because a session ends here at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Started; no shell has answered yet.
    Connecting,
    /// Somebody is attached.
    Connected,
    /// The shell waits for somebody to come back.
    Disconnected,
    Terminated,
    /// The node could not start the shell.
    Failed,
}

/// What the node has of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// Nothing: it was never asked.
    Unopened,
    /// It was asked to start a shell and has not answered.
    Asked,
    Open,
    /// The session is over and the node has not confirmed that it ended the shell.
    Ending,
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    pub status: Status,
    pub shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody is about to attach.
    Opening,
    /// The node answered that the shell runs and this attachment has it.
    Attached,
    /// The attachment is gone, the shell goes on.
    Detached,
    /// The node says that the shell is over.
    NodeEnded(EndReason),
    /// Ended by an operation or a limit of the hub's.
    HubEnded,
}

/// The event has no meaning in this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Illegal;

impl Status {
    pub const ALL: [Self; 5] = [
        Self::Connecting,
        Self::Connected,
        Self::Disconnected,
        Self::Terminated,
        Self::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "Connecting",
            Self::Connected => "Connected",
            Self::Disconnected => "Disconnected",
            Self::Terminated => "Terminated",
            Self::Failed => "Failed",
        }
    }

    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Terminated | Self::Failed)
    }
}

impl FromStr for Status {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

impl Shell {
    pub const ALL: [Self; 5] = [Self::Unopened, Self::Asked, Self::Open, Self::Ending, Self::Gone];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unopened => "Unopened",
            Self::Asked => "Asked",
            Self::Open => "Open",
            Self::Ending => "Ending",
            Self::Gone => "Gone",
        }
    }
}

impl FromStr for Shell {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

impl State {
    pub const FIRST: Self = Self {
        status: Status::Connecting,
        shell: Shell::Unopened,
    };
}

/// The only way from one state to another.
pub fn next(state: State, event: Event) -> Result<State, Illegal> {
    let State { status, shell } = state;
    if status.is_terminal() {
        // All that is left to learn is that the node has ended it too.
        return match event {
            Event::NodeEnded(_) if shell == Shell::Ending => Ok(State {
                status,
                shell: Shell::Gone,
            }),
            _ => Err(Illegal),
        };
    }
    Ok(match event {
        Event::Opening if shell == Shell::Unopened => State {
            status,
            shell: Shell::Asked,
        },
        Event::Opening => state,
        Event::Attached if shell == Shell::Unopened => return Err(Illegal),
        Event::Attached => State {
            status: Status::Connected,
            shell: Shell::Open,
        },
        Event::Detached if status == Status::Connected => State {
            status: Status::Disconnected,
            shell,
        },
        Event::Detached => state,
        Event::NodeEnded(EndReason::TakenOver) => return Err(Illegal),
        Event::NodeEnded(_) if shell == Shell::Unopened => return Err(Illegal),
        Event::NodeEnded(EndReason::StartFailed | EndReason::Refused) => State {
            status: Status::Failed,
            shell: Shell::Gone,
        },
        Event::NodeEnded(_) => State {
            status: Status::Terminated,
            shell: Shell::Gone,
        },
        Event::HubEnded => State {
            status: Status::Terminated,
            shell: if shell == Shell::Unopened { Shell::Gone } else { Shell::Ending },
        },
    })
}

/// How a shell's end is told in `Details`.
pub fn words(ended: &Ended) -> String {
    let text = match (ended.reason, ended.exit_code) {
        (EndReason::Exited, Some(code)) => format!("the shell exited with {code}"),
        (EndReason::Exited, None) => "the shell was killed by a signal".into(),
        (EndReason::Terminated, _) => "ended by the person attached".into(),
        (EndReason::IdleTimeout, _) => "ended after too long without input".into(),
        (EndReason::MaxDuration, _) => "ended after the longest time a session may take".into(),
        (EndReason::Abandoned, _) => "nobody came back in time".into(),
        (EndReason::TakenOver, _) => "another attachment took over".into(),
        (EndReason::Unknown, _) => "the node no longer has this shell: its agent or the node was restarted".into(),
        (EndReason::StartFailed, _) => format!("the shell could not be started: {}", ended.message),
        (EndReason::Refused, _) => format!("the node refused: {}", ended.message),
    };
    // The message is the node's: bounded, and no control characters in anybody's terminal.
    text.chars().filter(|c| !c.is_control()).take(MAX_DETAILS).collect()
}

/// A session as its row has it.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub node: NodeId,
    /// The name of who started it.
    pub owner: String,
    pub reason: String,
    pub document: String,
    pub state: State,
    pub details: String,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Zero: never, for both.
    pub idle_timeout_ms: i64,
    pub max_duration_ms: i64,
    /// An operator's signature for opening it.
    pub approval: Option<Approval>,
    /// What it is for, out of its document and the caller's parameters.
    pub work: Work,
}

/// Moves the row of `id` by one event and tells listeners when people see a difference.
///
/// Answers the session after it, or `None` when there is no such session or the event means nothing to it.
pub fn advance(tx: &Tx<'_>, bus: &Bus, id: &SessionId, event: Event, details: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
    let Some(mut session) = sql::find(tx, id)? else { return Ok(None) };
    let before = session.state;
    let Ok(after) = next(before, event) else { return Ok(None) };
    session.state = after;
    let ends = after.status.is_terminal() && !before.status.is_terminal();
    if ends {
        session.ended_at = Some(now);
        session.details = details.to_owned();
    }
    sql::update(tx, &session)?;
    match event {
        Event::Opening | Event::Attached => sql::set_detached(tx, id, None)?,
        Event::Detached => sql::set_detached(tx, id, Some(now))?,
        Event::NodeEnded(_) | Event::HubEnded => {}
    }
    if after.status != before.status {
        bus.emit(tx, events::Event::SessionChanged(id.clone()));
    }
    Ok(Some(session))
}

/// What whoever starts a session must be allowed on its node and document.
pub const START: &str = "ssm:StartSession";
const RESUME: &str = "ssm:ResumeSession";

impl Session {
    /// What somebody must be allowed as long as they are at it: their own as when they started it, another's to take it up.
    pub fn needs(&self, user: &str) -> Vec<(&'static str, Target)> {
        if self.owner != user {
            return vec![(RESUME, Target::Resource(KIND, self.id.as_str().to_owned()))];
        }
        vec![
            (START, Target::Resource(nodes::KIND, self.node.to_string())),
            (START, Target::Resource(documents::KIND, self.document.clone())),
        ]
    }

    /// What is opened by it and where, for the audit log.
    pub fn what(&self) -> String {
        let node = &self.node;
        match &self.work {
            work if *work == Work::default() => format!("on node/{node}"),
            Work::Port(Port { host, port, .. }) => {
                let host = host.as_deref().unwrap_or("itself");
                format!("on node/{node} by document/{}, to port {port} of {host}", self.document)
            }
            Work::Shell { .. } | Work::Interactive(_) | Work::NonInteractive { .. } => {
                format!("on node/{node} by document/{}", self.document)
            }
        }
    }

    pub fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            node: row.get("node_id")?,
            owner: row.get("owner")?,
            reason: row.get("reason")?,
            document: row.get("document")?,
            state: State {
                status: row.parsed("status")?,
                shell: row.parsed("shell")?,
            },
            details: row.get("details")?,
            started_at: row.get("started_at")?,
            ended_at: row.get("ended_at")?,
            idle_timeout_ms: row.get("idle_timeout_ms")?,
            max_duration_ms: row.get("max_duration_ms")?,
            approval: row
                .get::<Option<String>>("approval")?
                .and_then(|json| serde_json::from_str(&json).ok()),
            work: match row.get::<Option<String>>("work")? {
                None => Work::default(),
                Some(json) => serde_json::from_str(&json).map_err(|error| StoreError::Malformed(format!("a session's work: {error}")))?,
            },
        })
    }
}

pub mod sql {
    use super::*;

    /// Everything a [`Session`] needs.
    pub const SELECT: &str = "SELECT id, node_id, owner, reason, document, status, shell, details, started_at, ended_at, idle_timeout_ms,
        max_duration_ms, approval, work FROM session";

    pub fn find(tx: &Tx<'_>, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let sql = "SELECT id, node_id, owner, reason, document, status, shell, details, started_at, ended_at, idle_timeout_ms,
                       max_duration_ms, approval, work FROM session WHERE id = :id";
        tx.row(sql, &[(":id", id.into())], Session::from_row)
    }

    /// A session nobody is attached to yet.
    pub fn insert(tx: &Tx<'_>, session: &Session) -> Result<(), StoreError> {
        let params = [
            (":id", (&session.id).into()),
            (":node", (&session.node).into()),
            (":owner", (&session.owner).into()),
            (":reason", (&session.reason).into()),
            (":document", (&session.document).into()),
            (":status", session.state.status.as_str().into()),
            (":shell", session.state.shell.as_str().into()),
            (":details", (&session.details).into()),
            (":started_at", session.started_at.into()),
            (":idle", session.idle_timeout_ms.into()),
            (":max", session.max_duration_ms.into()),
            (":approval", session.approval.as_ref().map(Value::json).into()),
            (
                ":work",
                (session.work != Work::default()).then(|| Value::json(&session.work)).into(),
            ),
        ];
        tx.execute(
            "INSERT INTO session (id, node_id, owner, reason, document, status, shell, details, started_at, detached_at, idle_timeout_ms,
                 max_duration_ms, approval, work)
             VALUES (:id, :node, :owner, :reason, :document, :status, :shell, :details, :started_at, :started_at, :idle, :max, :approval,
                 :work)",
            &params,
        )
        .map(|_| ())
    }

    pub fn update(tx: &Tx<'_>, session: &Session) -> Result<(), StoreError> {
        let params = [
            (":id", (&session.id).into()),
            (":status", session.state.status.as_str().into()),
            (":shell", session.state.shell.as_str().into()),
            (":details", (&session.details).into()),
            (":ended_at", session.ended_at.into()),
        ];
        tx.execute(
            "UPDATE session SET status = :status, shell = :shell, details = :details, ended_at = :ended_at WHERE id = :id",
            &params,
        )
        .map(|_| ())
    }

    /// Since when nobody is attached; `None` while somebody is.
    pub fn set_detached(tx: &Tx<'_>, id: &SessionId, at: Option<Timestamp>) -> Result<(), StoreError> {
        // The first of several reports of the same loss is the true one.
        let sql = "UPDATE session SET detached_at = CASE WHEN :at IS NULL THEN NULL ELSE coalesce(detached_at, :at) END WHERE id = :id";
        tx.execute(sql, &[(":id", id.into()), (":at", at.into())]).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_event() -> impl Strategy<Value = Event> {
        let reasons = prop_oneof![
            Just(EndReason::Exited),
            Just(EndReason::Terminated),
            Just(EndReason::Abandoned),
            Just(EndReason::TakenOver),
            Just(EndReason::Unknown),
            Just(EndReason::StartFailed),
            Just(EndReason::Refused),
        ];
        prop_oneof![
            Just(Event::Opening),
            Just(Event::Attached),
            Just(Event::Detached),
            Just(Event::HubEnded),
            reasons.prop_map(Event::NodeEnded),
        ]
    }

    fn run(events: &[Event]) -> Vec<State> {
        let mut seen = vec![State::FIRST];
        for event in events {
            let last = *seen.last().unwrap();
            seen.push(next(last, *event).unwrap_or(last));
        }
        seen
    }

    proptest! {
        #[test]
        fn an_ended_session_stays_ended_and_no_shell_is_forgotten(events in proptest::collection::vec(any_event(), 0..30)) {
            for pair in run(&events).windows(2) {
                let (before, after) = (pair[0], pair[1]);
                if before.status.is_terminal() {
                    prop_assert_eq!(after.status, before.status);
                }
                // A shell that may run leaves only by the node's word.
                if matches!(before.shell, Shell::Asked | Shell::Open) && after.status.is_terminal() {
                    prop_assert!(matches!(after.shell, Shell::Ending | Shell::Gone));
                }
                prop_assert_eq!(after.status.is_terminal(), matches!(after.shell, Shell::Ending | Shell::Gone));
            }
        }

        #[test]
        fn somebody_is_attached_only_after_the_node_said_so(events in proptest::collection::vec(any_event(), 0..30)) {
            for (state, upto) in run(&events).into_iter().zip(0..) {
                if state.status == Status::Connected {
                    let last = events[..upto].iter().rev().find(|e| matches!(e, Event::Attached | Event::Detached));
                    prop_assert_eq!(last, Some(&Event::Attached));
                    prop_assert_eq!(state.shell, Shell::Open);
                }
            }
        }
    }

    #[test]
    fn every_state_is_reachable() {
        use Event::*;
        let ways: [&[Event]; 6] = [
            &[],
            &[Opening, Attached],
            &[Opening, Attached, Detached],
            &[Opening, Attached, NodeEnded(EndReason::Exited)],
            &[Opening, NodeEnded(EndReason::StartFailed)],
            &[Opening, HubEnded],
        ];
        let seen: Vec<State> = ways.iter().flat_map(|events| run(events)).collect();
        for status in Status::ALL {
            assert!(seen.iter().any(|s| s.status == status), "{status:?}");
        }
        for shell in Shell::ALL {
            assert!(seen.iter().any(|s| s.shell == shell), "{shell:?}");
        }
    }

    #[test]
    fn names_read_back() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        for shell in Shell::ALL {
            assert_eq!(shell.as_str().parse(), Ok(shell));
        }
    }

    #[test]
    fn a_nodes_message_cannot_write_to_a_terminal() {
        let ended = Ended {
            reason: EndReason::StartFailed,
            exit_code: None,
            message: format!("no \x1b[2J shell{}", "x".repeat(5000)),
        };
        let words = words(&ended);
        assert!(words.starts_with("the shell could not be started: no [2J shell"));
        assert_eq!(words.chars().count(), MAX_DETAILS);
    }
}
