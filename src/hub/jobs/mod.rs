//! Work that nobody waits for: a job ticks at start, on the events it names, and on a period.
//!
//! A tick reads rows and does what they ask for; that it may run twice or late must never matter. A panic in a tick is
//! logged and the job goes on.

pub mod queue;

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::hub::events::{Bus, Event};

/// One job; `C` is what its tick works with.
pub struct Job<C> {
    pub name: &'static str,
    pub period: Duration,
    /// Whether an event calls for a tick before the period is over.
    pub wakes: fn(&Event) -> bool,
    pub tick: fn(C) -> BoxFuture<'static, ()>,
}

/// What is seen to before every tick of every job.
pub type Before<C> = fn(C) -> BoxFuture<'static, ()>;

/// Starts every job; they end with `shutdown`.
pub fn start<C: Clone + Send + 'static>(
    jobs: Vec<Job<C>>,
    before: Before<C>,
    context: &C,
    bus: &Bus,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) {
    for job in jobs {
        let (context, events, shutdown) = (context.clone(), bus.subscribe(), shutdown.clone());
        tasks.spawn(async move { shutdown.run_until_cancelled(drive(job, before, context, events)).await });
    }
}

async fn drive<C: Clone>(job: Job<C>, before: Before<C>, context: C, mut events: Receiver<Event>) {
    let mut period = interval_at(Instant::now(), job.period);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = period.tick() => {}
            () = woken(&mut events, job.wakes) => {}
        }
        // Events that arrived meanwhile are answered by this same tick.
        while events.try_recv().is_ok() {}
        before(context.clone()).await;
        if let Err(error) = tokio::spawn((job.tick)(context.clone())).await {
            tracing::error!(job = job.name, error = %error, "a tick panicked");
        }
    }
}

async fn woken(events: &mut Receiver<Event>, wakes: fn(&Event) -> bool) {
    loop {
        match events.recv().await {
            Ok(event) if wakes(&event) => return,
            Ok(_) => {}
            // Something was missed: it may have been ours.
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::CommandId;
    use futures_util::FutureExt;
    use tokio::sync::mpsc::UnboundedSender;

    fn ticks(sender: UnboundedSender<()>) -> BoxFuture<'static, ()> {
        async move {
            let _test_may_be_over = sender.send(());
        }
        .boxed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_ticks_at_start_on_its_events_and_on_its_period() {
        let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let job = Job {
            name: "test",
            period: Duration::from_secs(60),
            wakes: |e| matches!(e, Event::CommandCreated(_)),
            tick: ticks,
        };
        let (bus, tasks, shutdown) = (Bus::default(), TaskTracker::new(), CancellationToken::new());
        start(vec![job], |_| async {}.boxed(), &sender, &bus, &tasks, &shutdown);
        seen.recv().await.unwrap();
        let before = Instant::now();
        bus.send(Event::CommandCreated(CommandId::random()));
        seen.recv().await.unwrap();
        assert_eq!(before.elapsed(), Duration::ZERO);
        seen.recv().await.unwrap();
        assert!(before.elapsed() > Duration::ZERO);
        shutdown.cancel();
        tasks.close();
        tasks.wait().await;
    }
}
