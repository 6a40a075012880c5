//! `roadstead document review …`: a version is sent for review, approved or rejected, and what was said is kept.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::client::Client;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{rows, text};

#[derive(Subcommand)]
pub enum ReviewVerb {
    /// What was said of a version, and by whom
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Ask for a review
    Send(Words),
    /// The version is good
    Approve(Words),
    /// The version is not good
    Reject(Words),
    /// Put other words to the last thing that was said
    Amend {
        #[command(flatten)]
        which: Which,
        #[arg(long, value_name = "TEXT")]
        comment: String,
    },
}

/// Which version is meant.
#[derive(clap::Args)]
pub struct Which {
    name: String,
    /// A number, $LATEST or $DEFAULT
    #[arg(long, visible_alias = "version", default_value = "$DEFAULT", value_name = "VERSION")]
    at: String,
}

#[derive(clap::Args)]
pub struct Words {
    #[command(flatten)]
    which: Which,
    /// Why; kept with the review
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

const COLUMNS: &[Column] = &[
    Column::new("review_status", Kind::Status),
    Column::new("reviewer", Kind::Text),
    Column::new("create_time", Kind::Age),
    Column::new("comment", Kind::Text),
    Column::hidden("updated_time", Kind::Age),
];

pub async fn run(client: &Client, verb: ReviewVerb, show: &Show) -> Result<()> {
    match verb {
        ReviewVerb::List { which } => list(client, &which, show).await,
        ReviewVerb::Send(words) => say(client, "SendForReview", &words, "waits for a review").await,
        ReviewVerb::Approve(words) => say(client, "Approve", &words, "is approved").await,
        ReviewVerb::Reject(words) => say(client, "Reject", &words, "is rejected").await,
        ReviewVerb::Amend { which, comment } => {
            let comment = Some(comment);
            say(client, "UpdateReview", &Words { which, comment }, "has other words to its review").await
        }
    }
}

async fn say(client: &Client, action: &str, words: &Words, done: &str) -> Result<()> {
    let Which { name, at } = &words.which;
    let mut review = json!({ "Action": action });
    if let Some(comment) = &words.comment {
        review["Comment"] = json!([{"Type": "Comment", "Content": comment}]);
    }
    let request = json!({"Name": name, "DocumentVersion": at, "DocumentReviews": review});
    let _: Value = client.ssm("UpdateDocumentMetadata", request).await?;
    output::say(&format!("version {} of {} {done}", text::escape_line(at), text::escape_line(name)));
    Ok(())
}

async fn list(client: &Client, which: &Which, show: &Show) -> Result<()> {
    let mut request = json!({"Name": which.name, "DocumentVersion": which.at, "Metadata": "DocumentReviews", "MaxResults": 50});
    let mut rows = Vec::new();
    loop {
        let mut page: Value = client.ssm("ListDocumentMetadataHistory", request.clone()).await?;
        if let Value::Array(said) = page["Metadata"]["ReviewerResponse"].take() {
            rows.extend(said.into_iter().map(with_its_words).map(rows::from_api));
        }
        match page["NextToken"].take() {
            token @ Value::String(_) => request["NextToken"] = token,
            _ => break,
        }
    }
    show.listing(&Listing { columns: COLUMNS, rows }, Clock::system().now())
}

/// The comment as a text: upstream's list has one at most.
fn with_its_words(mut said: Value) -> Value {
    let comment = said.pointer("/Comment/0/Content").cloned();
    said["Comment"] = comment.unwrap_or_default();
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_a_text_or_nothing() {
        let said = with_its_words(json!({"Comment": [{"Type": "Comment", "Content": "fine"}]}));
        assert_eq!(said, json!({"Comment": "fine"}));
        assert_eq!(with_its_words(json!({})), json!({ "Comment": null }));
    }
}
