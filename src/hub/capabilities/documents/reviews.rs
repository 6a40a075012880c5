//! Reviews of a version: sent for review, approved, rejected.
//!
//! ```text
//! NOT_REVIEWED ─SendForReview─► PENDING ─Approve─► APPROVED
//!                                  └────Reject──► REJECTED ─SendForReview─► PENDING
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::constraint::{self, Violations};
use crate::hub::api::{Cx, Declare, Service, Target, page};
use crate::hub::capabilities::documents::edit::own;
use crate::hub::capabilities::documents::names::{self, KIND};
use crate::hub::capabilities::documents::read::Which;
use crate::hub::store::{StoreError, Tx};

const ACTIONS: &[&str] = &["SendForReview", "UpdateReview", "Approve", "Reject"];

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        Service::Ssm,
        "UpdateDocumentMetadata",
        |r: &UpdateRequest| Target::Resource(KIND, r.name.clone()),
        update_document_metadata,
    )
    .read(
        Service::Ssm,
        "ListDocumentMetadataHistory",
        |r: &HistoryRequest| Target::Resource(KIND, r.name.clone()),
        list_document_metadata_history,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct UpdateRequest {
    name: String,
    document_version: Option<String>,
    document_reviews: Reviews,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Reviews {
    action: String,
    #[serde(default)]
    comment: Vec<Comment>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Comment {
    r#type: Option<String>,
    content: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

/// *Errors*: `ValidationException`, `InvalidDocument`, `InvalidDocumentVersion`, `InvalidDocumentOperation`.
async fn update_document_metadata(cx: Cx, request: UpdateRequest) -> ApiResult<Empty> {
    names::check_name(&request.name)?;
    let Reviews { action, comment } = request.document_reviews;
    constraint::one_of(&action, "documentReviews.action", ACTIONS)?;
    constraint::count_at_most(&comment, "documentReviews.comment", 1)?;
    let comment = comment.into_iter().next().map_or(Ok(None), Comment::checked)?;
    let which = Which::of(&cx.services.config.account_id, &request.name, request.document_version, None)?;
    let (now, reviewer) = (cx.now(), cx.caller().name.clone());
    cx.write(move |tx| {
        own(tx, &which.name, "InvalidDocumentOperation")?;
        let (_, version) = which.find(tx)?;
        let before = version.review.as_deref().unwrap_or("NOT_REVIEWED");
        let after = next(before, &action)?;
        let review = Review {
            status: after,
            comment,
            reviewer,
            now,
        };
        match action.as_str() {
            "UpdateReview" => sql::amend(tx, &version.name, version.version, &review)?,
            _ => sql::add(tx, &version.name, version.version, &review)?,
        }
        sql::set_status(tx, &version.name, version.version, after)?;
        Ok(Empty {})
    })
    .await
}

impl Comment {
    /// Its words. There is only ever one, so it is the first.
    fn checked(self) -> ApiResult<Option<String>> {
        let member = "documentReviews.comment.1.member";
        let mut broken = Violations::default();
        broken.one_of(self.r#type.as_ref(), &format!("{member}.type"), &["Comment"]);
        broken.length(self.content.as_ref(), &format!("{member}.content"), 0..=1024);
        if let Some(blank) = self.content.as_ref().filter(|content| content.trim().is_empty()) {
            let must = r"satisfy regular expression pattern: ^(?!\s*$).+";
            broken.add(blank, &format!("{member}.content"), must);
        }
        broken.check()?;
        Ok(self.content)
    }
}

/// The lifecycle; see the module's picture.
fn next(before: &str, action: &str) -> ApiResult<&'static str> {
    match (before, action) {
        ("PENDING", "Approve") => Ok("APPROVED"),
        ("PENDING", "Reject") => Ok("REJECTED"),
        ("PENDING", "UpdateReview") => Ok("PENDING"),
        ("APPROVED", "UpdateReview") => Ok("APPROVED"),
        ("REJECTED", "UpdateReview") => Ok("REJECTED"),
        ("NOT_REVIEWED" | "REJECTED", "SendForReview") => Ok("PENDING"),
        _ => Err(ApiError::new(
            "InvalidDocumentOperation",
            format!("a version whose review is {before} takes no `{action}`"),
        )),
    }
}

struct Review {
    status: &'static str,
    comment: Option<String>,
    reviewer: String,
    now: Timestamp,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct HistoryRequest {
    name: String,
    document_version: Option<String>,
    metadata: String,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct HistoryResult {
    name: String,
    document_version: String,
    author: String,
    metadata: Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    reviewer_response: Vec<Response>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Response {
    create_time: Timestamp,
    updated_time: Timestamp,
    review_status: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comment: Vec<Comment>,
    reviewer: String,
    #[serde(skip)]
    position: i64,
}

/// *Errors*: `ValidationException`, `InvalidDocument`, `InvalidDocumentVersion`, `InvalidNextToken`.
async fn list_document_metadata_history(cx: Cx, request: HistoryRequest) -> ApiResult<HistoryResult> {
    names::check_name(&request.name)?;
    constraint::one_of(&request.metadata, "metadata", &["DocumentReviews"])?;
    let size = page::size(request.max_results, 1, 50, 50)?;
    let after: Option<i64> = page::parse(request.next_token.as_deref())?;
    let which = Which::of(&cx.services.config.account_id, &request.name, request.document_version, None)?;
    cx.read(move |tx| {
        let (_, version) = which.find(tx)?;
        let found = sql::responses(tx, &version.name, version.version, after.unwrap_or(0), size as i64 + 1)?;
        let (reviewer_response, next_token) = page::cut(found, size, |response| response.position);
        Ok(HistoryResult {
            name: version.name,
            document_version: version.version.to_string(),
            author: version.author,
            metadata: Metadata { reviewer_response },
            next_token,
        })
    })
    .await
}

/// *Source*: `ReviewInformation` of the service model.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ReviewInformation {
    reviewed_time: Timestamp,
    status: String,
    reviewer: String,
}

pub fn of_version(tx: &Tx<'_>, name: &str, version: i64) -> Result<Vec<ReviewInformation>, StoreError> {
    let all = sql::responses(tx, name, version, 0, 50)?;
    let view = |response: Response| ReviewInformation {
        reviewed_time: response.updated_time,
        status: response.review_status,
        reviewer: response.reviewer,
    };
    Ok(all.into_iter().map(view).collect())
}

/// The latest versions that were approved and that wait.
pub struct Standing {
    pub approved: Option<i64>,
    pub pending: Option<i64>,
}

pub fn standing(tx: &Tx<'_>, name: &str) -> Result<Standing, StoreError> {
    Ok(Standing {
        approved: sql::latest_with(tx, name, "APPROVED")?,
        pending: sql::latest_with(tx, name, "PENDING")?,
    })
}

mod sql {
    use super::*;

    pub fn responses(tx: &Tx<'_>, name: &str, version: i64, after: i64, limit: i64) -> Result<Vec<Response>, StoreError> {
        tx.rows(
            "SELECT position, status, comment, reviewer, created_at, updated_at FROM document_review
             WHERE name = :name AND version = :version AND position > :after ORDER BY position LIMIT :limit",
            &[
                (":name", name.into()),
                (":version", version.into()),
                (":after", after.into()),
                (":limit", limit.into()),
            ],
            |row| {
                let content: Option<String> = row.get("comment")?;
                let comment = content.map(|content| Comment {
                    r#type: Some("Comment".into()),
                    content: Some(content),
                });
                Ok(Response {
                    create_time: row.get("created_at")?,
                    updated_time: row.get("updated_at")?,
                    review_status: row.get("status")?,
                    comment: comment.into_iter().collect(),
                    reviewer: row.get("reviewer")?,
                    position: row.get("position")?,
                })
            },
        )
    }

    pub fn add(tx: &Tx<'_>, name: &str, version: i64, review: &Review) -> Result<(), StoreError> {
        tx.execute(
            "INSERT INTO document_review (name, version, position, status, comment, reviewer, created_at, updated_at)
             VALUES (:name, :version,
                (SELECT coalesce(max(position), 0) + 1 FROM document_review WHERE name = :name AND version = :version),
                :status, :comment, :reviewer, :now, :now)",
            &[
                (":name", name.into()),
                (":version", version.into()),
                (":status", review.status.into()),
                (":comment", review.comment.clone().into()),
                (":reviewer", (&review.reviewer).into()),
                (":now", review.now.into()),
            ],
        )
        .map(|_| ())
    }

    pub fn amend(tx: &Tx<'_>, name: &str, version: i64, review: &Review) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE document_review SET comment = :comment, updated_at = :now
             WHERE name = :name AND version = :version AND position =
                (SELECT max(position) FROM document_review WHERE name = :name AND version = :version)",
            &[
                (":name", name.into()),
                (":version", version.into()),
                (":comment", review.comment.clone().into()),
                (":now", review.now.into()),
            ],
        )
        .map(|_| ())
    }

    pub fn set_status(tx: &Tx<'_>, name: &str, version: i64, status: &str) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE document_version SET review = :status WHERE name = :name AND version = :version",
            &[(":name", name.into()), (":version", version.into()), (":status", status.into())],
        )
        .map(|_| ())
    }

    pub fn latest_with(tx: &Tx<'_>, name: &str, status: &str) -> Result<Option<i64>, StoreError> {
        tx.row(
            "SELECT max(version) AS version FROM document_version WHERE name = :name AND review = :status",
            &[(":name", name.into()), (":status", status.into())],
            |row| row.get("version"),
        )
        .map(Option::flatten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_goes_only_the_ways_of_the_picture() {
        assert_eq!(next("NOT_REVIEWED", "SendForReview").unwrap(), "PENDING");
        assert_eq!(next("PENDING", "Approve").unwrap(), "APPROVED");
        assert_eq!(next("REJECTED", "SendForReview").unwrap(), "PENDING");
        for (before, action) in [("NOT_REVIEWED", "Approve"), ("APPROVED", "Reject"), ("APPROVED", "SendForReview")] {
            assert_eq!(next(before, action).unwrap_err().code, "InvalidDocumentOperation");
        }
    }
}
