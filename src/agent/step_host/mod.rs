//! The step host: a small process of its own for each step that runs.
//!
//! It owns the command's pipes and process group, spools the output, enforces the execution time-out and leaves an exit
//! record. It is forked from the zygote ([`crate::agent::zygote`]) and outlives the agent, so that an agent that is restarted
//! or upgraded in the middle finds the command running, or its record. It is single-threaded and knows no runtime.
//!
//! ```text
//! Running ─ the command ended ─────────────► Draining ─ output closed, or held longer than 2 s ─► Over
//!    ├──── time-out: SIGKILL ──────────────► Killing ── command and its group gone, or 2 s ─────► Over
//!    └──── cancel, or the node stops: SIGTERM ► Terminating ── grace over: SIGKILL ─► Killing
//!                                                   └── command and its group gone ─────────────► Over
//! ```
//!
//! A step that needs secrets gets them as memory ([`secrets`]): they go into the command's environment, and what the command
//! writes is masked before it is stored ([`mask`]).
//!
//! Signals to it: SIGUSR1 cancels; SIGTERM comes from a node that is being shut down and makes the step `Interrupted`.

mod cgroup;
mod command;
mod confined;
mod launch;
mod mask;
pub mod record;
pub mod secrets;
mod watch;

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};

use crate::base::{Clock, Timestamp};
use crate::platform::files::Directory;
use crate::platform::processes::process;
use crate::wire::run::Outcome;
use record::{ExitRecord, HostMark, StepOrder};

/// The signal that means: somebody cancelled the run.
pub const CANCEL: Signal = Signal::USR1;

/// Room kept for the exit record from the start, so that a full disk cannot swallow it.
const EXIT_ROOM: usize = 4096;

/// Hosts the step whose order lies in `directory`, then exits. Called in a freshly forked child of the zygote.
///
/// `settled` is closed once the host's mark is on disk: from then on a restarted agent can find it.
pub fn run(directory: &Path, zygote: Pid, settled: Option<OwnedFd>, secrets: Option<OwnedFd>) -> ! {
    let code = match catch_unwind(AssertUnwindSafe(|| host(directory, zygote, settled, secrets))) {
        Ok(Ok(())) => 0,
        Ok(Err(_)) => 1,
        Err(_) => 101,
    };
    // Without the destructors and buffers of the process it was forked from.
    unsafe { libc::_exit(code) }
}

fn host(path: &Path, zygote: Pid, settled: Option<OwnedFd>, secrets: Option<OwnedFd>) -> io::Result<()> {
    detach()?;
    let directory = Arc::new(Directory::open(path)?);
    let run = run_of(path);
    let order = record::read_order(&directory, run);
    let cap_bytes = order.as_ref().map_or(0, |order| order.cap_bytes);
    directory.write(record::HOST, &record::seal(run, &own_mark(cap_bytes)?)?, 0o600)?;
    drop(settled);
    let room = directory.create_file(record::EXIT, 0o600)?;
    room.write_all_at(&[0; EXIT_ROOM], 0)?;

    let started_at = Clock::system().now();
    let end = order.and_then(|order| host_order(&directory, path, order, secrets));
    let mut record = end.unwrap_or_else(|error| not_started(&error, started_at, cap_bytes));
    record.message = shorten(record.message);
    let bytes = record::seal(run, &record)?;
    // Its checksum tells when it is whole.
    room.set_len(bytes.len() as u64)?;
    room.write_all_at(&bytes, 0)?;
    // While the agent lives it makes the result durable itself, together with others.
    if rustix::process::getppid() != Some(zygote) {
        room.sync_all()?;
        directory.sync()?;
    }
    Ok(())
}

/// `…/<run>/<step>`
fn run_of(path: &Path) -> &str {
    let run = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    run.unwrap_or_default()
}

fn host_order(directory: &Arc<Directory>, path: &Path, order: StepOrder, secrets: Option<OwnedFd>) -> io::Result<ExitRecord> {
    let order = secrets::with_secrets(order, secrets)?;
    let order = &order;
    let (started, held) = command::start(directory, path, order)?;
    let mut record = watch::Watch::new(started, &order.order)?.until_over()?;
    if let Some(held) = &held {
        record.message = match record.message.is_empty() {
            true => held.words(),
            false => format!("{}; {}", record.message, held.words()),
        };
    }
    if let Some(patterns) = &order.patterns {
        record.message = patterns.mask_text(&record.message);
    }
    Ok(record)
}

/// A session of its own, no terminal, no inherited streams, orphans of the command as its children.
fn detach() -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::thread::set_name(c"roadstead-step")?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    rustix::process::umask(Mode::from_raw_mode(0o077));
    // It would keep a pipe or terminal of the agent's open for as long as the command runs.
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    // The zygote lets the kernel reap its children; the host wants to know what became of its own.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    Ok(())
}

/// The signals a host reads instead of receiving them. The zygote blocks them before it forks, so that none is too early.
const READ_SIGNALS: [i32; 5] = [libc::SIGCHLD, libc::SIGUSR1, libc::SIGTERM, libc::SIGINT, libc::SIGHUP];

/// Blocks the signals that hosts read.
pub fn block_signals() -> io::Result<()> {
    set_mask(libc::SIG_BLOCK, &READ_SIGNALS).map(drop)
}

fn signal_reader() -> io::Result<OwnedFd> {
    let set = set_mask(libc::SIG_BLOCK, &READ_SIGNALS)?;
    match unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) } {
        -1 => Err(io::Error::last_os_error()),
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
    }
}

fn set_mask(how: i32, signals: &[i32]) -> io::Result<libc::sigset_t> {
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        for signal in signals {
            libc::sigaddset(&mut set, *signal);
        }
        match libc::sigprocmask(how, &set, std::ptr::null_mut()) {
            0 => Ok(set),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

fn own_mark(cap_bytes: u64) -> io::Result<HostMark> {
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let process = process(pid).ok_or_else(|| io::Error::other("/proc does not show this process"))?;
    Ok(HostMark {
        pid,
        start_ticks: process.start_ticks,
        boot_id: boot_id(),
        cap_bytes,
    })
}

/// Reads what is the same for all hosts; the process they are forked from calls it once.
pub fn know_what_is_common() {
    boot_id();
    command::is_protected();
}

/// The kernel's boot id, empty where `/proc` does not show it. Read once: no process outlives its boot.
pub fn boot_id() -> String {
    static KNOWN: OnceLock<String> = OnceLock::new();
    let read = || std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    KNOWN.get_or_init(|| read().trim().to_owned()).clone()
}

fn not_started(error: &io::Error, started_at: Timestamp, cap_bytes: u64) -> ExitRecord {
    ExitRecord {
        outcome: Outcome::Failed,
        exit_code: None,
        message: format!("the command could not be started: {error}"),
        started_at_ms: started_at.millis(),
        ended_at_ms: Clock::system().now().millis(),
        stdout: Default::default(),
        stderr: Default::default(),
        cap_bytes,
    }
}

/// The record must fit into the room kept for it, and the report into a frame.
fn shorten(message: String) -> String {
    const MAX_CHARS: usize = 500;
    match message.char_indices().nth(MAX_CHARS) {
        None => message,
        Some((at, _)) => format!("{}…", &message[..at]),
    }
}
