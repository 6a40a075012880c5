//! Equal outputs folded: each once, with how many nodes gave it.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use crate::base::id::{CommandId, NodeId};
use crate::cli::client::Client;
use crate::cli::output::{self, Show};
use crate::cli::steps::title;
use crate::cli::text;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    groups: Vec<Group>,
    group_count: u64,
    node_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Group {
    status_details: String,
    exit_code: Option<i64>,
    count: u64,
    node_ids: Vec<NodeId>,
    steps: Vec<Step>,
    truncated: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Step {
    name: String,
    stdout: String,
    stderr: String,
    message: String,
}

/// What nodes are called, for people.
pub type Names = BTreeMap<NodeId, String>;

/// Equal outputs once, with how many nodes gave them.
pub async fn print_groups(client: &Client, command: &CommandId, names: &Names, show: &Show) -> Result<()> {
    let answer: Answer = client.hub("GroupOutputs", json!({"CommandId": command})).await?;
    let mut out = String::new();
    for group in &answer.groups {
        out.push_str(&group_title(group, names));
        out.push_str(&body(&group.steps, show));
        if group.truncated {
            out.push_str(&format!(
                "… (whole: roadstead command logs {command} --node {})\n",
                first_of(&group.node_ids)
            ));
        }
    }
    out.push_str(&rest(&answer));
    output::write(&out)
}

/// What the steps wrote and what there is to say about them; each below its name when there are several.
fn body(steps: &[Step], show: &Show) -> String {
    let told: Vec<&Step> = steps
        .iter()
        .filter(|step| [&step.stdout, &step.stderr, &step.message].into_iter().any(|text| !text.is_empty()))
        .collect();
    let mut out = String::new();
    for step in &told {
        if told.len() > 1 {
            out.push_str(&format!("{}\n", title(&step.name)));
        }
        let shown = |text: &String| if show.raw { text.clone() } else { text::escape_output(text) };
        for text in [shown(&step.stdout), shown(&step.stderr), text::escape_line(&step.message)] {
            out.push_str(&text);
            if !text.is_empty() && !text.ends_with('\n') {
                out.push('\n');
            }
        }
    }
    out
}

/// What the hub leaves out where hardly two nodes are equal.
fn rest(answer: &Answer) -> String {
    let groups = answer.group_count.saturating_sub(answer.groups.len() as u64);
    let shown: u64 = answer.groups.iter().map(|group| group.count).sum();
    match groups {
        0 => String::new(),
        _ => format!(
            "… and {} of {} more\n",
            text::count(groups, "group"),
            text::count(answer.node_count.saturating_sub(shown), "node")
        ),
    }
}

fn first_of(nodes: &[NodeId]) -> String {
    nodes.first().map_or_else(|| "NODE".to_owned(), NodeId::to_string)
}

fn group_title(group: &Group, names: &Names) -> String {
    let code = group.exit_code.map_or_else(String::new, |code| format!(", exit code {code}"));
    let shown: Vec<&str> = group
        .node_ids
        .iter()
        .take(3)
        .map(|id| names.get(id).map_or(id.as_str(), String::as_str))
        .collect();
    let more = if group.count > shown.len() as u64 { ", …" } else { "" };
    format!(
        "== {}: {}{code} ({}{more})\n",
        text::count(group.count, "node"),
        text::escape_line(&group.status_details),
        shown.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, stdout: &str, message: &str) -> Step {
        Step {
            name: name.into(),
            stdout: stdout.into(),
            stderr: String::new(),
            message: message.into(),
        }
    }

    #[test]
    fn steps_stand_below_their_names_when_several_have_something_to_tell() {
        let show = Show::default();
        assert_eq!(body(&[step("one", "a", ""), step("two", "", "")], &show), "a\n");
        let two = body(&[step("one", "a", ""), step("two", "", "it was left out")], &show);
        assert_eq!(two, "-- one\na\n-- two\nit was left out\n");
    }

    #[test]
    fn what_is_left_out_is_said() {
        let group = Group {
            status_details: "Success".into(),
            exit_code: Some(0),
            count: 3,
            node_ids: Vec::new(),
            steps: Vec::new(),
            truncated: false,
        };
        let answer = |group_count| Answer {
            groups: vec![],
            group_count,
            node_count: 5,
        };
        assert_eq!(rest(&answer(0)), "");
        let groups = vec![group];
        assert_eq!(rest(&Answer { groups, ..answer(2) }), "… and 1 group of 2 nodes more\n");
    }
}
