//! Which hub an agent calls home, and as who: what its data directory and its token say, and what the hub has said since.

use std::path::Path;
use std::time::Duration;

use crate::agent::home::timing::Timing;
use crate::agent::identity::{Identity, IdentityError, KnownHub};
use crate::base::id::NodeId;
use crate::platform::tls::fingerprint_of;
use crate::wire::succession::{KeyLink, MAX_LINKS, follow};
use crate::wire::token::JoinToken;

/// Why an agent stops trying.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error(
        "this agent has not joined a hub; start it once with `roadstead serve --agent --join TOKEN` (`roadstead join-line` on the hub prints the line)"
    )]
    NotJoined,
    #[error(
        "this agent belongs to the hub with key {joined} as `{node}`, the token is for the hub with key {token}; to move it, stop it and delete its data directory first"
    )]
    OtherHub { node: NodeId, joined: String, token: String },
    #[error(
        "the hub calls this agent `{now}`, but it joined as `{before}`; if that is right, delete the agent's data directory and join it anew"
    )]
    OtherNode { before: NodeId, now: NodeId },
    #[error(
        "the hub does not know this node's key ({message}); join again with a new token from `roadstead join-line`: `roadstead serve --agent --join TOKEN`"
    )]
    UnknownKey { message: String },
    #[error("the hub does not accept the join token ({message}); make a new one with `roadstead join-line`")]
    ActivationInvalid { message: String },
    #[error("the hub says this key has joined already, yet does not know it ({message}); delete the agent's identity.key and join again")]
    AlreadyJoined { message: String },
    #[error("the hub does not take this agent in: {message}")]
    Rejected { message: String },
    #[error(
        "at `{address}` answers a hub with key {found}, but the token is for the hub with key {expected}; if the address is right somebody may be in between, else make a new token with `roadstead join-line`"
    )]
    WrongHub { address: String, expected: String, found: String },
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// Which hub, and as who.
pub struct Home {
    pub(super) identity: Identity,
    pub(super) token: Option<JoinToken>,
    /// `host:port`, the last good one first.
    pub(super) addresses: Vec<String>,
    pub(super) hub_key: String,
    former_keys: Vec<String>,
    takes_former: bool,
    /// Ask to be taken in, instead of saying who this is.
    pub(super) enrolling: bool,
    /// How long the hub has the agents take for coming back.
    pub(super) return_within: Duration,
    pub timing: Timing,
}

impl Home {
    /// What the data directory and the token (which wins for addresses) say. Blocking.
    pub fn open(data: &Path, token: Option<JoinToken>) -> Result<Self, HomeError> {
        Self::new(Identity::load(data)?, token)
    }

    /// Whose home this is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Pure: decides between what is known and what the token says.
    pub fn new(identity: Identity, token: Option<JoinToken>) -> Result<Self, HomeError> {
        // One that was left by an agent that ended on its way into the hub.
        let token = token.or_else(|| identity.kept_token().filter(|_| identity.hub().is_none()).cloned());
        let (addresses, hub_key) = match (identity.hub(), &token) {
            (None, None) => return Err(HomeError::NotJoined),
            (Some(hub), Some(token)) if !hub.has_key(&token.hub_key) => {
                return Err(HomeError::OtherHub {
                    node: hub.node_id.clone(),
                    joined: hub.hub_key.clone(),
                    token: token.hub_key.clone(),
                });
            }
            (Some(hub), Some(token)) => (token.addresses.clone(), hub.hub_key.clone()),
            (None, Some(token)) => (token.addresses.clone(), token.hub_key.clone()),
            (Some(hub), None) => (hub.addresses.clone(), hub.hub_key.clone()),
        };
        let enrolling = identity.hub().is_none();
        let former_keys = identity.hub().map(|hub| hub.former_keys.clone()).unwrap_or_default();
        let takes_former = identity.hub().is_some_and(|hub| hub.takes_former);
        let timing = Timing::default();
        Ok(Self {
            identity,
            token,
            addresses,
            hub_key,
            former_keys,
            takes_former,
            enrolling,
            return_within: Duration::ZERO,
            timing,
        })
    }

    /// The node this agent is, once the hub has said so.
    pub fn node(&self) -> Option<&NodeId> {
        self.identity.hub().map(|hub| &hub.node_id)
    }

    /// Whether there is a token by which a removed node may join anew: not the one that it was let in with, or whatever starts the
    /// agent again with the same words would undo the removal.
    pub(super) fn has_fresh_token(&self) -> bool {
        let spent = self.identity.hub().and_then(|hub| hub.joined_by.as_ref());
        self.token.as_ref().is_some_and(|token| spent != Some(&token.activation_id))
    }

    /// Where the hub is now, whatever was noted of it.
    pub fn reach_at(&mut self, addresses: Vec<String>) {
        self.addresses = addresses;
    }

    /// Whoever starts this agent again while it waits to be let in need not have the token.
    pub(super) async fn keep_token(&mut self) -> Result<(), HomeError> {
        match &self.token {
            Some(token) if self.enrolling && self.identity.kept_token() != Some(token) => Ok(self.identity.keep_token(token).await?),
            _ => Ok(()),
        }
    }

    /// Begins again as another node of the same hub: this one was a copy.
    pub(super) async fn become_another(&mut self, token: JoinToken) -> Result<(), HomeError> {
        if token.hub_key != self.hub_key && !self.former_keys.contains(&token.hub_key) {
            return Err(HomeError::OtherHub {
                node: self.node().map_or_else(NodeId::random, Clone::clone),
                joined: self.hub_key.clone(),
                token: token.hub_key,
            });
        }
        self.identity.keep_token(&token).await?;
        self.identity.renew().await?;
        self.token = Some(token);
        self.enrolling = true;
        Ok(())
    }

    /// Fingerprints of the hub that are taken.
    pub(super) fn pins(&self) -> Vec<String> {
        let former = self.former_keys.last().filter(|_| self.takes_former);
        std::iter::once(&self.hub_key).chain(former).cloned().collect()
    }

    /// Takes over what the hub says of its key; answers whether anything changed.
    ///
    /// What does not begin at a key that counts changes nothing.
    pub(super) async fn succeed(&mut self, links: &[KeyLink], is_open: bool) -> Result<bool, HomeError> {
        let before = (self.hub_key.clone(), self.takes_former);
        if let Some(new) = follow(links, &self.hub_key) {
            let old = std::mem::replace(&mut self.hub_key, fingerprint_of(&new));
            self.former_keys.push(old);
            let most = self.former_keys.len().saturating_sub(MAX_LINKS);
            self.former_keys.drain(..most);
        }
        let is_known = links
            .last()
            .and_then(KeyLink::keys)
            .is_some_and(|(_, to)| fingerprint_of(&to) == self.hub_key);
        if is_known {
            self.takes_former = is_open;
        }
        if before == (self.hub_key.clone(), self.takes_former) {
            return Ok(false);
        }
        if let Some(hub) = self.identity.hub() {
            let hub = KnownHub {
                hub_key: self.hub_key.clone(),
                former_keys: self.former_keys.clone(),
                takes_former: self.takes_former,
                ..hub.clone()
            };
            self.identity.remember(hub).await?;
        }
        Ok(true)
    }

    pub(super) fn prefer(&mut self, address: &str) {
        if let Some(at) = self.addresses.iter().position(|a| a == address) {
            self.addresses[..=at].rotate_right(1);
        }
    }

    /// Notes the hub and which node this is.
    ///
    /// *Errors*: a hub that calls this agent by another id than before: signatures of operators name nodes by their ids, so
    /// they are not a hub's to hand around.
    pub(super) async fn joined(&mut self, node: NodeId) -> Result<(), HomeError> {
        if let Some(before) = self.node().filter(|before| **before != node) {
            return Err(HomeError::OtherNode {
                before: before.clone(),
                now: node,
            });
        }
        let hub = KnownHub {
            addresses: self.addresses.clone(),
            hub_key: self.hub_key.clone(),
            former_keys: self.former_keys.clone(),
            takes_former: self.takes_former,
            node_id: node,
            joined_by: match &self.token {
                Some(token) => Some(token.activation_id.clone()),
                None => self.identity.hub().and_then(|hub| hub.joined_by.clone()),
            },
        };
        self.enrolling = false;
        self.identity.remember(hub).await?;
        Ok(self.identity.drop_token().await?)
    }
}
