//! A command's steps as upstream's API shows them: plugins, each with a name and a state of its own.
//!
//! A node reports its steps once all have ended. Until then the document says which there are, and the node, where it was asked
//! ([`super::under_way`]), which of them are over.

use std::collections::BTreeMap;

use data_encoding::BASE64;

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::capabilities::commands::outputs;
use crate::hub::capabilities::commands::rows::{self, Command, Invocation, StepRow};
use crate::hub::capabilities::commands::state::State;
use crate::hub::store::blobs::Blobs;
use crate::hub::store::{StoreError, Tx};
use crate::model::document::{Document, StepSpec};
use crate::wire::run::{Outcome, Output, Report, StepReport, StreamName};

/// Characters of what a node says about a step that goes on being shown.
const MAX_MESSAGE: usize = 2000;

pub struct Plugin {
    /// Upstream's name of it.
    pub name: String,
    step: String,
    action: String,
    /// Its places in the run: more than one where plugins of one name are seen as one.
    pub positions: Vec<i64>,
    /// What is over of it.
    pub rows: Vec<StepRow>,
    /// Where it stands, unless all of it is over.
    open: Option<State>,
    /// When the one that runs was begun.
    begun_at: Option<Timestamp>,
    /// What `rows` wrote, by their places, as long as it lies on the node.
    unstored: BTreeMap<i64, Written>,
}

/// The beginnings of both streams.
struct Written {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// The plugins of a node's share, one for each step, in their order. `so_far` is what its node says of a run that goes on.
pub fn of(tx: &Tx<'_>, command: &Command, invocation: &Invocation, so_far: Option<&Report>) -> ApiResult<Vec<Plugin>> {
    let rows = rows::sql::steps(tx, &command.id, &invocation.node_id)?;
    // A node that has lost a run tells of one step without a name.
    if rows.iter().any(|row| !row.action.is_empty()) {
        return Ok(rows.into_iter().map(reported).collect());
    }
    let state = invocation.state;
    let over = so_far
        .filter(|_| !state.is_ended())
        .map_or(&[][..], |report| report.steps.as_slice());
    let steps = planned(tx, command)?.into_iter().enumerate();
    // One step begins when the one before it ends.
    let begun_at = over
        .last()
        .map(|last| Timestamp::from_millis(last.ended_at_ms))
        .or(invocation.accepted_at);
    let begun_at = begun_at.filter(|_| !state.is_ended());
    let plugin = |(position, step): (usize, StepSpec)| match over.get(position) {
        Some(told) => over_already(step, position as i64, told),
        None => Plugin {
            begun_at: begun_at.filter(|_| position == over.len()),
            ..expected(step, position as i64, standing(position, over.len(), state))
        },
    };
    Ok(steps.map(plugin).collect())
}

/// The steps that a command's document has.
pub fn planned(tx: &Tx<'_>, command: &Command) -> Result<Vec<StepSpec>, StoreError> {
    let document = rows::sql::document(tx, &command.id)?.and_then(|content| Document::parse(&content).ok());
    Ok(document.map_or_else(Vec::new, |document| document.steps().to_vec()))
}

fn reported(row: StepRow) -> Plugin {
    Plugin {
        name: name(&row.name, &row.action),
        step: row.name.clone(),
        action: row.action.clone(),
        positions: vec![row.position],
        rows: vec![row],
        open: None,
        begun_at: None,
        unstored: BTreeMap::new(),
    }
}

/// A step of which the node says that it is over, in a run that is not.
fn over_already(step: StepSpec, position: i64, told: &StepReport) -> Plugin {
    let head = |output: &Output| BASE64.decode(output.head.as_bytes()).unwrap_or_default();
    let written = Written {
        stdout: head(&told.stdout),
        stderr: head(&told.stderr),
    };
    let row = StepRow {
        position,
        name: step.name,
        action: step.action,
        outcome: told.outcome,
        exit_code: told.exit_code.map(i64::from),
        message: told.message.chars().take(MAX_MESSAGE).collect(),
        started_at: Timestamp::from_millis(told.started_at_ms),
        ended_at: Timestamp::from_millis(told.ended_at_ms),
    };
    Plugin {
        unstored: BTreeMap::from([(position, written)]),
        ..reported(row)
    }
}

fn expected(step: StepSpec, position: i64, state: State) -> Plugin {
    Plugin {
        name: name(&step.name, &step.action),
        step: step.name,
        action: step.action,
        positions: vec![position],
        rows: Vec::new(),
        open: Some(state),
        begun_at: None,
        unstored: BTreeMap::new(),
    }
}

/// Steps go one after the other: the one behind those that are over is where the node's share is.
fn standing(position: usize, over: usize, share: State) -> State {
    match position == over || share.is_ended() {
        true => share,
        false => State::Pending,
    }
}

/// The id of a property of schema 1.2, whose step is named `ACTION:ID`, or `ACTION` where it is the only one; `None` for a step
/// that has a name.
pub fn property<'n>(step: &'n str, action: &str) -> Option<&'n str> {
    let rest = step.strip_prefix(action)?;
    match rest {
        "" => Some(rest),
        _ => rest.strip_prefix(':'),
    }
}

/// A plugin of schema 1.2 has the name of its action, however many properties it has.
fn name(step: &str, action: &str) -> String {
    match property(step, action) {
        Some(_) => action.to_owned(),
        None => step.to_owned(),
    }
}

/// What a plugin's name means: a step, or all properties of a plugin together. Without a name it is the only one.
///
/// *Errors*: `InvalidPluginName`.
///
/// *Source*: `PluginName` of GetCommandInvocation: it can be left out where a document has one step.
pub fn chosen(plugins: Vec<Plugin>, wanted: Option<&str>) -> ApiResult<Plugin> {
    let mut names: Vec<String> = plugins.iter().map(|plugin| format!("`{}`", plugin.name)).collect();
    names.dedup();
    let names = names.join(", ");
    let found = match wanted {
        Some(wanted) => named(plugins, wanted),
        None if plugins.iter().any(|plugin| plugin.name != plugins[0].name) => {
            let message = format!("the document of this command has the plugins {names}; say which is meant");
            return Err(ApiError::new("InvalidPluginName", message));
        }
        None => plugins,
    };
    let together = found.into_iter().reduce(|mut all, next| {
        all.positions.extend(next.positions);
        all.rows.extend(next.rows);
        all.unstored.extend(next.unstored);
        all.open = all.open.or(next.open);
        all.begun_at = all.begun_at.or(next.begun_at);
        all
    });
    together.ok_or_else(|| {
        let wanted = wanted.unwrap_or_default();
        let message = format!("the document of this command has no plugin `{wanted}`; it has {names}");
        ApiError::new("InvalidPluginName", message)
    })
}

/// By its name, as it is called here, or the first of an action.
fn named(mut plugins: Vec<Plugin>, wanted: &str) -> Vec<Plugin> {
    if plugins.iter().any(|plugin| plugin.name == wanted) {
        plugins.retain(|plugin| plugin.name == wanted);
        return plugins;
    }
    let found = plugins.into_iter().find(|plugin| plugin.step == wanted || plugin.action == wanted);
    found.into_iter().collect()
}

impl Plugin {
    pub fn state(&self) -> State {
        match self.open {
            Some(state) => state,
            None => State::of(Outcome::of_all(self.rows.iter().map(|row| row.outcome))),
        }
    }

    /// The last one that tells of a failure; -1 as long as it is not over.
    pub fn response_code(&self) -> i64 {
        if self.open.is_some() {
            return -1;
        }
        let code = |row: &StepRow| row.exit_code.unwrap_or(if row.outcome == Outcome::Skipped { 0 } else { -1 });
        let codes = self.rows.iter().map(code);
        codes.reduce(|all, next| if next == 0 { all } else { next }).unwrap_or(-1)
    }

    pub fn started_at(&self) -> Option<Timestamp> {
        self.rows.iter().map(|row| row.started_at).chain(self.begun_at).min()
    }

    pub fn ended_at(&self) -> Option<Timestamp> {
        let ended_at = self.rows.iter().map(|row| row.ended_at).max();
        ended_at.filter(|_| self.open.is_none())
    }

    /// The beginning of what it wrote.
    pub fn stdout(&self, tx: &Tx<'_>, blobs: &Blobs, share: &Invocation, chars: usize) -> Result<String, StoreError> {
        self.beginning(chars, |row, room| match self.unstored.get(&row.position) {
            Some(written) => Ok(text(&written.stdout, room)),
            None => outputs::beginning(tx, blobs, share, row.position, StreamName::Stdout, room),
        })
    }

    /// The beginning of what it wrote; where it failed before it could write anything, why.
    ///
    /// *Source*: upstream's agent puts what keeps a plugin from running under its errors; whatever else there is to say about a
    /// step is no output.
    pub fn stderr(&self, tx: &Tx<'_>, blobs: &Blobs, share: &Invocation, chars: usize) -> Result<String, StoreError> {
        if self.open.is_some_and(State::is_ended) {
            return Ok(share.message.chars().take(chars).collect());
        }
        self.beginning(chars, |row, room| {
            let unstored = self.unstored.get(&row.position);
            let has_output = || match unstored {
                Some(written) => Ok(!written.stdout.is_empty() || !written.stderr.is_empty()),
                None => rows::sql::has_output(tx, &share.command_id, &share.node_id, row.position),
            };
            if failed_before_it_ran(row) && !has_output()? {
                return Ok(row.message.chars().take(room).collect());
            }
            match unstored {
                Some(written) => Ok(text(&written.stderr, room)),
                None => outputs::beginning(tx, blobs, share, row.position, StreamName::Stderr, room),
            }
        })
    }

    fn beginning(&self, chars: usize, part: impl Fn(&StepRow, usize) -> Result<String, StoreError>) -> Result<String, StoreError> {
        let mut text = String::new();
        for row in &self.rows {
            let room = chars - text.chars().count();
            text.push_str(&part(row, room)?);
        }
        Ok(text)
    }

    /// Both streams as one text; of a step that was left out, why.
    ///
    /// *Source*: runpluginutil/run.go of upstream's agent: why a step was skipped stands in its joined output only.
    pub fn output(&self, tx: &Tx<'_>, blobs: &Blobs, share: &Invocation, chars: usize) -> Result<String, StoreError> {
        if let [only] = self.rows.as_slice()
            && only.outcome == Outcome::Skipped
        {
            return Ok(only.message.chars().take(chars).collect());
        }
        let (stdout, stderr) = (self.stdout(tx, blobs, share, chars)?, self.stderr(tx, blobs, share, chars)?);
        let joined = match stderr.is_empty() {
            true => stdout,
            false => format!("{stdout}\n----------ERROR-------\n{stderr}"),
        };
        Ok(joined.chars().take(chars).collect())
    }
}

fn text(bytes: &[u8], chars: usize) -> String {
    String::from_utf8_lossy(bytes).chars().take(chars).collect()
}

fn failed_before_it_ran(row: &StepRow) -> bool {
    row.exit_code.is_none() && matches!(row.outcome, Outcome::Failed | Outcome::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(position: i64, name: &str, outcome: Outcome, exit_code: Option<i64>) -> StepRow {
        StepRow {
            position,
            name: name.into(),
            action: "aws:runShellScript".into(),
            outcome,
            exit_code,
            message: String::new(),
            started_at: Timestamp::from_millis(position),
            ended_at: Timestamp::from_millis(position + 1),
        }
    }

    fn plugins(rows: &[StepRow]) -> Vec<Plugin> {
        rows.iter().cloned().map(reported).collect()
    }

    #[test]
    fn a_step_has_its_own_state_and_code() {
        let rows = [
            row(0, "one", Outcome::Success, Some(0)),
            row(1, "two", Outcome::Failed, Some(3)),
            row(2, "three", Outcome::Skipped, None),
        ];
        let seen = |name: &str| {
            let plugin = chosen(plugins(&rows), Some(name)).unwrap();
            (plugin.state(), plugin.response_code())
        };
        assert_eq!(seen("one"), (State::Success, 0));
        assert_eq!(seen("two"), (State::Failed, 3));
        assert_eq!(seen("three"), (State::Success, 0));
        assert_eq!(seen("aws:runShellScript"), (State::Success, 0), "the first of an action");
    }

    #[test]
    fn a_name_may_be_left_out_only_where_there_is_one() {
        let rows = [row(0, "one", Outcome::Success, Some(0)), row(1, "two", Outcome::Success, Some(0))];
        let error = chosen(plugins(&rows), None).err().unwrap();
        assert!(
            error.code == "InvalidPluginName" && error.message.contains("`one`, `two`"),
            "{error:?}"
        );
        assert_eq!(chosen(plugins(&rows[..1]), None).unwrap().name, "one");
        assert!(chosen(plugins(&rows), Some("three")).is_err());
    }

    #[test]
    fn properties_of_one_plugin_have_its_name_and_are_seen_together() {
        let rows = [
            row(0, "aws:runShellScript:0.aws:runShellScript", Outcome::Failed, Some(4)),
            row(1, "aws:runShellScript:second", Outcome::Success, Some(0)),
        ];
        for wanted in [None, Some("aws:runShellScript")] {
            let all = chosen(plugins(&rows), wanted).unwrap();
            assert_eq!(
                (all.name.as_str(), all.rows.len(), all.state()),
                ("aws:runShellScript", 2, State::Failed)
            );
            assert_eq!(all.response_code(), 4);
        }
        assert_eq!(chosen(plugins(&rows), Some("aws:runShellScript:second")).unwrap().rows.len(), 1);
        assert_eq!(property("aws:runShellScripts", "aws:runShellScript"), None);
    }

    #[test]
    fn what_has_not_begun_is_pending_until_the_share_has_ended() {
        let states = |over, share| [0, 1, 2].map(|position| standing(position, over, share));
        use State::{Cancelling, Delayed, DeliveryTimedOut, InProgress, Pending};
        assert_eq!(states(0, InProgress), [InProgress, Pending, Pending]);
        assert_eq!(states(1, InProgress)[1..], [InProgress, Pending]);
        assert_eq!(states(1, Cancelling)[1..], [Cancelling, Pending]);
        assert_eq!(states(0, Delayed), [Delayed, Pending, Pending]);
        assert_eq!(states(0, DeliveryTimedOut), [DeliveryTimedOut; 3]);
    }

    #[test]
    fn a_plugin_is_over_when_all_of_its_properties_are() {
        let property = |name: &str| StepSpec {
            name: name.into(),
            action: "aws:runShellScript".into(),
            ..StepSpec::default()
        };
        let told = StepReport {
            name: String::new(),
            action: String::new(),
            outcome: Outcome::Success,
            exit_code: Some(0),
            message: String::new(),
            started_at_ms: 1,
            ended_at_ms: 2,
            stdout: Output::default(),
            stderr: Output::default(),
        };
        let first = || over_already(property("aws:runShellScript:one"), 0, &told);
        assert_eq!((first().state(), first().response_code()), (State::Success, 0));
        let second = expected(property("aws:runShellScript:two"), 1, State::InProgress);
        let both = chosen(vec![first(), second], Some("aws:runShellScript")).unwrap();
        assert_eq!(
            (both.state(), both.response_code(), both.ended_at(), both.positions),
            (State::InProgress, -1, None, vec![0, 1])
        );
    }
}
