//! Real shells, without a link.

use bytes::Bytes;

use super::*;
use crate::wire::session::{Attached, Size};

const LONG: Duration = Duration::from_secs(60);

struct Line {
    to_shell: mpsc::Sender<Frame>,
    from_shell: mpsc::Receiver<Frame>,
    /// Everything seen, and the offset after it.
    seen: Vec<u8>,
    next_offset: u64,
}

/// A plain shell: a person's own start-up files may do anything.
fn sessions(detach_limit: Duration) -> Sessions {
    let user = User {
        home: "/tmp".into(),
        shell: "/bin/sh".into(),
        ..User::current()
    };
    Sessions::new(user, detach_limit)
}

fn open(session: &SessionId) -> Open {
    Open {
        start: true,
        ..Open::existing(session.clone())
    }
}

fn connect(sessions: &Sessions, open: Open) -> Line {
    let (to_shell, from_hub) = mpsc::channel(FRAMES);
    let (to_hub, from_shell) = mpsc::channel(FRAMES);
    let sessions = sessions.clone();
    tokio::spawn(async move { sessions.attach(open, from_hub, to_hub).await });
    Line {
        to_shell,
        from_shell,
        seen: Vec::new(),
        next_offset: 0,
    }
}

impl Line {
    async fn next(&mut self) -> Frame {
        tokio::time::timeout(LONG, self.from_shell.recv())
            .await
            .expect("a frame in time")
            .expect("an open line")
    }

    async fn attached(&mut self) -> Attached {
        match self.next().await {
            Frame::Attached(attached) => {
                self.next_offset = attached.offset;
                attached
            }
            other => panic!("{other:?}"),
        }
    }

    async fn ended(&mut self) -> Ended {
        loop {
            match self.next().await {
                Frame::Ended(ended) => return ended,
                Frame::Output { bytes, .. } => self.seen.extend_from_slice(&bytes),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn type_in(&self, text: &str) {
        self.to_shell
            .send(Frame::Input(Bytes::copy_from_slice(text.as_bytes())))
            .await
            .unwrap();
    }

    /// Reads on until the text was seen; checks that offsets follow on each other.
    async fn until(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.seen).contains(text) {
            match self.next().await {
                Frame::Output { offset, bytes } => {
                    assert_eq!(offset, self.next_offset);
                    self.next_offset += bytes.len() as u64;
                    self.seen.extend_from_slice(&bytes);
                }
                other => panic!("{other:?} before `{text}`; seen: {}", String::from_utf8_lossy(&self.seen)),
            }
        }
    }
}

#[tokio::test]
async fn a_shell_speaks_is_resized_and_exits_with_its_code() {
    let sessions = sessions(DETACH_LIMIT);
    let mut line = connect(&sessions, open(&SessionId::random("me")));
    assert!(line.attached().await.started);
    line.type_in("stty size; echo ${TERM} 日本語; echo $ROADSTEAD_SESSION_ID | cut -c1-3\n")
        .await;
    line.until("24 80\r\nxterm-256color 日本語\r\nme-").await;
    line.to_shell.send(Frame::Resize(Size { cols: 132, rows: 50 })).await.unwrap();
    line.type_in("stty size; cd /proc/self; pwd -P | tr 0-9 N\n").await;
    line.until("50 132\r\n").await;
    line.type_in("exit 7\n").await;
    let ended = line.ended().await;
    assert_eq!((ended.reason, ended.exit_code), (EndReason::Exited, Some(7)));
    tokio::time::timeout(LONG, sessions.stop()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_line_comes_back_to_the_same_shell_without_a_gap() {
    let sessions = sessions(DETACH_LIMIT);
    let session = SessionId::random("me");
    let mut first = connect(&sessions, open(&session));
    first.attached().await;
    first.type_in("secret=4711; echo rea''dy\n").await;
    first.until("ready").await;
    let read_up_to = first.next_offset;
    drop(first);

    let mut second = connect(
        &sessions,
        Open {
            from: Some(read_up_to),
            start: false,
            ..open(&session)
        },
    );
    assert_eq!(
        second.attached().await,
        Attached {
            offset: read_up_to,
            started: false
        }
    );
    second.type_in("echo got-$secret\n").await;
    second.until("got-4711").await;

    // Who has nothing gets the whole window from the beginning.
    drop(second);
    let mut third = connect(&sessions, open(&session));
    assert_eq!(third.attached().await.offset, 0);
    third.until("got-4711").await;
    assert!(String::from_utf8_lossy(&third.seen).contains("ready"));
    third.to_shell.send(Frame::End).await.unwrap();
    assert_eq!(third.ended().await.reason, EndReason::Terminated);
}

#[tokio::test]
async fn a_second_attachment_takes_over_visibly() {
    let sessions = sessions(DETACH_LIMIT);
    let session = SessionId::random("me");
    let mut first = connect(&sessions, open(&session));
    first.attached().await;
    let mut second = connect(&sessions, open(&session));
    assert!(!second.attached().await.started);
    assert_eq!(first.ended().await.reason, EndReason::TakenOver);
    assert!(first.from_shell.recv().await.is_none());
    second.type_in("echo ali''ve\n").await;
    second.until("alive").await;
    sessions.stop().await;
}

#[tokio::test]
async fn an_unknown_session_is_not_started_unasked() {
    let sessions = sessions(DETACH_LIMIT);
    let mut line = connect(
        &sessions,
        Open {
            start: false,
            ..open(&SessionId::random("me"))
        },
    );
    assert_eq!(line.ended().await.reason, EndReason::Unknown);
}

#[tokio::test]
async fn idle_maximum_and_detach_times_end_a_shell() {
    let sessions = sessions(Duration::from_millis(300));
    let mut idle = connect(
        &sessions,
        Open {
            idle_timeout_ms: 200,
            ..open(&SessionId::random("idle"))
        },
    );
    let mut max = connect(
        &sessions,
        Open {
            max_duration_ms: 250,
            ..open(&SessionId::random("max"))
        },
    );
    idle.attached().await;
    max.attached().await;
    assert_eq!(idle.ended().await.reason, EndReason::IdleTimeout);
    assert_eq!(max.ended().await.reason, EndReason::MaxDuration);
    let session = SessionId::random("gone");
    let mut gone = connect(&sessions, open(&session));
    gone.attached().await;
    gone.type_in("trap '' HUP; echo rea''dy\n").await;
    gone.until("ready").await;
    drop(gone);
    let forgotten = async {
        while sessions.shells().contains_key(&session) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, forgotten).await.unwrap();
}

#[tokio::test]
async fn who_comes_back_after_the_exit_hears_the_last_word() {
    let sessions = sessions(DETACH_LIMIT);
    let session = SessionId::random("me");
    let mut first = connect(&sessions, open(&session));
    first.attached().await;
    first.type_in("echo pid=$$.; :\n").await;
    first.until(".\r\n").await;
    let text = String::from_utf8_lossy(&first.seen).into_owned();
    let pid: i32 = text.rsplit("pid=").next().unwrap().split('.').next().unwrap().parse().unwrap();
    first.type_in("sleep 0.2; echo las''t; exit 3\n").await;
    first.until("las''t").await;
    drop(first);
    ended_process(pid).await;
    let mut second = connect(
        &sessions,
        Open {
            start: false,
            ..open(&session)
        },
    );
    second.attached().await;
    let ended = second.ended().await;
    assert_eq!((ended.reason, ended.exit_code), (EndReason::Exited, Some(3)));
    assert!(String::from_utf8_lossy(&second.seen).contains("last"));
    let forgotten = async {
        while sessions.shells().contains_key(&session) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, forgotten).await.unwrap();
}

async fn ended_process(pid: i32) {
    let gone = async {
        while crate::platform::processes::process(pid).is_some_and(|p| p.state != b'Z') {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, gone).await.unwrap();
}

#[tokio::test]
async fn a_slow_reader_pauses_the_shell_and_loses_nothing() {
    let sessions = sessions(DETACH_LIMIT);
    let session = SessionId::random("me");
    let mut line = connect(&sessions, open(&session));
    line.attached().await;
    line.type_in("stty -onlcr; seq 1 100000; echo do''ne\n").await;
    // Nobody reads for a while: the producer has to wait.
    tokio::time::sleep(Duration::from_millis(300)).await;
    line.until("done").await;
    let text = String::from_utf8_lossy(&line.seen).into_owned();
    let numbers: Vec<u32> = text.lines().filter_map(|l| l.parse().ok()).collect();
    // The first may stand behind the echo of what was typed.
    assert!(numbers[0] <= 2 && numbers.last() == Some(&100_000));
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1));

    // Detached it goes on, and only the window is kept.
    line.type_in("seq 100001 200000; echo over''there\n").await;
    drop(line);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut late = connect(&sessions, open(&session));
    late.attached().await;
    late.until("overthere").await;
    late.to_shell.send(Frame::End).await.unwrap();
    late.ended().await;
}

#[tokio::test]
async fn terminating_ends_what_runs_in_the_shell() {
    let sessions = sessions(DETACH_LIMIT);
    let mut line = connect(&sessions, open(&SessionId::random("me")));
    line.attached().await;
    line.type_in("sh -c 'echo pid=$$.; trap \"\" HUP TERM; while :; do sleep 1; done'\n")
        .await;
    line.until("pid=").await;
    line.until(".\r\n").await;
    let text = String::from_utf8_lossy(&line.seen).into_owned();
    let pid: i32 = text.rsplit("pid=").next().unwrap().split('.').next().unwrap().parse().unwrap();
    line.to_shell.send(Frame::End).await.unwrap();
    let ended = line.ended().await;
    assert_eq!(ended.reason, EndReason::Terminated);
    ended_process(pid).await;
}
