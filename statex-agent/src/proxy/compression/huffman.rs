//! The Huffman code of HPACK and QPACK (RFC 7541 Appendix B).
//!
//! The code is canonical: symbols of one length have consecutive codes, in their order, and longer codes begin where
//! shorter ones end. So the lengths say all of it, and everything else here is computed from them by the compiler.

use super::Fault;

/// Symbols: all bytes, then the one that ends a string and is never sent whole.
const SYMBOLS: usize = 257;
/// Longest code, in bits.
const LONGEST: usize = 30;
/// Bits that are looked up at once: the codes of all that is common in fields have no more.
const AT_ONCE: u32 = 10;

/// Length of each symbol's code, in bits.
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
    28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
    8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
    13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
    28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
    22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
    22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
    25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// All codes of one length.
#[derive(Clone, Copy)]
struct Tier {
    /// The first code, its bits the highest of 32.
    first: u32,
    /// Where its symbol stands in [`Code::order`].
    at: u16,
    /// How many there are.
    count: u16,
}

struct Code {
    /// Each symbol's code, its bits the lowest of 32.
    codes: [u32; SYMBOLS],
    /// The symbols by length and, within a length, by value.
    order: [u16; SYMBOLS],
    /// By length.
    tiers: [Tier; LONGEST + 1],
    /// By the next [`AT_ONCE`] bits: the symbol (high byte) and the length of its code; 0: a longer one.
    short: [u16; 1 << AT_ONCE],
}

static CODE: Code = Code::new();

impl Code {
    const fn new() -> Self {
        let mut codes = [0; SYMBOLS];
        let mut order = [0; SYMBOLS];
        let mut tiers = [Tier { first: 0, at: 0, count: 0 }; LONGEST + 1];
        let mut short = [0; 1 << AT_ONCE];
        let (mut next, mut place, mut len) = (0u64, 0, 1);
        while len <= LONGEST {
            next <<= 1;
            tiers[len].first = (next << (32 - len)) as u32;
            tiers[len].at = place as u16;
            let mut symbol = 0;
            while symbol < SYMBOLS {
                if LENGTHS[symbol] as usize == len {
                    codes[symbol] = next as u32;
                    order[place] = symbol as u16;
                    let spare = AT_ONCE.saturating_sub(len as u32);
                    let mut tail = 0;
                    while len as u32 <= AT_ONCE && tail < 1 << spare {
                        short[(next as usize) << spare | tail] = (symbol as u16) << 8 | len as u16;
                        tail += 1;
                    }
                    next += 1;
                    place += 1;
                }
                symbol += 1;
            }
            tiers[len].count = (place - tiers[len].at as usize) as u16;
            len += 1;
        }
        assert!(next == 1 << LONGEST && place == SYMBOLS, "the lengths leave no code over");
        Self { codes, order, tiers, short }
    }

    /// The symbol whose code `bits` begins with, and that code's length.
    fn symbol(&self, bits: u64) -> (u16, u32) {
        let found = self.short[(bits >> (64 - AT_ONCE)) as usize];
        if found != 0 {
            return (found >> 8, u32::from(found & 0xff));
        }
        let bits = (bits >> 32) as u32;
        for (len, tier) in self.tiers.iter().enumerate().skip(AT_ONCE as usize + 1) {
            let index = bits.wrapping_sub(tier.first) >> (32 - len as u32);
            if index < u32::from(tier.count) {
                return (self.order[tier.at as usize + index as usize], len as u32);
            }
        }
        (SYMBOLS as u16 - 1, LONGEST as u32)
    }
}

/// Bytes that `text` takes in the code.
pub fn encoded_len(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|byte| usize::from(LENGTHS[usize::from(*byte)])).sum();
    bits.div_ceil(8)
}

/// Writes `text` in the code.
pub fn encode(text: &[u8], wire: &mut Vec<u8>) {
    let (mut bits, mut count) = (0u64, 0u32);
    for byte in text {
        let symbol = usize::from(*byte);
        let len = u32::from(LENGTHS[symbol]);
        bits = bits << len | u64::from(CODE.codes[symbol]);
        count += len;
        if count >= 32 {
            count -= 32;
            wire.extend_from_slice(&((bits >> count) as u32).to_be_bytes());
        }
    }
    // The end is filled with the first bits of the symbol that ends a string: ones.
    let padded = ((bits as u32) << (32 - count).min(31)) << u32::from(count == 0) | u32::MAX >> count.min(31);
    wire.extend_from_slice(&padded.to_be_bytes()[..count.div_ceil(8) as usize]);
}

/// Appends to `text` what `coded` says.
///
/// # Errors
///
/// It holds the symbol that ends a string, or ends in something that is not the beginning of that symbol and shorter
/// than a byte (RFC 7541 §5.2).
pub fn decode(coded: &[u8], text: &mut Vec<u8>) -> Result<(), Fault> {
    // The shortest code has five bits.
    text.reserve(coded.len() * 8 / 5);
    let (mut bits, mut count, mut rest) = (0u64, 0u32, coded);
    loop {
        if count < LONGEST as u32 {
            if let Some((word, behind)) = rest.split_first_chunk::<4>() {
                bits |= u64::from(u32::from_be_bytes(*word)) << (32 - count);
                (count, rest) = (count + 32, behind);
            } else {
                while let Some((byte, behind)) = rest.split_first() {
                    bits |= u64::from(*byte) << (56 - count);
                    (count, rest) = (count + 8, behind);
                }
            }
        }
        let (symbol, len) = CODE.symbol(bits);
        if len > count {
            let padding = count < 8 && bits.leading_ones() >= count;
            return if padding { Ok(()) } else { Err(Fault::Malformed) };
        }
        text.push(u8::try_from(symbol).map_err(|_| Fault::Malformed)?);
        bits <<= len;
        count -= len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(coded: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut text = Vec::new();
        decode(coded, &mut text).map(|()| text)
    }

    #[test]
    fn examples_of_the_standard() {
        // RFC 7541 §C.4 and §C.6.
        let examples: [(&str, &[u8]); 4] = [
            ("www.example.com", &[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff]),
            ("no-cache", &[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]),
            ("302", &[0x64, 0x02]),
            ("private", &[0xae, 0xc3, 0x77, 0x1a, 0x4b]),
        ];
        for (text, coded) in examples {
            let mut wire = Vec::new();
            encode(text.as_bytes(), &mut wire);
            assert_eq!(wire, coded, "{text}");
            assert_eq!(decoded(coded).as_deref(), Ok(text.as_bytes()));
        }
    }

    #[test]
    fn every_byte_has_its_code() {
        let all: Vec<u8> = (0..=255).collect();
        let mut wire = Vec::new();
        encode(&all, &mut wire);
        assert_eq!(wire.len(), encoded_len(&all));
        assert_eq!(decoded(&wire), Ok(all));
        // RFC 7541 Appendix B: a short code, a long one, and the last.
        assert_eq!(
            (CODE.codes[usize::from(b'a')], CODE.codes[0], CODE.codes[256]),
            (0x3, 0x1ff8, 0x3fff_ffff)
        );
    }

    #[test]
    fn padding_is_shorter_than_a_byte_and_all_ones() {
        assert_eq!(decoded(&[0x1f]), Ok(b"a".to_vec()));
        assert_eq!(decoded(&[0x1e]), Err(Fault::Malformed));
        assert_eq!(decoded(&[0x1f, 0xff]), Err(Fault::Malformed));
        assert_eq!(decoded(&[0xff]), Err(Fault::Malformed));
        assert_eq!(decoded(&[]), Ok(Vec::new()));
    }

    #[test]
    fn the_end_of_a_string_is_never_sent() {
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), Err(Fault::Malformed));
        assert_eq!(decoded(&[0x1f, 0xff, 0xff, 0xff, 0xff, 0xff]), Err(Fault::Malformed));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text: Vec<u8>) {
            let mut wire = b"before".to_vec();
            encode(&text, &mut wire);
            prop_assert_eq!(wire.len() - 6, encoded_len(&text));
            prop_assert_eq!(decoded(&wire[6..]), Ok(text));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(coded: Vec<u8>) {
            // One text has one code.
            if let Ok(text) = decoded(&coded) {
                let mut wire = Vec::new();
                encode(&text, &mut wire);
                prop_assert_eq!(wire, coded);
            }
        }
    }
}
