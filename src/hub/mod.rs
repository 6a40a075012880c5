//! hub

pub mod certificates;
pub mod front;
pub mod web;
