//! How a peer can break the rules, and with which code it is told (RFC 9114 §8, RFC 9204 §6).

use std::fmt;

/// An error code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub u64);

/// Declares the codes: a constant each, its number and its name in the standard.
macro_rules! codes {
    ($($constant:ident = $number:literal $name:literal,)*) => {
        impl Code {
            $(pub const $constant: Self = Self($number);)*

            fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$constant => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    NO_ERROR = 0x100 "H3_NO_ERROR",
    GENERAL_PROTOCOL_ERROR = 0x101 "H3_GENERAL_PROTOCOL_ERROR",
    INTERNAL_ERROR = 0x102 "H3_INTERNAL_ERROR",
    STREAM_CREATION_ERROR = 0x103 "H3_STREAM_CREATION_ERROR",
    CLOSED_CRITICAL_STREAM = 0x104 "H3_CLOSED_CRITICAL_STREAM",
    FRAME_UNEXPECTED = 0x105 "H3_FRAME_UNEXPECTED",
    FRAME_ERROR = 0x106 "H3_FRAME_ERROR",
    EXCESSIVE_LOAD = 0x107 "H3_EXCESSIVE_LOAD",
    ID_ERROR = 0x108 "H3_ID_ERROR",
    SETTINGS_ERROR = 0x109 "H3_SETTINGS_ERROR",
    MISSING_SETTINGS = 0x10a "H3_MISSING_SETTINGS",
    REQUEST_REJECTED = 0x10b "H3_REQUEST_REJECTED",
    REQUEST_CANCELLED = 0x10c "H3_REQUEST_CANCELLED",
    REQUEST_INCOMPLETE = 0x10d "H3_REQUEST_INCOMPLETE",
    MESSAGE_ERROR = 0x10e "H3_MESSAGE_ERROR",
    CONNECT_ERROR = 0x10f "H3_CONNECT_ERROR",
    VERSION_FALLBACK = 0x110 "H3_VERSION_FALLBACK",
    QPACK_DECOMPRESSION_FAILED = 0x200 "QPACK_DECOMPRESSION_FAILED",
    QPACK_ENCODER_STREAM_ERROR = 0x201 "QPACK_ENCODER_STREAM_ERROR",
    QPACK_DECODER_STREAM_ERROR = 0x202 "QPACK_DECODER_STREAM_ERROR",
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

/// A breach that ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code:?}: {why}")]
pub struct Breach {
    pub code: Code,
    pub why: &'static str,
}

impl Breach {
    pub const fn new(code: Code, why: &'static str) -> Self {
        Self { code, why }
    }
}
