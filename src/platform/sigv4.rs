//! AWS Signature Version 4. In its header form both directions: the CLI signs and the hub verifies; the hub signs what it sends
//! to object stores. In its query form the hub signs addresses that others may use for a while.
//!
//! Pure: no clock, no I/O. The verifier canonicalises exactly the headers that the caller lists in `SignedHeaders` and
//! compares no service name. The caller of [`verify`] decides about the service, the clock window and whether the key is alive.
//!
//! ```text
//! canonical request → SHA-256 ─┐
//! date · region · service ─────┴─► string to sign ─► HMAC with the key derived from the secret and the scope
//! ```
//!
//! *Source*: "Create a signed AWS API request" in the IAM user guide, and AWS's published signature test suite.

use std::fmt::Write;
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use data_encoding::HEXLOWER;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};

use crate::base::percent::{decoded, push_encoded};
use crate::base::{Secret, Timestamp};

pub const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
pub const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
/// The body's hash, which object stores want to be told.
pub const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
/// What object stores are called in a scope.
pub const S3: &str = "s3";
/// In place of a body's hash, where whoever signs does not know the body.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Headers beyond this count are no request of a known client; bounds the work before authentication.
const MAX_SIGNED_HEADERS: usize = 64;

/// Why a request's signature cannot be checked, or is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the Authorization header is not of the form `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`: {0}")]
    Malformed(&'static str),
    #[error("header `{0}` is listed in SignedHeaders but not in the request")]
    MissingHeader(String),
    #[error("header `{0}` must be signed")]
    UnsignedHeader(String),
    #[error("the request carries no usable X-Amz-Date or its day differs from the credential scope's")]
    Date,
    #[error("the signature does not match the request: check the secret access key, and that no proxy changes method, path or headers")]
    Mismatch,
}

/// A parsed `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    pub access_key_id: String,
    /// `YYYYMMDD`.
    pub date: String,
    pub region: String,
    pub service: String,
    /// Lower case, in the order given.
    pub signed_headers: Vec<String>,
    /// 64 hexadecimal digits.
    pub signature: String,
}

impl Authorization {
    /// *Errors*: `Malformed` with the part that is missing or ill-formed.
    pub fn parse(header: &str) -> Result<Self, SignatureError> {
        use SignatureError::Malformed;
        let fields = header.strip_prefix(ALGORITHM).ok_or(Malformed("the algorithm"))?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in fields.split(',') {
            match field.trim().split_once('=') {
                Some(("Credential", value)) => credential = Some(value),
                Some(("SignedHeaders", value)) => signed_headers = Some(value),
                Some(("Signature", value)) => signature = Some(value),
                _ => return Err(Malformed("an unknown field")),
            }
        }
        let [access_key_id, date, region, service] = scope(credential.ok_or(Malformed("Credential is missing"))?)?;
        let signed_headers = signed_header_list(signed_headers.ok_or(Malformed("SignedHeaders is missing"))?)?;
        let signature = signature.ok_or(Malformed("Signature is missing"))?;
        if signature.len() != 64 || !signature.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Malformed("Signature is not 64 hexadecimal digits"));
        }
        Ok(Self {
            access_key_id,
            date,
            region,
            service,
            signed_headers,
            signature: signature.to_ascii_lowercase(),
        })
    }

    fn credential(&self) -> String {
        let Self {
            access_key_id,
            date,
            region,
            service,
            ..
        } = self;
        format!("{access_key_id}/{date}/{region}/{service}/aws4_request")
    }

    /// Refuses a request that carries a meaningful header outside its signature: `host` and every `x-amz-…`.
    fn covers(&self, headers: &HeaderMap) -> Result<(), SignatureError> {
        let signed = |name: &str| self.signed_headers.iter().any(|s| s == name);
        if !signed(HOST.as_str()) && !signed(":authority") {
            return Err(SignatureError::UnsignedHeader(HOST.to_string()));
        }
        match headers
            .keys()
            .find(|name| name.as_str().starts_with("x-amz-") && !signed(name.as_str()))
        {
            Some(name) => Err(SignatureError::UnsignedHeader(name.to_string())),
            None => Ok(()),
        }
    }
}

/// `KEY/DATE/REGION/SERVICE/aws4_request`; only the key id may itself hold a slash.
fn scope(credential: &str) -> Result<[String; 4], SignatureError> {
    let malformed = SignatureError::Malformed("Credential is not KEY/DATE/REGION/SERVICE/aws4_request");
    let mut parts = credential.rsplitn(5, '/');
    let (end, service, region, date, key) = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
    let (Some("aws4_request"), Some(service), Some(region), Some(date), Some(key)) = (end, service, region, date, key) else {
        return Err(malformed);
    };
    if date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) || key.is_empty() {
        return Err(malformed);
    }
    Ok([key, date, region, service].map(str::to_owned))
}

fn signed_header_list(list: &str) -> Result<Vec<String>, SignatureError> {
    let names: Vec<String> = list.split(';').map(str::to_ascii_lowercase).collect();
    if names.len() > MAX_SIGNED_HEADERS || names.iter().any(String::is_empty) {
        return Err(SignatureError::Malformed("SignedHeaders is empty or too long"));
    }
    Ok(names)
}

/// What of a request is signed, besides the body.
///
/// Over HTTP/2 there is no `host` header: whoever calls puts the authority there first.
#[derive(Debug, Clone, Copy)]
pub struct SignedParts<'a> {
    pub method: &'a str,
    /// As on the wire, percent-encoded once.
    pub path: &'a str,
    /// As on the wire, without the `?`; empty when there is none.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    /// Hexadecimal SHA-256 of the body ([`sha256_hex`]).
    pub body_sha256: &'a str,
}

/// The text whose hash is signed; `signed` are lower-case header names.
pub fn canonical_request(parts: &SignedParts<'_>, service: &str, signed: &[String]) -> Result<String, SignatureError> {
    let mut text = String::with_capacity(512);
    text.push_str(parts.method);
    text.push('\n');
    match service {
        // A key is what it is, with dots and slashes, and is encoded once.
        S3 => text.push_str(parts.path),
        _ => text.push_str(&canonical_path(parts.path)),
    }
    text.push('\n');
    text.push_str(&canonical_query(parts.query));
    text.push('\n');
    for name in signed {
        text.push_str(name);
        text.push(':');
        push_header_values(&mut text, parts.headers, name)?;
        text.push('\n');
    }
    let _ = write!(text, "\n{}\n{}", signed.join(";"), parts.body_sha256);
    Ok(text)
}

/// Values trimmed, runs of spaces folded to one, several headers of one name joined by commas.
fn push_header_values(text: &mut String, headers: &HeaderMap, name: &str) -> Result<(), SignatureError> {
    let name = if name == ":authority" { HOST.as_str() } else { name };
    let mut values = headers.get_all(name).iter().peekable();
    if values.peek().is_none() {
        return Err(SignatureError::MissingHeader(name.to_owned()));
    }
    for (at, value) in values.enumerate() {
        if at > 0 {
            text.push(',');
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        for (at, word) in value.split([' ', '\t']).filter(|w| !w.is_empty()).enumerate() {
            if at > 0 {
                text.push(' ');
            }
            text.push_str(word);
        }
    }
    Ok(())
}

/// Dot segments and repeated slashes removed, then encoded once more: every service but S3 encodes twice.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    if segments.is_empty() {
        return "/".to_owned();
    }
    let mut out = String::with_capacity(path.len() + 8);
    for segment in &segments {
        out.push('/');
        push_encoded(&mut out, segment.as_bytes());
    }
    if path.ends_with('/') {
        out.push('/');
    }
    out
}

fn canonical_query(query: &str) -> String {
    if query.is_empty() {
        return String::new();
    }
    let recode = |text: &str| {
        let mut out = String::with_capacity(text.len());
        push_encoded(&mut out, &decoded(text));
        out
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (recode(key), recode(value)))
        .collect();
    pairs.sort();
    pairs
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

/// `date` is the request's moment as `YYYYMMDDTHHMMSSZ`.
pub fn string_to_sign(date: &str, authorization: &Authorization, canonical_request: &str) -> String {
    let Authorization {
        date: day,
        region,
        service,
        ..
    } = authorization;
    let hash = sha256_hex(canonical_request.as_bytes());
    format!("{ALGORITHM}\n{date}\n{day}/{region}/{service}/aws4_request\n{hash}")
}

/// The key of one secret for one day, region and service; worth caching by the hub.
#[derive(Clone)]
pub struct SigningKey(hmac::Key);

impl SigningKey {
    pub fn derive(secret: &Secret<String>, date: &str, region: &str, service: &str) -> Self {
        let seed = Secret::new(format!("AWS4{}", secret.expose()));
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, seed.expose().as_bytes());
        for label in [date, region, service, "aws4_request"] {
            key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, label.as_bytes()).as_ref());
        }
        Self(key)
    }

    fn sign(&self, text: &str) -> String {
        HEXLOWER.encode(hmac::sign(&self.0, text.as_bytes()).as_ref())
    }

    /// In constant time; `signature` is hexadecimal.
    fn verify(&self, text: &str, signature: &str) -> bool {
        HEXLOWER
            .decode(signature.as_bytes())
            .is_ok_and(|tag| hmac::verify(&self.0, text.as_bytes(), &tag).is_ok())
    }
}

/// Never shows the key.
impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// Checks a request against the key of the caller it names.
///
/// *Errors*: what is missing from the signature, or `Mismatch`. The clock window is the caller's: see [`request_date`].
pub fn verify(authorization: &Authorization, key: &SigningKey, parts: &SignedParts<'_>) -> Result<(), SignatureError> {
    authorization.covers(parts.headers)?;
    let (date, _) = request_date(parts.headers).ok_or(SignatureError::Date)?;
    if !date.starts_with(&authorization.date) {
        return Err(SignatureError::Date);
    }
    let canonical = canonical_request(parts, &authorization.service, &authorization.signed_headers)?;
    let text = string_to_sign(date, authorization, &canonical);
    if key.verify(&text, &authorization.signature) {
        return Ok(());
    }
    Err(SignatureError::Mismatch)
}

/// The moment a request says it was signed at: the text of `X-Amz-Date` and its time.
pub fn request_date(headers: &HeaderMap) -> Option<(&str, Timestamp)> {
    let text = headers.get(X_AMZ_DATE)?.to_str().ok()?;
    Some((text, parse_date(text)?))
}

fn parse_date(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 16 && bytes[8] == b'T' && bytes[15] == b'Z' && text.is_ascii();
    if !shape {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = &text[from..to];
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse::<i16>().ok())
            .flatten()
    };
    let small = |from: usize| number(from, from + 2).and_then(|n| i8::try_from(n).ok());
    let date = jiff::civil::DateTime::new(number(0, 4)?, small(4)?, small(6)?, small(9)?, small(11)?, small(13)?, 0).ok()?;
    let moment = jiff::tz::TimeZone::UTC.to_timestamp(date).ok()?;
    Some(Timestamp::from_millis(moment.as_millisecond()))
}

/// `YYYYMMDDTHHMMSSZ`.
pub fn format_date(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let t = jiff::tz::TimeZone::UTC.to_datetime(moment);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        t.year(),
        t.month(),
        t.day(),
        t.hour(),
        t.minute(),
        t.second()
    )
}

pub fn sha256_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// A request to be signed, and with what.
#[derive(Debug, Clone, Copy)]
pub struct SignParams<'a> {
    /// Must hold `host`; signed are `host`, `content-type` and every `x-amz-…`.
    pub parts: SignedParts<'a>,
    pub access_key_id: &'a str,
    pub secret: &'a Secret<String>,
    pub session_token: Option<&'a str>,
    pub region: &'a str,
    pub service: &'a str,
    pub now: Timestamp,
}

/// The headers to add to the request: `x-amz-date`, `authorization` and, with a session token, `x-amz-security-token`.
///
/// *Errors*: a key id or token that cannot stand in a header, or a request without `host`.
pub fn sign(params: &SignParams<'_>) -> Result<HeaderMap, SignatureError> {
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| SignatureError::Malformed("a character that no header may hold"));
    let date = format_date(params.now);
    let mut added = HeaderMap::new();
    added.insert(X_AMZ_DATE, value(&date)?);
    if let Some(token) = params.session_token {
        added.insert(X_AMZ_SECURITY_TOKEN, value(token)?);
    }
    let mut headers = params.parts.headers.clone();
    headers.extend(added.clone());
    let mut authorization = Authorization {
        access_key_id: params.access_key_id.to_owned(),
        date: date[..8].to_owned(),
        region: params.region.to_owned(),
        service: params.service.to_owned(),
        signed_headers: headers_to_sign(&headers),
        signature: String::new(),
    };
    authorization.covers(&headers)?;
    let parts = SignedParts {
        headers: &headers,
        ..params.parts
    };
    let canonical = canonical_request(&parts, params.service, &authorization.signed_headers)?;
    let key = SigningKey::derive(params.secret, &authorization.date, params.region, params.service);
    authorization.signature = key.sign(&string_to_sign(&date, &authorization, &canonical));
    added.insert(AUTHORIZATION, value(&authorization.to_string())?);
    Ok(added)
}

/// The query with which anybody may make this request until it expires: method, path and host are signed, and nothing else
/// counts. The parts have no query of their own.
///
/// *Errors*: a request without `host`, or with a header that would have to be signed.
pub fn presign(params: &SignParams<'_>, expires: Duration) -> Result<String, SignatureError> {
    let date = format_date(params.now);
    let mut authorization = Authorization {
        access_key_id: params.access_key_id.to_owned(),
        date: date[..8].to_owned(),
        region: params.region.to_owned(),
        service: params.service.to_owned(),
        signed_headers: vec![HOST.to_string()],
        signature: String::new(),
    };
    authorization.covers(params.parts.headers)?;
    let mut query = format!("X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential=");
    push_encoded(&mut query, authorization.credential().as_bytes());
    let _ = write!(
        query,
        "&X-Amz-Date={date}&X-Amz-Expires={}&X-Amz-SignedHeaders=host",
        expires.as_secs()
    );
    if let Some(token) = params.session_token {
        query.push_str("&X-Amz-Security-Token=");
        push_encoded(&mut query, token.as_bytes());
    }
    let parts = SignedParts {
        query: &query,
        ..params.parts
    };
    let canonical = canonical_request(&parts, params.service, &authorization.signed_headers)?;
    let key = SigningKey::derive(params.secret, &authorization.date, params.region, params.service);
    authorization.signature = key.sign(&string_to_sign(&date, &authorization, &canonical));
    Ok(format!("{query}&X-Amz-Signature={}", authorization.signature))
}

fn headers_to_sign(headers: &HeaderMap) -> Vec<String> {
    let wanted = |name: &&HeaderName| **name == HOST || **name == CONTENT_TYPE || name.as_str().starts_with("x-amz-");
    let mut names: Vec<String> = headers.keys().filter(wanted).map(|name| name.to_string()).collect();
    names.sort();
    names
}

impl std::fmt::Display for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{ALGORITHM} Credential={}, SignedHeaders={}, Signature={}",
            self.credential(),
            self.signed_headers.join(";"),
            self.signature
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// One case of AWS's published suite: all share key, date and scope.
    fn suite(method: &str, target: &str, headers: &[(&str, &str)], body: &str, signed: &str, signature: &str) {
        let mut map = HeaderMap::new();
        map.insert(HOST, HeaderValue::from_static("example.amazonaws.com"));
        map.insert(X_AMZ_DATE, HeaderValue::from_static("20150830T123600Z"));
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let hash = sha256_hex(body.as_bytes());
        let parts = SignedParts {
            method,
            path,
            query,
            headers: &map,
            body_sha256: &hash,
        };
        let header = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders={signed}, Signature={signature}"
        );
        let authorization = Authorization::parse(&header).unwrap();
        let key = SigningKey::derive(&secret(), "20150830", "us-east-1", "service");
        let canonical = canonical_request(&parts, "service", &authorization.signed_headers).unwrap();
        assert_eq!(verify(&authorization, &key, &parts), Ok(()), "{canonical}");
        assert_eq!(authorization.to_string(), header);
    }

    fn secret() -> Secret<String> {
        Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned())
    }

    const PLAIN: &str = "host;x-amz-date";
    const VANILLA: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

    #[test]
    fn the_suites_plain_requests_verify() {
        suite("GET", "/", &[], "", PLAIN, VANILLA);
        let post = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
        suite("POST", "/", &[], "", PLAIN, post);
    }

    #[test]
    fn the_suites_paths_are_normalised() {
        for path in ["//", "/./", "/example/..", "/example1/example2/../.."] {
            suite("GET", path, &[], "", PLAIN, VANILLA);
        }
    }

    #[test]
    fn the_suites_queries_are_sorted_and_encoded() {
        let ordered = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        suite("GET", "/?Param2=value2&Param1=value1", &[], "", PLAIN, ordered);
        let utf8 = "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04";
        suite("GET", "/?ሴ=bar", &[], "", PLAIN, utf8);
        suite("GET", "/?%E1%88%B4=bar", &[], "", PLAIN, utf8);
    }

    #[test]
    fn the_suites_headers_are_trimmed_folded_and_joined() {
        let trimmed = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736";
        let headers = [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")];
        suite("GET", "/", &headers, "", "host;my-header1;my-header2;x-amz-date", trimmed);
        let joined = "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea";
        let headers = [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")];
        suite("GET", "/", &headers, "", "host;my-header1;x-amz-date", joined);
    }

    #[test]
    fn the_suites_form_post_verifies() {
        let signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        suite("POST", "/", &headers, "Param1=value1", "content-type;host;x-amz-date", signature);
    }

    /// One of the examples in "Authenticating Requests: Using the Authorization Header" of the S3 API reference.
    fn example(method: &str, target: &str, headers: &[(&str, &str)], hash: &str, signed: &str, signature: &str) {
        let mut map = HeaderMap::new();
        map.insert(HOST, HeaderValue::from_static("examplebucket.s3.amazonaws.com"));
        map.insert(X_AMZ_DATE, HeaderValue::from_static("20130524T000000Z"));
        map.insert(X_AMZ_CONTENT_SHA256, HeaderValue::from_str(hash).unwrap());
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parts = SignedParts {
            method,
            path,
            query,
            headers: &map,
            body_sha256: hash,
        };
        let header = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders={signed}, Signature={signature}"
        );
        let authorization = Authorization::parse(&header).unwrap();
        let key = SigningKey::derive(&secret_of_s3(), "20130524", "us-east-1", S3);
        let canonical = canonical_request(&parts, S3, &authorization.signed_headers).unwrap();
        assert_eq!(verify(&authorization, &key, &parts), Ok(()), "{canonical}");
    }

    fn secret_of_s3() -> Secret<String> {
        Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned())
    }

    #[test]
    fn the_examples_of_object_stores_verify() {
        let plain = "host;x-amz-content-sha256;x-amz-date";
        example(
            "GET",
            "/test.txt",
            &[("Range", "bytes=0-9")],
            EMPTY,
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        );
        example(
            "PUT",
            "/test%24file.text",
            &[
                ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            &sha256_hex(b"Welcome to Amazon S3."),
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        );
        let lifecycle = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
        example("GET", "/?lifecycle", &[], EMPTY, plain, lifecycle);
        let list = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        example("GET", "/?max-keys=2&prefix=J", &[], EMPTY, plain, list);
    }

    /// The example of "Authenticating Requests: Using Query Parameters" of the S3 API reference.
    #[test]
    fn the_example_of_a_signed_address_comes_out() {
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("examplebucket.s3.amazonaws.com"))]);
        let secret = secret_of_s3();
        let params = SignParams {
            parts: SignedParts {
                method: "GET",
                path: "/test.txt",
                query: "",
                headers: &headers,
                body_sha256: UNSIGNED_PAYLOAD,
            },
            access_key_id: "AKIAIOSFODNN7EXAMPLE",
            secret: &secret,
            session_token: None,
            region: "us-east-1",
            service: S3,
            now: parse_date("20130524T000000Z").unwrap(),
        };
        let query = presign(&params, Duration::from_secs(86400)).unwrap();
        assert_eq!(
            query,
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
        // Region, service, host, path, key and time each make another one.
        let signature = |params: &SignParams<'_>, lives| presign(params, Duration::from_secs(lives)).unwrap().split_off(query.len() - 64);
        let other_headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("examplebucket.s3.example"))]);
        let other = |change: fn(&mut SignParams<'_>)| {
            let mut params = params;
            change(&mut params);
            signature(&params, 86400)
        };
        let hosted = SignParams {
            parts: SignedParts {
                headers: &other_headers,
                ..params.parts
            },
            ..params
        };
        let mut all = vec![
            signature(&params, 86400),
            signature(&params, 86399),
            signature(&hosted, 86400),
            other(|params| params.region = "us-east-2"),
            other(|params| params.service = "s2"),
            other(|params| params.parts.path = "/test.txu"),
            other(|params| params.parts.method = "PUT"),
            other(|params| params.now = parse_date("20130524T000001Z").unwrap()),
        ];
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 8);
        let none = HeaderMap::new();
        let bare = SignParams {
            parts: SignedParts {
                headers: &none,
                ..params.parts
            },
            ..params
        };
        let refused = presign(&bare, Duration::from_secs(1));
        assert_eq!(refused, Err(SignatureError::MissingHeader("host".into())));
    }

    #[test]
    fn a_scope_may_hold_any_region_word_and_a_key_id_with_slashes() {
        let signature = "a".repeat(64);
        let header =
            format!("AWS4-HMAC-SHA256 Credential=a/b/20260101/my office/ssm/aws4_request,SignedHeaders=host,Signature={signature}");
        let parsed = Authorization::parse(&header).unwrap();
        assert_eq!((parsed.access_key_id.as_str(), parsed.region.as_str()), ("a/b", "my office"));
    }

    #[test]
    fn a_malformed_header_says_which_part() {
        for header in [
            "",
            "Basic abc",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 Credential=a/b/c",
            "AWS4-HMAC-SHA256 Credential=A/20260101/r/s/aws4_request, SignedHeaders=host, Signature=xyz",
        ] {
            assert!(
                matches!(Authorization::parse(header), Err(SignatureError::Malformed(_))),
                "{header}"
            );
        }
    }

    #[test]
    fn a_header_outside_the_signature_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("h"));
        let mut params = round_trip_params(&headers, "/", "", EMPTY);
        let secret = secret();
        params.secret = &secret;
        let mut all = headers.clone();
        all.extend(sign(&params).unwrap());
        all.insert("x-amz-target", HeaderValue::from_static("AmazonSSM.SendCommand"));
        let authorization = Authorization::parse(all[AUTHORIZATION].to_str().unwrap()).unwrap();
        let key = SigningKey::derive(&secret, &authorization.date, "local", "ssm");
        let parts = SignedParts {
            headers: &all,
            ..params.parts
        };
        assert_eq!(
            verify(&authorization, &key, &parts),
            Err(SignatureError::UnsignedHeader("x-amz-target".into()))
        );
    }

    #[test]
    fn a_date_reads_back_and_an_impossible_one_does_not() {
        let at = parse_date("20240229T235959Z").unwrap();
        assert_eq!(format_date(at), "20240229T235959Z");
        for bad in [
            "20230229T000000Z",
            "20240229T240000Z",
            "20240229 235959Z",
            "２０24",
            "+0240229T235959Z",
        ] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }

    fn round_trip_params<'a>(headers: &'a HeaderMap, path: &'a str, query: &'a str, hash: &'a str) -> SignParams<'a> {
        static NO_SECRET: std::sync::LazyLock<Secret<String>> = std::sync::LazyLock::new(|| Secret::new(String::new()));
        SignParams {
            parts: SignedParts {
                method: "POST",
                path,
                query,
                headers,
                body_sha256: hash,
            },
            access_key_id: "RSAK0123456789",
            secret: &NO_SECRET,
            session_token: None,
            region: "local",
            service: "ssm",
            now: Timestamp::from_millis(1_790_000_000_000),
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_nothing_else(
            path in "/[a-z@%/.]{0,12}", query in "[a-zA-Z0-9=&%+]{0,20}", body in any::<Vec<u8>>(),
            secret in "[ -~]{1,40}", token in proptest::option::of("[a-z]{1,8}"),
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("hub.example:7400"));
            headers.insert("x-amz-target", HeaderValue::from_static("AmazonSSM.ListCommands"));
            let (hash, secret) = (sha256_hex(&body), Secret::new(secret));
            let mut params = round_trip_params(&headers, &path, &query, &hash);
            params.secret = &secret;
            params.session_token = token.as_deref();
            let mut all = headers.clone();
            all.extend(sign(&params).unwrap());
            let authorization = Authorization::parse(all[AUTHORIZATION].to_str().unwrap()).unwrap();
            let key = SigningKey::derive(&secret, &authorization.date, &authorization.region, &authorization.service);
            let parts = SignedParts { headers: &all, ..params.parts };
            prop_assert_eq!(verify(&authorization, &key, &parts), Ok(()));
            let other = SignedParts { body_sha256: EMPTY, method: "PUT", ..parts };
            prop_assert_eq!(verify(&authorization, &key, &other), Err(SignatureError::Mismatch));
        }

        #[test]
        fn a_hostile_header_never_panics(text in "(AWS4-HMAC-SHA256 )?(Credential=|SignedHeaders=|Signature=|[ -~]){0,6}") {
            let _ = Authorization::parse(&text);
        }
    }
}
