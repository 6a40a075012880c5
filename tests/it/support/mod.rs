//! A whole hub in this process, and a client that speaks its API as upstream's clients do.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, HeaderValue, SET_COOKIE};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use roadstead::base::{Clock, Secret, Timestamp};
use roadstead::hub::api::Service;
use roadstead::hub::config::{AdminSeed, HubConfig};
use roadstead::hub::{self, Started};
use roadstead::platform::sigv4::{SignParams, SignedParts, sha256_hex, sign};
use roadstead::wire::node::NodeFacts;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::link::support::{TestAgent, soon};

pub const KEY_ID: &str = "AKIAROADSTEADTEST";
pub const SECRET: &str = "a-secret-of-the-test-suite";
pub const PASSWORD: &str = "correct horse battery";

/// A hub on a temporary directory and a port of its own. Its drop fails the test when the hub ended in error.
pub struct TestHub {
    pub data: TempDir,
    pub started: Started,
    pub clock: Clock,
    shutdown: CancellationToken,
    task: Option<JoinHandle<Result<(), hub::HubError>>>,
}

impl TestHub {
    /// A new node of it on a system that says this of itself; it is online.
    pub async fn joined(&self, facts: NodeFacts) -> (TestAgent, TempDir) {
        let before = self.online().await;
        let line = self.call("Roadstead.CreateJoinLine", &json!({"Count": 1})).await.ok();
        let data = tempfile::tempdir().unwrap();
        let token = line["Token"].as_str().unwrap().parse().unwrap();
        let agent = TestAgent::start_as(data.path(), Some(token), facts);
        agent.welcomed(1).await;
        soon(async {
            while self.online().await == before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        (agent, data)
    }

    async fn online(&self) -> i64 {
        self.call("Roadstead.DescribeHub", &json!({})).await.ok()["NodesOnline"]
            .as_i64()
            .unwrap()
    }

    /// With an admin and its key.
    pub async fn start() -> Self {
        Self::start_with(Some(Self::admin()), Clock::system()).await
    }

    /// With an admin, on a clock that stands at the present until the test sets it.
    pub async fn start_by(clock: Clock) -> Self {
        Self::start_with(Some(Self::admin()), clock).await
    }

    /// As it is before set-up.
    pub async fn start_fresh() -> Self {
        Self::start_with(None, Clock::system()).await
    }

    fn admin() -> AdminSeed {
        AdminSeed {
            user_name: "admin".into(),
            password: Some(Secret::new(PASSWORD.into())),
            access_key: Some((KEY_ID.into(), Secret::new(SECRET.into()))),
        }
    }

    async fn start_with(admin: Option<AdminSeed>, clock: Clock) -> Self {
        Self::start_on_by(tempfile::tempdir().unwrap(), admin, clock).await
    }

    /// On data that an earlier hub has left.
    pub async fn start_on(data: tempfile::TempDir, admin: Option<AdminSeed>) -> Self {
        Self::start_on_by(data, admin, Clock::system()).await
    }

    async fn start_on_by(data: tempfile::TempDir, admin: Option<AdminSeed>, clock: Clock) -> Self {
        let config = HubConfig {
            data: data.path().to_owned(),
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            account_id: "000000000000".into(),
            region: "local".into(),
            admin,
            advertise: Vec::new(),
            keep_alive: None,
        };
        let shutdown = CancellationToken::new();
        let (started, ready) = oneshot::channel();
        let task = tokio::spawn(hub::run_by(config, clock.clone(), shutdown.clone(), started));
        let Ok(started) = ready.await else {
            panic!("the hub did not start: {:?}", task.await)
        };
        Self {
            data,
            started,
            clock,
            shutdown,
            task: Some(task),
        }
    }

    pub fn address(&self) -> &str {
        &self.started.addresses[0]
    }

    /// Stops the hub in order; its data stays.
    pub async fn stop_and_keep(mut self) -> tempfile::TempDir {
        let data = std::mem::replace(&mut self.data, tempfile::tempdir().unwrap());
        self.stop().await;
        data
    }

    /// Stops the hub in order and hands over its data.
    pub async fn stop(mut self) -> std::path::PathBuf {
        self.shutdown.cancel();
        let task = self.task.take().unwrap();
        tokio::time::timeout(Duration::from_secs(20), task)
            .await
            .expect("a hub that stops")
            .unwrap()
            .unwrap();
        self.data.path().to_owned()
    }

    /// One signed call; the answer's status, headers and body.
    pub async fn call(&self, target: &str, body: &Value) -> Answer {
        self.call_text(target, &body.to_string()).await
    }

    pub async fn call_text(&self, target: &str, body: &str) -> Answer {
        self.call_as(&Key::of_the_admin(), target, body).await
    }

    /// A user with one role, and a key of theirs.
    pub async fn user(&self, name: &str, role: &str, scope: &Value) -> Key {
        let user = serde_json::json!({"UserName": name, "Roles": [role], "Scope": scope});
        self.call("Roadstead.CreateUser", &user).await.ok();
        self.key_of(name).await
    }

    pub async fn key_of(&self, name: &str) -> Key {
        let wanted = serde_json::json!({ "UserName": name });
        Key::from_answer(&self.call("Roadstead.CreateAccessKey", &wanted).await.ok())
    }

    /// One call signed with this key.
    pub async fn call_as(&self, key: &Key, target: &str, body: &str) -> Answer {
        let mut request = self.request(target, body);
        let parts = SignedParts {
            method: "POST",
            path: "/",
            query: "",
            headers: request.headers(),
            body_sha256: &sha256_hex(body.as_bytes()),
        };
        let secret = Secret::new(key.secret.clone());
        let params = SignParams {
            parts,
            access_key_id: &key.id,
            secret: &secret,
            session_token: key.token.as_deref(),
            region: "eu-test-1",
            service: Service::of_target_prefix(target.split('.').next().unwrap()).map_or("ssm", Service::signing_name),
            now: self.clock.now(),
        };
        let signed = sign(&params).unwrap();
        request.headers_mut().extend(signed);
        self.send(request).await
    }

    /// The same without a signature.
    pub async fn call_unsigned(&self, target: &str, body: &str) -> Answer {
        self.send(self.request(target, body)).await
    }

    /// A browser's call: cookie and token.
    pub async fn call_with(&self, target: &str, body: &Value, cookie: &str, csrf: Option<&str>, origin: Option<&str>) -> Answer {
        let mut request = self.request(target, &body.to_string());
        request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
        if let Some(token) = csrf {
            request.headers_mut().insert("x-roadstead-csrf", token.parse().unwrap());
        }
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        self.send(request).await
    }

    fn request(&self, target: &str, body: &str) -> Request<Full<Bytes>> {
        let mut request = Request::post("/").body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
        let headers = request.headers_mut();
        headers.insert(HOST, self.address().parse().unwrap());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert("x-amz-target", target.parse().unwrap());
        headers.insert("x-roadstead-members", "1".parse().unwrap());
        request
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let stream = TcpStream::connect(self.address()).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(task) = self.task.take()
            && task.is_finished()
            && !std::thread::panicking()
        {
            panic!("the hub ended before the test did");
        }
    }
}

/// A browser: it keeps cookies and the console's token.
pub struct Browser<'h> {
    pub hub: &'h TestHub,
    cookies: std::collections::BTreeMap<String, String>,
    pub csrf: Option<String>,
}

impl<'h> Browser<'h> {
    pub fn new(hub: &'h TestHub) -> Self {
        Self {
            hub,
            cookies: std::collections::BTreeMap::new(),
            csrf: None,
        }
    }

    /// One that has logged in with this password.
    pub async fn logged_in(hub: &'h TestHub, user: &str, password: &str) -> Self {
        let mut browser = Self::new(hub);
        browser.login(user, password).await.ok();
        browser
    }

    pub async fn login(&mut self, user: &str, password: &str) -> Answer {
        self.call("Login", serde_json::json!({"UserName": user, "Password": password}))
            .await
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// `operation` is one of ours, or `Service.Operation`.
    pub async fn call(&mut self, operation: &str, body: Value) -> Answer {
        let target = match operation.contains('.') {
            true => operation.to_owned(),
            false => format!("Roadstead.{operation}"),
        };
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let origin = format!("http://{}", self.hub.address());
        let answer = self
            .hub
            .call_with(&target, &body, &cookies.join("; "), self.csrf.as_deref(), Some(&origin))
            .await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.into(), value.into());
        }
        let login = if answer.body["Login"].is_object() {
            &answer.body["Login"]
        } else {
            &answer.body
        };
        if let Some(token) = login["CsrfToken"].as_str() {
            self.csrf = Some(token.into());
        }
        answer
    }
}

/// What a program signs with.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

impl Key {
    pub fn of_the_admin() -> Self {
        Self {
            id: KEY_ID.into(),
            secret: SECRET.into(),
            token: None,
        }
    }

    /// The hub's own user on this host.
    pub fn local(hub: &TestHub) -> Self {
        let text = std::fs::read_to_string(hub.data.path().join("local.json")).unwrap();
        let local: Value = serde_json::from_str(&text).unwrap();
        let text = |name: &str| local[name].as_str().unwrap().to_owned();
        Self {
            id: text("access_key_id"),
            secret: text("secret_access_key"),
            token: None,
        }
    }

    /// From an answer that holds one.
    pub fn from_answer(answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        Self {
            id: text("AccessKeyId").unwrap(),
            secret: text("SecretAccessKey").unwrap(),
            token: text("SessionToken"),
        }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The error's code, or `ok`.
    pub fn code(&self) -> &str {
        match self.status {
            200 => "ok",
            _ => self.body["__type"].as_str().unwrap_or("?"),
        }
    }

    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// `name=value` of the cookie that was set.
    pub fn cookie(&self) -> String {
        let text = self.headers[SET_COOKIE].to_str().unwrap();
        text.split(';').next().unwrap().to_owned()
    }
}

pub fn now() -> Timestamp {
    roadstead::base::Clock::system().now()
}
