//! The hub: one process that keeps the fleet's rows, serves the API, the console and the agents on one port.
//!
//! [`run`] opens the data, builds [`api::Services`], ties capabilities to the API and the link, starts the jobs and serves
//! the port until it is told to stop; then it drains in reverse order. This module alone knows all the others.

pub mod api;
pub mod audit;
pub mod auth;
pub mod capabilities;
pub mod certificates;
pub mod config;
mod doors;
pub mod events;
pub mod front;
pub mod jobs;
pub mod keys;
pub mod labels;
pub mod link;
mod start;
pub mod store;
pub mod web;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::base::Clock;
use crate::hub::api::edge::Edge;
use crate::hub::api::{Registry, Reports, Services, Streams};
use crate::hub::config::HubConfig;
use crate::hub::front::{AgentDoor, FrontConfig};
use crate::hub::link::{Link, LinkLimits};
use crate::platform::http2::KeepAlive;

pub use start::HubError;

/// How long tasks that nobody waits for may go on after the port is closed.
const LAST_TASKS: Duration = Duration::from_secs(5);

/// What a hub says once it listens.
#[derive(Clone, Debug)]
pub struct Started {
    /// `host:port`, best first.
    pub addresses: Vec<String>,
    /// Where the first admin is made; only while there is none.
    pub setup_link: Option<String>,
    pub ca_fingerprint: String,
}

/// Runs a hub until `shutdown`.
///
/// *Errors*: what kept it from starting, each naming the thing and the remedy. Once started it ends only by `shutdown`.
pub async fn run(config: HubConfig, shutdown: CancellationToken, started: oneshot::Sender<Started>) -> Result<(), HubError> {
    run_by(config, Clock::system(), shutdown, started).await
}

/// The same by a clock that a test may set.
pub async fn run_by(
    config: HubConfig,
    clock: Clock,
    shutdown: CancellationToken,
    started: oneshot::Sender<Started>,
) -> Result<(), HubError> {
    let listeners = front::listen(&config.listen)?;
    let hub = Hub::open(config, clock, &listeners, shutdown).await?;
    let told = hub.started().await?;
    tracing::info!(addresses = ?told.addresses, ca_fingerprint = %told.ca_fingerprint, "hub started");
    let _nobody_may_wait = started.send(told);
    hub.serve(listeners).await;
    tracing::info!("hub stopped");
    Ok(())
}

/// Every operation of every capability.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    for capability in capabilities::ALL {
        registry.declare(capability);
    }
    registry
}

fn link_limits(keep_alive: Option<Duration>) -> LinkLimits {
    let mut limits = LinkLimits::default();
    if let Some(silence) = keep_alive {
        limits.keep_alive = KeepAlive {
            idle: silence,
            timeout: silence,
        };
    }
    limits
}

/// A hub that is built and does not listen yet.
struct Hub {
    services: Arc<Services>,
    link: Link,
    edge: Arc<Edge>,
    front: FrontConfig,
    certificates: Arc<certificates::Certificates>,
    _lock: crate::platform::files::LockFile,
}

impl Hub {
    async fn open(config: HubConfig, clock: Clock, listeners: &[TcpListener], shutdown: CancellationToken) -> Result<Self, HubError> {
        let parts = start::open(config, clock, listeners, shutdown).await?;
        let services = Arc::new(Services::new(parts.services));
        let (mut reports, mut streams) = (Reports::default(), Streams::default());
        for capability in capabilities::ALL {
            (capability.reports)(&mut reports);
            (capability.streams)(&mut streams);
        }
        let link = Link::new(
            Arc::new(doors::Reception {
                services: services.clone(),
                reports,
            }),
            link_limits(services.config.keep_alive),
        );
        services.tie_link(link.clone());
        let edge = Edge {
            services: services.clone(),
            registry: Arc::new(registry()),
            streams: Arc::new(streams),
        };
        Ok(Self {
            link,
            edge: Arc::new(edge),
            front: parts.front,
            certificates: parts.certificates,
            _lock: parts.lock,
            services,
        })
    }

    async fn started(&self) -> Result<Started, HubError> {
        Ok(Started {
            addresses: self.services.facts.addresses.clone(),
            setup_link: start::setup_link(&self.services).await?,
            ca_fingerprint: self.services.facts.ca_fingerprint.clone(),
        })
    }

    async fn serve(self, listeners: Vec<TcpListener>) {
        let Self {
            services,
            link,
            edge,
            front,
            certificates,
            _lock,
        } = self;
        let shutdown = services.shutdown.clone();
        let jobs = capabilities::ALL.iter().flat_map(|c| (c.jobs)()).collect();
        jobs::start(
            jobs,
            capabilities::clock::before,
            &services,
            &services.bus,
            &services.tasks,
            &shutdown,
        );
        services
            .tasks
            .spawn(certificates.keep_fresh(services.clock.clone(), shutdown.clone()));
        let agents: Arc<dyn AgentDoor> = Arc::new(doors::Agents(link.clone()));
        let draining = {
            let (link, shutdown) = (link.clone(), shutdown.clone());
            async move {
                shutdown.cancelled().await;
                link.close().await
            }
        };
        tokio::join!(front::serve(listeners, front, edge, agents, shutdown), draining);
        services.tasks.close();
        if tokio::time::timeout(LAST_TASKS, services.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = services.tasks.len(), "tasks were cut at shutdown");
        }
    }
}
