//! TLS between agents and the hub: version 1.3 with *raw public keys* on both sides (RFC 7250), ed25519, no certificates.
//!
//! A process *is* its key. The agent pins the hub's key by fingerprint and refuses any other; the hub accepts every key in
//! the handshake and decides afterwards, by message, whom it admits. The proof that the peer holds the key is always
//! checked. Resumption is off: it would skip both the pin and the proof. One crypto provider, aws-lc-rs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs as provider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, OtherError, ServerConfig, SignatureScheme};

/// DER in front of the 32 bytes of an ed25519 seed (PKCS#8) …
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// … and in front of the 32 bytes of an ed25519 public key (SPKI).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
const SPKI_LENGTH: usize = 44;

/// The application protocol by which the port knows an agent.
pub const AGENT_ALPN: &[u8] = b"roadstead/1";

/// The hub answered with another key than the pinned one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongKey {
    /// Fingerprints, lower-case hexadecimal.
    pub expected: String,
    pub found: String,
}

impl fmt::Display for WrongKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the hub's key is {}, not the pinned {}", self.found, self.expected)
    }
}

impl std::error::Error for WrongKey {}

impl WrongKey {
    /// The cause of a failed handshake, when this was it.
    pub fn within(error: &std::io::Error) -> Option<&WrongKey> {
        match error.get_ref()?.downcast_ref::<rustls::Error>()? {
            rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) => cause.downcast_ref(),
            _ => None,
        }
    }
}

/// SHA-256 of a public key's SPKI bytes, as raw bytes.
pub fn spki_digest(spki: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, spki).as_ref());
    out
}

/// SHA-256 of a public key's SPKI bytes, lower-case hexadecimal: how people and tokens name a key.
pub fn spki_fingerprint(spki: &[u8]) -> String {
    HEXLOWER.encode(&spki_digest(spki))
}

/// The SPKI (44 bytes) of the key that grows from `seed`.
pub fn public_key(seed: &[u8; 32]) -> Vec<u8> {
    certified_key(seed).cert[0].to_vec()
}

/// The 32 bytes of an ed25519 key in its SPKI form; `None` when it is of another sort.
pub fn raw_public_key(spki: &[u8]) -> Option<[u8; 32]> {
    is_ed25519(spki).then(|| spki[SPKI_LENGTH - 32..].try_into().expect("the length was checked"))
}

/// The SPKI fingerprint of an ed25519 key given as its 32 bytes.
pub fn fingerprint_of(public: &[u8; 32]) -> String {
    spki_fingerprint(&[SPKI_PREFIX.as_slice(), public].concat())
}

/// The hub's key as TLS proves it; it can be changed while the port is open.
#[derive(Debug)]
pub struct HubCertificate(RwLock<Arc<CertifiedKey>>);

impl HubCertificate {
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(RwLock::new(certified_key(seed)))
    }

    /// From the next handshake on.
    pub fn set(&self, seed: &[u8; 32]) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certified_key(seed);
    }
}

impl ResolvesServerCert for HubCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn only_raw_public_keys(&self) -> bool {
        true
    }
}

/// The hub's side of the agents' door; accepts any ed25519 client key that proves itself.
pub fn hub_server_config(seed: &[u8; 32]) -> Arc<ServerConfig> {
    hub_server_config_of(Arc::new(HubCertificate::new(seed)))
}

/// The same with a key that may change.
pub fn hub_server_config_of(certificate: Arc<HubCertificate>) -> Arc<ServerConfig> {
    let provider = Arc::new(provider::default_provider());
    let verifier = Arc::new(AnyKey(provider.signature_verification_algorithms));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3 suites")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![AGENT_ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Arc::new(config)
}

/// The agent's side: its own key, and the only hub key it will talk to (`hub_pin`: fingerprint, hexadecimal).
pub fn agent_client_config(seed: &[u8; 32], hub_pin: &str) -> Arc<ClientConfig> {
    client_config(seed, Pins::These(vec![hub_pin.to_owned()]))
}

/// The same for a hub whose key is being changed: any of these.
pub fn agent_client_config_of(seed: &[u8; 32], hub_pins: Vec<String>) -> Arc<ClientConfig> {
    client_config(seed, Pins::These(hub_pins))
}

/// For asking a hub with an unknown key how it came by it. Nothing of the node may be said on such a line.
pub fn agent_client_config_unpinned(seed: &[u8; 32]) -> Arc<ClientConfig> {
    client_config(seed, Pins::Any)
}

fn client_config(seed: &[u8; 32], pins: Pins) -> Arc<ClientConfig> {
    let provider = Arc::new(provider::default_provider());
    let verifier = Arc::new(PinnedKey {
        pins,
        algorithms: provider.signature_verification_algorithms,
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3 suites")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(rustls::client::AlwaysResolvesClientRawPublicKeys::new(certified_key(
            seed,
        ))));
    config.alpn_protocols = vec![AGENT_ALPN.to_vec()];
    config.enable_sni = false;
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

/// The name an agent's client asks for; no name is ever checked, the key is.
pub fn hub_server_name() -> ServerName<'static> {
    ServerName::try_from("hub.roadstead.invalid").expect("a well-formed name")
}

fn certified_key(seed: &[u8; 32]) -> Arc<CertifiedKey> {
    let pkcs8 = [PKCS8_PREFIX.as_slice(), seed].concat();
    let key = provider::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8)).expect("any 32 bytes are an ed25519 seed");
    let spki = key.public_key().expect("an ed25519 key knows its public half");
    // RFC 7250 puts the bare public key where a certificate would be.
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki.as_ref().to_vec())], key))
}

fn is_ed25519(spki: &[u8]) -> bool {
    spki.len() == SPKI_LENGTH && spki.starts_with(&SPKI_PREFIX)
}

fn verify_proof(
    message: &[u8],
    key: &CertificateDer<'_>,
    proof: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    verify_tls13_signature_with_raw_key(message, &SubjectPublicKeyInfoDer::from(key.as_ref()), proof, algorithms)
}

fn no_tls12() -> rustls::Error {
    rustls::Error::General("agents and the hub speak TLS 1.3 only".into())
}

/// The hub's verifier: any ed25519 key; who it is is decided by the link.
#[derive(Debug)]
struct AnyKey(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnyKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        match is_ed25519(key) {
            true => Ok(ClientCertVerified::assertion()),
            false => Err(rustls::Error::InvalidCertificate(CertificateError::BadEncoding)),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        proof: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_proof(message, key, proof, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// Which keys of a hub are taken; fingerprints.
#[derive(Debug)]
enum Pins {
    These(Vec<String>),
    Any,
}

/// The agent's verifier: exactly one hub.
#[derive(Debug)]
struct PinnedKey {
    pins: Pins,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for PinnedKey {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found = spki_fingerprint(key);
        let expected = match &self.pins {
            Pins::Any if is_ed25519(key) => return Ok(ServerCertVerified::assertion()),
            Pins::These(pins) if is_ed25519(key) && pins.contains(&found) => return Ok(ServerCertVerified::assertion()),
            Pins::These(pins) => pins.first().cloned().unwrap_or_default(),
            Pins::Any => String::new(),
        };
        let wrong = OtherError(Arc::new(WrongKey { expected, found }));
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(wrong)))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        proof: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_proof(message, key, proof, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    const HUB: [u8; 32] = [1; 32];
    const AGENT: [u8; 32] = [2; 32];

    async fn shake(pin: &str) -> (std::io::Result<()>, std::io::Result<Vec<u8>>) {
        let (near, far) = duplex(16 * 1024);
        let agent = async {
            let connector = TlsConnector::from(agent_client_config(&AGENT, pin));
            let mut tls = connector.connect(hub_server_name(), near).await?;
            tls.write_all(b"x").await?;
            tls.shutdown().await
        };
        let hub = async {
            let mut tls = TlsAcceptor::from(hub_server_config(&HUB)).accept(far).await?;
            tls.read_u8().await?;
            assert_eq!(tls.get_ref().1.alpn_protocol(), Some(AGENT_ALPN));
            Ok(tls.get_ref().1.peer_certificates().unwrap()[0].to_vec())
        };
        tokio::join!(agent, hub)
    }

    #[tokio::test]
    async fn both_sides_know_each_other_by_key() {
        let (agent, hub) = shake(&spki_fingerprint(&public_key(&HUB))).await;
        agent.unwrap();
        assert_eq!(hub.unwrap(), public_key(&AGENT));
    }

    #[tokio::test]
    async fn another_hub_key_is_refused_and_both_fingerprints_are_known() {
        let pin = "ab".repeat(32);
        let (agent, _) = shake(&pin).await;
        let error = agent.unwrap_err();
        let wrong = WrongKey::within(&error).expect("the cause is the key");
        assert_eq!((&wrong.expected, &wrong.found), (&pin, &spki_fingerprint(&public_key(&HUB))));
    }

    #[test]
    fn a_public_key_is_44_bytes_of_ed25519() {
        assert!(is_ed25519(&public_key(&HUB)));
        assert!(!is_ed25519(b"no key at all"));
    }
}
