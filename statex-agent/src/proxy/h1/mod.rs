//! HTTP/1.1 (RFC 9112) without I/O: the proxy's server side and client side read and write by it.
//!
//! ```text
//! bytes ─ head::request ─> Request, Framing ─ Decoder ─> pieces of the body
//! bytes <─ encode::head ── Response, Framing <─ encode::chunk ── pieces
//! ```
//!
//! What two readers could understand differently is refused, never repaired: a request that the proxy and
//! a backend delimit differently smuggles another one behind it (RFC 9112 §11.2).
//!
//! | file | |
//! |---|---|
//! | `head.rs` | heads of requests and responses |
//! | `target.rs` | the four forms of a request's target, and the authority |
//! | `framing.rs` | how long a body is |
//! | `decode.rs` | pieces of a body |
//! | `encode.rs` | the way back to bytes |
//! | `output.rs` | bytes that wait to be written |

pub mod decode;
pub mod encode;
pub mod framing;
pub mod head;
pub mod output;
mod target;

use ::http::StatusCode;

pub use decode::{Decoder, Step};
pub use encode::Persistence;
pub use framing::Framing;
pub use output::{Next, Output};

/// Bounds of what is read from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head, and of the trailers.
    pub head: usize,
    /// Fields of a head; at most [`Limits::MOST_FIELDS`].
    pub fields: usize,
    /// Bytes of a request's target.
    pub target: usize,
}

impl Limits {
    pub const MOST_FIELDS: usize = 128;
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: 32 << 10, fields: 100, target: 8 << 10 }
    }
}

/// Why a message is not taken. The connection that it came by cannot be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Malformed(&'static str),
    LongTarget,
    LargeHead,
    Coding,
    Version,
}

impl Refusal {
    /// What is wrong, in a few words.
    pub fn what(self) -> &'static str {
        match self {
            Self::Malformed(what) => what,
            Self::LongTarget => "the target is too long",
            Self::LargeHead => "the head is too large",
            Self::Coding => "the transfer coding is not known",
            Self::Version => "the version is not served",
        }
    }

    /// The status that a client is answered with.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::LongTarget => StatusCode::URI_TOO_LONG,
            Self::LargeHead => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Coding => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        }
    }
}
