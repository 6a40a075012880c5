//! Upstream's words for a value that breaks the model's constraints.

pub use crate::base::violations::Violations;
use crate::base::{ApiError, ApiResult};

const MAX_PEM: usize = 64 * 1024;

/// `1 validation error detected: Value '…' at '…' failed to satisfy constraint: Member must …`
pub fn violated(value: &str, member: &str, must: &str) -> ApiError {
    let value: String = value.chars().take(200).collect();
    ApiError::validation(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must {must}"
    ))
}

/// *Errors*: `ValidationException` when `value` is not one of `allowed`.
pub fn one_of(value: &str, member: &str, allowed: &[&str]) -> ApiResult<()> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(violated(
        value,
        member,
        &format!("satisfy enum value set: [{}]", allowed.join(", ")),
    ))
}

/// *Errors*: `ValidationException` when the text has more than `max` characters.
pub fn at_most(value: &str, member: &str, max: usize) -> ApiResult<()> {
    if value.chars().count() <= max {
        return Ok(());
    }
    Err(violated(value, member, &format!("have length less than or equal to {max}")))
}

/// *Errors*: `ValidationException` when a list has more than `max` entries.
pub fn count_at_most<T>(list: &[T], member: &str, max: usize) -> ApiResult<()> {
    if list.len() <= max {
        return Ok(());
    }
    Err(violated(
        &format!("[{} entries]", list.len()),
        member,
        &format!("have length less than or equal to {max}"),
    ))
}

/// *Errors*: `ValidationException` when a list that may be left out is given without an entry.
pub fn not_empty<T>(list: Option<&[T]>, member: &str) -> ApiResult<()> {
    match list {
        Some([]) => Err(violated("[]", member, "have length greater than or equal to 1")),
        _ => Ok(()),
    }
}

/// *Errors*: `ValidationException` when the name that an operator gives something (`a channel`) is no plain word.
pub fn plain_name(name: &str, of: &str) -> ApiResult<()> {
    let is_name = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    match is_name {
        true => Ok(()),
        false => Err(ApiError::validation(format!(
            "{of}'s name has 1 to 64 letters, digits, `_` and `-`"
        ))),
    }
}

/// *Errors*: `ValidationException` when one more authority to trust is not given as PEM, or is too long to be one.
pub fn authority(pem: Option<&str>) -> ApiResult<()> {
    match pem {
        Some(pem) if pem.len() > MAX_PEM || !pem.contains("-----BEGIN CERTIFICATE-----") => Err(ApiError::validation(
            "a certificate authority is given as PEM: `-----BEGIN CERTIFICATE-----` …",
        )),
        _ => Ok(()),
    }
}
