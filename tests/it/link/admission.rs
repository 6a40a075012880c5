//! Who is let in, and what the others are told.

use roadstead::agent::home::{CheckError, HomeError, check};
use roadstead::hub::link::{Gone, LinkLimits, NodeKey, NotSent};
use roadstead::wire::control::{Goodbye, Hello, Refusal, ToAgent, ToHub};
use tempfile::tempdir;

use super::support::*;

#[tokio::test]
async fn an_agent_joins_talks_leaves_and_comes_back_as_the_same_node() {
    let mut hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let mut agent = TestAgent::start(data.path(), Some(hub.token("good")));
    let node = hub.connected().await;
    assert!(hub.link.is_connected(&node));

    hub.link.send(&node, &cancel()).unwrap();
    assert!(matches!(agent.order().await, ToAgent::Cancel { .. }));
    agent.say.send(rejected("full")).await.unwrap();
    assert!(matches!(hub.frame().await, ToHub::Rejected { .. }));

    agent.shutdown.cancel();
    agent.ended().await.unwrap();
    assert_eq!(hub.gone().await, Gone::Goodbye(Goodbye::Stopping));
    soon(hub.link.close()).await;
    assert_eq!(hub.link.send(&node, &cancel()), Err(NotSent::NotConnected));

    let (address, nodes) = hub.kill().await;
    let mut hub = TestHub::start_at(address, patient(), nodes).await;
    let _agent = TestAgent::start(data.path(), None);
    assert_eq!(hub.connected().await, node);
}

#[tokio::test]
async fn a_wrong_activation_ends_the_agent_with_the_remedy() {
    let hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let error = TestAgent::start(data.path(), Some(hub.token("bad"))).ended().await.unwrap_err();
    assert!(matches!(error, HomeError::ActivationInvalid { .. }));
    assert!(error.to_string().contains("roadstead join-line"), "{error}");
    assert!(!data.path().join("hub.json").exists());
}

#[tokio::test]
async fn a_lost_answer_to_enrolment_is_made_up_by_a_hello() {
    let mut hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let agent = TestAgent::start(data.path(), Some(hub.token("known")));
    let node = hub.connected().await;
    agent.welcomed(1).await;
    let note = std::fs::read_to_string(data.path().join("hub.json")).unwrap();
    assert!(note.contains(node.as_str()), "{note}");
}

#[tokio::test]
async fn a_busy_hub_is_asked_again() {
    let mut hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let _agent = TestAgent::start(data.path(), Some(hub.token("busy")));
    hub.connected().await;
}

#[tokio::test]
async fn a_removed_node_is_cut_off_and_its_agent_ends_with_the_remedy() {
    let mut hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let agent = TestAgent::start(data.path(), Some(hub.token("good")));
    let node = hub.connected().await;
    agent.welcomed(1).await;
    agent.shutdown.cancel();
    agent.ended().await.unwrap();
    assert!(matches!(hub.gone().await, Gone::Goodbye(_)));

    let agent = TestAgent::start(data.path(), None);
    assert_eq!(hub.connected().await, node);
    hub.inbox.nodes.lock().unwrap().clear();
    hub.link.disconnect(&node);
    assert_eq!(hub.gone().await, Gone::Removed);
    let error = agent.ended().await.unwrap_err();
    assert!(matches!(error, HomeError::UnknownKey { .. }));
    assert!(error.to_string().contains("--join TOKEN"), "{error}");
}

#[tokio::test]
async fn a_removed_node_comes_back_by_a_new_token_only() {
    let mut hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let token = hub.token("good");
    let agent = TestAgent::start(data.path(), Some(token.clone()));
    let old = hub.connected().await;
    agent.welcomed(1).await;
    hub.inbox.nodes.lock().unwrap().clear();
    hub.link.disconnect(&old);
    assert_eq!(hub.gone().await, Gone::Removed);
    assert!(matches!(agent.ended().await, Err(HomeError::UnknownKey { .. })));
    // Whatever keeps services running starts it with the same words.
    let agent = TestAgent::start(data.path(), Some(token));
    assert!(matches!(agent.ended().await, Err(HomeError::UnknownKey { .. })));

    let _agent = TestAgent::start(data.path(), Some(hub.token("good")));
    assert_ne!(hub.connected().await, old);
}

#[tokio::test]
async fn a_token_that_a_joined_agent_was_started_with_is_spent_too() {
    let mut hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let agent = TestAgent::start(data.path(), Some(hub.token("good")));
    hub.connected().await;
    agent.welcomed(1).await;
    agent.shutdown.cancel();
    agent.ended().await.unwrap();
    assert!(matches!(hub.gone().await, Gone::Goodbye(_)));

    let agent = TestAgent::start(data.path(), Some(hub.token("good")));
    let node = hub.connected().await;
    agent.welcomed(1).await;
    hub.inbox.nodes.lock().unwrap().clear();
    hub.link.disconnect(&node);
    assert!(matches!(agent.ended().await, Err(HomeError::UnknownKey { .. })));
}

#[tokio::test]
async fn a_token_is_checked_without_joining() {
    let mut hub = TestHub::start(patient()).await;
    let mut token = hub.token("good");
    assert_eq!(soon(check(token.clone())).await.unwrap(), token.addresses[0]);
    assert!(hub.inbox.nodes.lock().unwrap().is_empty() && hub.events.try_recv().is_err());
    token.hub_key = "ab".repeat(32);
    let error = soon(check(token)).await.unwrap_err();
    assert!(matches!(error, CheckError::Home(HomeError::WrongHub { .. })), "{error}");
}

#[tokio::test]
async fn another_hub_key_is_final_at_the_first_join_and_names_both() {
    let hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let mut token = hub.token("good");
    let real = std::mem::replace(&mut token.hub_key, "ab".repeat(32));
    let error = TestAgent::start(data.path(), Some(token)).ended().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&real) && text.contains(&"ab".repeat(32)), "{text}");
}

#[tokio::test]
async fn a_joined_agent_outlasts_an_impostor() {
    let mut hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let agent = TestAgent::start(data.path(), Some(hub.token("good")));
    let node = hub.connected().await;
    agent.welcomed(1).await;
    let (address, nodes) = hub.kill().await;

    let impostor = bind(address).await;
    let acceptor = tokio_rustls::TlsAcceptor::from(roadstead::platform::tls::hub_server_config(&[9; 32]));
    for _ in 0..6 {
        let (tcp, _) = soon(impostor.accept()).await.unwrap();
        // It may ask how the key came about, and is nobody then.
        if let Ok(tls) = soon(acceptor.accept(tcp)).await {
            let key = &tls.get_ref().1.peer_certificates().unwrap()[0];
            let key = NodeKey(roadstead::platform::tls::spki_digest(key));
            assert!(!nodes.contains_key(&key), "the agent must not say who it is");
        }
    }
    drop(impostor);
    let mut hub = TestHub::start_at(address, patient(), nodes).await;
    assert_eq!(hub.connected().await, node);
    assert!(!agent.end.is_finished());
}

#[tokio::test]
async fn a_token_for_another_hub_is_refused() {
    let hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let agent = TestAgent::start(data.path(), Some(hub.token("good")));
    agent.welcomed(1).await;
    let mut token = hub.token("good");
    token.hub_key = "ab".repeat(32);
    let refused = roadstead::agent::home::Home::open(data.path(), Some(token)).err().unwrap();
    assert!(matches!(refused, HomeError::OtherHub { .. }), "{refused}");
    assert!(matches!(
        roadstead::agent::home::Home::open(tempdir().unwrap().path(), None),
        Err(HomeError::NotJoined)
    ));
}

#[tokio::test]
async fn no_common_version_is_refused_with_both_offers() {
    let hub = TestHub::start(patient()).await;
    let mut agent = RawAgent::connect(hub.address, 1).await;
    agent.say(&ToHub::Hello(Hello {
        versions: vec![99],
        facts: facts("boot"),
        running: Vec::new(),
        now_ms: 0,
        hub_key: String::new(),
        shells: None,
    }));
    match agent.hear().await {
        Some(ToAgent::Refused { code, message }) => {
            assert_eq!(code, Refusal::VersionUnsupported);
            assert!(message.contains("99"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_same_system_connecting_again_replaces_its_old_connection() {
    let mut hub = TestHub::start(patient()).await;
    let node = know(&hub, 1);
    let mut first = RawAgent::admitted(hub.address, 1, "boot-1").await;
    assert_eq!(hub.connected().await, node);
    let _second = RawAgent::admitted(hub.address, 1, "boot-1").await;
    assert_eq!(hub.gone().await, Gone::Replaced);
    assert_eq!(hub.connected().await, node, "the end of the first is told before the second begins");
    assert!(first.hear().await.is_none());
    assert!(hub.link.is_connected(&node));
}

#[tokio::test]
async fn a_copy_of_a_living_node_is_quarantined() {
    let mut hub = TestHub::start(patient()).await;
    let node = know(&hub, 1);
    let _living = RawAgent::admitted(hub.address, 1, "boot-1").await.live();
    hub.connected().await;
    let mut copy = RawAgent::connect(hub.address, 1).await;
    copy.say(&hello("boot-2"));
    match copy.hear().await {
        Some(ToAgent::Refused { code, message }) => {
            assert_eq!(code, Refusal::Quarantined);
            assert!(message.contains("identity.key") && message.contains("boot-1"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert!(hub.link.is_connected(&node));
    assert!(hub.events.try_recv().is_err(), "the living one did not notice");
}

#[tokio::test]
async fn a_rebooted_node_gets_in_although_its_old_connection_looks_alive() {
    let mut hub = TestHub::start(LinkLimits {
        probe: ms(100),
        ..patient()
    })
    .await;
    let node = know(&hub, 1);
    // Never polled again: the socket is open, nobody answers, as after a power cut.
    let _dead = RawAgent::admitted(hub.address, 1, "boot-1").await;
    hub.connected().await;
    let _rebooted = RawAgent::admitted(hub.address, 1, "boot-2").await;
    assert_eq!(hub.gone().await, Gone::TimedOut);
    assert_eq!(hub.connected().await, node);
}

#[tokio::test]
async fn a_full_hub_says_so() {
    let mut hub = TestHub::start(LinkLimits { agents: 1, ..patient() }).await;
    know(&hub, 1);
    know(&hub, 2);
    let _first = RawAgent::admitted(hub.address, 1, "boot").await.live();
    hub.connected().await;
    let mut second = RawAgent::connect(hub.address, 2).await;
    second.say(&hello("boot"));
    assert!(matches!(second.hear().await, Some(ToAgent::Refused { code: Refusal::Busy, .. })));
}
