//! WebSockets: who may open one, and how it ends.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::{Request, StatusCode};
use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::Message;

use super::support::{Http2, Seen, TestPort, open_socket, soon, until_closed};
use crate::hub::front::Limits;

const LIVE: &str = "roadstead.live.v1";
const STREAM: &str = "roadstead.session.v1";

/// Headers, and how `/live` and `/stream` answer them.
type Case<'a> = (&'a [(&'static str, &'a str)], StatusCode, StatusCode);

/// Opens `path` with these headers and says how it went.
async fn judge(port: &TestPort, path: &str, protocol: &str, headers: &[(&'static str, &str)]) -> StatusCode {
    let mut all = vec![("sec-websocket-protocol", protocol.to_owned())];
    all.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
    match open_socket(port, path, &all).await {
        Ok(_) => StatusCode::SWITCHING_PROTOCOLS,
        Err(status) => status,
    }
}

#[tokio::test]
async fn only_the_hubs_own_pages_and_programs_with_a_credential_open_sockets() {
    let port = TestPort::start(Limits::default()).await;
    let own = format!("http://{}", port.address);
    let other_scheme = format!("https://{}", port.address);
    let yes = StatusCode::SWITCHING_PROTOCOLS;
    let no = StatusCode::FORBIDDEN;
    let cases: &[Case<'_>] = &[
        (&[("origin", &own), ("cookie", "roadstead_session=x")], yes, yes),
        (&[("origin", &own)], yes, yes),
        (&[("origin", &other_scheme), ("cookie", "roadstead_session=x")], no, no),
        (&[("origin", "http://evil.example"), ("cookie", "roadstead_session=x")], no, no),
        (&[("origin", "http://evil.example"), ("authorization", "AWS4")], no, no),
        (&[("origin", "null"), ("cookie", "roadstead_session=x")], no, no),
        (&[("origin", "null")], no, no),
        (&[("cookie", "roadstead_session=x")], no, no),
        (&[("cookie", "roadstead_session=x"), ("authorization", "AWS4")], no, no),
        (&[("authorization", "AWS4")], yes, yes),
        (&[], no, yes),
    ];
    for (headers, live, stream) in cases {
        assert_eq!(judge(&port, "/live", LIVE, headers).await, *live, "/live {headers:?}");
        assert_eq!(judge(&port, "/stream/abc", STREAM, headers).await, *stream, "/stream {headers:?}");
    }
}

#[tokio::test]
async fn the_subprotocol_is_required_and_the_api_may_refuse() {
    let port = TestPort::start(Limits::default()).await;
    assert_eq!(judge(&port, "/stream/abc", LIVE, &[]).await, StatusCode::BAD_REQUEST);
    assert_eq!(
        judge(&port, "/stream/abc", "other, roadstead.session.v1", &[]).await,
        StatusCode::SWITCHING_PROTOCOLS
    );
    assert_eq!(
        judge(&port, "/live", LIVE, &[("authorization", "wrong")]).await,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_request_without_an_upgrade_is_told_so() {
    let port = TestPort::start(Limits::default()).await;
    let response = port.get("/live").await;
    assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
    assert_eq!(response.headers()["sec-websocket-version"], "13");
    let mut client = Http2::over(port.connect_tls(&["h2"]).await.unwrap()).await;
    let response = client.send(Request::get("https://localhost/live"), "").await.unwrap();
    assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
}

async fn stream(port: &TestPort) -> super::support::WebSocket {
    open_socket(port, "/stream/abc", &[("sec-websocket-protocol", STREAM.to_owned())])
        .await
        .unwrap()
}

#[tokio::test]
async fn messages_flow_both_ways_and_a_goodbye_is_answered() {
    let mut port = TestPort::start(Limits::default()).await;
    let mut socket = stream(&port).await;
    assert!(matches!(port.next().await, Seen::Socket));
    for message in [Message::text("漢字"), Message::binary(vec![7; 64 * 1024])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(soon("an echo", socket.next()).await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    assert!(matches!(port.next().await, Seen::SocketEnded));
}

#[tokio::test]
async fn a_stream_leaves_the_strangers_once_its_token_is_accepted() {
    let mut port = TestPort::start(Limits {
        unauthenticated_from_loopback: 1,
        ..Limits::default()
    })
    .await;
    let mut socket = stream(&port).await;
    assert!(matches!(port.next().await, Seen::Socket));
    let known = Message::text("I am known");
    socket.send(known.clone()).await.unwrap();
    assert_eq!(soon("an echo", socket.next()).await.unwrap().unwrap(), known);
    assert!(port.is_well().await);
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_socket() {
    let mut port = TestPort::start(Limits::default()).await;
    let mut socket = stream(&port).await;
    assert!(matches!(port.next().await, Seen::Socket));
    let _ = socket.send(Message::binary(vec![0; 200 * 1024])).await;
    assert!(matches!(port.next().await, Seen::SocketEnded));
    assert!(port.is_well().await);
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_given_up_and_one_that_does_stays() {
    let mut port = TestPort::start(Limits {
        websocket_ping: Duration::from_millis(500),
        ..Limits::default()
    })
    .await;
    let dead = stream(&port).await;
    assert!(matches!(port.next().await, Seen::Socket));
    // Its bytes arrive, but nobody reads and answers them.
    let mut dead = dead.into_inner();
    assert!(matches!(port.next().await, Seen::SocketEnded));
    until_closed(&mut dead).await;

    let mut alive = stream(&port).await;
    assert!(matches!(port.next().await, Seen::Socket));
    let mut pings = 0;
    while pings < 3 {
        if soon("a ping", alive.next()).await.unwrap().unwrap().is_ping() {
            pings += 1;
        }
    }
    alive.send(Message::text("still here")).await.unwrap();
    loop {
        let message = soon("an echo", alive.next()).await.unwrap().unwrap();
        if message.is_text() {
            break;
        }
    }
}

#[tokio::test]
async fn a_stopping_port_says_goodbye_to_its_sockets() {
    let mut port = TestPort::start(Limits::default()).await;
    let mut socket = stream(&port).await;
    assert!(matches!(port.next().await, Seen::Socket));
    port.shutdown.cancel();
    let Some(Ok(Message::Close(Some(goodbye)))) = soon("a goodbye", socket.next()).await else {
        panic!("no goodbye")
    };
    assert_eq!(u16::from(goodbye.code), 1012);
    drop(socket);
    port.stopped().await;
}

#[tokio::test]
async fn bytes_that_are_no_frames_end_the_socket() {
    let mut port = TestPort::start(Limits::default()).await;
    let socket = stream(&port).await;
    assert!(matches!(port.next().await, Seen::Socket));
    let mut raw = socket.into_inner();
    tokio::io::AsyncWriteExt::write_all(&mut raw, &[0xff; 64]).await.unwrap();
    assert!(matches!(port.next().await, Seen::SocketEnded));
    let _ = raw.read(&mut [0; 64]).await;
    assert!(port.is_well().await);
}
