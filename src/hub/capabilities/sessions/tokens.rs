//! The words that open one attachment each: random, bound to a session, known only as hashes, gone after a minute.
//!
//! They live in memory: after a restart of the hub a client asks ResumeSession for another.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64URL_NOPAD;
use tokio::time::Instant;

use crate::base::id::SessionId;
use crate::hub::auth::Caller;

/// How long a token waits for its attachment.
pub const LIFETIME: Duration = Duration::from_secs(60);

/// A token as it is remembered, also after its use: it tells one attachment from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    pub fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }
}

/// Whom a token was given to: their rights and their login are looked at as long as they are attached.
#[derive(Clone, Debug)]
pub struct Bearer {
    pub caller: Caller,
    pub address: String,
    pub request_id: String,
}

struct Issued {
    session: SessionId,
    bearer: Bearer,
    expires: Instant,
}

#[derive(Default)]
pub struct Tokens {
    issued: Mutex<HashMap<TokenHash, Issued>>,
}

impl Tokens {
    /// A fresh token (43 characters; upstream allows 300).
    pub fn issue(&self, session: &SessionId, bearer: Bearer) -> String {
        let mut random = [0u8; 32];
        aws_lc_rs::rand::fill(&mut random).expect("the kernel's random source does not fail once seeded");
        let token = BASE64URL_NOPAD.encode(&random);
        let now = Instant::now();
        let issued = Issued {
            session: session.clone(),
            bearer,
            expires: now + LIFETIME,
        };
        let mut all = self.issued.lock().expect("no code panics while it holds the map");
        all.retain(|_, issued| issued.expires > now);
        all.insert(TokenHash::of(&token), issued);
        token
    }

    /// Uses a token up. `None` when it is unknown, used, expired or another session's; it is worthless then as well.
    pub fn redeem(&self, token: &str, session: &SessionId) -> Option<(TokenHash, Bearer)> {
        let hash = TokenHash::of(token);
        let issued = self.issued.lock().expect("no code panics while it holds the map").remove(&hash)?;
        let is_valid = issued.expires > Instant::now() && issued.session == *session;
        is_valid.then_some((hash, issued.bearer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer() -> Bearer {
        Bearer {
            caller: Caller::local(),
            address: "::1".into(),
            request_id: "1".into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_opens_one_attachment_of_its_session_only() {
        let (tokens, mine, other) = (Tokens::default(), SessionId::random("a"), SessionId::random("a"));
        let token = tokens.issue(&mine, bearer());
        assert!(token.len() <= 300);
        let (hash, redeemed) = tokens.redeem(&token, &mine).unwrap();
        assert_eq!((hash, redeemed.caller.name), (TokenHash::of(&token), bearer().caller.name));
        assert!(tokens.redeem(&token, &mine).is_none());
        let token = tokens.issue(&mine, bearer());
        assert!(tokens.redeem(&token, &other).is_none());
        assert!(
            tokens.redeem(&token, &mine).is_none(),
            "a token shown to the wrong session is burnt"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_expires_after_a_minute_and_leaves_nothing_behind() {
        let (tokens, session) = (Tokens::default(), SessionId::random("a"));
        let token = tokens.issue(&session, bearer());
        tokio::time::advance(LIFETIME - Duration::from_millis(1)).await;
        let in_time = tokens.issue(&session, bearer());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(tokens.redeem(&token, &session).is_none());
        assert!(tokens.redeem(&in_time, &session).is_some());
        assert!(tokens.issued.lock().unwrap().is_empty());
    }
}
