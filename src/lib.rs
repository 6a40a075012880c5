//! Roadstead: a self-hosted AWS Systems Manager in one static binary.
//!
//! Reading order: [`base`] (words without a domain), [`model`] (the pure domain both processes share),
//! [`platform`] (what both need of the machine), [`wire`] (what hub and agent say to each other), then the two
//! processes, [`hub`] and [`agent`], and [`cli`], the client of the hub's API and the program's face.
//! A module names only what stands before it in this list; `hub` and `agent` never name each other.

pub mod base;
pub mod model;
pub mod platform;
pub mod wire;

pub mod agent;
pub mod hub;

pub mod cli;
