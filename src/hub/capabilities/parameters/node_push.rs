//! Parameters on their way to nodes: an agent says what it wants and has, and gets what it may have whenever that differs.
//!
//! What a node wants is in memory only; the agent says it anew at each connection. What it has is known by a fingerprint over
//! names, versions and rights, so that neither a change elsewhere nor a new connection sends or opens anything.
//!
//! *Invariant*: one turn at a time for each node, so that an older answer never arrives after a newer one; and a secret is in
//! the audit log before it leaves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::base::id::NodeId;
use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::api::{Reports, Services};
use crate::hub::capabilities::parameters::kinds::Kind;
use crate::hub::capabilities::parameters::node_access::{Grant, Grants};
use crate::hub::capabilities::parameters::reads::{self, Reading};
use crate::hub::capabilities::parameters::rows;
use crate::hub::capabilities::parameters::sealing::Sealer;
use crate::hub::capabilities::parameters::{keys, node_holdings};
use crate::hub::events::Event;
use crate::hub::jobs::Job;
use crate::hub::store::blobs::hash;
use crate::hub::store::{Select, StoreError, Tx};
use crate::model::parameter::{ParameterKey, Path};
use crate::wire::control::ToHub;
use crate::wire::parameters::{FileStates, MAX_PATHS, MAX_VALUES, MAX_VALUES_BYTES, Value, Values, Want};

/// Tags of nodes change what they may have; that is found by looking.
const PERIOD: Duration = Duration::from_secs(15);
/// Nodes that are looked after at once: each may hold as much as the longest body in memory.
const TURNS: usize = 8;
/// All values of one node together; what does not fit is named and not sent. The body has room for their escapes.
const VALUES_BYTES: usize = MAX_VALUES_BYTES / 2;

/// What each connected node wants, and how far it has got.
pub struct Wants {
    nodes: Mutex<HashMap<NodeId, Wanted>>,
    turns: Semaphore,
}

struct Wanted {
    want: Want,
    /// Which saying of its wants this is: what was sent for an earlier one says nothing of what the node has.
    saying: u64,
    /// The rows say what the node has.
    is_recorded: bool,
    turn: Turn,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Idle,
    Running,
    /// Something changed while it ran.
    Again,
}

/// What a node may have now, before any value was read.
struct Due {
    parameters: Vec<One>,
    fingerprint: String,
}

struct One {
    key: ParameterKey,
    version: i64,
    grant: Grant,
    /// It is no secret, or one that a rule gives and whose key is enabled.
    is_given: bool,
}

pub fn reports(reports: &mut Reports) {
    reports.on_frame(
        |frame| matches!(frame, ToHub::WantParameters(_) | ToHub::ParameterFiles(_)),
        |services, node, frame| {
            async move {
                match frame {
                    ToHub::WantParameters(want) => wanted(&services, node, want),
                    ToHub::ParameterFiles(files) => said_of_files(&services, node, files).await,
                    _ => {}
                }
            }
            .boxed()
        },
    );
}

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "parameters for nodes",
        period: PERIOD,
        wakes: |event| matches!(event, Event::ParameterChanged(_) | Event::NodeParametersChanged),
        tick: |services| {
            async move {
                let wants: Arc<Wants> = services.state();
                let nodes: Vec<NodeId> = wants.lock().keys().cloned().collect();
                nodes.into_iter().for_each(|node| start_turn(&services, &wants, node));
            }
            .boxed()
        },
    }
}

fn wanted(services: &Arc<Services>, node: NodeId, mut want: Want) {
    want.paths.truncate(MAX_PATHS);
    let wants: Arc<Wants> = services.state();
    {
        let mut nodes = wants.lock();
        let (turn, saying) = nodes.get(&node).map_or((Turn::Idle, 0), |known| (known.turn, known.saying + 1));
        let fresh = Wanted {
            want,
            saying,
            is_recorded: false,
            turn,
        };
        nodes.insert(node.clone(), fresh);
    }
    start_turn(services, &wants, node);
}

async fn said_of_files(services: &Services, node: NodeId, files: FileStates) {
    if let Err(error) = node_holdings::note_files(services, &node, files).await {
        tracing::warn!(%node, %error, "what a node makes of its parameters was not noted");
    }
}

/// A turn for this node, now or when the one that runs is over.
fn start_turn(services: &Arc<Services>, wants: &Arc<Wants>, node: NodeId) {
    {
        let mut nodes = wants.lock();
        let Some(known) = nodes.get_mut(&node) else { return };
        if known.turn != Turn::Idle {
            known.turn = Turn::Again;
            return;
        }
        known.turn = Turn::Running;
    }
    let (services, wants) = (services.clone(), wants.clone());
    let tasks = services.tasks.clone();
    tasks.spawn(async move {
        let shutdown = services.shutdown.clone();
        shutdown.run_until_cancelled(turns(&services, &wants, &node)).await;
    });
}

async fn turns(services: &Services, wants: &Wants, node: &NodeId) {
    let mut unfinished = Unfinished(Some((wants, node)));
    loop {
        let Ok(_turn) = wants.turns.acquire().await else { return };
        if services.link().is_connected(node)
            && let Err(error) = one_turn(services, wants, node).await
        {
            tracing::warn!(%node, %error, "parameters were not sent to a node; it is tried again");
        }
        // One that is away says what it wants when it comes back.
        if !wants.is_wanted_again(node, services.link().is_connected(node)) {
            unfinished.0 = None;
            return;
        }
    }
}

async fn one_turn(services: &Services, wants: &Wants, node: &NodeId) -> ApiResult<()> {
    let Some((want, saying, is_recorded)) = wants.at(node) else {
        return Ok(());
    };
    let due = due(services, node, want.clone()).await?;
    let fingerprint = due.fingerprint.clone();
    let has_it = want.has.as_ref() == Some(&fingerprint);
    if has_it && is_recorded {
        return Ok(());
    }
    let held = match has_it {
        true => due.given(),
        false => hand_over(services, node, due).await?,
    };
    node_holdings::note_values(services, node, held, !want.paths.is_empty()).await?;
    wants.has(node, saying, fingerprint);
    Ok(())
}

/// Opens, records, sends; answers with what the node has now.
async fn hand_over(services: &Services, node: &NodeId, due: Due) -> ApiResult<Vec<(ParameterKey, i64)>> {
    let sealer = Sealer::of(services);
    let (values, secrets) = services.read(move |tx| pack(tx, &sealer, due)).await?;
    let now = services.now();
    let reading = Reading {
        request_id: crate::hub::audit::request_id(now),
        caller: format!("node:{node}"),
        address: String::new(),
        operation: "roadstead:NodeGetParameters".into(),
        at: now,
    };
    let body = Zeroizing::new(serde_json::to_vec(&values).map_err(ApiError::internal)?);
    if body.len() > MAX_VALUES_BYTES {
        return Err(ApiError::validation(format!("they have more than {MAX_VALUES_BYTES} bytes")));
    }
    reads::record(services, &reading, secrets).await?;
    let sent = services.link().parameters(node, Bytes::from_owner(body)).await;
    sent.map_err(ApiError::internal)?;
    let held = values.values.into_iter();
    Ok(held.map(|value| (ParameterKey::from_row(value.name), value.version)).collect())
}

async fn due(services: &Services, node: &NodeId, want: Want) -> ApiResult<Due> {
    let node = node.clone();
    services
        .read(move |tx| {
            let grants = Grants::of(tx, &node)?;
            let mut opens: HashMap<i64, bool> = HashMap::new();
            let (mut parameters, mut seen) = (Vec::new(), Vec::new());
            for row in sql::wanted(tx, &want, &grants)? {
                let grant = grants.on(&row.key);
                if grant == Grant::Nothing {
                    continue;
                }
                let opens = |key: i64| grant == Grant::Secrets && *opens.entry(key).or_insert_with(|| is_enabled(tx, key));
                let is_given = row.kind != Kind::SecureString || row.sealed_by.is_some_and(opens);
                seen.push((row.key.to_string(), row.version, row.modified_at.millis(), is_given));
                parameters.push(One {
                    key: row.key,
                    version: row.version,
                    grant,
                    is_given,
                });
            }
            let fingerprint = HEXLOWER.encode(&hash(&serde_json::to_vec(&seen).map_err(ApiError::internal)?));
            Ok(Due { parameters, fingerprint })
        })
        .await
}

fn is_enabled(tx: &Tx<'_>, key_version: i64) -> bool {
    keys::version(tx, key_version).is_ok_and(|key| key.check_enabled().is_ok())
}

/// What goes out, and the secrets in it. That something exists is not told to a node without a right on it.
fn pack(tx: &Tx<'_>, sealer: &Sealer, due: Due) -> ApiResult<(Values, Vec<ParameterKey>)> {
    let (mut values, mut secrets) = (Values::default(), Vec::new());
    let mut room = VALUES_BYTES;
    for one in due.parameters {
        let Some(mut version) = rows::sql::newest(tx, &one.key)? else {
            continue;
        };
        let is_secret = version.kind == Kind::SecureString;
        let value = match (is_secret, one.grant) {
            (false, _) => Some(Secret::new(std::mem::take(&mut version.value))),
            (true, Grant::Secrets) => match sealer.open(tx, &version) {
                Ok(value) => Some(value),
                // What is wrong with the hub takes nothing from a node.
                Err(error) if error.status() >= 500 => return Err(error),
                Err(_) => None,
            },
            (true, _) => None,
        };
        let fits = |value: &Secret<String>| value.expose().len() <= room;
        let Some(value) = value.filter(fits) else {
            values.refused.push(one.key.to_string());
            continue;
        };
        room -= value.expose().len();
        if is_secret {
            secrets.push(one.key);
        }
        values.values.push(Value {
            name: version.key.to_string(),
            version: version.version,
            kind: version.kind.as_str().into(),
            value,
        });
    }
    values.fingerprint = due.fingerprint;
    Ok((values, secrets))
}

impl Due {
    fn given(self) -> Vec<(ParameterKey, i64)> {
        let given = self.parameters.into_iter().filter(|one| one.is_given);
        given.map(|one| (one.key, one.version)).collect()
    }
}

impl Default for Wants {
    fn default() -> Self {
        Self {
            nodes: Mutex::default(),
            turns: Semaphore::new(TURNS),
        }
    }
}

impl Wants {
    fn lock(&self) -> MutexGuard<'_, HashMap<NodeId, Wanted>> {
        self.nodes.lock().expect("no code panics while it holds the map")
    }

    fn at(&self, node: &NodeId) -> Option<(Want, u64, bool)> {
        let nodes = self.lock();
        nodes.get(node).map(|known| (known.want.clone(), known.saying, known.is_recorded))
    }

    /// The node has this, and the rows say so.
    fn has(&self, node: &NodeId, saying: u64, fingerprint: String) {
        if let Some(known) = self.lock().get_mut(node).filter(|known| known.saying == saying) {
            known.want.has = Some(fingerprint);
            known.is_recorded = true;
        }
    }

    /// Ends a turn, unless something changed while it ran. A node that is away, or wants nothing any more, is forgotten.
    fn is_wanted_again(&self, node: &NodeId, is_connected: bool) -> bool {
        let mut nodes = self.lock();
        let Some(known) = nodes.get_mut(node) else { return false };
        let is_again = known.turn == Turn::Again;
        known.turn = if is_again { Turn::Running } else { Turn::Idle };
        let is_over = !is_connected || (known.want.paths.is_empty() && known.is_recorded);
        if !is_again && is_over {
            nodes.remove(node);
        }
        is_again
    }
}

/// A turn that was dropped or panicked is over too; the period begins the next one.
struct Unfinished<'w>(Option<(&'w Wants, &'w NodeId)>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let Some((wants, node)) = self.0 else { return };
        if let Some(known) = wants.lock().get_mut(node) {
            known.turn = Turn::Idle;
        }
    }
}

mod sql {
    use super::*;

    pub struct Wished {
        pub key: ParameterKey,
        pub version: i64,
        pub kind: Kind,
        pub sealed_by: Option<i64>,
        pub modified_at: Timestamp,
    }

    /// The newest version of everything at and below the wanted paths, in order, each once; without values.
    pub fn wanted(tx: &Tx<'_>, want: &Want, grants: &Grants) -> Result<Vec<Wished>, StoreError> {
        let range = |path: Path| {
            let (from, until) = path.range();
            let condition = "(parameter.key = ? OR (parameter.key >= ? AND parameter.key < ?))";
            (condition, vec![path.as_parent().into(), from.into(), until.into()])
        };
        let ranges: Vec<_> = want.paths.iter().filter_map(|path| Path::parse(path)).map(range).collect();
        let granted: Vec<_> = grants.paths().filter_map(Path::parse).map(range).collect();
        if ranges.is_empty() || granted.is_empty() {
            return Ok(Vec::new());
        }
        const NEWEST: &str = "SELECT parameter.key, v.version, v.type, v.sealed_by, v.modified_at
             FROM parameter JOIN parameter_version v ON v.key = parameter.key AND v.version = parameter.version";
        let select = Select::new(NEWEST)
            .and_any(ranges)
            .and_any(granted)
            .order("parameter.key")
            .limit(MAX_VALUES);
        select.rows(tx, |row| {
            Ok(Wished {
                key: ParameterKey::from_row(row.get("key")?),
                version: row.get("version")?,
                kind: row.parsed("type")?,
                sealed_by: row.get("sealed_by")?,
                modified_at: row.get("modified_at")?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(node: &NodeId, paths: &[&str], turn: Turn) -> Wants {
        let wants = Wants::default();
        let wanted = Wanted {
            want: Want {
                paths: paths.iter().map(|path| (*path).to_owned()).collect(),
                has: None,
            },
            saying: 7,
            is_recorded: false,
            turn,
        };
        wants.lock().insert(node.clone(), wanted);
        wants
    }

    #[test]
    fn what_changed_during_a_turn_is_seen_in_another_one() {
        let node = NodeId::random();
        let wants = wants(&node, &["/a"], Turn::Again);
        assert!(wants.is_wanted_again(&node, true));
        assert!(!wants.is_wanted_again(&node, true));
        assert!(wants.lock()[&node].turn == Turn::Idle);
    }

    #[test]
    fn a_node_that_is_away_is_forgotten_unless_it_came_back_meanwhile() {
        let node = NodeId::random();
        let back = wants(&node, &["/a"], Turn::Again);
        assert!(back.is_wanted_again(&node, false));
        assert!(back.at(&node).is_some());
        let away = wants(&node, &["/a"], Turn::Running);
        assert!(!away.is_wanted_again(&node, false));
        assert!(away.at(&node).is_none());
    }

    #[test]
    fn what_was_sent_before_the_node_said_its_wants_anew_does_not_count() {
        let node = NodeId::random();
        let wants = wants(&node, &["/a"], Turn::Running);
        wants.has(&node, 6, "old".into());
        assert!(
            wants
                .at(&node)
                .is_some_and(|(want, _, is_recorded)| want.has.is_none() && !is_recorded)
        );
        wants.has(&node, 7, "new".into());
        assert!(
            wants
                .at(&node)
                .is_some_and(|(want, _, is_recorded)| want.has.as_deref() == Some("new") && is_recorded)
        );
    }

    #[test]
    fn a_node_that_wants_nothing_any_more_is_forgotten_once_it_has_nothing() {
        let node = NodeId::random();
        let wants = wants(&node, &[], Turn::Running);
        assert!(!wants.is_wanted_again(&node, true));
        assert!(wants.at(&node).is_some());
        wants.has(&node, 7, "nothing".into());
        assert!(!wants.is_wanted_again(&node, true));
        assert!(wants.at(&node).is_none());
    }

    #[test]
    fn a_turn_that_was_dropped_is_over() {
        let node = NodeId::random();
        let wants = wants(&node, &["/a"], Turn::Running);
        drop(Unfinished(Some((&wants, &node))));
        assert!(wants.lock()[&node].turn == Turn::Idle);
    }
}
