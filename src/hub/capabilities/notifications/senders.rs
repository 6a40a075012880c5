//! One message to one channel.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{HeaderName, Method};
use serde_json::json;
use tokio::time::timeout;

use crate::base::Secret;
use crate::hub::api::Services;
use crate::hub::capabilities::notifications::channels::{Channel, Ntfy, Webhook};
use crate::hub::capabilities::notifications::log::Message;
use crate::hub::capabilities::notifications::smtp::{self, Letter};
use crate::hub::capabilities::notifications::undelivered::{self, Undelivered};
use crate::platform::outgoing::{self, Call, Url};

/// What a receiver may take.
const SEND_LIMIT: Duration = Duration::from_secs(60);
/// `HMAC-SHA256(secret, "TIME.BODY")`, and the time that was signed with it, as in audit shipping.
const SIGNATURE: HeaderName = HeaderName::from_static("x-roadstead-signature");
/// The same for a message that is sent again: a receiver can tell.
const ID: HeaderName = HeaderName::from_static("x-roadstead-notification");

pub async fn send(services: &Arc<Services>, channel: &Channel, message: &Message, id: i64) -> Result<(), Undelivered> {
    let secret = channel.secret(services)?;
    let settings = &channel.settings;
    let sending = async {
        match (&settings.webhook, &settings.mail, &settings.ntfy) {
            (Some(webhook), _, _) => post(services, channel, webhook, secret, message, id).await,
            (_, Some(mail), _) => {
                let letter = Letter {
                    subject: &message.subject,
                    text: &message.text,
                    id: &format!("{id}@{}", services.config.account_id),
                    now: services.now(),
                };
                let secret = secret.as_ref().map(|secret| secret.expose().as_slice());
                smtp::send(mail, settings, secret, &letter).await
            }
            (_, _, Some(ntfy)) => publish(channel, ntfy, secret, message).await,
            _ => Err("the channel has no receiver".into()),
        }
    };
    let sent = timeout(SEND_LIMIT, sending).await;
    sent.unwrap_or_else(|_| Err("the receiver took too long".into()))
}

async fn post(
    services: &Services,
    channel: &Channel,
    webhook: &Webhook,
    secret: Option<Secret<Vec<u8>>>,
    message: &Message,
    id: i64,
) -> Result<(), Undelivered> {
    let body = json!({"subject": message.subject, "text": message.text, "details": message.details}).to_string();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ID, HeaderValue::from(id));
    if let Some(secret) = secret {
        let signature = outgoing::signature(&secret, services.now(), &body);
        headers.insert(SIGNATURE, HeaderValue::from_str(&signature).map_err(|e| e.to_string())?);
    }
    call(channel, &webhook.url, headers, body).await
}

/// *Source*: ntfy docs, "Publish as JSON": to the server's root, so that every text may be in UTF-8.
async fn publish(channel: &Channel, ntfy: &Ntfy, token: Option<Secret<Vec<u8>>>, message: &Message) -> Result<(), Undelivered> {
    let mut body = json!({"topic": ntfy.topic, "title": message.subject, "message": message.text});
    if let Some(link) = message.details["link"].as_str() {
        body["click"] = json!(link);
    }
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(token) = token {
        let value = [b"Bearer ", token.expose().as_slice()].concat();
        let mut value = HeaderValue::from_bytes(&value).map_err(|_| "the channel's token is no text for a header".to_owned())?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    call(channel, &ntfy.url, headers, body.to_string()).await
}

async fn call(channel: &Channel, url: &str, headers: HeaderMap, body: String) -> Result<(), Undelivered> {
    let url = url.parse::<Url>().map_err(|e| e.words())?;
    let call = Call {
        method: Method::POST,
        url: &url,
        headers,
        body: Bytes::from(body),
        allowed: &channel.settings.allowed_networks,
        root: channel.settings.ca_pem.as_deref(),
    };
    let answer = outgoing::call(call).await.map_err(|e| e.words())?;
    undelivered::judge(answer.status)
}
