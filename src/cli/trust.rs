//! Whom the CLI believes to be the hub: one pinned CA, never the system's collection of them.
//!
//! A hub's CA signs nothing but that hub's certificate, so a certificate under a pinned CA is the hub whatever name it was
//! reached by. A CA file that the caller names may sign more, so there the name must match.

use std::sync::Arc;

use anyhow::{Context, Result};
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// What a TLS connection to the hub must prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A certificate under this hub's own CA.
    Pinned(String),
    /// A certificate for the name under a CA of this PEM file.
    CaFile(String),
    /// Nothing: to fetch a CA that is then compared or shown, or on this very host, where plain HTTP is served too.
    Anyone,
}

/// The hexadecimal SHA-256 of the first certificate in a PEM text, as `/ca.pem` names it.
pub fn fingerprint(pem: &str) -> Result<String> {
    let first = CertificateDer::pem_slice_iter(pem.as_bytes()).next();
    let der = first
        .context("the text holds no certificate")?
        .context("the certificate is damaged")?;
    Ok(HEXLOWER.encode(digest::digest(&digest::SHA256, &der).as_ref()))
}

/// Two fingerprints, whatever their case and colons.
pub fn same_fingerprint(a: &str, b: &str) -> bool {
    bare(a) == bare(b)
}

/// A fingerprint as the hub and other tools write it: pairs of digits with colons.
pub fn grouped(fingerprint: &str) -> String {
    let digits: Vec<char> = bare(fingerprint).to_ascii_uppercase().chars().collect();
    digits
        .chunks(2)
        .map(|pair| pair.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join(":")
}

fn bare(fingerprint: &str) -> String {
    fingerprint.replace([':', ' '], "").to_ascii_lowercase()
}

pub fn client_config(trust: &Trust) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(provider::default_provider());
    let verifier = Verifier {
        inner: match trust {
            Trust::Pinned(pem) | Trust::CaFile(pem) => Some(chain_verifier(pem, &provider)?),
            Trust::Anyone => None,
        },
        any_name: matches!(trust, Trust::Pinned(_)),
        provider: provider.clone(),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn chain_verifier(pem: &str, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.context("a CA certificate is damaged")?)?;
    }
    anyhow::ensure!(!roots.is_empty(), "the CA file holds no certificate");
    Ok(WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?)
}

#[derive(Debug)]
struct Verifier {
    inner: Option<Arc<WebPkiServerVerifier>>,
    any_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        match inner.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            // The name is looked at last: the chain was good.
            Err(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }))
                if self.any_name =>
            {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_compared_without_case_and_colons() {
        assert!(same_fingerprint("AB:cd", "abcd"));
        assert!(!same_fingerprint("abce", "abcd"));
        assert_eq!(grouped("abcdef01"), "AB:CD:EF:01");
        assert_eq!(grouped("AB:CD"), "AB:CD");
    }

    #[test]
    fn a_text_without_a_certificate_is_refused() {
        assert!(fingerprint("hello").is_err());
        assert!(client_config(&Trust::CaFile("hello".into())).is_err());
    }
}
