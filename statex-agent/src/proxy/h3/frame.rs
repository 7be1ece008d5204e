//! Frames: a type, a length, a payload (RFC 9114 §7).
//!
//! | type | on request streams | on control streams |
//! |---|---|---|
//! | DATA, HEADERS | yes | no |
//! | SETTINGS, GOAWAY, MAX_PUSH_ID, CANCEL_PUSH | no | yes |
//! | PUSH_PROMISE, what HTTP/2 had beside these | no: clients send none | no |
//! | all others | passed over | passed over |

use bytes::{Buf, Bytes};

use super::varint;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Data,
    Headers,
    CancelPush,
    Settings,
    PushPromise,
    Goaway,
    MaxPushId,
    /// A type of HTTP/2 that HTTP/3 has not taken over (RFC 9114 §7.2.8).
    OfHttp2,
    /// A type that nobody here knows, such as those that keep peers used to unknown ones.
    Unknown,
}

impl Kind {
    fn of(number: u64) -> Self {
        match number {
            0x0 => Self::Data,
            0x1 => Self::Headers,
            0x3 => Self::CancelPush,
            0x4 => Self::Settings,
            0x5 => Self::PushPromise,
            0x7 => Self::Goaway,
            0xd => Self::MaxPushId,
            0x2 | 0x6 | 0x8 | 0x9 => Self::OfHttp2,
            _ => Self::Unknown,
        }
    }
}

/// A frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub kind: Kind,
    /// Bytes of the payload.
    pub len: u64,
}

/// Reads heads that come in any portions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heads {
    partial: [u8; 2 * varint::LONGEST],
    len: usize,
}

impl Heads {
    /// Whether a head has begun and not ended.
    pub fn is_partial(&self) -> bool {
        self.len > 0
    }

    /// Takes a head off the front of `bytes`; `None`: more are needed, and all were taken.
    pub fn read(&mut self, bytes: &mut Bytes) -> Option<Head> {
        if self.len == 0 {
            let mut rest = &bytes[..];
            if let Some(head) = head(&mut rest) {
                let taken = bytes.len() - rest.len();
                bytes.advance(taken);
                return Some(head);
            }
        }
        while bytes.has_remaining() {
            // A head is whole before its room is full.
            *self.partial.get_mut(self.len)? = bytes.get_u8();
            self.len += 1;
            if let Some(head) = head(&mut &self.partial[..self.len]) {
                self.len = 0;
                return Some(head);
            }
        }
        None
    }
}

fn head(bytes: &mut &[u8]) -> Option<Head> {
    let number = varint::read(bytes)?;
    Some(Head { kind: Kind::of(number), len: varint::read(bytes)? })
}

/// Writes a frame whose payload `fill` writes.
///
/// The length is written in two bytes, which is enough for what a head or a setting takes, and in eight where it is not.
pub fn write(wire: &mut Vec<u8>, kind: u64, fill: impl FnOnce(&mut Vec<u8>)) {
    varint::write(wire, kind);
    let at = wire.len();
    wire.extend_from_slice(&[0, 0]);
    fill(wire);
    let len = (wire.len() - at - 2) as u64;
    if len < 1 << 14 {
        wire[at..at + 2].copy_from_slice(&(len as u16 | 1 << 14).to_be_bytes());
    } else {
        wire.splice(at..at + 2, (len | 3 << 62).to_be_bytes());
    }
}

/// Writes the head of a DATA frame.
pub fn data(wire: &mut Vec<u8>, len: usize) {
    varint::write(wire, 0x0);
    varint::write(wire, len as u64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn heads_come_in_any_portions() {
        let mut wire = Vec::new();
        varint::write(&mut wire, 0x1f * 7 + 0x21);
        varint::write(&mut wire, 1 << 40);
        let mut heads = Heads::default();
        for byte in &wire[..wire.len() - 1] {
            assert_eq!(heads.read(&mut Bytes::copy_from_slice(&[*byte])), None);
            assert!(heads.is_partial());
        }
        let mut last = Bytes::copy_from_slice(&[wire[wire.len() - 1], 7]);
        assert_eq!(heads.read(&mut last), Some(Head { kind: Kind::Unknown, len: 1 << 40 }));
        assert_eq!((&last[..], heads.is_partial()), (&[7][..], false));
    }

    #[test]
    fn long_payloads_get_a_long_length() {
        for len in [0, 1, 63, 64, 16_383, 16_384, 100_000] {
            let mut wire = Vec::new();
            write(&mut wire, 0x1, |wire| wire.resize(wire.len() + len, 7));
            let mut bytes = Bytes::from(wire);
            let head = Heads::default().read(&mut bytes).unwrap();
            assert_eq!((head, bytes.len()), (Head { kind: Kind::Headers, len: len as u64 }, len));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_heads_or_need_more(bytes: Vec<u8>, portion in 1..9usize) {
            let mut heads = Heads::default();
            for portion in bytes.chunks(portion) {
                let mut portion = Bytes::copy_from_slice(portion);
                while heads.read(&mut portion).is_some() {}
                prop_assert!(portion.is_empty());
            }
        }
    }
}
