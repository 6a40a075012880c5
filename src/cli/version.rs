//! `roadstead version`.

use anyhow::Result;
use serde_json::json;

use crate::base::Clock;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::wire;

const COLUMNS: &[Column] = &[
    Column::new("version", Kind::Text),
    Column::new("target", Kind::Text),
    Column::new("link_versions", Kind::Text),
    Column::new("output_version", Kind::Text),
];

pub fn run(show: &Show) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    if show.is_table() {
        return output::write(&format!("roadstead {version}\n"));
    }
    let row = json!({
        "version": version,
        "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "link_versions": wire::VERSIONS,
        "output_version": 1,
    });
    let listing = Listing {
        columns: COLUMNS,
        rows: vec![row],
    };
    show.record(listing, Clock::system().now())
}
