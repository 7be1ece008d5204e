//! HTTP/2 (RFC 9113) without I/O.
//!
//! | file | |
//! |---|---|
//! | `hpack/` | field compression (RFC 7541) |

pub mod hpack;
