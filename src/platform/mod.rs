//! What both processes need of the machine and of its protocols, apart from our own wire contract.

pub mod addresses;
pub mod descriptors;
pub mod files;
pub mod http2;
pub mod key_file;
pub mod memory;
pub mod outgoing;
pub mod processes;
pub mod resolve;
pub mod seal;
pub mod sigv4;
pub mod sshsig;
pub mod tls;
pub mod url;
pub mod users;
pub mod xml;
