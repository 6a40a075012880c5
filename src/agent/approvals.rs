//! The operator lock at work: acts that need an operator's signature, and the signatures that were used up.
//!
//! A signature counts once on a node: its nonce is written down, durably, before what it approves is begun, together with the
//! id of the run or shell it was used for (which may come again: a hub repeats what it saw no answer to). A nonce is forgotten
//! only when both the hub's clock and this system's say that the approval has long been over.
//!
//! Neither a hub's key nor its database helps to get past here: the keys that count stand in the node's lock file.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::lock::Standing;
use crate::base::Timestamp;
use crate::base::id::NodeId;
use crate::model::approval::{Approval, Approved, NAMESPACE, Statement};
use crate::model::lock::Act;
use crate::platform::key_file::replace_durably;
use crate::platform::sshsig::{self, Signer};

const FILE: &str = "approvals.json";
/// Approvals that may be in force on one node at once.
const MAX_REMEMBERED: usize = 4096;
/// How long after its end an approval is remembered.
const SLACK: Duration = Duration::from_secs(24 * 3600);

/// The approvals used on this node.
#[derive(Debug)]
pub struct Approvals {
    path: PathBuf,
    used: Mutex<BTreeMap<String, Used>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    by: String,
    not_after_ms: i64,
}

/// Now, by the two clocks that an agent knows.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub own: Timestamp,
    pub hub: Timestamp,
}

/// What is asked for, as the agent understands it.
pub struct Request<'a> {
    pub act: Act<'a>,
    /// What a signature would have to be for; worked out only where one is needed.
    pub wanted: &'a (dyn Fn() -> Approved + Sync),
    /// Id of the run or session.
    pub id: &'a str,
    pub approval: Option<&'a Approval>,
}

/// A signature that was found good; [`Approvals::use_up`] makes it count.
#[derive(Debug)]
pub struct Approvable {
    statement: Statement,
    by: String,
}

impl Approvals {
    /// Blocking.
    ///
    /// *Errors*: a file that cannot be read: without it a signature could count twice.
    pub fn open(data: &Path) -> io::Result<Self> {
        let path = data.join(FILE);
        let used = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self {
            path,
            used: Mutex::new(used),
        })
    }

    /// Whether the act may be done: `None` when it needs no signature.
    pub fn judge(
        &self,
        standing: &Standing,
        as_root: bool,
        request: &Request<'_>,
        node: Option<&NodeId>,
        now: Now,
    ) -> Result<Option<Approvable>, String> {
        let classes = standing.lock.classes_of(request.act, as_root);
        if classes.is_empty() {
            return Ok(None);
        }
        let refusal = |why: String| standing.refusal(&format!("`operator-lock`: {why}"));
        let Some(approval) = request.approval else {
            let classes: Vec<String> = classes.iter().map(ToString::to_string).collect();
            return Err(refusal(format!("this needs an operator's signature for {}", classes.join(", "))));
        };
        let operators = standing
            .lock
            .operator_lock
            .as_ref()
            .map(|lock| lock.keys.as_slice())
            .unwrap_or_default();
        let signers: Vec<Signer> = operators.iter().filter_map(|line| line.parse().ok()).collect();
        let signed = sshsig::verify(&approval.signature, approval.text.as_bytes(), NAMESPACE, &signers, now.own);
        let signer = signed.map_err(|why| refusal(format!("the operator's signature does not hold: {why}")))?;
        let statement: Statement = approval.text.parse().map_err(refusal)?;
        let node = node.ok_or_else(|| refusal("this node does not know its id yet".into()))?;
        statement.covers(&(request.wanted)(), node).map_err(refusal)?;
        statement.is_timely(now.own, now.hub).map_err(refusal)?;
        if let Some(why) = request.act.beyond_signatures() {
            return Err(refusal(why.into()));
        }
        if self.used_by_another(&statement.nonce, request.id) {
            return Err(refusal("the operator's signature was used here before; sign again".into()));
        }
        tracing::info!(signer = %signer.principal, id = request.id, "an operator's signature holds");
        Ok(Some(Approvable {
            statement,
            by: request.id.to_owned(),
        }))
    }

    /// Whether it was used up before, if only for the same id. A run that comes again is known by its journal and not begun; a
    /// shell that is over is known by nothing else.
    pub fn was_used(&self, approved: &Approvable) -> bool {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.contains_key(&approved.statement.nonce)
    }

    /// Durable when it returns. Blocking.
    pub fn use_up(&self, approved: &Approvable, now: Now) -> io::Result<()> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.get(&approved.statement.nonce).is_some_and(|before| before.by != approved.by) {
            return Err(io::Error::other("the operator's signature was used here before"));
        }
        let mut next = used.clone();
        let over = now.own.min(now.hub) - SLACK;
        next.retain(|_, used| used.not_after_ms >= over.millis());
        if next.len() >= MAX_REMEMBERED {
            return Err(io::Error::other("too many operators' signatures are in force on this node"));
        }
        let entry = Used {
            by: approved.by.clone(),
            not_after_ms: approved.statement.not_after.millis(),
        };
        next.insert(approved.statement.nonce.clone(), entry);
        replace_durably(&self.path, &serde_json::to_vec(&next)?)?;
        *used = next;
        Ok(())
    }

    fn used_by_another(&self, nonce: &str, id: &str) -> bool {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.get(nonce).is_some_and(|used| used.by != id)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::model::lock::{Lock, OperatorClass, OperatorLock};
    use data_encoding::BASE64;

    const NOW: Timestamp = Timestamp::from_millis(1_764_000_000_000);

    fn string(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
    }

    /// An operator's key made of `seed`: its line for the lock file.
    pub fn operator_line(seed: u8) -> String {
        format!("ann ssh-ed25519 {}", BASE64.encode(&public(seed)))
    }

    fn public(seed: u8) -> Vec<u8> {
        let key = crate::wire::warrant::Signer::new(&[seed; 32]).public();
        [string(b"ssh-ed25519"), string(&key)].concat()
    }

    /// As `ssh-keygen -Y sign -n roadstead` signs; that the real one is understood is tested in `platform::sshsig`.
    pub fn operator_signs(seed: u8, text: &str) -> Approval {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, text.as_bytes());
        let head = [string(b"roadstead"), string(b""), string(b"sha512")].concat();
        let signed = [b"SSHSIG".to_vec(), head.clone(), string(hash.as_ref())].concat();
        let raw = crate::wire::warrant::Signer::new(&[seed; 32]).sign(&signed);
        let signature = [string(b"ssh-ed25519"), string(&raw)].concat();
        let blob = [b"SSHSIG\0\0\0\x01".to_vec(), string(&public(seed)), head, string(&signature)].concat();
        Approval {
            text: text.to_owned(),
            signature: format!(
                "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
                BASE64.encode(&blob)
            ),
        }
    }

    fn standing() -> Standing {
        Standing {
            lock: Lock {
                operator_lock: Some(OperatorLock {
                    classes: vec![OperatorClass::Shell],
                    keys: vec![operator_line(5)],
                }),
                ..Lock::default()
            },
            files: vec!["/etc/roadstead/lock.yaml".into()],
            trouble: None,
        }
    }

    fn shell<'a>(id: &'a str, approval: Option<&'a Approval>) -> Request<'a> {
        Request {
            act: Act::Shell,
            wanted: &|| Approved::Shell,
            id,
            approval,
        }
    }

    fn statement(node: &NodeId) -> Statement {
        Statement::new(Approved::Shell, vec![node.clone()], NOW + Duration::from_secs(600))
    }

    #[test]
    fn a_signature_counts_once_and_survives_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let (node, now) = (NodeId::random(), Now { own: NOW, hub: NOW });
        let signed = operator_signs(5, &statement(&node).to_string());
        let approvals = Approvals::open(data.path()).unwrap();
        let judged = |approvals: &Approvals, id: &str| approvals.judge(&standing(), false, &shell(id, Some(&signed)), Some(&node), now);
        let approvable = judged(&approvals, "first").unwrap().unwrap();
        assert!(!approvals.was_used(&approvable));
        approvals.use_up(&approvable, now).unwrap();
        assert!(judged(&approvals, "first").is_ok(), "the same order may come again");
        let again = Approvals::open(data.path()).unwrap();
        assert!(again.was_used(&approvable));
        assert!(judged(&again, "second").unwrap_err().contains("used here before"));
        let much_later = Now {
            own: NOW + SLACK * 100,
            hub: NOW,
        };
        let other = statement(&node);
        let other = operator_signs(5, &other.to_string());
        let approvable = again.judge(&standing(), false, &shell("third", Some(&other)), Some(&node), now);
        again.use_up(&approvable.unwrap().unwrap(), much_later).unwrap();
        assert!(judged(&again, "second").is_err(), "one clock alone makes nothing forgotten");
    }

    #[test]
    fn nothing_but_the_right_signature_opens() {
        let data = tempfile::tempdir().unwrap();
        let (node, now) = (NodeId::random(), Now { own: NOW, hub: NOW });
        let approvals = Approvals::open(data.path()).unwrap();
        let judge = |approval: Option<&Approval>| {
            approvals
                .judge(&standing(), false, &shell("x", approval), Some(&node), now)
                .map(|_| ())
        };
        let text = statement(&node).to_string();
        assert_eq!(judge(Some(&operator_signs(5, &text))), Ok(()));
        let refused = |approval: Option<&Approval>, word: &str| {
            let why = judge(approval).unwrap_err();
            assert!(why.contains(word) && why.contains("/etc/roadstead/lock.yaml"), "{why}");
        };
        refused(None, "needs an operator's signature for shell");
        refused(Some(&operator_signs(6, &text)), "not one of those that may sign");
        let mut altered = operator_signs(5, &text);
        altered.text = statement(&node).to_string();
        refused(Some(&altered), "not a signature of this text");
        let elsewhere = statement(&NodeId::random()).to_string();
        refused(Some(&operator_signs(5, &elsewhere)), "is not for node");
        refused(Some(&operator_signs(5, "anything")), "not an approval");
    }
}
