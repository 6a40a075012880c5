//! The check of the log without a hub: on a data folder, a copy of a database, or an exported file.
//!
//! All calls block.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::hub::audit::chain::{Extent, KnownHead, Link, Verdict, Verifier};
use crate::hub::audit::row::Row;
use crate::hub::audit::{anchor, archive, heads, look_before, next_rows};
use crate::hub::keys::{KEY_FILE, succession_in};
use crate::hub::store::{ReadOnly, StoreError};
use crate::platform::key_file::{KeyFileError, load_seed};
use crate::platform::tls;
use crate::wire::audit::SignedHead;

/// Rows read at once.
const PAGE: usize = 2000;
/// Longest line of an export that is looked at; a row with ten thousand nodes has a quarter of it.
const MAX_LINE: u64 = 1024 * 1024;
/// Longest file that may be one head, which then need not be one line.
const MAX_HEAD: u64 = 64 * 1024;
/// An archived segment is compressed.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    #[error("`{}` cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    #[error("`{}` is no data folder, no database and no export of the audit log", .0.display())]
    NotALog(PathBuf),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("whose heads to trust is not known: give the hub's fingerprint with `--key`")]
    Key(#[from] KeyFileError),
}

/// A row as the API lists it and an export holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AuditEvent {
    pub seq: i64,
    pub at: Timestamp,
    pub request_id: String,
    /// `user:NAME`, `user:NAME/key:ID`, `local`, `node:ID`, `hub`, `anonymous` or `several`.
    pub caller: String,
    pub user_name: String,
    pub address: String,
    pub operation: String,
    pub target: String,
    pub command_id: String,
    /// `done` or `denied`.
    pub outcome: String,
    /// How many equal attempts the row stands for.
    pub repeats: i64,
    pub detail: String,
    pub node_ids: Vec<String>,
    /// Lower-case hexadecimal.
    pub hash: String,
}

impl From<Row> for AuditEvent {
    fn from(row: Row) -> Self {
        Self {
            seq: row.seq,
            at: row.at,
            request_id: row.request_id,
            caller: row.caller,
            user_name: row.user_name,
            address: row.address,
            operation: row.operation,
            target: row.target,
            command_id: row.command_id,
            outcome: row.outcome,
            repeats: row.repeats,
            detail: row.detail,
            node_ids: row.nodes,
            hash: HEXLOWER.encode(&row.hash),
        }
    }
}

impl From<AuditEvent> for Row {
    fn from(event: AuditEvent) -> Self {
        Self {
            seq: event.seq,
            at: event.at,
            request_id: event.request_id,
            caller: event.caller,
            user_name: event.user_name,
            address: event.address,
            operation: event.operation,
            target: event.target,
            command_id: event.command_id,
            outcome: event.outcome,
            repeats: event.repeats,
            detail: event.detail,
            nodes: event.node_ids,
            hash: HEXLOWER.decode(event.hash.as_bytes()).unwrap_or_default(),
        }
    }
}

/// One line of an export or of what is shipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    Event(Box<AuditEvent>),
    Head {
        #[serde(rename = "Head")]
        head: SignedHead,
    },
    Bare(SignedHead),
}

/// Checks whatever log lies at `path`. `keys` may sign heads; where there are none, a data folder's own key may, else any.
pub fn verify(path: &Path, against: Vec<KnownHead>, keys: &[String]) -> Result<Verdict, OfflineError> {
    let failed = |error| OfflineError::Read(path.to_owned(), error);
    let meta = std::fs::metadata(path).map_err(failed)?;
    if meta.is_dir() {
        return verify_folder(path, against, keys);
    }
    let mut magic = [0; 16];
    let length = File::open(path).and_then(|mut file| file.read(&mut magic)).map_err(failed)?;
    if magic[..length].starts_with(b"SQLite format 3") {
        return verify_database(path, None, against, keys);
    }
    verify_export(path, against, keys)
}

fn verify_folder(folder: &Path, mut against: Vec<KnownHead>, keys: &[String]) -> Result<Verdict, OfflineError> {
    let database = folder.join("hub.db");
    if !database.exists() {
        return Err(OfflineError::NotALog(folder.to_owned()));
    }
    against.extend(heads::read_file(folder).map(|head| KnownHead {
        head,
        source: heads::HEAD_FILE.into(),
    }));
    if !keys.is_empty() {
        let keys = heads::followed(keys.to_vec(), &succession_in(folder)?);
        return verify_database(&database, Some(folder), against, &keys);
    }
    // A key that is there and cannot be read must not make any other good enough.
    let own = load_seed(&folder.join(KEY_FILE))?;
    let own = own.map(|seed| tls::spki_fingerprint(&tls::public_key(seed.expose())));
    let own = match own {
        Some(present) => heads::trusted_keys(present, &succession_in(folder)?),
        None => Vec::new(),
    };
    verify_database(&database, Some(folder), against, &own)
}

/// `folder` is the data folder that the database lies in, if it lies in one.
fn verify_database(path: &Path, folder: Option<&Path>, against: Vec<KnownHead>, keys: &[String]) -> Result<Verdict, OfflineError> {
    let database = ReadOnly::open(path)?;
    let (start, known, before) = database.read(|tx| Ok::<_, StoreError>((anchor(tx)?, heads::known(tx, 0)?, look_before(tx, keys)?)))?;
    let mut verifier = Verifier::new(start, known.into_iter().chain(against).collect(), keys);
    verifier.add(before);
    if let Some(folder) = folder {
        verifier.add(archive::changed_files(folder, &database.read(archive::segments)?));
    }
    // One by one after an error, to find the row that cannot be read.
    let mut page = PAGE;
    loop {
        let after = verifier.link().seq;
        match database.read(|tx| next_rows(tx, after, page, keys)) {
            Ok((archived, rows)) => {
                if let Some(anchor) = archived {
                    verifier.skip_to(anchor);
                }
                if rows.is_empty() {
                    break;
                }
                rows.iter().for_each(|row| verifier.push(row));
            }
            Err(_) if page > 1 => page = 1,
            Err(error) => {
                verifier.break_off(&error.to_string());
                break;
            }
        }
    }
    let extent = if verifier.is_broken_off() { Extent::Part } else { Extent::Whole };
    Ok(verifier.finish(extent))
}

/// An export begins where it begins: its first row must only fit to what follows and to the heads.
fn verify_export(path: &Path, against: Vec<KnownHead>, keys: &[String]) -> Result<Verdict, OfflineError> {
    let failed = |error| OfflineError::Read(path.to_owned(), error);
    let mut known = against;
    let mut first = None;
    for line in lines(path).map_err(failed)? {
        match line.map_err(failed)? {
            Some(Line::Event(event)) => first = first.or(Some(Row::from(*event))),
            Some(Line::Head { head } | Line::Bare(head)) => known.push(KnownHead {
                head,
                source: path.display().to_string(),
            }),
            None => {}
        }
    }
    let first = first.ok_or_else(|| OfflineError::NotALog(path.to_owned()))?;
    let mut verifier = Verifier::new(Link::START, known, keys);
    if first.seq > 1 {
        verifier.begin_with(&first);
    }
    let skipped = usize::from(first.seq > 1);
    let mut rows = 0;
    let mut seen = Seen::default();
    for line in lines(path).map_err(failed)? {
        match line.map_err(failed)? {
            Some(Line::Event(event)) => {
                rows += 1;
                let row = Row::from(*event);
                if rows > skipped && !seen.repeats(&row) {
                    verifier.push(&row);
                }
                seen.note(row);
            }
            Some(_) => {}
            None => {
                verifier.break_off("a line that is no row");
                break;
            }
        }
    }
    Ok(verifier.finish(Extent::Copy))
}

/// The rows read last, as they were read: what is shipped comes at least once, so a number of lines may stand there again.
#[derive(Default)]
struct Seen(VecDeque<Row>);

impl Seen {
    /// Longer than whatever is shipped at once.
    const MOST: usize = 2000;

    fn repeats(&self, row: &Row) -> bool {
        let newest = self.0.back().map_or(0, |last| last.seq);
        row.seq <= newest && self.0.iter().rev().any(|seen| seen == row)
    }

    fn note(&mut self, row: Row) {
        if self.0.back().is_some_and(|last| row.seq <= last.seq) {
            return;
        }
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back(row);
    }
}

/// Each line as what it is; `None` for one that is nothing of ours.
fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Option<Line>>>> {
    let mut magic = [0; 4];
    let length = File::open(path)?.read(&mut magic)?;
    let file = File::open(path)?;
    let mut reader: Box<dyn BufRead> = match magic[..length] == ZSTD_MAGIC {
        true => Box::new(BufReader::new(zstd::Decoder::new(file)?)),
        false => Box::new(BufReader::new(file)),
    };
    Ok(std::iter::from_fn(move || {
        let mut line = Vec::new();
        match (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => Some(Ok(serde_json::from_slice(&line).ok())),
            Err(error) => Some(Err(error)),
        }
    }))
}

/// The heads in a file that was kept elsewhere: one head, or lines of what was shipped.
pub fn heads_of(path: &Path) -> Result<Vec<KnownHead>, OfflineError> {
    let failed = |error| OfflineError::Read(path.to_owned(), error);
    let source = path.display().to_string();
    let mut whole = Vec::new();
    if std::fs::metadata(path).map_err(failed)?.len() <= MAX_HEAD {
        whole = std::fs::read(path).map_err(failed)?;
    }
    if let Ok(Line::Head { head } | Line::Bare(head)) = serde_json::from_slice(&whole) {
        return Ok(vec![KnownHead { head, source }]);
    }
    let mut found = Vec::new();
    for line in lines(path).map_err(failed)? {
        if let Some(Line::Head { head } | Line::Bare(head)) = line.map_err(failed)? {
            let source = source.clone();
            found.push(KnownHead { head, source });
        }
    }
    match found.is_empty() {
        true => Err(OfflineError::NotALog(path.to_owned())),
        false => Ok(found),
    }
}
