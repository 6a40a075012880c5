//! What an operation may use: the hub's services, and the facts of its own request.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use futures_util::future::BoxFuture;
use http::HeaderMap;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::base::id::NodeId;
use crate::base::{ApiError, ApiResult, Clock, Timestamp};
use crate::hub::api::Target;
use crate::hub::api::timekeeper::Timekeeper;
use crate::hub::audit::{self, Outcome};
use crate::hub::auth::backoff::Backoff;
use crate::hub::auth::freeze::Freeze;
use crate::hub::auth::vault::Vault;
use crate::hub::auth::{AccessKeys, Caller, ConsoleSessions, Proof, RightsCache, policy};
use crate::hub::config::HubConfig;
use crate::hub::events::Bus;
use crate::hub::keys::HubKeys;
use crate::hub::link::Link;
use crate::hub::store::blobs::Blobs;
use crate::hub::store::{Condition, Store, StoreError, Tx};
use crate::model::access::Words;

/// What the whole hub shares.
pub struct Services {
    pub config: HubConfig,
    pub facts: HubFacts,
    pub clock: Clock,
    pub time: Timekeeper,
    pub store: Store,
    pub blobs: Blobs,
    pub bus: Bus,
    pub vault: Arc<Vault>,
    pub keys: AccessKeys,
    /// What agents know the hub by.
    pub hub_keys: HubKeys,
    pub console: ConsoleSessions,
    pub rights: Arc<RightsCache>,
    /// What policies may speak of.
    pub words: Arc<Words>,
    pub freeze: Arc<Freeze>,
    pub backoff: Backoff,
    pub installer: Installer,
    pub audit: Arc<audit::Keeper>,
    pub tasks: TaskTracker,
    pub shutdown: CancellationToken,
    link: OnceLock<Link>,
    states: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

/// What the hub knows of itself once it has started.
#[derive(Clone, Debug)]
pub struct HubFacts {
    pub started_at: Timestamp,
    /// `host:port`, best first: what join lines and links name.
    pub addresses: Vec<String>,
    /// SHA-256 of the web certificate authority, hexadecimal with colons.
    pub ca_fingerprint: String,
}

/// What a joining node is given, made where the files are served.
pub struct Installer {
    /// The copy-paste lines for these addresses and this token.
    pub lines: Box<dyn Fn(Vec<String>, String) -> BoxFuture<'static, JoinLines> + Send + Sync>,
    /// CPU architectures this hub has a binary for.
    pub architectures: Box<dyn Fn() -> BoxFuture<'static, Vec<String>> + Send + Sync>,
}

/// One line that joins a node over the network, and one for files that were carried there.
pub struct JoinLines {
    pub online: String,
    pub offline: String,
}

/// The parts [`Services::new`] puts together.
pub struct Parts {
    pub config: HubConfig,
    pub facts: HubFacts,
    pub clock: Clock,
    pub store: Store,
    pub blobs: Blobs,
    pub vault: Arc<Vault>,
    pub keys: AccessKeys,
    pub hub_keys: HubKeys,
    pub rights: Arc<RightsCache>,
    pub words: Arc<Words>,
    pub freeze: Arc<Freeze>,
    pub installer: Installer,
    pub audit: Arc<audit::Keeper>,
    pub shutdown: CancellationToken,
    /// When the hub last knew itself to be alive.
    pub alive_at: Timestamp,
}

impl Services {
    pub fn new(parts: Parts) -> Self {
        let Parts {
            config,
            facts,
            clock,
            store,
            blobs,
            vault,
            keys,
            hub_keys,
            rights,
            words,
            freeze,
            installer,
            audit,
            shutdown,
            alive_at,
        } = parts;
        let time = Timekeeper::new(&clock);
        time.was_alive_at(alive_at, &clock);
        Self {
            console: ConsoleSessions::new(store.clone()),
            time,
            backoff: Backoff::default(),
            bus: Bus::default(),
            tasks: TaskTracker::new(),
            link: OnceLock::new(),
            states: Mutex::default(),
            config,
            facts,
            clock,
            store,
            blobs,
            vault,
            keys,
            hub_keys,
            rights,
            words,
            freeze,
            installer,
            audit,
            shutdown,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether things may be removed because of their age: not while the clock is in doubt.
    pub fn ages_are_certain(&self) -> bool {
        self.time.is_settled(&self.clock)
    }

    /// Connected agents. Set once while the hub starts, before anything can call.
    pub fn link(&self) -> &Link {
        self.link.get().expect("the hub ties the link before it listens")
    }

    pub fn tie_link(&self, link: Link) {
        assert!(self.link.set(link).is_ok(), "the link is tied once");
    }

    /// A capability's own memory, made when first asked for. Nothing in it may be lost with harm: rows are the truth.
    pub fn state<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let mut states = self.states.lock().expect("no code panics while it holds the map");
        let state = states.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default())).clone();
        drop(states);
        state.downcast().expect("the key is the type")
    }

    /// Whether the login or key by which a caller proved who they are is still one.
    pub async fn still_counts(&self, caller: &Caller) -> ApiResult<bool> {
        match &caller.proof {
            Proof::Session(id) => self.console.is_alive(id, self.now()).await,
            Proof::AccessKey(id) | Proof::Temporary(id) => self.keys.is_alive(id, self.now()).await,
            Proof::Local | Proof::None => Ok(true),
        }
    }

    /// A write that no caller asked for: a report, a tick. Callers' writes go through [`Cx::write`].
    pub async fn write<T, F>(&self, work: F) -> ApiResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> ApiResult<T> + Send + 'static,
    {
        self.store.write(work).await
    }

    /// The same for what nobody waits for; see [`Store::write_lazily`].
    pub async fn write_lazily<T, F>(&self, work: F) -> ApiResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> ApiResult<T> + Send + 'static,
    {
        self.store.write_lazily(work).await
    }

    /// A read of the hub's own; see [`Store::read_aside`]. Callers' reads go through [`Cx::read`].
    pub async fn read<T, F>(&self, work: F) -> ApiResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> ApiResult<T> + Send + 'static,
    {
        self.store.read_aside(work).await
    }
}

/// One request of one caller.
#[derive(Clone)]
pub struct Cx {
    pub services: Arc<Services>,
    request: Arc<RequestFacts>,
}

/// What is known of a request before it is decoded.
pub struct RequestFacts {
    pub id: String,
    /// `ssm:SendCommand` …
    pub action: String,
    pub caller: Caller,
    pub address: String,
    /// The region the caller signed for; the hub's own for a browser.
    pub region: String,
    /// As the caller reached the hub: `https://host:port`.
    pub origin: String,
    pub headers: HeaderMap,
    pub now: Timestamp,
    pub target: OnceLock<Target>,
    /// Why a check inside the operation refused it, for the audit log.
    pub denial: OnceLock<String>,
    pub is_audited: AtomicBool,
    pub cookies: Mutex<Vec<String>>,
}

impl Cx {
    pub fn new(services: Arc<Services>, request: RequestFacts) -> Self {
        Self {
            services,
            request: Arc::new(request),
        }
    }

    pub fn request(&self) -> &RequestFacts {
        &self.request
    }

    pub fn caller(&self) -> &Caller {
        &self.request.caller
    }

    /// Whether upstream's operations may answer with members that upstream's model lacks.
    pub fn wants_our_members(&self) -> bool {
        self.request.headers.contains_key("x-roadstead-members")
    }

    /// Who is narrowed to some nodes or actions changes nothing by which they or others would reach more.
    ///
    /// *Errors*: `AccessDeniedException`.
    pub fn require_whole(&self) -> ApiResult<()> {
        if self.caller().rights.grants.layers.is_empty() && self.caller().scope.is_none() {
            return Ok(());
        }
        Err(ApiError::new(
            "AccessDeniedException",
            "a user or key that is narrowed to some nodes or actions changes no users, roles, policies, groups, limits, rules for nodes or keys of others",
        ))
    }

    /// What is of the whole hub cannot be shown or changed in part by somebody who is narrowed to some nodes.
    ///
    /// *Errors*: `AccessDeniedException`, which says `why`.
    pub fn require_fleet(&self, why: &str) -> ApiResult<()> {
        match self.caller().rights.grants.has_node_scope() {
            false => Ok(()),
            true => Err(ApiError::new("AccessDeniedException", why)),
        }
    }

    /// Another action of the same connection, by a caller whose rights may have been looked up again.
    pub fn for_action(&self, action: &str, caller: Caller) -> Self {
        self.copy(action.to_owned(), caller, self.services.now(), OnceLock::new())
    }

    /// The operation's moment: the same wherever it is asked for.
    pub fn now(&self) -> Timestamp {
        self.request.now
    }

    /// Changes rows for the caller, with the audit row in the same transaction.
    pub async fn write<T, F>(&self, work: F) -> ApiResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> ApiResult<T> + Send + 'static,
    {
        self.write_saying(String::new(), work).await
    }

    /// The same with a short sentence in the audit row.
    pub async fn write_saying<T, F>(&self, detail: String, work: F) -> ApiResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> ApiResult<T> + Send + 'static,
    {
        let entry = self.entry(Outcome::Done, detail);
        let nodes = self.targeted_nodes();
        let result = self.services.write(move |tx| {
            let value = work(tx)?;
            tx.note(|notes| notes.nodes.extend(nodes));
            audit::record(tx, entry);
            Ok(value)
        });
        let value = result.await?;
        self.request.is_audited.store(true, Ordering::Relaxed);
        Ok(value)
    }

    pub async fn read<T, F>(&self, work: F) -> ApiResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> ApiResult<T> + Send + 'static,
    {
        self.services.store.read(work).await
    }

    /// As [`Cx::read`], on this thread, for what looks a few rows up by their keys; see [`Store::glance`].
    pub async fn glance<T, F>(&self, work: F) -> ApiResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> ApiResult<T> + Send + 'static,
    {
        self.services.store.glance(work).await
    }

    /// The rows of `kind` that this operation may show or touch for its caller. Every list puts it into its `SELECT`
    /// (`Select::and_condition`), every count too; `id` is the column that holds the row's id there, qualified by its table.
    pub fn visible(&self, kind: &'static str, id: &'static str) -> Condition {
        self.visible_for(&self.request.action, kind, id)
    }

    /// The same for another action than this operation's own.
    pub fn visible_for(&self, action: &str, kind: &'static str, id: &'static str) -> Condition {
        policy::visible(self.caller(), action, kind, id)
    }

    /// Whether the caller may do this operation on one more target, found only inside the transaction.
    ///
    /// *Errors*: `AccessDeniedException`.
    pub fn permit(&self, tx: &Tx<'_>, target: &policy::Target) -> ApiResult<()> {
        self.permit_for(tx, &self.request.action, target)
    }

    /// The same for another action than this operation's own.
    ///
    /// *Errors*: `AccessDeniedException`.
    pub fn permit_for(&self, tx: &Tx<'_>, action: &str, target: &policy::Target) -> ApiResult<()> {
        policy::decide_in(tx, self.caller(), action, target)?.map_err(|denial| {
            self.note_denial(&denial.reason);
            denial.into()
        })
    }

    /// To be called in the transaction of every change of rows that rights are made of.
    pub fn rights_changed(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        self.services.rights.changed(tx, &self.services.bus)
    }

    pub(super) fn note_denial(&self, reason: &str) {
        let _first = self.request.denial.set(reason.to_owned());
    }

    /// Writes an audit row of its own: for denials, and for acts whose effect lies outside the database.
    pub async fn audit(&self, outcome: Outcome, detail: String) -> Result<(), StoreError> {
        let entry = self.entry(outcome, detail);
        let services = &self.services;
        if outcome == Outcome::Denied {
            services.audit.deny(&services.store, entry).await?;
        } else {
            let nodes = self.targeted_nodes();
            let written = services.store.write(move |tx| {
                tx.note(|notes| notes.nodes.extend(nodes));
                audit::record(tx, entry);
                Ok::<_, StoreError>(())
            });
            written.await?;
        }
        self.request.is_audited.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Adds `Set-Cookie` to the answer.
    pub fn set_cookie(&self, value: String) {
        self.request
            .cookies
            .lock()
            .expect("no code panics while it holds the cookies")
            .push(value);
    }

    /// The same request as one of `caller`: for what a login does once it is known whose it is.
    pub fn with_caller(&self, caller: Caller) -> Self {
        let request = &self.request;
        self.copy(request.action.clone(), caller, request.now, request.target.clone())
    }

    fn copy(&self, action: String, caller: Caller, now: Timestamp, target: OnceLock<Target>) -> Self {
        let request = &self.request;
        let facts = RequestFacts {
            id: request.id.clone(),
            action,
            caller,
            address: request.address.clone(),
            region: request.region.clone(),
            origin: request.origin.clone(),
            headers: request.headers.clone(),
            now,
            target,
            denial: OnceLock::new(),
            is_audited: AtomicBool::new(false),
            cookies: Mutex::default(),
        };
        Self::new(self.services.clone(), facts)
    }

    /// The nodes that the request names: the log is searched by them.
    fn targeted_nodes(&self) -> Vec<NodeId> {
        match self.request.target.get() {
            Some(Target::Resources("node", ids)) => ids.iter().filter_map(|id| id.parse().ok()).collect(),
            _ => Vec::new(),
        }
    }

    fn entry(&self, outcome: Outcome, detail: String) -> audit::Entry {
        let request = &self.request;
        audit::Entry {
            at: request.now,
            request_id: request.id.clone(),
            caller: request.caller.to_string(),
            address: request.address.clone(),
            operation: request.action.clone(),
            target: request.target.get().map(ToString::to_string).unwrap_or_default(),
            outcome,
            detail,
        }
    }
}
