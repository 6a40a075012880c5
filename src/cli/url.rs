//! The address of a hub: `https://host:port`, or plain HTTP on the hub's own host.

use std::fmt;
use std::str::FromStr;

/// The port a hub listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 7400;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HubUrl {
    pub https: bool,
    /// A name or an address, an IPv6 one without brackets.
    pub host: String,
    pub port: u16,
}

impl HubUrl {
    /// `host:port` as the `Host` header and an origin carry it: the scheme's own port is left out.
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match (self.https, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for HubUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl FromStr for HubUrl {
    type Err = String;

    /// A bare host gets https and the hub's port; a path behind it is ignored, so that a console link can be pasted.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no hub address: write `https://HOST:7400`");
        let (https, rest, implied) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest, 443),
            Some(("http", rest)) => (false, rest, 80),
            Some(_) => return Err(wrong()),
            None => (true, text, DEFAULT_PORT),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(wrong());
        }
        let (host, port) = split_port(authority).ok_or_else(wrong)?;
        let port = match port {
            Some(port) => port.parse().ok().filter(|p| *p > 0).ok_or_else(wrong)?,
            None => implied,
        };
        let sound = !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%'));
        if !sound {
            return Err(wrong());
        }
        Ok(Self {
            https,
            host: host.to_ascii_lowercase(),
            port,
        })
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after {
            "" => Some((host, None)),
            after => Some((host, Some(after.strip_prefix(':')?))),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => Some((authority, None)),
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        text.parse::<HubUrl>().map_or_else(|_| "error".into(), |url| url.to_string())
    }

    #[test]
    fn addresses_are_completed() {
        for (text, url) in [
            ("hub.example", "https://hub.example:7400"),
            ("10.0.0.5:8000", "https://10.0.0.5:8000"),
            ("https://Hub.example/nodes?x=1", "https://hub.example"),
            ("http://127.0.0.1:7400/", "http://127.0.0.1:7400"),
            ("https://[fe80::1]:7400", "https://[fe80::1]:7400"),
            ("::1", "https://[::1]:7400"),
        ] {
            assert_eq!(read(text), url, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "ftp://x", "https://", "https://u:p@h", "h:0", "h:x", "https://[::1", "a b"] {
            assert_eq!(read(text), "error", "{text}");
        }
    }
}
