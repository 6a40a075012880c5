//! The link between hub and agent over real TLS and loopback TCP: `hub::link` on one side, `agent::home` or a hostile
//! stand-in on the other.

mod admission;
mod hostile;
mod life;
mod streams;
pub mod support;
