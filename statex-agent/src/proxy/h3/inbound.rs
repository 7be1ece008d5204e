//! What comes by a request stream: a head, pieces of a body, trailers (RFC 9114 §4.1 and §7.2).
//!
//! ```text
//! HEADERS ─> Step::Head ─┬─ DATA ─> Step::Data … ─┬─ HEADERS ─> Step::Trailers ─> end
//!                        └─ (a tunnel: DATA only) ┘
//! ```
//!
//! Of a body nothing is kept here: pieces are passed on as they come.

use bytes::Bytes;

use super::frame::{Head, Heads, Kind};
use super::{Breach, Code};

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// More bytes are needed; all were taken.
    More,
    /// The field section of the head.
    Head(Bytes),
    /// A piece of the body; never empty.
    Data(Bytes),
    /// The field section of the trailers.
    Trailers(Bytes),
}

/// How the stream breaks the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The connection has to end.
    Connection(Breach),
    /// The stream alone has to end.
    Stream(Breach),
    /// A field section is larger than it may be.
    Large,
}

impl From<Breach> for Trouble {
    fn from(breach: Breach) -> Self {
        Self::Connection(breach)
    }
}

/// Reads a request stream, in any portions.
#[derive(Debug)]
pub struct Inbound {
    heads: Heads,
    /// The frame that has begun: what it is, and bytes of it that are missing.
    frame: Option<(Kind, u64)>,
    /// A field section that has begun.
    section: Vec<u8>,
    stage: Stage,
    /// Bytes of the body that were announced and have not come.
    announced: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Body,
    /// Behind the head of a `CONNECT`, where there are no trailers (RFC 9114 §4.4).
    Tunnel,
    End,
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            heads: Heads::default(),
            frame: None,
            section: Vec::new(),
            stage: Stage::Head,
            announced: None,
        }
    }
}

impl Inbound {
    /// The head says that the body has so many bytes.
    pub fn announce(&mut self, length: Option<u64>) {
        self.announced = length;
    }

    /// The head opens a tunnel.
    pub fn tunnel(&mut self) {
        self.stage = Stage::Tunnel;
    }

    /// Takes the next part off the front of `bytes`. A field section has at most `most` bytes.
    ///
    /// # Errors
    ///
    /// See [`Trouble`]. Not to be called again then.
    pub fn step(&mut self, bytes: &mut Bytes, most: usize) -> Result<Step, Trouble> {
        loop {
            let (kind, left) = match self.frame {
                Some(frame) => frame,
                None => {
                    let Some(head) = self.heads.read(bytes) else { return Ok(Step::More) };
                    self.begin(head, most)?;
                    (head.kind, head.len)
                }
            };
            let taken = bytes.split_to(bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
            let left = left - taken.len() as u64;
            self.frame = (left > 0).then_some((kind, left));
            match kind {
                Kind::Data if !taken.is_empty() => {
                    self.count(taken.len() as u64)?;
                    return Ok(Step::Data(taken));
                }
                Kind::Headers if left == 0 => return Ok(self.section(taken)),
                Kind::Headers => self.section.extend_from_slice(&taken),
                _ => {}
            }
            if left > 0 {
                return Ok(Step::More);
            }
        }
    }

    /// Whether such a frame may come now.
    fn begin(&self, head: Head, most: usize) -> Result<(), Trouble> {
        let why = match (head.kind, self.stage) {
            (Kind::Headers, Stage::Head | Stage::Body) if head.len > most as u64 => {
                return Err(Trouble::Large);
            }
            (Kind::Headers, Stage::Head | Stage::Body) | (Kind::Data, Stage::Body | Stage::Tunnel) => {
                return Ok(());
            }
            (Kind::Unknown, _) => return Ok(()),
            (Kind::Data, Stage::Head) => "a body before its head",
            (Kind::Headers, Stage::Tunnel) => "trailers of a tunnel",
            (Kind::Data | Kind::Headers, _) => "a frame behind the trailers",
            (Kind::PushPromise, _) => "a push by a client",
            (Kind::OfHttp2, _) => "a frame of HTTP/2",
            (Kind::CancelPush | Kind::Settings | Kind::Goaway | Kind::MaxPushId, _) => {
                "a frame of the control stream"
            }
        };
        Err(Breach::new(Code::FRAME_UNEXPECTED, why).into())
    }

    /// A field section is whole; `last` is what came of it just now.
    fn section(&mut self, last: Bytes) -> Step {
        let section = match self.section.is_empty() {
            true => last,
            false => {
                self.section.extend_from_slice(&last);
                std::mem::take(&mut self.section).into()
            }
        };
        match self.stage {
            Stage::Head => {
                self.stage = Stage::Body;
                Step::Head(section)
            }
            _ => {
                self.stage = Stage::End;
                Step::Trailers(section)
            }
        }
    }

    fn count(&mut self, len: u64) -> Result<(), Trouble> {
        let Some(announced) = &mut self.announced else { return Ok(()) };
        *announced = announced.checked_sub(len).ok_or(LENGTH)?;
        Ok(())
    }

    /// The stream has ended.
    ///
    /// # Errors
    ///
    /// The message had not.
    pub fn end(&self) -> Result<(), Trouble> {
        if self.frame.is_some() || self.heads.is_partial() {
            return Err(Breach::new(Code::FRAME_ERROR, "the stream ends within a frame").into());
        }
        match (self.stage, self.announced) {
            (Stage::Head, _) => Err(Trouble::Stream(Breach::new(Code::REQUEST_INCOMPLETE, "no request"))),
            (_, Some(1..)) => Err(LENGTH),
            _ => Ok(()),
        }
    }
}

/// RFC 9114 §4.1.2.
const LENGTH: Trouble =
    Trouble::Stream(Breach::new(Code::MESSAGE_ERROR, "a body that is not as long as was announced"));

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MOST: usize = 64;

    /// Gives the bytes in portions, then ends the stream.
    fn read(wire: &[u8], portion: usize, tunnel: bool, length: Option<u64>) -> Result<Vec<Step>, Trouble> {
        let (mut inbound, mut steps) = (Inbound::default(), Vec::new());
        for portion in wire.chunks(portion) {
            let mut bytes = Bytes::copy_from_slice(portion);
            loop {
                match inbound.step(&mut bytes, MOST)? {
                    Step::More => break,
                    Step::Head(section) => {
                        if tunnel {
                            inbound.tunnel();
                        }
                        inbound.announce(length);
                        steps.push(Step::Head(section));
                    }
                    Step::Data(data) => match steps.last_mut() {
                        Some(Step::Data(before)) => *before = [&before[..], &data].concat().into(),
                        _ => steps.push(Step::Data(data)),
                    },
                    step => steps.push(step),
                }
            }
            assert!(bytes.is_empty());
        }
        inbound.end()?;
        Ok(steps)
    }

    fn code(wire: &[u8]) -> Code {
        match read(wire, 1, false, None).unwrap_err() {
            Trouble::Connection(breach) | Trouble::Stream(breach) => breach.code,
            Trouble::Large => panic!("too large"),
        }
    }

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn a_message_comes_in_any_portions() {
        let wire = b"\x01\x02ab\x00\x03cde\x21\x01?\x00\x00\x00\x02fg\x01\x01h";
        for portion in 1..=wire.len() {
            let steps = read(wire, portion, false, Some(5)).unwrap();
            let head = Step::Head(bytes("ab"));
            assert_eq!(steps, [head, Step::Data(bytes("cdefg")), Step::Trailers(bytes("h"))], "{portion}");
        }
    }

    #[test]
    fn a_piece_is_passed_on_before_its_frame_has_ended() {
        let mut inbound = Inbound::default();
        let mut wire = bytes("\x01\x01a\x00\x3fbc");
        assert_eq!(inbound.step(&mut wire, MOST), Ok(Step::Head(bytes("a"))));
        assert_eq!(inbound.step(&mut wire, MOST), Ok(Step::Data(bytes("bc"))));
        assert_eq!(inbound.step(&mut wire, MOST), Ok(Step::More));
        assert!(
            matches!(inbound.end(), Err(Trouble::Connection(breach)) if breach.code == Code::FRAME_ERROR)
        );
    }

    #[test]
    fn frames_come_in_their_order() {
        for wire in [
            &b"\x00\x01a"[..],              // a body first
            b"\x01\x01a\x01\x01b\x00\x01c", // a body behind trailers
            b"\x01\x01a\x01\x01b\x01\x01c", // trailers twice
            b"\x05\x01a",                   // a push
            b"\x04\x00",
            b"\x03\x01\x00",
            b"\x07\x01\x00",
            b"\x0d\x01\x00", // of the control stream
            b"\x02\x00",
            b"\x06\x00",
            b"\x08\x00",
            b"\x09\x00", // of HTTP/2
            b"\x01\x01a\x06\x00",
        ] {
            assert_eq!(code(wire), Code::FRAME_UNEXPECTED, "{wire:?}");
        }
    }

    #[test]
    fn a_stream_ends_with_its_message() {
        for wire in [&b"\x01"[..], b"\x01\x02a", b"\x01\x01a\x00\x02b", b"\x01\x01a\x40"] {
            assert_eq!(code(wire), Code::FRAME_ERROR, "{wire:?}");
        }
        assert_eq!(code(b"\x21\x01?"), Code::REQUEST_INCOMPLETE);
        assert_eq!(code(b""), Code::REQUEST_INCOMPLETE);
    }

    #[test]
    fn a_body_is_as_long_as_announced() {
        for (length, fits) in [(Some(2), false), (Some(3), true), (Some(4), false), (None, true)] {
            assert_eq!(read(b"\x01\x01a\x00\x01b\x00\x02cd", 2, false, length).is_ok(), fits, "{length:?}");
        }
    }

    #[test]
    fn a_tunnel_has_data_only() {
        assert!(read(b"\x01\x01a\x00\x01b\x21\x00", 1, true, None).is_ok());
        assert!(read(b"\x01\x01a\x00\x01b\x01\x01c", 1, true, None).is_err());
    }

    #[test]
    fn a_section_that_is_too_large_is_not_waited_for() {
        assert_eq!(read(b"\x01\x40\x41", 1, false, None), Err(Trouble::Large));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(wire: Vec<u8>, portion in 1..9usize, tunnel: bool) {
            let _ = read(&wire, portion, tunnel, Some(3));
            let _ = read(&[&b"\x01\x01a"[..], &wire].concat(), portion, tunnel, None);
        }
    }
}
