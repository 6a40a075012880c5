//! What an order comes to: worked out when it arrives, and kept for the moments until its run begins.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::base::id::CommandId;
use crate::model::document::{Document, DocumentError, Resolved};
use crate::wire::run::Run;

/// Runs that are kept in mind; of others it is worked out again.
const KEPT: usize = 4;

#[derive(Default)]
pub struct Judged {
    runs: Mutex<VecDeque<(CommandId, Arc<Resolved>)>>,
    /// The last document, as it came and as it reads: a fleet is sent the same one over and over.
    document: Mutex<Option<(Value, Arc<Document>)>>,
}

impl Judged {
    /// Of an order that has just come, by the rule by which the hub has judged it, too.
    pub fn anew(&self, run: &Run) -> Result<Arc<Resolved>, DocumentError> {
        let resolved = Arc::new(self.resolve(run)?);
        let mut kept = self.lock();
        kept.retain(|(id, _)| *id != run.id);
        kept.truncate(KEPT - 1);
        kept.push_front((run.id.clone(), resolved.clone()));
        Ok(resolved)
    }

    /// Of an order that was judged before.
    pub fn of(&self, run: &Run) -> Result<Arc<Resolved>, DocumentError> {
        let kept = self
            .lock()
            .iter()
            .find(|(id, _)| *id == run.id)
            .map(|(_, resolved)| resolved.clone());
        kept.map_or_else(|| self.resolve(run).map(Arc::new), Ok)
    }

    /// The same for the last time.
    pub fn take(&self, run: &Run) -> Result<Arc<Resolved>, DocumentError> {
        let resolved = self.of(run);
        self.lock().retain(|(id, _)| *id != run.id);
        resolved
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(CommandId, Arc<Resolved>)>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn resolve(&self, run: &Run) -> Result<Resolved, DocumentError> {
        let document = self.parsed(&run.work.document)?;
        document.resolve(&run.work.parameters, &run.work.lookups)
    }

    fn parsed(&self, content: &Value) -> Result<Arc<Document>, DocumentError> {
        let mut last = self.document.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, document)) = last.as_ref().filter(|(before, _)| before == content) {
            return Ok(document.clone());
        }
        let document = Arc::new(Document::parse(content)?);
        *last = Some((content.clone(), document.clone()));
        Ok(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::run::Work;
    use serde_json::json;

    fn run(script: &str) -> Run {
        let document = json!({"schemaVersion": "2.2", "mainSteps": [
            {"name": "one", "action": "aws:runShellScript", "inputs": {"runCommand": [script]}}]});
        Run {
            id: CommandId::random(),
            start_before_ms: 0,
            work: Work {
                document,
                ..Work::default()
            },
        }
    }

    #[test]
    fn the_last_order_counts_and_none_is_kept_once_it_began() {
        let (judged, first) = (Judged::default(), run("a"));
        judged.anew(&first).unwrap();
        let other = Run {
            id: first.id.clone(),
            ..run("b")
        };
        let again = judged.anew(&other).unwrap();
        assert_eq!(judged.of(&other).unwrap(), again);
        assert_eq!(judged.take(&other).unwrap().steps[0].inputs["runCommand"], json!(["b"]));
        assert_eq!(judged.of(&first).unwrap().steps[0].inputs["runCommand"], json!(["a"]));
        for _ in 0..2 * KEPT {
            judged.anew(&run("c")).unwrap();
        }
        assert_eq!(judged.lock().len(), KEPT);
    }
}
