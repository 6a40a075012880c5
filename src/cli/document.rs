//! `roadstead document …`: what nodes can be told to do, written down.

mod review;
mod source;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::{ListArgs, Tag, confirm_by_word, tags_to_api, word_of};
use crate::cli::client::Client;
use crate::cli::diff;
use crate::cli::document::review::ReviewVerb;
use crate::cli::document::source::{Besides, Needed, Source, word};
use crate::cli::each::each;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows, text};
use crate::hub::capabilities::documents::content::TYPES;
use crate::model::document::{Severity, text as language};

/// What the list knows of owners; documents of other accounts are not here.
const OWNERS: &[&str] = &["Self", "Amazon", "Roadstead", "ThirdParty", "Public", "Private"];

#[derive(Subcommand)]
pub enum DocumentVerb {
    /// List documents, the library's and your own
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
        /// Only those of an owner
        #[arg(long, value_parser = word_of(OWNERS), ignore_case = true)]
        owner: Option<String>,
        /// Only those of a type
        #[arg(long = "type", value_name = "TYPE", value_parser = word_of(TYPES), ignore_case = true)]
        kind: Option<String>,
    },
    /// Print a document's text, or with -o json everything known of it
    Show {
        name: String,
        /// A number, $LATEST or $DEFAULT
        #[arg(long, visible_alias = "version", value_name = "VERSION")]
        at: Option<String>,
        /// In this format instead of the one it was written in
        #[arg(long, value_parser = ["json", "yaml"])]
        format: Option<String>,
    },
    /// List the versions of a document
    Versions { name: String },
    /// Make a document from a file
    Create {
        name: String,
        /// `-` reads stdin
        file: PathBuf,
        #[arg(long = "type", default_value = "Command", value_name = "TYPE", value_parser = word_of(TYPES), ignore_case = true)]
        kind: String,
        #[command(flatten)]
        besides: Besides,
        /// A document that this one needs, repeatable
        #[arg(long, value_name = "NAME[:VERSION]")]
        requires: Vec<Needed>,
        #[arg(long = "tag", value_name = "K=V", value_delimiter = ',')]
        tags: Vec<Tag>,
    },
    /// Make a new version from a file; the default stays
    Update {
        name: String,
        /// `-` reads stdin
        file: PathBuf,
        #[command(flatten)]
        besides: Besides,
        /// Make the new version the default
        #[arg(long)]
        default: bool,
    },
    /// Delete documents, or one version of one
    #[command(visible_alias = "rm")]
    Delete {
        #[arg(required = true)]
        names: Vec<String>,
        /// The one version to delete
        #[arg(long, visible_alias = "version", value_name = "VERSION")]
        at: Option<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Choose the version that runs when nobody names one
    Default {
        name: String,
        #[arg(value_name = "VERSION")]
        number: String,
    },
    /// Judge files without a hub: where what is wrong, and what would be right
    Lint {
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Warnings are failures too
        #[arg(long)]
        strict: bool,
    },
    /// What changed between two versions, or between a version and a file
    Diff {
        name: String,
        /// A version; [default: $DEFAULT]
        #[arg(long, default_value = "$DEFAULT", value_name = "VERSION")]
        from: String,
        /// A version, or a file
        #[arg(long, default_value = "$LATEST", value_name = "VERSION|FILE")]
        to: String,
    },
    /// Show with which accounts a document is shared, and change it
    Share {
        name: String,
        /// An account of twelve digits, or `all`
        #[arg(long, value_name = "ACCOUNT")]
        add: Vec<String>,
        #[arg(long, value_name = "ACCOUNT")]
        remove: Vec<String>,
    },
    /// Reviews of a version: sent for review, approved, rejected, and who said what
    #[command(subcommand)]
    Review(ReviewVerb),
}

const LIST: &[Column] = &[
    Column::new("name", Kind::Text),
    Column::new("document_type", Kind::Text),
    Column::new("owner", Kind::Text),
    Column::new("document_version", Kind::Text),
    Column::new("document_format", Kind::Text),
    Column::new("created_date", Kind::Age),
    Column::hidden("schema_version", Kind::Text),
    Column::hidden("platform_types", Kind::Text),
    Column::hidden("target_type", Kind::Text),
    Column::hidden("tags", Kind::Text),
];

const VERSIONS: &[Column] = &[
    Column::new("document_version", Kind::Text),
    Column::new("version_name", Kind::Text),
    Column::new("is_default_version", Kind::Text),
    Column::new("document_format", Kind::Text),
    Column::new("created_date", Kind::Age),
    Column::hidden("name", Kind::Text),
];

const PROBLEMS: &[Column] = &[
    Column::new("file", Kind::Text),
    Column::new("severity", Kind::Status),
    Column::new("line", Kind::Text),
    Column::new("column", Kind::Text),
    Column::new("path", Kind::Text),
    Column::new("message", Kind::Text),
];

const SHARES: &[Column] = &[
    Column::new("account_id", Kind::Text),
    Column::new("shared_document_version", Kind::Text),
];

pub async fn run(verb: DocumentVerb, show: &Show) -> Result<()> {
    if let DocumentVerb::Lint { files, strict } = &verb {
        return lint(files, *strict, show);
    }
    let client = context::connect().await?;
    match verb {
        DocumentVerb::List { list, owner, kind } => list_documents(&client, &list, owner, kind, show).await,
        DocumentVerb::Show { name, at, format } => show_document(&client, &name, at, format, show).await,
        DocumentVerb::Versions { name } => list_versions(&client, &name, show).await,
        DocumentVerb::Create {
            name,
            file,
            kind,
            besides,
            requires,
            tags,
        } => {
            let source = Source::read(&file)?;
            source.warn(&kind)?;
            let mut request = source.request(&name, &besides);
            request["DocumentType"] = json!(kind);
            if !requires.is_empty() {
                request["Requires"] = json!(requires);
            }
            request["Tags"] = tags_to_api(&tags);
            let _: Value = client.ssm("CreateDocument", request).await?;
            output::say(&format!("document {} is there, version 1", text::escape_line(&name)));
            Ok(())
        }
        DocumentVerb::Update {
            name,
            file,
            besides,
            default,
        } => update(&client, &name, &file, &besides, default).await,
        DocumentVerb::Delete { names, at, yes } => delete(&client, &names, at, yes).await,
        DocumentVerb::Default { name, number } => set_default(&client, &name, &number).await,
        DocumentVerb::Diff { name, from, to } => {
            show.check_is_plain("a diff")?;
            show_diff(&client, &name, &from, &to).await
        }
        DocumentVerb::Share { name, add, remove } => share(&client, &name, &add, &remove, show).await,
        DocumentVerb::Review(verb) => review::run(&client, verb, show).await,
        DocumentVerb::Lint { .. } => Ok(()),
    }
}

async fn list_documents(client: &Client, list: &ListArgs, owner: Option<String>, kind: Option<String>, show: &Show) -> Result<()> {
    let mut filters = Vec::new();
    filters.extend(owner.map(|owner| json!({"Key": "Owner", "Values": [owner]})));
    filters.extend(kind.map(|kind| json!({"Key": "DocumentType", "Values": [kind]})));
    let found: Vec<Value> = client
        .pages(
            "AmazonSSM.ListDocuments",
            json!({"Filters": filters}),
            "DocumentIdentifiers",
            usize::MAX,
        )
        .await?;
    let mut rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
    output::retain(&mut rows, list.filter.as_ref(), LIST)?;
    rows.truncate(list.limit());
    show.listing(&Listing { columns: LIST, rows }, Clock::system().now())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Got {
    content: String,
}

async fn show_document(client: &Client, name: &str, version: Option<String>, format: Option<String>, show: &Show) -> Result<()> {
    let mut request = json!({"Name": name});
    if let Some(version) = version {
        request["DocumentVersion"] = json!(version);
    }
    if !show.is_table() {
        let described: Value = client.ssm("DescribeDocument", request.clone()).await?;
        let mut record = described["Document"].clone();
        record["Content"] = json!(text_of(client, request, format).await?);
        let listing = Listing {
            columns: LIST,
            rows: vec![rows::from_api(record)],
        };
        return show.record(listing, Clock::system().now());
    }
    let mut content = text_of(client, request, format).await?;
    if !content.ends_with('\n') {
        content.push('\n');
    }
    output::write(&match show.raw {
        true => content,
        false => text::escape_output(&content),
    })
}

/// The text as it was written, unless a format is asked for.
async fn text_of(client: &Client, mut request: Value, format: Option<String>) -> Result<String> {
    let format = match format {
        Some(format) => format.to_ascii_uppercase(),
        None => {
            let described: Value = client.ssm("DescribeDocument", request.clone()).await?;
            described["Document"]["DocumentFormat"].as_str().unwrap_or("JSON").to_owned()
        }
    };
    request["DocumentFormat"] = json!(format);
    let got: Got = client.ssm("GetDocument", request).await?;
    Ok(got.content)
}

async fn list_versions(client: &Client, name: &str, show: &Show) -> Result<()> {
    let found: Vec<Value> = client
        .pages(
            "AmazonSSM.ListDocumentVersions",
            json!({"Name": name}),
            "DocumentVersions",
            usize::MAX,
        )
        .await?;
    let rows = found.into_iter().map(rows::from_api).collect();
    show.listing(&Listing { columns: VERSIONS, rows }, Clock::system().now())
}

async fn update(client: &Client, name: &str, file: &Path, besides: &Besides, default: bool) -> Result<()> {
    let described: Value = client.ssm("DescribeDocument", json!({"Name": name})).await?;
    let source = Source::read(file)?;
    source.warn(described["Document"]["DocumentType"].as_str().unwrap_or("Command"))?;
    let mut request = source.request(name, besides);
    request["DocumentVersion"] = json!("$LATEST");
    let updated: Value = client.ssm("UpdateDocument", request).await?;
    let version = updated["DocumentDescription"]["DocumentVersion"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    output::say(&format!("document {} has version {version} now", text::escape_line(name)));
    match default {
        true => set_default(client, name, &version).await,
        false => Ok(()),
    }
}

async fn set_default(client: &Client, name: &str, version: &str) -> Result<()> {
    let _: Value = client
        .ssm("UpdateDocumentDefaultVersion", json!({"Name": name, "DocumentVersion": version}))
        .await?;
    output::say(&format!("version {version} of {} is the default now", text::escape_line(name)));
    Ok(())
}

async fn delete(client: &Client, names: &[String], version: Option<String>, yes: bool) -> Result<()> {
    if version.is_some() && names.len() > 1 {
        return Err(Failure::usage("--at deletes a version of one document").into());
    }
    let what = match &version {
        Some(version) => format!("version {version} of {}", names[0]),
        None => names.join(", "),
    };
    confirm_by_word(yes, &format!("{what} will be deleted for good"), &names[0])?;
    let delete = async |name: &String| {
        let mut request = json!({"Name": name});
        if let Some(version) = &version {
            request["DocumentVersion"] = json!(version);
        }
        let _: Value = client.ssm("DeleteDocument", request).await?;
        let what = if version.is_some() { &what } else { name };
        output::say(&format!("deleted: {}", text::escape_line(what)));
        Ok(())
    };
    each(names, delete).await
}

fn lint(files: &[PathBuf], strict: bool, show: &Show) -> Result<()> {
    let (mut rows, mut is_bad) = (Vec::new(), false);
    for file in files {
        let source = match Source::read(file) {
            Ok(source) => source,
            // What is wrong in the other files is told all the same.
            Err(error) => {
                is_bad = true;
                rows.push(json!({"file": file.display().to_string(), "severity": "error", "message": format!("{error:#}")}));
                continue;
            }
        };
        for problem in source.problems() {
            is_bad |= strict || problem.severity == Severity::Error;
            rows.push(json!({
                "file": source.name, "severity": word(problem.severity), "line": problem.at.line, "column": problem.at.column,
                "path": problem.path, "message": problem.message,
            }));
        }
    }
    let is_clean = rows.is_empty();
    if show.is_structured() || !is_clean {
        show.listing(&Listing { columns: PROBLEMS, rows }, Clock::system().now())?;
    }
    match is_bad {
        true => Err(Failure::silent(Exit::Failed).into()),
        false if is_clean => {
            output::say(&format!("{}: nothing to say", text::count(files.len() as u64, "document")));
            Ok(())
        }
        false => Ok(()),
    }
}

async fn show_diff(client: &Client, name: &str, from: &str, to: &str) -> Result<()> {
    let stored = async |version: &str| text_of(client, json!({"Name": name, "DocumentVersion": version}), Some("yaml".into())).await;
    let is_version = to.starts_with('$') || to.bytes().all(|b| b.is_ascii_digit());
    let before = stored(from).await?;
    let after = match is_version {
        true => stored(to).await?,
        false => {
            let source = Source::read(Path::new(to))?;
            match language::parse(&source.content, source.format) {
                Ok(root) => root.written(language::Format::Yaml).map_err(anyhow::Error::msg)?,
                Err(problem) => return Err(Failure::new(Exit::Failed, format!("{}: {problem}", source.name)).into()),
            }
        }
    };
    let changes = diff::unified(&before, &after, from, to);
    output::write(&text::escape_output(&changes))
}

async fn share(client: &Client, name: &str, add: &[String], remove: &[String], show: &Show) -> Result<()> {
    let base = json!({"Name": name, "PermissionType": "Share"});
    if !add.is_empty() || !remove.is_empty() {
        let mut request = base.clone();
        request["AccountIdsToAdd"] = json!(add);
        request["AccountIdsToRemove"] = json!(remove);
        let _: Value = client.ssm("ModifyDocumentPermission", request).await?;
    }
    let shown: Value = client.ssm("DescribeDocumentPermission", base).await?;
    let infos = shown["AccountSharingInfoList"].as_array().cloned().unwrap_or_default();
    let rows = infos.into_iter().map(rows::from_api).collect();
    show.listing(&Listing { columns: SHARES, rows }, Clock::system().now())
}
