//! The three coders behind one shape: bytes in, bytes out, and a flush between.

use std::cell::RefCell;
use std::io::{self, Write};

use brotli::CompressorWriter;
use brotli::enc::BrotliEncoderParams;
use flate2::{Compress, Compression, FlushCompress, Status};
use zstd::stream::raw::{CParameter, Encoder, Operation};
use zstd::zstd_safe::{InBuffer, OutBuffer};

use super::Coding;

/// Base-2 logarithm of the bytes that a coder looks back, at most. It bounds what one response costs in memory
/// (gzip 0.3 MiB, zstd and brotli 1 to 2 MiB), and clients need as much to decode.
const WINDOW: u32 = 19;
/// gzip's window is always the largest that there is: RFC 1951 allows no more.
const GZIP_WINDOW: u8 = 15;
/// Shorter windows than this save no memory that would count.
const LEAST_WINDOW: u32 = 16;
/// Room for output that is made at once.
const ROOM: usize = 4 << 10;
/// Coders that a worker keeps for the next response.
const KEPT: usize = 8;

/// Codes one body.
pub(super) struct Coder {
    kind: Option<Kind>,
    level: Level,
}

/// How hard a coder tries; what the numbers mean is up to the coding.
pub type Level = u8;

enum Kind {
    Gzip(Compress),
    Zstd(Encoder<'static>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
}

thread_local! {
    /// Coders whose memory can be used again. brotli's cannot.
    static IDLE: RefCell<Vec<(Level, Kind)>> = const { RefCell::new(Vec::new()) };
}

impl Coder {
    /// For a body of `len` bytes, if that is known.
    ///
    /// # Errors
    ///
    /// The coder takes no such level.
    pub(super) fn new(coding: Coding, level: Level, len: Option<u64>) -> io::Result<Self> {
        let mut kind = match idle(coding, level) {
            Some(kind) => kind,
            None => Kind::new(coding, level, len)?,
        };
        if let Kind::Zstd(encoder) = &mut kind {
            encoder.set_pledged_src_size(len)?;
        }
        Ok(Self { kind: Some(kind), level })
    }

    /// Codes `input`; what comes of it is added to `output`, perhaps later.
    pub(super) fn push(&mut self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.kind {
            Some(Kind::Gzip(compress)) => deflate(compress, input, output, FlushCompress::None),
            Some(Kind::Zstd(encoder)) => {
                let mut input = InBuffer::around(input);
                while input.pos < input.src.len() {
                    into(output, |room| encoder.run(&mut input, room))?;
                }
                Ok(())
            }
            Some(Kind::Brotli(writer)) => {
                writer.write_all(input)?;
                output.append(writer.get_mut());
                Ok(())
            }
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Gives all that was pushed, so that the client can read it now.
    pub(super) fn flush(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.kind {
            Some(Kind::Gzip(compress)) => deflate(compress, &[], output, FlushCompress::Sync),
            Some(Kind::Zstd(encoder)) => {
                while into(output, |room| encoder.flush(room))? > 0 {}
                Ok(())
            }
            Some(Kind::Brotli(writer)) => {
                writer.flush()?;
                output.append(writer.get_mut());
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Gives what is left, and the end. Nothing can be pushed afterwards.
    pub(super) fn finish(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        match self.kind.take() {
            Some(Kind::Gzip(mut compress)) => {
                deflate(&mut compress, &[], output, FlushCompress::Finish)?;
                compress.reset();
                keep(self.level, Kind::Gzip(compress));
            }
            Some(Kind::Zstd(mut encoder)) => {
                while into(output, |room| encoder.finish(room, true))? > 0 {}
                encoder.reinit()?;
                keep(self.level, Kind::Zstd(encoder));
            }
            Some(Kind::Brotli(writer)) => output.extend_from_slice(&writer.into_inner()),
            None => {}
        }
        Ok(())
    }
}

impl Kind {
    fn new(coding: Coding, level: Level, len: Option<u64>) -> io::Result<Self> {
        Ok(match coding {
            Coding::Gzip => Self::Gzip(Compress::new_gzip(Compression::new(level.into()), GZIP_WINDOW)),
            Coding::Zstd => {
                let mut encoder = Encoder::new(level.into())?;
                encoder.set_parameter(CParameter::WindowLog(WINDOW))?;
                Self::Zstd(encoder)
            }
            Coding::Brotli => {
                let needed = len.map_or(WINDOW, |len| u64::BITS - len.leading_zeros());
                let window = needed.clamp(LEAST_WINDOW, WINDOW);
                let params = BrotliEncoderParams {
                    quality: level.into(),
                    lgwin: window as i32,
                    size_hint: len.and_then(|len| usize::try_from(len).ok()).unwrap_or(0),
                    ..BrotliEncoderParams::default()
                };
                Self::Brotli(Box::new(CompressorWriter::with_params(Vec::new(), ROOM, &params)))
            }
        })
    }

    fn coding(&self) -> Coding {
        match self {
            Self::Gzip(_) => Coding::Gzip,
            Self::Zstd(_) => Coding::Zstd,
            Self::Brotli(_) => Coding::Brotli,
        }
    }
}

fn idle(coding: Coding, level: Level) -> Option<Kind> {
    IDLE.with_borrow_mut(|idle| {
        let at = idle.iter().position(|(own, kind)| *own == level && kind.coding() == coding)?;
        Some(idle.swap_remove(at).1)
    })
}

/// Keeps a coder that is at its beginning again; the one that has waited longest goes where there are enough.
fn keep(level: Level, kind: Kind) {
    IDLE.with_borrow_mut(|idle| {
        if idle.len() == KEPT {
            idle.remove(0);
        }
        idle.push((level, kind));
    });
}

fn deflate(
    compress: &mut Compress,
    input: &[u8],
    output: &mut Vec<u8>,
    flush: FlushCompress,
) -> io::Result<()> {
    let begin = compress.total_in();
    loop {
        output.reserve(ROOM);
        let done = (compress.total_in() - begin) as usize;
        let status = compress.compress_vec(input.get(done..).unwrap_or_default(), output, flush)?;
        let is_taken = (compress.total_in() - begin) as usize == input.len();
        // Room that is left over tells that there was no more to give.
        let is_given = output.len() < output.capacity();
        if status == Status::StreamEnd || is_taken && is_given && !matches!(flush, FlushCompress::Finish) {
            return Ok(());
        }
    }
}

/// Lets `work` write behind what `output` holds.
fn into(
    output: &mut Vec<u8>,
    work: impl FnOnce(&mut OutBuffer<'_, Vec<u8>>) -> io::Result<usize>,
) -> io::Result<usize> {
    output.reserve(ROOM);
    let end = output.len();
    work(&mut OutBuffer::around_pos(output, end))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    pub(in crate::proxy::encode) fn decoded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        match coding {
            Coding::Gzip => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut text),
            Coding::Zstd => zstd::stream::read::Decoder::new(bytes).unwrap().read_to_end(&mut text),
            Coding::Brotli => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut text),
        }
        .expect("it is complete and can be decoded");
        text
    }

    fn coded(coding: Coding, len: Option<u64>, pieces: &[&[u8]], flushed: bool) -> Vec<u8> {
        let (mut coder, mut output) = (Coder::new(coding, 5, len).unwrap(), Vec::new());
        for piece in pieces {
            coder.push(piece, &mut output).unwrap();
            if flushed {
                coder.flush(&mut output).unwrap();
            }
        }
        coder.finish(&mut output).unwrap();
        output
    }

    #[test]
    fn what_is_coded_is_decoded() {
        let text = b"all work and no play makes jack a dull boy. ".repeat(10_000);
        for coding in Coding::ALL {
            // The second coder is made of the first one's memory.
            for len in [None, Some(text.len() as u64), None] {
                let pieces: Vec<_> = text.chunks(10_000).collect();
                let output = coded(coding, len, &pieces, false);
                assert!(output.len() < text.len() / 50, "{coding:?}: {}", output.len());
                assert!(decoded(coding, &output) == text, "{coding:?}");
            }
            assert_eq!(decoded(coding, &coded(coding, Some(0), &[], false)), b"");
        }
    }

    #[test]
    fn a_flush_gives_all_that_came() {
        for coding in Coding::ALL {
            let (mut coder, mut output) = (Coder::new(coding, 5, None).unwrap(), Vec::new());
            let mut text = Vec::new();
            for at in 0..20 {
                let piece = format!("data: event number {at}\n\n").into_bytes();
                text.extend_from_slice(&piece);
                coder.push(&piece, &mut output).unwrap();
                coder.flush(&mut output).unwrap();
                let mut read = vec![0; text.len()];
                match coding {
                    Coding::Gzip => flate2::read::GzDecoder::new(&output[..]).read_exact(&mut read),
                    Coding::Zstd => {
                        zstd::stream::read::Decoder::new(&output[..]).unwrap().read_exact(&mut read)
                    }
                    Coding::Brotli => brotli::Decompressor::new(&output[..], 1).read_exact(&mut read),
                }
                .expect("all is there before the end");
                assert_eq!(read, text, "{coding:?}");
            }
        }
    }

    #[test]
    fn a_coder_that_was_broken_off_is_not_used_again() {
        for coding in Coding::ALL {
            let mut coder = Coder::new(coding, 4, None).unwrap();
            coder.push(b"left behind", &mut Vec::new()).unwrap();
            drop(coder);
            let (mut coder, mut output) = (Coder::new(coding, 4, None).unwrap(), Vec::new());
            coder.push(b"text", &mut output).unwrap();
            coder.finish(&mut output).unwrap();
            assert_eq!(decoded(coding, &output), b"text");
        }
    }

    proptest! {
        #[test]
        fn any_pieces_are_decoded(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..6),
            flushed in any::<bool>(),
        ) {
            let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            for coding in Coding::ALL {
                prop_assert_eq!(decoded(coding, &coded(coding, None, &slices, flushed)), pieces.concat());
            }
        }
    }
}
