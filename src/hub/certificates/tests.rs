//! Certificates as browsers and programs meet them: names, renewal, damage.

use super::*;

use std::os::unix::fs::PermissionsExt;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::{RootCertStore, pki_types};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

const DAY: Duration = Duration::from_secs(86_400);

/// 2026-03-01T12:00:00Z
fn now() -> Timestamp {
    Timestamp::from_millis(1_772_366_400_000)
}

fn open(data: &Path, advertised: &[&str], now: Timestamp) -> Certificates {
    let advertised: Vec<String> = advertised.iter().map(ToString::to_string).collect();
    Certificates::open(data, &advertised, now).unwrap()
}

/// What a client says of a name when it trusts `ca_pem` and the hub presents its current chain.
fn judged(ca_pem: &str, certificates: &Certificates, name: &str, at: Timestamp) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()));
    let verifier = verifier.build().unwrap();
    let current = Arc::clone(&certificates.current.read().0);
    let name = pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let at = pki_types::UnixTime::since_unix_epoch(Duration::from_millis(at.millis() as u64));
    verifier
        .verify_server_cert(&current.cert[0], &current.cert[1..], &name, &[], at)
        .map(drop)
}

fn ca_pem(certificates: &Certificates) -> String {
    String::from_utf8(certificates.ca_pem().to_vec()).unwrap()
}

#[test]
fn the_web_certificate_names_loopback_this_machine_and_what_is_advertised() {
    let data = tempfile::tempdir().unwrap();
    let certificates = open(data.path(), &["hub.example.com:7400", "192.0.2.7", "[2001:db8::7]:7400"], now());
    let mut expected: Vec<String> = Names::own().texts();
    expected.extend(["hub.example.com", "192.0.2.7", "2001:db8::7"].map(str::to_owned));
    for name in expected {
        judged(&ca_pem(&certificates), &certificates, &name, now()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(certificates.names().contains(&name));
    }
    assert!(judged(&ca_pem(&certificates), &certificates, "other.example.com", now()).is_err());
}

#[test]
fn the_ca_lives_ten_years_may_sign_only_its_own_names_and_keeps_its_key_to_itself() {
    let data = tempfile::tempdir().unwrap();
    let certificates = open(data.path(), &["hub.corp.example.com"], now());
    let (_, ca) = X509Certificate::from_der(&certificates.authority.der).unwrap();
    assert!(ca.is_ca());
    let days = (ca.validity().not_after.timestamp() - ca.validity().not_before.timestamp()) / 86_400;
    assert_eq!(days, 3650);
    assert!(ca.name_constraints().unwrap().unwrap().critical);
    for may in ["hub.corp.example.com", "node.corp.example.com", "box.lan", "localhost"] {
        assert!(certificates.authority.may_sign(may), "{may}");
    }
    for may_not in [
        "example.com",
        "evilcorp.example.com",
        "bank.example",
        "com",
        "corp.example.com.evil.example",
    ] {
        assert!(!certificates.authority.may_sign(may_not), "{may_not}");
    }
    for name in ["ca.key", "web.key"] {
        let mode = fs::metadata(data.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_stolen_ca_key_cannot_pose_as_another_name() {
    let data = tempfile::tempdir().unwrap();
    let certificates = open(data.path(), &["hub.corp.example.com"], now());
    let forged = tempfile::tempdir().unwrap();
    for name in ["ca.pem", "ca.key"] {
        fs::copy(data.path().join(name), forged.path().join(name)).unwrap();
    }
    let thief = rcgen::Issuer::from_ca_cert_pem(&ca_pem(&certificates), stolen_key(forged.path())).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["bank.example".to_owned()]).unwrap();
    leaf::set_validity(&mut params, now(), 30);
    let certificate = params.signed_by(&key, &thief).unwrap();
    let key = any_supported_type(&PrivateKeyDer::try_from(key.serialize_der()).unwrap()).unwrap();
    let posing = Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key));
    certificates.current.0.write().unwrap().0 = posing;
    let refused = judged(&ca_pem(&certificates), &certificates, "bank.example", now()).unwrap_err();
    assert!(format!("{refused:?}").contains("NameConstraint"), "{refused:?}");
}

fn stolen_key(data: &Path) -> rcgen::KeyPair {
    rcgen::KeyPair::from_pem(&fs::read_to_string(data.join("ca.key")).unwrap()).unwrap()
}

#[test]
fn a_second_start_uses_the_same_certificates() {
    let data = tempfile::tempdir().unwrap();
    let first = open(data.path(), &["hub.lan"], now());
    let second = open(data.path(), &["hub.lan"], now() + DAY * 100);
    assert_eq!(first.ca_fingerprint(), second.ca_fingerprint());
    assert_eq!(first.current.read().0.cert, second.current.read().0.cert);
    assert!(!second.refresh(now() + DAY * 100).unwrap());
}

#[test]
fn the_web_certificate_is_replaced_near_its_end_and_the_ca_stays() {
    let data = tempfile::tempdir().unwrap();
    let certificates = open(data.path(), &[], now());
    let late = now() + DAY * 370;
    judged(&ca_pem(&certificates), &certificates, "localhost", late).unwrap();
    assert!(certificates.refresh(late).unwrap());
    judged(&ca_pem(&certificates), &certificates, "localhost", late + DAY * 300).unwrap();
    let (_, leaf) = X509Certificate::from_der(&certificates.current.read().0.cert[0])
        .map(|(r, c)| (r, c.validity().clone()))
        .unwrap();
    assert!(leaf.not_after.timestamp() - leaf.not_before.timestamp() <= 397 * 86_400);
}

#[test]
fn a_new_address_is_named_and_a_new_own_name_leaves_the_ca_alone() {
    let data = tempfile::tempdir().unwrap();
    let certificates = open(data.path(), &[], now());
    let mut wanted = Names::own();
    wanted.addresses.insert("203.0.113.9".parse().unwrap());
    wanted.dns.insert("renamed-container".into());
    assert!(certificates.refresh_for(&wanted, now()).unwrap());
    judged(&ca_pem(&certificates), &certificates, "203.0.113.9", now()).unwrap();
    assert!(!certificates.names().contains(&"renamed-container".to_owned()));
}

#[test]
fn advertising_a_name_that_the_ca_may_not_sign_makes_a_new_ca() {
    let data = tempfile::tempdir().unwrap();
    let first = open(data.path(), &[], now());
    let second = open(data.path(), &["hub.other.example"], now());
    assert_ne!(first.ca_fingerprint(), second.ca_fingerprint());
    judged(&ca_pem(&second), &second, "hub.other.example", now()).unwrap();
    judged(&ca_pem(&second), &second, "localhost", now()).unwrap();
}

#[test]
fn an_outlived_ca_is_replaced() {
    let data = tempfile::tempdir().unwrap();
    let first = open(data.path(), &[], now());
    let late = now() + DAY * 3300;
    let second = open(data.path(), &[], late);
    assert_ne!(first.ca_fingerprint(), second.ca_fingerprint());
    judged(&ca_pem(&second), &second, "localhost", late).unwrap();
}

#[test]
fn a_damaged_ca_is_refused_with_the_remedy_and_a_damaged_web_certificate_is_made_anew() {
    let data = tempfile::tempdir().unwrap();
    let first = open(data.path(), &[], now());
    fs::write(data.path().join("web.pem"), "garbage").unwrap();
    let second = open(data.path(), &[], now());
    assert_eq!(first.ca_fingerprint(), second.ca_fingerprint());
    judged(&ca_pem(&second), &second, "127.0.0.1", now()).unwrap();
    fs::write(data.path().join("ca.pem"), "garbage").unwrap();
    let refused = Certificates::open(data.path(), &[], now()).err().unwrap().to_string();
    assert!(refused.contains("ca.pem") && refused.contains("remove"), "{refused}");
}

#[test]
fn an_advertised_word_that_is_no_host_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let refused = Certificates::open(data.path(), &["bad host".to_owned()], now()).err().unwrap();
    assert!(matches!(refused, CertificateError::Name(_)));
}

#[test]
fn hosts_are_found_in_all_their_spellings() {
    for (text, host) in [
        ("hub", "hub"),
        ("hub:7400", "hub"),
        ("[::1]:7400", "::1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("192.0.2.1:1", "192.0.2.1"),
    ] {
        assert_eq!(host_of(text), host);
    }
}

#[test]
fn a_fingerprint_reads_as_openssl_prints_it() {
    assert!(fingerprint(b"").starts_with("E3:B0:C4:42:"));
    assert_eq!(fingerprint(b"").len(), 95);
}
