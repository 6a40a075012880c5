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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_unreserved_stand_for_themselves() {
        assert_eq!(encoded("aZ09-._~"), "aZ09-._~");
        assert_eq!(encoded("a b/c+é%"), "a%20b%2Fc%2B%C3%A9%25");
    }
}
