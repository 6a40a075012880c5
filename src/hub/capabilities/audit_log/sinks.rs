//! The three receivers: a file that is appended to, a syslog receiver (RFC 5424), a webhook (HTTPS POST with a signature).

use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{HeaderName, Method};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::hub::api::Services;
use crate::hub::audit::heads::FOLDER;
use crate::hub::audit::offline::Line;
use crate::hub::capabilities::audit_log::delivery::{Batch, at};
use crate::hub::capabilities::audit_log::shipping::{Protocol, SECRET_CONTEXT, Settings, Sink, SyslogSink, WebhookSink};
use crate::platform::files::Directory;
use crate::platform::outgoing::{self, Allowed, Call, Url};

/// What a receiver may take for one number of lines.
const SEND_LIMIT: Duration = Duration::from_secs(30);
/// `HMAC-SHA256(secret, "TIME.BODY")`, and the time that was signed with it, so that a copy sent again can be told.
const SIGNATURE: HeaderName = HeaderName::from_static("x-roadstead-signature");
/// Facility 13 (log audit) with severity 6 (information) or 4 (warning).
const PRIORITY: u8 = 13 * 8 + 6;
const PRIORITY_DENIED: u8 = 13 * 8 + 4;
/// Longest line of a file that is looked at.
const MAX_LINE: u64 = 1024 * 1024;
/// What fits into one datagram on any network; a longer line is sent without its nodes.
const MAX_DATAGRAM: usize = 60_000;

/// Brings a number of lines to one receiver.
///
/// *Errors*: why not, in words for the operator.
pub async fn send(services: &Arc<Services>, settings: &Settings, sink: Sink, batch: &Batch) -> Result<(), String> {
    let allowed = &settings.allowed_networks;
    let sending = async {
        match sink {
            Sink::File => match &settings.file {
                Some(file) => append(services, &file.name, batch.clone()).await,
                None => Ok(()),
            },
            Sink::Syslog => match &settings.syslog {
                Some(syslog) => log(syslog, allowed, batch).await,
                None => Ok(()),
            },
            Sink::Webhook => match &settings.webhook {
                Some(webhook) => post(services, webhook, allowed, batch).await,
                None => Ok(()),
            },
        }
    };
    let sent = timeout(SEND_LIMIT, sending).await;
    sent.unwrap_or_else(|_| Err("the receiver took too long".into()))
}

/// Held while the file is written: a write that hangs (a mount that is away) outlasts its time limit and may still succeed.
#[derive(Default)]
struct Appending(Mutex<()>);

async fn append(services: &Services, name: &str, batch: Batch) -> Result<(), String> {
    let (folder, name) = (services.config.data.join(FOLDER), name.to_owned());
    let appending = services.state::<Appending>();
    let written = tokio::task::spawn_blocking(move || {
        let Ok(_alone) = appending.0.try_lock() else {
            return Err(io::Error::other("an earlier write to it has not ended yet"));
        };
        append_now(&folder, &name, &batch)
    })
    .await;
    let written = written.unwrap_or_else(|e| Err(io::Error::other(e)));
    written.map_err(|error| format!("the file cannot be written: {error}"))
}

/// The name was checked when it was set, so that it is one below the folder. What the file ends in already is left out: the
/// write before this one may have come to its end after nobody waited for it any more.
fn append_now(folder: &Path, name: &str, batch: &Batch) -> io::Result<()> {
    Directory::create_private(folder)?;
    let mut options = std::fs::OpenOptions::new();
    let no_links = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    let mut file = options
        .read(true)
        .create(true)
        .append(true)
        .mode(0o600)
        .custom_flags(no_links)
        .open(folder.join(name))?;
    let length = file.metadata()?.len();
    // A power cut may have left half a line; what follows must not become its other half.
    let mut end = *b"\n";
    if length > 0 {
        file.read_exact_at(&mut end, length - 1)?;
    }
    if end != *b"\n" {
        file.write_all(b"\n")?;
    }
    let text = batch.text_after(last_line(&file, length)?.as_ref());
    let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_data()) else {
        return Ok(());
    };
    // All of it is sent again: a full disk must not leave half a line and then the same lines anew.
    match file.set_len(length) {
        Ok(()) => Err(error),
        Err(kept) => Err(io::Error::other(format!(
            "{error}; what was written of it cannot be taken back: {kept}"
        ))),
    }
}

/// The last whole line of a file of ours, when it is one.
fn last_line(file: &std::fs::File, length: u64) -> io::Result<Option<Line>> {
    let from = length.saturating_sub(MAX_LINE);
    let mut tail = vec![0; (length - from) as usize];
    file.read_exact_at(&mut tail, from)?;
    let whole = tail.strip_suffix(b"\n").unwrap_or_default();
    let line = whole.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(serde_json::from_slice(line).ok())
}

async fn log(syslog: &SyslogSink, allowed: &Allowed, batch: &Batch) -> Result<(), String> {
    let SyslogSink { host, port, .. } = syslog;
    match syslog.protocol {
        Protocol::Udp => send_datagrams(host, *port, allowed, batch).await,
        Protocol::Tcp => {
            let stream = outgoing::connect(host, *port, allowed).await.map_err(|e| e.words())?;
            write_framed(stream, batch).await
        }
        Protocol::Tls => {
            let connecting = outgoing::connect_tls(host, *port, allowed, syslog.ca_pem.as_deref());
            let stream = connecting.await.map_err(|e| e.words())?;
            write_framed(stream, batch).await
        }
    }
}

async fn send_datagrams(host: &str, port: u16, allowed: &Allowed, batch: &Batch) -> Result<(), String> {
    let addresses = outgoing::addresses(host, port, allowed).await.map_err(|e| e.words())?;
    let address = addresses.first().ok_or("the receiver has no address")?;
    let own = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let failed = |error: io::Error| format!("{address} cannot be sent to: {error}");
    let socket = UdpSocket::bind(own).await.map_err(failed)?;
    socket.connect(address).await.map_err(failed)?;
    for line in &batch.lines {
        let mut message = syslog_message(line);
        if message.len() > MAX_DATAGRAM {
            message = syslog_message(&without_nodes(line));
        }
        socket.send(message.as_bytes()).await.map_err(failed)?;
    }
    Ok(())
}

/// Octet counting (RFC 6587, RFC 5425). The end of the stream is waited for: what the receiver's system has not taken then
/// is an error, though what it does with it afterwards nobody can say.
async fn write_framed(mut stream: impl AsyncWrite + Unpin, batch: &Batch) -> Result<(), String> {
    let mut frames = String::new();
    for line in &batch.lines {
        let message = syslog_message(line);
        frames.push_str(&format!("{} {message}", message.len()));
    }
    let written = async {
        stream.write_all(frames.as_bytes()).await?;
        stream.shutdown().await
    };
    written.await.map_err(|error: io::Error| format!("the connection broke: {error}"))
}

/// RFC 5424: the line itself is the message.
fn syslog_message(line: &Line) -> String {
    let is_denied = matches!(line, Line::Event(event) if event.outcome == "denied");
    let priority = if is_denied { PRIORITY_DENIED } else { PRIORITY };
    let kind = if matches!(line, Line::Event(_)) { "audit" } else { "audit-head" };
    let host = rustix::system::uname();
    let host: String = host
        .nodename()
        .to_string_lossy()
        .chars()
        .filter(char::is_ascii_graphic)
        .take(255)
        .collect();
    let host = if host.is_empty() { "-" } else { &host };
    let text = serde_json::to_string(line).expect("our own types serialise");
    format!("<{priority}>1 {} {host} roadstead {} {kind} - {text}", at(line), std::process::id())
}

fn without_nodes(line: &Line) -> Line {
    match line {
        Line::Event(event) => {
            let mut event = event.clone();
            event.node_ids.clear();
            Line::Event(event)
        }
        other => other.clone(),
    }
}

async fn post(services: &Services, webhook: &WebhookSink, allowed: &Allowed, batch: &Batch) -> Result<(), String> {
    let url = webhook.url.parse::<Url>().map_err(|e| e.words())?;
    let body = batch.text();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    if !webhook.sealed_secret.is_empty() {
        let secret = services.vault.open_sealed(SECRET_CONTEXT, &webhook.sealed_secret);
        let secret = secret.map_err(|_| "the webhook's secret cannot be opened: give it again".to_owned())?;
        let signature = outgoing::signature(&secret, services.now(), &body);
        headers.insert(SIGNATURE, HeaderValue::from_str(&signature).map_err(|e| e.to_string())?);
    }
    let call = Call {
        method: Method::POST,
        url: &url,
        headers,
        body: Bytes::from(body),
        allowed,
        root: webhook.ca_pem.as_deref(),
    };
    outgoing::deliver(call).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Secret, Timestamp};
    use crate::wire::audit::SignedHead;
    use crate::wire::warrant::Signer;

    #[test]
    fn a_syslog_message_has_the_fields_of_its_standard() {
        let head = SignedHead::sign(&Signer::new(&[1; 32]), 7, &[2; 32], Timestamp::from_millis(1_700_000_000_123));
        let message = syslog_message(&Line::Head { head });
        let fields: Vec<&str> = message.splitn(8, ' ').collect();
        assert_eq!((fields[0], fields[1]), ("<110>1", "2023-11-14T22:13:20.123Z"));
        assert_eq!((fields[3], fields[5], fields[6]), ("roadstead", "audit-head", "-"));
        assert!(serde_json::from_str::<serde_json::Value>(fields[7]).unwrap()["Head"]["Seq"] == 7);
    }

    #[test]
    fn a_signature_is_made_with_the_secret_over_time_and_body() {
        let signed = outgoing::signature(
            &Secret::new(b"0123456789abcdef".to_vec()),
            Timestamp::from_millis(1_700_000_000_000),
            "{}\n",
        );
        // printf '1700000000.{}\n' | openssl dgst -sha256 -hmac 0123456789abcdef
        assert_eq!(signed.split(',').next(), Some("t=1700000000"));
        assert_eq!(signed.split("v1=").nth(1).unwrap().len(), 64);
        let other = outgoing::signature(
            &Secret::new(b"0123456789abcdeg".to_vec()),
            Timestamp::from_millis(1_700_000_000_000),
            "{}\n",
        );
        assert_ne!(signed, other);
    }

    #[test]
    fn a_file_is_appended_to_and_a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("audit");
        let line = |seq| Line::Head {
            head: SignedHead::sign(&Signer::new(&[1; 32]), seq, &[2; 32], Timestamp::from_millis(seq)),
        };
        let batch = |seqs: &[i64]| Batch::of(seqs.iter().map(|seq| line(*seq)).collect());
        let text = |seqs: &[i64]| batch(seqs).text();
        let file = folder.join("log");
        append_now(&folder, "log", &batch(&[1, 2])).unwrap();
        append_now(&folder, "log", &batch(&[3])).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text(&[1, 2, 3]));
        // The write was done, and nobody heard of it: what is there already is not written again.
        append_now(&folder, "log", &batch(&[2, 3, 4])).unwrap();
        append_now(&folder, "log", &batch(&[3, 4])).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text(&[1, 2, 3, 4]));
        let half = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
        (&half).write_all(b"half a li").unwrap();
        append_now(&folder, "log", &batch(&[5])).unwrap();
        let expected = format!("{}half a li\n{}", text(&[1, 2, 3, 4]), text(&[5]));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
        std::os::unix::fs::symlink("/dev/null", folder.join("link")).unwrap();
        assert!(append_now(&folder, "link", &batch(&[1])).is_err());
    }
}
