//! Questions and answers of the Domain Name System (RFC 1035) as far as a host that looks for addresses needs them. Pure.
//!
//! What comes in is hostile: every length is checked against what is there, and nothing in it is followed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const HEADER_BYTES: usize = 12;
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;
/// More than any host has; the rest of an answer is passed over.
const MAX_ADDRESSES: usize = 64;
const CLASS_IN: u16 = 1;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    V4 = 1,
    V6 = 28,
}

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub verdict: Verdict,
    /// It did not fit into a datagram.
    pub is_cut: bool,
    pub addresses: Vec<IpAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What there is stands in the answer; it may be nothing.
    Known,
    NoSuchName,
    /// This server cannot say; another one may.
    Failed,
}

/// A question, with the number that its answer must carry. `None`: no name of a host.
pub fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    if name.is_empty() || name.len() > MAX_NAME {
        return None;
    }
    let mut message = Vec::with_capacity(HEADER_BYTES + name.len() + 6);
    message.extend_from_slice(&id.to_be_bytes());
    // A question; the server is to find out by itself. One question, and nothing else.
    message.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        if !(1..=MAX_LABEL).contains(&label.len()) || !label.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&(kind as u16).to_be_bytes());
    message.extend_from_slice(&CLASS_IN.to_be_bytes());
    Some(message)
}

/// The answer to `question`; `None` when these bytes are none.
pub fn answer(question: &[u8], bytes: &[u8]) -> Option<Answer> {
    let (head, body) = bytes.split_at_checked(HEADER_BYTES)?;
    let (asked_head, asked) = question.split_at_checked(HEADER_BYTES)?;
    let is_answer = head[2] & 0xf8 == 0x80;
    if head[..2] != asked_head[..2] || !is_answer || head[4..6] != [0, 1] {
        return None;
    }
    // Servers may answer in other letters than they were asked in.
    let (repeated, records) = body.split_at_checked(asked.len())?;
    if !repeated.eq_ignore_ascii_case(asked) {
        return None;
    }
    let verdict = match head[3] & 0x0f {
        0 => Verdict::Known,
        3 => Verdict::NoSuchName,
        _ => Verdict::Failed,
    };
    let count = u16::from_be_bytes([head[6], head[7]]);
    Some(Answer {
        verdict,
        is_cut: head[2] & 0x02 != 0,
        addresses: addresses(records, count, kind_of(asked)),
    })
}

fn kind_of(asked: &[u8]) -> u16 {
    asked
        .len()
        .checked_sub(4)
        .map_or(0, |at| u16::from_be_bytes([asked[at], asked[at + 1]]))
}

/// The addresses among the first `count` records; a record that is not whole ends the search. The way there over other names
/// (CNAME) was gone by the server, which puts the addresses into the same answer.
fn addresses(mut records: &[u8], count: u16, kind: u16) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for _ in 0..count {
        let Some((record, content, rest)) = record(records) else { break };
        records = rest;
        if record != (kind, CLASS_IN) || found.len() == MAX_ADDRESSES {
            continue;
        }
        let address = match content.len() {
            4 => <[u8; 4]>::try_from(content).map(|octets| Ipv4Addr::from(octets).into()),
            16 => <[u8; 16]>::try_from(content).map(|octets| Ipv6Addr::from(octets).into()),
            _ => continue,
        };
        found.extend(address.ok().filter(|address| !found.contains(address)));
    }
    found
}

/// Kind and class of the first record, its content, and what follows it.
type Record<'a> = ((u16, u16), &'a [u8], &'a [u8]);

fn record(bytes: &[u8]) -> Option<Record<'_>> {
    let (fixed, rest) = after_name(bytes)?.split_at_checked(10)?;
    let number = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    let (content, rest) = rest.split_at_checked(usize::from(number(8)))?;
    Some(((number(0), number(2)), content, rest))
}

/// Skips a name: labels up to an empty one, or up to a pointer to the rest of the name.
fn after_name(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (&length, rest) = bytes.split_first()?;
        match length {
            0 => return Some(rest),
            0xc0.. => return rest.get(1..),
            1..=63 => bytes = rest.get(usize::from(length)..)?,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An answer with these records after the repeated question.
    fn answered(question: &[u8], flags: [u8; 2], records: &[Vec<u8>]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2..4].copy_from_slice(&flags);
        message[7] = records.len() as u8;
        message.extend(records.concat());
        message
    }

    fn entry(name: &[u8], kind: u16, content: &[u8]) -> Vec<u8> {
        let mut record = name.to_vec();
        record.extend_from_slice(&kind.to_be_bytes());
        record.extend_from_slice(&[0, 1, 0, 0, 0, 9]);
        record.extend_from_slice(&(content.len() as u16).to_be_bytes());
        record.extend_from_slice(content);
        record
    }

    const POINTER: &[u8] = &[0xc0, 12];

    #[test]
    fn addresses_are_found_behind_another_name() {
        let asked = question(7, "hub.example", Kind::V4).unwrap();
        let records = [
            entry(POINTER, 5, b"\x05other\xc0\x10"),
            entry(b"\x05other\xc0\x10", 1, &[192, 0, 2, 1]),
            entry(b"\x01x\x00", 28, &[0; 16]),
            entry(POINTER, 1, &[192, 0, 2, 1]),
            entry(POINTER, 1, &[192, 0, 2, 2]),
        ];
        let found = answer(&asked, &answered(&asked, [0x81, 0x80], &records)).unwrap();
        let expected: Vec<IpAddr> = vec!["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        assert_eq!((found.verdict, found.is_cut, found.addresses), (Verdict::Known, false, expected));
    }

    #[test]
    fn verdicts_are_told_apart() {
        let asked = question(7, "hub", Kind::V6).unwrap();
        let verdict = |flags| answer(&asked, &answered(&asked, flags, &[])).map(|a| (a.verdict, a.is_cut));
        assert_eq!(verdict([0x80, 0x03]), Some((Verdict::NoSuchName, false)));
        assert_eq!(verdict([0x80, 0x05]), Some((Verdict::Failed, false)));
        assert_eq!(verdict([0x82, 0x00]), Some((Verdict::Known, true)));
    }

    #[test]
    fn what_answers_another_question_is_no_answer() {
        let asked = question(7, "hub.example", Kind::V4).unwrap();
        let whole = answered(&asked, [0x80, 0], &[]);
        assert!(answer(&asked, &answered(&question(7, "HUB.Example", Kind::V4).unwrap(), [0x80, 0], &[])).is_some());
        for other in [
            question(8, "hub.example", Kind::V4),
            question(7, "hub.exampla", Kind::V4),
            question(7, "hub.example", Kind::V6),
        ] {
            assert_eq!(answer(&other.unwrap(), &whole), None);
        }
        assert_eq!(answer(&asked, &asked), None, "a question is no answer");
    }

    #[test]
    fn only_names_of_hosts_are_asked_for() {
        let long = "a".repeat(64);
        for bad in ["", ".", "a..b", "-\u{fc}", "a b", long.as_str(), &"a.".repeat(127)] {
            assert_eq!(question(1, bad, Kind::V4), None, "{bad}");
        }
        assert!(question(1, &long[1..], Kind::V4).is_some());
    }

    proptest! {
        #[test]
        fn no_answer_is_too_hostile(flags in any::<[u8; 2]>(), count in any::<u16>(), rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            let asked = question(7, "hub.example", Kind::V4).unwrap();
            let mut message = answered(&asked, flags, &[rest]);
            message[6..8].copy_from_slice(&count.to_be_bytes());
            if let Some(found) = answer(&asked, &message) {
                prop_assert!(found.addresses.len() <= MAX_ADDRESSES);
            }
        }

        #[test]
        fn a_cut_answer_gives_what_is_whole(end in 0usize..80) {
            let asked = question(7, "hub.example", Kind::V4).unwrap();
            let whole = answered(&asked, [0x80, 0], &[entry(POINTER, 1, &[192, 0, 2, 1]), entry(POINTER, 1, &[192, 0, 2, 2])]);
            let found = answer(&asked, &whole[..end.min(whole.len())]);
            prop_assert!(found.is_none_or(|found| found.addresses.len() <= 2));
        }
    }
}
