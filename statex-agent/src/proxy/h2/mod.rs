//! HTTP/2 (RFC 9113): a connection without I/O, its streams as bodies and sinks, and drivers for both sides.
//!
//! ```text
//! socket ─ wire ─ Connection ─ streams ─┬─ Incoming ─> Body, Source
//!                                       └─ Outgoing <─ Sink
//! ```
//!
//! | file | |
//! |---|---|
//! | `frame/`, `setting.rs`, `code.rs` | what is on the wire |
//! | `hpack/` | field compression (RFC 7541) |
//! | `connection/` | the rules of frames, streams and messages |
//! | `stream.rs`, `streams.rs` | one stream, and all of them |
//! | `window.rs` | flow control |
//! | `turns.rs` | whose turn it is to send |
//! | `guard.rs` | abuse, and how much of it is borne |
//! | `output.rs` | what waits to be written |
//! | `exchange.rs` | a stream as the rest of the proxy sees it |
//! | `server.rs`, `client.rs` | connections of clients and to backends, over `wire.rs` |
//! | `tasks.rs` | the requests of a client's connection, polled where it is |

mod alarm;
mod client;
mod code;
#[cfg(test)]
mod conformance;
mod connection;
mod exchange;
pub mod frame;
mod guard;
pub mod hpack;
mod output;
mod server;
pub mod setting;
mod stream;
mod streams;
mod tasks;
#[cfg(test)]
mod tests;
mod turns;
mod window;
mod wire;

pub use client::Client;
#[cfg(test)]
use client::connect;
pub use code::Code;
pub use connection::{Connection, Patience, Role, Terms};
pub use exchange::{Incoming, Outgoing};
pub(crate) use frame::PREFACE;
pub use guard::Abuse;
pub(crate) use server::serve;
pub use streams::Key;
