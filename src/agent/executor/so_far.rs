//! How far a run has come that goes on: the report that it will have, up to the step that is under way.

use super::flow::Flow;
use super::step::{Budget, End};
use super::{NodeExecutor, may_be_repeated, reboot, without_a_run};
use crate::base::id::CommandId;
use crate::model::document::Step;
use crate::wire::run::Report;

impl NodeExecutor {
    /// `None` when nothing is known of the run.
    pub(super) async fn so_far(&self, run: &CommandId) -> Option<Report> {
        let kept = self.load(run).await?;
        let resolved = self.judged.of(&kept).ok()?;
        let mut steps = Vec::new();
        let mut flow = Flow::default();
        for (index, step) in resolved.steps.iter().enumerate() {
            let mut report = match without_a_run(&flow, step) {
                Some(report) => report,
                None => match self.over(run, index, step).await {
                    Some(end) => end.report(step, &mut Budget::new(1)),
                    None => break,
                },
            };
            report.outcome = flow.ended(step, report.outcome, report.exit_code);
            steps.push(report);
        }
        Some(Report { run: run.clone(), steps })
    }

    /// A step's end with the beginning of what it wrote, unless it is tried again or goes on after a restart of the node.
    async fn over(&self, run: &CommandId, index: usize, step: &Step) -> Option<End> {
        let end = self.beginning(run, index).await?;
        let is_repeated = may_be_repeated(end.record()) && self.attempts(run, index).await + 1 < step.max_attempts;
        let goes_on = is_repeated || reboot::is_asked(&step.action, end.record());
        (!goes_on).then_some(end)
    }
}
