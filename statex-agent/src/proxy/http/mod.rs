//! What every protocol of the proxy turns messages into, and makes messages from.
//!
//! | file | |
//! |---|---|
//! | `fields.rs` | header and trailer fields: one flat block, in order |
//! | `name.rs` | field names that the proxy itself acts on |
//! | `message.rs` | heads of requests and responses |
//! | `body.rs` | bodies, polled piece by piece |
//! | `passage.rs` | where messages come from and where they go, whatever the protocol |

mod body;
mod fields;
mod message;
mod name;
mod passage;

pub use ::http::{Method, StatusCode};
pub use body::{Body, Extent, Fault, Full, Piece, Whole};
pub use fields::{Field, Fields};
pub use message::{Request, Response, Scheme, Version};
pub use name::Name;
pub use passage::{Sink, Source};
