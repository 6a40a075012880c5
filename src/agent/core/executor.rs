//! What the core wants of whoever executes runs.

use std::future::Future;
use std::io;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio_util::sync::CancellationToken;

use crate::base::Timestamp;
use crate::base::id::{CommandId, NodeId};
use crate::platform::files::Durability;
use crate::wire::control::Rejection;
use crate::wire::run::{OutputQuery, Report, Run};
use crate::wire::session::Open;

/// The raw bytes of a stored stream, in pieces.
pub type OutputBody = BoxStream<'static, io::Result<Bytes>>;

/// What is to be executed.
#[derive(Debug)]
pub enum Order {
    /// Came just now and has never been begun.
    Fresh(Box<Run>),
    /// Was kept with [`Executor::keep`]. It may have been begun: in this boot, where every trace of it can be trusted, or in
    /// an earlier one, where the absence of a trace says nothing.
    Kept { run: CommandId, same_boot: bool },
}

/// Why a run is not taken, for the hub and for a person.
pub type Refused = (Rejection, String);

/// How runs are executed on this node.
pub trait Executor: Send + Sync + 'static {
    /// Whether this node can and may execute the run; otherwise why not, for a person.
    fn check(&self, run: &Run, hub_now: Timestamp) -> Result<(), Refused>;

    /// Whether this node may open this shell, or let somebody to it; otherwise why not.
    fn check_shell(&self, _open: &Open, _hub_now: Timestamp) -> impl Future<Output = Result<(), String>> + Send {
        std::future::ready(Ok(()))
    }

    /// Keeps the run where a restarted agent finds it; an operator's signature that it carries is used up by this.
    fn keep(&self, run: &Run, durability: Durability, hub_now: Timestamp) -> impl Future<Output = io::Result<()>> + Send;

    /// Executes to the end, or to the end that `cancel` asks for. Keeps the report too.
    ///
    /// *Cancel* (of the future): what runs goes on without the agent.
    fn execute(&self, order: Order, cancel: CancellationToken) -> impl Future<Output = Report> + Send;

    /// The report of a run that has ended, `None` when its files are gone or damaged.
    fn report(&self, run: &CommandId) -> impl Future<Output = Option<Report>> + Send;

    /// What is over of a run that goes on, as its report will have it; `None` when nothing is known of the run.
    fn progress(&self, _run: &CommandId) -> impl Future<Output = Option<Report>> + Send {
        std::future::ready(None)
    }

    /// A stream's stored bytes, see [`OutputQuery`].
    fn output(&self, query: OutputQuery) -> impl Future<Output = Option<OutputBody>> + Send;

    /// The run's files are of no use any more.
    fn release(&self, run: &CommandId) -> impl Future<Output = ()> + Send;

    /// The hub has said which node this is.
    fn node_is(&self, node: &NodeId);
}
