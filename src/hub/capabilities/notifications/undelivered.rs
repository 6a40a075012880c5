//! Why a message did not arrive, and whether another attempt may go better.

use http::StatusCode;

/// What came of an attempt that failed, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// The receiver is away, busy or not itself: later it may take the message.
    ForNow(String),
    /// The receiver has read it and does not want it; the same again would get the same answer.
    ForGood(String),
}

impl Undelivered {
    pub fn words(&self) -> &str {
        match self {
            Self::ForNow(words) | Self::ForGood(words) => words,
        }
    }

    /// *Source*: RFC 5321, 4.2.1: a code of the five hundreds is final, one of the four hundreds is not.
    pub fn by_mail_server(code: Option<u16>, words: String) -> Self {
        match code {
            Some(500..=599) => Self::ForGood(words),
            _ => Self::ForNow(words),
        }
    }
}

impl From<String> for Undelivered {
    fn from(words: String) -> Self {
        Self::ForNow(words)
    }
}

impl From<&str> for Undelivered {
    fn from(words: &str) -> Self {
        Self::ForNow(words.to_owned())
    }
}

/// What an HTTP receiver's answer means. Of the four hundreds three ask for another time: too slow, too early, too often.
pub fn judge(status: StatusCode) -> Result<(), Undelivered> {
    let words = || format!("the receiver answered {status}");
    match status {
        _ if status.is_success() => Ok(()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => Err(Undelivered::ForNow(words())),
        _ if status.is_client_error() => Err(Undelivered::ForGood(words())),
        _ => Err(Undelivered::ForNow(words())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_receiver_that_does_not_want_it_is_not_asked_again() {
        let judged = |status: u16| match judge(StatusCode::from_u16(status).unwrap()) {
            Ok(()) => "taken",
            Err(Undelivered::ForNow(_)) => "later",
            Err(Undelivered::ForGood(_)) => "never",
        };
        for (status, wanted) in [
            (200, "taken"),
            (204, "taken"),
            (400, "never"),
            (401, "never"),
            (404, "never"),
            (410, "never"),
            (408, "later"),
            (425, "later"),
            (429, "later"),
            (500, "later"),
            (503, "later"),
        ] {
            assert_eq!(judged(status), wanted, "{status}");
        }
        let mail = |code| Undelivered::by_mail_server(code, String::new());
        assert_eq!(mail(Some(550)), Undelivered::ForGood(String::new()));
        for passing in [Some(421), Some(450), None] {
            assert_eq!(mail(passing), Undelivered::ForNow(String::new()));
        }
    }
}
