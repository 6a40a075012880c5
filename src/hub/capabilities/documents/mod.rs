//! Documents: stored, versioned, shared, and the library that every hub has from the start.
//!
//! ```text
//! document  ─ CreateDocument ─► version 1 (default and latest)
//!           ─ UpdateDocument ─► version n+1 (latest; the default stays)
//!           ─ UpdateDocumentDefaultVersion ─► default moves
//!           ─ DeleteDocument ─► a version that is not the default, or all of them
//! ```
//!
//! A version never changes once it is there and its number is never given twice, so that a command, an association or a person
//! who names one gets what was meant. What a document *says* is judged by `model/document` ([`content`]); who may see it, by
//! the rights. The built-in ones ([`library`]) are rows like the others, put there at each start, owned by others than the
//! hub's account. Other capabilities read documents through [`lookup`]. The agent half is its executor.

pub mod attachments;
pub mod content;
pub mod edit;
pub mod hub_files;
pub mod library;
pub mod links;
pub mod lint;
pub mod list;
pub mod lookup;
pub mod names;
pub mod read;
pub mod references;
pub mod reviews;
pub mod rows;
pub mod sharing;
pub mod view;

use crate::hub::api::Capability;
use crate::hub::api::registry::{no_jobs, no_reports};

pub use names::KIND;

pub const CAPABILITY: Capability = Capability {
    name: "documents",
    operations: |api| {
        edit::operations(api);
        read::operations(api);
        list::operations(api);
        sharing::operations(api);
        reviews::operations(api);
        lint::operations(api);
        references::operations(api);
    },
    reports: no_reports,
    jobs: no_jobs,
    streams: |streams| streams.file = Some(links::serve),
};
