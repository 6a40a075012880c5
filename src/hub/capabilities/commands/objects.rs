//! Downloads from object stores whose keys the hub has, and from its own folder ([`super::files`]): who may send a command with one,
//! and what its nodes are given.
//!
//! A sender needs the right to use each store that the command's downloads mean; the command keeps their names, so that a store
//! that is added or widened afterwards is not used for it. When a step begins, its node asks; which objects the step downloads is
//! read from the command's own row, so that no node names one by itself. The store's record decides again
//! ([`crate::hub::capabilities::object_stores::reading`]), the grant is written into the audit log, and the node gets an address
//! for each object that is good for minutes. Such an address is a secret: it is in no row, log or message.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Reports, Services, Target};
use crate::hub::audit::Outcome;
use crate::hub::audit::node_read::NodeRead;
use crate::hub::capabilities::commands::enclosed::Enclosed;
use crate::hub::capabilities::commands::files;
use crate::hub::capabilities::commands::open_orders::{NOT_OPEN, OpenOrder};
use crate::hub::capabilities::documents::hub_files;
use crate::hub::capabilities::fleet::targets::SEND;
use crate::hub::capabilities::object_stores::client::Client;
use crate::hub::capabilities::object_stores::reading::{Meaning, Spot, meaning};
use crate::hub::capabilities::object_stores::stores::{self, Store};
use crate::model::document::Resolved;
use crate::model::document::sources::{self, Source};
use crate::wire::control::ToHub;
use crate::wire::objects::{Granted, StepObjects};

const OPERATION: &str = "roadstead:NodeReadObjects";
/// Most places that one step downloads from.
const MAX_SOURCES: usize = 50;
/// Nodes for which one store is asked at once; a fleet that begins the same step waits its turn.
const ASKED_AT_ONCE: usize = 16;
/// What waits its turn for files of the hub; no store is called so.
const OWN_FILES: &str = "hub://";
/// For all that one step needs of stores, its turns excepted. The node waits longer than that.
const FIND_LIMIT: Duration = Duration::from_secs(60);

/// Asks of nodes that are being answered.
#[derive(Default)]
struct Finding {
    /// By the store's name: one that does not answer keeps nobody from the others.
    turns: Mutex<HashMap<String, Arc<Semaphore>>>,
    under_way: Mutex<HashSet<Ask>>,
}

/// Which step of which run, by whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    pub node: NodeId,
    pub run: CommandId,
    pub step: u32,
}

/// An ask that is being answered, until this is dropped.
struct UnderWay(Arc<Finding>, Ask);

impl UnderWay {
    /// `None` when it is being answered already: the answer goes to the connection that there is then.
    fn begin(finding: &Arc<Finding>, ask: &Ask) -> Option<Self> {
        let is_first = finding.asks().insert(ask.clone());
        is_first.then(|| Self(finding.clone(), ask.clone()))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.asks().remove(&self.1);
    }
}

impl Finding {
    fn asks(&self) -> MutexGuard<'_, HashSet<Ask>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn at each of the stores. All take them in the order of the names, so that none waits for another in a ring.
    async fn turns(&self, stores: BTreeSet<&str>) -> Vec<OwnedSemaphorePermit> {
        let mut held = Vec::new();
        for store in stores {
            let turn = self.of_store(store).acquire_owned().await;
            held.push(turn.expect("the turns of a store are never closed"));
        }
        held
    }

    fn of_store(&self, name: &str) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody waits for are as good as new; what stays is bounded by the stores that are asked now.
        turns.retain(|_, turns| Arc::strong_count(turns) > 1);
        let of_store = turns.entry(name.to_owned());
        of_store.or_insert_with(|| Arc::new(Semaphore::new(ASKED_AT_ONCE))).clone()
    }
}

pub fn reports(reports: &mut Reports) {
    reports.on_frame(
        |frame| matches!(frame, ToHub::WantObjects { .. }),
        |services, node, frame| {
            async move {
                if let ToHub::WantObjects { run, step } = frame {
                    asked(services, Ask { node, run, step }).await;
                }
            }
            .boxed()
        },
    );
}

/// The stores that the command's downloads mean, by name, and the files of the hub, by their `hub://` address.
///
/// *Errors*: `AccessDeniedException` for one that the sender may not use. One that lets nodes read nothing there is no error: the
/// step fails and says so.
pub async fn check(cx: &Cx, resolved: &Resolved, documents: &Enclosed) -> ApiResult<BTreeSet<String>> {
    let sources: BTreeSet<Source> = resolved.steps.iter().flat_map(|step| sources::of_step(step, documents)).collect();
    if sources.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rights = cx.clone();
    cx.read(move |tx| {
        let known = stores::all(tx)?;
        let mut used = BTreeSet::new();
        for source in &sources {
            if let Some(path) = source.hub_path() {
                rights.permit_for(tx, SEND, &hub_files::target(path))?;
                used.insert(source.path.clone());
            } else if let Meaning::Readable { store, .. } = meaning(&known, source) {
                rights.permit_for(tx, SEND, &Target::Resource(stores::KIND, store.name.clone()))?;
                used.insert(store.name.clone());
            }
        }
        Ok(used)
    })
    .await
}

/// A step asks. It always gets an answer while it is connected, for it waits; its node's other frames do not wait for the store.
async fn asked(services: Arc<Services>, ask: Ask) {
    let finding = services.state::<Finding>();
    let Some(under_way) = UnderWay::begin(&finding, &ask) else { return };
    let wanted = wanted(&services, &ask).await.unwrap_or_else(|error| Err(failed(&ask, &error)));
    let tasks = services.tasks.clone();
    tasks.spawn(async move {
        let given = match wanted {
            Ok(wanted) => given(&services, &finding, &ask, wanted).await,
            Err(why) => Err(why),
        };
        drop(under_way);
        tell(&services, &ask, given).await;
    });
}

/// What one step may fetch, or why it gets nothing.
pub type Answer<T> = Result<T, String>;

/// The step of an order, by name, with what it downloads from stores and the folder of this hub.
struct Wanted {
    step: String,
    readable: Vec<(Source, Store, Spot)>,
    /// With their paths.
    files: Vec<(Source, String)>,
}

/// What the step downloads, as the hub's own rows say it, if nodes may read it.
///
/// *Errors*: the hub's own.
async fn wanted(services: &Services, ask: &Ask) -> ApiResult<Answer<Wanted>> {
    let Some(order) = OpenOrder::of(services, &ask.run, &ask.node).await? else {
        return Ok(Err(NOT_OPEN.into()));
    };
    let resolved = match order.resolved() {
        Ok(resolved) => resolved,
        Err(why) => return Ok(Err(why)),
    };
    let Some(step) = resolved.steps.get(ask.step as usize) else {
        return Ok(Err("the command has no such step".into()));
    };
    let sources = sources::of_step(step, &order.documents);
    if sources.len() > MAX_SOURCES {
        let count = sources.len();
        return Ok(Err(format!("the step downloads from {count} places; {MAX_SOURCES} are possible")));
    }
    let known = services.read(|tx| Ok(stores::all(tx)?)).await?;
    let (mut readable, mut files) = (Vec::new(), Vec::new());
    for source in sources {
        if let Some(path) = source.hub_path().map(str::to_owned) {
            if !order.extras.download_stores.contains(&source.path) {
                let why = format!("the right to `{path}` was not asked for when the command was sent: send it again");
                return denied(services, ask, &hub_files::target(&path), why).await;
            }
            files.push((source, path));
            continue;
        }
        match judged(&known, &source, &order.extras.download_stores) {
            Judged::Foreign => {}
            Judged::Readable(store, spot) => readable.push((source, store.clone(), spot)),
            Judged::Denied(store, why) => {
                let target = Target::Resource(stores::KIND, store.name.clone());
                return denied(services, ask, &target, why).await;
            }
        }
    }
    let step = step.name.clone();
    Ok(Ok(Wanted { step, readable, files }))
}

/// Nothing, which the audit log says as well.
async fn denied<T>(services: &Services, ask: &Ask, target: &Target, why: String) -> ApiResult<Answer<T>> {
    let entry = reading(services, ask).entry(target.to_string(), Outcome::Denied, why.clone());
    services.audit.deny(&services.store, entry).await?;
    Ok(Err(why))
}

/// What a node gets of one source.
#[derive(Debug)]
enum Judged<'s> {
    Foreign,
    Readable(&'s Store, Spot),
    Denied(&'s Store, String),
}

/// The store's record decides now, and the sender's right when the command was sent: `permitted` are the stores it was for.
fn judged<'s>(known: &'s [Store], source: &Source, permitted: &BTreeSet<String>) -> Judged<'s> {
    match meaning(known, source) {
        Meaning::Foreign => Judged::Foreign,
        Meaning::Refused { store, why, .. } => Judged::Denied(store, why),
        Meaning::Readable { store, spot } if permitted.contains(&store.name) => Judged::Readable(store, spot),
        Meaning::Readable { store, spot } => {
            let (name, shown) = (&store.name, spot.shown());
            let why = format!(
                "the object store `{name}` did not let nodes read `{shown}` when the command was sent, so its sender's right was not asked for: send it again"
            );
            Judged::Denied(store, why)
        }
    }
}

/// Finds the objects, writes the grant down, and only then has addresses signed.
async fn given(services: &Services, finding: &Finding, ask: &Ask, wanted: Wanted) -> Answer<Vec<Granted>> {
    let Wanted { step, readable, files } = wanted;
    let stores = readable.iter().map(|(_, store, _)| store.name.as_str());
    let hub = (!files.is_empty()).then_some(OWN_FILES);
    let _turns = finding.turns(stores.chain(hub).collect()).await;
    let all = async {
        let mut granted = Vec::new();
        for (source, store, spot) in readable {
            granted.push(grant(services, ask, &step, (source, &store, &spot)).await?);
        }
        Ok(granted)
    };
    let found = timeout(FIND_LIMIT, all).await.unwrap_or_else(|_| {
        let seconds = FIND_LIMIT.as_secs();
        Err(format!("the object store did not answer the hub within {seconds} s"))
    });
    let mut granted = found?;
    for (source, path) in files {
        granted.push(files::grant(services, ask, &step, source, path).await?);
    }
    Ok(granted)
}

async fn grant(services: &Services, ask: &Ask, step: &str, what: (Source, &Store, &Spot)) -> Answer<Granted> {
    let (source, store, spot) = what;
    let client = Client::new(services, store, &spot.bucket).map_err(|failure| failure.why)?;
    let found = client.find(spot).await.map_err(|failure| failure.why)?;
    let target = Target::Resource(stores::KIND, store.name.clone()).to_string();
    let (shown, run, count) = (spot.shown(), &ask.run, found.count());
    let what = match found.is_folder {
        true => format!("{} below `{shown}`", crate::base::count(count as u64, "object")),
        false => format!("`{shown}`"),
    };
    let detail = format!("{what} may be read for step `{step}` of command {run}");
    let read = reading(services, ask);
    let written = services.write(move |tx| {
        read.record(tx, target, detail);
        Ok(())
    });
    written.await.map_err(|error| failed(ask, &error))?;
    Ok(Granted {
        source,
        store: store.name.clone(),
        is_folder: found.is_folder,
        objects: client.signed_addresses(&found)?,
        ca_pem: store.settings.ca_pem.clone(),
    })
}

pub fn reading(services: &Services, ask: &Ask) -> NodeRead {
    NodeRead {
        node: ask.node.clone(),
        run: ask.run.clone(),
        at: services.now(),
        operation: OPERATION,
    }
}

/// For the node; the hub's log says more.
pub fn failed(ask: &Ask, error: &ApiError) -> String {
    tracing::error!(node_id = %ask.node, command_id = %ask.run, %error, "a step's downloads could not be allowed");
    "the hub could not look up what the step downloads; its log says why".into()
}

async fn tell(services: &Services, ask: &Ask, given: Answer<Vec<Granted>>) {
    let (granted, problem) = match given {
        Ok(granted) => (granted, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    let answer = StepObjects {
        run: ask.run.clone(),
        step: ask.step,
        granted,
        problem,
    };
    let body = match serde_json::to_vec(&answer) {
        Ok(json) => Bytes::from_owner(Zeroizing::new(json)),
        Err(error) => return tracing::error!(command_id = %ask.run, %error, "an answer could not be written"),
    };
    if let Err(error) = services.link().objects(&ask.node, body).await {
        tracing::warn!(node_id = %ask.node, command_id = %ask.run, %error, "a step did not hear what it may download; it asks again after its next connect");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::capabilities::object_stores::stores::Settings;

    #[tokio::test]
    async fn a_store_that_does_not_answer_keeps_nobody_from_another() {
        let finding = Finding::default();
        let mut stuck = Vec::new();
        for _ in 0..ASKED_AT_ONCE {
            stuck.push(finding.turns(BTreeSet::from(["dead"])).await);
        }
        assert!(finding.turns(BTreeSet::from(["alive"])).now_or_never().is_some());
        assert!(finding.turns(BTreeSet::from(["alive", "dead"])).now_or_never().is_none());
        stuck.pop();
        assert!(finding.turns(BTreeSet::from(["alive", "dead"])).now_or_never().is_some());
        drop(stuck);
        finding.of_store("alive");
        assert_eq!(finding.turns.lock().unwrap().len(), 1, "those of nobody are gone");
    }

    #[test]
    fn the_senders_right_counts_for_the_stores_of_its_time_and_the_record_for_now() {
        let settings = Settings {
            endpoint: "https://store.example".into(),
            output_places: vec!["logs".parse().unwrap()],
            download_places: vec!["tools".parse().unwrap()],
            ..Settings::default()
        };
        let known = [Store::for_tests("one", settings)];
        let judge = |path: &str, permitted: &[&str]| {
            let source = Source {
                path: format!("https://store.example/{path}"),
                endpoint: String::new(),
            };
            let permitted = permitted.iter().map(|name| (*name).to_owned()).collect();
            match judged(&known, &source, &permitted) {
                Judged::Foreign => "foreign".to_owned(),
                Judged::Readable(_, spot) => spot.shown(),
                Judged::Denied(store, why) => format!("{}: {why}", store.name),
            }
        };
        assert_eq!(judge("tools/x", &["one"]), "tools/x");
        assert!(judge("tools/x", &["other"]).contains("send it again"));
        assert!(judge("logs/x", &["one"]).contains("--readable logs"));
        assert_eq!(judge("of-nobody/x", &["one"]), "foreign");
    }
}
