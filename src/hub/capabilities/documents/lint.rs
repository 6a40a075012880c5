//! `LintDocument`: everything there is to say about a text, while it is written and before it is stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ApiResult;
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
    let problems = problems(&kind, format, &request.content);
    Ok(LintResult {
        problems: problems.into_iter().map(ProblemView::from).collect(),
    })
}

/// Its size, findings of the language, then what only storing it would say: whether the schema fits the type.
fn problems(kind: &str, format: Format, content: &str) -> Vec<Problem> {
    if !content.is_empty()
        && let Err(refused) = content::check_size(kind, content)
    {
        return vec![Problem::error(Default::default(), refused.message)];
    }
    let mut problems = match (content::is_language(kind), format) {
        (true, Format::Json | Format::Yaml) => match text::parse(content, format) {
            Ok(root) => Document::read(&root).problems,
            Err(problem) => vec![problem],
        },
        _ => Vec::new(),
    };
    let has_errors = problems.iter().any(|problem| problem.severity == Severity::Error);
    if !has_errors && let Err(refused) = content::judge(kind, format, content) {
        problems.push(Problem::error(Default::default(), refused.message));
    }
    problems
}
