//! Speaks S3 to one bucket of a store: objects whole or in parts, each request signed with its body's hash.
//!
//! A request is one exchange with a body in memory, never more than a part. Redirects are not followed: the error says where the
//! bucket is.
//!
//! *Source*: the S3 API reference; what MinIO, Garage and SeaweedFS answer fits into the same.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HOST, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use tokio::task::JoinError;

use crate::base::percent::push_encoded;
use crate::base::{Secret, Timestamp};
use crate::hub::api::Services;
use crate::hub::capabilities::object_stores::places::is_bucket_name;
use crate::hub::capabilities::object_stores::stores::{Addressing, Store};
use crate::platform::outgoing::{self, Answer, Call, OutgoingError, Url};
use crate::platform::sigv4::{self, S3, SignParams, SignedParts, X_AMZ_CONTENT_SHA256};
use crate::platform::xml;

/// Of a part; the least that stores take of all but the last.
pub const PART_BYTES: u64 = 5 * 1024 * 1024;
/// For one request with a whole part, over a slow line.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(180);
/// Upstream's agent says so, too; and nothing of it can be a page.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For the operator.
    pub why: String,
    /// Trying again cannot help until somebody changes something.
    pub is_final: bool,
}

impl Failure {
    pub fn lasting(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            is_final: true,
        }
    }

    pub fn passing(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            is_final: false,
        }
    }
}

/// One bucket, and who asks.
pub struct Client<'s> {
    pub(super) services: &'s Services,
    pub(super) store: &'s Store,
    bucket: &'s str,
    pub(super) secret: Secret<String>,
    /// The store's, with the bucket in host or path.
    url: Url,
}

/// A request to be signed.
pub(super) struct Request<'r> {
    method: Method,
    key: &'r str,
    query: String,
    body: Bytes,
}

impl<'s> Client<'s> {
    /// *Errors*: a secret that cannot be opened, a bucket that is none.
    pub fn new(services: &'s Services, store: &'s Store, bucket: &'s str) -> Result<Self, Failure> {
        let secret = store.secret(services).map_err(Failure::lasting)?;
        let endpoint = store.settings.endpoint().map_err(|e| Failure::lasting(e.message))?;
        if !is_bucket_name(bucket) {
            return Err(Failure::lasting(
                "the bucket's name is none: it has letters, digits, `-`, `.` and `_`",
            ));
        }
        Ok(Self {
            services,
            store,
            bucket,
            secret,
            url: within(endpoint, store.settings.addressing, bucket),
        })
    }

    /// A small object, whole.
    pub async fn put(&self, key: &str, body: Bytes) -> Result<(), Failure> {
        self.ask(Request::new(Method::PUT, key).with(body)).await.map(|_| ())
    }

    pub async fn delete(&self, key: &str) -> Result<(), Failure> {
        self.ask(Request::new(Method::DELETE, key)).await.map(|_| ())
    }

    /// Begins an object in parts; answers what the store calls it.
    pub async fn begin(&self, key: &str) -> Result<String, Failure> {
        let answer = self.ask(Request::new(Method::POST, key).query("uploads=")).await?;
        let id = xml::text(&String::from_utf8_lossy(&answer.body), "UploadId").filter(|id| (1..=1024).contains(&id.len()));
        id.ok_or_else(|| Failure::passing("the store began an upload and did not say its id"))
    }

    /// One part, from 1; answers its tag.
    pub async fn part(&self, key: &str, upload: &str, number: usize, body: Bytes) -> Result<String, Failure> {
        let query = format!("partNumber={number}&{}", upload_id(upload));
        let answer = self.ask(Request::new(Method::PUT, key).query(&query).with(body)).await?;
        let tag = answer.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        tag.ok_or_else(|| Failure::passing("the store took a part and did not say its tag"))
    }

    /// Joins the parts to the object.
    pub async fn complete(&self, key: &str, upload: &str, tags: &[String]) -> Result<(), Failure> {
        let mut body = String::from("<CompleteMultipartUpload>");
        for (index, tag) in tags.iter().enumerate() {
            let (number, tag) = (index + 1, xml::escaped(tag));
            body.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"));
        }
        body.push_str("</CompleteMultipartUpload>");
        let request = Request::new(Method::POST, key).query(&upload_id(upload)).with(body.into());
        let answer = self.ask(request).await?;
        // What goes wrong after the first byte of the answer comes with a good status.
        match String::from_utf8_lossy(&answer.body).contains("<Error>") {
            true => Err(self.judge(&answer)),
            false => Ok(()),
        }
    }

    /// Gives up an object in parts; the store forgets them.
    pub async fn abort(&self, key: &str, upload: &str) -> Result<(), Failure> {
        let request = Request::new(Method::DELETE, key).query(&upload_id(upload));
        self.ask(request).await.map(|_| ())
    }

    /// *Errors*: also what the store refuses.
    pub(super) async fn ask(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let answer = self.exchange(request).await?;
        match answer.status.is_success() {
            true => Ok(answer),
            false => Err(self.judge(&answer)),
        }
    }

    /// Whatever the store answers.
    pub(super) async fn exchange(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let url = self.url_of(request.key, &request.query);
        let hash = hash(request.body.clone()).await.map_err(|e| Failure::passing(e.to_string()))?;
        let headers = self.signed(&request, &url, &hash, self.services.now()).map_err(Failure::lasting)?;
        let call = Call {
            method: request.method,
            url: &url,
            headers,
            body: request.body,
            allowed: &self.store.settings.allowed_networks,
            root: self.store.settings.ca_pem.as_deref(),
        };
        outgoing::ask(call, EXCHANGE_LIMIT).await.map_err(|error| Failure {
            is_final: matches!(
                error,
                OutgoingError::NotAllowed { .. } | OutgoingError::BadRoot | OutgoingError::Url(_)
            ),
            why: format!("object store `{}`: {}", self.store.name, error.words()),
        })
    }

    pub(super) fn url_of(&self, key: &str, query: &str) -> Url {
        let mark = if query.is_empty() { "" } else { "?" };
        Url {
            path: format!("{}{}{mark}{query}", self.url.path, encoded(key)),
            ..self.url.clone()
        }
    }

    fn signed(&self, request: &Request<'_>, url: &Url, hash: &str, now: Timestamp) -> Result<HeaderMap, String> {
        let value = |text: &str| HeaderValue::from_str(text).map_err(|e| e.to_string());
        let mut headers = HeaderMap::new();
        headers.insert(HOST, value(&url.authority())?);
        headers.insert(X_AMZ_CONTENT_SHA256, value(hash)?);
        if request.method == Method::PUT || request.query == "uploads=" {
            headers.insert(CONTENT_TYPE, TEXT);
        }
        let params = SignParams {
            parts: SignedParts {
                method: request.method.as_str(),
                path: url.path.split('?').next().unwrap_or("/"),
                query: &request.query,
                headers: &headers,
                body_sha256: hash,
            },
            access_key_id: &self.store.settings.access_key_id,
            secret: &self.secret,
            session_token: None,
            region: &self.store.settings.region,
            service: S3,
            now,
        };
        let added = sigv4::sign(&params).map_err(|e| e.to_string())?;
        headers.extend(added);
        Ok(headers)
    }

    /// What a refusal means, and whether it stays one.
    pub(super) fn judge(&self, answer: &Answer) -> Failure {
        let document = String::from_utf8_lossy(&answer.body);
        let said = |name: &str| xml::words(&document, name);
        let region = answer
            .headers
            .get("x-amz-bucket-region")
            .and_then(|region| region.to_str().ok())
            .map(xml::on_one_line);
        let refusal = Refusal {
            status: answer.status,
            code: said("Code").unwrap_or_default(),
            message: said("Message").unwrap_or_default(),
            region: region.or_else(|| said("Region")),
        };
        refusal.judge(&self.store.name, &self.store.settings.region, self.bucket)
    }
}

impl<'r> Request<'r> {
    pub(super) fn new(method: Method, key: &'r str) -> Self {
        Self {
            method,
            key,
            query: String::new(),
            body: Bytes::new(),
        }
    }

    pub(super) fn query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    fn with(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }
}

/// Of a whole part it takes too long for a task that others wait for.
async fn hash(body: Bytes) -> Result<String, JoinError> {
    tokio::task::spawn_blocking(move || sigv4::sha256_hex(&body)).await
}

/// Where an object lies, for people and their clients.
pub fn location(store: &Store, bucket: &str, key: &str) -> Option<String> {
    let endpoint = store.settings.endpoint().ok()?;
    let url = within(endpoint, store.settings.addressing, bucket);
    Some(format!("{url}{}", encoded(key)))
}

/// The address of a bucket, with a slash at its end.
fn within(endpoint: Url, addressing: Addressing, bucket: &str) -> Url {
    match addressing {
        Addressing::Path => Url {
            path: format!("/{bucket}/"),
            ..endpoint
        },
        Addressing::Host => Url {
            host: format!("{bucket}.{}", endpoint.host),
            path: "/".into(),
            ..endpoint
        },
    }
}

/// Slashes stay.
fn encoded(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 16);
    for (index, part) in key.split('/').enumerate() {
        if index > 0 {
            out.push('/');
        }
        push_encoded(&mut out, part.as_bytes());
    }
    out
}

fn upload_id(id: &str) -> String {
    let mut out = String::from("uploadId=");
    push_encoded(&mut out, id.as_bytes());
    out
}

/// What a store said instead of doing it.
struct Refusal {
    status: StatusCode,
    code: String,
    message: String,
    region: Option<String>,
}

impl Refusal {
    fn judge(&self, store: &str, own_region: &str, bucket: &str) -> Failure {
        let elsewhere = self.region.as_deref().filter(|region| *region != own_region);
        let is_misplaced = self.status.is_redirection()
            || matches!(
                self.code.as_str(),
                "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException"
            );
        if is_misplaced {
            return Failure::lasting(match elsewhere {
                Some(region) => format!(
                    "the bucket `{bucket}` lies in region `{region}`, and the object store `{store}` is set to `{own_region}`: it needs the region and endpoint of its own"
                ),
                None => format!(
                    "the object store `{store}` sends on ({}), which is not followed: {}",
                    self.status,
                    self.words()
                ),
            });
        }
        match self.code.as_str() {
            "NoSuchBucket" => Failure::lasting(format!("there is no bucket `{bucket}` at the object store `{store}`")),
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" => Failure::lasting(format!(
                "the object store `{store}` does not know its access key, or its secret is another ({}): give both again",
                self.code
            )),
            "AccessDenied" => Failure::lasting(format!(
                "the key of the object store `{store}` may not do this in the bucket `{bucket}` ({})",
                self.words()
            )),
            "RequestTimeTooSkewed" => Failure::passing(format!("the clocks of the hub and of the object store `{store}` differ too much")),
            _ => Failure {
                why: format!("the object store `{store}` answered {}", self.words()),
                is_final: self.status.is_client_error() && !matches!(self.status.as_u16(), 404 | 408 | 409 | 425 | 429),
            },
        }
    }

    fn words(&self) -> String {
        match (self.code.as_str(), self.message.as_str()) {
            ("", _) => self.status.to_string(),
            (code, "") => format!("{} {code}", self.status.as_u16()),
            (code, message) => format!("{} {code}: {message}", self.status.as_u16()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str, region: Option<&str>) -> Failure {
        let refusal = Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            code: code.into(),
            message: "why".into(),
            region: region.map(str::to_owned),
        };
        refusal.judge("minio", "us-east-1", "logs")
    }

    #[test]
    fn a_refusal_says_what_would_be_right_and_whether_to_try_again() {
        for (status, code, region, is_final, word) in [
            (301, "PermanentRedirect", Some("eu-west-1"), true, "`eu-west-1`"),
            (400, "AuthorizationHeaderMalformed", Some("eu-west-1"), true, "`eu-west-1`"),
            (307, "TemporaryRedirect", None, true, "not followed"),
            (404, "NoSuchBucket", None, true, "no bucket `logs`"),
            (403, "InvalidAccessKeyId", None, true, "access key"),
            (403, "SignatureDoesNotMatch", None, true, "secret"),
            (403, "AccessDenied", None, true, "`logs`"),
            (403, "RequestTimeTooSkewed", None, false, "clocks"),
            (404, "NoSuchUpload", None, false, "404 NoSuchUpload: why"),
            (503, "SlowDown", None, false, "503"),
            (500, "", None, false, "500"),
            (429, "", None, false, "429"),
            (400, "EntityTooLarge", None, true, "EntityTooLarge"),
        ] {
            let failure = refusal(status, code, region);
            assert_eq!(failure.is_final, is_final, "{failure:?}");
            assert!(failure.why.contains(word), "{failure:?}");
        }
    }

    #[test]
    fn an_object_is_addressed_by_path_or_by_host() {
        let endpoint = Url::plain_or_secure("https://store.example:9000").unwrap();
        let path = within(endpoint.clone(), Addressing::Path, "logs");
        assert_eq!(
            format!("{path}{}", encoded("a b/ü+.txt")),
            "https://store.example:9000/logs/a%20b/%C3%BC%2B.txt"
        );
        assert_eq!(
            within(endpoint, Addressing::Host, "logs").to_string(),
            "https://logs.store.example:9000/"
        );
    }
}
