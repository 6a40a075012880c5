//! The hub's own word of how far a command is: a subscription on `/live`, so that nobody has to ask again and again.
//!
//! It is a comfort, not a need: where no WebSocket comes about (a proxy that lets none through) or it breaks, nothing comes
//! from here any more and whoever follows goes on asking.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::base::id::CommandId;
use crate::cli::client::Client;
use crate::cli::connection::WebSocket;
use crate::cli::follow::CommandState;

const PROTOCOL: &str = "roadstead.live.v1";
/// A proxy may swallow the question; asking must not wait for it.
const OPENING: Duration = Duration::from_secs(2);

pub struct Live {
    socket: Option<WebSocket>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    event: Option<CommandState>,
}

impl Live {
    /// Subscribes to a command's progress; the first word is how far it is now.
    pub async fn command(client: &Client, command: &CommandId) -> Self {
        let subscribe = json!({"Subscribe": {"Id": 1, "Topic": "command", "Args": {"CommandId": command}}});
        let opening = async {
            let mut socket = client.websocket("/live", PROTOCOL).await.ok()?;
            socket.send(Message::text(subscribe.to_string())).await.ok()?;
            Some(socket)
        };
        let opened = tokio::time::timeout(OPENING, opening).await;
        Self {
            socket: opened.unwrap_or_default(),
        }
    }

    /// Whether anything can still come.
    pub fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// The next word; `None` once, when there will be no more. After that it waits for ever.
    ///
    /// *Cancel*: nothing is lost.
    pub async fn next(&mut self) -> Option<CommandState> {
        let Some(socket) = &mut self.socket else {
            return std::future::pending().await;
        };
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            match serde_json::from_str(&text) {
                Ok(Told { event: Some(state) }) => return Some(state),
                // Refused, or of a hub that speaks otherwise: asking will tell why.
                _ => break,
            }
        }
        self.socket = None;
        None
    }
}
