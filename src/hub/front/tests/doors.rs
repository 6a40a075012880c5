//! Which first bytes lead where.

use std::time::Duration;

use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Http1, Http2, Seen, TestPort, soon, until_closed};
use crate::hub::front::http::{Caller, Entry};
use crate::hub::front::{Limits, Peer, http as connection};

fn hasty() -> Limits {
    Limits {
        first_byte: Duration::from_secs(2),
        handshake: Duration::from_secs(2),
        ..Limits::default()
    }
}

#[tokio::test]
async fn an_agent_is_known_by_its_protocol_even_beside_others() {
    let mut port = TestPort::start(Limits::default()).await;
    for alpn in [&["roadstead/1"][..], &["h2", "roadstead/1"]] {
        let mut agent = port.connect_tls(alpn).await.unwrap();
        let mut hello = [0; 11];
        soon("the door's hello", agent.read_exact(&mut hello)).await.unwrap();
        assert_eq!(&hello, b"hello agent");
        assert_eq!(agent.get_ref().1.alpn_protocol(), Some(&b"roadstead/1"[..]));
        assert!(matches!(port.next().await, Seen::Agent(_)));
    }
}

#[tokio::test]
async fn a_web_client_gets_the_protocol_it_offers() {
    let port = TestPort::start(Limits::default()).await;
    let ask = || Request::post("https://localhost/").header("host", "localhost");
    for alpn in [&[][..], &["http/1.1"], &["http/1.1", "http/1.0"]] {
        let mut client = Http1::over(port.connect_tls(alpn).await.unwrap()).await;
        assert_eq!(client.send(ask(), "four").await.unwrap().body(), "4 localhost true true");
    }
    for alpn in [&["h2"][..], &["h2", "http/1.1"]] {
        let mut client = Http2::over(port.connect_tls(alpn).await.unwrap()).await;
        let response = client.send(Request::post("https://hub.lan:7400/"), "four").await.unwrap();
        assert_eq!(response.body(), "4 hub.lan:7400 true true");
    }
}

#[tokio::test]
async fn an_unknown_application_protocol_is_refused_in_the_handshake() {
    let port = TestPort::start(Limits::default()).await;
    let refused = port.connect_tls(&["smtp"]).await.unwrap_err();
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
}

#[tokio::test]
async fn plain_http_is_served_to_loopback() {
    let port = TestPort::start(Limits::default()).await;
    let response = port.send(Request::post("/").header("host", "localhost:7400"), "abc").await;
    assert_eq!(response.body(), "3 localhost:7400 false true");
}

#[tokio::test]
async fn plain_http_from_elsewhere_is_sent_to_tls() {
    let port = TestPort::start(Limits::default()).await;
    let location = async |host: &'static str, path: &'static str| {
        let (theirs, ours) = tokio::io::duplex(4096);
        let place = port.front.gate.place().await;
        let address = "192.0.2.9:4000".parse().unwrap();
        let permit = port.front.gate.enter("192.0.2.9".parse().unwrap(), place).await.unwrap();
        let peer = Peer {
            address,
            tls: false,
            loopback: false,
        };
        let caller = Caller::new(peer, permit, Entry::SentToTls);
        tokio::spawn(connection::serve(port.front.clone(), ours, caller, false));
        let mut client = Http1::over(theirs).await;
        client.send(Request::post(path).header("host", host), "secret").await.unwrap()
    };
    let response = location("hub.lan:7400", "/nodes?filter=a%20b").await;
    assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(response.headers()["location"], "https://hub.lan:7400/nodes?filter=a%20b");
    assert_eq!(location("a host", "/").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_ssh_client_is_told_where_to_go() {
    let port = TestPort::start(Limits::default()).await;
    let mut stream = port.connect().await;
    stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.unwrap();
    assert!(until_closed(&mut stream).await.contains("roadstead ssh"));
}

#[tokio::test]
async fn a_silent_client_is_closed_without_a_word() {
    let port = TestPort::start(hasty()).await;
    assert_eq!(until_closed(&mut port.connect().await).await, "");
}

#[tokio::test]
async fn half_a_handshake_is_closed() {
    let port = TestPort::start(hasty()).await;
    let mut stream = port.connect().await;
    // A record that announces 512 bytes of handshake and brings 4.
    stream.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 252]).await.unwrap();
    until_closed(&mut stream).await;
    assert!(port.is_well().await);
}

#[tokio::test]
async fn garbage_is_closed_and_harms_nobody() {
    let port = TestPort::start(hasty()).await;
    for seed in 0..64u64 {
        let mut stream = port.connect().await;
        let _ = stream.write_all(&noise(seed)).await;
        until_closed(&mut stream).await;
    }
    assert!(port.is_well().await);
}

/// Bytes that look like each protocol at first and like nothing afterwards; the same for the same seed.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes: Vec<u8> = (0..700)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect();
    match seed % 4 {
        0 => bytes[..5].copy_from_slice(&[0x16, 3, 1, 2, 0]),
        1 => bytes[..4].copy_from_slice(b"GET "),
        2 => bytes[..24].copy_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        _ => {}
    }
    bytes
}
