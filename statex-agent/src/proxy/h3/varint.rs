//! Integers of one, two, four or eight bytes; the first two bits say how many (RFC 9000 §16).

/// Largest integer.
pub const MOST: u64 = (1 << 62) - 1;
/// Bytes of the longest form.
pub const LONGEST: usize = 8;

/// Takes an integer off the front of `bytes`; `None`: they end before it does.
pub fn read(bytes: &mut &[u8]) -> Option<u64> {
    let first = *bytes.first()?;
    let (form, rest) = bytes.split_at_checked(1 << (first >> 6))?;
    *bytes = rest;
    let value = form[1..].iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte));
    Some(value)
}

/// Writes an integer, which is at most [`MOST`], in its shortest form.
pub fn write(wire: &mut Vec<u8>, value: u64) {
    match value {
        0..0x40 => wire.push(value as u8),
        0x40..0x4000 => wire.extend_from_slice(&(value as u16 | 1 << 14).to_be_bytes()),
        0x4000..0x4000_0000 => wire.extend_from_slice(&(value as u32 | 2 << 30).to_be_bytes()),
        _ => wire.extend_from_slice(&(value.min(MOST) | 3 << 62).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples_of_the_standard() {
        // RFC 9000 §A.1.
        for (wire, value) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ] {
            assert_eq!(read(&mut &wire[..]), Some(value));
            let mut written = Vec::new();
            write(&mut written, value);
            assert_eq!(written, wire);
        }
        // A longer form than needed.
        assert_eq!(read(&mut &[0x40, 0x25][..]), Some(37));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in 0..=MOST) {
            let mut wire = Vec::new();
            write(&mut wire, value);
            for end in 0..wire.len() {
                prop_assert_eq!(read(&mut &wire[..end]), None);
            }
            wire.push(7);
            let mut bytes = &wire[..];
            prop_assert_eq!(read(&mut bytes), Some(value));
            prop_assert_eq!(bytes, [7]);
        }
    }
}
