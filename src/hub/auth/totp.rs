//! Time-based one-time codes: six digits that change every thirty seconds.
//!
//! Pure: no clock, no rows. *Source*: RFC 6238 over RFC 4226, SHA-1, as every authenticator app has it.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use data_encoding::BASE32_NOPAD;

use crate::base::percent::encoded;
use crate::base::{Secret, Timestamp};

pub const STEP_SECONDS: i64 = 30;
/// Steps before and after the current one whose code still counts: phones' clocks are off.
const WINDOW: i64 = 1;
/// As long as the hash, as the RFC recommends.
const SECRET_BYTES: usize = 20;

pub fn new_secret() -> Secret<Vec<u8>> {
    let mut bytes = vec![0; SECRET_BYTES];
    SystemRandom::new().fill(&mut bytes).expect("the kernel hands out random bytes");
    Secret::new(bytes)
}

/// The secret as people type it.
pub fn manual_key(secret: &Secret<Vec<u8>>) -> String {
    BASE32_NOPAD.encode(secret.expose())
}

/// What the QR code says.
pub fn uri(secret: &Secret<Vec<u8>>, hub: &str, user: &str) -> String {
    let (hub, user) = (encoded(hub), encoded(user));
    format!(
        "otpauth://totp/{hub}:{user}?secret={}&issuer={hub}&algorithm=SHA1&digits=6&period=30",
        manual_key(secret)
    )
}

/// The step whose code `given` is; `None` when it is wrong, or of a step up to `last_step`, which was used.
pub fn verify(secret: &Secret<Vec<u8>>, given: &str, now: Timestamp, last_step: i64) -> Option<i64> {
    let given: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    let current = now.millis().div_euclid(1000 * STEP_SECONDS);
    let mut found = None;
    for step in current - WINDOW..=current + WINDOW {
        let fits: bool = subtle::ConstantTimeEq::ct_eq(code(secret, step).as_bytes(), given.as_bytes()).into();
        if fits && step > last_step {
            found = Some(step);
        }
    }
    found
}

/// The code of one step.
pub fn code(secret: &Secret<Vec<u8>>, step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose());
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 0xf);
    let number = u32::from_be_bytes([tag[at] & 0x7f, tag[at + 1], tag[at + 2], tag[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret<Vec<u8>> {
        Secret::new(b"12345678901234567890".to_vec())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(&secret(), seconds / STEP_SECONDS), expected, "{seconds}");
            assert!(verify(&secret(), expected, at(seconds), 0).is_some());
        }
    }

    #[test]
    fn a_code_counts_one_step_early_and_late_and_no_more() {
        let now = at(1_000_000_000);
        let step = 1_000_000_000 / STEP_SECONDS;
        for (off, counts) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            assert_eq!(verify(&secret(), &code(&secret(), step + off), now, 0).is_some(), counts, "{off}");
        }
        assert!(verify(&secret(), "", now, 0).is_none() && verify(&secret(), "0000000", now, 0).is_none());
    }

    #[test]
    fn a_used_step_counts_never_again_and_neither_do_earlier_ones() {
        let now = at(1_000_000_000);
        let step = 1_000_000_000 / STEP_SECONDS;
        let used = verify(&secret(), &code(&secret(), step), now, 0).unwrap();
        assert!(verify(&secret(), &code(&secret(), step), now, used).is_none());
        assert!(verify(&secret(), &code(&secret(), step - 1), now, used).is_none());
        assert_eq!(verify(&secret(), &code(&secret(), step + 1), now, used), Some(step + 1));
    }

    #[test]
    fn the_uri_names_hub_and_user_without_letting_them_break_out() {
        let uri = uri(&secret(), "hub 1", "a&b?c");
        assert!(
            uri.starts_with("otpauth://totp/hub%201:a%26b%3Fc?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=hub%201&"),
            "{uri}"
        );
    }
}
