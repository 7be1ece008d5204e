//! One meaning for one target: what routes are matched by is what backends and files see.
//!
//! A path can be written in many ways (RFC 3986 §6.2.2). It is brought into one form before anything looks at
//! it, and that form is passed on: letters that need no encoding are decoded, `.` and `..` resolved. Where
//! two readers could still see two paths, the request is refused:
//!
//! | in a path | because |
//! |---|---|
//! | `%2F`, `%5C`, `\` | to some readers a slash, to others a letter |
//! | `%00` | ends the path to some |
//! | `%` without two digits | decoded in different ways |
//! | `..` past the root | cut off or kept |
//! | `..` where there is `//` | the empty segment counts or does not |
//! | `/..;x`, `/.;x` | to some readers `..` with a parameter |
//!
//! Several slashes in a row are passed on as they came, but match as one.

use crate::proxy::http::Request;

/// Why a target is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ambiguous(pub &'static str);

/// Brings the target's path into its one form. Gives the path to match by where it is another than the one to
/// pass on. `slashes`: encoded ones stay what they are.
///
/// # Errors
///
/// It means different things to different readers.
pub fn normalize(request: &mut Request, slashes: bool) -> Result<Option<Vec<u8>>, Ambiguous> {
    let path = request.path();
    if !path.starts_with(b"/") || is_normal(path) {
        return Ok(None);
    }
    let normal = resolve(&decode(path, slashes)?)?;
    if normal != path {
        let query = request.target.split_off(path.len());
        request.target.clear();
        request.target.extend_from_slice(&normal);
        request.target.extend_from_slice(&query);
    }
    let has_empty = memchr::memmem::find(&normal, b"//").is_some();
    Ok(has_empty.then(|| merge(&normal)))
}

/// Most paths have nothing that needs a second look.
fn is_normal(path: &[u8]) -> bool {
    let mut before = 0;
    path.iter().all(|byte| {
        let is_plain = match byte {
            b'%' | b'\\' => false,
            b'/' | b'.' => before != b'/',
            _ => true,
        };
        before = *byte;
        is_plain
    })
}

/// Decodes what needs no encoding (RFC 3986 §2.3).
fn decode(path: &[u8], slashes: bool) -> Result<Vec<u8>, Ambiguous> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, behind @ ..] = rest {
        rest = behind;
        match first {
            b'\\' => return Err(Ambiguous("a backslash")),
            b'%' => {
                let (code, behind) = rest.split_at_checked(2).ok_or(Ambiguous("a lone %"))?;
                let text = std::str::from_utf8(code).ok().filter(|_| code.iter().all(u8::is_ascii_hexdigit));
                let byte = text.and_then(|text| u8::from_str_radix(text, 16).ok());
                match byte.ok_or(Ambiguous("a lone %"))? {
                    b'/' | b'\\' if !slashes => return Err(Ambiguous("an encoded slash")),
                    0 => return Err(Ambiguous("an encoded zero byte")),
                    byte if is_unreserved(byte) => decoded.push(byte),
                    _ => {
                        decoded.push(b'%');
                        decoded.extend_from_slice(code);
                    }
                }
                rest = behind;
            }
            byte => decoded.push(*byte),
        }
    }
    Ok(decoded)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Takes `.` and `..` out (RFC 3986 §5.2.4).
fn resolve(path: &[u8]) -> Result<Vec<u8>, Ambiguous> {
    let mut resolved = Vec::with_capacity(path.len());
    let inner = path.strip_prefix(b"/").unwrap_or(path);
    let has_empty = memchr::memmem::find(path, b"//").is_some();
    let mut segments = inner.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b".." if has_empty => return Err(Ambiguous("\"..\" beside \"//\"")),
            b".." => {
                let parent = memchr::memrchr(b'/', &resolved).ok_or(Ambiguous("\"..\" past the root"))?;
                resolved.truncate(parent);
            }
            b"." => {}
            [b'.', b';', ..] | [b'.', b'.', b';', ..] => return Err(Ambiguous("\"..\" with a parameter")),
            _ => {
                resolved.push(b'/');
                resolved.extend_from_slice(segment);
                continue;
            }
        }
        if is_last {
            resolved.push(b'/');
        }
    }
    if resolved.is_empty() {
        resolved.push(b'/');
    }
    Ok(resolved)
}

/// Slashes in a row become one.
fn merge(path: &[u8]) -> Vec<u8> {
    let mut merged = path.to_vec();
    merged.dedup_by(|next, before| (*next, *before) == (b'/', b'/'));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is passed on, and what is matched.
    fn normal(target: &str) -> Result<(String, String), &'static str> {
        let mut request = Request { target: target.into(), ..Request::default() };
        let matched = normalize(&mut request, false).map_err(|ambiguous| ambiguous.0)?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let matched = matched.unwrap_or_else(|| request.path().to_vec());
        Ok((text(&request.target), text(&matched)))
    }

    fn same(target: &str) -> Result<(String, String), &'static str> {
        Ok((target.to_owned(), target.to_owned()))
    }

    #[test]
    fn a_plain_path_stays_as_it_came() {
        for target in ["/", "/a/b.c", "/a/", "/.well-known/x", "/a..b/...", "*", "", "/a;v=1/b", "/%C3%A1%2a"]
        {
            assert_eq!(normal(target), same(target), "{target}");
        }
    }

    #[test]
    fn the_query_is_nobodys_path() {
        let target = "/a?x=/../%2F\\//";
        assert_eq!(normal(target), Ok((target.to_owned(), "/a".to_owned())));
        assert_eq!(normal("/%61/../b?x=%2F").unwrap().0, "/b?x=%2F");
    }

    #[test]
    fn one_path_in_many_spellings_is_one() {
        for target in
            ["/%61pi/x", "/api/./x", "/b/../api/x", "/%2e/api/x", "/b/%2E%2e/api/x", "/api/c/d/../../x"]
        {
            assert_eq!(normal(target), same("/api/x"), "{target}");
        }
        for (target, resolved) in [("/a/..", "/"), ("/a/b/..", "/a/"), ("/a/.", "/a/"), ("/.", "/")] {
            assert_eq!(normal(target), same(resolved), "{target}");
        }
    }

    #[test]
    fn slashes_in_a_row_match_as_one_and_stay() {
        assert_eq!(normal("//api///x/"), Ok(("//api///x/".into(), "/api/x/".into())));
        assert_eq!(normal("/a/https://b"), Ok(("/a/https://b".into(), "/a/https:/b".into())));
    }

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        for target in [
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%+1",
            "/..",
            "/a/../..",
            "/%2e%2e/a",
            "/a//../b",
            "/a/..;/b",
            "/a/.;x",
            "/%2e%2e;/b",
        ] {
            assert!(normal(target).is_err(), "{target}: {:?}", normal(target));
        }
    }

    #[test]
    fn encoded_slashes_stay_where_they_are_allowed() {
        let mut request = Request { target: b"/a%2Fb%5c/%2e%2e/%61".to_vec(), ..Request::default() };
        assert_eq!(normalize(&mut request, true), Ok(None));
        assert_eq!(request.target, b"/a");
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_so(target in "/[a-c./%2eEf;\\\\]{0,20}") {
            if let Ok((once, matched)) = normal(&target) {
                prop_assert_eq!(normal(&once), Ok((once.clone(), matched.clone())));
                prop_assert!(!matched.split('/').any(|segment| segment == ".." || segment == "."));
                prop_assert!(!matched.contains("//"));
            }
        }
    }
}
