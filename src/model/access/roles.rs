//! The built-in roles. They are policies like any other and cannot be changed; what they leave out a policy of one's own adds.

use crate::model::access::{Effect, Policy, Resource, Statement};

pub const ADMIN: &str = "admin";
/// From the widest to the narrowest.
pub const BUILT_IN: [&str; 5] = [ADMIN, "operator", "patcher", "auditor", "viewer"];

/// One sentence for a person.
pub fn description(role: &str) -> Option<&'static str> {
    Some(match role {
        "admin" => "everything, users and policies too",
        "operator" => "runs commands and shells, changes parameters, documents and tags, joins and removes nodes",
        "patcher" => "patches nodes and restarts them; no shell, no commands of their own",
        "auditor" => "sees everything except secrets, also users, policies and the audit log; changes nothing",
        "viewer" => "sees nodes, commands and their output; changes nothing",
        _ => return None,
    })
}

/// What decisions name the rights that every user has.
pub const EVERYBODY: &str = "everybody";

/// Whether decisions name something built in so, or nearly: a policy or role of that name would be taken for it.
pub fn is_reserved(name: &str) -> bool {
    BUILT_IN
        .into_iter()
        .chain([EVERYBODY])
        .any(|built_in| built_in.eq_ignore_ascii_case(name))
}

/// The policy of a built-in role.
pub fn policy(role: &str) -> Option<Policy> {
    let statements = match role {
        "admin" => vec![allow("Everything", &["*"], vec![Resource::of("*")])],
        "operator" => [viewer(), operator()].concat(),
        "patcher" => [viewer(), patcher()].concat(),
        "auditor" => [viewer(), auditor()].concat(),
        "viewer" => viewer(),
        _ => return None,
    };
    Some(Policy { statements })
}

/// What every user may do with what is theirs.
pub fn everybody() -> Policy {
    let own = |kind: &str| Resource {
        own: true,
        ..Resource::of(kind)
    };
    let hub = allow(
        "Self",
        &["roadstead:GetCaller", "roadstead:Logout", "sts:GetCallerIdentity"],
        vec![Resource::of("hub")],
    );
    let account = allow(
        "OwnAccount",
        &[
            "roadstead:DescribeUser",
            "roadstead:GetLimits",
            "roadstead:ExplainAccess",
            "roadstead:CreateAccessKey",
            "roadstead:ListAccessKeys",
            "roadstead:DeleteAccessKey",
        ],
        vec![own("user"), own("access-key")],
    );
    Policy {
        statements: vec![hub, account],
    }
}

fn allow(sid: &str, actions: &[&str], resources: Vec<Resource>) -> Statement {
    statement(Effect::Allow, sid, actions, resources)
}

fn statement(effect: Effect, sid: &str, actions: &[&str], resources: Vec<Resource>) -> Statement {
    Statement {
        sid: Some(sid.to_owned()),
        effect,
        actions: actions.iter().map(|a| (*a).to_owned()).collect(),
        not_actions: Vec::new(),
        resources,
        conditions: Vec::new(),
    }
}

fn kinds(names: &[&str]) -> Vec<Resource> {
    names.iter().map(|kind| Resource::of(kind)).collect()
}

/// What only those see who answer for access: denied to nobody, simply not given.
const ACCOUNT_KINDS: &[&str] = &["user", "role", "policy", "limits", "access-key", "audit", "parameter-access"];
/// Reading verbs of the API.
const READS: &[&str] = &[
    "ssm:Describe*",
    "ssm:List*",
    "ssm:GetCommandInvocation",
    "ssm:GetConnectionStatus",
    "ssm:GetDocument",
    "ssm:GetInventory*",
    "ssm:GetCalendarState",
    "ssm:GetDefaultPatchBaseline",
    "ssm:GetDeployablePatchSnapshotForInstance",
    "ssm:GetMaintenanceWindow*",
    "ssm:GetPatchBaseline*",
    "ssm:GetAutomationExecution",
    "ssm:GetOpsItem",
    "ssm:GetOpsSummary",
    "ssm:GetServiceSetting",
    "roadstead:Describe*",
    "roadstead:List*",
    "roadstead:Search*",
    "roadstead:Suggest*",
    "roadstead:Resolve*",
    "roadstead:Lint*",
    "roadstead:Group*",
    "roadstead:GetOverview",
    "roadstead:GetOutput",
    "roadstead:GetFreeze",
    "tag:Get*",
    "tag:List*",
    "tag:Describe*",
    "resource-groups:Get*",
    "resource-groups:List*",
    "resource-groups:Search*",
    "logs:Describe*",
    "logs:GetLogEvents",
    "logs:FilterLogEvents",
];
/// What the reading roles read: the fleet and what was done to it. Values of parameters are not among it.
const SEEN: &[&str] = &[
    "node",
    "document",
    "parameter",
    "command",
    "session",
    "activation",
    "join-request",
    "group",
    "hub",
    "resource",
    "baseline",
    "window",
    "association",
    "automation",
    "inventory",
    "freeze",
    "tag-rule",
];

fn viewer() -> Vec<Statement> {
    vec![allow("See", READS, kinds(SEEN))]
}

fn operator() -> Vec<Statement> {
    let own = |kind: &str| Resource {
        own: true,
        ..Resource::of(kind)
    };
    vec![
        allow(
            "Run",
            &[
                "ssm:SendCommand",
                "ssm:CancelCommand",
                "roadstead:RerunCommand",
                "roadstead:ApproveCommand",
                "roadstead:RejectCommand",
                "roadstead:RetryOutputUpload",
            ],
            kinds(&["node", "document", "command", "object-store", "hub-file"]),
        ),
        allow("Brake", &["roadstead:SetFreeze"], kinds(&["freeze"])),
        allow("Shell", &["ssm:StartSession"], kinds(&["node", "document"])),
        allow("OwnShells", &["ssm:ResumeSession", "ssm:TerminateSession"], vec![own("session")]),
        allow(
            "Fleet",
            &[
                "ssm:AddTagsToResource",
                "ssm:RemoveTagsFromResource",
                "tag:TagResources",
                "tag:UntagResources",
                "roadstead:ChangeTags",
                "roadstead:RenameNode",
                "roadstead:RenewNodeIdentity",
                "roadstead:ReleaseNode",
                "ssm:DeregisterManagedInstance",
                "ssm:UpdateManagedInstanceRole",
                "ssm:CreateActivation",
                "ssm:DeleteActivation",
                "roadstead:CreateJoinLine",
            ],
            kinds(&["node", "activation", "hub", "resource", "parameter", "document"]),
        ),
        allow(
            "Parameters",
            &[
                "ssm:GetParameter*",
                "ssm:PutParameter",
                "ssm:DeleteParameter*",
                "ssm:LabelParameterVersion",
                "ssm:UnlabelParameterVersion",
            ],
            kinds(&["parameter"]),
        ),
        allow(
            "Documents",
            &[
                "ssm:CreateDocument",
                "ssm:UpdateDocument*",
                "ssm:DeleteDocument",
                "roadstead:*Document*",
            ],
            kinds(&["document", "hub-file"]),
        ),
    ]
}

fn patcher() -> Vec<Statement> {
    let patching = Resource {
        ids: vec!["AWS-RunPatchBaseline*".into(), "AWS-InstallPatch*".into(), "AWS-RestartNode".into()],
        ..Resource::of("document")
    };
    let own = Resource {
        own: true,
        ..Resource::of("command")
    };
    vec![
        allow("RunPatching", &["ssm:SendCommand"], vec![Resource::of("node"), patching]),
        allow("OwnRuns", &["ssm:CancelCommand", "roadstead:RerunCommand"], vec![own]),
        allow(
            "Patching",
            &["ssm:*Patch*", "ssm:*MaintenanceWindow*"],
            kinds(&["node", "baseline", "window", "hub"]),
        ),
    ]
}

fn auditor() -> Vec<Statement> {
    vec![allow(
        "SeeAccess",
        &[
            "roadstead:List*",
            "roadstead:Describe*",
            "roadstead:Search*",
            "roadstead:Get*",
            "roadstead:Verify*",
            "roadstead:SimulateAccess",
            "roadstead:ExplainAccess",
        ],
        [kinds(ACCOUNT_KINDS), kinds(&["hub"])].concat(),
    )]
}
