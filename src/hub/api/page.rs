//! Paging: `NextToken` is the key of the last row shown, so that a page is found by index and never skips or repeats a row.

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::{ApiError, ApiResult};

/// Longest token accepted.
const MAX_TOKEN: usize = 4096;

pub fn token<K: Serialize>(key: &K) -> String {
    BASE64URL_NOPAD.encode(&serde_json::to_vec(key).expect("a key of plain values serialises"))
}

/// *Errors*: `InvalidNextToken`, upstream's word for a token that this list did not make.
pub fn parse<K: DeserializeOwned>(token: Option<&str>) -> ApiResult<Option<K>> {
    let Some(token) = token.filter(|t| !t.is_empty()) else {
        return Ok(None);
    };
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok().filter(|_| token.len() <= MAX_TOKEN);
    let key = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    key.map(Some)
        .ok_or_else(|| ApiError::new("InvalidNextToken", "the `NextToken` is not one that this operation gave out"))
}

/// The page size: the caller's wish checked against the operation's range.
///
/// *Errors*: `ValidationException` in upstream's form.
pub fn size(wish: Option<i64>, min: i64, max: i64, default: i64) -> ApiResult<usize> {
    let size = wish.unwrap_or(default);
    let bound = match size {
        n if n < min => format!("greater than or equal to {min}"),
        n if n > max => format!("less than or equal to {max}"),
        n => return Ok(n as usize),
    };
    Err(ApiError::validation(format!(
        "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have value {bound}"
    )))
}

/// Cuts a list that was read one row too long and makes the token of the next page.
pub fn cut<T, K: Serialize>(mut rows: Vec<T>, size: usize, key: impl FnOnce(&T) -> K) -> (Vec<T>, Option<String>) {
    if rows.len() <= size {
        return (rows, None);
    }
    rows.truncate(size);
    let next = rows.last().map(|row| token(&key(row)));
    (rows, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_a_foreign_one_is_refused() {
        let next = token(&(7i64, "mi-1"));
        assert_eq!(parse::<(i64, String)>(Some(&next)).unwrap(), Some((7, "mi-1".into())));
        assert_eq!(parse::<(i64, String)>(Some("garbage")).unwrap_err().code, "InvalidNextToken");
        assert_eq!(parse::<(i64, String)>(Some("")).unwrap(), None);
    }

    #[test]
    fn a_page_is_cut_with_the_key_of_its_last_row() {
        let (rows, next) = cut(vec![1, 2, 3], 2, |n| *n);
        assert_eq!((rows, parse::<i32>(next.as_deref()).unwrap()), (vec![1, 2], Some(2)));
        assert_eq!(cut(vec![1, 2], 2, |n| *n).1, None);
    }

    #[test]
    fn a_page_size_out_of_range_is_refused_in_upstreams_words() {
        assert!(
            size(Some(51), 5, 50, 10)
                .unwrap_err()
                .message
                .contains("at 'maxResults' failed to satisfy constraint")
        );
        assert_eq!(size(None, 5, 50, 10).unwrap(), 10);
    }
}
