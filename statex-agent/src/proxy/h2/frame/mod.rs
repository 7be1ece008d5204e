//! Frames (RFC 9113 §4 and §6).
//!
//! ```text
//! +-----------------------------------------------+
//! |                 Length (24)                   |
//! +---------------+---------------+---------------+
//! |   Type (8)    |   Flags (8)   |
//! +-+-------------+---------------+-------------------------------+
//! |R|                 Stream Identifier (31)                      |
//! +=+=============================================================+
//! |                   Payload (Length bytes)                      |
//! ```

mod payload;
pub mod write;

pub use payload::{Padded, block, go_away, priority_update, reset, settings, window};

/// The nine bytes before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub len: usize,
    pub kind: u8,
    pub flags: u8,
    /// 0: the connection.
    pub stream: u32,
}

impl Head {
    pub const LEN: usize = 9;

    /// The head at the front of `bytes`; `None`: it is not whole.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, stream @ ..] = bytes.first_chunk::<{ Self::LEN }>()?;
        let len = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        Some(Self { len, kind: *kind, flags: *flags, stream: u32::from_be_bytes(*stream) & MOST_31 })
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The largest number of 31 bits: of stream identifiers and windows.
pub const MOST_31: u32 = u32::MAX >> 1;

/// Bytes of the largest payload that an endpoint has to take (RFC 9113 §4.2); this one takes no more.
pub const MOST_PAYLOAD: usize = 16 << 10;

/// What a client begins with (RFC 9113 §3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames.
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
    /// RFC 9218 §7.1.
    pub const PRIORITY_UPDATE: u8 = 16;
}

/// Flags; which ones mean something depends on the type.
pub mod flag {
    pub const ACK: u8 = 0x1;
    pub const END_STREAM: u8 = 0x1;
    pub const END_HEADERS: u8 = 0x4;
    pub const PADDED: u8 = 0x8;
    pub const PRIORITY: u8 = 0x20;
}
