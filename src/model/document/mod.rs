//! Documents: what a command does, as steps with parameters.
//!
//! ```text
//! text ─text::parse─► Node (places) ─Document::read─► Document + Problems ─resolve(values)─► Resolved (steps to run)
//! ```
//!
//! Five schemas: Command documents in 1.2 and 2.x (run here), runbooks in 0.3 and Session documents in 1.0 (judged here, run
//! elsewhere). The hub judges a document when it is stored and again with the caller's parameters when a command is accepted;
//! the agent resolves it again before it runs: one function, [`check`], so that both agree.
//!
//! *Source*: AWS docs, "Command document plugin reference" and "Data elements and parameters".

pub mod actions;
mod automation;
mod checker;
mod command;
mod lint;
pub mod parameters;
mod pattern;
mod platforms;
pub mod problem;
mod resolve;
pub mod script;
pub mod secrets;
mod session;
pub mod sources;
pub mod stock;
pub mod substitute;
#[cfg(test)]
mod tests;
pub mod text;
#[cfg(test)]
mod vocabulary;
mod ways;

use std::collections::BTreeMap;

use serde_json::Value;

pub use automation::AutomationStep;
pub use command::StepSpec;
pub use parameters::{ParameterError, ParameterSpec, ParameterType, Parameters};
pub use problem::{Problem, Severity};
pub use resolve::{
    DEFAULT_TIMEOUT, MAX_TIMEOUT_SECONDS, OnFailure, References, Resolved, Step, Verdict, is_outside, references_to, wanted_references,
};
pub use session::{BoundSession, SessionBody};
pub use text::{Format, Node, Position};

use checker::Checker;
use problem::Path;
use text::Part;

/// What the caller gave: every value is a list of texts, as in the API.
pub type GivenParameters = BTreeMap<String, Vec<String>>;

/// The versions of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Runbooks.
    V0_3,
    /// Sessions.
    V1_0,
    /// Commands by plugin.
    V1_2,
    /// Commands by steps.
    V2_0,
    V2_2,
}

impl Schema {
    pub fn of(text: &str) -> Option<Self> {
        Some(match text {
            "0.3" => Self::V0_3,
            "1.0" => Self::V1_0,
            "1.2" => Self::V1_2,
            "2.0" | "2.0.1" | "2.0.2" | "2.0.3" => Self::V2_0,
            "2.2" => Self::V2_2,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_3 => "0.3",
            Self::V1_0 => "1.0",
            Self::V1_2 => "1.2",
            Self::V2_0 => "2.0",
            Self::V2_2 => "2.2",
        }
    }

    /// The members at the top, and how bad another one is.
    fn members(self) -> (&'static [&'static str], Severity) {
        match self {
            Self::V2_0 | Self::V2_2 => (COMMAND_MEMBERS, Severity::Error),
            Self::V1_2 => (PLUGIN_MEMBERS, Severity::Error),
            Self::V0_3 => (AUTOMATION_MEMBERS, Severity::Warning),
            Self::V1_0 => (SESSION_MEMBERS, Severity::Warning),
        }
    }
}

/// A parsed document, not yet bound to values.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub schema: Schema,
    pub description: Option<String>,
    pub parameters: Parameters,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Command(Vec<StepSpec>),
    Automation(Vec<AutomationStep>),
    Session(SessionBody),
}

/// A document and everything there is to say about it; no document when it cannot be used.
#[derive(Clone, Debug)]
pub struct Reading {
    pub document: Option<Document>,
    /// In the order of the text, errors and warnings.
    pub problems: Vec<Problem>,
}

/// Why a document cannot be run with these parameters; every text names the thing and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("{0}")]
    Malformed(Problem),
    #[error("a document of schema version `{}` is not run as a command: use 2.2", .0.as_str())]
    NotACommand(Schema),
    #[error("a document of schema version `{}` starts no session: use 1.0", .0.as_str())]
    NotASession(Schema),
    #[error("`{{{{{0}}}}}` is not resolved here")]
    Reference(String),
    #[error("`{{{{{0}}}}}` stands for a text that itself refers to a secret; no secret is looked up for it")]
    Smuggled(String),
    #[error(
        "step `{step}` has `{{{{{reference}}}}}` in its `{member}`; a secret may stand in the `runCommand` of a script, the `sourceInfo` of a download and the `documentParameters` of an inner document"
    )]
    SecretPlace { reference: String, step: String, member: String },
    #[error("step `{step}` has `{{{{{reference}}}}}` {why}")]
    SecretInScript { reference: String, step: String, why: String },
    #[error("step `{step}` has the `{member}` `{given}`; it must be a whole number from {least} to {most}")]
    Number {
        step: String,
        member: &'static str,
        given: String,
        least: u64,
        most: u64,
    },
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

/// Parses `content` and binds it to the caller's parameters: the rule by which hub and agent judge a command.
pub fn check(content: &Value, given: &GivenParameters, references: &References) -> Result<Resolved, DocumentError> {
    Document::parse(content)?.resolve(given, references)
}

const COMMAND_MEMBERS: &[&str] = &[
    "schemaVersion",
    "description",
    "parameters",
    "mainSteps",
    "assumeRole",
    "files",
    "outputs",
];
const PLUGIN_MEMBERS: &[&str] = &["schemaVersion", "description", "parameters", "runtimeConfig"];
const AUTOMATION_MEMBERS: &[&str] = &[
    "schemaVersion",
    "description",
    "assumeRole",
    "parameters",
    "variables",
    "mainSteps",
    "outputs",
    "files",
];
/// What a change template says besides: a runbook of approvals for others.
const CHANGE_TEMPLATE_MEMBERS: &[&str] = &["templateInformation", "executableRunBooks", "emergencyChange", "autoApprovable"];
const SESSION_MEMBERS: &[&str] = &["schemaVersion", "description", "sessionType", "inputs", "parameters", "properties"];

impl Document {
    /// A document that came as a value, without a text.
    ///
    /// *Errors*: the first finding that forbids its use.
    pub fn parse(content: &Value) -> Result<Self, DocumentError> {
        Self::usable(Self::read(&Node::from_value(content)))
    }

    /// *Errors*: the first finding that forbids its use.
    pub fn usable(reading: Reading) -> Result<Self, DocumentError> {
        match reading.document {
            Some(document) => Ok(document),
            None => Err(DocumentError::Malformed(
                reading
                    .problems
                    .into_iter()
                    .find(|problem| problem.severity == Severity::Error)
                    .expect("a document is withheld only for an error"),
            )),
        }
    }

    /// Judges a document from end to end.
    pub fn read(root: &Node) -> Reading {
        let mut checker = Checker::default();
        let document = Self::read_checked(&mut checker, root);
        if let Some(document) = &document {
            lint::check(&mut checker, document, root);
        }
        let document = document.filter(|_| !checker.has_errors());
        let mut problems = checker.problems;
        problems.sort_by_key(|problem| (problem.at.line, problem.at.column));
        Reading { document, problems }
    }

    fn read_checked(checker: &mut Checker, root: &Node) -> Option<Self> {
        let members = checker.map(root, &Path::ROOT)?;
        let schema = read_schema(checker, root)?;
        let (known, severity) = schema.members();
        let is_change_template = schema == Schema::V0_3 && root.member("executableRunBooks").is_some();
        let known = match is_change_template {
            true => [known, CHANGE_TEMPLATE_MEMBERS].concat(),
            false => known.to_vec(),
        };
        checker.only_known(members, &Path::ROOT, &known, severity);
        Some(Self {
            schema,
            description: checker.optional_text(members, &Path::ROOT, "description"),
            parameters: Parameters::read(checker, root.member("parameters")),
            body: match schema {
                Schema::V0_3 => Body::Automation(automation::read(checker, root)),
                Schema::V1_0 => Body::Session(session::read(checker, root)),
                Schema::V1_2 | Schema::V2_0 | Schema::V2_2 => Body::Command(command::read(checker, root, schema)),
            },
        })
    }

    /// The steps of a Command document.
    pub fn steps(&self) -> &[StepSpec] {
        match &self.body {
            Body::Command(steps) => steps,
            _ => &[],
        }
    }
}

fn read_schema(checker: &mut Checker, root: &Node) -> Option<Schema> {
    let what = "say `\"2.2\"` for a Command document, `\"0.3\"` for a runbook, `\"1.0\"` for a Session document";
    let node = checker.required(root, &Path::ROOT, "schemaVersion", what)?;
    let text = node.scalar().unwrap_or_default();
    let schema = Schema::of(text.trim());
    if schema.is_none() || matches!(node.part, Part::Bool(_)) {
        let shown: String = text.chars().take(20).collect();
        let message = format!("schema version `{shown}` does not exist: use 0.3, 1.0, 1.2, 2.0 or 2.2");
        checker.error(node.at, &Path::ROOT.key("schemaVersion"), message);
    }
    schema
}
