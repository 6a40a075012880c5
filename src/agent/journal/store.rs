//! Where the journal's records lie: a preallocated file, or memory for the simulator and for tests.

use std::collections::HashMap;
use std::fs::File;
use std::future::Future;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::record::{RECORD_BYTES, RecordBytes};
use crate::platform::files::Directory;

/// Whether a write is awaited until it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    Now,
    /// With the next one: to lose it costs a repetition, not a mistake.
    Later,
}

/// One record at its place.
#[derive(Clone, Debug)]
pub struct Write {
    /// Slot number × 2 + half.
    pub position: u32,
    pub bytes: RecordBytes,
}

/// Raw records by position.
pub trait JournalStore: Send + std::marker::Sync + 'static {
    fn slots(&self) -> u32;

    /// Shows every record there is, valid or not, when all of them are durable: an agent that was killed between a write and its
    /// sync has left records that are only cached, and to act on one of those would be to act on what a power cut can undo.
    /// Blocks.
    fn load(&mut self, see: &mut dyn FnMut(u32, &RecordBytes)) -> io::Result<()>;

    /// Writes one record; with [`Sync::Now`] it is durable when this returns.
    fn write(&self, write: Write, sync: Sync) -> impl Future<Output = io::Result<()>> + Send;
}

/// A lazy write waits so long for one that is not, to share its way to the disk.
const LAZY: Duration = Duration::from_secs(1);
/// Writes that wait while one sync is under way: more than the runs that may be active at once.
const QUEUE: usize = 256;

/// The file: one task takes all waiting writes, puts them in place and syncs once for all of them.
#[derive(Debug)]
pub struct FileStore {
    file: Arc<File>,
    slots: u32,
    queue: mpsc::Sender<Pending>,
}

#[derive(Debug)]
struct Pending {
    write: Write,
    sync: Sync,
    done: oneshot::Sender<io::Result<()>>,
}

impl FileStore {
    /// Opens the file `name`, or creates it with all its blocks written, so that a later sync has no metadata to write.
    /// Blocks; must be called inside a runtime, because it starts the writing task.
    pub fn open(directory: &Directory, name: &str, slots: u32) -> io::Result<Self> {
        let file = directory.create_file(name, 0o600)?;
        let size = u64::from(slots) * 2 * RECORD_BYTES as u64;
        if file.metadata()?.len() < size {
            extend(&file, size)?;
            file.sync_all()?;
            directory.sync()?;
        }
        let file = Arc::new(file);
        let (queue, pending) = mpsc::channel(QUEUE);
        tokio::spawn(write_all(file.clone(), pending));
        Ok(Self { file, slots, queue })
    }
}

fn extend(file: &File, size: u64) -> io::Result<()> {
    static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
    let mut at = file.metadata()?.len();
    while at < size {
        let piece = (size - at).min(ZEROS.len() as u64) as usize;
        file.write_all_at(&ZEROS[..piece], at)?;
        at += piece as u64;
    }
    Ok(())
}

impl JournalStore for FileStore {
    fn slots(&self) -> u32 {
        self.slots
    }

    fn load(&mut self, see: &mut dyn FnMut(u32, &RecordBytes)) -> io::Result<()> {
        self.file.sync_data()?;
        let mut buffer = vec![0u8; 64 * 1024];
        let total = u64::from(self.slots) * 2 * RECORD_BYTES as u64;
        let mut at = 0;
        while at < total {
            let piece = (total - at).min(buffer.len() as u64) as usize;
            self.file.read_exact_at(&mut buffer[..piece], at)?;
            let (records, _) = buffer[..piece].as_chunks::<RECORD_BYTES>();
            for (number, record) in records.iter().enumerate() {
                see((at / RECORD_BYTES as u64) as u32 + number as u32, record);
            }
            at += piece as u64;
        }
        Ok(())
    }

    async fn write(&self, write: Write, sync: Sync) -> io::Result<()> {
        let (done, answer) = oneshot::channel();
        let stopped = || io::Error::other("the journal's writer has stopped");
        self.queue.send(Pending { write, sync, done }).await.map_err(|_| stopped())?;
        match sync {
            Sync::Later => Ok(()),
            Sync::Now => answer.await.map_err(|_| stopped())?,
        }
    }
}

/// After a failed sync the kernel may have dropped the pages: nothing written later could be trusted, so all is refused.
async fn write_all(file: Arc<File>, mut queue: mpsc::Receiver<Pending>) {
    let mut broken: Option<io::ErrorKind> = None;
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, QUEUE).await > 0 {
        let deadline = Instant::now() + LAZY;
        while batch.len() < QUEUE && batch.iter().all(|pending| pending.sync == Sync::Later) {
            match timeout_at(deadline, queue.recv_many(&mut batch, QUEUE)).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        let (writes, dones): (Vec<_>, Vec<_>) = batch.drain(..).map(|p| ((p.write, p.sync), p.done)).unzip();
        if broken.is_none() {
            let file = file.clone();
            let result = tokio::task::spawn_blocking(move || put(&file, &writes))
                .await
                .map_err(io::Error::other);
            if let Err(error) = result.and_then(|inner| inner) {
                tracing::error!(%error, "the journal could not be written; no run is accepted until the agent is restarted");
                broken = Some(error.kind());
            }
        }
        for done in dones {
            // Nobody waits for a lazy one.
            let _ = done.send(broken.map_or(Ok(()), |kind| Err(kind.into())));
        }
    }
}

fn put(file: &File, writes: &[(Write, Sync)]) -> io::Result<()> {
    for (write, _) in writes {
        file.write_all_at(&write.bytes, u64::from(write.position) * RECORD_BYTES as u64)?;
    }
    if writes.iter().any(|(_, sync)| *sync == Sync::Now) {
        file.sync_data()?;
    }
    Ok(())
}

/// Records in memory; clones share them, so that a "restarted" agent finds them again.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    slots: u32,
    records: Arc<Mutex<HashMap<u32, RecordBytes>>>,
}

impl MemoryStore {
    pub fn new(slots: u32) -> Self {
        Self {
            slots,
            records: Arc::default(),
        }
    }

    /// Flips a bit of a record, as a torn write would.
    pub fn damage(&self, position: u32, byte: usize) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = records.get_mut(&position) {
            record[byte % RECORD_BYTES] ^= 1;
        }
    }

    /// Puts a record as it is.
    pub fn put(&self, write: Write) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.insert(write.position, write.bytes);
    }
}

impl JournalStore for MemoryStore {
    fn slots(&self) -> u32 {
        self.slots
    }

    fn load(&mut self, see: &mut dyn FnMut(u32, &RecordBytes)) -> io::Result<()> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().for_each(|(position, bytes)| see(*position, bytes));
        Ok(())
    }

    async fn write(&self, write: Write, _: Sync) -> io::Result<()> {
        self.put(write);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::journal::{Entry, Journal, State};
    use crate::base::Timestamp;
    use crate::base::id::CommandId;

    #[tokio::test]
    async fn a_file_gives_back_what_many_writers_put_into_it() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Directory::open(temporary.path()).unwrap();
        let journal = Journal::open(FileStore::open(&directory, "journal", 64).unwrap()).unwrap();
        let runs: Vec<CommandId> = (0..50).map(|_| CommandId::random()).collect();
        let writes = runs
            .iter()
            .map(|run| journal.record(Entry::new(run, 5), Timestamp::from_millis(0), Sync::Now));
        for result in futures_util::future::join_all(writes).await {
            result.unwrap();
        }
        let again = Journal::open(FileStore::open(&directory, "journal", 64).unwrap()).unwrap();
        assert_eq!(again.entries().len(), 50);
        assert!(runs.iter().all(|run| again.entry(run).unwrap().state == State::Accepted));
    }

    #[tokio::test]
    async fn an_empty_file_has_no_runs() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Directory::open(temporary.path()).unwrap();
        let journal = Journal::open(FileStore::open(&directory, "journal", 16).unwrap()).unwrap();
        assert!(journal.entries().is_empty());
        assert_eq!(std::fs::metadata(temporary.path().join("journal")).unwrap().len(), 16 * 512);
    }
}
