//! QPACK (RFC 9204) without I/O: header fields as references into a static table, which all know, and a dynamic one,
//! which the sender fills by a stream of its own.
//!
//! ```text
//! peer's encoder stream ─> Decoder ─ table ─┐
//! field section ─────────> Decoder ─────────┴─> lines
//!                             └─> our decoder stream: what was received
//! lines ─ encode ─> field section
//! ```
//!
//! | file | |
//! |---|---|
//! | `static_table.rs` | the table that all know |
//! | `table.rs` | the dynamic table |
//! | `instruction.rs` | what the encoder and decoder streams carry |
//! | `decode.rs` | field sections that come |
//! | `encode.rs` | field sections that go |

pub mod decode;
pub mod encode;
mod instruction;
mod static_table;
mod table;

pub use decode::{Decoder, Outcome};
pub use instruction::from_decoder;
