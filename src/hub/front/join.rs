//! The copy-paste line that joins a node, and the script it runs.
//!
//! Trust starts at the line, which the operator copied from a hub they are logged in to. It names the SHA-256 of `/join.sh`
//! and of `/binaries/SHA256SUMS`; whoever sits between node and hub can withhold these files but not change them, so the
//! download itself needs no trusted certificate. The script is static: it is what stands in `join.sh`, with the agent's
//! systemd unit put in.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;

use super::Binaries;
use super::binaries::Sums;
use crate::hub::api::context::JoinLines;

/// The systemd unit of an agent; the script fills in `@BINARY@` and `@DATA@`.
pub const AGENT_UNIT: &str = include_str!("units/roadstead-agent.service");
/// The systemd unit of a hub, as it is installed.
pub const HUB_UNIT: &str = include_str!("units/roadstead-hub.service");

static SCRIPT: LazyLock<String> = LazyLock::new(|| include_str!("join.sh").replace("@AGENT_UNIT@\n", AGENT_UNIT));
static SCRIPT_SHA256: LazyLock<String> = LazyLock::new(|| HEXLOWER.encode(digest(&SHA256, script().as_bytes()).as_ref()));

/// What `/join.sh` serves.
pub fn script() -> &'static str {
    &SCRIPT
}

pub fn script_sha256() -> &'static str {
    &SCRIPT_SHA256
}

/// Makes both lines for a token, with the binaries that the hub offers now. The offline one expects that `join.sh` and `roadstead`
/// were carried into the working folder.
pub async fn lines(binaries: &Binaries, addresses: &[String], token: &str) -> JoinLines {
    let sums = binaries.sums().await;
    JoinLines {
        online: online(addresses, script_sha256(), &sums.sha256, token),
        offline: offline(script_sha256(), &sums, token),
    }
}

/// *Shape*: one line that any login shell takes. It tries the addresses in order, by `curl` or `wget`, runs nothing that differs from
/// the hash, and becomes root by `sudo` when there is one, unless `SUDO=` stands before it; an address or token that could end the
/// quotes is left out.
pub fn online(addresses: &[String], script_sha256: &str, sums_sha256: &str, token: &str) -> String {
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).filter(|a| is_plain(a)).collect();
    let addresses = addresses.join(" ");
    let token = Some(token).filter(|t| is_plain(t)).unwrap_or_default();
    format!(
        "sh -c 'set -e; {SAY_NO} d=$(mktemp -d); trap \"rm -rf $d\" EXIT; f=$d/join.sh; \
         for h in {addresses}; do \
         if command -v curl >/dev/null; then curl -fsSkg --connect-timeout 5 -o \"$f\" \"https://$h/join.sh\"; \
         else wget -qt1 -T5 --no-check-certificate -O \"$f\" \"https://$h/join.sh\"; fi && break; done; \
         [ -s \"$f\" ] || no \"no hub answers at {addresses}: is curl or wget here, is the name right, the port open, no proxy between?\"; \
         echo \"{script_sha256}  $f\" | sha256sum -c - || no \"the script from $h is not the one of this line: make a new line\"; \
         {BECOME_ROOT} $s sh \"$f\" --hub \"$h\" --sums {sums_sha256} {token}'"
    )
}

/// The same without a download: the hashes of the binaries themselves take the place of their list's.
pub fn offline(script_sha256: &str, sums: &Sums, token: &str) -> String {
    let hashes: Vec<&str> = sums.text.lines().filter_map(|line| line.split(' ').next()).collect();
    let hashes = hashes.join(",");
    let token = Some(token).filter(|t| is_plain(t)).unwrap_or_default();
    format!(
        "sh -c 'set -e; {SAY_NO} \
         echo \"{script_sha256}  join.sh\" | sha256sum -c - || no \"the script join.sh is missing here, or not the one of this line\"; \
         {BECOME_ROOT} $s sh ./join.sh --binary ./roadstead --sha256 {hashes} {token}'"
    )
}

const SAY_NO: &str = "no() { echo \"roadstead: $1\" >&2; exit 1; };";

/// Whether sudo will let somebody cannot be known before it has asked for their password; so the other way is told beforehand.
const BECOME_ROOT: &str = "s=${SUDO-$([ \"$(id -u)\" = 0 ] || command -v sudo || true)}; \
    [ -z \"$s\" ] || echo \"roadstead: becoming root by $s; with SUDO= before the line it all runs as $(id -un)\" >&2;";

/// Nothing that a shell could take for more than a word.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'[' | b']' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_stands_in_the_script_where_it_belongs() {
        assert!(!script().contains("@AGENT_UNIT@"));
        assert!(script().contains("KillMode=process\n"));
        assert!(AGENT_UNIT.ends_with('\n') && AGENT_UNIT.contains("@BINARY@") && AGENT_UNIT.contains("@DATA@"));
    }

    #[test]
    fn a_line_carries_every_hash_and_is_one_line() {
        let addresses = [
            "192.0.2.1:7400".to_owned(),
            "[2001:db8::1]:7400".to_owned(),
            "a'; rm -rf /".to_owned(),
        ];
        let line = online(&addresses, "aa11", "bb22", "rs1_abc-_");
        assert!(!line.contains('\n'));
        assert!(line.contains("for h in 192.0.2.1:7400 [2001:db8::1]:7400;"));
        assert!(line.contains("aa11  $f") && line.contains("--sums bb22 rs1_abc-_'"));
        let sums = Sums {
            text: "11  aarch64/roadstead\n22  x86_64/roadstead\n".into(),
            sha256: "cc".into(),
        };
        assert!(offline("aa11", &sums, "rs1_x").contains("--sha256 11,22 rs1_x'"));
    }
}
