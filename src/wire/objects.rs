//! What a step downloads with the hub's help. Objects of a store: the hub finds them and signs an address for each, the node
//! fetches them from the store itself. Files of the hub: the hub sends them along.
//!
//! The agent says which step of which run is about to begin ([`super::control::ToHub::WantObjects`]), never which object: that
//! says the order that the hub keeps. Each file comes as a stream of its own (`POST /file/…`, see [`FileFor`]), then the answer as
//! another (`POST /objects`), once: [`StepObjects`].

use serde::{Deserialize, Serialize};

use crate::base::Secret;
use crate::base::id::{CommandId, random_hex};
use crate::model::document::sources::Source;
use crate::wire::parameters::secret_text;

/// Most objects that one step is given.
pub const MAX_OBJECTS: usize = 1000;
/// Most that one download may bring, all its objects together: more than any file that a script should bring along.
pub const MAX_DOWNLOAD_BYTES: u64 = 4 << 30;

/// All that a step may fetch, or why it gets nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepObjects {
    pub run: CommandId,
    /// Its place in the run, from 0.
    pub step: u32,
    /// What is not among it belongs to no store of the hub's: the node fetches it as anybody could.
    pub granted: Vec<Granted>,
    /// For whoever sent the command; then nothing is granted.
    pub problem: Option<String>,
}

/// What stands behind one source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Granted {
    pub source: Source,
    /// The hub's name for the store; empty for files of the hub.
    pub store: String,
    /// Its objects belong below a folder by their names; otherwise it is one object.
    pub is_folder: bool,
    pub objects: Vec<Object>,
    /// One more authority to trust for this store, as PEM.
    pub ca_pem: Option<String>,
}

/// One object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Object {
    /// Of the file, below the folder.
    pub name: String,
    /// With its signature: whoever has it may read the object until it expires.
    #[serde(with = "secret_text")]
    pub url: Secret<String>,
}

/// Where a file of the hub lies at the node until its step takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFor {
    pub run: CommandId,
    pub step: u32,
    /// Its name there: 32 hexadecimal digits.
    pub place: String,
}

const PLACE_DIGITS: usize = 32;
const FILE_PATH: &str = "/file/";
/// How an [`Object::url`] begins that names a place.
const PLACE_SCHEME: &str = "hub-file:";

impl FileFor {
    pub fn new(run: CommandId, step: u32) -> Self {
        let place = random_hex(PLACE_DIGITS);
        Self { run, step, place }
    }

    /// The path of the request whose body is the file. The answer's body is empty, or says why the node does not have it.
    pub fn path(&self) -> String {
        format!("{FILE_PATH}{}/{}/{}", self.run, self.step, self.place)
    }

    pub fn of_path(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix(FILE_PATH)?.split('/');
        let parsed = Self {
            run: parts.next()?.parse().ok()?,
            step: parts.next()?.parse().ok()?,
            place: parts.next().filter(|place| is_place(place))?.to_owned(),
        };
        parts.next().is_none().then_some(parsed)
    }

    pub fn url(&self) -> String {
        format!("{PLACE_SCHEME}{}", self.place)
    }

    /// The place that an object's address names.
    pub fn place_in(url: &str) -> Option<&str> {
        url.strip_prefix(PLACE_SCHEME).filter(|place| is_place(place))
    }
}

fn is_place(text: &str) -> bool {
    text.len() == PLACE_DIGITS && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_name_and_nothing_that_leads_elsewhere() {
        let file = FileFor::new(CommandId::random(), 3);
        assert_eq!(FileFor::of_path(&file.path()), Some(file.clone()));
        assert_eq!(FileFor::place_in(&file.url()), Some(file.place.as_str()));
        let run = &file.run;
        for odd in [
            "/file/".into(),
            format!("/file/{run}/3/.."),
            format!("/file/{run}/3/{}/x", file.place),
            format!("/file/../3/{}", file.place),
            format!("/file/{run}/-1/{}", file.place),
        ] {
            assert_eq!(FileFor::of_path(&odd), None, "{odd}");
        }
        assert_eq!(FileFor::place_in("hub-file:../../etc/passwd"), None);
    }
}
