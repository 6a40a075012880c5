//! What a document's text says: judged by its type when it comes in, turned into the other format when it goes out.

use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint;
use crate::model::document::actions::Platform;
use crate::model::document::{Document, Format, Node, Problem, Schema, Severity, text};

/// Upstream's enumeration, in its order.
pub const TYPES: &[&str] = &[
    "Command",
    "Policy",
    "Automation",
    "Session",
    "Package",
    "ApplicationConfiguration",
    "ApplicationConfigurationSchema",
    "DeploymentStrategy",
    "ChangeCalendar",
    "Automation.ChangeTemplate",
    "ProblemAnalysis",
    "ProblemAnalysisTemplate",
    "CloudFormation",
    "ConformancePackTemplate",
    "QuickSetup",
    "ManualApprovalPolicy",
    "AutoApprovalPolicy",
];
pub const FORMATS: &[&str] = &["YAML", "JSON", "TEXT"];

/// Upstream's limit; what runs on nodes travels in one frame of this size.
const MAX_BYTES: usize = 64 * 1024;
/// Differs: calendars, configurations and package manifests may be larger, for they go nowhere in one frame.
const MAX_PLAIN_BYTES: usize = 1024 * 1024;

/// What the hub keeps beside the text.
#[derive(Clone, Debug)]
pub struct Judged {
    pub schema_version: String,
    pub description: String,
    pub platforms: Vec<Platform>,
    pub problems: Vec<Problem>,
}

/// *Errors*: `ValidationException`, `MaxDocumentSizeExceeded`, `InvalidDocumentContent`, `InvalidDocumentSchemaVersion`.
pub fn judge(kind: &str, format: Format, content: &str) -> ApiResult<Judged> {
    check_size(kind, content)?;
    if !is_language(kind) {
        return judge_plain(kind, format, content);
    }
    if format == Format::Text {
        return Err(invalid(&format!(
            "a document of the type `{kind}` is written in JSON or YAML, not TEXT"
        )));
    }
    let root = text::parse(content, format).map_err(|problem| malformed(problem, format, content))?;
    if root.member("schemaVersion").is_none() {
        // Upstream's sentence; `LintDocument` and the command line say more.
        return Err(invalid("The content for the document is not valid."));
    }
    check_schema(kind, &root)?;
    let reading = Document::read(&root);
    let problems = reading.problems.clone();
    let document = Document::usable(reading).map_err(|_| refused(&problems))?;
    Ok(Judged {
        // As it was written, not as it is understood: `2.0.1` stays so.
        schema_version: root.member("schemaVersion").and_then(Node::scalar).unwrap_or_default(),
        description: document.description.clone().unwrap_or_default(),
        platforms: document.platforms(),
        problems,
    })
}

/// To be asked before anything is parsed.
///
/// *Errors*: `ValidationException`, `MaxDocumentSizeExceeded`.
pub fn check_size(kind: &str, content: &str) -> ApiResult<()> {
    if content.is_empty() {
        return Err(constraint::violated("", "content", "have length greater than or equal to 1"));
    }
    let limit = match is_language(kind) {
        true => MAX_BYTES,
        false => MAX_PLAIN_BYTES,
    };
    if content.len() > limit {
        return Err(ApiError::new(
            "MaxDocumentSizeExceeded",
            format!(
                "the document has {} bytes; the size limit of a document is {} KB",
                content.len(),
                limit / 1024
            ),
        ));
    }
    Ok(())
}

/// Types whose content is written in the language of `model/document`.
pub fn is_language(kind: &str) -> bool {
    matches!(kind, "Command" | "Policy" | "Automation" | "Session" | "Automation.ChangeTemplate")
}

fn schemas(kind: &str) -> &'static [Schema] {
    match kind {
        "Automation" | "Automation.ChangeTemplate" => &[Schema::V0_3],
        "Session" => &[Schema::V1_0],
        _ => &[Schema::V1_2, Schema::V2_0, Schema::V2_2],
    }
}

/// *Errors*: `InvalidDocumentSchemaVersion`.
pub fn check_schema(kind: &str, root: &Node) -> ApiResult<()> {
    let written = root.member("schemaVersion").and_then(Node::scalar).unwrap_or_default();
    let allowed = schemas(kind);
    if Schema::of(written.trim()).is_some_and(|schema| allowed.contains(&schema)) {
        return Ok(());
    }
    let shown: String = written.chars().take(20).collect();
    let allowed: Vec<&str> = allowed.iter().map(|schema| schema.as_str()).collect();
    Err(ApiError::new(
        "InvalidDocumentSchemaVersion",
        format!(
            "schema version `{shown}` is not supported for the document type `{kind}`: use {}",
            allowed.join(", ")
        ),
    ))
}

/// Types that are kept as they are: JSON and YAML must be that, a calendar must be one.
fn judge_plain(kind: &str, format: Format, content: &str) -> ApiResult<Judged> {
    if kind == "ChangeCalendar" {
        if format != Format::Text {
            return Err(invalid(
                "a document of the type `ChangeCalendar` is an iCalendar file with the format TEXT",
            ));
        }
        if !content.trim_start().starts_with("BEGIN:VCALENDAR") || !content.trim_end().ends_with("END:VCALENDAR") {
            return Err(invalid("a calendar begins with `BEGIN:VCALENDAR` and ends with `END:VCALENDAR`"));
        }
    }
    let root = match format {
        Format::Text => None,
        _ => Some(text::parse(content, format).map_err(|problem| malformed(problem, format, content))?),
    };
    let scalar = |key: &str| root.as_ref().and_then(|root| root.member(key)).and_then(Node::scalar);
    let schema = scalar("schemaVersion").filter(|text| is_schema_version(text));
    Ok(Judged {
        schema_version: schema.unwrap_or_else(|| "1.0".into()),
        description: scalar("description").unwrap_or_default(),
        platforms: Platform::ALL.to_vec(),
        problems: Vec::new(),
    })
}

fn is_schema_version(text: &str) -> bool {
    text.split_once('.').is_some_and(|(major, minor)| {
        [major, minor]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    })
}

fn invalid(message: &str) -> ApiError {
    ApiError::new("InvalidDocumentContent", message)
}

fn malformed(problem: Problem, format: Format, content: &str) -> ApiError {
    let hint = match (format, text::guess(content)) {
        (Format::Json, Format::Yaml) => "; a document in YAML needs the `DocumentFormat` YAML",
        _ => "",
    };
    invalid(&format!("{problem}{hint}"))
}

/// The first fault, and how many more there are.
fn refused(problems: &[Problem]) -> ApiError {
    let errors: Vec<&Problem> = problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    let first = errors.first().map(ToString::to_string).unwrap_or_default();
    invalid(&match errors.len() {
        0 | 1 => first,
        more => format!("{first} (and {} more)", more - 1),
    })
}

/// A stored text in the wanted format.
///
/// *Errors*: `ValidationException` when the text has no structure to convert.
pub fn converted(content: &str, from: Format, to: Format) -> ApiResult<String> {
    if from == to {
        return Ok(content.to_owned());
    }
    if from == Format::Text || to == Format::Text {
        return Err(ApiError::validation(format!(
            "Invalid document format {}: this document is stored as {}",
            to.as_str(),
            from.as_str()
        )));
    }
    let root = text::parse(content, from).map_err(|problem| ApiError::internal(problem.to_string()))?;
    root.written(to).map_err(ApiError::internal)
}

/// The content as the value that is sent to nodes.
pub fn value(content: &str, format: Format) -> ApiResult<serde_json::Value> {
    let root = text::parse(content, format).map_err(|problem| ApiError::internal(problem.to_string()))?;
    Ok(root.to_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "schemaVersion: '2.2'\ndescription: d\nmainSteps:\n- {name: a, action: aws:runShellScript, inputs: {runCommand: [id]}}\n";

    fn code(kind: &str, format: Format, content: &str) -> (&'static str, String) {
        let error = judge(kind, format, content).unwrap_err();
        (error.code, error.message)
    }

    #[test]
    fn each_fault_has_upstreams_code() {
        assert_eq!(code("Command", Format::Json, "").0, "ValidationException");
        assert_eq!(code("Command", Format::Json, &"x".repeat(70_000)).0, "MaxDocumentSizeExceeded");
        assert_eq!(code("Automation", Format::Yaml, GOOD).0, "InvalidDocumentSchemaVersion");
        assert_eq!(
            code("Command", Format::Json, "{}"),
            ("InvalidDocumentContent", "The content for the document is not valid.".into())
        );
        let (code, message) = code("Command", Format::Json, GOOD);
        assert_eq!(code, "InvalidDocumentContent");
        assert!(
            message.contains("line 1, column 1") && message.contains("`DocumentFormat` YAML"),
            "{message}"
        );
    }

    #[test]
    fn other_types_are_kept_as_they_are() {
        assert!(judge("ApplicationConfiguration", Format::Text, "anything").is_ok());
        assert!(judge("ApplicationConfiguration", Format::Json, "anything").is_err());
        assert!(judge("ChangeCalendar", Format::Text, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n").is_ok());
        assert_eq!(code("ChangeCalendar", Format::Text, "x").0, "InvalidDocumentContent");
    }

    #[test]
    fn a_document_is_converted_there_and_back() {
        let json = converted(GOOD, Format::Yaml, Format::Json).unwrap();
        assert!(json.find("schemaVersion") < json.find("description") && json.find("description") < json.find("mainSteps"));
        let yaml = converted(&json, Format::Json, Format::Yaml).unwrap();
        assert_eq!(value(&yaml, Format::Yaml).unwrap(), value(GOOD, Format::Yaml).unwrap());
        assert_eq!(converted(GOOD, Format::Yaml, Format::Text).unwrap_err().code, "ValidationException");
    }
}
