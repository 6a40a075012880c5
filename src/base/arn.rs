//! Amazon Resource Names: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
//!
//! Account and region are labels here: an ARN that a caller gives is not compared with the hub's region, and ARNs in answers
//! carry the region that the caller signed for.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn {
    pub service: String,
    pub region: String,
    pub account: String,
    /// `TYPE/ID`, as the service writes it.
    pub resource: String,
}

/// The partition that a region lies in, for ARNs in answers; a region nobody knows is of the common one.
pub fn partition(region: &str) -> &'static str {
    match region {
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-gov-") => "aws-us-gov",
        r if r.starts_with("us-iso-") => "aws-iso",
        r if r.starts_with("us-isob-") => "aws-iso-b",
        r if r.starts_with("eu-isoe-") => "aws-iso-e",
        r if r.starts_with("us-isof-") => "aws-iso-f",
        r if r.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            region,
            account,
            resource,
        } = self;
        write!(f, "arn:{}:{service}:{region}:{account}:{resource}", partition(region))
    }
}

impl FromStr for Arn {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(6, ':');
        let mut part = || parts.next().map(str::to_owned).ok_or(());
        let (scheme, partition, service, region, account, resource) = (part()?, part()?, part()?, part()?, part()?, part()?);
        if scheme != "arn" || !partition.starts_with("aws") || service.is_empty() || resource.is_empty() {
            return Err(());
        }
        Ok(Self {
            service,
            region,
            account,
            resource,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regions_partition_is_told_by_how_it_begins() {
        assert_eq!(partition("cn-north-1"), "aws-cn");
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
        for common in ["eu-west-1", "us-east-1", "local", "cn", ""] {
            assert_eq!(partition(common), "aws", "{common}");
        }
    }

    #[test]
    fn an_arn_reads_back_with_the_partition_of_its_region() {
        for text in [
            "arn:aws:ssm:local:000000000000:parameter/app/a:b",
            "arn:aws-cn:ssm:cn-north-1:000000000000:managed-instance/mi-1",
            "arn:aws-us-gov:ssm:us-gov-west-1:1:document/x",
        ] {
            assert_eq!(text.parse::<Arn>().unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "arn",
            "arn:aws:ssm:local:0",
            "arn:aws::local:0:x",
            "urn:aws:ssm:local:0:x",
            "arn:aws:ssm:local:0:",
        ] {
            assert!(wrong.parse::<Arn>().is_err(), "{wrong}");
        }
    }
}
