//! Array maps as memory: rows are read and written in place, without a system call each.
//!
//! Pages are mapped for the length of a visit only: the kernel counts a mapped page as the agent's memory, and the
//! large tables (flows, rings) would be counted whole.
#![allow(unsafe_code)] // memory that the kernel's programs write while it is read; no reference into it leaves

use std::{
    io,
    marker::PhantomData,
    num::NonZeroUsize,
    ops::Range,
    os::fd::{AsFd, OwnedFd},
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use aya::maps::{Map, MapData};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use statex_common::abi::Row;

use super::load::LoadError;

const PAGE: usize = 4096;
const WORD: usize = size_of::<u64>();

/// An array map of rows of this type, made with `BPF_F_MMAPABLE`.
#[derive(Clone, Debug)]
pub struct Rows<R> {
    fd: Arc<OwnedFd>,
    len: u32,
    row: PhantomData<fn() -> R>,
}

impl<R: Row> Rows<R> {
    const WORDS: usize = {
        assert!(size_of::<R>().is_multiple_of(WORD));
        size_of::<R>() / WORD
    };

    /// Takes the map; its rows must have the type's size.
    ///
    /// # Errors
    ///
    /// The map is of another kind or size.
    pub fn new(name: &'static str, map: Map) -> Result<Self, LoadError> {
        let Map::Array(data) = map else { return Err(LoadError::Layout(name)) };
        Self::from_data(name, &data)
    }

    fn from_data(name: &'static str, data: &MapData) -> Result<Self, LoadError> {
        let info = data.info()?;
        if info.value_size() as usize != size_of::<R>() {
            return Err(LoadError::Layout(name));
        }
        let fd = data.fd().as_fd().try_clone_to_owned()?;
        Ok(Self { fd: Arc::new(fd), len: info.max_entries(), row: PhantomData })
    }

    /// How many rows there are.
    pub fn len(&self) -> u32 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Opens some rows for reading and writing; what lies beyond the end is left out.
    ///
    /// # Errors
    ///
    /// The kernel refused to map the pages.
    pub fn visit(&self, rows: Range<u32>) -> io::Result<Visit<'_, R>> {
        let rows = rows.start.min(self.len)..rows.end.min(self.len);
        let first_byte = rows.start as usize * size_of::<R>();
        let offset = first_byte / PAGE * PAGE;
        let end = (rows.end.max(rows.start) as usize * size_of::<R>()).next_multiple_of(PAGE);
        let length = NonZeroUsize::new(end - offset).unwrap_or(NonZeroUsize::MIN);
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping of a map's pages at an address of the kernel's choice.
        let base = unsafe {
            mmap(None, length, protection, MapFlags::MAP_SHARED, &*self.fd, offset as libc::off_t)
        }?;
        Ok(Visit { base, length, skipped: first_byte - offset, rows, map: PhantomData })
    }

    /// A copy of one row; None beyond the end.
    pub fn get(&self, index: u32) -> io::Result<Option<R>> {
        if index >= self.len {
            return Ok(None);
        }
        Ok(self.visit(index..index + 1)?.get(index))
    }
}

/// Rows that are mapped just now.
#[derive(Debug)]
pub struct Visit<'a, R> {
    base: NonNull<libc::c_void>,
    length: NonZeroUsize,
    /// Bytes from the mapping's begin to the first row.
    skipped: usize,
    rows: Range<u32>,
    map: PhantomData<&'a Rows<R>>,
}

impl<R> Drop for Visit<'_, R> {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `visit` with this length, and nothing points into it any more.
        if let Err(error) = unsafe { munmap(self.base, self.length.get()) } {
            tracing::debug!(%error, "unmapping rows failed");
        }
    }
}

impl<R: Row> Visit<'_, R> {
    /// The rows that are open.
    pub fn rows(&self) -> Range<u32> {
        self.rows.clone()
    }

    /// The words of a row; None when it is not open.
    fn words(&self, index: u32) -> Option<&[AtomicU64]> {
        if !self.rows.contains(&index) {
            return None;
        }
        let place = self.skipped + (index - self.rows.start) as usize * size_of::<R>();
        // SAFETY: the row lies within the mapping, which lives as long as `self`; it begins at a multiple of eight
        // bytes, since pages and rows do; all who write it write whole words.
        Some(unsafe {
            std::slice::from_raw_parts(self.base.byte_add(place).cast().as_ptr(), Rows::<R>::WORDS)
        })
    }

    /// A copy of a row, word by word; None when it is not open.
    pub fn get(&self, index: u32) -> Option<R> {
        let words = self.words(index)?;
        let mut row = std::mem::MaybeUninit::<R>::uninit();
        for (place, word) in words.iter().enumerate() {
            let word = word.load(Ordering::Relaxed);
            // SAFETY: there are as many words as fit the row exactly.
            unsafe { row.as_mut_ptr().cast::<u64>().add(place).write_unaligned(word) };
        }
        // SAFETY: all bytes are written, and a `Row` is valid with any.
        Some(unsafe { row.assume_init() })
    }

    /// Writes a row word by word, and the word at this byte offset after all others. Each write is seen by every CPU
    /// before the next. Says whether the row is open.
    pub fn put_last(&self, index: u32, row: &R, last: usize) -> bool {
        let Some(words) = self.words(index) else { return false };
        let last = last / WORD;
        let order = (0..words.len()).filter(|place| *place != last).chain([last]);
        for place in order.filter(|place| *place < words.len()) {
            // SAFETY: there are as many words as fit the row exactly.
            let value = unsafe { std::ptr::from_ref(row).cast::<u64>().add(place).read_unaligned() };
            words[place].store(value, Ordering::Release);
        }
        true
    }

    /// Writes the word that lies at a byte offset within a row, as one step. Says whether there is such a word.
    pub fn put_word(&self, index: u32, offset: usize, value: u64) -> bool {
        let word = self.words(index).and_then(|words| words.get(offset / WORD));
        word.filter(|_| offset.is_multiple_of(WORD))
            .map(|word| word.store(value, Ordering::Release))
            .is_some()
    }
}
