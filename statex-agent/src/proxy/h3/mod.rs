//! HTTP/3 (RFC 9114) without I/O, on the server's side.
//!
//! ```text
//! request stream ─ Inbound ─> field sections ─ Connection ─> Request, trailers
//!                         └─> pieces of a body
//! control, encoder and decoder streams ─ Unidirectional ─> settings, Connection's dynamic table
//! Response, trailers ─ outbound ─> request stream
//! ```
//!
//! Nothing here waits, and nothing grows with what a client sends: a field section is bounded, a body is passed on
//! piece by piece, and the dynamic table has the capacity that the client was told.
//!
//! | file | |
//! |---|---|
//! | `connection.rs` | what the streams of a connection share |
//! | `unidirectional.rs` | a client's unidirectional streams, each by its type |
//! | `control.rs` | a client's control stream |
//! | `settings.rs` | what each side tells the other about itself |
//! | `inbound.rs` | a request stream as it comes |
//! | `outbound.rs` | what goes by it |
//! | `frame.rs`, `varint.rs` | frames and the integers they are made of |
//! | `error.rs` | breaches of the rules and their codes |
//! | `qpack/` | field compression |

pub mod connection;
mod control;
pub mod error;
pub mod frame;
pub mod inbound;
pub mod outbound;
pub mod qpack;
pub mod settings;
pub mod unidirectional;
pub mod varint;

pub use connection::{Connection, Read};
pub use error::{Breach, Code};
pub use inbound::{Inbound, Step, Trouble};
pub use settings::Settings;
pub use unidirectional::Advice;
