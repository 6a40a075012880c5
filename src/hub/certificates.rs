//! The hub's own certificate authority and the web certificate it signs.
//!
//! Browsers, SDKs and the command line check the web certificate; agents never do (they pin the hub's key). The CA is made once
//! and lives ten years, so that whoever trusted it goes on trusting; it may only sign the names it was made for (name
//! constraints), so that a stolen CA key cannot pose as the rest of the world to those who imported it. The web certificate is
//! short-lived and replaced in the running hub: near its end, or when the machine has a new address or name.
//!
//! *Invariant*: a new CA is made only when there is none, when it ends, or when the operator advertises a name that the old one
//! may not sign; never because a machine changed its own name (a container does that at every start).

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;

mod authority;
mod leaf;

use crate::base::{Clock, Timestamp};
use crate::platform::addresses::{host_name, is_dns_name, local_addresses};
use crate::platform::key_file::replace_durably;

/// How often a running hub looks whether its certificate still fits.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("`{}` cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    #[error("`{}` cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
    #[error("`{}` is damaged: restore it from a backup, or remove ca.pem, ca.key, web.pem and web.key to have new ones made (clients must then trust the new CA)", .0.display())]
    Damaged(PathBuf),
    #[error("`{0}` is advertised, but it is neither a host name nor an address")]
    Name(String),
    #[error("the certificate could not be made")]
    Make(#[from] rcgen::Error),
    #[error("the certificate could not be used for TLS")]
    Tls(#[from] rustls::Error),
}

/// Both certificates of one hub, as files in its data folder and in use.
pub struct Certificates {
    files: Files,
    advertised: Names,
    authority: authority::Authority,
    current: Arc<Current>,
}

/// The files' paths.
struct Files {
    ca_pem: PathBuf,
    ca_key: PathBuf,
    web_pem: PathBuf,
    web_key: PathBuf,
}

/// What a certificate names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Names {
    dns: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

/// The web certificate that handshakes get now.
#[derive(Debug)]
struct Current(RwLock<(Arc<CertifiedKey>, Vec<String>)>);

impl Certificates {
    /// Loads both certificates, or makes what is missing, outlived or too narrow. Blocking.
    ///
    /// *Shape*: `advertised` are hosts, each with or without a port, that operators put into links.
    pub fn open(data: &Path, advertised: &[String], now: Timestamp) -> Result<Self, CertificateError> {
        let files = Files {
            ca_pem: data.join("ca.pem"),
            ca_key: data.join("ca.key"),
            web_pem: data.join("web.pem"),
            web_key: data.join("web.key"),
        };
        let advertised = Names::advertised(advertised)?;
        let own = Names::own();
        let authority = authority::load_or_make(&files, &advertised, &own, now)?;
        let leaf = leaf::load_or_make(&files, &authority, &advertised.joined(&own), now)?;
        Ok(Self {
            current: Arc::new(Current(RwLock::new(leaf.into_current()?))),
            files,
            advertised,
            authority,
        })
    }

    /// For browsers and programs. Certificates replaced later are used without a new configuration.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let mut config = builder
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    pub fn ca_pem(&self) -> Bytes {
        Bytes::copy_from_slice(self.authority.pem.as_bytes())
    }

    /// See [`fingerprint`].
    pub fn ca_fingerprint(&self) -> String {
        fingerprint(&self.authority.der)
    }

    /// What the web certificate names now, sorted.
    pub fn names(&self) -> Vec<String> {
        self.current.read().1.clone()
    }

    /// Replaces the web certificate when it is near its end or the machine has a name or address that it lacks. Blocking.
    ///
    /// `true` when it was replaced.
    pub fn refresh(&self, now: Timestamp) -> Result<bool, CertificateError> {
        self.refresh_for(&self.advertised.joined(&Names::own()), now)
    }

    fn refresh_for(&self, wanted: &Names, now: Timestamp) -> Result<bool, CertificateError> {
        let leaf = leaf::load_or_make(&self.files, &self.authority, wanted, now)?;
        let is_new = leaf.is_new;
        if is_new {
            let replacement = leaf.into_current()?;
            *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = replacement;
        }
        Ok(is_new)
    }

    /// Keeps the web certificate fresh until `shutdown`.
    pub async fn keep_fresh(self: Arc<Self>, clock: Clock, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let (this, now) = (Arc::clone(&self), clock.now());
            match tokio::task::spawn_blocking(move || this.refresh(now)).await {
                Ok(Ok(true)) => tracing::info!(names = ?self.names(), "web certificate replaced"),
                Ok(Ok(false)) => {}
                Ok(Err(e)) => tracing::error!(error = &e as &dyn std::error::Error, "web certificate could not be replaced"),
                Err(e) => tracing::error!(error = %e, "web certificate could not be replaced"),
            }
        }
    }
}

/// SHA-256 of a certificate's DER in upper-case hexadecimal with colons, as browsers and `openssl x509 -fingerprint` show it.
pub fn fingerprint(der: &[u8]) -> String {
    let hash = digest(&SHA256, der);
    let bytes: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

impl Names {
    /// This machine: its name (whole and short), its addresses, and loopback.
    fn own() -> Self {
        let mut names = Self::default();
        names.dns.insert("localhost".into());
        if let Some(name) = host_name() {
            names.dns.extend(name.split_once('.').map(|(short, _)| short.to_owned()));
            names.dns.insert(name);
        }
        names
            .addresses
            .extend([IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])]);
        names.addresses.extend(local_addresses());
        names
    }

    fn advertised(hosts: &[String]) -> Result<Self, CertificateError> {
        let mut names = Self::default();
        for text in hosts {
            let host = host_of(text);
            match host.parse::<IpAddr>() {
                Ok(address) => names.addresses.insert(address),
                Err(_) if is_dns_name(host) => names.dns.insert(host.to_ascii_lowercase()),
                Err(_) => return Err(CertificateError::Name(text.clone())),
            };
        }
        Ok(names)
    }

    fn joined(&self, other: &Self) -> Self {
        Self {
            dns: self.dns.union(&other.dns).cloned().collect(),
            addresses: self.addresses.union(&other.addresses).copied().collect(),
        }
    }

    fn covers(&self, wanted: &Self) -> bool {
        self.dns.is_superset(&wanted.dns) && self.addresses.is_superset(&wanted.addresses)
    }

    fn texts(&self) -> Vec<String> {
        let addresses = self.addresses.iter().map(ToString::to_string);
        self.dns.iter().cloned().chain(addresses).collect()
    }
}

/// The host of `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.
fn host_of(text: &str) -> &str {
    if let Some((host, _)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return host;
    }
    match text.rsplit_once(':') {
        Some((host, _)) if !host.contains(':') => host,
        _ => text,
    }
}

impl Current {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, (Arc<CertifiedKey>, Vec<String>)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.read().0))
    }
}

/// The content of a file; `None` when there is no such file.
fn read(path: &Path) -> Result<Option<String>, CertificateError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(CertificateError::Read(path.to_owned(), e)),
    }
}

fn write(path: &Path, text: &str) -> Result<(), CertificateError> {
    replace_durably(path, text.as_bytes()).map_err(|e| CertificateError::Write(path.to_owned(), e))
}

#[cfg(test)]
mod tests;
