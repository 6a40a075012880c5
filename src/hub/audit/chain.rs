//! Is the log what was written? Walks rows in order, with the heads that are known from elsewhere, and says where it is not.
//!
//! Pure: rows come from a running hub's database, from a copy of one, or from an exported file.
//!
//! What is found: a changed row (its hash, or the next one's, does not fit), missing and moved rows (the numbers have a
//! hole), a rewritten chain (a signed head has another hash), a cut one (a signed head lies behind the end), rows that no
//! head was signed for although there was time to (a chain made up anew after the heads were deleted).

use std::collections::VecDeque;
use std::time::Duration;

use data_encoding::HEXLOWER;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::hub::audit::row::{Hash, Row};
use crate::wire::audit::SignedHead;

/// Findings that are listed; the rest is counted.
pub const MAX_FINDINGS: usize = 100;
/// A head is signed each minute in which rows were added; rows that span more than this without one are suspicious.
const UNSIGNED_LIMIT: Duration = Duration::from_secs(300);

/// A place in the chain: the next row must follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub seq: i64,
    pub hash: Hash,
}

impl Link {
    /// Before the first row.
    pub const START: Self = Self { seq: 0, hash: [0; 32] };
}

/// What is wrong at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Problem {
    /// The row, or the one before it, is not what was written.
    Changed,
    /// Rows were deleted or moved.
    Missing,
    /// The row is not the one that a head was signed for: the chain was written anew.
    Rewritten,
    /// A head was signed for a row behind the end: the log was cut, or an older copy put in its place.
    Truncated,
    /// No head was signed for these rows.
    Unsigned,
    /// A head's signature does not fit, or another key than the hub's made it.
    ForgedHead,
    /// The rows cannot be read.
    Unreadable,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Finding {
    /// The row's number.
    pub seq: i64,
    pub problem: Problem,
    pub expected: String,
    pub found: String,
    /// Where what was expected is known from.
    pub source: String,
}

/// What a walk came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Verdict {
    pub healthy: bool,
    pub rows: u64,
    /// Numbers of the first and last row seen; both 0 for none.
    pub first_seq: i64,
    pub last_seq: i64,
    pub last_hash: String,
    /// Signed heads that the rows were compared with.
    pub heads: u64,
    pub finding_count: u64,
    /// The first of them, in the order of the rows.
    pub findings: Vec<Finding>,
}

/// A head and where it was found: `database`, `head.json`, a node, a file.
#[derive(Clone, Debug)]
pub struct KnownHead {
    pub head: SignedHead,
    pub source: String,
}

/// The source of heads that lie beside the rows.
pub const DATABASE: &str = "database";

/// Whether the rows that were walked are all there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A database to its end.
    Whole,
    /// A file of rows to its end: heads lie elsewhere, if there are any.
    Copy,
    /// Heads behind the last row are nobody's fault.
    Part,
}

/// Walks the chain row by row; takes the same little memory however long it is.
pub struct Verifier {
    link: Link,
    first_seq: i64,
    rows: u64,
    heads: VecDeque<KnownHead>,
    heads_compared: u64,
    /// The last row that a head in the database covers.
    covered: i64,
    uncovered: Option<(i64, Timestamp, Timestamp)>,
    findings: Vec<Finding>,
    finding_count: u64,
    /// The rest could not be read: nothing can be said of it.
    is_broken_off: bool,
}

impl Verifier {
    /// `keys` are the fingerprints that may sign; none at all means any key.
    pub fn new(start: Link, heads: Vec<KnownHead>, keys: &[String]) -> Self {
        let mut verifier = Self {
            link: start,
            first_seq: 0,
            rows: 0,
            heads: VecDeque::new(),
            heads_compared: 0,
            covered: start.seq,
            uncovered: None,
            findings: Vec::new(),
            finding_count: 0,
            is_broken_off: false,
        };
        let mut good: Vec<KnownHead> = heads.into_iter().filter(|known| verifier.accepts(known, keys)).collect();
        good.sort_by_key(|known| known.head.seq);
        let own = good
            .iter()
            .filter(|known| known.source == DATABASE)
            .map(|known| known.head.seq)
            .max();
        verifier.covered = own.unwrap_or(0).max(start.seq);
        verifier.heads = good.into();
        verifier.compare_heads();
        verifier
    }

    fn accepts(&mut self, known: &KnownHead, keys: &[String]) -> bool {
        let signer = known.head.fingerprint();
        let is_trusted = keys.is_empty() || keys.contains(&signer);
        if known.head.is_genuine() && is_trusted {
            return true;
        }
        let found = if is_trusted {
            "a signature that does not fit".to_owned()
        } else {
            format!("key {signer}")
        };
        self.find(Finding {
            seq: known.head.seq,
            problem: Problem::ForgedHead,
            expected: format!("a head signed by {}", keys.join(" or ")),
            found,
            source: known.source.clone(),
        });
        false
    }

    pub fn push(&mut self, row: &Row) {
        if self.rows == 0 {
            self.first_seq = row.seq;
        }
        self.rows += 1;
        let next = self.link.seq + 1;
        let computed = row.hash_after(&self.link.hash);
        if row.seq != next {
            self.find(Finding {
                seq: next,
                problem: Problem::Missing,
                expected: format!("row {next}"),
                found: format!("row {}", row.seq),
                source: "chain".into(),
            });
        } else if row.hash != computed {
            self.find(Finding {
                seq: row.seq,
                problem: Problem::Changed,
                expected: HEXLOWER.encode(&computed),
                found: HEXLOWER.encode(&row.hash),
                source: "chain".into(),
            });
        }
        // The walk goes on from what the row claims, so that one fault is one finding.
        let hash = Hash::try_from(row.hash.as_slice()).unwrap_or(computed);
        self.link = Link { seq: row.seq, hash };
        if row.seq > self.covered {
            let (first, from, until) = self.uncovered.unwrap_or((row.seq, row.at, row.at));
            self.uncovered = Some((first, from.min(row.at), until.max(row.at)));
        }
        self.compare_heads();
    }

    /// Heads up to the row reached.
    fn compare_heads(&mut self) {
        while let Some(known) = self.heads.pop_front_if(|known| known.head.seq <= self.link.seq) {
            // Rows before the start were archived; heads of missing rows were found with the hole.
            if known.head.seq != self.link.seq {
                continue;
            }
            self.heads_compared += 1;
            let found = HEXLOWER.encode(&self.link.hash);
            if known.head.hash != found {
                self.find(Finding {
                    seq: known.head.seq,
                    problem: Problem::Rewritten,
                    expected: known.head.hash,
                    found,
                    source: known.source,
                });
            }
        }
    }

    /// Starts at a row whose predecessor is not at hand: it is believed, as far as heads do not say otherwise.
    pub fn begin_with(&mut self, row: &Row) {
        self.first_seq = row.seq;
        self.rows = 1;
        self.link = Link {
            seq: row.seq,
            hash: Hash::try_from(row.hash.as_slice()).unwrap_or_default(),
        };
        self.compare_heads();
    }

    /// What was found beside the rows.
    pub fn add(&mut self, findings: Vec<Finding>) {
        findings.into_iter().for_each(|finding| self.find(finding));
    }

    /// The rows could not be read any further.
    pub fn break_off(&mut self, why: &str) {
        self.is_broken_off = true;
        let next = self.link.seq + 1;
        self.find(Finding {
            seq: next,
            problem: Problem::Unreadable,
            expected: format!("row {next}"),
            found: why.to_owned(),
            source: "chain".into(),
        });
    }

    pub fn is_broken_off(&self) -> bool {
        self.is_broken_off
    }

    /// Rows up to here went into an archive since the walk began.
    pub fn skip_to(&mut self, anchor: Link) {
        self.link = anchor;
        self.compare_heads();
    }

    pub fn link(&self) -> Link {
        self.link
    }

    pub fn finish(mut self, extent: Extent) -> Verdict {
        if extent != Extent::Part {
            self.look_behind_the_end();
        }
        if extent == Extent::Whole {
            self.look_for_unsigned();
        }
        Verdict {
            healthy: self.finding_count == 0,
            rows: self.rows,
            first_seq: self.first_seq,
            last_seq: if self.rows == 0 { 0 } else { self.link.seq },
            last_hash: HEXLOWER.encode(&self.link.hash),
            heads: self.heads_compared,
            finding_count: self.finding_count,
            findings: self.findings,
        }
    }

    /// One finding for each source: its last head says all.
    fn look_behind_the_end(&mut self) {
        let mut sources: Vec<String> = Vec::new();
        while let Some(known) = self.heads.pop_back() {
            if sources.contains(&known.source) {
                continue;
            }
            self.find(Finding {
                seq: known.head.seq,
                problem: Problem::Truncated,
                expected: format!("row {} with hash {}", known.head.seq, known.head.hash),
                found: format!("the log ends at row {}", self.link.seq),
                source: known.source.clone(),
            });
            sources.push(known.source);
        }
    }

    fn look_for_unsigned(&mut self) {
        let Some((first, from, until)) = self.uncovered else { return };
        if until.since(from) > UNSIGNED_LIMIT {
            self.find(Finding {
                seq: first,
                problem: Problem::Unsigned,
                expected: "a signed head for each minute".into(),
                found: format!("none from row {first} to row {}", self.link.seq),
                source: DATABASE.into(),
            });
        }
    }

    fn find(&mut self, finding: Finding) {
        self.finding_count += 1;
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::audit::{Entry, Outcome};
    use crate::hub::store::Notes;
    use crate::wire::warrant::Signer;
    use proptest::prelude::*;

    const SEED: [u8; 32] = [5; 32];

    /// A chain of so many rows, a second apart, with a head for each tenth row and the last.
    fn written(count: i64) -> (Vec<Row>, Vec<KnownHead>) {
        let (mut rows, mut heads, mut link) = (Vec::new(), Vec::new(), Link::START);
        for seq in 1..=count {
            let entry = Entry {
                at: Timestamp::from_millis(seq * 1000),
                request_id: format!("r{seq}"),
                caller: "user:ann".into(),
                address: "192.0.2.1".into(),
                operation: "ssm:SendCommand".into(),
                target: "node/*".into(),
                outcome: Outcome::Done,
                detail: String::new(),
            };
            let row = Row::new(seq, &link.hash, entry, Notes::default(), 1);
            link = Link {
                seq,
                hash: row.hash.clone().try_into().unwrap(),
            };
            if seq % 10 == 0 || seq == count {
                let head = SignedHead::sign(&Signer::new(&SEED), seq, &link.hash, row.at);
                heads.push(KnownHead {
                    head,
                    source: DATABASE.into(),
                });
            }
            rows.push(row);
        }
        (rows, heads)
    }

    fn verdict(rows: &[Row], heads: Vec<KnownHead>) -> Verdict {
        let mut verifier = Verifier::new(Link::START, heads, &[]);
        rows.iter().for_each(|row| verifier.push(row));
        verifier.finish(Extent::Whole)
    }

    /// What somebody does who can write to the database and has read this file, but does not have the key.
    fn rehash_from(rows: &mut [Row], at: usize) {
        for index in at..rows.len() {
            let previous = match index {
                0 => Link::START.hash,
                _ => rows[index - 1].hash.clone().try_into().unwrap(),
            };
            rows[index].hash = rows[index].hash_after(&previous).to_vec();
        }
    }

    #[test]
    fn what_was_written_is_healthy() {
        let (rows, heads) = written(25);
        let verdict = verdict(&rows, heads);
        assert!(verdict.healthy, "{verdict:?}");
        assert_eq!((verdict.rows, verdict.first_seq, verdict.last_seq, verdict.heads), (25, 1, 25, 3));
        assert!(super::tests::verdict(&[], Vec::new()).healthy);
    }

    #[test]
    fn a_finding_says_where_and_what() {
        let (mut rows, heads) = written(25);
        rows[6].target = "hub".into();
        let found = verdict(&rows, heads).findings;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].seq, found[0].problem), (7, Problem::Changed));
        assert_eq!(found[0].found, HEXLOWER.encode(&rows[6].hash));
    }

    #[test]
    fn a_chain_written_anew_is_found_by_its_heads_and_by_their_absence() {
        let (mut rows, heads) = written(400);
        rows[200].detail = "nothing happened here".into();
        rehash_from(&mut rows, 200);
        let with_heads = verdict(&rows, heads.clone());
        assert_eq!(
            (with_heads.findings[0].seq, with_heads.findings[0].problem),
            (210, Problem::Rewritten)
        );
        let before: Vec<KnownHead> = heads.into_iter().filter(|known| known.head.seq <= 40).collect();
        let without = verdict(&rows, before);
        assert_eq!((without.findings[0].seq, without.findings[0].problem), (41, Problem::Unsigned));
    }

    #[test]
    fn a_head_of_another_key_is_no_head() {
        let (rows, mut heads) = written(10);
        let forged = SignedHead::sign(
            &Signer::new(&[6; 32]),
            10,
            &rows[9].hash.clone().try_into().unwrap(),
            Timestamp::from_millis(1),
        );
        let key = heads[0].head.fingerprint();
        heads.push(KnownHead {
            head: forged,
            source: "file".into(),
        });
        let mut verifier = Verifier::new(Link::START, heads, &[key]);
        rows.iter().for_each(|row| verifier.push(row));
        let verdict = verifier.finish(Extent::Whole);
        assert_eq!((verdict.finding_count, verdict.findings[0].problem), (1, Problem::ForgedHead));
    }

    #[derive(Clone, Debug)]
    enum Attack {
        Edit(usize, usize),
        EditAndRehash(usize),
        Delete(usize, usize),
        Swap(usize, usize),
        SwapWithNumbers(usize, usize),
        Insert(usize),
        Truncate(usize),
    }

    fn attack() -> impl Strategy<Value = Attack> {
        prop_oneof![
            (any::<usize>(), 0usize..9).prop_map(|(at, member)| Attack::Edit(at, member)),
            any::<usize>().prop_map(Attack::EditAndRehash),
            (any::<usize>(), 1usize..5).prop_map(|(at, count)| Attack::Delete(at, count)),
            (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Attack::Swap(a, b)),
            (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Attack::SwapWithNumbers(a, b)),
            any::<usize>().prop_map(Attack::Insert),
            (1usize..30).prop_map(Attack::Truncate),
        ]
    }

    fn apply(rows: &mut Vec<Row>, attack: &Attack) {
        let count = rows.len();
        match *attack {
            Attack::Edit(at, member) => {
                let row = &mut rows[at % count];
                match member {
                    0 => row.at = row.at + Duration::from_millis(1),
                    1 => row.request_id.push('x'),
                    2 => row.caller = "user:bob".into(),
                    3 => row.user_name = "bob".into(),
                    4 => row.address.clear(),
                    5 => row.operation.push('x'),
                    6 => row.outcome = "denied".into(),
                    7 => row.nodes.push("mi-00000000000000000".into()),
                    _ => row.repeats += 1,
                }
            }
            Attack::EditAndRehash(at) => {
                rows[at % count].detail.push('x');
                rehash_from(rows, at % count);
            }
            Attack::Delete(at, gone) => {
                let at = at % count;
                rows.drain(at..(at + gone).min(count));
            }
            Attack::Swap(a, b) => rows.swap(a % count, b % count),
            Attack::SwapWithNumbers(a, b) => {
                let (a, b) = (a % count, b % count);
                rows.swap(a, b);
                let (one, other) = (rows[a].seq, rows[b].seq);
                rows[a].seq = other;
                rows[b].seq = one;
            }
            Attack::Insert(at) => {
                let at = at % count;
                let mut row = rows[at].clone();
                row.detail = "made up".into();
                rows.insert(at, row);
                for (index, row) in rows.iter_mut().enumerate() {
                    row.seq = index as i64 + 1;
                }
                rehash_from(rows, at);
            }
            Attack::Truncate(gone) => rows.truncate(count.saturating_sub(gone)),
        }
    }

    proptest! {
        /// P19: whatever is done to the rows, a head that was kept elsewhere brings it to light.
        #[test]
        fn every_change_to_the_rows_is_found(count in 2i64..60, attack in attack()) {
            let (rows, heads) = written(count);
            let outside = KnownHead { source: "node".into(), ..heads.last().unwrap().clone() };
            let mut changed = rows.clone();
            apply(&mut changed, &attack);
            let verdict = verdict(&changed, vec![outside]);
            prop_assert_eq!(verdict.healthy, changed == rows, "{:?}: {:?}", attack, verdict);
        }
    }
}
