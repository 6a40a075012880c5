//! As much of CBOR as authenticators speak: definite lengths, no floats, no tags.
//!
//! Pure, and bounded: nothing is taken for a length before as many bytes are there, and nesting ends early.
//! *Source*: RFC 8949; the canonical form of CTAP2.

/// Deeper than any authenticator nests.
const MAX_DEPTH: u8 = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Number(i64),
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Item>),
    Map(Vec<(Item, Item)>),
    Bool(bool),
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no CBOR that an authenticator sends")]
pub struct Malformed;

impl Item {
    /// The first item and what follows it.
    pub fn read(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        read(bytes, MAX_DEPTH)
    }

    /// A member of a map by its name.
    pub fn named(&self, name: &str) -> Option<&Item> {
        self.find(|key| matches!(key, Self::Text(text) if text == name))
    }

    /// A member of a map by its number.
    pub fn numbered(&self, number: i64) -> Option<&Item> {
        self.find(|key| *key == Self::Number(number))
    }

    fn find(&self, is_meant: impl Fn(&Item) -> bool) -> Option<&Item> {
        match self {
            Self::Map(members) => members.iter().find(|(key, _)| is_meant(key)).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn read(bytes: &[u8], depth: u8) -> Result<(Item, &[u8]), Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed)?;
    let (first, rest) = bytes.split_first().ok_or(Malformed)?;
    let (argument, rest) = argument(first & 0x1f, rest)?;
    let number = || i64::try_from(argument).map_err(|_| Malformed);
    match first >> 5 {
        0 => Ok((Item::Number(number()?), rest)),
        1 => Ok((Item::Number(-1 - number()?), rest)),
        2 => take(argument, rest).map(|(bytes, rest)| (Item::Bytes(bytes.to_vec()), rest)),
        3 => {
            let (bytes, rest) = take(argument, rest)?;
            let text = std::str::from_utf8(bytes).map_err(|_| Malformed)?;
            Ok((Item::Text(text.to_owned()), rest))
        }
        4 => {
            let (mut items, mut rest) = (Vec::new(), rest);
            for _ in 0..argument {
                let (item, after) = read(rest, depth)?;
                items.push(item);
                rest = after;
            }
            Ok((Item::List(items), rest))
        }
        5 => {
            let (mut members, mut rest) = (Vec::new(), rest);
            for _ in 0..argument {
                let (key, after) = read(rest, depth)?;
                let (value, after) = read(after, depth)?;
                members.push((key, value));
                rest = after;
            }
            Ok((Item::Map(members), rest))
        }
        7 => match first & 0x1f {
            20 => Ok((Item::Bool(false), rest)),
            21 => Ok((Item::Bool(true), rest)),
            22 => Ok((Item::Null, rest)),
            _ => Err(Malformed),
        },
        _ => Err(Malformed),
    }
}

fn argument(short: u8, rest: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let width = match short {
        0..=23 => return Ok((short.into(), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return Err(Malformed),
    };
    let (bytes, rest) = take(width, rest)?;
    Ok((bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), rest))
}

fn take(count: u64, bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let count = usize::try_from(count).map_err(|_| Malformed)?;
    bytes.split_at_checked(count).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_kinds_that_occur_are_read() {
        let bytes = [0xa3, 0x01, 0x38, 0x63, 0x61, b'a', 0x42, 9, 8, 0x20, 0x82, 0xf5, 0xf6, 0xff];
        let (item, rest) = Item::read(&bytes).unwrap();
        assert_eq!(item.numbered(1), Some(&Item::Number(-100)));
        assert_eq!(item.named("a").and_then(Item::bytes), Some(&[9, 8][..]));
        assert_eq!(item.numbered(-1), Some(&Item::List(vec![Item::Bool(true), Item::Null])));
        assert_eq!(rest, [0xff]);
    }

    #[test]
    fn lengths_and_depths_that_lie_are_refused() {
        for bytes in [
            &[][..],
            &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x81; 100],
            &[0x5f, 0x41, 0x00, 0xff],
            &[0x61, 0xff],
            &[0xc0, 0x00],
        ] {
            assert_eq!(Item::read(bytes), Err(Malformed), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _verdict = Item::read(&bytes);
        }
    }
}
