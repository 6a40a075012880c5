//! The node lock: what the owner of a node lets no hub do there, whoever has the hub.
//!
//! The agent reads it from a file of the node ([`crate::agent::lock`]) and enforces it; the hub is told, shows it and refuses
//! early, with the same rule ([`Lock::forbids`], [`Lock::classes_of`]), so that both give the same reason.
//!
//! A hub says what it wants; what that *is* is concluded from the content, never from the name: an allowed document is one
//! that is built into the agent, or one whose content has the hash in the file.
//!
//! *Invariant*: of an allowed document, who has the hub decides the values of its parameters and nothing else ([`ordered`]).

mod ordered;

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::document::stock;
use crate::model::run_settings::RunSettings;
pub use ordered::{Ordered, Sent};

/// Actions that give whoever writes the document, or its parameters, a shell: a download too, because it goes to any place, that
/// of a start-up file or of the lock itself.
const SCRIPTS: &[&str] = &[
    "aws:runShellScript",
    "aws:runPowerShellScript",
    "aws:runDocument",
    "aws:runDockerAction",
    "aws:downloadContent",
];
/// Actions that put files on the node by themselves; those above may do it too.
const FILE_WRITERS: &[&str] = &["aws:configurePackage", "aws:configureDocker", "aws:applications"];
const UPDATERS: &[&str] = &["aws:updateSsmAgent", "aws:updateAgent", "roadstead:updateAgent"];

/// Entries of a list in the file; more is a mistake.
pub const MAX_ENTRIES: usize = 256;

/// What is forbidden on a node. Its names are those of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Lock {
    /// Nothing runs here: no command, no shell, no update.
    pub monitor_only: bool,
    /// No shell, and no script of the sender's: a document with one runs only when `allowed-documents` names it. No port session
    /// either: what listens on a node for itself alone is often as good as a shell.
    pub no_shell: bool,
    /// One of two files has `no-shell` and names no documents: those that the other names run without a script only. No word of
    /// a file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_scripts: bool,
    /// The agent is not replaced by order of a hub.
    pub no_update: bool,
    /// Nothing runs as root.
    pub no_root: bool,
    /// When set, only these documents run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_documents: Option<Vec<DocumentName>>,
    /// Classes of acts that need an operator's signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_lock: Option<OperatorLock>,
}

/// What the hub alone cannot order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct OperatorLock {
    pub classes: Vec<OperatorClass>,
    /// Who may sign: lines of OpenSSH's allowed-signers format.
    pub keys: Vec<String>,
}

/// A document, by name or by name and content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentName {
    pub name: String,
    /// SHA-256 of the content, see [`content_hash`].
    pub sha256: Option<String>,
}

/// What an operator's signature can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OperatorClass {
    /// A shell, or a script of the sender's.
    Shell,
    /// Whatever would run as root.
    RunAsRoot,
    /// Whatever writes files by itself, scripts included.
    FileWrite,
    SelfUpdate,
    /// Every document.
    AnyDocument,
    Document(DocumentName),
    /// One that a newer agent knows; whatever it means, it is not this side that may say no to it.
    Unknown(String),
}

/// What a hub wants done.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    Run(&'a Ordered<'a>),
    /// A shell, or commands of the sender's in a session.
    Shell,
    /// Connections from the node, and to its own ports.
    Port,
    Update,
}

impl Act<'_> {
    /// Why no operator's signature covers it, if so.
    pub fn beyond_signatures(&self) -> Option<&str> {
        match self {
            Self::Run(ordered) => ordered.beyond_signatures(),
            Self::Shell | Self::Port | Self::Update => None,
        }
    }
}

impl Lock {
    /// Whether it says nothing at all.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Both together: what either forbids is forbidden.
    pub fn and(mut self, other: Self) -> Self {
        self.no_scripts = self.lets_no_script_run() || other.lets_no_script_run();
        self.monitor_only |= other.monitor_only;
        self.no_shell |= other.no_shell;
        self.no_update |= other.no_update;
        self.no_root |= other.no_root;
        self.allowed_documents = match (self.allowed_documents, other.allowed_documents) {
            (Some(ours), Some(theirs)) => Some(ours.into_iter().filter(|d| theirs.contains(d)).collect()),
            (ours, theirs) => ours.or(theirs),
        };
        self.operator_lock = match (self.operator_lock, other.operator_lock) {
            (Some(mut ours), Some(theirs)) => {
                ours.classes.extend(theirs.classes);
                // Who signs for one of the two files' classes must be known to both.
                ours.keys.retain(|key| theirs.keys.contains(key));
                Some(ours)
            }
            (ours, theirs) => ours.or(theirs),
        };
        self
    }

    /// Why this act is not done here, if so; `as_root` is whether it would be done as root.
    pub fn forbids(&self, act: Act<'_>, as_root: bool) -> Option<String> {
        if self.monitor_only {
            return Some("`monitor-only`: nothing is run here".into());
        }
        if self.no_root && as_root && !matches!(act, Act::Update | Act::Port) {
            return Some("`no-root`: it would run as root, because the agent does".into());
        }
        match act {
            Act::Shell if self.no_shell => Some("`no-shell`: no shell is opened here".into()),
            Act::Port if self.no_shell => Some("`no-shell`: no port is forwarded here either".into()),
            Act::Update if self.no_update => Some("`no-update`: the agent is not updated by a hub".into()),
            Act::Run(ordered) => self.forbids_document(ordered),
            Act::Shell | Act::Port | Act::Update => None,
        }
    }

    /// Why a command with these settings is not run here, if so: a document that is allowed for its content is to do what that says.
    pub fn forbids_settings(&self, settings: &RunSettings) -> Option<String> {
        let word = match (&self.allowed_documents, self.no_shell) {
            (Some(_), _) => "allowed-documents",
            (None, true) => "no-shell",
            (None, false) => return None,
        };
        settings
            .change_what_is_executed()
            .then(|| format!("`{word}`: a user, a folder or variables of the sender's could change what a document does"))
    }

    fn forbids_document(&self, ordered: &Ordered<'_>) -> Option<String> {
        if let Some(list) = &self.allowed_documents
            && let Some(why) = ordered.is_not_of(list)
        {
            return Some(format!("`allowed-documents` {why}"));
        }
        if self.no_update && ordered.has_action(UPDATERS) {
            return Some("`no-update`: the agent is not updated by a hub".into());
        }
        if self.lets_no_script_run() && ordered.has_action(SCRIPTS) {
            return Some("`no-shell`: a document with a script runs only when `allowed-documents` names it".into());
        }
        None
    }

    /// Not even one that is allowed by its content.
    fn lets_no_script_run(&self) -> bool {
        self.no_scripts || (self.no_shell && self.allowed_documents.is_none())
    }

    /// The operator classes of this lock that the act falls into: any of them asks for a signature.
    pub fn classes_of(&self, act: Act<'_>, as_root: bool) -> Vec<&OperatorClass> {
        let classes = self.operator_lock.iter().flat_map(|lock| &lock.classes);
        classes.filter(|class| class.covers(act, as_root)).collect()
    }

    /// Single words for lists and filters: `no-shell`, `operator-lock` …
    pub fn words(&self) -> Vec<&'static str> {
        let all = [
            (self.monitor_only, "monitor-only"),
            (self.no_shell, "no-shell"),
            (self.no_update, "no-update"),
            (self.no_root, "no-root"),
            (self.allowed_documents.is_some(), "allowed-documents"),
            (self.operator_lock.is_some(), "operator-lock"),
        ];
        all.into_iter().filter(|(is_set, _)| *is_set).map(|(_, word)| word).collect()
    }
}

impl OperatorClass {
    fn covers(&self, act: Act<'_>, as_root: bool) -> bool {
        let acts = |actions: &[&str]| matches!(act, Act::Run(ordered) if ordered.has_action(actions));
        match self {
            Self::Shell => matches!(act, Act::Shell | Act::Port) || acts(SCRIPTS),
            // A connection runs nothing.
            Self::RunAsRoot => as_root && !matches!(act, Act::Port),
            Self::FileWrite => matches!(act, Act::Shell) || acts(SCRIPTS) || acts(FILE_WRITERS),
            Self::SelfUpdate => matches!(act, Act::Update) || acts(UPDATERS),
            Self::AnyDocument => matches!(act, Act::Run(_)),
            Self::Unknown(_) => true,
            Self::Document(named) => match act {
                Act::Run(ordered) => ordered.may_be(named),
                Act::Shell | Act::Port | Act::Update => false,
            },
        }
    }
}

impl OperatorClass {
    /// Why the class would hold for nothing, if so: a document that only its name tells is sent under another one.
    pub fn is_evaded(&self) -> Option<String> {
        match self {
            Self::Document(named) if !named.is_pinned() => Some(format!(
                "`document:{named}` is not built in, and a hub could send it under another name: write `document:{named}@sha256:HASH`"
            )),
            _ => None,
        }
    }
}

impl DocumentName {
    /// Whether the name alone says which content is meant.
    pub fn is_pinned(&self) -> bool {
        self.sha256.is_some() || stock::content(&self.name).is_some()
    }
}

/// SHA-256 of a document's content without insignificant spaces and with sorted keys, hexadecimal.
pub fn content_hash(document: &Value) -> String {
    let text = document.to_string();
    HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref())
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(128).collect()
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.sha256 {
            Some(hash) => write!(f, "@sha256:{hash}"),
            None => Ok(()),
        }
    }
}

impl FromStr for DocumentName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, sha256) = match text.split_once("@sha256:") {
            Some((name, hash)) => (name, Some(hash.to_ascii_lowercase())),
            None => (text, None),
        };
        let is_name = (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:/".contains(&b));
        let is_hash = |hash: &String| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_name || sha256.as_ref().is_some_and(|hash| !is_hash(hash)) {
            return Err(format!(
                "`{}` is not a document: write its name, or NAME@sha256: and the 64 digits of its content's hash",
                shown(text)
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            sha256,
        })
    }
}

impl fmt::Display for OperatorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shell => f.write_str("shell"),
            Self::RunAsRoot => f.write_str("run-as-root"),
            Self::FileWrite => f.write_str("file-write"),
            Self::SelfUpdate => f.write_str("self-update"),
            Self::AnyDocument => f.write_str("any-document"),
            Self::Document(name) => write!(f, "document:{name}"),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl FromStr for OperatorClass {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "shell" => Self::Shell,
            "run-as-root" => Self::RunAsRoot,
            "file-write" => Self::FileWrite,
            "self-update" => Self::SelfUpdate,
            "any-document" => Self::AnyDocument,
            other => match other.strip_prefix("document:") {
                Some(name) => Self::Document(name.parse()?),
                None => {
                    return Err(format!(
                        "`{}` is not a class: use shell, run-as-root, file-write, self-update, any-document or document:NAME",
                        shown(other)
                    ));
                }
            },
        })
    }
}

impl Serialize for DocumentName {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DocumentName {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for OperatorClass {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Lenient: what a node says it has is shown as it is. The node itself reads its file strictly.
impl<'de> Deserialize<'de> for OperatorClass {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Ok(text.parse().unwrap_or_else(|_| Self::Unknown(shown(&text))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn script() -> Value {
        stock::content(stock::RUN_SHELL_SCRIPT).unwrap()
    }

    /// A document with one step.
    fn document(action: &str) -> Value {
        json!({"schemaVersion": "2.2", "mainSteps": [{"name": "one", "action": action, "inputs": {"runCommand": ["id"]}}]})
    }

    fn forbids_run(lock: &Lock, name: &str, document: &Value) -> Option<String> {
        lock.forbids(Act::Run(&Ordered::alone(name, document)), false)
    }

    fn lock(json: Value) -> Lock {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn an_open_lock_forbids_nothing() {
        let (lock, document) = (Lock::default(), script());
        assert!(lock.is_open() && lock.words().is_empty());
        for act in [Act::Run(&Ordered::alone("a", &document)), Act::Shell, Act::Port, Act::Update] {
            assert_eq!(lock.forbids(act, true), None);
            assert!(lock.classes_of(act, true).is_empty());
        }
    }

    #[test]
    fn each_word_forbids_what_it_says() {
        let forbids = |word: &str, act: Act<'_>, as_root| lock(json!({word: true})).forbids(act, as_root).is_some();
        let harmless = document("aws:softwareInventory");
        let harmless = Ordered::alone("Inventory", &harmless);
        let harmless = Act::Run(&harmless);
        assert!(forbids("monitor-only", harmless, false) && forbids("monitor-only", Act::Update, false));
        assert!(forbids("no-shell", Act::Shell, false) && forbids("no-shell", Act::Port, false));
        assert!(!forbids("no-shell", harmless, false) && !forbids("no-root", Act::Port, true));
        assert!(forbids("no-root", harmless, true) && !forbids("no-root", harmless, false));
        assert!(forbids("no-update", Act::Update, false) && !forbids("no-update", harmless, false));
        let runs = |word: &str, action: &str| forbids(word, Act::Run(&Ordered::alone("Any", &document(action))), false);
        for action in SCRIPTS {
            assert!(runs("no-shell", action) && runs("no-shell", &format!(" {action}\t")), "{action}");
        }
        for action in UPDATERS {
            assert!(runs("no-update", action), "{action}");
        }
    }

    #[test]
    fn a_document_is_allowed_by_what_it_is_not_by_what_it_is_called() {
        let lock = lock(json!({"no-shell": true, "allowed-documents": ["AWS-RunShellScript"]}));
        let mut document = script();
        assert_eq!(forbids_run(&lock, "AWS-RunShellScript", &document), None);
        assert!(forbids_run(&lock, "Other", &document).is_some());
        document["runtimeConfig"]["aws:runShellScript"]["properties"][0]["runCommand"] = json!(["rm -rf /"]);
        let why = forbids_run(&lock, "AWS-RunShellScript", &document).unwrap();
        let pinned = format!("AWS-RunShellScript@sha256:{}", content_hash(&document));
        assert!(why.contains(&pinned), "the reason can be pasted into the file: {why}");
        let lock = self::lock(json!({"allowed-documents": [pinned]}));
        assert_eq!(forbids_run(&lock, "AWS-RunShellScript", &document), None);
    }

    #[test]
    fn settings_that_change_what_runs_are_forbidden_with_it_and_ceilings_are_not() {
        let variables = RunSettings {
            environment: [("PERL5OPT".to_owned(), "-Mx".to_owned())].into(),
            ..RunSettings::default()
        };
        let user = RunSettings {
            user: Some("root".into()),
            ..RunSettings::default()
        };
        let folder = RunSettings {
            directory: Some("/tmp".into()),
            ..RunSettings::default()
        };
        let ceilings = RunSettings {
            nice: Some(5),
            memory_mib: Some(64),
            cpu_percent: Some(50),
            ..RunSettings::default()
        };
        for lock in [json!({"no-shell": true}), json!({"allowed-documents": ["AWS-RunShellScript"]})] {
            let lock = self::lock(lock);
            for settings in [&variables, &user, &folder] {
                assert!(lock.forbids_settings(settings).is_some(), "{settings:?}");
            }
            assert_eq!(lock.forbids_settings(&ceilings), None);
        }
        assert_eq!(Lock::default().forbids_settings(&variables), None);
    }

    #[test]
    fn a_name_whose_content_nobody_knows_allows_nothing() {
        let lock = lock(json!({"allowed-documents": ["My-Document"]}));
        assert!(forbids_run(&lock, "My-Document", &script()).is_some());
        assert!(!"My-Document".parse::<DocumentName>().unwrap().is_pinned());
    }

    #[test]
    fn operator_classes_cover_their_acts() {
        let (script, harmless) = (script(), document("aws:softwareInventory"));
        let covered = |class: &str, act: Act<'_>, as_root| {
            let lock = lock(json!({"operator-lock": {"classes": [class]}}));
            !lock.classes_of(act, as_root).is_empty()
        };
        let runs = |class: &str, name: &str, document: &Value| covered(class, Act::Run(&Ordered::alone(name, document)), false);
        assert!(covered("shell", Act::Shell, false) && runs("shell", "any", &script) && !runs("shell", "any", &harmless));
        assert!(covered("shell", Act::Port, false) && !covered("run-as-root", Act::Port, true) && !covered("file-write", Act::Port, false));
        assert!(covered("run-as-root", Act::Shell, true) && !covered("run-as-root", Act::Shell, false));
        assert!(runs("file-write", "any", &script) && !covered("file-write", Act::Update, false));
        assert!(covered("self-update", Act::Update, false) && !covered("self-update", Act::Shell, false));
        assert!(runs("any-document", "any", &harmless) && !covered("any-document", Act::Shell, false));
        assert!(runs("document:AWS-RunShellScript", "Renamed", &script));
        assert!(runs("document:Mine", "Mine", &harmless) && !runs("document:Mine", "Other", &harmless));
    }

    #[test]
    fn a_file_that_allows_no_script_is_not_loosened_by_one_that_names_documents() {
        let (strict, list) = (json!({"no-shell": true}), json!({"allowed-documents": ["AWS-RunShellScript"]}));
        for (first, second) in [(&strict, &list), (&list, &strict)] {
            let both = lock(first.clone()).and(lock(second.clone()));
            assert!(forbids_run(&both, "AWS-RunShellScript", &script()).unwrap().contains("`no-shell`"));
            let told: Lock = serde_json::from_value(serde_json::to_value(&both).unwrap()).unwrap();
            assert_eq!(told, both, "the hub is told");
        }
        let both = lock(list.clone()).and(lock(json!({"no-shell": true, "allowed-documents": ["AWS-RunShellScript"]})));
        assert_eq!(forbids_run(&both, "AWS-RunShellScript", &script()), None);
    }

    #[test]
    fn two_locks_forbid_what_either_forbids() {
        let first =
            lock(json!({"no-shell": true, "allowed-documents": ["A", "B"], "operator-lock": {"classes": ["shell"], "keys": ["k", "l"]}}));
        let second =
            lock(json!({"no-root": true, "allowed-documents": ["B"], "operator-lock": {"classes": ["self-update"], "keys": ["l", "m"]}}));
        let both = first.and(second);
        assert_eq!(both.words(), ["no-shell", "no-root", "allowed-documents", "operator-lock"]);
        assert_eq!(both.allowed_documents.unwrap(), ["B".parse().unwrap()]);
        let operators = both.operator_lock.unwrap();
        assert_eq!((operators.classes.len(), operators.keys), (2, vec!["l".to_owned()]));
    }

    #[test]
    fn names_and_classes_read_back() {
        let hash = "ab".repeat(32);
        for text in ["AWS-RunShellScript", &format!("a.b:c@sha256:{hash}")] {
            assert_eq!(text.parse::<DocumentName>().unwrap().to_string(), text);
        }
        for text in ["", "a b", "a@sha256:12", "a@sha1:00"] {
            assert!(text.parse::<DocumentName>().is_err(), "{text}");
        }
        for text in ["shell", "run-as-root", "file-write", "self-update", "any-document", "document:A"] {
            assert_eq!(text.parse::<OperatorClass>().unwrap().to_string(), text);
        }
        assert!("root".parse::<OperatorClass>().is_err());
        let is_evaded = |class: &str| class.parse::<OperatorClass>().unwrap().is_evaded().is_some();
        assert!(is_evaded("document:Mine") && !is_evaded("shell"));
        assert!(!is_evaded("document:AWS-RunShellScript") && !is_evaded(&format!("document:Mine@sha256:{hash}")));
    }
}
