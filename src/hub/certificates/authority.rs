//! The certificate authority: made once, constrained to names that can be this hub's.

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256,
};
use x509_parser::extensions::GeneralName;

use super::leaf::{days_from, parsed, set_validity};
use super::{CertificateDer, CertificateError, Files, Names, PemObject, Timestamp, read, write};

const LIVES_DAYS: u32 = 3650;
/// A CA that ends sooner could not sign a web certificate for its whole life.
const RENEWED_BEFORE_DAYS: i64 = 400;

/// Endings that nobody owns in the public name system; a machine's name often gets one later.
const PRIVATE_ENDINGS: [&str; 6] = ["localhost", "local", "lan", "internal", "home.arpa", "test"];

/// The CA in use.
pub(super) struct Authority {
    pub pem: String,
    pub der: Vec<u8>,
    pub issuer: Issuer<'static, KeyPair>,
    /// Names at and below which it may sign.
    permitted: Vec<String>,
}

/// The CA of this data folder. One that cannot name what is advertised, or ends soon, is replaced.
pub(super) fn load_or_make(files: &Files, advertised: &Names, own: &Names, now: Timestamp) -> Result<Authority, CertificateError> {
    let Some(found) = load(files)? else {
        return make(files, &advertised.joined(own), now);
    };
    let ends_soon = days_from(now, found.not_after) < RENEWED_BEFORE_DAYS;
    let too_narrow = advertised.dns.iter().find(|name| !found.authority.may_sign(name));
    match (ends_soon, too_narrow) {
        (false, None) => return Ok(found.authority),
        (true, _) => tracing::warn!("the hub's CA ends soon: a new one is made; clients must fetch /ca.pem again"),
        (false, Some(name)) => {
            tracing::warn!(%name, "the hub's CA may not sign an advertised name: a new one is made; clients must fetch /ca.pem again");
        }
    }
    make(files, &advertised.joined(own), now)
}

impl Authority {
    /// Whether a name lies at or below one that was permitted when the CA was made.
    pub(super) fn may_sign(&self, name: &str) -> bool {
        self.permitted.iter().any(|permitted| {
            let above = name.strip_suffix(permitted.as_str());
            above.is_some_and(|labels| labels.is_empty() || labels.ends_with('.'))
        })
    }
}

struct Found {
    authority: Authority,
    not_after: Timestamp,
}

fn load(files: &Files) -> Result<Option<Found>, CertificateError> {
    let (Some(pem), Some(key)) = (read(&files.ca_pem)?, read(&files.ca_key)?) else {
        return Ok(None);
    };
    let key = KeyPair::from_pem(&key).map_err(|_| CertificateError::Damaged(files.ca_key.clone()))?;
    let damaged = || CertificateError::Damaged(files.ca_pem.clone());
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| damaged())?;
    let certificate = parsed(&der).ok_or_else(damaged)?;
    if certificate.public_key().subject_public_key.data != key.public_key_raw() {
        return Err(damaged());
    }
    let constraints = certificate.name_constraints().map_err(|_| damaged())?;
    let permitted = constraints.and_then(|c| c.value.permitted_subtrees.clone()).unwrap_or_default();
    let dns = permitted.iter().filter_map(|subtree| match subtree.base {
        GeneralName::DNSName(name) => Some(name.to_owned()),
        _ => None,
    });
    let permitted = dns.collect();
    let not_after = Timestamp::from_millis(certificate.validity().not_after.timestamp() * 1000);
    let issuer = Issuer::from_ca_cert_der(&der, key).map_err(|_| damaged())?;
    let authority = Authority {
        der: der.to_vec(),
        pem,
        issuer,
        permitted,
    };
    Ok(Some(Found { authority, not_after }))
}

fn make(files: &Files, names: &Names, now: Timestamp) -> Result<Authority, CertificateError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let permitted = permitted_for(names);
    let mut params = CertificateParams::default();
    set_validity(&mut params, now, LIVES_DAYS);
    let host = names
        .dns
        .iter()
        .find(|name| *name != "localhost")
        .map_or("localhost", String::as_str);
    // X.509 allows 64 characters in a common name.
    let common_name: String = format!("Roadstead CA of {host}").chars().take(64).collect();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(constraints(&permitted));
    let certificate = params.self_signed(&key)?;
    // The key first: a certificate without its key would be taken for a damaged pair.
    write(&files.ca_key, &key.serialize_pem())?;
    write(&files.ca_pem, &certificate.pem())?;
    Ok(Authority {
        pem: certificate.pem(),
        der: certificate.der().to_vec(),
        issuer: Issuer::new(params, key),
        permitted,
    })
}

/// The names asked for, the domains they lie in, and the private endings.
fn permitted_for(names: &Names) -> Vec<String> {
    let mut permitted: Vec<String> = PRIVATE_ENDINGS.map(str::to_owned).into();
    for name in &names.dns {
        let domain = name.split_once('.').map(|(_, domain)| domain).filter(|domain| domain.contains('.'));
        permitted.extend(domain.map(str::to_owned));
        permitted.push(name.clone());
    }
    permitted.sort();
    permitted.dedup();
    permitted
}

/// Any address may be signed: machines move between networks, and hardly anybody reaches the public web by address.
fn constraints(permitted: &[String]) -> NameConstraints {
    let mut subtrees: Vec<GeneralSubtree> = permitted.iter().cloned().map(GeneralSubtree::DnsName).collect();
    subtrees.push(GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])));
    subtrees.push(GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])));
    NameConstraints {
        permitted_subtrees: subtrees,
        excluded_subtrees: Vec::new(),
    }
}
