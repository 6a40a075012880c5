//! What ARNs of every kind have in common.

/// The partition that a region lies in, for ARNs in answers; a region nobody knows is of the common one.
pub fn partition(region: &str) -> &'static str {
    match region {
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
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
}
