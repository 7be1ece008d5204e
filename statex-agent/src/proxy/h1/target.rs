//! The four forms of a request's target (RFC 9112 §3.2), and the authority that it is for.

use super::Refusal;
use crate::proxy::http::{Method, Request};

/// Takes a target apart. `host` is the value of the `Host` field.
pub(super) fn read(request: &mut Request, target: &[u8], host: Option<&[u8]>) -> Result<(), Refusal> {
    if target.contains(&b'#') {
        return Err(Refusal::Malformed("a fragment in the target"));
    }
    let authority = match target {
        [b'/', ..] => {
            request.target.extend_from_slice(target);
            None
        }
        b"*" if request.method == Method::OPTIONS => {
            request.target.extend_from_slice(target);
            None
        }
        _ if request.method == Method::CONNECT => Some(target),
        _ => Some(absolute(request, target)?),
    };
    // The target's authority goes before the Host field (RFC 9112 §3.2.2).
    let authority = authority.or(host).unwrap_or_default();
    if !authority.iter().all(|byte| is_of_authority(*byte)) {
        return Err(Refusal::Malformed("the host is no host"));
    }
    request.authority.extend_from_slice(authority);
    Ok(())
}

/// `http://host/path?query`: gives the authority.
fn absolute<'a>(request: &mut Request, target: &'a [u8]) -> Result<&'a [u8], Refusal> {
    const FORM: Refusal = Refusal::Malformed("the target has no known form");
    let colon = memchr::memmem::find(target, b"://").ok_or(FORM)?;
    let (scheme, rest) = (&target[..colon], &target[colon + 3..]);
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return Err(FORM);
    }
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.is_empty() {
        return Err(FORM);
    }
    if !path.starts_with(b"/") {
        request.target.push(b'/');
    }
    request.target.extend_from_slice(path);
    Ok(authority)
}

/// `uri-host [ ":" port ]` (RFC 3986 §3.2.2); user information is not of it (RFC 9110 §4.2.4).
fn is_of_authority(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte)
}
