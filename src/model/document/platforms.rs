//! On which operating systems a document does something.

use super::actions::{self, Platform};
use super::command::StepSpec;
use super::{Body, Document, substitute};

impl Document {
    /// In upstream's order. Runbooks and sessions are for all.
    pub fn platforms(&self) -> Vec<Platform> {
        let Body::Command(steps) = &self.body else {
            return Platform::ALL.to_vec();
        };
        let fits = |platform: &Platform| steps.iter().any(|step| runs_on(step, *platform));
        let found: Vec<Platform> = Platform::ALL.into_iter().filter(fits).collect();
        match found.is_empty() {
            // Nothing but unknown actions: nobody can say.
            true => Platform::ALL.to_vec(),
            false => found,
        }
    }
}

impl StepSpec {
    /// Where it runs, in upstream's order; nowhere when its action is unknown.
    pub fn platforms(&self) -> impl Iterator<Item = Platform> {
        Platform::ALL.into_iter().filter(|platform| runs_on(self, *platform))
    }
}

fn runs_on(step: &StepSpec, platform: Platform) -> bool {
    if let Some(wanted) = wanted_platform(step) {
        return wanted.eq_ignore_ascii_case(platform.as_str());
    }
    match actions::find(&step.action) {
        Some(action) => action.platforms.contains(&platform),
        None => false,
    }
}

/// What a precondition compares `platformType` with.
fn wanted_platform(step: &StepSpec) -> Option<&str> {
    let sides = step.precondition.as_ref()?.get("StringEquals")?.as_array()?;
    let [left, right] = sides.as_slice() else { return None };
    let (left, right) = (left.as_str()?, right.as_str()?);
    let is_platform = |side: &str| substitute::sole_reference(side).unwrap_or(side.trim()) == "platformType";
    match (is_platform(left), is_platform(right)) {
        (true, _) => Some(right),
        (_, true) => Some(left),
        _ => None,
    }
}
