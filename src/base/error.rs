//! The one error a caller of the API sees: upstream's code and one sentence.

use std::error::Error;
use std::fmt;

pub type ApiResult<T> = Result<T, ApiError>;

/// What an operation answers instead of a result.
///
/// `code` is upstream's exception name (`InvalidInstanceId`, `ValidationException` …); `message` names the thing in
/// backquotes and says what would be right. `source` is for our log only and never reaches the caller.
#[derive(Debug)]
pub struct ApiError {
    pub code: &'static str,
    pub message: String,
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            source: None,
        }
    }

    /// The request itself is wrong: upstream's `ValidationException`.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// Our fault. The caller learns nothing of the cause; the edge logs it with the request id.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            code: "InternalServerError",
            message: "the hub could not complete the request; its log has the cause under this request id".into(),
            source: Some(source.into()),
        }
    }

    /// The HTTP status that carries this error: 500 only for faults of ours, because clients repeat those.
    pub fn status(&self) -> u16 {
        match self.code {
            "InternalServerError" => 500,
            "ServiceUnavailableException" => 503,
            "InsufficientStorageException" => 507,
            _ => 400,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}
