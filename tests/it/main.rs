//! The one integration binary: a module per capability or topic.

mod link;
mod sessions;
