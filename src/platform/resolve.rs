//! Names to addresses without the C library: its resolver would load the host's own modules into a static binary.
//!
//! In order: an address literal is taken as it is; `/etc/hosts`; `localhost`; then the name servers of `/etc/resolv.conf`.
//! Without that file no name server is asked: the program never talks to one that nobody configured.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use std::{fs, io};

use domain::base::name::{Name, RelativeName};
use domain::resolv::StubResolver;
use domain::resolv::stub::conf::ResolvConf;

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
    let text = match fs::read_to_string(RESOLV_CONF) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(ResolveError::Config(error)),
    };
    let config = configured(&text).ok_or_else(|| ResolveError::NoNameServer(host.to_owned()))?;
    let found = tokio::time::timeout(TIMEOUT, ask(config, host)).await;
    let found = found.unwrap_or_else(|_| Err(ResolveError::Unanswered(host.to_owned())))?;
    match found.is_empty() {
        true => Err(ResolveError::Unknown(host.to_owned())),
        false => Ok(found),
    }
}

/// What a resolv.conf says that the resolver understands; `None` without a name server. The library takes one unknown word for
/// an error of the whole file, and would ask the system for a server that is no literal address.
fn configured(text: &str) -> Option<ResolvConf> {
    let is_known = |line: &&str| {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("nameserver"), Some(address)) => address.parse::<IpAddr>().is_ok(),
            (Some("search" | "domain" | "options"), Some(_)) => true,
            _ => false,
        }
    };
    let known: String = text.lines().filter(is_known).map(|line| format!("{line}\n")).collect();
    let mut config = ResolvConf::new();
    config.parse(&mut known.as_bytes()).ok()?;
    if config.servers.is_empty() {
        return None;
    }
    config.finalize();
    Some(config)
}

/// A resolver per question: the configuration may have changed, and an idle agent keeps nothing. IPv4 comes first.
async fn ask(config: ResolvConf, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
    let no_name = || ResolveError::NoName(host.to_owned());
    let is_short = !host.ends_with('.') && host.matches('.').count() < config.options.ndots;
    let resolver = StubResolver::from_conf(config);
    let found = match is_short {
        true => {
            let name = RelativeName::vec_from_str(host).map_err(|_| no_name())?;
            resolver.search_host(name).await
        }
        false => {
            let name = Name::vec_from_str(host).map_err(|_| no_name())?;
            resolver.lookup_host(name).await
        }
    };
    let found = found.map_err(|_| ResolveError::Unanswered(host.to_owned()))?;
    let mut addresses: Vec<IpAddr> = found.iter().collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    Ok(addresses)
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
    fn a_resolv_conf_with_words_of_its_own_is_read() {
        let text = "# by hand\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver hub.example\nfamily inet4\nsearch a.example b.example\n\
            options ndots:2 timeout:1 edns0 trust-ad\nsortlist 10.0.0.0\n";
        let config = configured(text).unwrap();
        let servers: Vec<_> = config.servers.iter().map(|server| server.addr.to_string()).collect();
        assert_eq!(servers, ["192.0.2.1:53"]);
        assert_eq!((config.options.ndots, config.options.search.len()), (2, 3));
        assert!(configured("search a.example\n").is_none() && configured("").is_none());
    }

    /// A name server that knows one address of every name.
    async fn name_server() -> std::net::SocketAddr {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut bytes = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
                let end = 12 + bytes[12..length].iter().position(|b| *b == 0).unwrap() + 5;
                let mut answer = bytes[..end].to_vec();
                answer[2..4].copy_from_slice(&[0x81, 0x80]);
                answer[6..12].fill(0);
                if answer[end - 3] == 1 {
                    answer[7] = 1;
                    answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7]);
                }
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn a_name_server_is_asked_for_long_and_short_names() {
        let address = name_server().await;
        for host in ["hub.example", "hub.example.", "hub"] {
            let mut config = configured("nameserver 127.0.0.1\nsearch lan.example\n").unwrap();
            config.servers[0].addr = address;
            assert_eq!(ask(config, host).await.unwrap(), ["192.0.2.7".parse::<IpAddr>().unwrap()], "{host}");
        }
        let config = configured("nameserver 127.0.0.1\n").unwrap();
        assert!(matches!(ask(config, "a..b").await, Err(ResolveError::NoName(_))));
    }

    #[test]
    fn the_hosts_file_is_read_like_the_system_reads_it() {
        assert_eq!(in_hosts(FILE, "Hub.Example."), ["10.0.0.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(in_hosts(FILE, "hub").len(), 1);
        assert_eq!(in_hosts(FILE, "localhost").len(), 2);
        assert!(in_hosts(FILE, "hu").is_empty());
    }
}
