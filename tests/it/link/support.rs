//! A hub's port with a recording inbox, an agent with recording duties, and an agent made by hand that may misbehave.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use h2::server::{Connection, SendResponse};
use h2::{RecvStream, SendStream};
use roadstead::agent::home::{self, Duties, Home, HomeError, OutputBody, Timing};
use roadstead::agent::identity::Identity;
use roadstead::base::id::{ActivationId, CommandId, NodeId};
use roadstead::hub::link::{Admission, Gone, Inbox, Link, LinkLimits, NodeKey, Refused};
use roadstead::platform::http2::KeepAlive;
use roadstead::platform::tls::{agent_client_config, hub_server_config, hub_server_name, public_key, spki_fingerprint};
use roadstead::wire::control::{Enrol, Hello, Refusal, Rejection, ToAgent, ToHub};
use roadstead::wire::frame::{self, Decoder};
use roadstead::wire::node::NodeFacts;
use roadstead::wire::objects::StepObjects;
use roadstead::wire::parameters::RunSecrets;
use roadstead::wire::run::OutputQuery;
use roadstead::wire::session::Frame;
use roadstead::wire::token::JoinToken;
use roadstead::wire::warrant::Terms;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Nothing in these tests takes nearly so long; a wait that does is a failure, not a synchronisation.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const HUB_SEED: [u8; 32] = [7; 32];

pub async fn soon<F: Future>(what: F) -> F::Output {
    timeout(PATIENCE, what).await.expect("it did not happen in time")
}

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[derive(Debug)]
pub enum Event {
    Connected(NodeId),
    Frame(Box<ToHub>),
    Gone(Gone),
}

/// Remembers keys and tells what happens.
///
/// Activation codes steer it: `good` enrols, `known` says the key has joined already, `busy` refuses the first two times,
/// `panic` panics. A `Rejected` frame whose message is `panic` or `hold` makes its handler do that.
pub struct FakeInbox {
    events: mpsc::UnboundedSender<Event>,
    pub nodes: Mutex<HashMap<NodeKey, NodeId>>,
    asked: AtomicUsize,
    pub holding: AtomicUsize,
    pub released: Notify,
    link: OnceLock<Link>,
}

impl FakeInbox {
    fn admit(&self, key: NodeKey, boot_id: &str) -> Option<Admission> {
        let node = self.nodes.lock().unwrap().get(&key)?.clone();
        let boot_id = boot_id.to_owned();
        Some(Admission { node, boot_id })
    }

    fn take_in(&self, key: NodeKey) {
        self.nodes.lock().unwrap().entry(key).or_insert_with(NodeId::random);
    }

    fn judge_enrolment(&self, key: NodeKey, enrol: &Enrol) -> Result<Admission, Refused> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        match enrol.activation_code.as_str() {
            "good" => self.take_in(key),
            "known" => {
                self.take_in(key);
                return Err(Refused::new(Refusal::AlreadyJoined, "joined"));
            }
            "busy" if asked < 2 => return Err(Refused::new(Refusal::Busy, "full")),
            "busy" => self.take_in(key),
            "panic" => panic!("the inbox was told to"),
            _ => return Err(Refused::new(Refusal::ActivationInvalid, "the code is wrong")),
        }
        Ok(self.admit(key, &enrol.facts.boot_id).unwrap())
    }
}

impl Inbox for FakeInbox {
    fn hello(&self, key: NodeKey, hello: Hello, _: SocketAddr) -> BoxFuture<'_, Result<Admission, Refused>> {
        let known = self.admit(key, &hello.facts.boot_id);
        async move { known.ok_or_else(|| Refused::new(Refusal::UnknownKey, "no node has this key")) }.boxed()
    }

    fn enrol(&self, key: NodeKey, enrol: Enrol, _: SocketAddr) -> BoxFuture<'_, Result<Admission, Refused>> {
        async move { self.judge_enrolment(key, &enrol) }.boxed()
    }

    fn connected(&self, node: NodeId, _: Vec<CommandId>) -> BoxFuture<'_, ()> {
        async move { drop(self.events.send(Event::Connected(node))) }.boxed()
    }

    fn frame(&self, _: NodeId, frame: ToHub) -> BoxFuture<'_, ()> {
        async move {
            let wish = match &frame {
                ToHub::Rejected { message, .. } => message.as_str(),
                _ => "",
            };
            assert_ne!(wish, "panic", "the inbox was told to");
            if wish == "hold" {
                let released = self.released.notified();
                self.holding.fetch_add(1, Ordering::SeqCst);
                released.await;
            }
            drop(self.events.send(Event::Frame(Box::new(frame))));
        }
        .boxed()
    }

    fn gone(&self, node: NodeId, why: Gone) -> BoxFuture<'_, ()> {
        let why = match self.link.get().is_some_and(|link| link.is_connected(&node)) {
            true => Gone::ProtocolError("gone, and still connected".into()),
            false => why,
        };
        async move { drop(self.events.send(Event::Gone(why))) }.boxed()
    }
}

/// A port that serves agents, like the hub's.
pub struct TestHub {
    pub link: Link,
    pub inbox: Arc<FakeInbox>,
    pub events: mpsc::UnboundedReceiver<Event>,
    pub address: SocketAddr,
    pub tasks: TaskTracker,
    accepting: JoinHandle<()>,
}

/// Short times: the keep-alive of the 1,000-cycle promise.
pub fn limits() -> LinkLimits {
    LinkLimits {
        keep_alive: KeepAlive {
            idle: ms(200),
            timeout: ms(200),
        },
        probe: ms(300),
        farewell: ms(500),
        ..LinkLimits::default()
    }
}

/// Patient enough that nothing times out by accident on a busy machine.
pub fn patient() -> LinkLimits {
    LinkLimits {
        farewell: ms(500),
        ..LinkLimits::default()
    }
}

impl TestHub {
    pub async fn start(limits: LinkLimits) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), limits, HashMap::new()).await
    }

    pub async fn start_at(address: SocketAddr, limits: LinkLimits, nodes: HashMap<NodeKey, NodeId>) -> Self {
        let listener = bind(address).await;
        let address = listener.local_addr().unwrap();
        let (sender, events) = mpsc::unbounded_channel();
        let inbox = Arc::new(FakeInbox {
            events: sender,
            nodes: Mutex::new(nodes),
            asked: AtomicUsize::new(0),
            holding: AtomicUsize::new(0),
            released: Notify::new(),
            link: OnceLock::new(),
        });
        let link = Link::new(inbox.clone(), limits);
        let _ = inbox.link.set(link.clone());
        let tasks = TaskTracker::new();
        let accepting = tokio::spawn(accept(listener, link.clone(), tasks.clone()));
        Self {
            link,
            inbox,
            events,
            address,
            tasks,
            accepting,
        }
    }

    pub fn token(&self, code: &str) -> JoinToken {
        JoinToken {
            addresses: vec![self.address.to_string()],
            hub_key: spki_fingerprint(&public_key(&HUB_SEED)),
            activation_id: ActivationId::random(),
            activation_code: code.into(),
        }
    }

    pub async fn event(&mut self) -> Event {
        soon(self.events.recv()).await.expect("the inbox lives")
    }

    pub async fn connected(&mut self) -> NodeId {
        match self.event().await {
            Event::Connected(node) => node,
            other => panic!("expected a connection, got {other:?}"),
        }
    }

    pub async fn gone(&mut self) -> Gone {
        match self.event().await {
            Event::Gone(why) => why,
            other => panic!("expected an end, got {other:?}"),
        }
    }

    pub async fn frame(&mut self) -> ToHub {
        match self.event().await {
            Event::Frame(frame) => *frame,
            other => panic!("expected a frame, got {other:?}"),
        }
    }

    /// The process is gone: listener and connections at once, without a word.
    pub async fn kill(self) -> (SocketAddr, HashMap<NodeKey, NodeId>) {
        self.accepting.abort();
        let _ = self.accepting.await;
        self.link.close().await;
        let nodes = self.inbox.nodes.lock().unwrap().clone();
        (self.address, nodes)
    }
}

/// Listens there; whoever has called the address meanwhile, from a port that is this very one, lets go of it soon.
pub async fn bind(address: SocketAddr) -> TcpListener {
    soon(async {
        loop {
            match TcpListener::bind(address).await {
                Err(taken) if taken.kind() == std::io::ErrorKind::AddrInUse => tokio::time::sleep(ms(10)).await,
                bound => return bound.unwrap(),
            }
        }
    })
    .await
}

async fn accept(listener: TcpListener, link: Link, tasks: TaskTracker) {
    let acceptor = TlsAcceptor::from(hub_server_config(&HUB_SEED));
    loop {
        let (tcp, peer) = listener.accept().await.unwrap();
        let (acceptor, link) = (acceptor.clone(), link.clone());
        tasks.spawn(async move {
            if let Ok(tls) = acceptor.accept(tcp).await {
                link.serve(tls, peer).await;
            }
        });
    }
}

type Shell = Box<dyn Fn(mpsc::Receiver<Frame>, mpsc::Sender<Frame>) -> BoxFuture<'static, ()> + Send + Sync>;
type Spool = Box<dyn Fn(OutputQuery) -> Option<OutputBody> + Send + Sync>;

/// Records orders; output and shells are what the test says.
pub struct FakeDuties {
    orders: mpsc::UnboundedSender<ToAgent>,
    pub connects: watch::Sender<usize>,
    pub facts: NodeFacts,
    pub terms: Mutex<Option<Terms>>,
    pub spool: Spool,
    pub shell: Shell,
    /// What the hub said to runs that asked for secrets.
    pub secrets: watch::Sender<Vec<RunSecrets>>,
    /// What the hub said to steps that asked for objects of a store.
    pub objects: watch::Sender<Vec<StepObjects>>,
}

impl Duties for FakeDuties {
    async fn facts(&self) -> NodeFacts {
        self.facts.clone()
    }

    fn obey(&self, _: &NodeId, terms: Terms) {
        *self.terms.lock().unwrap() = Some(terms);
    }

    fn running(&self) -> Vec<CommandId> {
        Vec::new()
    }

    async fn connected(&self, _: &NodeId, _: i64) {
        self.connects.send_modify(|n| *n += 1);
    }

    async fn deliver(&self, frame: ToAgent) {
        drop(self.orders.send(frame));
    }

    async fn output(&self, query: OutputQuery) -> Option<OutputBody> {
        (self.spool)(query)
    }

    fn secrets(&self, answer: RunSecrets) {
        self.secrets.send_modify(|all| all.push(answer));
    }

    fn objects(&self, answer: StepObjects) {
        self.objects.send_modify(|all| all.push(answer));
    }

    async fn session(&self, from_hub: mpsc::Receiver<Frame>, to_hub: mpsc::Sender<Frame>) {
        (self.shell)(from_hub, to_hub).await;
    }
}

pub fn facts(boot_id: &str) -> NodeFacts {
    NodeFacts {
        computer_name: "test".into(),
        machine_id: "machine".into(),
        boot_id: boot_id.into(),
        ..NodeFacts::default()
    }
}

/// A real agent's link with recording duties.
pub struct TestAgent {
    pub duties: Arc<FakeDuties>,
    pub orders: mpsc::UnboundedReceiver<ToAgent>,
    pub say: mpsc::Sender<ToHub>,
    pub shutdown: CancellationToken,
    pub end: JoinHandle<Result<(), HomeError>>,
}

pub fn quick() -> Timing {
    Timing {
        first_wait: ms(10),
        longest_wait: ms(50),
        slow_wait: ms(20),
        approval_wait: ms(20),
        ..Timing::default()
    }
}

impl TestAgent {
    pub fn start(data: &Path, token: Option<JoinToken>) -> Self {
        Self::start_as(data, token, facts("boot-1"))
    }

    /// On a system that says this of itself.
    pub fn start_as(data: &Path, token: Option<JoinToken>, facts: NodeFacts) -> Self {
        let (spool, shell): (Spool, Shell) = (Box::new(|_| None), Box::new(|_, _| async {}.boxed()));
        Self::launch(data, token, quick(), facts, spool, shell)
    }

    pub fn start_with(data: &Path, token: Option<JoinToken>, timing: Timing, spool: Spool, shell: Shell) -> Self {
        Self::launch(data, token, timing, facts("boot-1"), spool, shell)
    }

    fn launch(data: &Path, token: Option<JoinToken>, timing: Timing, facts: NodeFacts, spool: Spool, shell: Shell) -> Self {
        let mut home = Home::new(Identity::load(data).unwrap(), token).unwrap();
        home.timing = timing;
        let (orders_in, orders) = mpsc::unbounded_channel();
        let (say, mut outgoing) = mpsc::channel(64);
        let connects = watch::Sender::new(0);
        let duties = Arc::new(FakeDuties {
            orders: orders_in,
            connects,
            facts,
            terms: Mutex::default(),
            spool,
            shell,
            secrets: watch::Sender::default(),
            objects: watch::Sender::default(),
        });
        let shutdown = CancellationToken::new();
        let (running, stop) = (duties.clone(), shutdown.clone());
        let end = tokio::spawn(async move { home::run(running, &mut home, &mut outgoing, &stop).await });
        Self {
            duties,
            orders,
            say,
            shutdown,
            end,
        }
    }

    pub async fn order(&mut self) -> ToAgent {
        loop {
            let frame = soon(self.orders.recv()).await.expect("the agent lives");
            // The end of the audit log is for a witness and comes at any time.
            if !matches!(frame, ToAgent::AuditHead(_)) {
                return frame;
            }
        }
    }

    /// Waits until it has been let in for the `times`th time.
    pub async fn welcomed(&self, times: usize) {
        soon(self.duties.connects.subscribe().wait_for(|n| *n >= times)).await.unwrap();
    }

    pub async fn ended(self) -> Result<(), HomeError> {
        soon(self.end).await.unwrap()
    }
}

/// An agent made by hand: real TLS and HTTP/2, and then whatever the test wants to say.
pub struct RawAgent {
    pub connection: Connection<TlsStream<TcpStream>, Bytes>,
    pub sink: SendStream<Bytes>,
    pub source: RecvStream,
    decoder: Decoder,
    _respond: SendResponse<Bytes>,
}

pub async fn tls_to(address: SocketAddr, seed: u8) -> TlsStream<TcpStream> {
    let config = agent_client_config(&[seed; 32], &spki_fingerprint(&public_key(&HUB_SEED)));
    let tcp = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(config).connect(hub_server_name(), tcp).await.unwrap()
}

impl RawAgent {
    pub async fn connect(address: SocketAddr, seed: u8) -> Self {
        let tls = tls_to(address, seed).await;
        let mut connection: Connection<_, Bytes> = soon(h2::server::handshake(tls)).await.unwrap();
        let (request, mut respond) = soon(connection.accept()).await.unwrap().unwrap();
        let sink = respond.send_response(http::Response::new(()), false).unwrap();
        Self {
            connection,
            sink,
            source: request.into_body(),
            decoder: Decoder::default(),
            _respond: respond,
        }
    }

    /// Connected and welcomed.
    pub async fn admitted(address: SocketAddr, seed: u8, boot_id: &str) -> Self {
        let mut agent = Self::connect(address, seed).await;
        agent.say(&hello(boot_id));
        match agent.hear().await {
            Some(ToAgent::Welcome(_)) => agent,
            other => panic!("expected a welcome, got {other:?}"),
        }
    }

    pub fn say(&mut self, frame: &ToHub) {
        self.say_bytes(frame::encode(frame).unwrap());
    }

    pub fn say_bytes(&mut self, bytes: Bytes) {
        self.sink.send_data(bytes, false).unwrap();
    }

    /// The next frame, driving the connection; `None` when the hub is gone.
    pub async fn hear(&mut self) -> Option<ToAgent> {
        soon(async {
            loop {
                if let Some(frame) = self.decoder.next().unwrap() {
                    return Some(frame);
                }
                let (connection, source) = (&mut self.connection, &mut self.source);
                let bytes = poll_fn(|cx| {
                    if let std::task::Poll::Ready(bytes) = source.poll_data(cx) {
                        return std::task::Poll::Ready(bytes);
                    }
                    let _ = connection.poll_accept(cx);
                    std::task::Poll::Pending
                })
                .await?;
                let Ok(bytes) = bytes else { return None };
                let _ = self.source.flow_control().release_capacity(bytes.len());
                self.decoder.push(&bytes);
            }
        })
        .await
    }

    /// Goes on living (answers PINGs) in a task, until the connection ends.
    pub fn live(self) -> JoinHandle<()> {
        tokio::spawn(async move {
            // The whole agent: its streams live as long as its connection.
            let mut agent = self;
            let agent = &mut agent;
            while let Some(Ok(_)) = agent.connection.accept().await {}
        })
    }
}

pub fn hello(boot_id: &str) -> ToHub {
    ToHub::Hello(Hello {
        versions: vec![1],
        facts: facts(boot_id),
        running: Vec::new(),
        now_ms: 0,
        hub_key: String::new(),
        shells: None,
    })
}

/// Lets the hub know a raw agent's key.
pub fn know(hub: &TestHub, seed: u8) -> NodeId {
    let key = NodeKey(roadstead::platform::tls::spki_digest(&public_key(&[seed; 32])));
    let node = NodeId::random();
    hub.inbox.nodes.lock().unwrap().insert(key, node.clone());
    node
}

pub fn rejected(message: &str) -> ToHub {
    ToHub::Rejected {
        run: CommandId::random(),
        reason: Rejection::NoRoom,
        message: message.into(),
    }
}

pub fn cancel() -> ToAgent {
    ToAgent::Cancel { run: CommandId::random() }
}
