//! What the decisions know of kinds of things.

pub const NODE: &str = "node";

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
