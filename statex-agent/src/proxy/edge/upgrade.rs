//! Requests for other protocols: WebSocket (RFC 6455) and whatever else a route lets clients speak.

use aws_lc_rs::rand;

use crate::proxy::http::{Body, Method, Name, Request, Response, StatusCode, Version, Whole};
use crate::proxy::plan::Route;

/// Decides whether a request may ask for a tunnel; one that may not is served as any other.
///
/// # Errors
///
/// It makes no sense without one: the status that it is answered.
pub(super) fn decide(route: &Route, request: &mut Request, body: &impl Body) -> Result<(), StatusCode> {
    if request.method == Method::CONNECT {
        return if route.meant.connect { Ok(()) } else { Err(StatusCode::NOT_IMPLEMENTED) };
    }
    if request.protocol.is_empty() {
        return Ok(());
    }
    let may = |protocol: &[u8]| {
        route.meant.upgrade.iter().any(|own| protocol.trim_ascii().eq_ignore_ascii_case(own.as_bytes()))
    };
    let is_allowed = request.protocol.split(|byte| *byte == b',').any(may);
    let is_later = request.version >= Version::Http2;
    if is_allowed && (body.whole() == Whole::None || is_later) {
        if is_later && request.protocol.eq_ignore_ascii_case(b"websocket") {
            give_key(request);
        }
        return Ok(());
    }
    // By later versions such a request is nothing but the wish (RFC 8441 §5).
    if is_later {
        return Err(StatusCode::NOT_IMPLEMENTED);
    }
    request.protocol.clear();
    Ok(())
}

/// What later versions do without, a backend of HTTP/1.1 wants to see (RFC 6455 §4.1, RFC 8441 §5.1).
fn give_key(request: &mut Request) {
    const KEY: &[u8] = b"sec-websocket-key";
    if request.fields.named(KEY).is_none() {
        let mut nonce = [0; 16];
        // It guards against caches, not against people: nothing is lost with a poor one.
        let _ = rand::fill(&mut nonce);
        request.fields.push(KEY, &base64(&nonce));
    }
}

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at| group.get(at).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = LETTERS.get((bits >> shift & 63) as usize).copied().unwrap_or_default();
            text.push(if place <= group.len() { letter } else { b'=' });
        }
    }
    text
}

/// Makes the answer that opens a tunnel one for the client: it says what is spoken, and to later versions
/// nothing of the handshake that those do not have.
pub(super) fn answered(request: &Request, response: &mut Response, protocol: Option<&[u8]>) {
    if let Some(protocol) = protocol {
        response.fields.add_known(Name::Upgrade, protocol);
    }
    if request.version >= Version::Http2 {
        response.fields.retain(|field| !field.text.eq_ignore_ascii_case(b"sec-websocket-accept"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(bytes.as_bytes()), text.as_bytes());
        }
        assert_eq!(base64(&[0xff; 16]).len(), 24);
    }
}
