//! Streams towards an agent: whole, bounded, and none in another's way.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use roadstead::agent::home::OutputBody;
use roadstead::base::Timestamp;
use roadstead::base::id::{CommandId, NodeId, SessionId};
use roadstead::hub::link::LinkError;
use roadstead::wire::control::ToAgent;
use roadstead::wire::run::{OutputQuery, StreamName};
use roadstead::wire::session::{EndReason, Ended, Frame, Open, Size};
use roadstead::wire::warrant::{Class, Draft, Payload, Signer};
use roadstead::wire::{MAX_STREAMS, STREAM_WINDOW};
use tempfile::{TempDir, tempdir};
use tokio::sync::mpsc;

use super::support::*;

const PIECE: usize = 32 * 1024;
/// Columns of a terminal whose shell gives output for ever: in large pieces, or one character at a time.
const FLOOD: u16 = 1;
const DRIZZLE: u16 = 2;

fn query(offset: u64) -> OutputQuery {
    OutputQuery {
        run: CommandId::random(),
        step: 0,
        stream: StreamName::Stdout,
        offset,
        follow: false,
    }
}

/// `offset` steers the spool: 0 is 4 MiB of counted bytes, 1 breaks in the middle, 2 is not there, 3 never ends or gives.
fn spool(query: OutputQuery) -> Option<OutputBody> {
    let pieces = |n: u8| stream::iter((0..n).map(|i| Ok(Bytes::from(vec![i; PIECE]))));
    match query.offset {
        0 => Some(pieces(128).boxed()),
        1 => Some(pieces(2).chain(stream::iter([Err(io::Error::other("disk"))])).boxed()),
        3 => Some(stream::pending().boxed()),
        _ => None,
    }
}

/// A shell that echoes input, or gives output for ever and counts it.
async fn shell(mut from_hub: mpsc::Receiver<Frame>, to_hub: mpsc::Sender<Frame>, produced: Arc<AtomicU64>) {
    while let Some(frame) = from_hub.recv().await {
        match frame {
            Frame::Open(order) => match serde_json::from_str::<Open>(&order.payload).unwrap().size.cols {
                FLOOD => return produce(&to_hub, PIECE, &produced).await,
                DRIZZLE => return produce(&to_hub, 1, &produced).await,
                _ => {}
            },
            Frame::Input(bytes) => to_hub.send(Frame::Output { offset: 0, bytes }).await.unwrap(),
            _ => {}
        }
    }
    let ended = Ended {
        reason: EndReason::Exited,
        exit_code: Some(0),
        message: String::new(),
    };
    let _ = to_hub.send(Frame::Ended(ended)).await;
}

async fn produce(to_hub: &mpsc::Sender<Frame>, piece: usize, produced: &AtomicU64) {
    let bytes = Bytes::from(vec![0; piece]);
    let frame = Frame::Output { offset: 0, bytes };
    while to_hub.send(frame.clone()).await.is_ok() {
        produced.fetch_add(piece as u64, Ordering::SeqCst);
    }
}

fn open(cols: u16) -> Bytes {
    let open = Open {
        size: Size { cols, rows: 24 },
        start: true,
        ..Open::existing(SessionId::random("test"))
    };
    let now = Timestamp::from_millis(0);
    let draft = Draft {
        class: Class::Session,
        id: open.session.as_str(),
        issued: now,
        expires: now,
    };
    let order = Signer::new(&HUB_SEED).order(draft, &Payload::new(&open), &[0; 32]);
    Frame::Open(Box::new(order)).encode()
}

struct Bed {
    hub: TestHub,
    agent: TestAgent,
    node: NodeId,
    produced: Arc<AtomicU64>,
    _data: TempDir,
}

async fn bed() -> Bed {
    let mut hub = TestHub::start(patient()).await;
    let data = tempdir().unwrap();
    let produced = Arc::new(AtomicU64::new(0));
    let counted = produced.clone();
    let shell = Box::new(move |input, output| shell(input, output, counted.clone()).boxed());
    let agent = TestAgent::start_with(data.path(), Some(hub.token("good")), quick(), Box::new(spool), shell);
    let node = hub.connected().await;
    Bed {
        hub,
        agent,
        node,
        produced,
        _data: data,
    }
}

#[tokio::test]
async fn an_output_arrives_whole() {
    let bed = bed().await;
    let mut pull = bed.hub.link.output(&bed.node, query(0)).await.unwrap();
    let mut got = Vec::new();
    while let Some(bytes) = soon(pull.next()).await {
        got.extend_from_slice(&bytes.unwrap());
    }
    assert_eq!(got.len(), 128 * PIECE);
    assert!(got.chunks(PIECE).enumerate().all(|(i, piece)| piece.iter().all(|b| *b == i as u8)));
}

#[tokio::test]
async fn a_part_is_never_taken_for_the_whole() {
    let bed = bed().await;
    let end = async {
        let mut pull = bed.hub.link.output(&bed.node, query(1)).await?;
        while let Some(bytes) = pull.next().await {
            bytes?;
        }
        Ok::<_, LinkError>(())
    };
    let end = soon(end).await;
    assert!(matches!(end, Err(LinkError::Cut(_))), "{end:?}");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let bed = bed().await;
    assert!(matches!(bed.hub.link.output(&bed.node, query(2)).await, Err(LinkError::NotFound)));
    assert!(matches!(
        bed.hub.link.output(&NodeId::random(), query(0)).await,
        Err(LinkError::NotConnected)
    ));
}

#[tokio::test]
async fn a_session_echoes_and_ends_when_the_hub_lets_go() {
    let bed = bed().await;
    let (mut sink, mut source) = bed.hub.link.session(&bed.node).await.unwrap();
    sink.send(open(80)).await.unwrap();
    for text in ["ls", "日本語", ""] {
        sink.send(Frame::Input(Bytes::from(text)).encode()).await.unwrap();
        let frame = Frame::decode(soon(source.next()).await.unwrap().unwrap()).unwrap();
        assert_eq!(
            frame,
            Frame::Output {
                offset: 0,
                bytes: Bytes::from(text)
            }
        );
    }
    drop(sink);
    let last = Frame::decode(soon(source.next()).await.unwrap().unwrap()).unwrap();
    assert!(matches!(last, Frame::Ended(_)), "{last:?}");
    assert!(soon(source.next()).await.is_none());
}

/// Opens a session that floods, and reads nothing of it.
async fn stall(bed: &Bed, cols: u16) -> (roadstead::hub::link::SessionSink, roadstead::hub::link::SessionSource) {
    let (mut sink, source) = bed.hub.link.session(&bed.node).await.unwrap();
    sink.send(open(cols)).await.unwrap();
    (sink, source)
}

/// Waits until the producers behind stalled streams have stopped.
async fn producers_stopped(bed: &Bed) -> u64 {
    loop {
        let before = bed.produced.load(Ordering::SeqCst);
        // A measure of standing still, not a synchronisation: the loop ends only when nothing moved.
        tokio::time::sleep(ms(100)).await;
        if before > 0 && bed.produced.load(Ordering::SeqCst) == before {
            return before;
        }
    }
}

#[tokio::test]
async fn stalled_sessions_delay_nothing_else_of_the_same_agent() {
    let mut bed = bed().await;
    let mut stalled = Vec::new();
    // Room for one more stream beside control.
    for _ in 0..MAX_STREAMS - 2 {
        stalled.push(stall(&bed, FLOOD).await);
    }
    let produced = soon(producers_stopped(&bed)).await;
    let room = u64::from(MAX_STREAMS * STREAM_WINDOW);
    assert!(produced < 4 * room, "the producers wait: {produced}");

    bed.hub.link.send(&bed.node, &cancel()).unwrap();
    assert!(matches!(bed.agent.order().await, ToAgent::Cancel { .. }));
    bed.agent.say.send(rejected("heard")).await.unwrap();
    bed.hub.frame().await;
    let mut pull = bed.hub.link.output(&bed.node, query(0)).await.unwrap();
    let mut bytes = 0;
    while let Some(piece) = soon(pull.next()).await {
        bytes += piece.unwrap().len();
    }
    assert_eq!(bytes, 128 * PIECE);

    // And the stalled ones go on when somebody reads.
    let (_, source) = &mut stalled[0];
    for _ in 0..100 {
        soon(source.next()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn terminals_that_stand_still_with_single_characters_do_not_break_the_line() {
    let mut bed = bed().await;
    let mut stalled = Vec::new();
    for _ in 0..4 {
        stalled.push(stall(&bed, DRIZZLE).await);
    }
    soon(producers_stopped(&bed)).await;
    bed.hub.link.send(&bed.node, &cancel()).unwrap();
    assert!(matches!(bed.agent.order().await, ToAgent::Cancel { .. }));
    assert!(bed.hub.link.is_connected(&bed.node));
}

#[tokio::test]
async fn an_agent_has_only_so_many_streams_and_gets_them_back() {
    let bed = bed().await;
    let mut open = Vec::new();
    for _ in 0..MAX_STREAMS - 1 {
        open.push(bed.hub.link.output(&bed.node, query(3)).await.unwrap());
    }
    assert!(matches!(bed.hub.link.session(&bed.node).await, Err(LinkError::TooManyStreams)));
    for _ in 0..3 {
        open.truncate(open.len() / 2);
        open.push(bed.hub.link.output(&bed.node, query(3)).await.unwrap());
    }
    open.clear();
    let mut pull = bed.hub.link.output(&bed.node, query(0)).await.unwrap();
    assert!(soon(pull.next()).await.unwrap().is_ok());
}

#[tokio::test]
async fn the_hub_has_only_so_many_streams() {
    let window = roadstead::wire::STREAM_WINDOW as usize;
    let mut hub = TestHub::start(roadstead::hub::link::LinkLimits {
        unread_bytes: 2 * window,
        ..patient()
    })
    .await;
    let data = tempdir().unwrap();
    let _agent = TestAgent::start_with(
        data.path(),
        Some(hub.token("good")),
        quick(),
        Box::new(spool),
        Box::new(|_, _| async {}.boxed()),
    );
    let node = hub.connected().await;
    let _first = hub.link.output(&node, query(3)).await.unwrap();
    let second = hub.link.output(&node, query(3)).await.unwrap();
    assert!(matches!(hub.link.output(&node, query(3)).await, Err(LinkError::HubBusy)));
    drop(second);
    hub.link.output(&node, query(3)).await.unwrap();
}

#[tokio::test]
async fn open_streams_end_with_the_line() {
    let bed = bed().await;
    let mut pull = bed.hub.link.output(&bed.node, query(3)).await.unwrap();
    let (_sink, mut source) = bed.hub.link.session(&bed.node).await.unwrap();
    bed.hub.link.disconnect(&bed.node);
    assert!(matches!(soon(pull.next()).await, Some(Err(_))));
    assert!(matches!(soon(source.next()).await, Some(Err(_))));
}
