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
mod known;
mod learn;
mod line;
mod streams;
mod timing;
mod verdict;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

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
use crate::wire::succession::KeyLink;
use crate::wire::warrant::Terms;

pub use check::{CheckError, check};
pub use known::{Home, HomeError};
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
