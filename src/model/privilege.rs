//! What an agent that does not run as root cannot do. Said by the node itself, on its page, and in `docs/join-nodes.md`.

/// One sentence each, for a person.
pub const LOST_WITHOUT_ROOT: &[&str] = &[
    "commands and shells run as the agent's user, whoever sends them: what that user may not do, they cannot do",
    "packages, services and settings of the system cannot be changed, so no updates can be installed",
    "files and processes of other users are not seen",
    "the agent starts with the system only where the user's own service manager does (`loginctl enable-linger`)",
    "the lock file in the agent's folder belongs to the user that it is to bind; root can lock the node in /etc/roadstead/lock.yaml",
];

/// What is lost under this user.
pub fn lost_as(user: &str) -> &'static [&'static str] {
    match user {
        "root" => &[],
        _ => LOST_WITHOUT_ROOT,
    }
}
