//! File descriptors that the runtime watches.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Lets the runtime watch a descriptor (which must not block where it is read or written).
pub fn watched(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open and stays the same one until the `AsyncFd` that owns it is dropped; nobody replaces it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, interest) }?)
}
