//! From a request's path to a name under the root: no spelling of a path leads out of it.
//!
//! The path is decoded once. What could mean one thing to whoever wrote the routes and another to the file
//! system (dot segments, a slash or backslash in disguise) names nothing; several slashes in a row are one to
//! both. What is left is opened so that the kernel holds it beneath the root as well (`open.rs`).

use crate::proxy::http::StatusCode;

/// The one name with a leading dot that clients may ask for (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// Why a path leads to no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No client that keeps to RFC 3986 sends it.
    Malformed,
    /// There can be no such file.
    Nowhere,
}

impl Refusal {
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Nowhere => StatusCode::NOT_FOUND,
        }
    }
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    File,
    /// The path ends with a slash.
    Folder,
}

/// Writes the name that `path` stands for into `name`: relative to the root, without slashes at its ends.
///
/// # Errors
///
/// The path stands for no name that is served; `name` then holds anything.
pub fn resolve(path: &[u8], name: &mut Vec<u8>) -> Result<Asked, Refusal> {
    name.clear();
    decode(path.strip_prefix(b"/").ok_or(Refusal::Malformed)?, name)?;
    if name.is_empty() {
        return Ok(Asked::Folder);
    }
    let asked = match name.last() {
        Some(b'/') => {
            name.pop();
            Asked::Folder
        }
        _ => Asked::File,
    };
    for (index, segment) in name.split(|byte| *byte == b'/').enumerate() {
        match segment {
            b"." | b".." => return Err(Refusal::Malformed),
            [b'.', ..] if index > 0 || segment != WELL_KNOWN => return Err(Refusal::Nowhere),
            _ => {}
        }
    }
    Ok(asked)
}

/// Undoes percent-encoding (RFC 3986 §2.1), once.
fn decode(path: &[u8], name: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut bytes = path.iter().copied();
    while let Some(byte) = bytes.next() {
        let (byte, encoded) = match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
                let (high, low) = (digit(), digit());
                let (Some(high), Some(low)) = (high, low) else { return Err(Refusal::Malformed) };
                ((high << 4 | low) as u8, true)
            }
            byte => (byte, false),
        };
        match byte {
            0 => return Err(Refusal::Malformed),
            b'/' if encoded => return Err(Refusal::Nowhere),
            b'/' if matches!(name.last(), None | Some(b'/')) => {}
            b'\\' | 1..=0x1f | 0x7f => return Err(Refusal::Nowhere),
            byte => name.push(byte),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resolved(path: &str) -> Result<(String, Asked), Refusal> {
        let mut name = Vec::new();
        let asked = resolve(path.as_bytes(), &mut name)?;
        Ok((String::from_utf8_lossy(&name).into_owned(), asked))
    }

    #[test]
    fn names_are_decoded_once() {
        for (path, name, asked) in [
            ("/", "", Asked::Folder),
            ("/a", "a", Asked::File),
            ("/a/b.js", "a/b.js", Asked::File),
            ("/a/b/", "a/b", Asked::Folder),
            ("//", "", Asked::Folder),
            ("//etc/passwd", "etc/passwd", Asked::File),
            ("/a///b//", "a/b", Asked::Folder),
            ("/a%20b", "a b", Asked::File),
            ("/%61", "a", Asked::File),
            ("/a%2ejs", "a.js", Asked::File),
            ("/%252e%252e/x", "%2e%2e/x", Asked::File),
            ("/%2500", "%00", Asked::File),
            ("/a%3Fb", "a?b", Asked::File),
            ("/ř/%C5%99", "ř/ř", Asked::File),
            ("/a..b/c...", "a..b/c...", Asked::File),
            ("/a;b=c", "a;b=c", Asked::File),
            ("/.well-known/acme-challenge/x", ".well-known/acme-challenge/x", Asked::File),
            ("/%2ewell-known/x", ".well-known/x", Asked::File),
        ] {
            assert_eq!(resolved(path), Ok((name.to_owned(), asked)), "{path}");
        }
    }

    #[test]
    fn what_leads_out_or_means_two_things_is_refused() {
        use Refusal::{Malformed, Nowhere};
        for (path, refusal) in [
            ("", Malformed),
            ("a", Malformed),
            ("*", Malformed),
            ("/..", Malformed),
            ("/.", Malformed),
            ("/../etc/passwd", Malformed),
            ("/a/../b", Malformed),
            ("/a/./b", Malformed),
            ("/a/..", Malformed),
            ("/a/../", Malformed),
            ("/%2e%2e/x", Malformed),
            ("/%2E./x", Malformed),
            ("/.%2e/x", Malformed),
            ("/%2e/x", Malformed),
            ("/a/%2e%2e", Malformed),
            ("/..%2fx", Nowhere),
            ("/..%2Fx", Nowhere),
            ("/%2e%2e%2fx", Nowhere),
            ("/a%2fb", Nowhere),
            ("/%2fetc/passwd", Nowhere),
            ("/..\\x", Nowhere),
            ("/..%5cx", Nowhere),
            ("/a%5Cb", Nowhere),
            ("//../x", Malformed),
            ("/a//../../x", Malformed),
            ("/%00", Malformed),
            ("/a%00.html", Malformed),
            ("/%", Malformed),
            ("/%2", Malformed),
            ("/%zz", Malformed),
            ("/%+2", Malformed),
            ("/%u002e%u002e/x", Malformed),
            ("/a%0ab", Nowhere),
            ("/a%0d%0aX:%20y", Nowhere),
            ("/a%7f", Nowhere),
            ("/.git/config", Nowhere),
            ("/.htaccess", Nowhere),
            ("/%2egit", Nowhere),
            ("/a/.env", Nowhere),
            ("/...", Nowhere),
            ("/.../x", Nowhere),
            ("/a/.well-known/x", Nowhere),
            ("/.well-known/.git", Nowhere),
            ("/.well-known2/x", Nowhere),
        ] {
            assert_eq!(resolved(path), Err(refusal), "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_name_climbs(path in prop::collection::vec(prop::sample::select(&b"/.%2eE5cCf0a\\"[..]), 0..24)) {
            let mut name = Vec::new();
            let path = [&b"/"[..], &path].concat();
            if resolve(&path, &mut name).is_ok() && !name.is_empty() {
                for segment in name.split(|byte| *byte == b'/') {
                    prop_assert!(!segment.is_empty() && !segment.starts_with(b".") && !segment.contains(&b'\\'));
                }
            }
        }
    }
}
