//! Operations by method and path, with members in path, query and body.
//!
//! A template is written as upstream's model writes it: `/resources/{Arn}/tags`. A member of a path may hold slashes when the
//! client encodes them, as all do.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Map, Value};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::Registry;
use crate::hub::api::protocol::{decoded, unknown};
use crate::hub::api::registry::Operation;

/// Where one operation is found.
#[derive(Clone, Debug)]
pub struct Route {
    pub method: Method,
    pub template: &'static str,
    /// Of an answer without error.
    pub status: StatusCode,
}

pub(super) fn status(operation: &Operation) -> StatusCode {
    operation.rest.as_ref().map_or(StatusCode::OK, |route| route.status)
}

/// REST clients look at the status too.
pub(super) fn error_status(error: &ApiError) -> StatusCode {
    match error.code {
        "NotFoundException" | "UnknownOperationException" => StatusCode::NOT_FOUND,
        "MethodNotAllowedException" => StatusCode::METHOD_NOT_ALLOWED,
        "ForbiddenException" | "AccessDeniedException" | "MissingAuthenticationTokenException" | "UnrecognizedClientException" => {
            StatusCode::FORBIDDEN
        }
        "InvalidSignatureException" | "IncompleteSignatureException" | "ExpiredTokenException" => StatusCode::FORBIDDEN,
        _ => StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST),
    }
}

/// *Errors*: `UnknownOperationException`, `SerializationException`; the service's own for a query that is none.
pub(super) fn read<'r>(registry: &'r Registry, request: &Request<Bytes>) -> ApiResult<(&'r Operation, Bytes)> {
    let path = request.uri().path();
    let found = registry.operations().find_map(|operation| {
        let route = operation.rest.as_ref().filter(|route| route.method == *request.method())?;
        Some((operation, captured(route.template, path)?))
    });
    let (operation, in_path) = found.ok_or_else(|| unknown(path))?;
    let mut members = body_members(request.body())?;
    let in_query = query_members(request.uri().query().unwrap_or("")).map_err(|error| operation.service.named(error))?;
    for (name, value) in in_path.into_iter().chain(in_query) {
        members.insert(name, Value::String(value));
    }
    Ok((operation, Value::Object(members).to_string().into()))
}

fn body_members(body: &[u8]) -> ApiResult<Map<String, Value>> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(ApiError::new("SerializationException", "the body must be a JSON object")),
        Err(error) => Err(ApiError::new(
            "SerializationException",
            format!("the body is not valid JSON: {error}"),
        )),
    }
}

fn query_members(query: &str) -> ApiResult<Vec<(String, String)>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        decoded(name).zip(decoded(value))
    });
    let members: Option<Vec<_>> = pairs.collect();
    members.ok_or_else(|| ApiError::validation("the query is not percent-encoded UTF-8"))
}

/// The members that a template finds in a path, or `None` when the path is another one.
fn captured(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(piece), Some(text)) => match piece.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                Some(member) if !text.is_empty() => found.push((member.to_owned(), decoded(text)?)),
                None if piece == text => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_finds_its_members_in_the_path() {
        let found = captured(
            "/resources/{Arn}/tags",
            "/resources/arn%3Aaws%3Aresource-groups%3Alocal%3A0%3Agroup%2Fx/tags",
        );
        assert_eq!(found, Some(vec![("Arn".into(), "arn:aws:resource-groups:local:0:group/x".into())]));
        assert_eq!(captured("/groups", "/groups"), Some(vec![]));
        for other in [
            "/resources//tags",
            "/resources/x",
            "/resources/x/tags/y",
            "/resources/%ff/tags",
            "/",
        ] {
            assert_eq!(captured("/resources/{Arn}/tags", other), None, "{other}");
        }
    }

    #[test]
    fn a_body_must_be_an_object() {
        assert!(body_members(b"").unwrap().is_empty());
        assert_eq!(body_members(b"[1]").unwrap_err().code, "SerializationException");
        assert_eq!(body_members(b"{").unwrap_err().code, "SerializationException");
        assert_eq!(
            query_members("a=b%20c&d").unwrap(),
            [("a".into(), "b c".into()), ("d".into(), String::new())]
        );
    }
}
