//! Agents that break the protocol, and handlers that break.

use bytes::Bytes;
use roadstead::hub::link::{Gone, LinkLimits};
use roadstead::wire::control::ToHub;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::*;

async fn ended_by(bytes: &'static [u8]) -> Gone {
    let mut hub = TestHub::start(patient()).await;
    know(&hub, 1);
    let mut agent = RawAgent::admitted(hub.address, 1, "boot").await;
    hub.connected().await;
    agent.say_bytes(Bytes::from_static(bytes));
    assert!(agent.hear().await.is_none());
    hub.gone().await
}

#[tokio::test]
async fn a_frame_that_is_no_message_ends_the_connection() {
    assert!(matches!(ended_by(b"\0\0\0\x04null").await, Gone::ProtocolError(_)));
    assert!(matches!(ended_by(b"\0\0\0\x0e{\"Nonsense\":1}").await, Gone::ProtocolError(_)));
}

#[tokio::test]
async fn a_frame_over_the_limit_ends_the_connection_before_it_is_read() {
    match ended_by(b"\xff\xff\xff\xff").await {
        Gone::ProtocolError(why) => assert!(why.contains("limit"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_second_hello_ends_the_connection() {
    let mut hub = TestHub::start(patient()).await;
    know(&hub, 1);
    let mut agent = RawAgent::admitted(hub.address, 1, "boot").await;
    hub.connected().await;
    agent.say(&hello("boot"));
    assert!(agent.hear().await.is_none());
    assert!(matches!(hub.gone().await, Gone::ProtocolError(_)));
}

#[tokio::test]
async fn a_report_before_the_hello_is_not_heard() {
    let mut hub = TestHub::start(patient()).await;
    know(&hub, 1);
    let mut agent = RawAgent::connect(hub.address, 1).await;
    agent.say(&rejected("let me in"));
    assert!(agent.hear().await.is_none());
    assert!(hub.events.try_recv().is_err());
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let hub = TestHub::start(LinkLimits {
        first_frame: ms(150),
        ..patient()
    })
    .await;
    let mut mute_in_http = RawAgent::connect(hub.address, 1).await;
    assert!(mute_in_http.hear().await.is_none());
    let mut mute_in_tls = tls_to(hub.address, 2).await;
    let mut preface = Vec::new();
    let _ = soon(mute_in_tls.read_to_end(&mut preface)).await;
    hub.tasks.close();
    soon(hub.tasks.wait()).await;
}

#[tokio::test]
async fn garbage_instead_of_http_is_closed() {
    let hub = TestHub::start(patient()).await;
    for garbage in [vec![0u8; 64], vec![0xff; 4096], b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        let mut tls = tls_to(hub.address, 1).await;
        tls.write_all(&garbage).await.unwrap();
        let _ = soon(tls.read_to_end(&mut Vec::new())).await;
    }
    hub.tasks.close();
    soon(hub.tasks.wait()).await;
}

#[tokio::test]
async fn a_panic_in_one_frames_handler_costs_that_frame_only() {
    let mut hub = TestHub::start(patient()).await;
    know(&hub, 1);
    let mut agent = RawAgent::admitted(hub.address, 1, "boot").await;
    hub.connected().await;
    agent.say(&rejected("panic"));
    agent.say(&rejected("fine"));
    let _living = agent.live();
    match hub.frame().await {
        ToHub::Rejected { message, .. } => assert_eq!(message, "fine"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_panic_during_admission_costs_that_connection_only() {
    let mut hub = TestHub::start(patient()).await;
    know(&hub, 1);
    let _living = RawAgent::admitted(hub.address, 1, "boot").await.live();
    let node = hub.connected().await;
    let data = tempfile::tempdir().unwrap();
    let _panicking = TestAgent::start(data.path(), Some(hub.token("panic")));
    let other = tempfile::tempdir().unwrap();
    let _fine = TestAgent::start(other.path(), Some(hub.token("good")));
    assert_ne!(hub.connected().await, node);
    assert!(hub.link.is_connected(&node));
}

#[tokio::test]
async fn only_so_many_frames_of_an_agent_are_handled_at_once() {
    let mut hub = TestHub::start(LinkLimits {
        frames_per_agent: 4,
        ..patient()
    })
    .await;
    know(&hub, 1);
    let mut agent = RawAgent::admitted(hub.address, 1, "boot").await;
    hub.connected().await;
    for _ in 0..20 {
        agent.say(&rejected("hold"));
    }
    let _living = agent.live();
    let mut handled = 0;
    while handled < 20 {
        hub.inbox.released.notify_one();
        match tokio::time::timeout(ms(20), hub.events.recv()).await {
            Ok(Some(Event::Frame(..))) => handled += 1,
            Ok(other) => panic!("{other:?}"),
            Err(_) => {}
        }
        assert!(hub.inbox.holding.load(Ordering::SeqCst) <= handled + 4);
    }
}
