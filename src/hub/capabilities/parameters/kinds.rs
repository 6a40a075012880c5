//! The closed sets: types and tiers; and the ARNs that answers carry.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::base::arn::partition;
use crate::base::{ApiError, ApiResult};
use crate::hub::api::Cx;
use crate::model::parameter::ParameterKey;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Kind {
    String,
    StringList,
    SecureString,
}

impl Kind {
    /// In the order in which upstream lists them when none fits.
    pub const NAMES: &[&str] = &["SecureString", "StringList", "String"];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::SecureString => "SecureString",
        }
    }
}

impl FromStr for Kind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::String, Self::StringList, Self::SecureString]
            .into_iter()
            .find(|k| k.as_str() == text)
            .ok_or(())
    }
}

/// What a parameter may hold. `Intelligent-Tiering` is a wish, never a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Tier {
    Standard,
    Advanced,
}

/// A tier as a caller asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedTier {
    Exactly(Tier),
    Intelligent,
}

impl Tier {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Advanced => "Advanced",
        }
    }
}

impl FromStr for Tier {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Standard, Self::Advanced].into_iter().find(|t| t.as_str() == text).ok_or(())
    }
}

impl WantedTier {
    pub const NAMES: &[&str] = &["Standard", "Advanced", "Intelligent-Tiering"];
}

impl FromStr for WantedTier {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "Intelligent-Tiering" => Ok(Self::Intelligent),
            other => other.parse().map(Self::Exactly),
        }
    }
}

/// Upstream's largest values.
const STANDARD_BYTES: usize = 4096;
const ADVANCED_BYTES: usize = 8192;
/// Differs: with Intelligent-Tiering a value may have up to 1 MiB; upstream stops at 8 KB.
pub const LARGEST_BYTES: usize = 1024 * 1024;

/// What decides about a tier.
#[derive(Clone, Copy)]
pub struct TierFacts {
    pub wanted: Option<WantedTier>,
    pub current: Option<Tier>,
    pub value_bytes: usize,
    pub has_policies: bool,
}

/// The tier that a version gets.
///
/// *Errors*: `ValidationException` when the value or its policies do not fit, or the tier would go down.
pub fn tier(facts: TierFacts) -> ApiResult<Tier> {
    let wanted = facts.wanted.unwrap_or(WantedTier::Exactly(facts.current.unwrap_or(Tier::Standard)));
    let is_large = facts.value_bytes > STANDARD_BYTES;
    match wanted {
        WantedTier::Intelligent if facts.current == Some(Tier::Advanced) || is_large || facts.has_policies => Ok(Tier::Advanced),
        WantedTier::Intelligent => Ok(Tier::Standard),
        WantedTier::Exactly(Tier::Standard) if facts.current == Some(Tier::Advanced) => Err(ApiError::validation(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the \
             standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter. Be \
             aware that standard parameters have a value limit of 4096 characters.",
        )),
        WantedTier::Exactly(Tier::Standard) if is_large => Err(ApiError::validation(
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade \
             the parameter to use the advanced-parameter tier. For more information, see \
             https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
        )),
        WantedTier::Exactly(Tier::Standard) if facts.has_policies => Err(ApiError::validation(
            "Standard tier parameters don't support parameter policies. To use policies, upgrade the parameter to use the \
             advanced-parameter tier.",
        )),
        WantedTier::Exactly(Tier::Advanced) if facts.value_bytes > ADVANCED_BYTES => Err(ApiError::validation(
            "Advanced tier parameters support a maximum parameter value of 8192 characters.",
        )),
        WantedTier::Exactly(tier) => Ok(tier),
    }
}

/// What ARNs begin with for this caller: partition, region and account.
#[derive(Clone, Debug)]
pub struct ArnHead {
    partition: &'static str,
    region: String,
    account: String,
}

impl ArnHead {
    pub fn of(cx: &Cx) -> Self {
        let region = cx.request().region.clone();
        Self {
            partition: partition(&region),
            account: cx.services.config.account_id.clone(),
            region,
        }
    }

    pub fn parameter(&self, key: &ParameterKey) -> String {
        format!("arn:{}:ssm:{}:{}:parameter{key}", self.partition, self.region, self.account)
    }

    pub fn user(&self, name: &str) -> String {
        format!("arn:{}:iam::{}:user/{name}", self.partition, self.account)
    }

    pub fn key(&self, id: &str) -> String {
        format!("arn:{}:kms:{}:{}:key/{id}", self.partition, self.region, self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(wanted: &str, current: Option<Tier>, value_bytes: usize, has_policies: bool) -> TierFacts {
        TierFacts {
            wanted: wanted.parse().ok(),
            current,
            value_bytes,
            has_policies,
        }
    }

    #[test]
    fn the_tier_follows_wish_size_and_policies() {
        let of = |wanted: &str, current, bytes, policies| tier(facts(wanted, current, bytes, policies)).ok();
        assert_eq!(of("", None, 4096, false), Some(Tier::Standard));
        assert_eq!(of("", None, 4097, false), None);
        assert_eq!(of("", None, 1, true), None);
        assert_eq!(of("", Some(Tier::Advanced), 8192, true), Some(Tier::Advanced));
        assert_eq!(of("Standard", Some(Tier::Advanced), 1, false), None);
        assert_eq!(of("Advanced", Some(Tier::Standard), 8193, false), None);
        assert_eq!(of("Intelligent-Tiering", None, 1, false), Some(Tier::Standard));
        assert_eq!(of("Intelligent-Tiering", None, 100_000, false), Some(Tier::Advanced));
        assert_eq!(of("Intelligent-Tiering", Some(Tier::Advanced), 1, false), Some(Tier::Advanced));
    }

    #[test]
    fn arns_carry_the_callers_region_and_its_partition() {
        let head = |region: &str| ArnHead {
            partition: partition(region),
            region: region.into(),
            account: "000000000000".into(),
        };
        let key = ParameterKey::for_writing("db").unwrap();
        assert_eq!(
            head("cn-north-1").parameter(&key),
            "arn:aws-cn:ssm:cn-north-1:000000000000:parameter/db"
        );
        assert!(
            head("us-gov-west-1")
                .user("ann")
                .starts_with("arn:aws-us-gov:iam::000000000000:user/ann")
        );
    }

    #[test]
    fn every_word_reads_back() {
        for kind in [Kind::String, Kind::StringList, Kind::SecureString] {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("Advanced".parse(), Ok(WantedTier::Exactly(Tier::Advanced)));
    }
}
