//! The two ways to speak on `/stream/<session>`: ours, and that of Amazon's session-manager-plugin.
//!
//! ```text
//! ours (subprotocol `roadstead.session.v1`)
//!   → text   {"Token": …, "Cols": 80, "Rows": 24, "From": null | offset, "TakeOver": false, "Before": token | absent}
//!   ← text   {"Attached": {"Offset": …, "Started": …}}   or   {"Error": {"Code": …, "Message": …}} and the end
//!   ⇄ binary the frames of `wire::session`
//!   ← close  1000 after `Ended` or an error · 1008 a frame out of place · 1012 the hub stops · 4001 the line to the node broke
//!
//! the plugin's (no subprotocol)
//!   → text   OpenDataChannel: the token, and the client's id, which stays the same over its connections
//!   ⇄ binary messages of `wire::channel`, between the plugin and the node
//!   ← binary channel_closed: the last word. Without one the plugin asks ResumeSession for a token and comes again
//! ```

use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::base::{ApiError, Timestamp};
use crate::hub::api::routes::{Message, Socket};
use crate::hub::capabilities::sessions::lifecycle;
use crate::hub::capabilities::sessions::tokens::TokenHash;
use crate::wire::channel::content::{OpenDataChannel, channel_closed};
use crate::wire::session::{Attached, EndReason, Ended, Frame, Size};

/// Close code: the node is away; the same shell may be attached to again.
const LINE_LOST: u16 = 4001;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Ours,
    Plugin,
}

/// What is said first, in either way.
pub struct Greeting {
    pub token: String,
    pub size: Size,
    pub from: Option<u64>,
    pub take_over: bool,
    /// What the attachment was known by that this one replaces, although the hub may not have seen that connection break.
    pub before: Option<TokenHash>,
    /// What this one is known by; else the token.
    pub known_by: Option<TokenHash>,
}

/// Why an attachment does not come about.
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        tracing::error!(error = %error, cause = ?error.source, "an attachment met an error");
        Self::new(error.code, error.message)
    }
}

/// The last thing the client hears.
pub enum Farewell {
    Refused(Refusal),
    Ended(Ended),
    Closed(CloseCode, &'static str),
    /// The line to the node broke.
    LineLost,
    /// The login that the token was asked with is over.
    LoginOver,
}

impl Dialect {
    pub fn of(socket: &Socket) -> Self {
        match socket.protocol {
            Some(_) => Self::Ours,
            None => Self::Plugin,
        }
    }

    pub fn greeting(self, text: &str) -> Result<Greeting, Refusal> {
        let malformed = |error: serde_json::Error| Refusal::new("Malformed", format!("the first message: {error}"));
        match self {
            Self::Ours => our_greeting(text).map_err(malformed),
            Self::Plugin => plugins_greeting(text).map_err(malformed),
        }
    }

    /// What is said when the shell is there.
    pub fn attached(self, attached: &Attached) -> Option<Message> {
        let words = || json!({ "Attached": { "Offset": attached.offset, "Started": attached.started } });
        (self == Self::Ours).then(|| Message::text(words().to_string()))
    }

    /// The last messages, the closing of the connection included.
    pub fn farewell(self, farewell: Farewell, session: &str, now: Timestamp) -> Vec<Message> {
        match self {
            Self::Ours => our_farewell(farewell),
            Self::Plugin => plugins_farewell(farewell, session, now),
        }
    }
}

fn our_greeting(text: &str) -> serde_json::Result<Greeting> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Said {
        token: String,
        cols: u16,
        rows: u16,
        from: Option<u64>,
        #[serde(default)]
        take_over: bool,
        before: Option<String>,
    }
    let said: Said = serde_json::from_str(text)?;
    Ok(Greeting {
        token: said.token,
        size: Size {
            cols: said.cols.max(1),
            rows: said.rows.max(1),
        },
        from: said.from,
        take_over: said.take_over,
        before: said.before.as_deref().map(TokenHash::of),
        known_by: None,
    })
}

/// The plugin never takes over from somebody else, and always from itself.
fn plugins_greeting(text: &str) -> serde_json::Result<Greeting> {
    let said: OpenDataChannel = serde_json::from_str(text)?;
    let client = Some(said.client_id).filter(|id| !id.is_empty()).map(|id| TokenHash::of(&id));
    Ok(Greeting {
        token: said.token_value,
        size: Size { cols: 80, rows: 24 },
        from: None,
        take_over: false,
        before: client,
        known_by: client,
    })
}

fn our_farewell(farewell: Farewell) -> Vec<Message> {
    let (last, code, reason) = match farewell {
        Farewell::Refused(Refusal { code, message }) => {
            let words = json!({ "Error": { "Code": code, "Message": message } });
            (Some(Message::text(words.to_string())), CloseCode::Normal, "")
        }
        Farewell::Ended(ended) => (Some(Message::Binary(Frame::Ended(ended).encode())), CloseCode::Normal, ""),
        Farewell::Closed(code, reason) => (None, code, reason),
        Farewell::LineLost => (None, CloseCode::Library(LINE_LOST), "node connection lost"),
        // The client asks for another token, which takes a login.
        Farewell::LoginOver => (None, CloseCode::Restart, "the login is over"),
    };
    last.into_iter().chain([close(code, reason)]).collect()
}

/// A plugin that only sees its connection closed comes again; one that has nothing to come for is told so, or it would hang.
fn plugins_farewell(farewell: Farewell, session: &str, now: Timestamp) -> Vec<Message> {
    let said = |words: &str| vec![Message::Binary(channel_closed(session, words, now)), close(CloseCode::Normal, "")];
    match farewell {
        Farewell::Refused(Refusal { message, .. }) => said(&message),
        // Then the plugin says in its own words that the session is over.
        Farewell::Ended(ended) if ended.reason == EndReason::Exited && ended.exit_code == Some(0) => said(""),
        // Who it was; the words may be the node's, so none of them moves anybody's cursor.
        Farewell::Ended(ended) if matches!(ended.reason, EndReason::Terminated | EndReason::TakenOver) => {
            said(&ended.message.chars().filter(|c| !c.is_control()).take(256).collect::<String>())
        }
        Farewell::Ended(ended) => said(&lifecycle::words(&ended)),
        Farewell::Closed(code, reason) => vec![close(code, reason)],
        Farewell::LineLost => vec![close(CloseCode::Restart, "node connection lost")],
        Farewell::LoginOver => said("the login or access key that opened this session is over; the shell is kept for ten minutes"),
    }
}

fn close(code: CloseCode, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::channel::Kind;

    #[test]
    fn the_plugins_first_word_is_read_and_replaces_its_own_connection_only() {
        let text = r#"{"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"t","ClientId":"c","ClientVersion":"1.2.764.0"}"#;
        let greeting = Dialect::Plugin.greeting(text).ok().unwrap();
        assert_eq!((greeting.token.as_str(), greeting.take_over), ("t", false));
        assert!(greeting.before.is_some() && greeting.before == greeting.known_by);
        let nameless = Dialect::Plugin.greeting(r#"{"TokenValue":"t"}"#).ok().unwrap();
        assert!(nameless.before.is_none() && nameless.known_by.is_none());
        for bad in ["{}", "", r#"{"TokenValue":5}"#, r#"{"Token":"t","Cols":1,"Rows":1}"#] {
            assert_eq!(Dialect::Plugin.greeting(bad).err().unwrap().code, "Malformed");
        }
    }

    #[test]
    fn a_plugin_that_cannot_come_back_is_told_and_one_that_can_is_only_disconnected() {
        let closed = |farewell| match &Dialect::Plugin.farewell(farewell, "s", Timestamp::from_millis(1))[..] {
            [Message::Binary(bytes), Message::Close(_)] => {
                let message = crate::wire::channel::Message::decode(bytes.clone()).unwrap();
                assert_eq!(message.kind, Kind::ChannelClosed);
                let content: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
                Some(content["Output"].as_str().unwrap().to_owned())
            }
            [Message::Close(_)] => None,
            other => panic!("{other:?}"),
        };
        let ended = |reason, exit_code| {
            Farewell::Ended(Ended {
                reason,
                exit_code,
                message: "words".into(),
            })
        };
        assert_eq!(closed(Farewell::LineLost), None);
        assert_eq!(closed(Farewell::Closed(CloseCode::Restart, "stopping")), None);
        assert_eq!(closed(Farewell::Refused(Refusal::new("InUse", "taken"))).as_deref(), Some("taken"));
        assert_eq!(closed(ended(EndReason::Exited, Some(0))).as_deref(), Some(""));
        assert_eq!(
            closed(ended(EndReason::Exited, Some(3))).as_deref(),
            Some("the shell exited with 3")
        );
        assert_eq!(closed(ended(EndReason::TakenOver, None)).as_deref(), Some("words"));
        assert!(closed(Farewell::LoginOver).is_some_and(|words| words.contains("access key")));
    }
}
