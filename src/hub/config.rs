//! What the hub is told at start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::Secret;

/// Everything the hub needs to know before it opens its data.
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// The hub's own folder, mode 0700.
    pub data: PathBuf,
    pub listen: Vec<SocketAddr>,
    /// Twelve digits; a label in ARNs.
    pub account_id: String,
    /// A label too: a caller may sign for any region.
    pub region: String,
    /// The first admin, created at first start when there is none.
    pub admin: Option<AdminSeed>,
    /// `host:port` under which nodes and people reach this hub; the machine's own addresses when empty.
    pub advertise: Vec<String>,
    /// How long an agent may be silent before it is asked, and then again before it is given up; the link's own times if unset.
    pub keep_alive: Option<Duration>,
}

/// Credentials given in advance for unattended set-up.
#[derive(Clone, Debug)]
pub struct AdminSeed {
    pub user_name: String,
    pub password: Option<Secret<String>>,
    pub access_key: Option<(String, Secret<String>)>,
}
