//! The pure domain that both processes and the CLI share: no I/O, no async.

pub mod filter;
