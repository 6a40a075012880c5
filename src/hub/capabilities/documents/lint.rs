//! `LintDocument`: everything there is to say about a text, while it is written and before it is stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::capabilities::documents::content::{self, FORMATS, TYPES};
use crate::hub::capabilities::documents::names::KIND;
use crate::model::document::{Document, Format, Problem, Severity, text};

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "LintDocument",
        |_: &LintRequest| Target::Rows(KIND),
        lint_document,
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct LintRequest {
    content: String,
    document_type: Option<String>,
    document_format: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct LintResult {
    /// In the order of the text.
    problems: Vec<ProblemView>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ProblemView {
    severity: Severity,
    /// From 1; 0 for the document as a whole.
    line: u32,
    column: u32,
    path: String,
    message: String,
}

impl From<Problem> for ProblemView {
    fn from(problem: Problem) -> Self {
        Self {
            severity: problem.severity,
            line: problem.at.line,
            column: problem.at.column,
            path: problem.path,
            message: problem.message,
        }
    }
}

/// *Errors*: `ValidationException` for an unknown type or format; a bad document is no error here.
async fn lint_document(_cx: Cx, request: LintRequest) -> ApiResult<LintResult> {
    let kind = request.document_type.unwrap_or_else(|| "Command".into());
    constraint::one_of(&kind, "documentType", TYPES)?;
    let format = match request.document_format.as_deref() {
        None => text::guess(&request.content),
        Some(format) => {
            constraint::one_of(format, "documentFormat", FORMATS)?;
            format.parse().unwrap_or(Format::Json)
        }
    };
    // A large document takes tens of milliseconds, which other requests shall not wait for.
    let found = tokio::task::spawn_blocking(move || problems(&kind, format, &request.content));
    let problems = found.await.map_err(ApiError::internal)?;
    Ok(LintResult {
        problems: problems.into_iter().map(ProblemView::from).collect(),
    })
}

/// Its size, findings of the language, then what only storing it would say: whether the schema fits the type. Read once: that is what
/// the answer takes.
fn problems(kind: &str, format: Format, content: &str) -> Vec<Problem> {
    let whole = |refused: ApiError| Problem::error(Default::default(), refused.message);
    if !content.is_empty()
        && let Err(refused) = content::check_size(kind, content)
    {
        return vec![whole(refused)];
    }
    if !content::is_language(kind) || format == Format::Text {
        return content::judge(kind, format, content).err().map(whole).into_iter().collect();
    }
    let root = match text::parse(content, format) {
        Ok(root) => root,
        Err(problem) => return vec![problem],
    };
    let mut problems = Document::read(&root).problems;
    if problems.iter().all(|problem| problem.severity != Severity::Error) {
        problems.extend(content::check_schema(kind, &root).err().map(whole));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_finds_no_error_in_is_stored_and_what_it_finds_one_in_is_not() {
        let good = "schemaVersion: '2.2'\nmainSteps:\n- {name: a, action: aws:runShellScript, inputs: {runCommand: [id]}}\n";
        let texts = [
            good.to_owned(),
            good.replace("2.2", "9.9"),
            good.replace("2.2", "1.0"),
            good.replace("schemaVersion: '2.2'\n", ""),
            good.replace("[id]", "[id"),
            good.replace("name: a", "name: 'a b'"),
            good.replace("action:", "acton:"),
            format!("{good}# {}\n", "x".repeat(70_000)),
            r#"{"schemaVersion":"0.3","mainSteps":[{"name":"a","action":"aws:sleep","inputs":{}}]}"#.to_owned(),
            r#"{"schemaVersion":"1.0","sessionType":"Port"}"#.to_owned(),
            "BEGIN:VCALENDAR\nEND:VCALENDAR\n".to_owned(),
            "- a\n".to_owned(),
            "{}".to_owned(),
            String::new(),
        ];
        for kind in TYPES {
            for format in [Format::Json, Format::Yaml, Format::Text] {
                for text in &texts {
                    let found = problems(kind, format, text);
                    let has_errors = found.iter().any(|problem| problem.severity == Severity::Error);
                    assert_eq!(
                        has_errors,
                        content::judge(kind, format, text).is_err(),
                        "{kind} {format:?} {text:.60} {found:?}"
                    );
                }
            }
        }
    }
}
