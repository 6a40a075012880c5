//! Is the log what was written? The check of `hub/audit/chain`, a stretch at a time, on the running hub.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::audit::chain::{Extent, KnownHead, Link, Verdict, Verifier};
use crate::hub::audit::row::Hash;
use crate::hub::audit::{self, heads};
use crate::hub::capabilities::audit_log::is_whole;
use crate::hub::store::{StoreError, Tx};
use crate::wire::audit::SignedHead;

/// Rows of one call: a few seconds' work.
const MAX_ROWS: i64 = 200_000;
/// Rows read at once: the snapshot of a read is held no longer than these take.
const PAGE: usize = 2000;
/// Heads that a caller may bring along.
const MAX_AGAINST: usize = 1000;

pub fn operations(api: &mut Declare<'_>) {
    api.read(Service::Roadstead, "VerifyAudit", |_: &VerifyRequest| Target::Hub, verify_audit)
        .read(Service::Roadstead, "GetAuditHead", |_: &Empty| Target::Hub, get_audit_head);
}

#[derive(Deserialize, JsonSchema)]
struct Empty {}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct VerifyRequest {
    /// Where to begin; the oldest row when absent.
    from_seq: Option<i64>,
    /// At most so many rows; the answer says where to go on.
    max_rows: Option<i64>,
    /// Heads that were kept elsewhere.
    #[serde(default)]
    against: Vec<SignedHead>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct VerifyResult {
    #[serde(flatten)]
    verdict: Verdict,
    /// The next row; absent when the end was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_seq: Option<i64>,
}

async fn verify_audit(cx: Cx, request: VerifyRequest) -> ApiResult<VerifyResult> {
    is_whole(&cx)?;
    let most = request.max_rows.unwrap_or(MAX_ROWS);
    if !(1..=MAX_ROWS).contains(&most) {
        return Err(ApiError::validation(format!("`MaxRows` is a number from 1 to {MAX_ROWS}")));
    }
    constraint::count_at_most(&request.against, "against", MAX_AGAINST)?;
    let keys = cx.services.audit.fingerprints();
    let file = kept_beside(&cx).await;
    let brought = request.against.into_iter().map(|head| KnownHead {
        head,
        source: "request".into(),
    });
    let brought: Vec<KnownHead> = brought.chain(file).collect();
    let own = keys.clone();
    let against = brought.clone();
    let begun = cx.services.store.read(move |tx| begin(tx, request.from_seq, against, &own)).await;
    let mut walk = Walk {
        cx: &cx,
        verifier: begun.unwrap_or_else(|error| unreadable(brought, &keys, &error)),
        keys,
        page: PAGE,
    };
    let mut left = most as usize;
    while left > 0 {
        match walk.step(left).await? {
            Some(count) => left -= count,
            None => {
                let extent = walk.extent();
                return Ok(VerifyResult {
                    verdict: walk.verifier.finish(extent),
                    next_seq: None,
                });
            }
        }
    }
    let next_seq = Some(walk.verifier.link().seq + 1);
    Ok(VerifyResult {
        verdict: walk.verifier.finish(Extent::Part),
        next_seq,
    })
}

/// Not even the beginning can be read: heads or archives that are damaged are findings as rows are.
fn unreadable(brought: Vec<KnownHead>, keys: &[String], error: &StoreError) -> Verifier {
    let mut verifier = Verifier::new(Link::START, brought, keys);
    verifier.break_off(&error.to_string());
    verifier
}

/// A walk along the rows of the running hub.
struct Walk<'c> {
    cx: &'c Cx,
    verifier: Verifier,
    keys: Vec<String>,
    /// Rows read at once; one by one to find the row that cannot be read.
    page: usize,
}

impl Walk<'_> {
    /// How many rows were walked; `None` at the end, or where the rows cannot be read any further.
    async fn step(&mut self, left: usize) -> ApiResult<Option<usize>> {
        if self.verifier.is_broken_off() {
            return Ok(None);
        }
        let (after, page, keys) = (self.verifier.link().seq, left.min(self.page), self.keys.clone());
        let read = self
            .cx
            .services
            .store
            .read(move |tx| audit::next_rows(tx, after, page, &keys))
            .await;
        let (archived, rows) = match read {
            Ok(read) => read,
            Err(_) if page > 1 => {
                self.page = 1;
                return Ok(Some(0));
            }
            Err(error) => {
                self.verifier.break_off(&error.to_string());
                return Ok(None);
            }
        };
        if let Some(anchor) = archived {
            self.verifier.skip_to(anchor);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let count = rows.len();
        // Hashing is quick, yet a thousand rows of it are not for the thread that serves others.
        let mut verifier = std::mem::replace(&mut self.verifier, Verifier::new(Link::START, Vec::new(), &[]));
        let walked = tokio::task::spawn_blocking(move || {
            rows.iter().for_each(|row| verifier.push(row));
            verifier
        });
        self.verifier = walked.await.map_err(ApiError::internal)?;
        Ok(Some(count))
    }

    fn extent(&self) -> Extent {
        match self.verifier.is_broken_off() {
            true => Extent::Part,
            false => Extent::Whole,
        }
    }
}

/// The head in `head.json`. One that was written after this call began is no proof against the rows read before it.
async fn kept_beside(cx: &Cx) -> Option<KnownHead> {
    let data = cx.services.config.data.clone();
    let head = tokio::task::spawn_blocking(move || heads::read_file(&data)).await.ok()??;
    Some(KnownHead {
        head,
        source: heads::HEAD_FILE.into(),
    })
}

fn begin(tx: &Tx<'_>, from: Option<i64>, brought: Vec<KnownHead>, keys: &[String]) -> Result<Verifier, StoreError> {
    let anchor = audit::anchor(tx)?;
    let from = from.unwrap_or(0).max(anchor.seq + 1);
    let start = match from - 1 {
        seq if seq == anchor.seq => anchor,
        seq => {
            let hash = audit::hash_of(tx, seq)?.and_then(|hash| Hash::try_from(hash.as_slice()).ok());
            Link {
                seq,
                hash: hash.unwrap_or_default(),
            }
        }
    };
    let known = heads::known(tx, start.seq)?;
    let mut verifier = Verifier::new(start, known.into_iter().chain(brought).collect(), keys);
    if start.seq == anchor.seq {
        verifier.add(audit::look_before(tx, keys)?);
    }
    Ok(verifier)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct HeadResult {
    /// The last row's number and hash, signed or not.
    last_seq: i64,
    last_hash: String,
    /// Fingerprint of the key that signs heads: the one that agents and join lines know the hub by.
    hub_key: String,
    /// The last head that was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<SignedHead>,
}

async fn get_audit_head(cx: Cx, _request: Empty) -> ApiResult<HeadResult> {
    is_whole(&cx)?;
    let (last, head) = cx.read(|tx| Ok((audit::last(tx)?, heads::newest(tx)?))).await?;
    Ok(HeadResult {
        last_seq: last.seq,
        last_hash: data_encoding::HEXLOWER.encode(&last.hash),
        hub_key: cx.services.audit.fingerprint(),
        head,
    })
}
