//! The forms in which requests travel: which operation is meant, its members as JSON, and the answer in the same form.
//!
//! | protocol | which operation | members | who speaks it |
//! |---|---|---|---|
//! | [`Protocol::Json`] | `X-Amz-Target` | the body | Systems Manager, ours, the older tagging clients |
//! | [`Protocol::Cbor`] | `/service/NAME/operation/OPERATION` | the body | the newer tagging clients |
//! | [`Protocol::Rest`] | method and path | path, query and body | resource groups |
//! | [`Protocol::Query`] | the form's `Action` | the form | the security token service |
//!
//! An operation never sees the difference: it gets JSON and gives JSON.

mod cbor;
mod query;
pub mod rest;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::Registry;
use crate::hub::api::registry::{Operation, Service};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Json,
    Cbor,
    Rest,
    Query,
}

/// Whether a request for an address that is not the API's own asks the API all the same: it is signed, or says so.
/// A browser's address bar can do neither.
pub fn is_call(headers: &HeaderMap) -> bool {
    headers.contains_key("smithy-protocol") || headers.get(AUTHORIZATION).is_some_and(|v| v.as_bytes().starts_with(b"AWS4-"))
}

impl Protocol {
    pub fn of(request: &Request<Bytes>) -> Self {
        let headers = request.headers();
        if headers.contains_key("x-amz-target") {
            return Self::Json;
        }
        if headers.get("smithy-protocol").is_some_and(|v| v == "rpc-v2-cbor") {
            return Self::Cbor;
        }
        if !matches!(request.uri().path(), "/" | "/api") {
            return Self::Rest;
        }
        match headers.get(CONTENT_TYPE) {
            Some(kind) if kind.as_bytes().starts_with(b"application/x-www-form-urlencoded") => Self::Query,
            _ => Self::Json,
        }
    }

    /// The operation that is meant, and its members as JSON.
    ///
    /// *Errors*: `UnknownOperationException`; `SerializationException` or `ValidationException` for what cannot be read.
    pub fn read<'r>(self, registry: &'r Registry, request: &Request<Bytes>) -> ApiResult<(&'r Operation, Bytes)> {
        match self {
            Self::Json => {
                let target = request.headers().get("x-amz-target").and_then(|v| v.to_str().ok()).unwrap_or("");
                let (prefix, name) = target.split_once('.').unwrap_or((target, ""));
                Ok((find(registry, prefix, name, target)?, request.body().clone()))
            }
            Self::Cbor => {
                let path = request.uri().path();
                let named = path.strip_prefix("/service/").and_then(|rest| rest.split_once("/operation/"));
                let (prefix, name) = named.unwrap_or(("", path));
                Ok((find(registry, prefix, name, path)?, cbor::members(request.body())?))
            }
            Self::Rest => rest::read(registry, request),
            Self::Query => {
                let call = query::Call::parse(request.body())?;
                let operation = registry.find(Service::Sts, &call.action).ok_or_else(|| unknown(&call.action))?;
                Ok((operation, call.body.into()))
            }
        }
    }

    pub fn answer(self, operation: &Operation, body: Bytes, request_id: &str) -> Response<Bytes> {
        match self {
            Self::Json => framed(StatusCode::OK, JSON, body, request_id),
            Self::Cbor => self.marked(framed(StatusCode::OK, CBOR, cbor::written(&body), request_id)),
            Self::Rest => framed(rest::status(operation), REST_JSON, body, request_id),
            Self::Query => framed(StatusCode::OK, XML, query::result(operation.name, &body, request_id), request_id),
        }
    }

    pub fn refusal(self, error: &ApiError, request_id: &str) -> Response<Bytes> {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        match self {
            Self::Json => framed(status, JSON, error_body(error), request_id),
            Self::Cbor => self.marked(framed(status, CBOR, cbor::written(&error_body(error)), request_id)),
            Self::Rest => {
                let mut response = framed(rest::error_status(error), REST_JSON, error_body(error), request_id);
                response
                    .headers_mut()
                    .insert("x-amzn-errortype", HeaderValue::from_static(error.code));
                response
            }
            Self::Query => {
                let (status, body) = query::refusal(error, request_id);
                framed(status, XML, body, request_id)
            }
        }
    }

    fn marked(self, mut response: Response<Bytes>) -> Response<Bytes> {
        response
            .headers_mut()
            .insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
        response
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
const REST_JSON: HeaderValue = HeaderValue::from_static("application/json");
const CBOR: HeaderValue = HeaderValue::from_static("application/cbor");
const XML: HeaderValue = HeaderValue::from_static("text/xml");

fn find<'r>(registry: &'r Registry, prefix: &str, name: &str, shown: &str) -> ApiResult<&'r Operation> {
    Service::of_target_prefix(prefix)
        .and_then(|service| registry.find(service, name))
        .ok_or_else(|| unknown(shown))
}

fn unknown(operation: &str) -> ApiError {
    let shown: String = operation.chars().filter(|c| !c.is_control()).take(100).collect();
    ApiError::new(
        "UnknownOperationException",
        format!("the operation `{shown}` is not known to this hub"),
    )
}

/// Percent-encoded UTF-8, as in paths and queries.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        let (high, low) = digit().zip(digit())?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Both spellings of the message: some of upstream's shapes model one, some the other.
fn error_body(error: &ApiError) -> Bytes {
    let body = serde_json::json!({ "__type": error.code, "message": error.message, "Message": error.message });
    Bytes::from(body.to_string())
}

fn framed(status: StatusCode, kind: HeaderValue, body: impl Into<Bytes>, request_id: &str) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, headers: &[(&'static str, &'static str)]) -> Request<Bytes> {
        let mut request = Request::builder().method("POST").uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Bytes::new()).unwrap()
    }

    #[test]
    fn each_request_says_its_protocol() {
        let of = |path, headers: &[_]| Protocol::of(&request(path, headers));
        assert_eq!(of("/", &[("x-amz-target", "AmazonSSM.GetParameter")]), Protocol::Json);
        assert_eq!(of("/", &[]), Protocol::Json);
        assert_eq!(of("/service/X/operation/Y", &[("smithy-protocol", "rpc-v2-cbor")]), Protocol::Cbor);
        assert_eq!(of("/groups", &[("content-type", "application/json")]), Protocol::Rest);
        assert_eq!(
            of("/", &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")]),
            Protocol::Query
        );
    }

    #[test]
    fn an_unknown_operation_is_named_in_the_form_of_the_request() {
        let registry = Registry::default();
        let asked = request("/service/Nothing/operation/Get", &[("smithy-protocol", "rpc-v2-cbor")]);
        let error = Protocol::Cbor.read(&registry, &asked).err().unwrap();
        assert_eq!(error.code, "UnknownOperationException");
        let response = Protocol::Cbor.refusal(&error, "r-1");
        assert_eq!(response.headers()["content-type"], "application/cbor");
        let body = cbor::members(response.body()).unwrap();
        assert!(String::from_utf8_lossy(&body).contains("UnknownOperationException"));
        let error = Protocol::Rest.read(&registry, &request("/nothing", &[])).err().unwrap();
        let response = Protocol::Rest.refusal(&error, "r-1");
        assert_eq!(response.headers()["x-amzn-errortype"], "UnknownOperationException");
    }
}
