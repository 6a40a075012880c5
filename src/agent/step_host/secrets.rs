//! What a step is given in memory on its way from the agent to its host: a file that exists in memory only, handed over as a
//! descriptor. Secrets go into the environment of the host's command; what it may fetch from object stores is handed on, as
//! another such file on the command's standard input.
//!
//! *Invariants*: it has no name, no disk behind it, and is closed by every `exec`; the host overwrites it as soon as it has read
//! it. A host that holds secrets leaves no core, nor does what it starts, and only root reads its memory.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::MemfdFlags;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::mask::Patterns;
use super::record::StepOrder;
use crate::base::Secret;
use crate::model::document::secrets::{Secrets, fill};
use crate::platform::memory::keep_private;
use crate::wire::objects::Granted;
use crate::wire::parameters::RunSecret;

/// Fifty values of 32 KiB, in JSON; or a thousand addresses.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// What they usually fit into, so that no copy of them is left behind by growing.
const USUAL_BYTES: usize = 64 * 1024;

/// Everything that one step is given.
#[derive(Default, Serialize, Deserialize)]
struct Handed {
    secrets: Vec<RunSecret>,
    objects: Vec<Granted>,
}

/// An order with everything that belongs into its command's environment.
pub struct Prepared {
    pub order: StepOrder,
    /// In place of the order's own, when secrets are in it.
    filled: Option<Zeroizing<Vec<(String, String)>>>,
    pub patterns: Option<Arc<Patterns>>,
    /// What the command reads; nothing when there is none.
    pub input: Option<OwnedFd>,
}

impl Prepared {
    pub fn environment(&self) -> &[(String, String)] {
        match &self.filled {
            Some(filled) => filled,
            None => &self.order.environment,
        }
    }
}

/// What the host of a step is to be given; the names that are missing here it will miss, too.
pub fn in_memory(names: impl Iterator<Item = impl AsRef<str>>, secrets: &Secrets, objects: &[Granted]) -> io::Result<OwnedFd> {
    let given = names.filter_map(|name| {
        let (reference, value) = secrets.get_key_value(name.as_ref())?;
        Some(RunSecret {
            reference: reference.clone(),
            value: Secret::new(value.expose().clone()),
        })
    });
    memory_file(&Handed {
        secrets: given.collect(),
        objects: objects.to_vec(),
    })
}

/// What a command that downloads from object stores finds on its standard input.
pub fn input_of(objects: &[Granted]) -> io::Result<OwnedFd> {
    memory_file(&objects)
}

/// The same, read by that command.
///
/// *Errors*: nothing was handed over.
pub fn objects_on_input() -> io::Result<Vec<Granted>> {
    read_and_empty(&File::from(std::io::stdin().as_fd().try_clone_to_owned()?))
}

fn memory_file(value: &impl Serialize) -> io::Result<OwnedFd> {
    let mut json = Zeroizing::new(Vec::with_capacity(USUAL_BYTES));
    serde_json::to_writer(&mut *json, value)?;
    let mut file = File::from(rustix::fs::memfd_create("roadstead-step", MemfdFlags::CLOEXEC)?);
    file.write_all(&json)?;
    file.rewind()?;
    Ok(file.into())
}

/// Fills in what the order names.
///
/// *Errors*: it names something that was not handed over.
pub fn with_secrets(order: StepOrder, handed: Option<OwnedFd>) -> io::Result<Prepared> {
    if order.secrets.is_empty() && !order.wants_objects {
        return Ok(Prepared {
            order,
            filled: None,
            patterns: None,
            input: None,
        });
    }
    keep_private();
    let handed = handed.ok_or_else(|| io::Error::other("its secrets were not handed over"))?;
    let Handed { secrets, objects } = read_and_empty(&File::from(handed))?;
    let secrets: Secrets = secrets.into_iter().map(|secret| (secret.reference, secret.value)).collect();
    if let Some(missing) = order.secrets.iter().find(|name| !secrets.contains_key(*name)) {
        return Err(io::Error::other(format!("its secret `{{{{{missing}}}}}` was not handed over")));
    }
    let filled = order.environment.iter().map(|(name, value)| {
        let value = match name.starts_with(DOCUMENTS_OWN) {
            true => std::mem::take(&mut *fill(value, &secrets)),
            false => value.clone(),
        };
        (name.clone(), value)
    });
    let signatures = objects
        .iter()
        .flat_map(|one| &one.objects)
        .map(|object| signature(object.url.expose()));
    let hidden = secrets.values().map(|value| value.expose().as_str()).chain(signatures);
    Ok(Prepared {
        filled: Some(Zeroizing::new(filled.collect())),
        patterns: Some(Arc::new(Patterns::new(hidden))),
        input: order.wants_objects.then(|| input_of(&objects)).transpose()?,
        order,
    })
}

/// What makes an address worth something: the end of it.
fn signature(url: &str) -> &str {
    url.rsplit('=').next().unwrap_or_default()
}

/// How the variables begin that a document makes; what the sender sets beside it is no document's text.
const DOCUMENTS_OWN: &str = "SSM_";

/// Reads it and leaves nothing in it.
fn read_and_empty<T: DeserializeOwned>(file: &File) -> io::Result<T> {
    let length = file.metadata()?.len();
    if length > MAX_BYTES {
        return Err(io::Error::other("its secrets are longer than anything that may be handed over"));
    }
    let mut json = Zeroizing::new(vec![0; length as usize]);
    file.read_exact_at(&mut json, 0)?;
    file.write_all_at(&vec![0; length as usize], 0)?;
    file.set_len(0)?;
    serde_json::from_slice(&json).map_err(|_| io::Error::other("its secrets cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::document::sources::Source;
    use crate::wire::objects::Object;

    fn secrets() -> Secrets {
        let pair = |name: &str, value: &str| (name.to_owned(), Secret::new(value.to_owned()));
        Secrets::from([pair("ssm-secure:/a", "open \"sesame\""), pair("ssm-secure:/b", "other")])
    }

    #[test]
    fn what_was_handed_over_is_read_once_and_overwritten() {
        let handed = in_memory(["ssm-secure:/a", "ssm-secure:/none"].iter(), &secrets(), &[]).unwrap();
        let file = File::from(handed);
        let taken: Handed = read_and_empty(&file).unwrap();
        assert_eq!(taken.secrets.len(), 1);
        assert_eq!(taken.secrets[0].value.expose(), "open \"sesame\"");
        assert_eq!(file.metadata().unwrap().len(), 0);
        assert!(read_and_empty::<Handed>(&file).is_err());
    }

    #[test]
    fn what_may_be_fetched_is_handed_on_to_the_command_and_its_signature_is_masked() {
        let object = Object {
            name: "x".into(),
            url: Secret::new("https://store.example/b/x?X-Amz-Expires=900&X-Amz-Signature=0badc0de".into()),
        };
        let granted = Granted {
            source: Source {
                path: "s3://b/x".into(),
                endpoint: String::new(),
            },
            store: "minio".into(),
            is_folder: false,
            objects: vec![object],
            ca_pem: None,
        };
        let order: StepOrder = serde_json::from_value(serde_json::json!({
            "script": "true", "environment": [], "working_directory": "/", "timeout_ms": 1, "kill_grace_ms": 1, "cap_bytes": 1,
            "interpreter": null, "wants_objects": true,
        }))
        .unwrap();
        let handed = in_memory(std::iter::empty::<&str>(), &Secrets::new(), std::slice::from_ref(&granted)).unwrap();
        let prepared = with_secrets(order.clone(), Some(handed)).unwrap();
        let input = File::from(prepared.input.unwrap());
        let read: Vec<Granted> = read_and_empty(&input).unwrap();
        assert_eq!(
            (read[0].store.as_str(), read[0].objects[0].url.expose()),
            ("minio", granted.objects[0].url.expose())
        );
        assert_eq!(input.metadata().unwrap().len(), 0);
        let masked = prepared
            .patterns
            .unwrap()
            .mask_text("at https://store.example/b/x?X-Amz-Expires=900&X-Amz-Signature=0badc0de!");
        assert_eq!(masked, "at https://store.example/b/x?X-Amz-Expires=900&X-Amz-Signature=****!");
        assert!(with_secrets(order, None).is_err());
    }
}
