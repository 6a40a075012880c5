//! `roadstead lock …`: what no hub may do on this node. On the node itself, without a hub.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{ArgAction, Subcommand};
use serde_json::{Value, json};

use crate::agent::lock::{OWN_FILE, SYSTEM_FILE, Standing, parse, read_all};
use crate::base::Clock;
use crate::cli::data;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Column, Kind, Listing, Show, say};
use crate::model::document::{Document, Node};
use crate::model::lock::{DocumentName, Lock, OperatorClass, OperatorLock, content_hash};

#[derive(Subcommand)]
pub enum LockVerb {
    /// Print what is forbidden on this node, and by which files
    Show {
        /// The agent's data folder
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Change this node's lock file; what is not named stays as it is
    Set(SetArgs),
    /// Print the hash by which a lock file allows a document with this content (JSON)
    DocumentHash { file: PathBuf },
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  roadstead lock set --monitor-only\n  roadstead lock set --no-shell --allow-document AWS-RunPatchBaseline\n  \
    roadstead lock set --operator-class shell --operator-class run-as-root --operator-key ops.pub\n  roadstead lock set --no-shell=false"
)]
pub struct SetArgs {
    /// The file to change [default: /etc/roadstead/lock.yaml for root, else lock.yaml in the agent's data folder]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Nothing runs here: no command, no shell, no update
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    monitor_only: Option<bool>,
    /// No shell, and no script of the sender's
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    no_shell: Option<bool>,
    /// The agent is not replaced by order of a hub
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    no_update: Option<bool>,
    /// Nothing runs as root
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    no_root: Option<bool>,
    /// Only this document runs (and others named so), repeatable: NAME of a built-in one, or NAME@sha256:HASH
    #[arg(long, value_name = "DOCUMENT", conflicts_with = "allow_any_document")]
    allow_document: Vec<DocumentName>,
    /// Every document may run again
    #[arg(long)]
    allow_any_document: bool,
    /// What needs an operator's signature, repeatable: shell, run-as-root, file-write, self-update, any-document, document:NAME
    #[arg(long, value_name = "CLASS", conflicts_with = "no_operator_lock")]
    operator_class: Vec<OperatorClass>,
    /// Who may sign, repeatable: a public key file, or a line of an allowed-signers file
    #[arg(long, value_name = "FILE|LINE", conflicts_with = "no_operator_lock")]
    operator_key: Vec<String>,
    /// Nothing needs an operator's signature any more
    #[arg(long)]
    no_operator_lock: bool,
}

const COLUMNS: &[Column] = &[
    Column::new("files", Kind::Text),
    Column::new("trouble", Kind::Text),
    Column::new("monitor_only", Kind::Text),
    Column::new("no_shell", Kind::Text),
    Column::new("no_update", Kind::Text),
    Column::new("no_root", Kind::Text),
    Column::new("allowed_documents", Kind::Text),
    Column::new("operator_classes", Kind::Text),
    Column::new("operator_keys", Kind::Text),
];

const HASH: &[Column] = &[Column::new("hash", Kind::Text), Column::new("file", Kind::Text)];

pub fn run(verb: LockVerb, show: &Show) -> Result<()> {
    match verb {
        LockVerb::Show { data } => show_lock(data, show),
        LockVerb::Set(args) => set(args),
        LockVerb::DocumentHash { file } => {
            let text = fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
            let document: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
            // Who allows it should see what its parameters can do.
            for problem in Document::read(&Node::from_value(&document)).problems {
                say(&problem.to_string());
            }
            let hash = format!("sha256:{}", content_hash(&document));
            if show.is_table() {
                return output::write(&format!("{hash}\n"));
            }
            let rows = vec![json!({"hash": hash, "file": file})];
            show.record(Listing { columns: HASH, rows }, Clock::system().now())
        }
    }
}

fn show_lock(data: Option<PathBuf>, show: &Show) -> Result<()> {
    let data = data.unwrap_or_else(data::agent_folder);
    let paths = [PathBuf::from(SYSTEM_FILE), data.join(OWN_FILE)];
    let standing = read_all(&paths, owner_of(&data));
    if standing.files.is_empty() && show.is_table() {
        say(&format!(
            "This node is not locked: neither {} nor {} exists.",
            paths[0].display(),
            paths[1].display()
        ));
        return Ok(());
    }
    let listing = Listing {
        columns: COLUMNS,
        rows: vec![row(&standing)],
    };
    show.record(listing, Clock::system().now())
}

/// The user whose agent it is, so that another user sees what that agent sees.
fn owner_of(data: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(data).map_or_else(|_| rustix::process::geteuid().as_raw(), |found| found.uid())
}

fn row(standing: &Standing) -> Value {
    let lock = &standing.lock;
    let operators = lock.operator_lock.clone().unwrap_or_default();
    json!({
        "files": standing.files,
        "trouble": standing.trouble,
        "monitor_only": lock.monitor_only,
        "no_shell": lock.no_shell,
        "no_update": lock.no_update,
        "no_root": lock.no_root,
        "allowed_documents": lock.allowed_documents,
        "operator_classes": operators.classes,
        "operator_keys": operators.keys,
    })
}

fn set(args: SetArgs) -> Result<()> {
    let file = args.file.clone().unwrap_or_else(default_file);
    let before = match fs::read_to_string(&file) {
        Ok(text) => parse(&text).map_err(|why| {
            Failure::new(Exit::Failed, format!("{} cannot be understood: {why}", file.display())).hint("put it right by hand first")
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Lock::default(),
        Err(error) => return Err(error).with_context(|| format!("could not read {}", file.display())),
    };
    let after = changed(before, &args)?;
    for document in after.allowed_documents.iter().flatten().filter(|document| !document.is_pinned()) {
        say(&format!(
            "`{document}` is not built into this program, so its name alone allows nothing: write NAME@sha256:HASH; \
             the node's refusal says the hash"
        ));
    }
    let classes = after.operator_lock.iter().flat_map(|lock| &lock.classes);
    if let Some(why) = classes.map(OperatorClass::is_evaded).find_map(|why| why) {
        return Err(Failure::usage(why)
            .hint("`roadstead lock document-hash FILE` computes the hash")
            .into());
    }
    write(&file, &after).with_context(|| format!("could not write {}", file.display()))?;
    match after.is_open() {
        true => say(&format!("{} forbids nothing now", file.display())),
        false => say(&format!(
            "{} is in force for the next order: {}",
            file.display(),
            after.words().join(", ")
        )),
    }
    Ok(())
}

fn default_file() -> PathBuf {
    match rustix::process::geteuid().is_root() {
        true => PathBuf::from(SYSTEM_FILE),
        false => data::agent_folder().join(OWN_FILE),
    }
}

fn changed(mut lock: Lock, args: &SetArgs) -> Result<Lock> {
    let flags = [
        (&mut lock.monitor_only, args.monitor_only),
        (&mut lock.no_shell, args.no_shell),
        (&mut lock.no_update, args.no_update),
        (&mut lock.no_root, args.no_root),
    ];
    for (flag, wish) in flags {
        *flag = wish.unwrap_or(*flag);
    }
    if args.allow_any_document {
        lock.allowed_documents = None;
    } else if !args.allow_document.is_empty() {
        let allowed = lock.allowed_documents.get_or_insert_default();
        allowed.extend(args.allow_document.iter().cloned());
        allowed.sort();
        allowed.dedup();
    }
    if args.no_operator_lock {
        lock.operator_lock = None;
    } else if !args.operator_class.is_empty() || !args.operator_key.is_empty() {
        let operators: &mut OperatorLock = lock.operator_lock.get_or_insert_default();
        operators.classes.extend(args.operator_class.iter().cloned());
        operators.classes.sort();
        operators.classes.dedup();
        for given in &args.operator_key {
            operators.keys.push(signer_line(given)?);
        }
        operators.keys.dedup();
    }
    Ok(lock)
}

/// A line of the allowed-signers format from what was given: such a line, a public key, or a file with one.
fn signer_line(given: &str) -> Result<String> {
    let text = match fs::read_to_string(given) {
        Ok(text) => text
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default()
            .trim()
            .to_owned(),
        Err(_) => given.trim().to_owned(),
    };
    let is_bare = text.starts_with("ssh-") || text.starts_with("ecdsa-");
    let comment = text.split_whitespace().nth(2).unwrap_or("operator");
    Ok(if is_bare { format!("{comment} {text}") } else { text })
}

/// Whole or not at all, owned by whoever calls, writable by nobody else.
fn write(file: &Path, lock: &Lock) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let text = format!(
        "# What no hub may do on this node; see docs/node-lock.md. Written by `roadstead lock set`.\n{}",
        serde_saphyr::to_string(lock)?
    );
    let temporary = file.with_extension("yaml.new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o644);
    let mut opened = options.open(&temporary)?;
    std::io::Write::write_all(&mut opened, text.as_bytes())?;
    opened.sync_all()?;
    fs::rename(&temporary, file)?;
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}
