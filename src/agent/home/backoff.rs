//! How long to wait before calling the hub again.

use std::time::Duration;

/// The waits between attempts: each twice the one before, up to a cap, and jittered so that a fleet does not come in step.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// A connection lived: the next trouble is a new one.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }

    /// A connection came about, though it did not live: the next wait is at most this.
    pub(super) fn ease(&mut self, most: Duration) {
        self.next = self.next.min(most);
    }

    pub(super) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        jittered(wait)
    }
}

/// Between half of `wait` and all of it.
pub(super) fn jittered(wait: Duration) -> Duration {
    wait / 2 + somewhere_in(wait / 2)
}

/// Between nothing and all of `time`, each as likely as the other.
pub(super) fn somewhere_in(time: Duration) -> Duration {
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes).expect("the kernel's random source does not fail once seeded");
    time.mul_f64(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_start_again() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(200), ms(1000));
        for most in [200, 400, 800, 1000, 1000] {
            let wait = backoff.next();
            assert!(wait >= ms(most / 2) && wait <= ms(most), "{wait:?} of {most}");
        }
        backoff.ease(ms(500));
        assert!(backoff.next() <= ms(500));
        backoff.reset();
        backoff.ease(ms(500));
        assert!(backoff.next() <= ms(200));
    }

    #[test]
    fn a_fleet_comes_back_spread_over_its_time() {
        let waits: Vec<_> = (0..1000).map(|_| somewhere_in(Duration::from_secs(10))).collect();
        let in_second = |n: u64| waits.iter().filter(|wait| wait.as_secs() == n).count();
        assert!((0..10).all(|n| (50..200).contains(&in_second(n))), "{waits:?}");
    }

    #[test]
    fn two_agents_do_not_wait_alike() {
        let waits: std::collections::BTreeSet<_> = (0..100).map(|_| jittered(Duration::from_secs(30))).collect();
        assert!(waits.len() > 90);
    }
}
