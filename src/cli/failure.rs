//! What a verb ends with: one sentence of what failed, why, what to try next, and the exit code that scripts rely on.
//!
//! The exit codes are a promise (`docs/cli.md`): 0 ok, 1 failed, 2 usage, 3 not found, 4 denied, 5 conflict, 6 partly
//! failed, 7 time-out, 8 unreachable, 130 interrupted.

use std::fmt;
use std::io;

use crate::cli::client::CallError;

/// How the program ends, apart from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Failed,
    Usage,
    NotFound,
    Denied,
    Conflict,
    PartlyFailed,
    TimedOut,
    Unreachable,
    Interrupted,
    /// The exit code of a remote command or shell, passed on at the caller's wish.
    Remote(u8),
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Denied => 4,
            Self::Conflict => 5,
            Self::PartlyFailed => 6,
            Self::TimedOut => 7,
            Self::Unreachable => 8,
            Self::Interrupted => 130,
            Self::Remote(code) => code,
        }
    }

    /// What an API error code means for a script.
    pub fn of_api_code(code: &str) -> Self {
        match code {
            "TargetNotConnected" | "ServiceUnavailableException" => return Self::Unreachable,
            "SetupClosedException" | "AssociatedInstances" | "InvalidTargetInUse" | "ResourceInUseException" | "LastAdminException" => {
                return Self::Conflict;
            }
            "FrozenException" | "TargetLimitExceededException" | "ConfirmationRequiredException" => return Self::Denied,
            "InvalidCommandId" | "InvalidInstanceId" | "InvalidActivation" | "InvalidActivationId" | "InvalidResourceId" => {
                return Self::NotFound;
            }
            "InvalidDocument" | "InvalidDocumentVersion" | "InvalidPluginName" => return Self::NotFound,
            "InternalServerError" | "InsufficientStorageException" => return Self::Failed,
            _ => {}
        }
        let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
        match code {
            _ if has(&["DoesNotExist", "NotFound"]) => Self::NotFound,
            _ if has(&[
                "AccessDenied",
                "UnrecognizedClient",
                "Signature",
                "AuthenticationToken",
                "ExpiredToken",
            ]) =>
            {
                Self::Denied
            }
            _ if has(&[
                "InvalidCredentials",
                "TooManyAttempts",
                "InvalidToken",
                "RequestTimeTooSkewed",
                "StepUpRequired",
                "LoginIncomplete",
                "LoginExpired",
                "InvalidCode",
            ]) =>
            {
                Self::Denied
            }
            _ if has(&["AlreadyExists", "InUse", "Conflict", "Duplicate"]) => Self::Conflict,
            _ if has(&[
                "Validation",
                "Invalid",
                "Unsupported",
                "Serialization",
                "UnknownOperation",
                "LimitExceeded",
            ]) =>
            {
                Self::Usage
            }
            _ => Self::Failed,
        }
    }
}

/// The error of the command line: everything a verb cannot do ends as one of these, or as an `anyhow` error (exit 1).
#[derive(Clone, Debug)]
pub struct Failure {
    pub exit: Exit,
    /// What failed, one sentence; empty when everything has been said already.
    pub what: String,
    pub hints: Vec<String>,
}

impl Failure {
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            hints: Vec::new(),
        }
    }

    /// A next step for the reader: a command, or what to check.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The result was shown already; only the exit code is left to tell.
    pub fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// As a person reads it.
    pub fn words(&self) -> String {
        let mut text = format!("error: {}", self.what);
        for hint in &self.hints {
            text.push_str("\n  ");
            text.push_str(hint);
        }
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// The exit code and the text for stderr (`None`: nothing to say).
pub fn explain(error: &anyhow::Error) -> (u8, Option<String>) {
    if is_closed_pipe(error) {
        return (0, None);
    }
    let failure = of(error);
    let words = (!failure.what.is_empty()).then(|| failure.words());
    (failure.exit.code(), words)
}

/// What any error comes to.
pub fn of(error: &anyhow::Error) -> Failure {
    if let Some(call) = error.downcast_ref::<CallError>() {
        return call.to_failure();
    }
    match error.downcast_ref::<Failure>() {
        Some(failure) => failure.clone(),
        None => Failure::new(Exit::Failed, format!("{error:#}")),
    }
}

/// The reader of our output left (`| head`): nothing went wrong.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_codes_become_the_documented_exit_codes() {
        for (code, exit) in [
            ("InvalidInstanceId", 3),
            ("InvocationDoesNotExist", 3),
            ("NodeNotFoundException", 3),
            ("DoesNotExistException", 3),
            ("AccessDeniedException", 4),
            ("UnrecognizedClientException", 4),
            ("InvalidSignatureException", 4),
            ("MissingAuthenticationTokenException", 4),
            ("InvalidCredentialsException", 4),
            ("ValidationException", 2),
            ("InvalidFilterKey", 2),
            ("UnknownOperationException", 2),
            ("AlreadyExistsException", 5),
            ("SetupClosedException", 5),
            ("LastAdminException", 5),
            ("FrozenException", 4),
            ("DuplicateInstanceId", 5),
            ("TargetNotConnected", 8),
            ("ServiceUnavailableException", 8),
            ("InternalServerError", 1),
            ("SomethingNew", 1),
        ] {
            assert_eq!(Exit::of_api_code(code).code(), exit, "{code}");
        }
    }

    #[test]
    fn hints_stand_below_the_sentence() {
        let error = Failure::new(Exit::NotFound, "no node is named `web`")
            .hint("see: roadstead node list")
            .into();
        let text = "error: no node is named `web`\n  see: roadstead node list".to_owned();
        assert_eq!(explain(&error), (3, Some(text)));
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let error = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("could not write");
        assert_eq!(explain(&error), (0, None));
    }
}
