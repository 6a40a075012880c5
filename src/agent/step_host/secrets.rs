//! A step's secrets on their way from the agent to its host: a file that exists in memory only, handed over as a descriptor.
//!
//! *Invariants*: it has no name, no disk behind it, and is closed by every `exec`; the host overwrites it as soon as it has read
//! it. A host that holds secrets leaves no core, nor does what it starts, and only root reads its memory.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::MemfdFlags;
use zeroize::Zeroizing;

use super::mask::Patterns;
use super::record::StepOrder;
use crate::base::Secret;
use crate::model::document::secrets::{Secrets, fill};
use crate::platform::memory::keep_private;
use crate::wire::parameters::RunSecret;

/// Fifty values of 32 KiB, in JSON.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// What they usually fit into, so that no copy of them is left behind by growing.
const USUAL_BYTES: usize = 64 * 1024;

/// An order with everything that belongs into its command's environment.
pub struct Prepared {
    pub order: StepOrder,
    /// In place of the order's own, when secrets are in it.
    filled: Option<Zeroizing<Vec<(String, String)>>>,
    pub patterns: Option<Arc<Patterns>>,
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
pub fn in_memory(names: impl Iterator<Item = impl AsRef<str>>, secrets: &Secrets) -> io::Result<OwnedFd> {
    let given = names.filter_map(|name| {
        let (reference, value) = secrets.get_key_value(name.as_ref())?;
        Some(RunSecret {
            reference: reference.clone(),
            value: Secret::new(value.expose().clone()),
        })
    });
    let given: Vec<RunSecret> = given.collect();
    let mut json = Zeroizing::new(Vec::with_capacity(USUAL_BYTES));
    serde_json::to_writer(&mut *json, &given)?;
    let mut file = File::from(rustix::fs::memfd_create("roadstead-step", MemfdFlags::CLOEXEC)?);
    file.write_all(&json)?;
    Ok(file.into())
}

/// Fills in what the order names.
///
/// *Errors*: it names something that was not handed over.
pub fn with_secrets(order: StepOrder, handed: Option<OwnedFd>) -> io::Result<Prepared> {
    if order.secrets.is_empty() {
        return Ok(Prepared {
            order,
            filled: None,
            patterns: None,
        });
    }
    keep_private();
    let secrets = take(handed.ok_or_else(|| io::Error::other("its secrets were not handed over"))?)?;
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
    Ok(Prepared {
        filled: Some(Zeroizing::new(filled.collect())),
        patterns: Some(Arc::new(Patterns::new(secrets.values().map(|value| value.expose().as_str())))),
        order,
    })
}

/// How the variables begin that a document makes; what the sender sets beside it is no document's text.
const DOCUMENTS_OWN: &str = "SSM_";

/// Reads it and leaves nothing in it.
fn take(handed: OwnedFd) -> io::Result<Secrets> {
    let file = File::from(handed);
    let length = file.metadata()?.len();
    if length > MAX_BYTES {
        return Err(io::Error::other("its secrets are longer than anything that may be handed over"));
    }
    let mut json = Zeroizing::new(vec![0; length as usize]);
    file.read_exact_at(&mut json, 0)?;
    file.write_all_at(&vec![0; length as usize], 0)?;
    file.set_len(0)?;
    let given: Vec<RunSecret> = serde_json::from_slice(&json).map_err(|_| io::Error::other("its secrets cannot be read"))?;
    Ok(given.into_iter().map(|secret| (secret.reference, secret.value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let pair = |name: &str, value: &str| (name.to_owned(), Secret::new(value.to_owned()));
        Secrets::from([pair("ssm-secure:/a", "open \"sesame\""), pair("ssm-secure:/b", "other")])
    }

    #[test]
    fn what_was_handed_over_is_read_once_and_overwritten() {
        let handed = in_memory(["ssm-secure:/a", "ssm-secure:/none"].iter(), &secrets()).unwrap();
        let copy = File::from(handed.try_clone().unwrap());
        let taken = take(handed).unwrap();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken["ssm-secure:/a"].expose(), "open \"sesame\"");
        assert_eq!(copy.metadata().unwrap().len(), 0);
    }
}
