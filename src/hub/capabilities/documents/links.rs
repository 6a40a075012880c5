//! Addresses at which one attachment is fetched by whoever has them, with a program that knows nothing of the API.
//!
//! `GetDocument` gives them by its own right; they are good for a quarter of an hour, and the log names who asked for them when the
//! file is fetched. The signature covers all of the address that stands before it, the hash of the file too: another file of the
//! same name is another address. The key is this process's own, so an address from before a restart has ended as well.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use http::Uri;

use crate::base::percent::{decoded, encoded};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::routes::File;
use crate::hub::api::{Cx, Services, Target};
use crate::hub::audit::{self, Entry, Outcome};
use crate::hub::capabilities::documents::attachments::{self, Attachment};
use crate::hub::capabilities::documents::names::KIND;
use crate::hub::store::blobs::{self, Blob, Blobs, Hash};

/// Long enough to begin a download, too short to be worth stealing.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
const PREFIX: &str = "/attachments/";
const SIGNATURE: &str = "&Signature=";
/// Read and sent at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// The key of this process.
pub struct Signer(hmac::Key);

impl Default for Signer {
    fn default() -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Self(key.expect("the kernel's random source does not fail once seeded"))
    }
}

/// The address of an attachment of this version, for this caller.
pub fn url(cx: &Cx, document: &str, version: i64, attachment: &Attachment) -> String {
    let until = cx.now().millis() / 1000 + LIFETIME.as_secs() as i64;
    let target = format!(
        "{PREFIX}{}/{version}/{}?Expires={until}&Hash={}&By={}",
        encoded(document),
        encoded(&attachment.name),
        HEXLOWER.encode(&attachment.hash),
        encoded(&cx.caller().to_string())
    );
    let signer = cx.services.state::<Signer>();
    let signature = hmac::sign(&signer.0, target.as_bytes());
    format!("{}{target}{SIGNATURE}{}", cx.request().origin, HEXLOWER.encode(signature.as_ref()))
}

/// What an address says, once it is known to be the hub's own.
struct Grant {
    document: String,
    version: i64,
    attachment: String,
    hash: Vec<u8>,
    caller: String,
}

impl Grant {
    fn of(uri: &Uri, signer: &Signer, now: Timestamp) -> Option<Self> {
        let (target, signature) = uri.path_and_query()?.as_str().split_once(SIGNATURE)?;
        hmac::verify(&signer.0, target.as_bytes(), &HEXLOWER.decode(signature.as_bytes()).ok()?).ok()?;
        let (path, query) = target.split_once('?')?;
        let word = |text: &str| String::from_utf8(decoded(text)).ok();
        let member = |name: &str| word(query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?);
        let mut parts = path.strip_prefix(PREFIX)?.split('/').map(word);
        let until: i64 = member("Expires")?.parse().ok()?;
        (now.millis() < until * 1000).then_some(())?;
        Some(Self {
            document: parts.next()??,
            version: parts.next()??.parse().ok()?,
            attachment: parts.next()??,
            hash: HEXLOWER.decode(member("Hash")?.as_bytes()).ok()?,
            caller: member("By")?,
        })
    }

    fn entry(self, at: Timestamp, address: String) -> Entry {
        Entry {
            at,
            request_id: audit::request_id(at),
            caller: self.caller,
            address,
            operation: "ssm:GetDocument".into(),
            target: Target::Resource(KIND, self.document).to_string(),
            outcome: Outcome::Done,
            detail: format!(
                "attachment `{}` of version {} fetched at its signed address",
                self.attachment, self.version
            ),
        }
    }
}

/// *Errors*: `AccessDeniedException`, the same for whatever is wrong: nobody learns here what there is.
pub fn serve(services: Arc<Services>, uri: Uri, address: String) -> BoxFuture<'static, ApiResult<File>> {
    async move {
        let now = services.now();
        let refused = || {
            ApiError::new(
                "AccessDeniedException",
                "this is no address that the hub has signed, or its time is over: get the document again",
            )
        };
        let grant = Grant::of(&uri, &services.state::<Signer>(), now).ok_or_else(refused)?;
        let name = grant.attachment.clone();
        let blobs = services.blobs.clone();
        // Nothing leaves the hub before the log has it.
        let found = services.write(move |tx| {
            let all = attachments::of(tx, &grant.document, grant.version)?;
            let is_meant = |one: &Attachment| one.name == grant.attachment && one.hash == grant.hash;
            let Some(hash) = all.into_iter().find(is_meant).and_then(|one| Hash::try_from(one.hash).ok()) else {
                return Ok(None);
            };
            let blob = blobs::find(tx, &hash)?.ok_or_else(|| ApiError::internal("an attachment's content is not there"))?;
            audit::record(tx, grant.entry(now, address));
            Ok(Some((hash, blob)))
        });
        let (hash, blob) = found.await?.ok_or_else(refused)?;
        Ok(File {
            name,
            length: blob.size,
            chunks: chunks(blobs, hash, blob),
        })
    }
    .boxed()
}

fn chunks(blobs: Blobs, hash: Hash, blob: Blob) -> BoxStream<'static, io::Result<Bytes>> {
    if let Some(bytes) = blob.inline {
        return stream::iter([Ok(Bytes::from(bytes))]).boxed();
    }
    let next = move |offset: u64| {
        let blobs = blobs.clone();
        async move {
            if offset >= blob.size {
                return Ok(None);
            }
            let read = tokio::task::spawn_blocking(move || blobs.read(&hash, offset, PIECE_BYTES));
            let piece = read.await.map_err(io::Error::other)??;
            match piece.len() as u64 {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                length => Ok(Some((Bytes::from(piece), offset + length))),
            }
        }
    };
    stream::try_unfold(0, next).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(address: &str, signer: &Signer, now_ms: i64) -> Option<Grant> {
        Grant::of(&address.parse().unwrap(), signer, Timestamp::from_millis(now_ms))
    }

    #[test]
    fn only_the_whole_address_is_good_and_only_for_its_time() {
        let signer = Signer::default();
        let target = "/attachments/Tools/2/tool.sh?Expires=1000&Hash=00ff&By=user%3Aann";
        let sign = |target: &str| HEXLOWER.encode(hmac::sign(&signer.0, target.as_bytes()).as_ref());
        let address = format!("{target}{SIGNATURE}{}", sign(target));
        let grant = granted(&address, &signer, 999_999).unwrap();
        assert_eq!(
            (grant.document.as_str(), grant.version, grant.attachment.as_str()),
            ("Tools", 2, "tool.sh")
        );
        assert_eq!((grant.hash.as_slice(), grant.caller.as_str()), ([0, 255].as_slice(), "user:ann"));
        assert!(granted(&address, &signer, 1_000_000).is_none(), "its time is over");
        assert!(granted(&address, &Signer::default(), 0).is_none(), "another process");
        for (from, to) in [
            ("Tools", "Other"),
            ("/2/", "/3/"),
            ("1000", "9000"),
            ("ann", "bob"),
            ("Signature=", "Signature=0"),
        ] {
            assert!(granted(&address.replace(from, to), &signer, 0).is_none(), "{to}");
        }
        for odd in ["/attachments/", "/attachments/a?b", "/attachments/a/b/c?Expires=x&Signature="] {
            assert!(granted(odd, &signer, 0).is_none(), "{odd}");
        }
    }
}
