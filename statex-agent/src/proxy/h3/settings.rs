//! What each side tells the other about itself, once, at the start (RFC 9114 §7.2.4, RFC 9204 §5, RFC 9220 §3).

use super::{Breach, Code, frame, varint};

/// SETTINGS is the frame type 0x4.
const FRAME: u64 = 0x4;
const QPACK_MAX_TABLE_CAPACITY: u64 = 0x1;
const MAX_FIELD_SECTION_SIZE: u64 = 0x6;
const QPACK_BLOCKED_STREAMS: u64 = 0x7;
const ENABLE_CONNECT_PROTOCOL: u64 = 0x8;
const H3_DATAGRAM: u64 = 0x33;
/// An identifier without a meaning, so that peers stay used to such (RFC 9114 §7.2.4.1).
const RESERVED: u64 = 0x1f * 0x5a3 + 0x21;

/// Settings of one side; the defaults are what holds where nothing was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of the dynamic table that the peer may use for what it sends here.
    pub table: u64,
    /// Streams that may wait for that table at once.
    pub blocked: u64,
    /// Largest field section, each line charged with 32 bytes more (RFC 9114 §4.2.2); `None`: no limit.
    pub section: Option<u64>,
    /// `CONNECT` may name a protocol.
    pub connect: bool,
}

impl Settings {
    /// Reads the payload of a SETTINGS frame.
    ///
    /// # Errors
    ///
    /// The connection has to end.
    pub fn read(mut payload: &[u8]) -> Result<Self, Breach> {
        const CUT: Breach = Breach::new(Code::FRAME_ERROR, "settings that are cut off");
        const TWICE: Breach = Breach::new(Code::SETTINGS_ERROR, "a setting twice");
        let mut settings = Self::default();
        let mut seen: Vec<u64> = Vec::new();
        while !payload.is_empty() {
            let id = varint::read(&mut payload).ok_or(CUT)?;
            let value = varint::read(&mut payload).ok_or(CUT)?;
            if seen.contains(&id) {
                return Err(TWICE);
            }
            seen.push(id);
            match id {
                QPACK_MAX_TABLE_CAPACITY => settings.table = value,
                QPACK_BLOCKED_STREAMS => settings.blocked = value,
                MAX_FIELD_SECTION_SIZE => settings.section = Some(value),
                ENABLE_CONNECT_PROTOCOL => settings.connect = flag(value)?,
                H3_DATAGRAM => drop(flag(value)?),
                // Settings of HTTP/2 that HTTP/3 has not taken over (RFC 9114 §7.2.4.1).
                0x0 | 0x2..=0x5 => {
                    return Err(Breach::new(Code::SETTINGS_ERROR, "a setting of HTTP/2"));
                }
                _ => {}
            }
        }
        Ok(settings)
    }

    /// Writes the frame.
    pub fn write(&self, wire: &mut Vec<u8>) {
        frame::write(wire, FRAME, |wire| {
            let mut pair = |id, value| {
                varint::write(wire, id);
                varint::write(wire, value);
            };
            if self.table > 0 {
                pair(QPACK_MAX_TABLE_CAPACITY, self.table);
                pair(QPACK_BLOCKED_STREAMS, self.blocked);
            }
            if let Some(size) = self.section {
                pair(MAX_FIELD_SECTION_SIZE, size);
            }
            if self.connect {
                pair(ENABLE_CONNECT_PROTOCOL, 1);
            }
            pair(RESERVED, 1);
        });
    }
}

fn flag(value: u64) -> Result<bool, Breach> {
    match value {
        0 | 1 => Ok(value == 1),
        _ => Err(Breach::new(Code::SETTINGS_ERROR, "a setting that is neither on nor off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read() {
        let settings = Settings { table: 4096, blocked: 16, section: Some(32 << 10), connect: true };
        let mut wire = Vec::new();
        settings.write(&mut wire);
        // Type, and a length of two bytes.
        assert_eq!(Settings::read(&wire[3..]), Ok(settings));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (payload, code) in [
            (&[0x06][..], Code::FRAME_ERROR),
            (&[0x06, 0x40], Code::FRAME_ERROR),
            (&[0x06, 1, 0x06, 1], Code::SETTINGS_ERROR),
            (&[0x21, 1, 0x21, 1], Code::SETTINGS_ERROR),
            (&[0x02, 1], Code::SETTINGS_ERROR),
            (&[0x05, 1], Code::SETTINGS_ERROR),
            (&[0x08, 2], Code::SETTINGS_ERROR),
        ] {
            assert_eq!(Settings::read(payload).unwrap_err().code, code, "{payload:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_settings_or_refused(payload: Vec<u8>) {
            let _ = Settings::read(&payload);
        }
    }
}
