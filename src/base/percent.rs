//! Percent-encoding of text in addresses, queries and forms (RFC 3986, section 2.1).

use std::fmt::Write;

/// All but the unreserved characters as `%XX`, as AWS's signatures want it, too.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_encoded(&mut out, text.as_bytes());
    out
}

/// See [`encoded`].
pub fn push_encoded(out: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}

/// What stands behind it; a `%` that begins no code stands for itself.
pub fn decoded(text: &str) -> Vec<u8> {
    let hex = |b: u8| char::from(b).to_digit(16);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1).zip(bytes.get(at + 2)).and_then(|(h, l)| hex(*h).zip(hex(*l)));
        match pair {
            Some((high, low)) if bytes[at] == b'%' => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_unreserved_stand_for_themselves() {
        assert_eq!(encoded("aZ09-._~"), "aZ09-._~");
        assert_eq!(encoded("a b/c+é%"), "a%20b%2Fc%2B%C3%A9%25");
    }

    #[test]
    fn what_is_encoded_reads_back_and_what_is_not_stays() {
        assert_eq!(decoded("a%20b%2Fc%2b%C3%A9%25"), "a b/c+é%".as_bytes());
        assert_eq!(decoded("100%, %4, %zz, +"), b"100%, %4, %zz, +");
    }
}
