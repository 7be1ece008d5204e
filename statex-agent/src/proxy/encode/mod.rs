//! Content codings: which one a client gets, and making it on the way.
//!
//! | file | |
//! |---|---|
//! | `accept.rs` | what a client accepts |

pub mod accept;

pub use accept::{Accepted, Choice, Coding};
