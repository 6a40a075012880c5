//! What the decisions know of kinds of things.

pub const NODE: &str = "node";

/// Every kind of things that an operation of this hub acts on, as policies name it. Sorted.
pub const HERE: [&str; 23] = [
    "access-key",
    "activation",
    "audit",
    "command",
    "document",
    "freeze",
    "group",
    "hub",
    "hub-file",
    "join-request",
    "limits",
    "login-session",
    NODE,
    "object-store",
    "parameter",
    "parameter-access",
    "policy",
    "resource",
    "role",
    "secret-key",
    "session",
    "tag-rule",
    "user",
];

/// Kinds of things that upstream has and this hub does not.
pub const UPSTREAMS: [&str; 6] = ["association", "automation", "baseline", "inventory", "ops-item", "window"];

/// Whether things of this kind may carry tags.
pub fn carries_tags(kind: &str) -> bool {
    matches!(kind, NODE | "activation" | "document" | "group" | "parameter")
}

/// Whether things of this kind belong to a caller; the hub does as far as callers sign in and out of it.
pub fn has_owner(kind: &str) -> bool {
    matches!(kind, "access-key" | "command" | "hub" | "login-session" | "session" | "user")
}

/// Whether things of this kind are judged by the nodes they touch as well.
pub fn touches_nodes(kind: &str) -> bool {
    matches!(kind, "command" | "invocation" | "session")
}

/// The kind that policies name: a node's share of a command is spoken of as the command.
pub fn named_kind(kind: &str) -> &str {
    if kind == "invocation" { "command" } else { kind }
}

/// The id that policies speak of: a share's is its command's.
pub fn named_id<'i>(kind: &str, id: &'i str) -> &'i str {
    match id.split_once('/') {
        Some((command, _)) if kind == "invocation" => command,
        _ => id,
    }
}

/// Whether a scope of nodes narrows things of this kind: nodes, and what brings nodes into the fleet.
pub fn is_narrowed(kind: &str) -> bool {
    matches!(kind, NODE | "activation" | "join-request")
}
