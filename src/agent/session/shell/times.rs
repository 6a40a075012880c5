//! When a shell looks at the time, and what has run out then.

use std::pin::Pin;

use tokio::time::{Sleep, sleep_until};

use super::{DRAIN, Duration, EndReason, Ended, Instant, Phase, Plugin, Shell, TURN};

/// Rings at a deadline that moves on with every key. It is set anew only when it rang too early or has to ring earlier: a timer
/// is dear to set beside what a key costs otherwise.
pub(super) struct Alarm(Pin<Box<Sleep>>);

impl Default for Alarm {
    fn default() -> Self {
        Self(Box::pin(sleep_until(Instant::now())))
    }
}

impl Alarm {
    /// *Cancel*: it stays set.
    pub(super) async fn at(&mut self, deadline: Instant) {
        if deadline < self.0.deadline() || self.0.is_elapsed() {
            self.0.as_mut().reset(deadline);
        }
        while Instant::now() < deadline {
            self.0.as_mut().await;
            if Instant::now() < deadline {
                self.0.as_mut().reset(deadline);
            }
        }
    }
}

impl Shell {
    pub(super) fn deadline(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3600);
        let detached = self.here.is_none().then(|| self.detached_since + self.limits.detached);
        let by_phase = match &self.phase {
            Phase::Running => {
                let idle = self.limits.idle.map(|idle| self.last_input + idle);
                let max = self.limits.max.map(|max| self.started_at + max);
                [idle, max, detached].into_iter().flatten().min().unwrap_or(far).min(far)
            }
            Phase::Ending { .. } => far,
            Phase::Exited { until, .. } => *until,
            Phase::Ended(_) => {
                let patience = self
                    .attached_plugin()
                    .zip(self.over_since)
                    .map(|(plugin, over)| plugin.patience(over));
                // A moment later, so that it is not looked at too early again and again.
                detached.or(patience.map(|at| at.max(Instant::now()) + TURN)).unwrap_or(far)
            }
        };
        let resend = self.attached_plugin().and_then(Plugin::next_tick);
        resend.map_or(by_phase, |at| at.min(by_phase))
    }

    pub(super) fn look_at_time(&mut self) {
        let now = Instant::now();
        let is_over = |limit: Option<Duration>, since: Instant| limit.is_some_and(|limit| now >= since + limit);
        // What is left waits for the reader, as long as there may be one.
        let is_held_up = self.is_behind() && (self.here.is_some() || now < self.detached_since + self.limits.detached);
        match &mut self.phase {
            Phase::Running if is_over(self.limits.max, self.started_at) => self.end(EndReason::MaxDuration),
            Phase::Running if is_over(self.limits.idle, self.last_input) => self.end(EndReason::IdleTimeout),
            Phase::Running if self.here.is_none() && is_over(Some(self.limits.detached), self.detached_since) => {
                self.end(EndReason::Abandoned);
            }
            Phase::Exited { until, .. } if now >= *until && is_held_up => *until = now + DRAIN,
            Phase::Exited { ended, until } if now >= *until => {
                let ended = ended.clone();
                self.over(ended);
            }
            _ => {}
        }
    }

    /// Nobody came back for the last word.
    pub(super) fn is_forgotten(&self) -> bool {
        matches!(self.phase, Phase::Ended(_)) && self.here.is_none() && Instant::now() >= self.detached_since + self.limits.detached
    }
}

pub fn ended(reason: EndReason, message: &str) -> Ended {
    Ended {
        reason,
        exit_code: None,
        message: message.to_owned(),
    }
}

pub fn limit(ms: u64) -> Option<Duration> {
    (ms > 0).then(|| Duration::from_millis(ms))
}

pub fn sentence(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Exited => "the shell exited",
        EndReason::Terminated => "the session was ended",
        EndReason::IdleTimeout => "there was no input for the session's idle time",
        EndReason::MaxDuration => "the session's maximum time was over",
        EndReason::Abandoned => "nobody came back to the session",
        EndReason::TakenOver => "another attachment took over",
        EndReason::Unknown => "the node does not have this session",
        EndReason::StartFailed => "the shell could not be started",
        EndReason::Refused => "the node refuses it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_alarm_rings_at_the_deadline_that_it_was_given_last() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut alarm = Alarm::default();
        alarm.at(began).await;
        // A key comes each second and moves the deadline on.
        for second in 0..20 {
            tokio::select! {
                () = alarm.at(after(second + 5)) => panic!("it rang in between"),
                () = sleep_until(after(second + 1)) => {}
            }
        }
        alarm.at(after(24)).await;
        assert_eq!(Instant::now(), after(24));
        tokio::select! {
            () = alarm.at(after(1000)) => panic!("it rang in between"),
            () = sleep_until(after(25)) => {}
        }
        alarm.at(after(30)).await;
        assert_eq!(Instant::now(), after(30), "an earlier one");
        alarm.at(after(3)).await;
        assert_eq!(Instant::now(), after(30), "one that is over");
    }
}
