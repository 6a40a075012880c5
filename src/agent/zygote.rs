//! The zygote: a process that does nothing but fork step hosts.
//!
//! It is forked off before the agent has a runtime or a second thread, so that it stays tiny and single-threaded: a fork of it
//! costs a fifth of a millisecond, and its children may use all of the language without an exec. It speaks with the agent over
//! one socket pair and ends when the agent does. What it forked lives on.
//!
//! ```text
//! agent → zygote   number (8) · directory of a step                   + the step's secrets, when it needs any
//!                  0 (8)                                              + the agent's lock, once
//! zygote → agent   number (8) · error number (4, 0 = forked)          + a pidfd of the step host
//! ```
//!
//! The lock: the zygote holds a copy of the agent's lock file, and each new host keeps it until its mark is on disk. A restarted
//! agent that has the lock therefore knows that no host it has not seen is still to come.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType,
};
use rustix::process::{Pid, PidfdFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::agent::step_host;
use crate::platform::descriptors::watched;
use crate::platform::memory;

/// A thread that was waited for can be seen for a moment longer.
const ENDING_THREADS: Duration = Duration::from_millis(500);
/// A path is no longer than this, and the number before it.
const MAX_MESSAGE_BYTES: usize = 8 + 4096;

/// The agent's end: made first of all, used once there is a runtime ([`Spawner`]).
#[derive(Debug)]
pub struct Zygote {
    socket: OwnedFd,
    pid: Pid,
}

/// Forks the zygote.
///
/// *Errors*: when the process has more than one thread already: its memory could not be trusted after the fork.
pub fn start() -> io::Result<Zygote> {
    let until = Instant::now() + ENDING_THREADS;
    while threads() > 1 {
        if Instant::now() > until {
            return Err(io::Error::other("the zygote must be forked before there is a second thread"));
        }
        std::thread::sleep(Duration::from_micros(50));
    }
    fork_zygote()
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// For tests, whose harness has threads: good enough there, because glibc makes its allocator safe across a fork.
#[doc(hidden)]
pub fn start_beside_threads() -> io::Result<Zygote> {
    fork_zygote()
}

fn fork_zygote() -> io::Result<Zygote> {
    let (ours, theirs) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            drop(ours);
            let served = std::panic::catch_unwind(|| serve(theirs));
            let code = i32::from(!matches!(served, Ok(Ok(()))));
            unsafe { libc::_exit(code) }
        }
        pid => Ok(Zygote {
            socket: ours,
            pid: Pid::from_raw(pid).ok_or_else(|| io::Error::other("a child has no pid"))?,
        }),
    }
}

/// The zygote's life.
fn serve(socket: OwnedFd) -> io::Result<()> {
    close_all_but(&socket);
    // Out of the terminal's reach: Ctrl-C is for the agent.
    rustix::process::setsid()?;
    rustix::thread::set_name(c"roadstead-spawn")?;
    rustix::process::chdir("/")?;
    step_host::block_signals()?;
    step_host::know_what_is_common();
    memory::release_free();
    // The kernel reaps the hosts.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    let own_pid = rustix::process::getpid();
    let mut lock = None;
    let mut buffer = vec![0; MAX_MESSAGE_BYTES];
    while let Some((length, fd)) = receive(&socket, &mut buffer)? {
        let Some((number, path)) = buffer[..length].split_first_chunk::<8>() else {
            continue;
        };
        if u64::from_be_bytes(*number) == 0 {
            lock = fd.or(lock);
            continue;
        }
        match unsafe { libc::fork() } {
            0 => {
                drop(socket);
                step_host::run(Path::new(std::ffi::OsStr::from_bytes(path)), own_pid, lock, fd);
            }
            pid => answer(&socket, number, pid)?,
        }
    }
    Ok(())
}

fn answer(socket: &OwnedFd, number: &[u8; 8], forked: i32) -> io::Result<()> {
    let error = match forked {
        -1 => io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO),
        _ => 0,
    };
    let message = [&number[..], &error.to_be_bytes()].concat();
    // `None` when the host has ended already: nobody can have its pid yet, because it was forked only now.
    let pidfd = Pid::from_raw(forked.max(0)).and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
    match send(socket, &message, pidfd.as_ref().map(|fd| fd.as_fd())) {
        // The agent is gone; the next receive says so.
        Err(Errno::PIPE | Errno::CONNRESET) => Ok(()),
        result => Ok(result?),
    }
}

fn send(socket: impl AsFd, message: &[u8], fd: Option<BorrowedFd<'_>>) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds: Vec<BorrowedFd<'_>> = fd.into_iter().collect();
    if !fds.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&fds));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(message)], &mut control, SendFlags::NOSIGNAL).map(drop)
}

/// One message and the descriptor that came with it; `None` when the other end is closed.
fn receive(socket: impl AsFd, buffer: &mut [u8]) -> Result<Option<(usize, Option<OwnedFd>)>, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match rustix::net::recvmsg(&socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            Err(Errno::CONNRESET) => return Ok(None),
            result => break result?,
        }
    };
    let mut fd = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            fd = fds.last().or(fd);
        }
    }
    Ok((received.bytes > 0).then_some((received.bytes, fd)))
}

/// Closes what the zygote inherited, except standard error: its hosts must not keep anything of the agent's open.
fn close_all_but(keep: &OwnedFd) {
    let keep = keep.as_raw_fd();
    let open: Vec<i32> = std::fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for fd in open {
        if fd > 2 && fd != keep {
            // The listing's own descriptor is among them and closed already; that is no harm.
            unsafe { libc::close(fd) };
        }
    }
}

/// The zygote as the runtime uses it: one question at a time.
#[derive(Debug)]
pub struct Spawner {
    socket: tokio::sync::Mutex<AsyncFd<OwnedFd>>,
    number: AtomicU64,
    alive: AsyncFd<OwnedFd>,
}

impl Spawner {
    /// Must be called inside a runtime. The zygote gets `lock` to hold.
    pub fn new(zygote: Zygote, lock: Option<BorrowedFd<'_>>) -> io::Result<Self> {
        send(&zygote.socket, &[0; 8], lock)?;
        rustix::io::ioctl_fionbio(&zygote.socket, true)?;
        let alive = rustix::process::pidfd_open(zygote.pid, PidfdFlags::empty())?;
        Ok(Self {
            socket: tokio::sync::Mutex::new(watched(zygote.socket, Interest::READABLE)?),
            number: AtomicU64::new(1),
            alive: watched(alive, Interest::READABLE)?,
        })
    }

    /// Starts a step host for the order in `directory`, with what it may know besides; its pidfd, or `None` when it has ended
    /// already.
    ///
    /// *Cancel*: the host may have been started.
    pub async fn spawn(&self, directory: &Path, secrets: Option<OwnedFd>) -> io::Result<Option<OwnedFd>> {
        let socket = self.socket.lock().await;
        let number = self.number.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let message = [&number[..], directory.as_os_str().as_bytes()].concat();
        let secrets = secrets.as_ref().map(|fd| fd.as_fd());
        // One question at a time: there is always room for it, and to hear that there is would wake the agent at each.
        send(socket.get_ref(), &message, secrets)?;
        loop {
            let mut buffer = [0; 12];
            let received = socket.async_io(Interest::READABLE, |fd| Ok(receive(fd, &mut buffer)?)).await?;
            let Some((12, pidfd)) = received else {
                return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the zygote has ended"));
            };
            // An answer to a question that nobody waits for any more is passed over.
            if buffer[..8] == number {
                let error = i32::from_be_bytes([buffer[8], buffer[9], buffer[10], buffer[11]]);
                return if error == 0 {
                    Ok(pidfd)
                } else {
                    Err(io::Error::from_raw_os_error(error))
                };
            }
        }
    }

    /// Returns when the zygote has died: nothing can be started any more.
    pub async fn lost(&self) {
        // An error means that it cannot be watched, not that it is gone.
        if self.alive.readable().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
