//! How much of everything one agent, and all of them, may take.

use std::time::Duration;

use tokio::time::Instant;

use crate::platform::http2::KeepAlive;
use crate::wire::MAX_STREAMS;

/// The bounds of the link; `default()` is what a hub runs with, tests shorten the times.
#[derive(Clone, Debug)]
pub struct LinkLimits {
    /// Admitted agents at once; more are refused with `Busy`.
    pub agents: usize,
    /// From the handshake to the agent's first frame.
    pub first_frame: Duration,
    /// From the first frame to the answer, waiting for an older connection's end included.
    pub admission: Duration,
    pub keep_alive: KeepAlive,
    /// How long an older connection of the same key has to answer a PING before it is taken for dead.
    pub probe: Duration,
    /// Streams open to one agent at once, beside its control stream.
    pub streams_per_agent: usize,
    /// Bytes that all agents' open streams together may leave unread in the hub.
    pub unread_bytes: usize,
    /// From opening a stream to the agent's answer.
    pub stream_open: Duration,
    /// Handlers of one agent's frames at once. Enough for reports to share a commit.
    pub frames_per_agent: usize,
    /// Handlers of all agents' frames at once: times the longest frame, 64 MiB.
    pub frames_in_flight: usize,
    pub frame_rate: FrameRate,
    /// Frames, and bytes of them, that wait for one agent; one alone may be longer.
    pub queue_frames: usize,
    pub queue_bytes: usize,
    /// For frame handlers and the last words of a connection that ends.
    pub farewell: Duration,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self {
            agents: 50_000,
            first_frame: Duration::from_secs(10),
            admission: Duration::from_secs(30),
            // A second more than the agent's, so that mostly the agent's PING tells both that the other lives.
            keep_alive: KeepAlive {
                idle: Duration::from_secs(16),
                timeout: Duration::from_secs(15),
            },
            probe: Duration::from_secs(3),
            streams_per_agent: MAX_STREAMS as usize - 1,
            unread_bytes: 256 * 1024 * 1024,
            stream_open: Duration::from_secs(10),
            frames_per_agent: 64,
            frames_in_flight: 1024,
            frame_rate: FrameRate {
                per_second: 200,
                burst: 512,
            },
            queue_frames: 256,
            queue_bytes: 1024 * 1024,
            farewell: Duration::from_secs(10),
        }
    }
}

/// Frames an agent may send: so many at once, then so many a second. Faster ones wait at the agent; none is lost.
#[derive(Clone, Copy, Debug)]
pub struct FrameRate {
    pub per_second: u32,
    pub burst: u32,
}

/// What is left of a [`FrameRate`], kept as the moment at which the next frame would be on time.
pub(super) struct Meter {
    rate: FrameRate,
    due: Instant,
}

impl Meter {
    pub(super) fn new(rate: FrameRate) -> Self {
        Self { rate, due: Instant::now() }
    }

    /// Waits until one more frame is allowed. *Cancel*: nothing has been counted.
    pub(super) async fn ready(&mut self) {
        let step = Duration::from_secs(1) / self.rate.per_second.max(1);
        let lead = step * self.rate.burst.saturating_sub(1);
        let allowed = self.due.checked_sub(lead).unwrap_or(self.due);
        if allowed > Instant::now() {
            tokio::time::sleep_until(allowed).await;
        }
        self.due = self.due.max(Instant::now()) + step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_passes_at_once_and_then_the_rate_holds() {
        let mut meter = Meter::new(FrameRate {
            per_second: 1000,
            burst: 10,
        });
        let start = Instant::now();
        for _ in 0..10 {
            meter.ready().await;
        }
        let burst = start.elapsed();
        for _ in 0..50 {
            meter.ready().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(50), "{burst:?} {:?}", start.elapsed());
    }
}
