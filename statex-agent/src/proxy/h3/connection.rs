//! What the streams of a connection share, on the server's side: field compression and the control streams.

use bytes::Bytes;

use super::frame;
use super::qpack::{Decoder, Outcome};
use super::settings::Settings;
use super::unidirectional::{Advice, Unidirectional};
use super::{Breach, varint};
use crate::proxy::h1::{Limits, Refusal};
use crate::proxy::heads::{RequestReader, TrailerReader};
use crate::proxy::http::{Fields, Request};

/// The identifier of a GOAWAY that refuses no request yet: more than any stream has (RFC 9114 §5.2).
pub const SOON: u64 = varint::MOST - 3;

/// GOAWAY is the frame type 0x7.
const GOAWAY: u64 = 0x7;

/// What became of a field section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read<T> {
    Done(T),
    /// It must wait until so many fields have reached the dynamic table: see [`Connection::inserted`].
    Blocked(u64),
}

/// The state of one connection.
#[derive(Debug)]
pub struct Connection {
    qpack: Decoder,
    streams: Unidirectional,
    /// The client was told that `CONNECT` may name a protocol.
    connect: bool,
}

impl Connection {
    /// `settings` are those that [`control`] tells the client.
    pub fn new(settings: &Settings) -> Self {
        let table = u32::try_from(settings.table).unwrap_or(u32::MAX);
        Self { qpack: Decoder::new(table), streams: Unidirectional::default(), connect: settings.connect }
    }

    /// Takes what came by a unidirectional stream.
    ///
    /// # Errors
    ///
    /// The connection has to end.
    pub fn unidirectional(&mut self, stream: u64, bytes: Bytes) -> Result<Advice, Breach> {
        self.streams.read(stream, bytes, &mut self.qpack)
    }

    /// A unidirectional stream has ended, or was reset.
    ///
    /// # Errors
    ///
    /// The connection has to end.
    pub fn unidirectional_ended(&mut self, stream: u64) -> Result<(), Breach> {
        self.streams.end(stream)
    }

    /// Fields that have ever reached the dynamic table.
    pub fn inserted(&self) -> u64 {
        self.qpack.inserted()
    }

    /// Reads the field section of a request's head into `request`; gives its `Content-Length`.
    ///
    /// # Errors
    ///
    /// The connection has to end. What is wrong with the request alone is in the result.
    pub fn request(
        &mut self,
        stream: u64,
        section: &[u8],
        limits: &Limits,
        request: &mut Request,
    ) -> Result<Read<Result<Option<u64>, Refusal>>, Breach> {
        let mut reader = RequestReader::new(request, limits);
        let outcome = self.qpack.section(stream, section, |line| reader.line(line))?;
        Ok(match outcome {
            Outcome::Blocked(required) => Read::Blocked(required),
            Outcome::Whole => Read::Done(reader.finish(self.connect)),
        })
    }

    /// Reads the field section of trailers.
    ///
    /// # Errors
    ///
    /// As of [`request`](Self::request).
    pub fn trailers(
        &mut self,
        stream: u64,
        section: &[u8],
        limits: &Limits,
    ) -> Result<Read<Result<Fields, Refusal>>, Breach> {
        let mut fields = Fields::default();
        let mut reader = TrailerReader::new(&mut fields, limits);
        let outcome = self.qpack.section(stream, section, |line| reader.line(line))?;
        Ok(match outcome {
            Outcome::Blocked(required) => Read::Blocked(required),
            Outcome::Whole => Read::Done(reader.finish().map(|()| fields)),
        })
    }

    /// A request stream ends early: what it has of field sections will not be read.
    pub fn cancel(&mut self, stream: u64) {
        self.qpack.cancel(stream);
    }

    /// Moves behind `wire` what is to go by our decoder stream.
    pub fn decoder_stream(&mut self, wire: &mut Vec<u8>) {
        self.qpack.tell(wire);
    }
}

/// Begins our control stream.
pub fn control(wire: &mut Vec<u8>, settings: &Settings) {
    varint::write(wire, 0x0);
    settings.write(wire);
}

/// Begins our QPACK decoder stream.
pub fn decoder(wire: &mut Vec<u8>) {
    varint::write(wire, 0x3);
}

/// Writes, for our control stream, that requests by this stream and later ones are refused.
pub fn goaway(wire: &mut Vec<u8>, stream: u64) {
    frame::write(wire, GOAWAY, |wire| varint::write(wire, stream));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::h3::Code;
    use crate::proxy::h3::qpack::encode;
    use crate::proxy::heads::Line;

    const SETTINGS: Settings = Settings { table: 220, blocked: 1, section: None, connect: true };

    fn section_of(lines: &[(&str, &str)]) -> Vec<u8> {
        let mut wire = Vec::new();
        encode::prefix(&mut wire);
        let mut line =
            |name: &str, value: &str| encode::line(&mut wire, &Line::new(name.as_bytes(), value.as_bytes()));
        lines.iter().for_each(|(name, value)| line(name, value));
        wire
    }

    const GET: [(&str, &str); 4] =
        [(":method", "GET"), (":scheme", "https"), (":authority", "a.net"), (":path", "/")];

    #[test]
    fn a_request_is_read_and_what_is_wrong_with_it_is_its_own() {
        let (mut connection, limits) = (Connection::new(&SETTINGS), Limits::default());
        let mut request = Request::default();
        let section = section_of(&[&GET[..], &[("content-length", "3")]].concat());
        let read = connection.request(0, &section, &limits, &mut request);
        assert_eq!(read, Ok(Read::Done(Ok(Some(3)))));
        assert_eq!(request.authority, b"a.net");
        let section = section_of(&[&GET[..], &[("Upper", "x"), ("y", "z")]].concat());
        let read = connection.request(4, &section, &limits, &mut request);
        assert!(matches!(read, Ok(Read::Done(Err(Refusal::Malformed(_))))), "{read:?}");
    }

    #[test]
    fn a_request_waits_for_the_table() {
        let (mut connection, limits) = (Connection::new(&SETTINGS), Limits::default());
        let mut request = Request::default();
        // One field is needed: the first one behind the base.
        let section = [&[0x02, 0x80, 0x10][..], &section_of(&GET)[2..]].concat();
        let read = connection.request(0, &section, &limits, &mut request);
        assert_eq!(read, Ok(Read::Blocked(1)));
        let insert = Bytes::from_static(b"\x02\x3f\xbd\x01\x41x\x01y");
        assert_eq!(connection.unidirectional(2, insert), Ok(Advice::Nothing));
        assert_eq!(connection.inserted(), 1);
        let read = connection.request(0, &section, &limits, &mut request);
        assert!(matches!(read, Ok(Read::Done(Err(_)))), "a field before the pseudo-header fields: {read:?}");
        let mut told = Vec::new();
        connection.decoder_stream(&mut told);
        assert_eq!(told, [0x80]);
    }

    #[test]
    fn a_section_that_is_no_section_ends_the_connection() {
        let mut connection = Connection::new(&SETTINGS);
        let refused = connection.trailers(0, &[0], &Limits::default()).unwrap_err();
        assert_eq!(refused.code, Code::QPACK_DECOMPRESSION_FAILED);
    }

    #[test]
    fn a_goaway_names_a_request_stream() {
        assert_eq!(SOON % 4, 0);
        let mut wire = Vec::new();
        goaway(&mut wire, 8);
        assert_eq!(wire, [0x07, 0x40, 1, 8]);
    }
}
