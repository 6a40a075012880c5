//! Signatures of OpenSSH (`ssh-keygen -Y sign`) and the list of who may make them: ed25519 and ECDSA keys.
//!
//! ```text
//! blob   = "SSHSIG" · version 1 (4) · string public key · string namespace · string reserved · string hash · string signature
//! signed = "SSHSIG" · string namespace · string reserved · string hash · string H(message)
//! ```
//!
//! *Source*: OpenSSH's PROTOCOL.sshsig, and `ssh-keygen(1)`, "ALLOWED SIGNERS". Certificates and hardware-backed key types are
//! not taken; times without `Z` are taken as UTC.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, UnparsedPublicKey, VerificationAlgorithm,
};
use data_encoding::BASE64;

use crate::base::Timestamp;

const MAGIC: &[u8] = b"SSHSIG";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
/// Longer than any signature of the key types taken.
const MAX_ARMOR: usize = 8 * 1024;

/// What is wrong with a signature or a line of signers; for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshSigError {
    #[error("it is not a signature of `ssh-keygen -Y sign`")]
    NotASignature,
    #[error("it is a signature for the namespace `{0}`")]
    Namespace(String),
    #[error("its key type `{0}` is not taken: use ed25519 or ecdsa")]
    KeyType(String),
    #[error("its key is not one of those that may sign")]
    UnknownKey,
    #[error("its key may not sign at this time")]
    OutOfTime,
    #[error("it is not a signature of this text")]
    Mismatch,
    #[error("`{0}` is not a line of allowed signers: principals, options, key type and key, such as `ann ssh-ed25519 AAAA…`")]
    Signer(String),
}

/// One line of an allowed-signers file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    pub principal: String,
    key: Vec<u8>,
    namespaces: Option<Vec<String>>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

impl std::str::FromStr for Signer {
    type Err = SshSigError;

    fn from_str(line: &str) -> Result<Self, SshSigError> {
        let wrong = || SshSigError::Signer(line.chars().filter(|c| !c.is_control()).take(80).collect());
        let mut fields = fields(line).into_iter();
        let principal = fields.next().filter(|p| !p.is_empty()).ok_or_else(wrong)?;
        let mut signer = Self {
            principal,
            key: Vec::new(),
            namespaces: None,
            valid_after: None,
            valid_before: None,
        };
        let mut next = fields.next().ok_or_else(wrong)?;
        if !is_key_type(&next) {
            for option in options(&next) {
                signer.take_option(&option).ok_or_else(wrong)?;
            }
            next = fields.next().ok_or_else(wrong)?;
        }
        let encoded = fields.next().ok_or_else(wrong)?;
        signer.key = BASE64.decode(encoded.as_bytes()).map_err(|_| wrong())?;
        let named = Reader(&signer.key).string().ok_or_else(wrong)?;
        if named != next.as_bytes() {
            return Err(wrong());
        }
        // A key that could never verify is better refused when it is written down.
        PublicKey::parse(&signer.key)?;
        Ok(signer)
    }
}

impl Signer {
    fn take_option(&mut self, option: &str) -> Option<()> {
        let (name, value) = option.split_once('=')?;
        let value = value.trim_matches('"');
        match name.to_ascii_lowercase().as_str() {
            "namespaces" => self.namespaces = Some(value.split(',').map(str::to_owned).collect()),
            "valid-after" => self.valid_after = Some(time(value)?),
            "valid-before" => self.valid_before = Some(time(value)?),
            _ => return None,
        }
        Some(())
    }

    fn may_sign(&self, namespace: &str, now: Timestamp) -> bool {
        let is_for = self
            .namespaces
            .as_ref()
            .is_none_or(|list| list.iter().any(|n| n == namespace || n == "*"));
        is_for && self.valid_after.is_none_or(|after| now >= after) && self.valid_before.is_none_or(|before| now < before)
    }
}

/// Checks an armoured signature over `message`; answers who made it.
pub fn verify<'s>(armor: &str, message: &[u8], namespace: &str, signers: &'s [Signer], now: Timestamp) -> Result<&'s Signer, SshSigError> {
    let blob = dearmor(armor).ok_or(SshSigError::NotASignature)?;
    let parts = Parts::parse(&blob).ok_or(SshSigError::NotASignature)?;
    if parts.namespace != namespace.as_bytes() {
        let found = String::from_utf8_lossy(parts.namespace);
        return Err(SshSigError::Namespace(found.chars().filter(|c| !c.is_control()).take(80).collect()));
    }
    let mut known = signers.iter().filter(|signer| signer.key == parts.key).peekable();
    if known.peek().is_none() {
        return Err(SshSigError::UnknownKey);
    }
    let signer = known.find(|signer| signer.may_sign(namespace, now)).ok_or(SshSigError::OutOfTime)?;
    let hash = match parts.hash {
        b"sha256" => digest(&SHA256, message),
        b"sha512" => digest(&SHA512, message),
        _ => return Err(SshSigError::NotASignature),
    };
    let signed = [
        MAGIC,
        &string(parts.namespace),
        &string(parts.reserved),
        &string(parts.hash),
        &string(hash.as_ref()),
    ]
    .concat();
    PublicKey::parse(parts.key)?.verify(&signed, parts.signature)?;
    Ok(signer)
}

struct Parts<'b> {
    key: &'b [u8],
    namespace: &'b [u8],
    reserved: &'b [u8],
    hash: &'b [u8],
    signature: &'b [u8],
}

impl<'b> Parts<'b> {
    fn parse(blob: &'b [u8]) -> Option<Self> {
        let rest = blob.strip_prefix(MAGIC)?.strip_prefix(&[0, 0, 0, 1])?;
        let mut reader = Reader(rest);
        let parts = Self {
            key: reader.string()?,
            namespace: reader.string()?,
            reserved: reader.string()?,
            hash: reader.string()?,
            signature: reader.string()?,
        };
        reader.0.is_empty().then_some(parts)
    }
}

/// A public key of a type that is taken.
struct PublicKey<'k> {
    algorithm: &'static dyn VerificationAlgorithm,
    name: &'k [u8],
    point: &'k [u8],
    /// Bytes of each number of an ECDSA signature; 0 for ed25519.
    width: usize,
}

impl<'k> PublicKey<'k> {
    fn parse(blob: &'k [u8]) -> Result<Self, SshSigError> {
        let mut reader = Reader(blob);
        let name = reader.string().ok_or(SshSigError::NotASignature)?;
        let (algorithm, width, is_curve): (&'static dyn VerificationAlgorithm, usize, bool) = match name {
            b"ssh-ed25519" => (&ED25519, 0, false),
            b"ecdsa-sha2-nistp256" => (&ECDSA_P256_SHA256_FIXED, 32, true),
            b"ecdsa-sha2-nistp384" => (&ECDSA_P384_SHA384_FIXED, 48, true),
            b"ecdsa-sha2-nistp521" => (&ECDSA_P521_SHA512_FIXED, 66, true),
            other => {
                let shown = String::from_utf8_lossy(other);
                return Err(SshSigError::KeyType(shown.chars().filter(|c| !c.is_control()).take(80).collect()));
            }
        };
        if is_curve {
            reader.string().ok_or(SshSigError::NotASignature)?;
        }
        let point = reader.string().filter(|_| reader.0.is_empty()).ok_or(SshSigError::NotASignature)?;
        Ok(Self {
            algorithm,
            name,
            point,
            width,
        })
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SshSigError> {
        let mut reader = Reader(signature);
        let name = reader.string().ok_or(SshSigError::NotASignature)?;
        let bytes = reader.string().filter(|_| reader.0.is_empty()).ok_or(SshSigError::NotASignature)?;
        if name != self.name {
            return Err(SshSigError::Mismatch);
        }
        let fixed = match self.width {
            0 => bytes.to_vec(),
            width => {
                let mut numbers = Reader(bytes);
                let (r, s) = (numbers.string(), numbers.string());
                let fixed = |number: Option<&[u8]>| fixed_width(number?, width);
                fixed(r)
                    .zip(fixed(s))
                    .map(|(r, s)| [r, s].concat())
                    .ok_or(SshSigError::NotASignature)?
            }
        };
        let key = UnparsedPublicKey::new(self.algorithm, self.point);
        key.verify(message, &fixed).map_err(|_| SshSigError::Mismatch)
    }
}

/// An `mpint` as so many bytes, big-endian.
fn fixed_width(number: &[u8], width: usize) -> Option<Vec<u8>> {
    let digits: &[u8] = match number.iter().position(|byte| *byte != 0) {
        Some(first) => &number[first..],
        None => &[],
    };
    let missing = width.checked_sub(digits.len())?;
    Some([vec![0; missing], digits.to_vec()].concat())
}

fn dearmor(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_ARMOR {
        return None;
    }
    let inner = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let base64: String = inner.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64.decode(base64.as_bytes()).ok()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn string(&mut self) -> Option<&'b [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (bytes, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        self.0 = rest;
        Some(bytes)
    }
}

fn is_key_type(word: &str) -> bool {
    word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-")
}

/// Words separated by blanks outside of double quotes; the quotes stay inside options and go from a quoted word.
fn fields(line: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut word = String::new();
    let mut is_quoted = false;
    for c in line.trim().chars() {
        match c {
            '"' => {
                is_quoted = !is_quoted;
                word.push(c);
            }
            c if c.is_whitespace() && !is_quoted => {
                if !word.is_empty() {
                    all.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        all.push(word);
    }
    if let Some(first) = all.first_mut() {
        *first = first.trim_matches('"').to_owned();
    }
    all
}

/// Comma-separated outside of double quotes.
fn options(text: &str) -> Vec<String> {
    let mut is_quoted = false;
    text.split(|c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    })
    .map(str::to_owned)
    .collect()
}

/// `YYYYMMDD` or `YYYYMMDDHHMM[SS]`, with or without `Z`.
fn time(text: &str) -> Option<Timestamp> {
    let digits = text.trim_end_matches(['Z', 'z']);
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<i8>().ok();
    let (hour, minute, second) = match digits.len() {
        8 => (0, 0, 0),
        12 => (number(8, 10)?, number(10, 12)?, 0),
        14 => (number(8, 10)?, number(10, 12)?, number(12, 14)?),
        _ => return None,
    };
    let day = jiff::civil::DateTime::new(
        digits.get(..4)?.parse().ok()?,
        number(4, 6)?,
        number(6, 8)?,
        hour,
        minute,
        second,
        0,
    )
    .ok()?;
    let moment = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_millis(moment.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;
    use std::process::{Command, Stdio};

    const NOW: Timestamp = Timestamp::from_millis(1_764_000_000_000);

    /// The real `ssh-keygen` makes a key and signs; `None` where it is not installed.
    fn made_by_openssh(folder: &Path, kind: &[&str], namespace: &str, message: &str) -> Option<(String, String)> {
        let key = folder.join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-C", "ann", "-f"])
            .arg(&key)
            .args(kind)
            .status();
        if !made.ok()?.success() {
            return None;
        }
        let mut signing = Command::new("ssh-keygen")
            .args(["-Y", "sign", "-n", namespace, "-f"])
            .arg(&key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut signing.stdin.take().unwrap(), message.as_bytes()).unwrap();
        let signature = String::from_utf8(signing.wait_with_output().unwrap().stdout).unwrap();
        Some((std::fs::read_to_string(key.with_extension("pub")).unwrap(), signature))
    }

    #[test]
    fn what_ssh_keygen_signs_is_verified_and_nothing_else() {
        let kinds: [&[&str]; 4] = [
            &["-t", "ed25519"],
            &["-t", "ecdsa", "-b", "256"],
            &["-t", "ecdsa", "-b", "384"],
            &["-t", "ecdsa", "-b", "521"],
        ];
        for kind in kinds {
            let folder = tempfile::tempdir().unwrap();
            let Some((public, signature)) = made_by_openssh(folder.path(), kind, "roadstead", "do it\n") else {
                return;
            };
            let signers: Vec<Signer> = vec![format!("ann {public}").parse().unwrap()];
            let verified =
                |text: &str, namespace| verify(&signature, text.as_bytes(), namespace, &signers, NOW).map(|s| s.principal.clone());
            assert_eq!(verified("do it\n", "roadstead"), Ok("ann".into()), "{kind:?}");
            assert_eq!(verified("do it", "roadstead"), Err(SshSigError::Mismatch));
            assert_eq!(verified("do it\n", "git"), Err(SshSigError::Namespace("roadstead".into())));
            assert_eq!(verify(&signature, b"do it\n", "roadstead", &[], NOW), Err(SshSigError::UnknownKey));
            let mut late: Signer = format!("ann valid-before=\"20200101\" {public}").parse().unwrap();
            assert_eq!(
                verify(&signature, b"do it\n", "roadstead", std::slice::from_ref(&late), NOW),
                Err(SshSigError::OutOfTime)
            );
            late = format!("ann namespaces=\"git,file\" {public}").parse().unwrap();
            assert_eq!(
                verify(&signature, b"do it\n", "roadstead", std::slice::from_ref(&late), NOW),
                Err(SshSigError::OutOfTime)
            );
        }
    }

    const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB ann@desk";

    #[test]
    fn lines_of_signers_are_read_with_their_options() {
        let signer: Signer =
            format!("\"ann@example, bob\" namespaces=\"roadstead,git\",valid-after=20240101,valid-before=\"20300101120000Z\" {LINE}")
                .parse()
                .unwrap();
        assert_eq!(signer.principal, "ann@example, bob");
        assert!(signer.may_sign("roadstead", NOW) && !signer.may_sign("file", NOW));
        assert!(!signer.may_sign("git", Timestamp::from_millis(0)));
        assert_eq!(signer.valid_before.unwrap().to_string(), "2030-01-01T12:00:00.000Z");
        for bad in [
            "",
            "ann",
            "ann ssh-ed25519",
            "ann ssh-ed25519 ????",
            "ann ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
            &format!("ann cert-authority {LINE}"),
            &format!("ann valid-after=soon {LINE}"),
        ] {
            assert!(bad.parse::<Signer>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), line in ".{0,120}") {
            let armor = format!("{BEGIN}\n{}\n{END}", BASE64.encode(&[MAGIC, &[0, 0, 0, 1], &bytes].concat()));
            let signers = [format!("ann {LINE}").parse().unwrap()];
            let _ = verify(&armor, b"x", "roadstead", &signers, NOW);
            let _ = verify(&line, b"x", "roadstead", &signers, NOW);
            let _ = line.parse::<Signer>();
            let _ = time(&line);
        }
    }
}
