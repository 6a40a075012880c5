//! This node as a witness of the hub's audit log: it keeps the newest signed head that the hub gave it, and hands it back.
//!
//! *Invariant*: a head is never replaced by one that reaches less far. So whoever cuts the log at the hub would have to reach
//! every node that was given a head, too. `witness.json` is small, and losing it costs one witness.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::platform::files::{Directory, Durability};
use crate::wire::audit::SignedHead;

const FILE: &str = "witness.json";
const MAX_BYTES: u64 = 4096;

/// What this node has seen.
pub struct Witness {
    folder: PathBuf,
    kept: Mutex<Option<SignedHead>>,
}

/// What a head that the hub gives is, beside what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It reaches further; it is kept from now on.
    Newer,
    /// Known already.
    Same,
    /// Its signature does not fit.
    Forged,
    /// The log reaches less far than it did, or says something else: the hub must be shown what is kept.
    Contradicts(SignedHead),
}

impl Witness {
    /// Blocking, once. A file that cannot be read counts as none.
    pub fn open(folder: &Path) -> Self {
        let kept = Directory::open(folder).and_then(|folder| folder.read(FILE, MAX_BYTES)).ok();
        Self {
            folder: folder.to_owned(),
            kept: Mutex::new(kept.and_then(|text| serde_json::from_slice(&text).ok())),
        }
    }

    /// The head to hand back to the hub.
    pub fn kept(&self) -> Option<SignedHead> {
        self.lock().clone()
    }

    /// Judges a head and keeps it if it is newer. It came over the line, so that whoever gave it is the hub.
    pub async fn see(&self, head: SignedHead) -> Seen {
        if !head.is_genuine() {
            return Seen::Forged;
        }
        let seen = compare(self.kept(), &head);
        if seen == Seen::Newer {
            *self.lock() = Some(head.clone());
            self.store(head).await;
        }
        seen
    }

    async fn store(&self, head: SignedHead) {
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || {
            let text = serde_json::to_vec(&head).map_err(std::io::Error::other)?;
            Directory::open(&folder)?.replace(FILE, &text, 0o600, Durability::Cached)
        });
        if let Ok(Err(error)) = written.await {
            tracing::warn!(error = %error, "the head of the hub's audit log could not be kept");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<SignedHead>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn compare(kept: Option<SignedHead>, head: &SignedHead) -> Seen {
    match kept {
        None => Seen::Newer,
        // The hub has another key now, or the node another hub.
        Some(kept) if head.key != kept.key => Seen::Newer,
        Some(kept) if head.seq > kept.seq => Seen::Newer,
        Some(kept) if head.seq == kept.seq && head.hash == kept.hash => Seen::Same,
        Some(kept) => Seen::Contradicts(kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::wire::warrant::Signer;

    fn head(seed: u8, seq: i64, hash: u8) -> SignedHead {
        SignedHead::sign(&Signer::new(&[seed; 32]), seq, &[hash; 32], Timestamp::from_millis(1))
    }

    #[tokio::test]
    async fn the_head_that_reaches_furthest_is_kept_and_a_shorter_log_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let witness = Witness::open(dir.path());
        assert_eq!(witness.kept(), None);
        assert_eq!(witness.see(head(1, 5, 1)).await, Seen::Newer);
        assert_eq!(witness.see(head(1, 5, 1)).await, Seen::Same);
        assert_eq!(witness.see(head(1, 5, 2)).await, Seen::Contradicts(head(1, 5, 1)));
        assert_eq!(witness.see(head(1, 4, 9)).await, Seen::Contradicts(head(1, 5, 1)));
        let forged = SignedHead { seq: 9, ..head(1, 5, 1) };
        assert_eq!(witness.see(forged).await, Seen::Forged);
        assert_eq!(witness.see(head(1, 7, 7)).await, Seen::Newer);
        let again = Witness::open(dir.path());
        assert_eq!(again.kept(), Some(head(1, 7, 7)));
        assert_eq!(again.see(head(2, 3, 3)).await, Seen::Newer);
    }
}
