//! The body of a response with a file, or with parts of one.

use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::file::{LEAST_EXTENT, Source};
use super::open::Patience;
use super::read::{self, Buffer, CHUNK, Waiting};
use crate::proxy::http::{Body, Extent, Fault, Piece, Whole};

/// Bytes of a file that a sink is given at once.
const MOST_EXTENT: u64 = 1 << 20;

/// A thread that may wait, with what it reads.
type Reading = JoinHandle<io::Result<(Buffer, usize)>>;

/// What a body is made of.
#[derive(Debug)]
pub enum Part {
    Text(Bytes),
    /// Of the file.
    Stretch(Range<u64>),
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Stretch(range) => range.end - range.start,
        }
    }
}

/// A body made of parts, one behind the other.
#[derive(Debug)]
pub struct Content {
    source: Source,
    now: Part,
    later: std::vec::IntoIter<Part>,
    len: u64,
    /// A read that waits for a disk.
    reading: Option<Reading>,
}

impl Content {
    pub fn new(source: Source, first: Part, later: Vec<Part>) -> Self {
        let len = first.len() + later.iter().map(Part::len).sum::<u64>();
        Self { source, now: first, later: later.into_iter(), len, reading: None }
    }

    /// Nothing.
    pub fn empty() -> Self {
        let source = Source { contents: None, descriptor: None, waiting: Waiting::Never };
        Self::new(source, Part::Text(Bytes::new()), Vec::new())
    }

    /// A part that is not at its end yet; `None`: there is none.
    fn part(&mut self) -> Option<&mut Part> {
        while self.now.len() == 0 {
            self.now = self.later.next()?;
        }
        Some(&mut self.now)
    }

    /// The next bytes of the file, of which `range` is left.
    fn poll_read(&mut self, context: &mut Context<'_>, range: Range<u64>) -> Poll<Result<Bytes, Fault>> {
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => match self.read(range)? {
                Read::Piece(data) => return Poll::Ready(Ok(data)),
                Read::Later(reading) => reading,
            },
        };
        match Pin::new(&mut reading).poll(context) {
            Poll::Pending => {
                self.reading = Some(reading);
                Poll::Pending
            }
            Poll::Ready(Ok(Ok((buffer, len)))) => Poll::Ready(piece(buffer, len)),
            Poll::Ready(Ok(Err(error))) => Poll::Ready(Err(error.into())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(io::Error::other(error).into())),
        }
    }

    /// Reads what is in memory, or has it read.
    fn read(&self, range: Range<u64>) -> Result<Read, Fault> {
        let waiting = self.source.waiting;
        let file = self.source.descriptor.as_ref().ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        let wanted = usize::try_from(range.end - range.start).map_or(CHUNK, |left| left.min(CHUNK));
        let mut buffer = Buffer::take();
        let room = &mut buffer.room()[..wanted];
        match read::read_at(file.as_fd(), room, range.start, waiting, Patience::None) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let file = file.clone();
                Ok(Read::Later(tokio::task::spawn_blocking(move || {
                    let room = &mut buffer.room()[..wanted];
                    let len = read::read_at(file.as_fd(), room, range.start, waiting, Patience::Waits)?;
                    Ok((buffer, len))
                })))
            }
            read => Ok(Read::Piece(piece(buffer, read?)?)),
        }
    }
}

/// What comes of a read.
enum Read {
    Piece(Bytes),
    Later(Reading),
}

/// What was read; a file that ends where there should be more of it was made shorter meanwhile.
fn piece(buffer: Buffer, len: usize) -> Result<Bytes, Fault> {
    if len == 0 { Err(Fault::Cut(io::ErrorKind::UnexpectedEof.into())) } else { Ok(buffer.into_piece(len)) }
}

impl Body for Content {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
        let range = match self.part() {
            None => return Poll::Ready(None),
            Some(Part::Text(text)) => return Poll::Ready(Some(Ok(Piece::Data(std::mem::take(text))))),
            Some(Part::Stretch(range)) => range.clone(),
        };
        let data = match &self.source.contents {
            Some(contents) => contents.slice(within(&range, contents.len())),
            None => ready!(self.poll_read(context, range.clone()))?,
        };
        self.now = Part::Stretch(range.start + data.len() as u64..range.end);
        Poll::Ready(Some(Ok(Piece::Data(data))))
    }

    fn poll_extent(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Extent, Fault>>> {
        if self.reading.is_some() {
            return Poll::Ready(None);
        }
        let Some(Part::Stretch(range)) = self.part() else { return Poll::Ready(None) };
        let range = range.clone();
        let len = (range.end - range.start).min(MOST_EXTENT) as usize;
        let Source { contents, descriptor: Some(file), waiting } = &self.source else {
            return Poll::Ready(None);
        };
        let pays = len >= LEAST_EXTENT || contents.is_none();
        if !pays || !read::is_warm(file.as_fd(), range.start, len, *waiting) {
            return Poll::Ready(None);
        }
        let extent = Extent { file: file.clone(), offset: range.start, len };
        self.now = Part::Stretch(range.start + len as u64..range.end);
        Poll::Ready(Some(Ok(extent)))
    }

    fn whole(&self) -> Whole {
        Whole::Length(self.len)
    }
}

/// A range of a file as one of its contents in memory, which are as long as it.
fn within(range: &Range<u64>, len: usize) -> Range<usize> {
    let index = |offset: u64| usize::try_from(offset).map_or(len, |offset| offset.min(len));
    index(range.start)..index(range.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::io::Write;
    use std::sync::Arc;

    /// A file with a pattern of `len` bytes, behind a descriptor alone.
    fn source(len: usize, waiting: Waiting) -> (Source, Vec<u8>, std::fs::File) {
        let pattern: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&pattern).unwrap();
        let descriptor = Some(Arc::new(file.try_clone().unwrap().into()));
        (Source { contents: None, descriptor, waiting }, pattern, file)
    }

    async fn next(content: &mut Content) -> Option<Result<Bytes, Fault>> {
        match poll_fn(|context| content.poll_piece(context)).await? {
            Ok(Piece::Data(data)) => Some(Ok(data)),
            Ok(Piece::Trailers(_)) => panic!("files have no trailers"),
            Err(fault) => Some(Err(fault)),
        }
    }

    async fn extent(content: &mut Content) -> Option<(u64, usize)> {
        let extent = poll_fn(|context| content.poll_extent(context)).await?.unwrap();
        Some((extent.offset, extent.len))
    }

    #[tokio::test]
    async fn a_long_file_is_read_in_chunks_whether_or_not_reads_wait() {
        for waiting in [Waiting::Never, Waiting::Untold] {
            let (source, pattern, _file) = source(3 * CHUNK + 5, waiting);
            let range = 3..pattern.len() as u64 - 1;
            let mut content = Content::new(source, Part::Stretch(range), Vec::new());
            assert_eq!(content.whole(), Whole::Length(pattern.len() as u64 - 4));
            let mut read = Vec::new();
            while let Some(data) = next(&mut content).await {
                read.extend_from_slice(&data.unwrap());
            }
            assert!(read == pattern[3..pattern.len() - 1]);
        }
    }

    #[tokio::test]
    async fn parts_follow_one_another() {
        let (source, ..) = source(10, Waiting::Never);
        let text = |text: &'static [u8]| Part::Text(Bytes::from_static(text));
        let later =
            vec![Part::Stretch(1..2), text(b"-"), Part::Stretch(4..4), text(b""), Part::Stretch(5..7)];
        let mut content = Content::new(source, text(b"+"), later);
        let mut read = Vec::new();
        while let Some(data) = next(&mut content).await {
            let data = data.unwrap();
            assert!(!data.is_empty());
            read.extend_from_slice(&data);
        }
        assert_eq!(read, b"+\x01-\x05\x06");
    }

    #[tokio::test]
    async fn a_file_that_was_cut_short_is_a_body_that_was() {
        let (source, _, file) = source(2 * CHUNK, Waiting::Never);
        let mut content = Content::new(source, Part::Stretch(0..2 * CHUNK as u64), Vec::new());
        assert!(next(&mut content).await.unwrap().is_ok());
        file.set_len(CHUNK as u64).unwrap();
        assert!(matches!(next(&mut content).await, Some(Err(Fault::Cut(_)))));
    }

    #[tokio::test]
    async fn long_stretches_in_memory_can_be_left_to_the_kernel() {
        let len = (MOST_EXTENT as usize) + LEAST_EXTENT + 1;
        let (warm, ..) = source(len, Waiting::Never);
        let text = Part::Text(Bytes::from_static(b"text"));
        let mut content = Content::new(warm, text, vec![Part::Stretch(0..len as u64)]);
        assert_eq!(extent(&mut content).await, None);
        assert_eq!(&next(&mut content).await.unwrap().unwrap()[..], b"text");
        assert_eq!(extent(&mut content).await, Some((0, MOST_EXTENT as usize)));
        assert_eq!(extent(&mut content).await, Some((MOST_EXTENT, LEAST_EXTENT + 1)));
        assert_eq!(extent(&mut content).await, None);
        assert!(next(&mut content).await.is_none());
    }

    #[tokio::test]
    async fn what_would_wait_for_a_disk_is_not_left_to_the_kernel() {
        let (cold, ..) = source(LEAST_EXTENT, Waiting::Untold);
        let mut content = Content::new(cold, Part::Stretch(0..LEAST_EXTENT as u64), Vec::new());
        assert_eq!(extent(&mut content).await, None);
        assert_eq!(next(&mut content).await.unwrap().unwrap().len(), LEAST_EXTENT);
    }

    #[tokio::test]
    async fn short_files_in_memory_are_copied() {
        let (mut source, pattern, _file) = source(100, Waiting::Never);
        source.contents = Some(pattern.into());
        let mut content = Content::new(source, Part::Stretch(0..100), Vec::new());
        assert_eq!(extent(&mut content).await, None);
        assert_eq!(next(&mut content).await.unwrap().unwrap().len(), 100);
    }
}
