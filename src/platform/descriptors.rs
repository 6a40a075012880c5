//! File descriptors that the runtime watches.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Lets the runtime watch a descriptor (which must not block where it is read or written).
pub fn watched(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open and stays the same one until the `AsyncFd` that owns it is dropped; nobody replaces it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, interest) }?)
}

/// A descriptor to write to (which must not block), watched only while it is full: a terminal tells of room each time that its
/// other end has read, and whoever has nothing to write would be woken for it at every key.
pub struct Outlet(OwnedFd);

impl Outlet {
    pub fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Writes what there is room for. `WouldBlock`: there is none.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.0, bytes)?)
    }

    /// Until there is room again; that the other end is gone shows at the next write.
    pub async fn room(&self) -> io::Result<()> {
        // SAFETY: the descriptor is borrowed for longer than it is watched.
        let watched = unsafe { AsyncFd::register_with_interest(self.0.as_fd(), Interest::WRITABLE) }?;
        watched.writable().await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    #[tokio::test]
    async fn a_full_outlet_waits_for_its_reader_each_time_anew() {
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let outlet = Outlet::new(writer);
        for _ in 0..3 {
            while let Ok(written) = outlet.write(&[0; 4096]) {
                assert!(written > 0);
            }
            let full = outlet.write(b"x").unwrap_err();
            assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
            let room = outlet.room();
            tokio::pin!(room);
            assert!(futures_util::poll!(&mut room).is_pending());
            rustix::io::read(&reader, &mut vec![0; 1 << 20]).unwrap();
            room.await.unwrap();
            assert!(outlet.write(b"x").is_ok());
        }
        drop(reader);
        outlet.room().await.unwrap();
        assert_eq!(outlet.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
