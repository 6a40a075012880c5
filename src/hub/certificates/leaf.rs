//! The web certificate: short-lived, named after everything this hub is reached by.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::authority::Authority;
use super::{
    CertificateDer, CertificateError, CertifiedKey, Files, Names, PemObject, PrivateKeyDer, Timestamp, any_supported_type, read, write,
};

/// Browsers refuse longer ones, and a day at the start is spent on clocks that are behind.
const LIVES_DAYS: u32 = 397;
const RENEWED_BEFORE_DAYS: i64 = 30;
const DAY: Duration = Duration::from_secs(86_400);

/// A web certificate with its chain and key, as PEM.
pub(super) struct Leaf {
    chain: String,
    key: String,
    names: Names,
    pub is_new: bool,
}

/// The web certificate on disk when it fits, otherwise a new one.
pub(super) fn load_or_make(files: &Files, authority: &Authority, wanted: &Names, now: Timestamp) -> Result<Leaf, CertificateError> {
    let wanted = signable(authority, wanted);
    if let (Some(chain), Some(key)) = (read(&files.web_pem)?, read(&files.web_key)?)
        && let Some(names) = fitting(&chain, &key, authority, now)
        && names.covers(&wanted)
    {
        return Ok(Leaf {
            chain,
            key,
            names,
            is_new: false,
        });
    }
    make(files, authority, wanted, now)
}

/// Leaves out what the CA may not sign: one such name would spoil the certificate for all others.
fn signable(authority: &Authority, wanted: &Names) -> Names {
    let (may, may_not): (Vec<_>, Vec<_>) = wanted.dns.iter().cloned().partition(|name| authority.may_sign(name));
    for name in may_not {
        tracing::warn!(%name, "name left out of the web certificate: this machine had another name when the hub's CA was made");
    }
    Names {
        dns: may.into_iter().collect(),
        addresses: wanted.addresses.clone(),
    }
}

/// The names of a certificate of this CA that has its key and lives long enough.
fn fitting(chain: &str, key: &str, authority: &Authority, now: Timestamp) -> Option<Names> {
    let der = CertificateDer::from_pem_slice(chain.as_bytes()).ok()?;
    let certificate = parsed(&der)?;
    let (_, ca) = X509Certificate::from_der(&authority.der).ok()?;
    let key = KeyPair::from_pem(key).ok()?;
    let is_ours = certificate.issuer() == ca.subject()
        && chain.contains(authority.pem.trim())
        && certificate.public_key().subject_public_key.data == key.public_key_raw();
    let validity = certificate.validity();
    let begins = Timestamp::from_millis(validity.not_before.timestamp() * 1000);
    let ends = Timestamp::from_millis(validity.not_after.timestamp() * 1000);
    let lives = begins <= now && days_from(now, ends) >= RENEWED_BEFORE_DAYS;
    (is_ours && lives).then(|| names_of(&certificate))
}

fn names_of(certificate: &X509Certificate<'_>) -> Names {
    let mut names = Names::default();
    let extension = certificate.subject_alternative_name().ok().flatten();
    for name in extension.iter().flat_map(|e| &e.value.general_names) {
        match name {
            GeneralName::DNSName(dns) => {
                names.dns.insert((*dns).to_owned());
            }
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                names
                    .addresses
                    .extend(v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)));
            }
            _ => {}
        }
    }
    names
}

fn make(files: &Files, authority: &Authority, names: Names, now: Timestamp) -> Result<Leaf, CertificateError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    set_validity(&mut params, now, LIVES_DAYS);
    params.distinguished_name.push(DnType::CommonName, "Roadstead hub");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    for name in &names.dns {
        params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
    }
    params
        .subject_alt_names
        .extend(names.addresses.iter().copied().map(SanType::IpAddress));
    let certificate = params.signed_by(&key, &authority.issuer)?;
    let chain = certificate.pem() + authority.pem.as_str();
    let key = key.serialize_pem();
    write(&files.web_key, &key)?;
    write(&files.web_pem, &chain)?;
    Ok(Leaf {
        chain,
        key,
        names,
        is_new: true,
    })
}

impl Leaf {
    /// As TLS takes it, with its names for people.
    pub(super) fn into_current(self) -> Result<(Arc<CertifiedKey>, Vec<String>), CertificateError> {
        let unusable = |_| rustls::Error::General("the web certificate's PEM is malformed".into());
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(unusable)?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(unusable)?;
        let key = any_supported_type(&key)?;
        Ok((Arc::new(CertifiedKey::new(chain, key)), self.names.texts()))
    }
}

pub(super) fn parsed<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate)
}

/// Whole days between now and then; negative when it is past.
pub(super) fn days_from(now: Timestamp, then: Timestamp) -> i64 {
    (then.millis() - now.millis()).div_euclid(DAY.as_millis() as i64)
}

/// Valid from yesterday's midnight (UTC), for clocks that are behind, and for so many days.
pub(super) fn set_validity(params: &mut CertificateParams, now: Timestamp, days: u32) {
    let yesterday = now - DAY;
    let midnight = |at: Timestamp| {
        let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = midnight(yesterday);
    params.not_after = midnight(yesterday + DAY * days);
}
