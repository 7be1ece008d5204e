//! A client's unidirectional streams: the first integer says what each is for (RFC 9114 §6.2, RFC 9204 §4.2).
//!
//! | type | |
//! |---|---|
//! | 0 | control: one, for as long as the connection lives |
//! | 1 | push: of servers only |
//! | 2, 3 | QPACK encoder and decoder: one each at most, for as long as the connection lives |
//! | others | nobody here knows them: the client is asked to stop |

use bytes::{Buf, Bytes};

use super::control::Control;
use super::qpack::{self, Decoder};
use super::settings::Settings;
use super::{Breach, Code, varint};

/// What to do about a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    Nothing,
    /// Ask the client to stop, with [`Code::STREAM_CREATION_ERROR`]; the stream is forgotten.
    Stop,
}

/// The streams that the client has opened.
#[derive(Debug, Default)]
pub struct Unidirectional {
    /// Streams whose type has not come, and what has come of it.
    opening: Vec<(u64, Vec<u8>)>,
    control: Option<(u64, Control)>,
    encoder: Option<u64>,
    /// With an instruction that has not ended.
    decoder: Option<(u64, Vec<u8>)>,
}

impl Unidirectional {
    /// The client's settings, when they have come.
    pub fn settings(&self) -> Option<Settings> {
        self.control.as_ref()?.1.settings()
    }

    /// Takes what came by a stream.
    ///
    /// # Errors
    ///
    /// The connection has to end.
    pub fn read(&mut self, id: u64, bytes: Bytes, qpack: &mut Decoder) -> Result<Advice, Breach> {
        match (&mut self.control, self.encoder, &mut self.decoder) {
            (Some((stream, control)), _, _) if *stream == id => control.read(bytes)?,
            (_, Some(stream), _) if stream == id => qpack.instructions(&bytes)?,
            (_, _, Some((stream, partial))) if *stream == id => qpack::from_decoder(partial, &bytes)?,
            _ => return self.open(id, bytes, qpack),
        }
        Ok(Advice::Nothing)
    }

    fn open(&mut self, id: u64, mut bytes: Bytes, qpack: &mut Decoder) -> Result<Advice, Breach> {
        let at = self.opening.iter().position(|(stream, _)| *stream == id);
        let mut head = at.map(|at| self.opening.swap_remove(at).1).unwrap_or_default();
        let kind = loop {
            if let Some(kind) = varint::read(&mut &head[..]) {
                break kind;
            }
            if !bytes.has_remaining() {
                self.opening.push((id, head));
                return Ok(Advice::Nothing);
            }
            head.push(bytes.get_u8());
        };
        let wrong = |why| Err(Breach::new(Code::STREAM_CREATION_ERROR, why));
        match kind {
            0 if self.control.is_some() => return wrong("a second control stream"),
            2 if self.encoder.is_some() => return wrong("a second encoder stream"),
            3 if self.decoder.is_some() => return wrong("a second decoder stream"),
            1 => return wrong("a push by a client"),
            0 => self.control = Some((id, Control::default())),
            2 => self.encoder = Some(id),
            3 => self.decoder = Some((id, Vec::new())),
            _ => return Ok(Advice::Stop),
        }
        self.read(id, bytes, qpack)
    }

    /// A stream has ended, or was reset.
    ///
    /// # Errors
    ///
    /// It was one that the connection needs.
    pub fn end(&mut self, id: u64) -> Result<(), Breach> {
        let is = |stream: Option<u64>| stream == Some(id);
        let control = self.control.as_ref().map(|(id, _)| *id);
        let decoder = self.decoder.as_ref().map(|(id, _)| *id);
        if is(control) || is(self.encoder) || is(decoder) {
            return Err(Breach::new(
                Code::CLOSED_CRITICAL_STREAM,
                "a stream that the connection needs ended",
            ));
        }
        self.opening.retain(|(stream, _)| *stream != id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives each stream its bytes, one by one.
    fn read(streams: &[(u64, &[u8])]) -> Result<(Unidirectional, Decoder, Advice), Code> {
        let (mut all, mut qpack) = (Unidirectional::default(), Decoder::new(100));
        let mut advice = Advice::Nothing;
        for (id, wire) in streams {
            for byte in *wire {
                let byte = Bytes::copy_from_slice(&[*byte]);
                advice = all.read(*id, byte, &mut qpack).map_err(|breach| breach.code)?;
            }
        }
        Ok((all, qpack, advice))
    }

    #[test]
    fn each_stream_gets_what_is_its_own() {
        let streams: [(u64, &[u8]); 3] =
            [(2, &[0x00, 0x04, 2, 0x06, 9]), (6, &[0x02, 0x3f, 69, 0xc0, 1, b'a']), (10, &[0x03, 0x44])];
        let (all, qpack, _) = read(&streams).unwrap();
        assert_eq!(all.settings().unwrap().section, Some(9));
        assert_eq!(qpack.inserted(), 1);
    }

    #[test]
    fn types_may_be_written_long() {
        let (all, _, _) = read(&[(2, &[0x40, 0x00, 0x04, 0])]).unwrap();
        assert!(all.settings().is_some());
    }

    #[test]
    fn a_second_one_of_a_kind_is_refused() {
        for kind in [0, 2, 3] {
            assert_eq!(read(&[(2, &[kind]), (6, &[kind])]).unwrap_err(), Code::STREAM_CREATION_ERROR);
        }
        assert_eq!(read(&[(2, &[1])]).unwrap_err(), Code::STREAM_CREATION_ERROR);
    }

    #[test]
    fn what_nobody_knows_is_asked_to_stop() {
        assert_eq!(read(&[(2, &[0x40, 0x21])]).unwrap().2, Advice::Stop);
    }

    #[test]
    fn what_the_connection_needs_must_not_end() {
        for kind in [0, 2, 3] {
            let (mut all, _, _) = read(&[(2, &[kind])]).unwrap();
            assert_eq!(all.end(2).unwrap_err().code, Code::CLOSED_CRITICAL_STREAM);
        }
        // Neither did this say what it was, nor was it of use.
        let (mut all, _, _) = read(&[(2, &[0x40]), (6, &[0x21])]).unwrap();
        assert!(all.end(2).is_ok() && all.end(6).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_followed_or_refused(wire: Vec<(u8, Vec<u8>)>) {
            let (mut all, mut qpack) = (Unidirectional::default(), Decoder::new(100));
            for (id, wire) in wire {
                let _ = all.read(u64::from(id % 4), wire.into(), &mut qpack);
            }
        }
    }
}
