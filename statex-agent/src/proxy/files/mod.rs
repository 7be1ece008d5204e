//! Files of a root.
//!
//! ```text
//! path ─ path.rs ─> name ─ cache.rs ─ open.rs ─> family ─ condition.rs ─ range.rs ─> head
//!                                                                       content.rs ─> body
//! ```
//!
//! | file | |
//! |---|---|
//! | `answer.rs` | the answer to a request, from all that follows |
//! | `attempt.rs` | what is tried in answer to a path: pure |
//! | `path.rs` | which name under the root a path stands for; none leads out: pure |
//! | `cache.rs` | what a worker knows of names |
//! | `file.rs` | a file and its neighbours: coded, and as WebP |
//! | `open.rs` | opening, held beneath the root by the kernel |
//! | `read.rs` | reading without waiting for a disk |
//! | `types.rs` | media types: pure |
//! | `validator.rs` | entity tags and dates: pure |
//! | `condition.rs` | conditional requests: pure |
//! | `range.rs`, `multipart.rs` | parts of a file: pure |
//! | `content.rs` | the body |

mod answer;
mod attempt;
pub mod cache;
pub mod condition;
pub mod content;
pub mod file;
pub mod multipart;
pub mod open;
pub mod path;
pub mod range;
pub mod read;
#[cfg(test)]
mod tests;
pub mod types;
pub mod validator;

pub use answer::{Now, answer};
pub use attempt::Attempt;
pub use cache::{Cache, Limits, Root};
pub use content::Content;
pub use file::Look;
pub use open::Links;
pub use types::Types;

use super::http::StatusCode;

/// How a route serves files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    pub root: Root,
    /// Names of files that stand for their folder, the first that there is.
    pub index: Vec<Box<[u8]>>,
    /// What is tried, one after the other; at the end, 404.
    pub attempts: Vec<Attempt>,
    pub types: Types,
}
