//! Shells: started for a session, kept while nobody is attached, ended by either side.
//!
//! A shell belongs to the agent, not to the line: browser, hub and line may go away and come back ([`crate::wire::session`]).
//! Each one has a task of its own ([`shell`]) and no thread; an attachment is two bounded channels of frames, so that a reader
//! that stands still stops its own shell and nothing else.

mod channel;
mod plugin;
mod port;
mod process;
mod scrollback;
mod shell;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::base::id::SessionId;
use crate::platform::users::User;
use crate::wire::session::{DETACH_LIMIT, EndReason, Ended, Frame, Open, Work};
use crate::wire::warrant::Warranted;
use port::PortSession;
use process::Process;
use shell::{Attachment, Shell, ended};

/// Shells at once, those that are kept for their last word included.
const MAX_SHELLS: usize = 64;
/// How long the first frame of an attachment may take.
const OPEN_LIMIT: Duration = Duration::from_secs(10);
/// Attachments that wait for the shell's task; each replaces the one before.
const WAITING: usize = 4;
/// Frames between a shell and its line: output is at most a quarter of a mebibyte ahead, as the stream's window is.
pub const FRAMES: usize = 8;

/// All shells of this agent; clones are the same.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    shells: Mutex<HashMap<SessionId, mpsc::Sender<Attachment>>>,
    user: User,
    detach_limit: Duration,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// Why there is no attachment.
pub struct NotOpened {
    pub ended: Ended,
    /// A shell that may not go on either.
    pub must_end: Option<SessionId>,
}

impl NotOpened {
    pub fn out_of_turn() -> Self {
        Self {
            ended: ended(EndReason::Unknown, "an attachment begins with its `Open`"),
            must_end: None,
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new(User::current(), DETACH_LIMIT)
    }
}

impl Sessions {
    /// Shells of this user; one nobody is attached to lives so long.
    pub fn new(user: User, detach_limit: Duration) -> Self {
        Self(Arc::new(Inner {
            shells: Mutex::default(),
            user,
            detach_limit,
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }))
    }

    /// The order that an attachment begins with; `None` when something else comes, or nothing.
    pub async fn opening(from_hub: &mut mpsc::Receiver<Frame>) -> Option<Box<Warranted>> {
        match tokio::time::timeout(OPEN_LIMIT, from_hub.recv()).await {
            Ok(Some(Frame::Open(order))) => Some(order),
            _ => None,
        }
    }

    /// Whether the shell is here, if only for its last word.
    pub fn has(&self, session: &SessionId) -> bool {
        self.shells().contains_key(session)
    }

    /// All that are here.
    pub fn ids(&self) -> Vec<SessionId> {
        self.shells().keys().cloned().collect()
    }

    /// Says why there is no attachment, and ends a shell that may not go on.
    pub async fn refuse(&self, refused: NotOpened, to_hub: mpsc::Sender<Frame>) {
        if let Some(session) = refused.must_end {
            self.end(&session).await;
        }
        let _ = to_hub.send(Frame::Ended(refused.ended)).await;
    }

    /// One attachment that was admitted, to its end.
    ///
    /// *Cancel*: the shell stays, detached.
    pub async fn attach(&self, open: Open, from_hub: mpsc::Receiver<Frame>, to_hub: mpsc::Sender<Frame>) {
        let refusal = to_hub.clone();
        let (done, over) = oneshot::channel();
        let attachment = Attachment {
            open,
            from_hub,
            to_hub,
            done,
        };
        if let Err(refused) = self.hand_over(attachment).await {
            let _ = refusal.send(Frame::Ended(refused)).await;
            return;
        }
        drop(refusal);
        // Resolved, by being dropped, when the shell lets go of the attachment.
        let _ = over.await;
    }

    /// Ends one shell, if it is there.
    async fn end(&self, session: &SessionId) {
        let Some(shell) = self.shells().get(session).cloned() else { return };
        let (end, from_hub) = mpsc::channel(1);
        let (to_hub, _nobody_listens) = mpsc::channel(1);
        let (done, _over) = oneshot::channel();
        let open = Open::existing(session.clone());
        let _ = end.try_send(Frame::End);
        // A shell that takes no attachment has ended.
        let _ = shell
            .send(Attachment {
                open,
                from_hub,
                to_hub,
                done,
            })
            .await;
    }

    /// Ends all shells.
    pub async fn stop(&self) {
        self.0.stopping.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    async fn hand_over(&self, attachment: Attachment) -> Result<(), Ended> {
        let known = self.shells().get(&attachment.open.session).cloned();
        let attachment = match known {
            None => attachment,
            Some(shell) => match shell.send(attachment).await {
                Ok(()) => return Ok(()),
                // It ended in this moment.
                Err(mpsc::error::SendError(attachment)) => attachment,
            },
        };
        if !attachment.open.start {
            return Err(ended(EndReason::Unknown, "the node does not have this session (any more)"));
        }
        self.start(attachment)
    }

    /// Puts the shell into the table before it is started, so that there is never a second one.
    fn start(&self, attachment: Attachment) -> Result<(), Ended> {
        let (sender, attachments) = mpsc::channel(WAITING);
        {
            let mut shells = self.shells();
            if shells.len() >= MAX_SHELLS {
                let message = format!("the node has {MAX_SHELLS} sessions already; end one of them");
                return Err(ended(EndReason::StartFailed, &message));
            }
            shells.insert(attachment.open.session.clone(), sender);
        }
        let sessions = self.clone();
        self.0.tasks.spawn(async move {
            let session = attachment.open.session.clone();
            sessions.serve(attachment, attachments).await;
            sessions.shells().remove(&session);
            tracing::info!(%session, "a shell is over");
        });
        Ok(())
    }

    async fn serve(&self, attachment: Attachment, attachments: mpsc::Receiver<Attachment>) {
        let Open { session, size, work, .. } = &attachment.open;
        if let Work::Port(port) = work {
            tracing::info!(%session, port = port.port, "a port session was started");
            let port = PortSession::new(port.clone(), self.0.detach_limit, self.0.tasks.clone());
            return port.serve(attachment, attachments, self.0.stopping.clone()).await;
        }
        match Process::start(self.0.user.clone(), session.clone(), *size, work.clone()).await {
            Ok(process) => {
                tracing::info!(%session, "a shell was started");
                let shell = Shell::new(work.clone(), process, self.0.detach_limit, self.0.tasks.clone());
                shell.serve(attachment, attachments, self.0.stopping.clone()).await;
            }
            Err(error) => {
                tracing::warn!(%session, %error, "a shell could not be started");
                let failed = ended(EndReason::StartFailed, &error.to_string());
                let _ = attachment.to_hub.send(Frame::Ended(failed)).await;
            }
        }
    }

    fn shells(&self) -> MutexGuard<'_, HashMap<SessionId, mpsc::Sender<Attachment>>> {
        // A plain map, changed in one go: a panic elsewhere does not spoil it.
        self.0.shells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
