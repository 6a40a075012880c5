//! The machine against a client written from the protocol's facts: with upstream's silences, and over lines that break.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::wire::session::Port;

/// A client as the plugin is one: silent about what is old, and about data before its session is ready.
#[derive(Default)]
struct Client {
    expected: i64,
    early: BTreeMap<i64, Message>,
    is_ready: bool,
    /// Everything of the payload type OUTPUT, in order.
    heard: Vec<u8>,
    next: i64,
    unacknowledged: BTreeMap<i64, Bytes>,
    out: Vec<Bytes>,
    closed_handshakes: u32,
}

impl Client {
    fn take(&mut self, bytes: Bytes) {
        let message = Message::decode(bytes).unwrap();
        match message.kind {
            Kind::Acknowledge => {
                let acknowledged: Acknowledge = serde_json::from_slice(&message.payload).unwrap();
                self.unacknowledged.remove(&acknowledged.sequence);
            }
            Kind::OutputStreamData if message.sequence == self.expected => {
                let is_handshake = matches!(message.payload_type, 5 | 7);
                if !is_handshake && !self.is_ready {
                    return;
                }
                self.acknowledge(&message);
                self.hear(&message);
                self.expected += 1;
                while let Some(message) = self.early.remove(&self.expected) {
                    self.hear(&message);
                    self.expected += 1;
                }
            }
            Kind::OutputStreamData if message.sequence > self.expected => {
                self.acknowledge(&message);
                self.early.insert(message.sequence, message);
            }
            Kind::OutputStreamData => {}
            other => panic!("{other:?}"),
        }
    }

    /// As the plugin does it: with its size.
    fn get_ready(&mut self) {
        if !self.is_ready && self.closed_handshakes > 0 {
            self.is_ready = true;
            self.send(3, br#"{"cols":80,"rows":24}"#.to_vec());
        }
    }

    fn hear(&mut self, message: &Message) {
        match message.payload_type {
            5 => {
                let request: HandshakeRequest = serde_json::from_slice(&message.payload).unwrap();
                assert_eq!(request.requested_client_actions[0].action_type, "SessionType");
                let answer = json!({
                    "ClientVersion": "1.2.764.0", "Errors": null,
                    "ProcessedClientActions": [{"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": null, "Error": ""}],
                });
                self.send(6, answer.to_string().into_bytes());
            }
            7 => self.closed_handshakes += 1,
            1 => self.heard.extend_from_slice(&message.payload),
            other => panic!("payload type {other}"),
        }
    }

    fn acknowledge(&mut self, message: &Message) {
        let payload = json_of(&Acknowledge::of(message));
        self.out.push(client_message(Kind::Acknowledge, 0, 0, payload));
    }

    fn send(&mut self, payload_type: u32, payload: Vec<u8>) {
        let bytes = client_message(Kind::InputStreamData, self.next, payload_type, payload.into());
        self.unacknowledged.insert(self.next, bytes.clone());
        self.next += 1;
        self.out.push(bytes);
    }
}

fn client_message(kind: Kind, sequence: i64, payload_type: u32, payload: Bytes) -> Bytes {
    let message = Message {
        kind,
        created_ms: 1,
        sequence,
        flags: 0,
        id: Uuid::from_u128(sequence.unsigned_abs().into()),
        payload_type,
        payload,
    };
    message.encode()
}

fn shell() -> Channel {
    Channel::new(&Work::default(), Uuid::from_u128(7), 1_000)
}

/// Both ends until neither has anything to say; what the node's end heard.
fn talk(channel: &mut Channel, client: &mut Client, now: Now) -> Vec<Heard> {
    let mut heard = Vec::new();
    loop {
        let mut is_quiet = true;
        while let Some(bytes) = channel.next_out() {
            client.take(bytes);
            is_quiet = false;
        }
        for bytes in std::mem::take(&mut client.out) {
            heard.extend(channel.take(bytes, now));
            is_quiet = false;
        }
        if is_quiet {
            return heard;
        }
    }
}

fn opened() -> (Channel, Client) {
    let (mut channel, mut client) = (shell(), Client::default());
    assert_eq!(channel.room(), 0);
    assert_eq!(talk(&mut channel, &mut client, 5), [Heard::Open]);
    client.is_ready = true;
    (channel, client)
}

fn piece(bytes: &'static [u8]) -> Bytes {
    Bytes::from_static(bytes)
}

#[test]
fn a_handshake_opens_the_channel_and_tells_its_time() {
    let (channel, client) = opened();
    assert_eq!((client.closed_handshakes, channel.room()), (1, WINDOW));
    assert!(channel.is_all_acknowledged() && client.unacknowledged.is_empty());
    assert!(channel.is_multiplexing());
}

#[test]
fn the_first_message_is_marked_and_names_the_session() {
    let port = Port {
        host: None,
        port: 80,
        properties: BTreeMap::from([("portNumber".to_owned(), "80".to_owned())]),
    };
    let mut channel = Channel::new(&Work::Port(port), Uuid::from_u128(7), 1_000);
    let message = Message::decode(channel.next_out().unwrap()).unwrap();
    assert_eq!((message.sequence, message.flags, message.payload_type), (0, 1, 5));
    let request: Value = serde_json::from_slice(&message.payload).unwrap();
    let parameters = &request["RequestedClientActions"][0]["ActionParameters"];
    assert_eq!(*parameters, json!({"SessionType": "Port", "Properties": {"portNumber": "80"}}));
    assert_eq!(request["AgentVersion"].as_str().unwrap().split('.').count(), 4);
}

#[test]
fn a_client_that_cannot_do_the_session_is_told_of_and_nothing_is_sent() {
    for answer in [
        json!({"ProcessedClientActions": [{"ActionType": "SessionType", "ActionStatus": 2, "Error": "no such type"}]}),
        json!({"ProcessedClientActions": []}),
        json!({"ProcessedClientActions": null}),
        json!(5),
    ] {
        let mut channel = shell();
        let payload = answer.to_string().into_bytes().into();
        let heard = channel.take(client_message(Kind::InputStreamData, 0, 6, payload), 1);
        assert!(matches!(&heard[..], [Heard::Refused(_)]), "{heard:?}");
        assert_eq!(channel.room(), 0);
        let input = client_message(Kind::InputStreamData, 1, 1, piece(b"rm"));
        assert_eq!(channel.take(input, 1), []);
    }
}

#[test]
fn input_before_the_handshake_is_nobodys() {
    let mut channel = shell();
    assert_eq!(channel.take(client_message(Kind::InputStreamData, 0, 1, piece(b"ls")), 1), []);
    assert_eq!(
        channel.take(client_message(Kind::InputStreamData, 1, 10, Flag::TerminateSession.payload()), 1),
        []
    );
}

#[test]
fn what_comes_early_waits_what_comes_twice_is_acknowledged_again() {
    let (mut channel, client) = opened();
    let message = |sequence: i64, text: &'static [u8]| client_message(Kind::InputStreamData, client.next + sequence, 1, piece(text));
    assert_eq!(channel.take(message(1, b"b"), 9), []);
    let both = [Heard::Input(piece(b"a")), Heard::Input(piece(b"b"))];
    assert_eq!(channel.take(message(0, b"a"), 9), both);
    while channel.next_out().is_some() {}
    assert_eq!(channel.take(message(0, b"a"), 9), []);
    let again = Message::decode(channel.next_out().unwrap()).unwrap();
    assert_eq!((again.kind, again.flags, again.sequence), (Kind::Acknowledge, 3, 0));
    // Far ahead: not kept, not acknowledged.
    assert_eq!(channel.take(message(2 + receiver::EARLY as i64, b"z"), 9), []);
    assert_eq!(channel.out_len(), 0);
}

#[test]
fn sizes_and_flags_are_heard_and_nonsense_is_not() {
    let (mut channel, mut client) = opened();
    client.send(3, br#"{"cols":132,"rows":50}"#.to_vec());
    client.send(3, br#"{"cols":0,"rows":0}"#.to_vec());
    client.send(10, vec![0, 0, 0, 2]);
    client.send(10, vec![9]);
    client.send(77, vec![1]);
    client.send(6, b"{}".to_vec());
    let heard = talk(&mut channel, &mut client, 9);
    assert_eq!(
        heard,
        [Heard::Size(Size { cols: 132, rows: 50 }), Heard::Flag(Flag::TerminateSession)]
    );
    assert!(client.unacknowledged.is_empty());
}

#[test]
fn data_that_a_client_is_not_ready_for_is_sent_until_it_is() {
    let (mut channel, mut client) = (shell(), Client::default());
    talk(&mut channel, &mut client, 5);
    channel.send(payload_type::OUTPUT, piece(b"$ "), 5);
    channel.send(payload_type::OUTPUT, piece(b"next"), 5);
    talk(&mut channel, &mut client, 6);
    assert!(!channel.is_received(), "the second waits at the client for the first");
    let mut now = 6;
    for _ in 0..50 {
        now = channel.next_tick().unwrap();
        channel.tick(now);
        talk(&mut channel, &mut client, now);
    }
    assert_eq!(client.heard, b"");
    client.is_ready = true;
    channel.tick(channel.next_tick().unwrap());
    talk(&mut channel, &mut client, now);
    assert_eq!(client.heard, b"$ next");
    assert!(channel.is_all_acknowledged() && channel.next_tick().is_none());
}

#[test]
fn what_a_client_had_before_the_line_broke_is_not_sent_for_ever() {
    let (mut channel, mut client) = opened();
    channel.send(payload_type::OUTPUT, piece(b"one"), 10);
    talk(&mut channel, &mut client, 11);
    channel.send(payload_type::OUTPUT, piece(b"two"), 12);
    while let Some(bytes) = channel.next_out() {
        client.take(bytes);
    }
    // The line breaks with the acknowledgement on it.
    client.out.clear();
    channel.line_up(100);
    talk(&mut channel, &mut client, 100);
    let mut times = 0;
    while let Some(now) = channel.next_tick() {
        channel.tick(now);
        talk(&mut channel, &mut client, now);
        times += 1;
        assert!(times < 20);
    }
    assert!(!channel.is_all_acknowledged() && channel.is_received());
    // The next acknowledgement stands for it.
    channel.send(payload_type::OUTPUT, piece(b"three"), 9000);
    talk(&mut channel, &mut client, 9001);
    assert!(channel.is_all_acknowledged());
    assert_eq!(client.heard, b"onetwothree");
}

#[test]
fn the_window_closes_and_opens_with_acknowledgements() {
    let (mut channel, mut client) = opened();
    while channel.room() > 0 {
        channel.send(payload_type::OUTPUT, piece(b"x"), 10);
    }
    talk(&mut channel, &mut client, 20);
    assert_eq!((channel.room(), client.heard.len()), (WINDOW, WINDOW));
}

#[test]
fn a_paused_channel_sends_nothing_until_it_is_started() {
    let (mut channel, _client) = opened();
    channel.take(client_message(Kind::PausePublication, 0, 0, Bytes::new()), 9);
    assert_eq!((channel.room(), channel.next_tick()), (0, None));
    channel.take(client_message(Kind::StartPublication, 0, 0, Bytes::new()), 9);
    assert_eq!(channel.room(), WINDOW);
}

/// What may happen between the two ends.
#[derive(Clone, Debug)]
enum Step {
    Type(u8),
    Print(u8),
    /// So many messages of either direction arrive.
    Carry(usize),
    /// The line breaks: whatever is on it is lost. Both ends send again what was not acknowledged.
    Break,
    Wait(u64),
    Ready,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<u8>().prop_map(Step::Type),
        4 => any::<u8>().prop_map(Step::Print),
        6 => (1usize..6).prop_map(Step::Carry),
        2 => Just(Step::Break),
        2 => (1u64..3000).prop_map(Step::Wait),
        1 => Just(Step::Ready),
    ]
}

proptest! {
    /// Whatever breaks when: in the end both have everything, in order, once.
    #[test]
    fn nothing_is_lost_doubled_or_out_of_order(steps in proptest::collection::vec(any_step(), 0..120)) {
        let (mut channel, mut client) = (shell(), Client::default());
        let (mut to_client, mut to_node) = (VecDeque::new(), VecDeque::new());
        let (mut typed, mut printed, mut heard, mut now) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for step in steps {
            match step {
                Step::Type(byte) if client.is_ready => {
                    typed.push(byte);
                    client.send(1, vec![byte]);
                }
                Step::Type(_) => {}
                Step::Print(byte) if channel.room() > 0 => {
                    printed.push(byte);
                    channel.send(payload_type::OUTPUT, vec![byte].into(), now);
                }
                Step::Print(_) => {}
                Step::Carry(count) => {
                    for _ in 0..count {
                        to_client.extend(std::iter::from_fn(|| channel.next_out()));
                        if let Some(bytes) = to_client.pop_front() {
                            client.take(bytes);
                        }
                        to_node.extend(std::mem::take(&mut client.out));
                        if let Some(bytes) = to_node.pop_front() {
                            heard.extend(channel.take(bytes, now));
                        }
                    }
                }
                Step::Break => {
                    to_client.clear();
                    to_node.clear();
                    client.out = client.unacknowledged.values().cloned().collect();
                    channel.line_up(now);
                }
                Step::Wait(ms) => {
                    now += ms;
                    channel.tick(now);
                }
                Step::Ready => client.get_ready(),
            }
        }
        to_client.into_iter().for_each(|bytes| client.take(bytes));
        to_node.into_iter().for_each(|bytes| heard.extend(channel.take(bytes, now)));
        for _ in 0..1000 {
            heard.extend(talk(&mut channel, &mut client, now));
            client.get_ready();
            heard.extend(talk(&mut channel, &mut client, now));
            let Some(next) = channel.next_tick() else { break };
            now = next.max(now);
            channel.tick(now);
        }
        prop_assert!(channel.is_received());
        prop_assert_eq!(&client.heard, &printed);
        let input: Vec<u8> = heard.iter().filter_map(|h| match h { Heard::Input(b) => Some(b.to_vec()), _ => None }).flatten().collect();
        prop_assert_eq!(input, typed);
        prop_assert!(client.unacknowledged.is_empty());
    }

    #[test]
    fn hostile_messages_neither_panic_nor_fill_memory(
        messages in proptest::collection::vec((any::<i64>(), 0u32..15, proptest::collection::vec(any::<u8>(), 0..60)), 0..200),
        kinds in proptest::collection::vec(proptest::sample::select(Kind::ALL.to_vec()), 200),
    ) {
        let mut channel = shell();
        for ((sequence, payload_type, payload), kind) in messages.into_iter().zip(kinds) {
            channel.take(client_message(kind, sequence, payload_type, payload.into()), 3);
            channel.tick(3);
            while channel.next_out().is_some() {}
        }
        prop_assert!(channel.room() <= WINDOW);
    }
}
