//! A login shell on a pseudo terminal: started by portable-pty, driven by the runtime through its master descriptor.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use rustix::process::{Pid, PidfdFlags, Signal};
use rustix::termios::Winsize;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::base::id::SessionId;
use crate::platform::descriptors::watched;
use crate::platform::processes;
use crate::platform::users::User;
use crate::wire::session::Size;

/// A running shell.
pub struct Pty {
    master: AsyncFd<OwnedFd>,
    exit: AsyncFd<OwnedFd>,
    child: Box<dyn Child + Send + Sync>,
    /// Process, group and session: it leads all three.
    pid: Pid,
}

/// How a shell ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    pub code: Option<i32>,
    /// The signal, when one ended it.
    pub message: String,
}

impl Pty {
    /// Starts the user's login shell.
    pub async fn start(user: User, session: SessionId, size: Size) -> io::Result<Self> {
        let started = tokio::task::spawn_blocking(move || start(&user, &session, size));
        let (master, child) = started.await.map_err(io::Error::other)??;
        let pid = child.process_id().and_then(|pid| Pid::from_raw(pid as i32));
        let pid = pid.ok_or_else(|| io::Error::other("the shell has no process id"))?;
        let exit = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Self {
            master: watched(master, Interest::READABLE | Interest::WRITABLE)?,
            exit: watched(exit, Interest::READABLE)?,
            child,
            pid,
        })
    }

    pub async fn readable(&self) {
        // An error shows at the read that follows.
        let _ = self.master.readable().await;
    }

    pub async fn writable(&self) {
        let _ = self.master.writable().await;
    }

    /// Reads what is there. `Ok(0)`: the terminal is closed. `WouldBlock`: nothing is there.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.master.try_io(Interest::READABLE, |fd| Ok(rustix::io::read(fd, &mut *buffer)?));
        match read {
            // What Linux says when no process has the terminal any more.
            Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(0),
            result => result,
        }
    }

    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.master.try_io(Interest::WRITABLE, |fd| Ok(rustix::io::write(fd, bytes)?))
    }

    pub fn resize(&self, size: Size) {
        // A size is a courtesy: a terminal that is gone needs none.
        let _ = rustix::termios::tcsetwinsize(self.master.get_ref(), winsize(size));
    }

    /// Returns when the shell has ended.
    pub async fn ended(&self) {
        let _ = self.exit.readable().await;
    }

    /// How it ended; `None` while it runs.
    pub fn reap(&mut self) -> Option<Exit> {
        let status = self.child.try_wait().ok()??;
        Some(match status.signal() {
            Some(signal) => Exit {
                code: None,
                message: format!("the shell was ended by a signal: {signal}"),
            },
            None => Exit {
                code: Some(status.exit_code() as i32),
                message: String::new(),
            },
        })
    }

    /// Tells the shell's group and the one in the foreground to go; jobs that were made to outlive the terminal stay.
    /// Answers the groups that were told.
    pub fn hang_up(&self) -> Vec<Pid> {
        let foreground = rustix::termios::tcgetpgrp(self.master.get_ref()).ok();
        let groups: Vec<Pid> = [Some(self.pid), foreground.filter(|group| *group != self.pid)]
            .into_iter()
            .flatten()
            .collect();
        for group in &groups {
            // It fails when the group is gone already. A stopped one has to be woken to hear it.
            let _ = rustix::process::kill_process_group(*group, Signal::HUP);
            let _ = rustix::process::kill_process_group(*group, Signal::CONT);
        }
        groups
    }

    /// Kills what is left of groups that were told to go. The shell itself may be gone, and its number with it, so only
    /// processes of its terminal session are meant.
    pub fn killer(&self, groups: Vec<Pid>) -> impl FnOnce() + Send + use<> {
        let session = self.pid.as_raw_nonzero().get();
        move || {
            for process in processes::all().filter(|process| process.session == session) {
                let group = Pid::from_raw(process.group).filter(|group| groups.contains(group));
                if let Some(group) = group {
                    let _ = rustix::process::kill_process_group(group, Signal::KILL);
                }
            }
        }
    }
}

fn start(user: &User, session: &SessionId, size: Size) -> io::Result<(OwnedFd, Box<dyn Child + Send + Sync>)> {
    let system = native_pty_system();
    let size = PtySize {
        rows: size.rows.max(1),
        cols: size.cols.max(1),
        pixel_width: 0,
        pixel_height: 0,
    };
    let pair = system
        .openpty(size)
        .map_err(|error| io::Error::other(format!("no terminal could be opened: {error}")))?;
    let spawned = pair.slave.spawn_command(command(user, session));
    let child = spawned.map_err(|error| io::Error::other(format!("the shell could not be started: {error}")))?;
    // While any slave end is open here, the terminal would never be seen to close.
    drop(pair.slave);
    let raw = pair
        .master
        .as_raw_fd()
        .ok_or_else(|| io::Error::other("the terminal has no descriptor"))?;
    // SAFETY: the descriptor belongs to `pair.master`, which lives until the end of this function.
    let master = rustix::io::fcntl_dupfd_cloexec(unsafe { BorrowedFd::borrow_raw(raw) }, 0)?;
    rustix::io::ioctl_fionbio(master.as_fd(), true)?;
    Ok((master, child))
}

/// As a login would: nothing of the agent's own environment. Everything portable-pty would otherwise look up is given.
fn command(user: &User, session: &SessionId) -> CommandBuilder {
    let mut command = CommandBuilder::new_default_prog();
    command.env_clear();
    let home = if user.home.is_dir() { user.home.as_path() } else { Path::new("/") };
    command.cwd(home);
    command.env("HOME", home);
    command.env("SHELL", shell(user));
    command.env("USER", &user.name);
    command.env("LOGNAME", &user.name);
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("TERM", "xterm-256color");
    command.env("LANG", std::env::var("LANG").unwrap_or_else(|_| "C.UTF-8".into()));
    command.env("ROADSTEAD_SESSION_ID", session.as_str());
    command
}

/// The user's shell when it is one: service accounts have `nologin`, small systems lack what passwd names.
fn shell(user: &User) -> PathBuf {
    let is_refusal = ["nologin", "false"].iter().any(|name| user.shell.ends_with(name));
    let is_executable = rustix::fs::access(&user.shell, rustix::fs::Access::EXEC_OK).is_ok();
    match is_executable && !is_refusal {
        true => user.shell.clone(),
        false => "/bin/sh".into(),
    }
}

fn winsize(size: Size) -> Winsize {
    Winsize {
        ws_row: size.rows.max(1),
        ws_col: size.cols.max(1),
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
