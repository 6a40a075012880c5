//! What both processes need of the machine they run on.

pub mod files;
