//! Settings (RFC 9113 §6.5): what each side tells the other about itself.

use super::Code;
use super::frame::{MOST_31, MOST_PAYLOAD};

/// One setting as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: u16,
    pub value: u32,
}

pub const HEADER_TABLE_SIZE: u16 = 1;
pub const ENABLE_PUSH: u16 = 2;
pub const MAX_CONCURRENT_STREAMS: u16 = 3;
pub const INITIAL_WINDOW_SIZE: u16 = 4;
pub const MAX_FRAME_SIZE: u16 = 5;
pub const MAX_HEADER_LIST_SIZE: u16 = 6;
/// RFC 8441 §3.
pub const ENABLE_CONNECT_PROTOCOL: u16 = 8;
/// RFC 9218 §2.1: this side does not look at the priorities of RFC 7540.
pub const NO_RFC7540_PRIORITIES: u16 = 9;

/// The window of a stream where nothing was said, and always the connection's first one (RFC 9113 §6.9.2).
pub const WINDOW: u32 = 65_535;

/// What a peer has told of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub header_table: u32,
    /// Streams that it lets be open at once.
    pub streams: u32,
    /// Of each stream, towards the peer.
    pub window: u32,
    /// A request may ask for a protocol.
    pub extended_connect: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            header_table: super::hpack::TABLE as u32,
            streams: u32::MAX,
            window: WINDOW,
            extended_connect: false,
        }
    }
}

impl Settings {
    /// Takes what the peer tells; what is not known is ignored. `from_server`: the peer is one.
    ///
    /// # Errors
    ///
    /// A value that is not allowed: an error of the connection (RFC 9113 §6.5.2).
    pub fn take(&mut self, Setting { name, value }: Setting, from_server: bool) -> Result<(), Code> {
        match name {
            HEADER_TABLE_SIZE => self.header_table = value,
            // A server cannot be pushed to.
            ENABLE_PUSH if value > u32::from(!from_server) => return Err(Code::ProtocolError),
            MAX_CONCURRENT_STREAMS => self.streams = value,
            INITIAL_WINDOW_SIZE if value > MOST_31 => return Err(Code::FlowControlError),
            INITIAL_WINDOW_SIZE => self.window = value,
            // Payloads to the peer have no more than it takes in any case.
            MAX_FRAME_SIZE if !(MOST_PAYLOAD as u32..1 << 24).contains(&value) => {
                return Err(Code::ProtocolError);
            }
            // Once allowed it stays allowed (RFC 8441 §3).
            ENABLE_CONNECT_PROTOCOL if value > 1 || self.extended_connect && value == 0 => {
                return Err(Code::ProtocolError);
            }
            ENABLE_CONNECT_PROTOCOL => self.extended_connect = value == 1,
            NO_RFC7540_PRIORITIES if value > 1 => return Err(Code::ProtocolError),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(name: u16, value: u32) -> Result<Settings, Code> {
        let mut settings = Settings::default();
        settings.take(Setting { name, value }, true).map(|()| settings)
    }

    #[test]
    fn values_have_their_bounds() {
        assert_eq!(take(ENABLE_PUSH, 1), Err(Code::ProtocolError));
        assert_eq!(take(INITIAL_WINDOW_SIZE, 1 << 31), Err(Code::FlowControlError));
        assert_eq!(take(MAX_FRAME_SIZE, 16_383), Err(Code::ProtocolError));
        assert_eq!(take(MAX_FRAME_SIZE, 1 << 24), Err(Code::ProtocolError));
        assert_eq!(take(ENABLE_CONNECT_PROTOCOL, 2), Err(Code::ProtocolError));
        assert_eq!(take(77, 5), Ok(Settings::default()));
        let mut settings = Settings::default();
        assert_eq!(settings.take(Setting { name: ENABLE_PUSH, value: 1 }, false), Ok(()));
        assert_eq!(settings.take(Setting { name: ENABLE_PUSH, value: 2 }, false), Err(Code::ProtocolError));
    }

    #[test]
    fn protocols_stay_allowed() {
        let mut settings = take(ENABLE_CONNECT_PROTOCOL, 1).unwrap();
        let back = Setting { name: ENABLE_CONNECT_PROTOCOL, value: 0 };
        assert_eq!(settings.take(back, true), Err(Code::ProtocolError));
    }
}
