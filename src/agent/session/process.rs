//! What a session runs: a login shell or commands on a pseudo terminal (portable-pty), or commands on pipes. Driven by the runtime
//! through its descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal};
use rustix::termios::Winsize;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::base::id::SessionId;
use crate::platform::descriptors::{Outlet, watched};
use crate::platform::processes;
use crate::platform::users::User;
use crate::wire::session::{Script, Size, Streams, Work};

/// Something that runs.
pub struct Process {
    input: Outlet,
    output: AsyncFd<OwnedFd>,
    /// When it is told apart from the output.
    errors: Option<AsyncFd<OwnedFd>>,
    exit: AsyncFd<OwnedFd>,
    child: Box<dyn Child + Send + Sync>,
    /// Process, group and session: it leads all three.
    pid: Pid,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    pub code: Option<i32>,
    /// The signal, when one ended it.
    pub message: String,
}

/// Which of the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Output,
    Errors,
}

struct Started {
    input: OwnedFd,
    output: OwnedFd,
    errors: Option<OwnedFd>,
    child: Box<dyn Child + Send + Sync>,
}

impl Process {
    /// Starts what the session is for, as the user.
    pub async fn start(user: User, session: SessionId, size: Size, work: Work) -> io::Result<Self> {
        let started = tokio::task::spawn_blocking(move || match &work {
            Work::NonInteractive { script, streams } => on_pipes(&user, &session, script, *streams),
            Work::Interactive(script) => on_terminal(command(&user, &session, Some(script)), size),
            Work::Shell { .. } => on_terminal(command(&user, &session, None), size),
            Work::Port(_) => Err(io::Error::other("a port session runs nothing")),
        });
        let started = started.await.map_err(io::Error::other)??;
        let pid = started.child.process_id().and_then(|pid| Pid::from_raw(pid as i32));
        let pid = pid.ok_or_else(|| io::Error::other("the shell has no process id"))?;
        let exit = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Self {
            input: Outlet::new(started.input),
            output: watched(started.output, Interest::READABLE)?,
            errors: started.errors.map(|fd| watched(fd, Interest::READABLE)).transpose()?,
            exit: watched(exit, Interest::READABLE)?,
            child: started.child,
            pid,
        })
    }

    fn source(&self, source: Source) -> Option<&AsyncFd<OwnedFd>> {
        match source {
            Source::Output => Some(&self.output),
            Source::Errors => self.errors.as_ref(),
        }
    }

    pub fn has_errors(&self) -> bool {
        self.errors.is_some()
    }

    /// Nothing more comes from there.
    pub fn close_errors(&mut self) {
        self.errors = None;
    }

    pub async fn readable(&self, source: Source) {
        match self.source(source) {
            // An error shows at the read that follows.
            Some(fd) => drop(fd.readable().await),
            None => std::future::pending().await,
        }
    }

    pub async fn writable(&self) {
        self.input.room().await;
    }

    /// Reads what is there. `Ok(0)`: it is closed. `WouldBlock`: nothing is there.
    pub fn read(&self, source: Source, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(fd) = self.source(source) else { return Ok(0) };
        let read = fd.try_io(Interest::READABLE, |fd| Ok(rustix::io::read(fd, &mut *buffer)?));
        match read {
            // What Linux says when no process has the terminal any more.
            Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(0),
            result => result,
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.input.write(bytes)
    }

    pub fn resize(&self, size: Size) {
        // A size is a courtesy: a terminal that is gone needs none, and pipes have none.
        let _ = rustix::termios::tcsetwinsize(self.output.get_ref(), winsize(size));
    }

    /// Returns when it has ended.
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
        let foreground = rustix::termios::tcgetpgrp(self.output.get_ref()).ok();
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

fn on_terminal(command: CommandBuilder, size: Size) -> io::Result<Started> {
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
    let spawned = pair.slave.spawn_command(command);
    let child = spawned.map_err(|error| io::Error::other(format!("the shell could not be started: {error}")))?;
    // While any slave end is open here, the terminal would never be seen to close.
    drop(pair.slave);
    let raw = pair
        .master
        .as_raw_fd()
        .ok_or_else(|| io::Error::other("the terminal has no descriptor"))?;
    // SAFETY: the descriptor belongs to `pair.master`, which lives until the end of this function.
    let output = rustix::io::fcntl_dupfd_cloexec(unsafe { BorrowedFd::borrow_raw(raw) }, 0)?;
    rustix::io::ioctl_fionbio(output.as_fd(), true)?;
    // Another descriptor of the same terminal: each is watched for its own direction.
    let input = rustix::io::fcntl_dupfd_cloexec(output.as_fd(), 0)?;
    Ok(Started {
        input,
        output,
        errors: None,
        child,
    })
}

fn on_pipes(user: &User, session: &SessionId, script: &Script, streams: Streams) -> io::Result<Started> {
    let (its_input, input) = pipe()?;
    let (output, its_output) = pipe()?;
    let (errors, its_errors) = match streams {
        // One pipe for both keeps their order.
        Streams::Together => (None, its_output.try_clone()?),
        Streams::Apart => pipe().map(|(ours, its)| (Some(ours), its))?,
    };
    for ours in [&input, &output].into_iter().chain(&errors) {
        rustix::io::ioctl_fionbio(ours, true)?;
    }
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script.commands]).env_clear().envs(&script.variables);
    command.envs(environment(user, session)).current_dir(home(user));
    command
        .stdin(Stdio::from(its_input))
        .stdout(Stdio::from(its_output))
        .stderr(Stdio::from(its_errors));
    // SAFETY: `setsid` is a plain system call, allowed between fork and exec.
    unsafe {
        command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?));
    }
    let child = command.spawn()?;
    Ok(Started {
        input,
        output,
        errors,
        child: Box::new(child),
    })
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC)?)
}

/// As a login would: nothing of the agent's own environment. Everything portable-pty would otherwise look up is given.
fn command(user: &User, session: &SessionId, script: Option<&Script>) -> CommandBuilder {
    let mut command = match script {
        None => CommandBuilder::new_default_prog(),
        Some(_) => CommandBuilder::new("/bin/sh"),
    };
    command.env_clear();
    if let Some(script) = script {
        command.args(["-c", &script.commands]);
        script.variables.iter().for_each(|(name, value)| command.env(name, value));
    }
    command.cwd(home(user));
    for (name, value) in environment(user, session) {
        command.env(name, value);
    }
    command.env("TERM", "xterm-256color");
    command
}

fn home(user: &User) -> &Path {
    if user.home.is_dir() { user.home.as_path() } else { Path::new("/") }
}

fn environment(user: &User, session: &SessionId) -> [(&'static str, std::ffi::OsString); 7] {
    [
        ("HOME", home(user).into()),
        ("SHELL", shell(user).into()),
        ("USER", user.name.clone().into()),
        ("LOGNAME", user.name.clone().into()),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()),
        ("LANG", std::env::var_os("LANG").unwrap_or_else(|| "C.UTF-8".into())),
        ("ROADSTEAD_SESSION_ID", session.as_str().into()),
    ]
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
