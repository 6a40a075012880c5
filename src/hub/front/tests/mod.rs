//! The port over real sockets, with a made-up API and agents' door behind it.

mod doors;
mod join;
mod limits;
mod requests;
mod sockets;
mod support;
