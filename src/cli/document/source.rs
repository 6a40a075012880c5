//! A version on its way to the hub: its text, and what it has besides.

use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::failure::{Exit, Failure};
use crate::cli::{output, text};
use crate::model::document::{Document, Format, Problem, Severity, text as language};

/// A document's text on this machine.
pub struct Source {
    pub name: String,
    pub content: String,
    pub format: Format,
}

impl Source {
    pub fn read(path: &Path) -> Result<Self> {
        let mut content = String::new();
        match path.as_os_str() == "-" {
            true => {
                std::io::stdin()
                    .lock()
                    .read_to_string(&mut content)
                    .context("could not read stdin")?;
            }
            false => content = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?,
        }
        let format = match path.extension().and_then(|e| e.to_str()) {
            Some("json") => Format::Json,
            Some("yaml" | "yml") => Format::Yaml,
            Some("txt" | "ics") => Format::Text,
            _ => language::guess(&content),
        };
        Ok(Self {
            name: path.display().to_string(),
            content,
            format,
        })
    }

    pub fn problems(&self) -> Vec<Problem> {
        if self.format == Format::Text {
            return Vec::new();
        }
        match language::parse(&self.content, self.format) {
            Ok(root) => Document::read(&root).problems,
            Err(problem) => vec![problem],
        }
    }

    /// Says what is wrong before the hub does, with more words; the hub's verdict counts.
    pub fn warn(&self, kind: &str) -> Result<()> {
        if !matches!(kind, "Command" | "Policy" | "Automation" | "Session" | "Automation.ChangeTemplate") {
            return Ok(());
        }
        let problems = self.problems();
        for problem in &problems {
            output::say(&text::escape_line(&format!("{}: {problem}", word(problem.severity))));
        }
        match problems.iter().any(|problem| problem.severity == Severity::Error) {
            true => Err(Failure::new(Exit::Failed, format!("{} is not a good document; nothing was sent", self.name)).into()),
            false => Ok(()),
        }
    }

    pub fn request(&self, name: &str, besides: &Besides) -> Value {
        let mut request = json!({"Name": name, "Content": self.content, "DocumentFormat": self.format.as_str()});
        besides.name(&mut request);
        request
    }
}

pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// What a version has besides its text. An update keeps what it does not name, apart from the version's name.
#[derive(clap::Args)]
pub struct Besides {
    /// A name for this version
    #[arg(long, value_name = "NAME")]
    version_name: Option<String>,
    /// What people read beside the name
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// The type of resource it is for; `/` is any
    #[arg(long, value_name = "TYPE")]
    target_type: Option<String>,
    /// A file that belongs to it, repeatable: hub://PATH from the hub's folder `files`, or DOCUMENT/VERSION/FILE of another version
    #[arg(long, value_name = "[NAME=]SOURCE")]
    attach: Vec<Attachment>,
}

impl Besides {
    /// Adds its members to a CreateDocument or UpdateDocument.
    fn name(&self, request: &mut Value) {
        let members = [
            ("VersionName", &self.version_name),
            ("DisplayName", &self.display_name),
            ("TargetType", &self.target_type),
        ];
        for (member, value) in members {
            if let Some(value) = value {
                request[member] = json!(value);
            }
        }
        if !self.attach.is_empty() {
            request["Attachments"] = json!(self.attach);
        }
    }
}

/// One of `Attachments`: where a file comes from, and what it is called as an attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attachment {
    key: &'static str,
    values: [String; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl FromStr for Attachment {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // A path may have a `=`, too; a name has no slash.
        let (name, source) = match text.split_once('=').filter(|(name, _)| !name.contains('/')) {
            Some((name, source)) => (Some(name.to_owned()), source),
            None => (None, text),
        };
        let key = match source.split('/').collect::<Vec<_>>().as_slice() {
            ["hub:", "", path, ..] if !path.is_empty() => "SourceUrl",
            [document, version, file] if is_number(version) && !document.is_empty() && !file.is_empty() => "AttachmentReference",
            _ => {
                return Err(format!(
                    "`{source}` is no file that the hub can take: write hub://PATH or DOCUMENT/VERSION/FILE"
                ));
            }
        };
        let values = [source.to_owned()];
        Ok(Self { key, values, name })
    }
}

/// One of `Requires`: a document, and a version of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Needed {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

impl FromStr for Needed {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // An ARN has colons, too.
        let found = text
            .rsplit_once(':')
            .filter(|(_, version)| version.starts_with('$') || is_number(version));
        let (name, version) = found.map_or((text, None), |(name, version)| (name, Some(version.to_owned())));
        let name = name.to_owned();
        Ok(Self { name, version })
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_from_the_hubs_folder_or_from_another_version() {
        let read = |text: &str| serde_json::to_value(text.parse::<Attachment>().unwrap()).unwrap();
        assert_eq!(
            read("hub://tools/a=b.sh"),
            json!({"Key": "SourceUrl", "Values": ["hub://tools/a=b.sh"]})
        );
        assert_eq!(
            read("setup.sh=Tools/3/a.sh"),
            json!({"Key": "AttachmentReference", "Values": ["Tools/3/a.sh"], "Name": "setup.sh"})
        );
        for wrong in ["", "a.sh", "hub://", "https://example.org/a.sh", "Tools/latest/a.sh", "Tools/3/"] {
            assert!(wrong.parse::<Attachment>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_needed_document_may_name_its_version() {
        let read = |text: &str| serde_json::to_value(text.parse::<Needed>().unwrap()).unwrap();
        assert_eq!(read("Base"), json!({"Name": "Base"}));
        assert_eq!(read("Base:$LATEST"), json!({"Name": "Base", "Version": "$LATEST"}));
        let arn = "arn:aws:ssm:local:000000000000:document/Base";
        assert_eq!(read(arn), json!({ "Name": arn }));
        assert_eq!(read(&format!("{arn}:2")), json!({"Name": arn, "Version": "2"}));
    }
}
