//! The way home: the agent dials the hub, says who it is, serves the hub's requests, and calls again when the line breaks.
//!
//! ```text
//!            ┌───────────── wait (0.2 s … 30 s, jittered) ◄──────────────┐    after a good line: + what the hub asked for
//!            ▼                                                           │ not reached, broken, refused for now
//!   dial all addresses ─► HTTP/2 ─► Hello | Enrol ─► welcome ─► serve ───┤
//!                                        │                               └─► shutdown: Goodbye
//!                                        └─► refused for good: the agent ends with the remedy
//! ```
//!
//! Invariants: the hub's key is checked before a byte is said; `hub.json` is on disk before the hub's first order is heard;
//! what was said on a line that broke may be lost, so [`Duties`] says it again when asked by `connected`.

mod backoff;
mod check;
mod dial;
mod learn;
mod line;
mod streams;
mod timing;
mod verdict;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::agent::identity::{Identity, IdentityError, KnownHub};
use crate::base::Clock;
use crate::base::id::{CommandId, NodeId, SessionId};
use crate::platform::tls::{agent_client_config_of, fingerprint_of, public_key, raw_public_key, spki_digest};
use crate::wire::VERSIONS;
use crate::wire::control::{Enrol, Hello, ToAgent, ToHub};
use crate::wire::node::NodeFacts;
use crate::wire::objects::{FileFor, StepObjects};
use crate::wire::parameters::{RunSecrets, Values};
use crate::wire::run::{OutputQuery, Report};
use crate::wire::session::Frame;
use crate::wire::succession::{KeyLink, MAX_LINKS, follow};
use crate::wire::token::JoinToken;
use crate::wire::warrant::Terms;

pub use check::{CheckError, check};
pub use streams::{FileBody, OutputBody};
pub use timing::Timing;

use backoff::{Backoff, jittered, somewhere_in};
use dial::dial;
use line::{Broken, Line};
use verdict::{Attempt, Pace, judge};

/// What the rest of the agent does for the hub.
pub trait Duties: Send + Sync + 'static {
    /// What to say of this node now.
    fn facts(&self) -> impl Future<Output = NodeFacts> + Send;

    /// Runs on the disk that are not ended.
    fn running(&self) -> Vec<CommandId>;

    /// Shells that are here; `None` when nothing is known of them.
    fn shells(&self) -> Option<Vec<SessionId>> {
        None
    }

    /// The hub has let this agent in as `node`; its clock said `hub_now_ms`. Everything not acknowledged is to be sent again.
    ///
    /// Runs beside the sending of frames, so it may wait for room in the queue. *Cancel*: dropped when the line breaks.
    fn connected(&self, node: &NodeId, hub_now_ms: i64) -> impl Future<Output = ()> + Send;

    /// Whose orders count on this line; told before the first order is delivered.
    fn obey(&self, _node: &NodeId, _terms: Terms) {}

    /// The line that `connected` told of is over.
    fn disconnected(&self) {}

    /// An order: `Run`, `Cancel`, `ReportStored` or `Release`. The next one is read when this has returned.
    /// *Cancel*: dropped when the line breaks; the hub repeats what was not answered.
    fn deliver(&self, frame: ToAgent) -> impl Future<Output = ()> + Send;

    /// A run's stored output; `None` when there is none.
    fn output(&self, query: OutputQuery) -> impl Future<Output = Option<OutputBody>> + Send;

    /// How far a run has come; `None` when nothing is known of it.
    fn progress(&self, _run: &CommandId) -> impl Future<Output = Option<Report>> + Send {
        async { None }
    }

    /// Everything the hub gives this node of the parameters it wants; kept durably when this is over.
    fn parameters(&self, _values: Values) -> impl Future<Output = io::Result<()>> + Send {
        async { Err(io::ErrorKind::Unsupported.into()) }
    }

    /// What the hub has to say to a run that asked for secrets.
    fn secrets(&self, _answer: RunSecrets) {}

    /// What the hub has to say to a step that asked for objects of a store.
    fn objects(&self, _answer: StepObjects) {}

    /// A file of the hub for a step that asked; kept when this is over.
    ///
    /// *Errors*: why it is not, for whoever sent the command.
    fn file(&self, _meant: FileFor, _body: FileBody<'_>) -> impl Future<Output = Result<(), String>> + Send {
        async { Err("this node takes no files".to_owned()) }
    }

    /// One attachment to a shell, to its end. When the hub lets go or the line breaks, `from_hub` ends; soon after a broken
    /// line this is dropped.
    fn session(&self, from_hub: mpsc::Receiver<Frame>, to_hub: mpsc::Sender<Frame>) -> impl Future<Output = ()> + Send;
}

/// Why an agent stops trying.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error(
        "this agent has not joined a hub; start it once with `roadstead serve --agent --join TOKEN` (`roadstead join-line` on the hub prints the line)"
    )]
    NotJoined,
    #[error(
        "this agent belongs to the hub with key {joined} as `{node}`, the token is for the hub with key {token}; to move it, stop it and delete its data directory first"
    )]
    OtherHub { node: NodeId, joined: String, token: String },
    #[error(
        "the hub calls this agent `{now}`, but it joined as `{before}`; if that is right, delete the agent's data directory and join it anew"
    )]
    OtherNode { before: NodeId, now: NodeId },
    #[error(
        "the hub does not know this node's key ({message}); join again with a new token from `roadstead join-line`: `roadstead serve --agent --join TOKEN`"
    )]
    UnknownKey { message: String },
    #[error("the hub does not accept the join token ({message}); make a new one with `roadstead join-line`")]
    ActivationInvalid { message: String },
    #[error("the hub says this key has joined already, yet does not know it ({message}); delete the agent's identity.key and join again")]
    AlreadyJoined { message: String },
    #[error("the hub does not take this agent in: {message}")]
    Rejected { message: String },
    #[error(
        "at `{address}` answers a hub with key {found}, but the token is for the hub with key {expected}; if the address is right somebody may be in between, else make a new token with `roadstead join-line`"
    )]
    WrongHub { address: String, expected: String, found: String },
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// Which hub, and as who.
pub struct Home {
    identity: Identity,
    token: Option<JoinToken>,
    /// `host:port`, the last good one first.
    addresses: Vec<String>,
    hub_key: String,
    former_keys: Vec<String>,
    takes_former: bool,
    /// Ask to be taken in, instead of saying who this is.
    enrolling: bool,
    /// How long the hub has the agents take for coming back.
    return_within: Duration,
    pub timing: Timing,
}

impl Home {
    /// What the data directory and the token (which wins for addresses) say. Blocking.
    pub fn open(data: &Path, token: Option<JoinToken>) -> Result<Self, HomeError> {
        Self::new(Identity::load(data)?, token)
    }

    /// Whose home this is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Pure: decides between what is known and what the token says.
    pub fn new(identity: Identity, token: Option<JoinToken>) -> Result<Self, HomeError> {
        // One that was left by an agent that ended on its way into the hub.
        let token = token.or_else(|| identity.kept_token().filter(|_| identity.hub().is_none()).cloned());
        let (addresses, hub_key) = match (identity.hub(), &token) {
            (None, None) => return Err(HomeError::NotJoined),
            (Some(hub), Some(token)) if !hub.has_key(&token.hub_key) => {
                return Err(HomeError::OtherHub {
                    node: hub.node_id.clone(),
                    joined: hub.hub_key.clone(),
                    token: token.hub_key.clone(),
                });
            }
            (Some(hub), Some(token)) => (token.addresses.clone(), hub.hub_key.clone()),
            (None, Some(token)) => (token.addresses.clone(), token.hub_key.clone()),
            (Some(hub), None) => (hub.addresses.clone(), hub.hub_key.clone()),
        };
        let enrolling = identity.hub().is_none();
        let former_keys = identity.hub().map(|hub| hub.former_keys.clone()).unwrap_or_default();
        let takes_former = identity.hub().is_some_and(|hub| hub.takes_former);
        let timing = Timing::default();
        Ok(Self {
            identity,
            token,
            addresses,
            hub_key,
            former_keys,
            takes_former,
            enrolling,
            return_within: Duration::ZERO,
            timing,
        })
    }

    /// The node this agent is, once the hub has said so.
    pub fn node(&self) -> Option<&NodeId> {
        self.identity.hub().map(|hub| &hub.node_id)
    }

    /// Whether there is a token by which a removed node may join anew: not the one that it was let in with, or whatever starts the
    /// agent again with the same words would undo the removal.
    fn has_fresh_token(&self) -> bool {
        let spent = self.identity.hub().and_then(|hub| hub.joined_by.as_ref());
        self.token.as_ref().is_some_and(|token| spent != Some(&token.activation_id))
    }

    /// Where the hub is now, whatever was noted of it.
    pub fn reach_at(&mut self, addresses: Vec<String>) {
        self.addresses = addresses;
    }

    /// Whoever starts this agent again while it waits to be let in need not have the token.
    async fn keep_token(&mut self) -> Result<(), HomeError> {
        match &self.token {
            Some(token) if self.enrolling && self.identity.kept_token() != Some(token) => Ok(self.identity.keep_token(token).await?),
            _ => Ok(()),
        }
    }

    /// Begins again as another node of the same hub: this one was a copy.
    async fn become_another(&mut self, token: JoinToken) -> Result<(), HomeError> {
        if token.hub_key != self.hub_key && !self.former_keys.contains(&token.hub_key) {
            return Err(HomeError::OtherHub {
                node: self.node().map_or_else(NodeId::random, Clone::clone),
                joined: self.hub_key.clone(),
                token: token.hub_key,
            });
        }
        self.identity.keep_token(&token).await?;
        self.identity.renew().await?;
        self.token = Some(token);
        self.enrolling = true;
        Ok(())
    }

    /// Fingerprints of the hub that are taken.
    fn pins(&self) -> Vec<String> {
        let former = self.former_keys.last().filter(|_| self.takes_former);
        std::iter::once(&self.hub_key).chain(former).cloned().collect()
    }

    /// Takes over what the hub says of its key; answers whether anything changed.
    ///
    /// What does not begin at a key that counts changes nothing.
    async fn succeed(&mut self, links: &[KeyLink], is_open: bool) -> Result<bool, HomeError> {
        let before = (self.hub_key.clone(), self.takes_former);
        if let Some(new) = follow(links, &self.hub_key) {
            let old = std::mem::replace(&mut self.hub_key, fingerprint_of(&new));
            self.former_keys.push(old);
            let most = self.former_keys.len().saturating_sub(MAX_LINKS);
            self.former_keys.drain(..most);
        }
        let is_known = links
            .last()
            .and_then(KeyLink::keys)
            .is_some_and(|(_, to)| fingerprint_of(&to) == self.hub_key);
        if is_known {
            self.takes_former = is_open;
        }
        if before == (self.hub_key.clone(), self.takes_former) {
            return Ok(false);
        }
        if let Some(hub) = self.identity.hub() {
            let hub = KnownHub {
                hub_key: self.hub_key.clone(),
                former_keys: self.former_keys.clone(),
                takes_former: self.takes_former,
                ..hub.clone()
            };
            self.identity.remember(hub).await?;
        }
        Ok(true)
    }

    fn prefer(&mut self, address: &str) {
        if let Some(at) = self.addresses.iter().position(|a| a == address) {
            self.addresses[..=at].rotate_right(1);
        }
    }

    /// Notes the hub and which node this is.
    ///
    /// *Errors*: a hub that calls this agent by another id than before: signatures of operators name nodes by their ids, so
    /// they are not a hub's to hand around.
    async fn joined(&mut self, node: NodeId) -> Result<(), HomeError> {
        if let Some(before) = self.node().filter(|before| **before != node) {
            return Err(HomeError::OtherNode {
                before: before.clone(),
                now: node,
            });
        }
        let hub = KnownHub {
            addresses: self.addresses.clone(),
            hub_key: self.hub_key.clone(),
            former_keys: self.former_keys.clone(),
            takes_former: self.takes_former,
            node_id: node,
            joined_by: match &self.token {
                Some(token) => Some(token.activation_id.clone()),
                None => self.identity.hub().and_then(|hub| hub.joined_by.clone()),
            },
        };
        self.enrolling = false;
        self.identity.remember(hub).await?;
        Ok(self.identity.drop_token().await?)
    }
}

/// Keeps this agent connected until `shutdown`. Returns an error only when trying again can never help.
///
/// `outgoing` is what the agent has to say; it is read only while the hub listens.
///
/// *Cancel*: the line is cut without a goodbye; `home` and `outgoing` can be used again.
pub async fn run<D: Duties>(
    duties: Arc<D>,
    home: &mut Home,
    outgoing: &mut mpsc::Receiver<ToHub>,
    shutdown: &CancellationToken,
) -> Result<(), HomeError> {
    let mut backoff = Backoff::new(home.timing.first_wait, home.timing.longest_wait);
    let mut last_trouble = String::new();
    while !shutdown.is_cancelled() {
        // Boxed: the dialling states would otherwise stay part of every idle agent's task.
        let attempt = Box::pin(attempt(&duties, home, outgoing, shutdown)).await?;
        if shutdown.is_cancelled() {
            return Ok(());
        }
        let unknown_key = match &attempt {
            Attempt::NotReached(failed) => failed.wrong_key().map(|(address, _)| address.to_owned()),
            Attempt::Broken(..) => None,
        };
        if let Some(address) = unknown_key
            && Box::pin(learn::learn(home, &address)).await?
        {
            tracing::info!("the hub has a new key, signed by the one that was pinned");
            continue;
        }
        let (trouble, pace) = judge(attempt, home).await?;
        match pace {
            Pace::Lived => backoff.reset(),
            Pace::Brief => backoff.ease(home.timing.brief_wait),
            _ => {}
        }
        if trouble == last_trouble && pace != Pace::Lived {
            tracing::debug!("{trouble}; trying again");
        } else {
            tracing::warn!("{trouble}; trying again");
        }
        last_trouble = trouble;
        let wait = match pace {
            Pace::Slow => jittered(home.timing.slow_wait),
            Pace::Waiting => jittered(home.timing.approval_wait),
            Pace::AtOnce => continue,
            Pace::Lived | Pace::Brief => somewhere_in(home.return_within) + backoff.next(),
            Pace::Normal => backoff.next(),
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled() => {}
        }
    }
    Ok(())
}

async fn attempt<D: Duties>(
    duties: &Arc<D>,
    home: &mut Home,
    outgoing: &mut mpsc::Receiver<ToHub>,
    shutdown: &CancellationToken,
) -> Result<Attempt, HomeError> {
    let timing = home.timing.clone();
    let arriving = async {
        let tls = agent_client_config_of(home.identity.seed(), home.pins());
        let reached = match dial(&home.addresses, tls, &timing).await {
            Ok(reached) => reached,
            Err(not_reached) => return Ok(Err(Attempt::NotReached(not_reached))),
        };
        let local = reached.stream.get_ref().0.local_addr().ok();
        let hub_keys = hub_keys(&reached.stream);
        let opened = Line::open(duties.clone(), reached.stream, &timing).await;
        let mut line = match opened {
            Ok(line) => line,
            Err(broken) => return Ok(Err(Attempt::Broken(broken, None))),
        };
        let first = first_frame(&**duties, home, local.map(|l| l.ip().to_string())).await;
        let welcome = match line.introduce(&first, &timing).await {
            Ok(welcome) => welcome,
            Err(broken) => return Ok(Err(Attempt::Broken(broken, None))),
        };
        home.prefer(&reached.address);
        home.joined(welcome.node.clone()).await?;
        home.return_within = Duration::from_millis(welcome.return_within_ms.into()).min(timing.longest_wait);
        let node_key = spki_digest(&public_key(home.identity.seed()));
        duties.obey(
            &welcome.node,
            Terms {
                hub_keys: hub_keys.clone(),
                node_key,
            },
        );
        tracing::info!(node = %welcome.node, "connected to the hub at {}", reached.address);
        Ok::<_, HomeError>(Ok((line, welcome, hub_keys)))
    };
    let arrived = tokio::select! {
        arrived = arriving => arrived?,
        () = shutdown.cancelled() => return Ok(Attempt::Broken(Broken::Closed, None)),
    };
    let (line, welcome, hub_keys) = match arrived {
        Ok(arrived) => arrived,
        Err(attempt) => return Ok(attempt),
    };
    let since = Instant::now();
    let broken = line
        .serve(&welcome, outgoing, &timing, shutdown, &mut Keeper { home, hub_keys })
        .await?;
    duties.disconnected();
    Ok(Attempt::Broken(broken, Some(since.elapsed())))
}

/// The key that the hub has proved on this line: TLS took no other than the pinned one.
fn hub_keys(stream: &TlsStream<TcpStream>) -> Vec<[u8; 32]> {
    let proved = stream.get_ref().1.peer_certificates().and_then(|keys| keys.first());
    proved.and_then(|spki| raw_public_key(spki)).into_iter().collect()
}

/// `Hello`, or `Enrol` while the hub does not know this key.
async fn first_frame<D: Duties>(duties: &D, home: &Home, local: Option<String>) -> ToHub {
    let mut facts = duties.facts().await;
    // The address this node calls from is the one people will want to see first.
    if let Some(at) = facts.addresses.iter().position(|a| Some(a) == local.as_ref()) {
        facts.addresses[..=at].rotate_right(1);
    }
    facts.folder = home.identity.folder().to_owned();
    let versions = VERSIONS.to_vec();
    match &home.token {
        Some(token) if home.enrolling => ToHub::Enrol(Enrol {
            versions,
            facts,
            activation_id: token.activation_id.clone(),
            activation_code: token.activation_code.clone(),
        }),
        _ => ToHub::Hello(Hello {
            versions,
            facts,
            running: duties.running(),
            now_ms: Clock::system().now().millis(),
            hub_key: home.hub_key.clone(),
            shells: duties.shells(),
        }),
    }
}

/// Keeps what the hub says of its own key while a line is served.
struct Keeper<'h> {
    home: &'h mut Home,
    hub_keys: Vec<[u8; 32]>,
}

impl Keeper<'_> {
    /// Answers the hub with the key that counts now.
    async fn succeed<D: Duties>(&mut self, duties: &D, links: &[KeyLink], is_open: bool) -> Result<ToHub, HomeError> {
        self.home.succeed(links, is_open).await?;
        let pins = self.home.pins();
        let linked = links.iter().filter_map(KeyLink::keys).flat_map(|(from, to)| [from, to]);
        let mut hub_keys: Vec<[u8; 32]> = self.hub_keys.iter().copied().chain(linked).collect();
        hub_keys.retain(|key| pins.contains(&fingerprint_of(key)));
        hub_keys.sort();
        hub_keys.dedup();
        if let Some(node) = self.home.node() {
            let node_key = spki_digest(&public_key(self.home.identity.seed()));
            duties.obey(
                node,
                Terms {
                    hub_keys: hub_keys.clone(),
                    node_key,
                },
            );
        }
        self.hub_keys = hub_keys;
        Ok(ToHub::Trusts {
            hub_key: self.home.hub_key.clone(),
        })
    }
}
