//! What strangers may take, and how the port ends.

use std::time::Duration;

use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Http1, Http2, Seen, TestPort, open_socket, soon, until_closed};
use crate::hub::front::Limits;

const SHORT: Duration = Duration::from_secs(2);

fn post() -> http::request::Builder {
    Request::post("/").header("host", "localhost")
}

#[tokio::test]
async fn a_header_that_does_not_end_is_cut_off() {
    let port = TestPort::start(Limits {
        header: SHORT,
        ..Limits::default()
    })
    .await;
    let mut first = port.connect().await;
    first
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        .await
        .unwrap();
    assert_eq!(until_closed(&mut first).await, "");

    let mut second = port.connect().await;
    second.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 4096];
    let read = soon("an answer", second.read(&mut answer)).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
    second.write_all(b"GET /").await.unwrap();
    assert_eq!(until_closed(&mut second).await, "");
}

#[tokio::test]
async fn half_requests_by_the_hundred_leave_the_port_well() {
    let port = TestPort::start(Limits::default()).await;
    let mut flood = Vec::new();
    for _ in 0..300 {
        let mut stream = port.connect().await;
        stream
            .write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx")
            .await
            .unwrap();
        flood.push(stream);
    }
    for _ in 0..50 {
        assert!(port.is_well().await);
    }
}

#[tokio::test]
async fn a_silent_http2_client_is_cut_off() {
    let port = TestPort::start(Limits {
        header: SHORT,
        ..Limits::default()
    })
    .await;
    let mut stream = port.connect_tls(&["h2"]).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    until_closed(&mut stream).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_by_both_protocols() {
    let port = TestPort::start(Limits {
        header: SHORT,
        idle: SHORT,
        ..Limits::default()
    })
    .await;
    let mut stream = port.connect().await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert!(until_closed(&mut stream).await.ends_with("ok\n"));

    let mut client = Http2::over(port.connect_tls(&["h2"]).await.unwrap()).await;
    let get = Request::get("https://localhost/healthz");
    assert_eq!(client.send(get, "").await.unwrap().status(), StatusCode::OK);
    client.closed().await;
}

#[tokio::test]
async fn a_body_that_drips_is_answered_408() {
    let port = TestPort::start(Limits {
        body: SHORT,
        ..Limits::default()
    })
    .await;
    let mut stream = port.connect().await;
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc")
        .await
        .unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("RequestTimeoutException"));
}

#[tokio::test]
async fn a_body_that_is_too_long_is_answered_413_announced_or_not() {
    let port = TestPort::start(Limits {
        body_bytes: 1000,
        ..Limits::default()
    })
    .await;
    assert_eq!(port.send(post(), vec![b'a'; 1000]).await.status(), StatusCode::OK);
    let refused = port.send(post(), vec![b'a'; 1001]).await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(std::str::from_utf8(refused.body()).unwrap().contains("longer than 1000 bytes"));
    assert!(refused.headers().contains_key("x-amzn-requestid"));

    let mut stream = port.connect().await;
    let mut chunked = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..3 {
        chunked.extend_from_slice(b"190\r\n");
        chunked.extend_from_slice(&[b'a'; 400]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    stream.write_all(&chunked).await.unwrap();
    assert!(until_closed(&mut stream).await.starts_with("HTTP/1.1 413"));

    let mut client = Http2::over(port.connect_tls(&["h2"]).await.unwrap()).await;
    let refused = client.send(Request::post("https://localhost/"), vec![b'a'; 1001]).await.unwrap();
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn bodies_share_a_budget_and_it_comes_back() {
    let port = TestPort::start(Limits {
        body_budget: 100,
        body_budget_wait: SHORT,
        ..Limits::default()
    })
    .await;
    let refused = port.send(post(), vec![b'a'; 101]).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    for _ in 0..5 {
        assert_eq!(port.send(post(), vec![b'a'; 100]).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_header_that_is_too_long_is_refused_by_both_protocols() {
    let port = TestPort::start(Limits::default()).await;
    let long = "a".repeat(40 * 1024);
    let refused = port
        .send(Request::get("/healthz").header("host", "localhost").header("x-long", &long), "")
        .await;
    assert_eq!(refused.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let mut many = Request::get("/healthz").header("host", "localhost");
    for n in 0..200 {
        many = many.header(format!("x-{n}"), "a");
    }
    assert_eq!(port.send(many, "").await.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);

    let mut client = Http2::over(port.connect_tls(&["h2"]).await.unwrap()).await;
    let refused = client
        .send(Request::get("https://localhost/healthz").header("x-long", &long), "")
        .await;
    let is_refused = refused.is_err() || refused.is_ok_and(|r| r.status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert!(is_refused);
    assert!(port.is_well().await);
}

#[tokio::test]
async fn a_panic_is_a_500_of_one_request() {
    let port = TestPort::start(Limits::default()).await;
    let mut client = Http1::over(port.connect().await).await;
    let crashed = client.send(post().header("x-wish", "panic"), "").await.unwrap();
    assert_eq!(crashed.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(std::str::from_utf8(crashed.body()).unwrap().contains("InternalServerError"));
    assert_eq!(client.send(post(), "").await.unwrap().status(), StatusCode::OK);
}

/// One place for strangers, and one that waits a moment for it.
fn narrow() -> Limits {
    Limits {
        unauthenticated_from_loopback: 1,
        queue_per_address: 1,
        queue_wait: SHORT,
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_full_address_waits_its_turn_and_is_turned_away() {
    let port = TestPort::start(narrow()).await;
    let mut holder = Http1::over(port.connect().await).await;
    assert!(holder.send(post(), "").await.is_ok());
    assert_eq!(until_closed(&mut port.connect().await).await, "");
    let mut waiting = port.connect().await;
    waiting
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    drop(holder);
    assert!(until_closed(&mut waiting).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn who_is_known_makes_room_for_the_next() {
    let mut port = TestPort::start(narrow()).await;
    let mut agent = port.connect_tls(&["roadstead/1"]).await.unwrap();
    let Seen::Agent(permit) = port.next().await else {
        panic!("no agent")
    };
    assert_eq!(until_closed(&mut port.connect().await).await, "");
    permit.admitted();

    let mut console = Http1::over(port.connect().await).await;
    let known = console.send(post().header("x-wish", "authenticated"), "").await.unwrap();
    assert_eq!(known.status(), StatusCode::OK);

    let signed = [
        ("authorization", "AWS4…".to_owned()),
        ("sec-websocket-protocol", "roadstead.live.v1".to_owned()),
    ];
    let _live = open_socket(&port, "/live", &signed).await.unwrap();
    assert!(port.is_well().await);
    agent.write_all(b"x").await.unwrap();
}

#[tokio::test]
async fn a_stopping_port_finishes_what_it_began() {
    let mut port = TestPort::start(Limits::default()).await;
    let mut client = Http1::over(port.connect().await).await;
    let asked = tokio::spawn(async move { client.send(post().header("x-wish", "hold"), "").await });
    assert!(matches!(port.next().await, Seen::CallHeld));
    let mut idle = Http1::over(port.connect().await).await;
    assert!(idle.send(post(), "").await.is_ok());

    port.shutdown.cancel();
    port.routes.release.notify_one();
    assert_eq!(asked.await.unwrap().unwrap().status(), StatusCode::OK);
    port.stopped().await;
    assert!(idle.send(post(), "").await.is_err());
    assert!(tokio::net::TcpStream::connect(port.address).await.is_err());
}

#[tokio::test]
async fn a_draining_port_tells_of_its_health_and_sends_all_else_away() {
    let mut port = TestPort::start(Limits::default()).await;
    let mut client = Http1::over(port.connect().await).await;
    let asked = tokio::spawn(async move { client.send(post().header("x-wish", "hold"), "").await });
    assert!(matches!(port.next().await, Seen::CallHeld));

    port.shutdown.cancel();
    assert_eq!(port.get("/readyz").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(port.get("/healthz").await.status(), StatusCode::OK);
    let mut multiplexed = Http2::over(port.connect_tls(&["h2"]).await.unwrap()).await;
    let ready = multiplexed.send(Request::get("https://localhost/readyz"), "").await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    for other in [post(), Request::get("/ca.pem").header("host", "localhost")] {
        let refused = port.send(other, "").await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["connection"], "close");
    }
    let mut agent = port.connect_tls(&["roadstead/1"]).await.unwrap();
    assert!(matches!(soon("the agent's dismissal", agent.read(&mut [0])).await, Ok(0) | Err(_)));

    // Those that are kept open for nothing are not waited for.
    let _silent = port.connect().await;
    port.routes.release.notify_one();
    assert_eq!(asked.await.unwrap().unwrap().status(), StatusCode::OK);
    port.stopped().await;
    assert!(tokio::net::TcpStream::connect(port.address).await.is_err());
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut() {
    let mut port = TestPort::start(Limits {
        drain: SHORT,
        ..Limits::default()
    })
    .await;
    let mut client = Http1::over(port.connect().await).await;
    let asked = tokio::spawn(async move { client.send(post().header("x-wish", "hold"), "").await });
    assert!(matches!(port.next().await, Seen::CallHeld));
    port.shutdown.cancel();
    port.stopped().await;
    assert!(asked.await.unwrap().is_err());
}
