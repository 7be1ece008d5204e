//! Heads of HTTP/2 and HTTP/3: lists of field lines, of which the first are pseudo-header fields (RFC 9113 §8,
//! RFC 9114 §4.2 and §4.3).
//!
//! ```text
//! decompressed lines ─ Line ─ RequestReader ─> Request        Request ─ write ─ Line ─> compression
//!                             ResponseReader ─> Response     Response ─ write ─ Line ─>
//!                             TrailerReader ─> Fields
//! ```
//!
//! What such a list may not hold is refused here, once for both protocols: a request that would mean something
//! else, or nothing, in HTTP/1.1 never reaches a backend.
//!
//! | file | |
//! |---|---|
//! | `line.rs` | what one line is, by its name and value alone |
//! | `request.rs`, `response.rs`, `trailers.rs` | lines to a message, line by line |
//! | `priority.rs` | how much a client wants a response |
//! | `write.rs` | a message to its lines |

mod line;
mod priority;
mod request;
mod response;
mod trailers;
pub mod write;

pub use line::{Kind, Line};
pub use priority::Priority;
pub use request::RequestReader;
pub use response::ResponseReader;
pub use trailers::TrailerReader;

use super::h1::{Limits, Refusal};
use super::http::{Fields, Name};

/// What a list is charged for a line beyond its bytes (RFC 9113 §6.5.2, RFC 9114 §4.2.2).
const LINE: usize = 32;

/// The fields of a list while they are read.
#[derive(Debug)]
struct Section<'a> {
    fields: &'a mut Fields,
    /// Bytes that the list may still take, each line charged with [`LINE`] more.
    bytes: usize,
    /// Fields that may still come.
    left: usize,
    /// Declared by `Content-Length`.
    length: Option<u64>,
    cookies: usize,
}

impl<'a> Section<'a> {
    fn new(fields: &'a mut Fields, limits: &Limits) -> Self {
        fields.clear();
        Self { fields, bytes: limits.head, left: limits.fields, length: None, cookies: 0 }
    }

    /// Counts a line of any kind.
    fn charge(&mut self, line: &Line<'_>) -> Result<(), Refusal> {
        let size = line.name.len() + line.value.len() + LINE;
        self.bytes = self.bytes.checked_sub(size).ok_or(Refusal::LargeHead)?;
        Ok(())
    }

    /// Takes a field that is not a pseudo-header field.
    fn take(&mut self, name: Name, line: &Line<'_>) -> Result<(), Refusal> {
        match name {
            // RFC 9113 §8.2.2, RFC 9114 §4.2.
            Name::Connection
            | Name::KeepAlive
            | Name::ProxyConnection
            | Name::TransferEncoding
            | Name::Upgrade => return Err(Refusal::Malformed("a field of an HTTP/1.1 connection")),
            Name::Te if !line.value.eq_ignore_ascii_case(b"trailers") => {
                return Err(Refusal::Malformed("TE that asks for more than trailers"));
            }
            Name::ContentLength => {
                let length = digits(line.value).ok_or(Refusal::Malformed("a length that is no number"))?;
                if self.length.replace(length).is_some() {
                    return Err(Refusal::Malformed("two lengths"));
                }
            }
            Name::Cookie => self.cookies += 1,
            _ => {}
        }
        self.left = self.left.checked_sub(1).ok_or(Refusal::LargeHead)?;
        self.fields.add(name, line.name, line.value);
        Ok(())
    }

    /// A cookie that came in crumbs is one field for everybody behind the proxy (RFC 9113 §8.2.3).
    fn join_cookies(&mut self) {
        if self.cookies > 1 {
            let crumbs: Vec<_> = self.fields.all(Name::Cookie).collect();
            let cookie = crumbs.join(&b"; "[..]);
            self.fields.set(Name::Cookie, &cookie);
        }
    }
}

/// A number of digits and nothing else.
fn digits(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}
