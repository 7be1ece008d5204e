//! What one line of a head is, by its name and value alone.

use crate::proxy::http::Name;

/// What a line is. It can be kept with a line that a compression remembers, so that the line is looked at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Method,
    Scheme,
    Authority,
    Path,
    Status,
    Protocol,
    Field(Name),
    /// It can stand in no message.
    Malformed,
}

/// One line of a head or of trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    pub kind: Kind,
    /// In lower case where the line is well formed.
    pub name: &'a [u8],
    pub value: &'a [u8],
}

impl<'a> Line<'a> {
    /// A line that came by the wire.
    pub fn new(name: &'a [u8], value: &'a [u8]) -> Self {
        Self { kind: Kind::of(name).holding(value), name, value }
    }
}

impl Kind {
    /// By the name alone (RFC 9113 §8.2.1): upper case is malformed.
    pub fn of(name: &[u8]) -> Self {
        match name {
            [b':', pseudo @ ..] => match pseudo {
                b"method" => Self::Method,
                b"scheme" => Self::Scheme,
                b"authority" => Self::Authority,
                b"path" => Self::Path,
                b"status" => Self::Status,
                b"protocol" => Self::Protocol,
                _ => Self::Malformed,
            },
            [] => Self::Malformed,
            _ if name.iter().all(|byte| OF_NAME[usize::from(*byte)]) => Self::Field(Name::of(name)),
            _ => Self::Malformed,
        }
    }

    /// The same, or malformed where a field with this value would be (RFC 9110 §5.5, RFC 9113 §8.2.1).
    #[must_use]
    pub fn holding(self, value: &[u8]) -> Self {
        let padded = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
        let sound = value.iter().all(|byte| *byte >= b' ' && *byte != 0x7f || *byte == b'\t');
        if sound && !padded(value.first()) && !padded(value.last()) { self } else { Self::Malformed }
    }
}

/// Bytes of a token (RFC 9110 §5.6.2) that are not upper case.
const OF_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8, b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*'
            | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, value: &str) -> Kind {
        Line::new(name.as_bytes(), value.as_bytes()).kind
    }

    #[test]
    fn names_are_lower_case_tokens() {
        assert_eq!(kind("content-length", "1"), Kind::Field(Name::ContentLength));
        assert_eq!(kind("x-a!", ""), Kind::Field(Name::Other));
        assert_eq!(kind(":path", "/"), Kind::Path);
        for name in ["", "X-a", "a b", "a:", ":paths", ":", "a\0", "a\r\nb", "ä", "a "] {
            assert_eq!(kind(name, "v"), Kind::Malformed, "{name:?}");
        }
    }

    #[test]
    fn values_neither_break_lines_nor_begin_or_end_blank() {
        assert_eq!(kind("x", "a\tb ü"), Kind::Field(Name::Other));
        for value in ["a\r\nb", "a\nb", "a\rb", "a\0", "\x7f", "\x01", " a", "a\t"] {
            assert_eq!(kind("x", value), Kind::Malformed, "{value:?}");
        }
    }
}
