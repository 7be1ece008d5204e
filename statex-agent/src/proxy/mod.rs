//! A request's way: from a client's bytes to a backend and back.
//!
//! ```text
//! client ─ h1 (head, framing, body) ─> http::Request ─ headers ─> backend's h1
//! client <─ h1 (encode) ─ http::Response <─ headers ─────────────────┘
//! ```
//!
//! | folder | holds |
//! |---|---|
//! | `http/` | the vocabulary that all protocols share: heads, fields, bodies |
//! | `h1/` | HTTP/1.1 (RFC 9112) without I/O: what bytes mean, and which bytes say it |
//! | `headers/` | which fields cross the proxy: pure |
//!
//! All of it is made for one thread: nothing on a request's way is shared, locked or `Send`.

pub mod h1;
pub mod headers;
pub mod http;
