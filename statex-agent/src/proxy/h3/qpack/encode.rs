//! Field sections that go: by the static table alone, so that none of them waits for another stream.

use super::static_table::{self, Found};
use crate::proxy::compression::{integer, literal};
use crate::proxy::heads::Line;

/// Begins a section (RFC 9204 §4.5.1): it needs nothing of a dynamic table.
pub fn prefix(wire: &mut Vec<u8>) {
    wire.extend_from_slice(&[0, 0]);
}

/// Writes a line.
pub fn line(wire: &mut Vec<u8>, line: &Line<'_>) {
    let Line { name, value, .. } = *line;
    match static_table::find(name, value) {
        Found::Line(index) => integer::write(wire, 0xc0, 6, index),
        Found::Name(index) => {
            integer::write(wire, 0x50, 4, index);
            literal::write(wire, 0, 7, value);
        }
        Found::Nothing => {
            literal::write(wire, 0x20, 3, name);
            literal::write(wire, 0, 7, value);
        }
    }
}
