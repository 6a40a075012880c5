//! What both processes need of the machine and of its protocols, apart from our own wire contract.

pub mod addresses;
pub mod sigv4;
