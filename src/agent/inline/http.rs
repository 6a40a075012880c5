//! Fetching one file over HTTP or HTTPS, with the machine's own certificates.
//!
//! *Invariant*: no message holds a URL's query, in which there may be a signature.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::digest;
use super::place::Part;
use crate::base::id::random_hex;
use crate::platform::resolve::resolve;
use crate::platform::xml;
use crate::wire::objects::MAX_DOWNLOAD_BYTES;

const MAX_REDIRECTS: usize = 5;
const CONNECT: Duration = Duration::from_secs(20);
/// Silence that ends a transfer; its whole length is the step's affair.
const SILENCE: Duration = Duration::from_secs(60);
/// Of what a store says instead of an object.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

/// Where distributions keep the certificates they trust.
const CERTIFICATES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What to fetch.
pub struct Wanted<'a> {
    pub url: &'a str,
    pub login: Login,
    /// Whether a connection without TLS is good enough.
    pub is_insecure_fine: bool,
    /// The object store that the URL is signed for. Such a URL is good for one server: it leads nowhere else.
    pub store: Option<Store<'a>>,
    /// What to add when the server says that this caller may not have it.
    pub when_refused: &'a str,
    pub most_bytes: u64,
}

/// How a server is told who asks. Only the one that the document names is told, never one that it leads to.
pub enum Login {
    None,
    /// The whole header.
    Basic(String),
    /// The server asks first.
    Digest(digest::Account),
}

/// A store that the hub has signed for.
#[derive(Clone, Copy)]
pub struct Store<'a> {
    pub name: &'a str,
    /// One more authority to trust.
    pub ca_pem: Option<&'a str>,
}

/// Writes the body to `target`; answers its size.
pub fn fetch(wanted: &Wanted<'_>, target: &Path) -> Result<u64, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(follow(wanted, target))
}

async fn follow(wanted: &Wanted<'_>, target: &Path) -> Result<u64, String> {
    let first = wanted.url.split('?').next().unwrap_or_default();
    let mut url: Uri = wanted.url.parse().map_err(|error| format!("`{first}` is no URL: {error}"))?;
    for hop in 0..=MAX_REDIRECTS {
        let response = match &wanted.login {
            Login::Basic(header) if hop == 0 => get(&url, Some(header), wanted).await?,
            Login::Digest(account) if hop == 0 => challenged(&url, account, wanted).await?,
            _ => get(&url, None, wanted).await?,
        };
        let status = response.status();
        if let Some(store) = wanted.store.filter(|_| !status.is_success()) {
            return Err(refusal(&store, &shown(&url), response).await);
        }
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            url = redirected(&url, &response)?;
            continue;
        }
        if !status.is_success() {
            let hint = match status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => wanted.when_refused,
                _ => "",
            };
            return Err(format!("`{}` answered {status}{hint}", shown(&url)));
        }
        return store(response, target, wanted.most_bytes).await;
    }
    Err(format!("`{first}` leads on more than {MAX_REDIRECTS} times"))
}

/// Asks, and once more with the answer to what the server wants to know.
async fn challenged(url: &Uri, account: &digest::Account, wanted: &Wanted<'_>) -> Result<Response<Incoming>, String> {
    let response = get(url, None, wanted).await?;
    if response.status() != StatusCode::UNAUTHORIZED {
        return Ok(response);
    }
    let answered = digest::answer(response.headers(), account, target(url), &random_hex(32));
    let answer = answered.map_err(|why| format!("`{}` {why}", shown(url)))?;
    get(url, Some(&answer), wanted).await
}

fn target(url: &Uri) -> &str {
    url.path_and_query().map_or("/", |path| path.as_str())
}

/// A URL without what may be secret in it.
fn shown(url: &Uri) -> String {
    let authority = url.authority().map_or("", |authority| authority.as_str());
    format!("{}://{authority}{}", url.scheme_str().unwrap_or("https"), url.path())
}

/// What a store said instead of an object.
async fn refusal(store: &Store<'_>, url: &str, response: Response<Incoming>) -> String {
    let status = response.status();
    let body = timeout(SILENCE, Limited::new(response.into_body(), MAX_REFUSAL_BYTES).collect()).await;
    let body = body.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
    let said = String::from_utf8_lossy(&body);
    let code = xml::words(&said, "Code").map(|code| format!(" {code}")).unwrap_or_default();
    let why = xml::words(&said, "Message").map(|why| format!(": {why}")).unwrap_or_default();
    format!(
        "the object store `{}` answered {}{code} to `{url}`{why}",
        store.name,
        status.as_u16()
    )
}

fn redirected(from: &Uri, response: &Response<Incoming>) -> Result<Uri, String> {
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| format!("`{}` leads on without saying where", shown(from)))?;
    let absolute = match location.starts_with('/') {
        true => format!(
            "{}://{}{location}",
            from.scheme_str().unwrap_or("https"),
            from.authority().map_or("", |a| a.as_str())
        ),
        false => location.to_owned(),
    };
    absolute
        .parse()
        .map_err(|error| format!("`{}` leads to what is no URL: {error}", shown(from)))
}

async fn get(url: &Uri, authorization: Option<&str>, wanted: &Wanted<'_>) -> Result<Response<Incoming>, String> {
    let name = shown(url);
    let host = url.host().ok_or_else(|| format!("`{name}` names no server"))?;
    let is_tls = match url.scheme_str() {
        Some("https") => true,
        Some("http") if wanted.is_insecure_fine => false,
        Some("http") => {
            return Err(format!(
                "`{name}` is not encrypted; say `allowInsecureDownload: true` if that is meant"
            ));
        }
        _ => return Err(format!("`{name}` is neither http nor https")),
    };
    let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let stream = connect(host, port)
        .await
        .map_err(|error| format!("`{name}` cannot be reached: {error}"))?;
    let mut request = Request::get(target(url)).header(header::HOST, url.authority().map_or(host, |a| a.as_str()));
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.header(header::USER_AGENT, "roadstead").body(Empty::<bytes::Bytes>::new());
    let request = request.map_err(|error| error.to_string())?;
    let broken = |error: hyper::Error| format!("`{name}` broke off: {error}");
    let mut sender = match is_tls {
        false => {
            let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
            tokio::spawn(connection);
            sender
        }
        true => {
            let server = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|error| error.to_string())?;
            let config = config(wanted.store.and_then(|store| store.ca_pem))?;
            let tls = TlsConnector::from(Arc::new(config)).connect(server, stream);
            let tls = timeout(CONNECT, tls).await.map_err(|_| format!("`{name}` does not answer"))?;
            let stream = tls.map_err(|error| format!("`{name}` is not who it should be: {error}"))?;
            let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
            tokio::spawn(connection);
            sender
        }
    };
    let answer = timeout(SILENCE, sender.send_request(request)).await;
    answer.map_err(|_| format!("`{name}` does not answer"))?.map_err(broken)
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = resolve(host.trim_matches(['[', ']'])).await.map_err(|error| error.to_string())?;
    let mut last = "it has no address".to_owned();
    for address in addresses {
        match timeout(CONNECT, TcpStream::connect((address, port))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = "no answer in time".into(),
        }
    }
    Err(last)
}

fn config(root: Option<&str>) -> Result<ClientConfig, String> {
    let named = std::env::var("SSL_CERT_FILE").ok();
    let files = named.iter().map(String::as_str).chain(CERTIFICATES.iter().copied());
    let mut roots = RootCertStore::empty();
    for file in files {
        if let Ok(certificates) = CertificateDer::pem_file_iter(file) {
            roots.add_parsable_certificates(certificates.filter_map(Result::ok));
            if !roots.is_empty() {
                break;
            }
        }
    }
    let own = root.into_iter().flat_map(|pem| CertificateDer::pem_slice_iter(pem.as_bytes()));
    roots.add_parsable_certificates(own.filter_map(Result::ok));
    if roots.is_empty() {
        return Err("this node has no list of trusted certificates; install `ca-certificates`".into());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

async fn store(response: Response<Incoming>, target: &Path, most_bytes: u64) -> Result<u64, String> {
    let failed = |error: std::io::Error| format!("`{}` cannot be written: {error}", target.display());
    let mut file = Part::of(target).map_err(failed)?;
    let mut body = response.into_body();
    let mut size = 0u64;
    while let Some(frame) = timeout(SILENCE, body.frame())
        .await
        .map_err(|_| "the transfer stands still".to_owned())?
    {
        let frame = frame.map_err(|error| format!("the transfer broke off: {error}"))?;
        let Ok(bytes) = frame.into_data() else { continue };
        size += bytes.len() as u64;
        if size > most_bytes {
            return Err(format!("what is downloaded is larger than {} GB", MAX_DOWNLOAD_BYTES >> 30));
        }
        file.write_all(&bytes).map_err(failed)?;
    }
    file.put().map_err(failed)?;
    Ok(size)
}
