//! Whether a connection is let in: version, claim of the key, then the inbox's word.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::time::timeout;

use crate::base::Clock;
use crate::base::id::{CommandId, NodeId};
use crate::hub::link::registry::{Claim, Handle, NotClaimed};
use crate::hub::link::streams::request;
use crate::hub::link::{Admission, Gone, Meeting, NodeKey, Refused, Shared};
use crate::wire::control::{Enrol, Hello, Refusal, ToAgent, ToHub, Welcome};
use crate::wire::node::NodeFacts;
use crate::wire::stream::{FrameSink, MessageSource, StreamError};
use crate::wire::{CONTROL_PATH, VERSIONS, frame, succession};

/// However many agents there are, none waits longer before it comes back.
const MAX_RETURN_MS: usize = 15_000;

/// An open control stream.
pub(super) struct Control {
    pub(super) sink: FrameSink,
    pub(super) source: MessageSource<ToHub>,
}

/// The agent's first frame.
pub(super) enum First {
    Hello(Hello),
    Enrol(Enrol),
}

/// A connection that is let in and published.
pub(super) struct Admitted {
    pub(super) claim: Claim,
    pub(super) node: NodeId,
    pub(super) running: Vec<CommandId>,
}

/// Why there is no first frame.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoFirstFrame {
    #[error("the agent did not speak in time")]
    TimedOut,
    #[error("the agent answered the control stream with status {0}")]
    Status(u16),
    #[error("the agent's first frame is neither `Hello` nor `Enrol`")]
    OutOfOrder,
    #[error("the agent hung up before its first frame")]
    HungUp,
    #[error("the control stream failed")]
    Stream(#[from] StreamError),
}

impl From<h2::Error> for NoFirstFrame {
    fn from(error: h2::Error) -> Self {
        Self::Stream(error.into())
    }
}

/// Opens the control stream and reads the first frame.
pub(super) async fn first_frame(shared: &Shared, requests: SendRequest<Bytes>) -> Result<(Control, First), NoFirstFrame> {
    timeout(shared.limits.first_frame, open_control(shared, requests))
        .await
        .map_err(|_| NoFirstFrame::TimedOut)?
}

async fn open_control(shared: &Shared, requests: SendRequest<Bytes>) -> Result<(Control, First), NoFirstFrame> {
    let mut requests = requests.ready().await?;
    let mut request = request(CONTROL_PATH);
    let links = shared.inbox.succession();
    if !links.is_empty()
        && let Ok(shown) = http::HeaderValue::from_str(&succession::to_header(&links))
    {
        request.headers_mut().insert(succession::HEADER, shown);
    }
    let (response, stream) = requests.send_request(request, false)?;
    let response = response.await?;
    if response.status() != http::StatusCode::OK {
        return Err(NoFirstFrame::Status(response.status().as_u16()));
    }
    let sink = FrameSink::new(stream);
    let mut source = MessageSource::new(response.into_body());
    let first = match source.next().await? {
        Some(ToHub::Hello(hello)) => First::Hello(hello),
        Some(ToHub::Enrol(enrol)) => First::Enrol(enrol),
        Some(_) => return Err(NoFirstFrame::OutOfOrder),
        None => return Err(NoFirstFrame::HungUp),
    };
    Ok((Control { sink, source }, first))
}

impl First {
    /// The frame with its facts bounded: they are hostile until then.
    pub(super) fn bounded(self) -> Self {
        match self {
            Self::Hello(hello) => Self::Hello(Hello {
                facts: hello.facts.bounded(),
                ..hello
            }),
            Self::Enrol(enrol) => Self::Enrol(Enrol {
                facts: enrol.facts.bounded(),
                ..enrol
            }),
        }
    }

    /// Boot id with the agent's folder, and machine id.
    pub(super) fn place(&self) -> (String, String) {
        let facts = self.facts();
        (facts.boot_and_folder(), facts.machine_id.clone())
    }

    fn facts(&self) -> &NodeFacts {
        match self {
            Self::Hello(hello) => &hello.facts,
            Self::Enrol(enrol) => &enrol.facts,
        }
    }

    fn versions(&self) -> &[u32] {
        match self {
            Self::Hello(hello) => &hello.versions,
            Self::Enrol(enrol) => &enrol.versions,
        }
    }
}

/// Admits a connection and publishes it, or says why not.
pub(super) async fn admit(shared: &Shared, handle: Arc<Handle>, first: First, peer: SocketAddr) -> Result<Admitted, Refused> {
    let version = common_version(first.versions())?;
    let deciding = async {
        let claim = claim(shared, &handle, first.facts(), peer).await?;
        let key = handle.key;
        let (admission, running, is_new) = ask(shared, key, first, peer).await?;
        Ok((claim, admission, running, is_new))
    };
    let decided = timeout(shared.limits.admission, deciding).await;
    let (claim, admission, running, is_new) = decided.map_err(|_| busy("the hub is too slow right now"))??;
    let node = admission.node;
    let welcome = Welcome {
        version,
        node: node.clone(),
        now_ms: Clock::system().now().millis(),
        return_within_ms: return_within_ms(shared.registry.nodes()),
    };
    let answer = match is_new {
        true => ToAgent::Enrolled(welcome),
        false => ToAgent::Welcome(welcome),
    };
    let welcome = frame::encode(&answer).map_err(|_| busy("the hub could not answer"))?;
    // First in the queue, before anybody can find the node and send it something.
    handle
        .queue
        .push(welcome.into(), &shared.limits)
        .map_err(|_| busy("the hub could not answer"))?;
    claim.publish(node.clone());
    Ok(Admitted { claim, node, running })
}

async fn ask(shared: &Shared, key: NodeKey, first: First, peer: SocketAddr) -> Result<(Admission, Vec<CommandId>, bool), Refused> {
    match first {
        First::Hello(hello) => {
            let running = hello.running.clone();
            Ok((shared.inbox.hello(key, hello, peer).await?, running, false))
        }
        First::Enrol(enrol) => Ok((shared.inbox.enrol(key, enrol, peer).await?, Vec::new(), true)),
    }
}

/// A thousand come back in a second, as many as a small hub lets in.
fn return_within_ms(connected: usize) -> u32 {
    connected.min(MAX_RETURN_MS) as u32
}

fn common_version(offered: &[u32]) -> Result<u32, Refused> {
    let common = VERSIONS.iter().find(|v| offered.contains(v)).copied();
    common.ok_or_else(|| {
        let message = format!("the agent speaks protocol versions {offered:?}, the hub {VERSIONS:?}; update the older of the two");
        Refused::new(Refusal::VersionUnsupported, message)
    })
}

/// Takes the key for this connection; an older connection of the same key has to yield when it is the same agent, or dead.
async fn claim(shared: &Shared, handle: &Arc<Handle>, facts: &NodeFacts, peer: SocketAddr) -> Result<Claim, Refused> {
    loop {
        let older = match shared.registry.claim(handle, shared.limits.agents) {
            Ok(claim) => return still_open(shared, claim),
            Err(NotClaimed::Full) => return Err(busy("the hub has as many agents as it may have")),
            Err(NotClaimed::Taken(older)) => older,
        };
        if older.is_same_place(handle) {
            older.stop(Gone::Replaced);
        } else if older.pulse.is_alive(shared.limits.probe).await {
            let meeting = Meeting {
                key: handle.key,
                connected: (older.boot_id.clone(), older.machine_id.clone()),
                newcomer: facts,
                peer,
            };
            return Err(shared.inbox.met_twin(meeting).await);
        } else {
            // The usual case: the node was rebooted, and nobody has told the hub that its old connection is dead.
            older.stop(Gone::TimedOut);
        }
        older.ended.cancelled().await;
    }
}

/// A claim made while the link was being closed may have been overlooked by it.
fn still_open(shared: &Shared, claim: Claim) -> Result<Claim, Refused> {
    match shared.closing.load(Ordering::SeqCst) {
        true => Err(busy("the hub is stopping")),
        false => Ok(claim),
    }
}

fn busy(message: &str) -> Refused {
    Refused::new(Refusal::Busy, message)
}
