//! Headers that every answer carries, whoever made it.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Uri};

use super::Peer;

/// What a page of ours may do: run our own scripts and talk to us; nothing foreign, and no frame around it. Inline *styles* are
/// allowed because the terminal adds style elements and takes no nonce; WebAssembly because the recording player is made of it.
pub(super) const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

/// Whether a browser may be told to come over TLS only, from the name it used.
///
/// The rule holds for a *name* on all its ports. So it is given only where the hub has the name's standard port to itself: from
/// port 7400 it would cut users off from whatever else that name serves in plain text. Browsers ignore it for addresses.
pub(super) fn may_pin_tls(headers: &HeaderMap, uri: &Uri, peer: Peer) -> bool {
    if !peer.tls {
        return false;
    }
    let host = headers.get(HOST).and_then(|h| h.to_str().ok());
    let Some(host) = host.or(uri.authority().map(|a| a.as_str())) else {
        return false;
    };
    let name = host.strip_suffix(":443").unwrap_or(host);
    let local = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    !local && !name.contains([':', '[']) && name.parse::<std::net::Ipv4Addr>().is_err()
}

/// Adds what the answer's maker did not set.
pub(super) fn complete(headers: &mut HeaderMap, pin_tls: bool) {
    let fixed = [
        (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (http::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (http::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (CACHE_CONTROL, "no-store"),
    ];
    headers.reserve(fixed.len() + 1);
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if pin_tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_on_the_standard_port_over_tls_is_pinned() {
        let pinned = |host: &'static str, tls| {
            let peer = Peer {
                address: "192.0.2.9:5".parse().unwrap(),
                tls,
                loopback: false,
            };
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            may_pin_tls(&headers, &Uri::from_static("/"), peer)
        };
        assert!(pinned("hub.example.com", true));
        assert!(pinned("hub.example.com:443", true));
        assert!(!pinned("hub.example.com", false));
        assert!(!pinned("hub.example.com:7400", true));
        assert!(!pinned("localhost", true));
        assert!(!pinned("192.0.2.1", true));
        assert!(!pinned("[2001:db8::1]", true));
    }
}
