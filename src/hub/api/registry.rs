//! What capabilities declare: operations from callers, reports from agents, ticks from time and events, streams.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Method, StatusCode, Uri};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult};
use crate::hub::api::live::Feed;
use crate::hub::api::protocol::rest::Route;
use crate::hub::api::routes::{File, Socket};
use crate::hub::api::{Cx, Services, Target, json};
use crate::hub::jobs::Job;
use crate::wire::control::ToHub;

/// One capability and its four doors.
pub struct Capability {
    pub name: &'static str,
    pub operations: fn(&mut Declare<'_>),
    pub reports: fn(&mut Reports),
    pub jobs: fn() -> Vec<Job<Arc<Services>>>,
    pub streams: fn(&mut Streams),
}

pub fn no_reports(_: &mut Reports) {}

pub fn no_jobs() -> Vec<Job<Arc<Services>>> {
    Vec::new()
}

pub fn no_streams(_: &mut Streams) {}

/// A family of operations with one name space on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Upstream's API.
    Ssm,
    /// What upstream has no word for.
    Roadstead,
    /// Upstream's security token service: who am I, and keys that end by themselves.
    Sts,
    /// Upstream's API over the tags of every kind of resource.
    Tagging,
    /// Upstream's groups of resources.
    ResourceGroups,
    /// Upstream's logs, as far as they show output of commands.
    Logs,
}

impl Service {
    pub const ALL: [Self; 6] = [
        Self::Ssm,
        Self::Roadstead,
        Self::Sts,
        Self::Tagging,
        Self::ResourceGroups,
        Self::Logs,
    ];

    /// The part of `X-Amz-Target` before the dot.
    pub fn target_prefix(self) -> &'static str {
        match self {
            Self::Ssm => "AmazonSSM",
            Self::Roadstead => "Roadstead",
            Self::Sts => "AWSSecurityTokenServiceV20110615",
            Self::Tagging => "ResourceGroupsTaggingAPI_20170126",
            Self::ResourceGroups => "Ardi",
            Self::Logs => "Logs_20140328",
        }
    }

    /// The part of an action's name before the colon.
    pub fn action_prefix(self) -> &'static str {
        match self {
            Self::Ssm => "ssm",
            Self::Roadstead => "roadstead",
            Self::Sts => "sts",
            Self::Tagging => "tag",
            Self::ResourceGroups => "resource-groups",
            Self::Logs => "logs",
        }
    }

    /// The service that a request for one of its operations is signed for: what SDKs call it, ours goes with upstream's.
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::Ssm | Self::Roadstead => "ssm",
            Self::Sts => "sts",
            Self::Tagging => "tagging",
            Self::ResourceGroups => "resource-groups",
            Self::Logs => "logs",
        }
    }

    /// The service whose operations have this before their dot.
    pub fn of_target_prefix(prefix: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.target_prefix() == prefix)
    }

    /// An error under the name that its clients know: each has a word of its own for a request that breaks its model.
    pub fn named(self, error: ApiError) -> ApiError {
        let code = match (self, error.code) {
            (Self::Tagging | Self::Logs, "ValidationException") => "InvalidParameterException",
            (Self::ResourceGroups, "ValidationException") => "BadRequestException",
            (_, code) => code,
        };
        ApiError { code, ..error }
    }
}

/// Who may call an operation, and what it leaves in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without credentials.
    Open,
    /// Any known caller, because it concerns nobody else than them.
    Own,
    Read,
    Write,
}

/// A decoded request, ready to be authorised and run.
pub trait Call: Send {
    fn target(&self) -> Target;
    fn run(self: Box<Self>, cx: Cx) -> BoxFuture<'static, ApiResult<Bytes>>;
}

type Decode = Box<dyn Fn(&[u8]) -> ApiResult<Box<dyn Call>> + Send + Sync>;
#[cfg(debug_assertions)]
type Schemas = fn(&mut schemars::SchemaGenerator) -> (schemars::Schema, schemars::Schema);

/// One operation as dispatch needs it.
pub struct Operation {
    pub service: Service,
    pub name: &'static str,
    pub capability: &'static str,
    pub access: Access,
    pub decode: Decode,
    /// Request and result, for the golden files. A release build leaves them out: a megabyte of code that it never runs.
    #[cfg(debug_assertions)]
    pub schemas: Schemas,
    /// Where clients of a REST service find it.
    pub rest: Option<Route>,
}

impl Operation {
    /// What policies call it.
    pub fn action(&self) -> String {
        format!("{}:{}", self.service.action_prefix(), self.name)
    }
}

/// Every operation, topic and socket of the hub.
#[derive(Default)]
pub struct Registry {
    operations: BTreeMap<Service, BTreeMap<&'static str, Operation>>,
}

impl Registry {
    pub fn find(&self, service: Service, name: &str) -> Option<&Operation> {
        self.operations.get(&service)?.get(name)
    }

    /// By service, then by name.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values().flat_map(BTreeMap::values)
    }

    /// What policies call the operations: `ssm:SendCommand` …
    pub fn actions(&self) -> impl Iterator<Item = String> {
        self.operations().map(Operation::action)
    }

    pub fn declare(&mut self, capability: &Capability) {
        (capability.operations)(&mut Declare {
            registry: self,
            capability: capability.name,
            latest: None,
        });
    }
}

/// Takes a capability's operations.
pub struct Declare<'r> {
    registry: &'r mut Registry,
    capability: &'static str,
    latest: Option<(Service, &'static str)>,
}

impl Declare<'_> {
    /// An operation that changes something: audited in its own transaction.
    pub fn write<Req, Res, F>(
        &mut self,
        service: Service,
        name: &'static str,
        target: fn(&Req) -> Target,
        run: fn(Cx, Req) -> F,
    ) -> &mut Self
    where
        Req: DeserializeOwned + JsonSchema + Send + 'static,
        Res: Serialize + JsonSchema + 'static,
        F: Future<Output = ApiResult<Res>> + Send + 'static,
    {
        self.add(Access::Write, service, name, target, run)
    }

    /// An operation that changes nothing.
    pub fn read<Req, Res, F>(
        &mut self,
        service: Service,
        name: &'static str,
        target: fn(&Req) -> Target,
        run: fn(Cx, Req) -> F,
    ) -> &mut Self
    where
        Req: DeserializeOwned + JsonSchema + Send + 'static,
        Res: Serialize + JsonSchema + 'static,
        F: Future<Output = ApiResult<Res>> + Send + 'static,
    {
        self.add(Access::Read, service, name, target, run)
    }

    /// An operation on the caller's own login and keys: it takes no rights, and must touch nothing of anybody else's.
    pub fn own<Req, Res, F>(&mut self, service: Service, name: &'static str, run: fn(Cx, Req) -> F) -> &mut Self
    where
        Req: DeserializeOwned + JsonSchema + Send + 'static,
        Res: Serialize + JsonSchema + 'static,
        F: Future<Output = ApiResult<Res>> + Send + 'static,
    {
        self.add(Access::Own, service, name, |_| Target::Hub, run)
    }

    /// An operation for callers without credentials; it must look after itself.
    pub fn open<Req, Res, F>(&mut self, service: Service, name: &'static str, run: fn(Cx, Req) -> F) -> &mut Self
    where
        Req: DeserializeOwned + JsonSchema + Send + 'static,
        Res: Serialize + JsonSchema + 'static,
        F: Future<Output = ApiResult<Res>> + Send + 'static,
    {
        self.add(Access::Open, service, name, |_| Target::Hub, run)
    }

    /// Where clients of a REST service find the operation that was declared last.
    pub fn rest(&mut self, method: Method, template: &'static str) -> &mut Self {
        self.rest_status(method, template, StatusCode::OK)
    }

    /// The same for an operation whose answer has another status than 200.
    pub fn rest_status(&mut self, method: Method, template: &'static str, status: StatusCode) -> &mut Self {
        let (service, name) = self.latest.expect("an operation is declared before its address");
        let operations = self.registry.operations.get_mut(&service);
        let operation = operations.and_then(|all| all.get_mut(name)).expect("what was declared is there");
        operation.rest = Some(Route { method, template, status });
        self
    }

    fn add<Req, Res, F>(
        &mut self,
        access: Access,
        service: Service,
        name: &'static str,
        target: fn(&Req) -> Target,
        run: fn(Cx, Req) -> F,
    ) -> &mut Self
    where
        Req: DeserializeOwned + JsonSchema + Send + 'static,
        Res: Serialize + JsonSchema + 'static,
        F: Future<Output = ApiResult<Res>> + Send + 'static,
    {
        let decode: Decode = Box::new(move |body| {
            let request: Req = crate::hub::api::dispatch::decode(body)?;
            Ok(Box::new(Decoded { request, target, run }))
        });
        let operation = Operation {
            service,
            name,
            capability: self.capability,
            access,
            decode,
            #[cfg(debug_assertions)]
            schemas: |generator| (generator.subschema_for::<Req>(), generator.subschema_for::<Res>()),
            rest: None,
        };
        let twice = self.registry.operations.entry(service).or_default().insert(name, operation);
        assert!(twice.is_none(), "operation {name} is declared twice");
        self.latest = Some((service, name));
        self
    }
}

struct Decoded<Req, F> {
    request: Req,
    target: fn(&Req) -> Target,
    run: fn(Cx, Req) -> F,
}

impl<Req, Res, F> Call for Decoded<Req, F>
where
    Req: Send + 'static,
    Res: Serialize + 'static,
    F: Future<Output = ApiResult<Res>> + Send + 'static,
{
    fn target(&self) -> Target {
        (self.target)(&self.request)
    }

    fn run(self: Box<Self>, cx: Cx) -> BoxFuture<'static, ApiResult<Bytes>> {
        let answer = (self.run)(cx, self.request);
        async move { serde_json::to_vec(&answer.await?).map(Bytes::from).map_err(ApiError::internal) }.boxed()
    }
}

type IsMine = fn(&ToHub) -> bool;
type FrameHandler = fn(Arc<Services>, NodeId, ToHub) -> BoxFuture<'static, ()>;
type ConnectedHandler = fn(Arc<Services>, NodeId, Vec<CommandId>) -> BoxFuture<'static, ()>;

/// Takes a capability's handlers of what agents say.
#[derive(Default)]
pub struct Reports {
    pub frames: Vec<(IsMine, FrameHandler)>,
    pub connected: Vec<ConnectedHandler>,
}

impl Reports {
    /// `run` gets every frame that `is_mine` accepts.
    pub fn on_frame(&mut self, is_mine: IsMine, run: FrameHandler) -> &mut Self {
        self.frames.push((is_mine, run));
        self
    }

    /// `run` is told of each admitted connection and of the runs the node still has.
    pub fn on_connected(&mut self, run: ConnectedHandler) -> &mut Self {
        self.connected.push(run);
        self
    }
}

type Subscribe = Box<dyn Fn(Value) -> ApiResult<Box<dyn Subscription>> + Send + Sync>;

/// A live topic as the socket needs it.
pub struct LiveTopic {
    /// The action that a subscriber needs the right for.
    pub action: &'static str,
    pub subscribe: Subscribe,
}
type RunSocket = fn(Arc<Services>, String, Socket) -> BoxFuture<'static, ()>;

/// A decoded subscription, ready to be authorised and run until it is dropped.
pub trait Subscription: Send {
    fn target(&self) -> Target;
    fn run(self: Box<Self>, cx: Cx, feed: Feed) -> BoxFuture<'static, ApiResult<()>>;
}

/// Takes a capability's live topics, the socket behind `/stream/<id>` and the files behind `/attachments/`.
#[derive(Default)]
pub struct Streams {
    pub topics: BTreeMap<&'static str, LiveTopic>,
    pub socket: Option<RunSocket>,
    pub file: Option<ServeFile>,
}

/// Finds the file behind a signed address, for somebody at this network address.
///
/// *Errors*: `AccessDeniedException` whatever is wrong with the address.
pub type ServeFile = fn(Arc<Services>, Uri, String) -> BoxFuture<'static, ApiResult<File>>;

impl Streams {
    /// A topic that shows what the operation `action` shows; who may not call that may not subscribe.
    pub fn topic<Args, F>(
        &mut self,
        name: &'static str,
        action: &'static str,
        target: fn(&Args) -> Target,
        run: fn(Cx, Args, Feed) -> F,
    ) -> &mut Self
    where
        Args: DeserializeOwned + Send + 'static,
        F: Future<Output = ApiResult<()>> + Send + 'static,
    {
        let subscribe: Subscribe = Box::new(move |args| {
            let args: Args = json::from_value(args).map_err(|e| ApiError::validation(format!("topic `{name}`: {e}")))?;
            Ok(Box::new(Topic { args, target, run }))
        });
        self.topics.insert(name, LiveTopic { action, subscribe });
        self
    }

    /// What runs on `/stream/<id>`; the caller proves itself by a token in its first message.
    pub fn socket(&mut self, run: RunSocket) -> &mut Self {
        self.socket = Some(run);
        self
    }
}

struct Topic<Args, F> {
    args: Args,
    target: fn(&Args) -> Target,
    run: fn(Cx, Args, Feed) -> F,
}

impl<Args, F> Subscription for Topic<Args, F>
where
    Args: Send + 'static,
    F: Future<Output = ApiResult<()>> + Send + 'static,
{
    fn target(&self) -> Target {
        (self.target)(&self.args)
    }

    fn run(self: Box<Self>, cx: Cx, feed: Feed) -> BoxFuture<'static, ApiResult<()>> {
        (self.run)(cx, self.args, feed).boxed()
    }
}
