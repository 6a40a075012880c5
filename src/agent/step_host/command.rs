//! Starting the command: script file, pipes, environment, process group.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustix::fs::Mode;
use rustix::pipe::PipeFlags;

use super::cgroup::StepGroup;
use super::confined::{self, Confinement};
use super::launch::Launch;
use super::mask::{Masker, Patterns};
use super::record::{Ceilings, Identity, SCRIPT, StepOrder};
use super::secrets::Prepared;
use crate::agent::spool::{Layout, SpoolWriter};
use crate::platform::files::Directory;
use crate::wire::run::StreamName;

/// A command that runs, with the host's ends of its streams.
pub struct Started {
    /// Process id and process group.
    pub pid: i32,
    pub streams: [Stream; 2],
}

/// One output stream: the pipe's reading end (not blocking) and where it goes. `pipe` is `None` once it is closed.
pub struct Stream {
    pub pipe: Option<OwnedFd>,
    pub spool: SpoolWriter,
    /// For a command that knows secrets.
    masker: Option<Masker>,
}

impl Stream {
    /// Stores what came, or as much of it as may be shown by now.
    pub fn take(&mut self, bytes: &[u8]) {
        match &mut self.masker {
            Some(masker) => self.spool.write(masker.push(bytes)),
            None => self.spool.write(bytes),
        }
    }

    /// Nothing more comes.
    pub fn close(&mut self) {
        self.pipe = None;
        if let Some(mut masker) = self.masker.take() {
            self.spool.write(masker.finish());
        }
    }
}

/// How the ceilings of a step are held.
pub struct Held {
    /// The step's own group, gone with this.
    group: Option<StepGroup>,
    address_space: Option<u64>,
    nice: Option<u8>,
    words: String,
}

/// Niceness where a share of the processor was asked for and cannot be held.
const NICE_INSTEAD: u8 = 10;

impl Held {
    /// By a cgroup where one is delegated, else as well as limits and niceness can.
    fn of(ceilings: &Ceilings) -> Self {
        let Ceilings {
            nice,
            memory_bytes,
            cpu_percent,
        } = *ceilings;
        if memory_bytes.is_none() && cpu_percent.is_none() {
            return Self {
                group: None,
                address_space: None,
                nice,
                words: format!("niceness {}", nice.unwrap_or(0)),
            };
        }
        match StepGroup::make(ceilings) {
            Ok(group) => Self {
                group: Some(group),
                address_space: None,
                nice,
                words: "its ceilings were held by a cgroup".into(),
            },
            Err(why) => {
                let instead_of_share = cpu_percent.map(|_| nice.unwrap_or(NICE_INSTEAD));
                Self {
                    group: None,
                    address_space: memory_bytes,
                    nice: nice.or(instead_of_share),
                    words: instead(&why, memory_bytes, instead_of_share),
                }
            }
        }
    }
}

impl Held {
    /// How they were held and what came of it, for whoever reads the result.
    pub fn words(&self) -> String {
        match self.group.as_ref().map_or(0, StepGroup::killed) {
            0 => self.words.clone(),
            1 => format!("{}, and the kernel killed a process that wanted more memory", self.words),
            killed => format!("{}, and the kernel killed {killed} processes that wanted more memory", self.words),
        }
    }
}

fn instead(why: &str, memory_bytes: Option<u64>, niceness: Option<u8>) -> String {
    let memory = memory_bytes.map(|bytes| {
        let mib = bytes / (1024 * 1024);
        format!("each of its processes could have no more than {mib} MiB of memory (rlimit)")
    });
    let cpu = niceness.map(|nice| format!("its share of the processor was not held, it ran with niceness {nice} instead"));
    let parts: Vec<String> = memory.into_iter().chain(cpu).collect();
    format!("{why}: {}", parts.join(", "))
}

/// *Errors*: the text names what was tried, for it becomes the step's message.
pub fn start(directory: &Arc<Directory>, path: &Path, prepared: &Prepared) -> io::Result<(Started, Option<Held>)> {
    let (order, patterns) = (&prepared.order, prepared.patterns.as_ref());
    let (stdout, stdout_end) = stream(directory, StreamName::Stdout, order.cap_bytes, patterns)?;
    let (stderr, stderr_end) = stream(directory, StreamName::Stderr, order.cap_bytes, patterns)?;
    write_script(directory, &order.script).map_err(naming("its script could not be written"))?;
    let script = order.identity.as_ref().map(|identity| hand_over(directory, identity)).transpose();
    let script = script.map_err(naming("its script could not be handed to its user"))?;
    if let Some(Identity { uid, gid, .. }) = order.identity {
        // Or it could not open `/dev/stdout`.
        for end in [&stdout_end, &stderr_end] {
            std::os::unix::fs::fchown(end, Some(uid), Some(gid)).map_err(naming("its streams could not be handed to its user"))?;
        }
    }
    let held = order.ceilings.as_ref().map(Held::of);
    let confinement = Confinement {
        identity: order.identity.as_ref(),
        nice: held.as_ref().and_then(|held| held.nice),
        address_space: held.as_ref().and_then(|held| held.address_space),
        group: held.as_ref().and_then(|held| Some(held.group.as_ref()?.members.as_fd())),
        script: script.as_ref().map(|script| script.as_fd()),
    };
    let path = match &script {
        // Another user may not walk through the agent's folders.
        Some(script) => confined::path_of(script).into(),
        None => path.join(SCRIPT),
    };
    let pid = spawn(prepared, &path, confinement, stdout_end, stderr_end)?;
    let started = Started {
        pid,
        streams: [stdout, stderr],
    };
    Ok((started, held))
}

/// The script, open, as its user's own.
fn hand_over(directory: &Directory, identity: &Identity) -> io::Result<File> {
    let script = directory.open_file(SCRIPT)?;
    std::os::unix::fs::fchown(&script, Some(identity.uid), Some(identity.gid))?;
    Ok(script)
}

fn stream(directory: &Arc<Directory>, name: StreamName, cap_bytes: u64, patterns: Option<&Arc<Patterns>>) -> io::Result<(Stream, OwnedFd)> {
    let (ours, theirs) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // Only our end: the command expects a blocking one.
    rustix::fs::fcntl_setfl(&ours, rustix::fs::OFlags::NONBLOCK)?;
    let stream = Stream {
        pipe: Some(ours),
        spool: SpoolWriter::new(directory.clone(), name.as_str(), Layout::new(cap_bytes)),
        masker: patterns.map(|patterns| Masker::new(patterns.clone())),
    };
    Ok((stream, theirs))
}

/// The file is closed before the command is forked, or the kernel would call it busy.
fn write_script(directory: &Directory, text: &str) -> io::Result<()> {
    directory.write(SCRIPT, text.as_bytes(), 0o700)
}

fn spawn(prepared: &Prepared, script: &Path, confinement: Confinement<'_>, stdout: OwnedFd, stderr: OwnedFd) -> io::Result<i32> {
    let order = &prepared.order;
    let directory = &order.working_directory;
    if !directory.is_dir() {
        let message = format!("the working directory `{}` does not exist", directory.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    let program = order.interpreter.as_deref().unwrap_or(script);
    let mut arguments = vec![program.as_os_str()];
    arguments.extend(order.interpreter.as_ref().map(|_| script.as_os_str()));
    let launch = Launch {
        program,
        arguments,
        environment: prepared.environment(),
        directory,
        stdin: prepared.input.as_ref().map(AsFd::as_fd),
        stdout: stdout.as_fd(),
        stderr: stderr.as_fd(),
        confinement,
    };
    let started = as_an_ordinary_process(|| launch.start());
    started.map_err(|error| {
        let shown = interpreter_of(order).unwrap_or_else(|| program.display().to_string());
        io::Error::new(error.kind(), format!("`{shown}` could not be executed: {error}"))
    })
}

/// The interpreter that the script's first line names; its absence is what "not found" means then.
fn interpreter_of(order: &StepOrder) -> Option<String> {
    let line = order.script.strip_prefix("#!")?.lines().next()?;
    Some(line.trim().to_owned())
}

const OOM: &str = "/proc/self/oom_score_adj";

/// Whether the out-of-memory killer spares this process. Read once: it is inherited.
pub fn is_protected() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| std::fs::read_to_string(OOM).is_ok_and(|text| text.starts_with('-')))
}

/// What the host or the agent set for themselves does not pass on to commands.
fn as_an_ordinary_process<T>(start: impl FnOnce() -> T) -> T {
    if is_protected() {
        // An agent that the out-of-memory killer spares must not make its commands immortal. The host gives the protection up
        // too: it is so small that it is never the one to go.
        let _ = std::fs::write(OOM, "0");
    }
    let own = rustix::process::umask(Mode::from_raw_mode(0o022));
    let started = start();
    rustix::process::umask(own);
    started
}

fn naming(what: &'static str) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{what}: {error}"))
}
