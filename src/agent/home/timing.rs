//! How long an agent gives everything on its way home.

use std::time::Duration;

use crate::platform::http2::KeepAlive;

/// How long everything may take.
#[derive(Clone, Debug)]
pub struct Timing {
    pub connect: Duration,
    /// TLS, and then HTTP/2 up to the control stream.
    pub handshake: Duration,
    /// From the first frame to the hub's answer.
    pub admission: Duration,
    /// Between starting one address and the next.
    pub stagger: Duration,
    pub keep_alive: KeepAlive,
    pub first_wait: Duration,
    pub longest_wait: Duration,
    /// Between attempts that only a person can make succeed.
    pub slow_wait: Duration,
    /// Between questions whether a person has let this agent in.
    pub approval_wait: Duration,
    /// A connection that held so long was a good one.
    pub lived: Duration,
    /// At most, after one that held less long: the hub is there and lets agents in.
    pub brief_wait: Duration,
    pub farewell: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            connect: s(10),
            handshake: s(20),
            admission: s(45),
            stagger: Duration::from_millis(300),
            keep_alive: KeepAlive {
                idle: s(15),
                timeout: s(15),
            },
            first_wait: Duration::from_millis(200),
            longest_wait: s(30),
            slow_wait: s(60),
            approval_wait: s(10),
            lived: s(10),
            brief_wait: s(3),
            farewell: s(1),
        }
    }
}
