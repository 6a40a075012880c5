//! Large bytes beside the database: content-addressed, compressed, readable from any offset.
//!
//! A blob up to [`INLINE_BYTES`] lies in the `blob` table itself; a larger one in `DATA/blobs/aa/<hash>`, which is durable
//! (file and directory synced) before the row that names it. Equal contents are stored once.
//!
//! File format: chunks of [`CHUNK_BYTES`] of plain bytes, each a zstd frame; then each frame's length (4 bytes,
//! little-endian), the number of chunks (4 bytes) and the plain size (8 bytes).

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256, digest};

use crate::base::id::random_hex;
use crate::hub::store::{StoreError, Tx, Value};

/// What fits into a row; larger content goes to a file.
pub const INLINE_BYTES: usize = 16 * 1024;
const CHUNK_BYTES: usize = 256 * 1024;
const COMPRESSION_LEVEL: i32 = 3;
/// Between writing a file and naming it in the database there is never this much time.
const SETTLED: Duration = Duration::from_secs(3600);

/// SHA-256 of a content.
pub type Hash = [u8; 32];

/// The folder of large blobs.
#[derive(Clone)]
pub struct Blobs {
    root: PathBuf,
}

pub fn hash(bytes: &[u8]) -> Hash {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Stores a small content in its row; larger content needs a [`BlobWriter`] first.
pub fn insert_inline(tx: &Tx<'_>, hash: &Hash, bytes: &[u8]) -> Result<(), StoreError> {
    insert(tx, hash, bytes.len() as u64, Some(bytes))
}

/// Names a content that a [`BlobWriter`] has made durable.
pub fn insert_file(tx: &Tx<'_>, hash: &Hash, size: u64) -> Result<(), StoreError> {
    insert(tx, hash, size, None)
}

fn insert(tx: &Tx<'_>, hash: &Hash, size: u64, content: Option<&[u8]>) -> Result<(), StoreError> {
    let params = [
        (":hash", hash.as_slice().into()),
        (":size", size.into()),
        (":content", content.into()),
    ];
    tx.execute(
        "INSERT INTO blob (hash, size, content) VALUES (:hash, :size, :content) ON CONFLICT (hash) DO NOTHING",
        &params,
    )
    .map(|_| ())
}

/// Size of a stored content and, when it lies in its row, the content itself.
/// A stored content: its size and, when it lies in its row, its bytes.
#[derive(Debug, PartialEq)]
pub struct Blob {
    pub size: u64,
    pub inline: Option<Vec<u8>>,
}

pub fn find(tx: &Tx<'_>, hash: &Hash) -> Result<Option<Blob>, StoreError> {
    tx.row(
        "SELECT size, content FROM blob WHERE hash = :hash",
        &[(":hash", Value::from(hash.as_slice()))],
        |row| {
            Ok(Blob {
                size: row.get::<i64>("size")? as u64,
                inline: row.get("content")?,
            })
        },
    )
}

impl Blobs {
    pub fn new(data: &Path) -> Self {
        Self { root: data.join("blobs") }
    }

    /// Starts a content of unknown hash. Blocking, as everything here.
    pub fn writer(&self) -> io::Result<BlobWriter> {
        let folder = self.root.join("tmp");
        fs::create_dir_all(&folder)?;
        let path = folder.join(random_hex(24));
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(BlobWriter {
            root: self.root.clone(),
            path,
            file,
            context: Context::new(&SHA256),
            pending: Vec::new(),
            lengths: Vec::new(),
            size: 0,
            finished: false,
        })
    }

    /// Up to `limit` bytes of a stored file from `offset` on.
    pub fn read(&self, hash: &Hash, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(path_of(&self.root, hash))?;
        let index = Index::read(&mut file)?;
        let mut out = Vec::new();
        let mut chunk = (offset / CHUNK_BYTES as u64) as usize;
        let mut skip = (offset % CHUNK_BYTES as u64) as usize;
        while out.len() < limit && chunk < index.lengths.len() {
            let plain = index.chunk(&mut file, chunk)?;
            let from = skip.min(plain.len());
            let take = (limit - out.len()).min(plain.len() - from);
            out.extend_from_slice(&plain[from..from + take]);
            chunk += 1;
            skip = 0;
        }
        Ok(out)
    }

    /// Removes a file that nothing names, unless it was written just now: whoever wrote it is about to name it.
    pub fn remove_settled(&self, hash: &Hash) -> io::Result<()> {
        let path = path_of(&self.root, hash);
        let age = fs::metadata(&path)?.modified()?.elapsed().unwrap_or_default();
        if age < SETTLED { Ok(()) } else { fs::remove_file(path) }
    }

    /// Removes what a crash left half written.
    pub fn clean(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.root.join("tmp")) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
}

struct Index {
    lengths: Vec<u32>,
}

impl Index {
    fn read(file: &mut File) -> io::Result<Self> {
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, "a blob file is malformed");
        let total = file.metadata()?.len();
        let mut footer = [0u8; 12];
        file.seek(SeekFrom::Start(total.checked_sub(12).ok_or_else(malformed)?))?;
        file.read_exact(&mut footer)?;
        let count = u64::from(u32::from_le_bytes([footer[0], footer[1], footer[2], footer[3]]));
        let start = total.checked_sub(12 + 4 * count).ok_or_else(malformed)?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = vec![0u8; 4 * count as usize];
        file.read_exact(&mut bytes)?;
        Ok(Self {
            lengths: bytes
                .chunks_exact(4)
                .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        })
    }

    fn chunk(&self, file: &mut File, number: usize) -> io::Result<Vec<u8>> {
        let start: u64 = self.lengths[..number].iter().map(|n| u64::from(*n)).sum();
        file.seek(SeekFrom::Start(start))?;
        let mut packed = vec![0u8; self.lengths[number] as usize];
        file.read_exact(&mut packed)?;
        zstd::bulk::decompress(&packed, CHUNK_BYTES)
    }
}

/// Receives a content piece by piece; what is not finished leaves no trace.
pub struct BlobWriter {
    root: PathBuf,
    path: PathBuf,
    file: File,
    context: Context,
    pending: Vec<u8>,
    lengths: Vec<u32>,
    size: u64,
    finished: bool,
}

impl BlobWriter {
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.context.update(bytes);
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            let take = (CHUNK_BYTES - self.pending.len()).min(bytes.len());
            self.pending.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if self.pending.len() == CHUNK_BYTES {
                self.flush_chunk()?;
            }
        }
        Ok(())
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Makes the content durable under its hash; name it in the database afterwards.
    pub fn finish(mut self) -> io::Result<(Hash, u64)> {
        if !self.pending.is_empty() {
            self.flush_chunk()?;
        }
        for length in &self.lengths {
            self.file.write_all(&length.to_le_bytes())?;
        }
        self.file.write_all(&(self.lengths.len() as u32).to_le_bytes())?;
        self.file.write_all(&self.size.to_le_bytes())?;
        self.file.sync_all()?;
        let hash: Hash = self.context.clone().finish().as_ref().try_into().expect("SHA-256 has 32 bytes");
        let target = path_of(&self.root, &hash);
        let folder = target.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        fs::rename(&self.path, &target)?;
        File::open(folder)?.sync_all()?;
        File::open(&self.root)?.sync_all()?;
        self.finished = true;
        Ok((hash, self.size))
    }

    fn flush_chunk(&mut self) -> io::Result<()> {
        let packed = zstd::bulk::compress(&self.pending, COMPRESSION_LEVEL)?;
        self.file.write_all(&packed)?;
        self.lengths.push(packed.len() as u32);
        self.pending.clear();
        Ok(())
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if !self.finished {
            let _leftovers_are_cleaned_at_start = fs::remove_file(&self.path);
        }
    }
}

fn path_of(root: &Path, hash: &Hash) -> PathBuf {
    let name = data_encoding::HEXLOWER.encode(hash);
    root.join(&name[..2]).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn any_range_reads_back_as_written(size in 0usize..1_200_000, offset in 0usize..1_300_000, limit in 0usize..600_000) {
            let dir = tempfile::tempdir().unwrap();
            let blobs = Blobs::new(dir.path());
            let content: Vec<u8> = (0..size).map(|n| (n * 7 % 251) as u8).collect();
            let mut writer = blobs.writer().unwrap();
            for piece in content.chunks(70_001) {
                writer.write(piece).unwrap();
            }
            let (name, stored) = writer.finish().unwrap();
            prop_assert_eq!(stored, size as u64);
            prop_assert_eq!(name, hash(&content));
            let expected = &content[offset.min(size)..(offset + limit).min(size).max(offset.min(size))];
            prop_assert_eq!(blobs.read(&name, offset as u64, limit).unwrap(), expected);
        }
    }

    #[test]
    fn an_unfinished_content_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(dir.path());
        let mut writer = blobs.writer().unwrap();
        writer.write(b"half").unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(dir.path().join("blobs/tmp")).unwrap().count(), 0);
    }
}
