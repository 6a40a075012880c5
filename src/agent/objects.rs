//! What steps download with the hub's help, objects of stores and files of its own: asked of the hub when a step is begun, forgotten
//! when it has been, since the addresses are good for minutes only.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::io::StreamReader;

use crate::agent::desk::Desk;
use crate::agent::home::FileBody;
use crate::base::id::CommandId;
use crate::wire::objects::{FileFor, Granted, MAX_DOWNLOAD_BYTES, StepObjects};

/// By run and the step's place in it.
pub type ObjectsDesk = Desk<(CommandId, u32), Vec<Granted>>;

/// The hub's answer.
pub fn take(desk: &ObjectsDesk, answer: StepObjects) {
    let answered = match answer.problem {
        Some(problem) => Err(problem),
        None => Ok(answer.granted),
    };
    desk.take((answer.run, answer.step), answered);
}

/// Where files of the hub lie in a run's folder until their step takes them.
const RECEIVED: &str = "received";

/// The file that lies at this place, beside the run's downloads.
pub fn received(downloads: &Path, place: &str) -> PathBuf {
    downloads.with_file_name(RECEIVED).join(place)
}

/// Keeps a file of the hub for a step that has asked; it goes with the run's folder.
///
/// *Errors*: why it is not kept, for whoever sent the command.
pub async fn receive(desk: &ObjectsDesk, runs: &Path, meant: FileFor, body: FileBody<'_>) -> Result<(), String> {
    if !desk.is_waiting(&(meant.run.clone(), meant.step)) {
        return Err("no step of this node waits for it".into());
    }
    let folder = runs.join(meant.run.as_str()).join(RECEIVED);
    let kept = keep(&folder, &meant.place, body).await;
    match kept {
        Ok(length) if length <= MAX_DOWNLOAD_BYTES => return Ok(()),
        _ => drop(tokio::fs::remove_file(folder.join(&meant.place)).await),
    }
    match kept {
        Ok(_) => Err(format!("it is longer than {} GB", MAX_DOWNLOAD_BYTES >> 30)),
        Err(error) => Err(format!("the node could not keep it: {error}")),
    }
}

async fn keep(folder: &Path, place: &str, body: FileBody<'_>) -> io::Result<u64> {
    tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).await?;
    let mut file = tokio::fs::File::create(folder.join(place)).await?;
    let length = tokio::io::copy(&mut StreamReader::new(body).take(MAX_DOWNLOAD_BYTES + 1), &mut file).await?;
    file.flush().await?;
    Ok(length)
}
