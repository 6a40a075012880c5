//! Lines that break, fall silent, or are closed on purpose.

use std::time::Instant;

use roadstead::hub::link::{Gone, LinkLimits, NotSent};
use roadstead::platform::http2::KeepAlive;
use roadstead::platform::tls::hub_server_config;
use roadstead::wire::control::{ToAgent, ToHub, Welcome};
use tempfile::tempdir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::support::*;

#[tokio::test]
async fn an_agent_comes_back_when_the_hub_does() {
    let mut hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let agent = TestAgent::start(data.path(), Some(hub.token("good")));
    let node = hub.connected().await;
    for round in 2..5 {
        let (address, nodes) = hub.kill().await;
        hub = TestHub::start_at(address, patient(), nodes).await;
        assert_eq!(hub.connected().await, node);
        agent.say.send(rejected("still here")).await.unwrap();
        assert!(matches!(hub.frame().await, ToHub::Rejected { .. }));
        agent.welcomed(round).await;
    }
}

#[tokio::test]
async fn the_more_agents_there_are_the_longer_they_take_to_come_back() {
    let mut hub = TestHub::start(patient()).await;
    let mut there = Vec::new();
    for seed in 1..=3 {
        know(&hub, seed);
        let mut agent = RawAgent::connect(hub.address, seed).await;
        agent.say(&hello("boot"));
        let heard = agent.hear().await;
        let Some(ToAgent::Welcome(welcome)) = heard else {
            panic!("expected a welcome, got {heard:?}")
        };
        assert_eq!(welcome.return_within_ms, there.len() as u32);
        hub.connected().await;
        there.push(agent);
    }
}

#[tokio::test]
async fn a_hub_that_stops_tells_the_inbox_and_admits_nobody_more() {
    let mut hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let _agent = TestAgent::start(data.path(), Some(hub.token("good")));
    hub.connected().await;
    soon(hub.link.close()).await;
    assert_eq!(hub.gone().await, Gone::HubStopping);
    assert_eq!(hub.link.connected(), 0);
    know(&hub, 1);
    let mut late = RawAgent::connect(hub.address, 1).await;
    late.say(&hello("boot"));
    assert!(matches!(late.hear().await, Some(ToAgent::Refused { .. })));
}

#[tokio::test]
async fn a_silent_agent_is_gone_after_the_keep_alive() {
    let mut hub = TestHub::start(limits()).await;
    let node = know(&hub, 1);
    let start = Instant::now();
    let _frozen = RawAgent::admitted(hub.address, 1, "boot").await;
    hub.connected().await;
    assert_eq!(hub.gone().await, Gone::TimedOut);
    assert!(start.elapsed() >= ms(400), "{:?}", start.elapsed());
    assert!(!hub.link.is_connected(&node));
}

#[tokio::test]
async fn an_idle_agent_that_answers_stays() {
    let keep_alive = KeepAlive {
        idle: ms(100),
        timeout: ms(1000),
    };
    let mut hub = TestHub::start(LinkLimits { keep_alive, ..patient() }).await;
    let node = know(&hub, 1);
    let alive = RawAgent::admitted(hub.address, 1, "boot").await.live();
    hub.connected().await;
    // Silence for longer than a keep-alive takes is the behaviour under test, not a way to wait for something.
    assert!(tokio::time::timeout(ms(2500), hub.events.recv()).await.is_err());
    assert!(hub.link.is_connected(&node) && !alive.is_finished());
}

#[tokio::test]
async fn an_agent_notices_a_dead_hub_and_calls_again() {
    // A hub that goes through the handshakes and is then never heard again.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (report, mut calls) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(hub_server_config(&HUB_SEED));
        let mut frozen = Vec::new();
        while let Ok((tcp, _)) = listener.accept().await {
            frozen.push(welcome_and_freeze(acceptor.accept(tcp).await.unwrap()).await);
            report.send(()).unwrap();
        }
    });
    let hub = TestHub::start(patient()).await;
    let mut token = hub.token("good");
    token.addresses = vec![address.to_string()];
    let data = tempdir().unwrap();
    let timing = roadstead::agent::home::Timing {
        keep_alive: KeepAlive {
            idle: ms(100),
            timeout: ms(100),
        },
        ..quick()
    };
    let agent = TestAgent::start_with(
        data.path(),
        Some(token),
        timing,
        Box::new(|_| None),
        Box::new(|_, _| Box::pin(async {})),
    );
    for _ in 0..3 {
        soon(calls.recv()).await.unwrap();
    }
    assert!(!agent.end.is_finished());
}

type Frozen = Box<dyn std::any::Any + Send>;

async fn welcome_and_freeze(tls: tokio_rustls::server::TlsStream<tokio::net::TcpStream>) -> Frozen {
    let (requests, mut connection) = h2::client::handshake(tls).await.unwrap();
    let welcoming = async {
        let request = http::Request::post("https://agent/control").body(()).unwrap();
        let (response, mut sink) = requests.ready().await.unwrap().send_request(request, false).unwrap();
        let mut body = response.await.unwrap().into_body();
        body.data().await.unwrap().unwrap();
        let node = "mi-0123456789abcdef0".parse().unwrap();
        let welcome = ToAgent::Welcome(Welcome {
            version: 1,
            node,
            now_ms: 0,
            return_within_ms: 0,
        });
        sink.send_data(roadstead::wire::frame::encode(&welcome).unwrap(), false).unwrap();
        (sink, body)
    };
    let kept = tokio::select! { kept = welcoming => kept, _ = &mut connection => panic!("the agent hung up") };
    // One more poll puts the welcome on the wire.
    let _ = futures_util::poll!(&mut connection);
    Box::new((kept, connection))
}

#[tokio::test]
async fn an_agent_that_reads_nothing_fills_its_queue_and_nothing_else() {
    let mut hub = TestHub::start(patient()).await;
    let node = know(&hub, 1);
    let other = know(&hub, 2);
    let _deaf = RawAgent::admitted(hub.address, 1, "boot").await;
    let mut fine = RawAgent::admitted(hub.address, 2, "boot").await;
    hub.connected().await;
    hub.connected().await;
    let filled = async {
        loop {
            match hub.link.send(&node, &cancel()) {
                Ok(()) => tokio::task::yield_now().await,
                Err(full) => return full,
            }
        }
    };
    assert_eq!(soon(filled).await, NotSent::Full);
    hub.link.send(&other, &cancel()).unwrap();
    assert!(matches!(fine.hear().await, Some(ToAgent::Cancel { .. })));
}

#[tokio::test]
async fn a_thousand_half_open_connections_leave_nothing_behind() {
    let mut hub = TestHub::start(limits()).await;
    let before = open_descriptors();
    for round in 0..10u8 {
        let place = format!("boot-{round}");
        (0..100).for_each(|seed| drop(know(&hub, seed)));
        let frozen = (0..100).map(|seed| RawAgent::admitted(hub.address, seed, &place));
        let frozen = futures_util::future::join_all(frozen).await;
        let mut ends = 0;
        while ends < frozen.len() {
            match hub.event().await {
                Event::Gone(why) => {
                    assert_eq!(why, Gone::TimedOut);
                    ends += 1;
                }
                Event::Connected(..) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    hub.tasks.close();
    soon(hub.tasks.wait()).await;
    assert_eq!(hub.link.connected(), 0);
    assert!(open_descriptors() <= before + 8, "{before} → {}", open_descriptors());
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test]
async fn the_port_hears_when_an_agent_is_let_in() {
    let mut hub = TestHub::start(patient()).await;
    know(&hub, 1);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (admitted, heard) = tokio::sync::oneshot::channel();
    let link = hub.link.clone();
    tokio::spawn(async move {
        let (tcp, peer) = listener.accept().await.unwrap();
        let tls = TlsAcceptor::from(hub_server_config(&HUB_SEED)).accept(tcp).await.unwrap();
        link.serve_noting(tls, peer, Box::new(move || admitted.send(()).unwrap())).await;
    });
    let mut agent = RawAgent::connect(address, 1).await;
    agent.say(&hello("boot"));
    let _welcome = agent.hear().await;
    soon(heard).await.unwrap();
    hub.connected().await;
}
