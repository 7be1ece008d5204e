//! Deterministic bytes, by which both ends know that a transfer came through whole and in order.

use bytes::Bytes;

const CHUNK: u64 = 64 * 1024;

/// The first `total` bytes of the content, in pieces. Every 8 bytes depend on their place.
pub fn chunks(total: u64) -> impl Iterator<Item = Bytes> {
    (0..total.div_ceil(CHUNK)).map(move |index| {
        let start = index * CHUNK;
        let length = CHUNK.min(total - start);
        let words = (start / 8..(start + length).div_ceil(8)).flat_map(|place| mix(place).to_le_bytes());
        words.take(length as usize).collect()
    })
}

/// CRC-32 of the first `total` bytes.
pub fn checksum(total: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    chunks(total).for_each(|chunk| hasher.update(&chunk));
    hasher.finalize()
}

/// The finalizer of SplitMix64: neighbouring places give unrelated words.
fn mix(place: u64) -> u64 {
    let a = place.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let b = (a ^ (a >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let c = (b ^ (b >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    c ^ (c >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_has_the_length_that_was_asked_for() {
        for total in [0, 1, 7, 8, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5] {
            assert_eq!(chunks(total).map(|chunk| chunk.len() as u64).sum::<u64>(), total);
        }
    }

    #[test]
    fn shorter_content_is_the_beginning_of_longer_content() {
        let bytes = |total| chunks(total).flatten().collect::<Vec<u8>>();
        assert!(bytes(2 * CHUNK).starts_with(&bytes(CHUNK + 3)));
    }
}
