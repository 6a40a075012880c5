//! What the whole fleet has done, for the line a second.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
pub struct Counts {
    pub connected: AtomicU64,
    pub joined: AtomicU64,
    pub connects: AtomicU64,
    pub runs: AtomicU64,
    pub failed: AtomicU64,
    pub refused: AtomicU64,
}

pub fn one_more(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

pub fn one_less(count: &AtomicU64) {
    count.fetch_sub(1, Ordering::Relaxed);
}

impl Counts {
    pub fn line(&self) -> String {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        serde_json::json!({
            "connected": of(&self.connected),
            "joined": of(&self.joined),
            "connects": of(&self.connects),
            "runs": of(&self.runs),
            "failed": of(&self.failed),
            "refused": of(&self.refused),
        })
        .to_string()
    }
}
