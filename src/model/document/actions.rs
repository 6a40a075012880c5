//! The plugins that steps of Command documents name: where each runs and what it cannot do without.
//!
//! *Source*: AWS docs, "Command document plugin reference". An action that is not here is kept as it is written (documents of the
//! field carry slips of the pen) and fails by its name when it is run.

/// An operating system a step may fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    Windows,
    Linux,
    MacOs,
}

impl Platform {
    pub const ALL: [Platform; 3] = [Self::Windows, Self::Linux, Self::MacOs];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::Linux => "Linux",
            Self::MacOs => "MacOS",
        }
    }
}

#[derive(Debug)]
pub struct Action {
    pub name: &'static str,
    pub platforms: &'static [Platform],
    pub required: &'static [&'static str],
}

use Platform::{Linux, MacOs, Windows};

const EVERYWHERE: &[Platform] = &[Windows, Linux, MacOs];
const UNIX: &[Platform] = &[Linux, MacOs];
const WINDOWS: &[Platform] = &[Windows];
const NOT_MAC: &[Platform] = &[Windows, Linux];

pub const SHELL: &str = "aws:runShellScript";
pub const POWERSHELL: &str = "aws:runPowerShellScript";

#[rustfmt::skip]
const COMMAND: &[Action] = &[
    Action { name: SHELL,                     platforms: UNIX,       required: &["runCommand"] },
    Action { name: POWERSHELL,                platforms: EVERYWHERE, required: &["runCommand"] },
    Action { name: "aws:applications",        platforms: WINDOWS,    required: &["action", "source"] },
    Action { name: "aws:cloudWatch",          platforms: WINDOWS,    required: &[] },
    Action { name: "aws:configureDocker",     platforms: NOT_MAC,    required: &["action"] },
    Action { name: "aws:runDockerAction",     platforms: NOT_MAC,    required: &["action"] },
    Action { name: "aws:configurePackage",    platforms: EVERYWHERE, required: &["name", "action"] },
    Action { name: "aws:domainJoin",          platforms: WINDOWS,    required: &["directoryId", "directoryName"] },
    Action { name: "aws:downloadContent",     platforms: EVERYWHERE, required: &["sourceType", "sourceInfo"] },
    Action { name: "aws:psModule",            platforms: WINDOWS,    required: &[] },
    Action { name: "aws:refreshAssociation",  platforms: EVERYWHERE, required: &[] },
    Action { name: "aws:runDocument",         platforms: EVERYWHERE, required: &["documentType", "documentPath"] },
    Action { name: "aws:softwareInventory",   platforms: EVERYWHERE, required: &[] },
    Action { name: "aws:updateAgent",         platforms: WINDOWS,    required: &["agentName", "source"] },
    Action { name: "aws:updateSsmAgent",      platforms: EVERYWHERE, required: &["agentName", "source"] },
];

/// Actions of runbooks.
const AUTOMATION: &[&str] = &[
    "aws:approve",
    "aws:assertAwsResourceProperty",
    "aws:branch",
    "aws:changeInstanceState",
    "aws:copyImage",
    "aws:createImage",
    "aws:createStack",
    "aws:createTags",
    "aws:deleteImage",
    "aws:deleteStack",
    "aws:executeAutomation",
    "aws:executeAwsApi",
    "aws:executeScript",
    "aws:executeStateMachine",
    "aws:invokeLambdaFunction",
    "aws:invokeWebhook",
    "aws:loop",
    "aws:pause",
    "aws:runCommand",
    "aws:runInstances",
    "aws:sleep",
    "aws:updateVariable",
    "aws:waitForAwsResourceProperty",
];

pub fn find(name: &str) -> Option<&'static Action> {
    COMMAND.iter().find(|action| action.name == name)
}

pub fn names() -> impl Iterator<Item = &'static str> {
    COMMAND.iter().map(|action| action.name)
}

pub fn automation() -> &'static [&'static str] {
    AUTOMATION
}
