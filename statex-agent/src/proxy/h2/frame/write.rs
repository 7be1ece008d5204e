//! Frames to bytes.

use super::{Head, MOST_31, MOST_PAYLOAD, flag, kind};
use crate::proxy::h2::{Code, setting::Setting};

/// A frame's head; `len` fits 24 bits.
pub fn head(wire: &mut Vec<u8>, len: usize, kind: u8, flags: u8, stream: u32) {
    let [_, a, b, c] = (len as u32).to_be_bytes();
    let [s, t, u, v] = stream.to_be_bytes();
    wire.extend_from_slice(&[a, b, c, kind, flags, s, t, u, v]);
}

pub fn settings(wire: &mut Vec<u8>, settings: &[Setting]) {
    head(wire, settings.len() * 6, kind::SETTINGS, 0, 0);
    for Setting { name, value } in settings {
        wire.extend_from_slice(&name.to_be_bytes());
        wire.extend_from_slice(&value.to_be_bytes());
    }
}

pub fn settings_ack(wire: &mut Vec<u8>) {
    head(wire, 0, kind::SETTINGS, flag::ACK, 0);
}

pub fn ping(wire: &mut Vec<u8>, flags: u8, payload: [u8; 8]) {
    head(wire, 8, kind::PING, flags, 0);
    wire.extend_from_slice(&payload);
}

pub fn reset(wire: &mut Vec<u8>, stream: u32, code: Code) {
    head(wire, 4, kind::RST_STREAM, 0, stream);
    wire.extend_from_slice(&code.number().to_be_bytes());
}

/// `stream` 0: the connection's window.
pub fn window(wire: &mut Vec<u8>, stream: u32, increment: u32) {
    head(wire, 4, kind::WINDOW_UPDATE, 0, stream);
    wire.extend_from_slice(&increment.to_be_bytes());
}

pub fn go_away(wire: &mut Vec<u8>, last: u32, code: Code) {
    head(wire, 8, kind::GOAWAY, 0, 0);
    wire.extend_from_slice(&(last & MOST_31).to_be_bytes());
    wire.extend_from_slice(&code.number().to_be_bytes());
}

/// A field block that `block` writes, in a HEADERS frame and as many CONTINUATION frames as it needs.
pub fn headers(wire: &mut Vec<u8>, flags: u8, stream: u32, block: impl FnOnce(&mut Vec<u8>)) {
    let start = wire.len();
    head(wire, 0, kind::HEADERS, flags | flag::END_HEADERS, stream);
    block(wire);
    let len = wire.len() - start - Head::LEN;
    if len <= MOST_PAYLOAD {
        let [_, a, b, c] = (len as u32).to_be_bytes();
        if let Some(place) = wire.get_mut(start..start + 3) {
            place.copy_from_slice(&[a, b, c]);
        }
        return;
    }
    let block = wire.split_off(start + Head::LEN);
    wire.truncate(start);
    let mut fragments = block.chunks(MOST_PAYLOAD).peekable();
    let (mut kind, mut flags) = (kind::HEADERS, flags);
    while let Some(fragment) = fragments.next() {
        let end = if fragments.peek().is_none() { flag::END_HEADERS } else { 0 };
        head(wire, fragment.len(), kind, flags | end, stream);
        wire.extend_from_slice(fragment);
        (kind, flags) = (kind::CONTINUATION, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_were_written() {
        let mut wire = Vec::new();
        head(&mut wire, 0x01_02_03, kind::DATA, flag::END_STREAM, MOST_31);
        let read = Head { len: 0x01_02_03, kind: kind::DATA, flags: flag::END_STREAM, stream: MOST_31 };
        assert_eq!(Head::read(&wire), Some(read));
        assert_eq!(Head::read(&wire[..8]), None);
    }

    #[test]
    fn a_large_block_goes_on_in_continuations() {
        let (mut wire, block) = (b"before".to_vec(), vec![7; 2 * MOST_PAYLOAD + 1]);
        headers(&mut wire, flag::END_STREAM, 3, |wire| wire.extend_from_slice(&block));
        let mut rest = &wire[6..];
        let mut frames = Vec::new();
        while let Some(head) = Head::read(rest) {
            frames.push((head.kind, head.flags, head.len));
            rest = &rest[Head::LEN + head.len..];
        }
        let [first, middle, last] = frames[..] else { panic!("{frames:?}") };
        assert_eq!(first, (kind::HEADERS, flag::END_STREAM, MOST_PAYLOAD));
        assert_eq!(middle, (kind::CONTINUATION, 0, MOST_PAYLOAD));
        assert_eq!(last, (kind::CONTINUATION, flag::END_HEADERS, 1));
    }
}
