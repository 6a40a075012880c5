//! From a request to the part that answers it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION, UPGRADE};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::body::{Answer, BodyError, collect};
use super::http::{Caller, Entry};
use super::{Front, downloads, headers, origin, websocket};
use crate::hub::api::protocol::is_call;
use crate::hub::api::routes::{Authenticated, Health, LIVE_PROTOCOL, STREAM_PROTOCOL};
use crate::hub::web;

/// The parts of the hub's URL space.
#[derive(Debug, PartialEq, Eq)]
enum Route<'a> {
    Api,
    Socket {
        protocol: &'static str,
        credential: origin::Credential,
    },
    Authority,
    JoinScript,
    Sums,
    Binary(&'a str),
    Attachment,
    Alive,
    Ready,
    Metrics,
    Console(&'a str),
    Missing,
    OtherMethod(&'static str),
}

fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    let reads = method == Method::GET || method == Method::HEAD;
    match path {
        "/" | "/api" if method == Method::POST => return Route::Api,
        "/api" => return Route::OtherMethod("POST"),
        "/" if !reads => return Route::OtherMethod("GET, HEAD, POST"),
        _ if !reads => return Route::OtherMethod("GET, HEAD"),
        _ => {}
    }
    match path {
        "/live" => Route::Socket {
            protocol: LIVE_PROTOCOL,
            credential: origin::Credential::Header,
        },
        "/ca.pem" => Route::Authority,
        "/join.sh" => Route::JoinScript,
        "/binaries/SHA256SUMS" => Route::Sums,
        "/healthz" => Route::Alive,
        "/readyz" => Route::Ready,
        "/metrics" => Route::Metrics,
        _ if path.starts_with("/attachments/") => Route::Attachment,
        _ if path.starts_with("/stream/") => Route::Socket {
            protocol: STREAM_PROTOCOL,
            credential: origin::Credential::FirstMessage,
        },
        _ => match path.strip_prefix("/binaries/") {
            Some(rest) => rest.strip_suffix("/roadstead").map_or(Route::Missing, Route::Binary),
            None => Route::Console(path),
        },
    }
}

/// Answers one request. A panic behind it becomes a 500 of this request alone.
pub(super) async fn answer(front: Arc<Front>, caller: Caller, mut request: Request<Incoming>) -> Response<Answer> {
    name_host(&mut request);
    let pin_tls = headers::may_pin_tls(request.headers(), request.uri(), caller.peer);
    let is_head = request.method() == Method::HEAD;
    let mut response = match caller.entry {
        Entry::SentToTls => to_tls(&request),
        Entry::Served => {
            let served = AssertUnwindSafe(serve(&front, &caller, request)).catch_unwind().await;
            served.unwrap_or_else(|_| crashed())
        }
    };
    headers::complete(response.headers_mut(), pin_tls);
    if is_head {
        let length = response.body().length();
        response.headers_mut().entry(CONTENT_LENGTH).or_insert(length.into());
        return response.map(|_| Bytes::new().into());
    }
    response
}

async fn serve(front: &Arc<Front>, caller: &Caller, request: Request<Incoming>) -> Response<Answer> {
    if front.closing.is_cancelled() && !is_of_health(&request) {
        return stopping();
    }
    // Some of the API's protocols have their own addresses. What tells them apart from pages is a header that no link sets.
    if is_call(request.headers()) && !request.headers().contains_key(UPGRADE) {
        return call(front, caller, request).await;
    }
    let path = request.uri().path().to_owned();
    match route(request.method(), &path) {
        Route::Api => call(front, caller, request).await,
        Route::Socket { protocol, credential } => websocket::open(front, caller, request, protocol, credential).await,
        Route::Authority => authority(front),
        Route::JoinScript => typed(front.script.clone(), "text/x-shellscript; charset=utf-8"),
        Route::Sums => downloads::sums(front).await,
        Route::Binary(architecture) => downloads::binary(front, architecture).await,
        Route::Attachment => downloads::attachment(front, caller, request.map(drop)).await,
        Route::Alive => text(StatusCode::OK, "ok\n"),
        Route::Ready => ready(front),
        Route::Metrics => metrics(front, caller),
        Route::Console(path) => web::answer(path, request.headers()).map(Answer::from),
        Route::Missing => text(StatusCode::NOT_FOUND, "there is nothing at this address\n"),
        Route::OtherMethod(allowed) => {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("this address takes {allowed}\n"));
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
            response
        }
    }
}

fn is_of_health(request: &Request<Incoming>) -> bool {
    matches!(route(request.method(), request.uri().path()), Route::Alive | Route::Ready)
}

/// HTTP/2 names the host in the request line; the API reads (and its signatures cover) the header.
fn name_host(request: &mut Request<Incoming>) {
    if request.headers().contains_key(HOST) {
        return;
    }
    let authority = request.uri().authority().map(|a| HeaderValue::from_str(a.as_str()));
    if let Some(Ok(host)) = authority {
        request.headers_mut().insert(HOST, host);
    }
}

async fn call(front: &Front, caller: &Caller, request: Request<Incoming>) -> Response<Answer> {
    let (head, body) = request.into_parts();
    let collected = match collect(body, &front.limits, &front.budget).await {
        Ok(collected) => collected,
        Err(refused) => return refuse(&refused),
    };
    let response = front.routes.call(Request::from_parts(head, collected.bytes), caller.peer).await;
    drop(collected.share);
    if response.extensions().get::<Authenticated>().is_some() {
        caller.permit.admitted();
    }
    response.map(Answer::from)
}

fn refuse(error: &BodyError) -> Response<Answer> {
    let (status, code) = match error {
        BodyError::TooLong(_) => (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException"),
        BodyError::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException"),
        BodyError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableException"),
        BodyError::Broken(_) => (StatusCode::BAD_REQUEST, "ValidationException"),
    };
    let mut response = api_error(status, code, &error.to_string());
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn stopping() -> Response<Answer> {
    let (code, message) = ("ServiceUnavailableException", "the hub is stopping: ask again in a moment");
    let mut response = api_error(StatusCode::SERVICE_UNAVAILABLE, code, message);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn crashed() -> Response<Answer> {
    tracing::error!("a request panicked; its caller was answered 500");
    let message = "the hub could not complete the request; its log has the cause";
    api_error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", message)
}

/// An error in the API's own form, for callers that never reached the API.
fn api_error(status: StatusCode, code: &str, message: &str) -> Response<Answer> {
    let body = serde_json::json!({ "__type": code, "message": message, "Message": message });
    let mut response = typed(body.to_string(), "application/x-amz-json-1.1");
    *response.status_mut() = status;
    let id = uuid::Uuid::new_v4().to_string();
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

fn authority(front: &Front) -> Response<Answer> {
    let mut response = typed(front.authority.pem.clone(), "application/x-pem-file");
    if let Ok(fingerprint) = HeaderValue::from_str(&front.authority.fingerprint) {
        response.headers_mut().insert("x-fingerprint-sha256", fingerprint);
    }
    response
}

fn ready(front: &Front) -> Response<Answer> {
    if front.closing.is_cancelled() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "the hub is stopping\n");
    }
    match front.routes.health() {
        Health::Ready => text(StatusCode::OK, "ready\n"),
        Health::NotReady(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// What a hub does is nobody's business but its host's: a scraper elsewhere comes through a proxy or tunnel of the operator's.
fn metrics(front: &Front, caller: &Caller) -> Response<Answer> {
    if !caller.peer.loopback {
        return text(StatusCode::FORBIDDEN, "metrics are served to the hub's own host only\n");
    }
    typed(front.routes.metrics(), "text/plain; version=0.0.4; charset=utf-8")
}

/// The same address over TLS. The host is the one the client used, when that is a host at all.
fn to_tls(request: &Request<Incoming>) -> Response<Answer> {
    let host = request.headers().get(HOST).and_then(|h| h.to_str().ok());
    let Some(host) = host.and_then(|h| h.parse::<Authority>().ok()) else {
        return text(StatusCode::BAD_REQUEST, "this request names no host; the hub speaks TLS here\n");
    };
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let mut response = text(StatusCode::PERMANENT_REDIRECT, "the hub speaks TLS here\n");
    if let Ok(location) = HeaderValue::from_str(&format!("https://{host}{path}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

pub(super) fn text(status: StatusCode, words: impl Into<Bytes>) -> Response<Answer> {
    let mut response = typed(words, "text/plain; charset=utf-8");
    *response.status_mut() = status;
    response
}

pub(super) fn typed(body: impl Into<Bytes>, content_type: &'static str) -> Response<Answer> {
    let mut response = Response::new(Answer::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_one_owner() {
        let get = |path| route(&Method::GET, path);
        assert_eq!(route(&Method::POST, "/"), Route::Api);
        assert_eq!(route(&Method::POST, "/api"), Route::Api);
        assert_eq!(get("/"), Route::Console("/"));
        assert_eq!(get("/api"), Route::OtherMethod("POST"));
        assert_eq!(get("/nodes/mi-1"), Route::Console("/nodes/mi-1"));
        assert_eq!(get("/binaries/x86_64/roadstead"), Route::Binary("x86_64"));
        assert_eq!(get("/binaries/x86_64/other"), Route::Missing);
        assert_eq!(get("/binaries/SHA256SUMS"), Route::Sums);
        assert_eq!(get("/attachments/Tools/1/tool.sh"), Route::Attachment);
        assert!(matches!(
            get("/stream/abc"),
            Route::Socket {
                protocol: STREAM_PROTOCOL,
                ..
            }
        ));
        assert_eq!(route(&Method::POST, "/live"), Route::OtherMethod("GET, HEAD"));
        assert_eq!(route(&Method::DELETE, "/"), Route::OtherMethod("GET, HEAD, POST"));
    }
}
