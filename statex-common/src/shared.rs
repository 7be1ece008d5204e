//! The fence around memory that other CPUs and the agent write while a packet is looked at.
//!
//! A [`Shared`] word is read and written whole (a plain aligned load or store of at most eight bytes,
//! which no CPU tears). What must not be written by two CPUs at once goes through
//! [`Tables::exchange`](crate::Tables::exchange).
#![allow(unsafe_code)]

use core::cell::UnsafeCell;

/// One word of a map's row: read and written whole, never torn, never cached across reads.
#[repr(transparent)]
pub struct Shared<T: Copy>(UnsafeCell<T>);

// SAFETY: all access goes through volatile loads and stores of one aligned word; a reader sees the old
// or the new value, and the packet path is written to be right with either.
unsafe impl<T: Copy + Send> Sync for Shared<T> {}

impl<T: Copy> Shared<T> {
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    #[inline(always)]
    pub fn get(&self) -> T {
        // SAFETY: the pointer comes from a live, aligned cell.
        unsafe { self.0.get().read_volatile() }
    }

    #[inline(always)]
    pub fn set(&self, value: T) {
        // SAFETY: the pointer comes from a live, aligned cell; see the `Sync` note for concurrent readers.
        unsafe { self.0.get().write_volatile(value) }
    }

    /// Where the word lies, for the kernel's atomic instructions.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut T {
        self.0.get()
    }
}

impl<T: Copy> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self::new(self.get())
    }
}

impl<T: Copy + Default> Default for Shared<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Copy + core::fmt::Debug> core::fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.get().fmt(f)
    }
}

/// A word that is set once, before the program is loaded, and never changes after.
///
/// It is read as volatile because the compiler sees only the value that the object was built with; the
/// loader writes another, and the verifier, which sees that one, prunes what it switches off.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Fixed<T: Copy>(T);

impl<T: Copy> Fixed<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    #[inline(always)]
    pub fn get(&self) -> T {
        // SAFETY: the reference is valid and aligned.
        unsafe { core::ptr::read_volatile(&self.0) }
    }
}
