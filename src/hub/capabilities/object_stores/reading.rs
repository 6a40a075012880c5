//! Which object store a download means, and whether nodes may read there.
//!
//! *Invariants*: a store that takes output is not readable for that; it says in places of its own what nodes may read. A key with
//! empty or dotted parts is never signed: some stores walk along them, out of the place that was allowed.

use crate::base::percent;
use crate::hub::capabilities::object_stores::places::clean;
use crate::hub::capabilities::object_stores::stores::{Settings, Store};
use crate::model::document::sources::Source;
use crate::platform::outgoing::Url;

/// A key, or the beginning of keys, in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    pub bucket: String,
    /// As the store has it. With a slash at its end, or empty, it is a folder for sure.
    pub key: String,
}

impl Spot {
    pub fn is_folder(&self) -> bool {
        self.key.is_empty() || self.key.ends_with('/')
    }

    /// The key as that of a folder.
    pub fn folder(&self) -> String {
        match self.is_folder() {
            true => self.key.clone(),
            false => format!("{}/", self.key),
        }
    }

    /// For people.
    pub fn shown(&self) -> String {
        let shown: String = format!("{}/{}", self.bucket, self.key).chars().take(300).collect();
        shown.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
    }

    fn is_plain(&self) -> bool {
        let key = self.key.strip_suffix('/').unwrap_or(&self.key);
        clean(key) == key && !key.chars().any(char::is_control)
    }
}

/// What a source means to this hub.
#[derive(Debug)]
pub enum Meaning<'s> {
    /// No store of the hub's: whoever wants it fetches it as anybody could.
    Foreign,
    Readable {
        store: &'s Store,
        spot: Spot,
    },
    Refused {
        store: &'s Store,
        spot: Spot,
        why: String,
    },
}

/// The first store by name whose readable places hold it; else the first that is used for its bucket, which refuses.
pub fn meaning<'s>(stores: &'s [Store], source: &Source) -> Meaning<'s> {
    let Some(address) = Address::parse(source) else {
        return Meaning::Foreign;
    };
    let located: Vec<(&Store, Spot)> = stores
        .iter()
        .filter_map(|store| Some((store, address.within(&store.settings)?)))
        .collect();
    let is_readable = |(store, spot): &&(&Store, Spot)| takes(store, spot);
    let is_named = |(store, spot): &&(&Store, Spot)| {
        let Settings {
            output_places,
            download_places,
            ..
        } = &store.settings;
        output_places.iter().chain(download_places).any(|place| place.names(&spot.bucket))
    };
    match (located.iter().find(is_readable), located.iter().find(is_named)) {
        (Some((store, spot)), _) if !spot.is_plain() => Meaning::Refused {
            store,
            spot: spot.clone(),
            why: format!("`{}` has empty or dotted parts, which no place can hold", spot.shown()),
        },
        (Some((store, spot)), _) => Meaning::Readable { store, spot: spot.clone() },
        (None, Some((store, spot))) => Meaning::Refused {
            store,
            spot: spot.clone(),
            why: not_readable(store, spot),
        },
        (None, None) => Meaning::Foreign,
    }
}

fn takes(store: &Store, spot: &Spot) -> bool {
    let key = spot.key.strip_suffix('/').unwrap_or(&spot.key);
    let places = &store.settings.download_places;
    places.iter().any(|place| place.takes(&spot.bucket, key))
}

fn not_readable(store: &Store, spot: &Spot) -> String {
    let (name, shown, bucket) = (&store.name, spot.shown(), &spot.bucket);
    format!(
        "the object store `{name}` does not let nodes read `{shown}`: an administrator adds `{bucket}` to what nodes may read of it (`--readable {bucket}` of `roadstead object-store add`)"
    )
}

/// A source taken apart: its server, unless any will do, and what comes behind it.
struct Address {
    server: Option<Url>,
    rest: String,
}

impl Address {
    /// `None` for what is no plain address of an object, such as one that is signed already.
    fn parse(source: &Source) -> Option<Self> {
        let Source { path, endpoint } = source;
        if path.contains(['?', '#']) {
            return None;
        }
        let (server, rest) = match path.strip_prefix("s3://") {
            Some(rest) if endpoint.is_empty() => (None, rest),
            Some(rest) => (Some(server(endpoint.trim_end_matches('/'))?), rest),
            None => {
                let (scheme, after) = path.split_once("://")?;
                let (authority, rest) = after.split_once('/').unwrap_or((after, ""));
                (Some(server(&format!("{scheme}://{authority}"))?), rest)
            }
        };
        let rest = String::from_utf8(percent::decoded(rest)).ok()?;
        Some(Self { server, rest })
    }

    /// Where that is in a store; `None` when it is not there.
    fn within(&self, settings: &Settings) -> Option<Spot> {
        let own = settings.endpoint().ok()?;
        let Some(server) = &self.server else {
            return self.by_path();
        };
        if (server.is_secure, server.port) != (own.is_secure, own.port) {
            return None;
        }
        let host = server.host.to_ascii_lowercase();
        let own = own.host.to_ascii_lowercase();
        if host == own {
            return self.by_path();
        }
        if let Some(bucket) = host.strip_suffix(&own).and_then(|rest| rest.strip_suffix('.')) {
            return Some(self.by_host(bucket));
        }
        let (_, is_aws) = (AwsHost::parse(&own)?, AwsHost::parse(&host)?);
        match is_aws.region {
            Some(region) if region != settings.region => None,
            _ if is_aws.bucket.is_empty() => self.by_path(),
            _ => Some(self.by_host(is_aws.bucket)),
        }
    }

    fn by_path(&self) -> Option<Spot> {
        let (bucket, key) = self.rest.split_once('/').unwrap_or((&self.rest, ""));
        let spot = Spot {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        };
        (!bucket.is_empty()).then_some(spot)
    }

    fn by_host(&self, bucket: &str) -> Spot {
        Spot {
            bucket: bucket.to_owned(),
            key: self.rest.clone(),
        }
    }
}

fn server(text: &str) -> Option<Url> {
    Url::plain_or_secure(text).ok().filter(|url| url.path == "/")
}

/// A host of AWS's own object store, which has many names.
///
/// *Source*: AWS docs, "Amazon S3 endpoints", and the older forms that its agent's documentation uses.
struct AwsHost<'h> {
    /// Empty when it stands in the path.
    bucket: &'h str,
    /// `None`: the name leaves it open.
    region: Option<&'h str>,
}

impl<'h> AwsHost<'h> {
    fn parse(host: &'h str) -> Option<Self> {
        let name = host
            .strip_suffix(".amazonaws.com")
            .or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
        let (before, last) = name.rsplit_once('.').unwrap_or(("", name));
        if last == "s3" {
            return Some(Self {
                bucket: before,
                region: None,
            });
        }
        if let Some(region) = last.strip_prefix("s3-") {
            return Some(Self {
                bucket: before,
                region: Some(region),
            });
        }
        let before = match before.strip_suffix("dualstack") {
            Some(rest) => rest.strip_suffix('.')?,
            None => before,
        };
        let bucket = match before.strip_suffix("s3")? {
            "" => "",
            rest => rest.strip_suffix('.')?,
        };
        Some(Self {
            bucket,
            region: Some(last),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn store(name: &str, endpoint: &str, output: &[&str], download: &[&str]) -> Store {
        let places = |all: &[&str]| all.iter().map(|place| place.parse().unwrap()).collect();
        Store::for_tests(
            name,
            Settings {
                endpoint: endpoint.into(),
                region: "eu-central-1".into(),
                access_key_id: "AKIA".into(),
                output_places: places(output),
                download_places: places(download),
                ..Settings::default()
            },
        )
    }

    fn stores() -> Vec<Store> {
        vec![
            store("aws", "https://s3.eu-central-1.amazonaws.com", &["*"], &["tools", "shared/pkgs"]),
            store("minio", "http://minio.example:9000", &["logs"], &["tools-*", "mixed/readable"]),
        ]
    }

    /// `store bucket/key`, `- why`, or nothing.
    fn judged(path: &str, endpoint: &str) -> String {
        let source = Source {
            path: path.into(),
            endpoint: endpoint.into(),
        };
        match meaning(&stores(), &source) {
            Meaning::Foreign => String::new(),
            Meaning::Readable { store, spot } => format!("{} {}", store.name, spot.shown()),
            Meaning::Refused { store, why, .. } => format!("- {}: {why}", store.name),
        }
    }

    #[test]
    fn every_way_to_write_an_address_means_the_same_object() {
        for (path, endpoint, meant) in [
            ("http://minio.example:9000/tools-a/x/y.sh", "", "minio tools-a/x/y.sh"),
            ("http://MINIO.example:9000/tools-a/a%20b%2B", "", "minio tools-a/a b+"),
            ("http://tools-a.minio.example:9000/x", "", "minio tools-a/x"),
            ("s3://tools-a/x", "http://minio.example:9000/", "minio tools-a/x"),
            ("s3://tools-a/x", "", "minio tools-a/x"),
            ("s3://tools/x/", "", "aws tools/x/"),
            ("https://s3.amazonaws.com/tools/x", "", "aws tools/x"),
            ("https://s3.eu-central-1.amazonaws.com/tools", "", "aws tools/"),
            ("https://s3-eu-central-1.amazonaws.com/tools/x", "", "aws tools/x"),
            ("https://s3.dualstack.eu-central-1.amazonaws.com/tools/x", "", "aws tools/x"),
            ("https://tools.s3.amazonaws.com/x", "", "aws tools/x"),
            ("https://tools.s3.eu-central-1.amazonaws.com/x", "", "aws tools/x"),
            ("https://tools.s3.dualstack.eu-central-1.amazonaws.com/x", "", "aws tools/x"),
            ("https://shared.s3-eu-central-1.amazonaws.com/pkgs/x", "", "aws shared/pkgs/x"),
        ] {
            assert_eq!(judged(path, endpoint), meant, "{path} {endpoint}");
        }
    }

    #[test]
    fn what_is_of_no_store_is_fetched_as_anybody_could() {
        for (path, endpoint) in [
            ("https://files.example/tools/x", ""),
            ("https://minio.example:9000/tools-a/x", ""),
            ("http://minio.example/tools-a/x", ""),
            ("http://evilminio.example:9000/tools-a/x", ""),
            ("https://s3.eu-west-1.amazonaws.com/tools/x", ""),
            ("https://s3.amazonaws.com.evil.example/tools/x", ""),
            ("https://s3.amazonaws.com/of-somebody-else/x", ""),
            ("http://minio.example:9000/of-somebody-else/x", ""),
            ("http://minio.example:9000/tools-a/x?X-Amz-Signature=1", ""),
            ("s3://tools-a/x", "http://other.example:9000"),
            ("s3://tools-a/x", "minio"),
            ("s3://", ""),
            ("tools-a/x", ""),
            ("http://user@minio.example:9000/tools-a/x", ""),
        ] {
            assert_eq!(judged(path, endpoint), "", "{path} {endpoint}");
        }
    }

    #[test]
    fn a_store_for_output_is_not_readable_for_that() {
        for path in [
            "http://minio.example:9000/logs/a",
            "http://minio.example:9000/mixed/other/a",
            "http://minio.example:9000/mixed/",
            "s3://logs/a",
        ] {
            let refused = judged(path, "");
            assert!(
                refused.starts_with("- minio: ") && refused.contains("--readable"),
                "{path}: {refused}"
            );
        }
        assert!(judged("https://shared.s3.amazonaws.com/pkgs-of-others/x", "").starts_with("- aws"));
        assert_eq!(judged("http://minio.example:9000/mixed/readable/a", ""), "minio mixed/readable/a");
        for path in ["a/../b", "a//b", "./a", "a/%2e%2e/b", "a/b%0a", "a//"] {
            let refused = judged(&format!("http://minio.example:9000/tools-a/{path}"), "");
            assert!(refused.contains("dotted"), "{path}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn no_path_leads_out_of_a_readable_place(rest in "[a./%2eE]{0,20}") {
            let source = Source { path: format!("http://minio.example:9000/mixed/readable{rest}"), endpoint: String::new() };
            if let Meaning::Readable { spot, .. } = meaning(&stores(), &source) {
                let key = spot.key.trim_end_matches('/');
                prop_assert!(key == "readable" || key.starts_with("readable/"));
                prop_assert!(!key.split('/').any(|part| matches!(part, "" | "." | "..")));
            }
        }
    }
}
