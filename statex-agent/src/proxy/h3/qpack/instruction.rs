//! What the encoder and decoder streams carry (RFC 9204 §4.3 and §4.4).

use super::static_table;
use super::table::Table;
use crate::proxy::compression::{Fault, integer, literal};
use crate::proxy::h3::{Breach, Code};
use crate::proxy::heads::{Kind, Line};

/// Why an instruction of an encoder is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It has not ended.
    Short,
    Wrong(&'static str),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Short => Self::Short,
            Fault::Malformed => Self::Wrong("an integer or string"),
        }
    }
}

/// Takes an instruction of an encoder off the front of `bytes` and follows it. `most` is the capacity that it may
/// give the table.
pub(super) fn follow(
    bytes: &mut &[u8],
    table: &mut Table,
    most: u64,
    scratch: &mut [Vec<u8>; 2],
) -> Result<(), Trouble> {
    let mut rest = *bytes;
    let [first_scratch, second_scratch] = scratch;
    let older = |table: &Table, age: u64| table.inserted().checked_sub(age + 1);
    let gone = Trouble::Wrong("a field that is not in the table");
    let fits = match rest.first().ok_or(Trouble::Short)? {
        // Insert with a name of a table.
        first @ 0x80.. => {
            let index = integer::read(&mut rest, 6)?;
            let value = literal::read(&mut rest, 7, second_scratch)?;
            let named = match first & 0x40 != 0 {
                true => static_table::line(index),
                false => older(table, index).and_then(|index| table.get(index)),
            };
            let line = named.ok_or(gone)?;
            let kind = name_of(&line).holding(value);
            // The field may have to go for the new one.
            first_scratch.clear();
            first_scratch.extend_from_slice(line.name);
            table.insert(&Line { kind, name: first_scratch, value })
        }
        // Insert with a name of its own.
        0x40.. => {
            let name = literal::read(&mut rest, 5, first_scratch)?;
            let value = literal::read(&mut rest, 7, second_scratch)?;
            table.insert(&Line::new(name, value))
        }
        0x20.. => {
            let capacity = integer::read(&mut rest, 5)?;
            let fits = capacity <= most;
            table.set_capacity(capacity.min(most) as usize);
            fits
        }
        // Duplicate.
        _ => {
            let index = integer::read(&mut rest, 5)?;
            let Line { kind, name, value } =
                older(table, index).and_then(|index| table.get(index)).ok_or(gone)?;
            let (name, value) = (name.to_vec(), value.to_vec());
            table.insert(&Line { kind, name: &name, value: &value })
        }
    };
    *bytes = rest;
    if fits { Ok(()) } else { Err(Trouble::Wrong("more than the table holds")) }
}

/// What a line is by its name: what is malformed may be so for its value.
pub(super) fn name_of(line: &Line<'_>) -> Kind {
    if line.kind == Kind::Malformed { Kind::of(line.name) } else { line.kind }
}

/// Writes that the field section of a stream was understood.
pub(super) fn acknowledge(wire: &mut Vec<u8>, stream: u64) {
    integer::write(wire, 0x80, 7, stream);
}

/// Writes that the field sections of a stream are not wanted any more.
pub(super) fn cancel(wire: &mut Vec<u8>, stream: u64) {
    integer::write(wire, 0x40, 6, stream);
}

/// Writes that so many more fields have reached the table.
pub(super) fn increment(wire: &mut Vec<u8>, count: u64) {
    integer::write(wire, 0, 6, count);
}

/// Reads what a decoder says to an encoder that has never filled a table: only cancellations make sense. Leaves in
/// `partial` what has not ended.
///
/// # Errors
///
/// It acknowledges what was not sent (RFC 9204 §4.4).
pub fn from_decoder(partial: &mut Vec<u8>, data: &[u8]) -> Result<(), Breach> {
    const WRONG: Breach =
        Breach::new(Code::QPACK_DECODER_STREAM_ERROR, "an acknowledgement of what was not sent");
    partial.extend_from_slice(data);
    let mut rest = &partial[..];
    while let Some(first) = rest.first() {
        if first & 0xc0 != 0x40 {
            return Err(WRONG);
        }
        match integer::read(&mut rest, 6) {
            Ok(_) => {}
            Err(Fault::Short) => break,
            Err(Fault::Malformed) => return Err(WRONG),
        }
    }
    let taken = partial.len() - rest.len();
    partial.drain(..taken);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_may_cancel_what_was_never_compressed() {
        let mut partial = Vec::new();
        assert_eq!(from_decoder(&mut partial, &[0x44, 0x7f]), Ok(()));
        assert_eq!(partial, [0x7f]);
        assert_eq!(from_decoder(&mut partial, &[0x01]), Ok(()));
        assert!(partial.is_empty());
    }

    #[test]
    fn a_decoder_cannot_have_received_what_was_not_sent() {
        for wire in [&[0x80][..], &[0x01], &[0x00]] {
            let breach = from_decoder(&mut Vec::new(), wire).unwrap_err();
            assert_eq!(breach.code, Code::QPACK_DECODER_STREAM_ERROR);
        }
    }
}
