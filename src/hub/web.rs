//! The web console's files, embedded in the binary, and how a browser may keep them.
//!
//! `/assets/*` carries a hash in every name and is kept for ever; everything else is asked for again with its etag. An address
//! that is no file is a page of the console, which reads the address itself. A development build reads `web/dist` when it is asked;
//! without a built console a page says how to build it.
//!
//! A release build leaves `name.br` in the place of `name` wherever that is shorter, and nothing else is embedded: the plain
//! files would make the binary 3 MB longer. Every browser takes them as they are over TLS; for who does not, a file is unpacked
//! at its first use and kept, so that asking again and again costs the hub nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Console;

const INDEX: &str = "index.html";
const KEPT_FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASKED_AGAIN: &str = "no-cache";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><title>Roadstead</title><h1>The web console is not part of this build</h1>\
<p>The hub itself works: the API and the command line are here. To get the console, build it and then the binary, from the \
source tree: <code>scripts/build</code>, or <code>cd web &amp;&amp; npm ci &amp;&amp; npm run build</code> and then <code>cargo build</code>.</p></html>";

/// Answers `GET path` (`HEAD` is made of it).
pub fn answer(path: &str, headers: &HeaderMap) -> Response<Bytes> {
    respond(path, headers, |name| Console::get(name).map(Stored::from))
}

/// One file as the build left it.
struct Stored {
    bytes: Bytes,
    hash: [u8; 32],
}

impl From<EmbeddedFile> for Stored {
    fn from(file: EmbeddedFile) -> Self {
        let hash = file.metadata.sha256_hash();
        let bytes = match file.data {
            std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
        };
        Self { bytes, hash }
    }
}

fn respond(path: &str, headers: &HeaderMap, find: impl Fn(&str) -> Option<Stored>) -> Response<Bytes> {
    let name = path.trim_start_matches('/');
    let is_asset = name.starts_with("assets/");
    if is_file_name(name)
        && let Some(response) = file(name, headers, &find)
    {
        return response;
    }
    // A missing asset or a file of the root is an error; as a page it would only confuse whoever asked.
    let at_root = !name.contains('/');
    if is_asset || (at_root && name.contains('.')) {
        return plain(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "there is no such file\n");
    }
    file(INDEX, headers, &find).unwrap_or_else(|| plain(StatusCode::SERVICE_UNAVAILABLE, "text/html; charset=utf-8", NOT_BUILT))
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name.split('/').all(|part| !matches!(part, "" | "." | "..")) && !name.contains(['\\', '\0'])
}

fn file(name: &str, headers: &HeaderMap, find: &impl Fn(&str) -> Option<Stored>) -> Option<Response<Bytes>> {
    let (stored, form) = match find(&format!("{name}.br")) {
        Some(packed) if takes_brotli(headers) => (packed, Form::Packed),
        Some(packed) => (packed, Form::ToUnpack),
        None => (find(name)?, Form::Plain),
    };
    let etag = format!("\"{}{}\"", HEXLOWER.encode(&stored.hash[..16]), form.mark());
    let is_known = headers.get_all(IF_NONE_MATCH).iter().any(|known| matches(known, &etag));
    let body = match form {
        _ if is_known => Bytes::new(),
        Form::ToUnpack => unpacked(&stored)?,
        Form::Packed | Form::Plain => stored.bytes,
    };
    let mut response = Response::new(body);
    let set = response.headers_mut();
    let caching = if name.starts_with("assets/") { KEPT_FOR_EVER } else { ASKED_AGAIN };
    set.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    set.insert(VARY, HeaderValue::from_static("accept-encoding"));
    set.insert(ETAG, HeaderValue::from_str(&etag).ok()?);
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Some(response);
    }
    set.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    if form == Form::Packed {
        set.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    Some(response)
}

/// How a file is stored and how it leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Packed,
    ToUnpack,
}

impl Form {
    /// Two forms of one file have two etags.
    fn mark(self) -> &'static str {
        match self {
            Self::Plain | Self::Packed => "",
            Self::ToUnpack => "-plain",
        }
    }
}

/// The plain bytes of a packed file. Never more than the console is long, because only its own files come here.
fn unpacked(stored: &Stored) -> Option<Bytes> {
    static KEPT: Mutex<Option<HashMap<[u8; 32], Bytes>>> = Mutex::new(None);
    // Held while unpacking, so that a crowd unpacks it once.
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = kept.get_or_insert_default();
    if let Some(plain) = kept.get(&stored.hash) {
        return Some(plain.clone());
    }
    let mut plain = Vec::new();
    if let Err(error) = brotli_decompressor::BrotliDecompress(&mut &stored.bytes[..], &mut plain) {
        tracing::error!(%error, "a file of the console is damaged in this binary");
        return None;
    }
    let plain = Bytes::from(plain);
    kept.insert(stored.hash, plain.clone());
    Some(plain)
}

fn matches(known: &HeaderValue, etag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    known
        .split(',')
        .map(str::trim)
        .any(|k| k == "*" || k.strip_prefix("W/").unwrap_or(k) == etag)
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|offer| {
        let (coding, weight) = offer.split_once(';').unwrap_or((offer, ""));
        let is_refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0));
        coding.trim().eq_ignore_ascii_case("br") && !is_refused
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn plain(status: StatusCode, content_type: &'static str, words: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(words.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKED_SCRIPT: &[u8] = b"\x8b\x02\x80script\x03";

    fn built(name: &str) -> Option<Stored> {
        let content: &'static [u8] = match name {
            "index.html.br" => b"\x8b\x01\x80page\x03",
            "assets/app-1a2b.js.br" => PACKED_SCRIPT,
            "favicon.svg" => b"icon",
            _ => return None,
        };
        let mut hash = [0; 32];
        hash[..name.len().min(32)].copy_from_slice(&name.as_bytes()[..name.len().min(32)]);
        hash[0] = name.len() as u8;
        Some(Stored {
            bytes: Bytes::from_static(content),
            hash,
        })
    }

    fn get(path: &str, headers: &[(http::HeaderName, &'static str)]) -> Response<Bytes> {
        let headers = headers.iter().map(|(n, v)| (n.clone(), HeaderValue::from_static(v))).collect();
        respond(path, &headers, built)
    }

    #[test]
    fn an_asset_is_kept_for_ever_and_a_page_is_asked_for_again() {
        let asset = get("/assets/app-1a2b.js", &[]);
        assert_eq!(asset.headers()[CACHE_CONTROL], KEPT_FOR_EVER);
        assert_eq!(asset.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
        for page in ["/", "/index.html", "/nodes/mi-1", "/commands/a.b/c.d", "/../../etc/passwd"] {
            let response = get(page, &[]);
            assert_eq!(response.body(), "page", "{page}");
            assert_eq!(response.headers()[CACHE_CONTROL], ASKED_AGAIN);
        }
        assert_eq!(get("/favicon.svg", &[]).body(), "icon");
    }

    #[test]
    fn a_missing_file_is_not_a_page() {
        for path in ["/assets/gone.js", "/assets/", "/favicon.ico", "/robots.txt"] {
            assert_eq!(get(path, &[]).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn a_packed_file_is_sent_as_it_is_or_unpacked() {
        let sent = |path, accept| {
            let response = get(path, &[(ACCEPT_ENCODING, accept)]);
            let encoding = response.headers().get(CONTENT_ENCODING).map(|e| e.to_str().unwrap().to_owned());
            assert_eq!(response.headers()[VARY], "accept-encoding");
            (encoding.unwrap_or_default(), response.into_body())
        };
        let script = "/assets/app-1a2b.js";
        for accept in ["gzip, deflate, br", "BR;q=0.5", "zstd,br ;q=1"] {
            assert_eq!(sent(script, accept), ("br".into(), PACKED_SCRIPT.into()), "{accept}");
        }
        for accept in ["gzip;q=1.0, br;q=0", "identity", "", "brotli"] {
            assert_eq!(sent(script, accept), (String::new(), "script".into()), "{accept}");
        }
        assert_eq!(sent("/favicon.svg", "br"), (String::new(), "icon".into()));
    }

    #[test]
    fn a_known_etag_answers_without_the_file_and_each_form_has_its_own() {
        let plain = get("/assets/app-1a2b.js", &[]).headers()[ETAG].clone();
        let known: HeaderMap = [(IF_NONE_MATCH, plain.clone())].into_iter().collect();
        let again = respond("/assets/app-1a2b.js", &known, built);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(again.body().is_empty() && !again.headers().contains_key(CONTENT_TYPE));
        let other = [(IF_NONE_MATCH, plain), (ACCEPT_ENCODING, HeaderValue::from_static("br"))];
        let other = respond("/assets/app-1a2b.js", &other.into_iter().collect(), built);
        assert_eq!(other.body(), PACKED_SCRIPT);
    }

    #[test]
    fn without_a_console_the_page_says_how_to_build_it() {
        let response = respond("/", &HeaderMap::new(), |_| None);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(std::str::from_utf8(response.body()).unwrap().contains("scripts/build"));
    }
}
