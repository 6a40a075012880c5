//! Which pages may open a WebSocket: only the hub's own.
//!
//! A browser sends cookies along with any page's WebSocket, so the page's origin must be the hub itself. A program has no
//! origin; it is let through only with a credential of its own, and never with a cookie.

use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, Uri};

/// Where the caller's right comes from when it sends no cookie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Credential {
    /// The `Authorization` header of the request.
    Header,
    /// A token in the first message.
    FirstMessage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Foreign {
    #[error("the `Origin` of this request is not this hub: open the console at the address you connect to")]
    OtherOrigin,
    #[error("this request has cookies but no `Origin`: a browser sends both, and a program signs its request")]
    NoOrigin,
    #[error("this request has neither `Origin` nor `Authorization`: sign it, or open it from the console")]
    NoCredential,
}

/// *Shape*: `tls` tells the scheme that the origin must have.
pub(super) fn check(headers: &HeaderMap, uri: &Uri, tls: bool, credential: Credential) -> Result<(), Foreign> {
    let Some(origin) = only(headers, &ORIGIN)? else {
        if headers.contains_key(COOKIE) {
            return Err(Foreign::NoOrigin);
        }
        let signed = credential == Credential::FirstMessage || headers.contains_key(AUTHORIZATION);
        return if signed { Ok(()) } else { Err(Foreign::NoCredential) };
    };
    let host = match only(headers, &HOST)? {
        Some(host) => host,
        None => uri.authority().map(|a| a.as_str()).ok_or(Foreign::OtherOrigin)?,
    };
    let (scheme, default_port) = if tls { ("https://", ":443") } else { ("http://", ":80") };
    let authority = origin.strip_prefix(scheme).ok_or(Foreign::OtherOrigin)?;
    let bare = |text: &str| text.strip_suffix(default_port).unwrap_or(text).to_ascii_lowercase();
    match bare(authority) == bare(host) {
        true => Ok(()),
        false => Err(Foreign::OtherOrigin),
    }
}

/// The one value of a header. Two values, or one that is not text, fit nobody.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Foreign> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Foreign::OtherOrigin),
        (Some(_), Some(_)) => Err(Foreign::OtherOrigin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(headers: &[(&'static str, &str)], tls: bool, credential: Credential) -> Result<(), Foreign> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        check(&map, &Uri::from_static("/live"), tls, credential)
    }

    #[test]
    fn a_page_of_the_hub_passes_over_its_own_scheme_only() {
        let page = |origin, host, tls| judge(&[("origin", origin), ("host", host), ("cookie", "a=b")], tls, Credential::Header);
        assert_eq!(page("https://hub.lan:7400", "hub.lan:7400", true), Ok(()));
        assert_eq!(page("https://HUB.lan", "hub.lan:443", true), Ok(()));
        assert_eq!(page("http://127.0.0.1:7400", "127.0.0.1:7400", false), Ok(()));
        assert_eq!(page("https://[::1]:7400", "[::1]:7400", true), Ok(()));
        let foreign = Err(Foreign::OtherOrigin);
        assert_eq!(page("http://hub.lan:7400", "hub.lan:7400", true), foreign);
        assert_eq!(page("https://hub.lan:7401", "hub.lan:7400", true), foreign);
        assert_eq!(page("https://evil.example", "hub.lan:7400", true), foreign);
        assert_eq!(page("https://hub.lan:7400.evil.example", "hub.lan:7400", true), foreign);
        assert_eq!(page("null", "hub.lan:7400", true), foreign);
        assert_eq!(page("", "hub.lan:7400", true), foreign);
    }

    #[test]
    fn two_origins_or_two_hosts_are_foreign() {
        let two = [("origin", "https://h"), ("origin", "https://h"), ("host", "h")];
        assert_eq!(judge(&two, true, Credential::Header), Err(Foreign::OtherOrigin));
        let two = [("origin", "https://h"), ("host", "h"), ("host", "g")];
        assert_eq!(judge(&two, true, Credential::Header), Err(Foreign::OtherOrigin));
    }

    #[test]
    fn a_program_needs_a_credential_of_its_own_and_no_cookie() {
        assert_eq!(judge(&[("host", "h")], true, Credential::Header), Err(Foreign::NoCredential));
        assert_eq!(judge(&[("authorization", "AWS4…")], true, Credential::Header), Ok(()));
        assert_eq!(judge(&[], true, Credential::FirstMessage), Ok(()));
        for credential in [Credential::Header, Credential::FirstMessage] {
            let both = [("authorization", "AWS4…"), ("cookie", "a=b")];
            assert_eq!(judge(&both, true, credential), Err(Foreign::NoOrigin));
        }
    }
}
