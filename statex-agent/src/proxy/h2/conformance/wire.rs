//! What a client would never send: frames with any content.

use crate::proxy::h2::frame::{PREFACE, flag, kind, write};
use crate::proxy::h2::setting::Setting;

/// A frame with any content.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    write::head(&mut wire, payload.len(), kind, flags, stream);
    wire.extend_from_slice(payload);
    wire
}

/// The preface and empty settings.
pub(super) fn preface() -> Vec<u8> {
    [PREFACE, &settings(&[])].concat()
}

pub(super) fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
    let settings: Vec<_> = pairs.iter().map(|(name, value)| Setting { name: *name, value: *value }).collect();
    let mut wire = Vec::new();
    write::settings(&mut wire, &settings);
    wire
}

/// PRIORITY_UPDATE.
pub(super) fn prioritize(stream: u32, value: &str) -> Vec<u8> {
    frame(kind::PRIORITY_UPDATE, 0, 0, &[&stream.to_be_bytes(), value.as_bytes()].concat())
}

/// A field block of literals, as they are.
pub(super) fn block(lines: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in lines {
        block.push(0);
        for text in [name, value] {
            crate::proxy::compression::integer::write(&mut block, 0, 7, text.len() as u64);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

pub(super) const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")];
pub(super) const POST: [(&str, &str); 4] =
    [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")];

/// HEADERS with all of the block.
pub(super) fn headers(stream: u32, flags: u8, lines: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, flags | flag::END_HEADERS, stream, &block(lines))
}

/// A request without a body.
pub(super) fn get(stream: u32) -> Vec<u8> {
    headers(stream, flag::END_STREAM, &GET)
}

/// A request whose body comes.
pub(super) fn post(stream: u32) -> Vec<u8> {
    headers(stream, 0, &POST)
}

/// A request without a body, with more lines.
pub(super) fn get_with(stream: u32, lines: &[(&str, &str)]) -> Vec<u8> {
    headers(stream, flag::END_STREAM, &[&GET, lines].concat())
}

pub(super) fn data(stream: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(kind::DATA, flags, stream, payload)
}

/// PRIORITY, or what stands in HEADERS of it: the parent and a weight.
pub(super) fn priority(parent: u32, weight: u8) -> Vec<u8> {
    [&parent.to_be_bytes()[..], &[weight]].concat()
}

pub(super) fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(kind::RST_STREAM, 0, stream, &code.to_be_bytes())
}

pub(super) fn window(stream: u32, increment: u32) -> Vec<u8> {
    frame(kind::WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

pub(super) fn ping() -> Vec<u8> {
    frame(kind::PING, 0, 0, b"are you?")
}
