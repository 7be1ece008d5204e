//! What the field compressions of HTTP/2 (HPACK, RFC 7541) and HTTP/3 (QPACK, RFC 9204) share: integers, string
//! literals and their Huffman code.
//!
//! | file | |
//! |---|---|
//! | `integer.rs` | integers that begin in the last bits of a byte |
//! | `literal.rs` | strings, as they are or in the Huffman code |
//! | `huffman.rs` | that code |

pub mod huffman;
pub mod integer;
pub mod literal;

/// Why nothing could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is longer than the bytes that are there.
    Short,
    Malformed,
}
