//! Vocabulary without a domain: ARNs, ids, percent-encoding, counts, time, errors and what is wrong with a request, secrets.
//!
//! Everything else may name this module; it names nothing of ours.

pub mod arn;
pub mod clock;
pub mod count;
pub mod error;
pub mod id;
pub mod percent;
pub mod secret;
pub mod violations;

pub use arn::Arn;
pub use clock::{Clock, Timestamp};
pub use count::count;
pub use error::{ApiError, ApiResult};
pub use secret::Secret;
