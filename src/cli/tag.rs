//! `roadstead tag …`: tags over all resources at once, and the rules about them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::args::{ListArgs, Tag, confirm_by_word, say_more, tags_to_api};
use crate::cli::client::Client;
use crate::cli::failure::{Exit, Failure};
use crate::cli::node::TagChange;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::progress::Counted;
use crate::cli::{context, rows, text};

/// Changes of one request, as many as the hub takes.
const CHUNK: usize = 500;

#[derive(Subcommand)]
pub enum TagVerb {
    /// List resources of every kind with their tags
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// List resources that break a rule
    Offenders {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Change tags on everything that matches: key=value sets, key- removes
    Change(ChangeArgs),
    /// Make the changes of a file that `tag change --undo` has written
    Apply {
        file: PathBuf,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// List the keys that are in use
    Keys,
    /// List the values that a key has
    Values { key: String },
    /// Which tags there must be, and which values they may have
    #[command(subcommand, visible_alias = "rules")]
    Rule(RuleVerb),
}

#[derive(clap::Args)]
pub struct ChangeArgs {
    /// `key=value` or `key-`
    #[arg(required = true, value_name = "CHANGE")]
    changes: Vec<TagChange>,
    /// Which resources, e.g. 'type=Parameter tag:env=test'; 'id^/' means every parameter
    #[arg(long, value_name = "FILTER", required = true)]
    filter: crate::model::filter::Filter,
    /// Leave values that are there
    #[arg(long)]
    keep: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the way back into this file, for `tag apply`
    #[arg(long, value_name = "FILE")]
    undo: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Subcommand)]
pub enum RuleVerb {
    /// List the rules
    #[command(visible_alias = "ls")]
    List,
    /// Say what must hold for a key; replaces what was said of it
    Set {
        key: String,
        /// Every resource must carry it
        #[arg(long)]
        required: bool,
        /// A value that it may have (may be repeated)
        #[arg(long = "value", value_name = "VALUE")]
        values: Vec<String>,
        /// A type that it is about: ManagedInstance, Parameter, Document, Group (may be repeated; default all)
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
    },
    /// Delete what was said of a key
    #[command(visible_alias = "rm")]
    Delete { key: String },
}

const RESOURCES: &[Column] = &[
    Column::new("resource_id", Kind::Text),
    Column::new("resource_type", Kind::Text),
    Column::new("name", Kind::Text),
    Column::new("tags", Kind::Text),
    Column::hidden("missing_keys", Kind::Text),
    Column::hidden("wrong_keys", Kind::Text),
    Column::hidden("resource_arn", Kind::Text),
];
const OFFENDERS: &[Column] = &[
    Column::new("resource_id", Kind::Text),
    Column::new("resource_type", Kind::Text),
    Column::new("name", Kind::Text),
    Column::new("missing_keys", Kind::Text),
    Column::new("wrong_keys", Kind::Text),
    Column::hidden("tags", Kind::Text),
    Column::hidden("resource_arn", Kind::Text),
];
const RULES: &[Column] = &[
    Column::new("key", Kind::Text),
    Column::new("resource_type", Kind::Text),
    Column::new("is_required", Kind::Text),
    Column::new("allowed_values", Kind::Text),
];
const WORDS: &[Column] = &[Column::new("word", Kind::Text)];

pub async fn run(verb: TagVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    match verb {
        TagVerb::List { list } => listed(&client, list, RESOURCES, show).await,
        TagVerb::Offenders { mut list } => {
            let mut filter = list.filter.take().unwrap_or_default();
            if filter.join == crate::model::filter::Join::Or && filter.terms.len() > 1 {
                return Err(
                    Failure::usage("`tag offenders` takes a filter without `or`; `tag list --filter 'rule=broken'` takes any").into(),
                );
            }
            filter.join = crate::model::filter::Join::And;
            filter
                .terms
                .push(crate::model::filter::Term::new("rule", crate::model::filter::Op::Eq, "broken"));
            list.filter = Some(filter);
            listed(&client, list, OFFENDERS, show).await
        }
        TagVerb::Change(args) => change(&client, args, show).await,
        TagVerb::Apply { file, yes } => apply(&client, &file, yes).await,
        TagVerb::Keys => words(&client, "GetTagKeys", json!({}), "TagKeys", show).await,
        TagVerb::Values { key } => words(&client, "GetTagValues", json!({ "Key": key }), "TagValues", show).await,
        TagVerb::Rule(verb) => rule(&client, verb, show).await,
    }
}

async fn listed(client: &Client, list: ListArgs, columns: &'static [Column], show: &Show) -> Result<()> {
    let mut request = json!({ "MaxResults": list.limit().min(1000) });
    if let Some(filter) = &list.filter {
        request["Filter"] = json!(filter);
    }
    let found: Vec<Value> = client
        .pages("Roadstead.SearchResources", request.clone(), "Resources", list.limit())
        .await?;
    let rows: Vec<Value> = found.into_iter().map(rows::from_api).collect();
    if show.is_table() && rows.len() >= list.limit() {
        request["MaxResults"] = json!(1);
        let page: Value = client.hub("SearchResources", request).await?;
        say_more(rows.len(), page["Total"].as_u64().unwrap_or(0));
    }
    show.listing(&Listing { columns, rows }, Clock::system().now())
}

/// Keys, or values of one.
async fn words(client: &Client, operation: &str, mut request: Value, member: &str, show: &Show) -> Result<()> {
    let mut rows = Vec::new();
    loop {
        let page: Value = client
            .call(&format!("ResourceGroupsTaggingAPI_20170126.{operation}"), request.clone())
            .await?;
        let found = page[member].as_array().into_iter().flatten();
        rows.extend(found.map(|word| json!({ "word": word })));
        match page["PaginationToken"].as_str() {
            Some(token) if !token.is_empty() => request["PaginationToken"] = json!(token),
            _ => break,
        }
    }
    show.listing(&Listing { columns: WORDS, rows }, Clock::system().now())
}

/// One resource's change, and what takes it back.
#[derive(Debug, PartialEq)]
struct Planned {
    change: Value,
    back: Value,
}

async fn change(client: &Client, args: ChangeArgs, show: &Show) -> Result<()> {
    show.check_has_no_rows()?;
    let request = json!({ "Filter": args.filter, "MaxResults": 1000 });
    let found: Vec<Value> = client.pages("Roadstead.SearchResources", request, "Resources", usize::MAX).await?;
    let planned: Vec<Planned> = found
        .iter()
        .filter_map(|resource| plan(resource, &args.changes, args.keep))
        .collect();
    output::say(&format!(
        "{} found: {} would change, {} already as wanted",
        text::count(found.len() as u64, "resource"),
        planned.len(),
        found.len() - planned.len()
    ));
    if args.dry_run || planned.is_empty() {
        if !show.is_table() {
            return show.value(&planned.into_iter().map(|one| one.change).collect());
        }
        let lines = planned.iter().map(|one| format!("{}\n", one.change));
        return output::write(&lines.collect::<String>());
    }
    ask(planned.len(), args.yes)?;
    let backs: Vec<Value> = planned.iter().map(|one| one.back.clone()).collect();
    if let Some(file) = &args.undo {
        // Before anything is changed: a way back that cannot be written is none.
        std::fs::write(file, serde_json::to_vec_pretty(&backs)?).with_context(|| format!("cannot write {}", file.display()))?;
    }
    make(client, planned.into_iter().map(|one| one.change).collect()).await
}

fn ask(count: usize, yes: bool) -> Result<()> {
    let warning = format!("tags of {} will change", text::count(count as u64, "resource"));
    confirm_by_word(yes, &warning, &count.to_string())
}

/// `None` when the resource is as wanted already.
fn plan(resource: &Value, wanted: &[TagChange], keep: bool) -> Option<Planned> {
    let tags = resource["Tags"].as_array().into_iter().flatten();
    let has: Vec<(&str, &str)> = tags
        .filter_map(|tag| Some((tag["Key"].as_str()?, tag["Value"].as_str()?)))
        .collect();
    let old = |key: &str| has.iter().find(|(had, _)| *had == key).map(|(_, value)| (*value).to_owned());
    let (mut set, mut remove, mut set_back, mut remove_back) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for change in wanted {
        let key = match change {
            TagChange::Set(tag) => match old(&tag.key) {
                Some(value) if keep || value == tag.value => continue,
                _ => {
                    set.push(tag.clone());
                    &tag.key
                }
            },
            TagChange::Remove(key) if old(key).is_none() => continue,
            TagChange::Remove(key) => {
                remove.push(key);
                key
            }
        };
        match old(key) {
            Some(value) => set_back.push(Tag { key: key.clone(), value }),
            None => remove_back.push(key),
        }
    }
    let of = |set: &[Tag], remove: Vec<&String>| {
        json!({
            "ResourceType": resource["ResourceType"], "ResourceId": resource["ResourceId"],
            "Set": tags_to_api(set), "Remove": remove,
        })
    };
    (!set.is_empty() || !remove.is_empty()).then(|| Planned {
        change: of(&set, remove),
        back: of(&set_back, remove_back),
    })
}

async fn apply(client: &Client, file: &Path, yes: bool) -> Result<()> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let changes: Vec<Value> = serde_json::from_slice(&bytes).with_context(|| format!("{} holds no list of changes", file.display()))?;
    ask(changes.len(), yes)?;
    make(client, changes).await
}

/// Sends the changes in parts, and says what failed.
async fn make(client: &Client, changes: Vec<Value>) -> Result<()> {
    let (mut progress, mut changed, mut failed) = (Counted::new(changes.len()), 0, Vec::new());
    for (at, part) in changes.chunks(CHUNK).enumerate() {
        progress.show(at * CHUNK);
        let answer: Value = client.hub("ChangeTags", json!({ "Changes": part })).await?;
        changed += answer["Changed"].as_u64().unwrap_or(0);
        failed.extend(answer["Failed"].as_array().into_iter().flatten().cloned());
    }
    progress.clear();
    output::say(&format!("{} changed", text::count(changed, "resource")));
    for failure in &failed {
        let words = |member: &str| failure[member].as_str().unwrap_or_default();
        output::say(&text::escape_line(&format!(
            "{} {}: {}",
            words("ResourceType"),
            words("ResourceId"),
            words("Message")
        )));
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(
            Exit::PartlyFailed,
            format!("{} not changed", text::count(failed.len() as u64, "resource")),
        )
        .into()),
    }
}

async fn rule(client: &Client, verb: RuleVerb, show: &Show) -> Result<()> {
    match verb {
        RuleVerb::List => {
            let found: Value = client.hub("ListTagRules", json!({})).await?;
            let rows = found["Rules"].as_array().into_iter().flatten().cloned().map(rows::from_api);
            let listing = Listing {
                columns: RULES,
                rows: rows.collect(),
            };
            show.listing(&listing, Clock::system().now())
        }
        RuleVerb::Set {
            key,
            required,
            values,
            types,
        } => {
            let request = json!({ "Key": key, "IsRequired": required, "AllowedValues": values, "ResourceTypes": types });
            let _: Value = client.hub("PutTagRule", request).await?;
            output::say(&format!("the rule on {key} holds; `roadstead tag offenders` shows what breaks it"));
            Ok(())
        }
        RuleVerb::Delete { key } => {
            let _: Value = client.hub("DeleteTagRule", json!({ "Key": key })).await?;
            output::say(&format!("the rule on {key} is deleted"));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_holds_only_what_changes_and_its_way_back() {
        let resource = json!({"ResourceType": "Document", "ResourceId": "web", "Tags": [{"Key": "env", "Value": "test"}, {"Key": "old", "Value": "x"}]});
        let wanted: Vec<TagChange> = ["env=prod", "team=web", "old-", "gone-"]
            .iter()
            .map(|c| c.parse().unwrap())
            .collect();
        let planned = plan(&resource, &wanted, false).unwrap();
        let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
        assert_eq!(
            planned.change,
            json!({"ResourceType": "Document", "ResourceId": "web", "Set": [tag("env", "prod"), tag("team", "web")], "Remove": ["old"]})
        );
        assert_eq!(
            planned.back,
            json!({"ResourceType": "Document", "ResourceId": "web", "Set": [tag("env", "test"), tag("old", "x")], "Remove": ["team"]})
        );
        let kept = plan(&resource, &wanted[..1], true);
        assert_eq!(kept, None);
        assert_eq!(plan(&resource, &["env=test".parse().unwrap()], false), None);
    }
}
