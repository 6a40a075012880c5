//! Moves secrets to the newest version of their key, some at a time, while everything else goes on.
//!
//! Rows say what is left (`ListSecretKeys` counts it); a crash in between loses nothing. A version that nothing is sealed
//! under any more is destroyed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::base::ApiResult;
use crate::hub::api::Services;
use crate::hub::capabilities::parameters::sealing::{KeyRing, Sealer, place_of};
use crate::hub::events::Event;
use crate::hub::jobs::Job;
use crate::hub::store::{StoreError, Tx};
use crate::model::parameter::ParameterKey;

/// Few enough that callers' writes in the same commit do not notice.
const BATCH: i64 = 100;

pub fn job() -> Job<Arc<Services>> {
    Job {
        name: "secret re-key",
        period: Duration::from_secs(60),
        wakes: |event| matches!(event, Event::SecretKeyRotated),
        tick: |services| rewrap_all(services).boxed(),
    }
}

async fn rewrap_all(services: Arc<Services>) {
    let mut moved = 0;
    loop {
        match rewrap_some(&services).await {
            Ok(0) => break,
            Ok(count) => moved += count,
            Err(error) => {
                tracing::error!(error = %error, "secrets could not be moved to the newest version of their key");
                return;
            }
        }
    }
    if moved > 0 {
        tracing::info!(moved, "secrets were moved to the newest version of their key");
        if let Err(error) = services.write(destroy_unused(services.state())).await {
            tracing::error!(error = %error, "old key versions could not be destroyed");
        }
    }
}

async fn rewrap_some(services: &Services) -> ApiResult<usize> {
    let sealer = Sealer::of(services);
    services
        .write(move |tx| {
            let found = sql::outdated(tx)?;
            for one in &found {
                let place = place_of(&one.key, one.version);
                let moved = sealer.rewrap(tx, &place, &one.value, one.sealed_by, one.newest)?;
                sql::replace(tx, one, &moved.text)?;
            }
            Ok(found.len())
        })
        .await
}

fn destroy_unused(ring: Arc<KeyRing>) -> impl FnOnce(&Tx<'_>) -> ApiResult<()> + Send {
    move |tx| {
        for version in sql::destroy_unused(tx)? {
            ring.forget(version);
        }
        Ok(())
    }
}

struct Outdated {
    key: ParameterKey,
    version: i64,
    value: String,
    sealed_by: i64,
    newest: i64,
}

mod sql {
    use super::*;

    pub fn outdated(tx: &Tx<'_>) -> Result<Vec<Outdated>, StoreError> {
        const SQL: &str = "SELECT p.key, p.version, p.value, p.sealed_by,
                (SELECT max(n.id) FROM secret_key_version n WHERE n.key_id = old.key_id) AS newest
             FROM secret_key_version old JOIN parameter_version p ON p.sealed_by = old.id
             WHERE EXISTS (SELECT 1 FROM secret_key_version n WHERE n.key_id = old.key_id AND n.id > old.id)
             LIMIT :limit";
        tx.rows(SQL, &[(":limit", BATCH.into())], |row| {
            Ok(Outdated {
                key: ParameterKey::from_row(row.get("key")?),
                version: row.get("version")?,
                value: row.get("value")?,
                sealed_by: row.get("sealed_by")?,
                newest: row.get("newest")?,
            })
        })
    }

    pub fn replace(tx: &Tx<'_>, one: &Outdated, value: &str) -> Result<(), StoreError> {
        let params = [
            (":key", one.key.as_str().into()),
            (":version", one.version.into()),
            (":value", value.into()),
            (":newest", one.newest.into()),
        ];
        tx.execute(
            "UPDATE parameter_version SET value = :value, sealed_by = :newest WHERE key = :key AND version = :version",
            &params,
        )
        .map(|_| ())
    }

    pub fn destroy_unused(tx: &Tx<'_>) -> Result<Vec<i64>, StoreError> {
        const SQL: &str = "DELETE FROM secret_key_version AS old
             WHERE EXISTS (SELECT 1 FROM secret_key_version n WHERE n.key_id = old.key_id AND n.id > old.id)
               AND NOT EXISTS (SELECT 1 FROM parameter_version p WHERE p.sealed_by = old.id)
             RETURNING id";
        tx.rows(SQL, &[], |row| row.get("id"))
    }
}
