//! Fetching one file over HTTP or HTTPS, with the machine's own certificates.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::platform::resolve::resolve;

const MAX_REDIRECTS: usize = 5;
const CONNECT: Duration = Duration::from_secs(20);
/// Silence that ends a transfer; its whole length is the step's affair.
const SILENCE: Duration = Duration::from_secs(60);
/// More than any file that a script should bring along.
const MAX_BYTES: u64 = 4 << 30;

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
    /// `Basic …`; sent to the first server only.
    pub authorization: Option<String>,
    /// Whether a connection without TLS is good enough.
    pub is_insecure_fine: bool,
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
    let mut url: Uri = wanted.url.parse().map_err(|error| format!("`{}` is no URL: {error}", wanted.url))?;
    for hop in 0..=MAX_REDIRECTS {
        let authorization = wanted.authorization.as_deref().filter(|_| hop == 0);
        let response = get(&url, authorization, wanted.is_insecure_fine).await?;
        let status = response.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            url = redirected(&url, &response)?;
            continue;
        }
        if !status.is_success() {
            return Err(format!("`{url}` answered {status}"));
        }
        return store(response, target).await;
    }
    Err(format!("`{}` leads on more than {MAX_REDIRECTS} times", wanted.url))
}

fn redirected(from: &Uri, response: &Response<Incoming>) -> Result<Uri, String> {
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| format!("`{from}` leads on without saying where"))?;
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
        .map_err(|error| format!("`{from}` leads to `{absolute}`, which is no URL: {error}"))
}

async fn get(url: &Uri, authorization: Option<&str>, is_insecure_fine: bool) -> Result<Response<Incoming>, String> {
    let host = url.host().ok_or_else(|| format!("`{url}` names no server"))?;
    let is_tls = match url.scheme_str() {
        Some("https") => true,
        Some("http") if is_insecure_fine => false,
        Some("http") => {
            return Err(format!(
                "`{url}` is not encrypted; say `allowInsecureDownload: true` if that is meant"
            ));
        }
        _ => return Err(format!("`{url}` is neither http nor https")),
    };
    let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let stream = connect(host, port)
        .await
        .map_err(|error| format!("`{url}` cannot be reached: {error}"))?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::get(path).header(header::HOST, url.authority().map_or(host, |a| a.as_str()));
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.header(header::USER_AGENT, "roadstead").body(Empty::<bytes::Bytes>::new());
    let request = request.map_err(|error| error.to_string())?;
    let broken = |error: hyper::Error| format!("`{url}` broke off: {error}");
    let mut sender = match is_tls {
        false => {
            let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
            tokio::spawn(connection);
            sender
        }
        true => {
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|error| error.to_string())?;
            let tls = TlsConnector::from(Arc::new(config()?)).connect(name, stream);
            let tls = timeout(CONNECT, tls).await.map_err(|_| format!("`{url}` does not answer"))?;
            let stream = tls.map_err(|error| format!("`{url}` is not who it should be: {error}"))?;
            let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
            tokio::spawn(connection);
            sender
        }
    };
    let answer = timeout(SILENCE, sender.send_request(request)).await;
    answer.map_err(|_| format!("`{url}` does not answer"))?.map_err(broken)
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

fn config() -> Result<ClientConfig, String> {
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
    if roots.is_empty() {
        return Err("this node has no list of trusted certificates; install `ca-certificates`".into());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Under another name until it is whole.
async fn store(response: Response<Incoming>, target: &Path) -> Result<u64, String> {
    let part = target.with_extension("part");
    let failed = |error: std::io::Error| format!("`{}` cannot be written: {error}", target.display());
    let mut file = std::fs::File::create(&part).map_err(failed)?;
    let mut body = response.into_body();
    let mut size = 0u64;
    while let Some(frame) = timeout(SILENCE, body.frame())
        .await
        .map_err(|_| "the transfer stands still".to_owned())?
    {
        let frame = frame.map_err(|error| format!("the transfer broke off: {error}"))?;
        let Ok(bytes) = frame.into_data() else { continue };
        size += bytes.len() as u64;
        if size > MAX_BYTES {
            return Err(format!("the file is larger than {} GB", MAX_BYTES >> 30));
        }
        file.write_all(&bytes).map_err(failed)?;
    }
    file.sync_all().map_err(failed)?;
    std::fs::rename(&part, target).map_err(failed)?;
    Ok(size)
}
