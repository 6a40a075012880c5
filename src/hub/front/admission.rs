//! Who may come in: a place for every connection, and a smaller number of places per address for strangers.
//!
//! A connection takes a global place when it is accepted and a place of its address right after. Once its owner has proved
//! who it is ([`Permit::admitted`]) the address's place is free again, because a whole site may sit behind one address.
//! A full address queues: first come, first served, bounded in number and time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;

/// Hands out permits. Cheap to clone.
#[derive(Clone)]
pub(super) struct Gate {
    global: Arc<Semaphore>,
    addresses: Arc<Mutex<HashMap<IpAddr, Address>>>,
    limits: Arc<Limits>,
}

struct Address {
    places: Arc<Semaphore>,
    /// Connections that hold a place or wait for one; the entry goes with the last.
    present: usize,
    waiting: usize,
}

/// Why a stranger was turned away.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    Queue,
    Waited,
}

/// The right of one connection to be open; gone with its last clone.
#[derive(Clone)]
pub struct Permit(Arc<Held>);

struct Held {
    _global: OwnedSemaphorePermit,
    stranger: Mutex<Option<Stranger>>,
}

struct Stranger {
    _place: OwnedSemaphorePermit,
    _presence: Presence,
}

impl Permit {
    /// The connection's owner is known: it no longer counts against its address. Calling it again changes nothing.
    pub fn admitted(&self) {
        let stranger = lock(&self.0.stranger).take();
        drop(stranger);
    }
}

impl Gate {
    pub(super) fn new(limits: Arc<Limits>) -> Self {
        Self {
            global: Arc::new(Semaphore::new(limits.connections)),
            addresses: Arc::default(),
            limits,
        }
    }

    /// Waits until one more connection may be accepted at all; the kernel's backlog holds the others meanwhile.
    pub(super) async fn place(&self) -> OwnedSemaphorePermit {
        let global = Arc::clone(&self.global);
        global.acquire_owned().await.expect("the semaphore of places is never closed")
    }

    /// Gives an accepted connection a place of its address, now or after a bounded wait.
    ///
    /// *Cancel*: a dropped wait leaves the queue.
    pub(super) async fn enter(&self, address: IpAddr, global: OwnedSemaphorePermit) -> Result<Permit, Full> {
        let (places, presence) = self.join_queue(address)?;
        let place = match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => {
                let _waiting = presence.wait(self.limits.queue_per_address)?;
                let place = tokio::time::timeout(self.limits.queue_wait, places.acquire_owned()).await;
                place
                    .map_err(|_| Full::Waited)?
                    .expect("the semaphore of an address is never closed")
            }
        };
        let stranger = Stranger {
            _place: place,
            _presence: presence,
        };
        Ok(Permit(Arc::new(Held {
            _global: global,
            stranger: Mutex::new(Some(stranger)),
        })))
    }

    fn join_queue(&self, address: IpAddr) -> Result<(Arc<Semaphore>, Presence), Full> {
        let key = group(address);
        let mut addresses = lock(&self.addresses);
        let entry = addresses.entry(key).or_insert_with(|| Address {
            places: Arc::new(Semaphore::new(self.places(key))),
            present: 0,
            waiting: 0,
        });
        entry.present += 1;
        let presence = Presence {
            addresses: Arc::clone(&self.addresses),
            key,
        };
        Ok((Arc::clone(&entry.places), presence))
    }

    fn places(&self, key: IpAddr) -> usize {
        match key.is_loopback() {
            true => self.limits.unauthenticated_from_loopback,
            false => self.limits.unauthenticated_per_address,
        }
    }
}

struct Presence {
    addresses: Arc<Mutex<HashMap<IpAddr, Address>>>,
    key: IpAddr,
}

impl Presence {
    fn wait(&self, most: usize) -> Result<Waiting<'_>, Full> {
        let mut addresses = lock(&self.addresses);
        match addresses.get_mut(&self.key) {
            Some(entry) if entry.waiting < most => entry.waiting += 1,
            _ => return Err(Full::Queue),
        }
        Ok(Waiting(self))
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut addresses = lock(&self.addresses);
        if let Some(entry) = addresses.get_mut(&self.key) {
            entry.present -= 1;
            if entry.present == 0 {
                addresses.remove(&self.key);
            }
        }
    }
}

struct Waiting<'a>(&'a Presence);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(entry) = lock(&self.0.addresses).get_mut(&self.0.key) {
            entry.waiting -= 1;
        }
    }
}

/// What counts as one address: an IPv4 address, or the /64 that one IPv6 host can fill as it likes.
fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let network = u128::from(v6) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        other => other,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn gate(places: usize, queue: usize) -> Gate {
        Gate::new(Arc::new(Limits {
            unauthenticated_per_address: places,
            queue_per_address: queue,
            queue_wait: Duration::from_secs(10),
            ..Limits::default()
        }))
    }

    async fn enter(gate: &Gate, address: &str) -> Result<Permit, Full> {
        let global = gate.place().await;
        gate.enter(address.parse().unwrap(), global).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_address_waits_and_is_turned_away_while_another_walks_in() {
        let gate = gate(1, 1);
        let held = enter(&gate, "192.0.2.1").await.unwrap();
        assert_eq!(enter(&gate, "192.0.2.1").await.err(), Some(Full::Waited));
        assert!(enter(&gate, "192.0.2.2").await.is_ok());
        drop(held);
        assert!(enter(&gate, "192.0.2.1").await.is_ok());
        assert!(lock(&gate.addresses).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_refuses_at_once() {
        let gate = gate(1, 0);
        let _held = enter(&gate, "192.0.2.1").await.unwrap();
        assert_eq!(enter(&gate, "192.0.2.1").await.err(), Some(Full::Queue));
    }

    #[tokio::test(start_paused = true)]
    async fn an_admitted_connection_leaves_its_address_but_keeps_its_global_place() {
        let gate = gate(1, 4);
        let first = enter(&gate, "192.0.2.1").await.unwrap();
        first.admitted();
        let _second = enter(&gate, "192.0.2.1").await.unwrap();
        assert_eq!(gate.global.available_permits(), Limits::default().connections - 2);
        drop(first);
        assert_eq!(gate.global.available_permits(), Limits::default().connections - 1);
    }

    #[test]
    fn a_mapped_address_is_its_ipv4_address_and_a_network_of_ipv6_is_one() {
        let of = |text: &str| group(text.parse().unwrap());
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert!(of("::1").is_loopback());
    }
}
