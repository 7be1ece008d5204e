//! Field sections that come (RFC 9204 §2.2 and §4.5).

use super::instruction::{self, Trouble, name_of};
use super::static_table;
use super::table::Table;
use crate::proxy::compression::{Fault, integer, literal};
use crate::proxy::h3::{Breach, Code};
use crate::proxy::heads::{Kind, Line};

/// What became of a field section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All lines were given.
    Whole,
    /// None was: the table must first have got so many fields.
    Blocked(u64),
}

/// Reads the field sections of one connection.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    /// The capacity that the peer was allowed to give the table.
    most: u64,
    /// An instruction of the peer's encoder that has not ended.
    partial: Vec<u8>,
    /// What our decoder stream has to say.
    told: Vec<u8>,
    /// Fields that the peer knows we have.
    acknowledged: u64,
    scratch: [Vec<u8>; 2],
}

/// How long an instruction can be for each byte that it puts into the table: the longest Huffman code has 30 bits.
const LONGEST_CODE: usize = 4;
/// Bytes of the integers of an instruction, and more.
const INTEGERS: usize = 64;

impl Decoder {
    /// `most`: the capacity of the dynamic table that the peer is allowed (SETTINGS_QPACK_MAX_TABLE_CAPACITY).
    pub fn new(most: u32) -> Self {
        Self {
            table: Table::default(),
            most: u64::from(most),
            partial: Vec::new(),
            told: Vec::new(),
            acknowledged: 0,
            scratch: Default::default(),
        }
    }

    /// Fields that have ever reached the dynamic table.
    pub fn inserted(&self) -> u64 {
        self.table.inserted()
    }

    /// Follows what came by the peer's encoder stream, in any portions.
    ///
    /// # Errors
    ///
    /// The connection has to end.
    pub fn instructions(&mut self, data: &[u8]) -> Result<(), Breach> {
        let wrong = |why| Breach::new(Code::QPACK_ENCODER_STREAM_ERROR, why);
        let joined = !self.partial.is_empty();
        if joined {
            self.partial.extend_from_slice(data);
        }
        let partial = std::mem::take(&mut self.partial);
        let mut rest = if joined { &partial[..] } else { data };
        while !rest.is_empty() {
            match instruction::follow(&mut rest, &mut self.table, self.most, &mut self.scratch) {
                Ok(()) => {}
                Err(Trouble::Short) => break,
                Err(Trouble::Wrong(why)) => return Err(wrong(why)),
            }
        }
        if rest.len() > LONGEST_CODE * self.most as usize + INTEGERS {
            return Err(wrong("an instruction that no table has room for"));
        }
        self.partial = rest.to_vec();
        Ok(())
    }

    /// Gives all lines of the field section of a stream, or none.
    ///
    /// # Errors
    ///
    /// The connection has to end.
    pub fn section(
        &mut self,
        stream: u64,
        section: &[u8],
        mut line: impl FnMut(&Line<'_>),
    ) -> Result<Outcome, Breach> {
        let wrong = |why| Breach::new(Code::QPACK_DECOMPRESSION_FAILED, why);
        let mut rest = section;
        let prefix = self.prefix(&mut rest).map_err(wrong)?;
        if prefix.required > self.table.inserted() {
            return Ok(Outcome::Blocked(prefix.required));
        }
        while !rest.is_empty() {
            let reader = Reader { table: &self.table, prefix, scratch: &mut self.scratch };
            line(&reader.read(&mut rest).map_err(wrong)?);
        }
        if prefix.required > 0 {
            instruction::acknowledge(&mut self.told, stream);
            self.acknowledged = self.acknowledged.max(prefix.required);
        }
        Ok(Outcome::Whole)
    }

    /// A stream ends early: its field sections will not be read.
    pub fn cancel(&mut self, stream: u64) {
        // Without a table nobody waits for it (RFC 9204 §2.2.2.2).
        if self.most > 0 {
            instruction::cancel(&mut self.told, stream);
        }
    }

    /// Moves behind `wire` what our decoder stream has to say.
    pub fn tell(&mut self, wire: &mut Vec<u8>) {
        wire.append(&mut self.told);
        let more = self.table.inserted() - self.acknowledged;
        if more > 0 {
            instruction::increment(wire, more);
            self.acknowledged = self.table.inserted();
        }
    }

    /// RFC 9204 §4.5.1.
    fn prefix(&self, bytes: &mut &[u8]) -> Result<Prefix, &'static str> {
        const CUT: &str = "a field section without its prefix";
        let coded = integer::read(bytes, 8).map_err(|_| CUT)?;
        let required = self.required(coded).ok_or("a required insert count that cannot be")?;
        let sign = bytes.first().ok_or(CUT)? & 0x80 != 0;
        let delta = integer::read(bytes, 7).map_err(|_| CUT)?;
        let base = match sign {
            false => required.checked_add(delta),
            true => required.checked_sub(delta + 1),
        };
        Ok(Prefix { required, base: base.ok_or("a base that cannot be")? })
    }

    /// The required insert count, of which the peer tells the last part (RFC 9204 §4.5.1.1).
    fn required(&self, coded: u64) -> Option<u64> {
        let entries = self.most / 32;
        let Some(behind) = coded.checked_sub(1) else { return Some(0) };
        if coded > 2 * entries {
            return None;
        }
        let most = self.table.inserted() + entries;
        let required = most / (2 * entries) * (2 * entries) + behind;
        let required = if required > most { required.checked_sub(2 * entries)? } else { required };
        (required > 0).then_some(required)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefix {
    required: u64,
    base: u64,
}

/// One line, while it is read.
struct Reader<'a> {
    table: &'a Table,
    prefix: Prefix,
    scratch: &'a mut [Vec<u8>; 2],
}

impl<'a> Reader<'a> {
    /// RFC 9204 §4.5.2 to §4.5.6.
    fn read<'bytes: 'a>(self, bytes: &mut &'bytes [u8]) -> Result<Line<'a>, &'static str> {
        let Self { table, prefix, scratch: [first_scratch, second_scratch] } = self;
        let cut = |fault| match fault {
            Fault::Short => "a line that is cut off",
            Fault::Malformed => "an integer or string",
        };
        // The peer has said which fields it needs; others may not have come.
        let dynamic = |index: Option<u64>| {
            let index = index.filter(|index| *index < prefix.required);
            index.and_then(|index| table.get(index)).ok_or("a field that is not in the table")
        };
        let before = |index: u64| dynamic(prefix.base.checked_sub(index + 1));
        let behind = |index: u64| dynamic(prefix.base.checked_add(index));
        let known = |index: u64| static_table::line(index).ok_or("a line that the static table has not");
        let first = *bytes.first().ok_or("no line")?;
        let line = match first {
            // Indexed.
            0x80.. => {
                let index = integer::read(bytes, 6).map_err(cut)?;
                return if first & 0x40 != 0 { known(index) } else { before(index) };
            }
            // Literal with a name of a table.
            0x40.. => {
                let index = integer::read(bytes, 4).map_err(cut)?;
                if first & 0x10 != 0 { known(index)? } else { before(index)? }
            }
            // Literal with a name of its own.
            0x20.. => {
                let name = literal::read(bytes, 3, first_scratch).map_err(cut)?;
                Line { kind: Kind::of(name), name, value: &[] }
            }
            // Indexed, behind the base.
            0x10.. => return behind(integer::read(bytes, 4).map_err(cut)?),
            // Literal with a name behind the base.
            _ => behind(integer::read(bytes, 3).map_err(cut)?)?,
        };
        let value = literal::read(bytes, 7, second_scratch).map_err(cut)?;
        Ok(Line { kind: name_of(&line).holding(value), name: line.name, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Lines = Vec<(String, String)>;

    fn bytes(hexadecimal: &str) -> Vec<u8> {
        let digits: Vec<u32> = hexadecimal.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
    }

    fn read(decoder: &mut Decoder, stream: u64, section: &[u8]) -> Result<(Outcome, Lines), Breach> {
        let mut lines = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let outcome =
            decoder.section(stream, section, |line| lines.push((text(line.name), text(line.value))))?;
        Ok((outcome, lines))
    }

    fn told(decoder: &mut Decoder) -> Vec<u8> {
        let mut wire = Vec::new();
        decoder.tell(&mut wire);
        wire
    }

    fn lines(pairs: &[(&str, &str)]) -> Lines {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// A decoder that has followed RFC 9204 §B.2.
    fn of_the_standard() -> Decoder {
        let mut decoder = Decoder::new(220);
        let host = "c00f 7777772e6578616d706c652e636f6d";
        let path = "c10c 2f73616d706c652f70617468";
        decoder.instructions(&bytes(&format!("3fbd01 {host} {path}"))).unwrap();
        decoder
    }

    #[test]
    fn a_literal_with_a_static_name() {
        // RFC 9204 §B.1.
        let section = bytes("0000 510b 2f696e6465782e68746d6c");
        let mut decoder = Decoder::new(0);
        let (outcome, found) = read(&mut decoder, 0, &section).unwrap();
        assert_eq!((outcome, found), (Outcome::Whole, lines(&[(":path", "/index.html")])));
        assert!(told(&mut decoder).is_empty());
    }

    #[test]
    fn a_section_waits_for_the_table() {
        // RFC 9204 §B.2, its streams in the other order.
        let section = bytes("0381 1011");
        let mut decoder = Decoder::new(220);
        assert_eq!(read(&mut decoder, 4, &section), Ok((Outcome::Blocked(2), vec![])));
        let mut decoder = of_the_standard();
        let expected = lines(&[(":authority", "www.example.com"), (":path", "/sample/path")]);
        assert_eq!(read(&mut decoder, 4, &section), Ok((Outcome::Whole, expected)));
        assert_eq!(told(&mut decoder), bytes("84"));
    }

    #[test]
    fn the_table_grows_and_forgets() {
        // RFC 9204 §B.3 to §B.5.
        let mut decoder = of_the_standard();
        assert_eq!(told(&mut decoder), bytes("02"));
        decoder.instructions(&bytes("4a637573746f6d2d6b6579 0c637573746f6d2d76616c7565")).unwrap();
        assert_eq!(told(&mut decoder), bytes("01"));
        decoder.instructions(&bytes("02")).unwrap();
        let section = bytes("0500 80 c1 81");
        let custom = ("custom-key", "custom-value");
        let expected = lines(&[(":authority", "www.example.com"), (":path", "/"), custom]);
        assert_eq!(read(&mut decoder, 8, &section), Ok((Outcome::Whole, expected)));
        assert_eq!(told(&mut decoder), bytes("88"));
        decoder.instructions(&bytes("810d 637573746f6d2d76616c756532")).unwrap();
        assert_eq!(decoder.table.get(0), None);
        assert_eq!(decoder.table.get(4), Some(Line::new(b"custom-key", b"custom-value2")));
    }

    #[test]
    fn instructions_come_in_any_portions() {
        let mut decoder = Decoder::new(220);
        for byte in bytes("3fbd01 c00f7777772e6578616d706c652e636f6d") {
            decoder.instructions(&[byte]).unwrap();
        }
        assert_eq!(decoder.inserted(), 1);
    }

    #[test]
    fn what_is_given_up_is_cancelled_where_there_is_a_table() {
        let mut decoder = Decoder::new(220);
        decoder.cancel(8);
        assert_eq!(told(&mut decoder), bytes("48"));
        let mut decoder = Decoder::new(0);
        decoder.cancel(8);
        assert!(told(&mut decoder).is_empty());
    }

    #[test]
    fn sections_that_cannot_be_are_refused() {
        for section in [
            "",              // no prefix
            "00",            // half a prefix
            "0080",          // a base before the first field
            "0000 80",       // the first dynamic line, of which none is needed
            "0000 10",       // the same, behind the base
            "0000 40 00",    // a dynamic name, of which none is needed
            "0000 ff 24",    // line 99 of the static table
            "0000 5f",       // an index that is cut off
            "0000 51 05 61", // a value that is cut off
            "0000 51 81 00", // a value that is not in the code
            "0e00",          // more fields than the table can hold
            "0200 10",       // one field is needed and there, but not this one
        ] {
            let mut decoder = of_the_standard();
            let refused = read(&mut decoder, 0, &bytes(section));
            assert_eq!(refused.unwrap_err().code, Code::QPACK_DECOMPRESSION_FAILED, "{section}");
        }
    }

    #[test]
    fn instructions_that_cannot_be_are_refused() {
        for instruction in [
            "3fbe01",         // a capacity of 221
            "81 00",          // a name that is not in the table
            "ff 24 00",       // line 99 of the static table
            "00",             // a duplicate of nothing
            "41 61 7f ff 7f", // a value larger than the table, before it has come
            "3f45 c0 3f",     // a capacity of 100, and a value that takes it all
            "61 00 00",       // a name that is not in the code
            "61 ffffffffffffffffffff",
        ] {
            let mut decoder = Decoder::new(220);
            let mut wire = bytes(instruction);
            wire.resize(2000, b'a');
            let refused = decoder.instructions(&wire);
            assert_eq!(refused.unwrap_err().code, Code::QPACK_ENCODER_STREAM_ERROR, "{instruction}");
        }
    }

    #[test]
    fn a_peer_without_a_table_cannot_make_us_remember() {
        let mut decoder = Decoder::new(0);
        assert!(decoder.instructions(&[0x20]).is_ok());
        assert!(decoder.instructions(&[0xc0; 100]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(pairs: Vec<(String, String)>) {
            let mut wire = Vec::new();
            super::super::encode::prefix(&mut wire);
            for (name, value) in &pairs {
                super::super::encode::line(&mut wire, &Line::new(name.as_bytes(), value.as_bytes()));
            }
            prop_assert_eq!(read(&mut Decoder::new(0), 0, &wire), Ok((Outcome::Whole, pairs)));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(instructions: Vec<u8>, section: Vec<u8>, more: Vec<u8>) {
            let mut decoder = of_the_standard();
            let _ = decoder.instructions(&instructions);
            let _ = read(&mut decoder, 0, &section);
            let _ = decoder.instructions(&more);
            let _ = read(&mut decoder, 0, &[&[3, 0][..], &more].concat());
            let _ = told(&mut decoder);
        }
    }
}
