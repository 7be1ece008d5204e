//! The static table (RFC 9204 Appendix A), and which of its lines a field is.

use std::sync::LazyLock;

use crate::proxy::heads::{Kind, Line};

/// Lines of the table.
const LINES: usize = 99;

/// The table, in its order.
#[rustfmt::skip]
static TABLE: [(&str, &str); LINES] = [
    (":authority", ""), (":path", "/"), ("age", "0"), ("content-disposition", ""), ("content-length", "0"),
    ("cookie", ""), ("date", ""), ("etag", ""), ("if-modified-since", ""), ("if-none-match", ""),
    ("last-modified", ""), ("link", ""), ("location", ""), ("referer", ""), ("set-cookie", ""),
    (":method", "CONNECT"), (":method", "DELETE"), (":method", "GET"), (":method", "HEAD"),
    (":method", "OPTIONS"), (":method", "POST"), (":method", "PUT"), (":scheme", "http"), (":scheme", "https"),
    (":status", "103"), (":status", "200"), (":status", "304"), (":status", "404"), (":status", "503"),
    ("accept", "*/*"), ("accept", "application/dns-message"), ("accept-encoding", "gzip, deflate, br"),
    ("accept-ranges", "bytes"), ("access-control-allow-headers", "cache-control"),
    ("access-control-allow-headers", "content-type"), ("access-control-allow-origin", "*"),
    ("cache-control", "max-age=0"), ("cache-control", "max-age=2592000"), ("cache-control", "max-age=604800"),
    ("cache-control", "no-cache"), ("cache-control", "no-store"), ("cache-control", "public, max-age=31536000"),
    ("content-encoding", "br"), ("content-encoding", "gzip"), ("content-type", "application/dns-message"),
    ("content-type", "application/javascript"), ("content-type", "application/json"),
    ("content-type", "application/x-www-form-urlencoded"), ("content-type", "image/gif"),
    ("content-type", "image/jpeg"), ("content-type", "image/png"), ("content-type", "text/css"),
    ("content-type", "text/html; charset=utf-8"), ("content-type", "text/plain"),
    ("content-type", "text/plain;charset=utf-8"), ("range", "bytes=0-"),
    ("strict-transport-security", "max-age=31536000"),
    ("strict-transport-security", "max-age=31536000; includesubdomains"),
    ("strict-transport-security", "max-age=31536000; includesubdomains; preload"), ("vary", "accept-encoding"),
    ("vary", "origin"), ("x-content-type-options", "nosniff"), ("x-xss-protection", "1; mode=block"),
    (":status", "100"), (":status", "204"), (":status", "206"), (":status", "302"), (":status", "400"),
    (":status", "403"), (":status", "421"), (":status", "425"), (":status", "500"), ("accept-language", ""),
    ("access-control-allow-credentials", "FALSE"), ("access-control-allow-credentials", "TRUE"),
    ("access-control-allow-headers", "*"), ("access-control-allow-methods", "get"),
    ("access-control-allow-methods", "get, post, options"), ("access-control-allow-methods", "options"),
    ("access-control-expose-headers", "content-length"), ("access-control-request-headers", "content-type"),
    ("access-control-request-method", "get"), ("access-control-request-method", "post"), ("alt-svc", "clear"),
    ("authorization", ""), ("content-security-policy", "script-src 'none'; object-src 'none'; base-uri 'none'"),
    ("early-data", "1"), ("expect-ct", ""), ("forwarded", ""), ("if-range", ""), ("origin", ""),
    ("purpose", "prefetch"), ("server", ""), ("timing-allow-origin", "*"), ("upgrade-insecure-requests", "1"),
    ("user-agent", ""), ("x-forwarded-for", ""), ("x-frame-options", "deny"), ("x-frame-options", "sameorigin"),
];

/// What the table has of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Name and value, in this line.
    Line(u64),
    /// The name, in this line.
    Name(u64),
    Nothing,
}

/// What the lines are, which their names alone say.
static KINDS: LazyLock<[Kind; LINES]> = LazyLock::new(|| TABLE.map(|(name, _)| Kind::of(name.as_bytes())));

/// The line with this index.
pub(super) fn line(index: u64) -> Option<Line<'static>> {
    let index = usize::try_from(index).ok()?;
    let ((name, value), kind) = (TABLE.get(index)?, *KINDS.get(index)?);
    Some(Line { kind, name: name.as_bytes(), value: value.as_bytes() })
}

/// Looks for a field, whose name is in lower case.
pub(super) fn find(name: &[u8], value: &[u8]) -> Found {
    let mut index = INDEX.first[place(name)];
    let mut found = Found::Nothing;
    while index != NONE {
        let (text, there) = TABLE[usize::from(index)];
        if text.as_bytes() == name {
            if there.as_bytes() == value {
                return Found::Line(u64::from(index));
            }
            if found == Found::Nothing {
                found = Found::Name(u64::from(index));
            }
        }
        index = INDEX.next[usize::from(index)];
    }
    found
}

/// Lines by a hash of their names, computed by the compiler: chains in the table's order.
struct Index {
    first: [u8; PLACES],
    next: [u8; LINES],
}

const PLACES: usize = 128;
const NONE: u8 = u8::MAX;

static INDEX: Index = Index::new();

impl Index {
    const fn new() -> Self {
        let mut index = Self { first: [NONE; PLACES], next: [NONE; LINES] };
        let mut line = LINES;
        while line > 0 {
            line -= 1;
            let place = place(TABLE[line].0.as_bytes());
            index.next[line] = index.first[place];
            index.first[place] = line as u8;
        }
        index
    }
}

/// Length, first and last letters: enough to tell the table's names apart.
const fn place(name: &[u8]) -> usize {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    let middle = name[name.len() / 2];
    (name.len() * 7 + *first as usize * 3 + *last as usize * 5 + middle as usize * 11) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found() {
        for (index, (name, value)) in TABLE.iter().enumerate() {
            assert_eq!(find(name.as_bytes(), value.as_bytes()), Found::Line(index as u64), "{name}");
        }
        assert_eq!((line(98), line(99)), (Some(Line::new(b"x-frame-options", b"sameorigin")), None));
    }

    #[test]
    fn a_name_alone_is_the_first_line_that_has_it() {
        assert_eq!(find(b":status", b"418"), Found::Name(24));
        assert_eq!(find(b"content-type", b"x"), Found::Name(44));
        assert_eq!(find(b"x-unknown", b""), Found::Nothing);
        assert_eq!(find(b"", b""), Found::Nothing);
    }

    #[test]
    fn chains_are_short() {
        let names = |place: usize| {
            let mut names = Vec::new();
            let mut index = INDEX.first[place];
            while index != NONE {
                names.push(TABLE[usize::from(index)].0);
                index = INDEX.next[usize::from(index)];
            }
            names.dedup();
            names.len()
        };
        assert!((0..PLACES).all(|place| names(place) <= 2));
    }
}
