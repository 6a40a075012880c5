//! Heads: the number and hash of the last row, signed by the hub's identity key in each minute in which rows were added.
//!
//! A head that lies somewhere else brings to light that rows before it were changed or cut. The newest lies in
//! `DATA/audit/head.json`; agents keep what they were given; the operator may have them shipped. A head that comes back and
//! does not fit is written down as a row of its own and kept, so that no later check can miss it.

use std::io;

use data_encoding::HEXLOWER;

use crate::base::Timestamp;
use crate::hub::audit::chain::{DATABASE, Finding, KnownHead, Problem};
use crate::hub::audit::{Entry, Keeper, anchor, archive, hash_of, last, record_now};
use crate::hub::keys::Succession;
use crate::hub::store::{Row, Store, StoreError, Tx};
use crate::platform::files::{Directory, Durability};
use crate::platform::tls;
use crate::wire::audit::SignedHead;
use crate::wire::succession::KeyLink;

/// Beside the database: the newest head, and what the operator has written there.
pub const FOLDER: &str = "audit";
pub const HEAD_FILE: &str = "head.json";
/// The source of heads that this process knows by itself.
const OWN: &str = "hub";
/// A head is a few hundred bytes.
const MAX_HEAD_BYTES: u64 = 4096;

/// What became of a head that came back from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// It fits.
    Confirmed,
    /// Another key made it, or its signature does not fit: it proves nothing.
    NotOurs,
    /// The log does not contain it.
    Contradicts,
}

impl Keeper {
    /// Fingerprint of the key that signs.
    pub fn fingerprint(&self) -> String {
        self.keys.fingerprint()
    }

    /// Of it and of those that it has come from: what they signed holds.
    pub fn fingerprints(&self) -> Vec<String> {
        trusted_keys(self.keys.fingerprint(), &self.keys.succession())
    }

    /// Signs the chain's end when it has moved since the last head. `None` when it has not.
    ///
    /// Looks first whether the log still contains the last head, the one in memory too: whoever writes the chain anew under a
    /// running hub must not be given the next signature for it as if nothing had been.
    pub fn sign_head(&self, tx: &Tx<'_>, now: Timestamp) -> Result<Option<SignedHead>, StoreError> {
        let (given, signed) = (self.newest(), newest(tx)?);
        for head in given.iter().chain(&signed) {
            self.check(tx, head, OWN, now)?;
        }
        let end = last(tx)?;
        if end.seq == 0 || signed.is_some_and(|head| head.seq == end.seq) {
            return Ok(None);
        }
        let head = SignedHead::sign(&self.keys.signer(), end.seq, &end.hash, now);
        sql::insert(tx, &head)?;
        Ok(Some(head))
    }

    /// Whether this hub has signed the head. Takes no row.
    pub fn is_ours(&self, head: &SignedHead) -> bool {
        head.is_genuine() && self.fingerprints().contains(&head.fingerprint())
    }

    /// Looks whether the log contains a head that was kept elsewhere; when it does not, that is written down, once.
    pub fn check(&self, tx: &Tx<'_>, head: &SignedHead, source: &str, now: Timestamp) -> Result<Check, StoreError> {
        if !self.is_ours(head) {
            return Ok(Check::NotOurs);
        }
        let anchor = anchor(tx)?;
        // Anybody who can write to the database can say that rows were archived; the signature says that they were.
        let is_archived = head.seq < anchor.seq && archive::is_signed(tx, &self.fingerprints())?;
        let kept = hash_of(tx, head.seq)?.or((anchor.seq == head.seq).then(|| anchor.hash.to_vec()));
        if is_archived || kept.as_deref() == head.hash_bytes().as_ref().map(|hash| &hash[..]) {
            return Ok(Check::Confirmed);
        }
        if sql::insert_witness(tx, head, source, now)? {
            let words =
                format!("a signed head kept by `{source}` is not in the log: rows were cut or changed, or an older copy was put in");
            let entry = Entry::by_hub(now, "roadstead:AuditContradiction", format!("audit/{}", head.seq), words);
            record_now(tx, entry)?;
        }
        Ok(Check::Contradicts)
    }

    /// The last head that this process has signed.
    pub fn newest(&self) -> Option<SignedHead> {
        self.newest.lock().expect("no code panics while it holds the head").clone()
    }

    /// Replaces `head.json`. Blocking.
    pub fn keep_file(&self, head: &SignedHead) -> io::Result<()> {
        let folder = Directory::create_private(&self.data.join(FOLDER))?;
        let text = serde_json::to_vec_pretty(head).map_err(io::Error::other)?;
        folder.replace(HEAD_FILE, &text, 0o600, Durability::Cached)
    }

    /// At start: does the database still contain the head that lies beside it? Then signs what is unsigned.
    pub async fn begin(self: &std::sync::Arc<Self>, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let keeper = self.clone();
        let kept = read_file(&self.data);
        let signed = store
            .write(move |tx| {
                if let Some(head) = kept
                    && keeper.check(tx, &head, HEAD_FILE, now)? == Check::Contradicts
                {
                    tracing::error!(
                        seq = head.seq,
                        "the audit log does not contain its own last head: see `roadstead audit verify`"
                    );
                }
                let signed = keeper.sign_head(tx, now)?;
                Ok::<_, StoreError>(signed.or(newest(tx)?))
            })
            .await?;
        self.keep(signed).await;
        Ok(())
    }

    /// Puts a head that was just signed into its file.
    pub async fn keep(self: &std::sync::Arc<Self>, head: Option<SignedHead>) {
        let Some(head) = head else { return };
        *self.newest.lock().expect("no code panics while it holds the head") = Some(head.clone());
        let keeper = self.clone();
        let kept = tokio::task::spawn_blocking(move || keeper.keep_file(&head)).await;
        if let Err(error) = kept.unwrap_or_else(|e| Err(io::Error::other(e))) {
            tracing::warn!(error = %error, "the audit log's head could not be written to its file");
        }
    }
}

/// The present key and those that led to it, by signed link: whoever is named there without one is not among them.
pub fn trusted_keys(present: String, succession: &Succession) -> Vec<String> {
    let mut all = vec![present];
    for (old, new) in succession.links.iter().rev().filter_map(KeyLink::keys) {
        if all.contains(&tls::fingerprint_of(&new)) {
            all.push(tls::fingerprint_of(&old));
        }
    }
    all
}

/// Keys that somebody vouches for, and those that the signed links lead to from them: each new key is signed by the one before it.
pub fn followed(mut known: Vec<String>, succession: &Succession) -> Vec<String> {
    for (old, new) in succession.links.iter().filter_map(KeyLink::keys) {
        if known.contains(&tls::fingerprint_of(&old)) {
            known.push(tls::fingerprint_of(&new));
        }
    }
    known
}

/// The head in `DATA/audit/head.json`, when there is one that can be read. Blocking.
pub fn read_file(data: &std::path::Path) -> Option<SignedHead> {
    let folder = Directory::open(&data.join(FOLDER)).ok()?;
    serde_json::from_slice(&folder.read(HEAD_FILE, MAX_HEAD_BYTES).ok()?).ok()
}

/// The last head that was signed.
pub fn newest(tx: &Tx<'_>) -> Result<Option<SignedHead>, StoreError> {
    sql::newest(tx)
}

/// Heads after a number, in order.
pub fn after(tx: &Tx<'_>, seq: i64, limit: usize) -> Result<Vec<SignedHead>, StoreError> {
    sql::after(tx, seq, limit)
}

/// Every head that the database knows from a number on: its own, and those that came back and did not fit.
pub fn known(tx: &Tx<'_>, from: i64) -> Result<Vec<KnownHead>, StoreError> {
    let own = sql::after(tx, from - 1, usize::MAX >> 1)?;
    let own = own.into_iter().map(|head| KnownHead {
        head,
        source: DATABASE.into(),
    });
    Ok(own.chain(sql::witnesses(tx, from)?).collect())
}

/// Heads that came back and did not fit, and whose rows were archived since: what they say stays true.
pub fn contradictions_before(tx: &Tx<'_>, anchor: i64) -> Result<Vec<Finding>, StoreError> {
    let before = sql::witnesses(tx, 0)?.into_iter().filter(|known| known.head.seq < anchor);
    let findings = before.map(|known| Finding {
        seq: known.head.seq,
        problem: Problem::Rewritten,
        expected: known.head.hash,
        found: "another log, archived since".into(),
        source: known.source,
    });
    Ok(findings.collect())
}

/// Thins old heads out: one an hour is left of those before `until`. A later head covers whatever an earlier one did.
pub fn thin(tx: &Tx<'_>, until: Timestamp) -> Result<usize, StoreError> {
    sql::thin(tx, until)
}

mod sql {
    use super::*;

    pub fn insert(tx: &Tx<'_>, head: &SignedHead) -> Result<(), StoreError> {
        // A head that is there for this number was signed for another row: it is what shows that the log was cut since.
        let sql = "INSERT INTO audit_head (seq, hash, at, key, signature) VALUES (:seq, :hash, :at, :key, :signature)
                   ON CONFLICT (seq) DO NOTHING";
        tx.execute(sql, &params(head)).map(|_| ())
    }

    /// Whether it is new.
    pub fn insert_witness(tx: &Tx<'_>, head: &SignedHead, source: &str, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "INSERT INTO audit_witness (source, seq, hash, at, key, signature, seen_at)
                   VALUES (:source, :seq, :hash, :at, :key, :signature, :seen_at) ON CONFLICT (seq, hash) DO NOTHING";
        let mut all = params(head).to_vec();
        all.extend([(":source", source.into()), (":seen_at", now.into())]);
        Ok(tx.execute(sql, &all)? > 0)
    }

    fn params(head: &SignedHead) -> [(&'static str, crate::hub::store::Value); 5] {
        let bytes = |hex: &str| HEXLOWER.decode(hex.as_bytes()).unwrap_or_default();
        [
            (":seq", head.seq.into()),
            (":hash", bytes(&head.hash).into()),
            (":at", head.at.into()),
            (":key", bytes(&head.key).into()),
            (":signature", bytes(&head.signature).into()),
        ]
    }

    fn from_row(row: &Row<'_>) -> Result<SignedHead, StoreError> {
        let hex = |column: &str| Ok::<_, StoreError>(HEXLOWER.encode(&row.get::<Vec<u8>>(column)?));
        Ok(SignedHead {
            seq: row.get("seq")?,
            hash: hex("hash")?,
            at: row.get("at")?,
            key: hex("key")?,
            signature: hex("signature")?,
        })
    }

    pub fn newest(tx: &Tx<'_>) -> Result<Option<SignedHead>, StoreError> {
        tx.row(
            "SELECT seq, hash, at, key, signature FROM audit_head ORDER BY seq DESC LIMIT 1",
            &[],
            from_row,
        )
    }

    pub fn after(tx: &Tx<'_>, seq: i64, limit: usize) -> Result<Vec<SignedHead>, StoreError> {
        let sql = "SELECT seq, hash, at, key, signature FROM audit_head WHERE seq > :seq ORDER BY seq LIMIT :limit";
        tx.rows(sql, &[(":seq", seq.into()), (":limit", (limit as i64).into())], from_row)
    }

    pub fn witnesses(tx: &Tx<'_>, from: i64) -> Result<Vec<KnownHead>, StoreError> {
        let sql = "SELECT source, seq, hash, at, key, signature FROM audit_witness WHERE seq >= :from ORDER BY seq";
        tx.rows(sql, &[(":from", from.into())], |row| {
            Ok(KnownHead {
                head: from_row(row)?,
                source: row.get("source")?,
            })
        })
    }

    pub fn thin(tx: &Tx<'_>, until: Timestamp) -> Result<usize, StoreError> {
        let sql = "DELETE FROM audit_head WHERE at < :until
                   AND seq NOT IN (SELECT max(seq) FROM audit_head WHERE at < :until GROUP BY at / 3600000)";
        tx.execute(sql, &[(":until", until.into())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::audit::record;
    use crate::hub::keys::HubKeys;
    use crate::wire::warrant::Signer;
    use std::sync::Arc;

    #[test]
    fn links_lead_on_from_a_key_that_is_known_and_never_back() {
        let (old, new) = (Signer::new(&[1; 32]), Signer::new(&[2; 32]));
        let succession = Succession {
            links: vec![KeyLink::new(&old, &new.public(), Timestamp::from_millis(5))],
            is_open: false,
        };
        let print = |signer: &Signer| tls::fingerprint_of(&signer.public());
        assert_eq!(followed(vec![print(&old)], &succession), [print(&old), print(&new)]);
        // Whoever has changed the folder can sign a link from a key of their own.
        assert_eq!(followed(vec![print(&new)], &succession), [print(&new)]);
    }

    async fn hub() -> (tempfile::TempDir, Store, Arc<Keeper>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let keeper = Arc::new(Keeper::new(HubKeys::of_seed(&[1; 32]), dir.path().to_owned()));
        (dir, store, keeper)
    }

    async fn add_rows(store: &Store, count: i64) {
        let written = store.write(move |tx| {
            for _ in 0..count {
                record(
                    tx,
                    Entry::by_hub(Timestamp::from_millis(1), "roadstead:Test", "hub".into(), String::new()),
                );
            }
            Ok(())
        });
        written.await.map_err(|e: StoreError| e).unwrap();
    }

    async fn sign(store: &Store, keeper: &Arc<Keeper>) -> Option<SignedHead> {
        let keeper = keeper.clone();
        store
            .write(move |tx| keeper.sign_head(tx, Timestamp::from_millis(5)))
            .await
            .unwrap()
    }

    async fn check(store: &Store, keeper: &Arc<Keeper>, head: SignedHead) -> Check {
        let keeper = keeper.clone();
        store
            .write(move |tx| keeper.check(tx, &head, "node", Timestamp::from_millis(9)))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_head_is_signed_only_when_rows_were_added() {
        let (_dir, store, keeper) = hub().await;
        assert_eq!(sign(&store, &keeper).await, None);
        add_rows(&store, 3).await;
        let head = sign(&store, &keeper).await.unwrap();
        assert!(head.seq == 3 && head.is_genuine());
        assert_eq!(sign(&store, &keeper).await, None);
        let kept = store.read(newest).await.unwrap();
        assert_eq!(kept, Some(head));
    }

    #[tokio::test]
    async fn a_head_that_the_log_does_not_contain_is_written_down_once() {
        let (_dir, store, keeper) = hub().await;
        add_rows(&store, 5).await;
        let head = sign(&store, &keeper).await.unwrap();
        assert_eq!(check(&store, &keeper, head.clone()).await, Check::Confirmed);
        let cut = store.write(|tx| tx.execute("DELETE FROM audit WHERE seq > 3", &[]));
        cut.await.unwrap();
        assert_eq!(check(&store, &keeper, head.clone()).await, Check::Contradicts);
        assert_eq!(check(&store, &keeper, head.clone()).await, Check::Contradicts);
        let rows = store.read(|tx| crate::hub::audit::rows_after(tx, 3, 10)).await.unwrap();
        assert_eq!(
            rows.iter().map(|r| r.operation.as_str()).collect::<Vec<_>>(),
            ["roadstead:AuditContradiction"]
        );
        // The log grows past the cut; the head that was kept still tells.
        add_rows(&store, 20).await;
        let known = store.read(|tx| known(tx, 0)).await.unwrap();
        assert!(known.iter().any(|known| known.source == "node" && known.head == head));
        let foreign = SignedHead::sign(&Signer::new(&[2; 32]), 900, &[0; 32], Timestamp::from_millis(1));
        assert_eq!(check(&store, &keeper, foreign).await, Check::NotOurs);
    }

    #[tokio::test]
    async fn a_head_that_was_signed_before_the_log_was_cut_is_not_replaced() {
        let (_dir, store, keeper) = hub().await;
        add_rows(&store, 5).await;
        let first = sign(&store, &keeper).await.unwrap();
        add_rows(&store, 5).await;
        let second = sign(&store, &keeper).await.unwrap();
        // The fourth row is another, and the one that says so is the fifth: a head was signed for that number before.
        let cut = store.write(|tx| tx.execute("DELETE FROM audit WHERE seq > 3", &[]));
        cut.await.unwrap();
        add_rows(&store, 1).await;
        assert_eq!(sign(&store, &keeper).await.unwrap().seq, 5);
        let kept = store.read(|tx| after(tx, 0, 10)).await.unwrap();
        assert_eq!(kept, [first, second]);
    }

    #[tokio::test]
    async fn a_chain_written_anew_under_a_running_hub_is_written_down_before_it_is_signed() {
        let (_dir, store, keeper) = hub().await;
        add_rows(&store, 5).await;
        keeper.begin(&store, Timestamp::from_millis(10)).await.unwrap();
        let cut = store.write(|tx| {
            tx.execute("DELETE FROM audit_head", &[])?;
            tx.execute("DELETE FROM audit", &[])
        });
        cut.await.unwrap();
        add_rows(&store, 9).await;
        assert_eq!(sign(&store, &keeper).await.unwrap().seq, 10);
        let known = store.read(|tx| known(tx, 0)).await.unwrap();
        assert!(known.iter().any(|known| known.source == OWN && known.head.seq == 5), "{known:?}");
    }

    #[tokio::test]
    async fn at_start_the_database_is_compared_with_the_head_beside_it() {
        let (dir, store, keeper) = hub().await;
        add_rows(&store, 5).await;
        keeper.begin(&store, Timestamp::from_millis(10)).await.unwrap();
        assert_eq!(read_file(dir.path()).unwrap().seq, 5);
        let cut = store.write(|tx| {
            tx.execute("DELETE FROM audit_head", &[])?;
            tx.execute("DELETE FROM audit WHERE seq > 2", &[])
        });
        cut.await.unwrap();
        keeper.begin(&store, Timestamp::from_millis(20)).await.unwrap();
        let known = store.read(|tx| known(tx, 0)).await.unwrap();
        assert!(known.iter().any(|known| known.source == HEAD_FILE && known.head.seq == 5));
    }

    #[tokio::test]
    async fn old_heads_are_thinned_to_one_an_hour() {
        let (_dir, store, keeper) = hub().await;
        for minute in 0..180 {
            add_rows(&store, 1).await;
            let keeper = keeper.clone();
            let signed = store.write(move |tx| keeper.sign_head(tx, Timestamp::from_millis(minute * 60_000)));
            signed.await.unwrap();
        }
        store.write(|tx| thin(tx, Timestamp::from_millis(120 * 60_000))).await.unwrap();
        let left = store.read(|tx| after(tx, 0, 1000)).await.unwrap();
        assert_eq!((left.len(), left[0].seq, left[1].seq, left[2].seq), (62, 60, 120, 121));
    }
}
