//! Reading files without waiting for a disk where the kernel has their contents in memory.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd};

use bytes::Bytes;
use rustix::fs::fstatfs;
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use super::open::Patience;

/// Bytes that are read at once: they stay in a core's cache until they are sent.
pub const CHUNK: usize = 128 << 10;
/// Buffers that a worker keeps for the next chunk.
const KEPT: usize = 16;

/// `f_type` of file systems without a disk (statfs(2)).
const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;

/// Whether reading from a file can be tried without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The kernel says when a read would wait.
    Told,
    /// There is no disk to wait for.
    Never,
    /// The file system cannot tell (overlayfs, network file systems): any read may wait.
    Untold,
}

impl Waiting {
    pub fn of(file: impl AsFd) -> Self {
        let mut byte = [0];
        match preadv2(&file, &mut [IoSliceMut::new(&mut byte)], 0, ReadWriteFlags::NOWAIT) {
            Err(Errno::OPNOTSUPP) => match fstatfs(&file).map(|system| system.f_type) {
                Ok(TMPFS | RAMFS) => Self::Never,
                _ => Self::Untold,
            },
            _ => Self::Told,
        }
    }
}

/// Reads from `offset` into `buffer`; how many bytes there were. 0: the file ends before.
///
/// # Errors
///
/// `WouldBlock`: with [`Patience::None`], a disk would have to be waited for.
pub fn read_at(
    file: BorrowedFd<'_>,
    buffer: &mut [u8],
    offset: u64,
    waiting: Waiting,
    patience: Patience,
) -> io::Result<usize> {
    let flags = match (patience, waiting) {
        (Patience::None, Waiting::Untold) => return Err(io::ErrorKind::WouldBlock.into()),
        (Patience::None, Waiting::Told) => ReadWriteFlags::NOWAIT,
        (Patience::Waits, _) | (_, Waiting::Never) => ReadWriteFlags::empty(),
    };
    loop {
        match preadv2(file, &mut [IoSliceMut::new(buffer)], offset, flags) {
            Err(Errno::INTR) => {}
            read => return Ok(read?),
        }
    }
}

/// Whether the bytes of a stretch are in memory. Its ends are looked at: files come into memory and leave it in
/// long stretches.
pub fn is_warm(file: BorrowedFd<'_>, start: u64, len: usize, waiting: Waiting) -> bool {
    let there = |offset| matches!(read_at(file, &mut [0], offset, waiting, Patience::None), Ok(1));
    waiting == Waiting::Never || there(start) && there(start + len.saturating_sub(1) as u64)
}

/// A buffer of [`CHUNK`] bytes that returns to its thread when nobody needs it any more.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    len: usize,
}

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

impl Buffer {
    pub fn take() -> Self {
        let bytes = POOL.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; CHUNK]);
        Self { bytes, len: 0 }
    }

    /// All of it, to be written to.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// The first `len` bytes, as a piece of a body.
    pub fn into_piece(mut self, len: usize) -> Bytes {
        self.len = len.min(self.bytes.len());
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        // A thread that ends has no pool any more.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < KEPT {
                pool.push(bytes);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_in_memory_is_read_without_waiting() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let waiting = Waiting::of(&file);
        if waiting == Waiting::Untold {
            eprintln!("skipped: the file system of temporary files cannot tell whether a read waits");
            return;
        }
        let mut buffer = [0; 4];
        let read = |buffer: &mut [u8], offset| {
            read_at(file.as_fd(), buffer, offset, waiting, Patience::None).unwrap()
        };
        assert_eq!((read(&mut buffer, 8), buffer), (2, *b"89\0\0"));
        assert_eq!(read(&mut buffer, 10), 0);
        assert!(is_warm(file.as_fd(), 0, 10, waiting));
        assert!(!is_warm(file.as_fd(), 0, 11, waiting));
    }

    #[test]
    fn a_file_system_that_cannot_tell_is_left_to_those_who_may_wait() {
        let file = tempfile::tempfile().unwrap();
        let read = read_at(file.as_fd(), &mut [0], 0, Waiting::Untold, Patience::None);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(read_at(file.as_fd(), &mut [0], 0, Waiting::Untold, Patience::Waits).unwrap(), 0);
    }

    #[test]
    fn a_buffer_is_used_again_when_its_piece_is_gone() {
        let mut buffer = Buffer::take();
        buffer.room()[..2].copy_from_slice(b"ab");
        let memory = buffer.room().as_ptr();
        let piece = buffer.into_piece(2);
        assert_eq!(&piece[..], b"ab");
        assert_ne!(Buffer::take().room().as_ptr(), memory);
        drop(piece);
        assert!([Buffer::take(), Buffer::take()].iter_mut().any(|buffer| buffer.room().as_ptr() == memory));
    }
}
