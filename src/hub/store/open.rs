//! Opening: check, migrate, set the connection up.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::hub::store::StoreError;

/// Numbered, forward-only, immutable once released. The position in this list is the schema version.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_access.sql"),
    include_str!("migrations/0002_nodes.sql"),
    include_str!("migrations/0003_commands.sql"),
    include_str!("migrations/0004_sessions.sql"),
    include_str!("migrations/0005_rights.sql"),
    include_str!("migrations/0007_login.sql"),
    include_str!("migrations/0008_trust.sql"),
    include_str!("migrations/0009_parameters.sql"),
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

fn connection(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        connection.pragma_update(None, "journal_mode", "wal")?;
        // FULL: a power cut loses nothing that was acknowledged; NORMAL was seen to lose 10-40 % of it.
        connection.pragma_update(None, "synchronous", "full")?;
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
    fn a_database_of_a_newer_build_is_refused_with_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub.db");
        connections(&path, 1).unwrap();
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 9999).unwrap();
        let refused = connections(&path, 1).err().unwrap().to_string();
        assert!(refused.contains("newer Roadstead"), "{refused}");
    }

    #[test]
    fn a_damaged_database_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub.db");
        std::fs::write(&path, vec![7u8; 8192]).unwrap();
        assert!(connections(&path, 1).is_err());
    }
}
