//! Opening a hub: its folder and lock, keys, certificates, database, first admin, and what the machine says of itself.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::base::{ApiError, Clock, Secret};
use crate::hub::api::Services;
use crate::hub::api::context::{HubFacts, Installer, JoinLines, Parts};
use crate::hub::audit::{self, Entry, Keeper};
use crate::hub::auth::access_keys::NewKey;
use crate::hub::auth::freeze::Freeze;
use crate::hub::auth::vault::{Vault, VaultError};
use crate::hub::auth::{AccessKeys, RightsCache, passwords, setup};
use crate::hub::capabilities::{documents, fleet, settings};
use crate::hub::certificates::{CertificateError, Certificates};
use crate::hub::config::{AdminSeed, HubConfig};
use crate::hub::front::{Authority, Binaries, FrontConfig, Limits, ListenError, join};
use crate::hub::keys::HubKeys;
use crate::hub::store::blobs::Blobs;
use crate::hub::store::{Store, StoreError};
use crate::model::access::Words;
use crate::platform::addresses;
use crate::platform::files::{Directory, Durability, LockError, LockFile};
use crate::platform::key_file::KeyFileError;

/// What kept a hub from starting.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("the data directory {path} cannot be used")]
    Data { path: String, source: io::Error },
    #[error("another hub (process {pid}) runs on the data in {path}: stop it first, or give this one another `--data`")]
    Running { path: String, pid: u32 },
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("the first admin could not be made of ROADSTEAD_ADMIN_USER and its credentials: {}", .0.message)]
    Admin(ApiError),
    #[error("ROADSTEAD_ADMIN_PASSWORD (or …_FILE) is refused for the first admin: {}", .0.message)]
    AdminPassword(ApiError),
    #[error("a blocking task was lost")]
    Lost(#[from] tokio::task::JoinError),
}

/// Everything [`super::Hub`] is made of.
pub struct Opened {
    pub services: Parts,
    pub front: FrontConfig,
    pub certificates: Arc<Certificates>,
    pub lock: LockFile,
}

pub async fn open(config: HubConfig, clock: Clock, listeners: &[TcpListener], shutdown: CancellationToken) -> Result<Opened, HubError> {
    let folder = data_folder(&config.data)?;
    let lock = take_lock(&folder, &config.data)?;
    let vault = Arc::new(Vault::open(&config.data)?);
    let hub_keys = HubKeys::open(&config.data)?;
    let certificates = open_certificates(&config, clock.now()).await?;
    let blobs = Blobs::new(&config.data);
    blobs.clean()?;
    let store = Store::open(&config.data).await?;
    let alive_at = store.read(settings::alive_at).await?;
    store.write(move |tx| fleet::presence::after_restart(tx, alive_at)).await?;
    let keeper = Arc::new(Keeper::new(hub_keys.clone(), config.data.clone()));
    keeper.begin(&store, clock.now()).await?;
    let now = clock.now();
    store.write(move |tx| documents::library::install(tx, now)).await?;
    let keys = AccessKeys::new(store.clone(), vault.clone());
    let rights = Arc::new(RightsCache::open(&store).await?);
    let freeze = Arc::new(Freeze::open(&store).await?);
    let ports: Vec<SocketAddr> = listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
    let facts = HubFacts {
        started_at: clock.now(),
        addresses: advertised(&config.advertise, &ports),
        ca_fingerprint: certificates.ca_fingerprint(),
    };
    write_local(&folder, &config.data, &keys, &facts, &ports)?;
    let binaries = Binaries::new(&config.data);
    let front = FrontConfig {
        web_tls: certificates.server_config()?,
        agent_tls: hub_keys.tls_config(),
        authority: Authority {
            pem: certificates.ca_pem(),
            fingerprint: certificates.ca_fingerprint(),
        },
        binaries: binaries.clone(),
        limits: Limits::default().fit_descriptors(),
    };
    let services = Parts {
        config,
        facts,
        clock,
        store,
        blobs,
        vault,
        keys,
        hub_keys,
        rights,
        words: Arc::new(Words::new(super::registry().actions())),
        freeze,
        installer: installer(binaries),
        audit: keeper,
        shutdown,
        alive_at,
    };
    seed_admin(&services).await?;
    Ok(Opened {
        services,
        front,
        certificates: Arc::new(certificates),
        lock,
    })
}

fn data_folder(data: &Path) -> Result<Directory, HubError> {
    Directory::create_private(data).map_err(|source| HubError::Data {
        path: data.display().to_string(),
        source,
    })
}

fn take_lock(folder: &Directory, data: &Path) -> Result<LockFile, HubError> {
    let path = data.display().to_string();
    LockFile::take(folder, "lock").map_err(|error| match error {
        LockError::Held(pid) => HubError::Running { path, pid },
        LockError::Io(source) => HubError::Data { path, source },
    })
}

async fn open_certificates(config: &HubConfig, now: crate::base::Timestamp) -> Result<Certificates, HubError> {
    let (data, advertise) = (config.data.clone(), config.advertise.clone());
    Ok(tokio::task::spawn_blocking(move || Certificates::open(&data, &advertise, now)).await??)
}

/// `host:port` under which this hub is reached: what was given, else the machine's addresses that it listens on.
fn advertised(given: &[String], listening: &[SocketAddr]) -> Vec<String> {
    if !given.is_empty() {
        return given.to_vec();
    }
    reached(&addresses::local_addresses(), listening)
        .into_iter()
        .map(|at| at.to_string())
        .collect()
}

/// Where somebody who listens there is reached, best first, by the addresses that this machine has.
fn reached(own: &[IpAddr], listening: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut all: Vec<SocketAddr> = Vec::new();
    for at in listening {
        // `[::]` takes IPv6 alone, so that it can stand beside `0.0.0.0`.
        let same_family = |ip: &&IpAddr| ip.is_ipv4() == at.is_ipv4();
        match at.ip().is_unspecified() {
            true => all.extend(own.iter().filter(same_family).map(|ip| SocketAddr::new(*ip, at.port()))),
            false => all.push(*at),
        }
    }
    all.sort_by_key(|at| (at.ip().is_loopback(), at.is_ipv6()));
    all.dedup();
    if all.is_empty() {
        // A machine without a network still has itself.
        all.extend(listening.first().map(|at| from_here(*at)));
    }
    all
}

/// How this machine reaches what listens there.
fn from_here(at: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = match at {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    match at.ip().is_unspecified() {
        true => SocketAddr::new(loopback, at.port()),
        false => at,
    }
}

/// What lets the hub's own user on this host work without a login; new at each start, worthless after the process ends.
fn write_local(folder: &Directory, data: &Path, keys: &AccessKeys, facts: &HubFacts, ports: &[SocketAddr]) -> Result<(), HubError> {
    let (id, secret) = keys.local();
    let at = ports
        .iter()
        .find(|p| p.ip().is_loopback() || p.ip().is_unspecified())
        .or(ports.first());
    let host = match at {
        Some(at) => from_here(*at).to_string(),
        None => facts.addresses.first().cloned().unwrap_or_default(),
    };
    let local = serde_json::json!({
        "url": format!("https://{host}"),
        "ca_fingerprint": facts.ca_fingerprint,
        "access_key_id": id,
        "secret_access_key": secret.expose(),
    });
    let written = folder.replace("local.json", local.to_string().as_bytes(), 0o600, Durability::Cached);
    written.map_err(|source| HubError::Data {
        path: data.display().to_string(),
        source,
    })
}

fn installer(binaries: Binaries) -> Installer {
    let offered = binaries.clone();
    Installer {
        lines: Box::new(move |addresses, token| {
            let binaries = binaries.clone();
            Box::pin(async move {
                let lines = join::lines(&binaries, &addresses, &token).await;
                JoinLines {
                    online: lines.online,
                    offline: lines.offline,
                }
            })
        }),
        architectures: Box::new(move || {
            let binaries = offered.clone();
            Box::pin(async move { binaries.architectures().await })
        }),
    }
}

/// Makes the admin that was configured in advance, once: a hub that has one keeps it.
async fn seed_admin(parts: &Parts) -> Result<(), HubError> {
    let Some(AdminSeed {
        user_name,
        password,
        access_key,
    }) = parts.config.admin.clone()
    else {
        return Ok(());
    };
    if parts.store.read(setup::has_admin).await? {
        return Ok(());
    }
    if let Some(password) = &password {
        passwords::check(password, &user_name).map_err(HubError::AdminPassword)?;
    }
    let made = make_admin(parts, &user_name, password, access_key).await;
    made.map_err(HubError::Admin)?;
    setup::close(&parts.config.data);
    tracing::info!(user = %user_name, "the first admin was made from the configuration");
    Ok(())
}

async fn make_admin(
    parts: &Parts,
    user_name: &str,
    password: Option<Secret<String>>,
    access_key: Option<(String, Secret<String>)>,
) -> Result<(), ApiError> {
    let hash = match password {
        Some(password) => Some(passwords::hash(password).await?),
        None => None,
    };
    let now = parts.clock.now();
    let sealed = access_key
        .map(|credentials| {
            parts.keys.prepare(NewKey {
                user_name: user_name.to_owned(),
                description: "given at first start".into(),
                at: now,
                expires_at: None,
                scope: None,
                credentials: Some(credentials),
            })
        })
        .transpose()?;
    let name = user_name.to_owned();
    parts
        .store
        .write(move |tx| {
            setup::create_admin(tx, &name, hash, now)?;
            if let Some(key) = &sealed {
                key.insert(tx)?;
            }
            let words = "made from the configuration at the first start".to_owned();
            audit::record(tx, Entry::by_hub(now, "roadstead:SeedAdmin", format!("user/{name}"), words));
            Ok::<_, ApiError>(())
        })
        .await
}

/// The link that opens set-up, while there is no admin.
pub async fn setup_link(services: &Services) -> Result<Option<String>, HubError> {
    if services.store.read(setup::has_admin).await? {
        return Ok(None);
    }
    let data = services.config.data.clone();
    let token = setup::token(&data).map_err(|source| HubError::Data {
        path: data.display().to_string(),
        source,
    })?;
    let host = services.facts.addresses.first().cloned().unwrap_or_default();
    Ok(Some(format!("https://{host}/setup#token={token}")))
}

impl From<io::Error> for HubError {
    fn from(source: io::Error) -> Self {
        Self::Data {
            path: "blobs".into(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_is_reached_by_the_families_that_it_listens_on() {
        let own: Vec<IpAddr> = ["192.0.2.7", "2001:db8::7"].map(|ip| ip.parse::<IpAddr>().unwrap()).into();
        let at = |listening: &[&str]| -> Vec<String> {
            let listening: Vec<SocketAddr> = listening.iter().map(|at| at.parse().unwrap()).collect();
            reached(&own, &listening).iter().map(SocketAddr::to_string).collect()
        };
        assert_eq!(at(&["[::]:7400"]), ["[2001:db8::7]:7400"]);
        assert_eq!(at(&["0.0.0.0:7400"]), ["192.0.2.7:7400"]);
        assert_eq!(at(&["[::]:7400", "0.0.0.0:7400"]), ["192.0.2.7:7400", "[2001:db8::7]:7400"]);
        assert_eq!(at(&["127.0.0.1:7401", "192.0.2.7:7400"]), ["192.0.2.7:7400", "127.0.0.1:7401"]);
    }

    #[test]
    fn a_machine_without_a_network_has_itself_in_the_family_that_is_served() {
        for (listening, here) in [("[::]:7400", "[::1]:7400"), ("0.0.0.0:7400", "127.0.0.1:7400")] {
            assert_eq!(reached(&[], &[listening.parse().unwrap()]), [here.parse::<SocketAddr>().unwrap()]);
        }
    }
}
