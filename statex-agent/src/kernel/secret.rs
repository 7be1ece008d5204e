//! The key of the data plane's hashes: from the operator's secret, from the pins, or by chance.

use statex_common::abi::{HASH_WORDS, Node};

use super::shape::HashKey;

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The key that a secret stands for. Every word depends on the whole secret, so nodes with the same secret agree and
/// nobody learns it from where flows go.
pub fn from_secret(secret: &[u8]) -> HashKey {
    std::array::from_fn(|word| {
        let seed = GOLDEN.wrapping_mul(word as u64 + 1) ^ secret.len() as u64;
        secret.chunks(8).fold(mix(seed), |state, chunk| {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            mix(state ^ u64::from_le_bytes(bytes))
        })
    })
}

/// The key that the pinned tables were filled by.
pub fn from_node(node: &Node) -> HashKey {
    node.hash_key.map(|word| word.get())
}

/// A key that nobody knows.
///
/// # Errors
///
/// The kernel has no random numbers yet.
pub fn random() -> std::io::Result<HashKey> {
    let mut bytes = [0; HASH_WORDS * 8];
    let mut filled = 0;
    while filled < bytes.len() {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    let word = |place: usize| bytes[place * 8..place * 8 + 8].try_into().map(u64::from_le_bytes);
    Ok(std::array::from_fn(|place| word(place).unwrap_or_default()))
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(GOLDEN);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_secret_gives_same_key() {
        assert_eq!(from_secret(b"correct horse battery"), from_secret(b"correct horse battery"));
    }

    #[test]
    fn every_word_depends_on_every_byte() {
        let (one, other) = (from_secret(b"correct horse battery"), from_secret(b"correct horse batterz"));
        assert!(one.iter().zip(&other).all(|(a, b)| a != b));
        let padded = from_secret(b"correct horse battery\0");
        assert!(one.iter().zip(&padded).all(|(a, b)| a != b));
    }

    #[test]
    fn chance_does_not_repeat() {
        assert_ne!(random().unwrap(), random().unwrap());
    }
}
