//! Archived rows: the oldest ones leave the database for a compressed file, and the chain goes on from a signed place.
//!
//! ```text
//! DATA/audit/segments/audit-000000000001-000000020000.jsonl.zst     rows as an export has them
//! audit_segment                                                     numbers, last hash, the file's hash, all signed
//! ```
//!
//! The signature is made for its own purpose: a head, which covers rows too, cannot be passed off as an archived segment in
//! order to delete what it covers.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use crate::base::Timestamp;
use crate::hub::audit::Keeper;
use crate::hub::audit::chain::{Finding, Link, Problem};
use crate::hub::audit::heads::FOLDER;
use crate::hub::audit::offline::AuditEvent;
use crate::hub::audit::row::{Hash, Row};
use crate::hub::store::{StoreError, Tx};
use crate::platform::{files, tls};
use crate::wire::warrant;

const CONTEXT: &[u8] = b"roadstead audit segment v1\0";
pub const SEGMENTS: &str = "segments";
/// Rows of one file: their deletion is one write that others wait for.
pub const SEGMENT_ROWS: usize = 20_000;
const LEVEL: i32 = 9;

/// A file of archived rows, as the database remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub first_seq: i64,
    pub last_seq: i64,
    /// Of the last row.
    pub hash: Hash,
    pub at: Timestamp,
    /// Its name in the folder of segments.
    pub file: String,
    pub file_hash: Hash,
    pub key: Vec<u8>,
    pub signature: Vec<u8>,
}

impl Keeper {
    /// Writes rows into a file, durably, and signs what it is. Blocking.
    pub fn write_segment(&self, rows: &[Row], end: Link, at: Timestamp) -> io::Result<Segment> {
        let first_seq = rows.first().map_or(end.seq, |row| row.seq);
        let file = file_name(first_seq, end.seq);
        let folder = files::Directory::create_private(&self.data.join(FOLDER).join(SEGMENTS))?;
        let temporary = format!("{file}.new");
        folder.remove(&temporary)?;
        let written = folder.create_file(&temporary, 0o600)?;
        compress(rows, &written)?;
        written.sync_all()?;
        folder.rename(&temporary, &file)?;
        folder.sync()?;
        let file_hash = hash_file(&self.data.join(FOLDER).join(SEGMENTS).join(&file))?;
        let message = message(first_seq, end.seq, &end.hash, &file_hash);
        let signer = self.keys.signer();
        Ok(Segment {
            first_seq,
            last_seq: end.seq,
            hash: end.hash,
            at,
            file,
            file_hash,
            key: signer.public().to_vec(),
            signature: signer.sign(&message).to_vec(),
        })
    }
}

impl Segment {
    /// Fingerprint of the key that it names.
    fn signer(&self) -> String {
        tls::fingerprint_of(&<[u8; 32]>::try_from(self.key.as_slice()).unwrap_or_default())
    }

    /// `keys` are the fingerprints that may sign; none at all means any key.
    fn is_signed_by(&self, keys: &[String]) -> bool {
        (keys.is_empty() || keys.contains(&self.signer())) && self.is_genuine()
    }

    fn is_genuine(&self) -> bool {
        let message = message(self.first_seq, self.last_seq, &self.hash, &self.file_hash);
        let key = <[u8; 32]>::try_from(self.key.as_slice());
        key.is_ok_and(|key| warrant::is_signed_by(&key, &message, &self.signature))
    }
}

fn file_name(first_seq: i64, last_seq: i64) -> String {
    format!("audit-{first_seq:012}-{last_seq:012}.jsonl.zst")
}

fn compress(rows: &[Row], file: &File) -> io::Result<()> {
    let mut encoder = zstd::Encoder::new(BufWriter::new(file), LEVEL)?;
    for row in rows {
        serde_json::to_writer(&mut encoder, &AuditEvent::from(row.clone())).map_err(io::Error::other)?;
        encoder.write_all(b"\n")?;
    }
    encoder.finish()?.flush()
}

/// SHA-256 of a file's content. Blocking.
pub fn hash_file(path: &Path) -> io::Result<Hash> {
    let mut digest = Context::new(&SHA256);
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match io::Read::read(&mut file, &mut buffer)? {
            0 => break,
            read => digest.update(&buffer[..read]),
        }
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.finish().as_ref());
    Ok(hash)
}

fn message(first: i64, last: i64, hash: &Hash, file_hash: &Hash) -> Vec<u8> {
    [CONTEXT, &first.to_be_bytes()[..], &last.to_be_bytes(), hash, file_hash].concat()
}

/// Notes a segment and takes its rows out, unless somebody else did so meanwhile.
pub fn take_out(tx: &Tx<'_>, segment: &Segment) -> Result<bool, StoreError> {
    if super::anchor(tx)?.seq + 1 != segment.first_seq {
        return Ok(false);
    }
    sql::insert(tx, segment)?;
    sql::delete_rows(tx, segment.last_seq)?;
    Ok(true)
}

/// Every archived segment, oldest first.
pub fn segments(tx: &Tx<'_>) -> Result<Vec<Segment>, StoreError> {
    sql::segments(tx)
}

/// Whether the newest segment is signed by one of `keys`: the rows up to its end were archived by a hub that has one.
pub fn is_signed(tx: &Tx<'_>, keys: &[String]) -> Result<bool, StoreError> {
    Ok(sql::segments(tx)?.last().is_none_or(|segment| segment.is_signed_by(keys)))
}

/// Segments whose signature does not fit or that leave a hole between them: rows were deleted under their cover.
pub fn forged_segment(tx: &Tx<'_>, keys: &[String]) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    let mut next = 1;
    for segment in sql::segments(tx)? {
        if segment.first_seq != next || !segment.is_signed_by(keys) {
            findings.push(Finding {
                seq: next,
                problem: Problem::Missing,
                expected: format!("row {next}, or a signed archive that begins with it"),
                found: format!(
                    "an archive of rows {} to {} signed by {}",
                    segment.first_seq,
                    segment.last_seq,
                    segment.signer()
                ),
                source: segment.file.clone(),
            });
        }
        next = segment.last_seq + 1;
    }
    Ok(findings)
}

/// Archived files in a data folder that are not what was signed. One that was moved away is the operator's. Blocking.
pub fn changed_files(data: &Path, segments: &[Segment]) -> Vec<Finding> {
    let folder = data.join(FOLDER).join(SEGMENTS);
    let mut findings = Vec::new();
    for segment in segments {
        // The name in the database is not signed; the numbers are.
        let file = file_name(segment.first_seq, segment.last_seq);
        let (problem, found) = match hash_file(&folder.join(&file)) {
            Ok(hash) if hash == segment.file_hash => continue,
            Ok(hash) => (Problem::Changed, hex(&hash)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => (Problem::Unreadable, error.to_string()),
        };
        findings.push(Finding {
            seq: segment.first_seq,
            problem,
            expected: hex(&segment.file_hash),
            found,
            source: file,
        });
    }
    findings
}

/// The hexadecimal spelling of a segment's file hash, as `sha256sum` prints it.
pub fn hex(hash: &Hash) -> String {
    HEXLOWER.encode(hash)
}

mod sql {
    use super::*;

    pub fn insert(tx: &Tx<'_>, segment: &Segment) -> Result<(), StoreError> {
        let params = [
            (":first_seq", segment.first_seq.into()),
            (":last_seq", segment.last_seq.into()),
            (":hash", segment.hash.as_slice().into()),
            (":at", segment.at.into()),
            (":file", (&segment.file).into()),
            (":file_hash", segment.file_hash.as_slice().into()),
            (":key", segment.key.as_slice().into()),
            (":signature", segment.signature.as_slice().into()),
        ];
        let sql = "INSERT INTO audit_segment (first_seq, last_seq, hash, at, file, file_hash, key, signature)
                   VALUES (:first_seq, :last_seq, :hash, :at, :file, :file_hash, :key, :signature)";
        tx.execute(sql, &params).map(|_| ())
    }

    pub fn delete_rows(tx: &Tx<'_>, last: i64) -> Result<(), StoreError> {
        let last = [(":last", last.into())];
        tx.execute("DELETE FROM audit_node WHERE seq <= :last", &last)?;
        tx.execute("DELETE FROM audit_head WHERE seq <= :last", &last)?;
        tx.execute("DELETE FROM audit WHERE seq <= :last", &last)?;
        Ok(())
    }

    pub fn segments(tx: &Tx<'_>) -> Result<Vec<Segment>, StoreError> {
        let sql = "SELECT first_seq, last_seq, hash, at, file, file_hash, key, signature FROM audit_segment ORDER BY last_seq";
        tx.rows(sql, &[], |row| {
            let hash = |column: &str| {
                let bytes: Vec<u8> = row.get(column)?;
                Ok::<_, StoreError>(Hash::try_from(bytes.as_slice()).unwrap_or_default())
            };
            Ok(Segment {
                first_seq: row.get("first_seq")?,
                last_seq: row.get("last_seq")?,
                hash: hash("hash")?,
                at: row.get("at")?,
                file: row.get("file")?,
                file_hash: hash("file_hash")?,
                key: row.get("key")?,
                signature: row.get("signature")?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::audit::Entry;
    use crate::hub::keys::HubKeys;
    use crate::hub::store::Notes;

    #[test]
    fn a_file_that_was_changed_is_found_and_one_that_was_moved_is_not_missed() {
        let dir = tempfile::tempdir().unwrap();
        let keeper = Keeper::new(HubKeys::of_seed(&[1; 32]), dir.path().to_owned());
        let at = Timestamp::from_millis(1);
        let entry = Entry::by_hub(at, "roadstead:Test", "hub".into(), String::new());
        let row = Row::new(1, &Link::START.hash, entry, Notes::default(), 1);
        let end = Link {
            seq: 1,
            hash: row.hash.clone().try_into().unwrap(),
        };
        let segment = keeper.write_segment(&[row], end, at).unwrap();
        assert!(segment.is_signed_by(&keeper.fingerprints()) && !segment.is_signed_by(&["00".into()]));
        let segments = [segment];
        assert!(changed_files(dir.path(), &segments).is_empty());
        let file = dir.path().join(FOLDER).join(SEGMENTS).join(&segments[0].file);
        std::fs::write(&file, "another").unwrap();
        assert_eq!(changed_files(dir.path(), &segments)[0].problem, Problem::Changed);
        std::fs::remove_file(&file).unwrap();
        assert!(changed_files(dir.path(), &segments).is_empty());
    }
}
