//! What a key may at most do: a list of actions that narrows its user's rights and never widens them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::model::access::pattern::Pattern;

/// Actions of one key; more is a policy's business.
const MAX_PATTERNS: usize = 100;
const MAX_PATTERN_BYTES: usize = 128;
/// Whoever holds a key may ask whose it is, as upstream.
const ALWAYS: [&str; 2] = ["sts:GetCallerIdentity", "roadstead:GetCaller"];

/// Patterns such as `ssm:Get*`; an action is allowed when one of them fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(Vec<String>);

impl Scope {
    /// *Errors*: `ValidationException` naming the first pattern that is none.
    pub fn parse(patterns: Vec<String>) -> ApiResult<Self> {
        if !(1..=MAX_PATTERNS).contains(&patterns.len()) {
            return Err(ApiError::validation(format!(
                "a scope has 1 to {MAX_PATTERNS} actions, this one has {}",
                patterns.len()
            )));
        }
        match patterns.iter().find(|pattern| !is_pattern(pattern)) {
            Some(wrong) => Err(ApiError::validation(format!(
                "`{}` is not an action: write `service:Operation`, with `*` or `?` for what may vary, such as `ssm:Get*`",
                wrong.chars().take(MAX_PATTERN_BYTES).collect::<String>()
            ))),
            None => Ok(Self(patterns)),
        }
    }

    pub fn allows(&self, action: &str) -> bool {
        if ALWAYS.contains(&action) {
            return true;
        }
        // Letters compare without case, as in policies.
        let action = action.to_ascii_lowercase();
        let fits = |pattern: &String| Pattern::new(&pattern.to_ascii_lowercase(), "").matches(&action);
        self.0.iter().any(fits)
    }

    pub fn patterns(&self) -> &[String] {
        &self.0
    }
}

/// As it is stored.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl FromStr for Scope {
    type Err = ApiError;
    fn from_str(text: &str) -> ApiResult<Self> {
        Self::parse(text.split(' ').map(str::to_owned).collect())
    }
}

fn is_pattern(text: &str) -> bool {
    let is_name = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"*?-".contains(&b));
    let parts = text.split_once(':');
    text.len() <= MAX_PATTERN_BYTES && (text == "*" || parts.is_some_and(|(service, operation)| is_name(service) && is_name(operation)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_policies() {
        let scope = Scope::parse(vec!["ssm:Get*".into(), "roadstead:list?odes".into()]).unwrap();
        assert!(scope.allows("ssm:GetParameter") && scope.allows("ssm:getthing") && scope.allows("roadstead:ListNodes"));
        assert!(!scope.allows("ssm:SendCommand") && !scope.allows("roadstead:GetParameter"));
        assert!(scope.allows("sts:GetCallerIdentity"));
        assert!(Scope::parse(vec!["*".into()]).unwrap().allows("ssm:SendCommand"));
    }

    #[test]
    fn what_is_no_action_is_refused() {
        for wrong in ["", "ssm", "ssm:", ":Get", "ssm:Get Parameter", "ssm:Get:x"] {
            assert!(Scope::parse(vec![wrong.into()]).is_err(), "{wrong}");
        }
        assert!(Scope::parse(Vec::new()).is_err());
    }

    #[test]
    fn a_scope_survives_being_stored() {
        let scope = Scope::parse(vec!["ssm:Get*".into(), "ssm:List*".into()]).unwrap();
        assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
    }
}
