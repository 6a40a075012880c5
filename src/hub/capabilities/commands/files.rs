//! Files of the hub on their way to a step that downloads them.
//!
//! A sender needs `ssm:SendCommand` on each `hub-file` that the command's downloads name. When a step begins, its node asks, as for
//! objects of a store ([`super::objects`]); the grant is written into the audit log, and each file goes to the node on the line
//! that its agent holds: a node needs no other way to the hub.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use tokio_util::io::ReaderStream;

use super::objects::{Answer, Ask, failed, reading};
use crate::base::Secret;
use crate::hub::api::Services;
use crate::hub::capabilities::documents::hub_files::{self, Found, Listed};
use crate::hub::link::LinkError;
use crate::model::document::sources::Source;
use crate::wire::objects::{FileFor, Granted, Object};

/// Read and sent at a time.
const PIECE_BYTES: usize = 128 * 1024;
/// A node whose line breaks meanwhile is awaited, and gets the file from its beginning.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_secs(3);

/// Writes the grant down, and only then hands the files over.
pub async fn grant(services: &Services, ask: &Ask, step: &str, source: Source, path: String) -> Answer<Granted> {
    let data = services.config.data.clone();
    let looked_for = path.clone();
    let found = tokio::task::spawn_blocking(move || hub_files::find(&data, &looked_for)).await;
    let Found { is_folder, files } = found.map_err(|error| error.to_string())??;
    let what = match is_folder {
        true => format!("{} below it", crate::base::count(files.len() as u64, "file")),
        false => "it".to_owned(),
    };
    let detail = format!("{what} may be read for step `{step}` of command {}", ask.run);
    let read = reading(services, ask);
    let written = services.write(move |tx| {
        read.record(tx, hub_files::target(&path).to_string(), detail);
        Ok(())
    });
    written.await.map_err(|error| failed(ask, &error))?;
    let mut objects = Vec::new();
    for file in files {
        objects.push(handed_over(services, ask, file).await?);
    }
    Ok(Granted {
        source,
        store: String::new(),
        is_folder,
        objects,
        ca_pem: None,
    })
}

async fn handed_over(services: &Services, ask: &Ask, file: Listed) -> Answer<Object> {
    let place = FileFor::new(ask.run.clone(), ask.step);
    let mut attempt = 1;
    while let Err(why) = sent(services, ask, &place, services.config.data.clone(), file.path.clone()).await {
        if !why.is_passing() || attempt == ATTEMPTS {
            return Err(format!("the hub's file `{}` did not come: {why}", file.path));
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Object {
        name: file.name,
        url: Secret::new(place.url()),
    })
}

async fn sent(services: &Services, ask: &Ask, place: &FileFor, data: PathBuf, path: String) -> Result<(), LinkError> {
    let opened = tokio::task::spawn_blocking(move || hub_files::open(&data, &path)).await;
    let opened = opened.map_err(|error| error.to_string()).and_then(|opened| opened);
    let file = opened.map_err(LinkError::Said)?;
    let pieces = ReaderStream::with_capacity(tokio::fs::File::from_std(file), PIECE_BYTES);
    services.link().file(&ask.node, &place.path(), pieces.boxed()).await
}
