//! A request's way: from a client's bytes to a backend and back.
//!
//! ```text
//! worker ─ serve ─ h1 ─> Request, Body ───── edge ─ route ─ relay ─ upstream ─> backend
//!                  h1 <─ Sink<Response> <──────────────────┘
//! ```
//!
//! | where | what |
//! |---|---|
//! | `worker/` | one thread a core: sockets, runtime, start and stop |
//! | `plan/` | what all of it goes by, replaced as a whole |
//! | `counters.rs` | what is counted |
//! | `stream.rs`, `deadline.rs`, `dates.rs`, `spare.rs` | bytes, time and memory of connections |
//! | `tls/` | TLS of clients |
//! | `serve/` | a client's HTTP/1.1 connection, request after request |
//! | `edge/` | one request, by whichever protocol it came |
//! | `route/` | which route a request takes: pure |
//! | `relay.rs` | one exchange with a backend, up and down at once |
//! | `upstream/` | connections to backends |
//! | `files/` | files of a root |
//! | `encode/` | content codings |
//! | `http/` | the vocabulary that all protocols share: heads, fields, bodies |
//! | `heads/` | what heads of HTTP/2 and HTTP/3 may say, and which lines say it: pure |
//! | `compression/` | what HPACK and QPACK share: pure |
//! | `h1/` | HTTP/1.1 (RFC 9112) without I/O: what bytes mean, and which bytes say it |
//! | `h2/` | HTTP/2 (RFC 9113): a connection without I/O, and its drivers for both sides |
//! | `h3/` | HTTP/3 (RFC 9114) without I/O |
//! | `quic/` | a worker's QUIC (RFC 9000) sockets and connections, and HTTP/3 over them |
//! | `headers/` | which fields cross the proxy: pure |
//!
//! All of it is made for one thread: nothing on a request's way is shared, locked or `Send`.

pub mod compression;
pub mod counters;
mod dates;
mod deadline;
mod edge;
pub mod encode;
pub mod files;
pub mod h1;
pub mod h2;
pub mod h3;
pub mod headers;
pub mod heads;
pub mod http;
pub mod plan;
pub mod quic;
mod relay;
pub mod route;
mod serve;
mod spare;
mod stream;
#[cfg(test)]
mod tests;
pub mod tls;
mod upstream;
mod worker;

pub use worker::{BindError, Proxy, Sockets};
