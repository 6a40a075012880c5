//! Upstream's words for everything in a request that breaks the model's constraints.

use crate::base::{ApiError, ApiResult};

/// Collects what breaks the model's constraints, so that the caller learns all of it at once, as upstream tells it.
#[derive(Debug, Default)]
pub struct Violations(Vec<String>);

impl Violations {
    pub fn add(&mut self, value: &str, member: &str, must: &str) {
        let value: String = value.chars().take(1200).collect();
        self.0.push(format!(
            "Value '{value}' at '{member}' failed to satisfy constraint: Member must {must}"
        ));
    }

    /// The same for entries of a map (`of` is `Map keys` or `Map value`), with all that each of them must.
    pub fn add_entries(&mut self, value: &str, member: &str, of: &str, musts: &[String]) {
        let value: String = value.chars().take(1200).collect();
        let musts: Vec<String> = musts.iter().map(|must| format!("Member must {must}")).collect();
        self.0.push(format!(
            "Value '{value}' at '{member}' failed to satisfy constraint: {of} must satisfy constraint: [{}]",
            musts.join(", ")
        ));
    }

    /// The same for a value that must not be repeated to anybody.
    pub fn add_hidden(&mut self, member: &str, must: &str) {
        self.0
            .push(format!("Value at '{member}' failed to satisfy constraint: Member must {must}"));
    }

    /// A member that has to be there.
    pub fn required<T: ?Sized>(&mut self, value: Option<&T>, member: &str) {
        if value.is_none() {
            self.0.push(format!(
                "Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ));
        }
    }

    /// A text's length in characters, where it is given.
    pub fn length(&mut self, value: Option<&String>, member: &str, range: std::ops::RangeInclusive<usize>) {
        let Some(value) = value else { return };
        let length = value.chars().count();
        if length < *range.start() {
            self.add(value, member, &format!("have length greater than or equal to {}", range.start()));
        }
        if length > *range.end() {
            self.add(value, member, &format!("have length less than or equal to {}", range.end()));
        }
    }

    /// A closed set, where the member is given.
    pub fn one_of(&mut self, value: Option<&String>, member: &str, allowed: &[&str]) {
        if let Some(value) = value.filter(|v| !allowed.contains(&v.as_str())) {
            self.add(value, member, &format!("satisfy enum value set: [{}]", allowed.join(", ")));
        }
    }

    /// *Errors*: `ValidationException` that lists everything collected.
    pub fn check(self) -> ApiResult<()> {
        let count = self.0.len();
        let noun = if count == 1 { "error" } else { "errors" };
        match count {
            0 => Ok(()),
            _ => Err(ApiError::validation(format!(
                "{count} validation {noun} detected: {}",
                self.0.join("; ")
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_said_in_one_answer() {
        let mut broken = Violations::default();
        broken.required(None::<&String>, "name");
        broken.length(Some(&"xyz".to_owned()), "description", 0..=2);
        assert_eq!(
            broken.check().unwrap_err().message,
            "2 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; \
             Value 'xyz' at 'description' failed to satisfy constraint: Member must have length less than or equal to 2"
        );
        assert!(Violations::default().check().is_ok());
    }
}
