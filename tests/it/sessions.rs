//! Sessions from StartSession to the last frame: the real operations, rows, relay and link (over TLS); the browser is a
//! WebSocket in memory and the shell an echo with a scroll-back.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use roadstead::base::id::{NodeId, SessionId};
use roadstead::base::{Clock, Timestamp};
use roadstead::hub::api::context::{HubFacts, Installer, JoinLines, Parts, RequestFacts};
use roadstead::hub::api::routes::{STREAM_PROTOCOL, Socket};
use roadstead::hub::api::{Cx, Registry, Reports, Service, Services, dispatch};
use roadstead::hub::audit::Keeper;
use roadstead::hub::auth::vault::Vault;
use roadstead::hub::auth::{AccessKeys, Caller, Proof, Rights};
use roadstead::hub::capabilities::documents::library;
use roadstead::hub::capabilities::sessions::{CAPABILITY, attachment};
use roadstead::hub::config::HubConfig;
use roadstead::hub::keys::HubKeys;
use roadstead::hub::store::blobs::Blobs;
use roadstead::hub::store::{Store, StoreError};
use roadstead::model::access::Words;
use roadstead::wire::channel;
use roadstead::wire::session::{Attached, DETACH_LIMIT, EndReason, Ended, Frame, Open, Size};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role as Side;
use tokio_util::sync::CancellationToken;

use crate::link::support::{HUB_SEED, TestAgent, TestHub, patient, quick, soon};

/// What each shell has printed; a shell that is not here is not running.
type Shells = Arc<Mutex<HashMap<SessionId, Vec<u8>>>>;

/// The login that the bed's calls come with.
const LOGIN: &str = "INSERT INTO login_session (id, token_hash, user_name, csrf_token, stage, method, address, agent, created_at,
        last_seen_at, expires_at)
    VALUES ('ls-1', zeroblob(32), 'ann', '', 'full', 'password', '', '', 0, 9000000000000, 9000000000000)";

struct Bed {
    dir: tempfile::TempDir,
    store: Store,
    clock: Clock,
    hub: TestHub,
    agent: TestAgent,
    node: NodeId,
    shells: Shells,
    services: Arc<Services>,
}

impl Bed {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut hub = TestHub::start(patient()).await;
        let shells = Shells::default();
        let agent = start_agent(&dir, &hub, &shells);
        let node = hub.connected().await;
        let store = Store::open(dir.path()).await.unwrap();
        let row = node.clone();
        let inserted = store.write(move |tx| {
            library::install(tx, Timestamp::from_millis(0))?;
            tx.execute("INSERT INTO user (name, created_at) VALUES ('ann', 0)", &[])?;
            tx.execute("INSERT INTO user_role (user_name, role_name) VALUES ('ann', 'admin')", &[])?;
            tx.execute(LOGIN, &[])?;
            tx.execute(
                "INSERT INTO node (id, key_hash, name, iam_role, joined_at, status, source_address, computer_name, platform_id,
                     platform_name, platform_version, architecture, agent_version, addresses, facts)
                 VALUES (:id, zeroblob(32), 'moored', '', 0, 'Online', '', '', '', '', '', '', '', '', :facts)",
                &[(":id", (&row).into()), (":facts", "{}".into())],
            )
        });
        inserted.await.map_err(|e: StoreError| e).unwrap();
        let clock = Clock::manual(Timestamp::from_millis(1_000_000));
        let services = services(&dir, &store, &clock, &hub);
        Self {
            dir,
            store,
            clock,
            hub,
            agent,
            node,
            shells,
            services,
        }
    }

    /// The hub is killed and comes back under its address: rows stay, memory and connections go.
    async fn restart_hub(&mut self) {
        let fresh = TestHub::start(patient()).await;
        let (address, nodes) = std::mem::replace(&mut self.hub, fresh).kill().await;
        self.hub = TestHub::start_at(address, patient(), nodes).await;
        self.services = services(&self.dir, &self.store, &self.clock, &self.hub);
        assert_eq!(self.hub.connected().await, self.node);
    }

    async fn call(&self, operation: &str, body: Value) -> Result<Value, String> {
        let mut registry = Registry::default();
        registry.declare(&CAPABILITY);
        let operation = registry.find(Service::Ssm, operation).unwrap();
        let mut caller = Caller::new("ann", Proof::Session("ls-1".into()));
        caller.rights = Arc::new(Rights::unlimited("ann"));
        let request = RequestFacts {
            id: "request".into(),
            action: format!("ssm:{}", operation.name),
            caller,
            address: "192.0.2.1".into(),
            region: "local".into(),
            origin: "https://hub:7400".into(),
            headers: http::HeaderMap::new(),
            now: self.clock.now(),
            target: OnceLock::new(),
            denial: OnceLock::new(),
            is_audited: AtomicBool::new(false),
            cookies: Mutex::default(),
        };
        let cx = Cx::new(self.services.clone(), request);
        let answer = dispatch::run(operation, cx, body.to_string().as_bytes()).await;
        answer
            .map(|bytes| serde_json::from_slice(&bytes).unwrap())
            .map_err(|e| e.code.to_owned())
    }

    async fn start_session(&self) -> (SessionId, String) {
        ticket(&self.call("StartSession", json!({"Target": self.node})).await.unwrap())
    }

    async fn resume(&self, session: &SessionId) -> String {
        ticket(&self.call("ResumeSession", json!({"SessionId": session})).await.unwrap()).1
    }

    async fn described(&self, state: &str, session: &SessionId) -> Option<Value> {
        let filter = json!([{"key": "SessionId", "value": session}]);
        let answer = self.call("DescribeSessions", json!({"State": state, "Filters": filter})).await;
        answer.unwrap()["Sessions"].get(0).cloned()
    }

    async fn becomes(&self, session: &SessionId, status: &str) -> Value {
        let state = if matches!(status, "Terminated" | "Failed") {
            "History"
        } else {
            "Active"
        };
        soon(async {
            loop {
                match self.described(state, session).await {
                    Some(shown) if shown["Status"] == status => return shown,
                    _ => tokio::task::yield_now().await,
                }
            }
        })
        .await
    }

    /// What the row says of the shell on the node.
    async fn shell_becomes(&self, session: &SessionId, expected: &str) {
        let row = || {
            let id = session.clone();
            self.store.read(move |tx| {
                let found = tx.row("SELECT shell FROM session WHERE id = :id", &[(":id", (&id).into())], |row| {
                    row.get::<String>("shell")
                });
                found.map(Option::unwrap)
            })
        };
        soon(async { while row().await.map_err(|e: StoreError| e).unwrap() != expected {} }).await;
    }

    async fn tick(&self) {
        for job in (CAPABILITY.jobs)() {
            (job.tick)(self.services.clone()).await;
        }
    }

    /// A change of rows that others make while a shell is open.
    async fn change(&self, sql: &'static str) {
        let services = self.services.clone();
        let changed = self.store.write(move |tx| {
            tx.execute(sql, &[])?;
            services.rights.changed(tx, &services.bus)
        });
        changed.await.map_err(|e: StoreError| e).unwrap();
    }

    async fn audited(&self, operation: &'static str) -> Vec<String> {
        let rows = self.store.read(move |tx| {
            let sql = "SELECT caller || ' ' || detail AS line FROM audit WHERE operation = :operation ORDER BY seq";
            tx.rows(sql, &[(":operation", operation.into())], |row| row.get("line"))
        });
        rows.await.map_err(|e: StoreError| e).unwrap()
    }

    async fn connect(&self, session: &SessionId, protocol: Option<&'static str>) -> WebSocketStream<DuplexStream> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (outgoing, incoming) = WebSocketStream::from_raw_socket(far, Side::Server, None).await.split();
        let socket = Socket {
            protocol,
            incoming: incoming.boxed(),
            outgoing: Box::pin(outgoing),
            admitted: Box::new(|| ()),
        };
        tokio::spawn(attachment::serve(self.services.clone(), session.to_string(), socket));
        WebSocketStream::from_raw_socket(near, Side::Client, None).await
    }

    /// Amazon's plugin.
    async fn plugin(&self, session: &SessionId, token: &str, client: &str) -> Plugin {
        let mut socket = self.connect(session, None).await;
        let opening =
            json!({"MessageSchemaVersion": "1.0", "RequestId": "r", "TokenValue": token, "ClientId": client, "ClientVersion": "1.2.764.0"});
        socket.send(Message::text(opening.to_string())).await.unwrap();
        Plugin(socket)
    }

    async fn attach(&self, session: &SessionId, greeting: Value) -> Browser {
        let mut socket = self.connect(session, Some(STREAM_PROTOCOL)).await;
        socket.send(Message::text(greeting.to_string())).await.unwrap();
        let first = match soon(socket.next()).await.unwrap().unwrap() {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        };
        Browser {
            socket,
            first,
            text: String::new(),
        }
    }
}

/// Somebody at a terminal.
struct Browser {
    socket: WebSocketStream<DuplexStream>,
    first: Value,
    text: String,
}

/// A plugin whose node says back what it hears.
struct Plugin(WebSocketStream<DuplexStream>);

impl Plugin {
    async fn says(&mut self, bytes: &'static [u8]) {
        self.0.send(Message::Binary(Bytes::from_static(bytes))).await.unwrap();
    }

    async fn hears(&mut self) -> Bytes {
        match soon(self.0.next()).await.unwrap().unwrap() {
            Message::Binary(bytes) => bytes,
            other => panic!("{other:?}"),
        }
    }

    /// The last word, or the code of a close without one.
    async fn end(&mut self) -> Result<String, u16> {
        loop {
            match soon(self.0.next()).await.unwrap().unwrap() {
                Message::Binary(bytes) => {
                    let Ok(message) = channel::Message::decode(bytes) else { continue };
                    assert_eq!(message.kind, channel::Kind::ChannelClosed);
                    let content: Value = serde_json::from_slice(&message.payload).unwrap();
                    return Ok(content["Output"].as_str().unwrap().to_owned());
                }
                Message::Close(frame) => return Err(frame.unwrap().code.into()),
                _ => continue,
            }
        }
    }
}

enum Last {
    Ended(Ended),
    Closed(u16),
}

impl Browser {
    async fn types(&mut self, text: &'static str) {
        let frame = Frame::Input(Bytes::from_static(text.as_bytes())).encode();
        self.socket.send(Message::Binary(frame)).await.unwrap();
    }

    async fn sees(&mut self, text: &str) {
        while !self.text.contains(text) {
            match soon(self.socket.next()).await.unwrap().unwrap() {
                Message::Binary(frame) => match Frame::decode(frame).unwrap() {
                    Frame::Output { bytes, .. } => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?} before {text:?}, after {:?}", self.text),
            }
        }
    }

    async fn last_word(&mut self) -> Last {
        loop {
            match soon(self.socket.next()).await.unwrap().unwrap() {
                Message::Binary(frame) => match Frame::decode(frame).unwrap() {
                    Frame::Ended(ended) => return Last::Ended(ended),
                    _ => continue,
                },
                Message::Close(frame) => return Last::Closed(frame.unwrap().code.into()),
                _ => continue,
            }
        }
    }

    async fn end(&mut self) -> EndReason {
        match self.last_word().await {
            Last::Ended(ended) => ended.reason,
            Last::Closed(code) => panic!("closed with {code}"),
        }
    }
}

fn greeting(token: &str) -> Value {
    json!({"Token": token, "Cols": 80, "Rows": 24, "From": null, "TakeOver": false})
}

fn with(mut greeting: Value, key: &str, value: impl Into<Value>) -> Value {
    greeting[key] = value.into();
    greeting
}

fn ticket(answer: &Value) -> (SessionId, String) {
    let id = answer["SessionId"].as_str().unwrap().parse().unwrap();
    (id, answer["TokenValue"].as_str().unwrap().to_owned())
}

fn services(dir: &tempfile::TempDir, store: &Store, clock: &Clock, hub: &TestHub) -> Arc<Services> {
    let lines = || JoinLines {
        online: String::new(),
        offline: String::new(),
    };
    let vault = Arc::new(Vault::open(dir.path()).unwrap());
    let parts = Parts {
        config: HubConfig {
            data: dir.path().to_owned(),
            listen: Vec::new(),
            account_id: "000000000000".into(),
            region: "local".into(),
            admin: None,
            advertise: Vec::new(),
            keep_alive: None,
        },
        facts: HubFacts {
            started_at: clock.now(),
            addresses: Vec::new(),
            ca_fingerprint: String::new(),
        },
        clock: clock.clone(),
        store: store.clone(),
        blobs: Blobs::new(dir.path()),
        vault: vault.clone(),
        keys: AccessKeys::new(store.clone(), vault),
        audit: Arc::new(Keeper::new(HubKeys::of_seed(&HUB_SEED), dir.path().to_owned())),
        hub_keys: HubKeys::of_seed(&HUB_SEED),
        rights: Arc::default(),
        words: Arc::new(Words::new([])),
        freeze: Arc::default(),
        installer: Installer {
            lines: Box::new(move |_, _| std::future::ready(lines()).boxed()),
            architectures: Box::new(|| std::future::ready(Vec::new()).boxed()),
        },
        shutdown: CancellationToken::new(),
        alive_at: Timestamp::from_millis(0),
    };
    let services = Arc::new(Services::new(parts));
    services.tie_link(hub.link.clone());
    services
}

fn start_agent(dir: &tempfile::TempDir, hub: &TestHub, shells: &Shells) -> TestAgent {
    let shells = shells.clone();
    let shell = Box::new(move |reader, writer| echo(shells.clone(), reader, writer).boxed());
    TestAgent::start_with(dir.path(), Some(hub.token("good")), quick(), Box::new(|_| None), shell)
}

/// A shell that says back what it hears; `exit` ends it with 3.
async fn echo(shells: Shells, mut reader: mpsc::Receiver<Frame>, writer: mpsc::Sender<Frame>) {
    let Some(Frame::Open(order)) = reader.recv().await else { return };
    let open: Open = serde_json::from_str(&order.payload).unwrap();
    let answer = greet(&shells, &open);
    let is_refused = answer.len() == 1 && matches!(answer[0], Frame::Ended(_));
    for frame in answer {
        let _hub_may_be_gone = writer.send(frame).await;
    }
    while !is_refused && let Some(frame) = reader.recv().await {
        let answer = match frame {
            Frame::Input(bytes) if bytes == "exit\n" => ended(EndReason::Exited, Some(3)),
            Frame::Input(bytes) => {
                let mut shells = shells.lock().unwrap();
                let printed = shells.get_mut(&open.session).unwrap();
                let offset = printed.len() as u64;
                printed.extend_from_slice(&bytes);
                Frame::Output { offset, bytes }
            }
            Frame::End => ended(EndReason::Terminated, None),
            Frame::Plugin(bytes) if bytes == "exit" => ended(EndReason::Exited, Some(0)),
            Frame::Plugin(bytes) => Frame::Plugin(bytes),
            _ => continue,
        };
        if matches!(answer, Frame::Ended(_)) {
            shells.lock().unwrap().remove(&open.session);
        }
        let _hub_may_be_gone = writer.send(answer).await;
    }
}

fn greet(shells: &Shells, open: &Open) -> Vec<Frame> {
    assert_ne!(open.size, Size { cols: 0, rows: 0 });
    let mut shells = shells.lock().unwrap();
    let started = !shells.contains_key(&open.session);
    if started && !open.start {
        return vec![ended(EndReason::Unknown, None)];
    }
    let printed = shells.entry(open.session.clone()).or_insert_with(|| b"$ ".to_vec());
    let offset = open.from.unwrap_or(0);
    let replay = Bytes::copy_from_slice(&printed[offset as usize..]);
    let attached = Frame::Attached(Attached { offset, started });
    match open.via_plugin {
        true => vec![attached],
        false => vec![attached, Frame::Output { offset, bytes: replay }],
    }
}

fn ended(reason: EndReason, exit_code: Option<i32>) -> Frame {
    Frame::Ended(Ended {
        reason,
        exit_code,
        message: String::new(),
    })
}

#[tokio::test]
async fn a_shell_is_opened_used_and_exits() {
    let bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    assert_eq!(bed.described("Active", &id).await.unwrap()["Status"], "Connecting");
    assert!(bed.audited("roadstead:OpenShell").await.is_empty());
    let mut browser = bed.attach(&id, greeting(&token)).await;
    assert_eq!(browser.first, json!({"Attached": {"Offset": 0, "Started": true}}));
    let opened = format!("user:ann on node/{}", bed.node);
    assert_eq!(bed.audited("roadstead:OpenShell").await, [opened]);
    browser.types("echo 今日は\n").await;
    browser.sees("今日は").await;
    assert_eq!(bed.described("Active", &id).await.unwrap()["Status"], "Connected");
    browser.types("exit\n").await;
    let Last::Ended(ended) = browser.last_word().await else {
        panic!("the exit code got lost")
    };
    assert_eq!((ended.reason, ended.exit_code), (EndReason::Exited, Some(3)));
    let shown = bed.described("History", &id).await.unwrap();
    assert_eq!(
        (&shown["Status"], &shown["Details"]),
        (&json!("Terminated"), &json!("the shell exited with 3"))
    );
    let closed = format!("node:{} the shell exited with 3", bed.node);
    assert_eq!(bed.audited("roadstead:EndShell").await, [closed]);
    let resumed = bed.call("ResumeSession", json!({"SessionId": id})).await.unwrap();
    assert_eq!((&resumed["TokenValue"], &resumed["StreamUrl"]), (&json!(""), &json!("")));
}

#[tokio::test]
async fn a_token_opens_one_attachment() {
    let bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    let browser = bed.attach(&id, greeting(&token)).await;
    for wrong in [token.as_str(), "guess"] {
        let refused = bed.attach(&id, greeting(wrong)).await;
        assert_eq!(refused.first["Error"]["Code"], "TokenInvalid");
    }
    drop(browser);
    let malformed = bed.attach(&id, json!({"Token": 5})).await;
    assert_eq!(malformed.first["Error"]["Code"], "Malformed");
}

#[tokio::test]
async fn a_browser_that_drops_comes_back_to_the_same_shell_where_it_stopped() {
    let bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    let mut browser = bed.attach(&id, greeting(&token)).await;
    browser.types("mark\n").await;
    browser.sees("mark\n").await;
    drop(browser);
    bed.becomes(&id, "Disconnected").await;
    let token = bed.resume(&id).await;
    let mut browser = bed.attach(&id, with(greeting(&token), "From", 4)).await;
    assert_eq!(browser.first, json!({"Attached": {"Offset": 4, "Started": false}}));
    browser.sees("rk\n").await;
    assert!(!browser.text.contains("mark"), "only what was not read yet is replayed");
    bed.becomes(&id, "Connected").await;
}

#[tokio::test]
async fn a_second_browser_is_refused_or_takes_over_and_a_returning_one_replaces_itself() {
    let bed = Bed::start().await;
    let (id, first_token) = bed.start_session().await;
    let mut first = bed.attach(&id, greeting(&first_token)).await;
    let refused = bed.attach(&id, greeting(&bed.resume(&id).await)).await;
    assert_eq!(refused.first["Error"]["Code"], "InUse");
    first.types("undisturbed\n").await;
    first.sees("undisturbed").await;

    let token = bed.resume(&id).await;
    let mut second = bed.attach(&id, with(greeting(&token), "TakeOver", true)).await;
    assert_eq!(first.end().await, EndReason::TakenOver);
    second.sees("undisturbed").await;
    assert_eq!(bed.described("Active", &id).await.unwrap()["Status"], "Connected");

    let stranger = bed.attach(&id, with(greeting(&bed.resume(&id).await), "Before", first_token)).await;
    assert_eq!(
        stranger.first["Error"]["Code"], "InUse",
        "whoever was taken over does not come back unseen"
    );
    let returned = bed.attach(&id, with(greeting(&bed.resume(&id).await), "Before", token)).await;
    assert_eq!(returned.first["Attached"]["Started"], false);
}

#[tokio::test]
async fn a_lost_line_to_the_node_is_told_and_the_shell_is_found_again() {
    let mut bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    let mut browser = bed.attach(&id, greeting(&token)).await;
    browser.types("before\n").await;
    browser.sees("before\n").await;
    bed.hub.link.disconnect(&bed.node);
    let Last::Closed(code) = browser.last_word().await else {
        panic!("the shell did not end")
    };
    assert_eq!(code, 4001);
    bed.becomes(&id, "Disconnected").await;
    bed.hub.gone().await;
    bed.hub.connected().await;
    let mut browser = bed.attach(&id, greeting(&bed.resume(&id).await)).await;
    assert_eq!(browser.first["Attached"]["Started"], false);
    browser.sees("before\n").await;
}

#[tokio::test]
async fn a_plugin_is_relayed_to_its_node_and_told_the_end() {
    let bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    let mut plugin = bed.plugin(&id, &token, "client").await;
    plugin.says(b"any bytes").await;
    assert_eq!(plugin.hears().await, "any bytes");
    assert_eq!(bed.described("Active", &id).await.unwrap()["Status"], "Connected");
    let refused = bed.attach(&id, greeting(&bed.resume(&id).await)).await;
    assert_eq!(refused.first["Error"]["Code"], "InUse");
    let mut other = bed.plugin(&id, &bed.resume(&id).await, "another client").await;
    assert!(other.end().await.unwrap().contains("`ann` is attached"));
    plugin.says(b"exit").await;
    assert_eq!(plugin.end().await, Ok(String::new()));
    assert_eq!(bed.described("History", &id).await.unwrap()["Details"], "the shell exited with 0");
    for wrong in [token.as_str(), "guess", ""] {
        let mut refused = bed.plugin(&id, wrong, "client").await;
        assert!(refused.end().await.unwrap().contains("token"));
    }
}

#[tokio::test]
async fn a_plugin_that_comes_back_replaces_itself() {
    let bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    let mut first = bed.plugin(&id, &token, "client").await;
    first.says(b"one").await;
    first.hears().await;
    let mut second = bed.plugin(&id, &bed.resume(&id).await, "client").await;
    second.says(b"two").await;
    assert_eq!(second.hears().await, "two");
    assert_eq!(first.end().await, Err(1000));
}

#[tokio::test]
async fn a_plugin_is_held_while_its_node_is_away() {
    let mut bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    let mut plugin = bed.plugin(&id, &token, "client").await;
    plugin.says(b"before").await;
    assert_eq!(plugin.hears().await, "before");
    bed.hub.link.disconnect(&bed.node);
    bed.hub.gone().await;
    bed.becomes(&id, "Disconnected").await;
    bed.hub.connected().await;
    bed.becomes(&id, "Connected").await;
    plugin.says(b"after").await;
    assert_eq!(plugin.hears().await, "after");
    bed.agent.shutdown.cancel();
    bed.hub.gone().await;
    bed.becomes(&id, "Disconnected").await;
    bed.call("TerminateSession", json!({"SessionId": id})).await.unwrap();
    assert!(plugin.end().await.unwrap().contains("ended"));
}

#[tokio::test]
async fn a_document_decides_what_is_opened_and_the_log_says_it() {
    let bed = Bed::start().await;
    let request = json!({
        "Target": bed.node, "DocumentName": "AWS-StartPortForwardingSessionToRemoteHost",
        "Parameters": {"host": ["db.lan"], "portNumber": ["5432"]},
    });
    let (id, token) = ticket(&bed.call("StartSession", request).await.unwrap());
    let shown = bed.described("Active", &id).await.unwrap();
    assert_eq!(shown["DocumentName"], "AWS-StartPortForwardingSessionToRemoteHost");
    let browser = bed.attach(&id, greeting(&token)).await;
    assert_eq!(browser.first["Error"]["Code"], "WrongClient");
    let mut plugin = bed.plugin(&id, &bed.resume(&id).await, "client").await;
    plugin.says(b"x").await;
    plugin.hears().await;
    let opened = bed.audited("roadstead:OpenShell").await;
    let words = "by document/AWS-StartPortForwardingSessionToRemoteHost, to port 5432 of db.lan";
    assert!(opened.len() == 1 && opened[0].ends_with(words), "{opened:?}");
}

#[tokio::test]
async fn a_restart_of_the_hub_keeps_the_shell() {
    let mut bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    let mut browser = bed.attach(&id, greeting(&token)).await;
    browser.types("through it all\n").await;
    browser.sees("through it all\n").await;
    let unused = bed.resume(&id).await;
    bed.restart_hub().await;
    bed.tick().await;
    bed.becomes(&id, "Disconnected").await;
    let forgotten = bed.attach(&id, greeting(&unused)).await;
    assert_eq!(forgotten.first["Error"]["Code"], "TokenInvalid", "tokens live in memory");
    let mut browser = bed.attach(&id, greeting(&bed.resume(&id).await)).await;
    assert_eq!(browser.first["Attached"]["Started"], false);
    browser.sees("through it all\n").await;
}

#[tokio::test]
async fn ending_a_session_reaches_whoever_is_attached_and_the_node() {
    let bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    let mut browser = bed.attach(&id, greeting(&token)).await;
    browser.sees("$").await;
    let answer = bed.call("TerminateSession", json!({"SessionId": id})).await.unwrap();
    assert_eq!(answer["SessionId"], json!(id));
    assert_eq!(bed.described("History", &id).await.unwrap()["Details"], "ended by `ann`");
    assert_eq!(browser.end().await, EndReason::Terminated);
    bed.shell_becomes(&id, "Gone").await;
    assert!(bed.shells.lock().unwrap().is_empty());
    let unknown = bed.call("TerminateSession", json!({"SessionId": "nobody-0123456789abcdef0"})).await;
    assert_eq!(unknown.unwrap()["SessionId"], "nobody-0123456789abcdef0");
}

#[tokio::test]
async fn a_session_ended_while_its_node_is_away_ends_there_when_it_returns() {
    let mut bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    let mut browser = bed.attach(&id, greeting(&token)).await;
    browser.sees("$").await;
    bed.agent.shutdown.cancel();
    bed.hub.gone().await;
    let refused = bed.call("StartSession", json!({"Target": bed.node})).await;
    assert_eq!(refused, Err("TargetNotConnected".into()));
    let unreachable = bed.attach(&id, with(greeting(&bed.resume(&id).await), "TakeOver", true)).await;
    assert_eq!(unreachable.first["Error"]["Code"], "NotConnected");
    bed.call("TerminateSession", json!({"SessionId": id})).await.unwrap();
    bed.becomes(&id, "Terminated").await;
    bed.shell_becomes(&id, "Ending").await;

    bed.agent = start_agent(&bed.dir, &bed.hub, &bed.shells);
    let node = bed.hub.connected().await;
    let mut reports = Reports::default();
    (CAPABILITY.reports)(&mut reports);
    for told in &reports.connected {
        told(bed.services.clone(), node.clone(), Vec::new()).await;
    }
    bed.shell_becomes(&id, "Gone").await;
    assert!(bed.shells.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_session_nobody_comes_back_to_ends_after_the_detach_limit() {
    let bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    let mut browser = bed.attach(&id, greeting(&token)).await;
    browser.sees("$").await;
    bed.clock.advance(DETACH_LIMIT * 3);
    bed.tick().await;
    assert_eq!(
        bed.described("Active", &id).await.unwrap()["Status"],
        "Connected",
        "somebody is there"
    );
    drop(browser);
    bed.becomes(&id, "Disconnected").await;
    bed.tick().await;
    bed.becomes(&id, "Disconnected").await;
    bed.clock.advance(DETACH_LIMIT);
    bed.tick().await;
    assert_eq!(
        bed.becomes(&id, "Terminated").await["Details"],
        "nobody came back within 10 minutes"
    );
    bed.shell_becomes(&id, "Gone").await;
    assert!(bed.shells.lock().unwrap().is_empty());
    assert_eq!(bed.audited("roadstead:EndShell").await, ["hub nobody came back within 10 minutes"]);
}

#[tokio::test]
async fn removing_a_node_ends_its_sessions() {
    let bed = Bed::start().await;
    let (open, _) = bed.start_session().await;
    let (over, token) = bed.start_session().await;
    let mut browser = bed.attach(&over, greeting(&token)).await;
    browser.sees("$").await;
    bed.agent.shutdown.cancel();
    drop(browser);
    bed.becomes(&over, "Disconnected").await;
    bed.call("TerminateSession", json!({"SessionId": over})).await.unwrap();
    let removed = bed.store.write(|tx| tx.execute("UPDATE node SET removed_at = 1", &[]));
    removed.await.map_err(|e: StoreError| e).unwrap();
    bed.tick().await;
    assert_eq!(
        bed.becomes(&open, "Terminated").await["Details"],
        "the node was removed from the hub"
    );
    bed.shell_becomes(&over, "Gone").await;
}

#[tokio::test]
async fn a_shell_is_let_go_of_when_the_login_behind_it_ends_and_waits_for_another() {
    let bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    let mut browser = bed.attach(&id, greeting(&token)).await;
    browser.sees("$").await;
    bed.tick().await;
    let unused = bed.resume(&id).await;
    bed.change("DELETE FROM login_session").await;
    bed.tick().await;
    assert!(matches!(browser.last_word().await, Last::Closed(1012)));
    bed.becomes(&id, "Disconnected").await;
    let refused = bed.attach(&id, greeting(&unused)).await;
    assert_eq!(refused.first["Error"]["Code"], "TokenInvalid", "a token does not outlive its login");
    bed.change(LOGIN).await;
    let again = bed.attach(&id, greeting(&bed.resume(&id).await)).await;
    assert_eq!(again.first["Attached"]["Started"], false, "the same shell");
}

/// A policy that nobody has yet.
const NO_SHELL_DOCUMENT: &str = r#"INSERT INTO policy (name, description, document, created_at, updated_at, updated_by) VALUES ('no', '',
    '{"Statements":[{"Effect":"Deny","Actions":["ssm:StartSession"],"Resources":[{"Kind":"document"}]}]}', 0, 0, '')"#;
const ATTACHED: &str = "INSERT INTO policy_attachment (holder_kind, holder, policy_name) VALUES ('user', 'ann', 'no')";

#[tokio::test]
async fn a_token_does_not_outlive_the_right_behind_it() {
    let bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    bed.change(NO_SHELL_DOCUMENT).await;
    bed.change(ATTACHED).await;
    let refused = bed.attach(&id, greeting(&token)).await;
    assert_eq!(refused.first["Error"]["Code"], "TokenInvalid");
    assert!(bed.shells.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_shell_ends_when_a_role_a_tag_a_document_or_the_user_behind_it_goes() {
    let tagged = "INSERT INTO tag (kind, id, key, value) SELECT 'ManagedInstance', id, 'env', 'dev' FROM node";
    let scoped = r#"UPDATE user SET scope = '{"Tags":[{"Key":"env","Values":["dev"]}]}'"#;
    for (before, after) in [
        (&[][..], "UPDATE user_role SET role_name = 'viewer'"),
        (&[tagged, scoped][..], "UPDATE tag SET value = 'prod'"),
        (&[][..], "UPDATE user SET status = 'Disabled'"),
        (&[NO_SHELL_DOCUMENT][..], ATTACHED),
    ] {
        let bed = Bed::start().await;
        for sql in before {
            bed.change(sql).await;
        }
        let (id, token) = bed.start_session().await;
        let mut browser = bed.attach(&id, greeting(&token)).await;
        browser.sees("$").await;
        bed.tick().await;
        browser.types("still here\n").await;
        browser.sees("still here").await;
        bed.change(after).await;
        bed.tick().await;
        assert_eq!(browser.end().await, EndReason::Terminated, "{after}");
        bed.becomes(&id, "Terminated").await;
    }
}

#[test]
fn whoever_is_attached_is_looked_at_when_rights_tags_or_logins_change() {
    use roadstead::hub::events::Event;
    let wakes = roadstead::hub::capabilities::sessions::watch::job().wakes;
    for event in [
        Event::RightsChanged,
        Event::LabelsChanged,
        Event::LoginsChanged,
        Event::FreezeChanged,
    ] {
        assert!(wakes(&event), "{event:?}");
    }
}

#[tokio::test]
async fn a_shell_that_the_node_has_lost_ends_the_session() {
    let bed = Bed::start().await;
    let (id, token) = bed.start_session().await;
    let mut browser = bed.attach(&id, greeting(&token)).await;
    browser.sees("$").await;
    drop(browser);
    bed.becomes(&id, "Disconnected").await;
    bed.shells.lock().unwrap().clear();
    let back = bed.attach(&id, greeting(&bed.resume(&id).await)).await;
    assert_eq!(back.first["Error"]["Code"], "Ended");
    assert_eq!(bed.described("History", &id).await.unwrap()["Status"], "Terminated");
    assert!(bed.shells.lock().unwrap().is_empty(), "no second shell is started in its place");
}

#[tokio::test]
async fn wrong_requests_get_upstreams_codes() {
    let bed = Bed::start().await;
    for (operation, body, code) in [
        ("StartSession", json!({"Target": "mi-00000000000000000"}), "TargetNotConnected"),
        ("StartSession", json!({"Target": "web-1"}), "TargetNotConnected"),
        (
            "StartSession",
            json!({"Target": bed.node, "DocumentName": "AWS-RunShellScript"}),
            "InvalidDocument",
        ),
        (
            "StartSession",
            json!({"Target": bed.node, "Parameters": {"portNumber": ["80"]}}),
            "InvalidParameters",
        ),
        (
            "StartSession",
            json!({"Target": bed.node, "Reason": "x".repeat(257)}),
            "ValidationException",
        ),
        (
            "ResumeSession",
            json!({"SessionId": "nobody-0123456789abcdef0"}),
            "DoesNotExistException",
        ),
        ("DescribeSessions", json!({}), "ValidationException"),
        ("DescribeSessions", json!({"State": "Both"}), "ValidationException"),
        (
            "DescribeSessions",
            json!({"State": "Active", "MaxResults": 201}),
            "ValidationException",
        ),
        ("DescribeSessions", json!({"State": "Active", "NextToken": "x"}), "InvalidNextToken"),
    ] {
        assert_eq!(bed.call(operation, body.clone()).await, Err(code.into()), "{operation} {body}");
    }
    let status = |target: &str| bed.call("GetConnectionStatus", json!({"Target": target}));
    assert_eq!(status(bed.node.as_str()).await.unwrap()["Status"], "connected");
    assert_eq!(status("mi-00000000000000000").await.unwrap()["Status"], "notconnected");
    assert_eq!(status("web-1").await.unwrap()["Status"], "notconnected");
}

#[tokio::test]
async fn the_list_is_paged_without_gaps_newest_first() {
    let bed = Bed::start().await;
    let mut started = Vec::new();
    for _ in 0..5 {
        started.push(bed.start_session().await.0.to_string());
        bed.clock.advance(std::time::Duration::from_secs(1));
    }
    started.reverse();
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let request = json!({"State": "Active", "MaxResults": 2, "NextToken": token});
        let page = bed.call("DescribeSessions", request).await.unwrap();
        let sessions = page["Sessions"].as_array().unwrap();
        seen.extend(sessions.iter().map(|s| s["SessionId"].as_str().unwrap().to_owned()));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, started);
}
