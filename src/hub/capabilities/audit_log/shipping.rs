//! Where the log is shipped to: a file, a syslog receiver, a webhook. Settings, and how delivery goes.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint};
use crate::hub::audit;
use crate::hub::capabilities::audit_log::{delivery, is_whole};
use crate::hub::store::{Row, StoreError, Tx, Value};
use crate::platform::outgoing::{Allowed, Url};

const SETTING: &str = "audit_shipping";
/// What the webhook's secret is sealed for.
pub const SECRET_CONTEXT: &str = "audit-webhook";
const MAX_NETWORKS: usize = 50;
const SHORTEST_SECRET: usize = 16;

pub fn operations(api: &mut Declare<'_>) {
    api.read(Service::Roadstead, "GetAuditShipping", |_: &Empty| Target::Hub, get_audit_shipping)
        .write(
            Service::Roadstead,
            "PutAuditShipping",
            |_: &PutShippingRequest| Target::Hub,
            put_audit_shipping,
        );
}

/// What is shipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ship {
    /// A signed head a minute: enough to find every change and cut.
    #[default]
    Heads,
    /// Every row too.
    Rows,
}

/// A receiver; its name is what its state is kept under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sink {
    File,
    Syslog,
    Webhook,
}

impl Sink {
    pub const ALL: [Self; 3] = [Self::File, Self::Syslog, Self::Webhook];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Syslog => "syslog",
            Self::Webhook => "webhook",
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "AuditShippingSettings")]
pub struct Settings {
    /// Networks that may be called although they are not public.
    #[serde(default)]
    pub allowed_networks: Allowed,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileSink>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syslog: Option<SyslogSink>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookSink>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct FileSink {
    /// In the folder `audit` of the hub's data, which may be a mount or a link to one.
    pub name: String,
    #[serde(default)]
    pub ship: Ship,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Udp,
    Tcp,
    Tls,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct SyslogSink {
    pub protocol: Protocol,
    pub host: String,
    pub port: u16,
    #[serde(default)]
    pub ship: Ship,
    /// One more authority to trust, as PEM; for `tls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct WebhookSink {
    pub url: String,
    #[serde(default)]
    pub ship: Ship,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// Sealed; never in an answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub sealed_secret: Vec<u8>,
}

impl Settings {
    pub fn ship(&self, sink: Sink) -> Option<Ship> {
        match sink {
            Sink::File => self.file.as_ref().map(|file| file.ship),
            Sink::Syslog => self.syslog.as_ref().map(|syslog| syslog.ship),
            Sink::Webhook => self.webhook.as_ref().map(|webhook| webhook.ship),
        }
    }

    /// What makes a receiver another one, to which everything must be shipped anew.
    fn destination(&self, sink: Sink) -> Option<String> {
        match sink {
            Sink::File => self.file.as_ref().map(|file| file.name.clone()),
            Sink::Syslog => self.syslog.as_ref().map(|s| format!("{}:{}", s.host, s.port)),
            Sink::Webhook => self.webhook.as_ref().map(|webhook| webhook.url.clone()),
        }
    }
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Empty {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ShippingResult {
    settings: Settings,
    webhook_has_secret: bool,
    deliveries: Vec<DeliveryView>,
}

/// How it goes with one receiver.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct DeliveryView {
    sink: Sink,
    /// Up to which row everything was delivered.
    delivered_seq: i64,
    /// Heads and rows that wait.
    pending: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<Timestamp>,
    /// Attempts that failed since the last that did not.
    failures: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty")]
    last_error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error_at: Option<Timestamp>,
}

async fn get_audit_shipping(cx: Cx, _request: Empty) -> ApiResult<ShippingResult> {
    is_whole(&cx)?;
    cx.read(|tx| {
        let mut settings = settings(tx)?;
        let mut deliveries = Vec::new();
        for sink in Sink::ALL {
            if let Some(ship) = settings.ship(sink) {
                deliveries.push(view(tx, sink, ship)?);
            }
        }
        let webhook_has_secret = settings.webhook.as_ref().is_some_and(|webhook| !webhook.sealed_secret.is_empty());
        if let Some(webhook) = &mut settings.webhook {
            webhook.sealed_secret.clear();
        }
        Ok(ShippingResult {
            settings,
            webhook_has_secret,
            deliveries,
        })
    })
    .await
}

fn view(tx: &Tx<'_>, sink: Sink, ship: Ship) -> Result<DeliveryView, StoreError> {
    let state = state(tx, sink)?;
    let heads = tx.count(
        "SELECT count(*) FROM audit_head WHERE seq > :seq",
        &[(":seq", state.head_seq.into())],
    )?;
    let rows = match ship {
        Ship::Heads => 0,
        Ship::Rows => (audit::last(tx)?.seq - state.row_seq).max(0),
    };
    Ok(DeliveryView {
        sink,
        delivered_seq: match ship {
            Ship::Heads => state.head_seq,
            Ship::Rows => state.row_seq,
        },
        pending: heads + rows,
        delivered_at: state.delivered_at,
        failures: state.failures,
        next_attempt_at: (state.failures > 0).then_some(state.next_attempt_at),
        last_error: state.last_error,
        last_error_at: state.last_error_at,
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct PutShippingRequest {
    /// All of them: what is absent is switched off.
    settings: Settings,
    /// Signs what the webhook gets; absent to keep the one there is.
    webhook_secret: Option<String>,
}

async fn put_audit_shipping(cx: Cx, request: PutShippingRequest) -> ApiResult<Empty> {
    is_whole(&cx)?;
    let mut wanted = request.settings;
    check(&wanted)?;
    let secret = request.webhook_secret.filter(|secret| !secret.is_empty());
    if secret.as_ref().is_some_and(|secret| secret.chars().count() < SHORTEST_SECRET) {
        return Err(ApiError::validation(format!(
            "the webhook's secret has at least {SHORTEST_SECRET} characters"
        )));
    }
    let sealed = secret.map(|secret| cx.services.vault.seal(SECRET_CONTEXT, secret.as_bytes()));
    cx.write(move |tx| {
        let before = settings(tx)?;
        if let Some(webhook) = &mut wanted.webhook {
            let kept = before.webhook.as_ref().map(|webhook| webhook.sealed_secret.clone());
            webhook.sealed_secret = sealed.or(kept).unwrap_or_default();
        }
        for sink in Sink::ALL {
            if wanted.destination(sink) != before.destination(sink) {
                sql::forget(tx, sink)?;
            }
        }
        let on: Vec<&str> = Sink::ALL
            .into_iter()
            .filter(|sink| wanted.ship(*sink).is_some())
            .map(Sink::as_str)
            .collect();
        tx.note(|notes| {
            notes.detail = match on.is_empty() {
                true => "shipped nowhere".into(),
                false => format!("shipped to {}", on.join(", ")),
            }
        });
        // Whoever has changed something wants to see at once whether it helped.
        sql::try_now(tx)?;
        Ok(sql::put(tx, &wanted)?)
    })
    .await?;
    let services = cx.services.clone();
    cx.services.tasks.spawn(async move { delivery::deliver(services).await });
    Ok(Empty {})
}

fn check(settings: &Settings) -> ApiResult<()> {
    constraint::count_at_most(&settings.allowed_networks.0, "allowedNetworks", MAX_NETWORKS)?;
    if let Some(file) = &settings.file {
        let is_plain = file.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        let is_ours = matches!(file.name.as_str(), audit::heads::HEAD_FILE | audit::archive::SEGMENTS) || file.name.starts_with('.');
        if !is_plain || is_ours || !(1..=100).contains(&file.name.len()) {
            return Err(ApiError::validation(
                "the file's name has 1 to 100 letters, digits, `.`, `_` or `-`, does not begin with a dot, and is not one of the hub's own",
            ));
        }
    }
    if let Some(syslog) = &settings.syslog {
        let is_host =
            (1..=255).contains(&syslog.host.len()) && syslog.host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:_".contains(&b));
        if !is_host || syslog.port == 0 {
            return Err(ApiError::validation("the syslog receiver is a host name or address and a port"));
        }
        constraint::authority(syslog.ca_pem.as_deref())?;
    }
    if let Some(webhook) = &settings.webhook {
        webhook.url.parse::<Url>().map_err(|e| ApiError::validation(e.to_string()))?;
        constraint::at_most(&webhook.url, "settings.webhook.url", 2048)?;
        constraint::authority(webhook.ca_pem.as_deref())?;
    }
    Ok(())
}

/// How far one receiver was served, and what is in the way.
#[derive(Clone, Debug)]
pub struct State {
    pub head_seq: i64,
    pub row_seq: i64,
    pub delivered_at: Option<Timestamp>,
    pub failures: i64,
    pub next_attempt_at: Timestamp,
    pub last_error: String,
    pub last_error_at: Option<Timestamp>,
}

pub fn settings(tx: &Tx<'_>) -> Result<Settings, StoreError> {
    sql::settings(tx)
}

/// A receiver that nothing was shipped to yet begins with the oldest row.
pub fn state(tx: &Tx<'_>, sink: Sink) -> Result<State, StoreError> {
    let start = audit::anchor(tx)?.seq;
    Ok(sql::state(tx, sink)?.unwrap_or(State {
        head_seq: start,
        row_seq: start,
        delivered_at: None,
        failures: 0,
        next_attempt_at: Timestamp::from_millis(0),
        last_error: String::new(),
        last_error_at: None,
    }))
}

/// Up to which row all receivers of rows were served; what is behind it must not be archived yet.
pub fn shipped(tx: &Tx<'_>) -> Result<i64, StoreError> {
    let settings = settings(tx)?;
    let mut shipped = i64::MAX;
    for sink in Sink::ALL {
        if settings.ship(sink) == Some(Ship::Rows) {
            shipped = shipped.min(state(tx, sink)?.row_seq);
        }
    }
    Ok(shipped)
}

/// Notes how an attempt went, unless the receiver was changed or switched off meanwhile.
pub fn note(tx: &Tx<'_>, sink: Sink, under: &Settings, state: &State) -> Result<(), StoreError> {
    if settings(tx)?.destination(sink) != under.destination(sink) {
        return Ok(());
    }
    sql::note(tx, sink, state)
}

mod sql {
    use super::*;

    pub fn settings(tx: &Tx<'_>) -> Result<Settings, StoreError> {
        let sql = "SELECT value FROM setting WHERE name = :name";
        let found: Option<Settings> = tx.row(sql, &[(":name", SETTING.into())], |row| row.json("value"))?;
        Ok(found.unwrap_or_default())
    }

    pub fn put(tx: &Tx<'_>, settings: &Settings) -> Result<Empty, StoreError> {
        let sql = "INSERT INTO setting (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        tx.execute(sql, &[(":name", SETTING.into()), (":value", Value::json(settings))])?;
        Ok(Empty {})
    }

    pub fn try_now(tx: &Tx<'_>) -> Result<(), StoreError> {
        tx.execute("UPDATE audit_delivery SET next_attempt_at = 0", &[]).map(|_| ())
    }

    pub fn forget(tx: &Tx<'_>, sink: Sink) -> Result<(), StoreError> {
        let params = [(":sink", sink.as_str().into())];
        tx.execute("DELETE FROM audit_delivery WHERE sink = :sink", &params).map(|_| ())
    }

    pub fn state(tx: &Tx<'_>, sink: Sink) -> Result<Option<State>, StoreError> {
        let sql = "SELECT head_seq, row_seq, delivered_at, failures, next_attempt_at, last_error, last_error_at
                   FROM audit_delivery WHERE sink = :sink";
        tx.row(sql, &[(":sink", sink.as_str().into())], |row: &Row<'_>| {
            Ok(State {
                head_seq: row.get("head_seq")?,
                row_seq: row.get("row_seq")?,
                delivered_at: row.get("delivered_at")?,
                failures: row.get("failures")?,
                next_attempt_at: row.get("next_attempt_at")?,
                last_error: row.get("last_error")?,
                last_error_at: row.get("last_error_at")?,
            })
        })
    }

    pub fn note(tx: &Tx<'_>, sink: Sink, state: &State) -> Result<(), StoreError> {
        let params = [
            (":sink", sink.as_str().into()),
            (":head_seq", state.head_seq.into()),
            (":row_seq", state.row_seq.into()),
            (":delivered_at", state.delivered_at.into()),
            (":failures", state.failures.into()),
            (":next_attempt_at", state.next_attempt_at.into()),
            (":last_error", (&state.last_error).into()),
            (":last_error_at", state.last_error_at.into()),
        ];
        let sql = "INSERT INTO audit_delivery (sink, head_seq, row_seq, delivered_at, failures, next_attempt_at, last_error, last_error_at)
                   VALUES (:sink, :head_seq, :row_seq, :delivered_at, :failures, :next_attempt_at, :last_error, :last_error_at)
                   ON CONFLICT (sink) DO UPDATE SET head_seq = excluded.head_seq, row_seq = excluded.row_seq,
                       delivered_at = excluded.delivered_at, failures = excluded.failures,
                       next_attempt_at = excluded.next_attempt_at, last_error = excluded.last_error, last_error_at = excluded.last_error_at";
        tx.execute(sql, &params).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings_of(json: serde_json::Value) -> Settings {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_cannot_be_a_receiver_is_refused() {
        for wrong in [
            serde_json::json!({"File": {"Name": "../x"}}),
            serde_json::json!({"File": {"Name": "head.json"}}),
            serde_json::json!({"File": {"Name": "segments"}}),
            serde_json::json!({"File": {"Name": ""}}),
            serde_json::json!({"File": {"Name": ".bashrc"}}),
            serde_json::json!({"Syslog": {"Protocol": "udp", "Host": "a b", "Port": 514}}),
            serde_json::json!({"Syslog": {"Protocol": "udp", "Host": "log", "Port": 0}}),
            serde_json::json!({"Syslog": {"Protocol": "tls", "Host": "log", "Port": 6514, "CaPem": "x"}}),
            serde_json::json!({"Webhook": {"Url": "http://hooks.example/"}}),
        ] {
            assert!(check(&settings_of(wrong.clone())).is_err(), "{wrong}");
        }
        for right in [
            serde_json::json!({}),
            serde_json::json!({"File": {"Name": "heads.jsonl", "Ship": "rows"}}),
            serde_json::json!({"Syslog": {"Protocol": "tcp", "Host": "log.example", "Port": 601}, "AllowedNetworks": ["10.0.0.0/8"]}),
            serde_json::json!({"Webhook": {"Url": "https://hooks.example/a"}}),
        ] {
            assert!(check(&settings_of(right.clone())).is_ok(), "{right}");
        }
    }
}
