//! Addresses that the hub calls: a host, a port, a path, and whether the connection is TLS.

use std::fmt;
use std::str::FromStr;

use crate::platform::outgoing::OutgoingError;

/// Where a call goes. *Shape*: `https://host[:port]/path[?query]`, nothing else, unless it was made with [`Url::plain_or_secure`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Over TLS.
    pub is_secure: bool,
    pub host: String,
    pub port: u16,
    pub path: String,
}

impl FromStr for Url {
    type Err = OutgoingError;
    fn from_str(text: &str) -> Result<Self, OutgoingError> {
        let url = Self::plain_or_secure(text)?;
        match url.is_secure {
            true => Ok(url),
            false => Err(invalid(text)),
        }
    }
}

impl Url {
    /// Also `http://…`, where whoever gives it has to know that others on the way can read along.
    pub fn plain_or_secure(text: &str) -> Result<Self, OutgoingError> {
        let invalid = || invalid(text);
        let uri: http::Uri = text.parse().map_err(|_| invalid())?;
        let authority = uri.authority().filter(|a| !a.as_str().contains('@')).ok_or_else(invalid)?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(invalid()),
        };
        if authority.host().is_empty() {
            return Err(invalid());
        }
        // The library takes a port that is none for the absence of one.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => usual_port(is_secure),
            Some(rest) => rest
                .strip_prefix(':')
                .and_then(|port| port.parse::<u16>().ok())
                .ok_or_else(invalid)?,
            None => return Err(invalid()),
        };
        Ok(Self {
            is_secure,
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port,
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }

    /// Host and port as a request names them: the usual port is left out.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match self.port {
            port if port == usual_port(self.is_secure) => host,
            port => format!("{host}:{port}"),
        }
    }
}

fn usual_port(is_secure: bool) -> u16 {
    if is_secure { 443 } else { 80 }
}

fn invalid(text: &str) -> OutgoingError {
    OutgoingError::Url(text.chars().filter(|c| !c.is_control()).take(200).collect())
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_addresses_without_credentials_are_taken() {
        let url: Url = "https://hooks.example:8443/a?b=c".parse().unwrap();
        assert_eq!((url.host.as_str(), url.port, url.path.as_str()), ("hooks.example", 8443, "/a?b=c"));
        assert_eq!("https://[fd00::1]/".parse::<Url>().unwrap().host, "fd00::1");
        for wrong in [
            "http://hooks.example/",
            "https://",
            "hooks.example",
            "https://user@hooks.example/",
            "file:///etc/passwd",
            "https:///x",
            "https://hooks.example:99999/",
        ] {
            assert!(wrong.parse::<Url>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_reads_as_it_was_written() {
        for text in [
            "http://store.example/",
            "http://store.example:443/",
            "https://store.example:80/a",
            "https://[fd00::1]:9000/",
        ] {
            assert_eq!(Url::plain_or_secure(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Url::plain_or_secure("https://store.example:443/").unwrap().to_string(),
            "https://store.example/"
        );
        assert!(Url::plain_or_secure("ftp://store.example/").is_err());
    }
}
