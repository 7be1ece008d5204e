//! Integers that begin in the last bits of a byte (RFC 7541 §5.1, RFC 9204 §4.1.1).

use super::Fault;

/// Largest integer that is read: what both compressions count stays far below.
const MOST: u64 = 1 << 62;

/// Takes an integer off the front of `bytes`; its first `prefix` bits (1 to 8) are the last ones of the first byte.
///
/// # Errors
///
/// The bytes end before it does, or it has more than 62 bits.
pub fn read(bytes: &mut &[u8], prefix: u32) -> Result<u64, Fault> {
    let (first, mut rest) = bytes.split_first().ok_or(Fault::Short)?;
    let full = full(prefix);
    let mut value = u64::from(*first) & full;
    if value == full {
        let mut shift = 0;
        loop {
            let (byte, behind) = rest.split_first().ok_or(Fault::Short)?;
            rest = behind;
            // Nine groups of seven bits are 63; zeros beyond them only make it longer.
            if shift > 56 {
                return Err(Fault::Malformed);
            }
            value += u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    *bytes = rest;
    if value < MOST { Ok(value) } else { Err(Fault::Malformed) }
}

/// Writes an integer behind `pattern`, the bits before its prefix.
pub fn write(wire: &mut Vec<u8>, pattern: u8, prefix: u32, value: u64) {
    let full = full(prefix);
    if value < full {
        wire.push(pattern | value as u8);
        return;
    }
    wire.push(pattern | full as u8);
    let mut left = value - full;
    while left >= 0x80 {
        wire.push(left as u8 | 0x80);
        left >>= 7;
    }
    wire.push(left as u8);
}

/// The value of a prefix that says that more bytes follow.
fn full(prefix: u32) -> u64 {
    (1 << prefix) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples_of_the_standard() {
        // RFC 7541 §C.1.
        for (value, prefix, expected) in
            [(10, 5, &[0b1010][..]), (1337, 5, &[0b1_1111, 0b1001_1010, 0b1010]), (42, 8, &[0b10_1010])]
        {
            let mut wire = Vec::new();
            write(&mut wire, 0, prefix, value);
            assert_eq!(wire, expected);
            assert_eq!(read(&mut &wire[..], prefix), Ok(value));
        }
    }

    #[test]
    fn what_is_too_large_is_malformed() {
        let mut bytes = vec![0xff; 10];
        bytes.push(0);
        assert_eq!(read(&mut &bytes[..], 8), Err(Fault::Malformed));
        // Sixty-three bits.
        assert_eq!(
            read(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f][..], 8),
            Err(Fault::Malformed)
        );
    }

    #[test]
    fn what_is_cut_off_is_short() {
        assert_eq!(read(&mut &[0x1f, 0x9a][..], 5), Err(Fault::Short));
        assert_eq!(read(&mut &[][..], 5), Err(Fault::Short));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in 0..MOST, prefix in 1..=8u32, pattern: u8) {
            let pattern = pattern & !(full(prefix) as u8);
            let mut wire = Vec::new();
            write(&mut wire, pattern, prefix, value);
            prop_assert_eq!(wire[0] & !(full(prefix) as u8), pattern);
            wire.push(7);
            let mut bytes = &wire[..];
            prop_assert_eq!(read(&mut bytes, prefix), Ok(value));
            prop_assert_eq!(bytes, [7]);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, prefix in 1..=8u32) {
            let _ = read(&mut &bytes[..], prefix);
        }
    }
}
