//! Opening: check, migrate, set the connection up.

use std::ffi::c_int;
use std::path::Path;
use std::sync::Once;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ffi};

use crate::hub::store::{StoreError, Tx};

/// What the writer may keep of the database in memory; it grows to that only as pages are used.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// Numbered, forward-only, immutable once released. The position in this list is the schema version.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_access.sql"),
    include_str!("migrations/0002_nodes.sql"),
    include_str!("migrations/0003_commands.sql"),
    include_str!("migrations/0004_sessions.sql"),
    include_str!("migrations/0005_rights.sql"),
    include_str!("migrations/0006_audit.sql"),
    include_str!("migrations/0007_login.sql"),
    include_str!("migrations/0008_trust.sql"),
    include_str!("migrations/0009_parameters.sql"),
    include_str!("migrations/0010_documents.sql"),
    include_str!("migrations/0011_tags.sql"),
    include_str!("migrations/0012_node_parameters.sql"),
    include_str!("migrations/0013_logins.sql"),
    include_str!("migrations/0014_rate.sql"),
    include_str!("migrations/0015_notifications.sql"),
    include_str!("migrations/0016_logs.sql"),
    include_str!("migrations/0017_object_stores.sql"),
    include_str!("migrations/0018_session_work.sql"),
    include_str!("migrations/0019_audit_requests.sql"),
    include_str!("migrations/0020_audit_filing.sql"),
    include_str!("migrations/0021_library_tags.sql"),
    include_str!("migrations/0022_live_logs.sql"),
    include_str!("migrations/0023_recovery_rule.sql"),
];

/// The writer's connection and the readers'.
pub(super) fn connections(path: &Path, readers: usize) -> Result<(Connection, Vec<Connection>), StoreError> {
    let open = |flags| {
        connection(path, flags).map_err(|source| StoreError::Open {
            path: path.display().to_string(),
            source: source.into(),
        })
    };
    let writer = open(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    check(&writer, path)?;
    migrate(&writer, path)?;
    let readers = (0..readers)
        .map(|_| open(OpenFlags::SQLITE_OPEN_READ_ONLY))
        .collect::<Result<_, _>>()?;
    Ok((writer, readers))
}

/// SQLite counts the memory it takes under one lock for all threads, unless it is told not to before its first use; readers
/// were seen to wait for that lock more than for anything else. Nobody asks for the count.
fn do_not_count_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Nothing of the library runs yet in a hub; where something does it refuses, and goes on counting.
        let code = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, 0 as c_int) };
        if code != ffi::SQLITE_OK {
            tracing::debug!(code, "the database library goes on counting its memory");
        }
    });
}

fn connection(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    do_not_count_memory();
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Plans do not depend on the values bound. Without it a cached statement is compiled anew at each use, because another value
    // might have another plan; that was seen to cost several times what a lookup does.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        connection.pragma_update(None, "journal_mode", "wal")?;
        // FULL: a power cut loses nothing that was acknowledged; NORMAL was seen to lose 10-40 % of it.
        connection.pragma_update(None, "synchronous", "full")?;
        // The default of 2 MB keeps less than the inner pages of a large table's indexes.
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        // A checkpoint costs two syncs of its own; the pages that every commit writes again are then copied once for more of them.
        connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    }
    Ok(connection)
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|e| StoreError::Damaged {
            path: path.display().to_string(),
            detail: e.to_string(),
        })?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged {
        path: path.display().to_string(),
        detail: verdict,
    })
}

fn migrate(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::TooNew {
            path: path.display().to_string(),
            found,
            known,
        });
    }
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        connection.execute_batch(&format!("BEGIN IMMEDIATE; {sql}; PRAGMA user_version = {}; COMMIT;", index + 1))?;
        tracing::info!(version = index + 1, "database migrated");
    }
    Ok(())
}

/// A database that is only looked at: a hub's own while it runs or not, or a copy of one.
pub struct ReadOnly {
    connection: Connection,
}

impl ReadOnly {
    /// Blocking. A copy on a medium that cannot be written to is read as it lies there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |source: rusqlite::Error| StoreError::Open {
            path: path.display().to_string(),
            source: source.into(),
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let usual = connection(path, flags).and_then(readable);
        let opened = usual.or_else(|error| match immutable(path) {
            Some(uri) => Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI).and_then(readable),
            None => Err(error),
        });
        Ok(Self {
            connection: opened.map_err(failed)?,
        })
    }

    /// Runs `work` on one snapshot. Blocking.
    pub fn read<T, E: From<StoreError>>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.connection.execute_batch("BEGIN DEFERRED").map_err(StoreError::from)?;
        let result = work(&Tx::new(&self.connection));
        self.connection.execute_batch("ROLLBACK").map_err(StoreError::from)?;
        result
    }
}

fn readable(connection: Connection) -> rusqlite::Result<Connection> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

/// SQLite's name for a file that nobody changes; only where no log beside it holds newer rows.
fn immutable(path: &Path) -> Option<String> {
    let log = path.with_file_name(format!("{}-wal", path.file_name()?.to_str()?));
    let has_log = log.metadata().is_ok_and(|m| m.len() > 0);
    let is_plain = path.to_str()?.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
    (!has_log && is_plain).then(|| format!("file:{}?immutable=1", path.display()))
}

/// The schema as SQLite prints it, for the golden file.
pub fn schema() -> Result<String, StoreError> {
    let connection = Connection::open_in_memory()?;
    migrate(&connection, Path::new(":memory:"))?;
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name")?;
    let parts = statement
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(parts.join(";\n\n") + ";\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lookup_is_compiled_once_whatever_is_bound() {
        let dir = tempfile::tempdir().unwrap();
        let (writer, _) = connections(&dir.path().join("hub.db"), 0).unwrap();
        let sql = "SELECT v.value FROM parameter JOIN parameter_version v ON v.key = parameter.key AND v.version = parameter.version
                   WHERE parameter.key = ?1";
        for key in ["/a", "/b", "/c"] {
            let mut statement = writer.prepare_cached(sql).unwrap();
            assert!(!statement.exists([key]).unwrap());
            assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0, "{key}");
        }
    }

    #[test]
    fn a_database_of_a_newer_build_is_refused_with_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub.db");
        connections(&path, 1).unwrap();
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 9999).unwrap();
        let refused = connections(&path, 1).err().unwrap().to_string();
        assert!(refused.contains("newer Roadstead"), "{refused}");
    }

    #[test]
    fn tags_that_the_library_once_took_are_gone_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let (writer, _) = connections(&dir.path().join("hub.db"), 0).unwrap();
        let filled = "INSERT INTO document (name, type, owner, default_version, latest_version, last_version, created_at)
                      VALUES ('AWS-X', 'Command', 'Amazon', 1, 1, 1, 0), ('Mine', 'Command', '', 1, 1, 1, 0);
                      INSERT INTO tag (kind, id, key, value)
                      VALUES ('Document', 'AWS-X', 'a', 'b'), ('Document', 'Mine', 'a', 'b'), ('Parameter', 'AWS-X', 'a', 'b')";
        writer.execute_batch(filled).unwrap();
        writer.execute_batch(include_str!("migrations/0021_library_tags.sql")).unwrap();
        let mut statement = writer.prepare("SELECT kind || ' ' || id FROM tag ORDER BY 1").unwrap();
        let left: rusqlite::Result<Vec<String>> = statement.query_map([], |row| row.get(0)).unwrap().collect();
        assert_eq!(left.unwrap(), ["Document Mine", "Parameter AWS-X"]);
    }

    #[test]
    fn a_damaged_database_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub.db");
        std::fs::write(&path, vec![7u8; 8192]).unwrap();
        assert!(connections(&path, 1).is_err());
    }
}
