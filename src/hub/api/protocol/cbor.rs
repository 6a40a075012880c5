//! Members and answers in CBOR (RFC 8949), as Smithy's RPC v2 protocol carries them.
//!
//! *Source*: the protocol's page in the Smithy specification. Only what JSON can say is read: the services that speak this
//! have no byte strings in their requests. Nothing is taken for a length before as many bytes are there.

use bytes::Bytes;
use serde_json::{Map, Number, Value};

use crate::base::{ApiError, ApiResult};

/// As deep as JSON bodies may be.
const MAX_DEPTH: usize = 64;
/// Ends what was begun without a length.
const BREAK: u8 = 0xff;

mod major {
    pub const UNSIGNED: u8 = 0;
    pub const NEGATIVE: u8 = 1;
    pub const TEXT: u8 = 3;
    pub const LIST: u8 = 4;
    pub const MAP: u8 = 5;
    pub const TAG: u8 = 6;
    pub const SIMPLE: u8 = 7;
}

/// A request's members as JSON; an empty body has none.
///
/// *Errors*: `SerializationException`.
pub fn members(body: &[u8]) -> ApiResult<Bytes> {
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    let mut reader = Reader(body);
    let value = reader.value(MAX_DEPTH).map_err(|Malformed(what)| refused(what))?;
    match reader.0.is_empty() {
        true => Ok(Bytes::from(value.to_string())),
        false => Err(refused("it goes on after its value")),
    }
}

fn refused(what: &str) -> ApiError {
    ApiError::new("SerializationException", format!("the body is not valid CBOR: {what}"))
}

/// What is wrong, in a few words.
struct Malformed(&'static str);

type Read<T> = Result<T, Malformed>;

/// The bytes that are left.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn value(&mut self, depth: usize) -> Read<Value> {
        let depth = depth.checked_sub(1).ok_or(Malformed("it is nested too deeply"))?;
        let (major, short) = self.head()?;
        match major {
            major::UNSIGNED => self.argument(short).map(Value::from),
            major::NEGATIVE => {
                let number = i64::try_from(self.argument(short)?).map_err(|_| Malformed("a number is too small"))?;
                Ok(Value::from(-1 - number))
            }
            major::TEXT => self.text(short).map(Value::String),
            major::LIST => self.list(short, depth),
            major::MAP => self.map(short, depth),
            // A time or the like: what it is of stands in its value.
            major::TAG => {
                self.argument(short)?;
                self.value(depth)
            }
            major::SIMPLE => self.simple(short),
            _ => Err(Malformed("byte strings have no place here")),
        }
    }

    fn head(&mut self) -> Read<(u8, u8)> {
        let byte = self.take(1)?[0];
        Ok((byte >> 5, byte & 0x1f))
    }

    fn take(&mut self, count: u64) -> Read<&'b [u8]> {
        let count = usize::try_from(count).map_err(|_| Malformed("it ends early"))?;
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed("it ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn argument(&mut self, short: u8) -> Read<u64> {
        let width = match short {
            0..=23 => return Ok(short.into()),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(Malformed("a length is missing")),
        };
        let bytes = self.take(width)?;
        Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// How many items follow; `None` when a break ends them.
    fn length(&mut self, short: u8) -> Read<Option<u64>> {
        match short {
            31 => Ok(None),
            short => self.argument(short).map(Some),
        }
    }

    fn is_over(&mut self, length: &mut Option<u64>) -> bool {
        match length {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => match self.0.first() {
                Some(&BREAK) => {
                    self.0 = &self.0[1..];
                    true
                }
                _ => false,
            },
        }
    }

    fn text(&mut self, short: u8) -> Read<String> {
        if let Some(length) = self.length(short)? {
            let bytes = self.take(length)?;
            let text = std::str::from_utf8(bytes).map_err(|_| Malformed("a text is not UTF-8"))?;
            return Ok(text.to_owned());
        }
        let mut text = String::new();
        while !self.is_over(&mut None) {
            match self.head()? {
                (major::TEXT, short) if short != 31 => text.push_str(&self.text(short)?),
                _ => return Err(Malformed("a text in pieces has one that is no text")),
            }
        }
        Ok(text)
    }

    fn list(&mut self, short: u8, depth: usize) -> Read<Value> {
        let (mut length, mut items) = (self.length(short)?, Vec::new());
        while !self.is_over(&mut length) {
            items.push(self.value(depth)?);
        }
        Ok(Value::Array(items))
    }

    fn map(&mut self, short: u8, depth: usize) -> Read<Value> {
        let (mut length, mut members) = (self.length(short)?, Map::new());
        while !self.is_over(&mut length) {
            let name = match self.head()? {
                (major::TEXT, short) => self.text(short)?,
                _ => return Err(Malformed("a member's name is no text")),
            };
            let value = self.value(depth)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }

    fn simple(&mut self, short: u8) -> Read<Value> {
        let number = match short {
            20 => return Ok(Value::Bool(false)),
            21 => return Ok(Value::Bool(true)),
            22 | 23 => return Ok(Value::Null),
            25 => half(u16::try_from(self.argument(short)?).unwrap_or_default()),
            26 => f32::from_bits(u32::try_from(self.argument(short)?).unwrap_or_default()).into(),
            27 => f64::from_bits(self.argument(short)?),
            _ => return Err(Malformed("it has a value that JSON has not")),
        };
        let number = Number::from_f64(number).ok_or(Malformed("a number is not finite"))?;
        Ok(Value::Number(number))
    }
}

/// A number of 16 bits: sign, five bits of exponent, ten of fraction.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
    };
    if bits >> 15 == 0 { size } else { -size }
}

/// An answer that is JSON, as CBOR.
pub fn written(json: &[u8]) -> Bytes {
    let value: Value = serde_json::from_slice(json).unwrap_or(Value::Null);
    let mut bytes = Vec::with_capacity(json.len());
    write(&mut bytes, &value);
    bytes.into()
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(false) => out.push(0xf4),
        Value::Bool(true) => out.push(0xf5),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            write_head(out, major::LIST, items.len() as u64);
            items.iter().for_each(|item| write(out, item));
        }
        Value::Object(members) => {
            write_head(out, major::MAP, members.len() as u64);
            for (name, value) in members {
                write_text(out, name);
                write(out, value);
            }
        }
    }
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    if let Some(number) = number.as_u64() {
        return write_head(out, major::UNSIGNED, number);
    }
    if let Some(number) = number.as_i64() {
        return write_head(out, major::NEGATIVE, (-1 - number).unsigned_abs());
    }
    out.push(major::SIMPLE << 5 | 27);
    out.extend_from_slice(&number.as_f64().unwrap_or_default().to_bits().to_be_bytes());
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_head(out, major::TEXT, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn write_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let bytes = argument.to_be_bytes();
    let (short, width) = match argument {
        0..=23 => (bytes[7], 0),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | short);
    out.extend_from_slice(&bytes[8 - width..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_clients_send_is_read() {
        // {"Tags": {"a": "b"}, "N": 5} with maps of unknown length, as streaming encoders write them.
        let body = b"\xbf\x64Tags\xbf\x61a\x61b\xff\x61N\x05\xff";
        assert_eq!(members(body).unwrap(), r#"{"N":5,"Tags":{"a":"b"}}"#);
        // {"a": [true, null, -100, 1.5 in 16 bits, 1.5 in 32 bits, a tagged time], "t": "ab" in two pieces}
        let body = b"\xa2\x61a\x86\xf5\xf6\x38\x63\xf9\x3e\x00\xfa\x3f\xc0\x00\x00\xc1\x1a\x00\x00\x00\x01\x61t\x7f\x61a\x61b\xff";
        assert_eq!(members(body).unwrap(), r#"{"a":[true,null,-100,1.5,1.5,1],"t":"ab"}"#);
        assert_eq!(members(b"").unwrap(), "{}");
    }

    #[test]
    fn what_is_no_cbor_is_refused() {
        let deep = [0x81_u8; 5000];
        for wrong in [
            &b"\xff"[..],
            b"\xa1",
            b"\xa0\xa0",
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x61\xff",
            b"\xa1\x01\x02",
            b"\xf9\x7c\x00",
            b"\x42ab",
            &deep,
        ] {
            assert_eq!(members(wrong).unwrap_err().code, "SerializationException");
        }
    }

    proptest! {
        #[test]
        fn every_answer_reads_back(
            pairs in proptest::collection::btree_map(".*", any::<i64>(), 0..8),
            text in ".*",
            size in any::<u64>(),
            // Our JSON reads fractions to the last bit only where they are short.
            share in any::<i32>().prop_map(|n| f64::from(n) / 8.0),
        ) {
            let json = serde_json::json!({ "pairs": pairs, "share": share, "size": size, "text": text }).to_string();
            prop_assert_eq!(members(&written(json.as_bytes())).unwrap(), json);
        }

        #[test]
        fn no_bytes_make_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _either = members(&bytes);
        }
    }
}
