//! Old commands go after a while, and then the contents that nothing names any more.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::base::{ApiResult, Timestamp};
use crate::hub::api::Services;
use crate::hub::jobs::Job;
use crate::hub::store::blobs::{Blobs, Hash};
use crate::hub::store::{StoreError, Tx};

/// Upstream's time, too.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Commands or contents removed in one write, so that others get their turn.
const BATCH: i64 = 200;

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "command retention",
        period: Duration::from_secs(3600),
        wakes: |_| false,
        tick: |services| run(services).boxed(),
    }
}

async fn run(services: Arc<Services>) {
    if !services.ages_are_certain() {
        return;
    }
    if let Err(error) = tick(&services, services.now()).await {
        tracing::error!(error = %error, "old commands could not be removed");
    }
}

/// Removes what is older than [`KEPT`] and has ended, batch by batch.
pub async fn tick(services: &Services, now: Timestamp) -> ApiResult<()> {
    while services.write(move |tx| Ok(sql::remove_commands(tx, now - KEPT)?)).await? > 0 {}
    loop {
        let blobs = services.blobs.clone();
        let removed = services
            .write(move |tx| {
                let orphans = sql::remove_orphans(tx)?;
                let files: Vec<Hash> = orphans
                    .iter()
                    .filter(|(_, is_file)| *is_file)
                    .filter_map(|(hash, _)| hash.as_slice().try_into().ok())
                    .collect();
                tx.after_commit(move || remove_files(&blobs, &files));
                Ok(orphans.len())
            })
            .await?;
        if removed == 0 {
            return Ok(());
        }
    }
}

fn remove_files(blobs: &Blobs, hashes: &[Hash]) {
    for hash in hashes {
        if let Err(error) = blobs.remove_settled(hash) {
            tracing::warn!(error = %error, "a blob file that nothing names could not be removed");
        }
    }
}

mod sql {
    use super::*;

    pub fn remove_commands(tx: &Tx<'_>, before: Timestamp) -> Result<usize, StoreError> {
        let sql = "DELETE FROM command WHERE id IN
                     (SELECT id FROM command WHERE requested_at < :before AND completed_count >= target_count ORDER BY requested_at LIMIT :batch)";
        tx.execute(sql, &[(":before", before.into()), (":batch", BATCH.into())])
    }

    /// The hashes removed, and whether each lay in a file.
    pub fn remove_orphans(tx: &Tx<'_>) -> Result<Vec<(Vec<u8>, bool)>, StoreError> {
        let sql = "DELETE FROM blob WHERE hash IN
                     (SELECT b.hash FROM blob b WHERE NOT EXISTS (SELECT 1 FROM step_output o WHERE o.hash = b.hash)
                        AND NOT EXISTS (SELECT 1 FROM document_attachment a WHERE a.hash = b.hash) LIMIT :batch)
                   RETURNING hash, content IS NULL AS is_file";
        tx.rows(sql, &[(":batch", BATCH.into())], |row| Ok((row.get("hash")?, row.get("is_file")?)))
    }
}
