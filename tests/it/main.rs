//! The one integration binary: a module per capability or topic, and the tests that watch over the whole.

mod access;
mod audit;
mod commands;
mod coverage;
mod documents;
mod explain;
mod fuzz;
mod golden;
mod keys;
mod link;
mod login;
mod logs;
mod matrix;
mod node_parameters;
mod parameters;
mod rights;
mod search_outputs;
mod secrets;
mod sessions;
mod store_downloads;
mod support;
mod tags;
mod tidy;
mod trust;
mod words;
