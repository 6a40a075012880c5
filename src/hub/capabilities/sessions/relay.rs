//! Bytes both ways between one browser and one shell.
//!
//! Two loops run side by side and share nothing but the end: a browser that does not read stops the reading from the agent
//! (whose window then fills, so that the shell waits), an agent that does not take input stops the reading from the browser,
//! and neither stops the other direction. Frames pass as they are; only their kind and size are looked at. The plugin's messages
//! are put into frames of one kind and taken out of them.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Sink, SinkExt, Stream, StreamExt, sink, stream};

use crate::base::id::NodeId;
use crate::hub::api::Services;
use crate::hub::api::routes::{Message, SocketError};
use crate::hub::capabilities::sessions::dialect::Dialect;
use crate::hub::link::{Link, LinkError};
use crate::wire::channel::MAX_MESSAGE_BYTES;
use crate::wire::session::{Attached, Ended, Frame, MAX_SESSION_FRAME_BYTES, Open};
use crate::wire::warrant::{Draft, Payload};

const INPUT: u8 = 1;
const RESIZE: u8 = 2;
const END: u8 = 3;
const PLUGIN: u8 = 4;
const OUTPUT: u8 = 17;
const ENDED: u8 = 18;

/// A stream to one agent's shells, whole frames both ways. Dropping it detaches.
pub struct Line {
    pub to_agent: Pin<Box<dyn Sink<Bytes, Error = LinkError> + Send>>,
    pub from_agent: BoxStream<'static, Result<Bytes, LinkError>>,
}

/// Opens a stream to the node's agent; nothing is said on it yet.
pub async fn line(link: &Link, node: &NodeId) -> Result<Line, LinkError> {
    let (to_agent, from_agent) = link.session(node).await?;
    let to_agent = sink::unfold(to_agent, |mut sink, frame| async move {
        sink.send(frame).await?;
        Ok(sink)
    });
    let from_agent = stream::unfold(from_agent, |mut source| async move {
        let frame = source.next().await?;
        Some((frame, source))
    });
    Ok(Line {
        to_agent: Box::pin(to_agent),
        from_agent: from_agent.boxed(),
    })
}

/// How long a node may take an `Open` for fresh.
const OPEN_LIFE: Duration = Duration::from_secs(60);

/// The first frame on a line, signed for its node.
pub fn opening(services: &Services, node_key: &[u8; 32], open: &Open) -> Bytes {
    let draft = Draft {
        class: open.class(),
        id: open.session.as_str(),
        issued: services.now(),
        expires: services.now() + OPEN_LIFE,
    };
    let order = services.hub_keys.signer().order(draft, &Payload::new(open), node_key);
    Frame::Open(Box::new(order)).encode()
}

/// The agent's answer to `Open`.
///
/// *Errors*: `Ended` when there is no such shell, `LineLost` for everything that is not an answer.
pub async fn answer<S, E>(from_agent: &mut S) -> Result<Attached, Left>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let Some(Ok(frame)) = from_agent.next().await else {
        return Err(Left::LineLost);
    };
    match Frame::decode(frame) {
        Ok(Frame::Attached(attached)) => Ok(attached),
        Ok(Frame::Ended(ended)) => Err(Left::Ended(ended)),
        _ => Err(Left::LineLost),
    }
}

/// Why an attachment is over.
#[derive(Debug, PartialEq, Eq)]
pub enum Left {
    /// The browser closed, vanished or fell silent, or the hub stops.
    BrowserGone,
    /// The browser sent what is not part of the protocol.
    Violation(&'static str),
    /// The shell is over, or another attachment has it.
    Ended(Ended),
    /// The line to the node broke; the shell may go on there.
    LineLost,
}

/// Runs both directions until one of them is over.
///
/// *Cancel*: the shell goes on; what was not passed on is replayed to the next attachment.
pub async fn pump<I, O>(dialect: Dialect, from_browser: &mut I, to_browser: &mut O, line: Line) -> Left
where
    I: Stream<Item = Result<Message, SocketError>> + Unpin,
    O: Sink<Message, Error = SocketError> + Unpin,
{
    run(dialect, from_browser, to_browser, line.to_agent, line.from_agent).await
}

async fn run<I, O, K, S, E>(dialect: Dialect, from_browser: &mut I, to_browser: &mut O, to_agent: K, from_agent: S) -> Left
where
    I: Stream<Item = Result<Message, SocketError>> + Unpin,
    O: Sink<Message, Error = SocketError> + Unpin,
    K: Sink<Bytes> + Unpin,
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    tokio::select! {
        left = upward(dialect, from_browser, to_agent) => left,
        left = downward(dialect, from_agent, to_browser) => left,
    }
}

async fn upward<I, K>(dialect: Dialect, from_browser: &mut I, mut to_agent: K) -> Left
where
    I: Stream<Item = Result<Message, SocketError>> + Unpin,
    K: Sink<Bytes> + Unpin,
{
    let mut is_line_up = true;
    loop {
        let message = match from_browser.next().await {
            Some(Ok(message)) => message,
            Some(Err(SocketError::Capacity(_))) => return Left::Violation("a message is over the limit"),
            Some(Err(_)) | None => return Left::BrowserGone,
        };
        let frame = match message {
            Message::Binary(frame) => frame,
            Message::Text(_) => return Left::Violation("text after the first message"),
            Message::Close(_) => return Left::BrowserGone,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        let frame = match passed_up(dialect, frame) {
            Ok(frame) => frame,
            Err(words) => return Left::Violation(words),
        };
        // When the node takes no more, its last word (why) is still on its way down: keep the browser's side alive for it.
        is_line_up = is_line_up && to_agent.send(frame).await.is_ok();
    }
}

async fn downward<S, O, E>(dialect: Dialect, mut from_agent: S, to_browser: &mut O) -> Left
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    O: Sink<Message, Error = SocketError> + Unpin,
    E: std::fmt::Display,
{
    loop {
        let message = match passed_down(dialect, from_agent.next().await) {
            Ok(message) => message,
            Err(left) => return left,
        };
        if to_browser.send(message).await.is_err() {
            return Left::BrowserGone;
        }
    }
}

/// The frame that goes to the agent.
fn passed_up(dialect: Dialect, message: Bytes) -> Result<Bytes, &'static str> {
    match dialect {
        Dialect::Ours => check(&message).map(|()| message),
        Dialect::Plugin if message.len() > MAX_MESSAGE_BYTES => Err("a message is over the limit"),
        Dialect::Plugin => Ok(Frame::Plugin(message).encode()),
    }
}

/// What the browser may send: input, a new size, the end.
fn check(frame: &Bytes) -> Result<(), &'static str> {
    if frame.len() > MAX_SESSION_FRAME_BYTES {
        return Err("a frame is over the limit of 64 KiB");
    }
    match frame.first() {
        Some(&INPUT) => Ok(()),
        Some(&END) if frame.len() == 1 => Ok(()),
        Some(&RESIZE) => match Frame::decode(frame.clone()) {
            Ok(Frame::Resize(size)) if size.cols > 0 && size.rows > 0 => Ok(()),
            _ => Err("a new size is malformed"),
        },
        Some(_) => Err("a frame's kind is unknown"),
        None => Err("a frame is empty"),
    }
}

/// What the agent may send: output, and the end.
fn passed_down<E: std::fmt::Display>(dialect: Dialect, frame: Option<Result<Bytes, E>>) -> Result<Message, Left> {
    let mut frame = match frame {
        Some(Ok(frame)) => frame,
        Some(Err(error)) => {
            tracing::debug!(error = %error, "the stream of a session broke");
            return Err(Left::LineLost);
        }
        None => return Err(Left::LineLost),
    };
    match frame.first() {
        Some(&OUTPUT) if frame.len() >= 9 && dialect == Dialect::Ours => Ok(Message::Binary(frame)),
        Some(&PLUGIN) if dialect == Dialect::Plugin => Ok(Message::Binary(frame.split_off(1))),
        Some(&ENDED) => match Frame::decode(frame) {
            Ok(Frame::Ended(ended)) => Err(Left::Ended(ended)),
            _ => Err(Left::LineLost),
        },
        kind => {
            tracing::warn!(kind = ?kind, "an agent sent a session frame out of place");
            Err(Left::LineLost)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::session::{EndReason, Size};
    use futures_util::{StreamExt, stream};
    use std::convert::Infallible;
    use tokio::io::DuplexStream;
    use tokio::sync::mpsc;
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;
    use tokio_util::sync::PollSender;

    type Socket = WebSocketStream<DuplexStream>;
    type Agent = (mpsc::Receiver<Bytes>, mpsc::Sender<Bytes>);

    /// A relay between a browser's socket and an agent that is two channels of `room` frames.
    async fn relay(room: usize) -> (Socket, Agent, tokio::task::JoinHandle<Left>) {
        relay_of(Dialect::Ours, room).await
    }

    async fn relay_of(dialect: Dialect, room: usize) -> (Socket, Agent, tokio::task::JoinHandle<Left>) {
        let (near, far) = tokio::io::duplex(16 * 1024);
        let browser = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
        let hub = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
        let (to_agent, input) = mpsc::channel(room);
        let (output, from_agent) = mpsc::channel(room);
        let from_agent = stream::unfold(from_agent, |mut frames| async move {
            let frame = frames.recv().await?;
            Some((Ok::<_, Infallible>(frame), frames))
        });
        let pumped = tokio::spawn(async move {
            let (mut out, mut input) = hub.split();
            run(dialect, &mut input, &mut out, PollSender::new(to_agent), Box::pin(from_agent)).await
        });
        (browser, (input, output), pumped)
    }

    fn output(offset: u64, bytes: &'static [u8]) -> Bytes {
        Frame::Output {
            offset,
            bytes: bytes.into(),
        }
        .encode()
    }

    fn ended() -> Ended {
        Ended {
            reason: EndReason::Exited,
            exit_code: Some(3),
            message: String::new(),
        }
    }

    async fn binary(browser: &mut Socket) -> Bytes {
        loop {
            match browser.next().await.unwrap().unwrap() {
                Message::Binary(bytes) => return bytes,
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn frames_pass_unchanged_both_ways_and_the_end_comes_after_all_output() {
        let (mut browser, (mut input, agent), pumped) = relay(8).await;
        let typed = Frame::Input(Bytes::from("ls 今日\n".as_bytes())).encode();
        let resized = Frame::Resize(Size { cols: 132, rows: 50 }).encode();
        browser.send(Message::Binary(typed.clone())).await.unwrap();
        browser.send(Message::Binary(resized.clone())).await.unwrap();
        assert_eq!(input.recv().await.unwrap(), typed);
        assert_eq!(input.recv().await.unwrap(), resized);
        for offset in 0..3 {
            agent.try_send(output(offset, b"x")).unwrap();
        }
        agent.try_send(Frame::Ended(ended()).encode()).unwrap();
        for offset in 0..3 {
            assert_eq!(binary(&mut browser).await, output(offset, b"x"));
        }
        assert_eq!(pumped.await.unwrap(), Left::Ended(ended()));
    }

    #[tokio::test]
    async fn the_plugins_messages_pass_unread_and_a_nodes_shell_frames_do_not_reach_it() {
        let (mut plugin, (mut input, agent), pumped) = relay_of(Dialect::Plugin, 8).await;
        plugin.send(Message::Binary(Bytes::from_static(b"\x02any bytes"))).await.unwrap();
        let passed = Frame::decode(input.recv().await.unwrap()).unwrap();
        assert_eq!(passed, Frame::Plugin(Bytes::from_static(b"\x02any bytes")));
        agent.try_send(Frame::Plugin(Bytes::from_static(b"down")).encode()).unwrap();
        assert_eq!(binary(&mut plugin).await, Bytes::from_static(b"down"));
        agent.try_send(output(0, b"of an agent that knows no plugin")).unwrap();
        assert_eq!(pumped.await.unwrap(), Left::LineLost);
        for bad in [Message::text("{}"), Message::Binary(vec![0; MAX_MESSAGE_BYTES + 1].into())] {
            let (mut plugin, _agent, pumped) = relay_of(Dialect::Plugin, 8).await;
            plugin.send(bad).await.unwrap();
            assert!(matches!(pumped.await.unwrap(), Left::Violation(_)));
        }
    }

    #[tokio::test]
    async fn a_browser_that_does_not_read_stops_the_agent_but_not_its_own_input() {
        let (mut browser, (mut input, agent), pumped) = relay(4).await;
        let big: Bytes = Frame::Output {
            offset: 0,
            bytes: vec![b'x'; 60_000].into(),
        }
        .encode();
        // Far more than channel, socket buffers and pipe hold together: sending must come to a stop.
        let mut sent = 0;
        while tokio::time::timeout(Duration::from_millis(200), agent.send(big.clone()))
            .await
            .is_ok()
        {
            sent += 1;
            assert!(sent < 100, "the relay buffers without end");
        }
        let interrupt = Frame::Input(Bytes::from_static(b"\x03")).encode();
        browser.send(Message::Binary(interrupt.clone())).await.unwrap();
        assert_eq!(input.recv().await.unwrap(), interrupt);
        for _ in 0..sent {
            assert_eq!(binary(&mut browser).await, big);
        }
        drop(browser);
        assert_eq!(pumped.await.unwrap(), Left::BrowserGone);
    }

    #[tokio::test]
    async fn an_agent_that_takes_no_input_stops_the_browser_but_not_its_own_output() {
        let (browser, (mut input, agent), pumped) = relay(2).await;
        let (mut keyboard, mut screen) = browser.split();
        let paste = tokio::spawn(async move {
            let frame = Frame::Input(vec![b'p'; 8_000].into()).encode();
            for _ in 0..50 {
                keyboard.send(Message::Binary(frame.clone())).await.unwrap();
            }
            keyboard
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!paste.is_finished(), "input is not piled up in the hub");
        agent.send(output(0, b"still here")).await.unwrap();
        assert_eq!(screen.next().await.unwrap().unwrap(), Message::Binary(output(0, b"still here")));
        for _ in 0..50 {
            input.recv().await.unwrap();
        }
        drop((paste.await.unwrap(), screen));
        assert_eq!(pumped.await.unwrap(), Left::BrowserGone);
    }

    #[tokio::test]
    async fn what_is_not_a_frame_of_the_browsers_ends_the_attachment() {
        let too_long = [vec![INPUT], vec![0; MAX_SESSION_FRAME_BYTES]].concat();
        let zero = Frame::Resize(Size { cols: 0, rows: 1 }).encode();
        for bad in [
            vec![],
            vec![0],
            vec![17; 20],
            vec![END, 1],
            b"\x02{}".to_vec(),
            zero.to_vec(),
            too_long,
        ] {
            let (mut browser, _agent, pumped) = relay(4).await;
            let pushed = browser.send(Message::Binary(bad.into())).await;
            assert!(matches!(pumped.await.unwrap(), Left::Violation(_)), "{pushed:?}");
        }
        let (mut browser, _agent, pumped) = relay(4).await;
        browser.send(Message::text("{}")).await.unwrap();
        assert!(matches!(pumped.await.unwrap(), Left::Violation(_)));
    }

    #[tokio::test]
    async fn a_lost_line_is_told_after_the_output_before_it() {
        let (mut browser, (_input, agent), pumped) = relay(4).await;
        agent.try_send(output(0, b"last")).unwrap();
        drop(agent);
        assert_eq!(binary(&mut browser).await, output(0, b"last"));
        assert_eq!(pumped.await.unwrap(), Left::LineLost);
    }

    #[tokio::test]
    async fn an_agent_that_talks_out_of_turn_loses_the_line() {
        for bad in [
            Bytes::new(),
            Bytes::from_static(&[17, 0]),
            Frame::End.encode(),
            Bytes::from_static(b"\x12{}"),
        ] {
            let (_browser, (_input, agent), pumped) = relay(4).await;
            agent.try_send(bad).unwrap();
            assert_eq!(pumped.await.unwrap(), Left::LineLost);
        }
    }

    #[tokio::test]
    async fn the_agents_last_word_is_heard_after_it_takes_no_more_input() {
        let (near, far) = tokio::io::duplex(1024);
        let mut browser = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
        let (mut out, mut input) = WebSocketStream::from_raw_socket(far, Role::Server, None).await.split();
        let (to_agent, gone) = mpsc::channel::<Bytes>(1);
        drop(gone);
        let to_agent = PollSender::new(to_agent);
        let last_word = stream::once(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok::<_, Infallible>(Frame::Ended(ended()).encode())
        });
        browser
            .send(Message::Binary(Frame::Input(Bytes::from_static(b"x")).encode()))
            .await
            .unwrap();
        let left = run(Dialect::Ours, &mut input, &mut out, to_agent, Box::pin(last_word)).await;
        assert_eq!(left, Left::Ended(ended()));
    }
}
