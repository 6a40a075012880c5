//! `roadstead audit …`: who did what, and whether the log of it is what was written.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::base::id::NodeId;
use crate::cli::args::ListArgs;
use crate::cli::audit_shipping::ShippingVerb;
use crate::cli::client::Client;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{audit_shipping, context, node, rows, text};
use crate::hub::audit::chain::{Finding, MAX_FINDINGS, Problem, Verdict};
use crate::hub::audit::offline::{self, AuditEvent};
use crate::model::filter::Filter;
use crate::wire::audit::SignedHead;

#[derive(Subcommand)]
pub enum AuditVerb {
    /// List what was done, the newest first
    #[command(visible_alias = "ls")]
    List {
        /// Only rows that match, e.g. 'user=ann operation=SendCommand node=web-1 outcome=denied time>=24h'
        #[arg(long, value_name = "FILTER")]
        filter: Option<Filter>,
        /// At most so many rows; 0 for all
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: usize,
    },
    /// Check that no row was changed, moved or cut: exit code 0 healthy, 1 broken
    ///
    /// Without PATH the running hub checks its log. With PATH nothing of a hub is needed: a data folder, a (copied) database,
    /// or an export is read.
    Verify {
        /// A data folder, a database file, an export, or an archived segment
        #[arg(value_name = "PATH")]
        path: Option<PathBuf>,
        /// The same for a data folder
        #[arg(long, value_name = "DIR", conflicts_with = "path")]
        data: Option<PathBuf>,
        /// A head that was kept elsewhere, or a file of shipped lines; repeatable
        #[arg(long, value_name = "FILE")]
        against: Vec<PathBuf>,
        /// Fingerprint of the hub's key; heads of any other are forged. Repeatable
        #[arg(long, value_name = "SHA256")]
        key: Vec<String>,
    },
    /// Write rows as JSON lines, the oldest first, with the signed head at the end
    Export {
        /// Only rows that match; such an export cannot be verified as a whole
        #[arg(long, value_name = "FILTER")]
        filter: Option<Filter>,
        /// Where to; stdout when absent
        #[arg(long, short, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Where the log is shipped to, and how delivery goes
    #[command(subcommand)]
    Shipping(ShippingVerb),
    /// How long rows stay in the database, and which were archived
    Retention {
        /// Archive rows after so many days; 0 to keep them for ever
        #[arg(long, value_name = "DAYS")]
        keep_days: Option<i64>,
    },
}

const LIST: &[Column] = &[
    Column::new("seq", Kind::Text),
    Column::new("at", Kind::Time),
    Column::new("caller", Kind::Text),
    Column::new("address", Kind::Text),
    Column::new("operation", Kind::Text),
    Column::new("target", Kind::Text),
    Column::new("outcome", Kind::Status),
    Column::new("detail", Kind::Text),
    Column::hidden("user_name", Kind::Text),
    Column::hidden("node_ids", Kind::Text),
    Column::hidden("command_id", Kind::Text),
    Column::hidden("repeats", Kind::Text),
    Column::hidden("request_id", Kind::Text),
    Column::hidden("hash", Kind::Text),
];

const SEGMENTS: &[Column] = &[
    Column::new("file", Kind::Text),
    Column::new("first_seq", Kind::Text),
    Column::new("last_seq", Kind::Text),
    Column::new("archived_at", Kind::Time),
    Column::hidden("sha256", Kind::Text),
];

/// Heads that the hub takes with one call.
const HEADS_AT_ONCE: usize = 1000;
/// Rows that it looks at in one call.
const ROWS_AT_ONCE: i64 = 200_000;

pub async fn run(verb: AuditVerb, show: &Show) -> Result<()> {
    match &verb {
        AuditVerb::Verify { .. } => show.check_has_no_rows()?,
        AuditVerb::Export { .. } if show.output != output::Format::Json => show.check_is_plain("an export")?,
        _ => {}
    }
    match verb {
        AuditVerb::List { filter, limit } => {
            let list = ListArgs { filter, limit };
            list_events(&context::connect().await?, list, show).await
        }
        AuditVerb::Verify { path, data, against, key } => match path.or(data) {
            Some(path) => verify_offline(&path, &against, &key, show),
            None => verify_online(&context::connect().await?, &against, &key, show).await,
        },
        AuditVerb::Export { filter, file } => export(&context::connect().await?, filter, file.as_deref()).await,
        AuditVerb::Shipping(verb) => audit_shipping::run(verb, show).await,
        AuditVerb::Retention { keep_days } => retention(&context::connect().await?, keep_days, show).await,
    }
}

async fn list_events(client: &Client, list: ListArgs, show: &Show) -> Result<()> {
    let limit = list.limit();
    let mut request = json!({"MaxResults": limit.min(1000)});
    if let Some(filter) = list.filter {
        request["Filter"] = serde_json::to_value(with_node_ids(client, filter).await?)?;
    }
    let found: Vec<Value> = client.pages("Roadstead.ListAuditEvents", request, "Events", limit).await?;
    let rows = found.into_iter().map(rows::from_api).collect();
    show.listing(&Listing { columns: LIST, rows }, Clock::system().now())
}

/// Nodes may be named; the log knows them by id.
async fn with_node_ids(client: &Client, mut filter: Filter) -> Result<Filter> {
    for term in filter.terms.iter_mut().filter(|term| term.key == "node") {
        if term.value.parse::<NodeId>().is_err() {
            term.value = node::resolve(client, &term.value).await?.id.to_string();
        }
    }
    Ok(filter)
}

fn verify_offline(path: &Path, against: &[PathBuf], keys: &[String], show: &Show) -> Result<()> {
    let mut heads = Vec::new();
    for file in against {
        heads.extend(offline::heads_of(file)?);
    }
    let keys: Vec<String> = keys.iter().map(|key| key.replace(':', "").to_lowercase()).collect();
    tell(offline::verify(path, heads, &keys)?, show)
}

async fn verify_online(client: &Client, against: &[PathBuf], keys: &[String], show: &Show) -> Result<()> {
    let mut heads = Vec::new();
    for file in against {
        heads.extend(offline::heads_of(file)?.into_iter().map(|known| known.head));
    }
    let head: Value = client.hub("GetAuditHead", json!({})).await?;
    let hub_key = head["HubKey"].as_str().unwrap_or_default();
    let is_expected = |key: &String| key.replace(':', "").eq_ignore_ascii_case(hub_key);
    if !keys.is_empty() && !keys.iter().any(is_expected) {
        return Err(Failure::new(
            Exit::Failed,
            format!("the hub signs with key {hub_key}, which is not the given one"),
        )
        .into());
    }
    heads.sort_by_key(|head| head.seq);
    let mut whole: Option<Verdict> = None;
    let mut from = match heads.len() > HEADS_AT_ONCE {
        true => oldest_row(client).await?,
        false => 1,
    };
    loop {
        let (against, max_rows) = stretch(&heads, from);
        let request = json!({"FromSeq": from, "MaxRows": max_rows, "Against": against});
        let answer: Value = client.hub("VerifyAudit", request).await?;
        let next = answer["NextSeq"].as_i64();
        let part: Verdict = serde_json::from_value(answer).context("the hub's verdict cannot be read")?;
        whole = Some(match whole {
            None => part,
            Some(before) => joined(before, part),
        });
        match next {
            Some(next) => from = next,
            None => break,
        }
    }
    tell(whole.context("the hub gave no verdict")?, show)
}

/// The number of the oldest row that was not archived.
async fn oldest_row(client: &Client) -> Result<i64> {
    let found: Value = client.hub("GetAuditRetention", json!({})).await?;
    let archived = found["Segments"].as_array().into_iter().flatten();
    Ok(archived.filter_map(|segment| segment["LastSeq"].as_i64()).max().unwrap_or(0) + 1)
}

/// The heads for the rows from `from` on that one call takes, and how many rows it may look at before the first that it does not.
fn stretch(heads: &[SignedHead], from: i64) -> (&[SignedHead], i64) {
    let waiting = &heads[heads.partition_point(|head| head.seq < from)..];
    let (now, later) = waiting.split_at(waiting.len().min(HEADS_AT_ONCE));
    let most = later.first().map_or(ROWS_AT_ONCE, |head| head.seq.saturating_sub(from));
    (now, most.clamp(1, ROWS_AT_ONCE))
}

/// The verdict of two stretches that follow each other.
fn joined(before: Verdict, after: Verdict) -> Verdict {
    let mut findings = before.findings;
    findings.extend(after.findings);
    findings.truncate(MAX_FINDINGS);
    Verdict {
        healthy: before.healthy && after.healthy,
        rows: before.rows + after.rows,
        first_seq: before.first_seq,
        last_seq: after.last_seq.max(before.last_seq),
        last_hash: after.last_hash,
        heads: before.heads + after.heads,
        finding_count: before.finding_count + after.finding_count,
        findings,
    }
}

/// Shows a verdict and ends with the exit code that scripts rely on.
fn tell(verdict: Verdict, show: &Show) -> Result<()> {
    let is_healthy = verdict.healthy;
    match show.is_table() {
        true => output::write(&words(&verdict))?,
        false => show.value(&rows::from_api(serde_json::to_value(&verdict)?))?,
    }
    match is_healthy {
        true => Ok(()),
        false => Err(Failure::silent(Exit::Failed).into()),
    }
}

fn words(verdict: &Verdict) -> String {
    let extent = match verdict.rows {
        0 => "no rows".to_owned(),
        rows => format!("{} ({} to {})", text::count(rows, "row"), verdict.first_seq, verdict.last_seq),
    };
    if verdict.healthy {
        let note = match verdict.heads {
            0 => "no signed head was at hand, so this says only that the rows fit together".to_owned(),
            1 => "1 signed head fits".to_owned(),
            heads => format!("{heads} signed heads fit"),
        };
        return format!("healthy: {extent}, {note}\n");
    }
    let mut text = format!("broken: {} in {extent}\n", text::count(verdict.finding_count, "finding"));
    for finding in &verdict.findings {
        text.push_str(&format!("  {}\n", text::escape_line(&sentence(finding))));
    }
    let left = verdict.finding_count.saturating_sub(verdict.findings.len() as u64);
    if left > 0 {
        text.push_str(&format!("  and {left} more\n"));
    }
    text
}

fn sentence(finding: &Finding) -> String {
    let Finding {
        seq,
        problem,
        expected,
        found,
        source,
    } = finding;
    match problem {
        Problem::Changed => format!("row {seq}: it, or the row before it, was changed: expected hash {expected}, found {found}"),
        Problem::Missing => format!("row {seq}: missing: expected {expected}, found {found}"),
        Problem::Rewritten => format!("row {seq}: written anew: {source} has a signed head with hash {expected}, found {found}"),
        Problem::Truncated => format!("row {seq}: the log was cut: {source} has a signed head for {expected}, but {found}"),
        Problem::Unsigned => format!("row {seq}: made up later: expected {expected}, found {found}"),
        Problem::ForgedHead => format!("row {seq}: the head in {source} is forged: expected {expected}, found {found}"),
        Problem::Unreadable => format!("row {seq}: cannot be read: {found}"),
    }
}

async fn export(client: &Client, filter: Option<Filter>, file: Option<&Path>) -> Result<()> {
    let mut request = json!({"OldestFirst": true, "MaxResults": 1000});
    let is_whole = filter.is_none();
    if let Some(filter) = filter {
        request["Filter"] = serde_json::to_value(with_node_ids(client, filter).await?)?;
    }
    // Before the rows: what is added meanwhile is exported too, and lies behind the head.
    let head: Value = client.hub("GetAuditHead", json!({})).await?;
    let mut to = Destination::open(file)?;
    let mut count = 0u64;
    loop {
        let mut page: Value = client.hub("ListAuditEvents", request.clone()).await?;
        let events: Vec<AuditEvent> = serde_json::from_value(page["Events"].take()).context("the hub's rows cannot be read")?;
        count += events.len() as u64;
        for event in &events {
            to.line(&serde_json::to_string(event)?)?;
        }
        match page["NextToken"].take() {
            Value::String(token) => request["NextToken"] = json!(token),
            _ => break,
        }
    }
    if is_whole && head["Head"].is_object() {
        to.line(&json!({"Head": head["Head"]}).to_string())?;
    }
    to.finish()?;
    if let Some(file) = file {
        output::say(&format!("{} written to {}", text::count(count, "row"), file.display()));
    }
    Ok(())
}

/// Where an export goes.
enum Destination {
    Stdout,
    File(std::io::BufWriter<std::fs::File>),
}

impl Destination {
    fn open(file: Option<&Path>) -> Result<Self> {
        let Some(path) = file else { return Ok(Self::Stdout) };
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = std::fs::OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        let opened = opened.with_context(|| format!("could not write `{}`", path.display()))?;
        Ok(Self::File(std::io::BufWriter::new(opened)))
    }

    /// JSON text, in which every character that could move a terminal is escaped.
    fn line(&mut self, json: &str) -> Result<()> {
        let mut line = String::with_capacity(json.len() + 1);
        for c in json.chars() {
            match text::is_hostile(c) {
                true => line.push_str(&format!("\\u{:04x}", c as u32)),
                false => line.push(c),
            }
        }
        line.push('\n');
        match self {
            Self::Stdout => output::write(&line),
            Self::File(file) => Ok(file.write_all(line.as_bytes())?),
        }
    }

    fn finish(self) -> Result<()> {
        if let Self::File(file) = self {
            file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        }
        Ok(())
    }
}

async fn retention(client: &Client, keep_days: Option<i64>, show: &Show) -> Result<()> {
    if let Some(days) = keep_days {
        let request = if days == 0 { json!({}) } else { json!({"KeepDays": days}) };
        let _: Value = client.hub("PutAuditRetention", request).await?;
    }
    let found: Value = client.hub("GetAuditRetention", json!({})).await?;
    if show.is_structured() {
        return show.value(&rows::from_api(found));
    }
    output::say(&match found["KeepDays"].as_i64() {
        Some(days) => format!("rows are archived after {days} days"),
        None => "rows are kept for ever".to_owned(),
    });
    let segments = found["Segments"].as_array().cloned().unwrap_or_default();
    if segments.is_empty() && show.is_table() {
        return Ok(());
    }
    let rows = segments.into_iter().map(rows::from_api).collect();
    show.listing(&Listing { columns: SEGMENTS, rows }, Clock::system().now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_ends_before_the_first_head_that_is_not_sent_with_it() {
        let signer = crate::wire::warrant::Signer::new(&[1; 32]);
        let head = |seq| SignedHead::sign(&signer, seq, &[0; 32], crate::base::Timestamp::from_millis(1));
        let heads: Vec<SignedHead> = (1..=2500).map(|n| head(n * 10)).collect();
        let seqs = |(against, rows): (&[SignedHead], i64)| (against.len(), against[0].seq, rows);
        assert_eq!(seqs(stretch(&heads, 1)), (1000, 10, 10_009));
        assert_eq!(seqs(stretch(&heads, 10_010)), (1000, 10_010, 10_000));
        assert_eq!(seqs(stretch(&heads, 20_010)), (500, 20_010, ROWS_AT_ONCE));
        assert!(stretch(&heads, 30_000).0.is_empty());
    }

    #[test]
    fn a_verdict_is_said_in_words_a_person_can_act_on() {
        let healthy = Verdict {
            healthy: true,
            rows: 12,
            first_seq: 1,
            last_seq: 12,
            last_hash: String::new(),
            heads: 2,
            finding_count: 0,
            findings: Vec::new(),
        };
        assert_eq!(words(&healthy), "healthy: 12 rows (1 to 12), 2 signed heads fit\n");
        let finding = Finding {
            seq: 7,
            problem: Problem::Truncated,
            expected: "row 7 with hash ab".into(),
            found: "the log ends at row 5".into(),
            source: "head.json\u{1b}".into(),
        };
        let broken = Verdict {
            healthy: false,
            finding_count: 3,
            findings: vec![finding],
            ..healthy
        };
        let text = words(&broken);
        assert!(text.starts_with("broken: 3 findings") && text.contains("row 7: the log was cut") && text.ends_with("and 2 more\n"));
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
