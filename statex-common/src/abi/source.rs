//! `SOURCES`: token buckets of source prefixes, a cache line of eight a row; see [`crate::guard`].

use crate::shared::Shared;

/// Buckets in one line.
pub const SOURCE_WAYS: usize = 8;

/// A row of `SOURCES`. Each word: tag (32 bits), tokens in sixteenths (16 bits), time of the last refill
/// in units of 2^26 ns (16 bits).
#[repr(C, align(64))]
#[derive(Clone, Debug, Default)]
pub struct SourceLine(pub [Shared<u64>; SOURCE_WAYS]);

const _: () = assert!(size_of::<SourceLine>() == 64);
