//! One record: 256 bytes with a checksum, the state of one run.
//!
//! ```text
//! magic 8 · sequence 8 · run 16 · boot id 16 · start before 8 · started 8 · ended 8 · state 1 · outcome 1 · has code 1 · 0 · code 4
//! … zeros … · first 8 bytes of the SHA-256 of all before
//! ```

use crate::base::id::CommandId;
use crate::wire::run::Outcome;

pub const RECORD_BYTES: usize = 256;
pub type RecordBytes = [u8; RECORD_BYTES];

/// The kernel's boot id as bytes; another one means that nothing that was running still is.
pub type BootId = [u8; 16];

const MAGIC: &[u8; 8] = b"RSJRNL01";
const CHECKED_BYTES: usize = RECORD_BYTES - 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// On disk, waiting for a free place.
    Accepted,
    /// It may be running, or have run.
    Started,
    /// It is over and the hub may not know it yet.
    Ended,
    /// The hub has the report.
    Stored,
}

/// What the journal knows of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The run's UUID as a number; see [`Entry::id`].
    pub run: u128,
    pub state: State,
    /// Hub's clock.
    pub start_before_ms: i64,
    /// The boot in which it was started.
    pub boot: BootId,
    pub started_at_ms: i64,
    pub ended_at_ms: i64,
    /// The worst outcome of its steps, once ended.
    pub outcome: Option<Outcome>,
    pub exit_code: Option<i32>,
}

impl Entry {
    pub fn new(run: &CommandId, start_before_ms: i64) -> Self {
        Self {
            run: key(run),
            state: State::Accepted,
            start_before_ms,
            boot: BootId::default(),
            started_at_ms: 0,
            ended_at_ms: 0,
            outcome: None,
            exit_code: None,
        }
    }

    pub fn id(&self) -> CommandId {
        uuid::Uuid::from_u128(self.run)
            .to_string()
            .parse()
            .expect("a UUID's text is a command id")
    }
}

pub fn key(run: &CommandId) -> u128 {
    uuid::Uuid::parse_str(run.as_str())
        .expect("a command id is a UUID's text")
        .as_u128()
}

pub fn encode(sequence: u64, entry: &Entry) -> RecordBytes {
    let mut bytes = [0u8; RECORD_BYTES];
    bytes[0..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&sequence.to_le_bytes());
    bytes[16..32].copy_from_slice(&entry.run.to_le_bytes());
    bytes[32..48].copy_from_slice(&entry.boot);
    bytes[48..56].copy_from_slice(&entry.start_before_ms.to_le_bytes());
    bytes[56..64].copy_from_slice(&entry.started_at_ms.to_le_bytes());
    bytes[64..72].copy_from_slice(&entry.ended_at_ms.to_le_bytes());
    bytes[72] = state_code(entry.state);
    bytes[73] = entry.outcome.map_or(0, outcome_code);
    bytes[74] = u8::from(entry.exit_code.is_some());
    bytes[76..80].copy_from_slice(&entry.exit_code.unwrap_or(0).to_le_bytes());
    let sum = checksum(&bytes);
    bytes[CHECKED_BYTES..].copy_from_slice(&sum);
    bytes
}

/// `None` for a record that was never written, torn, or of another version.
pub fn decode(bytes: &RecordBytes) -> Option<(u64, Entry)> {
    if &bytes[0..8] != MAGIC || checksum(bytes) != bytes[CHECKED_BYTES..] {
        return None;
    }
    let entry = Entry {
        run: u128::from_le_bytes(field(bytes, 16)),
        boot: field(bytes, 32),
        start_before_ms: i64::from_le_bytes(field(bytes, 48)),
        started_at_ms: i64::from_le_bytes(field(bytes, 56)),
        ended_at_ms: i64::from_le_bytes(field(bytes, 64)),
        state: state_of(bytes[72])?,
        outcome: outcome_of(bytes[73]),
        exit_code: (bytes[74] == 1).then(|| i32::from_le_bytes(field(bytes, 76))),
    };
    Some((u64::from_le_bytes(field(bytes, 8)), entry))
}

fn field<const N: usize>(bytes: &RecordBytes, at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the offsets are constants inside the record")
}

fn checksum(bytes: &RecordBytes) -> [u8; 8] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes[..CHECKED_BYTES]);
    digest.as_ref()[..8].try_into().expect("a SHA-256 is longer")
}

const STATES: [State; 4] = [State::Accepted, State::Started, State::Ended, State::Stored];
const OUTCOMES: [Outcome; 6] = [
    Outcome::Success,
    Outcome::Failed,
    Outcome::TimedOut,
    Outcome::Cancelled,
    Outcome::Interrupted,
    Outcome::Skipped,
];

fn state_code(state: State) -> u8 {
    STATES.iter().position(|s| *s == state).map_or(0, |at| at as u8 + 1)
}

fn state_of(code: u8) -> Option<State> {
    STATES.get(usize::from(code.checked_sub(1)?)).copied()
}

fn outcome_code(outcome: Outcome) -> u8 {
    OUTCOMES.iter().position(|o| *o == outcome).map_or(0, |at| at as u8 + 1)
}

fn outcome_of(code: u8) -> Option<Outcome> {
    OUTCOMES.get(usize::from(code.checked_sub(1)?)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_entry() -> impl Strategy<Value = Entry> {
        (
            any::<u128>(),
            0usize..4,
            any::<[i64; 3]>(),
            any::<[u8; 16]>(),
            proptest::option::of(0usize..6),
            any::<Option<i32>>(),
        )
            .prop_map(|(run, state, times, boot, outcome, exit_code)| Entry {
                run,
                state: STATES[state],
                start_before_ms: times[0],
                boot,
                started_at_ms: times[1],
                ended_at_ms: times[2],
                outcome: outcome.map(|o| OUTCOMES[o]),
                exit_code,
            })
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(entry in any_entry(), sequence in any::<u64>()) {
            prop_assert_eq!(decode(&encode(sequence, &entry)), Some((sequence, entry)));
        }

        #[test]
        fn a_damaged_record_is_no_record(entry in any_entry(), at in 0usize..RECORD_BYTES, by in 1u8..) {
            let mut bytes = encode(1, &entry);
            bytes[at] ^= by;
            prop_assert_eq!(decode(&bytes), None);
        }

        #[test]
        fn an_id_survives_as_a_number(_n in 0..20) {
            let run = CommandId::random();
            prop_assert_eq!(Entry::new(&run, 0).id(), run);
        }
    }
}
