//! The control stream: who the agent is, what it shall run, what came of it.

use serde::{Deserialize, Serialize};

use crate::base::id::{ActivationId, CommandId, NodeId, SessionId};
use crate::wire::audit::SignedHead;
use crate::wire::frame::{FrameError, Parcel};
use crate::wire::node::NodeFacts;
use crate::wire::parameters::{FileStates, Want};
use crate::wire::run::Report;
use crate::wire::succession::KeyLink;
use crate::wire::warrant::{Warrant, Warranted, Written};

/// Frames from the agent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToHub {
    /// First frame of a node that has joined; its key already says which node it is.
    Hello(Hello),
    /// First frame of a key the hub does not know yet.
    Enrol(Enrol),
    /// The facts changed.
    Facts(NodeFacts),
    /// A run is on the node's disk and will be started, or has been already (an answer to a repeat). Of one that ends at once only
    /// the `Report` is said.
    Accepted { run: CommandId },
    /// A run that this node will not start; final.
    Rejected {
        run: CommandId,
        reason: Rejection,
        message: String,
    },
    /// A run has ended. Repeated after each reconnect until the hub answers `ReportStored`.
    Report(Box<Report>),
    /// The head of the hub's audit chain that this node keeps: at each connection, and when the hub's next one does not fit.
    AuditHead(SignedHead),
    /// The agent pins this key of the hub now (fingerprint).
    Trusts { hub_key: String },
    /// What this node wants to know of parameters, in place of what it wanted before. Said after each `Welcome`.
    WantParameters(Want),
    /// What this node makes of parameters now, in place of what it said before.
    ParameterFiles(FileStates),
    /// A run that this node was told to begin names secrets; the answer comes as a stream (`POST /secrets`).
    WantSecrets { run: CommandId },
    /// A step of a run that this node was told to begin downloads from an object store; the answer comes as a stream (`POST
    /// /objects`). `step` is its place in the run, from 0.
    WantObjects { run: CommandId, step: u32 },
    /// The agent goes away on purpose.
    Goodbye { reason: Goodbye },
}

/// Frames from the hub.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToAgent {
    /// Answer to `Hello`: the node is admitted and this connection is its only one.
    Welcome(Welcome),
    /// Answer to `Enrol`: the key is this node from now on. The same connection goes on as if welcomed.
    Enrolled(Welcome),
    /// Answer to `Hello` or `Enrol`; the hub closes the connection after it.
    Refused { code: Refusal, message: String },
    /// Its payload is a [`crate::wire::run::Work`], its id the run's.
    Run(Box<Warranted>),
    /// End a run: not started yet → reported `Cancelled`; running → its process group is killed.
    Cancel { run: CommandId },
    /// The hub's clock was set: this is its time now.
    Time { now_ms: i64 },
    /// The hub's key is being changed, or was: how, and whether the key before it still counts.
    Succession { links: Vec<KeyLink>, is_open: bool },
    /// The report is durable at the hub; it need not be sent again.
    ReportStored { run: CommandId },
    /// The hub has everything it wants of this run's output; the spool may go.
    Release { run: CommandId },
    /// The head of the hub's audit chain, to be kept.
    AuditHead(SignedHead),
}

impl ToAgent {
    /// The frame of a [`ToAgent::Run`] whose payload other nodes' orders share.
    ///
    /// *Errors*: the order is longer than [`crate::wire::frame::MAX_ORDER_BYTES`].
    pub fn run(warrant: Warrant, payload: &Written) -> Result<Parcel, FrameError> {
        const EMPTY: &[u8] = b"\"\"";
        const END: &[u8] = b"}}";
        // The payload is the last member: it is put where nothing stands yet.
        let unfilled = Self::Run(Box::new(Warranted {
            warrant,
            payload: String::new(),
        }));
        let json = serde_json::to_vec(&unfilled)?;
        let head = &json[..json.len() - EMPTY.len() - END.len()];
        Parcel::of(head, payload.json(), END)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Welcome {
    pub version: u32,
    pub node: NodeId,
    /// What the hub's clock says.
    pub now_ms: i64,
    /// When this connection breaks, as all do when the hub restarts, call again at a random moment within this time: the more
    /// agents there are, the longer it is, so that they do not come all at once.
    #[serde(default)]
    pub return_within_ms: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// Protocol versions the agent speaks, best first.
    pub versions: Vec<u32>,
    pub facts: NodeFacts,
    /// Runs on the node's disk that are not ended: the hub need not send them again.
    pub running: Vec<CommandId>,
    /// What this system's clock says, so that the hub can show that it is wrong; 0 when it does not say.
    #[serde(default)]
    pub now_ms: i64,
    /// Fingerprint of the hub's key that it pins.
    #[serde(default)]
    pub hub_key: String,
    /// Shells that the agent has; another that it had opened is over. `None` when it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shells: Option<Vec<SessionId>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrol {
    pub versions: Vec<u32>,
    pub facts: NodeFacts,
    pub activation_id: ActivationId,
    pub activation_code: String,
}

/// Why the hub does not admit an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// No node has this key (it was removed, or never joined). Final: the agent must be joined again.
    UnknownKey,
    /// The activation does not exist, is used up, expired or revoked, or the code is wrong. Final.
    ActivationInvalid,
    /// This key has joined already under another node; the agent keeps its identity. Final.
    AlreadyJoined,
    /// No protocol version in common. The agent tries again slowly: the hub may be upgraded.
    VersionUnsupported,
    /// Another agent with this key is connected from another boot or machine. The agent tries again slowly.
    Quarantined,
    /// A person has to let this key in first. The agent asks again.
    AwaitingApproval,
    /// A person has refused this key. Final.
    Rejected,
    /// This system becomes another node: the message is a join token, to be used with a new key.
    NewIdentity,
    /// The hub is stopping or full; try again.
    Busy,
}

impl Refusal {
    /// Whether trying again with the same key and token can never help.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::UnknownKey | Self::ActivationInvalid | Self::AlreadyJoined | Self::Rejected
        )
    }
}

/// Why an agent will not start a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// The delivery time was over when it arrived.
    Expired,
    /// The document cannot be run here (unknown action, wrong platform).
    Unsupported,
    /// The journal or the disk has no room.
    NoRoom,
    /// It carries no warrant that holds: for another node, altered, of an unknown class.
    Unwarranted,
    /// The node's owner forbids it.
    Locked,
}

/// Why an agent left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Goodbye {
    Stopping,
    Updating,
}
