//! Upstream's words for a value that breaks the model's constraints.

use crate::base::{ApiError, ApiResult};

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
