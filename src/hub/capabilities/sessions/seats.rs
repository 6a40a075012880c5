//! Who is attached: one seat per session, held from before its row says so until after.
//!
//! *Invariant*: a row without `detached_at` whose session has no seat here belongs to nobody; the job sets it right.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::base::id::SessionId;
use crate::hub::auth::Caller;
use crate::hub::capabilities::sessions::tokens::TokenHash;

/// How long somebody who is asked to leave may take to write down that they left.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

/// Why somebody must leave their seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    TakenOver {
        by: String,
    },
    Terminated {
        by: String,
    },
    /// The same client came back before the hub saw its old connection break.
    Returned,
    /// The hub is frozen: the shell waits, nobody writes to it.
    Frozen,
    /// Their login was ended; the shell waits for whoever may take it up.
    LoginOver,
}

/// How much somebody wants the seat.
#[derive(Clone, Debug)]
pub struct Wish {
    pub token: TokenHash,
    pub caller: Caller,
    pub take_over: bool,
    /// The token of the attachment that this client had before.
    pub before: Option<TokenHash>,
}

struct Seat {
    token: TokenHash,
    caller: Caller,
    notice: watch::Sender<Option<Notice>>,
    /// Cancelled when the seat is free.
    left: CancellationToken,
}

#[derive(Default)]
pub struct Seats {
    taken: Arc<Mutex<HashMap<SessionId, Seat>>>,
}

/// Somebody else is attached.
#[derive(Debug, PartialEq, Eq)]
pub struct InUse {
    pub by: String,
}

/// A seat held; free again when this is dropped.
pub struct Held {
    session: SessionId,
    seats: Arc<Mutex<HashMap<SessionId, Seat>>>,
    notice: watch::Receiver<Option<Notice>>,
    left: CancellationToken,
}

impl Seats {
    /// Takes the seat; whoever sits there is asked to leave first when the wish allows it.
    pub async fn take(&self, session: &SessionId, wish: &Wish) -> Result<Held, InUse> {
        let patience = tokio::time::Instant::now() + LEAVE_LIMIT;
        loop {
            let (in_use, left) = match self.try_take(session, wish) {
                Ok(held) => return Ok(held),
                Err(taken) => taken,
            };
            let Some(left) = left else { return Err(in_use) };
            let waited = tokio::time::timeout_at(patience, left.cancelled()).await;
            waited.map_err(|_| in_use)?;
        }
    }

    /// The seat, or who has it and, when they were asked to leave, what to wait for.
    fn try_take(&self, session: &SessionId, wish: &Wish) -> Result<Held, (InUse, Option<CancellationToken>)> {
        let mut taken = self.taken.lock().expect("no code panics while it holds the map");
        if let Some(seat) = taken.get(session) {
            let in_use = InUse {
                by: seat.caller.name.clone(),
            };
            let notice = if wish.before == Some(seat.token) {
                Notice::Returned
            } else if wish.take_over {
                Notice::TakenOver {
                    by: wish.caller.name.clone(),
                }
            } else {
                return Err((in_use, None));
            };
            seat.notify(notice);
            return Err((in_use, Some(seat.left.clone())));
        }
        let (notice, receiver) = watch::channel(None);
        let left = CancellationToken::new();
        let seat = Seat {
            token: wish.token,
            caller: wish.caller.clone(),
            notice,
            left: left.clone(),
        };
        taken.insert(session.clone(), seat);
        Ok(Held {
            session: session.clone(),
            seats: self.taken.clone(),
            notice: receiver,
            left,
        })
    }

    /// Every session that somebody is attached to, and who.
    pub fn taken(&self) -> Vec<(SessionId, Caller)> {
        let taken = self.taken.lock().expect("no code panics while it holds the map");
        taken.iter().map(|(id, seat)| (id.clone(), seat.caller.clone())).collect()
    }

    /// Asks whoever is attached to leave; the shell stays.
    pub fn let_go(&self, session: &SessionId, why: Notice) {
        let taken = self.taken.lock().expect("no code panics while it holds the map");
        if let Some(seat) = taken.get(session) {
            seat.notify(why);
        }
    }

    pub fn is_taken(&self, session: &SessionId) -> bool {
        self.taken
            .lock()
            .expect("no code panics while it holds the map")
            .contains_key(session)
    }

    /// Tells whoever is attached that the session is over; `false` when nobody is.
    pub fn terminate(&self, session: &SessionId, by: &str) -> bool {
        let taken = self.taken.lock().expect("no code panics while it holds the map");
        let Some(seat) = taken.get(session) else { return false };
        seat.notify(Notice::Terminated { by: by.to_owned() });
        true
    }
}

impl Seat {
    /// The first notice counts, except that the end of the session beats all others.
    fn notify(&self, notice: Notice) {
        self.notice.send_if_modified(|current| {
            let is_news = current.is_none() || matches!(notice, Notice::Terminated { .. });
            if is_news {
                *current = Some(notice);
            }
            is_news
        });
    }
}

impl Held {
    /// Waits for the first notice. *Cancel*: nothing is lost.
    pub async fn notice(&mut self) -> Notice {
        match self.notice.wait_for(Option::is_some).await.map(|notice| notice.clone()) {
            Ok(Some(notice)) => notice,
            // The sender lives in the map as long as this seat is held.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.seats
            .lock()
            .expect("no code panics while it holds the map")
            .remove(&self.session);
        self.left.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::auth::Proof;

    fn wish(token: &str) -> Wish {
        Wish {
            token: TokenHash::of(token),
            caller: Caller::new("bob", Proof::Local),
            take_over: false,
            before: None,
        }
    }

    #[tokio::test]
    async fn a_second_attachment_is_refused_and_the_first_is_not_disturbed() {
        let (seats, session) = (Seats::default(), SessionId::random("a"));
        let mut first = seats.take(&session, &wish("1")).await.unwrap();
        assert_eq!(seats.take(&session, &wish("2")).await.err(), Some(InUse { by: "bob".into() }));
        assert!(futures_util::poll!(Box::pin(first.notice())).is_pending());
        drop(first);
        assert!(seats.take(&session, &wish("2")).await.is_ok());
    }

    #[tokio::test]
    async fn taking_over_waits_until_the_first_has_left() {
        let (seats, session) = (Seats::default(), SessionId::random("a"));
        let mut first = seats.take(&session, &wish("1")).await.unwrap();
        let eager = Wish {
            take_over: true,
            ..wish("2")
        };
        let mut second = Box::pin(seats.take(&session, &eager));
        assert!(futures_util::poll!(&mut second).is_pending());
        assert_eq!(first.notice().await, Notice::TakenOver { by: "bob".into() });
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        assert!(second.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_leave_keeps_the_seat() {
        let (seats, session) = (Seats::default(), SessionId::random("a"));
        let _first = seats.take(&session, &wish("1")).await.unwrap();
        let eager = Wish {
            take_over: true,
            ..wish("2")
        };
        assert_eq!(seats.take(&session, &eager).await.err(), Some(InUse { by: "bob".into() }));
    }

    #[tokio::test]
    async fn a_client_that_returns_replaces_its_own_dead_connection() {
        let (seats, session) = (Seats::default(), SessionId::random("a"));
        let mut first = seats.take(&session, &wish("1")).await.unwrap();
        let returned = Wish {
            before: Some(TokenHash::of("1")),
            ..wish("2")
        };
        let mut second = Box::pin(seats.take(&session, &returned));
        assert!(futures_util::poll!(&mut second).is_pending());
        assert_eq!(first.notice().await, Notice::Returned);
        drop(first);
        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn the_end_of_a_session_beats_a_take_over() {
        let (seats, session) = (Seats::default(), SessionId::random("a"));
        assert!(!seats.terminate(&session, "eve"));
        let mut first = seats.take(&session, &wish("1")).await.unwrap();
        seats.taken.lock().unwrap()[&session].notify(Notice::Returned);
        assert!(seats.terminate(&session, "eve"));
        assert_eq!(first.notice().await, Notice::Terminated { by: "eve".into() });
    }
}
