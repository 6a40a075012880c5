//! Port sessions against real sockets of this machine; the client's messages are made by hand.

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::base::id::SessionId;
use crate::wire::channel::content::Acknowledge;
use crate::wire::channel::{Kind, Message, payload_type};
use crate::wire::session::Open;

const LONG: Duration = Duration::from_secs(60);

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LONG, future).await.expect("in time")
}

struct Bed {
    attachments: mpsc::Sender<Attachment>,
    open: Open,
    to_node: mpsc::Sender<Frame>,
    from_node: mpsc::Receiver<Frame>,
    next: i64,
    expected: i64,
    /// Payloads of the type OUTPUT.
    heard: Vec<u8>,
    flags: Vec<Flag>,
    served: tokio::task::JoinHandle<()>,
}

fn line(open: &Open) -> (Attachment, mpsc::Sender<Frame>, mpsc::Receiver<Frame>) {
    let ((to_node, from_hub), (to_hub, from_node)) = (mpsc::channel(8), mpsc::channel(8));
    let (done, _over) = oneshot::channel();
    let attachment = Attachment {
        open: open.clone(),
        from_hub,
        to_hub,
        done,
    };
    (attachment, to_node, from_node)
}

impl Bed {
    /// A session that leads to this port, for a client of this version.
    async fn start(port: u16, kind: Option<&str>, version: &str) -> Self {
        let properties = kind.map(|kind| ("type".to_owned(), kind.to_owned())).into_iter().collect();
        let port = Port {
            host: None,
            port,
            properties,
        };
        let open = Open {
            start: true,
            via_plugin: true,
            work: Work::Port(port.clone()),
            ..Open::existing(SessionId::random("me"))
        };
        let (first, to_node, from_node) = line(&open);
        let (attachments, queue) = mpsc::channel(1);
        let session = PortSession::new(port, LONG, TaskTracker::new());
        let served = tokio::spawn(session.serve(first, queue, CancellationToken::new()));
        let mut bed = Self {
            attachments,
            open,
            to_node,
            from_node,
            next: 0,
            expected: 0,
            heard: Vec::new(),
            flags: Vec::new(),
            served,
        };
        assert!(matches!(bed.frame().await, Frame::Attached(_)));
        bed.step().await;
        let answer =
            format!(r#"{{"ClientVersion":"{version}","ProcessedClientActions":[{{"ActionType":"SessionType","ActionStatus":1}}]}}"#);
        bed.send(payload_type::HANDSHAKE_RESPONSE, answer.into_bytes()).await;
        bed
    }

    async fn many(port: u16) -> Self {
        Self::start(port, Some("LocalPortForwarding"), "1.2.764.0").await
    }

    async fn frame(&mut self) -> Frame {
        soon(self.from_node.recv()).await.expect("a line")
    }

    async fn send(&mut self, payload_type: u32, payload: Vec<u8>) {
        let message = Message {
            kind: Kind::InputStreamData,
            created_ms: 1,
            sequence: self.next,
            flags: 0,
            id: uuid::Uuid::new_v4(),
            payload_type,
            payload: payload.into(),
        };
        self.next += 1;
        soon(self.to_node.send(Frame::Plugin(message.encode()))).await.unwrap();
    }

    async fn say(&mut self, bytes: &[u8]) {
        self.send(payload_type::OUTPUT, bytes.to_vec()).await;
    }

    async fn open_stream(&mut self, id: u8) {
        self.say(&[1, 0, 0, 0, id, 0, 0, 0]).await;
    }

    /// Takes one message of the node's; acknowledges what is new. The last word, if it was that.
    async fn step(&mut self) -> Option<Ended> {
        let bytes = match self.frame().await {
            Frame::Plugin(bytes) => bytes,
            Frame::Ended(ended) => return Some(ended),
            other => panic!("{other:?}"),
        };
        let message = Message::decode(bytes).unwrap();
        if message.kind != Kind::OutputStreamData || message.sequence != self.expected {
            return None;
        }
        self.expected += 1;
        match message.payload_type {
            payload_type::OUTPUT => self.heard.extend_from_slice(&message.payload),
            payload_type::FLAG => self.flags.extend(Flag::of(&message.payload)),
            _ => {}
        }
        let acknowledge = Message {
            kind: Kind::Acknowledge,
            payload: serde_json::to_vec(&Acknowledge::of(&message)).unwrap().into(),
            ..message
        };
        // A node that has said its last word hears no more.
        let _ = soon(self.to_node.send(Frame::Plugin(acknowledge.encode()))).await;
        None
    }

    async fn until(&mut self, enough: impl Fn(&Self) -> bool) {
        while !enough(self) {
            assert_eq!(self.step().await, None, "heard {:?}", String::from_utf8_lossy(&self.heard));
        }
    }

    async fn hears(&mut self, bytes: &[u8]) {
        self.until(|bed| bed.heard.windows(bytes.len()).any(|part| part == bytes)).await;
    }

    async fn end(&mut self) -> Ended {
        loop {
            if let Some(ended) = self.step().await {
                return ended;
            }
        }
    }

    async fn reconnect(&mut self) {
        let (attachment, to_node, from_node) = line(&self.open);
        (self.to_node, self.from_node) = (to_node, from_node);
        self.attachments.send(attachment).await.ok().unwrap();
        assert!(matches!(self.frame().await, Frame::Attached(_)));
    }
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

async fn accepted(listener: &TcpListener) -> TcpStream {
    soon(listener.accept()).await.unwrap().0
}

async fn reads(target: &mut TcpStream, expected: &[u8]) {
    let mut seen = vec![0; expected.len()];
    soon(target.read_exact(&mut seen)).await.unwrap();
    assert_eq!(seen, expected);
}

async fn reads_end(target: &mut TcpStream) {
    assert_eq!(soon(target.read(&mut [0; 16])).await.unwrap(), 0);
}

#[tokio::test]
async fn connections_are_kept_apart_and_each_side_finishes_by_itself() {
    let (listener, port) = listener().await;
    let mut bed = Bed::many(port).await;
    bed.open_stream(3).await;
    let mut first = accepted(&listener).await;
    bed.open_stream(5).await;
    let mut second = accepted(&listener).await;
    bed.say(b"\x01\x02\x01\x00\x05\x00\x00\x00b\x01\x02\x02\x00\x03\x00\x00\x00aa")
        .await;
    reads(&mut first, b"aa").await;
    reads(&mut second, b"b").await;
    // The client has finished; the answer still comes.
    bed.say(b"\x01\x01\x00\x00\x03\x00\x00\x00").await;
    reads_end(&mut first).await;
    first.write_all(b"late").await.unwrap();
    bed.hears(b"\x01\x02\x04\x00\x03\x00\x00\x00late").await;
    drop(first);
    bed.hears(b"\x01\x01\x00\x00\x03\x00\x00\x00").await;
    // The target has finished; it still hears.
    second.shutdown().await.unwrap();
    bed.hears(b"\x01\x01\x00\x00\x05\x00\x00\x00").await;
    bed.say(b"\x01\x02\x04\x00\x05\x00\x00\x00more\x01\x01\x00\x00\x05\x00\x00\x00")
        .await;
    reads(&mut second, b"more").await;
    reads_end(&mut second).await;
    bed.send(payload_type::FLAG, vec![0, 0, 0, 2]).await;
    assert_eq!(bed.end().await.reason, EndReason::Terminated);
    soon(bed.served).await.unwrap();
}

#[tokio::test]
async fn a_port_that_refuses_is_told_by_a_flag_and_the_session_goes_on() {
    let (listener, port) = listener().await;
    drop(listener);
    let mut bed = Bed::many(port).await;
    bed.open_stream(3).await;
    bed.until(|bed| bed.flags == [Flag::ConnectToPortError]).await;
    bed.hears(b"\x01\x01\x00\x00\x03\x00\x00\x00").await;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    bed.open_stream(5).await;
    accepted(&listener).await;
}

#[tokio::test]
async fn a_line_that_breaks_loses_no_byte_of_any_connection() {
    let (listener, port) = listener().await;
    let mut bed = Bed::many(port).await;
    bed.open_stream(3).await;
    let mut target = accepted(&listener).await;
    let sent: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
    let expected = sent.clone();
    let writing = tokio::spawn(async move {
        target.write_all(&sent).await.unwrap();
        target
    });
    bed.until(|bed| bed.heard.len() > 50_000).await;
    bed.reconnect().await;
    bed.until(|bed| bed.heard.len() > 200_000).await;
    bed.reconnect().await;
    drop(soon(writing).await);
    bed.until(|bed| bed.heard.ends_with(b"\x01\x01\x00\x00\x03\x00\x00\x00")).await;
    let mut decoder = mux::Decoder::default();
    decoder.push(Bytes::from(std::mem::take(&mut bed.heard)));
    let mut seen = Vec::new();
    while let Some(event) = decoder.next().unwrap() {
        if let mux::Event::Data(3, bytes) = event {
            seen.extend_from_slice(&bytes);
        }
    }
    assert!(seen == expected, "{} of {} bytes", seen.len(), expected.len());
}

#[tokio::test]
async fn a_target_that_does_not_read_stops_the_client() {
    let (listener, port) = listener().await;
    let mut bed = Bed::many(port).await;
    bed.open_stream(3).await;
    let _deaf = accepted(&listener).await;
    let frame = [&b"\x01\x02\x00\x40\x03\x00\x00\x00"[..], &[b'x'; 16 * 1024]].concat();
    let (mut sent, mut looks) = (0, 0);
    // Far more than sockets and the session's buffer hold together. It has come to a stop when nothing moved between so many looks.
    while sent < 64 * 1024 * 1024 && looks < 20 {
        let message = Message {
            kind: Kind::InputStreamData,
            created_ms: 1,
            sequence: bed.next,
            flags: 0,
            id: uuid::Uuid::nil(),
            payload_type: payload_type::OUTPUT,
            payload: frame.clone().into(),
        };
        let send = bed.to_node.send(Frame::Plugin(message.encode()));
        // Acknowledgements are read, so that nothing else stands in the way.
        tokio::select! {
            sent = send => sent.unwrap(),
            _ = bed.from_node.recv() => continue,
            () = tokio::time::sleep(Duration::from_millis(50)) => {
                looks += 1;
                continue;
            }
        }
        looks = 0;
        bed.next += 1;
        sent += frame.len();
    }
    assert!((4 * 1024 * 1024..32 * 1024 * 1024).contains(&sent), "{sent}");
}

#[tokio::test]
async fn a_session_for_a_programs_own_stream_ends_with_its_connection() {
    let (listener, port) = listener().await;
    let mut bed = Bed::start(port, None, "1.2.764.0").await;
    let mut target = accepted(&listener).await;
    target.write_all(b"SSH-2.0-there\r\n").await.unwrap();
    bed.hears(b"SSH-2.0-there\r\n").await;
    bed.say(b"SSH-2.0-here\r\n").await;
    reads(&mut target, b"SSH-2.0-here\r\n").await;
    target.write_all(b"bye").await.unwrap();
    drop(target);
    let ended = bed.end().await;
    assert_eq!((ended.reason, ended.exit_code), (EndReason::Exited, Some(0)));
    assert!(bed.heard.ends_with(b"bye"));
    drop(listener);
    let mut refused = Bed::start(port, None, "1.2.764.0").await;
    let ended = refused.end().await;
    assert!(
        ended.reason == EndReason::StartFailed && ended.message.contains(&port.to_string()),
        "{ended:?}"
    );
}

#[tokio::test]
async fn an_old_client_has_one_connection_after_the_other() {
    let (listener, port) = listener().await;
    let mut bed = Bed::start(port, Some("LocalPortForwarding"), "1.1.61.0").await;
    let mut first = accepted(&listener).await;
    bed.say(b"one").await;
    reads(&mut first, b"one").await;
    bed.send(payload_type::FLAG, vec![0, 0, 0, 1]).await;
    reads_end(&mut first).await;
    let mut second = accepted(&listener).await;
    first.write_all(b"stale").await.unwrap();
    second.write_all(b"fresh").await.unwrap();
    bed.hears(b"fresh").await;
    assert_eq!(bed.heard, b"fresh");
    drop(second);
    accepted(&listener).await;
}

#[tokio::test]
async fn what_is_not_smux_ends_the_session() {
    let (_listener, port) = listener().await;
    let mut bed = Bed::many(port).await;
    bed.say(b"GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(bed.end().await.reason, EndReason::Refused);
}

#[tokio::test]
async fn idle_and_detached_sessions_end() {
    let (listener, port) = listener().await;
    let mut bed = Bed::many(port).await;
    bed.open.idle_timeout_ms = 200;
    bed.reconnect().await;
    assert_eq!(bed.end().await.reason, EndReason::IdleTimeout);
    let session = PortSession::new(
        Port {
            host: None,
            port,
            properties: Default::default(),
        },
        Duration::from_millis(100),
        TaskTracker::new(),
    );
    let (first, to_node, from_node) = line(&bed.open);
    let (_attachments, queue) = mpsc::channel(1);
    let served = tokio::spawn(session.serve(first, queue, CancellationToken::new()));
    drop((to_node, from_node));
    soon(served).await.unwrap();
    drop(listener);
}
