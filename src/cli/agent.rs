//! `roadstead agent …`: the agent of this node, seen from the node itself. Local, without a hub.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::agent::lock::{OWN_FILE, SYSTEM_FILE, read_all};
use crate::base::Clock;
use crate::cli::data;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{Column, Kind, Listing, Show};
use crate::model::privilege::lost_as;
use crate::platform::key_file::load_seed;
use crate::platform::tls::{public_key, spki_fingerprint};

#[derive(Subcommand)]
pub enum AgentVerb {
    /// Which node this is, its key, its hub, its lock, and what it cannot do without root
    Status {
        /// The agent's data folder
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
}

const COLUMNS: &[Column] = &[
    Column::new("node_id", Kind::Text),
    Column::new("running", Kind::Text),
    Column::new("runs_as", Kind::Text),
    Column::new("key_fingerprint", Kind::Text),
    Column::new("hub_key", Kind::Text),
    Column::new("hub_addresses", Kind::Text),
    Column::new("lock", Kind::Text),
    Column::new("lock_files", Kind::Text),
    Column::new("lock_trouble", Kind::Text),
    Column::new("lost_without_root", Kind::Text),
];

pub fn run(verb: AgentVerb, show: &Show) -> Result<()> {
    let AgentVerb::Status { data } = verb;
    let data = data.unwrap_or_else(data::agent_folder);
    let listing = Listing {
        columns: COLUMNS,
        rows: vec![status(&data)?],
    };
    show.record(listing, Clock::system().now())
}

fn status(data: &Path) -> Result<Value> {
    use std::os::unix::fs::MetadataExt;
    let Ok(found) = std::fs::metadata(data) else {
        return Err(
            Failure::new(Exit::NotFound, format!("there is no agent's folder {}", data.display()))
                .hint("name it: --data DIR")
                .into(),
        );
    };
    let seed = load_seed(&data.join("identity.key"))?;
    let hub: Value = std::fs::read(data.join("hub.json"))
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default();
    let user = if found.uid() == 0 {
        "root".to_owned()
    } else {
        found.uid().to_string()
    };
    let standing = read_all(&[PathBuf::from(SYSTEM_FILE), data.join(OWN_FILE)], found.uid());
    Ok(json!({
        "node_id": hub["node_id"],
        "running": data::is_locked(data),
        "runs_as": user,
        "key_fingerprint": seed.map(|seed| spki_fingerprint(&public_key(seed.expose()))),
        "hub_key": hub["hub_key"],
        "hub_addresses": hub["addresses"],
        "lock": standing.lock.words(),
        "lock_files": standing.files,
        "lock_trouble": standing.trouble,
        "lost_without_root": lost_as(&user),
    }))
}
