//! What hub and agent need of the machine: keys and TLS, name resolution, HTTP/2 plumbing.

pub mod http2;
pub mod key_file;
pub mod resolve;
pub mod tls;
