//! Content codings (RFC 9110 §8.4): which one a client gets, and making it on the way.
//!
//! ```text
//! head ─ decide ─> head that says so        body ─ Encoded ─ coder ─> coded body
//! ```
//!
//! | file | |
//! |---|---|
//! | `accept.rs` | what a client accepts: pure |
//! | `decide.rs` | whether a response is coded, and what its head says then: pure |
//! | `coder.rs` | gzip, zstd and brotli behind one shape |
//! | `body.rs` | a body around a body |

pub mod accept;
mod body;
mod coder;
mod decide;

pub use accept::{Accepted, Choice, Coding};
pub use body::Encoded;
pub use coder::Level;
pub use decide::{Kind, Settings, decide};
