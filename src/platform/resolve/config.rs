//! `/etc/resolv.conf`: which name servers to ask, how patiently, and what a short name may stand for. Pure.
//!
//! *Source*: resolv.conf(5) of the Linux man-pages.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

/// The C library asks no more of them either.
const MAX_SERVERS: usize = 3;
const MAX_SEARCH: usize = 8;
const PORT: u16 = 53;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub servers: Vec<SocketAddr>,
    /// Ends that are tried on a short name.
    search: Vec<String>,
    /// A name with fewer dots is short.
    ndots: usize,
    /// For one server's answer.
    pub timeout: Duration,
    /// Rounds over all servers.
    pub attempts: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
        }
    }
}

impl Config {
    /// Reads what is understood and passes over the rest, as every reader of this file does.
    pub fn parse(text: &str) -> Self {
        let mut config = Self::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if config.servers.len() < MAX_SERVERS => config.servers.extend(words.next().and_then(server)),
                // The last line of these counts.
                Some("search") => config.search = words.take(MAX_SEARCH).map(plain).collect(),
                Some("domain") => config.search = words.take(1).map(plain).collect(),
                Some("options") => words.for_each(|option| config.set(option)),
                _ => {}
            }
        }
        config.search.retain(|end| !end.is_empty());
        config
    }

    fn set(&mut self, option: &str) {
        let Some((name, Ok(number))) = option.split_once(':').map(|(name, number)| (name, number.parse::<u8>())) else {
            return;
        };
        match name {
            "ndots" => self.ndots = usize::from(number.min(15)),
            "timeout" => self.timeout = Duration::from_secs(number.clamp(1, 30).into()),
            "attempts" => self.attempts = usize::from(number.clamp(1, 5)),
            _ => {}
        }
    }

    /// The names that `host` may stand for, in the order to ask.
    pub fn candidates(&self, host: &str) -> Vec<String> {
        let name = plain(host);
        if host.ends_with('.') {
            return vec![name];
        }
        let searched = self.search.iter().map(|end| format!("{name}.{end}"));
        let is_short = name.matches('.').count() < self.ndots;
        let mut candidates: Vec<String> = searched.collect();
        let at = if is_short { candidates.len() } else { 0 };
        candidates.insert(at, name);
        candidates
    }
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_owned()
}

/// A literal address; one of a single link names its interface behind a `%`.
fn server(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(address, PORT));
    }
    let (address, interface) = text.split_once('%')?;
    let address: Ipv6Addr = address.parse().ok()?;
    let scope = interface.parse().ok().or_else(|| index_of(interface))?;
    Some(SocketAddrV6::new(address, PORT, 0, scope).into())
}

fn index_of(interface: &str) -> Option<u32> {
    let name = std::ffi::CString::new(interface).ok()?;
    // SAFETY: it reads the name, which is a C string, and asks the kernel.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index > 0).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_like_the_system_reads_it() {
        let text = "# nameserver 9.9.9.9\nnameserver 10.0.0.1\nnameserver nonsense\nnameserver 2001:db8::1\ndomain one.example\n\
            search corp.example. lab.example\noptions ndots:2 timeout:1 attempts:99 rotate\nnameserver fe80::1%7\nnameserver 10.0.0.9\n";
        let config = Config::parse(text);
        let servers: Vec<String> = config.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.0.0.1:53", "[2001:db8::1]:53", "[fe80::1%7]:53"]);
        assert_eq!(config.search, ["corp.example", "lab.example"]);
        assert_eq!((config.ndots, config.timeout, config.attempts), (2, Duration::from_secs(1), 5));
        assert_eq!(Config::parse(""), Config::default());
    }

    #[test]
    fn a_short_name_is_searched_first_and_a_long_one_last() {
        let config = Config::parse("search a.example b.example\noptions ndots:2\n");
        assert_eq!(config.candidates("hub"), ["hub.a.example", "hub.b.example", "hub"]);
        assert_eq!(
            config.candidates("hub.x.org"),
            ["hub.x.org", "hub.x.org.a.example", "hub.x.org.b.example"]
        );
        assert_eq!(config.candidates("hub."), ["hub"]);
        assert_eq!(Config::default().candidates("hub"), ["hub"]);
    }
}
