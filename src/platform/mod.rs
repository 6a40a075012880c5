//! What both processes need of the machine they run on.

pub mod descriptors;
pub mod files;
pub mod processes;
pub mod users;
