//! HPACK (RFC 7541): heads as bytes that refer to what both sides remember.
//!
//! ```text
//! block ─ Decoder ─> Line, Line, …     Line ─ Encoder ─> block
//!            └ Table                              └ Table, Memory
//! ```
//!
//! | file | |
//! |---|---|
//! | `fixed.rs` | the static table |
//! | `table.rs` | the dynamic table, of either side |
//! | `decode.rs` | blocks to lines |
//! | `encode.rs` | lines to blocks |

mod decode;
mod encode;
mod fixed;
mod table;
#[cfg(test)]
mod tests;

pub use decode::Decoder;
pub use encode::Encoder;

/// Bytes of a dynamic table where nothing else was agreed (RFC 9113 §6.5.2).
pub const TABLE: usize = 4096;
