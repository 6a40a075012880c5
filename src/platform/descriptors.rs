//! File descriptors that the runtime watches.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Lets the runtime watch a descriptor (which must not block where it is read or written).
pub fn watched(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open and stays the same one until the `AsyncFd` that owns it is dropped; nobody replaces it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, interest) }?)
}

/// A descriptor to write to (which must not block), watched only in times when it is full now and again: a terminal tells of
/// room each time that its other end has read, and whoever has nothing to write would be woken for it at every key.
pub struct Outlet {
    fd: OwnedFd,
    /// A descriptor of its own for the same file.
    watch: Option<AsyncFd<OwnedFd>>,
    /// Writes in a row that found room for all.
    whole: u8,
}

/// After so many writes in a row that found room for all, an outlet is watched no more.
const CALM: u8 = 16;
/// Between two looks for room that nobody can be told of.
const UNWATCHED: Duration = Duration::from_millis(50);

impl Outlet {
    pub fn new(fd: OwnedFd) -> Self {
        Self { fd, watch: None, whole: 0 }
    }

    /// Writes what there is room for. `WouldBlock`: there is none.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let write = || rustix::io::write(&self.fd, bytes).map_err(io::Error::from);
        let written = match (write(), &self.watch) {
            // What was heard of room before is over, unless there is some by now.
            (Err(error), Some(watch)) if error.kind() == io::ErrorKind::WouldBlock => watch.try_io(Interest::WRITABLE, |_| write()),
            (written, _) => written,
        };
        match &written {
            Ok(count) if *count == bytes.len() => self.found_room(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.found_full(),
            _ => {}
        }
        written
    }

    fn found_room(&mut self) {
        self.whole = self.whole.saturating_add(1);
        if self.whole >= CALM {
            self.watch = None;
        }
    }

    fn found_full(&mut self) {
        self.whole = 0;
        if self.watch.is_none() {
            let again = self.fd.try_clone();
            self.watch = again.and_then(|fd| watched(fd, Interest::WRITABLE)).ok();
        }
    }

    /// After a write that found none: until there may be room again. That the other end is gone shows at the next write.
    pub async fn room(&self) {
        match &self.watch {
            Some(watch) => drop(watch.writable().await),
            // The system watches no more descriptors just now.
            None => tokio::time::sleep(UNWATCHED).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    #[tokio::test]
    async fn a_full_outlet_waits_for_its_reader_each_time_anew() {
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let mut outlet = Outlet::new(writer);
        for _ in 0..3 {
            while let Ok(written) = outlet.write(&[0; 4096]) {
                assert!(written > 0);
            }
            let full = outlet.write(b"x").unwrap_err();
            assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
            {
                let room = outlet.room();
                tokio::pin!(room);
                assert!(futures_util::poll!(&mut room).is_pending());
                rustix::io::read(&reader, &mut vec![0; 1 << 20]).unwrap();
                room.await;
            }
            for _ in 0..CALM {
                assert!(outlet.watch.is_some());
                assert!(outlet.write(b"x").is_ok());
            }
            assert!(outlet.watch.is_none());
        }
        drop(reader);
        assert_eq!(outlet.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
