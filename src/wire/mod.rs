//! What hub and agent say to each other: typed frames, one file per topic.
//!
//! The agent dials the hub and authenticates with its key; then the hub is the HTTP/2 client and the agent the
//! server (see `docs/architecture.md`). On that connection the hub opens
//!
//! * `POST /control`: one for the life of the connection. Both bodies are a sequence of JSON frames ([`frame`]), hub to
//!   agent [`control::ToAgent`], agent to hub [`control::ToHub`]. The agent's first frame is `Hello` or `Enrol`.
//! * `POST /output`: one stored output stream of a run, by offset ([`run::OutputQuery`] as the JSON request body).
//! * `POST /progress`: how far a run has come ([`run::ProgressQuery`] as the JSON request body).
//! * `POST /parameters`: everything the node may have of the parameters it wants ([`parameters::Values`] as the JSON request body).
//! * `POST /secrets`: what one run names of secrets ([`parameters::RunSecrets`] as the JSON request body).
//! * `POST /objects`: what one step may fetch from object stores ([`objects::StepObjects`] as the JSON request body).
//! * `POST /session`: one attachment to a shell ([`session`]); both bodies are binary frames.
//!
//! Every order (a run, anything said to a shell's door) carries the hub's signed [`warrant`] for this very node.
//!
//! An unknown frame closes the connection: the protocol is closed, versions are offered in the first frame.

pub mod audit;
pub mod channel;
pub mod control;
pub mod frame;
pub mod node;
pub mod objects;
pub mod parameters;
pub mod run;
pub mod session;
pub mod stream;
pub mod succession;
pub mod token;
pub mod warrant;

/// The application protocol an agent offers in TLS; the port's demultiplexer knows agents by it.
pub const ALPN: &[u8] = crate::platform::tls::AGENT_ALPN;

/// The protocol versions this build speaks, best first.
pub const VERSIONS: &[u32] = &[1];

pub const CONTROL_PATH: &str = "/control";
pub const OUTPUT_PATH: &str = "/output";
pub const PROGRESS_PATH: &str = "/progress";
pub const SESSION_PATH: &str = "/session";
pub const PARAMETERS_PATH: &str = "/parameters";
pub const SECRETS_PATH: &str = "/secrets";
pub const OBJECTS_PATH: &str = "/objects";

/// Receive window of one stream, both ways.
pub const STREAM_WINDOW: u32 = 256 * 1024;

/// Streams the hub may have open to one agent at once, control included.
pub const MAX_STREAMS: u32 = 40;

/// Receive window of the connection: every stream may stand still with a full window and more still flow.
///
/// Four times as large as that needs: HTTP/2 implementations derive from it how many small frames may lie unread, and a few
/// terminals that stand still with single characters must not look like an attack. What can lie unread is bounded by the
/// streams' windows all the same.
pub const CONNECTION_WINDOW: u32 = 4 * (MAX_STREAMS + 1) * STREAM_WINDOW;
