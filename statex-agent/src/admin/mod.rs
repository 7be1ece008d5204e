//! The node's two doors: the control socket for operators, `/metrics` for Prometheus.
//!
//! | file | holds |
//! |---|---|
//! | `status.rs` | what is said over the control socket: one set of types for both ends |
//! | `peer.rs` | who may speak on it |
//! | `api.rs` | its requests and answers |
//! | `client.rs` | the other end, for the command line |
//! | `sample.rs` | what is counted, as plain numbers |
//! | `families.rs`, `requests.rs` | the same with names, help and labels |
//! | `metrics.rs` | offers it to Prometheus |
//! | `http.rs` | serving HTTP/1.1 on either |

pub mod api;
pub mod client;
mod families;
mod http;
pub mod metrics;
pub mod peer;
mod requests;
pub mod sample;
pub mod status;
