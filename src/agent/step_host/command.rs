//! Starting the command: script file, pipes, environment, process group.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::Mode;
use rustix::pipe::PipeFlags;

use super::launch::Launch;
use super::record::{SCRIPT, StepOrder};
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
}

/// *Errors*: the text names what was tried, for it becomes the step's message.
pub fn start(directory: &Arc<Directory>, path: &Path, order: &StepOrder) -> io::Result<Started> {
    let (stdout, stdout_end) = stream(directory, StreamName::Stdout, order.cap_bytes)?;
    let (stderr, stderr_end) = stream(directory, StreamName::Stderr, order.cap_bytes)?;
    write_script(directory, &order.script).map_err(naming("its script could not be written"))?;
    let pid = spawn(order, &path.join(SCRIPT), stdout_end, stderr_end)?;
    Ok(Started {
        pid,
        streams: [stdout, stderr],
    })
}

fn stream(directory: &Arc<Directory>, name: StreamName, cap_bytes: u64) -> io::Result<(Stream, OwnedFd)> {
    let (ours, theirs) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // Only our end: the command expects a blocking one.
    rustix::fs::fcntl_setfl(&ours, rustix::fs::OFlags::NONBLOCK)?;
    let stream = Stream {
        pipe: Some(ours),
        spool: SpoolWriter::new(directory.clone(), name.as_str(), Layout::new(cap_bytes)),
    };
    Ok((stream, theirs))
}

/// The file is closed before the command is forked, or the kernel would call it busy.
fn write_script(directory: &Directory, text: &str) -> io::Result<()> {
    let mut file: File = directory.create_file(SCRIPT, 0o700)?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())
}

fn spawn(order: &StepOrder, script: &Path, stdout: OwnedFd, stderr: OwnedFd) -> io::Result<i32> {
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
        environment: &order.environment,
        directory,
        stdout: stdout.as_fd(),
        stderr: stderr.as_fd(),
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

/// What the host or the agent set for themselves does not pass on to commands.
fn as_an_ordinary_process<T>(start: impl FnOnce() -> T) -> T {
    const OOM: &str = "/proc/self/oom_score_adj";
    let is_protected = std::fs::read_to_string(OOM).is_ok_and(|text| text.starts_with('-'));
    if is_protected {
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
