//! Blocks to lines (RFC 7541 §3 and §6).

use super::table::Table;
use super::{TABLE, fixed};
use crate::proxy::compression::{Fault, integer, literal};
use crate::proxy::heads::{Kind, Line};

/// What one side of a connection remembers of the blocks that it got.
///
/// The table may have [`TABLE`] bytes: this side never announces another size.
#[derive(Clone, Debug)]
pub struct Decoder {
    table: Table,
    /// Names and values while they are decoded.
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { table: Table::new(TABLE), name: Vec::new(), value: Vec::new() }
    }
}

impl Decoder {
    /// Takes a block apart. All of it has to be decoded, whatever becomes of the lines, for the blocks that
    /// come behind it refer to what it said. Costs time and memory in proportion to the block, not to what it
    /// stands for.
    ///
    /// # Errors
    ///
    /// It is not HPACK: blocks behind it cannot be understood any more (RFC 7541 §3, RFC 9113 §4.3).
    pub fn decode(&mut self, mut block: &[u8], mut line: impl FnMut(Line<'_>)) -> Result<(), Fault> {
        let mut begun = false;
        while let Some(first) = block.first().copied() {
            match first {
                0x80.. => {
                    let index = index(&mut block, 7)?;
                    line(Self::find(&self.table, index).ok_or(Fault::Malformed)?);
                }
                0x40.. => self.literal(&mut block, 6, true, &mut line)?,
                0x20.. => {
                    // RFC 7541 §4.2: only where a block begins.
                    let size = index(&mut block, 5)?;
                    if begun || size > TABLE {
                        return Err(Fault::Malformed);
                    }
                    self.table.resize(size);
                    continue;
                }
                // Whether another hop may index it (RFC 7541 §6.2.3) is decided by what it is, when it is sent.
                _ => self.literal(&mut block, 4, false, &mut line)?,
            }
            begun = true;
        }
        Ok(())
    }

    /// Gives memory back that is not needed between blocks.
    pub fn rest(&mut self) {
        (self.name, self.value) = (Vec::new(), Vec::new());
    }

    fn literal(
        &mut self,
        block: &mut &[u8],
        prefix: u32,
        enters: bool,
        line: &mut impl FnMut(Line<'_>),
    ) -> Result<(), Fault> {
        let Self { table, name: name_scratch, value: value_scratch } = self;
        let mut rest = *block;
        let (kind, name) = match index(&mut rest, prefix)? {
            0 => {
                let name = literal::read(&mut rest, 7, name_scratch)?;
                (Kind::of(name), name)
            }
            index => {
                let entry = Self::find(table, index).ok_or(Fault::Malformed)?;
                // What is malformed may be so for its value.
                let kind = if entry.kind == Kind::Malformed { Kind::of(entry.name) } else { entry.kind };
                // The entry may leave when the new one enters (RFC 7541 §4.4).
                name_scratch.clear();
                name_scratch.extend_from_slice(entry.name);
                (kind, &name_scratch[..])
            }
        };
        let value = literal::read(&mut rest, 7, value_scratch)?;
        let new = Line { kind: kind.holding(value), name, value };
        line(new);
        if enters {
            table.insert(&new);
        }
        let read = block.len() - rest.len();
        *block = block.get(read..).unwrap_or_default();
        Ok(())
    }

    /// The entry with an index of both tables (RFC 7541 §2.3.3).
    fn find(table: &Table, index: usize) -> Option<Line<'_>> {
        match index.checked_sub(fixed::LEN + 1) {
            None => fixed::line(index),
            Some(age) => table.get(age),
        }
    }
}

fn index(block: &mut &[u8], prefix: u32) -> Result<usize, Fault> {
    usize::try_from(integer::read(block, prefix)?).map_err(|_| Fault::Malformed)
}
