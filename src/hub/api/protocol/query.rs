//! Upstream's query protocol, which its security token service speaks: a form in, XML out.
//!
//! ```text
//! Action=GetCallerIdentity&Version=2011-06-15  →  {"…": "…"}  →  operation  →  JSON  →  <GetCallerIdentityResponse>…
//! ```
//!
//! A parameter of a form is a text; the operation's request reads numbers from texts.

use std::fmt::Write;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value};

use crate::base::{ApiError, ApiResult};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const VERSION: &str = "2011-06-15";
/// Parameters of one request; the model's largest has about a hundred.
const MAX_PARAMETERS: usize = 500;

/// One request: the operation's name and its members as JSON.
#[derive(Debug)]
pub struct Call {
    pub action: String,
    pub body: Vec<u8>,
}

impl Call {
    /// *Errors*: `ValidationException`, `UnknownOperationException`.
    pub fn parse(form: &[u8]) -> ApiResult<Self> {
        let form = std::str::from_utf8(form).map_err(|_| ApiError::validation("the form is not UTF-8"))?;
        let mut members = Map::new();
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if members.len() >= MAX_PARAMETERS {
                return Err(ApiError::validation(format!("the form has more than {MAX_PARAMETERS} parameters")));
            }
            members.insert(decoded(name)?, Value::String(decoded(value)?));
        }
        let action = match members.remove("Action") {
            Some(Value::String(action)) if !action.is_empty() => action,
            _ => return Err(ApiError::validation("the form has no `Action`")),
        };
        match members.remove("Version") {
            Some(Value::String(version)) if version == VERSION => {}
            _ => {
                return Err(ApiError::new(
                    "UnknownOperationException",
                    format!("the hub knows version `{VERSION}` of this API only"),
                ));
            }
        }
        Ok(Self {
            action,
            body: Value::Object(members).to_string().into_bytes(),
        })
    }
}

fn decoded(text: &str) -> ApiResult<String> {
    super::decoded(&text.replace('+', " ")).ok_or_else(|| ApiError::validation("the form is not percent-encoded UTF-8"))
}

/// An operation's answer as XML. An answer without members has no result element.
pub fn result(operation: &str, answer: &[u8], request_id: &str) -> Bytes {
    let answer: Value = serde_json::from_slice(answer).unwrap_or(Value::Null);
    let mut xml = format!("<{operation}Response xmlns=\"{NAMESPACE}\">\n<{operation}Result>");
    push(&mut xml, &answer);
    let _to_string = write!(
        xml,
        "</{operation}Result>\n<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\n</{operation}Response>\n"
    );
    Bytes::from(xml)
}

fn push(xml: &mut String, value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let _to_string = write!(xml, "<{name}>");
                push(xml, value);
                let _to_string = write!(xml, "</{name}>");
            }
        }
        Value::Array(items) => {
            for item in items {
                xml.push_str("<member>");
                push(xml, item);
                xml.push_str("</member>");
            }
        }
        Value::String(text) => xml.push_str(&escaped(text)),
        Value::Null => {}
        other => drop(write!(xml, "{other}")),
    }
}

/// An error in this protocol's form, codes and statuses.
pub fn refusal(error: &ApiError, request_id: &str) -> (StatusCode, Bytes) {
    let (status, code) = spelled(error);
    let kind = if status.is_server_error() { "Receiver" } else { "Sender" };
    let xml = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\">\n<Error><Type>{kind}</Type><Code>{code}</Code><Message>{}</Message></Error>\n\
         <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
        escaped(&error.message)
    );
    (status, Bytes::from(xml))
}

/// The same error has another name and status here than in the JSON protocol.
fn spelled(error: &ApiError) -> (StatusCode, &'static str) {
    const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
    match error.code {
        "UnrecognizedClientException" => (FORBIDDEN, "InvalidClientTokenId"),
        "ExpiredTokenException" => (FORBIDDEN, "ExpiredToken"),
        "InvalidSignatureException" => (FORBIDDEN, "SignatureDoesNotMatch"),
        "MissingAuthenticationTokenException" => (FORBIDDEN, "MissingAuthenticationToken"),
        "AccessDeniedException" => (FORBIDDEN, "AccessDenied"),
        "IncompleteSignatureException" => (StatusCode::BAD_REQUEST, "IncompleteSignature"),
        "ValidationException" | "SerializationException" => (StatusCode::BAD_REQUEST, "ValidationError"),
        "UnknownOperationException" => (StatusCode::BAD_REQUEST, "InvalidAction"),
        code => (StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST), code),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no way to say these.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_the_operations_members() {
        let call = Call::parse(b"Action=AssumeRole&Version=2011-06-15&RoleSessionName=a+b%26%C3%A9").unwrap();
        assert_eq!(call.action, "AssumeRole");
        assert_eq!(String::from_utf8(call.body).unwrap(), r#"{"RoleSessionName":"a b&é"}"#);
    }

    #[test]
    fn what_is_no_form_is_refused_and_never_a_fault() {
        let long = format!(
            "Action=X&Version=2011-06-15&{}",
            "a=b&".repeat(10) + &(0..600).map(|n| format!("p{n}=1&")).collect::<String>()
        );
        for wrong in [
            &b""[..],
            b"Action=",
            b"Version=2011-06-15",
            b"Action=X",
            b"Action=%",
            b"Action=%zz",
            b"Action=%ff&Version=2011-06-15",
            b"\xff",
            long.as_bytes(),
        ] {
            assert!(Call::parse(wrong).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn an_answer_cannot_break_out_of_its_element() {
        let xml = result("GetCallerIdentity", br#"{"Arn":"<a>&\"\u0000"}"#, "r-1");
        let xml = String::from_utf8(xml.to_vec()).unwrap();
        assert!(
            xml.contains("<Arn>&lt;a&gt;&amp;&quot;\u{fffd}</Arn>") && xml.contains("<RequestId>r-1</RequestId>"),
            "{xml}"
        );
    }
}
