//! The one integration binary: a module per capability or topic, and the tests that watch over the whole.

mod access;
mod coverage;
mod golden;
mod link;
mod sessions;
mod support;
mod tidy;
