//! Who answers for what: Roadstead, the operator of the hub, the owner of a node. One table, served to the console and
//! written as `docs/responsibilities.md` by a test.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ApiResult;
use crate::hub::api::{Cx, Declare, Service, Target};

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "DescribeResponsibilities",
        |_: &Empty| Target::Hub,
        describe_responsibilities,
    );
}

#[derive(Deserialize, JsonSchema)]
struct Empty {}

/// One area and what each party does in it; empty where a party has nothing to do.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Responsibility {
    /// What translations are found by.
    pub area: &'static str,
    pub title: &'static str,
    pub roadstead: &'static str,
    pub operator: &'static str,
    pub node_owner: &'static str,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Table {
    responsibilities: &'static [Responsibility],
}

async fn describe_responsibilities(_cx: Cx, _request: Empty) -> ApiResult<Table> {
    Ok(Table {
        responsibilities: RESPONSIBILITIES,
    })
}

const RESPONSIBILITIES: &[Responsibility] = &[
    Responsibility {
        area: "users",
        title: "Users, login and access keys",
        roadstead: "Checks every request, stores only hashes of passwords and sealed keys, slows guessers down without locking anybody out",
        operator: "Makes and removes users and keys, asks for a second factor, keeps the first admin's password safe",
        node_owner: "",
    },
    Responsibility {
        area: "rights",
        title: "Rights",
        roadstead: "Decides every operation and every list by the policies, and says why it refuses",
        operator: "Gives each person the least that the work needs, reviews it, sets limits on how many nodes one command may reach",
        node_owner: "Says what the node will not do in its lock file",
    },
    Responsibility {
        area: "audit",
        title: "Audit log",
        roadstead: "Writes a row with every write, denial, login and read of a secret, chains and signs them, finds changes",
        operator: "Has the log shipped to a place the hub's admins cannot write to, runs `roadstead audit verify`, decides how long to keep it",
        node_owner: "",
    },
    Responsibility {
        area: "link",
        title: "Line between hub and agents",
        roadstead: "Encrypts it with keys pinned on both sides, refuses unknown keys and unknown messages, needs no port open on a node",
        operator: "Hands join lines to the right people only, revokes those not needed, keeps `identity.key` secret and backed up",
        node_owner: "Lets the node reach the hub's port, keeps the agent's `identity.key` unreadable for others",
    },
    Responsibility {
        area: "nodes",
        title: "Nodes",
        roadstead: "Shows what a node reports, tells a lost one from one that was stopped, never gives one node's rows to another",
        operator: "Names and tags nodes, removes those that are gone",
        node_owner: "Runs a supported system, keeps its clock right, uninstalls the agent from what leaves the fleet",
    },
    Responsibility {
        area: "commands",
        title: "Run Command",
        roadstead: "Runs each command at most once on a node, keeps its output and its end, stops at the error limit",
        operator: "Answers for the scripts that are run and for whom they are run on; tries them on few nodes first",
        node_owner: "Decides whether the agent runs as root, answers for what local users can make a script do",
    },
    Responsibility {
        area: "sessions",
        title: "Shells",
        roadstead: "Opens a shell only after its audit row is durable, ends it with the right to it, shows hostile output harmlessly",
        operator: "Decides who may have shells, and ends those that should not be",
        node_owner: "Answers for what the shell's user may do on the node",
    },
    Responsibility {
        area: "secrets",
        title: "Parameters and secrets",
        roadstead: "Seals secrets under a key outside the database, shows them to those who may read them only, and writes that down",
        operator: "Backs `master.key` up apart from the database, rotates secrets, keeps them out of scripts and comments",
        node_owner: "Protects what a script on the node does with a secret it was given",
    },
    Responsibility {
        area: "documents",
        title: "Documents",
        roadstead: "Checks documents before anything runs, hands parameters over without a shell reading them where the document says so",
        operator: "Reviews documents before they are shared, and their changes",
        node_owner: "",
    },
    Responsibility {
        area: "patching",
        title: "Software of the nodes",
        roadstead: "Runs the node's own package manager and reports what it said",
        operator: "Decides what is installed and when, and tests it",
        node_owner: "Provides package sources, restarts what has to be restarted",
    },
    Responsibility {
        area: "hub_host",
        title: "The hub's machine",
        roadstead: "Runs as one process without other services, asks for no rights it does not need, survives crashes and power cuts",
        operator: "Patches the system, protects the data folder, watches disk space, limits who may log in there",
        node_owner: "",
    },
    Responsibility {
        area: "backup",
        title: "Backup and recovery",
        roadstead: "Keeps its data in one folder that can be copied while it runs, refuses a damaged database with words",
        operator: "Makes backups, keeps the key files apart from them, tries the way back",
        node_owner: "",
    },
    Responsibility {
        area: "updates",
        title: "Updates of Roadstead",
        roadstead: "Publishes what changed and what it fixes, migrates the data, refuses to run on newer data than it knows",
        operator: "Follows the releases and installs them",
        node_owner: "Lets the agent be updated, or does it",
    },
    Responsibility {
        area: "network",
        title: "Network",
        roadstead: "Opens one port, calls nobody that was not configured, bounds what strangers can make it do",
        operator: "Decides who can reach the port, gives the console a certificate people's browsers trust, allows outgoing calls one by one",
        node_owner: "",
    },
];

/// The table as a page.
pub fn page() -> String {
    let mut page = String::from(
        "# Who answers for what\n\n\
         As with a cloud provider, running a fleet is shared work: the software answers for some of it, the operator of the hub for some, \
         the owner of a node for the rest. Written from the code by a test.\n\n\
         | area | Roadstead | operator of the hub | owner of a node |\n|---|---|---|---|\n",
    );
    for row in RESPONSIBILITIES {
        let cell = |text: &'static str| if text.is_empty() { "–" } else { text };
        let _to_string = writeln!(
            page,
            "| **{}** | {} | {} | {} |",
            row.title,
            cell(row.roadstead),
            cell(row.operator),
            cell(row.node_owner)
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_area_has_a_name_of_its_own_and_somebody_who_answers() {
        for (at, row) in RESPONSIBILITIES.iter().enumerate() {
            assert!(!RESPONSIBILITIES[..at].iter().any(|other| other.area == row.area), "{}", row.area);
            assert!(!row.roadstead.is_empty() && !row.operator.is_empty(), "{}", row.area);
        }
    }
}
