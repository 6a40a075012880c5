//! Objects that a node is to read: found by the hub's own requests, and an address signed for each.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use crate::base::Secret;
use crate::base::percent::push_encoded;
use crate::hub::capabilities::object_stores::client::{Client, Failure, Request};
use crate::hub::capabilities::object_stores::reading::Spot;
use crate::platform::sigv4::{self, S3, SignParams, SignedParts, UNSIGNED_PAYLOAD};
use crate::platform::xml;
use crate::wire::objects::{MAX_DOWNLOAD_BYTES, MAX_OBJECTS, Object};

/// Of one page of a list: with the longest keys it still fits into what is read of an answer.
const PAGE: usize = 100;
/// How long the address of one object is good; it is used at once.
pub const ONE_LIVES: Duration = Duration::from_secs(15 * 60);
/// How long those of a folder's objects are good, which are fetched one after the other.
pub const FOLDER_LIVES: Duration = Duration::from_secs(60 * 60);

/// One object, or those below a folder.
#[derive(Debug)]
pub struct Found {
    pub is_folder: bool,
    /// Keys, and the names of files below the folder.
    files: Vec<File>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    key: String,
    name: String,
}

impl Client<'_> {
    /// The object of this key; without one, everything below it as a folder.
    ///
    /// *Errors*: there is neither, or more than a download may bring.
    pub async fn find(&self, spot: &Spot) -> Result<Found, Failure> {
        if !spot.is_folder()
            && let Some(bytes) = self.size_of(&spot.key).await?
        {
            within_limit(spot, bytes)?;
            let name = spot.key.rsplit('/').next().unwrap_or_default().to_owned();
            let key = spot.key.clone();
            return Ok(Found {
                is_folder: false,
                files: vec![File { key, name }],
            });
        }
        let files = self.below(spot).await?;
        match files.is_empty() {
            true => Err(Failure::lasting(format!(
                "there is no object `{}` at the object store `{}`, nor any below it",
                spot.shown(),
                self.store.name
            ))),
            false => Ok(Found { is_folder: true, files }),
        }
    }

    /// Whether the store shows what lies there; for a test of its settings.
    pub async fn look(&self, prefix: &str) -> Result<(), Failure> {
        self.page(prefix, 1, "").await.map(drop)
    }

    /// `None` when there is no such object.
    async fn size_of(&self, key: &str) -> Result<Option<u64>, Failure> {
        let answer = self.exchange(Request::new(Method::HEAD, key)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if answer.status.is_success() {
            let length = answer.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
            return Ok(Some(length.and_then(|length| length.parse().ok()).unwrap_or(0)));
        }
        // This answer has no body that says why; that to a list does, unless only lists are allowed.
        self.page(key, 1, "").await?;
        Err(self.judge(&answer))
    }

    async fn below(&self, spot: &Spot) -> Result<Vec<File>, Failure> {
        let (prefix, mut listing, mut token) = (spot.folder(), Listing::default(), String::new());
        loop {
            let document = self.page(&prefix, PAGE, &token).await?;
            listing.add(&document, &prefix).map_err(|why| {
                let (name, shown) = (&self.store.name, spot.shown());
                Failure::lasting(format!("`{shown}` at the object store `{name}` {why}"))
            })?;
            let is_more = xml::text(&document, "IsTruncated").as_deref() == Some("true");
            match xml::text(&document, "NextContinuationToken").filter(|_| is_more) {
                Some(next) if next != token => token = next,
                Some(_) => return Err(Failure::passing("the store's list does not go on")),
                None if is_more => return Err(Failure::passing("the store's list goes on and does not say where")),
                None => break,
            }
        }
        within_limit(spot, listing.bytes)?;
        Ok(listing.files)
    }

    async fn page(&self, prefix: &str, most: usize, token: &str) -> Result<String, Failure> {
        let mut query = String::new();
        if !token.is_empty() {
            query.push_str("continuation-token=");
            push_encoded(&mut query, token.as_bytes());
            query.push('&');
        }
        query.push_str(&format!("list-type=2&max-keys={most}&prefix="));
        push_encoded(&mut query, prefix.as_bytes());
        let answer = self.ask(Request::new(Method::GET, "").query(&query)).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Addresses by which whoever has them can read the objects for a while.
    pub fn signed_addresses(&self, found: &Found) -> Result<Vec<Object>, String> {
        let lives = if found.is_folder { FOLDER_LIVES } else { ONE_LIVES };
        let sign = |file: &File| {
            Ok(Object {
                name: file.name.clone(),
                url: self.signed_address(&file.key, lives)?,
            })
        };
        found.files.iter().map(sign).collect()
    }

    fn signed_address(&self, key: &str, lives: Duration) -> Result<Secret<String>, String> {
        let url = self.url_of(key, "");
        let host = HeaderValue::from_str(&url.authority()).map_err(|e| e.to_string())?;
        let headers = HeaderMap::from_iter([(HOST, host)]);
        let params = SignParams {
            parts: SignedParts {
                method: "GET",
                path: &url.path,
                query: "",
                headers: &headers,
                body_sha256: UNSIGNED_PAYLOAD,
            },
            access_key_id: &self.store.settings.access_key_id,
            secret: &self.secret,
            session_token: None,
            region: &self.store.settings.region,
            service: S3,
            now: self.services.now(),
        };
        let query = sigv4::presign(&params, lives).map_err(|e| e.to_string())?;
        Ok(Secret::new(format!("{url}?{query}")))
    }
}

impl Found {
    /// How many.
    pub fn count(&self) -> usize {
        self.files.len()
    }
}

/// What the pages of a list say together.
#[derive(Default)]
struct Listing {
    files: Vec<File>,
    bytes: u64,
}

impl Listing {
    /// *Errors*: what is wrong with the folder, as the end of a sentence.
    fn add(&mut self, document: &str, prefix: &str) -> Result<(), String> {
        for object in xml::each(document, "Contents") {
            let Some(key) = xml::text(object, "Key") else { continue };
            let Some(name) = key.strip_prefix(prefix) else { continue };
            // What stands for the folder itself, or an empty one in it.
            if name.is_empty() || name.ends_with('/') {
                continue;
            }
            if name.split('/').any(|part| matches!(part, "" | "." | "..")) || name.chars().any(char::is_control) {
                return Err(format!("holds an object whose name can be no file's: `{}`", name.escape_default()));
            }
            let bytes = xml::text(object, "Size").and_then(|size| size.parse::<u64>().ok()).unwrap_or(0);
            self.bytes = self.bytes.saturating_add(bytes);
            let name = name.to_owned();
            self.files.push(File { key, name });
            if self.files.len() > MAX_OBJECTS {
                return Err(format!("holds more than {MAX_OBJECTS} objects: name a smaller folder"));
            }
        }
        Ok(())
    }
}

fn within_limit(spot: &Spot, bytes: u64) -> Result<(), Failure> {
    match bytes > MAX_DOWNLOAD_BYTES {
        true => Err(Failure::lasting(format!(
            "`{}` is larger than the {} GB that one download may bring",
            spot.shown(),
            MAX_DOWNLOAD_BYTES >> 30
        ))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(keys: &[&str]) -> Result<(Vec<String>, u64), String> {
        let object = |key: &&str| format!("<Contents><Key>{}</Key><Size>10</Size></Contents>", xml::escaped(key));
        let document: String = keys.iter().map(object).collect();
        let mut listing = Listing::default();
        listing.add(&format!("<ListBucketResult>{document}</ListBucketResult>"), "a/")?;
        let names = listing.files.into_iter().map(|file| file.name).collect();
        Ok((names, listing.bytes))
    }

    #[test]
    fn a_folder_is_what_lies_below_it_and_can_be_files() {
        let (names, bytes) = listed(&["a/", "a/x.sh", "a/b/", "a/b/y&z", "ab/c"]).unwrap();
        assert_eq!((names, bytes), (vec!["x.sh".to_owned(), "b/y&z".to_owned()], 20));
        for odd in ["a//x", "a/../x", "a/b/./x", "a/x\u{1}"] {
            assert!(listed(&[odd]).unwrap_err().contains("no file's"), "{odd}");
        }
    }

    #[test]
    fn a_folder_of_too_many_objects_is_refused() {
        let keys: Vec<String> = (0..=MAX_OBJECTS).map(|n| format!("a/{n}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        assert_eq!(listed(&keys[1..]).unwrap().0.len(), MAX_OBJECTS);
        assert!(listed(&keys).unwrap_err().contains("more than 1000"));
        let spot = Spot {
            bucket: "b".into(),
            key: "k".into(),
        };
        assert!(within_limit(&spot, MAX_DOWNLOAD_BYTES).is_ok());
        assert!(within_limit(&spot, MAX_DOWNLOAD_BYTES + 1).unwrap_err().why.contains("4 GB"));
    }
}
