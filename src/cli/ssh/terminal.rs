//! The caller's terminal: raw while a session runs, as it was on every way out, and two threads for its blocking ends.

use std::io::{self, IsTerminal, Read, Write};
use std::time::Duration;

use bytes::Bytes;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::{mpsc, oneshot};

use crate::wire::session::Size;

/// Chunks between the terminal and the session: little, so that a slow terminal pauses the node and not our memory.
const QUEUE: usize = 16;
/// A read of the keyboard, or of a pipe; far below the longest frame.
const CHUNK_BYTES: usize = 16 * 1024;

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

/// What is typed. The thread ends with the process: a blocked read cannot be called off.
pub fn keyboard() -> mpsc::Receiver<Bytes> {
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

/// Where the session's output goes; a terminal that does not read holds up this thread and nothing else.
pub struct Screen {
    pub chunks: mpsc::Sender<Bytes>,
    done: oneshot::Receiver<()>,
}

impl Screen {
    pub fn open() -> Self {
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
        Self { chunks, done }
    }

    /// Waits until everything is shown, but not for ever.
    pub async fn close(self, limit: Duration) {
        drop(self.chunks);
        let _ = tokio::time::timeout(limit, self.done).await;
    }
}
