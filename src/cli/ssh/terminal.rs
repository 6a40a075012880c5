//! The caller's terminal: raw while a session runs, as it was on every way out.
//!
//! Its two ends are watched by the runtime itself: a key that first wakes a thread costs a quarter of the way to the node and
//! back. What is no terminal (a pipe, a file) has a thread for each end.

use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use bytes::{Buf, Bytes};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, oneshot};

use crate::platform::descriptors::{Outlet, watched};
use crate::wire::session::Size;

/// Chunks between the terminal and the session: little, so that a slow terminal pauses the node and not our memory.
const QUEUE: usize = 16;
/// A read of the keyboard, or of a pipe; far below the longest frame.
const CHUNK_BYTES: usize = 16 * 1024;

/// How often a terminal that is full is tried again before it is awaited: one that is being read has room again sooner than this
/// process would fall asleep and be woken.
const TURNS: u32 = 4;

/// Raw mode until dropped; unwinding drops it too.
pub struct RawMode {
    before: Termios,
}

impl RawMode {
    /// `None` when stdin is no terminal.
    pub fn enter() -> io::Result<Option<Self>> {
        if !io::stdin().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Drain, &raw)?;
        Ok(Some(Self { before }))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Undoes what a program left behind that could not say goodbye: alternate screen, mouse, paste brackets, hidden cursor.
pub fn tidy_screen() {
    if io::stdout().is_terminal() {
        let _ = io::stdout()
            .lock()
            .write_all(b"\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[0m");
        let _ = io::stdout().lock().flush();
    }
}

/// The size of the terminal, or the classic one.
pub fn size() -> Size {
    let known = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stdin()));
    match known {
        Ok(known) if known.ws_col > 0 && known.ws_row > 0 => Size {
            cols: known.ws_col,
            rows: known.ws_row,
        },
        _ => Size { cols: 80, rows: 24 },
    }
}

/// The terminal behind a standard stream, opened once more: only so it can be made not to block, because the inherited
/// descriptor shares its flags with the shell that started us. `None` where that cannot be had.
fn reopened(stream: impl AsFd, access: OFlags) -> Option<OwnedFd> {
    let stream = stream.as_fd();
    if !isatty(stream) {
        return None;
    }
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(format!("/proc/self/fd/{}", stream.as_raw_fd()), flags, Mode::empty()).ok()
}

/// What is typed.
pub enum Keyboard {
    Terminal(AsyncFd<OwnedFd>),
    /// The thread ends with the process: a blocked read cannot be called off.
    Thread(mpsc::Receiver<Bytes>),
}

impl Keyboard {
    pub fn open() -> Self {
        let terminal = reopened(io::stdin(), OFlags::RDONLY);
        match terminal.and_then(|terminal| watched(terminal, Interest::READABLE).ok()) {
            Some(terminal) => Self::Terminal(terminal),
            None => Self::Thread(read_in_thread()),
        }
    }

    /// The next keys; `None` at the end. *Cancel*: nothing is lost.
    pub async fn next(&mut self) -> Option<Bytes> {
        let terminal = match self {
            Self::Thread(chunks) => return chunks.recv().await,
            Self::Terminal(terminal) => terminal,
        };
        // No terminal gives more at once.
        let mut chunk = [0; 4096];
        loop {
            let read = terminal.async_io(Interest::READABLE, |fd| Ok(rustix::io::read(fd, &mut chunk)?));
            match read.await {
                Ok(0) => return None,
                Ok(count) => return Some(Bytes::copy_from_slice(&chunk[..count])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}

fn read_in_thread() -> mpsc::Receiver<Bytes> {
    let (sender, keys) = mpsc::channel(QUEUE);
    std::thread::spawn(move || {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match io::stdin().lock().read(&mut chunk) {
                Ok(0) => return,
                Ok(count) if sender.blocking_send(Bytes::copy_from_slice(&chunk[..count])).is_err() => return,
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
    keys
}

/// Where the session's output goes; one that does not read holds up nothing else.
pub enum Screen {
    Terminal(Outlet),
    Thread {
        chunks: mpsc::Sender<Bytes>,
        done: oneshot::Receiver<()>,
    },
}

impl Screen {
    pub fn open() -> Self {
        match reopened(io::stdout(), OFlags::WRONLY) {
            Some(terminal) => Self::Terminal(Outlet::new(terminal)),
            None => write_in_thread(),
        }
    }

    /// Shows the bytes, and takes them away as it does.
    ///
    /// *Errors*: nobody looks any more. *Cancel*: what was not shown is still in `bytes`.
    pub async fn show(&mut self, bytes: &mut Bytes) -> io::Result<()> {
        let terminal = match self {
            Self::Thread { chunks, .. } => {
                let place = chunks.reserve().await.map_err(|_| io::ErrorKind::BrokenPipe)?;
                place.send(std::mem::take(bytes));
                return Ok(());
            }
            Self::Terminal(terminal) => terminal,
        };
        let mut turns = 0;
        while !bytes.is_empty() {
            match terminal.write(bytes) {
                Ok(count) => {
                    bytes.advance(count);
                    turns = 0;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && turns < TURNS => {
                    turns += 1;
                    std::thread::yield_now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => terminal.room().await,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until everything is shown, but not for ever.
    pub async fn close(self, limit: Duration) {
        if let Self::Thread { chunks, done } = self {
            drop(chunks);
            let _ = tokio::time::timeout(limit, done).await;
        }
    }
}

fn write_in_thread() -> Screen {
    let (chunks, mut queue) = mpsc::channel::<Bytes>(QUEUE);
    let (ended, done) = oneshot::channel();
    std::thread::spawn(move || {
        let mut out = io::stdout().lock();
        while let Some(chunk) = queue.blocking_recv() {
            let mut wrote = out.write_all(&chunk);
            if queue.is_empty() {
                wrote = wrote.and_then(|()| out.flush());
            }
            if wrote.is_err() {
                break;
            }
        }
        let _ = ended.send(());
    });
    Screen::Thread { chunks, done }
}
