//! Calls to the outside that an operator has asked for: a webhook, a log receiver, an identity provider.
//!
//! A caller of the API who may name an address must not be able to make the hub knock at doors that only the hub can reach. So
//! a name is resolved once, the connection goes to an address that was judged, and one that is loopback, link-local, private
//! or otherwise not public is refused unless the operator has allowed its network. Redirects are answers, never followed.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::base::{Secret, Timestamp};
use crate::platform::resolve::{ResolveError, resolve};

pub use crate::platform::url::Url;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// From the first byte of a request to the last of its answer.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(20);
/// What is read of an answer: documents of identity providers are a tenth of it.
const MAX_ANSWER: usize = 256 * 1024;
/// Where systems keep the authorities that they trust.
const SYSTEM_ROOTS: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    #[error("`{0}` is not an address of the form `https://host/path`")]
    Url(String),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("`{host}` is {address}, which is {kind}: allow its network if it is meant")]
    NotAllowed { host: String, address: IpAddr, kind: &'static str },
    #[error("nothing answers at {address}")]
    Connect { address: SocketAddr, source: io::Error },
    #[error("no TLS connection to `{host}` came about")]
    Tls { host: String, source: io::Error },
    #[error("no authority is trusted: this system has no collection of them, and none was given")]
    NoRoots,
    #[error("the authorities that this system trusts could not be read")]
    Roots(#[source] io::Error),
    #[error("the given certificate authority is no PEM certificate")]
    BadRoot,
    #[error("`{0}` did not answer in time")]
    Slow(String),
    #[error("the connection to `{host}` broke: {why}")]
    Broken { host: String, why: String },
    #[error("`{host}` answered with a redirect ({status}), which is not followed: give the address it leads to")]
    Redirected { host: String, status: StatusCode },
}

impl OutgoingError {
    /// The error and what is behind it, on one line.
    pub fn words(&self) -> String {
        let causes = std::iter::successors(Some(self as &dyn std::error::Error), |e| e.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }
}

/// What proves to a receiver who sent a body and when: `t=TIME,v1=HMAC-SHA256(secret, "TIME.BODY")`, in seconds and hexadecimal.
pub fn signature(secret: &Secret<Vec<u8>>, now: Timestamp, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    let time = now.millis() / 1000;
    let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
    format!("t={time},v1={}", HEXLOWER.encode(tag.as_ref()))
}

/// A network: an address and how many of its bits count. Written `10.0.0.0/8`, `fd00::/8`, or as one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network: write `10.0.0.0/8`, `fd00::/8`, or one address")]
pub struct InvalidNetwork(String);

impl Network {
    const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            bits,
        }
    }

    const fn v6(first: u16, second: u16, bits: u8) -> Self {
        Self {
            address: IpAddr::V6(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0)),
            bits,
        }
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork(text.chars().filter(|c| !c.is_control()).take(60).collect());
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse::<u8>).map_err(|_| invalid())?;
        match bits <= most {
            true => Ok(Self { address, bits }),
            false => Err(invalid()),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Network {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// What is not the public internet, and what it is called.
const NOT_PUBLIC: &[(Network, &str)] = &[
    (Network::v4(127, 0, 0, 0, 8), "this machine itself"),
    (Network::v4(169, 254, 0, 0, 16), "link-local"),
    (Network::v4(10, 0, 0, 0, 8), "private"),
    (Network::v4(172, 16, 0, 0, 12), "private"),
    (Network::v4(192, 168, 0, 0, 16), "private"),
    (Network::v4(100, 64, 0, 0, 10), "shared by a provider's customers"),
    (Network::v4(0, 0, 0, 0, 8), "no address of a machine"),
    (Network::v4(192, 0, 0, 0, 24), "reserved"),
    (Network::v4(198, 18, 0, 0, 15), "reserved for measurements"),
    (Network::v4(224, 0, 0, 0, 4), "multicast"),
    (Network::v4(240, 0, 0, 0, 4), "reserved"),
    (Network::v6(0xfe80, 0, 10), "link-local"),
    (Network::v6(0xfec0, 0, 10), "private"),
    (Network::v6(0xfc00, 0, 7), "private"),
    (Network::v6(0xff00, 0, 8), "multicast"),
    (Network::v6(0, 0, 16), "this machine itself, or reserved"),
    (Network::v6(0x0064, 0xff9b, 32), "translated in this network"),
    (Network::v6(0x2001, 0, 32), "a tunnel"),
];

/// What an address is when it is not public. Addresses that carry another in themselves are judged by that one.
fn not_public(address: IpAddr) -> Option<&'static str> {
    let address = carried(address);
    NOT_PUBLIC
        .iter()
        .find(|(network, _)| network.contains(address))
        .map(|(_, kind)| *kind)
}

/// The IPv4 address inside a mapped, translated (64:ff9b::/96) or 6to4 (2002::/16) one.
fn carried(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address.to_canonical() else {
        return address.to_canonical();
    };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match (a, b) {
        (0x0064, 0xff9b) if [c, d, e, f] == [0; 4] => v4(g, h),
        (0x2002, _) => v4(b, c),
        _ => IpAddr::V6(v6),
    }
}

/// Networks that may be called although they are not public.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Allowed(pub Vec<Network>);

impl Allowed {
    /// What kind of address it is, when it must not be called.
    fn refuses(&self, address: IpAddr) -> Option<&'static str> {
        let own = carried(address);
        not_public(address).filter(|_| !self.0.iter().any(|network| network.contains(address) || network.contains(own)))
    }
}

/// The addresses of a host that may be called, at least one; resolved once, so that what was judged is what is called.
pub async fn addresses(host: &str, port: u16, allowed: &Allowed) -> Result<Vec<SocketAddr>, OutgoingError> {
    let found = resolve(host).await?;
    let mut good = Vec::new();
    let mut refused = None;
    for address in found {
        match allowed.refuses(address) {
            None => good.push(SocketAddr::new(address, port)),
            Some(kind) => refused = Some((address, kind)),
        }
    }
    match (good.is_empty(), refused) {
        (true, Some((address, kind))) => Err(OutgoingError::NotAllowed {
            host: host.to_owned(),
            address,
            kind,
        }),
        _ => Ok(good),
    }
}

/// A connection to the first of the host's addresses that answers.
pub async fn connect(host: &str, port: u16, allowed: &Allowed) -> Result<TcpStream, OutgoingError> {
    let mut last = OutgoingError::Slow(host.to_owned());
    for address in addresses(host, port, allowed).await? {
        let dialled = timeout(CONNECT_LIMIT, TcpStream::connect(address)).await;
        match dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => return Ok(stream),
            Err(source) => last = OutgoingError::Connect { address, source },
        }
    }
    Err(last)
}

/// TLS on top, the host's name checked against its certificate. `root` is one more authority to trust, as PEM.
pub async fn connect_tls(host: &str, port: u16, allowed: &Allowed, root: Option<&str>) -> Result<TlsStream<TcpStream>, OutgoingError> {
    secure(connect(host, port, allowed).await?, host, root).await
}

/// TLS on a connection that was made already, as after SMTP's `STARTTLS`.
pub async fn secure(stream: TcpStream, host: &str, root: Option<&str>) -> Result<TlsStream<TcpStream>, OutgoingError> {
    shake(stream, host, client_config(root).await?).await
}

async fn shake(stream: TcpStream, host: &str, config: ClientConfig) -> Result<TlsStream<TcpStream>, OutgoingError> {
    let failed = |source| OutgoingError::Tls {
        host: host.to_owned(),
        source,
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|e| failed(io::Error::other(e)))?;
    let shaken = timeout(CONNECT_LIMIT, TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    shaken.map_err(|_| OutgoingError::Slow(host.to_owned()))?.map_err(failed)
}

async fn client_config(root: Option<&str>) -> Result<ClientConfig, OutgoingError> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = root {
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.ok().filter(|all| !all.is_empty()).ok_or(OutgoingError::BadRoot)?;
        for certificate in certificates {
            roots.add(certificate).map_err(|_| OutgoingError::BadRoot)?;
        }
    }
    let system = tokio::task::spawn_blocking(system_roots).await;
    let system = system.map_err(|e| OutgoingError::Roots(io::Error::other(e)))?;
    roots.roots.extend(system.roots.iter().cloned());
    if roots.is_empty() {
        return Err(OutgoingError::NoRoots);
    }
    Ok(ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for both versions")
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The system's authorities, and the file's state they were read in.
static KNOWN_ROOTS: Mutex<Option<(FileState, Arc<RootCertStore>)>> = Mutex::new(None);

/// Which file, when it was changed, how long it is.
type FileState = (&'static str, Option<SystemTime>, u64);

/// The authorities that this system trusts, read again only when their file has changed. Blocking.
fn system_roots() -> Arc<RootCertStore> {
    let mut known = KNOWN_ROOTS.lock().expect("no code panics while it holds the authorities");
    for path in SYSTEM_ROOTS {
        let Ok(meta) = std::fs::metadata(path) else { continue };
        let state = (path, meta.modified().ok(), meta.len());
        if let Some((read_in, roots)) = known.as_ref()
            && *read_in == state
        {
            return roots.clone();
        }
        let Ok(text) = std::fs::read(path) else { continue };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&text).filter_map(Result::ok));
        let roots = Arc::new(roots);
        *known = Some((state, roots.clone()));
        return roots;
    }
    Arc::new(RootCertStore::empty())
}

/// One call.
pub struct Call<'c> {
    pub method: Method,
    pub url: &'c Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub allowed: &'c Allowed,
    /// One more authority to trust, as PEM.
    pub root: Option<&'c str>,
}

/// What came back; its body is cut at [`MAX_ANSWER`] by refusing more.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Makes one call over a connection of its own.
///
/// *Errors*: also for an answer that is a redirect. *Cancel*: the connection is cut; whether the call arrived is then unknown.
pub async fn call(call: Call<'_>) -> Result<Answer, OutgoingError> {
    let host = call.url.host.clone();
    let answer = ask(call, EXCHANGE_LIMIT).await?;
    if answer.status.is_redirection() {
        return Err(OutgoingError::Redirected {
            host,
            status: answer.status,
        });
    }
    Ok(answer)
}

/// One call whose answer is taken as it is: a redirect is for whoever calls to judge. `limit` is for all of request and answer.
///
/// *Cancel*: as [`call`].
pub async fn ask(call: Call<'_>, limit: Duration) -> Result<Answer, OutgoingError> {
    let host = call.url.host.clone();
    let config = match call.url.is_secure {
        true => Some(client_config(call.root).await?),
        false => None,
    };
    let stream = connect(&call.url.host, call.url.port, call.allowed).await?;
    let done = match config {
        Some(mut config) => {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            let stream = shake(stream, &host, config).await?;
            timeout(limit, exchange(call, stream)).await
        }
        None => timeout(limit, exchange(call, stream)).await,
    };
    done.map_err(|_| OutgoingError::Slow(host))?
}

/// A call whose answer says nothing but whether the receiver took it.
///
/// *Errors*: why not, in words for the operator. *Cancel*: as [`call`].
pub async fn deliver(delivery: Call<'_>) -> Result<(), String> {
    let answer = call(delivery).await.map_err(|e| e.words())?;
    match answer.status.is_success() {
        true => Ok(()),
        false => Err(format!("the receiver answered {}", answer.status)),
    }
}

async fn exchange(call: Call<'_>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Answer, OutgoingError> {
    let host = call.url.host.clone();
    let broken = |why: String| OutgoingError::Broken { host: host.clone(), why };
    let mut request = Request::new(Full::new(call.body.clone()));
    *request.method_mut() = call.method;
    *request.uri_mut() = call.url.path.parse().map_err(|_| OutgoingError::Url(call.url.to_string()))?;
    *request.headers_mut() = call.headers;
    let authority = HeaderValue::from_str(&call.url.authority()).map_err(|_| OutgoingError::Url(call.url.to_string()))?;
    request.headers_mut().insert(HOST, authority);
    request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(call.body.len()));
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|e| broken(e.to_string()))?;
    let asking = async {
        let response = sender.send_request(request).await.map_err(|e| broken(e.to_string()))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|e| broken(e.to_string()))?;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
        })
    };
    let (mut asking, mut connection) = (pin!(asking), pin!(connection));
    tokio::select! {
        biased;
        answer = &mut asking => answer,
        _ended = &mut connection => asking.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    #[test]
    fn what_is_not_public_is_refused_however_it_is_written() {
        let nothing = Allowed::default();
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd12:3456::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::808:808",
            "2001:0:7f00:1::808:808",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
        ] {
            assert!(nothing.refuses(address.parse().unwrap()).is_some(), "{address}");
        }
        for address in ["192.0.2.1", "8.8.8.8", "172.32.0.1", "2001:4860:4860::8888", "64:ff9b::808:808"] {
            assert_eq!(nothing.refuses(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn an_allowed_network_opens_itself_and_nothing_else() {
        let allowed = Allowed(vec!["10.1.0.0/16".parse().unwrap(), "fd00::1".parse().unwrap()]);
        for (address, is_open) in [
            ("10.1.255.255", true),
            ("10.2.0.0", false),
            ("::ffff:10.1.0.1", true),
            ("fd00::1", true),
            ("fd00::2", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(allowed.refuses(address.parse().unwrap()).is_none(), is_open, "{address}");
        }
        for wrong in ["", "10.0.0.0/33", "fd00::/129", "hub", "10.0.0.0/-1", "10.0.0/8"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
        assert_eq!("10.1.0.0/16".parse::<Network>().unwrap().to_string(), "10.1.0.0/16");
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("9.9.9.9".parse().unwrap()));
    }

    /// Answers one request with these words; the PEM of its authority comes with its port.
    async fn server(answer: &'static str) -> (u16, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["localhost".into()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = TlsAcceptor::from(Arc::new(config)).accept(stream).await else {
                return;
            };
            let mut seen = vec![0; 4096];
            let _read = tls.read(&mut seen).await;
            tls.write_all(answer.as_bytes()).await.unwrap();
            let _may_be_closed = tls.shutdown().await;
        });
        (port, certificate.pem())
    }

    async fn post(url: &str, allowed: &[&str], root: Option<&str>) -> Result<Answer, OutgoingError> {
        call(Call {
            method: Method::POST,
            url: &url.parse().unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"{}"),
            allowed: &Allowed(allowed.iter().map(|network| network.parse().unwrap()).collect()),
            root,
        })
        .await
    }

    const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1"];

    #[tokio::test]
    async fn a_call_reaches_an_allowed_receiver_that_proves_its_name() {
        let (port, root) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let answer = post(&format!("https://localhost:{port}/"), LOOPBACK, Some(&root)).await.unwrap();
        assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::OK, b"ok".as_ref()));
    }

    #[tokio::test]
    async fn a_receiver_that_cannot_prove_its_name_gets_nothing() {
        let (port, _) = server("HTTP/1.1 200 OK\r\n\r\n").await;
        let (_, foreign) = server("").await;
        let refused = post(&format!("https://localhost:{port}/"), LOOPBACK, Some(&foreign)).await;
        let Err(error @ OutgoingError::Tls { .. }) = refused else {
            panic!("{refused:?}");
        };
        let words = error.words();
        assert_eq!(words.matches("certificate").count(), 1, "the reason is given, and once: {words}");
    }

    #[tokio::test]
    async fn the_hubs_own_machine_is_not_called_unless_allowed() {
        for host in ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"] {
            let refused = post(&format!("https://{host}:9/"), &["10.0.0.0/8"], None).await;
            assert!(matches!(refused, Err(OutgoingError::NotAllowed { .. })), "{host}: {refused:?}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed_and_an_endless_answer_is_cut() {
        let (port, root) = server("HTTP/1.1 302 Found\r\nlocation: https://169.254.169.254/\r\ncontent-length: 0\r\n\r\n").await;
        let refused = post(&format!("https://localhost:{port}/"), LOOPBACK, Some(&root)).await;
        assert!(matches!(refused, Err(OutgoingError::Redirected { .. })), "{refused:?}");
        let endless: &'static str = Box::leak(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(2 * MAX_ANSWER)).into_boxed_str());
        let (port, root) = server(endless).await;
        let refused = post(&format!("https://localhost:{port}/"), LOOPBACK, Some(&root)).await;
        assert!(matches!(refused, Err(OutgoingError::Broken { .. })), "{refused:?}");
    }
}
