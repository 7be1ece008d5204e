//! The static table (RFC 7541 Appendix A).

use std::sync::LazyLock;

use crate::proxy::heads::{Kind, Line};

/// Entries of the table; the dynamic one begins behind them.
pub(super) const LEN: usize = TABLE.len();

/// By index, less one. Lines are what they are without looking at them.
#[rustfmt::skip]
const TABLE: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""),
    ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""),
    ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""),
    ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""),
    ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
    ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""),
    ("user-agent", ""), ("vary", ""), ("via", ""), ("www-authenticate", ""),
];

/// What the entries are, which their names alone say.
static KINDS: LazyLock<[Kind; LEN]> = LazyLock::new(|| TABLE.map(|(name, _)| Kind::of(name.as_bytes())));

/// The entry with this index, counted from 1.
pub(super) fn line(index: usize) -> Option<Line<'static>> {
    let at = index.checked_sub(1)?;
    let ((name, value), kind) = (TABLE.get(at)?, *KINDS.get(at)?);
    Some(Line { kind, name: name.as_bytes(), value: value.as_bytes() })
}

/// What the table has of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Whole(usize),
    /// The name of the entry with this index.
    Name(usize),
    Nowhere,
}

pub(super) fn place(line: &Line<'_>) -> Place {
    match (line.kind, line.value) {
        (Kind::Authority, _) => Place::Name(1),
        (Kind::Method, b"GET") => Place::Whole(2),
        (Kind::Method, b"POST") => Place::Whole(3),
        (Kind::Method, _) => Place::Name(2),
        (Kind::Path, b"/") => Place::Whole(4),
        (Kind::Path, b"/index.html") => Place::Whole(5),
        (Kind::Path, _) => Place::Name(4),
        (Kind::Scheme, b"http") => Place::Whole(6),
        (Kind::Scheme, b"https") => Place::Whole(7),
        (Kind::Scheme, _) => Place::Name(6),
        (Kind::Status, b"200") => Place::Whole(8),
        (Kind::Status, b"204") => Place::Whole(9),
        (Kind::Status, b"206") => Place::Whole(10),
        (Kind::Status, b"304") => Place::Whole(11),
        (Kind::Status, b"400") => Place::Whole(12),
        (Kind::Status, b"404") => Place::Whole(13),
        (Kind::Status, b"500") => Place::Whole(14),
        (Kind::Status, _) => Place::Name(8),
        (Kind::Protocol | Kind::Malformed, _) => Place::Nowhere,
        (Kind::Field(_), value) => match field(line.name) {
            Some(16) if value == b"gzip, deflate" => Place::Whole(16),
            Some(index) => Place::Name(index),
            None => Place::Nowhere,
        },
    }
}

fn field(name: &[u8]) -> Option<usize> {
    let index = usize::from(*BY_NAME.get(slot(name)?)?);
    (TABLE.get(index.checked_sub(1)?)?.0.as_bytes() == name).then_some(index)
}

const SLOTS: usize = 128;

/// Where [`BY_NAME`] has a name: factors by which no two names of the table meet.
const fn slot(name: &[u8]) -> Option<usize> {
    match name {
        [first, .., last] => {
            let middle = name[name.len() / 2];
            Some(
                (name.len() * 13 + middle as usize * 16 + *last as usize * 45 + *first as usize * 55) % SLOTS,
            )
        }
        _ => None,
    }
}

/// The index of each field's name by its [`slot`]; 0: none is there.
static BY_NAME: [u8; SLOTS] = {
    let mut slots = [0; SLOTS];
    let mut at = 0;
    while at < LEN {
        let name = TABLE[at].0.as_bytes();
        if name[0] != b':'
            && let Some(slot) = slot(name)
        {
            assert!(slots[slot] == 0, "two names meet");
            slots[slot] = at as u8 + 1;
        }
        at += 1;
    }
    slots
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_is_found_where_it_is() {
        for index in 1..=LEN {
            let entry = line(index).unwrap();
            assert_eq!(entry, Line::new(entry.name, entry.value));
            match place(&entry) {
                Place::Whole(found) => assert_eq!(found, index),
                Place::Name(found) => assert_eq!(line(found).unwrap().name, entry.name),
                Place::Nowhere => panic!("{index}"),
            }
        }
        assert_eq!((line(0), line(LEN + 1)), (None, None));
    }

    #[test]
    fn names_that_only_resemble_are_not_found() {
        for name in ["a", "", "agf", "x-etag", "servor"] {
            assert_eq!(place(&Line::new(name.as_bytes(), b"")), Place::Nowhere, "{name}");
        }
    }
}
