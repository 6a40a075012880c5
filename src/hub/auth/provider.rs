//! A single sign-on provider, as the hub talks to it: discovery, keys, the exchange of a code for tokens, and who somebody is.
//!
//! Everything is fetched through [`outgoing`], which refuses addresses that only the hub can reach and follows no redirect.
//! One thing is fetched at a time, and a provider that has just failed is left alone for a while, so that strangers at the
//! login page cannot make the hub knock without end.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use data_encoding::BASE64;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use serde::Deserialize;

use crate::base::percent::encoded;
use crate::base::{ApiError, ApiResult, Secret};
use crate::hub::auth::jwt::{Claims, KeySet};
use crate::platform::outgoing::{self, Allowed, Call, Url};

/// What discovery and keys said counts for so long.
const FRESH: Duration = Duration::from_secs(3600);
/// After a failure the provider is not asked again for so long.
const PAUSE: Duration = Duration::from_secs(10);

/// How the provider is reached.
#[derive(Clone, Debug)]
pub struct Provider {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Option<Secret<String>>,
    pub allowed: Allowed,
    /// One more authority to trust, as PEM.
    pub root: Option<String>,
}

/// What the provider says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Discovery {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
}

/// What was fetched, in memory.
#[derive(Default)]
pub struct ProviderCache {
    known: Mutex<Known>,
    /// Held by whoever fetches; others wait for what that brings.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    discovery: Option<(Discovery, Instant)>,
    keys: Option<(KeySet, Instant)>,
    failed: Option<(String, Instant)>,
}

#[derive(Deserialize)]
pub struct Tokens {
    pub id_token: String,
    pub access_token: Option<String>,
}

/// What a login hands over for its tokens.
pub struct Exchange<'e> {
    pub code: &'e str,
    pub redirect_uri: &'e str,
    pub verifier: &'e str,
}

/// Which keys do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Known,
    /// The known ones did not verify a token: the provider may have changed them.
    Newer,
}

impl ProviderCache {
    /// Forgets everything: the provider is another one now.
    pub fn clear(&self) {
        *self.known() = Known::default();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("no code panics while it holds the cache")
    }

    /// Of this issuer: whoever fetched another one's meanwhile noted that.
    fn discovery(&self, issuer: &str) -> Option<Discovery> {
        let known = self.known();
        let (discovery, at) = known.discovery.as_ref()?;
        (at.elapsed() < FRESH && discovery.issuer == issuer).then(|| discovery.clone())
    }

    fn keys(&self) -> Option<KeySet> {
        let known = self.known();
        let (keys, at) = known.keys.as_ref()?;
        (at.elapsed() < FRESH).then(|| keys.clone())
    }

    /// *Errors*: what the provider failed with a moment ago.
    fn check_pause(&self) -> ApiResult<()> {
        match &self.known().failed {
            Some((why, at)) if at.elapsed() < PAUSE => Err(unusable(why)),
            _ => Ok(()),
        }
    }

    fn note<T>(&self, fetched: Result<T, String>, keep: impl FnOnce(&mut Known, &T)) -> ApiResult<T> {
        let mut known = self.known();
        match fetched {
            Ok(value) => {
                known.failed = None;
                keep(&mut known, &value);
                Ok(value)
            }
            Err(why) => {
                let error = unusable(&why);
                known.failed = Some((why, Instant::now()));
                Err(error)
            }
        }
    }
}

impl Provider {
    pub async fn discovery(&self, cache: &ProviderCache) -> ApiResult<Discovery> {
        if let Some(discovery) = cache.discovery(&self.issuer) {
            return Ok(discovery);
        }
        let _one_at_a_time = cache.fetching.lock().await;
        if let Some(discovery) = cache.discovery(&self.issuer) {
            return Ok(discovery);
        }
        cache.check_pause()?;
        cache.note(self.fetch_discovery().await, |known, discovery| {
            known.discovery = Some((discovery.clone(), Instant::now()));
        })
    }

    /// The published keys. Only a token that came from the provider itself makes the hub ask for newer ones.
    pub async fn keys(&self, cache: &ProviderCache, wanted: Wanted) -> ApiResult<KeySet> {
        if let Some(keys) = cache.keys().filter(|_| wanted == Wanted::Known) {
            return Ok(keys);
        }
        let discovery = self.discovery(cache).await?;
        let _one_at_a_time = cache.fetching.lock().await;
        let fetched = self.get(&discovery.jwks_uri, HeaderMap::new()).await;
        cache.note(fetched, |known, keys: &KeySet| known.keys = Some((keys.clone(), Instant::now())))
    }

    /// Asks the provider what it is, whatever is remembered: for whoever sets it up.
    pub async fn probe(&self) -> ApiResult<Discovery> {
        self.fetch_discovery().await.map_err(|why| unusable(&why))
    }

    async fn fetch_discovery(&self) -> Result<Discovery, String> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let discovery: Discovery = self.get(&address, HeaderMap::new()).await?;
        if discovery.issuer != self.issuer {
            let own: String = discovery.issuer.chars().filter(|c| !c.is_control()).take(200).collect();
            return Err(format!("it calls itself `{own}`: give that as the issuer"));
        }
        let endpoint = discovery.authorization_endpoint.parse::<Url>();
        endpoint.map_err(|e| e.to_string())?;
        Ok(discovery)
    }

    /// The tokens for a code. A refusal of the provider's is no failure of it: whoever brings a wrong code is refused.
    ///
    /// *Errors*: `IdentityProviderException`.
    pub async fn exchange(&self, cache: &ProviderCache, exchange: &Exchange<'_>) -> ApiResult<Tokens> {
        let discovery = self.discovery(cache).await?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", exchange.code),
            ("redirect_uri", exchange.redirect_uri),
            ("code_verifier", exchange.verifier),
        ];
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        match &self.client_secret {
            Some(secret) => {
                let pair = Secret::new(format!("{}:{}", encoded(&self.client_id), encoded(secret.expose())));
                let basic = format!("Basic {}", BASE64.encode(pair.expose().as_bytes()));
                headers.insert(AUTHORIZATION, secret_header(&basic)?);
            }
            None => form.push(("client_id", &self.client_id)),
        }
        let body = Bytes::from(form_text(&form));
        let answer = self.call(Method::POST, &discovery.token_endpoint, headers, body).await;
        parsed(&answer.map_err(|why| unusable(&why))?).map_err(|why| unusable(&why))
    }

    /// What the provider tells of whoever the token was given for; `None` when it tells nothing beyond its identity tokens.
    pub async fn person(&self, cache: &ProviderCache, access_token: &str) -> ApiResult<Option<Claims>> {
        let Some(address) = self.discovery(cache).await?.userinfo_endpoint else {
            return Ok(None);
        };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, secret_header(&format!("Bearer {access_token}"))?);
        self.get(&address, headers).await.map(Some).map_err(|why| unusable(&why))
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, address: &str, headers: HeaderMap) -> Result<T, String> {
        parsed(&self.call(Method::GET, address, headers, Bytes::new()).await?)
    }

    async fn call(&self, method: Method, address: &str, mut headers: HeaderMap, body: Bytes) -> Result<Bytes, String> {
        let url: Url = address.parse().map_err(|e: outgoing::OutgoingError| e.to_string())?;
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let call = Call {
            method,
            url: &url,
            headers,
            body,
            allowed: &self.allowed,
            root: self.root.as_deref(),
        };
        let answer = outgoing::call(call).await.map_err(|e| e.words())?;
        match answer.status.is_success() {
            true => Ok(answer.body),
            false => Err(format!("`{}` answered {}", url.host, answer.status.as_u16())),
        }
    }
}

fn secret_header(text: &str) -> ApiResult<HeaderValue> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| unusable("its token or the client's secret has signs that no header carries"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn parsed<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|_| "its answer is not what OpenID Connect says".to_owned())
}

/// For the person who logs in and for the operator who sets it up: what is wrong, and with whom.
pub fn unusable(why: &str) -> ApiError {
    ApiError::new(
        "IdentityProviderException",
        format!("the single sign-on provider cannot be used: {why}"),
    )
}

/// `application/x-www-form-urlencoded`, good for a query too.
pub fn form_text(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_carries_any_text() {
        assert_eq!(form_text(&[("a", "x y&z=1"), ("b", "é/~")]), "a=x%20y%26z%3D1&b=%C3%A9%2F~");
    }

    #[tokio::test]
    async fn a_provider_that_has_just_failed_is_left_alone_and_one_on_a_private_network_is_not_called() {
        let provider = Provider {
            issuer: "https://127.0.0.1:9".into(),
            client_id: "roadstead".into(),
            client_secret: None,
            allowed: Allowed::default(),
            root: None,
        };
        let cache = ProviderCache::default();
        let refused = provider.discovery(&cache).await.unwrap_err();
        assert!(refused.message.contains("allow its network"), "{}", refused.message);
        let at = cache.known().failed.clone().unwrap().1;
        assert_eq!(provider.discovery(&cache).await.unwrap_err().message, refused.message);
        assert_eq!(cache.known().failed.clone().unwrap().1, at, "it was not asked again");
        cache.clear();
        assert!(cache.check_pause().is_ok());
    }
}
