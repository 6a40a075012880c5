//! HTTP in, HTTP out: finds the operation, learns who is calling, writes answers and errors in upstream's form.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::context::RequestFacts;
use crate::hub::api::protocol::Protocol;
use crate::hub::api::registry::{Access, Operation, Service};
use crate::hub::api::routes::{Authenticated, File, Health, LiveHandler, Peer, Routes};
use crate::hub::api::{Cx, Registry, Services, Streams, dispatch, live, metrics};
use crate::hub::audit::{self, Outcome};
use crate::hub::auth::{Caller, Proof, unauthenticated};
use crate::platform::addresses::local_addresses;
use crate::platform::sigv4::Authorization;

/// The API as the port sees it.
pub struct Edge {
    pub services: Arc<Services>,
    pub registry: Arc<Registry>,
    pub streams: Arc<Streams>,
}

impl Routes for Edge {
    fn call(&self, request: Request<Bytes>, peer: Peer) -> BoxFuture<'_, Response<Bytes>> {
        async move {
            let (id, protocol) = (audit::request_id(self.services.now()), Protocol::of(&request));
            match self.answer(protocol, &request, peer, &id).await {
                Ok((operation, answer)) => answer.dress(protocol.answer(operation, answer.body.clone(), &id)),
                Err(error) => refuse(protocol, &error, &id),
            }
        }
        .boxed()
    }

    fn live(&self, request: Request<()>, peer: Peer) -> BoxFuture<'_, Result<LiveHandler, Response<Bytes>>> {
        async move {
            let id = audit::request_id(self.services.now());
            let opened = self.open_socket(request, peer, &id).await;
            opened.map_err(|error| refuse(Protocol::Json, &error, &id))
        }
        .boxed()
    }

    fn file(&self, request: Request<()>, peer: Peer) -> BoxFuture<'_, Result<File, Response<Bytes>>> {
        async move {
            let serve = self
                .streams
                .file
                .ok_or_else(|| no_file(&ApiError::validation("this hub has no files")))?;
            let served = serve(self.services.clone(), request.uri().clone(), address_of(peer)).await;
            served.map_err(|error| no_file(&error))
        }
        .boxed()
    }

    fn health(&self) -> Health {
        if self.services.shutdown.is_cancelled() {
            return Health::NotReady("draining: the hub is stopping".into());
        }
        match self.services.store.trouble() {
            Some(words) => Health::NotReady(words),
            None => Health::Ready,
        }
    }

    fn metrics(&self) -> String {
        metrics::render(&self.services)
    }
}

/// An answer's body and the cookies it may set.
struct Answer {
    body: Bytes,
    cookies: Vec<String>,
    is_authenticated: bool,
}

impl Answer {
    /// The response with what goes into its head.
    fn dress(&self, mut response: Response<Bytes>) -> Response<Bytes> {
        if self.is_authenticated {
            response.extensions_mut().insert(Authenticated);
        }
        for cookie in self.cookies.iter().filter_map(|c| HeaderValue::from_str(c).ok()) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

impl Edge {
    async fn answer(&self, protocol: Protocol, request: &Request<Bytes>, peer: Peer, id: &str) -> ApiResult<(&Operation, Answer)> {
        let (operation, body) = protocol.read(&self.registry, request)?;
        let answer = self.perform(operation, request, &body, peer, id).await;
        let code = answer.as_ref().map_or_else(|error| error.code, |_| "ok");
        self.services.state::<metrics::Calls>().count(operation.name, code);
        Ok((operation, answer?))
    }

    /// `body` is the operation's request as JSON.
    async fn perform(&self, operation: &Operation, request: &Request<Bytes>, body: &[u8], peer: Peer, id: &str) -> ApiResult<Answer> {
        let action = operation.action();
        let (caller, region) = match self.authenticate(request, operation.service, peer).await {
            Err(_) if operation.access == Access::Open => (Caller::anonymous(), None),
            Err(error) => return Err(self.note_refusal(request.headers(), peer, id, action, error).await?),
            Ok(known) => known,
        };
        let cx = self.context(request.headers(), peer, id, action, caller, region);
        let body = dispatch::run(operation, cx.clone(), body).await?;
        if operation.access == Access::Write {
            // The audit log has it; a line for each would cost a busy hub more than checking the request's signature.
            tracing::debug!(request_id = id, operation = operation.name, caller = %cx.caller(), "operation done");
        }
        let cookies = std::mem::take(&mut *cx.request().cookies.lock().expect("no code panics while it holds the cookies"));
        let is_authenticated = !cx.caller().is_anonymous() || !cookies.is_empty();
        Ok(Answer {
            body,
            cookies,
            is_authenticated,
        })
    }

    /// Who is calling, with the rights they have now.
    async fn authenticate(&self, request: &Request<Bytes>, service: Service, peer: Peer) -> ApiResult<(Caller, Option<String>)> {
        let (caller, region) = self.identify(request, service, peer).await?;
        Ok((self.services.rights.equip(&self.services.store, caller).await?, region))
    }

    /// A signed request by its key, a browser by its cookie.
    async fn identify(&self, request: &Request<Bytes>, service: Service, peer: Peer) -> ApiResult<(Caller, Option<String>)> {
        let now = self.services.now();
        if request.headers().contains_key(AUTHORIZATION) {
            let (keys, from) = (&self.services.keys, address_of(peer));
            let signed = keys.authenticate(request, service.signing_name(), &from, now).await?;
            if signed.caller.proof == Proof::Local && !is_this_machine(peer) {
                return Err(unauthenticated());
            }
            return Ok((signed.caller, Some(signed.region)));
        }
        if !request.headers().contains_key(COOKIE) {
            return Err(unauthenticated());
        }
        check_same_origin(request.headers(), peer)?;
        let session = self
            .services
            .console
            .find(request.headers(), now)
            .await?
            .ok_or_else(unauthenticated)?;
        let is_upgrade = request.headers().contains_key(http::header::UPGRADE);
        // The console's first call after a reload learns the token; it changes nothing.
        let asks_for_token = request.headers().get("x-amz-target").is_some_and(|t| t == "Roadstead.GetCaller");
        if !is_upgrade && !asks_for_token {
            session.check_csrf(request.headers())?;
        }
        Ok((session.caller(), None))
    }

    /// Credentials that were shown and are worth nothing leave a trace; a request without any is no attempt.
    async fn note_refusal(&self, headers: &HeaderMap, peer: Peer, id: &str, action: String, error: ApiError) -> ApiResult<ApiError> {
        if error.source.is_some() || error.code == unauthenticated().code {
            return Ok(error);
        }
        let header = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
        let shown = header.and_then(|header| Authorization::parse(header).ok());
        let detail = match shown {
            Some(authorization) => format!("{}, access key {}", error.code, authorization.access_key_id),
            None => error.code.to_owned(),
        };
        let cx = self.context(headers, peer, id, action, Caller::anonymous(), None);
        cx.audit(Outcome::Denied, detail).await?;
        Ok(error)
    }

    fn context(&self, headers: &HeaderMap, peer: Peer, id: &str, action: String, caller: Caller, region: Option<String>) -> Cx {
        let request = RequestFacts {
            id: id.to_owned(),
            action,
            caller,
            address: address_of(peer),
            region: region.unwrap_or_else(|| self.services.config.region.clone()),
            origin: origin_of(headers, peer),
            headers: headers.clone(),
            now: self.services.now(),
            target: OnceLock::new(),
            denial: OnceLock::new(),
            is_audited: AtomicBool::new(false),
            cookies: Mutex::default(),
        };
        Cx::new(self.services.clone(), request)
    }

    async fn open_socket(&self, request: Request<()>, peer: Peer, id: &str) -> ApiResult<LiveHandler> {
        let request = request.map(|()| Bytes::new());
        if let Some(stream) = request.uri().path().strip_prefix("/stream/") {
            let run = self.streams.socket.ok_or_else(|| ApiError::validation("this hub has no streams"))?;
            let (services, stream) = (self.services.clone(), stream.to_owned());
            return Ok(Box::new(move |socket| run(services, stream, socket)));
        }
        let action = "roadstead:Subscribe".to_owned();
        let (caller, region) = match self.authenticate(&request, Service::Roadstead, peer).await {
            Ok(known) => known,
            Err(error) => return Err(self.note_refusal(request.headers(), peer, id, action, error).await?),
        };
        let cx = self.context(request.headers(), peer, id, action, caller, region);
        let streams = self.streams.clone();
        Ok(Box::new(move |socket| live::serve(cx, streams, socket).boxed()))
    }
}

fn address_of(peer: Peer) -> String {
    peer.address.ip().to_canonical().to_string()
}

/// The local key is worth nothing on another machine, should it get there.
fn is_this_machine(peer: Peer) -> bool {
    peer.loopback || local_addresses().contains(&peer.address.ip().to_canonical())
}

/// A cookie counts only in requests of the console's own pages.
fn check_same_origin(headers: &HeaderMap, peer: Peer) -> ApiResult<()> {
    let foreign = || ApiError::new("AccessDeniedException", "the request comes from another site than the console");
    if let Some(origin) = headers.get(ORIGIN)
        && origin.to_str().ok() != Some(origin_of(headers, peer).as_str())
    {
        return Err(foreign());
    }
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(foreign()),
    }
}

fn origin_of(headers: &HeaderMap, peer: Peer) -> String {
    let host = headers.get(HOST).and_then(|v| v.to_str().ok()).unwrap_or("");
    let scheme = if peer.tls { "https" } else { "http" };
    format!("{scheme}://{host}")
}

fn refuse(protocol: Protocol, error: &ApiError, request_id: &str) -> Response<Bytes> {
    if let Some(source) = &error.source {
        tracing::error!(request_id, code = error.code, cause = %chain(source.as_ref()), "operation failed");
    }
    protocol.refusal(error, request_id)
}

/// In words for a person: who fetches a file speaks none of the API's protocols.
fn no_file(error: &ApiError) -> Response<Bytes> {
    if let Some(source) = &error.source {
        tracing::error!(code = error.code, cause = %chain(source.as_ref()), "a file could not be served");
    }
    let mut response = Response::new(Bytes::from(format!("{}\n", error.message)));
    *response.status_mut() = match error.code {
        "AccessDeniedException" => StatusCode::FORBIDDEN,
        _ if error.source.is_some() => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::NOT_FOUND,
    };
    response
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
