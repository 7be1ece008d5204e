//! String literals: a bit that says whether they are in the Huffman code, their length, their bytes (RFC 7541
//! §5.2, RFC 9204 §4.1.2).

use super::{Fault, huffman, integer};

/// Takes a string off the front of `bytes`; its length's first `prefix` bits (1 to 7) stand behind the bit that tells
/// the coding. What was coded is decoded into `scratch`, whose former content goes.
///
/// # Errors
///
/// The bytes end before it does, or it is not in the code that it says.
pub fn read<'text, 'bytes: 'text>(
    bytes: &mut &'bytes [u8],
    prefix: u32,
    scratch: &'text mut Vec<u8>,
) -> Result<&'text [u8], Fault> {
    let first = *bytes.first().ok_or(Fault::Short)?;
    let mut rest = *bytes;
    let len = usize::try_from(integer::read(&mut rest, prefix)?).map_err(|_| Fault::Malformed)?;
    let (text, rest) = rest.split_at_checked(len).ok_or(Fault::Short)?;
    *bytes = rest;
    if first & 1 << prefix == 0 {
        return Ok(text);
    }
    scratch.clear();
    huffman::decode(text, scratch)?;
    Ok(scratch)
}

/// Writes a string behind `pattern`, in the code where that is shorter.
pub fn write(wire: &mut Vec<u8>, pattern: u8, prefix: u32, text: &[u8]) {
    let coded = huffman::encoded_len(text);
    if coded < text.len() {
        integer::write(wire, pattern | 1 << prefix, prefix, coded as u64);
        huffman::encode(text, wire);
    } else {
        integer::write(wire, pattern, prefix, text.len() as u64);
        wire.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_shorter_form_is_written() {
        let mut wire = Vec::new();
        write(&mut wire, 0, 7, b"www.example.com");
        assert_eq!((wire.len(), wire[0]), (13, 0x8c));
        wire.clear();
        write(&mut wire, 0x20, 3, b"\\<>");
        assert_eq!(wire, b"\x23\\<>");
    }

    #[test]
    fn every_cut_is_short() {
        let mut wire = Vec::new();
        write(&mut wire, 0, 7, b"no-cache");
        for end in 0..wire.len() {
            assert_eq!(read(&mut &wire[..end], 7, &mut Vec::new()), Err(Fault::Short), "{end}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text: Vec<u8>, prefix in 1..=7u32) {
            let mut wire = Vec::new();
            write(&mut wire, 0, prefix, &text);
            let (mut bytes, mut scratch) = (&wire[..], b"old".to_vec());
            prop_assert_eq!(read(&mut bytes, prefix, &mut scratch), Ok(&text[..]));
            prop_assert!(bytes.is_empty());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, prefix in 1..=7u32) {
            let _ = read(&mut &bytes[..], prefix, &mut Vec::new());
        }
    }
}
