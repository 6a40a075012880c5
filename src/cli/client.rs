//! The hub's API as the CLI calls it: sign, send, and turn an error answer into words and an exit code.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::Full;
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::base::{Clock, Secret};
use crate::cli::connection::{Connection, ConnectionError, WebSocket};
use crate::cli::data::LocalHub;
use crate::cli::failure::{Exit, Failure};
use crate::cli::prompt;
use crate::cli::trust::{self, Trust};
use crate::cli::url::HubUrl;
use crate::hub::api::Service;
use crate::platform::sigv4::{self, SignParams, SignedParts};

/// How a request proves who sends it.
pub enum Proof {
    Nobody,
    Key {
        access_key_id: String,
        secret: Secret<String>,
    },
    /// The hub's own user on its own host: the key in this data folder, read anew for each call because each start of
    /// the hub makes another.
    Local(PathBuf),
    /// A console session, for the few calls of a login.
    Session {
        cookie: String,
        csrf: String,
    },
}

impl Proof {
    /// The key to sign with, where there is one.
    pub fn key(&self) -> Option<(String, Secret<String>)> {
        match self {
            Self::Key { access_key_id, secret } => Some((access_key_id.clone(), secret.clone())),
            Self::Local(folder) => LocalHub::read(folder).map(|local| (local.access_key_id, Secret::new(local.secret_access_key))),
            Self::Nobody | Self::Session { .. } => None,
        }
    }
}

/// Why a call brought no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the hub at {url} cannot be reached: {source}")]
    Unreachable { url: String, source: Box<ConnectionError> },
    #[error("{message}")]
    Refused { code: String, message: String },
    #[error("the hub at {url} answered something else than its API: {why}")]
    NotAnApi { url: String, why: String },
}

impl CallError {
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether the same call may succeed a little later: the hub is restarting, or the line was cut.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => !matches!(**source, ConnectionError::Identity(_) | ConnectionError::Resolve(_)),
            Self::Refused { code, .. } => code == "ServiceUnavailableException",
            Self::NotAnApi { .. } => false,
        }
    }

    pub fn to_failure(&self) -> Failure {
        match self {
            Self::Refused { code, message } => refused(code, message),
            Self::NotAnApi { url, .. } => {
                let failure = Failure::new(Exit::Failed, self.to_string());
                // A hub speaks TLS to every host but its own.
                let failure = match url.strip_prefix("http://") {
                    Some(rest) => failure.hint(format!(
                        "from another host than the hub's the address begins with https: https://{rest}"
                    )),
                    None => failure,
                };
                failure.hint("check that the address is a Roadstead hub's")
            }
            Self::Unreachable { url, source } => {
                let failure = Failure::new(Exit::Unreachable, self.to_string());
                match **source {
                    ConnectionError::Identity(_) => Failure::new(Exit::Denied, self.to_string())
                        .hint("if the hub was set up anew, compare its fingerprint and pin it again:")
                        .hint(format!("roadstead login {url}")),
                    ConnectionError::Resolve(_) => failure.hint("check the name, or give the hub's IP address"),
                    _ => failure.hint("is the hub running? On its host: `roadstead up`, or `systemctl status roadstead`"),
                }
            }
        }
    }
}

fn refused(code: &str, message: &str) -> Failure {
    let exit = Exit::of_api_code(code);
    let failure = Failure::new(exit, format!("{message} ({code})"));
    match code {
        "UnrecognizedClientException" | "ExpiredTokenException" => {
            failure.hint("the access key is gone; log in again: roadstead login URL")
        }
        "InvalidSignatureException" => failure.hint("check the secret access key and this machine's clock (`date -u`)"),
        "StepUpRequiredException" => failure.hint("repeat it on a terminal, where you can be asked"),
        "LoginIncompleteException" => failure.hint("finish the login in the console, or: roadstead login URL"),
        "TargetNotConnected" => failure.hint("why it is offline: roadstead node show NODE"),
        "InvalidInstanceId" => failure.hint("known nodes: roadstead node list"),
        "InvalidCommandId" => failure.hint("known commands: roadstead command list"),
        _ => failure,
    }
}

/// A hub, and who we are to it. Connections are kept open between calls; calls may run side by side.
pub struct Client {
    url: HubUrl,
    trust: Trust,
    tls: Option<Arc<ClientConfig>>,
    proof: Proof,
    idle: Mutex<Vec<Connection>>,
}

impl Client {
    pub fn new(url: HubUrl, trust: Trust, proof: Proof) -> Result<Self> {
        let tls = match url.https {
            true => Some(trust::client_config(&trust)?),
            false => None,
        };
        Ok(Self {
            url,
            trust,
            tls,
            proof,
            idle: Mutex::new(Vec::new()),
        })
    }

    pub fn url(&self) -> &HubUrl {
        &self.url
    }

    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// An operation that upstream knows too.
    pub async fn ssm<T: DeserializeOwned>(&self, operation: &str, request: Value) -> Result<T, CallError> {
        self.call(&format!("AmazonSSM.{operation}"), request).await
    }

    /// An operation of ours.
    pub async fn hub<T: DeserializeOwned>(&self, operation: &str, request: Value) -> Result<T, CallError> {
        self.call(&format!("Roadstead.{operation}"), request).await
    }

    /// `target` is service and operation: `AmazonSSM.SendCommand`.
    pub async fn call<T: DeserializeOwned>(&self, target: &str, request: Value) -> Result<T, CallError> {
        let (_, bytes) = self.call_raw(target, Bytes::from(request.to_string())).await?;
        serde_json::from_slice(&bytes).map_err(|e| self.not_an_api(format!("{target}: {e}")))
    }

    /// The bytes of a 200 answer, and its headers.
    pub async fn call_raw(&self, target: &str, body: Bytes) -> Result<(HeaderMap, Bytes), CallError> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
        let target = HeaderValue::from_str(target).map_err(|_| self.not_an_api("an operation's name is plain text".into()))?;
        headers.insert("x-amz-target", target);
        headers.insert("x-roadstead-members", HeaderValue::from_static("1"));
        match self.exchange(headers.clone(), body.clone()).await {
            Err(error) if error.code() == Some("StepUpRequiredException") && self.may_step_up() => {
                self.step_up(&error).await?;
                self.exchange(headers, body).await
            }
            other => other,
        }
    }

    async fn exchange(&self, headers: HeaderMap, body: Bytes) -> Result<(HeaderMap, Bytes), CallError> {
        let response = self.send(Method::POST, "/", headers, body).await?;
        let (head, body) = response.into_parts();
        if head.status.is_success() {
            return Ok((head.headers, body));
        }
        Err(self.error_answer(head.status, &body))
    }

    fn may_step_up(&self) -> bool {
        matches!(self.proof, Proof::Key { .. }) && prompt::is_possible()
    }

    /// Asks the person at the terminal for the fresh proof that the hub wants of this key's user.
    async fn step_up(&self, refused: &CallError) -> Result<(), CallError> {
        let unasked = |_| CallError::Refused {
            code: "StepUpRequiredException".into(),
            message: refused.to_string(),
        };
        let typed = prompt::ask_hidden("The hub asks who is there. Code of your generator, or password: ").map_err(unasked)?;
        let is_code = typed.expose().len() == 6 && typed.expose().bytes().all(|b| b.is_ascii_digit());
        let member = if is_code { "Code" } else { "Password" };
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert("x-amz-target", HeaderValue::from_static("Roadstead.StepUp"));
        let request = json!({ member: typed.expose() }).to_string();
        self.exchange(headers, request.into()).await.map(|_| ())
    }

    /// Everything a paged list holds, up to `limit` items of `member`.
    pub async fn pages<T: DeserializeOwned>(
        &self,
        target: &str,
        mut request: Value,
        member: &str,
        limit: usize,
    ) -> Result<Vec<T>, CallError> {
        let mut items = Vec::new();
        loop {
            let mut page: Value = self.call(target, request.clone()).await?;
            if let Value::Array(rows) = page[member].take() {
                for row in rows {
                    items.push(serde_json::from_value(row).map_err(|e| self.not_an_api(format!("{target}: {e}")))?);
                }
            }
            match page["NextToken"].take() {
                Value::String(token) if !token.is_empty() && items.len() < limit => request["NextToken"] = json!(token),
                _ => break,
            }
        }
        items.truncate(limit);
        Ok(items)
    }

    /// A plain GET without credentials, such as `/ca.pem`.
    pub async fn get(&self, path: &str) -> Result<Response<Bytes>, CallError> {
        self.send(Method::GET, path, HeaderMap::new(), Bytes::new()).await
    }

    /// A WebSocket under `path`, over a connection that was open already when there is one.
    pub async fn websocket(&self, path: &str, protocol: &'static str) -> Result<WebSocket, CallError> {
        let request = self.request(Method::GET, path, HeaderMap::new(), Bytes::new())?;
        let connection = match self.take_idle() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.upgrade(request, protocol).await.map_err(|error| match error {
            ConnectionError::NotUpgraded { status, body } => self.error_answer(status, &body),
            error => self.unreachable(error),
        })
    }

    async fn send(&self, method: Method, path: &str, headers: HeaderMap, body: Bytes) -> Result<Response<Bytes>, CallError> {
        let request = self.request(method, path, headers, body)?;
        if let Some(mut connection) = self.take_idle() {
            match connection.send(request.clone()).await {
                Ok(response) => return Ok(self.keep(connection, response)),
                // The hub may close an idle connection just as we write; whether it read the request is then unknown, so
                // only what changes nothing is sent again.
                Err(ConnectionError::Broken(_)) if is_repeatable(&request) => {}
                Err(error) => return Err(self.unreachable(error)),
            }
        }
        let mut connection = self.connect().await?;
        let response = connection.send(request).await.map_err(|e| self.unreachable(e))?;
        Ok(self.keep(connection, response))
    }

    async fn connect(&self) -> Result<Connection, CallError> {
        Connection::open(&self.url, self.tls.as_ref())
            .await
            .map_err(|e| self.unreachable(e))
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(Connection::is_usable);
        idle.pop()
    }

    fn keep(&self, connection: Connection, response: Response<Bytes>) -> Response<Bytes> {
        if connection.is_usable() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        response
    }

    fn request(&self, method: Method, path: &str, headers: HeaderMap, body: Bytes) -> Result<Request<Full<Bytes>>, CallError> {
        let built = Request::builder().method(method.clone()).uri(path).body(Full::new(body.clone()));
        let mut request = built.map_err(|e| self.not_an_api(e.to_string()))?;
        *request.headers_mut() = headers;
        let value = |text: &str| HeaderValue::from_str(text).map_err(|e| self.not_an_api(e.to_string()));
        let authority = value(&self.url.authority())?;
        request.headers_mut().insert("host", authority);
        match &self.proof {
            Proof::Nobody => {}
            Proof::Session { cookie, csrf } => {
                let headers = request.headers_mut();
                headers.insert("cookie", value(cookie)?);
                headers.insert("x-roadstead-csrf", value(csrf)?);
                headers.insert("origin", value(&self.url.to_string())?);
            }
            Proof::Key { .. } | Proof::Local(_) => {
                let key = self
                    .proof
                    .key()
                    .ok_or_else(|| self.not_an_api("its data folder has no local.json any more".into()))?;
                let signed = self.signed_headers(&request, &body, &key.0, &key.1)?;
                request.headers_mut().extend(signed);
            }
        }
        Ok(request)
    }

    fn signed_headers(
        &self,
        request: &Request<Full<Bytes>>,
        body: &Bytes,
        access_key_id: &str,
        secret: &Secret<String>,
    ) -> Result<HeaderMap, CallError> {
        let params = SignParams {
            parts: SignedParts {
                method: request.method().as_str(),
                path: request.uri().path(),
                query: request.uri().query().unwrap_or_default(),
                headers: request.headers(),
                body_sha256: &sigv4::sha256_hex(body),
            },
            access_key_id,
            secret,
            session_token: None,
            region: "local",
            service: service_of(request).signing_name(),
            now: Clock::system().now(),
        };
        sigv4::sign(&params).map_err(|e| self.not_an_api(e.to_string()))
    }

    fn error_answer(&self, status: http::StatusCode, body: &[u8]) -> CallError {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = answer["__type"].as_str().and_then(|t| t.rsplit('#').next()).unwrap_or_default();
        let message = answer["message"].as_str().or(answer["Message"].as_str()).unwrap_or_default();
        match (code, status.as_u16()) {
            ("", 503) => CallError::Refused {
                code: "ServiceUnavailableException".into(),
                message: "the hub is starting or stopping".into(),
            },
            ("", _) => self.not_an_api(format!("HTTP {status}")),
            (code, _) => CallError::Refused {
                code: code.to_owned(),
                message: message.to_owned(),
            },
        }
    }

    fn unreachable(&self, source: ConnectionError) -> CallError {
        CallError::Unreachable {
            url: self.url.to_string(),
            source: Box::new(source),
        }
    }

    fn not_an_api(&self, why: String) -> CallError {
        CallError::NotAnApi {
            url: self.url.to_string(),
            why,
        }
    }
}

/// Whose operation it asks for; the hub's own live line belongs to none.
fn service_of(request: &Request<Full<Bytes>>) -> Service {
    let target = request.headers().get("x-amz-target").and_then(|t| t.to_str().ok());
    let prefix = target.and_then(|t| t.split_once('.')).map(|(prefix, _)| prefix);
    prefix.and_then(Service::of_target_prefix).unwrap_or(Service::Roadstead)
}

/// Whether sending it twice is the same as once: reads are, by the verb of their operation.
fn is_repeatable(request: &Request<Full<Bytes>>) -> bool {
    const READS: [&str; 8] = ["Get", "Describe", "List", "Search", "Resolve", "Suggest", "Group", "Preview"];
    let target = request.headers().get("x-amz-target").and_then(|t| t.to_str().ok());
    let operation = target.and_then(|t| t.split_once('.')).map(|(_, operation)| operation);
    operation.is_none_or(|operation| READS.iter().any(|verb| operation.starts_with(verb)))
}

#[cfg(test)]
mod tests;
