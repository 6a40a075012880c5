//! Channels: where notifications go. Their secrets lie sealed, and no answer holds one.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Services, Target, constraint};
use crate::hub::capabilities::notifications::log::{self, Message, NotificationView};
use crate::hub::capabilities::notifications::{delivery, smtp};
use crate::hub::store::{Row, StoreError, Tx, Value};
use crate::model::filter::Filter;
use crate::platform::outgoing::{Allowed, Url};

const MAX_NETWORKS: usize = 50;
const MAX_RECEIVERS: usize = 20;
const MAX_SECRET: usize = 1024;
const MAX_CHANNELS: i64 = 200;
/// Longer than a delivery may take.
const TEST_LIMIT: Duration = Duration::from_secs(120);

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "ListNotificationChannels",
        |_: &ListRequest| Target::Hub,
        list_notification_channels,
    )
    .read(
        Service::Roadstead,
        "GetNotificationChannel",
        |_: &NameRequest| Target::Hub,
        get_notification_channel,
    )
    .write(
        Service::Roadstead,
        "PutNotificationChannel",
        |_: &PutRequest| Target::Hub,
        put_notification_channel,
    )
    .write(
        Service::Roadstead,
        "DeleteNotificationChannel",
        |_: &NameRequest| Target::Hub,
        delete_notification_channel,
    )
    .write(
        Service::Roadstead,
        "TestNotificationChannel",
        |_: &NameRequest| Target::Hub,
        test_notification_channel,
    );
}

/// Exactly one receiver, and what may be called for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "NotificationChannelSettings")]
pub struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<Mail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ntfy: Option<Ntfy>,
    /// Networks that may be called although they are not public.
    #[serde(default)]
    pub allowed_networks: Allowed,
    /// One more authority to trust, as PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
}

/// An HTTPS POST of JSON; the channel's secret signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "WebhookChannel")]
pub struct Webhook {
    pub url: String,
}

/// A mail by SMTP; the channel's secret is the password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "MailChannel")]
pub struct Mail {
    pub host: String,
    pub port: u16,
    #[serde(default)]
    pub security: Security,
    /// Who logs in at the server; absent for one that wants no login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    pub from: String,
    pub to: Vec<String>,
}

/// How the connection to a mail server is kept private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// From the first byte; port 465.
    Tls,
    /// After a plain greeting, and never without; port 587.
    #[default]
    Starttls,
    /// Not at all; without a login only.
    None,
}

/// A message to a topic of an ntfy server; the channel's secret is the access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "NtfyChannel")]
pub struct Ntfy {
    /// The server's address.
    pub url: String,
    pub topic: String,
}

impl Settings {
    pub fn kind(&self) -> &'static str {
        match (&self.webhook, &self.mail, &self.ntfy) {
            (Some(_), _, _) => "webhook",
            (_, Some(_), _) => "mail",
            _ => "ntfy",
        }
    }

    /// *Errors*: `ValidationException`.
    fn check(&self, has_secret: bool) -> ApiResult<()> {
        let receivers = usize::from(self.webhook.is_some()) + usize::from(self.mail.is_some()) + usize::from(self.ntfy.is_some());
        if receivers != 1 {
            return Err(ApiError::validation("a channel has exactly one of `Webhook`, `Mail` and `Ntfy`"));
        }
        constraint::count_at_most(&self.allowed_networks.0, "allowedNetworks", MAX_NETWORKS)?;
        constraint::authority(self.ca_pem.as_deref())?;
        let urls = [self.webhook.as_ref().map(|w| &w.url), self.ntfy.as_ref().map(|n| &n.url)];
        for url in urls.into_iter().flatten() {
            constraint::at_most(url, "settings.url", 2048)?;
            url.parse::<Url>().map_err(|e| ApiError::validation(e.to_string()))?;
        }
        if let Some(ntfy) = &self.ntfy {
            let is_topic =
                (1..=64).contains(&ntfy.topic.len()) && ntfy.topic.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
            if !is_topic {
                return Err(ApiError::validation("a topic has 1 to 64 letters, digits, `_` and `-`"));
            }
        }
        self.mail.as_ref().map_or(Ok(()), |mail| check_mail(mail, has_secret))
    }
}

fn check_mail(mail: &Mail, has_secret: bool) -> ApiResult<()> {
    let is_host = (1..=255).contains(&mail.host.len()) && mail.host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:_".contains(&b));
    if !is_host || mail.port == 0 {
        return Err(ApiError::validation("the mail server is a host name or address and a port"));
    }
    if mail.to.is_empty() || mail.to.len() > MAX_RECEIVERS {
        return Err(ApiError::validation(format!("a mail goes to 1 to {MAX_RECEIVERS} addresses")));
    }
    if let Some(wrong) = mail.to.iter().chain([&mail.from]).find(|address| !smtp::is_address(address)) {
        let shown: String = wrong.chars().filter(|c| !c.is_control()).take(100).collect();
        return Err(ApiError::validation(format!(
            "`{shown}` is no plain mail address such as ops@example.org"
        )));
    }
    if mail.security == Security::None && (mail.user.is_some() || has_secret) {
        return Err(ApiError::validation(
            "a login is never sent in clear: use `starttls` or `tls`, or leave user and password out",
        ));
    }
    Ok(())
}

/// A channel as it is kept.
#[derive(Clone, Debug)]
pub struct Channel {
    pub name: String,
    pub settings: Settings,
    sealed_secret: Vec<u8>,
    changed_by: String,
    changed_at: Timestamp,
}

impl Channel {
    /// The secret in clear; `None` for a channel without.
    ///
    /// *Errors*: in words for the operator.
    pub fn secret(&self, services: &Services) -> Result<Option<Secret<Vec<u8>>>, String> {
        if self.sealed_secret.is_empty() {
            return Ok(None);
        }
        let opened = services.vault.open_sealed(&context(&self.name), &self.sealed_secret);
        opened
            .map(Some)
            .map_err(|_| "the channel's secret cannot be opened: give it again".to_owned())
    }

    fn holds(&self, filter: &Filter) -> bool {
        let kind = self.settings.kind();
        let words = format!("{} {kind}", self.name);
        filter.matches(|key| match key {
            "name" => Some(self.name.as_str()),
            "kind" => Some(kind),
            "text" => Some(words.as_str()),
            _ => None,
        })
    }
}

fn context(name: &str) -> String {
    format!("notification-channel:{name}")
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListNotificationChannelsRequest")]
struct ListRequest {
    #[serde(default)]
    filter: Filter,
}

const FILTER_KEYS: [&str; 3] = ["name", "kind", "text"];

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListNotificationChannelsResult")]
struct ListResult {
    channels: Vec<ChannelSummary>,
}

/// What everybody may know who may send through it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "NotificationChannelSummary")]
struct ChannelSummary {
    name: String,
    kind: &'static str,
    waiting_count: i64,
    failed_count: i64,
}

/// *Errors*: `ValidationException` for a filter by what a channel does not have.
async fn list_notification_channels(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let filter = request.filter;
    filter.check().map_err(|e| ApiError::validation(e.to_string()))?;
    if let Some(term) = filter.terms.iter().find(|term| !FILTER_KEYS.contains(&term.key.as_str())) {
        let (key, keys) = (&term.key, FILTER_KEYS.join(", "));
        return Err(ApiError::validation(format!("`{key}` is not a filter key of channels: use {keys}")));
    }
    cx.read(move |tx| {
        let mut channels = Vec::new();
        for channel in sql::list(tx)?.into_iter().filter(|channel| channel.holds(&filter)) {
            channels.push(ChannelSummary {
                kind: channel.settings.kind(),
                waiting_count: log::sql::count(tx, &channel.name, log::State::Waiting)?,
                failed_count: log::sql::count(tx, &channel.name, log::State::Failed)?,
                name: channel.name,
            });
        }
        Ok(ListResult { channels })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "NotificationChannelRequest")]
struct NameRequest {
    name: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetNotificationChannelResult")]
struct GetResult {
    name: String,
    settings: Settings,
    has_secret: bool,
    changed_by: String,
    changed_at: Timestamp,
}

async fn get_notification_channel(cx: Cx, request: NameRequest) -> ApiResult<GetResult> {
    is_whole(&cx)?;
    cx.read(move |tx| {
        let channel = find(tx, &request.name)?;
        Ok(GetResult {
            has_secret: !channel.sealed_secret.is_empty(),
            name: channel.name,
            settings: channel.settings,
            changed_by: channel.changed_by,
            changed_at: channel.changed_at,
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "PutNotificationChannelRequest")]
struct PutRequest {
    name: String,
    settings: Settings,
    /// Signing key, password or token; absent to keep the one there is, empty to forget it.
    secret: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NotificationChannelDone")]
struct Done {}

async fn put_notification_channel(cx: Cx, request: PutRequest) -> ApiResult<Done> {
    is_whole(&cx)?;
    constraint::plain_name(&request.name, "a channel")?;
    let secret = request.secret.as_deref();
    constraint::at_most(secret.unwrap_or_default(), "secret", MAX_SECRET)?;
    let sealed = secret.map(|secret| match secret {
        "" => Vec::new(),
        secret => cx.services.vault.seal(&context(&request.name), secret.as_bytes()),
    });
    let (by, now) = (cx.caller().name.clone(), cx.now());
    cx.write(move |tx| {
        let before = sql::find(tx, &request.name)?;
        if before.is_none() && tx.count("SELECT count(*) FROM notification_channel", &[])? >= MAX_CHANNELS {
            return Err(ApiError::validation(format!("there are {MAX_CHANNELS} channels already")));
        }
        let before_secret = before.as_ref().map(|channel| channel.sealed_secret.clone()).unwrap_or_default();
        // Another receiver must not be sent what was given for the one before.
        let is_moved = before
            .as_ref()
            .is_some_and(|channel| !goes_to_the_same(&channel.settings, &request.settings));
        if is_moved && sealed.is_none() && !before_secret.is_empty() {
            return Err(ApiError::validation(
                "the channel goes elsewhere now: give its secret again, or an empty one",
            ));
        }
        let sealed_secret = sealed.unwrap_or(before_secret);
        request.settings.check(!sealed_secret.is_empty())?;
        tx.note(|notes| notes.detail = format!("`{}`: {}", request.name, request.settings.kind()));
        sql::put(
            tx,
            &Channel {
                name: request.name,
                settings: request.settings,
                sealed_secret,
                changed_by: by,
                changed_at: now,
            },
        )?;
        Ok(Done {})
    })
    .await
}

fn goes_to_the_same(before: &Settings, now: &Settings) -> bool {
    let server = |mail: &Option<Mail>| mail.as_ref().map(|mail| (mail.host.clone(), mail.port));
    let ntfy = |ntfy: &Option<Ntfy>| ntfy.as_ref().map(|ntfy| ntfy.url.clone());
    before.webhook == now.webhook && server(&before.mail) == server(&now.mail) && ntfy(&before.ntfy) == ntfy(&now.ntfy)
}

async fn delete_notification_channel(cx: Cx, request: NameRequest) -> ApiResult<Done> {
    is_whole(&cx)?;
    cx.write(move |tx| {
        find(tx, &request.name)?;
        sql::delete(tx, &request.name)?;
        tx.note(|notes| notes.detail = format!("`{}`", request.name));
        Ok(Done {})
    })
    .await
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "TestNotificationChannelResult")]
struct TestResult {
    notification: NotificationView,
}

/// Sends a word at once and once only, and says what came of it.
async fn test_notification_channel(cx: Cx, request: NameRequest) -> ApiResult<TestResult> {
    is_whole(&cx)?;
    let (by, now, name) = (cx.caller().name.clone(), cx.now(), request.name.clone());
    let id = cx
        .write(move |tx| {
            find(tx, &name)?;
            tx.note(|notes| notes.detail = format!("`{name}`"));
            // Tried here and now; the job comes only if this hub does not get that far.
            Ok(log::sql::insert(tx, &name, &Message::test(&name, &by), now, now + TEST_LIMIT)?)
        })
        .await?;
    let services: Arc<Services> = cx.services.clone();
    delivery::attempt(&services, id).await?;
    let notification = cx.read(move |tx| Ok(log::sql::view(tx, id)?)).await?;
    notification
        .map(|notification| TestResult { notification })
        .ok_or_else(|| ApiError::internal("the notification just made is not there"))
}

/// *Errors*: `AccessDeniedException` for somebody who is narrowed to some nodes: notifications tell of all.
pub fn is_whole(cx: &Cx) -> ApiResult<()> {
    cx.require_fleet("notifications are of the whole hub: a user or key that is narrowed to some nodes neither sees nor sets them")
}

/// *Errors*: `ResourceNotFoundException`.
fn find(tx: &Tx<'_>, name: &str) -> ApiResult<Channel> {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    sql::find(tx, name)?.ok_or_else(|| ApiError::new("ResourceNotFoundException", format!("there is no channel `{shown}`")))
}

pub mod sql {
    use super::*;

    fn from_row(row: &Row<'_>) -> Result<Channel, StoreError> {
        Ok(Channel {
            name: row.get("name")?,
            settings: row.json("settings")?,
            sealed_secret: row.get("sealed_secret")?,
            changed_by: row.get("changed_by")?,
            changed_at: row.get("changed_at")?,
        })
    }

    pub fn find(tx: &Tx<'_>, name: &str) -> Result<Option<Channel>, StoreError> {
        let sql = "SELECT name, settings, sealed_secret, changed_by, changed_at FROM notification_channel WHERE name = :name";
        tx.row(sql, &[(":name", name.into())], from_row)
    }

    pub fn list(tx: &Tx<'_>) -> Result<Vec<Channel>, StoreError> {
        let sql = "SELECT name, settings, sealed_secret, changed_by, changed_at FROM notification_channel ORDER BY name";
        tx.rows(sql, &[], from_row)
    }

    pub fn put(tx: &Tx<'_>, channel: &Channel) -> Result<(), StoreError> {
        let params = [
            (":name", (&channel.name).into()),
            (":settings", Value::json(&channel.settings)),
            (":secret", channel.sealed_secret.as_slice().into()),
            (":by", (&channel.changed_by).into()),
            (":at", channel.changed_at.into()),
        ];
        let sql = "INSERT INTO notification_channel (name, settings, sealed_secret, changed_by, changed_at)
                   VALUES (:name, :settings, :secret, :by, :at)
                   ON CONFLICT (name) DO UPDATE SET settings = excluded.settings, sealed_secret = excluded.sealed_secret,
                       changed_by = excluded.changed_by, changed_at = excluded.changed_at";
        tx.execute(sql, &params).map(|_| ())
    }

    /// What waits for it goes with it.
    pub fn delete(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
        tx.execute(
            "DELETE FROM notification WHERE channel = :name AND state = 'Waiting'",
            &[(":name", name.into())],
        )?;
        tx.execute("DELETE FROM notification_channel WHERE name = :name", &[(":name", name.into())])
            .map(|_| ())
    }
}
