//! Rows are put into the log's indexes many at a time.
//!
//! One row alone would touch a page of every index, and each page that a commit touched is written whole. So a row is added
//! without them, and every [`BATCH`]th files those since the last batch, in its own transaction. A search looks through both
//! kinds: the filed ones by index, and the few that are not yet, one by one.
//!
//! *Invariant*: of the rows up to the last multiple of [`BATCH`] all are filed. One that is not was tampered with to hide it from
//! searches, which [`hidden`] finds.

use crate::hub::store::{StoreError, Tx};

/// Rows that are filed together. The SQL below and the migration that marks older rows say it, too.
const BATCH: i64 = 256;

/// Which rows a search reads: its condition.
pub const FILED: &str = "audit.filed = 1";
pub const RECENT: &str = "audit.filed = 0 AND audit.seq > (SELECT max(seq) - max(seq) % 256 FROM audit)";

/// To be called for each row that was added.
pub fn added(tx: &Tx<'_>, seq: i64) -> Result<(), StoreError> {
    match seq % BATCH {
        0 => sql::file(tx, seq - BATCH + 1, seq),
        _ => Ok(()),
    }
}

/// The first row after `anchor` that ought to be filed and is not.
pub fn hidden(tx: &Tx<'_>, anchor: i64, last: i64) -> Result<Option<i64>, StoreError> {
    let until = last - last % BATCH;
    // Counted from an index, which is much shorter than the rows; they are looked through only when some are missing.
    match until - anchor == sql::count_filed(tx, until)? {
        true => Ok(None),
        false => sql::first_unfiled(tx, until),
    }
}

mod sql {
    use super::*;

    pub fn file(tx: &Tx<'_>, first: i64, last: i64) -> Result<(), StoreError> {
        let params = [(":first", first.into()), (":last", last.into())];
        let sql = "UPDATE audit SET filed = 1 WHERE seq BETWEEN :first AND :last AND filed = 0";
        tx.execute(sql, &params).map(drop)
    }

    pub fn count_filed(tx: &Tx<'_>, until: i64) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) AS rows FROM audit INDEXED BY audit_by_time WHERE filed = 1 AND seq <= :until";
        let rows = tx.row(sql, &[(":until", until.into())], |row| row.get("rows"))?;
        Ok(rows.unwrap_or_default())
    }

    pub fn first_unfiled(tx: &Tx<'_>, until: i64) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT seq FROM audit WHERE filed <> 1 AND seq <= :until ORDER BY seq LIMIT 1";
        tx.row(sql, &[(":until", until.into())], |row| row.get("seq"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::hub::audit::{Entry, last, record};
    use crate::hub::store::{Select, Store};

    async fn filled(rows: i64) -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let write = store.write(move |tx| {
            for at in 0..rows {
                record(
                    tx,
                    Entry::by_hub(Timestamp::from_millis(at), "roadstead:Test", "hub".into(), String::new()),
                );
            }
            Ok(())
        });
        write.await.map_err(|e: StoreError| e).unwrap();
        (dir, store)
    }

    async fn found(store: &Store, condition: &'static str) -> Vec<i64> {
        let select = Select::new("SELECT seq FROM audit").and(condition, []).order("seq");
        let rows = store.read(move |tx| select.rows(tx, |row| row.get("seq"))).await;
        rows.map_err(|e: StoreError| e).unwrap()
    }

    async fn hidden_row(store: &Store) -> Option<i64> {
        let hidden = store.read(|tx| hidden(tx, 0, last(tx)?.seq)).await;
        hidden.map_err(|e: StoreError| e).unwrap()
    }

    #[tokio::test]
    async fn each_row_is_filed_or_recent_and_never_both() {
        for rows in [0, 1, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH + 7] {
            let (_dir, store) = filled(rows).await;
            let filed = rows - rows % BATCH;
            assert_eq!(found(&store, FILED).await, (1..=filed).collect::<Vec<_>>(), "{rows}");
            assert_eq!(found(&store, RECENT).await, (filed + 1..=rows).collect::<Vec<_>>(), "{rows}");
            assert_eq!(hidden_row(&store).await, None, "{rows}");
        }
    }

    #[tokio::test]
    async fn a_row_that_was_hidden_from_searches_is_found() {
        let (_dir, store) = filled(2 * BATCH).await;
        let hide = store.write(|tx| tx.execute("UPDATE audit SET filed = 0 WHERE seq = 300", &[]));
        hide.await.map_err(|e: StoreError| e).unwrap();
        assert_eq!(hidden_row(&store).await, Some(300));
    }
}
