//! Several parts of a file in one response (RFC 9110 §14.6).

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::ops::Range;

use bytes::Bytes;

use super::content::Part;

/// Text between parts that no file holds, except by a chance of one in 2^128: nobody can know it beforehand.
#[derive(Debug)]
pub struct Boundary(String);

impl Boundary {
    /// A new one.
    pub fn draw() -> Self {
        // Keyed hashes, whose keys are secret and new.
        let half = || RandomState::new().hash_one(0);
        Self(format!("{:016x}{:016x}", half(), half()))
    }

    /// The value of `Content-Type`.
    pub fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.0)
    }

    /// The whole body: each part behind its head, then the end.
    pub fn parts(&self, content_type: &[u8], ranges: Vec<Range<u64>>, size: u64) -> Vec<Part> {
        let mut parts = Vec::with_capacity(2 * ranges.len() + 1);
        for (index, range) in ranges.into_iter().enumerate() {
            let mut head = if index > 0 { b"\r\n".to_vec() } else { Vec::new() };
            head.extend(format!("--{}\r\ncontent-type: ", self.0).bytes());
            head.extend(content_type);
            head.extend(b"\r\ncontent-range: ");
            head.extend(content_range(&range, size));
            head.extend(b"\r\n\r\n");
            parts.extend([Part::Text(head.into()), Part::Stretch(range)]);
        }
        parts.push(Part::Text(Bytes::from(format!("\r\n--{}--\r\n", self.0))));
        parts
    }
}

/// The value of `Content-Range` of a part that is not empty (RFC 9110 §14.4).
pub fn content_range(range: &Range<u64>, size: u64) -> Vec<u8> {
    let mut value = Vec::with_capacity(48);
    let _ = write!(value, "bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_stands_behind_its_head() {
        let boundary = Boundary("B".into());
        let mut body = String::new();
        for part in boundary.parts(b"text/plain", vec![0..5, 9..10], 10) {
            match part {
                Part::Text(text) => body += std::str::from_utf8(&text).unwrap(),
                Part::Stretch(range) => body += &format!("{range:?}"),
            }
        }
        assert_eq!(
            body,
            "--B\r\ncontent-type: text/plain\r\ncontent-range: bytes 0-4/10\r\n\r\n0..5\r\n\
             --B\r\ncontent-type: text/plain\r\ncontent-range: bytes 9-9/10\r\n\r\n9..10\r\n--B--\r\n"
        );
    }

    #[test]
    fn boundaries_differ() {
        assert_ne!(Boundary::draw().0, Boundary::draw().0);
    }
}
