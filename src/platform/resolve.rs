//! Names to addresses without the C library: its resolver would load the host's own modules into a static binary.
//!
//! In order: an address literal is taken as it is; `/etc/hosts`; `localhost`; then the name servers of `/etc/resolv.conf`.
//! Without that file no name server is asked: the program never talks to one that nobody configured.

mod config;
mod exchange;
mod message;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use std::{fs, io};

use config::Config;
use exchange::NotFound;

/// All tries and name servers together.
const TIMEOUT: Duration = Duration::from_secs(10);
const HOSTS: &str = "/etc/hosts";
const RESOLV_CONF: &str = "/etc/resolv.conf";

#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("`{0}` is not in /etc/hosts, and no name server is configured in /etc/resolv.conf")]
    NoNameServer(String),
    #[error("/etc/resolv.conf cannot be read")]
    Config(#[source] io::Error),
    #[error("the name `{0}` is not known")]
    Unknown(String),
    #[error("`{0}` is not the name of a host; a name with other letters than those of ASCII is written in its `xn--` form")]
    NoName(String),
    #[error("the name servers of /etc/resolv.conf did not answer for `{0}`")]
    Unanswered(String),
}

/// The addresses of a host, at least one, in the order to try them.
pub async fn resolve(host: &str) -> Result<Vec<IpAddr>, ResolveError> {
    if let Ok(literal) = host.parse() {
        return Ok(vec![literal]);
    }
    // A file of a few lines, read once per dial: not worth a thread of its own.
    let hosts = fs::read_to_string(HOSTS).unwrap_or_default();
    let known = in_hosts(&hosts, host);
    if !known.is_empty() {
        return Ok(known);
    }
    if is_localhost(host) {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let config = match fs::read_to_string(RESOLV_CONF) {
        Ok(text) => Config::parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Config::default(),
        Err(error) => return Err(ResolveError::Config(error)),
    };
    if config.servers.is_empty() {
        return Err(ResolveError::NoNameServer(host.to_owned()));
    }
    let found = tokio::time::timeout(TIMEOUT, exchange::lookup(&config, host)).await;
    let host = host.to_owned();
    found.unwrap_or(Err(NotFound::Unanswered)).map_err(|not_found| match not_found {
        NotFound::Unknown => ResolveError::Unknown(host),
        NotFound::NoName => ResolveError::NoName(host),
        NotFound::Unanswered => ResolveError::Unanswered(host),
    })
}

/// The addresses `/etc/hosts` gives a name, each once, in the file's order.
fn in_hosts(hosts: &str, host: &str) -> Vec<IpAddr> {
    let wanted = host.trim_end_matches('.');
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for line in hosts.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = words.next().and_then(|w| w.parse::<IpAddr>().ok()) else {
            continue;
        };
        if words.any(|name| name.eq_ignore_ascii_case(wanted)) && seen.insert(address) {
            found.push(address);
        }
    }
    found
}

/// RFC 6761: `localhost` and what ends in it is this machine, whatever a name server would say.
fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "127.0.0.1 localhost\n# 10.0.0.9 hub\n10.0.0.1\thub hub.example # the hub\n::1 localhost\n10.0.0.1 hub\nnonsense hub\n";

    #[tokio::test]
    async fn a_literal_is_taken_as_it_is() {
        assert_eq!(resolve("192.0.2.7").await.unwrap(), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        assert_eq!(resolve("2001:db8::1").await.unwrap(), ["2001:db8::1".parse::<IpAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn localhost_is_this_machine() {
        assert!(resolve("localhost").await.unwrap().iter().all(IpAddr::is_loopback));
        assert!(resolve("a.LOCALHOST.").await.unwrap().iter().all(IpAddr::is_loopback));
    }

    #[test]
    fn the_hosts_file_is_read_like_the_system_reads_it() {
        assert_eq!(in_hosts(FILE, "Hub.Example."), ["10.0.0.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(in_hosts(FILE, "hub").len(), 1);
        assert_eq!(in_hosts(FILE, "localhost").len(), 2);
        assert!(in_hosts(FILE, "hu").is_empty());
    }
}
