//! Pieces of a body from the bytes behind a head (RFC 9112 §6 and §7.1).

use bytes::{Buf, Bytes, BytesMut};

use super::head::lines_end_in_crlf;
use super::{Framing, Limits, Refusal};
use crate::proxy::http::{Fields, Name, Whole};

/// Longest line of a chunk's size with its extensions.
const LONGEST_SIZE_LINE: usize = 256;

/// What comes next of a body.
#[derive(Debug)]
pub enum Step {
    /// More bytes are needed; where the connection ends, [`Decoder::ends_here`] says whether that is right.
    More,
    Data(Bytes),
    /// Trailers, which may be empty; the body has ended.
    End(Fields),
}

/// Reads one body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoder(State);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Length(u64),
    UntilClose,
    Size,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    Done,
}

impl Decoder {
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Size,
            Framing::UntilClose => State::UntilClose,
        })
    }

    /// Whether the whole body was read.
    pub fn is_done(&self) -> bool {
        self.0 == State::Done
    }

    /// Whether the body may end where the connection does.
    pub fn ends_here(&self) -> bool {
        matches!(self.0, State::UntilClose | State::Done)
    }

    /// How long the rest of the body is.
    pub fn whole(&self) -> Whole {
        match self.0 {
            State::Done => Whole::None,
            State::Length(left) => Whole::Length(left),
            _ => Whole::Unknown,
        }
    }

    /// Takes the next piece out of `buffer`, and leaves what belongs to the next message.
    ///
    /// # Errors
    ///
    /// The chunks are malformed.
    pub fn step(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<Step, Refusal> {
        loop {
            match self.0 {
                State::Done => return Ok(Step::End(Fields::default())),
                _ if buffer.is_empty() => return Ok(Step::More),
                State::UntilClose => return Ok(Step::Data(buffer.split().freeze())),
                State::Length(left) => {
                    let (data, left) = take(buffer, left);
                    self.0 = if left == 0 { State::Done } else { State::Length(left) };
                    return Ok(Step::Data(data));
                }
                State::Chunk(left) => {
                    let (data, left) = take(buffer, left);
                    self.0 = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                    return Ok(Step::Data(data));
                }
                State::ChunkEnd => {
                    if !b"\r\n".starts_with(&buffer[..buffer.len().min(2)]) {
                        return Err(Refusal::Malformed("a chunk is longer than its size"));
                    }
                    if buffer.len() < 2 {
                        return Ok(Step::More);
                    }
                    buffer.advance(2);
                    self.0 = State::Size;
                }
                State::Size => match size(buffer)? {
                    None => return Ok(Step::More),
                    Some((0, len)) => {
                        buffer.advance(len);
                        self.0 = State::Trailers;
                    }
                    Some((size, len)) => {
                        buffer.advance(len);
                        self.0 = State::Chunk(size);
                    }
                },
                State::Trailers => {
                    let Some((fields, len)) = trailers(buffer, limits)? else { return Ok(Step::More) };
                    buffer.advance(len);
                    self.0 = State::Done;
                    return Ok(Step::End(fields));
                }
            }
        }
    }
}

fn take(buffer: &mut BytesMut, left: u64) -> (Bytes, u64) {
    let len = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
    (buffer.split_to(len).freeze(), left - len as u64)
}

/// A chunk's size, and the bytes of its line. Extensions are skipped (RFC 9112 §7.1.1).
fn size(buffer: &[u8]) -> Result<Option<(u64, usize)>, Refusal> {
    const WRONG: Refusal = Refusal::Malformed("the size of a chunk");
    let Some(end) = memchr::memchr(b'\n', &buffer[..buffer.len().min(LONGEST_SIZE_LINE)]) else {
        return if buffer.len() < LONGEST_SIZE_LINE { Ok(None) } else { Err(WRONG) };
    };
    let line = buffer[..end].strip_suffix(b"\r").ok_or(WRONG)?;
    let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (number, extension) = line.split_at(digits);
    let extension_fits = match extension.trim_ascii_start() {
        [] => extension.is_empty(),
        [first, rest @ ..] => *first == b';' && rest.iter().all(|byte| *byte == b'\t' || *byte >= b' '),
    };
    // Sixteen digits are all that 64 bits hold.
    if number.is_empty() || number.len() > 16 || !extension_fits {
        return Err(WRONG);
    }
    let text = std::str::from_utf8(number).map_err(|_| WRONG)?;
    Ok(Some((u64::from_str_radix(text, 16).map_err(|_| WRONG)?, end + 1)))
}

/// The trailer section, and its bytes with the empty line that ends it.
fn trailers(buffer: &[u8], limits: &Limits) -> Result<Option<(Fields, usize)>, Refusal> {
    let mut raw = [httparse::EMPTY_HEADER; Limits::MOST_FIELDS];
    let (len, raw) = match httparse::parse_headers(&buffer[..buffer.len().min(limits.head)], &mut raw) {
        Ok(httparse::Status::Complete(parsed)) => parsed,
        Ok(httparse::Status::Partial) if buffer.len() < limits.head => return Ok(None),
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::LargeHead);
        }
        Err(_) => return Err(Refusal::Malformed("a trailer")),
    };
    lines_end_in_crlf(&buffer[..len])?;
    let mut fields = Fields::default();
    for field in raw {
        match Name::of(field.name.as_bytes()) {
            // RFC 9110 §6.5.1: what frames or routes a message cannot come behind it.
            Name::ContentLength | Name::TransferEncoding | Name::Host | Name::Connection => {
                return Err(Refusal::Malformed("a trailer that frames or routes"));
            }
            _ => fields.push(field.name.as_bytes(), field.value),
        }
    }
    Ok(Some((fields, len)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::http::Field;
    use proptest::prelude::*;

    /// Feeds `text` in the given portions; the body, its trailers' count and what is left.
    fn decode(
        framing: Framing,
        text: &[u8],
        portion: usize,
    ) -> Result<(Vec<u8>, Option<Fields>, usize), Refusal> {
        let (mut decoder, mut buffer) = (Decoder::new(framing), BytesMut::new());
        let (mut body, mut fed) = (Vec::new(), text.chunks(portion.max(1)));
        loop {
            match decoder.step(&mut buffer, &Limits::default())? {
                Step::Data(data) => body.extend_from_slice(&data),
                Step::End(trailers) => {
                    return Ok((body, Some(trailers), buffer.len() + fed.map(<[u8]>::len).sum::<usize>()));
                }
                Step::More => match fed.next() {
                    Some(more) => buffer.extend_from_slice(more),
                    None => return Ok((body, None, buffer.len())),
                },
            }
        }
    }

    #[test]
    fn a_length_leaves_the_next_message_alone() {
        let (body, trailers, left) = decode(Framing::Length(3), b"abcGET /", 64).unwrap();
        assert_eq!((&body[..], trailers.is_some(), left), (&b"abc"[..], true, 5));
    }

    #[test]
    fn chunks_extensions_and_trailers_are_read() {
        let text = b"3\r\nabc\r\n1;x=\"y\" \r\nd\r\n0\r\nX-Sum: 7\r\n\r\nGET";
        for portion in 1..text.len() {
            let (body, trailers, left) = decode(Framing::Chunked, text, portion).unwrap();
            assert_eq!((&body[..], left), (&b"abcd"[..], 3), "portion {portion}");
            let trailers = trailers.expect("the body has ended");
            let expected = Field { name: Name::Other, text: b"X-Sum", value: b"7" };
            assert_eq!(trailers.iter().collect::<Vec<_>>(), [expected]);
        }
    }

    #[test]
    fn bad_chunks_are_refused() {
        for text in [
            "g\r\n",
            "\r\n",
            " 3\r\nabc\r\n",
            "3 \r\nabc\r\n",
            "0x3\r\nabc",
            "+3\r\nabc",
            "-1\r\n",
            "3\nabc\n",
            "3\r\nabcd\r\n",
            "3\r\nabc\n",
            "3\r\nabcX",
            "3;a\rb\r\nabc",
            "10000000000000000\r\n",
            "3;\x01\r\nabc",
            "0\r\nContent-Length: 5\r\n\r\n",
            "0\r\nHost: a\r\n\r\n",
            "0\r\nX : y\r\n\r\n",
            "0\r\nX: y\n\r\n",
            "0\r\n\n",
        ] {
            let refused = decode(Framing::Chunked, text.as_bytes(), 64);
            assert!(matches!(refused, Err(Refusal::Malformed(_))), "{text:?}: {refused:?}");
        }
        assert!(decode(Framing::Chunked, "1".repeat(300).as_bytes(), 64).is_err());
    }

    #[test]
    fn only_a_body_without_a_length_ends_with_the_connection() {
        assert!(Decoder::new(Framing::UntilClose).ends_here());
        assert!(!Decoder::new(Framing::Length(1)).ends_here());
        assert!(!Decoder::new(Framing::Chunked).ends_here());
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), portion in 1..9usize) {
            let _ = decode(Framing::Chunked, &bytes, portion);
        }

        #[test]
        fn what_is_encoded_is_decoded(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..5), portion in 1..9usize) {
            let mut wire = Vec::new();
            for piece in &pieces {
                super::super::encode::chunk_head(&mut wire, piece.len());
                wire.extend_from_slice(piece);
                wire.extend_from_slice(b"\r\n");
            }
            super::super::encode::last_chunk(&mut wire, &Fields::default());
            let (body, trailers, left) = decode(Framing::Chunked, &wire, portion).unwrap();
            prop_assert_eq!((body, trailers.is_some(), left), (pieces.concat(), true, 0));
        }
    }
}
