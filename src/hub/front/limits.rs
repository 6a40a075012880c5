//! Every bound the port keeps before it knows who is there; a value, so that a test can make them small.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What one address, one connection and one request may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections in all, agents included.
    pub connections: usize,
    /// Connections of one address whose owner has not proved who it is; more wait in the queue.
    pub unauthenticated_per_address: usize,
    /// The same for loopback, where a proxy, a supervisor or a fleet of test agents may stand.
    pub unauthenticated_from_loopback: usize,
    /// Accepted connections of one address that may wait for a place; more are closed at once.
    pub queue_per_address: usize,
    /// How long one waits.
    pub queue_wait: Duration,
    /// How long a connection may stay silent before its first byte.
    pub first_byte: Duration,
    /// From accept to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the first byte of a request (or from the handshake, for the first one) to the end of its header.
    pub header: Duration,
    pub header_bytes: usize,
    /// A connection without a request is closed after this.
    pub idle: Duration,
    pub body_bytes: usize,
    /// From the header to the last byte of the body.
    pub body: Duration,
    /// Bytes of request bodies held in memory at once, hub-wide.
    pub body_budget: usize,
    /// How long a body waits for its share of the budget.
    pub body_budget_wait: Duration,
    /// A peer that takes no byte for so long has gone.
    pub write_stall: Duration,
    /// Binaries sent at once; more wait, at most `queue_wait`.
    pub downloads: usize,
    pub websocket_message_bytes: usize,
    /// A WebSocket is pinged so often, and given up when nothing came between two pings.
    pub websocket_ping: Duration,
    /// How long a shutdown waits for requests and WebSockets to end.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            unauthenticated_per_address: 256,
            unauthenticated_from_loopback: 4096,
            queue_per_address: 1024,
            queue_wait: Duration::from_secs(10),
            first_byte: Duration::from_secs(2),
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(10),
            header_bytes: 32 * 1024,
            idle: Duration::from_secs(75),
            body_bytes: 4 * 1024 * 1024,
            body: Duration::from_secs(60),
            body_budget: 64 * 1024 * 1024,
            body_budget_wait: Duration::from_secs(5),
            write_stall: Duration::from_secs(30),
            downloads: 64,
            websocket_message_bytes: 128 * 1024,
            websocket_ping: Duration::from_secs(20),
            drain: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Descriptors kept free for the database, blobs, downloads and standard streams.
    const RESERVED_DESCRIPTORS: usize = 256;

    /// Raises the process's soft limit of descriptors to the hard one, then takes no more connections than fit.
    pub fn fit_descriptors(mut self) -> Self {
        let now = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: now.maximum,
            maximum: now.maximum,
        };
        let soft = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => now.maximum,
            Err(_) => now.current,
        };
        if let Some(soft) = soft {
            let room = usize::try_from(soft)
                .unwrap_or(usize::MAX)
                .saturating_sub(Self::RESERVED_DESCRIPTORS);
            self.connections = self.connections.min(room.max(16));
        }
        self
    }
}
